"""The power is cut at any step of publishing to a folder: what was not flushed may be gone.

The model keeps of each file and folder what stands in it and what was flushed. After the cut every
name that was not flushed is there or not, every file that was not flushed holds its bytes, the ones
before, or half of them: as a seed draws it, or all at their worst.
"""

from __future__ import annotations

import errno
import os
import random
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import pytest

from byleave import merkle
from byleave.errors import EvidenceError, WorldError
from byleave.evidence.entry import RulesetEntry
from byleave.note import SignerKey, parse_checkpoint, parse_note
from byleave.stores.tile_files import Disk, TileFiles
from byleave.testing.log_faults import MemoryHead, MemorySource
from byleave.tlog.fsck import fsck
from byleave.tlog.publish import publish
from byleave.tlog.reader import LogReader

KEY = SignerKey(name="log.test.invalid", seed=bytes(range(32)))
ENTRIES = [RulesetEntry(ruleset=f"r{n}", sha256=bytes(32)).encode() for n in range(600)]
GROWTHS = [(0, 1), (3, 5), (255, 256), (256, 257), (250, 520)]
SEEDS = 3


@dataclass
class File:
    now: bytes = b""
    kept: bytes = b""


@dataclass
class Folder:
    now: dict[str, File | Folder] = field(default_factory=dict)
    kept: dict[str, File | Folder] = field(default_factory=dict)


class CutError(OSError):
    def __init__(self) -> None:
        super().__init__(errno.EIO, "no power")


class PowerDisk(Disk):
    """A real folder, and beside it what of it would outlive a power cut.

    Args:
        above: The folder in which the log's folder is made.
        careless: Number of the flush that is forgotten, from when steps are counted; None: none.
    """

    def __init__(self, above: Path, careless: int | None = None) -> None:
        self.top = Folder()
        self.left: int | None = None
        self._above = above
        self._careless = careless
        self.flushes = 0
        self._open: dict[int, File] = {}

    def write(self, path: str, data: bytes) -> int:
        folder, name = self._place(path)
        if not Path(path).parent.is_dir():
            return super().write(path, data)  # which is refused
        self._step()
        file = folder.now.setdefault(name, File())
        assert isinstance(file, File)
        file.now = data
        descriptor = super().write(path, data)
        self._open[descriptor] = file
        return descriptor

    def begin(self, descriptor: int) -> None:
        pass

    def flush(self, descriptor: int) -> None:
        if self._flushes():
            self._open[descriptor].kept = self._open[descriptor].now

    def rename(self, path: str, target: str) -> None:
        self._step()
        super().rename(path, target)
        (source, old), (folder, name) = self._place(path), self._place(target)
        folder.now[name] = source.now.pop(old)

    def make_folder(self, folder: str) -> None:
        self._step()
        super().make_folder(folder)
        above, name = self._place(folder)
        above.now.setdefault(name, Folder())

    def flush_folder(self, folder: str) -> None:
        at = self._folder(Path(folder))
        if self._flushes():
            at.kept = dict(at.now)

    def _flushes(self) -> bool:
        self._step()
        if self.left is None:
            return True
        self.flushes += 1
        return self.flushes - 1 != self._careless

    def _step(self) -> None:
        if self.left == 0:
            raise CutError
        if self.left is not None:
            self.left -= 1

    def _place(self, path: str) -> tuple[Folder, str]:
        return self._folder(Path(path).parent), Path(path).name

    def _folder(self, path: Path) -> Folder:
        at: File | Folder = self.top
        for part in path.relative_to(self._above).parts:
            assert isinstance(at, Folder)
            at = at.now.get(part, Folder())
        assert isinstance(at, Folder)
        return at


def survives(folder: Folder, at: Path, draw: Callable[[], int]) -> None:
    """Make what is left of a folder; `draw` gives 0: what was flushed, 1: all, 2: half of a file."""
    at.mkdir()
    for name in sorted({*folder.kept, *folder.now}):
        kept, now = folder.kept.get(name), folder.now.get(name)
        node = kept if kept is now or draw() == 0 else now
        if isinstance(node, Folder):
            survives(node, at / name, draw)
        elif node is not None:
            whole = [node.kept, node.now, node.now[: len(node.now) // 2]]
            (at / name).write_bytes(node.kept if node.kept == node.now else whole[draw()])


def draws(seed: int) -> Callable[[], int]:
    if seed == 0:  # only what was flushed
        return lambda: 0
    if seed == 1:  # every name, and half of what stands under it
        return lambda: 2
    choose = random.Random(seed)
    return lambda: choose.randrange(3)


def cut(
    folder: Path, growth: tuple[int, int], at: int | None, careless: int | None = None
) -> PowerDisk:
    """Cut the power before a step (None: after all), and check what is left."""
    before, after = growth
    above = folder / "before"
    above.mkdir(parents=True)
    disk, head = PowerDisk(above, careless), MemoryHead()
    tiles = TileFiles(above / "log", disk=disk, flushers=1)
    if before:
        publish(MemorySource(ENTRIES[:before]), tiles, head, KEY, origin=KEY.name)
    disk.left = 1_000 if at is None else at
    try:
        publish(MemorySource(ENTRIES[:after]), tiles, head, KEY, origin=KEY.name)
    except WorldError:
        assert at is not None
        told = False
    else:
        assert disk.left, "no step was cut"
        told = True
    for seed in range(2 + SEEDS):
        survives(disk.top, folder / str(seed), draws(seed))
        left, kept = TileFiles(folder / str(seed) / "log"), MemoryHead()
        kept.value = head.value
        if left.read_checkpoint() is None:
            assert not before, "a checkpoint was lost"
            assert not told, "a checkpoint was lost"
        else:
            reader = LogReader(left, verifier=KEY.verifier)
            assert reader.size in ({after} if told else {before, after})
            assert list(reader.entries(0, reader.size)) == ENTRIES[: reader.size]
        source = MemorySource(ENTRIES[: after + 1])
        assert publish(source, left, kept, KEY, origin=KEY.name).size == after + 1
        report = fsck(left, KEY.verifier, origin=KEY.name, source=source, head=kept)
        assert report.problems == ()
        for note in [*head.every_checkpoint, *kept.every_checkpoint]:
            signed = parse_checkpoint(parse_note(note).text)
            assert signed.root == merkle.root(merkle.leaf_hashes(ENTRIES[: signed.size]))
    return disk


@pytest.mark.parametrize("growth", GROWTHS, ids=str)
def test_a_power_cut_at_any_step_loses_nothing_that_was_promised(
    tmp_path: Path, growth: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever of the unflushed is lost, readers see one of two trees, whole; the newer one once
    publishing has returned; nothing forks, and the next call finishes.
    """
    monkeypatch.setattr(os, "fsync", lambda _: None)  # the model says what is kept
    number = count()
    left = cut(tmp_path / str(next(number)), growth, None).left
    assert left is not None
    assert left < 1_000 - 8
    for at in range(1_000 - left):
        cut(tmp_path / str(next(number)), growth, at)


@pytest.mark.parametrize("forgotten", range(6))
def test_no_flush_can_be_left_out(
    tmp_path: Path, forgotten: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the six flushes that a growing log's folder takes, without head and ledger, each is needed:
    a store that forgets one loses what it has promised.
    """
    monkeypatch.setattr(os, "fsync", lambda _: None)
    with pytest.raises((AssertionError, EvidenceError)):
        cut(tmp_path / "careless", (3, 5), None, forgotten)


def test_six_flushes_are_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """There is no seventh."""
    monkeypatch.setattr(os, "fsync", lambda _: None)
    assert cut(tmp_path / "all", (3, 5), None).flushes == 6


def test_nothing_rests_on_what_a_killed_process_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a process died at any step, what the next one has served outlives a power cut."""
    monkeypatch.setattr(os, "fsync", lambda _: None)
    for at in count():
        above = tmp_path / f"before{at}"
        above.mkdir()
        disk, head = PowerDisk(above), MemoryHead()
        source = MemorySource(ENTRIES[:256])
        publish(source, TileFiles(above / "log", disk=disk), head, KEY, origin=KEY.name)
        source, disk.left = MemorySource(ENTRIES[:257]), at
        killed = TileFiles(above / "log", disk=disk, flushers=1)
        with suppress(WorldError):
            publish(source, killed, head, KEY, origin=KEY.name)
        if disk.left:
            break
        disk.left = None
        publish(source, TileFiles(above / "log", disk=disk), head, KEY, origin=KEY.name)
        survives(disk.top, tmp_path / f"after{at}", draws(0))
        reader = LogReader(TileFiles(tmp_path / f"after{at}" / "log"), verifier=KEY.verifier)
        assert reader.size == 257
        assert list(reader.entries(0, 257)) == ENTRIES[:257]
    assert at > 10
