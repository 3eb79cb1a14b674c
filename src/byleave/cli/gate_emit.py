"""`byleave gate emit`, `byleave gate plan`: rows that the workspace does not hold."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from byleave.cli.opened import opened, read_text
from byleave.cli.output import emit as show
from byleave.cli.output import json_option, short, table, workspace_option

if TYPE_CHECKING:
    from byleave.engines.tally import Emission

__all__ = ["emit", "plan"]

_PARTY_RULE = click.Choice(["author", "any", "all"])


@click.command()
@click.argument("data", nargs=-1, required=True, type=click.Path())
@click.option("--contract", required=True, type=click.Path(), help="Data-set contract, YAML.")
@click.option("--use", required=True, metavar="PURPOSE/CATEGORY/RECIPIENT")
@click.option("--copy", type=click.Path(), help="Write the rows kept, all columns, as Parquet.")
@click.option("--selection", type=click.Path(), help="Write the numbers of the rows kept.")
@click.option("--reasons", type=click.Path(), help="Write reason and party of every row.")
@click.option(
    "--engine",
    type=click.Choice(["arrow", "duckdb"]),
    default="arrow",
    help="duckdb: DATA is one database file, or one file that it can read; with --copy only.",
)
@click.option("--query", metavar="SQL", help="With --engine duckdb: what to read.")
@click.option("--at", metavar="INSTANT", help="Decide as of 2024-09-18T00:00:00Z; default: now.")
@click.option("--party-rule", type=_PARTY_RULE, help="A what-if, instead of the rulesets.")
@click.option("--require-rows", is_flag=True, help="Exit 4 if nothing is kept.")
@workspace_option
@json_option
@click.pass_context
def emit(
    ctx: click.Context,
    *,
    data: tuple[str, ...],
    contract: str,
    use: str,
    copy: str | None,
    selection: str | None,
    reasons: str | None,
    engine: str,
    query: str | None,
    at: str | None,
    party_rule: str | None,
    require_rows: bool,
    workspace: str,
    as_json: bool,
) -> None:
    """Gate files that the workspace does not hold; write a copy, a selection, the reasons.

    DATA is Parquet files, or a folder of them. One file gives files, several give folders.
    Outputs appear together at the end or not at all; inputs are never changed. Without an output
    the rows are counted. Nothing is logged: what is to be trained on is added and sealed.

    \b
    byleave gate emit messages.parquet --contract messages.yaml \\
        --use train.generative.replies/messages/platform --copy kept.parquet
    byleave gate emit lake/ --contract messages.yaml --use ... --selection rows/
    byleave gate emit crm.duckdb --engine duckdb --query 'FROM messages' \\
        --contract messages.yaml --use ... --copy kept.parquet
    """  # noqa: D301
    from byleave.errors import InputError

    by_query = engine == "duckdb"
    if by_query and (len(data) > 1 or selection or reasons):
        raise InputError("with --engine duckdb: one DATA, and --copy or nothing", code="cli.usage")
    if query is not None and not by_query:
        raise InputError("--query goes with --engine duckdb", code="cli.usage")
    text = read_text(contract)
    with opened(workspace, read_only=True) as ws:
        compiled = ws.gate.plan(use, contract=text, at=at, party_rule=party_rule)
        if by_query:
            found = ws.gate.query_file(compiled, data[0], query, copy=copy)
        else:
            found = ws.gate.emit(compiled, data, copy=copy, selection=selection, reasons=reasons)
    written = {"copy": copy, "selection": selection, "reasons": reasons}
    body: dict[str, Any] = {**found.to_dict(), "digest": found.digest.hex(), "written": written}

    def lines() -> list[str]:
        shown = emission_lines(found)
        shown += [f"  {what}: {path}" for what, path in written.items() if path]
        shown.append(f"  plan {short(found.plan.hex())}, ledger up to {found.ledger}; not logged")
        return shown

    show(body, schema="byleave/emission/v1", as_json=as_json, lines=lines)
    if require_rows and not found.kept:
        ctx.exit(4)


@click.command()
@click.argument("out", type=click.Path(dir_okay=False))
@click.option("--contract", required=True, type=click.Path(), help="Data-set contract, YAML.")
@click.option("--use", required=True, metavar="PURPOSE/CATEGORY/RECIPIENT")
@click.option("--at", metavar="INSTANT", help="Decide as of 2024-09-18T00:00:00Z; default: now.")
@click.option("--party-rule", type=_PARTY_RULE, help="A what-if, instead of the rulesets.")
@workspace_option
@json_option
def plan(
    *,
    out: str,
    contract: str,
    use: str,
    at: str | None,
    party_rule: str | None,
    workspace: str,
    as_json: bool,
) -> None:
    """Compile the ledger for one contract and one use into a plan file for Spark and Ray.

    The file holds what members decided, by their ids: private, readable by its owner. It speaks of
    one ledger position and one instant; compile it again after every change that must be heard.

    \b
    byleave gate plan messages.plan --contract messages.yaml \\
        --use train.generative.replies/messages/platform
    """  # noqa: D301
    text = read_text(contract)
    with opened(workspace, read_only=True) as ws:
        compiled = ws.gate.plan(use, contract=text, at=at, party_rule=party_rule)
        size = ws.gate.write_plan(out, compiled)
    body = {
        "file": out,
        "bytes": size,
        "plan": compiled.digest.hex(),
        "ledger": compiled.ledger,
        "members": len(compiled.members),
    }

    def lines() -> list[str]:
        return [
            f"  {out}: {size:,} bytes, {len(compiled.members):,} members",
            f"  plan {short(compiled.digest.hex())}, ledger up to {compiled.ledger}",
        ]

    show(body, schema="byleave/plan/v1", as_json=as_json, lines=lines)


def emission_lines(found: Emission) -> list[str]:
    """Return the counts of an emission as lines whose numbers sum."""
    from byleave.consent.reason import Reason

    share = found.kept / found.rows if found.rows else 0.0
    dropped = found.rows - found.kept
    rows = sorted(found.reasons.items(), key=lambda item: (-item[1], item[0]))
    meanings = {reason.word: reason.meaning for reason in Reason}
    return [
        f"  keep  {found.kept:>12,}  {share:6.1%}",
        f"  drop  {dropped:>12,}  {1 - share if found.rows else 0:6.1%}",
        "",
        *table(["reason", "rows", "what it means"], [[w, n, meanings[w]] for w, n in rows]),
        f"  each row counts once; {dropped:,} + {found.kept:,} = {found.rows:,} rows",
    ]
