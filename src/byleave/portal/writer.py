"""One thread that writes, for many callers at once.

Choices that arrive while others are being made durable are recorded together: one transaction, one
publication of the log. Where one of them is refused, all are recorded one by one, and only that one
is told no. Where publishing fails (witnesses are down, a disk is full), what was written stands and
is published by a later turn. The workspace's lock is held for as long as there is something to write, so that the
command line can write in between.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from byleave.errors import ByleaveError
from byleave.service.consent import NewEvent
from byleave.wiring import Workspace

__all__ = ["Writer"]

_LOG: Final = logging.getLogger(__name__)
T = TypeVar("T")
_BATCH: Final = 1_000


@dataclass(frozen=True, slots=True)
class _Choices:
    events: Sequence[NewEvent]
    done: asyncio.Future[Any]


@dataclass(frozen=True, slots=True)
class _Act:
    do: Callable[[Workspace], Any]
    done: asyncio.Future[Any]


_Answer = tuple[Any, BaseException | None]


class Writer:
    """Writes in a thread of its own, which opens the workspace.

    Args:
        opens: Opens the workspace with `turns=True`; called in the thread.
    """

    def __init__(self, opens: Callable[[], Workspace]) -> None:
        self._opens = opens
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="byleave-writer")
        self._waiting: list[_Choices | _Act] = []
        self._task: asyncio.Task[None] | None = None
        self._workspace: Workspace | None = None
        self._closed = False

    async def choose(self, events: Sequence[NewEvent]) -> list[int]:
        """Record choices, all or none; return their ledger indexes once they are durable.

        Raises:
            ByleaveError: As `byleave.service.consent.record`; `workspace.busy`.
        """
        future: asyncio.Future[list[int]] = asyncio.get_running_loop().create_future()
        self._enqueue(_Choices(events, future))
        return await future

    async def act(self, do: Callable[[Workspace], T]) -> T:
        """Do something else that writes, in the order it was asked for.

        Raises:
            ByleaveError: What `do` raises; `workspace.busy`.
        """
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._enqueue(_Act(do, future))
        return await future

    async def close(self) -> None:
        """Finish what waits, and let go of the workspace; closing twice is no fault."""
        if self._closed:
            return
        self._closed = True
        while self._task is not None:
            await self._task
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._thread, self._close)
        self._thread.shutdown()

    def _enqueue(self, item: _Choices | _Act) -> None:
        self._waiting.append(item)
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._drain())

    async def _drain(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while self._waiting:
                batch, self._waiting = self._waiting[:_BATCH], self._waiting[_BATCH:]
                try:
                    answers = await loop.run_in_executor(self._thread, self._write, batch)
                except Exception as error:  # noqa: BLE001 (told to each who waits)
                    answers = [(None, error)] * len(batch)
                for item, (answer, problem) in zip(batch, answers, strict=True):
                    if item.done.done():  # its caller went away; the choice stands all the same
                        continue
                    if problem is None:
                        item.done.set_result(answer)
                    else:
                        item.done.set_exception(problem)
        finally:
            self._task = None

    # in the thread

    def _write(self, batch: Sequence[_Choices | _Act]) -> list[_Answer]:
        if self._workspace is None:
            self._workspace = self._opens()
        workspace = self._workspace
        answers: list[_Answer] = []
        with workspace.turn():
            try:
                with workspace.log_house.once():
                    for group in _groups(batch):
                        answers += _write_group(workspace, group)
            except (ByleaveError, OSError) as error:
                # What was written is durable; the next turn publishes it. An error told to its
                # callers would have them do it twice.
                _LOG.error("publishing failed, %s", getattr(error, "code", type(error).__name__))
        return answers

    def _close(self) -> None:
        if self._workspace is not None:
            self._workspace.close()
            self._workspace = None


def _groups(batch: Sequence[_Choices | _Act]) -> list[list[_Choices | _Act]]:
    """Return runs of choices, and each act by itself, in order."""
    groups: list[list[_Choices | _Act]] = []
    for item in batch:
        if isinstance(item, _Choices) and groups and isinstance(groups[-1][0], _Choices):
            groups[-1].append(item)
        else:
            groups.append([item])
    return groups


def _write_group(workspace: Workspace, group: Sequence[_Choices | _Act]) -> list[_Answer]:
    first = group[0]
    if isinstance(first, _Act):
        return [_tried(lambda: first.do(workspace))]
    choices = [item for item in group if isinstance(item, _Choices)]
    if len(choices) > 1 and not _share_a_token(choices):
        together = [event for item in choices for event in item.events]
        indexes, refused = _tried(lambda: workspace.consent.record(together))
        if refused is None:
            rest = iter(indexes)
            return [([next(rest) for _ in item.events], None) for item in choices]
    return [_tried(lambda item=item: workspace.consent.record(item.events)) for item in choices]  # type: ignore[misc]


def _share_a_token(choices: Sequence[_Choices]) -> bool:
    """Say whether two requests bring one token: each token answers once, so they go one by one."""
    tokens = [t for c in choices for t in {event.token for event in c.events if event.token}]
    return len(set(tokens)) < len(tokens)


def _tried(do: Callable[[], Any]) -> _Answer:
    try:
        return do(), None
    except Exception as error:  # noqa: BLE001 (told to who asked, and to nobody else)
        return None, error
