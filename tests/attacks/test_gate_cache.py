"""What is kept to make the next gate cheaper is used where it fits, and believed nowhere else."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import byleave
from byleave.errors import EvidenceError
from byleave.service.gate import compile_for
from byleave.service.gate_rows import Rows, read_planes, write_planes
from byleave.stores.artefacts import Staged
from byleave.wiring import Workspace
from byleave.wiring.world import ReplayClock
from tests.unit.service.small import CONTRACT, PLATFORM, asked, empty, grant, people, small_table
from tests.unit.service.test_gate_run import NOW, made, write_files

__all__ = ["made"]

BLOCK = "rows-00001-00000-0000.planes"


def opened(path: Path, *, read_only: bool = False) -> Workspace:
    return byleave.open(path, now=ReplayClock(NOW), read_only=read_only)


@pytest.fixture
def warm(made: Path, tmp_path: Path) -> Path:
    """A workspace whose source has been gated once: its rows are kept."""
    shutil.copytree(made, tmp_path / "ws")
    with opened(tmp_path / "ws") as ws:
        ws.gate.run("messages", PLATFORM)
    assert (tmp_path / "ws" / "cache" / "messages" / BLOCK).exists()
    return tmp_path / "ws"


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[100] ^= 1
    path.write_bytes(data)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-9])


def empty_out(path: Path) -> None:
    path.write_bytes(b"")


def other_rows(path: Path) -> None:
    """Put the block of other rows in its place: whole, and of another span."""
    shutil.copy(path.with_name("rows-00002-00000-0000.planes"), path)


def of_a_stranger(path: Path) -> None:
    """Put in its place the block that another operator's ledger led to."""
    workspace = path.parents[2]
    folder = workspace.with_name("stranger")
    with empty(folder) as ws:
        asked(ws)
        ws.member.enrol(["somebody-else"])
        table = small_table()
        ws.source.add("messages", write_files(folder / "data", table), CONTRACT)
        ws.consent.record([grant(m, PLATFORM, ws) for m in people(table)])
        ws.gate.run("messages", PLATFORM)
    shutil.copy(folder / "cache" / "messages" / path.name, path)


@pytest.mark.parametrize("harm", [flip, cut, empty_out, other_rows, of_a_stranger])
def test_what_does_not_fit_is_made_again(warm: Path, harm: Callable[[Path], None]) -> None:
    """A block that is damaged, of other rows or of another ledger is ignored, and written anew."""
    path = warm / "cache" / "messages" / BLOCK
    good = path.read_bytes()
    harm(path)
    assert path.read_bytes() != good
    with opened(warm, read_only=True) as ws:
        record = ws.gate.dry_run("messages", PLATFORM)
        assert path.read_bytes() != good, "a reader writes nothing"
    with opened(warm) as ws:
        assert ws.gate.run("messages", PLATFORM)[1].record.kept == record.kept
        assert record.kept == ws.gate.show("gate-1")["kept"]
        assert ws.gate.replay("gate-2").kept == record.kept
    assert path.read_bytes() == good


def test_a_forged_block_is_found_by_a_replay(warm: Path) -> None:
    """Ordinals forged with a digest of their own pass once; replay and fsck read the data itself.

    Whoever can write to the workspace's private folder can make one gate wrong; not its record
    right.
    """
    folder = Staged(warm / "cache" / "messages")
    found = read_planes(folder, BLOCK)
    assert found is not None
    header, planes = found
    with opened(warm) as ws:
        silent = ws.member.ordinal(people(small_table())[-1])
        forged = {name: np.full_like(planes[name], silent) for name in ("author", "to-0")}
        with folder.create(BLOCK) as stream:
            write_planes(stream, {**planes, **forged}, header)
        gate, _ = ws.gate.run("messages", PLATFORM)
        with pytest.raises(EvidenceError) as error:
            ws.gate.replay(gate)
        assert error.value.code == "gate.replay-differs"
        assert [problem["where"] for problem in ws.fsck()] == [f"gate {gate}"]


def test_without_the_cache_nothing_is_lost(warm: Path) -> None:
    """The folder of what is kept can be deleted between any two commands."""
    shutil.rmtree(warm / "cache")
    with opened(warm) as ws:
        updated = ws.gate.update("gate-1")
        assert updated.why_full is None
        assert updated.touched == 0
        assert ws.fsck() == []


def test_those_enrolled_later_are_looked_for_again(warm: Path) -> None:
    """A block with an unknown id is made again once there are more members; others stand."""
    with opened(warm) as ws:
        source = ws.source.open("messages")
        few = compile_for(ws.house, source, PLATFORM, before=ws.gate.show("gate-1")["ledger"] + 1)
        ws.member.enrol(["late-1", "late-2"])
        many = compile_for(ws.house, source, PLATFORM)
        assert len(many.members) == len(few.members) + 2
        cache = warm / "cache" / "messages"
        before = {p.name: p.stat().st_ino for p in cache.iterdir()}
        blocks = Rows(ws.house, source, many).blocks()
        assert blocks is not None
        assert {block.members for _, block in blocks} == {len(few.members)}
        assert {p.name: p.stat().st_ino for p in cache.iterdir()} == before
        found = read_planes(Staged(cache), BLOCK)
        assert found is not None
        header, planes = found
        author = planes["author"].copy()
        author[0] = -1
        with Staged(cache).create(BLOCK) as stream:
            write_planes(stream, {**planes, "author": author}, header)
        known = {piece.name: block for piece, block in Rows(ws.house, source, few).blocks() or []}
        assert known[BLOCK].has_unknown, "nobody joined: it fits"
        again = {piece.name: block for piece, block in Rows(ws.house, source, many).blocks() or []}
        assert not again[BLOCK].has_unknown
        assert {b.members for b in again.values()} == {len(few.members), len(many.members)}
