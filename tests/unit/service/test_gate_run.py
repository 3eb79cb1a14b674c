"""A gate run over several files: killed, cancelled, out of room, with files replaced under it."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import byleave
from byleave.canonical import encode
from byleave.errors import ConflictError, WorldError
from byleave.service.gate import reasons_of
from byleave.stores import artefacts
from byleave.wiring import Workspace
from byleave.wiring.world import ReplayClock
from tests.unit.service.small import (
    CONTRACT,
    PLATFORM,
    START,
    asked,
    empty,
    grant,
    people,
    small_table,
)

FILES = 6
NOW = START + timedelta(days=2)

KILLED = """
import os, signal, sys
from datetime import datetime
import byleave
from byleave.wiring.world import ReplayClock

path, use, now, rows = sys.argv[1:]

def progress(what, done, total):
    if what == "rows through the gate" and done >= int(rows):
        os.kill(os.getpid(), signal.SIGKILL)

with byleave.open(path, now=ReplayClock(datetime.fromisoformat(now)), progress=progress) as ws:
    ws.gate.run("messages", use)
"""


def write_files(folder: Path, table: pa.Table, count: int = FILES) -> list[Path]:
    """Write a table as so many files of several row groups each."""
    folder.mkdir(parents=True, exist_ok=True)
    step = -(-table.num_rows // count)
    paths = []
    for number in range(count):
        paths.append(folder / f"part-{number}.parquet")
        pq.write_table(table.slice(number * step, step), paths[-1], row_group_size=40)
    return paths


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with one source of several files; every test gets a copy."""
    root = tmp_path_factory.mktemp("files")
    clock = ReplayClock(START)
    table = small_table()
    with empty(root / "ws", clock) as ws:
        asked(ws)
        paths = write_files(root / "data", table)
        ws.source.add("messages", [root / "data"], CONTRACT)
        assert [f.group_rows for f in ws.source.open("messages").files] == [(40, 40, 20)] * FILES
        clock.set(START + timedelta(days=1))
        ws.consent.record([grant(m, PLATFORM, ws) for m in people(table)[:28]])
    assert all(path.exists() for path in paths)
    return root / "ws"


@pytest.fixture
def path(made: Path, tmp_path: Path) -> Path:
    """A copy that a test may change."""
    shutil.copytree(made, tmp_path / "ws")
    return tmp_path / "ws"


def opened(path: Path, **how: object) -> Workspace:
    return byleave.open(path, now=ReplayClock(NOW), **how)  # type: ignore[arg-type]


def kill_at(path: Path, rows: int) -> None:
    """Run the gate in a process of its own, and kill that after so many rows."""
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(path), PLATFORM, NOW.isoformat(), str(rows)],
        check=False,
        capture_output=True,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr


def gate_files(path: Path, gate: str = "gate-1") -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in sorted((path / "gates" / gate).iterdir())}


def left(path: Path) -> list[str]:
    """Return what a run left of its own: finished gates and unfinished work."""
    return [str(p.relative_to(path)) for kind in ("gates", "work") for p in (path / kind).glob("*")]


def whole_run(made: Path, tmp_path: Path) -> tuple[dict[str, bytes], bytes]:
    """Return the files and the document of a run that nothing disturbed."""
    shutil.copytree(made, tmp_path / "whole")
    with opened(tmp_path / "whole") as ws:
        ws.gate.run("messages", PLATFORM)
        return gate_files(tmp_path / "whole"), encode(ws.gate.show("gate-1"))


@pytest.mark.parametrize("rows", [100, 400, 600])
def test_a_killed_run_goes_on(made: Path, path: Path, tmp_path: Path, rows: int) -> None:
    """A run killed in the middle goes on from the finished parts, to the same bytes."""
    files, document = whole_run(made, tmp_path)
    kill_at(path, rows)
    (work,) = (path / "work").iterdir()
    finished = {p.name: p.stat().st_ino for p in work.glob("reasons-*.parquet")}
    assert len(finished) == rows // 100 - 1, "the part at hand when it was killed is not whole"
    assert not (path / "gates").exists() or not list((path / "gates").iterdir())
    with opened(path) as ws:
        ws.gate.run("messages", PLATFORM)
        assert gate_files(path) == files
        assert encode(ws.gate.show("gate-1")) == document
        assert ws.gate.replay("gate-1").rows == 600
    kept = {p.name: p.stat().st_ino for p in (path / "gates" / "gate-1").iterdir()}
    assert finished.items() <= kept.items(), "finished parts were taken over, not made again"
    assert left(path) == ["gates/gate-1"]


@pytest.mark.parametrize("what", ["part", "note", "both"])
def test_a_damaged_part_is_made_again(made: Path, path: Path, tmp_path: Path, what: str) -> None:
    """A part that a killed run left and whose bytes changed since is decided again."""
    files, document = whole_run(made, tmp_path)
    kill_at(path, 400)
    (work,) = (path / "work").iterdir()
    for ending in {"part": ["parquet"], "note": ["json"], "both": ["parquet", "json"]}[what]:
        part = work / f"reasons-00002.{ending}"
        data = bytearray(part.read_bytes())
        data[len(data) // 2] ^= 4
        part.write_bytes(data)
    with opened(path) as ws:
        ws.gate.run("messages", PLATFORM)
        assert (gate_files(path), encode(ws.gate.show("gate-1"))) == (files, document)


def test_a_changed_mind_starts_anew(path: Path) -> None:
    """What a killed run had decided is not used once anybody's answer is another (no window)."""
    kill_at(path, 500)
    with opened(path) as ws:
        first = people(ws.source.open("messages").table)[0]
        ws.consent.withdraw(first, "train/messages/*")
        gate, gated = ws.gate.run("messages", PLATFORM)
        assert gated.record == ws.gate.replay(gate)
        ordinal = ws.member.ordinal(first)
        assert ordinal not in gated.grounds.member
        assert ordinal in reasons_of(ws.house, gate)["member"].to_pylist()
    assert left(path) == ["gates/gate-1"]


def test_a_cancelled_run_leaves_nothing(path: Path) -> None:
    """Ctrl-C in the middle leaves no gate, no half output and no log entry."""

    def cancel(what: str, done: int, total: int) -> None:
        if done > total // 2:
            raise KeyboardInterrupt(what)

    with opened(path, progress=cancel) as ws:
        size = ws.ledger.size()
        with pytest.raises(KeyboardInterrupt):
            ws.gate.run("messages", PLATFORM)
        assert (ws.ledger.size(), ws.gate.list()) == (size, [])
    assert left(path) == []


@pytest.mark.parametrize("warm", [False, True])
def test_a_file_replaced_during_the_run_is_noticed(
    path: Path, tmp_path: Path, *, warm: bool
) -> None:
    """A data file that is replaced while the gate runs is `data.changed`; nothing is logged."""
    target = path / "sources" / "messages" / "data-00002.parquet"

    def replace(what: str, done: int, total: int) -> None:
        if what == "rows through the gate" and done == 300:
            shutil.copy(target, tmp_path / "other")
            (tmp_path / "other").replace(target)

    if warm:
        with opened(path) as ws:
            ws.gate.run("messages", PLATFORM)
    before = left(path)
    with opened(path, progress=replace) as ws:
        size = ws.ledger.size()
        with pytest.raises(ConflictError) as error:
            ws.gate.run("messages", PLATFORM)
        assert error.value.code == "data.changed"
        assert str(error.value.where) == str(target)
        assert ws.ledger.size() == size
    assert left(path) == before


def test_a_full_disk_leaves_nothing(made: Path, tmp_path: Path) -> None:
    """Whichever write fails for want of room, there is no gate; or it was a cache's, and no harm."""
    files, _ = whole_run(made, tmp_path)
    failed = survived = 0
    for number in range(80):
        path = tmp_path / f"ws-{number}"
        shutil.copytree(made, path)
        with opened(path) as ws, pytest.MonkeyPatch.context() as patched:
            counted = fail_at(number, patched)
            size = ws.ledger.size()
            with contextlib.suppress(WorldError):
                ws.gate.run("messages", PLATFORM)
            if ws.ledger.size() == size:
                assert left(path) == []
                failed += 1
            else:
                assert gate_files(path) == files
                survived += 1
            if next(counted) <= number:
                break
        shutil.rmtree(path)
    else:
        pytest.fail("the run never came to an end")
    assert failed > 2 * FILES, "each part and its note"
    assert survived > FILES, "each cached block"


def fail_at(number: int, patched: pytest.MonkeyPatch) -> Iterator[int]:
    """Let the write of this number fail; yield how many there were."""
    count = 0
    write = artefacts._HashedFile.write

    def failing(self: artefacts._HashedFile, data: bytes) -> int:
        nonlocal count
        count += 1
        if count == number + 1:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(self, data)

    patched.setattr(artefacts._HashedFile, "write", failing)

    def told() -> Iterator[int]:
        yield count

    return told()


def test_inputs_are_never_changed(path: Path) -> None:
    """A run, a dry run, an update and a replay leave every byte and time of the source alone."""
    folder = path / "sources" / "messages"

    def state() -> dict[str, tuple[bytes, int]]:
        return {p.name: (p.read_bytes(), p.stat().st_mtime_ns) for p in folder.iterdir()}

    before = state()
    with opened(path) as ws:
        ws.gate.dry_run("messages", PLATFORM)
        gate, _ = ws.gate.run("messages", PLATFORM)
        ws.gate.update(gate)
        ws.gate.replay(gate)
    assert state() == before


def test_what_passed_can_be_read_batch_by_batch(path: Path) -> None:
    """The batches of a gated table are its rows, ids and grounds, cut into pieces."""
    with opened(path) as ws:
        _, gated = ws.gate.run("messages", PLATFORM)
        batches = list(gated.batches())
        assert len(batches) == FILES
        assert pa.Table.from_batches([b.batch for b in batches]) == gated.table
        assert [n for b in batches for n in b.rows.tolist()] == gated.rows.tolist()
        ids = [i for b in batches for i in b.record_ids.to_pylist()]
        assert ids == gated.record_ids.to_pylist()
        for name in ("member", "role", "ground", "index"):
            parts = [n for b in batches for n in getattr(b.grounds, name).tolist()]
            assert parts == getattr(gated.grounds, name).tolist()
        assert sum(len(b.rows) for b in batches) == gated.record.kept
