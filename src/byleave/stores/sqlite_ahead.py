"""The flush of a ledger's write-ahead log, apart from the commit that it makes durable.

SQLite's own flush (`synchronous = FULL`) is part of COMMIT: nobody else can write meanwhile, and
the next transaction starts when the disk has answered. Here a commit ends before its flush
(`synchronous = NORMAL`), and each writer flushes the file before it is told that its transaction
has landed. So the flush of one and the work of the next overlap, and flushes of several at once.
It is the early release of locks of DeWitt et al. (SIGMOD 1984) and Johnson et al., *Aether*
(VLDB 2010), and has their rule: who answers from what is committed first waits until that is
durable, a reader too.

The file is one sequence of frames with running checksums, and a flush covers all that was written
to it before: what is behind a transaction is never durable without it.

A flush that failed is not tried again: the operating system may have dropped what it could not
write, and report success next time. From then on nothing is written, nor answered from what may
be lost, until the ledger is opened again; its first transaction then moves the frames into the
database file, which SQLite flushes before it uses the log anew.
"""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Final
from weakref import WeakSet

from byleave.errors import WorldError

__all__ = ["Ahead", "flush_data"]

_NO_SPACE: Final = frozenset({errno.ENOSPC, errno.EDQUOT})

flush_data: Final[Callable[[int], None]] = getattr(os, "fdatasync", os.fsync)
"""Makes a file's bytes durable, by its descriptor."""


class _Descriptor:
    """An open file of one thread, closed with it.

    A failed write is reported once to each opening of a file: threads that shared one could miss
    it. And to nobody who opens it later: so it is opened before the bytes are written.
    """

    def __init__(self, path: Path) -> None:
        self.number = os.open(path, os.O_RDONLY | os.O_CLOEXEC)

    def close(self) -> None:
        number, self.number = self.number, -1
        if number >= 0:
            os.close(number)

    __del__ = close


class Ahead:
    """What of a ledger's write-ahead log is written, committed, and durable.

    `begin` and `end` enclose each COMMIT and are called in the writer's turn; `settle` by any
    thread, after it.

    Args:
        database: The ledger's file.
        sync: Makes a file durable, by its descriptor.
    """

    def __init__(self, database: Path, sync: Callable[[int], None] = flush_data) -> None:
        self.path = database.with_name(database.name + "-wal")
        self._sync = sync
        self._own = threading.local()
        self._all: WeakSet[_Descriptor] = WeakSet()
        # numbers of commits: begun, ended, durable; durable <= ended <= begun
        self._begun = 0
        self._ended = 0
        self._durable = 0
        self._broken: OSError | None = None

    def begin(self) -> int:
        """Say that a COMMIT follows, and return its number. The log's file must be there.

        Raises:
            WorldError: `world.storage`, `world.disk-full`: a flush has failed, now or before.
        """
        self.check()
        self._descriptor()
        self._begun += 1
        return self._begun

    def end(self) -> None:
        """Say that the COMMIT is over; one that failed costs a flush, and no more."""
        self._ended = self._begun

    def settle(self, number: int | None = None) -> None:
        """Return when the commit of this number is durable; None: each that could be seen by now.

        Cost: one flush, beside those of other threads; nothing where one has covered it already.

        Raises:
            WorldError: `world.storage`, `world.disk-full`: it may or may not have been kept.
        """
        wanted = self._begun if number is None else number
        if self._durable >= wanted:
            return
        self.check()
        try:
            descriptor = self._descriptor()
            covered = self._ended  # whoever is within COMMIT now may write after this flush
            self._sync(descriptor)
        except OSError as error:
            self._broken = error
            self.check()
        # of two threads the later may set the lower number: that costs a flush, and no more
        self._durable = max(self._durable, covered)

    def check(self) -> None:
        """Refuse to go on after a failed flush.

        Raises:
            WorldError: `world.storage`, `world.disk-full`.
        """
        if self._broken is not None:
            full = self._broken.errno in _NO_SPACE
            raise WorldError(
                "the disk is full" if full else "the ledger could not be flushed to the disk",
                code="world.disk-full" if full else "world.storage",
                where=str(self.path),
                hint="what was just written may or may not be kept; open the workspace again",
            ) from self._broken

    def held(self) -> bool:
        """Say whether the file holds anything."""
        try:
            return self.path.stat().st_size > 0
        except FileNotFoundError:
            return False

    def close(self) -> None:
        """Close the file; threads that come later open it again."""
        for descriptor in list(self._all):
            descriptor.close()

    def _descriptor(self) -> int:
        own: _Descriptor | None = getattr(self._own, "file", None)
        if own is None or own.number < 0:
            own = self._own.file = _Descriptor(self.path)
            self._all.add(own)
        return own.number
