"""The operator's pages of long work, and of erasing a member who asked for it."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path, Query, Request
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from byleave.errors import InputError
from byleave.pages import house_jobs as pages
from byleave.pages.view import read
from byleave.portal.access import Access, Role, Routes, caller_of
from byleave.portal.desk import Desk
from byleave.portal.facing import Facing
from byleave.portal.form import form_of
from byleave.portal.problem import ProblemError
from byleave.service.noting import reason
from byleave.wiring import Workspace

__all__ = ["add_house_jobs"]

Before = Annotated[int | None, Query(ge=1, le=2**53)]
Number = Annotated[int, Path(ge=1, le=2**53)]


def add_house_jobs(routes: Routes, desk: Desk, *, demo: bool, base: str) -> None:
    """Add the routes."""
    facing = Facing(desk, demo=demo, base=base, of="house-")
    _jobs(routes, facing)
    _erasing(routes, facing)


async def _fields(desk: Desk, request: Request) -> dict[str, str]:
    fields = await form_of(request)
    desk.callers.check_form(caller_of(request), fields.get("form", ""))
    return fields


def _jobs(routes: Routes, facing: Facing) -> None:
    own, desk, base = Access.of(Role.OPERATOR), facing.desk, facing.base

    async def jobs(request: Request, before: Before = None) -> HTMLResponse:
        frame, view = await facing.read(
            lambda ws: read(pages.Jobs, ws.faces.jobs(before=before), where="jobs")
        )
        page = pages.jobs_page(
            frame,
            view,
            base=base,
            form=caller_of(request).form or "",
            before=before,
            far=_far(desk, view),
        )
        return HTMLResponse(page)

    async def jobs_json(before: Before = None) -> JSONResponse:
        return await facing.twin(
            "jobs", lambda ws: read(pages.Jobs, ws.faces.jobs(before=before), where="jobs")
        )

    async def cancel(request: Request, job: Number) -> Response:
        """Cancel a job; where it has ended meanwhile, its state says so."""
        await _fields(desk, request)
        if desk.work.job(job) is None:
            raise ProblemError(404, "job.unknown", "There is no such job.")
        desk.work.cancel(job)
        return RedirectResponse(f"{base}/house/jobs#job-{job}", status_code=303)

    routes.add("GET", "/house/jobs.json", own, jobs_json, summary="Long work, as JSON")
    routes.add("GET", "/house/jobs", own, jobs, summary="Long work, newest first")
    routes.add("POST", "/house/jobs/{job}/cancellation", own, cancel, summary="Cancel a job")


def _far(desk: Desk, view: pages.Jobs) -> dict[int, tuple[str, int, int]]:
    """Return how far the jobs are that run in this server and count."""
    if desk.jobs is None:
        return {}
    told = {item.job: desk.jobs.far(item.job) for item in view.jobs}
    return {job: far for job, far in told.items() if far is not None}


def _erasing(routes: Routes, facing: Facing) -> None:
    own, desk, base = Access.of(Role.OPERATOR), facing.desk, facing.base

    async def page(request: Request, name: str, *, missed: bool) -> HTMLResponse:
        frame, view = await facing.read(
            lambda ws: read(pages.Erasing, _facts(ws, name), where="erasing")
        )
        form = caller_of(request).form or ""
        text = pages.erasing_page(frame, view, base=base, form=form, missed=missed)
        return HTMLResponse(text, status_code=400 if missed else 200)

    async def before(request: Request, name: str) -> HTMLResponse:
        return await page(request, name, missed=False)

    async def erase(request: Request, name: str) -> Response:
        """Begin the erasure as a job, once the member's own id was typed; the job logs who and why."""
        fields = await _fields(desk, request)
        why, typed = reason(fields.get("why", "")), fields.get("typed", "").strip()
        ordinal, same = await desk.aside.read(lambda ws: _typed(ws, name, typed))
        if not same:
            return await page(request, name, missed=True)
        asked = {"ordinals": [ordinal], "request": name}
        job = desk.work.add("erasure", caller_of(request).subject, asked, why=why)
        return RedirectResponse(f"{base}/house/jobs#job-{job.number}", status_code=303)

    path, summary = "/house/requests/{name}/erasure", "Erase the member who asked for it"
    routes.add("GET", path, own, before, summary="What erasing them takes")
    routes.add("POST", path, own, erase, summary=summary)


def _facts(ws: Workspace, name: str) -> dict[str, object]:
    """Return the facts of an open request of erasure.

    Raises:
        ProblemError: 404 `api.not-found`, there is none of this name.
    """
    found = ws.acts.requests(show="open", kind="erasure")
    for item in found["requests"]:
        if item["request"] == name:
            standing = ws.member.standing(ws.member.by_ordinal(item["member"]))
            return {
                **{key: found[key] for key in ("at", "checkpoint")},
                **{key: item[key] for key in ("request", "member", "due")},
                "blocking": [{"kind": kind, "name": held} for kind, held in standing],
            }
    raise ProblemError(404, "api.not-found", "There is nothing at this address.")


def _typed(ws: Workspace, name: str, typed: str) -> tuple[int, bool]:
    """Return the ordinal of a request's member, and whether their id is what was typed."""
    facts = _facts(ws, name)
    ordinal = int(str(facts["member"]))
    try:
        return ordinal, ws.member.ordinal(typed) == ordinal
    except InputError:
        return ordinal, False
