"""`byleave log`: the transparency log."""

from __future__ import annotations

import base64
import json

import click

from byleave.cli.opened import opened
from byleave.cli.output import emit, json_option, workspace_option

__all__ = ["group"]


@click.group("log")
def group() -> None:
    """The transparency log: checkpoint, show, prove."""


@group.command()
@workspace_option
@json_option
def checkpoint(*, workspace: str, as_json: bool) -> None:
    """Show the published checkpoint: origin, size, root.

    \b
    byleave log checkpoint --workspace byleave-demo
    """  # noqa: D301
    with opened(workspace, read_only=True) as ws:
        head = ws.log.checkpoint()
    emit(
        head,
        schema="byleave/checkpoint/v1",
        as_json=as_json,
        lines=lambda: [head["origin"], f"  size  {head['size']:,}", f"  root  {head['root']}"],
    )


@group.command()
@click.argument("index", type=click.IntRange(0))
@workspace_option
@json_option
def show(*, index: int, workspace: str, as_json: bool) -> None:
    """Show one entry, authenticated against the checkpoint. It holds no personal data.

    \b
    byleave log show 0 --workspace byleave-demo
    """  # noqa: D301
    with opened(workspace, read_only=True) as ws:
        entry = ws.log.entry(index)
    document = json.loads(entry)
    emit(
        {"index": index, "entry": document, "bytes": base64.b64encode(entry).decode()},
        schema="byleave/log-entry/v1",
        as_json=as_json,
        lines=lambda: [f"entry {index:,}", *(f"  {k:<14}{document[k]}" for k in sorted(document))],
    )


@group.command()
@click.argument("index", type=click.IntRange(0))
@workspace_option
@json_option
def prove(*, index: int, workspace: str, as_json: bool) -> None:
    """Print the tlog-proof of one entry (C2SP), which other tools can check.

    \b
    byleave log prove 0 --workspace byleave-demo > entry-0.tlog-proof
    """  # noqa: D301
    with opened(workspace, read_only=True) as ws:
        text = ws.log.proof(index)
    emit(
        {"index": index, "proof": text},
        schema="byleave/log-proof/v1",
        as_json=as_json,
        lines=lambda: [text.removesuffix("\n")],
    )
