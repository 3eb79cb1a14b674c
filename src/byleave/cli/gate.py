"""`byleave gate`: preview a file (stores nothing), run on a workspace's source."""

from __future__ import annotations

from typing import Any

import click

from byleave.cli.gate_again import show, update
from byleave.cli.gate_compare import compare
from byleave.cli.gate_emit import emit as emit_files
from byleave.cli.gate_emit import plan
from byleave.cli.gate_preview import preview
from byleave.cli.gate_record import record_lines
from byleave.cli.opened import opened
from byleave.cli.output import emit, json_option, short, table, workspace_option

__all__ = ["group"]


@click.group("gate")
def group() -> None:
    """The gate that every training row passes: preview, run, show, update, replay, list."""


group.add_command(compare)
group.add_command(emit_files)
group.add_command(plan)
group.add_command(preview)
group.add_command(show)
group.add_command(update)


@group.command()
@click.argument("source")
@click.option("--use", required=True, metavar="PURPOSE/CATEGORY/RECIPIENT")
@click.option(
    "--party-rule",
    type=click.Choice(["author", "any", "all"]),
    help="A what-if: instead of what the rulesets say.",
)
@click.option("--dry-run", is_flag=True, help="Decide and count; store and log nothing.")
@click.option("--seal", is_flag=True, help="Seal what passed into a snapshot at once.")
@click.option("--require-rows", is_flag=True, help="Exit 4 if nothing is kept.")
@workspace_option
@json_option
@click.pass_context
def run(
    ctx: click.Context,
    *,
    source: str,
    use: str,
    party_rule: str | None,
    dry_run: bool,
    seal: bool,
    require_rows: bool,
    workspace: str,
    as_json: bool,
) -> None:
    """Decide every row of a source, with a reason for every row left out.

    \b
    byleave gate run messages \\
        --use train.generative.replies/messages/platform --seal
    byleave gate run messages \\
        --use train.generative.replies/messages/platform --dry-run
    """  # noqa: D301
    from byleave.errors import InputError

    if dry_run and seal:
        raise InputError("a dry run seals nothing", code="cli.usage", hint="drop --seal")
    if seal and party_rule is not None:
        raise InputError(
            "a what-if cannot be sealed", code="cli.usage", hint="drop --party-rule or --seal"
        )
    data: dict[str, Any] = {"gate": None, "snapshot": None, "dry_run": dry_run}
    with opened(workspace, read_only=dry_run) as ws:
        if dry_run:
            record = ws.gate.dry_run(source, use, party_rule=party_rule)
        else:
            data["gate"], gated = ws.gate.run(source, use, party_rule=party_rule)
            record = gated.record
            if seal and record.kept:
                data["snapshot"] = ws.snapshot.seal(data["gate"], gated=gated)
    data |= record.to_dict()

    def lines() -> list[str]:
        shown = record_lines(record.to_dict())
        if data["gate"]:
            shown.append(f"logged as {data['gate']}; plan {short(record.plan.hex())}")
        if data["snapshot"]:
            shown.append(f"sealed as {data['snapshot']}")
        return shown

    emit(data, schema="byleave/gate/v1", as_json=as_json, lines=lines)
    if require_rows and not record.kept:
        ctx.exit(4)


@group.command()
@click.argument("gate")
@workspace_option
@json_option
def replay(*, gate: str, workspace: str, as_json: bool) -> None:
    """Decide a logged gate again at its own ledger position and instant; they must agree.

    \b
    byleave gate replay gate-1 --workspace byleave-demo
    """  # noqa: D301
    with opened(workspace, read_only=True) as ws:
        record = ws.gate.replay(gate)
    emit(
        {"gate": gate, "same": True, **record.to_dict()},
        schema="byleave/gate-replay/v1",
        as_json=as_json,
        lines=lambda: [f"{gate}: the same record, row for row", *record_lines(record.to_dict())],
    )


@group.command("list")
@workspace_option
@json_option
def list_gates(*, workspace: str, as_json: bool) -> None:
    """List the gates that were run.

    \b
    byleave gate list --workspace byleave-demo
    """  # noqa: D301
    with opened(workspace, read_only=True) as ws:
        gates = ws.gate.list()
    rows = [[g["gate"], g["source"], g["rows"], g["kept"], g["at"], g["use"]] for g in gates]
    emit(
        {"gates": gates},
        schema="byleave/gates/v1",
        as_json=as_json,
        lines=lambda: table(["gate", "source", "rows", "kept", "at", "use"], rows),
    )
