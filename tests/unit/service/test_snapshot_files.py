"""A workspace's maps as files: proofs from them, damage found and repaired, deltas compared."""

from __future__ import annotations

import json
import shutil

import pytest

from byleave.errors import EvidenceError, InputError
from byleave.evidence.bucket import AbsenceProof
from byleave.service.snapshot import map_proof, map_reader, openings_of
from byleave.service.snapshot_check import check_snapshot
from byleave.snapshot.hashing import padded
from byleave.verify import verify
from byleave.wiring import Workspace
from byleave.wiring.kernel import Kernel
from tests.unit.service.small import Grown


def unlearnt(ws: Workspace) -> str:
    """Let the withdrawals reach the release; return the delta."""
    ((done,), _) = ws.withdrawal.run(with_refit=False)
    return str(done.new.document["snapshot"])


def test_a_delta_writes_neither_data_nor_openings(copied: Grown) -> None:
    """A delta's folder has a manifest, a vector, an overlay and the files of the map that differ."""
    with copied.open() as ws:
        before = {
            path: path.read_bytes()
            for path in (copied.path / "snapshots" / copied.snapshot).rglob("*")
            if path.is_file()
        }
        delta = unlearnt(ws)
        folder = copied.path / "snapshots" / delta
        assert sorted(p.name for p in folder.iterdir()) == [
            "manifest.json",
            "map",
            "overlay.parquet",
            "removed.parquet",
        ]
        assert all(path.read_bytes() == data for path, data in before.items())
        assert check_snapshot(ws.house, delta).readable


def test_openings_of_one_member_are_found_among_all(copied: Grown) -> None:
    """Whoever is asked for, proofs come out as the openings say, along a chain of deltas."""
    with copied.open() as ws:
        for name in (copied.snapshot, unlearnt(ws)):
            held = set(openings_of(ws.house, name)["ordinal"].to_pylist())
            reader = map_reader(ws.house, name)
            for row in ws.ledger.members():
                proof = map_proof(ws.house, name, row[0], row[2] or b"", reader=reader)
                assert isinstance(proof, AbsenceProof) == (row[0] not in held)


def test_a_delta_proof_verifies_for_an_outsider(copied: Grown) -> None:
    """The proof of what changed verifies offline, tells how many left, and not with a byte changed."""
    with copied.open() as ws:
        delta = unlearnt(ws)
        found = ws.snapshot.diff(copied.snapshot, delta)
        path = ws.proof.make_delta(copied.snapshot, delta)
        trust = ws.places.trust.read_bytes()
        data = path.read_bytes()
        verdict = verify(data, trust)
        assert verdict.ok, verdict
        assert f"{len(found.shown.removed)} members left" in verdict.statement
        document = json.loads(data)
        assert document["kind"] == "delta"
        hidden = document["map"]["buckets"].pop()
        assert hidden["old_inner"] != hidden["new_inner"]
        assert not verify(json.dumps(document).encode(), trust).ok
        for place in range(0, len(data), 997):
            flipped = data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]
            assert not verify(flipped, trust).ok


def test_snapshots_of_two_lineages_are_not_compared(copied: Grown) -> None:
    """Across lineages labels are fresh: comparing is refused."""
    with copied.open() as ws:
        other = ws.snapshot.seal(copied.gate)
        with pytest.raises(InputError) as error:
            ws.snapshot.diff(copied.snapshot, other)
        assert error.value.code == "snapshot.other-lineage"


def test_a_lost_map_is_rebuilt(copied: Grown) -> None:
    """A map whose files are gone is refused, and rebuilt from the openings with the same root."""
    with copied.open() as ws:
        delta = unlearnt(ws)
        for name in (copied.snapshot, delta):
            shutil.rmtree(copied.path / "snapshots" / name / "map")
        for name in (copied.snapshot, delta):
            with pytest.raises(EvidenceError) as error:
                ws.snapshot.fsck(name)
            assert error.value.code == "snapshot.map-damaged"
            assert ws.snapshot.repair(name) > 0
            ws.snapshot.fsck(name)
        assert ws.fsck() == []


def test_a_snapshot_of_nobody_is_sound(copied: Grown) -> None:
    """Where nobody is left a delta holds an empty map, and fsck takes it."""
    with copied.open() as ws:
        for member in copied.agreed:
            ws.consent.withdraw(member, "train/messages/*")
        checked = ws.snapshot.fsck(unlearnt(ws))
        assert (checked.members, checked.party_records) == (0, 0)


def test_a_kernel_loads_when_there_is_work() -> None:
    """The compiled kernel replaces hashlib in mid-run, and no digest changes by it."""
    import numpy as np

    rows = padded(64, 40)
    rows[:, :40] = np.arange(64 * 40, dtype=np.uint8).reshape(64, 40)
    early, late = Kernel(worth=1000), Kernel(worth=1)
    assert (early(rows, 40) == late(rows, 40)).all()
    assert (late(rows, 40) == early(rows, 40)).all()


def test_a_flipped_bit_of_any_file_is_found(copied: Grown) -> None:
    """One changed bit in any file of a snapshot or of its delta is a finding of their fsck."""
    with copied.open() as ws:
        delta = unlearnt(ws)
    folders = [copied.path / "snapshots" / name for name in (copied.snapshot, delta)]
    with copied.open(read_only=True) as ws:
        for path in sorted(p for folder in folders for p in folder.rglob("*") if p.is_file()):
            data = path.read_bytes()
            place = len(data) // 2
            path.write_bytes(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])
            found = 0
            for name in (copied.snapshot, delta):
                try:
                    ws.snapshot.fsck(name)
                except EvidenceError:
                    found += 1
            path.write_bytes(data)
            assert found, path
        assert ws.snapshot.fsck(delta).readable
