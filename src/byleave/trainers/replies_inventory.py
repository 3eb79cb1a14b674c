"""Which texts may be shown, and which pairs they cover."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from byleave.canonical import Json
from byleave.trainers.replies_pairs import PairTable
from byleave.trainers.support import Pairs, enough_members
from byleave.trainers.together import Integers
from byleave.trainers.wording import Opening, show, slots_only

__all__ = ["Inventory", "occurrences", "take_inventory"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Inventory:
    """Texts that at least k members opened a reply with, and the pairs whose reply does.

    Attributes:
        texts: What is shown, by label.
        folded: What each counts as, ascending.
        covered: Of each pair of the table, whether its reply opens with an entry.
        contexts: Of each covered pair, the message replied to; objects.
        who: Of each covered pair, who wrote the reply and the context; shape (covered, 2).
        labels: Of each covered pair, the longest entry its reply opens with.
        wholes: Covered pairs whose reply is an entry.
        all_pairs: Pairs, covered or not; None where fewer than k members wrote one side of them.
    """

    texts: tuple[str, ...]
    folded: tuple[str, ...]
    covered: npt.NDArray[np.bool_]
    contexts: npt.NDArray[np.object_]
    who: Integers
    labels: Integers
    wholes: int
    all_pairs: int | None

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
        row, feature = occurrences(self.contexts)
        return Pairs(
            reply_author=self.who[:, 0],
            context_author=self.who[:, 1],
            label=self.labels,
            row=row,
            feature=feature,
        )


def occurrences(contexts: npt.NDArray[np.object_]) -> tuple[Integers, Integers]:
    """Return, for every feature of these messages, which message has it, and its id."""
    found: list[npt.NDArray[np.int64]] = [line.features for line in contexts]
    sizes = np.array([len(some) for some in found], np.int64)
    feature = np.concatenate([np.zeros(0, np.int64), *found])
    return np.repeat(np.arange(len(sizes)), sizes), feature


def take_inventory(sent: Mapping[Opening, int], table: PairTable, k: int) -> Inventory:
    """Return the texts that may be shown, and the pairs they cover.

    Of the exact spellings of one folded text, the one most members sent is shown, if k did.
    A reply counts for its longest opening in the inventory. An entry that is nobody's longest
    opening often enough (k members on each side) goes, and its replies count for a shorter one.

    Args:
        sent: How many members opened a reply so, where k did.
        table: The pairs.
        k: The threshold.
    """
    best: dict[str, tuple[int, str]] = {}
    for opening, members in sent.items():
        if not slots_only(opening.exact):
            candidate = (-members, opening.exact)
            best[opening.folded] = min(best.get(opening.folded, candidate), candidate)
    folded = sorted(best)
    ordinals = np.array([table.texts[text] for text in folded], np.int64)
    place = np.full(2 + max(table.texts.values(), default=0), -1, np.int64)  # its last: of -1
    while True:
        place[:] = -1
        place[ordinals] = np.arange(len(ordinals))
        labels = np.full(len(table.whole), -1, np.int64)
        for shorter_first in table.says.T:
            label = place[shorter_first]
            labels = np.where(label >= 0, label, labels)
        covered = labels >= 0
        good = np.ones(len(ordinals), dtype=np.bool_)
        for side in (0, 1):
            who = table.who[covered, side]
            good &= enough_members(labels[covered], who, len(ordinals), k)
        if good.all():
            break
        folded = [text for text, enough in zip(folded, good, strict=True) if enough]
        ordinals = ordinals[good]
    sides = [len(np.unique(table.who[:, side])) for side in (0, 1)]
    return Inventory(
        texts=tuple(show(best[text][1]) for text in folded),
        folded=tuple(folded),
        covered=covered,
        contexts=table.contexts[covered],
        who=table.who[covered],
        labels=labels[covered],
        wholes=int((place[table.whole[covered]] == labels[covered]).sum()),
        all_pairs=len(labels) if min(sides) >= k else None,
    )
