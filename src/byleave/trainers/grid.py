"""Solve A W = B for integers, and round W to a grid: the same bits on every machine.

A float64 solver answers differently in its last bits on another processor or with another
number of threads. Rounding to multiples of 2^-20 hides that, except for an entry that lies
almost half-way between two grid points. Such columns are solved again in exact integer
arithmetic until the error, bounded by the residual, cannot reach the half-way point. So the
result is a function of A and B alone.

Bound: for symmetric A whose eigenvalues are all >= m > 0, |W - W~| <= |B - A W~| / m.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import numpy as np
import numpy.typing as npt

__all__ = ["GRID_BITS", "ease_on_grid", "ridge_on_grid"]

GRID_BITS: Final = 20
_DOUBT: Final = 2.0**-17
"""Distance from half-way, in grid steps, below which float64 is not trusted (its error: < 2^-22)."""
_RATIO_DOUBT: Final = 2.0**-24
"""The same for EASE, never less than this."""
_LIMB_BITS: Final = 20
"""Width of the parts a long integer is cut into; with it, row sums below 2^43 do not overflow."""
_LIMIT_BITS: Final = 220
"""Precision at which an entry still half-way is exactly half-way, for all that can be told."""
_MOST_STEPS: Final = 64
"""Each step gains tens of bits: the system's condition number is below 2 (1 + trace / ridge)."""

Integers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.floating[Any]]


def ridge_on_grid(gram: Integers, cross: Integers, ridge: int) -> Integers:
    """Return W, in units of 2^-20, of (gram + r I) W = cross.

    `r` is `ridge`, doubled until gram + r/2 I is positive definite (a Gram matrix from which
    small cells were taken out need not be); every eigenvalue of the system is then >= r/2.

    Args:
        gram: Symmetric, shape (features, features); sums of its rows below 2^42.
        cross: Shape (features, classes), below 2^42.
        ridge: Positive.
    """
    if not cross.size:
        return np.zeros(cross.shape, dtype=np.int64)
    matrix = gram.astype(np.float64)
    diagonal = np.diag(matrix).copy()
    np.fill_diagonal(matrix, diagonal + ridge / 2)
    while not _positive_definite(matrix):
        ridge *= 2
        np.fill_diagonal(matrix, diagonal + ridge / 2)
    np.fill_diagonal(matrix, diagonal + ridge)
    weights = np.linalg.solve(matrix, cross.astype(np.float64))
    scaled = np.ldexp(weights, GRID_BITS)
    grid: Integers = np.floor(scaled + 0.5).astype(np.int64)
    # No entry is further off than the residual's length over the least eigenvalue.
    off = np.linalg.norm(cross - matrix @ weights, axis=0) * 2 / ridge
    near = np.abs(scaled - np.floor(scaled) - 0.5)
    columns = np.flatnonzero((near < np.maximum(np.ldexp(4 * off, GRID_BITS), _DOUBT)).any(axis=0))
    left = _undecided(matrix, cross[:, columns], scaled[:, columns], near[:, columns], ridge)
    if not left.any():
        return grid
    columns, system = columns[left], gram + ridge * np.eye(len(gram), dtype=np.int64)
    inverse = np.linalg.inv(matrix)
    step = inverse @ (cross[:, columns] - matrix @ weights[:, columns])  # Newton's next
    doubt = np.maximum(np.ldexp(16 * np.abs(step).max(axis=0), GRID_BITS), _DOUBT)
    for at in columns[(near[:, columns] < doubt).any(axis=0)]:
        grid[:, at] = _exact_column(system, inverse, cross[:, at], weights[:, at], ridge)
    return grid


def _undecided(
    matrix: Floats,
    cross: Integers,
    scaled: Floats,
    near: Floats,
    ridge: int,
) -> npt.NDArray[np.bool_]:
    """Say of each column whether the exact residual leaves a doubt about an entry's rounding.

    The weights, in units of 2^-20, are taken apart into multiples of 2^-7, whose products with the
    matrix are exact, and what is left, whose products are so small that their rounding is nothing.
    """
    high = np.ldexp(np.rint(np.ldexp(scaled, 7)), -7)
    first = np.ldexp(cross.astype(np.float64), GRID_BITS) - matrix @ high
    second = matrix @ (scaled - high)
    most = np.abs(matrix).sum(axis=1).max(initial=0)
    rounding = len(matrix) ** 1.5 * 2.0**-52 * most * np.abs(scaled - high).max(initial=0)
    off = (np.linalg.norm(first - second, axis=0) * (1 + 2.0**-30) + rounding) * 2 / ridge
    wide = np.abs(high).max(initial=0) * most >= 2.0**45  # with 7 bits more: 2^52
    return np.asarray((near <= off + 2.0**-30).any(axis=0) | wide)


def _positive_definite(matrix: Floats) -> bool:
    try:
        np.linalg.cholesky(matrix)
    except np.linalg.LinAlgError:
        return False
    return True


def ease_on_grid(gram: Integers, ridge: int) -> Integers:
    """Return the item weights of EASE in units of 2^-20: -P_ij / P_jj, and 0 on the diagonal.

    P is the inverse of gram + r I, with `r` as in `ridge_on_grid` (Steck, "Embarrassingly Shallow
    Autoencoders for Sparse Data", WWW 2019, eq. 8). An entry nearer to half-way than sixteen
    times what Newton's next step would move it has its column solved again in whole numbers.

    Args:
        gram: Items by items, symmetric, below 2^31: how many members hold both.
        ridge: Positive.

    Cost: one inverse and two products of items by items; 8 bytes a cell, five times.
    """
    items = len(gram)
    if not items:
        return np.zeros((0, 0), dtype=np.int64)
    while not _positive_definite(gram + (ridge / 2) * np.eye(items)):
        ridge *= 2
    system = gram + ridge * np.eye(items, dtype=np.int64)
    inverse = np.linalg.inv(system.astype(np.float64))
    step = inverse @ (np.eye(items) - system.astype(np.float64) @ inverse)  # Newton's next
    doubt = np.ldexp(16 * np.abs(step).max(axis=0) / np.diag(inverse), GRID_BITS)
    scaled = np.ldexp(-inverse / np.diag(inverse), GRID_BITS)
    grid = np.floor(scaled + 0.5).astype(np.int64)
    near = np.abs(scaled - np.floor(scaled) - 0.5) < np.maximum(doubt, _RATIO_DOUBT)
    np.fill_diagonal(near, val=False)
    for at in np.flatnonzero(near.any(axis=0)):
        grid[:, at] = _exact_ratios(system, inverse, int(at), ridge)
    np.fill_diagonal(grid, 0)
    return grid


def _exact_ratios(system: Integers, inverse: Floats, at: int, ridge: int) -> Integers:
    """Refine a column of the inverse until no ratio to its diagonal can round another way."""
    target = np.zeros(len(system), dtype=np.int64)
    target[at] = 1
    high: list[int] = []
    for _, value, error in _refined(system, inverse, target, inverse[:, at], ridge):
        whole = int(value[at])
        if whole <= error:
            continue
        bounds = [
            [_grid(-(int(v) + s * error), whole + t * error) for s in (-1, 1) for t in (-1, 1)]
            for v in value
        ]
        high = [max(four) for four in bounds]
        if high == [min(four) for four in bounds]:
            break
    # Undecided only where the true ratio lies exactly half-way: then upwards, as everywhere.
    return np.array(high, dtype=np.int64)


def _grid(numerator: int, denominator: int) -> int:
    """Return numerator / denominator in units of 2^-20, half-way upwards."""
    return ((numerator << (GRID_BITS + 1)) + denominator) // (2 * denominator)


def _exact_column(
    system: Integers,
    inverse: Floats,
    target: Integers,
    start: Floats,
    ridge: int,
) -> Integers:
    """Refine one column in whole numbers of 2^-bits until no entry can round another way."""
    nearest: list[int] = []
    for bits, value, error in _refined(system, inverse, target, start, ridge):
        half = 1 << (bits - GRID_BITS)
        low = [(2 * (int(v) - error) + half) // (2 * half) for v in value]
        high = [(2 * (int(v) + error) + half) // (2 * half) for v in value]
        nearest = [(2 * int(v) + half) // (2 * half) for v in value]
        if low == high:
            break
    # Undecided only where the true value lies exactly half-way: then upwards, as everywhere.
    return np.array(nearest, dtype=np.int64)


def _refined(
    system: Integers,
    inverse: Floats,
    target: Integers,
    start: Floats,
    ridge: int,
) -> Iterator[tuple[int, npt.NDArray[np.object_], int]]:
    """Yield ever better solutions of system @ x = target: bits, x in units of 2^-bits, its error.

    The error bounds every entry, in the same units; `_LIMIT_BITS` is the last precision.
    """
    bits = 60
    value = _to_fixed(start, bits)
    for _ in range(_MOST_STEPS):
        residual = target.astype(object) * (1 << bits) - _product(system, value)
        largest = max(abs(int(r)) for r in residual)
        # 1-norm bounds the 2-norm; eigenvalues are >= ridge / 2.
        error = (2 * sum(abs(int(r)) for r in residual)) // ridge + 1
        yield bits, value, error
        if bits >= _LIMIT_BITS:
            return
        if largest < 1 << 40:
            bits += 40
            value = value * (1 << 40)
            residual = residual * (1 << 40)
            largest <<= 40
        shift = max(0, largest.bit_length() - 53)
        step = inverse @ np.array([int(r) >> shift for r in residual], dtype=np.float64)
        value = value + _to_fixed(step, shift)


def _product(system: Integers, value: npt.NDArray[np.object_]) -> npt.NDArray[np.object_]:
    """Return system @ value exactly: one int64 product for each part of the long integers."""
    result = np.zeros(len(value), dtype=object)
    rest, place = value, 0
    while any(rest):
        part = np.array([int(v) & ((1 << _LIMB_BITS) - 1) for v in rest], dtype=np.int64)
        done = rest == -1  # what is left of a negative number
        part[done] = -1
        result = result + (system @ part).astype(object) * (1 << place)
        rest = np.where(done, 0, rest >> _LIMB_BITS)
        place += _LIMB_BITS
    return result


def _to_fixed(values: Floats, bits: int) -> npt.NDArray[np.object_]:
    """Return round(values * 2^bits) as Python integers, exactly."""
    result = np.empty(len(values), dtype=object)
    for at, value in enumerate(values):
        numerator, denominator = float(value).as_integer_ratio()
        result[at] = (2 * (numerator << bits) + denominator) // (2 * denominator)
    return result
