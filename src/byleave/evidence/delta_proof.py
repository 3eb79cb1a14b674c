"""The delta audit proof: which buckets of a map changed, and that nothing else did.

Old and new data of every changed bucket, and one multiproof: the nodes that neither side can
compute from what is shown. Both roots are folded from *the same* nodes, so whatever is not shown
is the same in both maps unless SHA-256 collides. The checks:

(1) every part has its length; at most 255 labels to a bucket; k lies in its range;
(2) the buckets are strictly ascending, each below 2**k, and each differs from what it was;
(3) the labels of each bucket are strictly ascending and lie in it, before and after;
(4) there are exactly as many hashes as these buckets need, read bottom up, left to right;
(5) the old data leads to the old root, the new data to the new root.

What it shows of a member: that some public label of 16 bytes left, came, or shares a bucket with
one that changed. Who they are, and how many records any of them has, it does not show. Of a
bucket whose labels are the same before and after, only that commitments in it changed.
Not checked here: that the roots, k and the numbers of members are those of logged snapshots.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

from byleave.canonical import Json
from byleave.errors import EvidenceError
from byleave.evidence.bucket import (
    LABEL_BYTES,
    MAX_BUCKET,
    MAX_K,
    bucket_leaf,
    bucket_of,
)
from byleave.evidence.fields import COUNT, DIGEST, array, exactly, hexadecimal

__all__ = [
    "MAX_CHANGES",
    "BucketChange",
    "DeltaProof",
    "DeltaShown",
    "parse_delta",
    "siblings_needed",
    "verify_delta",
    "write_delta",
]

MAX_CHANGES: Final = 1 << 16
"""Changed buckets in one proof: a proof file holds no more."""
_HASH: Final = 32
_CHANGE_FIELDS: Final = frozenset("bucket new_inner new_labels old_inner old_labels".split())
_LABEL: Final = hexadecimal(LABEL_BYTES)


@dataclass(frozen=True, slots=True, kw_only=True)
class BucketChange:
    """One bucket, before and after: its number, its labels (16 bytes each), its inner hash."""

    number: int
    old_labels: tuple[bytes, ...]
    old_inner: bytes
    new_labels: tuple[bytes, ...]
    new_inner: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class DeltaProof:
    """Every changed bucket, and the nodes that complete both trees.

    Attributes:
        changes: By ascending number; none where nothing changed.
        siblings: 32 bytes each; level by level from the leaves, left to right within each.
    """

    changes: tuple[BucketChange, ...]
    siblings: tuple[bytes, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DeltaShown:
    """What a verified proof shows.

    Attributes:
        buckets: Buckets that changed.
        removed: Labels that are in the old map only.
        added: Labels that are in the new map only.
    """

    buckets: int
    removed: tuple[bytes, ...]
    added: tuple[bytes, ...]


def siblings_needed(numbers: Sequence[int], k: int) -> list[tuple[int, int]]:
    """Return the nodes (height, index) that complete a tree of 2**k leaves above these leaves.

    Args:
        numbers: Leaves that are known, strictly ascending.
        k: Height of the tree.
    """
    needed = []
    known: Sequence[int] = numbers
    for height in range(k):
        held = set(known)
        needed += [(height, index ^ 1) for index in known if index ^ 1 not in held]
        known = list(dict.fromkeys(index >> 1 for index in known))
    return needed


def verify_delta(proof: DeltaProof, *, k: int, old_root: bytes, new_root: bytes) -> DeltaShown:
    """Check that the map (k, new_root) is (k, old_root) with exactly these buckets changed.

    Raises:
        EvidenceError: `map.malformed`, `map.delta-order`, `map.labels-order`,
            `map.label-outside-bucket`, `map.delta-siblings`, `map.root-mismatch`.
    """
    # (1)
    if not 0 <= k <= MAX_K or len(proof.changes) > MAX_CHANGES:
        raise _malformed("no map has this k, or over 65,536 buckets changed")
    if any(len(item) != _HASH for item in (*proof.siblings, old_root, new_root)):
        raise _malformed("a hash is not 32 bytes")
    # (2)
    numbers = [change.number for change in proof.changes]
    if any(a >= b for a, b in pairwise(numbers)) or any(not 0 <= n < 1 << k for n in numbers):
        raise EvidenceError(
            "changed buckets are not strictly ascending numbers below 2^k",
            code="map.delta-order",
        )
    old, new = {}, {}
    for change in proof.changes:
        if (change.old_labels, change.old_inner) == (change.new_labels, change.new_inner):
            raise EvidenceError("a bucket named as changed did not change", code="map.delta-order")
        old[change.number] = _leaf(change.old_labels, change.old_inner, change.number, k)
        new[change.number] = _leaf(change.new_labels, change.new_inner, change.number, k)
    # (4)
    needed = siblings_needed(numbers, k)
    if len(proof.siblings) != len(needed):
        raise EvidenceError(
            f"{len(proof.siblings)} hashes where these buckets need {len(needed)}",
            code="map.delta-siblings",
        )
    # (5)
    given = dict(zip(needed, proof.siblings, strict=True))
    found = [_fold(leaves, given, k) for leaves in (old, new)] if numbers else [old_root] * 2
    if not (hmac.compare_digest(found[0], old_root) and hmac.compare_digest(found[1], new_root)):
        raise EvidenceError(
            "the changed buckets do not lead from the old root to the new one",
            code="map.root-mismatch",
        )
    before = {item for change in proof.changes for item in change.old_labels}
    after = {item for change in proof.changes for item in change.new_labels}
    return DeltaShown(
        buckets=len(numbers),
        removed=tuple(sorted(before - after)),
        added=tuple(sorted(after - before)),
    )


def write_delta(proof: DeltaProof) -> dict[str, Json]:
    """Return the proof as the fields of a proof file."""
    return {
        "buckets": [
            {
                "bucket": change.number,
                "new_inner": change.new_inner.hex(),
                "new_labels": [item.hex() for item in change.new_labels],
                "old_inner": change.old_inner.hex(),
                "old_labels": [item.hex() for item in change.old_labels],
            }
            for change in proof.changes
        ],
        "siblings": [item.hex() for item in proof.siblings],
    }


def parse_delta(value: object) -> DeltaProof:
    """Read the fields that `write_delta` writes; nothing is verified.

    Raises:
        EvidenceError: `map.malformed`.
    """
    try:
        document = exactly(value, frozenset({"buckets", "siblings"}))
        changes = tuple(_read(item) for item in array(document["buckets"], MAX_CHANGES))
        siblings = array(document["siblings"], MAX_CHANGES * MAX_K)
        return DeltaProof(changes=changes, siblings=tuple(DIGEST.read(item) for item in siblings))
    except ValueError:
        raise _malformed("not the fields of a delta audit proof") from None


def _read(value: object) -> BucketChange:
    document: Mapping[str, Any] = exactly(value, _CHANGE_FIELDS)
    return BucketChange(
        number=COUNT.read(document["bucket"]),
        old_labels=tuple(_LABEL.read(i) for i in array(document["old_labels"], MAX_BUCKET)),
        old_inner=DIGEST.read(document["old_inner"]),
        new_labels=tuple(_LABEL.read(i) for i in array(document["new_labels"], MAX_BUCKET)),
        new_inner=DIGEST.read(document["new_inner"]),
    )


def _leaf(labels: Sequence[bytes], inner: bytes, number: int, k: int) -> bytes:
    # (1)
    if len(labels) > MAX_BUCKET or any(len(item) != LABEL_BYTES for item in labels):
        raise _malformed("over 255 labels, or one that is not 16 bytes")
    if len(inner) != _HASH:
        raise _malformed("an inner hash is not 32 bytes")
    # (3)
    if any(a >= b for a, b in pairwise(labels)):
        raise EvidenceError("labels are not strictly ascending", code="map.labels-order")
    if any(bucket_of(item, k) != number for item in labels):
        raise EvidenceError("a label of another bucket", code="map.label-outside-bucket")
    return bucket_leaf(labels, inner)


def _fold(leaves: Mapping[int, bytes], given: Mapping[tuple[int, int], bytes], k: int) -> bytes:
    level = dict(leaves)
    for height in range(k):
        above: dict[int, bytes] = {}
        for index, node in level.items():
            if index >> 1 in above:
                continue
            other = level.get(index ^ 1)
            sibling = given[height, index ^ 1] if other is None else other
            pair = (sibling, node) if index & 1 else (node, sibling)
            above[index >> 1] = hashlib.sha256(b"\x01%b%b" % pair).digest()
        level = above
    return level[0]


def _malformed(what: str) -> EvidenceError:
    return EvidenceError(what, code="map.malformed")
