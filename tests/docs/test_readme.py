"""The README's example runs, on real data, and prints what the README says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.docs.page import agrees, blocks, run


@pytest.fixture(scope="module")
def readme(root: Path) -> str:
    """The page."""
    return (root / "README.md").read_text(encoding="utf-8")


@pytest.mark.real_data
def test_every_block_prints_what_it_says(readme: str, data_dir: Path, tmp_path: Path) -> None:
    """The README's blocks, run in order beside the real messages, print the README's outputs."""
    data = data_dir / "persuasion-for-good" / "messages.parquet"
    (tmp_path / "messages.parquet").symlink_to(data)
    found = blocks(readme)
    assert [block.language for block in found] == ["sh", "python"]
    for block in found:
        assert block.prints is not None
        printed = run(block, tmp_path)
        assert agrees(printed, block.prints), f"line {block.line} prints:\n{printed}"


def test_its_outputs_leave_nothing_open(readme: str) -> None:
    """The README's outputs are compared whole: none of them uses the mark for what may differ."""
    assert not [block.line for block in blocks(readme) if "…" in (block.prints or "")]


def test_its_two_commands_exist(readme: str, root: Path) -> None:
    """The scripts that the README names are there and call the setup it describes."""
    named = set(re.findall(r"`(scripts/\w+)`", readme))
    assert {"scripts/demo", "scripts/test", "scripts/setup"} <= named
    for name in named - {"scripts/setup"}:
        assert "scripts/setup" in (root / name).read_text(encoding="utf-8")


def test_it_says_what_it_cannot_show(readme: str) -> None:
    """The limits stand on the README, under a heading of their own."""
    limits = readme.split("## What it cannot show\n")[1].split("\n## ", maxsplit=1)[0]
    assert "outside this system" in limits
    assert "right person" in limits
    assert "absent under this receipt" in limits
