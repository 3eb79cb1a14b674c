"""`byleave gate preview`: what the gate would keep of one file, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from byleave.cli.output import Progress, emit, json_option

if TYPE_CHECKING:
    from byleave.pages.gate import GateView
    from byleave.service.preview import PreviewResult

__all__ = ["preview"]


@click.command()
@click.argument("data", type=click.Path())
@click.option("--contract", required=True, type=click.Path(), help="Whose data a row is (YAML).")
@click.option(
    "--consent",
    required=True,
    type=click.Path(),
    help="Table with member,use,decision (CSV or Parquet), in the order of the ledger.",
)
@click.option(
    "--use", required=True, metavar="P/C/R", help="Purpose, data category (or group), recipient."
)
@click.option("--region-column", metavar="NAME", help="In the consent table, else in DATA.")
@click.option("--at", metavar="INSTANT", help="Decide as of 2024-09-18T00:00:00Z; default: now.")
@click.option(
    "--party-rule",
    type=click.Choice(["author", "any", "all"]),
    help="For everyone; default: by region, as the rulesets say.",
)
@click.option("--taxonomy", type=click.Path(), help="Your own terms beside the shipped ones.")
@click.option("--rulesets", type=click.Path(), help="Your own rulesets beside the shipped ones.")
@click.option(
    "--compare-rulesets",
    multiple=True,
    type=click.Path(),
    help="Also count the same rows under these rulesets. Repeatable.",
)
@click.option("--html", type=click.Path(dir_okay=False), help="Write a page with a flow chart.")
@click.option("--reason", metavar="CODE", help="Show rows dropped for this reason.")
@click.option("--sample", default=5, show_default=True, type=click.IntRange(1, 1000))
@json_option
def preview(
    *,
    data: str,
    contract: str,
    consent: str,
    use: str,
    region_column: str | None,
    at: str | None,
    party_rule: str | None,
    taxonomy: str | None,
    rulesets: str | None,
    compare_rulesets: tuple[str, ...],
    html: str | None,
    reason: str | None,
    sample: int,
    as_json: bool,
) -> None:
    """Say what the gate would keep of DATA (Parquet or CSV), what would drop, and why.

    Nothing is stored: no workspace, no log, no keys.

    \b
    byleave gate preview messages.parquet --contract contract.yaml \\
        --consent consent.csv --use train.generative.replies/messages.direct/platform
    byleave gate preview ... --party-rule all --reason no-grant --sample 10
    byleave gate preview ... --region-column country --json
    byleave gate preview ... --compare-rulesets stricter.yaml --html preview.html
    """  # noqa: D301 (click's \b keeps the lines)
    from byleave.service.preview import SCHEMA
    from byleave.service.preview_text import preview_lines
    from byleave.wiring.file_preview import preview as run

    progress = Progress()
    try:
        result = run(
            data,
            contract=contract,
            consent=consent,
            use=use,
            region_column=region_column,
            at=at,
            party_rule=party_rule,
            taxonomy=taxonomy,
            rules=rulesets,
            compare_rules=compare_rulesets,
            reason=reason,
            sample=sample,
            progress=progress,
        )
    finally:
        progress.close()
    if html is not None:
        from byleave.cli.gate_page import write_page

        write_page(html, gate_view(result))
    emit(result.to_dict(), schema=SCHEMA, as_json=as_json, lines=lambda: preview_lines(result))


def gate_view(result: PreviewResult) -> GateView:
    """Return a preview as its page's view."""
    from byleave.cli.gate_page import rule_views
    from byleave.ids import parse_instant
    from byleave.pages.gate import GateView

    rows = {reason.reason: reason.rows for reason in result.reasons}
    return GateView(
        data=result.data,
        use=result.use,
        rules=result.rulesets,
        at=parse_instant(result.at),
        rows=result.rows,
        kept=result.kept,
        reasons=rows,
        compared=rule_views(result.compared),
        notes=[text for _, text in result.notes],
    )
