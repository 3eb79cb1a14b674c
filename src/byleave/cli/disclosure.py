"""`byleave disclosure`: packages for recipients."""

from __future__ import annotations

import click

from byleave.cli.gate_record import record_lines
from byleave.cli.opened import opened
from byleave.cli.output import emit, json_option, table, workspace_option

__all__ = ["group"]


@click.group("disclosure")
def group() -> None:
    """Packages for recipients: offer, list."""


@group.command()
@click.argument("source")
@click.option("--use", required=True, metavar="PURPOSE/CATEGORY/RECIPIENT")
@workspace_option
@json_option
def offer(*, source: str, use: str, workspace: str, as_json: bool) -> None:
    """Gate a source for one recipient, record by record, and seal what may go. Exit 4: nothing.

    \b
    byleave disclosure offer messages \\
        --use train.generative.replies/messages/provider.acme
    """  # noqa: D301
    with opened(workspace) as ws:
        made = ws.disclosure.offer(source, use)
    data = {"disclosure": made.disclosure, "snapshot": made.snapshot, **made.record.to_dict()}
    emit(
        data,
        schema="byleave/disclosure/v1",
        as_json=as_json,
        lines=lambda: [f"{made.disclosure}: offered", *record_lines(made.record.to_dict())],
    )


@group.command("list")
@workspace_option
@json_option
def list_disclosures(*, workspace: str, as_json: bool) -> None:
    """List the packages, with what has been recalled.

    \b
    byleave disclosure list --workspace byleave-demo
    """  # noqa: D301
    with opened(workspace, read_only=True) as ws:
        packages = ws.disclosure.list()
    rows = [
        [p["disclosure"], p["recipient"], p["rows"], len(p["recalled_rows"]), p["index"]]
        for p in packages
    ]
    emit(
        {"disclosures": packages},
        schema="byleave/disclosures/v1",
        as_json=as_json,
        lines=lambda: table(["package", "recipient", "rows", "recalled", "log entry"], rows),
    )
