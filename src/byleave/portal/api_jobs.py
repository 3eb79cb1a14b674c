"""The API's routes to long work: gate, seal, train, evaluate, how far a job is, and its end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from fastapi import Path, Request, Response
from pydantic import BaseModel, Field

from byleave.errors import ConflictError, InputError
from byleave.gate.plan import uses_of
from byleave.ids import format_instant, from_us
from byleave.portal.access import Access, Role, Routes
from byleave.portal.acting import actor_of
from byleave.portal.api_consent import Body, UseText
from byleave.portal.desk import Desk
from byleave.portal.page import Page, after_, limit_, paged
from byleave.portal.problem import ProblemError
from byleave.wiring.job_kinds import KINDS
from byleave.wiring.jobs import Job

__all__ = ["Id", "JobView", "Work", "add_jobs", "add_work", "ask_for", "require"]

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


class GateRun(Body):
    """What to decide row by row: a data set, for a use."""

    source: Id
    use: UseText
    party_rule: Annotated[
        Literal["author", "any", "all"] | None,
        Field(description="Instead of the rulesets' own; such a run is a what-if."),
    ] = None


class Sealing(Body):
    """Which logged gate run to seal."""

    gate: Id


class Far(BaseModel):
    """How far a job is: so many `done`, of so many where that is known."""

    what: str
    done: int
    of: int


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
    kind: Annotated[str, Field(json_schema_extra={"enum": sorted(KINDS)})]
    who: Annotated[str, Field(description="Who asked: a name, or `token:NAME`.")]
    why: Annotated[str, Field(description="As they said; empty where nothing is stored.")]
    state: Literal["waiting", "running", "done", "failed", "cancelled", "lost"]
    asked: dict[str, Any]
    at: str
    began: str | None
    ended: str | None
    result: dict[str, Any] | None
    problem: Problem | None
    progress: Annotated[
        Far | None, Field(description="Of the job that runs in this server, where it counts.")
    ]
    href: str


def add_jobs(routes: Routes, desk: Desk) -> None:
    """Add the routes."""
    models = Access.of(Role.OPERATOR, scope="model.write")
    gates = Access.of(Role.OPERATOR, scope="gate.write")
    looking = Access.of(Role.OPERATOR, scope="job.write")
    reading = Access.of(Role.OPERATOR, Role.AUDITOR, scope="job.write")

    async def train(request: Request, body: Training) -> Response:
        desk.read.model.check_trainable(body.trainer, body.snapshot)
        return await ask_for(desk, request, "training", body.model_dump())

    async def evaluate(request: Request, body: Evaluation) -> Response:
        desk.read.model.recipe(body.run)
        return await ask_for(desk, request, "evaluation", body.model_dump())

    async def gate(request: Request, body: GateRun) -> Response:
        taxonomy = desk.read.house.taxonomy
        uses_of(taxonomy.scope(body.use), taxonomy)
        require(desk, "source", body.source)
        return await ask_for(desk, request, "gate", body.model_dump())

    async def seal(request: Request, body: Sealing) -> Response:
        require(desk, "gate", body.gate)
        return await ask_for(desk, request, "sealing", body.model_dump())

    async def cancel(request: Request, job: Number) -> Response:
        async def do() -> dict[str, Any]:
            if desk.work.job(job) is None:
                raise ProblemError(404, "job.unknown", "There is no such job.")
            if not desk.work.cancel(job):
                raise ConflictError("the job has ended", code="job.ended")
            return _shown(desk, job).model_dump()

        return await desk.once.answer(request, do, status=202)

    async def listed(after: after_ = -1, limit: limit_ = 100) -> Page[JobView]:
        found = desk.work.list(after=after, limit=limit + 1)
        return paged(
            found, limit, key=lambda job: int(job.number), show=lambda job: _view(desk, job)
        )

    async def shown(job: Number) -> JobView:
        return _shown(desk, job)

    add_work(
        routes,
        Work("trainings", models, train, "Train on a sealed snapshot"),
        Work("evaluations", models, evaluate, "Measure a run"),
        Work("gates", gates, gate, "Run the gate over a data set"),
        Work("snapshots", gates, seal, "Seal what a gate run kept"),
        Work("jobs/{job}/cancellation", looking, cancel, "Cancel"),
    )
    routes.add(
        "GET", "/api/v1/jobs", reading, listed,
        summary="Jobs, oldest first", response_model=Page[JobView],
    )  # fmt: skip
    routes.add(
        "GET", "/api/v1/jobs/{job}", reading, shown,
        summary="How far a job is, or what came of it", response_model=JobView,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Work:
    """A route that answers 202 with a job: its path below the API, and what it does."""

    path: str
    access: Access
    endpoint: Callable[..., Any]
    summary: str


def add_work(routes: Routes, *work: Work) -> None:
    """Add routes of long work."""
    for one in work:
        routes.add(
            "POST", f"/api/v1/{one.path}", one.access, one.endpoint,
            summary=f"{one.summary}: a job to look after", status_code=202, response_model=JobView,
        )  # fmt: skip


async def ask_for(
    desk: Desk,
    request: Request,
    kind: str,
    asked: dict[str, Any],
    *,
    check: Callable[[], None] = lambda: None,
) -> Response:
    """Have something computed; answer 202 with the job.

    Args:
        desk: The workspace as a server has it.
        request: With its idempotency key.
        kind: One of `job_kinds.KINDS`; where it stores nothing, no reason is wanted.
        asked: What is asked; members by ordinal.
        check: Raises where it cannot be begun now; not asked where the key was answered before.

    Raises:
        ProblemError: As `Once.answer`; 400 `api.reason`; 503 `api.read-only`.
        ConflictError: `job.elsewhere`, `job.many`.
    """
    jobs, actor = desk.work, actor_of(request, wanted=KINDS[kind].act is not None)

    async def do() -> dict[str, Any]:
        check()
        return _view(desk, jobs.add(kind, actor.who, asked, why=actor.why)).model_dump()

    return await desk.once.answer(request, do, status=202)


def require(desk: Desk, kind: str, name: str) -> None:
    """Say whether there is an object of this kind and name.

    Raises:
        InputError: `workspace.unknown-object`.
    """
    if desk.read.ledger.object(kind, name) is None:
        raise InputError(f"there is no such {kind}", code="workspace.unknown-object", where=name)


def _shown(desk: Desk, job: int) -> JobView:
    found = desk.work.job(job)
    if found is None:
        raise ProblemError(404, "job.unknown", "There is no such job.")
    return _view(desk, found)


def _view(desk: Desk, job: Job) -> JobView:
    far = None if job.ended_us is not None else desk.work.far(job.number)
    return JobView(
        job=job.number,
        kind=job.kind,
        who=job.who,
        why=job.why,
        state=job.state,  # type: ignore[arg-type]  # what the store says
        asked=job.asked,
        at=format_instant(from_us(job.at_us)),
        began=None if job.began_us is None else format_instant(from_us(job.began_us)),
        ended=None if job.ended_us is None else format_instant(from_us(job.ended_us)),
        result=job.result,
        problem=None if job.problem is None else Problem(**job.problem),
        progress=None if far is None else Far(what=far[0], done=far[1], of=far[2]),
        href=f"/api/v1/jobs/{job.number}",
    )
