"""The operator's long work, and erasing a member by request: facts and pages."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from byleave.pages.html import address, render
from byleave.pages.leaving import Holder
from byleave.pages.view import Checkpoint, Frame

__all__ = ["Erasing", "JobRow", "Jobs", "erasing_page", "jobs_page"]


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRow:
    """A job; members stand in it by ordinal.

    Attributes:
        about: With what: ids of objects, uses.
        who: Who asked for it.
        state: As `stores.jobs.Job` says.
        problem: Code and detail, where it failed or was lost.
        stops: It has not ended, and cancelling may still end it.
    """

    job: int
    kind: str
    about: str
    who: str
    why: str
    state: Literal["waiting", "running", "done", "failed", "cancelled", "lost"]
    at: datetime
    began: datetime | None
    ended: datetime | None
    problem: str | None
    stops: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Jobs:
    """Jobs, newest first.

    Attributes:
        older: The number before which the next page begins; None: this is the last.
    """

    at: datetime
    checkpoint: Checkpoint
    older: int | None
    jobs: tuple[JobRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Erasing:
    """An open request of erasure, about to be carried out.

    Attributes:
        request: Its name.
        member: The member's ordinal.
        due: By when it has to be answered.
        blocking: What has to be unlearned or recalled first.
    """

    at: datetime
    checkpoint: Checkpoint
    request: str
    member: int
    due: datetime
    blocking: tuple[Holder, ...]


def jobs_page(
    frame: Frame,
    view: Jobs,
    *,
    base: str,
    form: str,
    before: int | None,
    far: dict[int, tuple[str, int, int]],
) -> str:
    """Write the list of jobs, with a button for each that can be cancelled.

    Args:
        frame: What frames every page.
        view: Its facts.
        base: Prefix of every address.
        form: The session's form secret.
        before: The number it was asked with, for its twin.
        far: Of jobs that run in this server: what they count, how far, of how many.
    """
    own = f"{base}/house/jobs"
    return render(
        "house_jobs.html",
        frame,
        base=base,
        twin=address(f"{own}.json", {"before": before}),
        view=view,
        form=form,
        far=far,
        older=None if view.older is None else address(own, {"before": view.older}),
    )


def erasing_page(frame: Frame, view: Erasing, *, base: str, form: str, missed: bool) -> str:
    """Write what erasing a member takes, and the form that wants their id typed.

    Args:
        frame: What frames every page.
        view: Its facts.
        base: Prefix of every address.
        form: The session's form secret.
        missed: Another id was typed than the member's: nothing was erased.
    """
    return render(
        "house_erase.html", frame, base=base, twin=None, view=view, form=form, missed=missed
    )
