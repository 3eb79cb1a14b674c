"""What a witness remembers outlives whoever wrote it."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from byleave.errors import WorldError
from byleave.stores import witness_files
from byleave.stores.witness_files import WitnessFiles


def test_folders_that_a_dead_process_made_are_flushed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that died after it made a log's folder leaves nothing that the next one relies on:
    it flushes that folder and all above it before it says that a checkpoint is kept; then its own.
    """
    flushed: list[Path] = []

    def dies(folder: Path) -> None:
        raise OSError(errno.EIO, "killed")

    monkeypatch.setattr(witness_files, "_flush_folder", dies)
    with pytest.raises(WorldError):
        WitnessFiles(tmp_path).compare_and_swap("log.test.invalid", None, b"one")
    kept = next((tmp_path / "logs").iterdir())
    (kept / "checkpoint").unlink()
    monkeypatch.setattr(witness_files, "_flush_folder", flushed.append)
    again = WitnessFiles(tmp_path)
    assert again.compare_and_swap("log.test.invalid", None, b"one")
    assert set(flushed) == {kept, tmp_path / "logs", tmp_path}
    flushed.clear()
    again.keep_refused("log.test.invalid", b"other")
    assert set(flushed) == {kept / "refused", kept, tmp_path / "logs", tmp_path}
    flushed.clear()
    again.keep_refused("log.test.invalid", b"more")
    assert flushed == [kept / "refused"]
