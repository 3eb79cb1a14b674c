"""How many pairs have two features, and how many members stand behind: kept, not counted again.

For every two of the features of a release: pairs that have both, distinct members who wrote the
replies of those, and distinct members who wrote the contexts. All are sums over members, so what
a member's pairs were is taken off and what they are is put on; only a feature that was not there
before is counted over all pairs. Integers: the result is the one of a count from scratch.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

__all__ = ["Integers", "Marks", "Together", "columns_of", "incidence", "together", "updated"]

Integers: TypeAlias = npt.NDArray[np.int64]
Tallies: TypeAlias = npt.NDArray[np.int32]
"""Of pairs: fewer than 2^24."""
Marks: TypeAlias = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Together:
    """Counts of two features; the last row and column are all covered pairs.

    Attributes:
        features: Ids, ascending; shape (f,).
        gram: Pairs that have both; shape (f + 1, f + 1).
        members: Distinct authors, of their replies and of their contexts; shape (2, f + 1, f + 1).

    Cost: 12 bytes for every two features.
    """

    features: Integers
    gram: Tallies
    members: Tallies


def columns_of(features: Integers, ids: Integers) -> tuple[npt.NDArray[np.bool_], Integers]:
    """Say of each id whether it is one of these ascending features, and of those which."""
    at = np.searchsorted(features, ids)
    there = at < len(features)
    there[there] = features[at[there]] == ids[there]
    return there, at[there]


def incidence(rows: int, row: Integers, column: Integers, features: int) -> Marks:
    """Return whether a row has a feature; the last column is true; shape (rows, features + 1).

    Raises:
        OverflowError: 2^24 rows or more, whose sums float32 does not hold.
    """
    if rows >= 1 << 24:
        raise OverflowError("more covered pairs than can be multiplied exactly")
    has = np.zeros((rows, features + 1), np.bool_)
    has[row, column] = True
    has[:, -1] = True
    return has


def together(features: Integers, has: Marks, who: Integers) -> Together:
    """Count all pairs.

    Args:
        features: The features of the columns.
        has: Whether a pair has a feature; shape (pairs, f + 1).
        who: Who wrote the reply and the context of each pair; shape (pairs, 2).
    """
    both = [_distinct(has, has, who[:, side]) for side in (0, 1)]
    return Together(features=features, gram=_both(has, has), members=np.stack(both))


def updated(
    old: Together,
    features: Integers,
    before: tuple[Marks, Integers, npt.NDArray[np.bool_]],
    after: tuple[Marks, Integers, npt.NDArray[np.bool_]],
) -> Together:
    """Return what `together` would of the pairs after, reading little more than what changed.

    Args:
        old: The counts of the pairs before.
        features: The features of the pairs after.
        before: Pairs before, at least all of any member who wrote on a side of a changed one:
            which of `features` each has; who wrote its reply and its context; whether it went.
        after: All pairs after, likewise; whether each is new.
    """
    has, who, new = after
    had, whose, went = before
    stayed, at = columns_of(old.features, features)
    kept = np.append(np.flatnonzero(stayed), len(features))
    was = np.append(at, len(old.features))
    gram = np.zeros((len(features) + 1,) * 2, np.int32)
    gram[np.ix_(kept, kept)] = old.gram[np.ix_(was, was)]
    gram += _both(has[new], has[new]) - _both(had[went], had[went])
    enters = np.flatnonzero(~stayed)
    met = has[:, enters].any(axis=1)
    entering = has[met][:, enters]
    gram[enters] = _both(entering, has[met])
    gram[:, enters] = gram[enters].T
    members = np.zeros((2, *gram.shape), np.int32)
    for side in (0, 1):
        moved = np.union1d(whose[went, side], who[new, side])
        if 2 * len(moved) > len(np.unique(who[:, side])):
            members[side] = _distinct(has, has, who[:, side])
            continue
        found = members[side]
        found[np.ix_(kept, kept)] = old.members[side][np.ix_(was, was)]
        _move(found, (had, whose[:, side], went), (has, who[:, side], new))
        if len(enters):
            found[enters] = _distinct(entering, has[met], who[met, side])
            found[:, enters] = found[enters].T
    return Together(features=features, gram=gram, members=members)


def _move(
    found: Tallies,
    before: tuple[Marks, Integers, npt.NDArray[np.bool_]],
    after: tuple[Marks, Integers, npt.NDArray[np.bool_]],
) -> None:
    """Change counts of members by those one of whose pairs went or is new; arguments as above.

    Whoever had or has one pair in all is counted by a product. A loop over the others, each over
    the columns of their pairs that went or are new: no other cell of theirs can have changed.
    """
    (had, old, went), (has, now, new) = before, after
    size = 1 + max(old.max(initial=0), now.max(initial=0))
    had_many, has_many = np.bincount(old, minlength=size), np.bincount(now, minlength=size)
    only = (had_many + has_many) == 1
    left, right = went & only[old], new & only[now]
    found += _both(has[right], has[right]) - _both(had[left], had[left])
    rest = np.union1d(old[went & ~left], now[new & ~right])
    ours, theirs = _runs(old, rest), _runs(now, rest)
    for was, there in zip(ours, theirs, strict=True):
        earlier, later = had[was], has[there]
        change = earlier[went[was]].any(axis=0) | later[new[there]].any(axis=0)
        at = np.flatnonzero(change)
        less, more = (some[:, at].astype(np.float32) for some in (earlier, later))
        found[at[:, None], at] += (more.T @ more > 0).view(np.int8) - (less.T @ less > 0).view(
            np.int8
        )


def _runs(who: Integers, members: Integers) -> list[Integers]:
    """Return the rows of each of these members, who are ascending."""
    rows = np.flatnonzero(np.isin(who, members))
    rows = rows[np.argsort(who[rows], kind="stable")]
    return np.split(rows, np.searchsorted(who[rows], members))[1:]


def _both(left: Marks, right: Marks) -> Tallies:
    """Count the rows that have both, for each column of left and of right.

    A product of float32: sums of fewer than 2^24 ones are exact, whatever the processor.
    """
    found: Tallies = (left.T.astype(np.float32) @ right.astype(np.float32)).astype(np.int32)
    return found


def _distinct(left: Marks, right: Marks, who: Integers) -> Tallies:
    """Count the members one of whose pairs has both, for each column of left and of right.

    Whoever has one pair is counted by a product. A loop over the others, each over the columns
    of their own.
    """
    order = np.argsort(who, kind="stable")
    _, first, many = np.unique(who[order], return_index=True, return_counts=True)
    alone = order[first[many == 1]]
    found = _both(left[alone], right[alone])
    ones = left.astype(np.float32)
    others = ones if right is left else right.astype(np.float32)
    for start, size in zip(first[many > 1].tolist(), many[many > 1].tolist(), strict=True):
        rows = order[start : start + size]
        ours = ones[rows]
        one = np.flatnonzero(ours.any(axis=0))
        ours = ours[:, one]
        theirs, other = ours, one
        if right is not left:
            theirs = others[rows]
            other = np.flatnonzero(theirs.any(axis=0))
            theirs = theirs[:, other]
        found[one[:, None], other] += (ours.T @ theirs) > 0
    return found
