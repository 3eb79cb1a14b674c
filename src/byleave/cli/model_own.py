"""`byleave model keep|forecast|clean`: a trainer of one's own, its costs, and what serves meanwhile."""

from __future__ import annotations

from pathlib import Path

import click

from byleave.cli.opened import opened
from byleave.cli.output import emit, json_option, table, workspace_option

__all__ = ["clean", "forecast", "keep"]

PATH = click.Path(path_type=Path)


@click.command()
@click.argument("file", type=PATH)
@workspace_option
@json_option
def keep(*, file: Path, workspace: str, as_json: bool) -> None:
    """Keep a trainer of your own: a Python file with a function trainer(workspace).

    Its code is run by whoever trains or unlearns with it, and its digest is part of the recipe.

    \b
    byleave model keep examples/learners/linear.py
    """  # noqa: D301
    with opened(workspace) as ws:
        name = ws.keep_trainer(file)
    emit(
        {"trainer": name},
        schema="byleave/trainer/v1",
        as_json=as_json,
        lines=lambda: [
            f"{name}: kept",
            f"  next   byleave model forecast {name} --snapshot SNAPSHOT",
        ],
    )


@click.command()
@click.argument("trainer")
@click.option("--snapshot", required=True, help="The sealed snapshot it would be trained on.")
@click.option("--member", default="member", show_default=True, help="The column of the author.")
@click.option(
    "--leaving",
    multiple=True,
    type=click.IntRange(min=1),
    default=(1, 10, 100),
    show_default=True,
    help="Members who leave in one batch. Repeatable.",
)
@workspace_option
@json_option
def forecast(
    *,
    trainer: str,
    snapshot: str,
    member: str,
    leaving: tuple[int, ...],
    workspace: str,
    as_json: bool,
) -> None:
    """Say what withdrawals would cost a sharded trainer on a snapshot; train nothing.

    A row is in its author's shard, and any party's withdrawal removes it there: who writes to
    many people costs many shards.

    \b
    byleave model forecast linear --snapshot set-1 --member sender_id
    """  # noqa: D301
    with opened(workspace, read_only=True) as ws:
        found = ws.model.forecast(
            trainer, snapshot, columns={"member": member}, leaving=sorted(set(leaving))
        )
    data = {
        "trainer": trainer,
        "snapshot": snapshot,
        "shards": found.shards,
        "slices": found.slices,
        "rows": found.rows,
        "members": found.members,
        "shards_touched": found.shards_touched,
        "most_touched": found.most_touched,
        "cost": {str(k): v for k, v in found.cost.items()},
        "even": {str(k): v for k, v in found.even.items()},
    }
    emit(
        data,
        schema="byleave/forecast/v1",
        as_json=as_json,
        lines=lambda: [
            f"{trainer} on {snapshot}: {found.rows:,} rows of {found.members:,} members",
            f"  {found.shards} shards of {found.slices} slices",
            f"  shards that one who leaves touches: {found.shards_touched:.1f}, at most {found.most_touched}",
            *table(
                ["leaving at once", "rows learned again", "if nobody wrote to anybody"],
                [
                    [k, f"{found.cost[k]:.1%}", f"{found.even[k]:.1%}"]
                    for k in found.cost
                    if k <= max(found.members, 1)
                ],
            ),
            "  of all rows; near 100% a fit from nothing costs the same",
        ],
    )


@click.command()
@click.argument("release")
@click.option("--out", type=PATH, help="Write the model files into this new folder.")
@workspace_option
@json_option
def clean(*, release: str, out: Path | None, workspace: str, as_json: bool) -> None:
    """Say, or write, what may be served of a sharded release at once, before unlearning has run.

    Each shard stands at its last checkpoint before anybody who left.

    \b
    byleave model clean linear-1 --out served
    """  # noqa: D301
    from byleave.errors import ConflictError

    with opened(workspace, read_only=True) as ws:
        found = ws.model.clean(release)
    if out is not None:
        try:
            out.mkdir(parents=True)
        except FileExistsError as error:
            raise ConflictError(
                "something stands there already", code="workspace.exists", where=str(out)
            ) from error
        for name, content in found.files.items():
            (out / name).write_bytes(content)
    data = {
        "release": release,
        "rows": found.rows,
        "behind": found.behind,
        "files": sorted(found.files),
        "out": None if out is None else str(out),
    }
    emit(
        data,
        schema="byleave/clean/v1",
        as_json=as_json,
        lines=lambda: [
            f"{release}: {found.rows:,} rows may no longer be used"
            if found.rows
            else f"{release}: every row may be used; it is served as it is",
            f"  what never saw them lacks {found.behind:,} other rows until unlearning has run",
            *([f"  files  {out}"] if out else []),
            *(["  next   byleave withdrawal run"] if found.rows else []),
        ],
    )
