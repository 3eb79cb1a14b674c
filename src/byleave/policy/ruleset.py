"""What a jurisdiction requires, as dated data, and what several of them require together.

A ruleset says for each use on which basis it may rest, for messages whose silence matters, from
which age, from which date, whether a yes may reach back, and what stands suspended. Every rule
cites its source. Rulesets compose to the strictest of each (docs/spec/rulesets.md):

* basis: forbidden > opt-in > not-objected > contract; party rule: all > author > any;
* the higher age, the later date, the shorter reach, every suspension, every interval and group
  taken out.

No rule for a use forbids it. A region nobody knows gets all rulesets of the book at once. Basis
`not-objected` and `contract` never reach message content (G1): there they read `opt-in`.
Not legal advice.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from importlib import resources

from byleave.canonical import Json, digest_of
from byleave.errors import InputError
from byleave.ids import Digest, format_instant
from byleave.policy.ruleset_exclusion import (
    Exclusion,
    Interval,
    Purge,
    groups_out_of,
    merged,
    purged_for,
    read_exclusions,
    read_purges,
)
from byleave.policy.ruleset_part import (
    Basis,
    EvidenceRule,
    PartyRule,
    Rule,
    Suspension,
    read_date,
)
from byleave.policy.scope import Scope, Use
from byleave.policy.strict_yaml import Fields, nearest, read_mapping

__all__ = [
    "Basis",
    "EvidenceRule",
    "Exclusion",
    "PartyRule",
    "Purge",
    "RegionRule",
    "Rule",
    "RuleBook",
    "Ruleset",
    "Suspension",
    "compose",
    "default_rules",
    "parse_rules",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruleset:
    """One jurisdiction's rules from one date on.

    Attributes:
        name: `eu`; several of one name follow one another by `effective`.
        title: For people.
        effective: From when these rules are applied.
        regions: Region codes that fall under it, lowercase; a member's region `us-ca` also falls
            under the rulesets of `us`.
        rules: Basis per scope.
        party_rule: For messages: whose silence matters.
        party_cite: Source of the party rule.
        min_age: Years, for uses in `min_age_scope`; None: no limit.
        unknown_age_refused: Whether a member whose age nobody knows counts as too young.
        earliest: Data collected before it is not used, in `earliest_scope`; None: no limit.
        past_may_be_covered: Whether a grant that says so reaches data collected before it.
        general_grants_count: Whether a grant whose purpose is `*` counts (LGPD art. 8 par. 4: no).
        suspensions: What stands still, and when.
        purged: What was collected when is not used.
        excluded: Groups whose members are not used.
        min_age_cite: Source of the minimum age; None: a record from before sources were kept.
        earliest_cite: Source of the earliest date; None: likewise, or no date.
        general_cite: Source of what is said of general grants; None: likewise.
        digest: SHA-256 of the canonical form.
    """

    name: str
    title: str
    effective: datetime
    regions: tuple[str, ...]
    rules: tuple[Rule, ...]
    party_rule: PartyRule
    party_cite: str
    min_age: int | None = None
    min_age_scope: Scope = field(default_factory=lambda: Scope.parse("*/*/*"))
    unknown_age_refused: bool = False
    earliest: datetime | None = None
    earliest_scope: Scope = field(default_factory=lambda: Scope.parse("*/*/*"))
    past_may_be_covered: bool = True
    general_grants_count: bool = False
    suspensions: tuple[Suspension, ...] = ()
    purged: tuple[Purge, ...] = ()
    excluded: tuple[Exclusion, ...] = ()
    min_age_cite: str | None = None
    earliest_cite: str | None = None
    general_cite: str | None = None
    digest: Digest = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "digest", digest_of(self.to_dict()))

    def to_dict(self) -> dict[str, Json]:
        """Return what decides, as the digest and the log see it."""
        document: dict[str, Json] = {
            "earliest": _instant(self.earliest),
            "earliest_scope": str(self.earliest_scope),
            "effective": format_instant(self.effective),
            "general_grants_count": self.general_grants_count,
            "min_age": self.min_age,
            "min_age_scope": str(self.min_age_scope),
            "party_cite": self.party_cite,
            "party_rule": self.party_rule.word,
            "past_may_be_covered": self.past_may_be_covered,
            "regions": list(self.regions),
            "rules": [
                {
                    "basis": rule.basis.word,
                    "cite": rule.cite,
                    "law_allows": None if rule.law_allows is None else rule.law_allows.word,
                    "law_cite": rule.law_cite,
                    "notice_days": rule.notice_days,
                    "noticed": _instant(rule.noticed),
                    "scope": str(rule.scope),
                }
                for rule in self.rules
            ],
            "ruleset": self.name,
            "suspensions": [
                {
                    "cite": s.cite,
                    "end": _instant(s.end),
                    "scope": str(s.scope),
                    "start": format_instant(s.start),
                }
                for s in self.suspensions
            ],
            "title": self.title,
        }
        if self.unknown_age_refused:
            document["unknown_age_refused"] = True
        if self.purged:
            document["purged"] = [purge.to_dict() for purge in self.purged]
        if self.excluded:
            document["excluded_groups"] = [one.to_dict() for one in self.excluded]
        for name in ("min_age_cite", "earliest_cite", "general_cite"):
            if getattr(self, name) is not None:
                document[name] = getattr(self, name)
        return document

    def rule_for(self, use: Use, at: datetime) -> RegionRule:
        """Return what this ruleset alone requires for `use` at the instant `at`."""
        covering = [rule for rule in self.rules if rule.scope.covers(use)]
        narrowest = [r for r in covering if all(not _is_narrower(o, r) for o in covering)]
        strictest = max(narrowest, key=lambda r: (r.basis, not r.is_ready(at)), default=None)
        basis, ready = Basis.FORBIDDEN, False
        if strictest is not None:
            basis, ready = strictest.basis, strictest.is_ready(at)
        if basis < Basis.OPT_IN and _is_message_content(use):
            basis = Basis.OPT_IN  # G1: no other basis reaches message content
        return RegionRule(
            names=(f"{self.name}@{format_instant(self.effective)[:10]}",),
            basis=basis,
            ready=ready,
            noticed=None if strictest is None else strictest.noticed,
            suspended=any(s.is_in_force(use, at) for s in self.suspensions),
            party_rule=self.party_rule,
            min_age=self.min_age if self.min_age_scope.covers(use) else None,
            unknown_age_refused=self.unknown_age_refused and self.min_age_scope.covers(use),
            earliest=self.earliest if self.earliest_scope.covers(use) else None,
            past_may_be_covered=self.past_may_be_covered,
            general_grants_count=self.general_grants_count,
            purged=purged_for(use, self.purged),
            excluded_groups=groups_out_of(use, self.excluded),
            cites=tuple(sorted({r.cite for r in narrowest} | {self.party_cite})),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionRule:
    """What one region requires for one use at one instant: rulesets, composed.

    Attributes:
        names: Rulesets and their dates, ascending: `eu@2026-11-01`.
        basis: The strictest basis.
        ready: Whether every `not-objected` notice was given long enough ago.
        noticed: The latest of those notices, or None.
        suspended: Whether any suspension is in force.
        party_rule: For messages, the strictest party rule.
        min_age: Highest minimum age, or None.
        unknown_age_refused: Whether any counts a member of unknown age as too young.
        earliest: Latest earliest date, or None.
        past_may_be_covered: Whether all let a grant reach back.
        general_grants_count: Whether all count a grant whose purpose is `*`.
        cites: Sources, ascending.
        purged: Data collected then is not used; ascending, apart from one another.
        excluded_groups: Members of these groups are not used, ascending.
    """

    names: tuple[str, ...]
    basis: Basis
    ready: bool
    noticed: datetime | None
    suspended: bool
    party_rule: PartyRule
    min_age: int | None
    earliest: datetime | None
    past_may_be_covered: bool
    general_grants_count: bool
    cites: tuple[str, ...]
    unknown_age_refused: bool = False
    purged: tuple[Interval, ...] = ()
    excluded_groups: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Json]:
        """Return the rule as a gate plan's digest and a gate record see it."""
        document: dict[str, Json] = {
            "basis": self.basis.word,
            "cites": list(self.cites),
            "earliest": _instant(self.earliest),
            "general_grants_count": self.general_grants_count,
            "min_age": self.min_age,
            "names": list(self.names),
            "noticed": _instant(self.noticed),
            "party_rule": self.party_rule.word,
            "past_may_be_covered": self.past_may_be_covered,
            "ready": self.ready,
            "suspended": self.suspended,
        }
        if self.unknown_age_refused:
            document["unknown_age_refused"] = True
        if self.purged:
            document["purged"] = [[format_instant(a), format_instant(b)] for a, b in self.purged]
        if self.excluded_groups:
            document["excluded_groups"] = list(self.excluded_groups)
        return document


def compose(rules: Iterable[RegionRule]) -> RegionRule:
    """Return the strictest of each; of none at all, a rule that forbids."""
    parts = tuple(rules)
    ages = [r.min_age for r in parts if r.min_age is not None]
    dates = [r.earliest for r in parts if r.earliest is not None]
    notices = [r.noticed for r in parts if r.noticed is not None]
    return RegionRule(
        names=tuple(sorted({name for r in parts for name in r.names})),
        basis=max((r.basis for r in parts), default=Basis.FORBIDDEN),
        ready=bool(parts) and all(r.ready for r in parts if r.basis is Basis.NOT_OBJECTED),
        noticed=max(notices, default=None),
        suspended=any(r.suspended for r in parts),
        party_rule=max((r.party_rule for r in parts), default=PartyRule.ALL),
        min_age=max(ages, default=None),
        unknown_age_refused=any(r.unknown_age_refused for r in parts),
        earliest=max(dates, default=None),
        past_may_be_covered=bool(parts) and all(r.past_may_be_covered for r in parts),
        general_grants_count=bool(parts) and all(r.general_grants_count for r in parts),
        cites=tuple(sorted({cite for r in parts for cite in r.cites})),
        purged=merged(interval for r in parts for interval in r.purged),
        excluded_groups=tuple(sorted({group for r in parts for group in r.excluded_groups})),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleBook:
    """All rulesets an operator applies.

    Attributes:
        version: Version of the shipped file, and after `+` of the operator's.
        sets: In ascending order of (name, effective).
        evidence: Which evidence grade is accepted, by date; empty: the notice's bytes.
        digest: SHA-256 of the canonical form.
    """

    version: str
    sets: tuple[Ruleset, ...] = field(repr=False)
    evidence: tuple[EvidenceRule, ...] = ()
    digest: Digest = field(init=False, repr=False)

    def __post_init__(self) -> None:
        ordered = tuple(sorted(self.sets, key=lambda r: (r.name, r.effective)))
        object.__setattr__(self, "sets", ordered)
        dated = tuple(sorted(self.evidence, key=lambda rule: rule.start))
        object.__setattr__(self, "evidence", dated)
        object.__setattr__(self, "digest", digest_of(self.to_dict()))

    def to_dict(self) -> dict[str, Json]:
        """Return the whole book: what its digest is over, and what `parse_book` reads."""
        document: dict[str, Json] = {
            "sets": [r.to_dict() for r in self.sets],
            "version": self.version,
        }
        if self.evidence:
            document["evidence"] = [
                {"accepts": r.accepts, "cite": r.cite, "from": format_instant(r.start)}
                for r in self.evidence
            ]
        return document

    def accepts(self, at: datetime) -> str:
        """Return the lowest evidence grade at which a grant counts at `at`; as shipped `bytes`."""
        return next((r.accepts for r in reversed(self.evidence) if r.start <= at), "bytes")

    def in_force(self, at: datetime) -> tuple[Ruleset, ...]:
        """Return of each name the ruleset in force at `at`."""
        latest = {r.name: r for r in self.sets if r.effective <= at}
        return tuple(latest.values())

    def rule_for(self, region: str | None, use: Use, *, at: datetime) -> RegionRule:
        """Return what holds for a member of `region`.

        Args:
            region: A region code such as `de`, `us-ca`; None or an unknown one gets all rulesets.
            use: One leaf use.
            at: The instant of the decision.
        """
        return compose(r.rule_for(use, at) for r in self.sets_for(region, at=at))

    def sets_for(self, region: str | None, *, at: datetime) -> tuple[Ruleset, ...]:
        """Return the rulesets in force that hold for a member of `region`; of an unknown one all."""
        sets, chain = self.in_force(at), _chain(region)
        return tuple(r for r in sets if chain & set(r.regions)) or sets

    def knows(self, region: str | None, *, at: datetime) -> bool:
        """Say whether `region` falls under a ruleset in force."""
        chain = _chain(region)
        return any(chain & set(r.regions) for r in self.in_force(at))

    def extend(self, document: Fields) -> RuleBook:
        """Return this book with the operator's own rulesets beside the ones it holds.

        A ruleset of a name and date that stand already takes their place.

        Raises:
            InputError: `ruleset.malformed`, `input.malformed`, `input.unknown-field`.
        """
        version, sets, evidence = _read(document)
        merged = {(r.name, r.effective): r for r in (*self.sets, *sets)}
        return RuleBook(
            version=f"{self.version}+{version}",
            sets=tuple(merged.values()),
            evidence=(*self.evidence, *evidence),
        )


@cache
def default_rules() -> RuleBook:
    """Return the rulesets that ship with the package."""
    text = resources.files(__package__).joinpath("rulesets.yaml").read_text("utf-8")
    return parse_rules(text, name="rulesets.yaml")


def parse_rules(text: str, *, name: str) -> RuleBook:
    """Read a file of rulesets (docs/spec/rulesets.md).

    Raises:
        InputError: `ruleset.malformed`, `input.malformed`, `input.unknown-field`.
    """
    version, sets, evidence = _read(read_mapping(text, name=name))
    return RuleBook(version=version, sets=sets, evidence=evidence)


def _read(document: Fields) -> tuple[str, tuple[Ruleset, ...], tuple[EvidenceRule, ...]]:
    document.refuse_others({"rulesets", "version", "sets", "evidence"})
    if document.text("rulesets") != "v1":
        raise InputError(
            "rulesets is not v1", code="ruleset.malformed", where=document.where("rulesets")
        )
    sets = tuple(_ruleset(fields) for fields in document.mappings("sets"))
    if len({(r.name, r.effective) for r in sets}) != len(sets):
        raise InputError(
            "one name and date stand twice", code="ruleset.malformed", where=document.where("sets")
        )
    evidence = tuple(_evidence(fields) for fields in document.mappings("evidence"))
    return document.text("version"), sets, evidence


def _evidence(fields: Fields) -> EvidenceRule:
    fields.refuse_others({"from", "accepts", "cite"})
    word = fields.text("accepts")
    if word not in _GRADES:
        raise InputError(
            f"{word!r} is no evidence grade",
            code="ruleset.malformed",
            where=fields.where("accepts"),
            hint=nearest(word, _GRADES) or f"one of: {', '.join(_GRADES)}",
        )
    return EvidenceRule(start=read_date(fields, "from"), accepts=word, cite=fields.text("cite"))


_GRADES = ("bytes", "version", "none")
_SET_FIELDS = frozenset(
    {
        "ruleset",
        "title",
        "effective",
        "regions",
        "rules",
        "messages",
        "min_age",
        "earliest",
        "past",
        "general_grants",
        "suspensions",
        "purged",
        "excluded_groups",
    }
)


def _ruleset(fields: Fields) -> Ruleset:
    fields.refuse_others(_SET_FIELDS)
    messages = fields.mapping("messages")
    messages.refuse_others({"party_rule", "cite"})
    age, earliest = _limit(fields, "min_age", "years"), _limit(fields, "earliest", "date")
    years = None if age is None else age.optional_integer("years")
    if age is not None and (years is None or years < 0):
        raise age.malformed("years", "a number of years")
    return Ruleset(
        name=fields.text("ruleset"),
        title=fields.text("title"),
        effective=read_date(fields, "effective"),
        regions=tuple(region.lower() for region in fields.texts("regions")),
        rules=tuple(_rule(rule) for rule in fields.mappings("rules")),
        party_rule=messages.read("party_rule", PartyRule.parse),
        party_cite=messages.text("cite"),
        min_age=years,
        min_age_scope=_scope(age),
        unknown_age_refused=age is not None and _refuses_unknown(age),
        earliest=None if earliest is None else read_date(earliest, "date"),
        earliest_scope=_scope(earliest),
        min_age_cite=None if age is None else age.text("cite"),
        earliest_cite=None if earliest is None else earliest.text("cite"),
        general_cite=fields.mapping("general_grants").text("cite"),
        past_may_be_covered=_flag(fields, "past", "may_be_covered"),
        general_grants_count=_flag(fields, "general_grants", "count"),
        suspensions=tuple(_suspension(s) for s in fields.mappings("suspensions")),
        purged=read_purges(fields),
        excluded=read_exclusions(fields),
    )


def _rule(fields: Fields) -> Rule:
    fields.refuse_others(
        {"scope", "basis", "cite", "notice_days", "noticed", "law_allows", "law_cite"}
    )
    basis = _basis(fields, "basis")
    days = fields.optional_integer("notice_days")
    noticed = fields.optional_text("noticed")
    if basis is not Basis.NOT_OBJECTED and (days is not None or noticed is not None):
        raise InputError(
            "notice_days and noticed belong to basis not-objected",
            code="ruleset.malformed",
            where=fields.where(),
        )
    if basis is Basis.NOT_OBJECTED and (days is None or days < 0):
        raise fields.malformed("notice_days", "a number of days")
    return Rule(
        scope=Scope.parse(fields.text("scope")),
        basis=basis,
        cite=fields.text("cite"),
        notice_days=days or 0,
        noticed=None if noticed is None else read_date(fields, "noticed"),
        law_allows=None
        if fields.values.get("law_allows") is None
        else _basis(fields, "law_allows"),
        law_cite=fields.optional_text("law_cite"),
    )


def _suspension(fields: Fields) -> Suspension:
    fields.refuse_others({"scope", "start", "end", "cite"})
    end = None if fields.values.get("end") is None else read_date(fields, "end")
    start = read_date(fields, "start")
    if end is not None and end <= start:
        raise InputError("ends before it starts", code="ruleset.malformed", where=fields.where())
    return Suspension(
        scope=Scope.parse(fields.text("scope")), start=start, end=end, cite=fields.text("cite")
    )


def _limit(fields: Fields, field_name: str, value: str) -> Fields | None:
    if fields.values.get(field_name) is None:
        return None
    limit = fields.mapping(field_name)
    extra = {"unknown"} if field_name == "min_age" else set()
    limit.refuse_others({value, "scope", "cite", *extra})
    limit.text("cite")
    return limit


def _refuses_unknown(age: Fields) -> bool:
    word = age.optional_text("unknown") or "allow"
    if word not in {"allow", "refuse"}:
        raise age.malformed("unknown", "allow or refuse")
    return word == "refuse"


def _scope(limit: Fields | None) -> Scope:
    return Scope.parse("*/*/*" if limit is None else limit.optional_text("scope") or "*/*/*")


def _flag(fields: Fields, field_name: str, flag: str) -> bool:
    part = fields.mapping(field_name)
    part.refuse_others({flag, "cite"})
    part.text("cite")
    return part.boolean(flag, default=False)


def _basis(fields: Fields, field_name: str) -> Basis:
    word = fields.text(field_name)
    words = {basis.word: basis for basis in Basis}
    if word not in words:
        raise InputError(
            f"{word!r} is no basis",
            code="ruleset.malformed",
            where=fields.where(field_name),
            hint=nearest(word, words) or f"one of: {', '.join(words)}",
        )
    return words[word]


def _instant(value: datetime | None) -> str | None:
    return None if value is None else format_instant(value)


def _chain(region: str | None) -> set[str]:
    """Return a region's code and those it lies in: `us-ca`, `us`."""
    code = (region or "").lower()
    return {code[:i] for i in range(1, len(code) + 1) if i == len(code) or code[i] == "-"}


def _is_narrower(rule: Rule, than: Rule) -> bool:
    return than.scope.covers(rule.scope) and rule.scope != than.scope


def _is_message_content(use: Use) -> bool:
    return use.category == "messages" or use.category.startswith("messages.")
