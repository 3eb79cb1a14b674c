"""Proofs of one record, of what the platform did, and self-contained ones; statements of cessation."""

from __future__ import annotations

import json
import shutil
import stat
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from byleave import canonical
from byleave.errors import ByleaveError, InputError, RefusedError
from byleave.evidence.cessation import contradicts, signed_bytes
from byleave.evidence.entry import CessationEntry, GateEntry, parse_entry
from byleave.evidence.proof_file import encode_proof_file, parse_proof_file
from byleave.evidence.proof_kinds import CessationFile, DisclosureFile, LineageFile, RecordFile
from byleave.ids import parse_instant
from byleave.verify import Verdict, verify
from tests.unit.service.small import PLATFORM, START, Grown


@pytest.fixture(scope="module")
def done(grown: Grown, tmp_path_factory: pytest.TempPathFactory) -> Grown:
    """A copy of the grown workspace whose withdrawals have reached everything."""
    path = tmp_path_factory.mktemp("proved") / "workspace"
    shutil.copytree(grown.path, path)
    made = replace(grown, path=path)
    with made.open() as ws:
        ws.withdrawal.run()
    return made


def code(verdict: Verdict) -> str | None:
    """Return the code of the check that failed."""
    return None if verdict.failed is None else verdict.failed.code


def facts(verdict: Verdict) -> dict[str, Any]:
    """Return what a verdict that holds says."""
    assert verdict.ok, verdict.statement
    return dict(verdict.facts)


def test_one_record_is_shown_and_no_other(done: Grown) -> None:
    """A member proves one record of theirs; the file holds neither their secret nor another record."""
    member = done.agreed[5]
    with done.open() as ws:
        trust, receipt = ws.places.trust.read_bytes(), ws.member.receipt(member)
        whole = parse_proof_file(ws.proof.make(member, "replies-2")[1].read_bytes())
        records = whole.proof.records  # type: ignore[attr-defined]
        for number, record in enumerate(records[:3]):
            path = ws.proof.make_record(member, "replies-2", number)
            data = path.read_bytes()
            found = facts(verify(data, trust, receipt))
            assert found["record_digest"] == record.digest.hex()
            assert found["records"] == len(records)
            others = [r.digest.hex() for r in records if r.digest != record.digest]
            assert not any(other in data.decode() for other in others)
            assert json.loads(receipt)["secret"] not in data.decode()
            assert code(verify(data, trust)) == "verify.receipt-needed"
        with pytest.raises(InputError) as caught:
            ws.proof.make_record(member, "replies-2", len(records))
        assert caught.value.code == "proof.no-such-record"


def test_one_record_for_somebody_without_the_receipt(done: Grown) -> None:
    """Made for others, a record's proof verifies without a receipt, is private, and holds no secret."""
    member = done.agreed[5]
    with done.open() as ws:
        trust, receipt = ws.places.trust.read_bytes(), ws.member.receipt(member)
        path = ws.proof.make_record(member, "replies-2", 0, for_others=True)
        data = path.read_bytes()
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert json.loads(data)["private"] is True
        assert json.loads(receipt)["secret"] not in data.decode()
        assert "the holder of label" in verify(data, trust).statement
        assert verify(data, trust, receipt).ok
        assert code(verify(data, trust, ws.member.receipt(done.agreed[6]))) == "verify.label"
        proof = parse_proof_file(data)
        assert isinstance(proof, RecordFile)
        for lie in (
            replace(proof, of=proof.of + 1),
            replace(proof, index=proof.of),
            replace(proof, record=replace(proof.record, role=3 - proof.record.role)),
            replace(proof, record=replace(proof.record, digest=bytes(32))),
        ):
            assert code(verify(encode_proof_file(lie), trust)) in {
                "map.root-mismatch", "map.malformed", "merkle.path-length",
            }  # fmt: skip


def test_a_self_contained_proof_needs_nothing_beside_it_and_is_private(done: Grown) -> None:
    """With the receipt inside, a proof verifies alone, is marked private and written 0600."""
    with done.open() as ws:
        trust = ws.places.trust.read_bytes()
        for member in (done.withdrew[0], done.agreed[5]):
            _, path = ws.proof.make(member, "replies-2", self_contained=True)
            data = path.read_bytes()
            assert stat.S_IMODE(path.stat().st_mode) == 0o600
            assert json.loads(data)["private"] is True
            verdict = verify(data, trust)
            assert verdict.ok
            assert "the holder of this receipt" in verdict.statement
            assert verify(data, trust, ws.member.receipt(member)).ok
            other = ws.member.receipt(done.agreed[6])
            assert code(verify(data, trust, other)) == "verify.two-receipts"
            document = json.loads(data)
            del document["private"]
            assert code(verify(canonical.encode(document), trust)) == "proof.malformed"


def test_a_plain_proof_is_not_marked_private(done: Grown) -> None:
    """A presence proof without a receipt says nothing of being private; marking it so is refused."""
    with done.open() as ws:
        trust = ws.places.trust.read_bytes()
        document = json.loads(ws.proof.make(done.agreed[5], "replies-2")[1].read_bytes())
        assert "private" not in document
        document["private"] = True
        assert code(verify(canonical.encode(document), trust)) == "proof.malformed"


def test_a_lineage_goes_back_to_the_first_gate(done: Grown) -> None:
    """A release's lineage names each snapshot back to the first; one left out is missed."""
    with done.open() as ws:
        trust = ws.places.trust.read_bytes()
        sealed = {s["snapshot"]: s for s in ws.snapshot.list()}
        found = facts(verify(ws.proof.bytes("lineage-replies-2"), trust))
        assert [item["snapshot"] for item in found["lineage"]] == ["set-2", "set-1"]
        assert [item["records"] for item in found["lineage"]] == [
            sealed["set-2"]["records"], sealed["set-1"]["records"],
        ]  # fmt: skip
        proof = parse_proof_file(ws.proof.bytes("lineage-replies-2"))
    assert isinstance(proof, LineageFile)
    for lie in (
        replace(proof, snapshots=proof.snapshots[:1], gates=proof.gates[:1]),
        replace(proof, snapshots=proof.snapshots[1:], gates=proof.gates[1:]),
        replace(proof, gates=proof.gates[::-1]),
        replace(proof, snapshots=proof.snapshots[::-1]),
    ):
        assert code(verify(encode_proof_file(lie), trust)) == "verify.wrong-entry"


def test_an_unlearning_names_both_releases_and_what_was_taken_out(done: Grown) -> None:
    """An unlearning's proof says how many records fewer the new release was trained on."""
    with done.open() as ws:
        trust = ws.places.trust.read_bytes()
        found = facts(verify(ws.proof.bytes("unlearning-replies-2"), trust))
        assert (found["from"], found["to"]) == ("replies-1", "replies-2")
        sealed = {s["snapshot"]: s["records"] for s in ws.snapshot.list()}
        assert (found["records_before"], found["records_after"]) == (
            sealed["set-1"], sealed["set-2"],
        )  # fmt: skip
        assert found["refit"] == found["model"]
        whole = ws.proof.bytes("unlearning-replies-1-to-replies-2")
        assert whole == ws.proof.bytes("unlearning-replies-2")
        proof: Any = parse_proof_file(whole)
    swapped = replace(proof, old=proof.new, new=proof.old)
    assert code(verify(encode_proof_file(swapped), trust)) == "verify.wrong-entry"


def test_a_disclosure_shows_its_terms_and_recalls(done: Grown) -> None:
    """A disclosure's proof holds the terms that were logged, and its recalls; others are refused."""
    with done.open() as ws:
        trust = ws.places.trust.read_bytes()
        proof = parse_proof_file(ws.proof.bytes(f"disclosure-{done.package}"))
        found = facts(verify(ws.proof.bytes(f"disclosure-{done.package}"), trust))
    assert found["recipient"] == "provider.host"
    assert found["terms"]["may_pass_on"] is False
    assert len(found["recalls"]) == 1
    assert isinstance(proof, DisclosureFile)
    kinder = replace(proof, terms={**proof.terms, "may_pass_on": True})
    assert code(verify(encode_proof_file(kinder), trust)) == "verify.terms"
    twice = replace(proof, recalls=proof.recalls * 2)
    assert code(verify(encode_proof_file(twice), trust)) == "verify.order"


def test_no_bit_of_a_platforms_proof_can_be_changed(done: Grown) -> None:
    """Every kind of proof about the platform is refused with any one byte of it changed."""
    with done.open() as ws:
        trust = ws.places.trust.read_bytes()
        for name in ("unlearning-replies-2", f"disclosure-{done.package}"):
            data = ws.proof.bytes(name)
            step = max(len(data) // 400, 1)
            for at in range(0, len(data), step):
                changed = data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]
                assert not verify(changed, trust).ok, (name, at)


def test_a_cessation_is_signed_logged_and_verifies(copied: Grown) -> None:
    """A use nobody processed since can be stated to have ceased; the statement verifies as signed."""
    use = "train.ranking.jobs/messages/platform"
    with copied.open() as ws:
        trust = ws.places.trust.read_bytes()
        index = ws.proof.cease(use, START)
        data = ws.proof.bytes(f"cessation-{index}")
        found = facts(verify(data, trust))
        assert (found["use"], found["cessation_index"]) == (use, index)
        assert found["operator"] == "a test"
        proof = parse_proof_file(data)
    assert isinstance(proof, CessationFile)
    other = replace(proof, statement={**proof.statement, "use": PLATFORM})
    assert code(verify(encode_proof_file(other), trust)) == "cessation.statement"
    unsigned = replace(proof, signature=bytes(64))
    assert code(verify(encode_proof_file(unsigned), trust)) == "cessation.signature"


def test_a_cessation_that_the_log_denies_is_refused(copied: Grown) -> None:
    """A use under which the log holds a gate since that instant cannot be stated to have ceased."""
    with copied.open() as ws:
        for use in (PLATFORM, "train/messages/*", "train.generative/*/platform", "*/*/*"):
            size = ws.ledger.size()
            with pytest.raises(RefusedError) as caught:
                ws.proof.cease(use, START)
            assert caught.value.code == "cessation.contradicted"
            assert ws.ledger.size() == size
        assert ws.proof.cease(PLATFORM, ws.now() - timedelta(hours=1)) == size
        with pytest.raises(ByleaveError) as late:
            ws.proof.cease("train.safety/messages/platform", ws.now() + timedelta(days=1))
        assert late.value.code == "cessation.interval"


def test_a_contradiction_shows_in_the_log() -> None:
    """A gate of an overlapping use between the two entries contradicts a statement; others do not."""
    at = parse_instant("2026-01-01")
    stated = CessationEntry(
        use="train.generative/messages/platform",
        since=at,
        first=10,
        stated=at,
        signer=bytes(32),
        statement=bytes(32),
    )

    def gate(use: str) -> GateEntry:
        digest = bytes(32)
        return GateEntry(
            gate="g", record=digest, use=use, rows=1, kept=1, plan=digest, ledger=0, at=at
        )

    for use, index, expected in (
        ("train.generative.replies/messages.inmail/platform", 12, True),
        ("train/*/*", 10, True),
        ("train.generative.replies/messages.inmail/platform", 9, False),
        ("train.generative.replies/messages.inmail/platform", 20, False),
        ("train.generativelike/messages/platform", 12, False),
        ("train.generative/messages/affiliate", 12, False),
    ):
        assert contradicts(gate(use), index, stated, 20) is expected, (use, index)


def test_a_statement_is_signed_under_its_own_name() -> None:
    """What is signed begins with DSSE's header and the type, so that it can be nothing else."""
    assert signed_bytes({"a": 1}).startswith(
        b"DSSEv1 38 application/vnd.byleave.cessation+json 7 {"
    )


def test_every_proof_that_is_asked_for_by_a_wrong_name_is_refused(done: Grown) -> None:
    """Names of nothing are refused, each as an unknown object."""
    with done.open(read_only=True) as ws:
        for name in (
            "lineage-nobody", "unlearning-replies-9", "disclosure-package-9", "cessation-0",
            "cessation-x", "cessation-9999999999999999", "event-0", "nonsense",
        ):  # fmt: skip
            with pytest.raises(InputError) as caught:
                ws.proof.bytes(name)
            assert caught.value.code == "workspace.unknown-object", name


def test_entries_name_what_a_proof_needs(done: Grown) -> None:
    """The logged statement holds the signer's key and no text but the use."""
    with done.open() as ws:
        index = ws.proof.cease("train.safety/messages/platform", START)
        entry = parse_entry(ws.log.entry(index), CessationEntry)
        assert entry.signer == ws.house.signer.public_key()
        assert "a test" not in ws.log.entry(index).decode()


def test_who_came_later_gets_no_proof_about_before(copied: Grown) -> None:
    """A member enrolled after a snapshot was sealed is told so, and gets no proof that cannot hold."""
    with copied.open() as ws:
        ws.member.enrol(["late-1"])
        with pytest.raises(InputError) as caught:
            ws.proof.make("late-1", "replies-1")
        assert caught.value.code == "proof.enrolled-later"
