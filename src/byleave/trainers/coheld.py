"""How many members hold both of two items: counts that are added to, copied and read as a matrix.

One count for every two items, half a matrix, row after row: those of item b, with every a up to b,
begin at b (b + 1) / 2. So a copy reads nothing twice, and a new item is more counts at the end.
Exact whichever way it is counted: two items of a member one by one, or products of float32 whose
sums stay far below 2^24.
"""

from __future__ import annotations

from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt

__all__ = ["CoHeld", "add_held", "alone", "matrix", "no_counts"]

CoHeld: TypeAlias = npt.NDArray[np.integer[Any]]
"""uint16 or int32[items (items + 1) / 2]."""
_Longs: TypeAlias = npt.NDArray[np.int64]

_BLOCK: Final = 2048
"""Members in one exact product."""
_STRIPE: Final = 128
"""Rows of the matrix multiplied at once, so that a product is added while it is in the cache."""
_COUPLES: Final = 1 << 16
"""Couples of items that are counted at once: half a MiB, in the cache too."""
_DEAR: Final = 800
"""Multiplications that cost what one couple does, about."""


def no_counts(items: int, members: int) -> CoHeld:
    """Return zeros, two bytes a count where that holds as many members."""
    kind: type[np.integer[Any]] = np.uint16 if members < 1 << 16 else np.int32
    return np.zeros(items * (items + 1) // 2, kind)


def alone(counts: CoHeld, items: int) -> _Longs:
    """Return how many members hold each of so many items."""
    found: _Longs = counts[_rows(items) + np.arange(items)].astype(np.int64)
    return found


def matrix(counts: CoHeld, items: int) -> CoHeld:
    """Return the counts as a matrix that is zero above its diagonal. A loop over items."""
    found: CoHeld = np.zeros((items, items), counts.dtype)
    for at, row in enumerate(_rows(items).tolist()):
        found[at, : at + 1] = counts[row : row + at + 1]
    return found


def add_held(
    counts: CoHeld, member: npt.NDArray[np.int32], item: npt.NDArray[np.int32], *, less: bool
) -> None:
    """Add what these rows say, or take it off, in place; a member holds an item once.

    Args:
        counts: Of at least the items that are named.
        member: A number of who holds, by row.
        item: What, by row.
        less: Whether it is taken off.
    """
    size = 1 + int(item.max(initial=0))
    held = np.sort(member.astype(np.int64) * size + item)
    held = held[np.diff(held, prepend=-1) > 0]
    who = held // size
    what = held - who * size
    ends = np.append(np.flatnonzero(np.diff(who)) + 1, len(who))
    many = np.diff(ends, prepend=0)
    couples = int((many * (many + 1) // 2).sum())
    if couples * _DEAR <= len(many) * size**2:
        _by_couples(counts, what, np.repeat(ends - many, many), less=less)
    else:
        _by_products(counts, np.repeat(np.arange(len(many)), many), what, less=less)


def _rows(items: int) -> _Longs:
    """Return where the counts of each item begin."""
    at = np.arange(items, dtype=np.int64)
    return at * (at + 1) // 2


def _by_couples(counts: CoHeld, what: _Longs, first: _Longs, *, less: bool) -> None:
    """Count every two items of a member.

    Args:
        counts: Added to.
        what: Items, ascending, member after member.
        first: Of each, where its member's first one is.
        less: Whether they are taken off.
    """
    one = counts.dtype.type(1)
    change = np.subtract.at if less else np.add.at
    order = np.argsort(what)  # item by item: the counts of one are in the cache
    row = what[order]
    row = row * (row + 1) // 2
    first = first[order]
    many = order + 1 - first
    total = np.cumsum(many)
    low = 0
    while low < len(order):
        before = int(total[low - 1]) if low else 0
        high = max(low + 1, int(np.searchsorted(total, before + _COUPLES, side="right")))
        some = many[low:high]
        shift = np.repeat(first[low:high] - (total[low:high] - before - some), some)
        shift += np.arange(len(shift))
        cells = np.repeat(row[low:high], some)
        cells += what[shift]
        change(counts, cells, one)
        low = high


def _by_products(counts: CoHeld, who: _Longs, what: _Longs, *, less: bool) -> None:
    """Multiply members by the items they hold, stripe by stripe. A loop over items."""
    held, column = np.unique(what, return_inverse=True)
    row = (held * (held + 1) // 2).tolist()
    dense = int((held == np.arange(len(held))).sum())  # so many lie one after the other
    change = np.subtract if less else np.add
    last = int(who[-1]) + 1
    for start in range(0, last, _BLOCK):
        block = slice(*np.searchsorted(who, [start, start + _BLOCK]))
        x = np.zeros((min(_BLOCK, last - start), len(held)), np.float32)
        x[who[block] - start, column[block]] = 1
        ones = np.ascontiguousarray(x.T)
        for top in range(0, len(held), _STRIPE):
            stripe = (ones[top : top + _STRIPE] @ x[:, : top + _STRIPE]).astype(counts.dtype)
            for at, found in enumerate(stripe, top):
                mine = counts[row[at] : row[at] + int(held[at]) + 1]
                if at < dense:
                    change(mine, found[: at + 1], out=mine)
                else:
                    mine[held[: at + 1]] = change(mine[held[: at + 1]], found[: at + 1])
