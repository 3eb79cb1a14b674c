"""Publish what the ledger holds: the durable order, step by step.

(1) open the head (what was signed last) and the published checkpoint; the head is never older
(2) if the head was signed and not published, finish that first: steps 4, 5, 8, 9 and 10 again
(3) take the ledger's size; it never holds less than was signed for
(4) build the new tiles and bundles from the ledger and the tiles of the last checkpoint, and
    stage each: written, flushed, not yet visible
(5) read all of it back, recompute the leaves, the tiles and the root from storage, and check
    that the new tree extends the old one: memory is not what outsiders will see
(6) sign, and open what was signed as anybody else will
(7) compare-and-swap the head: from here on the new tree is the log's word
(8) promote the staged files
(9) collect cosignatures, where witnesses are asked, until the trust file's quorum is met
(10) publish the checkpoint; where (9) has nothing to do, a store may flush for (8) and (10) together

A failure before (7) leaves staged files that nobody reads; one after it leaves a head that the
next call finishes, from the ledger. Neither forks the log: nothing is ever signed that does not
extend the head, and the head moves only by (7). An error in (4) or (5) ends the call before (6).
While a quorum is not met the last checkpoint stays served, and the next call tries again.

Cost for n new entries: 4 n hashes, half of them over what was read back, and those of the last,
partial tile once; each byte is written and read once; 16,384 entries are held at a time. Of the old
tree its right edge is read, one tile a level, and hashed where the call before did not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import Final

from byleave import merkle
from byleave.errors import ConflictError, EvidenceError, InputError
from byleave.ids import Digest
from byleave.merkle.tile import (
    TILE_HEIGHT,
    TILE_WIDTH,
    Tile,
    TileReader,
    edge_root,
    tile_levels,
    tile_width,
)
from byleave.merkle.tree import EMPTY_ROOT
from byleave.note.checkpoint import Checkpoint, parse_checkpoint
from byleave.note.keys import SignerKey, VerifierKey
from byleave.note.signed import open_note, parse_note, sign_note
from byleave.tlog.bundle import bundle_path, decode_bundle, encode_bundle
from byleave.tlog.ports import Cosigners, EntrySource, HeadStore, TileSource, TileStore

__all__ = ["open_checkpoint", "publish"]

_READ_TILES: Final = 64
"""Tiles' worth of entries (16,384) read from the ledger at a time."""


def publish(
    source: EntrySource,
    tiles: TileStore,
    head: HeadStore,
    signer: SignerKey,
    *,
    origin: str,
    cosigners: Cosigners | None = None,
) -> Checkpoint:
    """Bring the published log up to the ledger; return the checkpoint that is then published.

    Args:
        source: The ledger.
        tiles: The log's files.
        head: The last signed checkpoint.
        signer: The log's key; its name is the origin.
        origin: The log's name.
        cosigners: The witnesses; None: the trust file asks for none.

    Raises:
        WorldError: `log.quorum-unmet`: what was signed is not served until witnesses cosign it.
        InputError: `note.key`, the key's name is not the origin; `entry.too-long`.
        ConflictError: `log.head-moved`, another publisher was first.
        EvidenceError: `log.head-damaged`, `log.head-behind`, `log.source-shorter`,
            `log.source-diverged`, `log.staging-differs`, `log.tile-missing`,
            `log.tile-damaged`: state that must not be signed over.
    """
    if signer.name != origin:
        raise InputError("the key's name is not the log's origin", code="note.key")
    # (1)
    verifier = signer.verifier
    signed = head.get()
    last = None if signed is None else open_checkpoint(signed, verifier, origin)
    shown = tiles.read_checkpoint()
    seen = None if shown is None else open_checkpoint(shown, verifier, origin)
    if seen is not None and (last is None or seen.size > last.size):
        raise EvidenceError("the head is older than what is published", code="log.head-behind")
    if seen is not None and last is not None and seen.size == last.size and seen != last:
        raise EvidenceError("head and published checkpoint differ", code="log.head-damaged")
    # (3)
    size = source.size()
    if last is not None and size < last.size:
        raise EvidenceError(
            f"the ledger has {size} entries, the log signed {last.size}", code="log.source-shorter"
        )
    # (2)
    if last is not None and signed is not None and seen != last:
        paths, root = _build(source, tiles, seen, last.size)
        if root != last.root:
            raise EvidenceError(
                "the ledger is not the one that was signed", code="log.source-diverged"
            )
        shown = _serve(tiles, paths, last, signed, cosigners=cosigners)
    if last is not None and shown is not None and size == last.size:
        if cosigners is not None and not cosigners.enough(shown):
            _serve(tiles, [], last, shown, cosigners=cosigners)  # the trust file asks for more
        else:
            tiles.promote([])  # who published it may have died before it was durable
        return last
    # (4) (5)
    paths, root = _build(source, tiles, last, size)
    # (6)
    checkpoint = Checkpoint(origin=origin, size=size, root=root)
    note = sign_note(checkpoint.format(), [signer])
    open_checkpoint(note, verifier, origin)
    # (7)
    if not head.compare_and_swap(signed, note):
        raise ConflictError("another publisher signed first", code="log.head-moved")
    _serve(tiles, paths, checkpoint, note, cosigners=cosigners)
    return checkpoint


def _serve(
    tiles: TileStore,
    paths: Sequence[str],
    at: Checkpoint,
    note: bytes,
    *,
    cosigners: Cosigners | None,
) -> bytes:
    """Promote what was staged, collect cosignatures, publish, and return what was published."""
    if cosigners is None:
        # (8) (10)
        tiles.serve(paths, note)
        return note
    # (8)
    tiles.promote(paths)
    # (9)
    note = cosigners.collect(note, lambda old: _consistency(tiles, at, old))
    # (10)
    tiles.publish_checkpoint(note)
    return note


def _consistency(tiles: TileSource, at: Checkpoint, old: int) -> tuple[Digest, ...]:
    if not at.size:  # an empty log has no tiles, and its proof no hashes
        return ()
    reader = TileReader(size=at.size, root=at.root, read=lambda tile: tiles.read(tile.path))
    return merkle.consistency_proof(old, at.size, reader)


@lru_cache(maxsize=8)
def open_checkpoint(data: bytes, key: VerifierKey, origin: str) -> Checkpoint:
    """Return the checkpoint in `data`, signed by `key`, of the log `origin`.

    The last few are remembered, by their bytes: a publisher opens again what it signed just before.

    Raises:
        EvidenceError: `log.head-damaged`.
    """
    try:
        note = parse_note(data)
        open_note(note, [key])
        checkpoint = parse_checkpoint(note.text)
    except EvidenceError as error:
        raise EvidenceError(
            "a stored checkpoint is not one that this log signed", code="log.head-damaged"
        ) from error
    if checkpoint.origin != origin:
        raise EvidenceError("a stored checkpoint is another log's", code="log.head-damaged")
    return checkpoint


def _build(
    source: EntrySource, tiles: TileStore, old: Checkpoint | None, size: int
) -> tuple[list[str], Digest]:
    """Stage what a tree of `size` entries adds to `old`; return the paths and the checked root."""
    base = old or Checkpoint(origin="", size=0, root=EMPTY_ROOT)
    before: dict[str, bytes] = {}  # published tiles that were read

    def read(tile: Tile) -> bytes:
        path = tile.path
        if path not in before:
            before[path] = tiles.read(path)
        return before[path]

    known = TileReader(size=base.size, root=base.root, read=read)
    paths: list[str] = []
    for files in _new_files(source, known, size):
        if files:
            tiles.stage(files)
            paths.extend(path for path, _ in files)
    try:
        return paths, _read_back(tiles, known, base, size, read=read, staged=frozenset(paths))
    except EvidenceError as error:
        _check_prefix(source, known)
        raise EvidenceError(
            "what was read back is not what was written; nothing was signed",
            code="log.staging-differs",
            where=error.where,
        ) from error


def _new_files(
    source: EntrySource, known: TileReader, size: int
) -> Iterator[list[tuple[str, bytes]]]:
    """Yield the files (path, bytes) that `size` entries add to `known`, a batch at a time.

    Hashes of the last, partial tile are taken from `known`. Where the ledger has other entries, its
    bundle and its tile differ, which reading them back finds.
    """
    fresh: list[bytes] = []  # roots of the full tiles of the level below
    first = known.size // TILE_WIDTH
    leaves = known.leaf_tile(first) if known.size % TILE_WIDTH else []
    for index in range(first, -(-size // TILE_WIDTH), _READ_TILES):
        start = index * TILE_WIDTH
        entries = source.read(start, min(start + _READ_TILES * TILE_WIDTH, size))
        leaves += merkle.leaf_hashes(entries[len(leaves) :])
        files: list[tuple[str, bytes]] = []
        for at in range(0, len(entries), TILE_WIDTH):
            part = leaves[at : at + TILE_WIDTH]
            tile = Tile(level=0, index=index + at // TILE_WIDTH, width=len(part))
            bundle = encode_bundle(entries[at : at + TILE_WIDTH])
            files += [(bundle_path(tile.index, tile.width), bundle), (tile.path, b"".join(part))]
            if tile.width == TILE_WIDTH:
                fresh.append(merkle.root(part))
        leaves = []
        yield files
    yield [(tile.path, data) for tile, data in _upper_tiles(known, fresh)]


def _upper_tiles(known: TileReader, fresh: list[bytes]) -> Iterator[tuple[Tile, bytes]]:
    """Yield the tiles above level 0 that the roots of new full tiles add to `known`."""
    level = 1
    while fresh:
        had = known.size >> (TILE_HEIGHT * level)
        first = had // TILE_WIDTH
        kept = [(TILE_HEIGHT * level, index) for index in range(first * TILE_WIDTH, had)]
        hashes = known.read_hashes(kept) + fresh
        fresh = []
        for at in range(0, len(hashes), TILE_WIDTH):
            part = hashes[at : at + TILE_WIDTH]
            yield Tile(level=level, index=first + at // TILE_WIDTH, width=len(part)), b"".join(part)
            if len(part) == TILE_WIDTH:
                fresh.append(merkle.root(part))
        level += 1


def _check_prefix(source: EntrySource, known: TileReader) -> None:
    """Check that the ledger still holds the entries of the last, partial tile."""
    width = known.size % TILE_WIDTH
    entries = source.read(known.size - width, known.size) if width else []
    if width and merkle.leaf_hashes(entries) != known.leaf_tile(known.size // TILE_WIDTH):
        raise EvidenceError("the ledger is not the one that was signed", code="log.source-diverged")


def _read_back(
    tiles: TileStore,
    known: TileReader,
    base: Checkpoint,
    size: int,
    *,
    read: Callable[[Tile], bytes],
    staged: frozenset[str],
) -> Digest:
    """Recompute every new tile and the root from storage, and check the root against `base`."""
    edge: dict[str, bytes] = {}  # staged tiles that were read back

    def read_new(tile: Tile) -> bytes:
        path = tile.path
        if path not in staged:
            return read(tile)
        return edge[path] if path in edge else tiles.read_staged([path])[0]

    fresh = _bundles_read_back(tiles, base.size, size, edge)
    for tile, data in _upper_tiles(known, fresh):
        edge[tile.path] = found = tiles.read_staged([tile.path])[0]
        if found != data:
            raise EvidenceError("a tile is damaged", code="log.tile-damaged", where=tile.path)
    root = edge_root(size, read_new)
    reader = TileReader(size=size, root=root, read=read_new)
    merkle.verify_consistency(
        old=base.size,
        old_root=base.root,
        new=size,
        new_root=root,
        path=merkle.consistency_proof(base.size, size, reader),
    )
    return root


def _bundles_read_back(
    tiles: TileStore, old: int, size: int, edge: dict[str, bytes]
) -> list[bytes]:
    """Check the new bundles against their tiles, both from storage; return full tiles' roots.

    The first and the last of the tiles go into `edge`: the new tree's root and the old one's are
    computed from them.
    """
    fresh: list[bytes] = []
    first, end = old // TILE_WIDTH, -(-size // TILE_WIDTH)
    for index in range(first, end, _READ_TILES):
        parts = [
            Tile(level=0, index=number, width=tile_width(size, 0, number))
            for number in range(index, min(index + _READ_TILES, end))
        ]
        paths = [tile.path for tile in parts]
        bundles = tiles.read_staged([bundle_path(tile.index, tile.width) for tile in parts])
        leaves = tiles.read_staged(paths)
        for tile, path, bundle, kept in zip(parts, paths, bundles, leaves, strict=True):
            hashes = merkle.leaf_hashes(decode_bundle(bundle, tile.width))
            if b"".join(hashes) != kept:
                raise EvidenceError(
                    "a bundle and its tile differ", code="log.entry-damaged", where=path
                )
            if tile.index in {first, end - 1}:
                edge[path] = kept
            if tile.width == TILE_WIDTH:
                # of the first, the old tree's nodes are wanted, too
                whole = tile_levels(kept)[-1][0] if tile.index == first else merkle.root(hashes)
                fresh.append(whole)
    return fresh
