"""The tree hash of RFC 6962 §2.1, computed level by level.

    leaf = SHA-256(0x00 || data)      node = SHA-256(0x01 || left || right)

The root of no leaves is SHA-256(""). A *complete* node at (level, index) covers exactly the
leaves [index * 2**level, (index + 1) * 2**level); only complete nodes are ever stored, and the
ragged right edge of a tree is folded from them when it is asked for.

Hashing per leaf forces a loop over leaves; it is a comprehension over `hashlib`, and takes
under a second for a million leaves on one core.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import Final

from byleave.ids import Digest

__all__ = [
    "EMPTY_ROOT",
    "HASH_BYTES",
    "LevelReader",
    "all_levels",
    "fold",
    "leaf_hash",
    "leaf_hashes",
    "next_level",
    "node_hash",
    "root",
]

HASH_BYTES: Final = 32
EMPTY_ROOT: Final = Digest(hashlib.sha256(b"").digest())

_sha256 = hashlib.sha256


def leaf_hash(data: bytes) -> Digest:
    """Return SHA-256(0x00 || data)."""
    return Digest(_sha256(b"\x00" + data).digest())


def leaf_hashes(entries: Iterable[bytes]) -> list[bytes]:
    """Return the leaf hash of each entry, in order. Cost: one hash per entry."""
    return [_sha256(b"\x00" + data).digest() for data in entries]


def node_hash(left: bytes, right: bytes) -> Digest:
    """Return SHA-256(0x01 || left || right)."""
    return Digest(_sha256(b"\x01%b%b" % (left, right)).digest())


def next_level(hashes: Sequence[bytes]) -> list[bytes]:
    """Return the complete parents of `hashes`; an odd last one has none yet."""
    pairs = iter(hashes)
    # zip stops at an odd last one: its partner does not exist.
    return [_sha256(b"\x01%b%b" % pair).digest() for pair in zip(pairs, pairs, strict=False)]


def all_levels(leaves: Sequence[bytes]) -> list[list[bytes]]:
    """Return every complete node: element [level][index], the leaf hashes being level 0.

    Args:
        leaves: Leaf hashes, 32 bytes each; n of them give 2n nodes at most.
    """
    levels = [list(leaves)]
    while len(levels[-1]) > 1:
        levels.append(next_level(levels[-1]))
    return levels


def root(leaves: Sequence[bytes]) -> Digest:
    """Return the Merkle tree hash of these leaf hashes (RFC 6962 §2.1)."""
    if not leaves:
        return EMPTY_ROOT
    peaks: list[bytes] = []
    level: Sequence[bytes] = leaves
    while len(level) > 1:
        if len(level) % 2:
            peaks.append(level[-1])
        level = next_level(level)
    peaks.append(level[0])
    peaks.reverse()
    return fold(peaks)


def fold(peaks: Sequence[bytes]) -> Digest:
    """Return the hash over complete subtrees of falling size, left to right (at least one)."""
    result = peaks[-1]
    for left in reversed(peaks[:-1]):
        result = node_hash(left, result)
    return Digest(result)


class LevelReader:
    """Reads complete nodes from the result of `all_levels`."""

    __slots__ = ("_levels",)

    def __init__(self, levels: Sequence[Sequence[bytes]]) -> None:
        self._levels = levels

    def read_hashes(self, nodes: Sequence[tuple[int, int]]) -> list[bytes]:
        """Return the hash of each (level, index), in the order asked."""
        return [self._levels[level][index] for level, index in nodes]
