"""`byleave policy reconcile`: what was published, against what was recorded."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import click

from byleave.cli.opened import opened
from byleave.cli.output import emit, json_option, workspace_option

if TYPE_CHECKING:
    from byleave.summary.reconcile import Disagreement

__all__ = ["reconcile"]


@click.command()
@workspace_option
@json_option
def reconcile(*, workspace: str, as_json: bool) -> None:
    """Hold published texts and notices against recorded use. Exit 4 where they disagree.

    Each gate, release and package: was its use declared, in a text in force then, to members of
    those regions; and does each consent behind it answer a notice that covers it?

    \b
    byleave policy reconcile --workspace byleave-demo
    """  # noqa: D301
    from byleave.errors import RefusedError

    with opened(workspace, read_only=True) as ws:
        found = ws.policy.reconcile()
    emit(
        {"disagreements": [item.to_dict() for item in found]},
        schema="byleave/policy-reconcile/v1",
        as_json=as_json,
        lines=lambda: _lines(found),
    )
    if found and as_json:
        click.get_current_context().exit(4)  # the one object is printed
    if found:
        raise RefusedError(
            f"{len(found)} disagreements between what was published and what was recorded",
            code="policy.reconcile",
        )


def _lines(found: Sequence[Disagreement]) -> Iterator[str]:
    from byleave.summary.reconcile import CODES

    if not found:
        yield "Every recorded use was declared to its members, and asked about where it had to be."
    for item in found:
        yield f"{item.kind} {item.name} (entry {item.index:,}): {item.code}"
        yield f"  {item.use}"
        yield f"  {CODES[item.code]}"
        if item.regions:
            yield f"  members in: {', '.join(item.regions)}"
        if item.party_records:
            yield f"  {item.party_records:,} pairs of a record and a party"
        if item.text is not None:
            where = "" if item.text_index is None else f" (entry {item.text_index:,})"
            yield f"  see: {item.text}{where}"
