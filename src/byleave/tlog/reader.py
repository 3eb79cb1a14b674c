"""Read a published log: entries, leaf hashes, proofs, all from tiles.

A `LogReader` stands at one checkpoint, the one published when it was made. Whatever it returns
is authenticated against that checkpoint's root; proofs read tiles and never recompute the tree.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from byleave import merkle
from byleave.errors import EvidenceError, InputError
from byleave.evidence.log_proof import LoggedEntry, LogProof
from byleave.ids import Digest
from byleave.merkle.tile import TILE_WIDTH, TileReader, tile_width
from byleave.note.checkpoint import Checkpoint, parse_checkpoint
from byleave.note.keys import VerifierKey
from byleave.note.signed import parse_note
from byleave.tlog.bundle import bundle_path, decode_bundle
from byleave.tlog.ports import TileSource
from byleave.tlog.publish import open_checkpoint

__all__ = ["LogReader"]

_CACHED_BUNDLES: Final = 64


class LogReader:
    """One published log at one checkpoint.

    Args:
        tiles: Where its files are.
        verifier: The log's key. None: the checkpoint is taken as it stands, which only the
            platform itself, reading back what it published, may do.

    Raises:
        InputError: `log.no-checkpoint`.
        EvidenceError: `log.head-damaged`, not signed by `verifier`; `note.malformed`;
            `log.tile-missing`, `log.tile-damaged`.
    """

    def __init__(self, tiles: TileSource, *, verifier: VerifierKey | None = None) -> None:
        data = tiles.read_checkpoint()
        if data is None:
            raise InputError("the log has no checkpoint yet", code="log.no-checkpoint")
        at = parse_checkpoint(parse_note(data).text)
        if verifier is not None:
            open_checkpoint(data, verifier, at.origin)
        self._tiles = tiles
        self._bytes = data
        self._at = at
        self._hashes = TileReader(
            size=at.size, root=at.root, read=lambda tile: tiles.read(tile.path)
        )
        self._bundles: dict[int, list[bytes]] = {}

    @property
    def size(self) -> int:
        """Number of published entries."""
        return self._at.size

    def checkpoint(self) -> Checkpoint:
        """Return the checkpoint this reader stands at."""
        return self._at

    def checkpoint_bytes(self) -> bytes:
        """Return it as the signed note that was published."""
        return self._bytes

    def entry(self, index: int) -> bytes:
        """Return the bytes of entry `index`.

        Raises:
            InputError: `log.no-such-entry`.
            EvidenceError: `log.entry-damaged`, `log.tile-damaged`, `log.tile-missing`.
        """
        self._check(index)
        return self._bundle(index // TILE_WIDTH)[index % TILE_WIDTH]

    def entries(self, start: int, end: int) -> Iterator[bytes]:
        """Yield the entries [start, end), as `entry` would."""
        return (self.entry(index) for index in range(start, end))

    def leaf_hash(self, index: int) -> Digest:
        """Return the leaf hash of entry `index`; raises as `entry`."""
        self._check(index)
        return Digest(self._hashes.read_hashes([(0, index)])[0])

    def inclusion(self, index: int, size: int | None = None) -> tuple[Digest, ...]:
        """Return the inclusion proof of entry `index` in the first `size` (None: all) entries.

        Raises:
            InputError: `merkle.no-such-leaf`.
            EvidenceError: `log.tile-damaged`, `log.tile-missing`.
        """
        size = self.size if size is None else size
        self._check_size(size)
        return merkle.inclusion_proof(index, size, self._hashes)

    def consistency(self, old: int, new: int | None = None) -> tuple[Digest, ...]:
        """Return the proof that the first `new` (None: all) entries extend the first `old`."""
        new = self.size if new is None else new
        self._check_size(new)
        return merkle.consistency_proof(old, new, self._hashes)

    def root(self, size: int) -> Digest:
        """Return the root of the first `size` entries."""
        self._check_size(size)
        return merkle.tree_root(size, self._hashes)

    def logged(self, index: int, checkpoint: bytes | None = None) -> LoggedEntry:
        """Return entry `index` with its log proof, as proof files and receipts hold it.

        Args:
            index: Entry index.
            checkpoint: A signed checkpoint of this log at this size or before; None: this one.

        Raises:
            InputError: `log.no-such-entry`, `merkle.no-such-leaf`.
            EvidenceError: `log.head-damaged`, the checkpoint is not one of this log.
        """
        note = self._bytes if checkpoint is None else checkpoint
        at = self._at if checkpoint is None else parse_checkpoint(parse_note(checkpoint).text)
        if at.origin != self._at.origin or at.size > self.size or self.root(at.size) != at.root:
            raise EvidenceError("not a checkpoint of this log", code="log.head-damaged")
        proof = LogProof(index=index, path=self.inclusion(index, at.size), checkpoint=note)
        return LoggedEntry(self.entry(index), proof)

    def tlog_proof(self, index: int, checkpoint: bytes | None = None) -> str:
        """Return the tlog-proof text of entry `index`; arguments and errors as `logged`."""
        return self.logged(index, checkpoint).proof.format()

    def _bundle(self, number: int) -> list[bytes]:
        known = self._bundles.get(number)
        if known is not None:
            return known
        width = tile_width(self.size, 0, number)
        path = bundle_path(number, width)
        entries = decode_bundle(self._tiles.read(path), width)
        if merkle.leaf_hashes(entries) != self._hashes.leaf_tile(number):
            raise EvidenceError(
                "an entry is not the one that was logged", code="log.entry-damaged", where=path
            )
        if len(self._bundles) >= _CACHED_BUNDLES:
            self._bundles.pop(next(iter(self._bundles)))
        self._bundles[number] = entries
        return entries

    def _check(self, index: int) -> None:
        if not 0 <= index < self.size:
            raise InputError(
                f"entry {index} is not among the {self.size} published",
                code="log.no-such-entry",
            )

    def _check_size(self, size: int) -> None:
        if not 0 <= size <= self.size:
            raise InputError(
                f"the log has {self.size} entries, not {size}", code="merkle.no-such-leaf"
            )
