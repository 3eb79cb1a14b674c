"""Read a page's code blocks, run them in the order given, and compare what they print.

A block of `sh` or `python` is run. A `text` block right after it, with nothing but blank lines
between, is what it prints. In that text `…` stands for any characters of one line, and a line
that is only `…` for any lines: for digests of fresh keys and instants, which differ every time.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Block", "agrees", "blocks", "run"]

RUN = {"sh": ["bash", "-euo", "pipefail", "-c"], "python": [sys.executable, "-c"]}
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """One block to run.

    Attributes:
        line: Line of the page at which it begins.
        language: `sh` or `python`.
        text: The commands.
        prints: What the page says they print; None where it says nothing.
    """

    line: int
    language: str
    text: str
    prints: str | None


def blocks(page: str) -> list[Block]:
    """Return the blocks to run, in order."""
    found = list(_FENCE.finditer(page))
    result = []
    for place, match in enumerate(found):
        if match[1] not in RUN:
            continue
        after = found[place + 1] if place + 1 < len(found) else None
        says = (
            after is not None
            and after[1] == "text"
            and not page[match.end() : after.start()].strip()
        )
        result.append(
            Block(
                line=page.count("\n", 0, match.start()) + 1,
                language=match[1],
                text=match[2],
                prints=after[2] if says and after is not None else None,
            )
        )
    return result


def run(block: Block, folder: Path) -> str:
    """Run a block in `folder` and return what it printed; fails where its exit code is not 0."""
    keep = {
        name: os.environ[name]
        for name in ("HOME", "LANG", "PYTHONPATH", "TMPDIR")
        if name in os.environ
    }
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        [*RUN[block.language], block.text],
        cwd=folder,
        env={**keep, "PATH": path, "COLUMNS": "80", "PYTHONWARNINGS": "error"},
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    assert done.returncode == 0, f"line {block.line}: exit {done.returncode}\n{done.stderr}"
    return done.stdout


def agrees(printed: str, expected: str) -> bool:
    """Say whether what was printed is what the page says, `…` standing for what may differ."""
    pattern = "".join(
        r"(?:.*\n)*?" if line == "…" else ".+?".join(map(re.escape, line.split("…"))) + "\n"
        for line in (row.rstrip() for row in expected.rstrip().splitlines())
    )
    text = "\n".join(row.rstrip() for row in printed.rstrip().splitlines()) + "\n"
    return re.fullmatch(pattern, text) is not None
