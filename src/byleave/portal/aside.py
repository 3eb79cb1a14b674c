"""Reading beside the event loop: what takes longer than a look-up is read in threads of its own.

A member's pages go through indexes of millions of rows, and make them where a source is new. Each
thread here has the workspace open read-only for itself, and takes note of what was written before
each answer: an answer that begins after a choice was answered with 201 knows of that choice. While
one reads, the loop answers others; at most `SIDES` read at a time, and the rest wait in order.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

from byleave.wiring import Workspace

__all__ = ["SIDES", "Aside"]

SIDES: Final = 2
_LOG: Final = logging.getLogger(__name__)
_END: Final = None
T = TypeVar("T")


class Aside:
    """Threads that read.

    Args:
        opens: Opens the workspace for reading; called in each thread, when it is first needed.
    """

    def __init__(self, opens: Callable[[], Workspace]) -> None:
        self._sides = [_Side(opens, number) for number in range(SIDES)]
        self._warming: asyncio.Task[None] | None = None

    async def read(self, do: Callable[[Workspace], T]) -> T:
        """Return what a function of the workspace returns; it is called in a thread.

        Raises:
            ByleaveError: What it raises.
        """
        return await self._free().read(do)

    async def stream(self, do: Callable[[Workspace], Iterator[bytes]]) -> AsyncIterator[bytes]:
        """Return the parts of what a function of the workspace yields.

        The first part is made before this returns, so that a refusal is an answer of its own.
        Each part is a turn of one thread: others are answered in between.

        Raises:
            ByleaveError: What it raises before its first part.
        """
        side = self._free()
        parts = await side.read(do)
        first = await side.read(lambda _: next(parts, _END))

        async def rest() -> AsyncIterator[bytes]:
            part = first
            while part is not _END:
                yield part
                part = await side.read(lambda _: next(parts, _END))

        return rest()

    def warm(self) -> None:
        """Begin to make the indexes that members' pages read, where they are not there yet."""
        self._warming = asyncio.get_running_loop().create_task(self._warm())

    async def close(self) -> None:
        """Wait for what is being read, and let go of the workspace; closing twice is no fault."""
        if self._warming is not None:
            await self._warming
        for side in self._sides:
            await side.close()

    async def _warm(self) -> None:
        try:
            await self._sides[-1].read(lambda ws: ws.member.prepare())
        except Exception as error:  # noqa: BLE001 (the page that needs it tells it)
            _LOG.warning("an index could not be made, %s", type(error).__name__)

    def _free(self) -> _Side:
        return min(self._sides, key=lambda side: side.waiting)


class _Side:
    """One thread, and its workspace."""

    def __init__(self, opens: Callable[[], Workspace], number: int) -> None:
        self._opens = opens
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"byleave-reader-{number}")
        self._workspace: Workspace | None = None
        self.waiting = 0

    async def read(self, do: Callable[[Workspace], T]) -> T:
        """Do it in the thread."""
        self.waiting += 1
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._thread, self._do, do)
        finally:
            self.waiting -= 1

    async def close(self) -> None:
        """Close the workspace in its thread, and end that."""
        loop = asyncio.get_running_loop()
        try:
            await loop.run_in_executor(self._thread, self._close)
        except RuntimeError:  # closed before
            return
        self._thread.shutdown()

    # in the thread

    def _do(self, do: Callable[[Workspace], T]) -> T:
        if self._workspace is None:
            self._workspace = self._opens()
        self._workspace.catch_up()
        return do(self._workspace)

    def _close(self) -> None:
        if self._workspace is not None:
            self._workspace.close()
            self._workspace = None
