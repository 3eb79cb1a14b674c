"""The API's routes that take things up again: as of now, under other rules, or from the bytes.

    POST /api/v1/gates/{gate}/update          again as of now; where few changed, their rows alone
    POST /api/v1/gates/comparison             the same rows under other rules; stores nothing
    POST /api/v1/gates/{gate}/replay          again at its own position: the same record?
    POST /api/v1/snapshots/{snapshot}/renewal without the rows no longer admitted
    POST /api/v1/snapshots/{snapshot}/check   every hash taken again
    POST /api/v1/releases/{release}/refit     fitted again from the sealed snapshot: which equality?
    POST /api/v1/checks                       everything that the workspace holds

All are jobs. What stores nothing may be asked for by an auditor, and wants no reason.
"""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

from fastapi import Path, Query, Request, Response
from pydantic import AwareDatetime, BaseModel, Field

from byleave.gate.plan import uses_of
from byleave.ids import format_instant
from byleave.portal.access import Access, Role, Routes
from byleave.portal.api_consent import Body, UseText
from byleave.portal.api_jobs import Id, Work, add_work, ask_for, require
from byleave.portal.desk import Desk
from byleave.wiring import Workspace

__all__ = ["add_again"]

_Name = Annotated[str, Path(max_length=160)]
_Rules = Annotated[str, Field(max_length=1_000_000)]


class Comparison(Body):
    """Which rows, and which other rules; without any, the three party rules are compared."""

    source: Id
    use: UseText
    at: Annotated[AwareDatetime | None, Field(description="Decide as of then; default: now.")] = (
        None
    )
    party_rules: Annotated[
        list[Literal["author", "any", "all"]], Field(default_factory=list, max_length=3)
    ]
    rulesets: Annotated[
        dict[Id, _Rules],
        Field(default_factory=dict, max_length=10, description="Label → file of rulesets (YAML)."),
    ]
    evidence: Annotated[
        list[Literal["none", "version", "bytes"]],
        Field(default_factory=list, max_length=3, description="From which grade on a yes counts."),
    ]


class Refit(Body):
    """How strictly to fit again."""

    same_environment: Annotated[
        bool, Field(description="Refuse to fit in another environment than the recorded one.")
    ] = False


class SnapshotDifference(BaseModel):
    """What two snapshots of one lineage do not share; members by label."""

    old: str
    new: str
    records: int
    buckets: int
    removed: list[str]
    added: list[str]


class Manifest(BaseModel):
    """A snapshot's manifest, after every digest was recomputed."""

    snapshot: str
    index: int
    manifest: dict[str, Any]


def add_again(routes: Routes, desk: Desk) -> None:
    """Add the routes."""
    _acts(routes, desk)
    _checks(routes, desk)
    _looking(routes, desk)


def _acts(routes: Routes, desk: Desk) -> None:
    gates = Access.of(Role.OPERATOR, scope="gate.write")

    async def update(request: Request, gate: _Name) -> Response:
        require(desk, "gate", gate)
        return await ask_for(desk, request, "gate-update", {"gate": gate})

    async def renew(request: Request, snapshot: _Name) -> Response:
        require(desk, "snapshot", snapshot)
        return await ask_for(desk, request, "renewal", {"snapshot": snapshot})

    add_work(
        routes,
        Work("gates/{gate}/update", gates, update, "Run a gate again as of now"),
        Work(
            "snapshots/{snapshot}/renewal",
            gates,
            renew,
            "Gate again, and seal a delta without the rows no longer admitted",
        ),
    )


def _checks(routes: Routes, desk: Desk) -> None:
    checks = Access.of(Role.OPERATOR, Role.AUDITOR, scope="check.write")

    async def compare(request: Request, body: Comparison) -> Response:
        taxonomy = desk.read.house.taxonomy
        uses_of(taxonomy.scope(body.use), taxonomy)
        require(desk, "source", body.source)
        asked = body.model_dump(exclude={"at"})
        if not (body.party_rules or body.rulesets or body.evidence):
            asked["party_rules"] = ["author", "any", "all"]
        asked["at"] = None if body.at is None else format_instant(body.at)
        return await ask_for(desk, request, "comparison", asked)

    async def replay(request: Request, gate: _Name) -> Response:
        require(desk, "gate", gate)
        return await ask_for(desk, request, "gate-replay", {"gate": gate})

    async def check(request: Request, snapshot: _Name) -> Response:
        require(desk, "snapshot", snapshot)
        return await ask_for(desk, request, "snapshot-check", {"snapshot": snapshot})

    async def refit(request: Request, release: _Name, body: Refit) -> Response:
        require(desk, "release", release)
        return await ask_for(desk, request, "refit", {"release": release, **body.model_dump()})

    async def fsck(request: Request) -> Response:
        return await ask_for(desk, request, "fsck", {})

    add_work(
        routes,
        Work("gates/comparison", checks, compare, "What rows would be under other rules"),
        Work("gates/{gate}/replay", checks, replay, "Decide a logged gate again: the same record?"),
        Work("snapshots/{snapshot}/check", checks, check, "Take every hash of a snapshot again"),
        Work(
            "releases/{release}/refit",
            checks,
            refit,
            "Fit again from the sealed snapshot: which equality?",
        ),
        Work("checks", checks, fsck, "Re-read and re-compute everything that is held"),
    )


def _looking(routes: Routes, desk: Desk) -> None:
    house = Access.of(Role.OPERATOR, Role.AUDITOR, scope="object.read")

    async def gate(gate: _Name) -> dict[str, Any]:
        return desk.read.gate.show(gate)

    async def manifest(snapshot: _Name) -> Manifest:
        def read(ws: Workspace) -> Manifest:
            sealed = ws.snapshot.open(snapshot)
            told = json.loads(sealed.manifest.encode())
            return Manifest(snapshot=snapshot, index=sealed.index, manifest=told)

        return await desk.aside.read(read)

    async def diff(
        snapshot: _Name, to: Annotated[Id, Query(description="The newer one.")]
    ) -> SnapshotDifference:
        def read(ws: Workspace) -> SnapshotDifference:
            found = ws.snapshot.diff(snapshot, to)
            return SnapshotDifference(
                old=snapshot,
                new=to,
                records=found.records,
                buckets=found.shown.buckets,
                removed=[label.hex() for label in found.shown.removed],
                added=[label.hex() for label in found.shown.added],
            )

        return await desk.aside.read(read)

    async def lineage(release: _Name) -> dict[str, Any]:
        return await desk.aside.read(lambda ws: ws.release.lineage(release))

    for path, endpoint, summary, model in (
        ("gates/{gate}", gate, "What a gate decided, and from what", dict[str, Any]),
        ("snapshots/{snapshot}", manifest, "A snapshot's manifest, recomputed", Manifest),
        (
            "snapshots/{snapshot}/diff",
            diff,
            "What two snapshots of one lineage do not share",
            SnapshotDifference,
        ),
        (
            "releases/{release}/lineage",
            lineage,
            "All that a release came from: run, snapshots, gates, texts",
            dict[str, Any],
        ),
    ):
        routes.add("GET", f"/api/v1/{path}", house, endpoint, summary=summary, response_model=model)
