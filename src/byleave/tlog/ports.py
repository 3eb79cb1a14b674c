"""What the log needs of the world: entries, tiles, and one head.

The head is *trusted*: it is the memory of what was signed, and must be serialisable and durable.
Tiles are not: everything read from them is checked before it is used.
Durable means: it survives a power cut once the call has returned. A method that cannot promise
that raises; what it was given may or may not have been kept, and callers count on neither.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

__all__ = ["Cosigners", "EntrySource", "HeadStore", "TileSource", "TileStore"]


class EntrySource(Protocol):
    """The ledger: durable entries, numbered from 0, that are only ever added to."""

    def size(self) -> int:
        """Return how many entries are durable."""
        ...

    def read(self, start: int, end: int) -> Sequence[bytes]:
        """Return the entries [start, end), all of which exist."""
        ...


class TileSource(Protocol):
    """Where published files are read from: a directory, a web server."""

    def read(self, path: str) -> bytes:
        """Return a promoted file's bytes.

        Raises:
            EvidenceError: `log.tile-missing`.
        """
        ...

    def read_checkpoint(self) -> bytes | None:
        """Return the published checkpoint; None before the first."""
        ...


class TileStore(TileSource, Protocol):
    """Where the log's files are written.

    Files come in batches, so that an adapter may write, flush or send many of them at once.
    """

    def stage(self, files: Sequence[tuple[str, bytes]]) -> None:
        """Keep files, given as (path, bytes), where readers do not see them; flushed on return.

        They replace older ones of the same paths. A crash or an error may leave any part of them:
        who did not get this far stages them again before promoting any.
        """
        ...

    def read_staged(self, paths: Sequence[str]) -> list[bytes]:
        """Return staged files' bytes, from storage, in the order asked."""
        ...

    def promote(self, paths: Sequence[str]) -> None:
        """Make staged files readable under their paths; durable on return, as what is published.

        A path that is promoted already and no longer staged is left as it is, so that a call
        that was interrupted can be made again.
        """
        ...

    def publish_checkpoint(self, data: bytes) -> None:
        """Replace the published checkpoint, whole or not at all; durable on return."""
        ...

    def serve(self, paths: Sequence[str], checkpoint: bytes) -> None:
        """Do `promote` and then `publish_checkpoint`; where it can, flush for both together.

        No reader sees the checkpoint, not even after a power cut, before all of the paths are
        durable.
        """
        ...


class Cosigners(Protocol):
    """The witnesses that a checkpoint goes to before it is served."""

    def enough(self, note: bytes) -> bool:
        """Say whether this signed checkpoint has the cosignatures that the trust file asks for."""
        ...

    def collect(self, note: bytes, prove: Callable[[int], Sequence[bytes]]) -> bytes:
        """Return the signed checkpoint with cosignatures added.

        Args:
            note: The checkpoint, signed by the log.
            prove: Returns the consistency proof from an older size to the checkpoint's.

        Raises:
            WorldError: `log.quorum-unmet`, fewer witnesses cosigned than the trust file asks for.
        """
        ...


class HeadStore(Protocol):
    """The last signed checkpoint."""

    def get(self) -> bytes | None:
        """Return it; None before the first."""
        ...

    def compare_and_swap(self, old: bytes | None, new: bytes) -> bool:
        """Replace `old` by `new` if it is what is kept; durable on True."""
        ...
