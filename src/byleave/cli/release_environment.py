"""`byleave release environment`: what a release was fitted in, as a requirements file."""

from __future__ import annotations

from pathlib import Path

import click

from byleave.cli.opened import opened, read_text
from byleave.cli.output import emit, json_option, workspace_option

__all__ = ["environment"]


@click.command()
@click.argument("release")
@click.option(
    "--lock",
    "locks",
    multiple=True,
    type=click.Path(path_type=Path),
    help="A lock file with hashes (pip, uv); those of the same versions are taken. Repeatable.",
)
@workspace_option
@json_option
def environment(*, release: str, locks: tuple[Path, ...], workspace: str, as_json: bool) -> None:
    """Print what a release was fitted in, as a requirements file for pip.

    \b
    byleave release environment replies-2 --lock requirements.txt > pinned.txt
    pip install --require-hashes -r pinned.txt
    """  # noqa: D301
    with opened(workspace, read_only=True) as ws:
        text, bare = ws.release.environment(release, locks=[read_text(str(p)) for p in locks])
    data = {"release": release, "requirements": text, "without_hash": list(bare)}
    emit(
        data,
        schema="byleave/release-environment/v1",
        as_json=as_json,
        lines=text.splitlines,
    )
