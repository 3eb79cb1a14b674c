"""`byleave release mlflow`, `byleave log openlineage`: what was done, told to others' tools."""

from __future__ import annotations

import json
from pathlib import Path

import click

from byleave.cli.opened import opened
from byleave.cli.output import emit, json_option, workspace_option

__all__ = ["mlflow", "openlineage"]


@click.command()
@click.argument("release")
@click.option("--to", "tracking", required=True, metavar="URI", help="MLflow's tracking URI.")
@click.option("--experiment", default="byleave", show_default=True)
@click.option("--attestation", help="An attestation of what was read, to go with it.")
@workspace_option
@json_option
def mlflow(
    *,
    release: str,
    tracking: str,
    experiment: str,
    attestation: str | None,
    workspace: str,
    as_json: bool,
) -> None:
    """Log a release as an MLflow run: roots, digests, log entries, statements; no row, no model.

    \b
    byleave release mlflow replies-1 --to http://localhost:5000
    """  # noqa: D301
    with opened(workspace, read_only=True) as ws:
        run = ws.hook.mlflow(
            release, tracking=tracking, experiment=experiment, attestation=attestation
        )
    emit(
        {"release": release, "mlflow_run": run, "experiment": experiment},
        schema="byleave/mlflow/v1",
        as_json=as_json,
        lines=lambda: [f"{release}: MLflow run {run} in the experiment {experiment}"],
    )


@click.command()
@click.option(
    "--to",
    "file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="A new file, an event a line; default: where OpenLineage's own configuration says.",
)
@click.option("--after", default=-1, type=int, help="The last log index that was told before.")
@workspace_option
@json_option
def openlineage(*, file: Path | None, after: int, workspace: str, as_json: bool) -> None:
    """Tell OpenLineage START and COMPLETE of every gate, seal, fit, release and unlearning.

    \b
    byleave log openlineage --to events.jsonl
    byleave log openlineage --after 2418
    """  # noqa: D301
    from byleave.errors import ConflictError

    if file is not None and file.exists():
        raise ConflictError("the file is there already", code="workspace.exists", where=str(file))
    with opened(workspace, read_only=True) as ws:
        if file is None:
            told = ws.hook.openlineage(after=after)
        else:
            events = ws.hook.lineage_events(after=after)
            told = len(events) // 2
            lines = "".join(json.dumps(event, sort_keys=True) + "\n" for event in events)
            file.write_text(lines, encoding="utf-8")
        last = ws.ledger.size() - 1
    emit(
        {"acts": told, "after": after, "last": last, "file": None if file is None else str(file)},
        schema="byleave/openlineage/v1",
        as_json=as_json,
        lines=lambda: [
            f"{told:,} acts told, {2 * told:,} events{f', in {file}' if file else ''}",
            f"  next time  byleave log openlineage --after {last}",
        ],
    )
