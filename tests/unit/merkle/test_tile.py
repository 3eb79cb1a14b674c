"""Tiles: their places, and what a reader of tiles accepts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from byleave import merkle
from byleave.errors import EvidenceError, InputError
from byleave.merkle.tile import Tile, TileReader, edge_root, new_tiles, parse_tile_path, tile_width

SIZE = 66_200
LEAVES: list[bytes] = [merkle.leaf_hash(number.to_bytes(4, "big")) for number in range(SIZE)]
LEVELS = merkle.all_levels(LEAVES)


def bytes_of(tile: Tile) -> bytes:
    """Cut a tile from the whole tree."""
    start = 256 * tile.index
    return b"".join(LEVELS[8 * tile.level][start : start + tile.width])


def files_of(size: int) -> dict[str, bytes]:
    """Return every tile of a tree of `size` leaves."""
    return {tile.path: bytes_of(tile) for tile in new_tiles(0, size)}


def reader_of(size: int, files: dict[str, bytes]) -> TileReader:
    """Read a tree of `size` leaves from files."""
    root = merkle.root(LEAVES[:size])
    return TileReader(size=size, root=root, read=lambda tile: files[tile.path])


def test_seventy_thousand_entries_have_the_tiles_of_the_specification() -> None:
    """tlog-tiles's example of 70,000 entries: 273 full and four partial tiles, of widths 112, 17 and 1."""
    tiles = list(new_tiles(0, 70_000))
    assert sum(tile.level == 0 and tile.width == 256 for tile in tiles) == 273
    assert [(t.level, t.width) for t in tiles if t.width < 256] == [(0, 112), (1, 17), (2, 1)]
    assert sum(tile.level == 1 and tile.width == 256 for tile in tiles) == 1


def test_a_full_tile_has_one_hash_above_it() -> None:
    """A tree of 256 leaves has a full level-0 tile and a level-1 tile of width 1."""
    assert [(t.level, t.index, t.width) for t in new_tiles(0, 256)] == [(0, 0, 256), (1, 0, 1)]


@pytest.mark.parametrize(
    ("index", "width", "path"),
    [
        (0, 256, "tile/0/000"),
        (5, 7, "tile/0/005.p/7"),
        (1234067, 256, "tile/0/x001/x234/067"),
        (1000, 1, "tile/0/x001/000.p/1"),
    ],
)
def test_paths_are_those_of_the_specification(index: int, width: int, path: str) -> None:
    """A tile's path is tlog-tiles's, and reads back to the same tile."""
    tile = Tile(level=0, index=index, width=width)
    assert tile.path == path
    assert parse_tile_path(path) == tile


@pytest.mark.parametrize(
    "path",
    [
        "tile/0/0",
        "tile/00/000",
        "tile/8/000",
        "tile/0/x000/001",
        "tile/0/000.p/0",
        "tile/0/000.p/256",
        "tile/0/000.p/01",
        "tile/0/../000",
        "/tile/0/000",
        "tile/0/000/",
        "tile/0/000\n",
        "tile/0/\u0661\u0662\u0663",
        "tile/entries/000",
        "",
    ],
)
def test_another_spelling_is_no_path(path: str) -> None:
    """A path that the format would not write is refused."""
    with pytest.raises(InputError) as caught:
        parse_tile_path(path)
    assert caught.value.code == "log.tile-path"


@given(st.integers(0, 2**40), st.integers(0, 2**40))
def test_tiles_of_a_growing_log_are_each_written_once(a: int, b: int) -> None:
    """What a step from one size to another adds is within the new tree and not in the old one."""
    old, new = sorted((a % 3000, b % 3000))
    had = {tile.path for tile in new_tiles(0, old)}
    added = {tile.path for tile in new_tiles(old, new)}
    assert not added & had
    assert {tile.path for tile in new_tiles(0, new)} <= added | had


@pytest.mark.parametrize("size", [1, 2, 255, 256, 257, 511, 512, 65_535, 65_536, 65_537, SIZE])
def test_a_tree_is_read_from_its_tiles(size: int) -> None:
    """From tiles alone come the tree's root, and proofs that verify."""
    reader = reader_of(size, files_of(size))
    assert merkle.tree_root(size, reader) == merkle.root(LEAVES[:size])
    for index in {0, size // 3, size - 1}:
        path = merkle.inclusion_proof(index, size, reader)
        root = merkle.root(LEAVES[:size])
        merkle.verify_inclusion(LEAVES[index], index, size=size, path=path, root=root)
        path = merkle.consistency_proof(index, size, reader)
        merkle.verify_consistency(
            old=index, old_root=merkle.root(LEAVES[:index]), new=size, new_root=root, path=path
        )


@given(st.data())
def test_a_flipped_bit_of_a_tile_is_found_before_it_is_used(data: st.DataObject) -> None:
    """Whichever tile is damaged, a reader that comes to use it refuses it."""
    size = 66_000
    files = dict(FILES)
    tile = data.draw(st.sampled_from(TILES))
    raw = bytearray(files[tile.path])
    raw[data.draw(st.integers(0, len(raw) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    files[tile.path] = bytes(raw)
    span = 256 ** (tile.level + 1)
    with pytest.raises(EvidenceError) as caught:
        reader_of(size, files).leaf_tile(min(tile.index * span, size - 1) // 256)
    assert caught.value.code == "log.tile-damaged"


FILES = files_of(66_000)
TILES = list(new_tiles(0, 66_000))


@pytest.mark.parametrize("cut", [0, 1, 31, 32])
def test_a_tile_has_its_length(cut: int) -> None:
    """A tile with bytes missing, or one hash missing, is refused."""
    files = files_of(300)
    files["tile/0/000"] = files["tile/0/000"][: 8192 - 32 + cut - 1]
    with pytest.raises(EvidenceError) as caught:
        reader_of(300, files).leaf_tile(0)
    assert caught.value.code == "log.tile-damaged"


def test_a_reader_gives_no_incomplete_node() -> None:
    """A node that the tree has not completed is not returned."""
    reader = reader_of(300, files_of(300))
    for node in [(0, 300), (2, 75), (9, 0), (0, -1)]:
        with pytest.raises(EvidenceError) as caught:
            reader.read_hashes([node])
        assert caught.value.code == "merkle.index-out-of-range"


def test_a_tree_has_a_size() -> None:
    """A negative size, or one beyond 63 bits, is no tree's."""
    for size in (-1, 2**63):
        with pytest.raises(EvidenceError) as caught:
            TileReader(size=size, root=bytes(32), read=bytes_of)
        assert caught.value.code == "merkle.index-out-of-range"


def test_the_edge_folds_to_the_root() -> None:
    """The right edge's tiles alone give the root of the whole tree."""
    for size in (0, 1, 256, 65_536, 66_001):
        assert edge_root(size, bytes_of) == merkle.root(LEAVES[:size])


def test_widths_sum_to_the_number_of_complete_nodes() -> None:
    """At each level the widths of a tree's tiles sum to floor(size / 256**level)."""
    for level in range(3):
        widths = [tile_width(66_000, level, index) for index in range(300)]
        assert sum(widths) == 66_000 >> (8 * level)
