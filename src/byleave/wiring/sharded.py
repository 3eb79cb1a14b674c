"""What only sharded trainers can say: what a withdrawal will cost, and what may be served meanwhile."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from byleave.errors import InputError
from byleave.service.house import House
from byleave.service.model import (
    load_release,
    release_object,
    restore_state,
    run_object,
    trainer_of,
)
from byleave.service.snapshot import open_snapshot, openings_of
from byleave.service.withdrawal import affected_release
from byleave.trainers.sharded import ShardedTrainer
from byleave.trainers.sharded_cost import Layout, forecast
from byleave.training.trainer import ModelFiles

__all__ = ["Clean", "Forecast", "clean_model", "forecast_cost"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """What withdrawals will cost, before anything is trained.

    Attributes:
        shards: How many models.
        slices: Checkpoints of each.
        rows: Rows of the snapshot.
        members: Members who are a party of one.
        cost: Members leaving in one batch → mean share of the rows learned again.
        even: The same if every member had one row's worth in one slice.
        shards_touched: Mean number of shards that one leaver touches.
        most_touched: The largest.
    """

    shards: int
    slices: int
    rows: int
    members: int
    cost: Mapping[int, float]
    even: Mapping[int, float]
    shards_touched: float
    most_touched: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Clean:
    """What may be served while unlearning trains.

    Attributes:
        files: Model files that never saw a row no longer admitted.
        rows: Rows no longer admitted.
        behind: Other rows that this model lacks until unlearning has run.
    """

    files: ModelFiles
    rows: int
    behind: int


def forecast_cost(
    house: House,
    trainer_name: str,
    snapshot: str,
    *,
    columns: Mapping[str, str],
    leaving: Sequence[int],
) -> Forecast:
    """Deal a snapshot's members to slices and say what withdrawals will cost; train nothing.

    Raises:
        InputError: `training.not-sharded`; `training.columns`; `workspace.unknown-object`.
    """
    trainer = _sharded(house, trainer_name)
    sealed = open_snapshot(house, snapshot)
    author = columns.get("member", "member")
    if author not in sealed.column_names:
        raise InputError(
            "the column that names the author is not in the data",
            code="training.columns",
            hint="--column member=…",
        )
    batches = list(sealed.batches({"member": author}))
    slots = np.empty(0, np.int64)
    if batches:
        members = pc.dictionary_encode(
            pa.Table.from_batches(batches)["member"].cast(pa.large_string()).combine_chunks()
        )
        dealt = trainer.slots(members.dictionary.to_pylist())
        slots = dealt[np.asarray(members.indices, np.int64)]
    openings = openings_of(house, snapshot)
    positions = openings["row"].to_numpy()
    alive = np.isin(positions, sealed.alive)
    layout = Layout.of(
        shape=trainer.shape,
        slots=slots,
        row=np.searchsorted(sealed.alive, positions[alive]),
        party=openings["ordinal"].to_numpy()[alive].astype(np.int64),
    )
    return Forecast(
        shards=layout.shards,
        slices=layout.slices,
        rows=len(slots),
        members=layout.parties,
        cost={k: layout.expected(k) for k in leaving},
        even={k: forecast(layout.shards, layout.slices, k) for k in leaving},
        shards_touched=float(layout.touched.mean()) if layout.parties else 0.0,
        most_touched=int(layout.touched.max(initial=0)),
    )


def clean_model(house: House, release: str) -> Clean:
    """Return a release without the rows no longer admitted, as its checkpoints give it at once.

    Raises:
        InputError: `training.not-sharded`; `workspace.unknown-object`.
        ConflictError: `training.no-state`.
        RefusedError: `trainer.other-recipe`.
    """
    _, document = release_object(house, release)
    trainer = _sharded(house, document["trainer"])
    affected = affected_release(house, release)
    if affected is None:
        return Clean(files=load_release(house, release).files, rows=0, behind=0)
    _, run = run_object(house, document["run"])
    removed = open_snapshot(house, affected.snapshot).batches(
        run["columns"], only=affected.positions
    )
    state: Any = restore_state(house, document["run"])
    files, behind = trainer.clean(state, removed)
    return Clean(files=files, rows=affected.rows, behind=behind)


def _sharded(house: House, name: str) -> ShardedTrainer:
    trainer = trainer_of(house, name)
    if not isinstance(trainer, ShardedTrainer):
        raise InputError(
            f"the trainer {name} has no shards",
            code="training.not-sharded",
            hint="it forgets by reading the rows that leave, and no others",
        )
    return trainer
