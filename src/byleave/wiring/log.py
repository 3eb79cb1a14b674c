"""The workspace's log: the ledger's entries, the tile files, the key, put together."""

from __future__ import annotations

from typing import Protocol

from byleave.errors import InputError
from byleave.evidence.log_proof import LoggedEntry
from byleave.note.checkpoint import Checkpoint
from byleave.note.keys import SignerKey, VerifierKey
from byleave.stores.tile_files import TileFiles
from byleave.tlog.ports import EntrySource, HeadStore
from byleave.tlog.publish import publish
from byleave.tlog.reader import LogReader

__all__ = ["WorkspaceLog"]


class LoggedLedger(EntrySource, HeadStore, Protocol):
    """Durable entries, and the last signed checkpoint."""


class WorkspaceLog:
    """Publishes what the ledger holds, and proves from what was published.

    Args:
        ledger: Durable entries, and the last signed checkpoint.
        tiles: The log's files.
        verifier: The log's public key.
        signer: Its private key; None in a read-only workspace.
    """

    def __init__(
        self,
        ledger: LoggedLedger,
        tiles: TileFiles,
        verifier: VerifierKey,
        signer: SignerKey | None,
    ) -> None:
        self._ledger = ledger
        self._tiles = tiles
        self._verifier = verifier
        self._signer = signer
        self._reader: LogReader | None = None

    @property
    def origin(self) -> str:
        """The log's name."""
        return self._verifier.name

    def publish(self) -> None:
        """Bring the published log up to the ledger; nothing to do without a key."""
        if self._signer is not None:
            publish(self._ledger, self._tiles, self._ledger, self._signer, origin=self.origin)
            self._reader = None

    def checkpoint(self) -> Checkpoint:
        """Return the published checkpoint of now, its signature checked."""
        self._reader = None
        return self.reader().checkpoint()

    def logged(self, index: int) -> LoggedEntry:
        """Return an entry with its log proof; publishes first where the log lags behind.

        A read-only workspace looks again instead: another process may have published since.

        Raises:
            InputError: `log.no-such-entry`.
        """
        if index >= self.reader().size:
            self.publish()
            self._reader = None
        if not 0 <= index < self.reader().size:
            raise InputError(
                f"the published log has {self.reader().size:,} entries", code="log.no-such-entry"
            )
        return self.reader().logged(index)

    def reader(self) -> LogReader:
        """Return a reader at the published checkpoint."""
        if self._reader is None:
            self._reader = LogReader(self._tiles, verifier=self._verifier)
        return self._reader

    @property
    def tiles(self) -> TileFiles:
        """The log's files, for `fsck`."""
        return self._tiles
