"""What a batch of withdrawals would reach, and what that would cost, before any of it is done.

The forecast is arithmetic on what was measured when the run was fitted, or when its trainer last
forgot, on this machine: rows and microseconds, kept with the run. What was never measured has no
forecast. Per base of a trainer, the rows that forgetting reads:

statistics, index   the rows that leave; then the weights are made anew (`encode`)
sharded             every row of the slices from the first touched on, in the shards touched
own                 the rows that leave, as far as Byleave can know

Not in it: the gate (rows of whoever changed their mind), sealing the delta (maps of the buckets
touched), and the fit for comparison, which is given by itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from byleave.canonical import Json, decode
from byleave.errors import ByleaveError
from byleave.service.house import House
from byleave.service.model import release_object, restore_state, run_object, trainer_of
from byleave.service.snapshot import open_snapshot, snapshot_document
from byleave.service.unlearning import begun
from byleave.service.withdrawal import (
    Affected,
    affected_packages,
    affected_releases,
    affected_snapshots,
    stale_runs,
)
from byleave.training.measurements import base_of

__all__ = ["Forecast", "Shards", "WithdrawalPlan", "plan_withdrawals"]

_US: Final = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Shards:
    """How much of a sharded trainer would train again: shards and slices, of how many."""

    shards: int
    of_shards: int
    slices: int
    of_slices: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """What unlearning one release would cost.

    Attributes:
        release: Its id.
        snapshot: What it was trained on.
        trainer: Its trainer.
        base: `statistics`, `index`, `sharded` or `own`.
        exact: Whether it gets a certificate.
        rows: Rows it was trained on.
        leaving: Rows to be forgotten.
        members: Members who are a party of one.
        read: Rows that forgetting would read.
        shards: Of a sharded trainer.
        seconds: Until the new state and model; None: never measured.
        refit_seconds: A fit without the rows, for comparison; None: never measured.
        measured: Run whose rates these are; None: never measured.
    """

    release: str
    snapshot: str
    trainer: str
    base: str
    exact: bool
    rows: int
    leaving: int
    members: int
    read: int
    shards: Shards | None
    seconds: float | None
    refit_seconds: float | None
    measured: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class WithdrawalPlan:
    """What a batch would reach.

    Attributes:
        unfinished: Id of a batch that was begun and not ended; None: there is none.
        releases: Each with its forecast.
        snapshots: Snapshots, no package, that no delta follows and that hold such rows.
        runs: Runs never released whose state still knows such rows.
        recipients: Each package to be recalled: `package`, `recipient`, `rows`, `members`, `days`.
        purge: The purge rule in force.
    """

    unfinished: str | None
    releases: tuple[Forecast, ...]
    snapshots: tuple[Affected, ...]
    runs: tuple[Affected, ...]
    recipients: tuple[Mapping[str, Json], ...]
    purge: str

    @property
    def empty(self) -> bool:
        """Whether there is nothing to reach."""
        return not (
            self.unfinished or self.releases or self.runs or self.recipients or self.snapshots
        )

    @property
    def seconds(self) -> float | None:
        """All releases together; None where one of them was never measured."""
        each = [item.seconds for item in self.releases]
        return sum(s for s in each if s is not None) if None not in each else None

    def document(self) -> dict[str, Any]:
        """Return it as JSON: `affected` names everything, the rest says more."""
        affected: list[dict[str, Any]] = [
            {
                "what": "release",
                "name": r.release,
                "snapshot": r.snapshot,
                "rows": r.leaving,
                "members": r.members,
            }
            for r in self.releases
        ]
        affected += [
            {
                "what": "package",
                "name": p["package"],
                "snapshot": p["snapshot"],
                "rows": p["rows"],
                "members": p["members"],
            }
            for p in self.recipients
        ]
        return {
            "affected": affected,
            "unfinished": self.unfinished,
            "releases": [asdict(item) for item in self.releases],
            "snapshots": _named(self.snapshots),
            "runs": _named(self.runs),
            "recipients": [dict(item) for item in self.recipients],
            "purge": self.purge,
            "seconds": self.seconds,
        }


def _named(items: Sequence[Affected]) -> list[dict[str, Any]]:
    return [{"name": item.name, "rows": item.rows, "members": item.members} for item in items]


def plan_withdrawals(house: House) -> WithdrawalPlan:
    """Return what a batch would reach now, and what it would cost; stores nothing.

    Cost: one gate for each source and use; of a sharded trainer its private state is read.
    """
    open_batch = begun(house)
    packages = {name: document for _, name, _, document in house.ledger.objects("disclosure")}
    return WithdrawalPlan(
        unfinished=None if open_batch is None else open_batch[1]["withdrawal"],
        releases=tuple(_forecast(house, item) for item in affected_releases(house)),
        snapshots=tuple(affected_snapshots(house)),
        runs=tuple(stale_runs(house)),
        recipients=tuple(
            {
                "package": item.name,
                "snapshot": item.snapshot,
                "recipient": packages[item.name]["recipient"],
                "rows": item.rows,
                "members": item.members,
                "days": _days(packages[item.name]),
            }
            for item in affected_packages(house)
        ),
        purge=house.purge,
    )


def _days(package: Mapping[str, Any]) -> int:
    """Return the days that a package's terms give for the answer to a recall."""
    terms: Any = decode(package["terms"].encode())
    return int(terms["recall_days"])


def _forecast(house: House, affected: Affected) -> Forecast:
    _, release = release_object(house, affected.name)
    _, run = run_object(house, release["run"])
    _, snapshot = snapshot_document(house, affected.snapshot)
    trainer = trainer_of(house, release["trainer"])
    shards = _shards(house, affected, run)
    rows = int(snapshot["records"])
    read = affected.rows if shards is None else round(rows * shards.slices / shards.of_slices)
    rate = _fit_rate(run)
    forgot = _forget_rate(house, release["trainer"]) if shards is None else None
    per_row, measured = forgot or rate or (None, None)
    encode = _measured(run).get("encode_us")
    return Forecast(
        release=affected.name,
        snapshot=affected.snapshot,
        trainer=release["trainer"],
        base=base_of(trainer),
        exact=release["exact"],
        rows=rows,
        leaving=affected.rows,
        members=affected.members,
        read=read,
        shards=shards,
        seconds=_seconds(read, per_row, encode),
        refit_seconds=_seconds(rows - affected.rows, None if rate is None else rate[0], encode),
        measured=measured,
    )


def _seconds(rows: int, per_row: float | None, encode: int | None) -> float | None:
    if per_row is None or encode is None:
        return None
    return (rows * per_row + encode) / _US


def _shards(house: House, affected: Affected, run: Mapping[str, Any]) -> Shards | None:
    """Return how much of a sharded trainer would train again; None for any other."""
    trainer: Any = trainer_of(house, run["trainer"])
    if not callable(getattr(trainer, "touched", None)):
        return None
    try:
        state = restore_state(house, run["run"])
    except ByleaveError:  # not held, or not readable: `withdrawal run` will say so
        return None
    leaving = open_snapshot(house, affected.snapshot).batches(
        run["columns"], only=affected.positions
    )
    shards, slices = trainer.touched(state, leaving)
    dealt, cut = int(run["recipe"]["shards"]), int(run["recipe"]["slices"])
    return Shards(shards=shards, of_shards=dealt, slices=slices, of_slices=dealt * cut)


def _measured(run: Mapping[str, Any]) -> Mapping[str, int]:
    found: Mapping[str, int] = run.get("measured") or {}
    return found


def _fit_rate(run: Mapping[str, Any]) -> tuple[float, str] | None:
    """Return microseconds a row of the fit this run, or what it was unlearned from, came of."""
    measured = _measured(run)
    rows = measured.get("fit_rows", 0)
    return (measured["fit_us"] / rows, str(run["run"])) if rows else None


def _forget_rate(house: House, trainer: str) -> tuple[float, str] | None:
    """Return microseconds a row of this trainer's newest forgetting, and of which run."""
    for _, name, _, document in reversed(house.ledger.objects("run")):
        rows = _measured(document).get("forget_rows", 0)
        if document["trainer"] == trainer and rows:
            return _measured(document)["forget_us"] / rows, name
    return None
