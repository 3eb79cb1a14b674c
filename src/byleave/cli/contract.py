"""`byleave contract`: check one against its data; print the JSON Schema."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from byleave.cli.output import Progress, emit, json_option, table

if TYPE_CHECKING:
    from byleave.service.contract_check import ContractCheck

__all__ = ["group"]


@click.group("contract")
def group() -> None:
    """Data-set contracts: check, schema."""


@group.command()
@click.argument("contract", type=click.Path())
@click.argument("data", type=click.Path(), nargs=-1, required=True)
@click.option("--taxonomy", type=click.Path(), help="Your own terms beside the shipped ones.")
@json_option
def check(*, contract: str, data: tuple[str, ...], taxonomy: str | None, as_json: bool) -> None:
    """Say whether a contract fits its data, and what would make rows drop.

    Names line and column where it does not fit. Reads the columns that decide, and no others;
    several files are one data set, with one schema.

    \b
    byleave contract check messages.yaml messages.parquet
    byleave contract check messages.yaml 2024-…*.parquet
    """  # noqa: D301
    from byleave.wiring.contract_check import check_contract

    progress = Progress()
    try:
        found = check_contract(contract, *data, taxonomy=taxonomy, progress=progress)
    finally:
        progress.close()
    emit(
        {"ok": True, **found.to_dict()},
        schema="byleave/contract-check/v2",
        as_json=as_json,
        lines=lambda: _lines(contract, found),
    )


@group.command()
@click.option("--output", "-o", type=click.Path(), help="Write it to a file.")
@json_option
def schema(*, output: str | None, as_json: bool) -> None:
    """Print the JSON Schema of a contract, for editors and other programs.

    \b
    byleave contract schema --output contract.schema.json
    """  # noqa: D301
    from byleave.gate.contract import contract_schema

    text = contract_schema()
    if output is not None:
        Path(output).write_text(text, "utf-8")
    said = text.rstrip() if output is None else f"wrote {output}"
    emit(
        {"output": output, "contract_schema": json.loads(text)},
        schema="byleave/contract-schema/v1",
        as_json=as_json,
        lines=lambda: [said],
    )


def _lines(contract: str, found: ContractCheck) -> Iterator[str]:
    files = found.files[0] if len(found.files) == 1 else f"{len(found.files)} files"
    yield f"{Path(contract).name} fits {files}: {found.rows:,} rows"
    yield ""
    parties = [[p.column, p.role, p.form, p.ids, p.missing] for p in found.parties]
    yield from table(["column", "role", "holds", "ids", "missing"], parties)
    yield ""
    yield from table(["category", "rows"], [[w, n] for w, n in found.categories.items()])
    yield ""
    yield f"  a record's digest covers {len(found.digested)} columns"
    if not found.findings:
        yield "  nothing in the data makes a row drop by itself"
    for finding in found.findings:
        yield f"  ! {finding.rows:,} rows  {finding.column or ''}".rstrip()
        yield f"      {finding.text}"
        if finding.hint:
            yield f"      {finding.hint}"
