"""Let withdrawals reach the models: find the releases concerned, forget, refit, replace.

A release is concerned when the gate, run again now, no longer admits a row of its snapshot.
For each such release, in the order of the log: gate → delta snapshot → forget → (refit) →
new release → unlearning entry → recall of packages. Until the unlearning entry is logged the old
release stays current; what a crash leaves half done is not referred to, and a second run does it
again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from byleave.canonical import Json, digest_of
from byleave.errors import EvidenceError, RefusedError
from byleave.evidence.entry import RecallEntry, RecipeEntry, UnlearningEntry
from byleave.ids import format_instant, to_us
from byleave.service.gate_standing import Standing
from byleave.service.gate_update import gate_again
from byleave.service.house import House, LedgerWriter
from byleave.service.model import (
    Release,
    keep_state,
    publish_release,
    recipe_digest,
    restore_state,
    run_object,
    trainer_of,
)
from byleave.service.snapshot import (
    next_name,
    open_snapshot,
    openings_of,
    seal_without,
    source_rows_of,
)
from byleave.snapshot.sealed import SealedSnapshot
from byleave.training.release import model_digest

__all__ = [
    "Affected",
    "Unlearned",
    "affected_packages",
    "affected_release",
    "affected_releases",
    "purge_stale",
    "recall_packages",
    "refuse_stale",
    "stale_runs",
    "unlearn",
]

RECALL_DAYS = 13


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Unlearned:
    """One release unlearned.

    Attributes:
        old: The release it replaces.
        new: The release that replaces it.
        removed: Rows forgotten.
        refit: Digest of a fit without them, hex; None where not asked for.
    """

    old: str
    new: Release
    removed: int
    refit: str | None


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


def stale_runs(house: House) -> list[Affected]:
    """Return the runs never released that were trained on rows no longer admitted."""
    released = {document["run"] for _, _, _, document in house.ledger.objects("release")}
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


def purge_stale(house: House) -> list[str]:
    """Remove the private state of stale runs, which still knows those rows; return the runs."""
    names = [stale.name for stale in stale_runs(house)]
    for name in names:
        _, document = run_object(house, name)
        with house.ledger.writing() as writer:
            writer.replace_object("run", name, {**document, "files": {}})
        house.artefacts.remove("runs", name)  # a crash before this line is healed at opening
    return names


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


def unlearn(
    house: House,
    affected: Affected,
    *,
    with_refit: bool = True,
    measure: Callable[[SealedSnapshot, Mapping[str, Any]], Mapping[str, Any]] | None = None,
) -> Unlearned:
    """Replace one release by one that never had the rows, byte for byte.

    Args:
        house: The workspace's ports.
        affected: What `affected_releases` found.
        with_refit: Also fit from scratch without the rows, and compare.
        measure: Measures the quality of a run's recipe on the new snapshot, for the card.

    Raises:
        EvidenceError: `training.not-exact`, the refit gave other bytes; nothing is released.
    """
    release = house.ledger.object("release", affected.name)
    if release is None:
        raise EvidenceError("the release is gone", code="workspace.damaged")
    run_name = release[2]["run"]
    _, run = run_object(house, run_name)
    trainer = trainer_of(house, run["trainer"])
    parent = open_snapshot(house, affected.snapshot)
    gate_index = gate_again(house, parent.manifest.gate, as_use=parent.manifest.use)
    removed = affected.positions
    name, snapshot_index, _ = seal_without(house, parent, removed, gate=gate_index)
    house.log.publish()
    delta = open_snapshot(house, name)
    state = trainer.forget(
        restore_state(house, run_name), parent.batches(run["columns"], only=removed)
    )
    forgot = model_digest(trainer.encode(state)).hex()
    again = None
    if with_refit:
        fitted = trainer.fit(delta.batches(run["columns"]), run["recipe"])
        again = model_digest(trainer.encode(fitted)).hex()
        if again != forgot:
            raise EvidenceError(
                "forgetting and fitting without the rows gave different bytes",
                code="training.not-exact",
            )
    run_again = _keep_run(house, run, name, state)

    def log_unlearning(writer: LedgerWriter, to: str, index: int) -> None:
        entry = UnlearningEntry(
            from_=release[0],
            to=index,
            snapshot=snapshot_index,
            model=bytes.fromhex(forgot),
            refit=None if again is None else bytes.fromhex(again),
        )
        document: dict[str, Json] = {
            "from": affected.name,
            "to": to,
            "snapshot": name,
            "removed": affected.rows,
            "members": affected.members,
            "model": forgot,
            "refit": again,
        }
        writer.add_object(
            "unlearning",
            f"{affected.name}-to-{to}",
            index=writer.log(entry.encode()),
            at_us=to_us(house.now()),
            document=document,
        )
        if purge:
            writer.replace_object("run", run_name, {**run, "files": {}})

    purge = not _used_elsewhere(house, run_name, affected.name)
    new = publish_release(
        house,
        run_again,
        state=state,
        parent=affected.name,
        quality=None if measure is None else measure(delta, run),
        also=log_unlearning,
    )
    if purge:  # the old state still knew the rows; a crash before this line is healed at opening
        house.artefacts.remove("runs", run_name)
    return Unlearned(old=affected.name, new=new, removed=affected.rows, refit=again)


def recall_packages(house: House, *, days: int = RECALL_DAYS) -> list[str]:
    """Order every recipient whose package holds rows no longer admitted to delete them."""
    recalled = []
    for package in affected_packages(house):
        found = house.ledger.object("disclosure", package.name)
        if found is None:
            continue
        index, _, document = found
        already = set(document["recalled_rows"])
        fresh = sorted(set(package.positions.tolist()) - already)
        if not fresh:
            continue
        number = len(document["recalls"]) + 1
        order: dict[str, Json] = {
            "disclosure": package.name,
            "recall": number,
            "rows": fresh,
            "days": days,
            "at": format_instant(house.now()),
        }
        with house.ledger.writing() as writer:
            entry = RecallEntry(disclosure=index, order=digest_of(order))
            recall_index = writer.log(entry.encode())
            writer.add_object(
                "recall",
                f"{package.name}-recall-{number}",
                index=recall_index,
                at_us=to_us(house.now()),
                document={**order, "state": "recalled"},
            )
            writer.replace_object(
                "disclosure",
                package.name,
                {
                    **document,
                    "recalls": [*document["recalls"], recall_index],
                    "recalled_rows": sorted(already | set(fresh)),
                },
            )
        recalled.append(package.name)
    return recalled


def _used_elsewhere(house: House, run: str, release: str) -> bool:
    """Return whether another current release was published from the same run."""
    return any(
        document["run"] == run and document["superseded_by"] is None and name != release
        for _, name, _, document in house.ledger.objects("release")
    )


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


def _keep_run(house: House, run: dict[str, Any], snapshot: str, state: Any) -> str:  # noqa: ANN401
    """Keep the new state as a run of its own, under the same recipe; return its id."""
    name = next_name(house, "run", run["trainer"])
    document = {**run, "run": name, "snapshot": snapshot, "model": None, "files": {}}
    with house.ledger.writing() as writer:
        entry = RecipeEntry(trainer=run["trainer"], recipe=recipe_digest(run))
        index = writer.log(entry.encode())
        writer.add_object("run", name, index=index, at_us=to_us(house.now()), document=document)
    keep_state(house, name, trainer_of(house, run["trainer"]), state, document)
    return name
