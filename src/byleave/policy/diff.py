"""What changed between two versions of a text, as a careful reader would say it.

By sentence, not by line: sentences are paired, moved ones are found, and a changed sentence shows
which words went and which came. Then the declarations: uses added and removed, each as the
sentence a member reads; other fields; the instants and the days of notice.
Two texts without a front matter are compared as prose alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from difflib import SequenceMatcher
from typing import Final

from byleave.canonical import Json
from byleave.ids import format_instant
from byleave.policy.document import PolicyDocument, notice_window_days
from byleave.policy.prose import Sentence, sentences
from byleave.policy.scope import Use
from byleave.policy.taxonomy import Taxonomy

__all__ = [
    "Change",
    "Declaration",
    "Piece",
    "TextDiff",
    "diff_declarations",
    "diff_prose",
    "marked",
    "word_pieces",
]

_TOKEN: Final = re.compile(r"\w+(?:['\u2019-]\w+)*|\s+|[^\w\s]")
_ALIKE: Final = 0.5  # share of words in common from which two sentences are one, changed
_MOVED_WORDS: Final = 4  # shorter sentences ("Learn more.") do not count as moved


@dataclass(frozen=True, slots=True)
class Piece:
    """A run of words: `same`, `removed` or `added`."""

    kind: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One thing that changed in the prose.

    Attributes:
        kind: `added`, `removed`, `changed` or `moved`.
        section: The heading it stands under, in the newer text where it has a place there.
        old_line: Line in the older text, or None.
        new_line: Line in the newer text, or None.
        pieces: Its words in order; one `same` piece where it only moved.
        place: `heading`, `paragraph`, `item` or `cell`.
    """

    kind: str
    section: str
    old_line: int | None
    new_line: int | None
    pieces: tuple[Piece, ...]
    place: str

    def to_dict(self) -> dict[str, Json]:
        """Return the change for `--json`."""
        return {
            "kind": self.kind,
            "section": self.section,
            "old_line": self.old_line,
            "new_line": self.new_line,
            "place": self.place,
            "pieces": [{"kind": piece.kind, "text": piece.text} for piece in self.pieces],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class TextDiff:
    """The prose of two texts against each other.

    Attributes:
        changes: In the order of the newer text; removed ones where they stood.
        same: Sentences that stand in both, unmoved.
    """

    changes: tuple[Change, ...]
    same: int

    def counts(self) -> dict[str, int]:
        """Return how many changes there are of each kind."""
        kinds = ("changed", "added", "removed", "moved")
        return {kind: sum(c.kind == kind for c in self.changes) for kind in kinds}


@dataclass(frozen=True, slots=True, kw_only=True)
class Declaration:
    """The declarations of two versions against each other.

    Attributes:
        added: Leaf uses the newer declares and the older does not, ascending, each with the
            sentence a member reads.
        removed: The other way round.
        fields: Name → (older, newer) of every other field that differs.
        effective: When the older and the newer take effect.
        announced: When they were announced, or None.
        notice_window_days: Whole days from telling people of the newer to its effect.
    """

    added: tuple[tuple[Use, str], ...]
    removed: tuple[tuple[Use, str], ...]
    fields: tuple[tuple[str, str, str], ...]
    effective: tuple[datetime, datetime]
    announced: tuple[datetime | None, datetime | None]
    notice_window_days: int | None

    def to_dict(self) -> dict[str, Json]:
        """Return the difference for `--json`."""
        return {
            "added": [{"use": str(use), "sentence": text} for use, text in self.added],
            "removed": [{"use": str(use), "sentence": text} for use, text in self.removed],
            "fields": [{"field": f, "old": old, "new": new} for f, old, new in self.fields],
            "effective": [format_instant(instant) for instant in self.effective],
            "announced": [
                None if instant is None else format_instant(instant) for instant in self.announced
            ],
            "notice_window_days": self.notice_window_days,
        }


def diff_prose(old: str, new: str, *, old_first_line: int = 1, new_first_line: int = 1) -> TextDiff:
    """Compare two Markdown texts sentence by sentence.

    Args:
        old: The older text, without front matter.
        new: The newer.
        old_first_line: Line of its file on which the older text begins.
        new_first_line: The same for the newer.
    """
    before = _placed(sentences(old, first_line=old_first_line))
    after = _placed(sentences(new, first_line=new_first_line))
    matcher = SequenceMatcher(
        None, [_key(s) for s, _ in before], [_key(s) for s, _ in after], autojunk=False
    )
    operations = matcher.get_opcodes()
    gone = [i for kind, a, b, _, _ in operations if kind != "equal" for i in range(a, b)]
    come = [j for kind, _, _, a, b in operations if kind != "equal" for j in range(a, b)]
    moved = _moved(before, after, gone, come)
    changes: list[Change] = []
    for kind, a, b, c, d in operations:
        if kind == "equal":
            continue
        came_from = {j: i for i, j in moved.items()}
        left = [i for i in range(a, b) if i not in moved]
        right = [j for j in range(c, d) if j not in came_from]
        pairs = _pairs([before[i][0] for i in left], [after[j][0] for j in right])
        partner = {right[n]: left[m] for m, n in pairs}
        taken = set(partner.values())
        changes += [_one("removed", before[i], None) for i in left if i not in taken]
        for j in range(c, d):
            if j in came_from:
                changes.append(_one("moved", before[came_from[j]], after[j]))
            elif j in partner:
                changes.append(_one("changed", before[partner[j]], after[j]))
            else:
                changes.append(_one("added", None, after[j]))
    same = sum(b - a for kind, a, b, _, _ in operations if kind == "equal")
    return TextDiff(changes=tuple(changes), same=same)


def diff_declarations(
    old: PolicyDocument,
    new: PolicyDocument,
    *,
    taxonomy: Taxonomy,
    recorded: datetime | None = None,
) -> Declaration:
    """Compare what two versions declare.

    Args:
        old: The older version.
        new: The newer.
        taxonomy: The trees both are read with.
        recorded: When the log took the newer; None: it is not published, and where it was not
            announced either, no window is counted.
    """
    before, after = (
        {use for scope in document.uses for use in taxonomy.expand(scope)}
        for document in (old, new)
    )
    told = new.announced or recorded
    return Declaration(
        added=tuple((use, taxonomy.sentence(use)) for use in sorted(after - before)),
        removed=tuple((use, taxonomy.sentence(use)) for use in sorted(before - after)),
        fields=tuple(
            (name, str(one), str(other))
            for name in ("document", "kind", "jurisdiction", "language", "address")
            if (one := getattr(old, name)) != (other := getattr(new, name))
        ),
        effective=(old.effective, new.effective),
        announced=(old.announced, new.announced),
        notice_window_days=None if told is None else notice_window_days(told, new.effective),
    )


def marked(pieces: Iterable[Piece]) -> str:
    """Write a change in one line: `[-old words-]{+new words+}`."""
    marks = {"same": "{}", "removed": "[-{}-]", "added": "{{+{}+}}"}
    return "".join(marks[piece.kind].format(piece.text) for piece in pieces)


def word_pieces(old: str, new: str) -> tuple[Piece, ...]:
    """Return the words of two sentences as same, removed and added runs.

    Islands of nothing but a space or a comma between two changes are taken into the change, so
    that what went and what came read as phrases.
    """
    a, b = _TOKEN.findall(old), _TOKEN.findall(new)
    runs: list[list[str]] = []  # [removed, added] or [same]
    for kind, i, j, k, m in SequenceMatcher(None, a, b, autojunk=False).get_opcodes():
        if kind == "equal":
            text = "".join(a[i:j])
            if (
                runs
                and len(runs[-1]) == 2
                and not re.search(r"\w", text)
                and j < len(a)
                and m < len(b)
            ):
                runs[-1][0] += text
                runs[-1][1] += text
            else:
                runs.append([text])
        elif runs and len(runs[-1]) == 2:
            runs[-1][0] += "".join(a[i:j])
            runs[-1][1] += "".join(b[k:m])
        else:
            runs.append(["".join(a[i:j]), "".join(b[k:m])])
    pieces: list[Piece] = []
    for run in runs:
        if len(run) == 1:
            pieces.append(Piece("same", run[0]))
        else:
            pieces += [
                Piece(kind, text)
                for kind, text in zip(("removed", "added"), run, strict=True)
                if text
            ]
    return tuple(pieces)


_Placed = tuple[Sentence, str]


def _placed(found: Sequence[Sentence]) -> list[_Placed]:
    """Return each sentence with the heading it stands under."""
    heading, placed = "", []
    for sentence in found:
        if sentence.place == "heading":
            heading = sentence.text
        placed.append((sentence, heading))
    return placed


def _key(sentence: Sentence) -> tuple[bool, str]:
    return sentence.place == "heading", " ".join(sentence.text.split())


def _moved(
    before: Sequence[_Placed], after: Sequence[_Placed], gone: Sequence[int], come: Sequence[int]
) -> dict[int, int]:
    """Pair sentences that left one place and came, word for word, to another."""
    waiting: dict[tuple[bool, str], list[int]] = {}
    for i in gone:
        sentence = before[i][0]
        if len(sentence.text.split()) >= _MOVED_WORDS:
            waiting.setdefault(_key(sentence), []).append(i)
    moved = {}
    for j in come:
        places = waiting.get(_key(after[j][0]))
        if places:
            moved[places.pop(0)] = j
    return moved


def _pairs(old: Sequence[Sentence], new: Sequence[Sentence]) -> list[tuple[int, int]]:
    """Pair the sentences of one replaced stretch that are one sentence, changed; in order."""
    scored = sorted(
        (
            (-_alike(one.text, other.text), abs(m - n), m, n)
            for m, one in enumerate(old)
            for n, other in enumerate(new)
            if (one.place == "heading") == (other.place == "heading")
        )
    )
    pairs: list[tuple[int, int]] = []
    for score, _, m, n in scored:
        if -score < _ALIKE:
            break
        # Pairs may not cross: the order of a text is part of its sense.
        if all((m < x and n < y) or (m > x and n > y) for x, y in pairs):
            pairs.append((m, n))
    return sorted(pairs)


def _alike(one: str, other: str) -> float:
    """Return how much of their words two sentences have in common, 0 to 1 (Dice, with order)."""
    a, b = (re.findall(r"\w+", text.lower()) for text in (one, other))
    if not a or not b:
        return 0.0
    common = len(set(a) & set(b)) * 2 / (len(set(a)) + len(set(b)))
    if common < _ALIKE - 0.1:
        return 0.0
    return max(common, SequenceMatcher(None, a, b, autojunk=False).ratio())


def _one(kind: str, old: _Placed | None, new: _Placed | None) -> Change:
    here = new or old
    assert here is not None  # noqa: S101 (a change is of one text or of both)
    if kind == "changed" and old is not None and new is not None:
        pieces = word_pieces(old[0].text, new[0].text)
    else:
        words = {"moved": "same"}.get(kind, kind)
        pieces = (Piece(words, here[0].text),)
    return Change(
        kind=kind,
        section=here[1],
        old_line=None if old is None else old[0].line,
        new_line=None if new is None else new[0].line,
        pieces=pieces,
        place=here[0].place,
    )
