"""`byleave withdrawal`: what withdrawals concern, and letting them reach it."""

from __future__ import annotations

import click

from byleave.cli.opened import opened
from byleave.cli.output import emit, json_option, short, table, workspace_option

__all__ = ["group"]


@click.group("withdrawal")
def group() -> None:
    """Withdrawals that reach models and packages: plan, run."""


@group.command()
@workspace_option
@json_option
def plan(*, workspace: str, as_json: bool) -> None:
    """List releases and packages that hold rows the gate would no longer admit.

    \b
    byleave withdrawal plan --workspace byleave-demo
    """  # noqa: D301
    with opened(workspace, read_only=True) as ws:
        found = [("release", a) for a in ws.withdrawal.plan()]
        found += [("package", a) for a in ws.withdrawal.packages()]
    items = [
        {"what": what, "name": a.name, "snapshot": a.snapshot, "rows": a.rows, "members": a.members}
        for what, a in found
    ]

    def lines() -> list[str]:
        if not items:
            return ["Nothing to do: every row in use would pass the gate again."]
        return [
            *table(
                ["what", "name", "rows", "members"],
                [[i["what"], i["name"], i["rows"], i["members"]] for i in items],
            ),
            "  for real   byleave withdrawal run",
        ]

    emit({"affected": items}, schema="byleave/withdrawal-plan/v1", as_json=as_json, lines=lines)


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
    """Unlearn every affected release and recall every affected package.

    \b
    byleave withdrawal run --workspace byleave-demo
    """  # noqa: D301
    with opened(workspace) as ws:
        done, recalled = ws.withdrawal.run(with_refit=refit)
    items = [
        {
            "from": u.old,
            "to": u.new.release,
            "rows_forgotten": u.removed,
            "model": u.new.model,
            "refit": u.refit,
        }
        for u in done
    ]

    def lines() -> list[str]:
        if not items and not recalled:
            return ["Nothing to do: every row in use would pass the gate again."]
        shown = []
        for item in items:
            shown.append(
                f"  {item['from']} → {item['to']}: {item['rows_forgotten']:,} rows forgotten,"
                f" model {short(str(item['model']))}"
            )
            if item["refit"]:
                shown.append("    a fit without them gives the same bytes")
        return [*shown, *(f"  {name}: recalled" for name in recalled)]

    emit(
        {"unlearned": items, "recalled": recalled},
        schema="byleave/withdrawal-run/v1",
        as_json=as_json,
        lines=lines,
    )
