"""`byleave model attest|check|attestations`: what a training loop of one's own really read."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from byleave.cli.opened import opened
from byleave.cli.output import emit, json_option, short, table, workspace_option

if TYPE_CHECKING:
    from byleave.service.attestation import Attestation

__all__ = ["attest", "attestations", "check"]

PATH = click.Path(path_type=Path)
model_option = click.option(
    "--model", multiple=True, type=PATH, help="A model file, or a folder of them. Repeatable."
)


@click.command()
@click.argument("trace", type=PATH)
@model_option
@workspace_option
@json_option
def attest(*, trace: Path, model: tuple[Path, ...], workspace: str, as_json: bool) -> None:
    """Check the trace of a training run against its snapshot, sign what was read, and log it.

    The trace is the folder given to ws.model.reader(SNAPSHOT, trace=FOLDER).

    \b
    byleave model attest reads --model weights.safetensors
    """  # noqa: D301
    with opened(workspace) as ws:
        done = ws.model.attest(trace, model=model)
    _print(done, as_json=as_json, head=f"{done.attestation}: log entry {done.index:,}")


@click.command()
@click.argument("attestation")
@model_option
@click.option("--each-once", is_flag=True, help="Refuse (exit 4) unless rows were read evenly.")
@workspace_option
@json_option
def check(
    *, attestation: str, model: tuple[Path, ...], each_once: bool, workspace: str, as_json: bool
) -> None:
    """Recompute an attestation from its trace and the sealed rows. Exit 3 where it does not hold.

    \b
    byleave model check set-1-reads-1 --each-once
    """  # noqa: D301
    with opened(workspace, read_only=True) as ws:
        found = ws.model.check(attestation, model=model, each_once=each_once)
    _print(found, as_json=as_json, head=f"{attestation}: HOLDS, log entry {found.index:,}")


@click.command()
@workspace_option
@json_option
def attestations(*, workspace: str, as_json: bool) -> None:
    """List the attestations of what was read.

    \b
    byleave model attestations
    """  # noqa: D301
    with opened(workspace, read_only=True) as ws:
        found = ws.model.attestations()
    rows = [
        [d["attestation"], d["snapshot"], d["reads"]["rows"], d["reads"]["reads"], d["index"]]
        for d in found
    ]
    emit(
        {"attestations": found},
        schema="byleave/attestations/v1",
        as_json=as_json,
        lines=lambda: table(["attestation", "snapshot", "rows read", "reads", "entry"], rows),
    )


def _print(found: Attestation, *, as_json: bool, head: str) -> None:
    reads = found.reads
    left = reads.held - reads.rows
    often = str(reads.least) if reads.least == reads.most else f"{reads.least} to {reads.most}"
    epochs = _counted(str(reads.epochs), "epoch")
    data: dict[str, Any] = {
        "attestation": found.attestation,
        "index": found.index,
        "snapshot": found.snapshot,
        "columns": dict(found.columns),
        "reads": reads.reads,
        "rows": reads.rows,
        "held": reads.held,
        "least": reads.least,
        "most": reads.most,
        "epochs": reads.epochs,
        "parts": reads.parts,
        "digest": reads.digest.hex(),
        "model": found.model,
    }
    emit(
        data,
        schema="byleave/attestation/v1",
        as_json=as_json,
        lines=lambda: [
            head,
            f"  read         {reads.rows:,} of the {reads.held:,} rows of {found.snapshot}"
            + (f"; {left:,} never" if left else ""),
            f"  each         {_counted(often, 'time')}, {reads.reads:,} reads in {epochs}",
            f"  by           {_counted(str(reads.parts), 'process', 'processes')}",
            f"  digest       {short(reads.digest.hex())}",
            f"  model        {short(found.model) if found.model else 'none named'}",
            "  does not show what the program did with the rows, nor that it read nothing else",
        ],
    )


def _counted(number: str, one: str, more: str | None = None) -> str:
    return f"{number} {one if number == '1' else more or one + 's'}"
