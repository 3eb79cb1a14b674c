"""`byleave contract check`: hold a contract against its data."""

from __future__ import annotations

from pathlib import Path

import click

from byleave.cli.opened import read_text
from byleave.cli.output import emit, json_option

__all__ = ["group"]


@click.group("contract")
def group() -> None:
    """Data-set contracts: check."""


@group.command()
@click.argument("contract", type=click.Path())
@click.argument("data", type=click.Path())
@json_option
def check(*, contract: str, data: str, as_json: bool) -> None:
    """Say whether a contract fits a Parquet file, naming line and column where it does not.

    \b
    byleave contract check messages.yaml messages.parquet
    """  # noqa: D301
    from byleave.gate.contract import parse_contract
    from byleave.wiring.tables import read_parquet

    parsed = parse_contract(read_text(contract), name=Path(contract).name)
    table = read_parquet(data)
    parsed.check(table.schema, data=Path(data).name)
    result = {
        "ok": True,
        "rows": table.num_rows,
        "columns": list(table.column_names),
        "digest": parsed.digest.hex(),
        "digested": list(parsed.digest_columns(table.schema)),
    }
    emit(
        result,
        schema="byleave/contract-check/v1",
        as_json=as_json,
        lines=lambda: [
            f"{contract} fits {data}: {table.num_rows:,} rows",
            (
                f"  author {parsed.author}; recipients {', '.join(parsed.recipients) or '–'};"
                f" digested: {len(result['digested'])} columns"
            ),
        ],
    )
