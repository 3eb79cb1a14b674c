"""Tiles (C2SP tlog-tiles): 256 consecutive nodes of one height, as one immutable file.

The tile at level L, index N holds the complete nodes of height 8 * L with indexes
[256 * N, 256 * N + width). Only the rightmost tile of a level may be narrower than 256 (*partial*).

`TileReader` reads complete nodes of a tree of known size and root out of tiles, and
authenticates every tile before it uses a hash of it:

(1) the partial tiles of the right edge are read once and must fold to the root;
(2) a full tile's own root must be the hash that the tile above holds for it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from byleave.errors import EvidenceError, InputError
from byleave.ids import Digest
from byleave.merkle.proof import MAX_SIZE, Node, tree_root
from byleave.merkle.tree import HASH_BYTES, all_levels

__all__ = [
    "TILE_HEIGHT",
    "TILE_WIDTH",
    "Tile",
    "TileReader",
    "edge_root",
    "format_index",
    "new_tiles",
    "parse_index",
    "parse_tile_path",
    "tile_levels",
    "tile_width",
]

TILE_HEIGHT: Final = 8
TILE_WIDTH: Final = 256
_MAX_LEVEL: Final = 63 // TILE_HEIGHT
_CACHED_TILES: Final = 512
"""Authenticated tiles kept by one reader: 512 x 256 x 2 hashes, some 20 MB at most."""

_PATH: Final = re.compile(
    r"tile/(0|[1-9]\d?)/((?:x\d{3}/)*\d{3})(?:\.p/([1-9]\d{0,2}))?", flags=re.ASCII
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tile:
    """One tile's place.

    Attributes:
        level: 0 (leaf hashes) to 7; a tile's hashes have height 8 * level.
        index: Position among the tiles of its level, from 0.
        width: Hashes in it, 1 to 256.
    """

    level: int
    index: int
    width: int = TILE_WIDTH

    @property
    def path(self) -> str:
        """`tile/0/x001/234.p/5`: where the tile lies under the log's prefix."""
        return f"tile/{self.level}/{format_index(self.index, self.width)}"


def format_index(index: int, width: int) -> str:
    """Write `1234067` as `x001/x234/067`, with `.p/W` where the width is below 256."""
    text = f"{index % 1000:03}"
    while index >= 1000:
        index //= 1000
        text = f"x{index % 1000:03}/{text}"
    return text if width == TILE_WIDTH else f"{text}.p/{width}"


def parse_index(elements: str) -> int:
    """Read `x001/x234/067`."""
    return int(elements.replace("x", "").replace("/", ""))


def parse_tile_path(path: str) -> Tile:
    """Read a tile's path in its one spelling.

    Raises:
        InputError: `log.tile-path`, anything `Tile.path` would not write.
    """
    match = _PATH.fullmatch(path)
    if match:
        width = int(match[3]) if match[3] else TILE_WIDTH
        tile = Tile(level=int(match[1]), index=parse_index(match[2]), width=width)
        if tile.path == path and tile.level <= _MAX_LEVEL:
            return tile
    raise InputError("not the path of a tile", code="log.tile-path")


def tile_width(size: int, level: int, index: int) -> int:
    """Return how many hashes tile (level, index) holds in a tree of `size` leaves; 0: no tile."""
    return max(0, min(TILE_WIDTH, (size >> (TILE_HEIGHT * level)) - index * TILE_WIDTH))


def new_tiles(old: int, new: int) -> Iterator[Tile]:
    """Yield the tiles of a tree of `new` leaves that a tree of `old` leaves does not have.

    Level by level from the leaves, left to right within each.
    """
    for level in range(_MAX_LEVEL + 1):
        count = new >> (TILE_HEIGHT * level)
        had = old >> (TILE_HEIGHT * level)
        if not count:
            return
        if count == had:
            continue
        for index in range(had // TILE_WIDTH, -(-count // TILE_WIDTH)):
            yield Tile(level=level, index=index, width=tile_width(new, level, index))


class TileReader:
    """A `HashReader` over the tiles of one tree; returns authenticated hashes only.

    Args:
        size: Leaves in the tree.
        root: Its root, from a source the caller trusts (a verified checkpoint).
        read: Returns the bytes of a tile, or raises.

    Raises:
        EvidenceError: `log.tile-damaged`, the right edge does not fold to `root` (on
            construction), or a tile differs from what the tile above says (on reading).
    """

    def __init__(self, *, size: int, root: bytes, read: Callable[[Tile], bytes]) -> None:
        if not 0 <= size <= MAX_SIZE:
            raise EvidenceError("no tree has such a size", code="merkle.index-out-of-range")
        self.size = size
        self._read = read
        self._tiles: dict[tuple[int, int], list[list[bytes]]] = {}
        # (1)
        self._edge = _read_edge(size, read)
        if tree_root(size, _Edge(self._edge)) != root:
            raise EvidenceError("tiles do not lead to the root", code="log.tile-damaged")

    def read_hashes(self, nodes: Sequence[Node]) -> list[bytes]:
        """Return the hash of each complete node, in the order asked.

        Raises:
            EvidenceError: `log.tile-damaged`; `merkle.index-out-of-range`, no such complete node.
        """
        result: list[bytes] = []
        for height, index in nodes:
            if (index + 1) << height > self.size or index < 0:
                raise EvidenceError("no such node", code="merkle.index-out-of-range")
            level, within = divmod(height, TILE_HEIGHT)
            tile, at = divmod(index, TILE_WIDTH >> within)
            result.append(self._levels(level, tile)[within][at])
        return result

    def leaf_tile(self, index: int) -> list[bytes]:
        """Return the authenticated leaf hashes of level-0 tile `index`."""
        return self._levels(0, index)[0].copy()

    def _levels(self, level: int, index: int) -> list[list[bytes]]:
        key = (level, index)
        known = self._edge.get(key) or self._tiles.get(key)
        if known is not None:
            return known
        levels = _fetch(self.size, level, index, self._read)
        # (2) A tile that is not on the edge is full, so the level above has a hash for it.
        above = self._levels(level + 1, index // TILE_WIDTH)[0][index % TILE_WIDTH]
        if levels[-1] != [above]:
            raise _damaged(Tile(level=level, index=index))
        if len(self._tiles) >= _CACHED_TILES:
            self._tiles.pop(next(iter(self._tiles)))
        self._tiles[key] = levels
        return levels


class _Edge:
    """Reads nodes that stand in partial tiles of the right edge."""

    def __init__(self, edge: dict[tuple[int, int], list[list[bytes]]]) -> None:
        self._edge = edge

    def read_hashes(self, nodes: Sequence[Node]) -> list[bytes]:
        result = []
        for height, index in nodes:
            level, within = divmod(height, TILE_HEIGHT)
            tile, at = divmod(index, TILE_WIDTH >> within)
            result.append(self._edge[level, tile][within][at])
        return result


def edge_root(size: int, read: Callable[[Tile], bytes]) -> Digest:
    """Return the root that the tiles of the right edge fold to.

    It is what the tiles say, and no more: a caller that did not write them wants `TileReader`.

    Raises:
        EvidenceError: `log.tile-damaged`, a tile has not its length.
    """
    return tree_root(size, _Edge(_read_edge(size, read)))


def _read_edge(
    size: int, read: Callable[[Tile], bytes]
) -> dict[tuple[int, int], list[list[bytes]]]:
    """Return the partial tiles' levels: they hold every node that the root is folded from."""
    edge = {}
    for level in range(_MAX_LEVEL + 1):
        count = size >> (TILE_HEIGHT * level)
        if count % TILE_WIDTH:
            index = count // TILE_WIDTH
            edge[level, index] = _fetch(size, level, index, read)
    return edge


def _fetch(size: int, level: int, index: int, read: Callable[[Tile], bytes]) -> list[list[bytes]]:
    tile = Tile(level=level, index=index, width=tile_width(size, level, index))
    data = read(tile)
    if len(data) != tile.width * HASH_BYTES:
        raise _damaged(tile)
    return tile_levels(data)


@lru_cache(maxsize=16)
def tile_levels(data: bytes) -> list[list[bytes]]:
    """Return every complete node over a tile's hashes, by level; nobody changes what is returned.

    The last few are remembered, by all of their bytes: who publishes meets the right edge of a tree
    when it is new, and again as what the next tree extends.
    """
    return all_levels([data[at : at + HASH_BYTES] for at in range(0, len(data), HASH_BYTES)])


def _damaged(tile: Tile) -> EvidenceError:
    return EvidenceError("a tile is damaged", code="log.tile-damaged", where=tile.path)
