"""Which rules stop a use of one member's data whatever they said, where each stands, since when.

`RegionRule` says that a use is stopped, composed to the strictest; this module says which rulesets
do it, one line each, with the source that each names. For explaining, never for deciding: the
gate decides (`gate.reference`, step 6).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from byleave.ids import format_instant
from byleave.policy.ruleset import Basis, RuleBook, Ruleset
from byleave.policy.scope import Use

__all__ = ["ALWAYS", "StopRule", "stop_rules"]

#: From when the rulesets that come with the package hold: no date that a law names, so none to tell.
ALWAYS: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class StopRule:
    """One rule that stops a use.

    Attributes:
        ruleset: Name and date of the ruleset it stands in: `eu@2026-11-01`.
        cite: Statute or decision; None: the ruleset has no rule for the use, which forbids it, or
            the record is from before sources were kept.
        since: From when it holds: the date that the rule names, and never before the first
            ruleset of that name, without a break, that has it.
        until: Its end, exclusive; None: open.
    """

    ruleset: str
    cite: str | None
    since: datetime
    until: datetime | None = None

    def to_dict(self) -> dict[str, str | None]:
        """Return the rule as commands, the API and pages tell it."""
        return {
            "ruleset": self.ruleset,
            "cite": self.cite,
            "since": format_instant(self.since),
            "until": None if self.until is None else format_instant(self.until),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """One use of a member of this age (None: unknown) in these groups, at an instant."""

    use: Use
    at: datetime
    age: int | None
    groups: Collection[str]


_Found = Iterable[tuple[str | None, datetime | None, datetime | None]]
"""Source, beginning and end of each rule of one ruleset that stops the use."""


def stop_rules(
    book: RuleBook,
    region: str | None,
    use: Use,
    code: str,
    *,
    at: datetime,
    age: int | None = None,
    groups: Collection[str] = (),
) -> tuple[StopRule, ...]:
    """Return the rules behind a reason code, in the order of the rulesets; none for other codes.

    Args:
        book: The rulesets in force.
        region: Where the member is; None: not known, and all rulesets hold.
        use: One leaf use.
        code: The reason's word: `region-suspended`, `minor`, …
        at: The instant of the decision.
        age: The member's age in years; None: not known.
        groups: The groups they are in.
    """
    rules_of = _BY_CODE.get(code)
    if rules_of is None:
        return ()
    asked = _Asked(use=use, at=at, age=age, groups=groups)
    found: dict[StopRule, None] = {}
    for rules in book.sets_for(region, at=at):
        for cite, start, end in rules_of(rules, asked):
            first = _first(book, rules, cite, rules_of, asked)
            since = first if start is None else max(start, first)
            name = f"{rules.name}@{rules.effective:%Y-%m-%d}"
            found[StopRule(ruleset=name, cite=cite, since=since, until=end)] = None
    return tuple(found)


def _first(
    book: RuleBook,
    rules: Ruleset,
    cite: str | None,
    rules_of: Callable[[Ruleset, _Asked], _Found],
    asked: _Asked,
) -> datetime:
    """Return from when rulesets of this name have had the rule, without a break."""
    first = rules.effective
    older = [r for r in book.sets if r.name == rules.name and r.effective < first]
    for earlier in reversed(older):
        if all(one != cite for one, _, _ in rules_of(earlier, asked)):
            break
        first = earlier.effective
    return first


def _suspended(rules: Ruleset, asked: _Asked) -> _Found:
    for one in rules.suspensions:
        if one.is_in_force(asked.use, asked.at):
            yield one.cite, one.start, one.end


def _forbidden(rules: Ruleset, asked: _Asked) -> _Found:
    if rules.rule_for(asked.use, asked.at).basis is not Basis.FORBIDDEN:
        return
    cites: list[str | None] = [
        rule.cite
        for rule in rules.rules
        if rule.basis is Basis.FORBIDDEN and rule.scope.covers(asked.use)
    ]
    for cite in cites or [None]:
        yield cite, None, None


def _minor(rules: Ruleset, asked: _Asked) -> _Found:
    limit = rules.min_age if rules.min_age_scope.covers(asked.use) else None
    if limit is not None and asked.age is not None and asked.age < limit:
        yield rules.min_age_cite, None, None


def _age_unknown(rules: Ruleset, asked: _Asked) -> _Found:
    if rules.unknown_age_refused and rules.min_age_scope.covers(asked.use):
        yield rules.min_age_cite, None, None


def _excluded(rules: Ruleset, asked: _Asked) -> _Found:
    for one in rules.excluded:
        if one.scope.covers(asked.use) and set(one.groups) & set(asked.groups):
            yield one.cite, None, None


def _purged(rules: Ruleset, asked: _Asked) -> _Found:
    for one in rules.purged:
        if one.scope.covers(asked.use) and one.start <= asked.at < one.end:
            yield one.cite, one.start, one.end


def _too_early(rules: Ruleset, asked: _Asked) -> _Found:
    covers = rules.earliest_scope.covers(asked.use)
    if covers and rules.earliest is not None and asked.at < rules.earliest:
        yield rules.earliest_cite, None, rules.earliest


def _too_general(rules: Ruleset, _: _Asked) -> _Found:
    if not rules.general_grants_count:
        yield rules.general_cite, None, None


_BY_CODE: Final[Mapping[str, Callable[[Ruleset, _Asked], _Found]]] = {
    "age-unknown": _age_unknown,
    "before-earliest": _too_early,
    "collected-while-suspended": _purged,
    "grant-too-general": _too_general,
    "group-excluded": _excluded,
    "minor": _minor,
    "region-forbids": _forbidden,
    "region-suspended": _suspended,
}
