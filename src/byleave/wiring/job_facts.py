"""What the operator's page of long work shows: jobs as their file holds them."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from byleave.ids import format_instant, from_us
from byleave.stores.jobs import Job, JobFile
from byleave.wiring.job_kinds import KINDS

__all__ = ["jobs_facts"]

Facts = dict[str, Any]
_AT_ONCE: Final = 50


def jobs_facts(folder: Path, *, before: int | None = None) -> Facts:
    """Return part of the jobs of a workspace, newest first (`pages.house_jobs.Jobs`).

    Args:
        folder: The workspace's.
        before: Only jobs of a lower number.
    """
    path = folder / "jobs.sqlite"
    if not path.exists():
        return {"older": None, "jobs": []}
    file = JobFile(path)
    try:
        found = file.newest(before=before, limit=_AT_ONCE + 1)
    finally:
        file.close()
    shown = found[:_AT_ONCE]
    return {
        "older": shown[-1].number if len(found) > len(shown) else None,
        "jobs": [_row(job) for job in shown],
    }


def _row(job: Job) -> Facts:
    kind = KINDS.get(job.kind)
    over = job.ended_us is not None
    return {
        "job": job.number,
        "kind": job.kind,
        "about": "" if kind is None or not kind.about else kind.what(job.asked),
        "who": job.who,
        "why": job.why,
        "state": job.state,
        "at": _instant(job.at_us),
        "began": _instant(job.began_us),
        "ended": _instant(job.ended_us),
        "problem": None
        if job.problem is None
        else f"{job.problem['code']}: {job.problem['detail']}",
        "stops": not over and (job.state == "waiting" or (kind is not None and kind.stops)),
    }


def _instant(at_us: int | None) -> str | None:
    return None if at_us is None else format_instant(from_us(at_us))
