"""Bytes by their address, and messages for the lanes, inside loops that numba compiles.

Messages are put together where the lanes read them, some thousands of bytes that stay in the cache,
and hashed at once: no column of messages is ever written. The lanes are called by their address
(`sha256_lanes.address`), so that no loop compiles them again. Bytes are addressed as in C: a
place that a loop reads or writes is one that its caller (`map_steps`) has measured out.
"""

# numba types these functions by what they are called with; mypy has nothing to hold on to.
# mypy: ignore-errors
# ruff: noqa: ANN001, ANN201, ANN202, ARG001
from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic

__all__ = [
    "LONG",
    "ROOM",
    "ROWS",
    "ask",
    "byte",
    "hashed",
    "inline",
    "jit",
    "move16",
    "move32",
    "parents",
    "plain",
    "prepared",
    "put_byte",
    "put_plain",
    "put_word",
    "word",
]

ROWS = 64
"""Messages put together at a time: four groups of lanes."""
LONG = 1 << 17
"""Bytes of long messages at a time at most: sixteen of a bucket of 255."""
ROOM = 2 * LONG + 2 * ROWS * 32
"""Bytes that each of the loops may be lent for messages and digests."""

jit: Any = njit(nogil=True, cache=True, error_model="numpy")
inline: Any = njit(nogil=True, cache=True, error_model="numpy", inline="always")


def _moved(width):
    """Return an intrinsic that copies `width` bytes from one address to another."""
    kind = ir.VectorType(ir.IntType(8), width)

    @intrinsic
    def move(_context, target, source):
        def generate(context, b, signature, args):
            target, source = (b.inttoptr(a, kind.as_pointer()) for a in args)
            value = b.load(source)
            value.align = 1
            b.store(value, target).align = 1
            return context.get_dummy_value()

        return types.void(types.intp, types.intp), generate

    return move


move16, move32 = _moved(16), _moved(32)


@intrinsic
def word(_context, source):
    """Read eight bytes as a big-endian number."""

    def generate(context, b, signature, args):
        value = b.load(b.inttoptr(args[0], ir.IntType(64).as_pointer()))
        value.align = 1
        return b.bswap(value)

    return types.uint64(types.intp), generate


@intrinsic
def put_word(_context, target, number):
    """Write a number as eight bytes, big-endian."""

    def generate(context, b, signature, args):
        place = b.inttoptr(args[0], ir.IntType(64).as_pointer())
        b.store(b.bswap(args[1]), place).align = 1
        return context.get_dummy_value()

    return types.void(types.intp, types.int64), generate


@intrinsic
def plain(_context, source):
    """Read eight bytes as the machine has them."""

    def generate(context, b, signature, args):
        value = b.load(b.inttoptr(args[0], ir.IntType(64).as_pointer()))
        value.align = 1
        return value

    return types.int64(types.intp), generate


@intrinsic
def put_plain(_context, target, number):
    """Write a number as eight bytes, as the machine has them."""

    def generate(context, b, signature, args):
        place = b.inttoptr(args[0], ir.IntType(64).as_pointer())
        b.store(args[1], place).align = 1
        return context.get_dummy_value()

    return types.void(types.intp, types.int64), generate


@intrinsic
def byte(_context, source):
    """Read one byte."""

    def generate(context, b, signature, args):
        return b.load(b.inttoptr(args[0], ir.IntType(8).as_pointer()))

    return types.uint8(types.intp), generate


@intrinsic
def put_byte(_context, target, number):
    """Write one byte."""

    def generate(context, b, signature, args):
        b.store(args[1], b.inttoptr(args[0], ir.IntType(8).as_pointer()))
        return context.get_dummy_value()

    return types.void(types.intp, types.uint8), generate


@intrinsic
def ask(_context, source):
    """Ask for what stands at an address, to be in the cache when it is read."""

    def generate(context, b, signature, args):
        place, number = ir.IntType(8).as_pointer(), ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [place, number, number, number])
        function = cgutils.get_or_insert_function(b.module, kind, "llvm.prefetch.p0i8")
        b.call(function, [b.inttoptr(args[0], place), number(0), number(1), number(1)])
        return context.get_dummy_value()

    return types.void(types.intp), generate


@intrinsic
def _call(_context, lanes, messages, digests, groups, width):
    """Call the lanes by their address (`sha256_lanes.address`)."""

    def generate(context, b, signature, args):
        kind = ir.FunctionType(ir.VoidType(), [args[0].type] * 4)
        b.call(b.inttoptr(args[0], kind.as_pointer()), args[1:])
        return context.get_dummy_value()

    return types.void(*[types.intp] * 5), generate


@jit
def prepared(room, rows, length, tag):
    """Make room for messages of one length: tag and padding in place. Return bytes of a row."""
    width = (length + 72) // 64 * 64
    for i in range(rows):
        at = room + i * width
        for eight in range(0, width, 8):
            put_plain(at + eight, np.int64(0))
        put_byte(at, np.uint8(tag))
        put_byte(at + length, np.uint8(0x80))
        put_word(at + width - 8, np.int64(8 * length))
    return width


@inline
def hashed(lanes, room, digests, rows, width):
    """Hash rows of messages; room for digests is for whole groups of sixteen."""
    _call(lanes, room, digests, (rows + 15) // 16, width)


@jit
def parents(lanes, room, digests, sources, targets, rows):
    """Hash pairs of nodes; every pair is read before a parent is written."""
    for i in range(rows):
        move32(room + 128 * i + 1, sources[i])
        move32(room + 128 * i + 33, sources[i] + 32)
    hashed(lanes, room, digests, rows, 128)
    for i in range(rows):
        move32(targets[i], digests + 32 * i)
