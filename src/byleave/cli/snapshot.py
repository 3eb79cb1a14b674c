"""`byleave snapshot`: seal what a gate let through, list, show, compare, check, renew."""

from __future__ import annotations

import click

from byleave.cli.opened import opened
from byleave.cli.output import emit, json_option, short, table, workspace_option

__all__ = ["group"]

_SHOWN = 12


@click.group("snapshot")
def group() -> None:
    """Sealed snapshots: seal, list, show, compare, check, renew."""


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
    named = {s["index"]: s["snapshot"] for s in snapshots}
    rows = [
        [
            s["snapshot"],
            named.get(s["parent"]),
            s["records"],
            s["members"],
            short(s["root"]),
            s["index"],
        ]
        for s in snapshots
    ]
    emit(
        {"snapshots": snapshots},
        schema="byleave/snapshots/v1",
        as_json=as_json,
        lines=lambda: table(
            ["snapshot", "delta of", "records", "members", "root", "log entry"], rows
        ),
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


@group.command()
@click.argument("old")
@click.argument("new")
@click.option("--proof", is_flag=True, help="Also write the audit proof, for byleave verify.")
@workspace_option
@json_option
def diff(*, old: str, new: str, proof: bool, workspace: str, as_json: bool) -> None:
    """Show what two snapshots of one lineage do not share, and prove that it is all.

    \b
    byleave snapshot diff set-1 set-2 --workspace byleave-demo
    byleave snapshot diff set-1 set-2 --proof --workspace byleave-demo
    """  # noqa: D301
    with opened(workspace, read_only=not proof) as ws:
        found = ws.snapshot.diff(old, new)
        path = ws.proof.make_delta(old, new) if proof else None
        trust = ws.places.trust
    shown = found.shown
    stayed = shown.buckets and not (shown.removed or shown.added)
    emit(
        {
            "old": old,
            "new": new,
            "records": found.records,
            "buckets": shown.buckets,
            "removed": [label.hex() for label in shown.removed],
            "added": [label.hex() for label in shown.added],
            "proof": None if path is None else str(path),
        },
        schema="byleave/snapshot-diff/v1",
        as_json=as_json,
        lines=lambda: [
            (
                f"{old} → {new}: {found.records:+,} records;"
                f" {len(shown.removed):,} members left, {len(shown.added):,} came"
            ),
            f"  {shown.buckets:,} buckets differ, and no other does",
            *(f"  left  {label.hex()}" for label in shown.removed[:_SHOWN]),
            *(f"  came  {label.hex()}" for label in shown.added[:_SHOWN]),
            *(["  members stayed, with other records"] if stayed else []),
            *(
                ["  … more with --json"]
                if max(map(len, (shown.removed, shown.added))) > _SHOWN
                else []
            ),
            *(
                [f"delta  {path}", f"  check   byleave verify {path} --trust {trust}"]
                if path is not None
                else []
            ),
        ],
    )


@group.command()
@click.argument("name")
@click.option("--repair", is_flag=True, help="Rebuild the map from the openings first.")
@workspace_option
@json_option
def fsck(*, name: str, repair: bool, workspace: str, as_json: bool) -> None:
    """Take every hash of a snapshot again, and hold its openings to its map.

    \b
    byleave snapshot fsck set-1 --workspace byleave-demo
    byleave snapshot fsck set-1 --repair --workspace byleave-demo
    """  # noqa: D301
    with opened(workspace, read_only=not repair) as ws:
        files = ws.snapshot.repair(name) if repair else 0
        checked = ws.snapshot.fsck(name)
    emit(
        {
            "snapshot": name,
            "members": checked.members,
            "party_records": checked.party_records,
            "erased": checked.erased,
            "readable": checked.readable,
            "rebuilt": files,
        },
        schema="byleave/snapshot-fsck/v1",
        as_json=as_json,
        lines=lambda: [
            *([f"{name}: {files:,} files of the map rebuilt"] if repair else []),
            f"{name}: sound; every hash taken again",
            f"  {checked.members:,} members, {checked.party_records:,} openings",
            *([f"  {checked.erased:,} of its members were erased since"] if checked.erased else []),
            *(
                []
                if checked.readable
                else ["  its rows can no longer be read: neither valid nor invalid"]
            ),
        ],
    )


@group.command()
@click.argument("name")
@workspace_option
@json_option
def renew(*, name: str, workspace: str, as_json: bool) -> None:
    """Gate again, and seal a delta without the rows no longer admitted.

    For a snapshot that no current release was trained on; `byleave withdrawal run` sees to others.

    \b
    byleave snapshot renew set-2
    """  # noqa: D301
    with opened(workspace) as ws:
        delta, removed = ws.snapshot.renew(name)
    emit(
        {"snapshot": delta, "parent": name, "removed": removed},
        schema="byleave/snapshot-renew/v1",
        as_json=as_json,
        lines=lambda: [f"{delta}: {name} without {removed:,} rows"],
    )
