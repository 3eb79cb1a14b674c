"""What was published against what was recorded: every use that nobody was told of, or asked about.

A use is told of where a text in force when it happened, published in the log before it, and for
the region of the members concerned, declares it. Terms between the platform and a recipient tell
members nothing. A use that rests on consent was asked about where the consents behind it answered
a published notice that covers it. More declared than used is no disagreement.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from byleave.policy.scope import Use
from byleave.policy.variants import Published, seen_at

__all__ = ["CODES", "Disagreement", "Happened", "disagreements"]

CODES: Final = {
    "not-declared": "no published text declares it to these members",
    "declared-later": "a text declares it to them, but only since later",
    "no-notice": "consents behind it answered no notice",
    "notice-unknown": "consents behind it answered a notice that was never published here",
    "notice-other-use": "consents behind it answered a notice about something else",
}
_NOT_FOR_MEMBERS: Final = frozenset({"recipient-terms"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Happened:
    """One recorded use of members' data.

    Attributes:
        kind: `gate`, `release` or `disclosure`.
        name: Its id.
        index: Its log entry.
        at: When.
        use: What it was gated for.
        leaves: The leaf uses of the categories it holds.
        regions: Regions of the members concerned; None in it: unknown. Empty: nobody knows whose,
            then a text for any region is enough.
        consents: Notice → pairs of a record and a party whose own consent answered it; "" is none.
    """

    kind: str
    name: str
    index: int
    at: datetime
    use: str
    leaves: tuple[Use, ...]
    regions: frozenset[str | None]
    consents: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Disagreement:
    """One use that was not told of, or not asked about.

    Attributes:
        code: A key of `CODES`.
        kind: What used the data.
        name: Its id.
        index: Its log entry.
        use: The leaf use; the whole scope where it is about a notice.
        regions: Whom it was not told, by region; `unknown` is one.
        party_records: Pairs of a record and a party, where it is about a notice.
        text: The text that declares it later, or the notice.
        text_index: Log entry of that.
    """

    code: str
    kind: str
    name: str
    index: int
    use: str
    regions: tuple[str, ...] = ()
    party_records: int = 0
    text: str | None = None
    text_index: int | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return it for `--json`."""
        return {
            "code": self.code,
            "means": CODES[self.code],
            "kind": self.kind,
            "name": self.name,
            "index": self.index,
            "use": self.use,
            "regions": list(self.regions),
            "party_records": self.party_records,
            "text": self.text,
            "text_index": self.text_index,
        }


def disagreements(
    happened: Sequence[Happened],
    *,
    texts: Sequence[Published],
    notices: Mapping[str, tuple[int, frozenset[Use]]],
    areas: Mapping[str, frozenset[str]],
) -> tuple[Disagreement, ...]:
    """Return every disagreement, in the order of the log.

    Args:
        happened: What was recorded.
        texts: Every published version of every document, oldest first.
        notices: Notice → log entry, and the leaf uses it covers.
        areas: Names of areas (`eu`) → regions in them.
    """
    told: dict[str, list[Published]] = {}
    for text in texts:
        if text.document.kind not in _NOT_FOR_MEMBERS:
            told.setdefault(text.document.document, []).append(text)
    found: list[Disagreement] = []
    for item in sorted(happened, key=lambda one: one.index):
        for leaf in item.leaves:
            found += _undeclared(item, leaf, told, areas)
        found += _unasked(item, notices)
    return tuple(found)


def _undeclared(
    item: Happened,
    leaf: Use,
    told: Mapping[str, list[Published]],
    areas: Mapping[str, frozenset[str]],
) -> list[Disagreement]:
    before = {
        name: [v for v in versions if v.index < item.index] for name, versions in told.items()
    }
    if not item.regions:
        if any(_declares(v, leaf) and v.document.effective <= item.at for v in _all(before)):
            return []
        missing: list[str | None] = []
    else:
        missing = sorted(
            (region for region in item.regions if not _told(before, leaf, region, item.at, areas)),
            key=lambda region: region or "",
        )
        if not missing:
            return []
    later = _later(item, leaf, told)
    return [
        Disagreement(
            code="not-declared" if later is None else "declared-later",
            kind=item.kind,
            name=item.name,
            index=item.index,
            use=str(leaf),
            regions=tuple(region or "unknown" for region in missing),
            text=None if later is None else f"{later.document.document} {later.label}",
            text_index=None if later is None else later.index,
        )
    ]


def _all(told: Mapping[str, list[Published]]) -> list[Published]:
    return [version for versions in told.values() for version in versions]


def _declares(version: Published, leaf: Use) -> bool:
    return any(scope.covers(leaf) for scope in version.document.uses)


def _told(
    told: Mapping[str, list[Published]],
    leaf: Use,
    region: str | None,
    at: datetime,
    areas: Mapping[str, frozenset[str]],
) -> bool:
    for versions in told.values():
        if versions:
            seen = seen_at(versions, region=region, language=None, at=at, areas=areas)
            if seen.in_force is not None and _declares(seen.in_force, leaf):
                return True
    return False


def _later(item: Happened, leaf: Use, told: Mapping[str, list[Published]]) -> Published | None:
    """Return the first text that declares a use and was logged, or took effect, after it."""
    after = [
        version
        for version in _all(told)
        if _declares(version, leaf)
        and (version.index > item.index or version.document.effective > item.at)
    ]
    return min(after, key=lambda version: version.index, default=None)


def _unasked(
    item: Happened, notices: Mapping[str, tuple[int, frozenset[Use]]]
) -> list[Disagreement]:
    found = []
    for name, count in sorted(item.consents.items()):
        index = None
        if not name:
            code = "no-notice"
        elif name not in notices:
            code = "notice-unknown"
        else:
            index, uses = notices[name]
            if uses & set(item.leaves):
                continue
            code = "notice-other-use"
        found.append(
            Disagreement(
                code=code,
                kind=item.kind,
                name=item.name,
                index=item.index,
                use=item.use,
                party_records=count,
                text=name or None,
                text_index=index,
            )
        )
    return found
