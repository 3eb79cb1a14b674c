"""One checkpoint for all who wait for one.

A caller's entries are durable once its transaction of the ledger is (which numbers them); `publish`
returns when a checkpoint that covers them is served. Whoever comes while a publication is under
way waits for it to end; the first of them to wake then publishes for all, and the others leave
with the same checkpoint, or the same error. So a publication is never made by two threads at once,
and its cost is shared by everybody who came during the one before.

Who groups the transactions themselves: docs/decisions/0029-who-groups-commits.md.
"""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock

from byleave.note.checkpoint import Checkpoint

__all__ = ["Sequencer"]


class Sequencer:
    """Publishes for callers on several threads.

    Args:
        size: Returns how many entries are durable.
        publish: Publishes all that is durable. It is never called by two threads at once.
    """

    def __init__(self, size: Callable[[], int], publish: Callable[[], Checkpoint]) -> None:
        self._size = size
        self._publish = publish
        self._turn = Lock()
        self._covered = -1
        self._ended: Checkpoint | Exception | None = None
        self.publications = 0
        """Publications begun so far."""

    def publish(self) -> Checkpoint:
        """Serve a checkpoint of all that was durable when this was called, and return it.

        Raises:
            ByleaveError: What publishing raised, for this caller or for one that it waited with.
        """
        wanted = 0
        waited = not self._turn.acquire(blocking=False)
        if waited:
            wanted = self._size()
            self._turn.acquire()
        try:
            # Only one that began after this call asked for the size covers `wanted`.
            if not waited or self._covered < wanted or self._ended is None:
                self._covered, self._ended = self._size(), None
                self.publications += 1
                try:
                    self._ended = self._publish()
                except Exception as error:  # noqa: BLE001 (told to each who waits)
                    self._ended = error
            ended = self._ended
        finally:
            self._turn.release()
        if isinstance(ended, Exception):
            raise ended
        return ended
