"""Tree hashes agree with RFC 6962's definition and with published values."""

from __future__ import annotations

import hashlib

import pytest

from byleave import merkle
from byleave.merkle.tree import EMPTY_ROOT


def by_definition(leaves: list[bytes]) -> bytes:
    """Compute MTH as RFC 6962 §2.1 writes it, recursively."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    split = 1 << ((len(leaves) - 1).bit_length() - 1)
    left, right = by_definition(leaves[:split]), by_definition(leaves[split:])
    return hashlib.sha256(b"\x01" + left + right).digest()


LEAVES: list[bytes] = [merkle.leaf_hash(b"%d" % number) for number in range(130)]

# The eight leaves and roots that the Certificate Transparency projects have always tested with.
CT_INPUTS = [
    "", "00", "10", "2021", "3031", "40414243", "5051525354555657",
    "606162636465666768696a6b6c6d6e6f",
]  # fmt: skip
CT_ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


@pytest.mark.parametrize("size", range(len(CT_INPUTS)))
def test_roots_are_those_of_certificate_transparency(size: int) -> None:
    """The roots of the eight well-known leaves are the published ones."""
    leaves = merkle.leaf_hashes(bytes.fromhex(text) for text in CT_INPUTS[: size + 1])
    assert merkle.root(leaves).hex() == CT_ROOTS[size]


@pytest.mark.parametrize("size", range(130))
def test_root_is_the_definition(size: int) -> None:
    """For every size to 129 the iterative root is the recursive definition's."""
    assert merkle.root(LEAVES[:size]) == by_definition(LEAVES[:size])


def test_the_empty_root_is_the_hash_of_nothing() -> None:
    """A tree of no leaves has the root SHA-256 of the empty string."""
    assert merkle.root([]) == EMPTY_ROOT == hashlib.sha256(b"").digest()


def test_a_leaf_is_never_a_node() -> None:
    """A leaf whose data is two hashes has another hash than the node over them."""
    assert merkle.leaf_hash(LEAVES[0] + LEAVES[1]) != merkle.node_hash(LEAVES[0], LEAVES[1])


def test_levels_hold_complete_nodes_only() -> None:
    """Level h of n leaves holds floor(n / 2**h) hashes, each the root of its 2**h leaves."""
    levels = merkle.all_levels(LEAVES)
    for height, level in enumerate(levels):
        assert len(level) == len(LEAVES) >> height
        for index, item in enumerate(level):
            assert item == by_definition(LEAVES[index << height : (index + 1) << height])


def test_a_tree_of_a_power_of_two_ends_in_its_root() -> None:
    """The last level of 64 leaves is the root alone."""
    assert merkle.all_levels(LEAVES[:64])[-1] == [merkle.root(LEAVES[:64])]
