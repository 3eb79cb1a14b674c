"""The page of errors is in order, and gives each code the family it is raised with."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from byleave import errors

ROW = re.compile(r"^\| `([a-z0-9.-]+)` \| ([a-z, ]+) \| (.+) \| (.+) \|$", re.MULTILINE)


@pytest.fixture(scope="module")
def rows(root: Path) -> list[tuple[str, str, str, str]]:
    """Code, families, meaning, what to do."""
    return ROW.findall((root / "docs" / "errors.md").read_text(encoding="utf-8"))


def raised(root: Path) -> dict[str, set[str]]:
    """Return each code that an error class of ours is called with, and the classes' families."""
    found: dict[str, set[str]] = {}
    for path in (root / "src").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name)):
                continue
            kind = getattr(errors, node.func.id, None)
            for keyword in node.keywords:
                if kind is not None and keyword.arg == "code":
                    for value in ast.walk(keyword.value):
                        if isinstance(value, ast.Constant) and value.value in errors.CODES:
                            found.setdefault(str(value.value), set()).add(kind.family)
    assert len(found) > 100
    return found


def test_each_code_has_one_row_in_order(rows: list[tuple[str, str, str, str]]) -> None:
    """Every code of the table of codes has exactly one row, in alphabetical order."""
    assert [row[0] for row in rows] == sorted(errors.CODES)


def test_each_row_says_what_to_do(rows: list[tuple[str, str, str, str]]) -> None:
    """Meaning and advice are sentences."""
    assert not [row[0] for row in rows if not row[2].endswith(".") or not row[3].endswith(".")]


def test_families_are_those_of_the_code(root: Path, rows: list[tuple[str, str, str, str]]) -> None:
    """The family of a row, which sets the exit code, is that of the class the code is raised with."""
    told = {row[0]: set(row[1].split(", ")) for row in rows}
    assert not {code: (told[code], kinds) for code, kinds in raised(root).items()
                if not kinds <= told[code]}  # fmt: skip
