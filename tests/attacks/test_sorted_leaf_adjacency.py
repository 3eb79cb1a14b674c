"""The attack on sorted-leaf adjacency proofs, and what happens to it against bucket map v1.

The weak scheme: leaves are (key, index, total) in what should be ascending order of key; a proof
of absence shows two leaves with neighbouring indexes whose keys lie on either side of the
absent key. Against an honest builder it works. The builder here is the adversary: docs/spec/
sorted-leaf-attack.md tells the story.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from byleave import merkle
from byleave.errors import EvidenceError
from byleave.evidence.bucket import (
    AbsenceProof,
    PresenceProof,
    bucket_leaf,
    bucket_of,
    inner_hash,
    label,
    member_commitment,
    verify_absence,
    verify_presence,
)
from byleave.snapshot.bucket_map import MapMembers, build
from tests.vectors.world import derive, record

# --- the weak scheme ------------------------------------------------------------------------------


@dataclass(frozen=True)
class WeakLeaf:
    """A key with the index and total that the leaf itself states."""

    key: bytes
    index: int
    total: int

    def hash(self) -> bytes:
        """Return the leaf hash: key, index and total are all bound."""
        data = self.key + self.index.to_bytes(8, "big") + self.total.to_bytes(8, "big")
        return merkle.leaf_hash(data)


@dataclass(frozen=True)
class WeakProof:
    """One leaf (presence) or two neighbours (absence), each with its path."""

    leaves: tuple[WeakLeaf, ...]
    paths: tuple[tuple[bytes, ...], ...]


class WeakTree:
    """Built over keys in whatever order the builder likes: nobody else sees them all."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        self.leaves = [WeakLeaf(key, index, len(keys)) for index, key in enumerate(keys)]
        self.levels = merkle.all_levels([leaf.hash() for leaf in self.leaves])
        self.root = merkle.root(self.levels[0])

    def prove(self, *indexes: int) -> WeakProof:
        """Open the leaves at these indexes."""
        reader = merkle.LevelReader(self.levels)
        paths = tuple(merkle.inclusion_proof(i, len(self.leaves), reader) for i in indexes)
        return WeakProof(tuple(self.leaves[i] for i in indexes), paths)


def weak_opens(proof: WeakProof, root: bytes) -> None:
    """Check every leaf against the root, at the index and total that it states."""
    for leaf, path in zip(proof.leaves, proof.paths, strict=True):
        merkle.verify_inclusion(leaf.hash(), leaf.index, size=leaf.total, path=path, root=root)


def weak_present(proof: WeakProof, key: bytes, root: bytes) -> None:
    """Accept presence: one leaf, of this key."""
    weak_opens(proof, root)
    assert len(proof.leaves) == 1
    assert proof.leaves[0].key == key


def weak_absent(proof: WeakProof, key: bytes, root: bytes) -> None:
    """Accept absence: two neighbours of one total, with the key strictly between them."""
    weak_opens(proof, root)
    left, right = proof.leaves
    assert left.total == right.total
    assert right.index == left.index + 1
    assert left.key < key < right.key


KEYS = sorted(hashlib.sha256(b"%d" % number).digest()[:16] for number in range(50))
VICTIM = KEYS[20]
OTHERS = [key for key in KEYS if key != VICTIM]


def test_the_weak_scheme_works_for_an_honest_builder() -> None:
    """Over sorted keys, a present key has a presence proof and no pair of neighbours around it."""
    tree = WeakTree(KEYS)
    weak_present(tree.prove(20), VICTIM, tree.root)
    for index in range(len(KEYS) - 1):
        with pytest.raises(AssertionError):
            weak_absent(tree.prove(index, index + 1), VICTIM, tree.root)


@pytest.mark.parametrize("place", [0, 5, 35, 49])
def test_the_weak_scheme_lets_its_builder_prove_both(place: int) -> None:
    """With the victim's key put out of order, one root accepts its presence and its absence."""
    keys = [*OTHERS[:place], VICTIM, *OTHERS[place:]]
    tree = WeakTree(keys)
    weak_present(tree.prove(place), VICTIM, tree.root)
    # Its true neighbours are neighbours still: nothing stands between them.
    at = next(i for i, (a, b) in enumerate(pairwise(keys)) if a == KEYS[19] and b == KEYS[21])
    weak_absent(tree.prove(at, at + 1), VICTIM, tree.root)


def test_an_honest_pair_of_proofs_does_not_show_the_order() -> None:
    """The two proofs the victim is shown say nothing of the third leaf that is out of order."""
    tree = WeakTree([VICTIM, *OTHERS])
    shown = {leaf.index for proof in (tree.prove(20, 21),) for leaf in proof.leaves}
    assert 0 not in shown


# --- bucket map v1 against the same adversary -----------------------------------------------------

EPOCH = derive("epoch", 16)
K = 3
NAMES = [f"n{number}" for number in range(24)]
SECRET = derive("secret victim")
LABEL = label(SECRET, EPOCH)
PUBLIC, BLIND = LABEL[:16], LABEL[16:]
ENROLMENT = derive("enrolment leaf")
HOME = bucket_of(PUBLIC, K)
RECORD, _ = record("victim", 1, (0, bytes(32)))

Bucket = list[tuple[bytes, bytes]]
"""(public label, commitment) in the order that the adversary chooses."""


def honest_buckets() -> list[Bucket]:
    """Return the buckets of 24 members, the victim among them."""
    buckets: list[Bucket] = [[] for _ in range(1 << K)]
    for name in NAMES:
        public = label(derive(f"secret {name}"), EPOCH)[:16]
        buckets[bucket_of(public, K)].append((public, derive(f"commitment {name}")))
    buckets[HOME].append((PUBLIC, commitment()))
    for bucket in buckets:
        bucket.sort()
    return buckets


def commitment() -> bytes:
    """Return the victim's true commitment: one record."""
    return member_commitment(
        BLIND,
        count=1,
        enrolment_index=7,
        enrolment_leaf=ENROLMENT,
        records=merkle.leaf_hash(RECORD),
    )


class Adversary:
    """Builds any tree it likes over bucket leaves, and opens it as it likes."""

    def __init__(self, buckets: Sequence[Bucket]) -> None:
        self.buckets = list(buckets)
        leaves = [
            bucket_leaf([p for p, _ in bucket], inner_hash([c for _, c in bucket]))
            for bucket in buckets
        ]
        self.levels = merkle.all_levels(leaves)
        self.root = merkle.root(leaves)

    def path(self, bucket: int) -> tuple[bytes, ...]:
        """Return the path of a bucket."""
        size = len(self.buckets)
        return merkle.inclusion_proof(bucket, size, merkle.LevelReader(self.levels))

    def absence(self, bucket: int) -> AbsenceProof:
        """Open a bucket as a proof of absence."""
        content = self.buckets[bucket]
        return AbsenceProof(
            labels=tuple(p for p, _ in content),
            inner=inner_hash([c for _, c in content]),
            path=self.path(bucket),
        )

    def presence(self, bucket: int) -> PresenceProof:
        """Open a bucket as a proof of presence of the victim's one record."""
        from byleave.evidence.bucket import RecordOpening

        content = self.buckets[bucket]
        place = [p for p, _ in content].index(PUBLIC)
        return PresenceProof(
            labels=tuple(p for p, _ in content),
            commitments=tuple(c for at, (_, c) in enumerate(content) if at != place),
            records=(RecordOpening.of(RECORD),),
            path=self.path(bucket),
        )


def absent(proof: AbsenceProof, root: bytes, k: int = K) -> None:
    """Verify the victim's absence."""
    verify_absence(proof, public=PUBLIC, k=k, root=root)


def present(proof: PresenceProof, root: bytes, k: int = K) -> None:
    """Verify the victim's presence."""
    verify_presence(
        proof, member_label=LABEL, k=k, root=root, enrolment_index=7, enrolment_leaf=ENROLMENT
    )


def fails(check: object, proof: object, root: bytes, k: int = K) -> str:
    """Return the code with which a proof is refused."""
    with pytest.raises(EvidenceError) as caught:
        check(proof, root, k)  # type: ignore[operator]
    return caught.value.code


def test_the_honest_map_proves_presence_and_not_absence() -> None:
    """Where the victim is in their bucket, presence verifies and absence does not."""
    adversary = Adversary(honest_buckets())
    present(adversary.presence(HOME), adversary.root)
    assert fails(absent, adversary.absence(HOME), adversary.root) == "map.label-listed"


def test_unsorted_labels_are_refused() -> None:
    """A bucket whose labels are out of order proves neither presence nor absence."""
    buckets = honest_buckets()
    buckets[HOME] = buckets[HOME][::-1]
    assert len(buckets[HOME]) > 1
    adversary = Adversary(buckets)
    assert fails(present, adversary.presence(HOME), adversary.root) == "map.labels-order"
    assert fails(absent, adversary.absence(HOME), adversary.root) == "map.labels-order"


def test_a_label_listed_twice_is_refused() -> None:
    """Two entries for one label, each with its own commitment, prove nothing."""
    buckets = honest_buckets()
    buckets[HOME] = sorted([*buckets[HOME], (PUBLIC, derive("another story"))])
    adversary = Adversary(buckets)
    assert fails(present, adversary.presence(HOME), adversary.root) == "map.labels-order"
    assert fails(absent, adversary.absence(HOME), adversary.root) == "map.labels-order"


@pytest.mark.parametrize("other", [b for b in range(1 << K) if b != HOME])
def test_a_label_in_another_bucket_is_refused(other: int) -> None:
    """A victim put into any other bucket, as in the attack above, is not there for the verifier."""
    buckets = honest_buckets()
    buckets[HOME] = [item for item in buckets[HOME] if item[0] != PUBLIC]
    buckets[other] = sorted([*buckets[other], (PUBLIC, commitment())])
    adversary = Adversary(buckets)
    absent(adversary.absence(HOME), adversary.root)
    # The presence that the weak scheme would accept beside it:
    codes = {"map.label-outside-bucket"}
    if len(buckets[other]) == 1:  # nobody else's label gives it away; the path does
        codes = {"map.root-mismatch"}
    assert fails(present, adversary.presence(other), adversary.root) in codes


@pytest.mark.parametrize("other", [b for b in range(1 << K) if b != HOME])
def test_a_label_in_two_buckets_is_no_way_out(other: int) -> None:
    """With the victim in two buckets the second one changes nothing: absence stays refused."""
    buckets = honest_buckets()
    buckets[other] = sorted([*buckets[other], (PUBLIC, commitment())])
    adversary = Adversary(buckets)
    present(adversary.presence(HOME), adversary.root)
    assert fails(absent, adversary.absence(HOME), adversary.root) == "map.label-listed"
    assert fails(absent, adversary.absence(other), adversary.root).startswith("map.label")


@pytest.mark.parametrize("other", [b for b in range(1 << K) if b != HOME])
def test_another_buckets_leaf_is_refused(other: int) -> None:
    """Another bucket's honest opening does not prove that the victim is not in theirs."""
    adversary = Adversary(honest_buckets())
    proof = adversary.absence(other)
    expected = "map.label-outside-bucket" if proof.labels else "map.root-mismatch"
    assert fails(absent, proof, adversary.root) == expected


@pytest.mark.parametrize("k", [0, 1, 2, 4, 5, 41, -1])
def test_another_size_of_tree_is_refused(k: int) -> None:
    """A path of another length than the logged k, or a k that no map has, proves nothing."""
    adversary = Adversary(honest_buckets())
    assert fails(absent, adversary.absence((HOME + 1) % 8), adversary.root, k) == "map.malformed"
    for path in (adversary.path(HOME)[:-1], (*adversary.path(HOME), bytes(32))):
        proof = replace(adversary.absence(HOME), path=path, labels=())
        assert fails(absent, proof, adversary.root) == "map.malformed"


def test_a_larger_tree_with_spare_leaves_is_refused() -> None:
    """A tree of more than 2**k leaves has no room in a proof: its root is reached by no k hashes."""
    twice = [*honest_buckets(), *honest_buckets()]
    twice[HOME] = [item for item in twice[HOME] if item[0] != PUBLIC]
    adversary = Adversary(twice)
    for bucket in (HOME, HOME + 8):
        cut = replace(adversary.absence(bucket), path=adversary.path(bucket)[:K])
        if PUBLIC not in cut.labels:
            assert fails(absent, cut, adversary.root) == "map.root-mismatch"


@pytest.mark.parametrize("cut", ["first", "victim", "last"])
def test_a_wrong_number_of_labels_is_refused(cut: str) -> None:
    """Leaving a label out of the list changes the leaf: m and the list are both in it."""
    adversary = Adversary(honest_buckets())
    proof = adversary.absence(HOME)
    labels = {
        "first": tuple(p for p in proof.labels if p != PUBLIC and p != min(proof.labels)),
        "victim": tuple(p for p in proof.labels if p != PUBLIC),
        "last": (),
    }[cut]
    assert fails(absent, replace(proof, labels=labels), adversary.root) == "map.root-mismatch"


def test_labels_cannot_become_part_of_the_inner_hash() -> None:
    """Bytes of the list cannot be moved into `inner`, nor the count told otherwise."""
    adversary = Adversary(honest_buckets())
    proof = adversary.absence(HOME)
    joined = b"".join(proof.labels) + proof.inner
    shifted = AbsenceProof(labels=(), inner=joined, path=proof.path)
    assert fails(absent, shifted, adversary.root) == "map.malformed"
    odd = AbsenceProof(labels=(joined[:-32],), inner=proof.inner, path=proof.path)
    if len(joined) != 48:
        assert fails(absent, odd, adversary.root) == "map.malformed"


def test_over_255_labels_are_refused() -> None:
    """A list longer than its one-byte count can say is refused before it is hashed."""
    shift = 1 << (128 - K)
    labels = tuple((HOME * shift + number).to_bytes(16, "big") for number in range(256))
    proof = AbsenceProof(labels=labels, inner=bytes(32), path=(bytes(32),) * K)
    assert fails(absent, proof, bytes(32)) == "map.malformed"


def test_parts_of_another_length_are_refused() -> None:
    """A label, inner hash, commitment or path hash of another length is refused."""
    adversary = Adversary(honest_buckets())
    good = adversary.presence(HOME)
    proofs: list[tuple[object, object]] = [
        (absent, AbsenceProof(labels=(b"short",), inner=bytes(32), path=good.path)),
        (absent, AbsenceProof(labels=(), inner=bytes(31), path=good.path)),
        (absent, AbsenceProof(labels=(), inner=bytes(32), path=(bytes(31),) * K)),
        (present, replace(good, commitments=(*good.commitments, bytes(32)))),
        (present, replace(good, commitments=tuple(c[:-1] for c in good.commitments))),
        (present, replace(good, records=(replace(good.records[0], salt=b""),))),
        (present, replace(good, records=(replace(good.records[0], role=3),))),
        (present, replace(good, records=(replace(good.records[0], ground=0),))),
    ]
    for check, proof in proofs:
        assert fails(check, proof, adversary.root) == "map.malformed"


def test_presence_of_an_unlisted_label_is_refused() -> None:
    """A bucket that does not list the victim proves no presence, whatever commitments come along."""
    adversary = Adversary(honest_buckets())
    good = adversary.presence(HOME)
    without = tuple(item for item in good.labels if item != PUBLIC)
    assert fails(present, replace(good, labels=without), adversary.root) == "map.label-not-listed"


@given(
    st.permutations(range(1 << K)),
    st.lists(st.sampled_from(range(1 << K)), max_size=3),
    st.booleans(),
)
def test_no_map_however_built_proves_both(
    order: list[int],
    places: list[int],
    keep: bool,
) -> None:
    """Whatever buckets an adversary shuffles, repeats or moves the victim into, one root never
    accepts both an absence and a presence of the victim's label.
    """
    buckets = honest_buckets()
    if not keep:
        buckets[HOME] = [item for item in buckets[HOME] if item[0] != PUBLIC]
    for place in places:
        buckets[place] = [*buckets[place], (PUBLIC, commitment())]
    buckets = [buckets[number] for number in order]
    adversary = Adversary(buckets)
    accepted = set()
    for bucket in range(1 << K):
        for kind in ("absence", "presence"):
            try:
                if kind == "absence":
                    absent(adversary.absence(bucket), adversary.root)
                else:
                    present(adversary.presence(bucket), adversary.root)
            except (EvidenceError, ValueError):
                continue
            accepted.add(kind)
    assert len(accepted) <= 1


def test_our_own_builder_refuses_what_the_attack_needs() -> None:
    """The builder has no way to place a label: its bucket and place follow from the secret."""
    members = MapMembers(
        secrets=[SECRET],
        enrolment_indexes=[7],
        enrolment_leaves=[ENROLMENT],
        records=[[RECORD]],
    )
    built = build(members, epoch=EPOCH, k=K)
    present(built.presence(PUBLIC), built.root)
    assert (
        fails(
            absent,
            AbsenceProof(labels=(), inner=bytes(32), path=built.presence(PUBLIC).path),
            built.root,
        )
        == "map.root-mismatch"
    )
