"""Every stable error code is in the table, and every one in the table is explained to people."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from byleave.errors import CODES
from tests.architecture.tree import ROOT, SOURCE, modules

CODE = re.compile(r"^[a-z][a-z0-9-]*\.[a-z][a-z0-9-]*$")


def codes_used(path: Path) -> Iterator[tuple[int, str]]:
    """Yield the line and text of each literal handed over as `code=`, also inside an `if`."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"), str(path))):
        if not isinstance(node, ast.keyword) or node.arg != "code":
            continue
        for value in ast.walk(node.value):
            if isinstance(value, ast.Constant) and isinstance(value.value, str):
                yield value.lineno, value.value


def raised_codes() -> dict[str, str]:
    """Return each code found in the source and the first place it stands."""
    found: dict[str, str] = {}
    for path in modules():
        for line, code in codes_used(path):
            if CODE.match(code):
                found.setdefault(code, f"{path.relative_to(SOURCE)}:{line}")
    assert found, "no code is used anywhere; the search is broken"
    return found


def test_codes_have_one_form() -> None:
    """Every code in the table is `room.what`, lowercase, and its sentence ends with a full stop."""
    assert CODES
    assert not [code for code in CODES if not CODE.match(code)]
    assert not [code for code, sentence in CODES.items() if not sentence.endswith(".")]


def test_every_code_raised_is_in_the_table() -> None:
    """Each `code="room.what"` in the source is a key of `byleave.errors.CODES`."""
    assert not {code: place for code, place in raised_codes().items() if code not in CODES}


def test_every_code_is_explained() -> None:
    """Each code of the table stands in docs/errors.md, in code quotes."""
    page = (ROOT / "docs" / "errors.md").read_text(encoding="utf-8")
    assert not [code for code in CODES if f"`{code}`" not in page]


def test_the_page_explains_no_code_that_is_gone() -> None:
    """Each row of the tables in docs/errors.md that begins with a code names one of the table."""
    page = (ROOT / "docs" / "errors.md").read_text(encoding="utf-8")
    rows = set(re.findall(r"^\|\s*`([a-z][a-z0-9-]*\.[a-z][a-z0-9-]*)`", page, re.MULTILINE))
    assert not rows - set(CODES)
