"""Two loops over rows, compiled by numba when first called; imported by `engines.kernel` alone."""

# numba types these functions by what they are called with; mypy has nothing to hold on to.
# mypy: ignore-errors
from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic
from numba.np import arrayobj

__all__ = ["lists", "pairs"]

_AHEAD = 32
"""Rows between asking for a byte and using it: measured, flat from 16 to 64."""

_OPEN = 255
_KEPT = 0
_VETOED = 45
_EARLY = 8
_NO_DATE = 9
_BEFORE = 23
_ANY, _AUTHOR, _ALL = 0, 1, 2
_UNKNOWN = -(2**63)


@intrinsic
def _ask(_context: Any, plane: Any, place: Any) -> Any:  # noqa: ANN401, ARG001 (its name counts)
    """Ask for one byte of a plane, to be in the cache when it is read."""
    signature = types.void(plane, types.int64)

    def generate(context: Any, builder: Any, given: Any, args: Any) -> Any:  # noqa: ANN401
        array = arrayobj.make_array(given.args[0])(context, builder, args[0])
        byte = ir.IntType(8).as_pointer()
        number = ir.IntType(32)
        address = builder.bitcast(builder.gep(array.data, [args[1]]), byte)
        kind = ir.FunctionType(ir.VoidType(), [byte, number, number, number])
        function = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0i8")
        builder.call(function, [address, number(0), number(1), number(1)])
        return context.get_dummy_value()

    return signature, generate


@njit(nogil=True, cache=True, inline="always")
def _look(codes: Any, shift: Any, ordinal: Any) -> Any:  # noqa: ANN401
    """Return the glance at a member; shift 2: two bits each, 1: four."""
    place = np.int64(ordinal)
    byte = np.int64(codes[place >> shift])
    if shift == 2:
        return (byte >> ((place & 3) << 1)) & 3
    return (byte >> ((place & 1) << 2)) & 15


@njit(nogil=True, cache=True, inline="always")
def _own_start(words: Any, ranks: Any, values: Any, ordinal: Any) -> Any:  # noqa: ANN401
    """Return the number of a member who has one (see `gate.sparse`)."""
    below = words[ordinal >> 6] & ((np.uint64(1) << np.uint64(ordinal & 63)) - np.uint64(1))
    below = below - ((below >> np.uint64(1)) & np.uint64(0x5555555555555555))
    below = (below & np.uint64(0x3333333333333333)) + (
        (below >> np.uint64(2)) & np.uint64(0x3333333333333333)
    )
    below = (below + (below >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    count = (below * np.uint64(0x0101010101010101)) >> np.uint64(56)
    return np.int64(values[np.int64(ranks[ordinal >> 6]) + np.int64(count)])


@njit(nogil=True, cache=True)
def pairs(  # noqa: ANN201
    codes,  # noqa: ANN001
    width,  # noqa: ANN001
    profile,  # noqa: ANN001
    author,  # noqa: ANN001
    other,  # noqa: ANN001
    alone,  # noqa: ANN001
    table_reason,  # noqa: ANN001
    table_party,  # noqa: ANN001
    exact_reason,  # noqa: ANN001
    exact_party,  # noqa: ANN001
    exact_width,  # noqa: ANN001
    reason,  # noqa: ANN001
    party,  # noqa: ANN001
):
    """Decide each row by two glances; where they do not tell, by two profiles."""
    shift = 2 if width == 2 else 1
    rows = len(author)
    for row in range(rows):
        if row + _AHEAD < rows:
            _ask(codes, np.int64(author[row + _AHEAD]) >> shift)
            if not alone:
                _ask(codes, np.int64(other[row + _AHEAD]) >> shift)
        at = _look(codes, shift, author[row]) << 4
        if not alone:
            at |= _look(codes, shift, other[row])
        found = table_reason[at]
        whose = table_party[at]
        if found == _OPEN and exact_width:
            at = np.int64(profile[author[row]]) * exact_width
            if not alone:
                at += np.int64(profile[other[row]])
            found = exact_reason[at]
            whose = exact_party[at]
        reason[row] = found
        party[row] = whose


@njit(nogil=True, cache=True)
def lists(  # noqa: ANN201, C901, PLR0912, PLR0915
    codes,  # noqa: ANN001
    width,  # noqa: ANN001
    meant,  # noqa: ANN001
    profile,  # noqa: ANN001
    author,  # noqa: ANN001
    offsets,  # noqa: ANN001
    others,  # noqa: ANN001
    collected,  # noqa: ANN001
    code,  # noqa: ANN001
    stop,  # noqa: ANN001
    rule_of,  # noqa: ANN001
    is_no,  # noqa: ANN001
    earliest,  # noqa: ANN001
    from_lo,  # noqa: ANN001
    from_hi,  # noqa: ANN001
    held,  # noqa: ANN001
    start_words,  # noqa: ANN001
    start_ranks,  # noqa: ANN001
    starts,  # noqa: ANN001
    reason,  # noqa: ANN001
    party,  # noqa: ANN001
):
    """Decide each row by all its parties: rules 5 to 7 of docs/spec/gate.md §3, in one pass."""
    shift = 2 if width == 2 else 1
    rows = len(author)
    total = len(others)
    for row in range(rows):
        if row + _AHEAD < rows:
            _ask(codes, np.int64(author[row + _AHEAD]) >> shift)
        when = collected[row] if len(collected) else _UNKNOWN
        stopped, silent, yes = -1, -1, False
        stopped_by, silent_by = 0, 0
        rule = max(held, 0)
        found, whose = _KEPT, -1
        first, end = offsets[row], offsets[row + 1]
        for place in range(end - first + 1):
            if place:
                at = first + place - 1
                if at + _AHEAD < total:
                    _ask(codes, np.int64(others[at + _AHEAD]) >> shift)
                ordinal = np.int64(others[at])
            else:
                ordinal = np.int64(author[row])
            number = meant[_look(codes, shift, ordinal)]
            if number < 0:
                number = np.int64(profile[ordinal])
            says = code[number]
            if is_no[says]:
                found = says if place == 0 else _VETOED
                whose = place
                break
            by = stop[number]
            if by == _KEPT and when < earliest[number]:
                by = _NO_DATE if when == _UNKNOWN else _BEFORE
            if by != _KEPT and stopped < 0:
                stopped, stopped_by = place, by
            if says == _KEPT and when < from_hi[number]:
                if when == _UNKNOWN:
                    says = _NO_DATE
                elif when < from_lo[number] or from_lo[number] == from_hi[number]:
                    says = _EARLY
                elif when < _own_start(start_words, start_ranks, starts, ordinal):
                    says = _EARLY  # within the span the member's own instant tells
            if says == _KEPT:
                yes = True
            elif silent < 0:
                silent, silent_by = place, says
            if held < 0 and rule_of[number] > rule:
                rule = rule_of[number]
        if whose < 0:
            if stopped >= 0:
                found, whose = stopped_by, stopped
            elif silent >= 0 and (
                rule == _ALL or (rule == _AUTHOR and silent == 0) or (rule == _ANY and not yes)
            ):
                found, whose = silent_by, silent
        reason[row] = found
        party[row] = whose
