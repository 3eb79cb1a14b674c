"""The log's files in a directory: durable, whole, and inside it."""

from __future__ import annotations

import errno
import os
import threading
from pathlib import Path

import pytest

from byleave.errors import EvidenceError, InputError, WorldError
from byleave.evidence.entry import RulesetEntry
from byleave.note import SignerKey
from byleave.stores.tile_files import Disk, TileFiles
from byleave.testing.log_faults import MemoryHead, MemorySource, MemoryTiles
from byleave.tlog.fsck import fsck
from byleave.tlog.publish import publish

KEY = SignerKey(name="log.test.invalid", seed=bytes(range(32)))
ENTRIES = [RulesetEntry(ruleset=f"r{n}", sha256=bytes(32)).encode() for n in range(600)]
PATH = "tile/0/x001/234.p/5"


def test_a_log_in_files_is_the_log_in_memory(tmp_path: Path) -> None:
    """The same entries in the same steps make the same files, byte for byte, and nothing else."""
    files, memory = TileFiles(tmp_path), MemoryTiles()
    source, heads = MemorySource(), (MemoryHead(), MemoryHead())
    for size in (3, 300, 600):
        source.entries = list(ENTRIES[:size])
        publish(source, files, heads[0], KEY, origin=KEY.name)
        publish(source, memory, heads[1], KEY, origin=KEY.name)
    assert fsck(files, KEY.verifier, origin=KEY.name, source=source, head=heads[0]).ok
    found = {
        str(path.relative_to(tmp_path)): path.read_bytes()
        for path in tmp_path.rglob("*")
        if path.is_file()
    }
    assert found.pop("checkpoint") == memory.published
    assert found == memory.files


def test_staged_files_are_not_published(tmp_path: Path) -> None:
    """A staged file is read back as staged, and is not among the published until promoted."""
    files = TileFiles(tmp_path)
    files.stage([(PATH, b"one")])
    files.stage([(PATH, b"two")])
    assert files.read_staged([PATH]) == [b"two"]
    with pytest.raises(EvidenceError) as caught:
        files.read(PATH)
    assert caught.value.code == "log.tile-missing"
    files.promote([PATH])
    assert files.read(PATH) == b"two"
    with pytest.raises(EvidenceError):
        files.read_staged([PATH])


def test_promoting_twice_is_promoting_once(tmp_path: Path) -> None:
    """A promotion that was interrupted can be made again; what was never staged cannot."""
    files = TileFiles(tmp_path)
    files.stage([(PATH, b"one")])
    files.promote([PATH])
    files.promote([PATH])
    assert files.read(PATH) == b"one"
    with pytest.raises(EvidenceError) as caught:
        files.promote(["tile/0/000"])
    assert caught.value.code == "log.tile-missing"


@pytest.mark.parametrize(
    "path",
    [
        "../x",
        "/etc/passwd",
        "tile/0/../../x",
        "checkpoint",
        ".staged/tile/0/000",
        "tile/0/000/..",
        "",
    ],
)
def test_no_path_leads_out(tmp_path: Path, path: str) -> None:
    """A path that is not exactly a tile's or a bundle's is refused by every method."""
    files = TileFiles(tmp_path / "log")
    for call in (
        lambda: files.stage([(path, b"x")]),
        lambda: files.read_staged([path]),
        lambda: files.promote([path]),
        lambda: files.read(path),
    ):
        with pytest.raises(InputError) as caught:
            call()
        assert caught.value.code == "log.tile-path"
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (errno.ENOSPC, "world.disk-full"),
        (errno.EDQUOT, "world.disk-full"),
        (errno.EIO, "world.storage"),
    ],
)
def test_a_failed_flush_stops_the_store(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, code: str
) -> None:
    """After a failed flush nothing can be staged until the store is opened again."""
    files = TileFiles(tmp_path)
    files.stage([(PATH, b"before")])

    def fails(descriptor: int) -> None:
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fails)
        with pytest.raises(WorldError) as caught:
            files.stage([("tile/0/000", b"x")])
        assert caught.value.code == code
    with pytest.raises(WorldError) as caught:
        files.stage([("tile/0/000", b"x")])
    assert caught.value.code == "world.storage"
    assert not list(tmp_path.rglob("*.tmp"))
    TileFiles(tmp_path).stage([("tile/0/000", b"x")])


class Meeting(Disk):
    """Each flush waits until another thread is at one, too."""

    def __init__(self, threads: int) -> None:
        self._met = threading.Barrier(threads, timeout=120)
        self.last: OSError | None = None

    def flush(self, descriptor: int) -> None:
        if self._met.wait() == 0 and self.last is not None:
            raise self.last


def test_files_of_a_batch_are_flushed_at_once(tmp_path: Path) -> None:
    """Three files are flushed by three threads at the same time, again and again."""
    disk = Meeting(3)
    files = TileFiles(tmp_path, disk=disk)
    for _ in range(3):
        files._crew._slow = True  # as a disk makes it
        files.stage([(f"tile/0/00{number}", b"x") for number in range(3)])
    assert files.read_staged(["tile/0/002"]) == [b"x"]


def test_an_error_of_any_thread_is_told(tmp_path: Path) -> None:
    """Whichever of the threads fails to flush, the caller is told, and the store stops."""
    disk = Meeting(4)
    disk.last = OSError(errno.EIO, "broken")
    files = TileFiles(tmp_path, disk=disk)
    batch = [(f"tile/0/00{number}", b"x") for number in range(4)]
    with pytest.raises(WorldError) as caught:
        files.stage(batch)
    assert caught.value.code == "world.storage"
    with pytest.raises(WorldError):
        files.stage(batch)
    assert not list((tmp_path / ".staged").iterdir())


def test_quick_flushes_stay_with_their_thread(tmp_path: Path) -> None:
    """Where flushing costs nothing, one thread does all; after it took long, others help again."""
    threads: set[int] = set()

    class Timed(Meeting):
        wait = 0.0

        def flush(self, descriptor: int) -> None:
            threads.add(threading.get_ident())
            threading.Event().wait(self.wait)
            if self.wait and not alone:
                super().flush(descriptor)

    disk = Timed(4)
    files = TileFiles(tmp_path, disk=disk)
    batch = [(f"tile/0/00{number}", b"x") for number in range(4)]
    alone = True
    for _ in range(1_000):
        threads.clear()
        files.stage(batch)
        if len(threads) == 1:
            break
    assert threads == {threading.get_ident()}
    disk.wait = 0.001
    files.stage(batch)
    alone = False
    files.stage(batch)
    assert len(threads) == 4


def test_a_full_disk_signs_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the disk fills while a log is published, the head and the checkpoint stay as they were."""
    files, head, source = TileFiles(tmp_path), MemoryHead(), MemorySource(ENTRIES[:10])
    publish(source, files, head, KEY, origin=KEY.name)
    before = files.read_checkpoint(), head.value
    source.entries = list(ENTRIES)
    calls = []
    real = os.fsync

    def fills(descriptor: int) -> None:
        calls.append(descriptor)
        if len(calls) > 2:
            raise OSError(errno.ENOSPC, "full")
        real(descriptor)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fills)
        with pytest.raises(WorldError) as caught:
            publish(source, files, head, KEY, origin=KEY.name)
    assert caught.value.code == "world.disk-full"
    assert (files.read_checkpoint(), head.value) == before
    assert publish(source, TileFiles(tmp_path), head, KEY, origin=KEY.name).size == 600


@pytest.mark.parametrize("step", ["promote", "publish_checkpoint"])
def test_errors_of_the_last_steps_are_translated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """A failed rename or flush while promoting or publishing is a world error, not the system's."""
    files = TileFiles(tmp_path)
    files.stage([(PATH, b"x")])

    def fails(*_: object) -> None:
        raise OSError(errno.EIO, "broken")

    for name, target in (("replace", os), ("fsync", os)):
        with monkeypatch.context() as patch:
            patch.setattr(target, name, fails)
            with pytest.raises(WorldError) as caught:
                files.promote([PATH]) if step == "promote" else files.publish_checkpoint(b"c")
            assert caught.value.code == "world.storage"


def test_no_checkpoint_is_no_error(tmp_path: Path) -> None:
    """Before the first checkpoint there is none; one that cannot be read is damage."""
    assert TileFiles(tmp_path / "nowhere").read_checkpoint() is None
    (tmp_path / "checkpoint").mkdir()
    with pytest.raises(EvidenceError) as caught:
        TileFiles(tmp_path).read_checkpoint()
    assert caught.value.code == "log.tile-missing"


def test_promoting_nothing_before_anything_was_written_is_no_error(tmp_path: Path) -> None:
    """A log that has no folder yet, cosigned before its first entry, has no names to make durable."""
    files = TileFiles(tmp_path / "log")
    files.promote(())
    files.publish_checkpoint(b"the first")
    assert (tmp_path / "log" / "checkpoint").read_bytes() == b"the first"
