"""Files keep to the size, the names and the silence about machines that the house asks for."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from tests.architecture.tree import ROOT, SOURCE, modules, project_files

LONGEST = 600
NAMELESS = re.compile(r"^_?(utils?|helpers?|managers?|common|misc)$")

# A folder of somebody's machine: after a quote, a space or a bracket, never inside a longer path.
# In pieces, so that this file does not find itself.
MACHINE_PATH = re.compile(
    rb"(?<![\w./$}-])/(?:"
    + b"|".join([b"wo" + b"rk", b"ro" + b"ot", b"t" + b"mp", b"opt/" + b"pypi", b"ho" + b"me"])
    + rb")/"
)


def test_no_module_is_longer_than_a_reader_can_hold() -> None:
    """Every module of the package has at most 600 lines."""
    long = {}
    for path in modules():
        count = len(path.read_text(encoding="utf-8").splitlines())
        if count > LONGEST:
            long[str(path.relative_to(ROOT))] = count
    assert not long


def test_no_module_is_named_for_nothing() -> None:
    """No module or room is called utils, helpers, manager, common or misc."""
    names = {part for path in modules() for part in path.relative_to(SOURCE).with_suffix("").parts}
    assert not {name for name in names if NAMELESS.match(name)}


def test_every_test_says_its_claim() -> None:
    """Each test has a docstring, and each docstring is a sentence that ends with a full stop."""
    silent = []
    for path in sorted((ROOT / "tests").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and re.match(
                r"test_", node.name
            ):
                claim = (ast.get_docstring(node) or "").split("\n\n")[0]
                if not claim.endswith("."):
                    silent.append(f"{path.relative_to(ROOT)}:{node.lineno}: {node.name}")
    assert not silent


def test_no_file_names_a_machine() -> None:
    """No file of the project holds a path that only exists on somebody's machine."""
    found = []
    for path in project_files():
        for number, line in enumerate(path.read_bytes().split(b"\n"), start=1):
            if match := MACHINE_PATH.search(line):
                found.append(f"{path.relative_to(ROOT)}:{number}: {match[0].decode()}")
    assert not found


@pytest.mark.parametrize("before", ['"', "'", " ", "(", "=", "`", ":"])
def test_a_machine_path_would_be_found(before: str) -> None:
    """The search above finds such a path after any mark that may stand before one."""
    line = f"x{before}/{'wo'}{'rk'}/y".encode()
    assert MACHINE_PATH.search(line)


def test_no_lock_names_where_it_was_made() -> None:
    """The locks hold names, versions and hashes: no index, no address, no local file."""
    locks = sorted((ROOT / "requirements").glob("*.txt"))
    assert [lock.stem for lock in locks] == ["build", "default", "ray", "spark", "torch"]
    for lock in locks:
        text = lock.read_text(encoding="utf-8")
        # Comments may explain; what pip reads may not point anywhere.
        read = "\n".join(line.split("#")[0] for line in text.splitlines())
        assert not re.search(
            r"://|^\s*-(?!-hash=)|^\s*--(?!hash=sha256:)|\bfile:| @ ", read, re.MULTILINE
        ), lock


def test_every_pin_of_a_lock_has_a_hash() -> None:
    """Each line of a lock that names a package is followed by at least one SHA-256."""
    for lock in (ROOT / "requirements").glob("*.txt"):
        for block in re.split(r"\n(?=\S)", lock.read_text(encoding="utf-8")):
            if block.startswith("#"):
                continue
            assert re.match(r"[\w.\[\]-]+==\S+", block), f"{lock.name}: {block[:60]!r}"
            assert re.search(r"--hash=sha256:[0-9a-f]{64}", block), f"{lock.name}: {block[:60]!r}"


def test_scripts_can_be_run() -> None:
    """Every script of the README and the gate is executable."""
    paths = [path for path in (ROOT / "scripts").iterdir() if path.is_file()]
    assert len(paths) >= 6
    paths.append(ROOT / ".ci" / "run")
    assert not [str(path) for path in paths if not path.stat().st_mode & 0o111]


def test_the_version_is_written_once_in_two_places() -> None:
    """`byleave.__version__` and pyproject.toml name the same version."""
    import tomllib

    import byleave

    project = tomllib.loads(Path(ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["version"] == byleave.__version__


# In pieces, so that this file does not find itself.
_UNWAITED = re.compile(
    r"sync_" + r"playwright|\.new_" + r"context\(|wait_for_(?:func" + r"tion|time" + r"out)"
    r"|\bpage\.(?:inner_" + r"text|text_" + r"content|inner_" + r"html|con" + r"tent)\("
)


def test_browsers_are_started_and_read_in_one_way() -> None:
    """No test starts a browser, or reads a page without waiting, past `tests/browsing.py`."""
    found = [
        f"{path.relative_to(ROOT)}:{number}: {match[0]}"
        for path in sorted((ROOT / "tests").rglob("*.py"))
        if path != ROOT / "tests" / "browsing.py"
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if (match := _UNWAITED.search(line))
    ]
    assert not found
