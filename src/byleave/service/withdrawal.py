"""What withdrawals concern: releases, runs and packages that hold rows no longer admitted.

Each is concerned when the gate, run again now, no longer admits a row of its snapshot. Packages are
recalled here; releases are unlearned by `service/unlearning.py`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from byleave.errors import ConflictError, RefusedError
from byleave.service.gate_standing import Standing
from byleave.service.house import House
from byleave.service.model import (
    run_object,
)
from byleave.service.recall import recall_rows
from byleave.service.snapshot import (
    open_snapshot,
    openings_of,
    source_rows_of,
)
from byleave.snapshot.sealed import SealedSnapshot

__all__ = [
    "Affected",
    "affected_packages",
    "affected_release",
    "affected_releases",
    "affected_snapshots",
    "recall_packages",
    "refuse_overtaken",
    "refuse_stale",
    "stale_runs",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Affected:
    """A release, or a package, that holds rows no longer admitted.

    Attributes:
        name: Id of the release or disclosure.
        snapshot: Id of its snapshot.
        rows: Rows no longer admitted.
        members: Members who are a party of such a row.
        positions: The rows' positions.
    """

    name: str
    snapshot: str
    rows: int
    members: int
    positions: npt.NDArray[np.int64]


def affected_releases(house: House, *, at: datetime | None = None) -> list[Affected]:
    """Return the current releases that hold rows the gate would no longer admit."""
    current = [
        (name, document["snapshot"])
        for _, name, _, document in house.ledger.objects("release")
        if document["superseded_by"] is None
    ]
    return _affected(house, current, at)


def affected_release(house: House, name: str) -> Affected | None:
    """Return what a release, current or replaced, holds that the gate would no longer admit."""
    found = house.ledger.object("release", name)
    held = [] if found is None else _affected(house, [(name, found[2]["snapshot"])], None)
    return held[0] if held else None


def affected_snapshots(house: House) -> list[Affected]:
    """Return snapshots, no packages, that no delta follows and that hold rows no longer admitted."""
    sealed = house.ledger.objects("snapshot")
    followed = {document["parent"] for _, _, _, document in sealed}
    current = [
        (name, name)
        for index, name, _, document in sealed
        if document["kind"] == "snapshots" and index not in followed and document["records"]
    ]
    return _affected(house, current, None)


def stale_runs(house: House) -> list[Affected]:
    """Return the runs with no release in service that were trained on rows no longer admitted.

    Never released, or only as something that was rolled back or replaced.
    """
    released = {
        document["run"]
        for _, _, _, document in house.ledger.objects("release")
        if document["superseded_by"] is None
    }
    kept = [
        (name, document["snapshot"])
        for _, name, _, document in house.ledger.objects("run")
        if name not in released and document["files"]
    ]
    return _affected(house, kept, None)


def refuse_stale(house: House, run: str) -> None:
    """Refuse to release a run that was trained on rows no longer admitted, released before or not.

    Raises:
        RefusedError: `release.stale-run`.
    """
    _, document = run_object(house, run)
    if not document["files"]:  # nothing left, or nothing made: there is no state to release
        return
    for stale in _affected(house, [(run, document["snapshot"])], None):
        raise RefusedError(
            f"{stale.rows:,} rows that {run} was trained on may no longer be used",
            code="release.stale-run",
            hint="run the gate, seal and train again",
        )


def refuse_overtaken(house: House, run: str, index: int) -> None:
    """Refuse to keep what a run made if a batch of withdrawals was carried out while it computed.

    Args:
        house: The workspace's ports.
        run: Its id.
        index: Its log index.

    Raises:
        ConflictError: `training.overtaken`, rows it was trained on may no longer be used: the batch
            reached every state but this one, which was not there yet.
    """
    if all(at <= index for at, _, _, _ in house.ledger.objects("withdrawal")):
        return
    _, document = run_object(house, run)
    for stale in _affected(house, [(run, document["snapshot"])], None):
        raise ConflictError(
            f"{stale.rows:,} rows were withdrawn, and the batch carried out, while {run} trained",
            code="training.overtaken",
            hint="nothing of it is kept: run the gate, seal and train again",
        )


def affected_packages(house: House, *, at: datetime | None = None) -> list[Affected]:
    """Return the packages that hold rows the gate would no longer admit, not recalled yet."""
    packages = {name: document for _, name, _, document in house.ledger.objects("disclosure")}
    offered = [(name, d["snapshot"]) for name, d in packages.items() if d["rows"]]
    found = []
    for package in _affected(house, offered, at):
        recalled = packages[package.name]["recalled_rows"]
        fresh = np.setdiff1d(package.positions, np.array(recalled, np.int64))
        if len(fresh):
            members = _parties(house, package.snapshot, fresh)
            found.append(replace(package, rows=len(fresh), members=members, positions=fresh))
    return found


def recall_packages(house: House, *, days: int | None = None) -> list[str]:
    """Order every recipient whose package holds rows no longer admitted to delete them.

    Args:
        house: The workspace's ports.
        days: Days to answer; None: as the terms of each package say.
    """
    with house.aside():
        affected = affected_packages(house)
    return [
        package.name
        for package in affected
        if recall_rows(house, package.name, package.positions.tolist(), days)
    ]


def _affected(house: House, holders: list[tuple[str, str]], at: datetime | None) -> list[Affected]:
    result = []
    standing = Standing(house, at)
    for name, snapshot_name in holders:
        snapshot = open_snapshot(house, snapshot_name)
        manifest = snapshot.manifest
        gone = _no_longer(
            house, snapshot, standing.admits(manifest.source, manifest.use, manifest.gate)
        )
        if len(gone):
            result.append(
                Affected(
                    name=name,
                    snapshot=snapshot_name,
                    rows=len(gone),
                    members=_parties(house, snapshot_name, gone),
                    positions=gone,
                )
            )
    return result


def _no_longer(
    house: House, snapshot: SealedSnapshot, admits: npt.NDArray[np.bool_]
) -> npt.NDArray[np.int64]:
    """Return positions of the snapshot whose source rows the gate no longer admits."""
    source_rows = source_rows_of(house, snapshot)
    alive = snapshot.alive
    return alive[~admits[source_rows[alive]]]


def _parties(house: House, snapshot: str, positions: npt.NDArray[np.int64]) -> int:
    openings = openings_of(house, snapshot)
    rows = openings.filter(pc.is_in(openings["row"], value_set=pa.array(positions)))
    return len(pc.unique(rows["ordinal"]))
