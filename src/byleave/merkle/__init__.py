"""RFC 6962 trees over SHA-256: hashes, inclusion and consistency proofs, tiles.

Pure mathematics over hashes. Nothing here knows what an entry means, fetches a tile or reads a
file: whoever makes a proof hands in a `HashReader`, whoever checks one hands in a root.
RFC 9162 hashes identically; its algorithm agility is not wanted here.
"""

from __future__ import annotations

from byleave.merkle.proof import (
    Climb,
    HashReader,
    Node,
    consistency_proof,
    inclusion_proof,
    root_from_inclusion,
    tree_root,
    verify_consistency,
    verify_inclusion,
)
from byleave.merkle.tile import Tile, TileReader, new_tiles, parse_tile_path
from byleave.merkle.tree import (
    EMPTY_ROOT,
    LevelReader,
    all_levels,
    leaf_hash,
    leaf_hashes,
    node_hash,
    root,
)

__all__ = [
    "EMPTY_ROOT",
    "Climb",
    "HashReader",
    "LevelReader",
    "Node",
    "Tile",
    "TileReader",
    "all_levels",
    "consistency_proof",
    "inclusion_proof",
    "leaf_hash",
    "leaf_hashes",
    "new_tiles",
    "node_hash",
    "parse_tile_path",
    "root",
    "root_from_inclusion",
    "tree_root",
    "verify_consistency",
    "verify_inclusion",
]
