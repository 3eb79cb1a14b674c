"""`byleave source`: bring data sets in."""

from __future__ import annotations

from pathlib import Path

import click

from byleave.cli.opened import opened, read_text
from byleave.cli.output import emit, json_option, table, workspace_option
from byleave.cli.source_encode import encode

__all__ = ["group"]


@click.group("source")
def group() -> None:
    """Data sets: add, encode, list."""


group.add_command(encode)


@group.command()
@click.argument("data", type=click.Path(), nargs=-1, required=True)
@click.option(
    "--contract",
    required=True,
    type=click.Path(),
    help="Whose data a row is (YAML); see examples/contracts.",
)
@click.option("--name", help="Id of the source; default: the first file's name.")
@workspace_option
@json_option
def add(
    *, data: tuple[str, ...], contract: str, name: str | None, workspace: str, as_json: bool
) -> None:
    """Add Parquet files, or folders of them: digest every record, enrol everyone who appears.

    Files of one source have the same columns. They are copied batch by batch and never changed.

    \b
    byleave source add messages.parquet --contract messages.yaml
    """  # noqa: D301
    text = read_text(contract)
    source = name or Path(data[0]).stem.lower()
    with opened(workspace) as ws:
        records, enrolled = ws.source.add(source, data, text, contract_name=Path(contract).name)
    emit(
        {"source": source, "records": records, "enrolled": enrolled},
        schema="byleave/source/v1",
        as_json=as_json,
        lines=lambda: [
            f"{source}: {records:,} records, {enrolled:,} members enrolled who were not yet"
        ],
    )


@group.command("list")
@workspace_option
@json_option
def list_sources(*, workspace: str, as_json: bool) -> None:
    """List the data sets.

    \b
    byleave source list --workspace byleave-demo
    """  # noqa: D301
    with opened(workspace, read_only=True) as ws:
        sources = ws.source.list()
    emit(
        {"sources": sources},
        schema="byleave/sources/v1",
        as_json=as_json,
        lines=lambda: table(
            ["source", "records", "log entry"],
            [[s["source"], s["records"], s["index"]] for s in sources],
        ),
    )
