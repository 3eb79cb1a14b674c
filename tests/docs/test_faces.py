"""The page of rules of the faces has each rule once, and names tests that exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.docs.test_guarantees import NAMED, functions

RULES = [
    *(f"M{n}" for n in range(1, 20)),
    *(f"O{n}" for n in range(1, 10)),
    *(f"F{n}" for n in range(1, 6)),
    *(f"T{n}" for n in range(1, 14)),
]
ROW = re.compile(r"^\| ([MOFT]\d+) \| (.+) \|$", re.MULTILINE)
MADE = re.compile(r"`((?:pages|portal|service|wiring)/[\w./-]+)`")


@pytest.fixture(scope="module")
def rows(root: Path) -> dict[str, str]:
    """Rule → its row."""
    found = ROW.findall((root / "docs" / "spec" / "faces.md").read_text(encoding="utf-8"))
    assert [rule for rule, _ in found] == RULES
    return dict(found)


@pytest.mark.parametrize("rule", RULES)
def test_each_rule_is_held_by_tests_that_exist(root: Path, rows: dict[str, str], rule: str) -> None:
    """Each rule has its row, in order; each names tests, and all of them are in the repository."""
    named = NAMED.findall(rows[rule])
    assert named
    for path, function in named:
        assert (root / path).is_file(), path
        assert function in functions(root / path), f"{path}::{function}"


def test_what_makes_each_rule_is_there(root: Path, rows: dict[str, str]) -> None:
    """Each file or folder that a row says a rule is made in is in the package."""
    named = {place for row in rows.values() for place in MADE.findall(row)}
    assert len(named) > 15
    assert not [place for place in named if not (root / "src" / "byleave" / place).exists()]
