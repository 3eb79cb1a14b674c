"""`byleave model suggest` and `byleave release suggest`: one command under both names."""

from __future__ import annotations

from typing import Any

import click

from byleave.cli.forced import because_option, check_forced, force_option
from byleave.cli.opened import opened
from byleave.cli.output import emit, json_option, workspace_option

__all__ = ["suggest"]


@click.command()
@click.argument("release")
@click.argument("message", required=False)
@click.option("--history", multiple=True, metavar="ITEM", help="What the member holds. Repeatable.")
@click.option(
    "--member",
    metavar="ID",
    help="For whom. Without their yes, message and history are not looked at.",
)
@click.option("--count", default=3, show_default=True, type=click.IntRange(1, 50))
@force_option
@because_option
@workspace_option
@json_option
def suggest(
    *,
    release: str,
    message: str | None,
    history: tuple[str, ...],
    member: str | None,
    count: int,
    force: bool,
    because: str,
    workspace: str,
    as_json: bool,
) -> None:
    """Suggest replies to a message, or content and jobs after a history; say why.

    \b
    byleave model suggest replies-2 "How are you today?" \\
        --workspace byleave-demo
    byleave release suggest replies-2 "How are you today?" \\
        --workspace byleave-demo
    byleave model suggest content-1 --member … --history … --history …
    byleave model suggest jobs-1 --history skill:… --history place:…
    """  # noqa: D301
    if member is not None and force:
        raise click.UsageError("--force is for an operator's own look, not for a member")
    check_forced(force=force, because=because)
    with opened(workspace, read_only=not force) as ws:
        if member is None:
            found = ws.release.suggest(
                release, message, history=history, count=count, force=force, because=because
            )
            told: dict[str, Any] = {"release": release, "suggestions": found}
        else:
            told = ws.release.suggest_for(member, release, message, history=history, count=count)
    emit(
        told,
        schema="byleave/suggestions/v1",
        as_json=as_json,
        lines=lambda: [
            *_standing(told),
            *(
                [_line(s) for s in told["suggestions"]]
                or ["Nothing in the model: too few members stand behind any suggestion."]
            ),
        ],
    )


def _standing(told: dict[str, Any]) -> list[str]:
    if told.get("personal", True):
        return []
    return [f"From public data alone: the member has not agreed ({told['reason']})."]


def _line(suggestion: dict[str, Any]) -> str:
    if suggestion["because"]:
        return f"  {suggestion['text']}   (because of: {', '.join(suggestion['because'])})"
    if suggestion["why"] == "message":  # no word of it spoke for this one
        return f"  {suggestion['text']}"
    return f"  {suggestion['text']}   ({suggestion['why']})"
