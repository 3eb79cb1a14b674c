"""The outsider's program: what it accepts, and which check refuses what."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from byleave import canonical, merkle
from byleave.errors import CODES
from byleave.evidence.enrolment import enrolment_commitment
from byleave.evidence.entry import EnrolmentEntry, ReleaseEntry, RulesetEntry, parse_entry
from byleave.evidence.log_proof import LoggedEntry
from byleave.evidence.proof_file import (
    MAX_PROOF_BYTES,
    AbsenceFile,
    PresenceFile,
    ProofFile,
    encode_proof_file,
)
from byleave.note import KeyType, Signature, SignerKey, parse_note
from byleave.note.signed import add_signatures
from byleave.testing.log_faults import MemoryHead, MemorySource, MemoryTiles
from byleave.tlog.publish import publish
from byleave.tlog.reader import LogReader
from byleave.verify import Verdict, render, verify
from byleave.verify.__main__ import main
from tests.vectors.world import (
    ORIGIN,
    World,
    derive,
    honest,
    release_entry,
    relogged,
    seal,
    signer,
    snapshot_entry,
    trust_text,
)

CHECKS = [
    "proof file",
    "receipt",
    "trust file",
    "release",
    "snapshot",
    "enrolment",
    "directory",
    "label",
    "map",
    "digest",
]
ASKED = [name for name in CHECKS if name != "directory"]
"""What a proof is held to that has no part of a directory."""


@cache
def world() -> World:
    """Return the honest platform."""
    return honest()


@cache
def small() -> World:
    """Return an honest platform so small that every byte of its proofs can be changed in turn."""
    return honest(counts={"ada": 1}, crowd=0, k=1)


def run(proof: ProofFile, member: str | None, at: World | None = None) -> Verdict:
    """Verify a proof file, with a member's receipt or without one."""
    receipt = None if member is None else (at or world()).receipt(member).encode()
    return verify(encode_proof_file(proof), trust_text(), receipt)


def refused(verdict: Verdict, check: str, code: str) -> None:
    """Check that exactly one check failed, which one, and that none ran after it."""
    assert not verdict.ok
    assert verdict.failed is not None
    assert (verdict.failed.name, verdict.failed.code) == (check, code)
    names = [item.name for item in verdict.checks]
    after = verdict.checks[names.index(check) + 1 :]
    assert all(item.state == "not-run" for item in after)
    assert verdict.exit_code == 3
    assert verdict.statement.startswith(check)
    assert verdict.facts == {}


def test_absence_under_a_receipt() -> None:
    """A member without records verifies their absence; every check ran and passed."""
    verdict = run(world().absence("cyd"), "cyd")
    assert verdict.ok
    assert [check.name for check in verdict.checks] == CHECKS
    assert [check.number for check in verdict.checks] == list(range(1, len(CHECKS) + 1))
    assert [check.name for check in verdict.checks if check.state == "ok"] == ASKED
    assert verdict.statement == (
        "no record of the holder of this receipt is in snapshot set-1,"
        " on which release replies-1 was trained"
    )


def test_absence_without_a_receipt_names_the_label() -> None:
    """Without a receipt the verdict speaks of the holder of a label, and says whose it cannot check."""
    verdict = run(world().absence("cyd"), None)
    public = world().public("cyd").hex()
    assert verdict.ok
    assert f"the holder of label {public[:8]}…" in verdict.statement
    assert verdict.facts["label"] == public
    states = {check.name: check.state for check in verdict.checks}
    assert states["receipt"] == states["enrolment"] == "not-run"


def test_absence_without_a_label_needs_a_receipt() -> None:
    """A proof file that states no label is nobody's without a receipt, and verifies with it."""
    proof = world().absence("cyd", with_label=False)
    refused(run(proof, None), "receipt", "verify.receipt-needed")
    assert run(proof, "cyd").ok


def test_presence_counts_records_by_role_and_ground() -> None:
    """A member with three records verifies exactly three, by role and ground."""
    verdict = run(world().presence("ada"), "ada")
    assert verdict.ok
    assert verdict.facts["records"] == 3
    assert verdict.facts["by_role"] == {"author": 1, "recipient": 2}
    assert verdict.facts["by_ground"] == {"consent": 3}
    assert "exactly 3 records" in verdict.statement


def test_presence_needs_a_receipt() -> None:
    """A presence proof without a receipt is refused, and says what is needed."""
    refused(run(world().presence("ada"), None), "receipt", "verify.receipt-needed")


def test_a_consent_event_is_in_the_log() -> None:
    """A consent event verifies, with its member's receipt and without."""
    proof = world().consent_event("ada")
    assert run(proof, "ada").ok
    assert run(proof, None).ok
    assert run(proof, "ada").facts["event_index"] == world().events["ada"]


def test_another_members_event_is_refused() -> None:
    """A consent event does not verify under another member's receipt."""
    refused(run(world().consent_event("ada"), "bea"), "enrolment", "receipt.commitment")


@pytest.mark.parametrize("kind", ["absence", "presence"])
def test_every_verdict_says_what_it_does_not_show(kind: str) -> None:
    """Even a yes says that training elsewhere, attribution, a second secret and a fork stay open."""
    proof = world().absence("cyd") if kind == "absence" else world().presence("ada")
    verdict = run(proof, "cyd" if kind == "absence" else "ada")
    for words in ("outside this system", "whose records", "second receipt", "the same log"):
        assert words in verdict.does_not_show


def test_another_members_receipt_is_refused() -> None:
    """An absence proof for one label does not verify under another member's receipt."""
    refused(run(world().absence("cyd"), "dov"), "label", "verify.label")
    refused(run(world().presence("ada"), "cyd"), "map", "map.label-outside-bucket")


def test_a_member_cannot_borrow_a_secret() -> None:
    """A receipt whose member or secret was changed is refused at the receipt."""
    good: Any = json.loads(world().receipt("cyd").encode())
    for change in ({"member": "dov"}, {"secret": derive("secret dov").hex()}):
        receipt = canonical.encode({**good, **change})
        verdict = verify(encode_proof_file(world().absence("cyd")), trust_text(), receipt)
        refused(verdict, "receipt", "receipt.commitment")


def forged(change: Callable[[World, list[bytes]], None], *, kind: str = "absence") -> Verdict:
    """Verify a proof in a log that the same platform signed with other entries."""
    base = world()
    entries = list(base.entries)
    change(base, entries)
    logged = relogged(base, entries)
    other = replace(base, entries=entries, reader=seal(entries))
    if kind == "absence":
        proof: ProofFile = replace(
            base.absence("cyd"), release=logged[base.release], snapshot=logged[base.snapshot]
        )
        return run(proof, "cyd", other)
    proof = replace(
        base.presence("ada"), release=logged[base.release], snapshot=logged[base.snapshot]
    )
    return run(proof, "ada", other)


def name_other_leaf(world: World, entries: list[bytes]) -> None:
    old = parse_entry(entries[world.release], ReleaseEntry)
    entries[world.release] = replace(old, snapshot_leaf=derive("else")).encode()


def name_other_index(world: World, entries: list[bytes]) -> None:
    old = parse_entry(entries[world.release], ReleaseEntry)
    entries[world.release] = replace(old, snapshot=old.snapshot + 1).encode()


def release_before_recipe(world: World, entries: list[bytes]) -> None:
    old = parse_entry(entries[world.release], ReleaseEntry)
    entries[world.release] = replace(old, recipe=world.release + 4).encode()


def snapshot_before_gate(world: World, entries: list[bytes]) -> None:
    entries[world.snapshot] = snapshot_entry(world.maps, gate=world.snapshot).encode()
    rename_release(world, entries)


def other_root(world: World, entries: list[bytes]) -> None:
    bad = replace(snapshot_entry(world.maps, gate=0), root=derive("another root"))
    entries[world.snapshot] = bad.encode()
    rename_release(world, entries)


def other_epoch(world: World, entries: list[bytes]) -> None:
    bad = replace(snapshot_entry(world.maps, gate=0), epoch=derive("another epoch", 16))
    entries[world.snapshot] = bad.encode()
    rename_release(world, entries)


def other_k(world: World, entries: list[bytes]) -> None:
    bad = replace(snapshot_entry(world.maps, gate=0), k=world.maps.k + 1)
    entries[world.snapshot] = bad.encode()
    rename_release(world, entries)


def no_release(world: World, entries: list[bytes]) -> None:
    entries[world.release] = RulesetEntry(ruleset="eu", sha256=bytes(32)).encode()


def no_snapshot(world: World, entries: list[bytes]) -> None:
    entries[world.snapshot] = RulesetEntry(ruleset="eu", sha256=bytes(32)).encode()
    rename_release(world, entries)


def unknown_release(world: World, entries: list[bytes]) -> None:
    entries[world.release] = b'{"kind":"release/v2"}'


def rename_release(world: World, entries: list[bytes]) -> None:
    entries[world.release] = release_entry(
        entries, snapshot=world.snapshot, recipe=world.release - 1
    ).encode()


@pytest.mark.parametrize(
    ("change", "check", "code"),
    [
        (name_other_leaf, "snapshot", "verify.wrong-entry"),
        (name_other_index, "snapshot", "verify.wrong-entry"),
        (release_before_recipe, "snapshot", "verify.order"),
        (snapshot_before_gate, "snapshot", "verify.order"),
        (no_release, "release", "verify.wrong-entry"),
        (no_snapshot, "snapshot", "verify.wrong-entry"),
        (unknown_release, "release", "entry.unknown-kind"),
        (other_root, "map", "map.root-mismatch"),
        (other_epoch, "label", "verify.label"),
        (other_k, "map", "map.malformed"),
    ],
)
def test_a_platform_that_signs_falsehoods_is_caught(
    change: Callable[[World, list[bytes]], None], check: str, code: str
) -> None:
    """Entries that the log did sign, and that do not fit together, are refused by name."""
    refused(forged(change), check, code)


def test_a_member_enrolled_after_the_snapshot_proves_nothing() -> None:
    """A secret that was logged after the snapshot, chosen to miss it, is refused."""
    base = world()
    late = enrolment_commitment(derive("late secret"), "cyd")
    entries = [*base.entries, EnrolmentEntry(commitment=late).encode()]
    logged = relogged(base, entries)
    receipt = replace(
        base.receipt("cyd"), secret=derive("late secret"), enrolment=logged[len(entries) - 1]
    )
    label = canonical.tagged(0x10, derive("late secret"), base.maps.epoch)[:16]
    proof = AbsenceFile(
        release=logged[base.release],
        snapshot=logged[base.snapshot],
        proof=base.maps.absence(label),
        label=label,
    )
    verdict = verify(encode_proof_file(proof), trust_text(), receipt.encode())
    refused(verdict, "enrolment", "verify.order")


def test_an_event_before_its_members_enrolment_is_refused() -> None:
    """A consent event that stands before its member's enrolment is refused."""
    base = world()
    entries = list(base.entries)
    early, late = base.enrolments["ada"], base.events["ada"]
    entries[early], entries[late] = entries[late], entries[early]
    swapped = replace(
        base,
        entries=entries,
        reader=seal(entries),
        enrolments={**base.enrolments, "ada": late},
        events={**base.events, "ada": early},
    )
    refused(run(swapped.consent_event("ada"), "ada", swapped), "enrolment", "verify.order")


def test_a_fork_is_called_a_fork() -> None:
    """A release and a snapshot from two signed trees of one size are a fork."""
    base = world()
    entries = list(base.entries)
    entries[0] = RulesetEntry(ruleset="eu", sha256=bytes(32)).encode()
    proof = replace(base.absence("cyd"), release=relogged(base, entries)[base.release])
    refused(run(proof, "cyd"), "snapshot", "verify.fork")


def test_entries_of_two_logs_are_refused() -> None:
    """A proof whose entries come from two trusted logs is refused."""
    base = world()
    other = signer("second.test.invalid")
    proof = replace(base.absence("cyd"), release=seal(base.entries, other).logged(base.release))
    trust = f"log {signer().verifier}\nlog {other.verifier}\nquorum none\n"
    receipt = base.receipt("cyd").encode()
    refused(verify(encode_proof_file(proof), trust, receipt), "snapshot", "verify.two-logs")


def test_another_logs_trust_file_is_refused() -> None:
    """A trust file of another log, or of another key of this name, accepts nothing."""
    proof = encode_proof_file(world().absence("cyd"))
    refused(verify(proof, trust_text(signer("b.test"))), "release", "trust.unknown-log")
    other = SignerKey(name=ORIGIN, seed=bytes(32))
    refused(verify(proof, trust_text(other)), "release", "note.no-known-signature")


def test_a_quorum_is_asked_for() -> None:
    """A trust file that asks for a witness refuses a checkpoint without one."""
    trust = f"log {signer().verifier}\nwitness W {WITNESS.verifier}\nquorum W\n"
    refused(verify(encode_proof_file(world().absence("cyd")), trust), "release", "trust.quorum")


def test_proofs_at_different_checkpoints_verify_together() -> None:
    """A receipt from an older checkpoint than the proof's verifies beside it."""
    base = world()
    tiles, source, head = MemoryTiles(), MemorySource(base.entries[:16]), MemoryHead()
    publish(source, tiles, head, signer(), origin=ORIGIN)
    receipt = replace(
        base.receipt("cyd"), enrolment=LogReader(tiles).logged(base.enrolments["cyd"])
    )
    proof = encode_proof_file(base.absence("cyd"))
    assert verify(proof, trust_text(), receipt.encode()).ok


def with_map(proof: PresenceFile, **change: Any) -> PresenceFile:
    """Return a proof file with parts of its bucket proof changed, and its digest right."""
    return replace(proof, proof=replace(proof.proof, **change))


def test_hiding_a_record_is_refused() -> None:
    """A presence proof that leaves a record out, or shows one twice, is refused."""
    proof = world().presence("ada")
    records = proof.proof.records
    refused(run(with_map(proof, records=records[1:]), "ada"), "map", "map.root-mismatch")
    refused(run(with_map(proof, records=()), "ada"), "map", "map.records-order")
    refused(run(with_map(proof, records=records[::-1]), "ada"), "map", "map.records-order")
    refused(run(with_map(proof, records=(records[0], *records)), "ada"), "map", "map.records-order")


@pytest.mark.parametrize(
    ("name", "value"),
    [("role", 1), ("role", 2), ("ground", 2), ("digest", bytes(32)), ("salt", bytes(16))],
)
def test_a_record_is_as_it_was_sealed(name: str, value: object) -> None:
    """A record's role, ground, digest and salt cannot be told differently."""
    proof = world().presence("ada")
    for at, record in enumerate(proof.proof.records):
        if getattr(record, name) == value:
            continue
        records = list(proof.proof.records)
        records[at] = replace(record, **{name: value})  # type: ignore[arg-type]
        records.sort(key=lambda item: merkle.leaf_hash(item.leaf_data()))
        verdict = run(with_map(proof, records=tuple(records)), "ada")
        refused(verdict, "map", "map.root-mismatch")


def test_an_opened_ground_is_the_committed_one() -> None:
    """A ground's opening that names another entry than was committed to is refused."""
    proof = world().presence("ada")
    first = proof.proof.records[0]
    assert first.opening is not None
    bad = replace(first, opening=replace(first.opening, index=first.opening.index + 1))
    records = (bad, *proof.proof.records[1:])
    refused(run(with_map(proof, records=records), "ada"), "map", "map.ground-opening")


def test_a_ground_logged_after_the_snapshot_is_refused() -> None:
    """A record that was sealed under an entry of the future is refused when that is opened."""
    late = honest(ground=(1_000, bytes(32)))
    refused(run(late.presence("ada"), "ada", late), "map", "verify.order")


def test_a_ground_is_the_event_of_the_receipt() -> None:
    """A ground at the index of the member's own event, with another leaf, is refused."""
    base = world()
    other = honest(ground=(base.events["ada"], derive("another event")))
    refused(run(other.presence("ada"), "ada", other), "map", "verify.wrong-entry")


def cosigned(logged: LoggedEntry, seconds: int) -> LoggedEntry:
    """Return a logged entry whose checkpoint the witness cosigned, too."""
    note = parse_note(logged.proof.checkpoint)
    line = Signature(
        name=WITNESS.name,
        key_id=WITNESS.verifier.key_id,
        payload=WITNESS.sign(note.text, seconds=seconds),
    )
    checkpoint = add_signatures(note.text, [*note.signatures, line])
    return replace(logged, proof=replace(logged.proof, checkpoint=checkpoint))


WITNESS = SignerKey(name="w.test", type=KeyType.COSIGNATURE, seed=bytes(32))


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(1_700_000_000, "newest 2023-11-14T22:13Z"), (2**62, "newest a time beyond the calendar")],
)
def test_witnesses_are_counted_and_dated(seconds: int, words: str) -> None:
    """Where the trust file asks for a witness, the verdict says who signed and when, and no more
    that others may have been shown another log.
    """
    base = world()
    proof = replace(
        base.absence("cyd"),
        release=cosigned(base.reader.logged(base.release), seconds),
        snapshot=cosigned(base.reader.logged(base.snapshot), seconds),
    )
    trust = f"log {signer().verifier}\nwitness W {WITNESS.verifier}\nquorum W\n"
    verdict = verify(encode_proof_file(proof), trust)
    assert verdict.ok
    assert f"(1 witness, {words})" in verdict.checks[3].detail
    assert "the same log" not in verdict.does_not_show


def test_the_holders_own_consent_is_opened() -> None:
    """A record that stands on the holder's own consent, and does not open it, is refused."""
    proof = world().presence("ada")
    closed = tuple(replace(record, opening=None) for record in proof.proof.records)
    refused(run(with_map(proof, records=closed), "ada"), "map", "verify.ground-closed")


def test_a_consent_is_one_of_the_receipt() -> None:
    """A consent at an index that the receipt does not hold is refused."""
    other = honest(ground=(0, bytes(32)))
    refused(run(other.presence("ada"), "ada", other), "map", "verify.ground-unknown")


def test_a_damaged_file_that_still_holds_is_told_apart() -> None:
    """A change that no other check can see, such as another absent label, fails at the digest."""
    document: Any = json.loads(encode_proof_file(world().absence("cyd")))
    label = bytes.fromhex(document["map"]["label"])
    document["map"]["label"] = (label[:-1] + bytes([label[-1] ^ 1])).hex()
    refused(verify(canonical.encode(document), trust_text()), "digest", "proof.digest")


def flips(data: bytes) -> list[bytes]:
    """Return `data` with one bit changed in each byte in turn, a different bit from byte to byte."""
    changed = []
    for at in range(len(data)):
        raw = bytearray(data)
        raw[at] ^= 1 << (at % 8)
        changed.append(bytes(raw))
    return changed


@pytest.mark.parametrize("kind", ["absence", "presence", "consent-event"])
def test_no_flipped_bit_of_a_proof_file_is_accepted(kind: str) -> None:
    """Whichever byte of a proof file has a bit changed, a check fails and is named."""
    at = small()
    cases: dict[str, tuple[ProofFile, str]] = {
        "absence": (at.absence("cyd"), "cyd"),
        "presence": (at.presence("ada"), "ada"),
        "consent-event": (at.consent_event("ada"), "ada"),
    }
    proof, member = cases[kind]
    data, receipt = encode_proof_file(proof), at.receipt(member).encode()
    assert verify(data, trust_text(), receipt).ok
    for changed in flips(data):
        verdict = verify(changed, trust_text(), receipt)
        assert not verdict.ok
        assert verdict.failed is not None
        assert verdict.failed.code in CODES


def test_no_flipped_bit_is_accepted_without_a_receipt() -> None:
    """The same holds for an absence proof that is checked without a receipt."""
    data = encode_proof_file(small().absence("cyd"))
    assert verify(data, trust_text()).ok
    assert not any(verify(changed, trust_text()).ok for changed in flips(data))


def test_no_flipped_bit_of_a_receipt_is_accepted() -> None:
    """Whichever byte of a receipt, with a consent event in it, has a bit changed, a check fails."""
    at = small()
    data, receipt = encode_proof_file(at.presence("ada")), at.receipt("ada").encode()
    for changed in flips(receipt):
        verdict = verify(data, trust_text(), changed)
        assert not verdict.ok
        assert verdict.failed is not None
        assert verdict.failed.name in {"receipt", "enrolment"}


def test_no_flipped_bit_of_a_trust_file_is_accepted() -> None:
    """Whichever byte of the trust file has any of its bits changed, a check fails."""
    data = encode_proof_file(small().absence("cyd"))
    trust = trust_text().encode()
    for at in range(len(trust)):
        for bit in range(8):
            raw = bytearray(trust)
            raw[at] ^= 1 << bit
            verdict = verify(data, bytes(raw))
            assert not verdict.ok
            assert verdict.failed is not None
            assert verdict.failed.name in {"trust file", "release"}


@given(st.data())
def test_no_random_change_is_accepted(data: st.DataObject) -> None:
    """Bytes changed, cut out or put in anywhere make a proof file fail, and never crash."""
    raw = bytearray(encode_proof_file(world().presence("ada")))
    before = bytes(raw)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(raw) - 1))
        end = min(len(raw), at + data.draw(st.integers(0, 40)))
        raw[at:end] = data.draw(st.binary(max_size=40))
    if bytes(raw) != before:
        assert not verify(bytes(raw), trust_text(), world().receipt("ada").encode()).ok


def leaves_of(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the path to every value inside a document."""
    items: Any = ()
    if isinstance(value, dict):
        items = value.items()
    elif isinstance(value, list):
        items = enumerate(value)
    return [path, *(leaf for key, item in items for leaf in leaves_of(item, (*path, key)))]


@given(st.data())
def test_no_change_with_its_digest_made_right_is_accepted(data: st.DataObject) -> None:
    """Whatever value of a proof file a forger replaces, sealing it again does not help."""
    document: Any = json.loads(encode_proof_file(world().presence("ada")))
    del document["digest"]
    path = data.draw(st.sampled_from(leaves_of(document)[1:]))
    value = data.draw(
        st.one_of(
            st.none(),
            st.booleans(),
            st.integers(-2, 2**53 - 1),
            st.text(max_size=20),
            st.binary(min_size=32, max_size=32).map(bytes.hex),
            st.lists(st.integers(0, 9), max_size=3),
            st.just({}),
        )
    )
    inner = document
    for key in path[:-1]:
        inner = inner[key]
    if inner[path[-1]] == value and type(inner[path[-1]]) is type(value):
        return
    inner[path[-1]] = value
    try:
        document["digest"] = canonical.digest_of(document).hex()
        changed = canonical.encode(document)
    except Exception:  # noqa: BLE001 (text that has no encoding is no proof file)
        return
    assert not verify(changed, trust_text(), world().receipt("ada").encode()).ok


@given(st.binary(max_size=400), st.binary(max_size=100), st.none() | st.binary(max_size=100))
def test_anything_gets_a_verdict(proof: bytes, trust: bytes, receipt: bytes | None) -> None:
    """Whatever three files hold, there is a verdict and it is no."""
    verdict = verify(proof, trust, receipt)
    assert verdict.failed is not None
    assert verdict.failed.name == "proof file"
    assert (verdict.ok, verdict.exit_code) == (False, 3)


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "proof.empty"),
        (b"[]", "proof.malformed"),
        (b'{"format":"byleave-proof/v1"}', "proof.malformed"),
        (b"[" * 100_000, "proof.too-deep"),
        (b'{"a":' * 65, "proof.too-deep"),
        (b'{"a":' * 64, "proof.malformed"),
        (b"[]" * 100, "proof.malformed"),
        (b'["' + b"[" * 100 + b'\\"' + b"{" * 100 + b'"]', "proof.malformed"),
        (b" " * (MAX_PROOF_BYTES + 1), "proof.too-large"),
        (
            b'{"digest":"' + b"0" * 64 + b'","format":"byleave-proof/v1","kind":"x"}',
            "proof.unknown-kind",
        ),
    ],
)
def test_what_is_no_proof_file_is_refused_first(data: bytes, code: str) -> None:
    """What is not a proof file fails the first check, with its own code."""
    verdict = verify(data, trust_text())
    refused(verdict, "proof file", code)
    assert verdict.kind == "unknown"


def test_a_verdict_reads_as_designed() -> None:
    """The text begins with the answer and ends with the exit code; colour adds nothing else."""
    good = run(world().absence("cyd"), "cyd")
    lines = render(good).splitlines()
    assert lines[0].startswith("VERIFIED   no record")
    assert lines[-1] == "exit 0"
    assert lines[-2].startswith("does not show: ")
    bad = run(world().absence("cyd"), "dov")
    lines = render(bad).splitlines()
    assert lines[0].startswith("NOT VERIFIED   label: ")
    assert sum("FAIL" in line for line in lines) == 1
    assert "[verify.label]" in render(bad)
    painted = render(bad, colour=True)
    for paint in ("\x1b[31m", "\x1b[32m", "\x1b[0m"):
        painted = painted.replace(paint, "")
    assert painted == render(bad)


def files(folder: Path, *, member: str = "cyd") -> list[str]:
    """Write an absence proof, trust file and receipt; return the arguments."""
    (folder / "a.proof").write_bytes(encode_proof_file(world().absence("cyd")))
    (folder / "trust").write_text(trust_text())
    (folder / "r.receipt").write_bytes(world().receipt(member).encode())
    proof, trust, receipt = folder / "a.proof", folder / "trust", folder / "r.receipt"
    return [str(proof), "--trust", str(trust), "--receipt", str(receipt)]


def test_the_program_answers_by_exit_code(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit 0 for yes, 3 for no, 2 for a file that is not there."""
    assert main(files(tmp_path)) == 0
    assert capsys.readouterr().out.startswith("VERIFIED")
    assert main(files(tmp_path, member="dov")) == 3
    assert capsys.readouterr().out.startswith("NOT VERIFIED")
    assert main([*files(tmp_path)[:1], "--trust", str(tmp_path / "absent")]) == 2
    assert "input.not-found" in capsys.readouterr().err


def test_the_program_speaks_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With --json one object is printed, on success, refusal and error."""
    for member, code in (("cyd", 0), ("dov", 3), ("", 2)):
        arguments = files(tmp_path, member=member) if member else ["x", "--trust", "y"]
        assert main([*arguments, "--json"]) == code
        document = json.loads(capsys.readouterr().out)
        if code == 2:
            assert document["error"]["code"] == "input.not-found"
        else:
            assert document["schema"] == "byleave/verdict/v1"
            assert document["exit_code"] == code
            assert document["ok"] is (code == 0)


def test_a_proof_may_come_by_the_standard_input(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """`-` is the standard input, of which no more is read than a file may have."""
    proof, *rest = files(tmp_path)
    for data, code, said in (
        (Path(proof).read_bytes(), 0, "VERIFIED"),
        (b"", 3, "proof.empty"),
        (bytes(MAX_PROOF_BYTES + 1), 3, "proof.too-large"),
    ):
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(data)))
        assert main(["-", *rest]) == code
        shown = capsys.readouterr()
        assert said in shown.out + shown.err


def test_usage_is_exit_2() -> None:
    """Arguments that make no sense end with exit code 2."""
    with pytest.raises(SystemExit) as caught:
        main([])
    assert caught.value.code == 2
