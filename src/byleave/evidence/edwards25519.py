"""The curve edwards25519 for checking: public points and public numbers only.

    -x^2 + y^2 = 1 + d x^2 y^2 over the integers mod 2^255 - 19      (RFC 8032, section 5.1)

Its running time depends on its numbers, so nothing secret may pass through it: proving is done
by libsodium (docs/decisions/0025-vrf.md). A point is (X, Y, Z, T) with x = X/Z, y = Y/Z,
xy = T/Z. Cost: about 1.5 ms for `sum_of_multiples` of two points, 0.1 ms to decode one.
"""

from __future__ import annotations

from typing import Final

__all__ = [
    "BASE",
    "IDENTITY",
    "ORDER",
    "Point",
    "decode_point",
    "encode_point",
    "is_identity",
    "negate",
    "sum_of_multiples",
    "times_eight",
]

Point = tuple[int, int, int, int]

_P: Final = 2**255 - 19
ORDER: Final = 2**252 + 27742317777372353535851937790883648493
"""Order q of the base point."""
_D: Final = -121665 * pow(121666, -1, _P) % _P
_SQRT_M1: Final = pow(2, (_P - 1) // 4, _P)
IDENTITY: Final[Point] = (0, 1, 1, 0)


def decode_point(data: bytes) -> Point | None:
    """Return the point of 32 bytes; None where they are none (RFC 8032, section 5.1.3)."""
    if len(data) != 32:
        return None
    number = int.from_bytes(data, "little")
    sign, y = number >> 255, number & ((1 << 255) - 1)
    if y >= _P:
        return None
    u, v = (y * y - 1) % _P, (_D * y * y + 1) % _P
    x = u * v**3 * pow(u * pow(v, 7, _P), (_P - 5) // 8, _P) % _P
    if v * x * x % _P != u:
        x = x * _SQRT_M1 % _P
        if v * x * x % _P != u:
            return None
    if x == 0 and sign:
        return None
    if x & 1 != sign:
        x = _P - x
    return (x, y, 1, x * y % _P)


def encode_point(point: Point) -> bytes:
    """Return the 32 bytes of a point."""
    x, y, z, _ = point
    inverse = pow(z, -1, _P)
    return (y * inverse % _P | (x * inverse % _P & 1) << 255).to_bytes(32, "little")


def _add(a: Point, b: Point) -> Point:
    x1, y1, z1, t1 = a
    x2, y2, z2, t2 = b
    e, f = (y1 - x1) * (y2 - x2) % _P, (y1 + x1) * (y2 + x2) % _P
    g, h = 2 * _D * t1 * t2 % _P, 2 * z1 * z2 % _P
    m, n, o, p = f - e, h - g, h + g, f + e
    return (m * n % _P, o * p % _P, n * o % _P, m * p % _P)


def _double(a: Point) -> Point:
    x, y, z, _ = a
    e, f = x * x % _P, y * y % _P
    g = 2 * z * z % _P
    h = e + f
    i = h - (x + y) ** 2 % _P
    j = e - f
    k = g + j
    return (i * k % _P, j * h % _P, k * j % _P, i * h % _P)


def negate(point: Point) -> Point:
    """Return the point's negative."""
    x, y, z, t = point
    return (-x % _P, y, z, -t % _P)


def times_eight(point: Point) -> Point:
    """Return eight times a point: without its part of small order."""
    return _double(_double(_double(point)))


def is_identity(point: Point) -> bool:
    """Return whether the point is the neutral one."""
    x, y, z, _ = point
    return x % _P == 0 and (y - z) % _P == 0


def sum_of_multiples(a: int, first: Point, b: int, second: Point) -> Point:
    """Return a * first + b * second, by one ladder for both (Straus)."""
    table = (IDENTITY, first, second, _add(first, second))
    result = IDENTITY
    for bit in range(max(a.bit_length(), b.bit_length()) - 1, -1, -1):
        result = _double(result)
        chosen = (a >> bit & 1) | (b >> bit & 1) << 1
        if chosen:
            result = _add(result, table[chosen])
    return result


def _base() -> Point:
    y = 4 * pow(5, -1, _P) % _P
    point = decode_point(y.to_bytes(32, "little"))
    assert point is not None  # noqa: S101 (a constant)
    return point


BASE: Final[Point] = _base()
