"""`byleave withdrawal`: what withdrawals concern, and letting them reach it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from byleave.cli.opened import opened
from byleave.cli.output import emit, json_option, short, table, workspace_option

if TYPE_CHECKING:
    from byleave.service.unlearning import Batch
    from byleave.service.withdrawal_plan import Forecast, WithdrawalPlan

__all__ = ["group"]

NOTHING = "Nothing to do: every row in use would pass the gate again."


@click.group("withdrawal")
def group() -> None:
    """Withdrawals that reach models and packages: plan, run, list."""


@group.command()
@workspace_option
@json_option
def plan(*, workspace: str, as_json: bool) -> None:
    """List what holds rows the gate would no longer admit, and what unlearning them would cost.

    \b
    byleave withdrawal plan --workspace byleave-demo
    """  # noqa: D301
    with opened(workspace, read_only=True) as ws:
        found = ws.withdrawal.forecast()
    emit(
        found.document(),
        schema="byleave/withdrawal-plan/v1",
        as_json=as_json,
        lines=lambda: _plan_lines(found),
    )


@group.command()
@click.option(
    "--refit/--no-refit",
    default=True,
    show_default=True,
    help="Also fit from scratch without the rows, and compare the bytes.",
)
@workspace_option
@json_option
def run(*, refit: bool, workspace: str, as_json: bool) -> None:
    """Unlearn every affected release, certify it, and recall every affected package.

    A batch that was stopped goes on where it stopped.

    \b
    byleave withdrawal run --workspace byleave-demo
    """  # noqa: D301
    from byleave.wiring.withdrawal_nouns import run_document

    with opened(workspace) as ws:
        batches = ws.withdrawal.carry_out(with_refit=refit)
    emit(
        run_document(batches),
        schema="byleave/withdrawal-run/v1",
        as_json=as_json,
        lines=lambda: [line for batch in batches for line in _batch(batch)] or [NOTHING],
    )


@group.command("list")
@workspace_option
@json_option
def list_batches(*, workspace: str, as_json: bool) -> None:
    """List the batches of withdrawals, and whether each has reached all of it.

    \b
    byleave withdrawal list --workspace byleave-demo
    """  # noqa: D301
    with opened(workspace, read_only=True) as ws:
        batches = ws.withdrawal.list()
    rows = [
        [b["withdrawal"], b["state"], b["logged"]["at"], b["index"], len(b["logged"]["releases"])]
        for b in batches
    ]
    data = [{**b["logged"], "state": b["state"], "index": b["index"]} for b in batches]
    emit(
        {"withdrawals": data},
        schema="byleave/withdrawals/v1",
        as_json=as_json,
        lines=lambda: table(["batch", "state", "begun", "entry", "releases"], rows),
    )


def _plan_lines(found: WithdrawalPlan) -> list[str]:
    if found.empty:
        return [NOTHING]
    rows: list[list[object]] = [
        ["release", r.release, r.leaving, r.members, *_cost(r)] for r in found.releases
    ]
    trained = {r.snapshot for r in found.releases}
    rows += [
        ["snapshot", s.name, s.rows, s.members, None, f"byleave snapshot renew {s.name}"]
        for s in found.snapshots
        if s.name not in trained  # the others follow with their release
    ]
    rows += [["state of", s.name, s.rows, s.members, None, None] for s in found.runs]
    rows += [
        ["package", p["package"], p["rows"], p["members"], None, f"to {p['recipient']}"]
        for p in found.recipients
    ]
    lines = [*table(["what", "name", "rows", "members", "to read", "forecast"], rows)]
    if found.unfinished:
        lines.append(f"  {found.unfinished} was begun and not ended: it goes on first")
    known = [r for r in found.releases if r.measured]
    lines += [f"  {_basis(r)}" for r in known]
    if found.unfinished or found.releases or found.runs or found.recipients:
        lines += [f"  purge rule   {found.purge}", "  for real     byleave withdrawal run"]
    return lines


def _cost(item: Forecast) -> tuple[int, str]:
    shards = item.shards
    told = "not measured yet" if item.seconds is None else f"{_seconds(item.seconds)}"
    if item.refit_seconds is not None:
        told += f" (a fit: {_seconds(item.refit_seconds)})"
    if shards is not None:
        told += (
            f"; {shards.shards} of {shards.of_shards} shards, {shards.slices} of"
            f" {shards.of_slices} slices"
        )
    return item.read, told


def _basis(item: Forecast) -> str:
    exact = "" if item.exact else "; approximate, so no certificate"
    return f"{item.release}: {item.base}, at the rate measured in {item.measured}{exact}"


def _seconds(value: float) -> str:
    return f"{value:.1f} s" if value >= 1 else f"{value * 1000:.0f} ms"


def _batch(batch: Batch) -> list[str]:
    head = f"{batch.withdrawal}" + (", begun before, went on" if batch.resumed else "")
    lines = [head]
    for item in batch.unlearned:
        lines.append(
            f"  {item.old} → {item.new.release}: {item.removed:,} rows forgotten,"
            f" model {short(item.new.model)}"
        )
        if item.refit:
            lines.append("    a fit without them gives the same bytes")
        if item.certificate is None:
            lines.append("    approximate: no certificate")
        else:
            lines.append(
                f"    certificate: log entry {item.certificate:,};"
                f" byleave proof make --certificate {item.new.release}"
            )
    lines += [f"  {name}: recalled" for name in batch.recalled]
    return [*lines, *(f"  {name}: removed" for name in batch.purged)]
