"""The files that the tests of the house look at."""

from __future__ import annotations

import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src" / "byleave"

__all__ = ["ROOT", "SOURCE", "modules", "project_files"]


def modules() -> list[Path]:
    """Return every Python file of the package, sorted; an empty answer is a mistake."""
    found = sorted(path for path in SOURCE.rglob("*.py") if "__pycache__" not in path.parts)
    assert len(found) > 10, f"{SOURCE} is not the package"
    return found


def project_files() -> list[Path]:
    """Return the files a commit would hold: tracked, and new ones that git does not ignore."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    ).stdout
    found = [ROOT / name for name in listed.decode().split("\0") if name]
    assert len(found) > 10, "git lists no files here"
    return sorted(path for path in found if path.is_file() and not path.is_symlink())
