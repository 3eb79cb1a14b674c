"""SHA-256 of many messages of one length, sixteen side by side in vector registers (numba).

FIPS 180-4 §6.2, on vectors: lane i of every vector belongs to message i of a group of sixteen.
The 64 rounds are written out as LLVM vector instructions (`_compress_blocks`), which LLVM fits to
the machine: one AVX-512 register a vector, two of AVX2, four of SSE or NEON. Nothing but numba
(extra `kernel`) is needed; no compiler, no assembly.

The first use compiles for some seconds; numba keeps the result beside this file or in the
user's cache. The kernel holds no state and lets go of the interpreter lock: threads may share it.
Importing this module without numba raises `ImportError`; `wiring` falls back to `hashlib`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

__all__ = ["hash_rows"]

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
_INITIAL: Final = np.repeat(
    np.array(
        [
            0x6A09E667, 0xBB67AE85, 0x3C6EF372, 0xA54FF53A,
            0x510E527F, 0x9B05688C, 0x1F83D9AB, 0x5BE0CD19,
        ],
        np.uint32,
    ),
    LANES,
)  # fmt: skip
_WORD: Final = ir.IntType(32)
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
def _compress_blocks(context: Any, state: Any, base: Any, stride: Any, count: Any) -> Any:  # noqa: ANN401
    """Advance sixteen states over `count` blocks of messages that begin `stride` bytes apart.

    All arguments are addresses or numbers (intp): the state uint32[8, 16], the first message.
    """
    del context, state, base, stride, count

    def generate(target: Any, b: ir.IRBuilder, signature: Any, args: Any) -> Any:  # noqa: ANN401
        del signature
        state, base, stride, count = args
        number = state.type
        swap = _declared(b, ir.FunctionType(_VECTOR, [_VECTOR]), f"llvm.bswap.v{LANES}i32")
        places = [b.add(state, number(BLOCK * i)) for i in range(8)]
        before = [_load(b, place) for place in places]
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
        for phi, old, new in zip(current, before, after, strict=True):
            phi.add_incoming(old, entry)
            phi.add_incoming(new, loop)
        b.cbranch(b.icmp_signed("<", following, count), loop, end)
        b.position_at_end(end)
        for place, value in zip(places, after, strict=True):
            b.store(value, b.inttoptr(place, _VECTOR.as_pointer())).align = 1
        return target.get_dummy_value()

    return types.void(types.intp, types.intp, types.intp, types.intp), generate


_jit: Callable[..., Any] = njit(nogil=True, cache=True)
_blocks: Any = _compress_blocks  # numba calls it without its first argument


@_jit
def _hash_groups(messages: Any, out: Any) -> None:  # noqa: ANN401
    """Hash the rows of `messages`, uint8[16 * groups, 64 * blocks], into `out`, uint32[., 8].

    `out` holds big-endian words on a little-endian machine: numba runs on no other.
    """
    count, width = messages.shape
    state = np.empty(128, np.uint32)
    for group in range(0, count, 16):
        state[:] = _INITIAL
        _blocks(state.ctypes.data, messages.ctypes.data + group * width, width, width // 64)
        for word in range(8):
            for lane in range(16):
                x = state[16 * word + lane]  # to big-endian: LLVM makes one instruction of it
                out[group + lane, word] = (
                    (x >> np.uint32(24))
                    | ((x >> np.uint32(8)) & np.uint32(0xFF00))
                    | ((x << np.uint32(8)) & np.uint32(0xFF0000))
                    | (x << np.uint32(24))
                )


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
    groups = -(-count // LANES) * LANES
    words = np.empty((groups, 8), np.uint32)
    whole = count // LANES * LANES if rows.flags.c_contiguous else 0
    if whole:
        _hash_groups(rows[:whole], words[:whole])
    if whole < count:  # what does not fill the lanes is copied to where it does
        rest = np.zeros((groups - whole, width), np.uint8)
        rest[: count - whole] = rows[whole:]
        _hash_groups(rest, words[whole:])
    return words.view(np.uint8).reshape(groups, 32)[:count]
