"""Digests of a plan's planes, by the mebibyte, so that a small change costs a small hash.

A plane's digest is SHA-256 over the SHA-256 of each mebibyte of it (little-endian values; the
last one may be shorter; an empty plane has none). The digest of all planes is SHA-256 over the
canonical listing of their names, types, lengths and digests. Member ids are in none of them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from byleave.canonical import Json, encode, sha256
from byleave.ids import Digest

__all__ = ["CHUNK", "chunk_digests", "digest_of_planes", "listing", "plane_bytes", "plane_digest"]

CHUNK: Final = 1 << 20
_SIZE: Final = 32
Plane = npt.NDArray[Any]


def chunk_digests(plane: Plane, *, was: bytes = b"", clean: int = 0, end: int = 0) -> bytes:
    """Return the SHA-256 of each mebibyte of a plane, one behind the other.

    Args:
        plane: Contiguous values.
        was: The same of an earlier plane.
        clean: Bytes from the start that are the earlier plane's.
        end: Byte from which on they are its again; 0: nowhere.
    """
    data = plane_bytes(plane)
    first, last = clean // CHUNK, -(-end // CHUNK) if end else -(-len(data) // CHUNK)
    fresh = [
        hashlib.sha256(data[at * CHUNK : (at + 1) * CHUNK]).digest()
        for at in range(first, min(last, -(-len(data) // CHUNK)))
    ]
    return was[: first * _SIZE] + b"".join(fresh) + (was[last * _SIZE :] if end else b"")


def plane_digest(chunks: bytes) -> Digest:
    """Return the digest of a plane from those of its mebibytes."""
    return sha256(chunks)


def listing(planes: Iterable[tuple[str, Plane]], chunks: Mapping[str, bytes]) -> list[Json]:
    """Return name, type, length and digest of each plane, as the digest of all sees them."""
    return [
        {
            "digest": plane_digest(chunks[name]).hex(),
            "length": len(plane),
            "name": name,
            "type": plane.dtype.name,
        }
        for name, plane in planes
    ]


def digest_of_planes(listed: list[Json]) -> Digest:
    """Return the digest of all planes from their listing."""
    return sha256(encode(listed))


def plane_bytes(plane: Plane) -> memoryview:
    """Return the bytes of a plane, little-endian; not copied on machines that are so."""
    if not plane.nbytes:
        return memoryview(b"")
    little = np.ascontiguousarray(plane.astype(plane.dtype.newbyteorder("<"), copy=False))
    return little.view(np.uint8).data
