"""What a *versions* repository of Open Terms Archive says, and what can be read from its texts.

Such a repository holds one Markdown file per document and one commit per recorded version
(opentermsarchive.org). The subject of a commit says what it is:

    First record of ACME Privacy Policy                      (before 2023: Start tracking …)
    Record new changes of ACME Privacy Policy                (before 2023: Update …)
    Apply technical or declaration upgrade on ACME …         (before 2023: Refilter …)

A technical upgrade extracts the same page anew: it is no change of the text's wording by its
publisher. Three dates are kept apart, and none is made up from another: *recorded* (author date
of the commit: an outsider saw the text), *effective* and *announced effective* (written in it).
A path may begin to hold another document without a word; `breaks_off` notices.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Final

from byleave.canonical import Json, sha256
from byleave.ids import Digest, format_instant
from byleave.policy.document import notice_window_days
from byleave.policy.prose import sentences, title_of

__all__ = [
    "Change",
    "Dates",
    "Recording",
    "breaks_off",
    "change_of",
    "dates_in",
    "history",
    "kind_of",
    "recording",
    "windows",
]

Change = str
_CHANGES: Final[tuple[tuple[str, Change], ...]] = (
    ("First record of", "first"),
    ("Start tracking", "first"),
    ("Record new changes of", "change"),
    ("Update", "change"),
    ("Apply technical or declaration upgrade on", "technical"),
    ("Refilter", "technical"),
)
_KINDS: Final[tuple[tuple[re.Pattern[str], str], ...]] = (
    (re.compile(r"privacy|data protection|trackers|cookie", re.IGNORECASE), "privacy-policy"),
    (
        re.compile(r"developer|processor|commercial|controller|partner", re.IGNORECASE),
        "recipient-terms",
    ),
    (re.compile(r"faq|question", re.IGNORECASE), "faq"),
    (re.compile(r"help|guidelines|guide", re.IGNORECASE), "help"),
    (re.compile(r"settings", re.IGNORECASE), "settings"),
)
_MONTHS: Final = {
    name: number
    for number, names in enumerate(
        (
            "january jan", "february feb", "march mar", "april apr", "may", "june jun",
            "july jul", "august aug", "september sept sep", "october oct", "november nov",
            "december dec",
        ),
        1,
    )
    for name in names.split()
}  # fmt: skip
_MONTH: Final = rf"(?P<month>{'|'.join(sorted(_MONTHS, key=len, reverse=True))})\.?"
_DATE: Final = re.compile(
    rf"\b{_MONTH}\s+(?P<day>\d{{1,2}})(?:st|nd|rd|th)?,?\s+(?P<year>\d{{4}})(?!\d)"
    rf"|\b(?P<day2>\d{{1,2}})(?:st|nd|rd|th)?(?:\s+day)?(?:\s+of)?\s+{_MONTH.replace('month', 'month2')},?\s+(?P<year2>\d{{4}})(?!\d)"
    r"|\b(?P<year3>\d{4})[-/.](?P<month3>\d{1,2})[-/.](?P<day3>\d{1,2})(?!\d)"
    r"|\b(?P<a>\d{1,2})[/.](?P<b>\d{1,2})[/.](?P<year4>\d{4})(?!\d)",
    re.IGNORECASE,
)
_HEAD: Final = 6_000  # characters from the top in which a text says its dates
_FOOT: Final = 1_500
_NEAR: Final = r"[^.;]{0,60}?"
_AHEAD: Final = re.compile(
    r"(?:will|shall|would|to|going to)\s+(?:\w+\s+){0,3}?(?:take|be|become|come|go|apply|update|start|enter)\w*"
    r"|\b(?:we(?:'re| are)|is being|are being)\s+(?:\w+\s+){0,2}?(?:updat|chang|mak|revis|amend|replac|introduc)\w*"
    r"|\b(?:upcoming|forthcoming|new)\s+(?:\w+\s+){0,4}?(?:effective|terms|version|polic\w+|agreement|changes?)"
    r"|\b(?:changes|updates|these updates|update|amendments?)\b[^.;]{0,80}?\b(?:effective|take effect|takes effect|apply|in force|go into)"
    r"|\bwill\s+(?:apply|replace|take)",
    re.IGNORECASE,
)
_EFFECTIVE: Final = re.compile(
    rf"\b(?:effective(?:\s+(?:date|as of|on|from|since))*|in effect(?: (?:since|from|as of))?|takes? effect(?: on)?|took effect(?: on)?|(?:comes?|goes|went|came) into (?:force|effect)(?: on)?|becomes? effective(?: on)?|became effective(?: on)?|"
    rf"in force (?:since|from|as of)|valid (?:from|since|as of)|applies (?:from|as of|since)|applicable (?:from|as of)|starting|with effect from)\b{_NEAR}(?P<date>@)",
    re.IGNORECASE,
)
_REVISED: Final = re.compile(
    rf"\b(?:last\s+(?:updated?|revised|modified|changed|amended|reviewed|modification|revision)|(?:date of )?(?:last )?(?:update|revision)|updated|revised|version(?: (?:of|as of|date))?|dated|as of|posted)\b{_NEAR}(?P<date>@)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Dates:
    """The dates a text says of itself.

    Attributes:
        effective: From when it says it holds; of `said_by` "revised", when it says it was last
            changed, which is the nearest thing to it.
        announced_effective: A later date from when it says a change will hold, or None.
        said_by: `effective`, `revised` or None, by which words `effective` was found.
    """

    effective: date | None
    announced_effective: date | None
    said_by: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """One recorded version of one document.

    Attributes:
        service: Who publishes it, as the collection names them.
        terms: The kind of terms, as the collection names it (the file's name).
        path: Path in the repository.
        commit: Full hash of the commit.
        recorded: Author date: when an outsider saw the text.
        change: `first`, `change`, `technical`, or `unknown` for a subject of another form.
        title: First heading of the text, or "".
        sha256: Digest of the exact bytes.
        characters: Length of the text.
        dates: What the text says of its dates.
        variant: Number, from 1, of the document at this path: it rises where another one begins.
    """

    service: str
    terms: str
    path: str
    commit: str
    recorded: datetime
    change: Change
    title: str
    sha256: Digest
    characters: int
    dates: Dates
    variant: int = 1

    def to_dict(self) -> dict[str, Json]:
        """Return the recording for `--json` and for the ledger."""
        dates = self.dates
        return {
            "service": self.service,
            "terms": self.terms,
            "path": self.path,
            "commit": self.commit,
            "recorded": format_instant(self.recorded),
            "change": self.change,
            "title": self.title,
            "sha256": self.sha256.hex(),
            "characters": self.characters,
            "effective": None if dates.effective is None else dates.effective.isoformat(),
            "announced_effective": None
            if dates.announced_effective is None
            else dates.announced_effective.isoformat(),
            "said_by": dates.said_by,
            "variant": self.variant,
        }


def change_of(subject: str) -> Change:
    """Return what the subject of a commit says it is: first, change, technical or unknown."""
    return next((change for prefix, change in _CHANGES if subject.startswith(prefix)), "unknown")


def kind_of(terms: str) -> str:
    """Return the kind of document (`document.KINDS`) that a kind of terms is."""
    return next((kind for pattern, kind in _KINDS if pattern.search(terms)), "agreement")


def recording(
    *, path: str, commit: str, recorded: datetime, subject: str, text: bytes
) -> Recording:
    """Read one recorded version.

    Args:
        path: Path in the repository, `SERVICE/TERMS.md` or `SERVICE/TERMS #DOCUMENT.md`.
        commit: Full hash.
        recorded: Author date.
        subject: First line of the commit's message.
        text: The exact bytes.
    """
    service, _, name = path.rpartition("/")
    words = text.decode("utf-8", errors="replace")
    return Recording(
        service=service,
        terms=name.removesuffix(".md"),
        path=path,
        commit=commit,
        recorded=recorded,
        change=change_of(subject),
        title=title_of(words[:4_000]),
        sha256=sha256(text),
        characters=len(words),
        dates=dates_in(words),
    )


def dates_in(text: str) -> Dates:
    """Return the dates that a text says of itself, near its top or its end.

    A sentence about the future ("will take effect on", "we are updating … on") gives the
    announced date, one about the present ("Effective on", "in force since") the effective one;
    only where there is none does "Last updated" stand in, and `said_by` says so.
    """
    said: list[tuple[str, date]] = []
    head = text if len(text) <= _HEAD + _FOOT else f"{text[:_HEAD]}\n\n{text[-_FOOT:]}"
    for sentence in sentences(head):
        said += _dates_of_sentence(sentence.text)
    effective = next((day for what, day in said if what == "effective"), None)
    revised = next((day for what, day in said if what == "revised"), None)
    current = effective or revised
    ahead = next(
        (day for what, day in said if what == "ahead" and (current is None or day > current)), None
    )
    return Dates(
        effective=current,
        announced_effective=ahead,
        said_by="effective" if effective else "revised" if revised else None,
    )


def breaks_off(before: Recording, after: Recording) -> str | None:
    """Say why a path holds another document than before, or None: it is the same one.

    Another title is another document, unless only figures and common words changed; so is an
    effective date that goes back, which a later version of one text does not do.
    """
    if after.change == "first":
        return "recorded as a first version"
    if before.title and after.title and not _same_title(before.title, after.title):
        return "another title"
    return "its effective date goes back" if _went_back(before.dates, after.dates) else None


def history(recordings: Iterable[Recording]) -> tuple[Recording, ...]:
    """Return recordings in the order of time, with the document at each path numbered.

    A technical upgrade stays in the list, marked: it says that the text was seen.
    """
    numbered: list[Recording] = []
    last: dict[str, Recording] = {}
    for item in sorted(recordings, key=lambda r: (r.path, r.recorded, r.commit)):
        before = last.get(item.path)
        variant = 1 if before is None else before.variant
        if before is not None and breaks_off(before, item) is not None:
            variant += 1
        last[item.path] = replace(item, variant=variant)
        numbered.append(last[item.path])
    return tuple(numbered)


def windows(recordings: Sequence[Recording]) -> tuple[tuple[Recording, int], ...]:
    """Return, for every change that took effect, its first recording and the days of notice.

    Of one document at one path. A change whose coming was announced counts from the first
    recording that announced it; any other from the first recording that shows it.
    """
    found = []
    told: dict[date, Recording] = {}
    seen: set[date] = set()
    for number, item in enumerate(recordings):
        ahead, effective = item.dates.announced_effective, item.dates.effective
        if ahead is not None:
            told.setdefault(ahead, item)
        if effective is None or effective in seen:
            continue
        seen.add(effective)
        if number:
            first = told.get(effective, item)
            found.append((item, notice_window_days(_midnight(first.recorded), _day(effective))))
    return tuple(found)


def _midnight(instant: datetime) -> datetime:
    return instant.replace(hour=0, minute=0, second=0, microsecond=0)


def _day(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def _went_back(before: Dates, after: Dates) -> bool:
    return (
        before.said_by == after.said_by == "effective"
        and before.effective is not None
        and after.effective is not None
        and after.effective < before.effective
    )


_TITLE_NOISE: Final = frozenset("the our a an of and for to your updated new".split())


def _same_title(one: str, other: str) -> bool:
    a, b = (set(re.findall(r"[^\W\d_]+", title.lower())) - _TITLE_NOISE for title in (one, other))
    return a == b or (bool(a & b) and len(a & b) / len(a | b) >= 0.6)


_BEGINS: Final = re.compile(
    r"^\W*(?:on|from|as of|starting|beginning|effective)(?:\s+(?:on|from))?\W*$", re.IGNORECASE
)


def _looks_ahead(before: str, after: str) -> bool:
    """Say whether the words around a date speak of what is still to come."""
    if re.match(
        r"\W*(?:effective|last|updated|revised)\b\W*(?:\w+\W+){0,2}$", before, re.IGNORECASE
    ):
        return False
    return bool(_AHEAD.search(before)) or bool(_BEGINS.match(before) and _AHEAD.search(after[:160]))


def _dates_of_sentence(text: str) -> list[tuple[str, date]]:
    dates = [(found, day) for found in _DATE.finditer(text) if (day := _read(found)) is not None]
    if not dates:
        return []
    said: list[tuple[str, date]] = []
    for found, day in dates:
        # The words before this date, back to the date before it.
        start = max((f.end() for f, _ in dates if f.end() <= found.start()), default=0)
        before = text[start : found.start()]
        marked = before[-160:] + "@"
        if _looks_ahead(text[: found.start()] if start == 0 else before, text[found.end() :]):
            said.append(("ahead", day))
        elif _EFFECTIVE.search(marked):
            said.append(("effective", day))
        elif _REVISED.search(marked):
            said.append(("revised", day))
    return said


def _read(found: re.Match[str]) -> date | None:
    parts = found.groupdict()
    try:
        if parts["year"]:
            return date(int(parts["year"]), _MONTHS[parts["month"].lower()], int(parts["day"]))
        if parts["year2"]:
            return date(int(parts["year2"]), _MONTHS[parts["month2"].lower()], int(parts["day2"]))
        if parts["year3"]:
            return date(int(parts["year3"]), int(parts["month3"]), int(parts["day3"]))
        first, second, year = int(parts["a"]), int(parts["b"]), int(parts["year4"])
        if first <= 12 and second <= 12 and first != second:
            return None  # day or month first? Doubt means no date.
        return (
            date(year, second, first)
            if first > 12 or first == second
            else date(year, first, second)
        )
    except ValueError:
        return None
