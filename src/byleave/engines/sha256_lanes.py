"""SHA-256 of many messages of one length, sixteen side by side in vector registers (numba).

FIPS 180-4 §6.2, on vectors: lane i of every vector belongs to message i of a group of sixteen.
The 64 rounds are written out as LLVM vector instructions (`_compress_blocks`), which LLVM fits to
the machine: one AVX-512 register a vector, two of AVX2, four of SSE or NEON. Nothing but numba
(extra `kernel`) is needed; no compiler, no assembly.

The kernel is compiled once, when this module is first imported (some seconds; numba keeps the
result beside this file or in the user's cache), as a function of C: other loops call it by its
address (`engines.map_loops`) instead of compiling it again. It holds no state and lets go of the
interpreter lock: threads may share it.
Importing this module without numba raises `ImportError`; `wiring` falls back to `hashlib`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from llvmlite import ir
from numba import cfunc, types
from numba.extending import intrinsic

__all__ = ["LANES", "address", "hash_rows"]

Bytes2 = npt.NDArray[np.uint8]

LANES: Final = 16
BLOCK: Final = 64
_ROUND: Final = tuple(
    int(word, 16)
    for word in """
    428a2f98 71374491 b5c0fbcf e9b5dba5 3956c25b 59f111f1 923f82a4 ab1c5ed5
    d807aa98 12835b01 243185be 550c7dc3 72be5d74 80deb1fe 9bdc06a7 c19bf174
    e49b69c1 efbe4786 0fc19dc6 240ca1cc 2de92c6f 4a7484aa 5cb0a9dc 76f988da
    983e5152 a831c66d b00327c8 bf597fc7 c6e00bf3 d5a79147 06ca6351 14292967
    27b70a85 2e1b2138 4d2c6dfc 53380d13 650a7354 766a0abb 81c2c92e 92722c85
    a2bfe8a1 a81a664b c24b8b70 c76c51a3 d192e819 d6990624 f40e3585 106aa070
    19a4c116 1e376c08 2748774c 34b0bcb5 391c0cb3 4ed8aa4a 5b9cca4f 682e6ff3
    748f82ee 78a5636f 84c87814 8cc70208 90befffa a4506ceb bef9a3f7 c67178f2
    """.split()
)
_INITIAL: Final = (
    0x6A09E667, 0xBB67AE85, 0x3C6EF372, 0xA54FF53A,
    0x510E527F, 0x9B05688C, 0x1F83D9AB, 0x5BE0CD19,
)  # fmt: skip
_WORD: Final = ir.IntType(32)
_DIGEST: Final = ir.VectorType(_WORD, 8)
_VECTOR: Final = ir.VectorType(_WORD, LANES)


def _splat(value: int) -> ir.Constant:
    return ir.Constant(_VECTOR, [value] * LANES)


def _declared(b: ir.IRBuilder, kind: ir.FunctionType, name: str) -> ir.Function:
    found = b.module.globals.get(name)
    return ir.Function(b.module, kind, name) if found is None else found


def _rotated(b: ir.IRBuilder, x: ir.Value, by: Sequence[int]) -> list[ir.Value]:
    """Return x rotated right by each amount (a funnel shift of x with itself)."""
    kind = ir.FunctionType(_VECTOR, [_VECTOR] * 3)
    shift = _declared(b, kind, f"llvm.fshr.v{LANES}i32")
    return [b.call(shift, [x, x, _splat(n)]) for n in by]


def _sigma(b: ir.IRBuilder, x: ir.Value, r1: int, r2: int, last: ir.Value) -> ir.Value:
    one, two = _rotated(b, x, (r1, r2))
    return b.xor(b.xor(one, two), last)


def _compress(b: ir.IRBuilder, state: Sequence[ir.Value], words: list[ir.Value]) -> list[ir.Value]:
    """Write the 64 rounds over sixteen message words; return the new state."""
    a, bb, c, d, e, f, g, h = state
    w = list(words)
    for t in range(64):
        if t >= 16:
            x, y = w[(t - 15) % 16], w[(t - 2) % 16]
            small0 = _sigma(b, x, 7, 18, b.lshr(x, _splat(3)))
            small1 = _sigma(b, y, 17, 19, b.lshr(y, _splat(10)))
            w[t % 16] = b.add(b.add(w[t % 16], small0), b.add(w[(t - 7) % 16], small1))
        big1 = _sigma(b, e, 6, 11, _rotated(b, e, (25,))[0])
        choose = b.xor(b.and_(e, b.xor(f, g)), g)
        t1 = b.add(b.add(h, big1), b.add(choose, b.add(w[t % 16], _splat(_ROUND[t]))))
        big0 = _sigma(b, a, 2, 13, _rotated(b, a, (22,))[0])
        majority = b.or_(b.and_(a, bb), b.and_(c, b.or_(a, bb)))
        h, g, f, e = g, f, e, b.add(d, t1)
        d, c, bb, a = c, bb, a, b.add(t1, b.add(big0, majority))
    return [b.add(old, new) for old, new in zip(state, (a, bb, c, d, e, f, g, h), strict=True)]


def _transposed(b: ir.IRBuilder, rows: list[ir.Value]) -> list[ir.Value]:
    """Turn 16 vectors of a message's 16 words into 16 vectors of a word of 16 messages."""
    rows = list(rows)
    step = LANES // 2
    while step:
        first = [j if not j & step else LANES + j - step for j in range(LANES)]
        second = [j + step if not j & step else LANES + j for j in range(LANES)]
        for i in range(LANES):
            if not i & step:
                x, y = rows[i], rows[i + step]
                rows[i] = b.shuffle_vector(x, y, ir.Constant(_VECTOR, first))
                rows[i + step] = b.shuffle_vector(x, y, ir.Constant(_VECTOR, second))
        step //= 2
    return rows


def _load(b: ir.IRBuilder, address: ir.Value) -> ir.Value:
    found = b.load(b.inttoptr(address, _VECTOR.as_pointer()))
    found.align = 1
    return found


@intrinsic  # type: ignore[untyped-decorator, unused-ignore]
def _hash_group(context: Any, base: Any, out: Any, stride: Any, count: Any) -> Any:  # noqa: ANN401
    """Hash sixteen messages of `count` blocks that begin `stride` bytes apart; 32 bytes each.

    All arguments are addresses or numbers (intp).
    """
    del context, base, out, stride, count

    def generate(target: Any, b: ir.IRBuilder, signature: Any, args: Any) -> Any:  # noqa: ANN401
        del signature
        base, out, stride, count = args
        number = base.type
        swap = _declared(b, ir.FunctionType(_VECTOR, [_VECTOR]), f"llvm.bswap.v{LANES}i32")
        entry = b.basic_block
        loop, end = b.append_basic_block("block"), b.append_basic_block("end")
        b.branch(loop)
        b.position_at_end(loop)
        index = b.phi(number)
        index.add_incoming(number(0), entry)
        current = [b.phi(_VECTOR) for _ in range(8)]
        start = b.add(base, b.mul(index, number(BLOCK)))
        rows = [
            b.call(swap, [_load(b, b.add(start, b.mul(stride, number(r))))]) for r in range(LANES)
        ]
        after = _compress(b, current, _transposed(b, rows))
        following = b.add(index, number(1))
        index.add_incoming(following, loop)
        for phi, value, new in zip(current, _INITIAL, after, strict=True):
            phi.add_incoming(_splat(value), entry)
            phi.add_incoming(new, loop)
        b.cbranch(b.icmp_signed("<", following, count), loop, end)
        b.position_at_end(end)
        for r, row in enumerate(_transposed(b, [b.call(swap, [x]) for x in after] * 2)):
            half = ir.Constant(ir.VectorType(_WORD, 8), list(range(8)))
            digest = b.shuffle_vector(row, row, half)
            place = b.inttoptr(b.add(out, number(32 * r)), _DIGEST.as_pointer())
            b.store(digest, place).align = 1
        return target.get_dummy_value()

    return types.void(types.intp, types.intp, types.intp, types.intp), generate


_group: Any = _hash_group  # numba calls it without its first argument


@cfunc(types.void(types.intp, types.intp, types.intp, types.intp), cache=True)  # type: ignore[untyped-decorator, unused-ignore]
def _hash_groups(messages: Any, out: Any, groups: Any, width: Any) -> None:  # noqa: ANN401
    """Hash 16 * groups messages of `width` bytes each, one after another, into 32 bytes each.

    Big-endian words of a little-endian machine: numba runs on no other.
    """
    for group in range(groups):
        _group(messages + group * 16 * width, out + group * 512, width, width // 64)


_compiled: Any = _hash_groups
address: Final[int] = _compiled.address
"""Of `void(intptr_t messages, intptr_t out, intptr_t groups, intptr_t width)`: padded messages one
after another, sixteen to a group; their digests. Valid while this module is."""


def hash_rows(rows: Bytes2, length: int) -> Bytes2:
    """Return the SHA-256 of each message.

    Args:
        rows: Padded messages (FIPS 180-4 §5.1.1), uint8[n, 64 * blocks].
        length: Bytes of each before its padding; the padding says so too.

    Returns:
        uint8[n, 32].
    """
    del length
    count, width = rows.shape
    groups = -(-count // LANES)
    digests = np.empty((groups * LANES, 32), np.uint8)
    whole = count // LANES if rows.flags.c_contiguous else 0
    if whole:
        _compiled.ctypes(rows.ctypes.data, digests.ctypes.data, whole, width)
    if whole < groups:  # what does not fill the lanes is copied to where it does
        done = whole * LANES
        rest = np.zeros((groups * LANES - done, width), np.uint8)
        rest[: count - done] = rows[done:]
        _compiled.ctypes(rest.ctypes.data, digests[done:].ctypes.data, groups - whole, width)
    return digests[:count]
