"""Which text a member saw: one document, several texts by place and language, several versions.

One address can serve different texts by place (the same page shows European members a regional
notice). A *variant* is (jurisdiction, language); versions are counted within it. What a member
saw at an instant is the version in force of the variant nearest to their region and language,
and what was announced by then and not yet in force.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from byleave.policy.document import PolicyDocument

__all__ = ["Published", "Seen", "seen_at", "serves"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """A version with the instant the log took it.

    Attributes:
        document: The version.
        recorded: When the log took it.
        index: Its log index.
        label: Its version, with the variant where the version alone is not unique.
    """

    document: PolicyDocument
    recorded: datetime
    index: int
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What a member in one region, reading one language, saw at one instant.

    Attributes:
        in_force: The version that held, or None where none did yet.
        announced: Versions published or announced by then that did not hold yet, soonest first.
        region_matched: `exact`, `part-of`, `area` or `everywhere`: why this variant is theirs.
        language_matched: Whether the text is in their language, or another stood in.
    """

    in_force: Published | None
    announced: tuple[Published, ...]
    region_matched: str | None
    language_matched: bool


def seen_at(
    versions: Sequence[Published],
    *,
    region: str | None,
    language: str | None,
    at: datetime,
    areas: Mapping[str, frozenset[str]] | None = None,
) -> Seen:
    """Say which text a member saw.

    The nearest region goes first: their own (`us-ca`), one that theirs is part of (`us`), an area
    (`eu`) that lists theirs, everywhere (`*`). Among its texts: their language (`pt-BR`), the
    same without its region (`pt`), else the one published first. A region of unknown members is
    None: they see the text for everywhere.

    Args:
        versions: All published versions of one document id, in any order.
        region: Code of the member's region, or None.
        language: BCP 47 tag, or None: the language published first.
        at: The instant.
        areas: Name of an area → the regions in it.
    """
    known = sorted((v for v in versions if v.recorded <= at), key=lambda v: v.index)
    holding = [v for v in known if v.document.effective <= at]
    ranked = _of_region(holding or known, region, areas or {})
    if ranked is None:
        return Seen(in_force=None, announced=(), region_matched=None, language_matched=False)
    matched, theirs = ranked
    variant, spoken = _of_language(theirs, language)
    of_variant = [v for v in known if v.document.variant == variant]
    in_force = [v for v in of_variant if v.document.effective <= at]
    ahead = [v for v in of_variant if v.document.effective > at]
    return Seen(
        in_force=max(in_force, key=lambda v: (v.document.effective, v.index), default=None),
        announced=tuple(sorted(ahead, key=lambda v: (v.document.effective, v.index))),
        region_matched=matched,
        language_matched=spoken,
    )


def serves(
    document: PolicyDocument, region: str | None, areas: Mapping[str, frozenset[str]]
) -> str | None:
    """Return why a text is for a region (`exact`, `part-of`, `area`, `everywhere`), or None."""
    if region is not None:
        if region in document.regions:
            return "exact"
        if any(region.startswith(f"{name}-") for name in document.regions):
            return "part-of"
        if any(region in areas.get(name, ()) for name in document.regions):
            return "area"
    return "everywhere" if "*" in document.regions else None


_ORDER = ("exact", "part-of", "area", "everywhere")


def _of_region(
    versions: Sequence[Published], region: str | None, areas: Mapping[str, frozenset[str]]
) -> tuple[str, list[Published]] | None:
    ways = [(v, serves(v.document, region, areas)) for v in versions]
    for way in _ORDER:
        theirs = [v for v, found in ways if found == way]
        if theirs:
            return way, theirs
    return None


def _of_language(
    versions: Sequence[Published], language: str | None
) -> tuple[tuple[str, str], bool]:
    """Return the variant in the member's language, else the one published first."""
    first = versions[0].document.variant
    if language is None:
        return first, True
    wanted = language.lower()
    for tag in (wanted, wanted.split("-", maxsplit=1)[0]):
        for version in versions:
            if version.document.language.lower() == tag:
                return version.document.variant, True
    for version in versions:  # pt-BR stands in for pt
        if version.document.language.lower().split("-")[0] == wanted.split("-", maxsplit=1)[0]:
            return version.document.variant, True
    return first, False
