"""Proofs: every size and index proves; nothing else does."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from byleave import merkle
from byleave.errors import EvidenceError, InputError
from byleave.merkle.proof import MAX_PATH, MAX_SIZE, Climb, Node, climb, path_length

SIZE = 300
LEAVES: list[bytes] = [merkle.leaf_hash(b"%d" % number) for number in range(SIZE)]
READER = merkle.LevelReader(merkle.all_levels(LEAVES))
ROOTS = [merkle.root(LEAVES[:size]) for size in range(SIZE + 1)]


def check_inclusion(
    index: int, size: int, path: Sequence[bytes], leaf: bytes | None = None
) -> None:
    """Verify against the true root of `size`."""
    merkle.verify_inclusion(
        LEAVES[index] if leaf is None else leaf, index, size=size, path=path, root=ROOTS[size]
    )


def code_of(error: pytest.ExceptionInfo[EvidenceError]) -> str:
    """Return the code of what was raised."""
    return error.value.code


def test_every_leaf_of_every_size_proves() -> None:
    """For all sizes to 300 and all leaves, the made inclusion proof verifies."""
    for size in range(1, SIZE + 1):
        for index in range(0, size, 1 if size < 80 else 7):
            check_inclusion(index, size, merkle.inclusion_proof(index, size, READER))


def test_every_pair_of_sizes_is_consistent() -> None:
    """For all pairs of sizes to 90, and some to 300, the made consistency proof verifies."""
    for new in [*range(91), 127, 128, 129, 255, 256, 257, 300]:
        for old in range(0, new + 1, 1 if new < 91 else 5):
            merkle.verify_consistency(
                old=old,
                old_root=ROOTS[old],
                new=new,
                new_root=ROOTS[new],
                path=merkle.consistency_proof(old, new, READER),
            )


@given(st.integers(2, SIZE), st.data())
def test_no_flipped_bit_proves(size: int, data: st.DataObject) -> None:
    """A bit changed in any hash of an inclusion proof makes it fail."""
    index = data.draw(st.integers(0, size - 1))
    path = [bytearray(item) for item in merkle.inclusion_proof(index, size, READER)]
    at, bit = data.draw(st.integers(0, len(path) - 1)), data.draw(st.integers(0, 255))
    path[at][bit // 8] ^= 1 << bit % 8
    with pytest.raises(EvidenceError) as caught:
        check_inclusion(index, size, [bytes(item) for item in path])
    assert code_of(caught) == "merkle.root-mismatch"


@given(st.integers(2, SIZE), st.data())
def test_a_proof_is_for_one_index_and_size(size: int, data: st.DataObject) -> None:
    """An inclusion proof fails for any other index, whether or not its length would fit."""
    index = data.draw(st.integers(0, size - 1))
    other = data.draw(st.integers(0, size - 1).filter(lambda number: number != index))
    path = merkle.inclusion_proof(index, size, READER)
    with pytest.raises(EvidenceError):
        merkle.verify_inclusion(LEAVES[index], other, size=size, path=path, root=ROOTS[size])


def climbed(index: int, size: int, before: Climb | None = None) -> Climb:
    """Climb the made proof of a leaf."""
    path = merkle.inclusion_proof(index, size, READER)
    return climb(LEAVES[index], index, size, path, before)


def test_where_a_proof_leads_does_not_depend_on_the_one_before() -> None:
    """For all sizes to 34 and all pairs of leaves, and chains of them, root and nodes are the same."""
    for size in range(1, 35):
        alone = [climbed(index, size) for index in range(size)]
        assert {way.root for way in alone} == {ROOTS[size]}
        chain: Climb | None = None
        for first in range(size):
            for second in range(size):
                assert climbed(second, size, alone[first]) == alone[second]
            chain = climbed(first * 7 % size, size, chain)
            assert chain == alone[first * 7 % size]
        for other in (max(size - 1, 1), size + 1, 2 * size):
            assert climbed(0, size, climbed(other - 1, other)) == alone[0]


@given(st.integers(2, SIZE), st.data())
def test_no_flipped_bit_proves_after_another_proof(size: int, data: st.DataObject) -> None:
    """A bit changed in any hash or in the leaf fails, whatever was proved of the tree before."""
    index, other = (data.draw(st.integers(0, size - 1)) for _ in range(2))
    path = merkle.inclusion_proof(index, size, READER)
    parts = [bytearray(item) for item in (LEAVES[index], *path)]
    at, bit = data.draw(st.integers(0, len(parts) - 1)), data.draw(st.integers(0, 255))
    parts[at][bit // 8] ^= 1 << bit % 8
    leaf, *changed = map(bytes, parts)
    with pytest.raises(EvidenceError) as error:
        merkle.verify_inclusion(
            leaf, index, size=size, path=tuple(changed), root=ROOTS[size],
            before=climbed(other, size),
        )  # fmt: skip
    assert code_of(error) == "merkle.root-mismatch"


def test_what_two_proofs_share_is_hashed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """After a neighbour's proof, one hash is enough in a tree of 256; after none, eight are."""
    before, path, hashed = climbed(6, 256), merkle.inclusion_proof(7, 256, READER), []

    def counting(data: bytes) -> Any:
        hashed.append(data)
        return hashlib.sha256(data)

    monkeypatch.setattr("byleave.merkle.proof._sha256", counting)
    assert climb(LEAVES[7], 7, 256, path, before).root == ROOTS[256]
    assert len(hashed) == 1
    assert climb(LEAVES[7], 7, 256, path).root == ROOTS[256]
    assert len(hashed) == 9


@given(st.integers(1, SIZE - 1), st.data())
def test_no_flipped_bit_is_consistent(old: int, data: st.DataObject) -> None:
    """A bit changed in any hash of a consistency proof makes it fail."""
    new = data.draw(st.integers(old + 1, SIZE))
    path = [bytearray(item) for item in merkle.consistency_proof(old, new, READER)]
    at, bit = data.draw(st.integers(0, len(path) - 1)), data.draw(st.integers(0, 255))
    path[at][bit // 8] ^= 1 << bit % 8
    with pytest.raises(EvidenceError) as caught:
        merkle.verify_consistency(
            old=old,
            old_root=ROOTS[old],
            new=new,
            new_root=ROOTS[new],
            path=[bytes(item) for item in path],
        )
    assert code_of(caught) == "merkle.root-mismatch"


@given(st.integers(1, SIZE - 1), st.data())
def test_another_history_is_not_consistent(old: int, data: st.DataObject) -> None:
    """A true proof between two sizes fails for an old root that was never this log's."""
    new = data.draw(st.integers(old + 1, SIZE))
    path = merkle.consistency_proof(old, new, READER)
    with pytest.raises(EvidenceError) as caught:
        merkle.verify_consistency(
            old=old,
            old_root=merkle.leaf_hash(b"another"),
            new=new,
            new_root=ROOTS[new],
            path=path,
        )
    assert code_of(caught) == "merkle.root-mismatch"


def test_the_leaf_count_is_bound() -> None:
    """A proof in a tree of one size fails for another size of the same path length."""
    path = merkle.inclusion_proof(0, 5, READER)
    assert path_length(0, 5) == path_length(0, 7) == len(path)
    with pytest.raises(EvidenceError) as caught:
        merkle.verify_inclusion(LEAVES[0], 0, size=7, path=path, root=ROOTS[7])
    assert code_of(caught) == "merkle.root-mismatch"


@pytest.mark.parametrize("size", [2, 3, 8, 300])
def test_an_empty_proof_proves_nothing(size: int) -> None:
    """An empty path is refused in every tree of more than one leaf, even for the root itself."""
    for leaf in (LEAVES[0], ROOTS[size]):
        with pytest.raises(EvidenceError) as caught:
            merkle.verify_inclusion(leaf, 0, size=size, path=(), root=ROOTS[size])
        assert code_of(caught) == "merkle.path-length"


def test_an_inner_node_is_not_a_leaf() -> None:
    """A node's hash with the rest of the path is not a proof, at any index of that size."""
    path = merkle.inclusion_proof(0, 8, READER)
    node = merkle.node_hash(LEAVES[0], LEAVES[1])
    for index in range(8):
        with pytest.raises(EvidenceError) as caught:
            merkle.verify_inclusion(node, index, size=8, path=path[1:], root=ROOTS[8])
        assert code_of(caught) == "merkle.path-length"


def test_a_tree_of_one_leaf_needs_that_leaf() -> None:
    """In a tree of one leaf the empty path proves that leaf and no other."""
    check_inclusion(0, 1, ())
    with pytest.raises(EvidenceError) as caught:
        check_inclusion(0, 1, (), leaf=LEAVES[1])
    assert code_of(caught) == "merkle.root-mismatch"


def test_no_leaf_is_in_an_empty_tree() -> None:
    """Nothing is included in a tree of no leaves."""
    with pytest.raises(EvidenceError) as caught:
        merkle.verify_inclusion(LEAVES[0], 0, size=0, path=(), root=ROOTS[0])
    assert code_of(caught) == "merkle.index-out-of-range"


@pytest.mark.parametrize(("index", "size"), [(-1, 8), (8, 8), (9, 8), (0, MAX_SIZE + 1)])
def test_an_index_lies_in_the_tree(index: int, size: int) -> None:
    """An index outside the tree, or a size beyond 63 bits, is refused before anything is hashed."""
    with pytest.raises(EvidenceError) as caught:
        merkle.verify_inclusion(LEAVES[0], index, size=size, path=(), root=ROOTS[8])
    assert code_of(caught) == "merkle.index-out-of-range"


@pytest.mark.parametrize("extra", [1, 2, 64])
def test_a_proof_has_no_hash_too_many(extra: int) -> None:
    """Hashes after the last one that is needed are refused."""
    path = (*merkle.inclusion_proof(3, 8, READER), *LEAVES[:extra])
    with pytest.raises(EvidenceError) as caught:
        check_inclusion(3, 8, path)
    assert code_of(caught) == "merkle.path-length"


@pytest.mark.parametrize("length", [0, 31, 33])
def test_a_hash_has_32_bytes(length: int) -> None:
    """A hash of another length is refused, so bytes cannot move between neighbours."""
    path = [*merkle.inclusion_proof(3, 8, READER)[:2], b"x" * length]
    with pytest.raises(EvidenceError) as caught:
        check_inclusion(3, 8, path)
    assert code_of(caught) == "merkle.hash-length"


def test_bytes_cannot_move_from_the_leaf_to_its_sibling() -> None:
    """A leaf one byte shorter beside a sibling one byte longer is refused."""
    joined = LEAVES[0] + LEAVES[1]
    with pytest.raises(EvidenceError) as caught:
        merkle.verify_inclusion(joined[:31], 0, size=2, path=[joined[31:]], root=ROOTS[2])
    assert code_of(caught) == "merkle.hash-length"


def test_a_log_does_not_shrink() -> None:
    """A newer tree that is smaller is refused."""
    with pytest.raises(EvidenceError) as caught:
        merkle.verify_consistency(old=8, old_root=ROOTS[8], new=7, new_root=ROOTS[7], path=())
    assert code_of(caught) == "merkle.sizes-out-of-order"


def test_equal_sizes_need_equal_roots() -> None:
    """Two roots of one size are never consistent, and no hash may stand beside them."""
    merkle.verify_consistency(old=8, old_root=ROOTS[8], new=8, new_root=ROOTS[8], path=())
    with pytest.raises(EvidenceError) as caught:
        merkle.verify_consistency(old=8, old_root=ROOTS[8], new=8, new_root=ROOTS[7], path=())
    assert code_of(caught) == "merkle.root-mismatch"
    with pytest.raises(EvidenceError) as caught:
        merkle.verify_consistency(
            old=8, old_root=ROOTS[8], new=8, new_root=ROOTS[8], path=[LEAVES[0]]
        )
    assert code_of(caught) == "merkle.path-length"


def test_everything_extends_the_empty_tree_and_only_the_empty_tree() -> None:
    """From size 0 the proof is empty and the old root is SHA-256 of nothing."""
    merkle.verify_consistency(old=0, old_root=ROOTS[0], new=9, new_root=ROOTS[9], path=())
    with pytest.raises(EvidenceError) as caught:
        merkle.verify_consistency(old=0, old_root=ROOTS[1], new=9, new_root=ROOTS[9], path=())
    assert code_of(caught) == "merkle.root-mismatch"
    with pytest.raises(EvidenceError) as caught:
        merkle.verify_consistency(old=0, old_root=ROOTS[0], new=0, new_root=ROOTS[1], path=())
    assert code_of(caught) == "merkle.root-mismatch"


@pytest.mark.parametrize("old", [3, 4, 6, 7])
def test_a_consistency_proof_has_its_length(old: int) -> None:
    """A consistency proof with a hash too few or too many is refused."""
    path = merkle.consistency_proof(old, 8, READER)
    for wrong in (path[:-1], (*path, LEAVES[0]), ()):
        with pytest.raises(EvidenceError) as caught:
            merkle.verify_consistency(
                old=old, old_root=ROOTS[old], new=8, new_root=ROOTS[8], path=wrong
            )
        assert code_of(caught) == "merkle.path-length"


def test_a_prefix_is_not_taken_for_the_old_tree() -> None:
    """The proof for 6 of 8 does not pass for 5 of 8 or 7 of 8 with the root of 6."""
    path = merkle.consistency_proof(6, 8, READER)
    for old in (5, 7):
        with pytest.raises(EvidenceError):
            merkle.verify_consistency(
                old=old, old_root=ROOTS[6], new=8, new_root=ROOTS[8], path=path
            )


class Watched:
    """A reader that refuses incomplete nodes, and counts calls and nodes."""

    def __init__(self, size: int) -> None:
        self.size, self.calls, self.nodes = size, 0, 0

    def read_hashes(self, nodes: Sequence[Node]) -> list[bytes]:
        """Read, in one call, complete nodes only."""
        self.calls += 1
        self.nodes += len(nodes)
        assert all((index + 1) << level <= self.size for level, index in nodes)
        return READER.read_hashes(nodes)


def test_provers_ask_once_and_for_complete_nodes_only() -> None:
    """A proof is made with one read of at most 2 * 64 nodes, none of them incomplete."""
    for size in (1, 2, 100, 255, 256, 299):
        for index in range(0, size, 13):
            watched = Watched(size)
            merkle.inclusion_proof(index, size, watched)
            assert watched.calls == 1
            assert watched.nodes <= 2 * MAX_PATH
            if index:
                watched = Watched(size)
                merkle.consistency_proof(index, size, watched)
                assert watched.calls == 1


@pytest.mark.parametrize(("index", "size"), [(-1, 3), (3, 3), (0, 0), (0, MAX_SIZE + 1)])
def test_no_proof_is_made_of_what_is_not_there(index: int, size: int) -> None:
    """A prover asked for a leaf outside the tree raises, as the caller's mistake."""
    with pytest.raises(InputError) as caught:
        merkle.inclusion_proof(index, size, READER)
    assert caught.value.code == "merkle.no-such-leaf"


def test_no_consistency_is_made_backwards() -> None:
    """A prover asked for sizes out of order raises, as the caller's mistake."""
    with pytest.raises(InputError) as caught:
        merkle.consistency_proof(4, 3, READER)
    assert caught.value.code == "merkle.no-such-leaf"


def test_the_largest_tree_needs_63_hashes() -> None:
    """The first leaf of the largest tree has a path of 63 hashes, and no leaf a longer one."""
    assert path_length(0, MAX_SIZE) == MAX_PATH
    assert max(path_length(i, MAX_SIZE) for i in (0, 1, MAX_SIZE // 2, MAX_SIZE - 1)) == MAX_PATH
