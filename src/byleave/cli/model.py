"""`byleave model` and `byleave release`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from byleave.cli.forced import because_option, check_forced, force_option
from byleave.cli.hooks import mlflow
from byleave.cli.model_catalogue import catalogue, read_recipe
from byleave.cli.model_own import clean, forecast, keep
from byleave.cli.model_reads import attest, attestations, check
from byleave.cli.model_suggest import suggest
from byleave.cli.opened import opened
from byleave.cli.output import emit, json_option, short, table, workspace_option
from byleave.cli.release import lineage, refit, rollback
from byleave.cli.release_environment import environment

__all__ = ["group", "release_group"]


@click.group("model")
def group() -> None:
    """Models: train, evaluate, suggest, list, catalogue; keep, forecast, clean; attest, check."""


for command in (attest, attestations, check, clean, forecast, keep):
    group.add_command(command)


@click.group("release")
def release_group() -> None:
    """Releases: publish, list, show, suggest, lineage, rollback, refit, environment, mlflow."""


release_group.add_command(mlflow)


@group.command()
@click.argument("trainer")
@click.option("--snapshot", required=True, help="The sealed snapshot to train on.")
@click.option(
    "--column",
    "columns",
    multiple=True,
    metavar="TRAINER=DATA",
    help="The data's column for one of the trainer's; default: the same name.",
)
@click.option(
    "--recipe",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="JSON: changes to the trainer's recipe, such as `model catalogue` writes.",
)
@workspace_option
@json_option
def train(
    *,
    trainer: str,
    snapshot: str,
    columns: tuple[str, ...],
    recipe: Path | None,
    workspace: str,
    as_json: bool,
) -> None:
    """Train on a sealed snapshot; trainers accept nothing else. The recipe is logged first.

    \b
    byleave model train replies --snapshot set-1 \\
        --column thread=thread_id --column author=sender_id
    byleave model train jobs --snapshot … --recipe esco.json
    """  # noqa: D301
    from byleave.errors import InputError

    mapping: dict[str, str] = {}
    for text in columns:
        name, equals, column = text.partition("=")
        if not equals:
            raise InputError(
                f"{text!r} is not TRAINER=DATA", code="cli.usage", hint="--column thread=thread_id"
            )
        mapping[name] = column
    changes = {} if recipe is None else read_recipe(recipe)
    with opened(workspace) as ws:
        run = ws.model.train(trainer, snapshot, columns=mapping, recipe=changes)
        document = next(d for d in ws.model.list() if d["run"] == run)
    shown = {k: v for k, v in document["recipe"].items() if k != "catalogue"}
    data = {"run": run, "model": document["model"], "recipe": shown}
    emit(
        data,
        schema="byleave/run/v1",
        as_json=as_json,
        lines=lambda: [
            f"{run}: model {short(str(data['model']))}",
            f"  next   byleave release publish {run}",
        ],
    )


@group.command()
@click.argument("run")
@workspace_option
@json_option
def evaluate(*, run: str, workspace: str, as_json: bool) -> None:
    """Measure a run's trainer on a fifth of its own sealed snapshot, held out.

    \b
    byleave model evaluate replies-1 --workspace byleave-demo
    """  # noqa: D301
    with opened(workspace, read_only=True) as ws:
        quality = ws.model.evaluate(run)
    emit(
        {"run": run, "quality": quality},
        schema="byleave/quality/v1",
        as_json=as_json,
        lines=lambda: (
            [
                f"{run}: a fit on four fifths of the snapshot, asked about the fifth",
                *table(["measure", "value"], [[k, _number(v)] for k, v in quality.items()]),
            ]
            if quality
            else [
                f"{run}: nothing to measure: its trainer has no task, or the snapshot too few rows"
            ]
        ),
    )


@group.command("list")
@workspace_option
@json_option
def list_runs(*, workspace: str, as_json: bool) -> None:
    """List the training runs.

    \b
    byleave model list --workspace byleave-demo
    """  # noqa: D301
    with opened(workspace, read_only=True) as ws:
        runs = ws.model.list()
    emit(
        {"runs": runs},
        schema="byleave/runs/v1",
        as_json=as_json,
        lines=lambda: table(
            ["run", "trainer", "snapshot", "model"],
            [[r["run"], r["trainer"], r["snapshot"], short(r["model"] or "")] for r in runs],
        ),
    )


@release_group.command()
@click.argument("run")
@click.option(
    "--evaluate/--no-evaluate",
    default=True,
    show_default=True,
    help="Measure it first, and say so in the model card.",
)
@workspace_option
@json_option
def publish(*, run: str, evaluate: bool, workspace: str, as_json: bool) -> None:
    """Publish a run's model: files, signed statement, model card, log entry.

    \b
    byleave release publish replies-1
    """  # noqa: D301
    with opened(workspace) as ws:
        quality = ws.model.evaluate(run) if evaluate else None
        release = ws.release.publish(run, quality=quality)
        folder = ws.path / "releases" / release.release
    data = {"release": release.release, "model": release.model, "index": release.index}
    emit(
        data,
        schema="byleave/release/v1",
        as_json=as_json,
        lines=lambda: [
            f"{release.release}: model {short(release.model)}, log entry {release.index:,}",
            f"  files  {folder}",
        ],
    )


@release_group.command("list")
@workspace_option
@json_option
def list_releases(*, workspace: str, as_json: bool) -> None:
    """List the releases, with what replaced them.

    \b
    byleave release list --workspace byleave-demo
    """  # noqa: D301
    with opened(workspace, read_only=True) as ws:
        releases = ws.release.list()
        late = {taint.release: taint for taint in ws.release.tainted()}
    for release in releases:
        release["tainted"] = release["release"] in late
    rows = [
        [
            *(r["release"], short(r["model"]), r["snapshot"], r["superseded_by"], r["index"]),
            f"since {late[r['release']].due:%Y-%m-%d}" if r["tainted"] else None,
        ]
        for r in releases
    ]
    emit(
        {"releases": releases},
        schema="byleave/releases/v1",
        as_json=as_json,
        lines=lambda: table(
            ["release", "model", "snapshot", "replaced by", "entry", "tainted"], rows
        ),
    )


@release_group.command()
@click.argument("release")
@force_option
@because_option
@workspace_option
@json_option
def show(*, release: str, force: bool, because: str, workspace: str, as_json: bool) -> None:
    """Load a release, recompute its digest, and show its facts.

    \b
    byleave release show replies-2 --workspace byleave-demo
    byleave release show replies-2 --force --because "compare before unlearning"
    """  # noqa: D301
    check_forced(force=force, because=because)
    with opened(workspace, read_only=not force) as ws:
        found = ws.release.load(release, force=force, because=because)
    data = {**found.document, "index": found.index, "intact": True}
    emit(
        data,
        schema="byleave/release-show/v1",
        as_json=as_json,
        lines=lambda: [
            f"{release}: files have the logged digest",
            *(f"  {key:<14}{data[key]}" for key in sorted(data) if key != "quality"),
        ],
    )


group.add_command(catalogue)
group.add_command(suggest)
for command in (environment, lineage, refit, rollback, suggest):
    release_group.add_command(command)


def _number(value: Any) -> object:  # noqa: ANN401 (a measure)
    return f"{value:.3f}" if isinstance(value, float) else value
