"""`init` and `fsck`."""

from __future__ import annotations

import click

from byleave.cli.opened import opened, read_text
from byleave.cli.output import emit, json_option, workspace_option

__all__ = ["fsck", "init"]


@click.command()
@click.argument("path", type=click.Path(file_okay=False))
@click.option(
    "--origin",
    default="localhost/byleave",
    show_default=True,
    help="Origin of the log: a host name and path that you control.",
)
@click.option(
    "--operator",
    default="this platform",
    show_default=True,
    help="Who runs it, as pages name them.",
)
@click.option(
    "--ledger",
    metavar="URL",
    help="postgresql://USER@HOST/DATABASE instead of a file in PATH; password by PGPASSWORD.",
)
@click.option(
    "--tiles",
    metavar="ADDRESS",
    help="s3://BUCKET/PREFIX for the log's files instead of a folder in PATH.",
)
@click.option("--taxonomy", type=click.Path(), help="Your own terms (YAML), added to the default.")
@json_option
def init(
    *,
    path: str,
    origin: str,
    operator: str,
    ledger: str | None,
    tiles: str | None,
    taxonomy: str | None,
    as_json: bool,
) -> None:
    """Make an empty workspace: keys, ledger, log, and the rulesets in force.

    \b
    byleave init platform --origin log.example.com/byleave \\
        --operator "Example Ltd"
    """  # noqa: D301
    from byleave.wiring import create

    text = None if taxonomy is None else read_text(taxonomy)
    with create(
        path, origin=origin, operator=operator, ledger=ledger, tiles=tiles, taxonomy=text
    ) as workspace:
        head = workspace.log.checkpoint()
        data = {
            "workspace": str(workspace.path),
            "trust": str(workspace.places.trust),
            "checkpoint": head,
        }
    emit(
        data,
        schema="byleave/init/v1",
        as_json=as_json,
        lines=lambda: [
            f"Made an empty workspace in {path}",
            f"  log     {head['origin']}, {head['size']} entries: taxonomy and rulesets in force",
            f"  trust   {data['trust']}  (give this file to whoever verifies)",
            f"  next    byleave source add FILE --contract C --workspace {path}",
        ],
    )


@click.command()
@workspace_option
@json_option
@click.pass_context
def fsck(ctx: click.Context, *, workspace: str, as_json: bool) -> None:
    """Re-read and recompute everything a workspace holds: log, snapshots, releases.

    \b
    byleave fsck --workspace byleave-demo
    """  # noqa: D301
    with opened(workspace, read_only=True) as ws:
        problems = ws.fsck()
        size = ws.ledger.size() if problems else ws.log.checkpoint()["size"]
    data = {"workspace": workspace, "ok": not problems, "problems": problems, "entries": size}

    def lines() -> list[str]:
        if not problems:
            return [f"{workspace}: sound; {size:,} log entries, every digest recomputed"]
        found = [f"  FAIL  {p['where']}: {p['what']}" for p in problems]
        return [f"{workspace}: NOT SOUND", *found]

    emit(data, schema="byleave/fsck/v1", as_json=as_json, lines=lines)
    if problems:
        ctx.exit(3)
