"""The page of guarantees names tests that exist, for each guarantee, and says what is missing."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

NUMBERS = [f"G{n}" for n in range(1, 13)]
NAMED = re.compile(r"`(tests/[\w/.-]+\.py)(?:::(\w+))?`")


@pytest.fixture(scope="module")
def page(root: Path) -> str:
    """The page."""
    return (root / "docs" / "guarantees.md").read_text(encoding="utf-8")


def sections(page: str) -> dict[str, str]:
    """Return heading → text of each section of the second level."""
    parts = re.split(r"^## (.+)$", page, flags=re.MULTILINE)[1:]
    return dict(zip(parts[::2], parts[1::2], strict=True))


def functions(path: Path) -> set[str]:
    """Return the names of the functions that a file defines."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


def test_all_twelve_are_told_in_order(page: str) -> None:
    """G1 to G12 each have a row of the table and a section, in their order."""
    assert re.findall(r"^\| \[(G\d+)\]\(#g\d+\)", page, re.MULTILINE) == NUMBERS
    assert [heading for heading in sections(page) if re.fullmatch(r"G\d+", heading)] == NUMBERS


@pytest.mark.parametrize("number", NUMBERS)
def test_each_says_what_holds_what_tests_it_and_what_is_missing(page: str, number: str) -> None:
    """Each guarantee says what holds today, names at least one test, and what is not yet there."""
    text = sections(page)[number]
    assert "Holds today:" in text
    assert "Not yet:" in text
    assert NAMED.search(text)


def test_every_test_that_is_named_exists(page: str, root: Path) -> None:
    """Every test file and test function that the page names is in the repository."""
    named = NAMED.findall(page)
    assert len(named) > 50
    missing = [
        f"{path}::{function}" if function else path
        for path, function in named
        if not (root / path).is_file() or (function and function not in functions(root / path))
    ]
    assert not missing
