"""A plan's file: what was written is what is opened, or a clear error."""

from __future__ import annotations

import errno
import json
import os
import stat
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings

from byleave.engines.arrow import decide_batch
from byleave.engines.plan_files import open_plan, write_plan
from byleave.errors import ByleaveError, EvidenceError, InputError, WorldError
from byleave.gate.members import MemberIndex
from byleave.gate.plan import GatePlan
from byleave.gate.plan_file import check_plan, decode_plan, encode_plan
from byleave.testing.engine_suite import Example, answers, compile_example
from tests.engines.strategies import example_of, examples


def file_of(plan: GatePlan) -> bytes:
    return b"".join(bytes(piece) for piece in encode_plan(plan))


def plan_of(seed: int) -> GatePlan:
    return compile_example(example_of(seed))[0]


@settings(deadline=None, max_examples=60)
@given(example=examples())
def test_a_plan_opened_decides_as_the_plan_written(example: Example) -> None:
    """A plan read back has the digest, the planes and the answers of the one written."""
    plan, batch = compile_example(example)
    data = file_of(plan)
    copy = decode_plan(memoryview(data))
    assert (copy.digest, copy.planes_digest) == (plan.digest, plan.planes_digest)
    assert copy.contract == plan.contract
    assert copy.next_us == plan.next_us
    assert [c.rules for c in copy.categories] == [c.rules for c in plan.categories]
    assert answers(copy, decide_batch(copy, batch)) == answers(plan, decide_batch(plan, batch))
    assert file_of(copy) == data


def test_a_file_is_mapped_and_owned(tmp_path: Path) -> None:
    """A plan file can be read by its owner alone, and its planes are views of the file."""
    plan = plan_of(5)
    path = tmp_path / "plan"
    assert write_plan(plan, path) == path.stat().st_size
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    opened = open_plan(path)
    assert opened.digest == plan.digest
    assert not opened.categories[0].profile.flags.writeable
    assert [p.name for p in tmp_path.iterdir()] == ["plan"]


def test_ids_that_follow_are_not_written() -> None:
    """Ids found by arithmetic stand in the file as one prefix and two numbers."""
    plan = plan_of(5)
    members = MemberIndex.counting(len(plan.members), prefix="urn:secret:", first=7)
    copy = decode_plan(memoryview(file_of(replace(plan, members=members))))
    assert copy.members.dense == members.dense
    assert copy.members.resolve(pa.array(["urn:secret:7", "urn:secret:6", None])).tolist() == [
        0,
        -1,
        -2,
    ]
    assert copy.digest == plan.digest


@pytest.mark.parametrize("seed", [1, 5])
def test_every_changed_byte_shows(seed: int) -> None:
    """A file with any one byte of head, header or plane changed is refused."""
    data = bytearray(file_of(plan_of(seed)))
    size = int.from_bytes(data[16:24], "little")
    header = json.loads(bytes(data[64 : 64 + size]))
    base = -(-(64 + size) // 4096) * 4096
    places = [0, 14, 16, 24, 64, 64 + size // 2]
    places += [base + plane["offset"] for plane in header["planes"] if plane["length"]]
    for place in places:
        data[place] ^= 1
        with pytest.raises(ByleaveError) as caught:
            decode_plan(memoryview(bytes(data)))
        assert caught.value.code.startswith("plan.")
        with pytest.raises(ByleaveError):
            check_plan(lambda at, n: bytes(data[at : at + n]))
        data[place] ^= 1


def test_a_newer_version_is_named() -> None:
    """A plan of a newer version is refused as such, and what is no plan as that."""
    data = file_of(plan_of(1))
    with pytest.raises(InputError) as newer:
        decode_plan(memoryview(data.replace(b"plan/v2\n", b"plan/v3\n", 1)))
    assert newer.value.code == "plan.version"
    for other in (b"", b"PAR1" + data, b"byleave/proof/v1"):
        with pytest.raises(EvidenceError) as caught:
            decode_plan(memoryview(other))
        assert caught.value.code == "plan.malformed"


def test_a_file_cut_short_is_named(tmp_path: Path) -> None:
    """Wherever a plan file ends early, the error is `plan.truncated`, verified or not."""
    data = file_of(plan_of(5))
    path = tmp_path / "plan"
    last = len(data.rstrip(b"\x00"))
    for length in (20, 63, 70, 3000, last - 1):
        path.write_bytes(data[:length])
        for verify in (True, False):
            with pytest.raises(EvidenceError) as caught:
                open_plan(path, verify=verify)
            assert caught.value.code == "plan.truncated"


def test_a_full_disk_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the disk is full, the old file stays and no part is left."""
    path = tmp_path / "plan"
    write_plan(plan_of(1), path)
    before = path.read_bytes()

    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(WorldError) as caught:
        write_plan(plan_of(5), path)
    assert caught.value.code == "world.disk-full"
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["plan"]


def test_no_file_is_an_error_of_its_own(tmp_path: Path) -> None:
    """A file that is not there is told so."""
    with pytest.raises(InputError) as caught:
        open_plan(tmp_path / "nothing")
    assert caught.value.code == "input.not-found"
