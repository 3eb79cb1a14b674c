"""`byleave snapshot`: seal what a gate let through, list, show."""

from __future__ import annotations

import click

from byleave.cli.opened import opened
from byleave.cli.output import emit, json_option, short, table, workspace_option

__all__ = ["group"]


@click.group("snapshot")
def group() -> None:
    """Sealed snapshots: seal, list, show."""


@group.command()
@click.argument("gate")
@workspace_option
@json_option
def seal(*, gate: str, workspace: str, as_json: bool) -> None:
    """Replay a logged gate, compare its record, and seal what it let through.

    \b
    byleave snapshot seal gate-1
    """  # noqa: D301
    with opened(workspace) as ws:
        name = ws.snapshot.seal(gate)
        manifest = ws.snapshot.open(name).manifest
    data = {
        "snapshot": name,
        "records": manifest.records,
        "members": manifest.members,
        "root": manifest.root,
    }
    emit(
        data,
        schema="byleave/snapshot/v1",
        as_json=as_json,
        lines=lambda: [
            (
                f"{name}: {manifest.records:,} records of {manifest.members:,} members,"
                f" root {short(manifest.root)}"
            )
        ],
    )


@group.command("list")
@workspace_option
@json_option
def list_snapshots(*, workspace: str, as_json: bool) -> None:
    """List the sealed snapshots.

    \b
    byleave snapshot list --workspace byleave-demo
    """  # noqa: D301
    with opened(workspace, read_only=True) as ws:
        snapshots = ws.snapshot.list()
    rows = [
        [s["snapshot"], s["records"], s["members"], short(s["root"]), s["index"]] for s in snapshots
    ]
    emit(
        {"snapshots": snapshots},
        schema="byleave/snapshots/v1",
        as_json=as_json,
        lines=lambda: table(["snapshot", "records", "members", "root", "log entry"], rows),
    )


@group.command()
@click.argument("name")
@workspace_option
@json_option
def show(*, name: str, workspace: str, as_json: bool) -> None:
    """Open a snapshot, recompute every digest, and show its manifest.

    \b
    byleave snapshot show set-1 --workspace byleave-demo
    """  # noqa: D301
    import json

    with opened(workspace, read_only=True) as ws:
        sealed = ws.snapshot.open(name)
    manifest = json.loads(sealed.manifest.encode())
    emit(
        {"index": sealed.index, "manifest": manifest},
        schema="byleave/snapshot-manifest/v1",
        as_json=as_json,
        lines=lambda: [
            f"{name}: sound; log entry {sealed.index:,}",
            *(f"  {key:<14}{manifest[key]}" for key in sorted(manifest) if key != "files"),
            *(f"  file          {f['name']}  {short(f['sha256'])}" for f in manifest["files"]),
        ],
    )
