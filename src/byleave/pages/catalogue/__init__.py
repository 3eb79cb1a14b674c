"""Every sentence of the pages, a module for each face, a table for each language.

`SAY` holds whole sentences with named places. A test holds each to 20 words a sentence, the English
ones to grade 8 (Flesch–Kincaid), and all to the banned words of M14–M19. A new face brings a module
of its own; what members and the public read comes in every language, the operator's and the
auditor's pages in English only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from byleave.pages.catalogue import (
    audit,
    check,
    explorer,
    frame,
    german,
    house,
    member,
    nouns,
    own,
    public,
    recipient,
    report,
    settings,
    sign_in,
    transparency,
)
from byleave.pages.catalogue.codes import BECAUSE, GROUNDS, LIMITS, REASONS
from byleave.pages.catalogue.german import codes as german_codes

__all__ = [
    "BECAUSE",
    "CATALOGUES",
    "ENGLISH",
    "ENGLISH_ONLY",
    "GERMAN",
    "GROUNDS",
    "LIMITS",
    "REASONS",
    "SAY",
    "Catalogue",
]

ENGLISH_ONLY: Final = {
    **audit.SAY,
    **explorer.SAY,
    **house.SAY,
    **report.SAY,
}
"""Key → sentence of the faces that exist in English only."""

SAY: Final[dict[str, str]] = {
    **frame.SAY,
    **public.SAY,
    **member.SAY,
    **settings.SAY,
    **own.SAY,
    **sign_in.SAY,
    **check.SAY,
    **recipient.SAY,
    **transparency.SAY,
    **ENGLISH_ONLY,
}
"""Key → English sentence. Places in braces are filled by `say`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalogue:
    """All words of one language.

    Attributes:
        language: BCP 47 tag.
        name: What its speakers call it.
        say: Key → sentence.
        limits: The honest limits block.
        grounds: Ground → words, as the end of a sentence that begins with `because`.
        reasons: Reason code → words.
        nouns: Noun that is counted, in English → for one, for several.
        months: January to December.
        day: A date, with places `day`, `month` and `year`.
        minute: A minute, with places `date` and `time`.
        thousands: What stands between thousands.
        scopes: Term of the taxonomy, as `tree/name` → phrase; empty: the taxonomy's own.
    """

    language: str
    name: str
    say: dict[str, str]
    limits: tuple[str, ...]
    grounds: dict[str, str]
    reasons: dict[str, str]
    nouns: dict[str, tuple[str, str]]
    months: tuple[str, ...]
    day: str
    minute: str
    thousands: str
    scopes: dict[str, str]


ENGLISH: Final = Catalogue(
    language="en",
    name="English",
    say=SAY,
    limits=LIMITS,
    grounds=GROUNDS,
    reasons=REASONS,
    nouns=nouns.NOUNS,
    months=nouns.MONTHS,
    day="{day} {month} {year}",
    minute="{date}, {time} UTC",
    thousands=",",
    scopes={},
)
"""The words in English."""

GERMAN: Final = Catalogue(
    language="de",
    name="Deutsch",
    say={**SAY, **german.SAY},
    limits=german_codes.LIMITS,
    grounds=german_codes.GROUNDS,
    reasons=german_codes.REASONS,
    nouns=german_codes.NOUNS,
    months=german_codes.MONTHS,
    day="{day}. {month} {year}",
    minute="{date}, {time} Uhr (UTC)",
    thousands=".",
    scopes=german_codes.SCOPES,
)
"""The words in German; a page in English only is never rendered with them."""

CATALOGUES: Final[dict[str, Catalogue]] = {"en": ENGLISH, "de": GERMAN}
"""BCP 47 tag → its words. English first: it is what is shown where nothing else was asked for."""
