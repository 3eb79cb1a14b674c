"""`byleave ruleset`: what jurisdictions require, and the operator's own rules beside it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from byleave.cli.opened import opened, read_text
from byleave.cli.output import emit, json_option, table, workspace_option

if TYPE_CHECKING:
    from byleave.service.rules import RulesImpact

__all__ = ["group"]


@click.group("ruleset")
def group() -> None:
    """Rulesets: show, impact, publish; ages of members."""


@group.command()
@click.argument("region", required=False)
@click.option(
    "--use",
    default="train.generative.replies/messages.direct/platform",
    show_default=True,
    help="The leaf use asked about.",
)
@click.option("--at", help="Instant; default now.")
@workspace_option
@json_option
def show(*, region: str | None, use: str, at: str | None, workspace: str, as_json: bool) -> None:
    """Show what a region requires for one use; without one, what holds where nobody knows.

    \b
    byleave ruleset show us-ca
    byleave ruleset show --use train.ranking.jobs/profile.skills/platform
    """  # noqa: D301
    from byleave.ids import format_instant, parse_instant

    with opened(workspace, read_only=True) as ws:
        instant = ws.now() if at is None else parse_instant(at)
        book = ws.ruleset.book()
        rule = book.rule_for(region, ws.house.taxonomy.use(use), at=instant)
        accepts = book.accepts(instant)
    data = {"region": region, "use": use, "accepts": accepts, **rule.to_dict()}
    emit(
        data,
        schema="byleave/ruleset/v1",
        as_json=as_json,
        lines=lambda: [
            f"basis         {rule.basis.word}" + ("" if not rule.suspended else ", suspended"),
            f"party rule    {rule.party_rule.word}",
            f"minimum age   {rule.min_age or 'none'}",
            f"earliest      {data['earliest'] or 'no limit'}",
            *(
                f"purged        collected from {format_instant(start)} until {format_instant(end)}"
                for start, end in rule.purged
            ),
            *(f"left out      members of {name}" for name in rule.excluded_groups),
            f"evidence      {accepts}",
            f"rulesets      {', '.join(rule.names)}",
            *(f"  {cite}" for cite in rule.cites),
        ],
    )


@group.command()
@click.argument("file", type=click.Path())
@workspace_option
@json_option
def impact(*, file: str, workspace: str, as_json: bool) -> None:
    """Say what an operator's rulesets would change, and change nothing.

    \b
    byleave ruleset impact rulesets.yaml
    """  # noqa: D301
    text = read_text(file)
    with opened(workspace, read_only=True) as ws:
        found = ws.ruleset.impact(text, name=Path(file).name)
    _tell(found, "byleave/ruleset-impact/v1", as_json=as_json)


@group.command()
@click.argument("file", type=click.Path())
@workspace_option
@json_option
def publish(*, file: str, workspace: str, as_json: bool) -> None:
    """Put an operator's rulesets in force: logged, and kept with the workspace.

    \b
    byleave ruleset impact rulesets.yaml   # first
    byleave ruleset publish rulesets.yaml
    """  # noqa: D301
    text = read_text(file)
    with opened(workspace) as ws:
        found = ws.ruleset.publish(text, name=Path(file).name)
    _tell(found, "byleave/ruleset-publish/v1", as_json=as_json)


@group.command()
@click.argument("member")
@click.argument("born", metavar="YEAR[-MONTH[-DAY]]")
@workspace_option
@json_option
def age(*, member: str, born: str, workspace: str, as_json: bool) -> None:
    """Record when a member was born, as far as it is known; a year is enough.

    \b
    byleave ruleset age m-1 2009
    """  # noqa: D301
    with opened(workspace) as ws:
        count = ws.member.born({member: born})
    emit(
        {"members": count},
        schema="byleave/ages/v1",
        as_json=as_json,
        lines=lambda: ["recorded: rules about age hold from now on"],
    )


@group.command("group")
@click.argument("member")
@click.argument("names", metavar="[GROUP]...", nargs=-1)
@workspace_option
@json_option
def group_(*, member: str, names: tuple[str, ...], workspace: str, as_json: bool) -> None:
    """Record which groups a member is in from now on; without a group, in none.

    Name the list, not the trait: who is filtered, never why.

    \b
    byleave ruleset group m-1 filtered-2025
    """  # noqa: D301
    with opened(workspace) as ws:
        ws.member.group({member: names})
        held = ws.member.groups(member)
    emit(
        {"groups": list(held)},
        schema="byleave/groups/v1",
        as_json=as_json,
        lines=lambda: [f"recorded: in {', '.join(held) or 'no group'} from now on"],
    )


@group.command()
@workspace_option
@json_option
def purged(*, workspace: str, as_json: bool) -> None:
    """Count what is left of data collected while a use stood suspended.

    A recount from the files of all current snapshots, releases and packages.
    After `byleave withdrawal run` nothing is left.

    \b
    byleave ruleset purged
    """  # noqa: D301
    with opened(workspace, read_only=True) as ws:
        found = ws.ruleset.purged()
    left = [h for h in found if h.rows or h.undated]
    rows = [[f"{h.kind} {h.name}", h.rows, h.undated] for h in left]
    emit(
        {
            "counted": len(found),
            "holders": [
                {
                    "id": h.name,
                    "kind": h.kind,
                    "rows": h.rows,
                    "snapshot": h.snapshot,
                    "undated": h.undated,
                }
                for h in found
            ],
            "rows": sum(h.rows + h.undated for h in found),
        },
        schema="byleave/ruleset-purged/v1",
        as_json=as_json,
        lines=lambda: (
            [*table(["still held in", "rows", "without a date"], rows), "byleave withdrawal run"]
            if left
            else [f"nothing is left; counted in {len(found):,} snapshots, releases and packages"]
        ),
    )


def _tell(found: RulesImpact, schema: str, *, as_json: bool) -> None:
    before, after = found.accepts
    lines = [
        f"rulesets {found.version}",
        f"  adds or changes  {', '.join(found.added) or 'none'}",
        f"  no longer holds  {', '.join(found.removed) or 'none'}",
        f"  evidence         {before}" + ("" if before == after else f" → {after}"),
    ]
    for words, counts in (
        ("a yes begins to count", found.turned_on),
        ("a yes stops counting", found.turned_off),
    ):
        if counts:
            lines += table([words, f"members, of {found.members:,}"], sorted(counts.items()))
    emit(found.to_dict(), schema=schema, as_json=as_json, lines=lambda: lines)
