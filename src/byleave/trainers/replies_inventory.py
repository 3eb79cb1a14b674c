"""Which texts may be shown, and which pairs they cover."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from byleave.canonical import Json
from byleave.trainers.replies_pairs import Line, PairTable
from byleave.trainers.support import Occurrences, Pairs, distinct_members, enough_members, numbered
from byleave.trainers.together import Integers
from byleave.trainers.wording import Opening, show, slots_only

__all__ = ["Inventory", "Moved", "moved", "occurrences", "take_inventory"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Inventory:
    """Texts that at least k members opened a reply with, and the pairs whose reply does.

    Attributes:
        texts: What is shown, by label.
        folded: What each counts as, ascending.
        covered: Of each pair of the table, whether its reply opens with an entry.
        lines: The rows, by number.
        rows: Of each covered pair, the number of the row that is replied to.
        who: Of each covered pair, who wrote the reply and the context; shape (covered, 2).
        labels: Of each covered pair, the longest entry its reply opens with.
        words: Features of the covered contexts.
        wholes: Covered pairs whose reply is an entry.
        all_pairs: Pairs, covered or not; None where fewer than k members wrote one side of them.
    """

    texts: tuple[str, ...]
    folded: tuple[str, ...]
    covered: npt.NDArray[np.bool_]
    lines: Sequence[Line]
    rows: Integers
    who: Integers
    labels: Integers
    words: Occurrences
    wholes: int
    all_pairs: int | None

    @property
    def contexts(self) -> list[Line]:
        """Of each covered pair, the message replied to."""
        return [self.lines[at] for at in self.rows.tolist()]

    def coverage(self) -> dict[str, Json] | None:
        """Return the share of replies that open with, and that are, an entry; in 1/10,000."""
        if not self.all_pairs:
            return None
        return {
            "opening": (len(self.labels) * 10_000) // self.all_pairs,
            "whole": (self.wholes * 10_000) // self.all_pairs,
        }

    def vectors(self, numbers: int) -> Integers:
        """Return what the encoder made of each covered context; int64[pairs, numbers]."""
        rows = [line.vector for line in self.contexts]
        return np.array(rows, np.int64).reshape(len(rows), numbers)

    def pairs(self) -> Pairs:
        """Return the covered pairs as columns of integers."""
        return Pairs(
            reply_author=self.who[:, 0],
            context_author=self.who[:, 1],
            label=self.labels,
            words=self.words,
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Moved:
    """Which covered pairs one inventory has and another has not.

    Attributes:
        went: Of each covered pair before, whether it is one no longer.
        place: Of each covered pair before, its place among those after, or -1.
        new: Of each covered pair after, whether it was none before.
    """

    went: npt.NDArray[np.bool_]
    place: Integers
    new: npt.NDArray[np.bool_]


def moved(
    old: npt.NDArray[np.bool_], stays: npt.NDArray[np.bool_], covered: npt.NDArray[np.bool_]
) -> Moved:
    """Compare what was covered with what is.

    Args:
        old: Of each pair of the table before, whether it was covered.
        stays: Of each of them, whether it is still there: the first after, in this order.
        covered: Of each pair of the table after.
    """
    many = int(stays.sum())
    still, was = np.zeros(len(stays), np.bool_), np.zeros(len(covered), np.bool_)
    still[stays], was[:many] = covered[:many], old[stays]
    place = np.full(len(stays), -1, np.int64)
    place[stays] = (np.cumsum(covered) - 1)[:many]
    went = ~still[old]
    found = place[old]
    found[went] = -1
    return Moved(went=went, place=found, new=~was[covered])


def occurrences(contexts: Iterable[Line]) -> Occurrences:
    """Return the features of these messages."""
    found: list[npt.NDArray[np.int64]] = [line.features for line in contexts]
    sizes = np.array([len(some) for some in found], np.int64)
    feature = np.concatenate([np.zeros(0, np.int64), *found])
    ids, column = numbered(feature)
    return Occurrences(row=np.repeat(np.arange(len(sizes)), sizes), column=column, ids=ids)


def take_inventory(
    table: PairTable,
    lines: Sequence[Line],
    k: int,
    before: tuple[Inventory, npt.NDArray[np.bool_]] | None = None,
) -> Inventory:
    """Return the texts that may be shown, and the pairs they cover.

    Of the exact spellings of one folded text, the one most members sent is shown, if k did.
    A reply counts for its longest opening in the inventory. An entry that is nobody's longest
    opening often enough (k members on each side) goes, and its replies count for a shorter one.

    Args:
        table: The pairs.
        lines: The rows, by number.
        k: The threshold.
        before: The inventory of a table that this one came from, and which of its pairs stayed:
            the features of pairs that both cover are taken over from it.
    """
    best = _sent(table, lines, k)
    folded = sorted(best)
    ordinals = np.array([best[text][2] for text in folded], np.int64)
    place = np.full(2 + int(table.says.max(initial=0)), -1, np.int64)  # its last: of -1
    some: Integers | None = None  # pairs that may be covered; None: all
    while True:
        place[:] = -1
        place[ordinals] = np.arange(len(ordinals))
        if some is None:
            some = np.flatnonzero((place[table.says] >= 0).any(axis=1))
            says, who = table.says[some], table.who[some]
        labels = np.full(len(some), -1, np.int64)
        for shorter_first in says.T:
            label = place[shorter_first]
            labels = np.where(label >= 0, label, labels)
        met = labels >= 0
        good = np.ones(len(ordinals), dtype=np.bool_)
        for side in (0, 1):
            good &= enough_members(labels[met], who[met, side], len(ordinals), k)
        if good.all():
            break
        folded = [text for text, enough in zip(folded, good, strict=True) if enough]
        ordinals = ordinals[good]
    covered = np.zeros(len(table.whole), np.bool_)
    covered[some[met]] = True
    labels = labels[met]
    rows = table.context[covered]
    sides = [int(np.count_nonzero(np.bincount(table.who[:, side]))) for side in (0, 1)]
    return Inventory(
        texts=tuple(show(best[text][1]) for text in folded),
        folded=tuple(folded),
        covered=covered,
        lines=lines,
        rows=rows,
        who=table.who[covered],
        labels=labels,
        words=_words(lines, rows, covered, before),
        wholes=int((place[table.whole[covered]] == labels).sum()),
        all_pairs=len(covered) if min(sides) >= k else None,
    )


def _sent(table: PairTable, lines: Sequence[Line], k: int) -> dict[str, tuple[int, str, int]]:
    """Return of each folded opening its spelling that most members sent, where k did.

    Members below zero, so that the least is the best; the spelling; the folded one's ordinal.
    Loops only over the openings that k members sent.
    """
    flat = table.spells.reshape(-1)
    there = np.flatnonzero(flat >= 0)
    spelled = flat[there]
    many = np.bincount(spelled)
    often = many[spelled] >= k  # a rarer one has fewer members still
    spelled = spelled[often]
    row, piece = np.divmod(there[often], table.spells.shape[1])
    members = distinct_members(spelled, table.who[row, 0], len(many))
    one = np.zeros(len(many), np.int64)
    one[spelled] = np.arange(len(spelled))
    best: dict[str, tuple[int, str, int]] = {}
    for ordinal in np.flatnonzero(members >= k).tolist():
        at = int(one[ordinal])
        opening: Opening = lines[table.reply[row[at]]].openings[piece[at]]
        if not slots_only(opening.exact):
            found = (-int(members[ordinal]), opening.exact, int(table.says[row[at], piece[at]]))
            best[opening.folded] = min(best.get(opening.folded, found), found)
    return best


def _words(
    lines: Sequence[Line],
    rows: Integers,
    covered: npt.NDArray[np.bool_],
    before: tuple[Inventory, npt.NDArray[np.bool_]] | None,
) -> Occurrences:
    """Return the features of the covered contexts, reading only those that were not covered."""
    if before is None:
        return occurrences([lines[at] for at in rows.tolist()])
    old, stays = before
    change = moved(old.covered, stays, covered)
    kept = old.words.of_rows(change.place)
    if not change.new.any():
        return kept
    fresh = occurrences([lines[at] for at in rows[change.new].tolist()])
    return kept.joined(fresh.of_rows(np.flatnonzero(change.new)))
