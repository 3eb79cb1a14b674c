"""Inclusion and consistency proofs (RFC 6962 §2.1.1 and §2.1.2), made and checked.

Who makes a proof reads complete nodes through a `HashReader`, all of them in one call.
Who checks one trusts nothing about it: sizes, index, number of hashes and the length of each
hash are checked before anything is hashed, so that no proof can be shorter, longer or shifted.

Verification, both kinds:

(1) the index lies in the tree, the sizes are in order;
(2) there are exactly as many hashes as this index and size need, each of 32 bytes;
(3) the recomputed root, or both of them, equal the given ones.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from byleave.errors import EvidenceError, InputError
from byleave.ids import Digest
from byleave.merkle.tree import EMPTY_ROOT, HASH_BYTES, fold, node_hash

__all__ = [
    "MAX_PATH",
    "MAX_SIZE",
    "Climb",
    "HashReader",
    "Node",
    "climb",
    "consistency_proof",
    "inclusion_proof",
    "path_length",
    "root_from_inclusion",
    "tree_root",
    "verify_consistency",
    "verify_inclusion",
]

_sha256 = hashlib.sha256

MAX_SIZE: Final = 2**63 - 1
"""Leaves in one tree (tlog-witness counts in 63 bits)."""
MAX_PATH: Final = 63
"""Hashes in one inclusion proof of the largest tree."""

Node = tuple[int, int]
"""(level, index) of a complete node."""


class HashReader(Protocol):
    """Where stored hashes come from: a list, tiles on disk, tiles over a network."""

    def read_hashes(self, nodes: Sequence[Node]) -> Sequence[bytes]:
        """Return the hash of each complete node, in the order asked, or raise.

        Callers ask for all they need in one call, so that an implementation may batch; it must
        not return a hash that it has not authenticated or that its caller does not trust.
        """
        ...


def tree_root(size: int, reader: HashReader) -> Digest:
    """Return the root of the first `size` leaves; reads at most one node per bit of `size`."""
    if size == 0:
        return EMPTY_ROOT
    return fold(reader.read_hashes(_peaks(0, size)))


def inclusion_proof(index: int, size: int, reader: HashReader) -> tuple[Digest, ...]:
    """Return the path from leaf `index` to the root of `size` leaves, the leaf's sibling first.

    Raises:
        InputError: `merkle.no-such-leaf`, `index` is not below `size`.
    """
    if not 0 <= index < size <= MAX_SIZE:
        raise InputError(
            f"index {index} is not in a tree of {size} leaves", code="merkle.no-such-leaf"
        )
    return _read_parts(_path_parts(0, index, size), reader)


def consistency_proof(old: int, new: int, reader: HashReader) -> tuple[Digest, ...]:
    """Return the proof that the first `old` of `new` leaves are unchanged.

    It is empty where `old` is 0 (every tree extends the empty one) or equals `new`.

    Raises:
        InputError: `merkle.no-such-leaf`, the sizes are out of order.
    """
    if not 0 <= old <= new <= MAX_SIZE:
        raise InputError(f"no tree of {new} leaves extends {old}", code="merkle.no-such-leaf")
    if old in {0, new}:
        return ()
    level = _trailing_zeros(old)
    index = (old - 1) >> level
    # The node that ends the old tree is the old root itself when `old` is a power of two.
    head: list[list[Node]] = [] if index == 0 else [[(level, index)]]
    return _read_parts(head + _path_parts(level, index, new), reader)


def path_length(index: int, size: int) -> int:
    """Return how many hashes the inclusion proof of `index` in `size` leaves has."""
    inner = (index ^ (size - 1)).bit_length()
    return inner + (index >> inner).bit_count()


@dataclass(frozen=True, slots=True)
class Climb:
    """What one inclusion proof came to, kept for the next one under the same checkpoint.

    Attributes:
        index: The leaf's index.
        size: Leaves of the tree.
        path: The proof's hashes.
        nodes: The hash that stood beside each of them, the leaf's own first.
        root: Where they lead.
    """

    index: int
    size: int
    path: Sequence[bytes]
    nodes: list[bytes]
    root: Digest


def climb(
    leaf: bytes, index: int, size: int, path: Sequence[bytes], before: Climb | None = None
) -> Climb:
    """Return where `path` leads; a caller compares the root with one it trusts.

    Where `before` came by the same node of the same tree and had the same hashes from there on, it
    leads to the same root, and what is above is not hashed again. The answer never depends on it.

    Raises:
        EvidenceError: `merkle.index-out-of-range`, `merkle.path-length`, `merkle.hash-length`.
    """
    # (1)
    if not 0 <= index < size <= MAX_SIZE:
        raise EvidenceError(
            f"index {index} is not in a tree of {size} leaves", code="merkle.index-out-of-range"
        )
    # (2)
    if len(path) != path_length(index, size):
        raise EvidenceError(
            f"{len(path)} hashes where leaf {index} of {size} needs {path_length(index, size)}",
            code="merkle.path-length",
        )
    _check_lengths(leaf, *path)
    nodes: list[bytes] = []
    inner = (index ^ (size - 1)).bit_length()
    meet = met = len(path)
    if before is not None and before.size == size:
        level = (index ^ before.index).bit_length()
        above = path_length(index >> level, ((size - 1) >> level) + 1)
        met = len(before.path) - above
        if path[len(path) - above :] == before.path[met:]:
            meet = len(path) - above
    result = _hash_up(leaf, index, inner, path[:meet], nodes)
    if before is not None and meet < len(path):
        if result == before.nodes[met]:
            return Climb(index, size, path, nodes + before.nodes[met:], before.root)
        result = _hash_up(result, index >> meet, max(inner - meet, 0), path[meet:], nodes)
    return Climb(index, size, path, nodes, Digest(result))


def _hash_up(
    node: bytes, index: int, inner: int, path: Sequence[bytes], nodes: list[bytes]
) -> bytes:
    """Return where `path` leads from a node; append the node beside each of its hashes."""
    for sibling in path[:inner]:
        nodes.append(node)
        if index & 1:
            node = _sha256(b"\x01" + sibling + node).digest()
        else:
            node = _sha256(b"\x01" + node + sibling).digest()
        index >>= 1
    # Above `inner` the node lies on the right edge: what is left has only left siblings.
    for sibling in path[inner:]:
        nodes.append(node)
        node = _sha256(b"\x01" + sibling + node).digest()
    return node


def root_from_inclusion(leaf: bytes, index: int, size: int, path: Sequence[bytes]) -> Digest:
    """Return the root that `path` leads to; a caller compares it with one it trusts.

    Raises:
        EvidenceError: `merkle.index-out-of-range`, `merkle.path-length`, `merkle.hash-length`.
    """
    return climb(leaf, index, size, path).root


def verify_inclusion(
    leaf: bytes,
    index: int,
    *,
    size: int,
    path: Sequence[bytes],
    root: bytes,
    before: Climb | None = None,
) -> Climb:
    """Check that the leaf hash `leaf` is leaf `index` of the tree of `size` leaves under `root`.

    Args:
        leaf: The leaf's hash.
        index: Its index.
        size: Leaves of the tree.
        path: The proof's hashes, the leaf's sibling first.
        root: The root they are to lead to.
        before: What this returned for another leaf, to hash less.

    Raises:
        EvidenceError: `merkle.index-out-of-range`, `merkle.path-length`, `merkle.hash-length`,
            or `merkle.root-mismatch`: the path leads to another root.
    """
    # (3)
    found = climb(leaf, index, size, path, before)
    if found.root != root:
        raise EvidenceError("recomputed root differs", code="merkle.root-mismatch")
    return found


def verify_consistency(
    *, old: int, old_root: bytes, new: int, new_root: bytes, path: Sequence[bytes]
) -> None:
    """Check that the tree (`new`, `new_root`) extends the tree (`old`, `old_root`).

    Raises:
        EvidenceError: `merkle.sizes-out-of-order`, `merkle.path-length`, `merkle.hash-length`,
            or `merkle.root-mismatch`: one of the two recomputed roots differs.
    """
    # (1)
    if not 0 <= old <= new <= MAX_SIZE:
        raise EvidenceError(
            f"a tree of {new} leaves cannot extend one of {old}", code="merkle.sizes-out-of-order"
        )
    # (2)
    expected = _consistency_length(old, new)
    if len(path) != expected:
        raise EvidenceError(
            f"{len(path)} hashes where {old} to {new} needs {expected}", code="merkle.path-length"
        )
    _check_lengths(old_root, new_root, *path)
    # (3)
    if old == 0:
        ok = old_root == EMPTY_ROOT and (new > 0 or new_root == EMPTY_ROOT)
    elif old == new:
        ok = old_root == new_root
    else:
        ok = _consistency_roots(old, old_root, new, path) == (old_root, new_root)
    if not ok:
        raise EvidenceError("recomputed roots differ", code="merkle.root-mismatch")


def _consistency_roots(
    old: int, old_root: bytes, new: int, path: Sequence[bytes]
) -> tuple[bytes, bytes]:
    level = _trailing_zeros(old)
    index = (old - 1) >> level
    seed, rest = (old_root, path) if index == 0 else (path[0], path[1:])
    inner = (index ^ ((new - 1) >> level)).bit_length()
    old_hash = new_hash = seed
    for step, sibling in enumerate(rest):
        if step >= inner or index >> step & 1:
            old_hash = node_hash(sibling, old_hash)
            new_hash = node_hash(sibling, new_hash)
        else:
            new_hash = node_hash(new_hash, sibling)
    return old_hash, new_hash


def _consistency_length(old: int, new: int) -> int:
    if old in {0, new}:
        return 0
    level = _trailing_zeros(old)
    index = (old - 1) >> level
    return (index != 0) + path_length(index, ((new - 1) >> level) + 1)


def _path_parts(level: int, index: int, size: int) -> list[list[Node]]:
    """Return, bottom up, the nodes whose fold is each sibling of the node (level, index)."""
    inner = (index ^ ((size - 1) >> level)).bit_length()
    parts: list[list[Node]] = []
    for height in range(level, level + inner):
        sibling = (index >> (height - level)) ^ 1
        if (sibling + 1) << height <= size:
            parts.append([(height, sibling)])
        else:
            parts.append(_peaks(sibling << height, size))
    above = index >> inner
    parts.extend(
        [(level + inner + bit, (above >> bit) - 1)]
        for bit in range(above.bit_length())
        if above >> bit & 1
    )
    return parts


def _peaks(start: int, end: int) -> list[Node]:
    """Return the complete nodes, largest first, that tile [start, end).

    `start` is a multiple of the largest power of two that fits, as every caller's is.
    """
    nodes: list[Node] = []
    while start < end:
        level = (end - start).bit_length() - 1
        nodes.append((level, start >> level))
        start += 1 << level
    return nodes


def _read_parts(parts: list[list[Node]], reader: HashReader) -> tuple[Digest, ...]:
    hashes = reader.read_hashes([node for part in parts for node in part])
    result: list[Digest] = []
    at = 0
    for part in parts:
        result.append(fold(hashes[at : at + len(part)]))
        at += len(part)
    return tuple(result)


def _trailing_zeros(number: int) -> int:
    return (number & -number).bit_length() - 1


def _check_lengths(*hashes: bytes) -> None:
    if set(map(len, hashes)) - {HASH_BYTES}:
        raise EvidenceError("a hash is not 32 bytes long", code="merkle.hash-length")
