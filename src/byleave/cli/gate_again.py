"""`byleave gate show`, `byleave gate update`: what a gate decided, and the same again as of now."""

from __future__ import annotations

import click

from byleave.cli.gate_record import record_lines
from byleave.cli.opened import opened
from byleave.cli.output import emit, json_option, short, table, workspace_option

__all__ = ["show", "update"]


@click.command()
@click.argument("gate")
@workspace_option
@json_option
def show(*, gate: str, workspace: str, as_json: bool) -> None:
    """Say what a gate decided: rows by reason with their shares, and what it was decided from.

    \b
    byleave gate show gate-1 --workspace byleave-demo
    """  # noqa: D301
    with opened(workspace, read_only=True) as ws:
        found = ws.gate.show(gate)

    def lines() -> list[str]:
        bitmaps = sorted(found.get("decisions", {}).items())
        parent = found.get("parent_gate")
        return [
            f"{gate}: {found['source']}, {found['use']}",
            f"  at {found['at']}, ledger position {found['ledger']:,}",
            f"  log entry {found['index']:,}, plan {short(found['plan'])}",
            *([f"  a patch of {parent}: what changed since is decided anew"] if parent else []),
            *record_lines(found, shares=True),
            "",
            *table(["decision bitmap", "SHA-256"], [[name, short(d)] for name, d in bitmaps]),
        ]

    emit(found, schema="byleave/gate-record/v1", as_json=as_json, lines=lines)


@click.command()
@click.argument("gate")
@workspace_option
@json_option
def update(*, gate: str, workspace: str, as_json: bool) -> None:
    """Run a gate again as of now; where few members changed, only their rows are decided.

    The record is the one that `gate run` would log, row for row. Where much changed, or anything
    but what members said, it runs in full by itself.

    \b
    byleave gate update gate-1
    """  # noqa: D301
    with opened(workspace) as ws:
        made = ws.gate.update(gate)
        record = ws.gate.show(made.gate)
    how = (
        f"{made.touched:,} rows decided again, {record['rows'] - made.touched:,} stand"
        if made.touched is not None
        else f"run in full: {made.why_full}"
    )
    emit(
        {"touched": made.touched, "why_full": made.why_full, **record},
        schema="byleave/gate-update/v1",
        as_json=as_json,
        lines=lambda: [
            *record_lines(record),
            f"logged as {made.gate}, after {gate}; {how}",
        ],
    )
