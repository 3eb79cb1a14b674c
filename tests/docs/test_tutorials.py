"""A tutorial's commands run as they stand, on real data, and print what the page says."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs.page import agrees, blocks, run


@pytest.mark.real_data
def test_the_first_hour_runs(root: Path, data_dir: Path, tmp_path: Path) -> None:
    """Each block of docs/tutorials/first-hour.md, in order, prints what stands below it."""
    data = data_dir / "persuasion-for-good" / "messages.parquet"
    (tmp_path / "messages.parquet").symlink_to(data)
    page = (root / "docs" / "tutorials" / "first-hour.md").read_text(encoding="utf-8")
    found = blocks(page)
    assert sum(block.prints is not None for block in found) >= 8
    for block in found:
        printed = run(block, tmp_path)
        if block.prints is not None:
            assert agrees(printed, block.prints), f"line {block.line} prints:\n{printed}"


def test_other_engines_run(root: Path, tmp_path: Path) -> None:
    """Each block of docs/tutorials/other-engines.md, in order, prints what stands below it."""
    page = (root / "docs" / "tutorials" / "other-engines.md").read_text(encoding="utf-8")
    found = blocks(page)
    assert sum(block.prints is not None for block in found) == 2
    for block in found:
        printed = run(block, tmp_path)
        if block.prints is not None:
            assert agrees(printed, block.prints), f"line {block.line} prints:\n{printed}"


def test_pipelines_run(root: Path, tmp_path: Path) -> None:
    """Each block of docs/tutorials/pipelines.md, in order, prints what stands below it."""
    page = (root / "docs" / "tutorials" / "pipelines.md").read_text(encoding="utf-8")
    found = blocks(page)
    assert sum(block.prints is not None for block in found) == 6
    for block in found:
        printed = run(block, tmp_path)
        if block.prints is not None:
            assert agrees(printed, block.prints), f"line {block.line} prints:\n{printed}"


def test_it_ends_in_proofs(root: Path) -> None:
    """The tutorial shows a proof accepted, a changed one refused, and what no proof shows."""
    page = (root / "docs" / "tutorials" / "first-hour.md").read_text(encoding="utf-8")
    shown = [block.prints or "" for block in blocks(page)]
    assert sum(text.count("\nVERIFIED ") for text in shown) == 2
    assert sum(text.count("NOT VERIFIED ") for text in shown) == 1
    assert all("does not show: " in text for text in shown if "VERIFIED " in text)
