"""Group commit: many callers append at once, and share one flush and one checkpoint.

    append   returns when the caller's entries are durable, with the index of the first
    publish  returns when a checkpoint that covers everything durable is served

Whoever comes while a commit is under way waits for it, and then goes with all others who waited
in the next one: `append` is called once for all of them. Entries of one call stand together, in
their order. After an error of storage nothing more is appended or published: what a failed flush
left behind can be told only by opening the storage again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from threading import Condition, Lock
from typing import Final

from byleave.errors import WorldError
from byleave.note.checkpoint import Checkpoint

__all__ = ["Sequencer"]

_LARGEST: Final = 16_384


@dataclass(slots=True)
class _Ticket:
    """What one caller wants appended, and how it ended."""

    entries: Sequence[bytes]
    first: int = -1
    error: BaseException | None = None
    done: bool = field(default=False)


class Sequencer:
    """Numbers entries for callers on several threads.

    Args:
        append: Appends entries in one durable step (or none of them), and returns the index of
            the first. It is never called by two threads at once.
        publish: Publishes all that is durable. It is never called by two threads at once.
        largest: Entries in one step at most, one caller's aside.
    """

    def __init__(
        self,
        append: Callable[[Sequence[bytes]], int],
        publish: Callable[[], Checkpoint],
        *,
        largest: int = _LARGEST,
    ) -> None:
        self._append = append
        self._publish = publish
        self._largest = largest
        self._waiting: list[_Ticket] = []
        self._queue = Condition()
        self._busy = False
        self._publishing = Lock()
        self._durable = 0
        self._served: Checkpoint | None = None
        self._stopped = False
        self.commits = 0
        """Durable steps taken so far."""

    def append(self, entries: Sequence[bytes]) -> int:
        """Append entries; return the index of the first once all of them are durable.

        Raises:
            WorldError: `world.storage`, an earlier step failed; or what `append` raised.
        """
        ticket = _Ticket(entries)
        with self._queue:
            self._waiting.append(ticket)
        while True:
            with self._queue:
                # Whoever is served leaves at once; of the others, the first to wake leads.
                self._queue.wait_for(lambda: ticket.done or not self._busy)
                if ticket.done:
                    break
                self._busy = True
                taken = self._take()
            try:
                self._commit(taken)
            finally:
                with self._queue:
                    self._busy = False
                    self._queue.notify_all()
        if ticket.error is not None:
            raise ticket.error
        return ticket.first

    def publish(self) -> Checkpoint:
        """Serve a checkpoint of all that was durable when this was called, and return it.

        Raises:
            WorldError: `world.storage`, an earlier step failed; or what `publish` raised.
        """
        wanted = self._durable
        with self._publishing:
            if self._served is not None and self._served.size >= wanted:
                return self._served
            if self._stopped:
                raise _stopped()
            try:
                self._served = self._publish()
            except WorldError as error:
                self._stopped |= error.code.startswith("world.")
                raise
            return self._served

    def _take(self) -> list[_Ticket]:
        """Take the next callers off the queue: at least one, and at most `largest` entries."""
        count, total = 0, 0
        for ticket in self._waiting:
            total += len(ticket.entries)
            if count and total > self._largest:
                break
            count += 1
        taken, self._waiting = self._waiting[:count], self._waiting[count:]
        return taken

    def _commit(self, tickets: list[_Ticket]) -> None:
        try:
            if self._stopped:
                raise _stopped()
            first = self._append([entry for ticket in tickets for entry in ticket.entries])
        except BaseException as error:
            self._stopped |= isinstance(error, WorldError)
            for ticket in tickets:
                ticket.error, ticket.done = error, True
            if not isinstance(error, Exception):
                raise
            return
        self.commits += 1
        for ticket in tickets:
            ticket.first, ticket.done = first, True
            first += len(ticket.entries)
        self._durable = first


def _stopped() -> WorldError:
    return WorldError("an earlier write failed; open the log again", code="world.storage")
