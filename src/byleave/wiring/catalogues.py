"""Public catalogues of jobs as part of a recipe."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from byleave.canonical import encode
from byleave.connectors.esco import read_catalogue
from byleave.stores.artefacts import write_file

__all__ = ["esco_recipe", "write_recipe"]


def esco_recipe(folder: Path) -> dict[str, Any]:
    """Return the change to a recipe of `jobs` that makes ESCO's occupations its catalogue.

    Raises:
        InputError: `input.malformed`, the tables are not ESCO's.
    """
    return {"catalogue": read_catalogue(folder)}


def write_recipe(path: Path, recipe: dict[str, Any]) -> None:
    """Write a recipe as canonical JSON."""
    write_file(path, encode(recipe))
