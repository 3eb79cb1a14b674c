"""`byleave summary`: public statements about training data, made from the ledgers."""

from __future__ import annotations

import json
from pathlib import Path
from textwrap import wrap

import click

from byleave.cli.opened import opened
from byleave.cli.output import emit, json_option, table, workspace_option

__all__ = ["group"]


@click.group("summary")
def group() -> None:
    """Public statements made from the ledgers: make, list."""


@group.command("list")
@json_option
def list_kinds(*, as_json: bool) -> None:
    """List the kinds of summary there are, with the law or specification of each.

    \b
    byleave summary list
    """  # noqa: D301
    from byleave.summary.kinds import KINDS

    kinds = [
        {"kind": k.name, "says": k.says, "law": k.law, "of": k.of, "forms": list(k.forms)}
        for k in KINDS.values()
    ]
    emit(
        {"kinds": kinds},
        schema="byleave/summaries/v1",
        as_json=as_json,
        lines=lambda: [
            *table(
                ["kind", "files", "what"],
                [[k.name, " ".join(k.forms), k.says] for k in KINDS.values()],
            ),
            "",
            *(
                line
                for k in KINDS.values()
                for line in wrap(
                    f"{k.name}: {k.law}", 78, initial_indent="  ", subsequent_indent="    "
                )
            ),
        ],
    )


@group.command()
@click.argument("kind")
@click.option("--release", help="About this release; default the newest in service.")
@click.option("--snapshot", help="About this snapshot.")
@click.option(
    "--out",
    required=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="Where to write it: .md for people, .json for programs.",
)
@workspace_option
@json_option
def make(
    *,
    kind: str,
    release: str | None,
    snapshot: str | None,
    out: Path,
    workspace: str,
    as_json: bool,
) -> None:
    """Write a public summary of training data. Reads the ledgers; logs nothing.

    Every number is a count of them. What only a person can say is marked so, and left open.

    \b
    byleave summary make eu-ai-act --out summary.md
    byleave summary make ca-ab2013 --release replies-1 --out ab2013.json
    """  # noqa: D301
    from byleave.summary.kinds import kind_of

    with opened(workspace, read_only=True) as ws:
        subject = ws.summary.write(kind, out, release=release, snapshot=snapshot)
    about, name = subject.about
    of = kind_of(kind).of
    if of == "log":
        about, name = "log", subject.operator.origin
    elif of == "snapshot":
        about, name = "snapshot", subject.sealed.name
    left = _left(out)
    emit(
        {
            "kind": kind,
            "file": str(out),
            "about": {"kind": about, "name": name},
            "records": subject.sealed.records,
            "members": subject.sealed.members,
            "left_to_a_person": left,
        },
        schema="byleave/summary-make/v1",
        as_json=as_json,
        lines=lambda: [
            f"{out}: {kind} about {about} {name}",
            f"  data     {subject.sealed.records:,} records of {subject.sealed.members:,} members",
            f"  left     {left:,} places for a person to fill (they say: to be filled by a person)",
            "  Not legal advice.",
        ],
    )


def _left(path: Path) -> int:
    from byleave.summary.field import FILL

    text = path.read_text("utf-8")
    if path.suffix == ".json":
        text = json.dumps(json.loads(text), ensure_ascii=False)
    return text.count(FILL)
