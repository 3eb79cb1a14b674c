"""Erasing a member: in order only, whole, resumable, and nobody else's evidence with it (G10)."""

from __future__ import annotations

import re
import sqlite3
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from byleave.errors import ByleaveError, EvidenceError, InputError, RefusedError
from byleave.evidence.entry import ErasureEntry, parse_entry
from byleave.service import erasure
from byleave.service.prove import named_proof
from byleave.stores.artefacts import ArtefactFolder
from byleave.stores.sqlite import SqliteLedger
from byleave.verify import verify
from byleave.wiring import Workspace
from tests.unit.service.small import Grown


class CrashError(Exception):
    """Raised where a test stops the world."""


def withdrawn(ws: Workspace, grown: Grown) -> list[str]:
    """Let the withdrawals of `grown` reach everything."""
    ws.withdrawal.run(with_refit=False)
    return list(grown.withdrew)


def every_byte(root: Path) -> bytes:
    """Return all files of a workspace, Parquet columns read out, one after another."""
    parts = []
    for path in sorted(p for p in root.rglob("*") if p.is_file()):
        data = path.read_bytes()
        parts.append(data)
        if data[:4] == b"PAR1":
            parts.append(repr(pq.read_table(path).to_pydict()).encode())
    return b"\n".join(parts)


def verified(ws: Workspace, member: str, release: str) -> str:
    """Make a member's proof and receipt, verify them as an outsider would, return the kind."""
    kind, path = ws.proof.make(member, release)
    verdict = verify(
        path.read_bytes(),
        ws.places.trust.read_bytes(),
        ws.member.receipt(member),
    )
    assert verdict.ok, verdict
    return kind


def test_nothing_is_erased_while_rows_stand(copied: Grown) -> None:
    """Before the withdrawal has reached all that is current, erasing is refused and changes nothing."""
    with copied.open() as ws:
        member = copied.withdrew[0]
        size = ws.ledger.size()
        with pytest.raises(RefusedError) as error:
            ws.member.erase([member])
        assert error.value.code == "erasure.standing"
        assert ws.ledger.size() == size
        kinds = {kind for kind, _ in ws.member.standing(member)}
        assert {"snapshot", "release", "package"} <= kinds
        assert ws.ledger.member(member)[2] is not None  # type: ignore[index]


def test_a_snapshot_nobody_trained_on_has_to_be_renewed(copied: Grown) -> None:
    """A sealed snapshot without a release stands in the way until a delta without the rows is sealed."""
    with copied.open() as ws:
        gate = ws.gate.list()[0]["gate"]
        other = ws.snapshot.seal(gate)
        members = withdrawn(ws, copied)
        with pytest.raises(RefusedError) as error:
            ws.member.erase(members)
        assert error.value.where == f"snapshot {other}"
        renewed, removed = ws.snapshot.renew(other)
        assert removed > 0
        with pytest.raises(RefusedError) as again:
            ws.snapshot.renew(renewed)
        assert again.value.code == "snapshot.nothing-to-renew"
        assert ws.member.erase(members).members == len(members)
        assert ws.fsck() == []


def test_after_it_no_byte_of_theirs_is_left(copied: Grown) -> None:
    """Id, secret, salts and texts of erased members are in no file of the workspace."""
    with copied.open() as ws:
        members = withdrawn(ws, copied)
        rows = [ws.ledger.member(member) for member in members]
        events = [e for row in rows for e in ws.ledger.member_events(row[0])]  # type: ignore[index]
        table = ws.source.open("messages").table.to_pylist()
        texts = {r["text"] for r in table if {r["sender_id"], r["recipient_id"]} & set(members)}
        others = {
            r["text"] for r in table if not {r["sender_id"], r["recipient_id"]} & set(members)
        }
        ws.proof.receipt(members[0])
        own = ws.openings(copied.snapshot).to_pylist()
        salts = [o["salt"] for o in own if o["ordinal"] in {row[0] for row in rows}]  # type: ignore[index]
        assert len(salts) > 5
        done = ws.member.erase(members)
        assert done.openings >= len(salts)
        assert done.records > 0
    found = every_byte(copied.path)
    said = "\n".join(others)
    only_theirs = [text for text in texts if text not in said]
    assert len(only_theirs) > 5
    for text in only_theirs:
        assert text.encode() not in found
    for row in rows:
        assert row[2] not in found  # type: ignore[index, operator]
        assert not re.search(re.escape(row[1].encode()) + rb"(?![0-9])", found)  # type: ignore[index]
    for event in events:
        assert event[11] not in found
    for salt in salts:
        assert salt not in found
        assert repr(salt).encode() not in found


def test_the_parts_of_a_joint_secret_go_too(copied: Grown) -> None:
    """Where member and operator made the secret together, neither nonce stays, nor can it be made again."""
    mine = b"a nonce of the member's, 32 byte"
    with copied.open() as ws:
        offer, _, _ = ws.member.offer()
        ws.member.enrol_jointly("joint-member", offer=offer, nonce=mine)
        row = ws.ledger.member("joint-member")
        assert row is not None
        ws.member.erase(["joint-member"])
        assert ws.fsck() == []
    found = every_byte(copied.path)
    assert row[2] not in found  # type: ignore[operator]
    assert mine not in found
    assert mine.hex().encode() not in found


def test_everyone_elses_evidence_still_verifies(copied: Grown) -> None:
    """Roots, and proofs made before and after, verify for who stayed; fsck finds nothing wrong."""
    with copied.open() as ws:
        members = withdrawn(ws, copied)
        stays, silent = copied.agreed[5], copied.silent[0]
        before = named_proof(ws.house, f"presence-{ws.member.ordinal(stays)}-{copied.release}")
        roots = {s["snapshot"]: s["root"] for s in ws.snapshot.list()}
        ws.member.erase(members)
        assert {s["snapshot"]: s["root"] for s in ws.snapshot.list()} == roots
        trust = ws.places.trust.read_bytes()
        assert verify(before, trust, ws.member.receipt(stays)).ok
        for release in [r["release"] for r in ws.release.list()]:
            assert verified(ws, stays, release) == "presence"
            assert verified(ws, silent, release) == "absence"
        assert ws.fsck() == []
        checked = ws.snapshot.fsck(copied.snapshot)
        assert (checked.erased, checked.readable) == (len(members), False)
        tip = ws.snapshot.list()[-1]["snapshot"]
        assert ws.snapshot.fsck(tip).readable
        again = next(r for r in ws.release.list() if r["superseded_by"] is None)
        assert len(set(ws.release.refit(again["release"]))) == 1


def test_what_needed_them_is_neither_valid_nor_invalid(copied: Grown) -> None:
    """Refit and replay of what held them answer `evidence.erased`; asking of them, `member.unknown`."""
    with copied.open() as ws:
        members = withdrawn(ws, copied)
        ws.member.erase(members)
        asked: list[Any] = [
            lambda: ws.snapshot.open(copied.snapshot),
            lambda: ws.release.refit(copied.release),
            lambda: ws.gate.replay(copied.gate),
        ]
        for ask in asked:
            with pytest.raises(ByleaveError) as error:
                ask()
            assert (error.value.code, error.value.family) == ("evidence.erased", "erased")
        with pytest.raises(InputError) as unknown:
            ws.member.receipt(members[0])
        assert unknown.value.code == "member.unknown"
        with pytest.raises(InputError):
            ws.member.erase(members)
        gate, gated = ws.gate.run("messages", ws.gate.list()[0]["use"])
        assert ws.gate.replay(gate) == gated.record, "a gate that ran afterwards is replayed"


def test_the_log_holds_a_commitment_only(copied: Grown) -> None:
    """The entry of an erasure names how many and a salted digest; the ledger's document opens it."""
    with copied.open() as ws:
        members = withdrawn(ws, copied)
        done = ws.member.erase(members)
        entry = parse_entry(ws.log.entry(done.index), ErasureEntry)
        assert (entry.members, entry.erasure) == (2, done.erasure)
        assert len(entry.encode()) < 200


def test_a_secret_that_vanished_is_told(copied: Grown) -> None:
    """A secret that is gone without a logged erasure is a finding of fsck, and so is a changed document."""
    with copied.open() as ws:
        ws.member.erase(withdrawn(ws, copied))
    with sqlite3.connect(copied.path / "ledger.sqlite") as database:
        database.execute("UPDATE members SET secret = NULL WHERE ordinal = 9")
    database.close()
    with copied.open(read_only=True) as ws:
        assert any("no erasure was logged" in finding["what"] for finding in ws.fsck())


STEPS = ["replace-1", "replace-2", "replace-3", "discard", "scrub", "done"]


@pytest.mark.parametrize("step", ["staging", "transaction", *STEPS])
def test_a_crash_at_any_step_is_healed(
    copied: Grown, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopped before its transaction, an erasure left no trace; after it, the next writer ends it."""
    with copied.open() as ws:
        members = withdrawn(ws, copied)
    landed = step in STEPS
    with monkeypatch.context() as patch, copied.open() as ws:
        size = ws.ledger.size()
        crash_at(patch, step)
        with pytest.raises(CrashError):
            ws.member.erase(members)
        assert (ws.ledger.size() > size) == landed
    with copied.open() as ws:
        assert erasure.unfinished(ws.house) == []
        if not landed:
            assert ws.ledger.member(members[0])[2] is not None  # type: ignore[index]
            ws.member.erase(members)
        assert all(ws.ledger.member(member) is None for member in members)
        assert ws.fsck() == []
        assert verified(ws, copied.agreed[4], copied.release) == "presence"
    assert not list((copied.path / "work").glob("erasure/*"))


def crash_at(patch: pytest.MonkeyPatch, step: str) -> None:
    """Stop the world at a step of an erasure."""

    def stop(*_: Any, **__: Any) -> Any:
        raise CrashError

    match step:
        case "staging":
            patch.setattr(erasure, "_zeroed", stop)
        case "transaction":
            patch.setattr(erasure, "digest_of", stop)
        case "discard":
            patch.setattr(erasure, "drop_rows", stop)
        case "scrub":
            patch.setattr(SqliteLedger, "scrub", stop)
        case "done":
            plain = SqliteLedger.scrub

            def late(ledger: SqliteLedger) -> None:
                plain(ledger)
                patch.setattr(SqliteLedger, "writing", stop)

            patch.setattr(SqliteLedger, "scrub", late)
        case _:
            count = [int(step.removeprefix("replace-"))]
            replace = ArtefactFolder.replace

            def counted(*args: Any) -> None:
                count[0] -= 1
                if not count[0]:
                    raise CrashError
                replace(*args)

            patch.setattr(ArtefactFolder, "replace", counted)


def test_a_swapped_file_is_not_an_erasure(copied: Grown) -> None:
    """A data file that no logged erasure leads to is refused after an erasure as before it."""
    with copied.open() as ws:
        ws.member.erase(withdrawn(ws, copied))
        tip = ws.snapshot.list()[-1]["snapshot"]
        path = copied.path / "snapshots" / copied.snapshot / "data.parquet"
        path.write_bytes(path.read_bytes() + b"x")
        with pytest.raises(EvidenceError) as error:
            ws.snapshot.open(tip)
        assert error.value.code == "snapshot.digest"
