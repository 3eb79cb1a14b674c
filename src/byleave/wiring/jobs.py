"""Long work for a server: one thread that computes, beside the one that writes choices.

A training lets go of the workspace's lock while it computes (`House.aside`), so that choices are
recorded meanwhile. One server process a workspace runs jobs; it holds `jobs.lock` for that.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Protocol

from byleave.errors import ByleaveError, ConflictError
from byleave.ids import to_us
from byleave.stores.jobs import Job, JobFile
from byleave.wiring.job_kinds import KINDS
from byleave.wiring.world import WriteLock

if TYPE_CHECKING:
    from byleave.wiring.workspace import Workspace

__all__ = ["MOST_WAITING", "Job", "Jobs"]

MOST_WAITING: Final = 100
"""Jobs that may wait at once."""
_PATIENCE: Final = 86_400.0
_AGAIN: Final = 0.05
_LOST: Final = {
    "code": "job.lost",
    "detail": "The server stopped before this had ended.",
    "hint": "ask again; what it may have written before is in the list of runs",
}


class Opens(Protocol):
    """Opens the workspace: to read, or with `turns=True`."""

    def __call__(
        self, *, read_only: bool, progress: Callable[[str, int, int], None] | None = None
    ) -> Workspace: ...


class _CancelledError(Exception):
    """Who asked for a job does not want it any more."""


class Jobs:
    """Jobs of one workspace.

    Args:
        workspace: Opened for reading; says where the files are.
        opens: Opens it for the thread that computes.

    Raises:
        EvidenceError: `desk.damaged`.
        WorldError: `desk.unreadable`.
    """

    def __init__(self, workspace: Workspace, opens: Opens) -> None:
        self._opens = opens
        self._now: Callable[[], datetime] = workspace.now
        self._file = JobFile(workspace.path / "jobs.sqlite")
        self._queue: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._ending = threading.Condition()
        self._closed = False
        self._far: dict[int, tuple[str, int, int]] = {}
        self._cancelled: set[int] = set()
        self._lock: WriteLock | None = None
        try:
            self._lock = WriteLock(workspace.path / "jobs.lock")
        except ConflictError:
            return  # another server runs them; this one shows them
        self._file.lose(_LOST, at_us=to_us(self._now()))

    def add(self, kind: str, who: str, asked: dict[str, Any], *, why: str = "") -> Job:
        """Have something computed.

        Args:
            kind: One of `job_kinds.KINDS`.
            who: Who asks, as the trail names them; no member id.
            asked: What is asked; members by ordinal.
            why: Why, as the trail keeps it; empty: no act is logged.

        Raises:
            ConflictError: `job.elsewhere`, another server process runs this workspace's jobs;
                `job.many`.
        """
        if self._lock is None:
            raise ConflictError(
                "another server process runs the jobs of this workspace", code="job.elsewhere"
            )
        if self._file.waiting() >= MOST_WAITING:
            raise ConflictError(f"{MOST_WAITING} jobs are waiting already", code="job.many")
        number = self._file.add(kind, who, asked, why=why, at_us=to_us(self._now()))
        job = self.job(number)
        assert job is not None  # noqa: S101 (for the types)
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="byleave-jobs", daemon=True)
            self._thread.start()
        self._queue.put(job)
        return job

    def job(self, number: int) -> Job | None:
        """Return a job by its number."""
        return self._file.job(number)

    def list(self, *, after: int = 0, limit: int = 100) -> list[Job]:
        """Return jobs with a higher number, the oldest first."""
        return self._file.jobs(after=after, limit=limit)

    def far(self, number: int) -> tuple[str, int, int] | None:
        """Return what a job counts, how far it is and of how many; None: it does not say."""
        return self._far.get(number)

    def cancel(self, number: int) -> bool:
        """Cancel a job; return whether that can still come to something.

        One that waits is over at once. One that runs stops where it next says how far it is, and
        leaves nothing half done (`job_kinds.Kind.stops`); batches of withdrawals, rollbacks and
        offers go on to their end.

        Raises:
            ConflictError: `job.elsewhere`.
        """
        if self._lock is None:
            raise ConflictError(
                "another server process runs the jobs of this workspace", code="job.elsewhere"
            )
        with self._ending:
            if self._file.cancel(number, at_us=to_us(self._now())):
                self._ending.notify_all()
                return True
            job = self._file.job(number)
            if job is None or job.ended_us is not None:
                return False
            if KINDS[job.kind].stops:
                self._cancelled.add(number)
            return True

    def wait(self, number: int, seconds: float) -> Job | None:
        """Return a job once it has ended, or as it is after so many seconds."""

        def ended() -> bool:
            job = self.job(number)
            return self._closed or job is None or job.ended_us is not None

        with self._ending:
            self._ending.wait_for(ended, seconds)
        return self.job(number)

    def close(self) -> None:
        """Say of what has not ended that it is lost, and let go; nothing is waited for.

        A fit under way ends with its process. Where it ends before, its run is kept all the same.
        """
        with self._ending:
            if self._closed:
                return
            self._closed = True
            if self._lock is not None:
                self._file.lose(_LOST, at_us=to_us(self._now()))
                self._lock.release()
            self._file.close()
        self._queue.put(None)

    # in the thread

    def _work(self) -> None:
        while (job := self._queue.get()) is not None:
            if not self._note(partial(self._file.begin, job.number)):
                return
            now = self.job(job.number)
            if now is None or now.state != "running":
                continue  # cancelled while it waited
            result: dict[str, Any] | None = None
            problem: dict[str, Any] | None = None
            try:
                result = self._do(job)
            except _CancelledError:
                if not self._note(partial(self._file.cancel, job.number, running=True)):
                    return
                continue
            except ByleaveError as error:
                problem = {"code": error.code, "detail": str(error), "hint": error.hint}
            except Exception as error:  # noqa: BLE001 (of a trainer of their own; told to who asks)
                within = f" in the trainer {job.asked['trainer']}" if "trainer" in job.asked else ""
                detail = type(error).__name__ + within
                problem = {"code": "job.fault", "detail": detail.strip(), "hint": None}
            finally:
                self._far.pop(job.number, None)
                self._cancelled.discard(job.number)
            if not self._note(partial(self._file.end, job.number, result=result, problem=problem)):
                return

    def _note(self, note: Callable[..., object]) -> bool:
        """Write something down, unless all was given up; return whether it was not."""
        with self._ending:
            if not self._closed:
                note(at_us=to_us(self._now()))
            self._ending.notify_all()
            return not self._closed

    def _do(self, job: Job) -> dict[str, Any]:
        kind, says = KINDS[job.kind], partial(self._says, job.number)
        if kind.act is None:
            with self._opens(read_only=True, progress=says) as ws:
                return kind.do(ws, job.asked)
        with self._patiently(says) as ws, ws.turn(wait=_PATIENCE):
            if job.why:  # who asked and why stands in the log before it is done
                ws.acts.log(kind.act, who=job.who, what=kind.what(job.asked), why=job.why)
            return kind.do(ws, job.asked)

    def _says(self, number: int, what: str, done: int, of: int) -> None:
        """Take note of how far a job is, and stop it where nobody wants it any more."""
        self._far[number] = (what, done, of)
        if number in self._cancelled:
            raise _CancelledError

    def _patiently(self, progress: Callable[[str, int, int], None]) -> Workspace:
        """Open the workspace to write; opening needs the lock for a moment."""
        give_up = time.monotonic() + _PATIENCE
        while True:
            try:
                return self._opens(read_only=False, progress=progress)
            except ConflictError as error:
                if error.code != "workspace.busy" or time.monotonic() > give_up:
                    raise
                time.sleep(_AGAIN)
