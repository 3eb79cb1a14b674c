"""The page on architecture tells the house that stands."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from byleave.wiring.config import KINDS


@pytest.fixture(scope="module")
def page(root: Path) -> str:
    """The page."""
    return (root / "docs" / "architecture.md").read_text(encoding="utf-8")


def test_the_rooms_are_the_layers(page: str, root: Path) -> None:
    """The table's lines are the layers that import-linter checks, in their order."""
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = project["tool"]["importlinter"]["contracts"]
    layers = next(c["layers"] for c in contracts if c["type"] == "layers")
    # A room in brackets may be absent; the three lowest are single files.
    source = root / "src" / "byleave"
    there = {path.stem for path in source.iterdir()}
    wanted = [[room for room in re.findall(r"\w+", layer) if room in there] for layer in layers]
    rooms = page.split("## The rooms\n")[1].split("\n## ", maxsplit=1)[0]
    told = [
        re.findall(r"`(\w+)`", row) for row in re.findall(r"^\| (`[^|]+`) \|", rooms, re.MULTILINE)
    ]
    assert told == wanted


def test_the_folder_is_the_one_that_is_laid_out(page: str) -> None:
    """Every kind of artefact that a workspace keeps has its line in the folder's layout."""
    layout = page.split("## A workspace's folder\n")[1].split("\n## ", maxsplit=1)[0]
    for kind in KINDS:
        assert re.search(rf"^    {kind}/NAME/", layout, re.MULTILINE), kind
