"""`byleave model catalogue`: public jobs as part of a recipe."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from byleave.cli.output import emit, json_option

__all__ = ["catalogue", "read_recipe"]


def read_recipe(path: Path) -> dict[str, Any]:
    """Return the changes to a recipe that a file holds: a JSON object.

    Raises:
        InputError: `trainer.recipe`, it is none.
    """
    from byleave.errors import InputError

    try:
        found = json.loads(path.read_bytes())
    except ValueError as error:
        raise InputError("a recipe is one JSON object", code="trainer.recipe") from error
    if not isinstance(found, dict):
        raise InputError("a recipe is one JSON object", code="trainer.recipe")
    return found


@click.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option(
    "--out",
    required=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="Where to write the recipe.",
)
@json_option
def catalogue(*, folder: Path, out: Path, as_json: bool) -> None:
    """Write ESCO's occupations and what they ask for as a recipe of `jobs`.

    The folder holds occupations.parquet, skills.parquet and occupation_skills.parquet.

    \b
    byleave model catalogue esco-1.1.1 --out esco.json
    byleave model train jobs --snapshot … --recipe esco.json
    """  # noqa: D301
    from byleave.wiring.catalogues import esco_recipe, write_recipe

    recipe = esco_recipe(folder)
    write_recipe(out, recipe)
    jobs = len(recipe["catalogue"])
    emit(
        {"jobs": jobs, "file": str(out)},
        schema="byleave/catalogue/v1",
        as_json=as_json,
        lines=lambda: [
            f"{out}: {jobs:,} jobs",
            f"  next   byleave model train jobs --recipe {out}",
        ],
    )
