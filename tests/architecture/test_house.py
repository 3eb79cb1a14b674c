"""The house of DESIGN §4 stands: who may import whom, and what a newcomer's import costs."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import grimp
import pytest

from tests.architecture.tree import SOURCE, modules

OUTSIDER = ("verify", "evidence", "note", "merkle", "canonical", "ids", "errors")

# Run with -I, so that neither the environment nor the folder adds to what can be imported.
ONLY_CRYPTOGRAPHY = """
import sys

class Wall:
    # cryptography's own needs are part of having cryptography.
    allowed = sys.stdlib_module_names | {"byleave", "cryptography", "cffi", "_cffi_backend"}

    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] not in self.allowed:
            raise ModuleNotFoundError(f"the outsider has no {name!r}", name=name)

sys.meta_path.insert(0, Wall())
"""


def run_isolated(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-I", "-c", code], capture_output=True, text=True, check=False, timeout=60
    )


def lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    program = Path(sys.executable).with_name("lint-imports")
    return subprocess.run(
        [str(program), "--no-cache"],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(folder), "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@pytest.fixture
def copy_of_the_house(tmp_path: Path, root: Path) -> Path:
    shutil.copytree(SOURCE, tmp_path / "byleave", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(root / "pyproject.toml", tmp_path)
    return tmp_path


def test_every_contract_holds(root: Path) -> None:
    """Every import in the package follows DESIGN §4."""
    result = lint_imports(root)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "0 broken" in result.stdout


@pytest.mark.parametrize(
    ("room", "line"),
    [
        ("gate", "import byleave.stores"),
        ("service", "import byleave.engines"),
        ("cli", "import byleave.portal"),
        ("stores", "import byleave.engines"),
        ("portal", "import byleave.stores"),
        ("evidence", "import numpy"),
        ("merkle", "import byleave.note"),
        ("snapshot", "import sqlite3"),
        ("policy", "import urllib.request"),
    ],
)
def test_a_planted_arrow_is_refused(copy_of_the_house: Path, room: str, line: str) -> None:
    """One forbidden import anywhere in a room breaks a contract that names that room."""
    (copy_of_the_house / "byleave" / room / "planted.py").write_text(line + "\n")
    result = lint_imports(copy_of_the_house)
    assert result.returncode == 1, result.stdout + result.stderr
    assert f"byleave.{room}.planted" in result.stdout


def test_a_room_nobody_placed_is_refused(copy_of_the_house: Path) -> None:
    """A new room must be given its place in the layers before the check passes."""
    (copy_of_the_house / "byleave" / "attic").mkdir()
    (copy_of_the_house / "byleave" / "attic" / "__init__.py").write_text("")
    result = lint_imports(copy_of_the_house)
    assert result.returncode == 1, result.stdout + result.stderr
    assert "attic" in result.stdout


def test_the_outsiders_rooms_import_cryptography_and_nothing_else() -> None:
    """What verify and the rooms under it import is the standard library, cryptography, or theirs."""
    graph = grimp.build_graph(
        "byleave",
        include_external_packages=True,
        exclude_type_checking_imports=True,
        cache_dir=None,
    )
    allowed = sys.stdlib_module_names | {"cryptography"}
    strangers = {
        f"{module} imports {imported}"
        for module in graph.modules
        if module.startswith(tuple(f"byleave.{room}" for room in OUTSIDER))
        for imported in graph.find_modules_directly_imported_by(module)
        if not imported.startswith("byleave") and imported.partition(".")[0] not in allowed
    }
    assert not strangers


def test_every_room_is_a_package() -> None:
    """A folder without `__init__.py` would be invisible to every contract; there is none."""
    folders = {path.parent for path in modules()}
    assert not {str(folder) for folder in folders if not (folder / "__init__.py").is_file()}


def test_the_wall_stops_other_packages() -> None:
    """The isolation used below does refuse a package that is installed."""
    result = run_isolated(ONLY_CRYPTOGRAPHY + "import numpy")
    assert result.returncode == 1
    assert "the outsider has no 'numpy'" in result.stderr


def test_verify_runs_with_cryptography_alone() -> None:
    """The outsider's program starts where only the standard library and cryptography exist."""
    result = run_isolated(
        ONLY_CRYPTOGRAPHY + "import runpy\n"
        "sys.argv = ['byleave-verify', '--help']\n"
        "runpy.run_module('byleave.verify', run_name='__main__')\n"
    )
    assert result.returncode == 0, result.stderr
    assert "usage" in result.stdout.lower()


@pytest.mark.parametrize("room", OUTSIDER)
def test_each_of_the_outsiders_rooms_loads_with_cryptography_alone(room: str) -> None:
    """Every module of the room loads where only the standard library and cryptography exist."""
    names = [name for name in module_names() if f"{name}.".startswith(f"byleave.{room}.")]
    assert names, f"there is no room {room}"
    # `__main__` runs on import; the test above runs it.
    lines = [f"import {name}" for name in names if not name.endswith(".__main__")]
    result = run_isolated(ONLY_CRYPTOGRAPHY + "\n".join(lines))
    assert result.returncode == 0, result.stderr


def module_names() -> list[str]:
    return [
        ".".join(path.relative_to(SOURCE.parent).with_suffix("").parts).removesuffix(".__init__")
        for path in modules()
    ]


def test_importing_byleave_loads_nothing_else() -> None:
    """`import byleave` loads no room and no third-party package."""
    result = run_isolated(
        "import sys; before = set(sys.modules); import byleave\n"
        "print(*sorted(set(sys.modules) - before), sep='\\n')"
    )
    assert result.returncode == 0, result.stderr
    loaded = set(result.stdout.split())
    assert "byleave" in loaded
    assert {name for name in loaded if name.startswith("byleave.")} == set()
    tops = {name.partition(".")[0] for name in loaded}
    assert tops <= sys.stdlib_module_names | {"byleave"}
