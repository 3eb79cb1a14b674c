"""The API's routes to long work: train, evaluate, and how far a job is."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import Path, Request, Response
from pydantic import BaseModel, Field

from byleave.ids import format_instant, from_us
from byleave.portal.access import Access, Role, Routes, caller_of
from byleave.portal.api_consent import Body
from byleave.portal.desk import Desk
from byleave.portal.page import Page, after_, limit_, paged
from byleave.portal.problem import ProblemError
from byleave.wiring.jobs import Job

__all__ = ["add_jobs"]

Id = Annotated[str, Field(max_length=160)]
Number = Annotated[int, Path(ge=1, le=2**53)]


class Training(Body):
    """What to train: a trainer on a sealed snapshot, and nothing else."""

    trainer: Id
    snapshot: Id
    columns: Annotated[
        dict[Id, Id],
        Field(
            default_factory=dict,
            max_length=100,
            description="Trainer's column → column of the data; default: the same name.",
        ),
    ]
    recipe: Annotated[
        dict[Id, Any], Field(default_factory=dict, description="Changes to the default recipe.")
    ]


class Evaluation(Body):
    """Which run to measure, on a fifth of its own snapshot, held out."""

    run: Id


class Problem(BaseModel):
    """Why a job came to nothing."""

    code: str
    detail: str
    hint: str | None


class JobView(BaseModel):
    """A job as it is now.

    `lost`: the server stopped before it had ended, and nobody goes on with it.
    """

    job: int
    kind: Literal["training", "evaluation"]
    state: Literal["waiting", "running", "done", "failed", "lost"]
    asked: dict[str, Any]
    at: str
    began: str | None
    ended: str | None
    result: dict[str, Any] | None
    problem: Problem | None
    href: str


def add_jobs(routes: Routes, desk: Desk) -> None:
    """Add the routes."""
    writing = Access.of(Role.OPERATOR, scope="model.write")

    async def ask(request: Request, kind: str, asked: dict[str, Any]) -> Response:
        jobs, caller = desk.work, caller_of(request).name

        async def do() -> dict[str, Any]:
            return _view(jobs.add(kind, caller, asked)).model_dump()

        return await desk.once.answer(request, do, status=202)

    async def train(request: Request, body: Training) -> Response:
        desk.read.model.check_trainable(body.trainer, body.snapshot)
        return await ask(request, "training", body.model_dump())

    async def evaluate(request: Request, body: Evaluation) -> Response:
        desk.read.model.recipe(body.run)
        return await ask(request, "evaluation", body.model_dump())

    async def listed(after: after_ = -1, limit: limit_ = 100) -> Page[JobView]:
        found = desk.work.list(after=after, limit=limit + 1)
        return paged(found, limit, key=lambda job: int(job.number), show=_view)

    async def shown(job: Number) -> JobView:
        found = desk.work.job(job)
        if found is None:
            raise ProblemError(404, "job.unknown", "There is no such job.")
        return _view(found)

    for path, endpoint, summary in (
        ("/api/v1/trainings", train, "Train on a sealed snapshot: a job to look after"),
        ("/api/v1/evaluations", evaluate, "Measure a run: a job to look after"),
    ):
        routes.add(
            "POST", path, writing, endpoint,
            summary=summary, status_code=202, response_model=JobView,
        )  # fmt: skip
    routes.add(
        "GET", "/api/v1/jobs", writing, listed,
        summary="Trainings and evaluations, oldest first", response_model=Page[JobView],
    )  # fmt: skip
    routes.add(
        "GET", "/api/v1/jobs/{job}", writing, shown,
        summary="How far a job is, or what came of it", response_model=JobView,
    )  # fmt: skip


def _view(job: Job) -> JobView:
    return JobView(
        job=job.number,
        kind="training" if job.kind == "training" else "evaluation",
        state=job.state,  # type: ignore[arg-type]  # what the store says
        asked=job.asked,
        at=format_instant(from_us(job.at_us)),
        began=None if job.began_us is None else format_instant(from_us(job.began_us)),
        ended=None if job.ended_us is None else format_instant(from_us(job.ended_us)),
        result=job.result,
        problem=None if job.problem is None else Problem(**job.problem),
        href=f"/api/v1/jobs/{job.number}",
    )
