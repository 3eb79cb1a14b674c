"""What withdrawals will cost a sharded learner: said before anything is trained.

Two answers. `forecast` knows the numbers of shards and slices alone. `Layout` knows the rows of a
snapshot and who is a party of each: a message stands in its author's slice, and a withdrawal of
its recipient removes it there, so that whoever writes to many people costs many shards. Both count
rows to be learned again, as a share of all; slices learn their own rows alone (single pass).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

__all__ = ["Layout", "forecast"]

Ints = npt.NDArray[np.int64]


def forecast(shards: int, slices: int, leaving: int) -> float:
    """Return the expected cost of one batch of withdrawals, as a share of a fit from nothing.

    Slices learn their own rows alone (single pass), members are dealt evenly.
    E = sum over m of Bin(m; k, 1/S) * sum over r of P(first touched slice is r) * (R - r + 1) / R.

    Args:
        shards: S.
        slices: R.
        leaving: Members in the batch, k; each with rows in one slice.
    """
    expected, none = 0.0, (1 - 1 / shards) ** leaving
    chance = none
    for m in range(1, leaving + 1):
        chance = (
            float(leaving == m) if shards == 1 else chance * (leaving - m + 1) / m / (shards - 1)
        )
        expected += chance * sum(
            (((slices - r + 1) / slices) ** m - ((slices - r) / slices) ** m)
            * (slices - r + 1)
            / slices
            for r in range(1, slices + 1)
        )
    return expected


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Rows dealt to slices, and the parties of each.

    Attributes:
        shards: How many models.
        slices: Checkpoints of each.
        rows: Rows in each slice; int64, shape (shards * slices,).
        parties: How many members are a party of some row.
        reached: For each slice, how many of them would have it trained again; int64, same shape.
        touched: For each of them, how many shards; int64, shape (parties,).
    """

    shards: int
    slices: int
    rows: Ints = field(repr=False)
    parties: int
    reached: Ints = field(repr=False)
    touched: Ints = field(repr=False)

    @classmethod
    def of(cls, *, shape: tuple[int, int], slots: Ints, row: Ints, party: Ints) -> Layout:
        """Return the layout of a snapshot.

        Args:
            shape: Shards and slices.
            slots: Slice of each row, shard * slices + slice; int64, shape (rows,).
            row: Row of each pair of row and party; int64, shape (pairs,).
            party: Member of each pair, as any number; int64, shape (pairs,).
        """
        shards, slices = shape
        everyone, who = np.unique(party, return_inverse=True)
        slot = slots[row]
        first = np.full(len(everyone) * shards, slices, np.int64)
        np.minimum.at(first, who * shards + slot // slices, slot % slices)
        table = first.reshape(len(everyone), shards)
        reached = [(table <= at).sum(axis=0) for at in range(slices)]
        return cls(
            shards=shards,
            slices=slices,
            rows=np.bincount(slots, minlength=shards * slices).astype(np.int64),
            parties=len(everyone),
            reached=np.array(reached, np.int64).reshape(slices, shards).T.reshape(-1),
            touched=(table < slices).sum(axis=1).astype(np.int64),
        )

    def expected(self, leaving: int) -> float:
        """Return the mean share of rows learned again when this many members leave in one batch.

        Every set of that many is equally likely; the mean is exact. A slice stays where none of
        those who reach it leaves: C(n - c, k) / C(n, k) for c of n, as a product of k ratios.
        """
        total = int(self.rows.sum())
        if not total or not self.parties:
            return 0.0
        k = min(leaving, self.parties)
        taken = np.arange(k)
        stays = np.maximum(self.parties - self.reached[:, None] - taken, 0) / (self.parties - taken)
        return float((self.rows * (1 - stays.prod(axis=1))).sum() / total)
