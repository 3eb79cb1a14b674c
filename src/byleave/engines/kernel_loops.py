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

__all__ = ["ask", "glances", "lists", "pairs", "word_at"]

_AHEAD = 32
"""Rows between asking for a byte and using it: measured, flat from 16 to 64."""

_OPEN = 255
_KEPT = 0
_SILENT, _YES = 2, 3
_ANY, _AUTHOR = 0, 1
_UNKNOWN = -(2**63)


@intrinsic
def ask(_context: Any, plane: Any, place: Any) -> Any:  # noqa: ANN401, ARG001 (its name counts)
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


@intrinsic
def word_at(_context: Any, plane: Any, place: Any) -> Any:  # noqa: ANN401, ARG001 (its name counts)
    """Read eight bytes of a plane of bytes as one number, wherever they begin; none lie beyond."""
    signature = types.uint64(plane, types.int64)

    def generate(context: Any, builder: Any, given: Any, args: Any) -> Any:  # noqa: ANN401
        array = arrayobj.make_array(given.args[0])(context, builder, args[0])
        address = builder.gep(array.data, [args[1]])
        word = builder.load(builder.bitcast(address, ir.IntType(64).as_pointer()))
        word.align = 1
        return word

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
            ask(codes, np.int64(author[row + _AHEAD]) >> shift)
            if not alone:
                ask(codes, np.int64(other[row + _AHEAD]) >> shift)
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
def glances(  # noqa: ANN201
    codes,  # noqa: ANN001
    width,  # noqa: ANN001
    author,  # noqa: ANN001
    offsets,  # noqa: ANN001
    others,  # noqa: ANN001
    author_says,  # noqa: ANN001
    other_says,  # noqa: ANN001
    rule_of,  # noqa: ANN001
    held,  # noqa: ANN001
    mixed,  # noqa: ANN001
    reason,  # noqa: ANN001
    party,  # noqa: ANN001
):
    """Decide each row by glances alone: the least of what its parties say; some stay open."""
    shift = 2 if width == 2 else 1
    rows, total = len(author), len(others)
    for row in range(rows):
        if row + _AHEAD < rows:
            ask(codes, np.int64(author[row + _AHEAD]) >> shift)
        at = _look(codes, shift, author[row])
        least = author_says[at]
        rule = np.int64(rule_of[at])
        yes = np.int64(least >> np.uint32(30)) == _YES
        place = np.uint32(0)
        for item in range(offsets[row], offsets[row + 1]):
            if item + _AHEAD < total:
                ask(codes, np.int64(others[item + _AHEAD]) >> shift)
            place += np.uint32(256)
            at = _look(codes, shift, others[item])
            says = other_says[at]
            if mixed:
                yes |= np.int64(says >> np.uint32(30)) == _YES
                rule = max(rule, np.int64(rule_of[at]))
            least = min(least, np.uint32(says | place))
        kind = np.int64(least >> np.uint32(30))
        whose = np.int64((least >> np.uint32(8)) & np.uint32(0x3FFFFF))
        rule = held if held >= 0 else rule
        if kind == _SILENT and ((rule == _ANY and yes) or (rule == _AUTHOR and whose != 0)):
            kind = _YES
        reason[row] = _KEPT if kind == _YES else np.int64(least & np.uint32(255))
        party[row] = -1 if kind == _YES else whose


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
    author_says,  # noqa: ANN001
    other_says,  # noqa: ANN001
    rule_of,  # noqa: ANN001
    held,  # noqa: ANN001
    earliest,  # noqa: ANN001
    from_lo,  # noqa: ANN001
    from_hi,  # noqa: ANN001
    start_words,  # noqa: ANN001
    start_ranks,  # noqa: ANN001
    starts,  # noqa: ANN001
    reason,  # noqa: ANN001
    party,  # noqa: ANN001
):
    """Decide each row by the least of what its parties say, in one pass and with few branches."""
    shift = 2 if width == 2 else 1
    rows, total, count = len(author), len(others), len(from_hi)
    dated = len(collected) > 0
    for row in range(rows):
        if row + _AHEAD < rows:
            ahead = np.int64(author[row + _AHEAD])
            if dated:
                ask(profile, ahead)
            else:
                ask(codes, ahead >> shift)
        when = collected[row] if dated else _UNKNOWN
        least = np.uint32(0xFFFFFFFF)
        rule, yes = 0, 0
        first = offsets[row]
        for place in range(offsets[row + 1] - first + 1):
            at = first + place - 1
            if place and at + _AHEAD < total:
                ahead = np.int64(others[at + _AHEAD])
                if dated:
                    ask(profile, ahead)
                else:
                    ask(codes, ahead >> shift)
            ordinal = np.int64(others[at]) if place else np.int64(author[row])
            # a glance tells of no profile to which dates matter
            number = np.int64(-1) if dated else meant[_look(codes, shift, ordinal)]
            if number < 0:
                number = np.int64(profile[ordinal])
            voice = number
            if dated:
                if when < from_hi[number]:
                    if when == _UNKNOWN:
                        voice += 2 * count
                    elif when < from_lo[number] or from_lo[number] == from_hi[number]:
                        voice += count
                    elif when < _own_start(start_words, start_ranks, starts, ordinal):
                        voice += count  # within the span the member's own instant tells
                if when < earliest[number]:
                    voice = number + (4 if when == _UNKNOWN else 3) * count
            says = other_says[voice] if place else author_says[voice]
            yes |= np.int64(says >> np.uint32(30)) == _YES
            rule = max(rule, np.int64(rule_of[voice]))
            least = min(least, np.uint32(says | np.uint32(place << 8)))
        if held >= 0:
            rule = held
        kind = np.int64(least >> np.uint32(30))
        found = np.int64(least & np.uint32(255))
        whose = np.int64((least >> np.uint32(8)) & np.uint32(0x3FFFFF))
        if kind == _SILENT and ((rule == _ANY and yes) or (rule == _AUTHOR and whose != 0)):
            kind = _YES
        if kind == _YES:
            found, whose = _KEPT, -1
        reason[row] = found
        party[row] = whose
