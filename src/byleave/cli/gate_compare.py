"""`byleave gate compare`: the same rows under other rules, side by side; stores nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from byleave.cli.opened import opened, read_text
from byleave.cli.output import emit, json_option, workspace_option

if TYPE_CHECKING:
    from byleave.pages.gate import GateView
    from byleave.service.what_if import Comparison

__all__ = ["compare"]


@click.command()
@click.argument("source")
@click.option("--use", required=True, metavar="PURPOSE/CATEGORY/RECIPIENT")
@click.option(
    "--party-rule",
    "party_rules",
    multiple=True,
    type=click.Choice(["author", "any", "all"]),
    help="Count the rows under it, for everyone. Repeatable.",
)
@click.option(
    "--rulesets",
    multiple=True,
    type=click.Path(),
    help="Count the rows under these rulesets beside the shipped ones. Repeatable.",
)
@click.option(
    "--evidence",
    "grades",
    multiple=True,
    type=click.Choice(["none", "version", "bytes"]),
    help="Count the rows if grants of this evidence grade and better counted. Repeatable.",
)
@click.option("--at", metavar="INSTANT", help="Decide as of 2024-09-18T00:00:00Z; default: now.")
@click.option("--html", type=click.Path(dir_okay=False), help="Write a page with a flow chart.")
@workspace_option
@json_option
def compare(
    *,
    source: str,
    use: str,
    party_rules: tuple[str, ...],
    rulesets: tuple[str, ...],
    grades: tuple[str, ...],
    at: str | None,
    html: str | None,
    workspace: str,
    as_json: bool,
) -> None:
    """Say what a source's rows would be under other rules, each change alone; store nothing.

    Without a change named, all three party rules are compared.

    \b
    byleave gate compare messages \\
        --use train.generative.replies/messages/platform
    byleave gate compare messages --use ... --rulesets stricter.yaml
    byleave gate compare messages --use ... --evidence version --html page.html
    """  # noqa: D301
    from byleave.ids import parse_instant

    if not (party_rules or rulesets or grades):
        party_rules = ("author", "any", "all")
    with opened(workspace, read_only=True) as ws:
        found = ws.gate.compare(
            source,
            use,
            at=None if at is None else parse_instant(at),
            party_rules=party_rules,
            rulesets={name: read_text(name) for name in rulesets},
            grades=grades,
        )
        version = ws.ruleset.book().version
    data = {"source": source, "use": use, **found.to_dict()}
    if html is not None:
        from byleave.cli.gate_page import write_page

        write_page(html, _view(found, source, use, version))
    emit(data, schema="byleave/gate-compare/v1", as_json=as_json, lines=lambda: _lines(found, data))


def _view(found: Comparison, source: str, use: str, version: str) -> GateView:
    from byleave.cli.gate_page import rule_views
    from byleave.ids import parse_instant
    from byleave.pages.gate import GateView

    base = found.variants[0]
    return GateView(
        data=source,
        use=use,
        rules=version,
        at=parse_instant(found.at),
        rows=found.rows,
        kept=base.kept,
        reasons=base.reasons,
        compared=rule_views(found.variants),
        notes=[],
    )


def _lines(found: Comparison, data: dict[str, str]) -> Iterator[str]:
    from byleave.service.preview_text import compared_lines

    yield f"{data['source']}: {found.rows:,} rows · nothing stored, nothing logged"
    yield f"use     {data['use']}"
    yield f"at      {found.at}"
    yield ""
    yield from compared_lines(found.rows, found.variants)
    yield "  gained: kept there and not here; lost: kept here and not there"
    yield from _moved(found)


def _moved(found: Comparison) -> Iterator[str]:
    """Say under which reasons the rows of each variant stand otherwise."""
    base = found.variants[0]
    for variant in found.variants[1:]:
        changes = {
            word: variant.reasons.get(word, 0) - base.reasons.get(word, 0)
            for word in sorted({*base.reasons, *variant.reasons})
        }
        shown = [f"{word} {change:+,}" for word, change in changes.items() if change]
        if shown:
            yield f"  {variant.label}:"
            yield from (f"    {change}" for change in shown)
