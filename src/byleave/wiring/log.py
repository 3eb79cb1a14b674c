"""The workspace's log: the ledger's entries, the tile files, the key, put together."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, Protocol

from byleave.errors import EvidenceError, InputError, WorldError
from byleave.evidence.log_proof import LoggedEntry
from byleave.note.checkpoint import Checkpoint
from byleave.note.keys import SignerKey, VerifierKey
from byleave.tlog.ports import Cosigners, EntrySource, HeadStore, TileStore
from byleave.tlog.publish import publish
from byleave.tlog.reader import LogReader
from byleave.tlog.sequencer import Sequencer

__all__ = ["WorkspaceLog"]

_DURABLE: Final = (
    "what was recorded is durable; nothing is signed until byleave log fsck finds the log sound"
)


class LoggedLedger(EntrySource, HeadStore, Protocol):
    """Durable entries, and the last signed checkpoint."""


class WorkspaceLog:
    """Publishes what the ledger holds, and proves from what was published.

    Args:
        ledger: Durable entries, and the last signed checkpoint.
        tiles: The log's files.
        verifier: The log's public key.
        signer: Its private key; None in a read-only workspace.
        cosigners: The witnesses that its trust file names; None: it names none.
        hold: Go on when too few of them cosign; the last checkpoint then stays served.
        may_sign: Whether this process may sign a head now: it holds the workspace's lock.
    """

    def __init__(
        self,
        ledger: LoggedLedger,
        tiles: TileStore,
        verifier: VerifierKey,
        signer: SignerKey | None,
        *,
        cosigners: Cosigners | None = None,
        hold: bool = False,
        may_sign: Callable[[], bool] = lambda: True,
    ) -> None:
        self._ledger = ledger
        self._tiles = tiles
        self._verifier = verifier
        self._signer = signer
        self._cosigners = cosigners
        self._hold = hold
        self._may_sign = may_sign
        self._reader: LogReader | None = None
        self._deferred = False
        self._sequencer = Sequencer(ledger.size, self._publish)
        self.held: WorldError | None = None
        """Why what was signed last is not served yet; None: it is."""

    @property
    def origin(self) -> str:
        """The log's name."""
        return self._verifier.name

    def publish(self, *, hold: bool | None = None) -> None:
        """Bring the published log up to the ledger; nothing to do without a key or the lock.

        Threads that ask while one is at it share the next checkpoint (`tlog.sequencer`).

        Args:
            hold: As in the constructor; None: as it says there.

        Raises:
            WorldError: `log.quorum-unmet`, unless held.
            EvidenceError: What is stored must not be signed over; what was recorded is durable.
        """
        if self._signer is None or self._deferred or not self._may_sign():
            return
        self._reader = None
        try:
            self._sequencer.publish()
        except EvidenceError as error:
            error.hint = error.hint or _DURABLE
            raise
        except WorldError as error:
            if error.code != "log.quorum-unmet":
                raise
            self.held = error
            if not (self._hold if hold is None else hold):
                raise
        else:
            self.held = None

    def _publish(self) -> Checkpoint:
        assert self._signer is not None  # noqa: S101 (for the types)
        return publish(
            self._ledger,
            self._tiles,
            self._ledger,
            self._signer,
            origin=self.origin,
            cosigners=self._cosigners,
        )

    @contextmanager
    def once(self) -> Iterator[None]:
        """Publish once at the end of this block, however often it is asked for inside.

        What is written inside is durable as ever; only the checkpoint waits.
        """
        if self._deferred:
            yield
            return
        self._deferred = True
        try:
            yield
        finally:
            self._deferred = False
            self.publish()

    def ask(self, cosigners: Cosigners | None) -> None:
        """Ask these witnesses from now on."""
        self._cosigners = cosigners

    def checkpoint(self) -> Checkpoint:
        """Return the published checkpoint of now, its signature checked."""
        self._reader = None
        return self.reader().checkpoint()

    def logged(self, index: int) -> LoggedEntry:
        """Return an entry with its log proof; publishes first where the log lags behind.

        A read-only workspace looks again instead: another process may have published since.

        Raises:
            InputError: `log.no-such-entry`.
            WorldError: `log.quorum-unmet`, the entry is held back until witnesses cosign.
        """
        if index >= self.reader().size:
            self._published_now()
            self._reader = None
        if not 0 <= index < self.reader().size:
            if self.held is not None and 0 <= index < self._ledger.size():
                raise self.held
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
    def tiles(self) -> TileStore:
        """The log's files, for `fsck`."""
        return self._tiles

    def _published_now(self) -> None:
        deferred, self._deferred = self._deferred, False
        try:
            self.publish()
        finally:
            self._deferred = deferred
