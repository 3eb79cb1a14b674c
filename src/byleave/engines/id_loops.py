"""Two loops over ids that are texts, compiled by numba when first called; imported by `engines.kernel`.

They give what `gate.members` gives by NumPy. An id costs four reads from memory that no cache
holds (where its bucket begins, hash, ordinal, the id itself); the loops go block by block and ask
for each of them one pass ahead of its use.
"""

# numba types these functions by what they are called with; mypy has nothing to hold on to.
# mypy: ignore-errors
from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from byleave.engines.kernel_loops import ask, word_at

__all__ = ["find", "suffixes"]

_BLOCK = 256
_LINE = 32
"""Bytes on: an id of usual length may stand in two lines of the cache."""
_ODD = np.uint64(0x9E3779B97F4A7C15)
_ONES = np.uint64(0xFFFFFFFFFFFFFFFF)
_TOP = np.uint64(2**63)
_DIGITS = 19
_UNKNOWN = -1


@njit(nogil=True, cache=True, inline="always")
def _taken(data: Any, at: Any, end: Any) -> Any:  # noqa: ANN401
    """Return up to eight bytes of a text as one number; those behind its end are zeros."""
    left = end - at
    if at + 8 <= len(data):
        word = word_at(data, at)
        return word if left >= 8 else word & (_ONES >> np.uint64(64 - 8 * left))
    taken = np.uint64(0)
    for place in range(min(8, left)):
        taken |= np.uint64(data[at + place]) << np.uint64(8 * place)
    return taken


@njit(nogil=True, cache=True, inline="always")
def _hash(data: Any, start: Any, end: Any) -> Any:  # noqa: ANN401
    """Hash one text eight bytes at a time, as `gate.members._hash` does."""
    result = np.uint64(end - start) * _ODD
    at = start
    while at < end:
        taken = _taken(data, at, end)
        mixed = (result ^ taken) * _ODD
        result = mixed ^ (mixed >> np.uint64(32))
        at += 8
    return (result ^ (result >> np.uint64(29))) * _ODD


@njit(nogil=True, cache=True)
def find(  # noqa: ANN201
    offsets,  # noqa: ANN001
    data,  # noqa: ANN001
    known,  # noqa: ANN001
    ids,  # noqa: ANN001
    hashes,  # noqa: ANN001
    order,  # noqa: ANN001
    starts,  # noqa: ANN001
    shift,  # noqa: ANN001
    found,  # noqa: ANN001
):
    """Write the ordinal of each text, or -1; equal hashes are compared byte for byte."""
    count = len(offsets) - 1
    hashed = np.empty(_BLOCK, np.uint64)
    at = np.empty(_BLOCK, np.int64)
    for first in range(0, count, _BLOCK):
        size = min(_BLOCK, count - first)
        for row in range(size):
            text = first + row
            hashed[row] = _hash(data, offsets[text], offsets[text + 1])
            ask(starts, np.int64(hashed[row] >> shift))
        for row in range(size):
            at[row] = starts[np.int64(hashed[row] >> shift)]
            ask(hashes, at[row])
            ask(order, at[row])
        for row in range(size):
            end = starts[np.int64(hashed[row] >> shift) + 1]
            place = at[row]
            while place < end and hashes[place] < hashed[row]:
                place += 1
            at[row] = -1
            if place < end and hashes[place] == hashed[row]:
                at[row] = place
                ask(known, np.int64(order[place]))
        for row in range(size):
            if at[row] >= 0:
                begin = known[np.int64(order[at[row]])]
                ask(ids, begin)
                ask(ids, min(begin + _LINE, len(ids) - 1))
        for row in range(size):
            text = first + row
            ordinal = _UNKNOWN
            place = at[row]
            start = offsets[text]
            length = offsets[text + 1] - start
            while place >= 0 and place < len(hashes) and hashes[place] == hashed[row]:
                candidate = np.int64(order[place])
                begin = known[candidate]
                same = known[candidate + 1] - begin == length
                byte = 0
                while same and byte < length:
                    same = _taken(ids, begin + byte, begin + length) == _taken(
                        data, start + byte, start + length
                    )
                    byte += 8
                if same:
                    ordinal = candidate
                    break
                place += 1
            found[text] = ordinal


@njit(nogil=True, cache=True)
def suffixes(offsets, data, prefix, numbers, good):  # noqa: ANN001, ANN201
    """Write the whole number behind the prefix, and whether a text is just that, in decimal."""
    head = len(prefix)
    for text in range(len(offsets) - 1):
        start, end = offsets[text], offsets[text + 1]
        digits = end - start - head
        sound = digits > 0 and digits <= _DIGITS
        if sound:
            for byte in range(head):
                sound &= data[start + byte] == prefix[byte]
            sound &= digits == 1 or data[start + head] != 48
            value = np.uint64(0)
            for at in range(start + head, end):
                digit = np.uint64(data[at]) - np.uint64(48)
                sound &= digit <= np.uint64(9)
                value = value * np.uint64(10) + digit
            sound &= value < _TOP
            numbers[text] = np.int64(value) if sound else 0
        else:
            numbers[text] = 0
        good[text] = sound
