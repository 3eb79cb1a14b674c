"""Which texts may be shown, and which pairs they cover."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from byleave.canonical import Json
from byleave.trainers.replies_state import Key, Line, ReplyState
from byleave.trainers.support import Integers, Pairs, enough_members
from byleave.trainers.wording import show, slots_only

__all__ = ["Inventory", "links", "take_inventory"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Inventory:
    """Texts that at least k members opened a reply with, and the pairs whose reply does.

    Attributes:
        texts: What is shown, by label.
        folded: What each counts as.
        contexts: Of each covered pair, the message replied to.
        replies: Of each covered pair, the reply.
        labels: Of each covered pair, the longest entry its reply opens with.
        all_pairs: Pairs, covered or not; None where fewer than k members wrote one side of them.
    """

    texts: tuple[str, ...]
    folded: tuple[str, ...]
    contexts: tuple[Line, ...]
    replies: tuple[Line, ...]
    labels: Integers
    all_pairs: int | None

    def coverage(self) -> dict[str, Json] | None:
        """Return the share of replies that open with, and that are, an entry; in 1/10,000."""
        if not self.all_pairs:
            return None
        wholes = sum(
            reply.complete and reply.openings[-1].folded == self.folded[label]
            for reply, label in zip(self.replies, self.labels.tolist(), strict=True)
        )
        return {
            "opening": (len(self.replies) * 10_000) // self.all_pairs,
            "whole": (wholes * 10_000) // self.all_pairs,
        }

    def vectors(self, numbers: int) -> Integers:
        """Return what the encoder made of each covered context; int64[pairs, numbers]."""
        rows = [line.vector for line in self.contexts]
        return np.array(rows, np.int64).reshape(len(rows), numbers)

    def pairs(self) -> Pairs:
        """Return the covered pairs as columns of integers."""
        names = {
            name: at
            for at, name in enumerate(
                sorted({line.author for line in (*self.contexts, *self.replies)})
            )
        }
        sizes = [len(line.features) for line in self.contexts]
        empty = np.zeros(0, dtype=np.int64)
        return Pairs(
            context_author=np.array([names[line.author] for line in self.contexts], dtype=np.int64),
            reply_author=np.array([names[line.author] for line in self.replies], dtype=np.int64),
            label=self.labels,
            row=np.repeat(np.arange(len(sizes)), np.array(sizes, dtype=np.int64)),
            feature=np.concatenate([empty, *(line.features for line in self.contexts)]),
        )


def links(lines: Mapping[Key, Line], touched: Mapping[Key, Line]) -> Iterator[tuple[Line, Line]]:
    """Yield (context, reply) of every pair in `lines` that has a row in `touched`, once."""
    for thread, seq in touched:
        for before in (seq - 1, seq):
            if before == seq - 1 and (thread, before) in touched:
                continue  # met as its own `seq`
            context, reply = lines.get((thread, before)), lines.get((thread, before + 1))
            if context is not None and reply is not None and context.author != reply.author:
                yield context, reply


def take_inventory(state: ReplyState, k: int) -> Inventory:
    """Return the texts that may be shown, and the pairs they cover.

    Of the exact spellings of one folded text, the one most members sent is shown, if k did.
    A reply counts for its longest opening in the inventory. An entry that is nobody's longest
    opening often enough (k members on each side) goes, and its replies count for a shorter one.
    """
    best: dict[str, tuple[int, str]] = {}
    for opening, members in state.senders.items():
        if len(members) >= k and not slots_only(opening.exact):
            candidate = (-len(members), opening.exact)
            best[opening.folded] = min(best.get(opening.folded, candidate), candidate)
    folded = sorted(best)
    every = list(links(state.lines, state.lines))
    pairs = [pair for pair in every if any(opening.folded in best for opening in pair[1].openings)]
    names = {name: at for at, name in enumerate(sorted({line.author for p in pairs for line in p}))}
    while True:
        place = {text: at for at, text in enumerate(folded)}
        labels = np.array([_longest(reply, place) for _, reply in pairs], dtype=np.int64)
        kept = np.flatnonzero(labels >= 0)
        good = np.ones(len(folded), dtype=np.bool_)
        for side in (0, 1):
            who = np.array([names[pairs[at][side].author] for at in kept], dtype=np.int64)
            good &= enough_members(labels[kept], who, len(folded), k)
        if good.all():
            break
        folded = [text for text, enough in zip(folded, good, strict=True) if enough]
    sides = [{pair[side].author for pair in every} for side in (0, 1)]
    return Inventory(
        texts=tuple(show(best[text][1]) for text in folded),
        folded=tuple(folded),
        contexts=tuple(pairs[at][0] for at in kept),
        replies=tuple(pairs[at][1] for at in kept),
        labels=labels[kept],
        all_pairs=len(every) if min(map(len, sides)) >= k else None,
    )


def _longest(reply: Line, place: Mapping[str, int]) -> int:
    for opening in reversed(reply.openings):
        at = place.get(opening.folded)
        if at is not None:
            return at
    return -1
