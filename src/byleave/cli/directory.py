"""`byleave directory`: which one enrolment each member id has, provable to anybody who asks."""

from __future__ import annotations

import click

from byleave.cli.opened import opened
from byleave.cli.output import emit, json_option, short, table, workspace_option

__all__ = ["group"]


@click.group("directory")
def group() -> None:
    """The directory of enrolments: build, show, prove, check."""


@group.command()
@workspace_option
@json_option
def build(*, workspace: str, as_json: bool) -> None:
    """List every member's one enrolment in a new directory, and log it.

    Needs the extra `directory`; about half a millisecond a member.

    \b
    byleave directory build --workspace byleave-demo
    """  # noqa: D301
    with opened(workspace) as ws:
        name = ws.directory.build()
        made = next(item for item in ws.directory.list() if item["directory"] == name)
    emit(
        made,
        schema="byleave/directory/v1",
        as_json=as_json,
        lines=lambda: [
            (
                f"{name}: {made['members']:,} members, log entry {made['index']:,},"
                f" root {short(made['root'])}"
            )
        ],
    )


@group.command()
@workspace_option
@json_option
def show(*, workspace: str, as_json: bool) -> None:
    """List the directories, oldest first.

    \b
    byleave directory show --workspace byleave-demo
    """  # noqa: D301
    with opened(workspace, read_only=True) as ws:
        found = ws.directory.list()
    rows = [
        [d["directory"], d["members"], d["index"], short(d["root"]), _YES_NO[d["can_prove"]]]
        for d in found
    ]
    emit(
        {"directories": found},
        schema="byleave/directories/v1",
        as_json=as_json,
        lines=lambda: (
            table(["directory", "members", "log entry", "root", "key held"], rows)
            if rows
            else ["no directory has been built: byleave directory build"]
        ),
    )


@group.command()
@click.argument("member")
@click.option("--directory", "name", help="Which directory; default the newest.")
@workspace_option
@json_option
def prove(*, member: str, name: str | None, workspace: str, as_json: bool) -> None:
    """Prove that an id has exactly one enrolment, or none. Anybody may ask; the file is private.

    \b
    byleave directory prove somebody-else --workspace byleave-demo
    byleave directory prove m-1 --directory directory-1 …
    """  # noqa: D301
    with opened(workspace) as ws:
        kind, path = ws.directory.prove(member, name=name)
        trust = ws.places.trust
    emit(
        {"kind": kind, "path": str(path), "trust": str(trust)},
        schema="byleave/directory-proof/v1",
        as_json=as_json,
        lines=lambda: [
            f"{kind}  {path}  (0600: it names the member)",
            f"  check   byleave verify {path} --trust {trust}",
        ],
    )


@group.command()
@workspace_option
@json_option
@click.pass_context
def check(ctx: click.Context, *, workspace: str, as_json: bool) -> None:
    """Recompute every directory whose key is held. Exit 3 where one does not hold.

    \b
    byleave directory check --workspace byleave-demo
    """  # noqa: D301
    with opened(workspace, read_only=True) as ws:
        findings = ws.directory.check()
        held = sum(item["can_prove"] for item in ws.directory.list())
    emit(
        {"checked": held, "findings": findings},
        schema="byleave/directory-check/v1",
        as_json=as_json,
        lines=lambda: (
            [f"  {item['where']}: {item['what']}" for item in findings]
            or [f"{held:,} checked: every member listed once, every root the logged one"]
        ),
    )
    ctx.exit(3 if findings else 0)


_YES_NO = {True: "yes", False: "no"}
