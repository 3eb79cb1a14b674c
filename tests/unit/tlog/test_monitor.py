"""A monitor sees every fork, keeps what it saw, and finds what a log says twice."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from byleave.canonical import encode, sha256
from byleave.errors import ByleaveError, EvidenceError, InputError
from byleave.evidence.bucket import bucket_of, label
from byleave.evidence.enrolment import enrolment_commitment
from byleave.evidence.entry import EnrolmentEntry, Entry, ReleaseEntry, SnapshotEntry
from byleave.evidence.fork import MAX_FORK_BYTES, Fork, ForkProof, parse_fork
from byleave.evidence.receipt import Receipt
from byleave.ids import MemberId
from byleave.merkle import leaf_hash
from byleave.note import KeyType, SignerKey, parse_trust
from byleave.tlog.monitor import ForkError, Monitor, MonitorState, parse_state
from byleave.tlog.reader import LogReader
from tests.unit.tlog.logs import ENTRIES, KEY, Log

TRUST = parse_trust(f"log {KEY.verifier}\nquorum none\n")


def visited(log: Log, state: MonitorState | None = None, **more: Receipt) -> Monitor:
    """Visit a log once, through the bytes of each state on the way."""
    monitor = Monitor(log.tiles, TRUST, state, **more)
    for now in monitor.visit():
        assert parse_state(now.encode()) == now
    return monitor


def snapshot(
    name: str,
    *,
    epoch: int | None = None,
    k: int = 4,
    parent: int | None = None,
    use: str = "a/b/c",
) -> SnapshotEntry:
    drawn = sha256(name.encode())[:16] if epoch is None else bytes([epoch]) * 16
    return SnapshotEntry(
        snapshot=name, parent=parent, epoch=drawn, k=k, root=bytes(32), members=1,
        records=1, use=use, gate=0, manifest=bytes(32),
    )  # fmt: skip


def release(
    name: str, model: int, *, of: int = 0, sealed: SnapshotEntry | None = None
) -> ReleaseEntry:
    leaf = leaf_hash((sealed or snapshot("s")).encode())
    return ReleaseEntry(
        release=name, model=bytes([model]) * 32, snapshot=of, snapshot_leaf=leaf, recipe=0,
        trainer="t", exact=True, parent=None, statement=bytes(32),
    )  # fmt: skip


def grown(*entries: Entry) -> Log:
    log = Log([entry.encode() for entry in entries])
    log.publish()
    return log


def test_an_honest_log_is_followed() -> None:
    """Through growth over tile borders nothing is found, and each visit reads only what is new."""
    log = Log()
    state = MonitorState()
    for size in (0, 5, 5, 256, 300, 700):
        log.grow(*ENTRIES[len(log.source.entries) : size])
        state = visited(log, state).state
        assert (state.next, state.findings) == (size, ())


def test_names_and_digests_are_used_once() -> None:
    """A second snapshot or release of a name, and a second release of a digest, are found, across visits."""
    log = grown(snapshot("s"), release("r", 1), snapshot("s2"), release("r2", 2))
    state = visited(log).state
    assert state.findings == ()
    log.grow(*(e.encode() for e in (snapshot("s", epoch=2), release("r", 3), release("r3", 1))))
    state = visited(log, state).state
    assert [(f.code, f.index, f.earlier) for f in state.findings] == [
        ("log.snapshot-twice", 4, 0),
        ("log.release-twice", 5, 1),
        ("log.model-twice", 6, 1),
    ]
    assert visited(log, state).state.findings == state.findings


def test_an_entry_of_no_known_kind_is_found() -> None:
    """Entries that are not canonical, or of an unknown kind, are found and the rest is read."""
    log = Log([b'{"kind":"x/v1"}', b"text", ENTRIES[0]])
    log.publish()
    state = visited(log).state
    assert [f.code for f in state.findings] == ["entry.unknown-kind", "entry.malformed"]
    assert state.next == 3


@given(st.integers(1, 40), st.integers(0, 40), st.integers(0, 39))
def test_a_rewritten_history_is_proven(old: int, more: int, at: int) -> None:
    """Whichever entry is changed, at whichever sizes, the two checkpoints are a proof for anybody."""
    honest, forked = Log(ENTRIES[:old]), Log(ENTRIES[: old + more])
    honest.publish()
    state = visited(honest).state
    forked.source.entries[at % old] = ENTRIES[700]
    forked.publish()
    with pytest.raises(ForkError) as caught:
        visited(forked, state)
    assert caught.value.code == "log.forked"
    proof = parse_fork(caught.value.proof.encode())
    assert proof == caught.value.proof
    found = proof.check(TRUST.logs)
    assert isinstance(found, Fork)
    assert (found.first.size, found.second.size) == (old, old + more)


def test_a_fork_stays_among_the_findings() -> None:
    """After a fork the log that was seen first is followed on, and that it was forked is not forgotten."""
    honest, forked = Log(ENTRIES[:5]), Log([*ENTRIES[:4], ENTRIES[700], ENTRIES[701]])
    honest.publish()
    forked.publish()
    monitor = Monitor(forked.tiles, TRUST, visited(honest).state)
    with pytest.raises(ForkError):
        list(monitor.visit())
    with pytest.raises(ForkError):
        list(monitor.visit())
    honest.grow(ENTRIES[5])
    state = visited(honest, parse_state(monitor.state.encode())).state
    assert (state.next, [(f.code, f.index) for f in state.findings]) == (6, [("log.forked", 5)])


def test_a_smaller_fork_is_proven_too() -> None:
    """A log that goes back to a smaller, other tree is forked; to a smaller, true one it is rolled back."""
    log = Log(ENTRIES[:9])
    log.publish()
    state = visited(log).state
    for entries, code in ((ENTRIES[20:25], "log.forked"), (ENTRIES[:5], "log.rolled-back")):
        other = Log(entries)
        note = other.grow()
        log.tiles.published = note
        with pytest.raises(EvidenceError) as caught:
            visited(log, state)
        assert caught.value.code == code
        if isinstance(caught.value, ForkError):
            assert caught.value.proof.check(TRUST.logs).first.size == 5
    gone = Log(ENTRIES[:5])
    gone.publish()
    with pytest.raises(EvidenceError) as caught:
        visited(gone, state)
    assert caught.value.code == "log.rolled-back"


def test_two_true_checkpoints_are_no_fork() -> None:
    """A proof made of an honest log's checkpoints proves nothing, whichever root it claims was shown."""
    log = Log(ENTRIES[:5])
    first = log.grow()
    second = log.grow(*ENTRIES[5:9])
    reader = LogReader(log.tiles)
    path = reader.consistency(5)
    for proof in (
        ForkProof(first=first, second=first, shown=None, path=()),
        ForkProof(first=first, second=second, shown=None, path=()),
        ForkProof(first=first, second=second, shown=reader.root(5), path=path),
        ForkProof(first=second, second=first, shown=bytes(32), path=path),
        ForkProof(first=first, second=second, shown=bytes(32), path=path),
        ForkProof(first=first, second=second, shown=bytes(32), path=()),
    ):
        with pytest.raises(EvidenceError) as caught:
            proof.check(TRUST.logs)
        assert caught.value.code in {"fork.none", "merkle.root-mismatch", "merkle.path-length"}


def test_a_fork_is_the_logs_own_word() -> None:
    """Checkpoints by another key, or of another log, prove nothing about this one."""
    stranger = SignerKey(name=KEY.name, seed=bytes(32))
    notes = [Log(entries, key=stranger).grow() for entries in (ENTRIES[:5], ENTRIES[5:10])]
    proof = ForkProof(first=notes[0], second=notes[1], shown=None, path=())
    assert proof.check([stranger.verifier]).first.size == 5
    with pytest.raises(EvidenceError) as caught:
        proof.check(TRUST.logs)
    assert caught.value.code == "note.no-known-signature"
    elsewhere = SignerKey(name="elsewhere.invalid", seed=bytes(32))
    with pytest.raises(EvidenceError) as caught:
        proof.check([elsewhere.verifier])
    assert caught.value.code == "trust.unknown-log"


@given(st.binary(max_size=200))
def test_any_bytes_are_no_fork_proof(data: bytes) -> None:
    """Bytes that are no fork proof, or no state, are refused by their code and nothing else."""
    for parse, code in ((parse_fork, "fork.malformed"), (parse_state, "monitor.state")):
        with pytest.raises(EvidenceError) as caught:
            parse(data)
        assert caught.value.code == code


@given(st.data())
def test_a_changed_fork_proof_is_refused(data: st.DataObject) -> None:
    """A fork proof with a byte changed is refused with a code, or still proves the same fork."""
    notes = [Log(entries).grow() for entries in (ENTRIES[:5], ENTRIES[5:10])]
    proof = ForkProof(first=notes[0], second=notes[1], shown=None, path=())
    raw = bytearray(proof.encode())
    raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    try:
        found = parse_fork(bytes(raw)).check(TRUST.logs)
    except ByleaveError:
        return
    assert found == proof.check(TRUST.logs)


def test_a_fork_proof_has_a_bound() -> None:
    """A fork proof beyond four times a note is refused by its length."""
    with pytest.raises(EvidenceError) as caught:
        parse_fork(b"x" * (MAX_FORK_BYTES + 1))
    assert caught.value.code == "proof.too-large"


def test_a_state_of_another_log_is_refused() -> None:
    """A state kept of one log is not used for another one, nor one that read beyond its checkpoint."""
    log = Log(ENTRIES[:5])
    log.publish()
    state = visited(log).state
    other = SignerKey(name="other.invalid", seed=bytes(32))
    trust = parse_trust(f"log {other.verifier}\nlog {KEY.verifier}\nquorum none\n")
    foreign = Log(ENTRIES[:5], key=other)
    from byleave.tlog.publish import publish

    publish(foreign.source, foreign.tiles, foreign.head, other, origin=other.name)
    with pytest.raises(EvidenceError) as caught:
        list(Monitor(foreign.tiles, trust, state).visit())
    assert caught.value.code == "monitor.state"
    with pytest.raises(EvidenceError):
        parse_state(replace(state, next=6).encode())


def test_without_a_quorum_nothing_is_taken() -> None:
    """A checkpoint that too few witnesses cosigned is refused; the state stays as it was."""
    witness = SignerKey(name="w.test.invalid", type=KeyType.COSIGNATURE, seed=bytes(32))
    trust = parse_trust(f"log {KEY.verifier}\nwitness W {witness.verifier}\nquorum W\n")
    log = Log(ENTRIES[:5])
    log.publish()
    monitor = Monitor(log.tiles, trust)
    with pytest.raises(EvidenceError) as caught:
        list(monitor.visit())
    assert caught.value.code == "trust.quorum"
    assert monitor.state == MonitorState()


def test_before_the_first_checkpoint() -> None:
    """A log that has published nothing yet is told as such."""
    with pytest.raises(InputError) as caught:
        visited(Log())
    assert caught.value.code == "log.no-checkpoint"


def test_damage_is_found() -> None:
    """A bundle that does not fit its tile stops the visit; what was read before is kept."""
    log = Log(ENTRIES[:300])
    log.publish()
    log.tiles.files["tile/entries/001.p/44"] = log.tiles.files["tile/entries/001.p/44"][:-1]
    monitor = Monitor(log.tiles, TRUST)
    with pytest.raises(EvidenceError) as caught:
        list(monitor.visit())
    assert caught.value.code == "log.entry-damaged"
    assert monitor.state.checkpoint is not None


@pytest.mark.parametrize("stop", [1, 2, 3, 4])
def test_a_visit_that_is_stopped_goes_on(stop: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stopped after any batch, a later visit from the kept state ends as one that was not, each entry read once."""
    monkeypatch.setattr("byleave.tlog.monitor._BATCH", 256)
    log = Log(
        [*ENTRIES[:300], snapshot("s").encode(), *ENTRIES[300:600], snapshot("s", epoch=2).encode()]
    )
    log.publish()
    states = Monitor(log.tiles, TRUST).visit()
    kept = [next(states) for _ in range(stop)][-1].encode()
    states.close()  # type: ignore[attr-defined]
    resumed = visited(log, parse_state(kept)).state
    assert resumed == visited(log).state
    assert [(f.code, f.index, f.earlier) for f in resumed.findings] == [
        ("log.snapshot-twice", 601, 300)
    ]


def receipt_in(log: Log, index: int, secret: bytes = bytes(32)) -> Receipt:
    return Receipt(
        member=MemberId("m-1"), secret=secret, enrolment=LogReader(log.tiles).logged(index)
    )


def enrolment(secret: bytes = bytes(32)) -> EnrolmentEntry:
    return EnrolmentEntry(commitment=enrolment_commitment(secret, "m-1"))


def test_a_holder_is_told_of_each_snapshot_once() -> None:
    """With a receipt each new snapshot is told once, with the holder's bucket and the releases of it."""
    sealed = snapshot("s", k=6, epoch=1)
    log = grown(enrolment(), sealed, release("r", 1, of=1, sealed=sealed))
    receipt = receipt_in(log, 0)
    monitor = visited(log, receipt=receipt)
    (told,) = monitor.buckets()
    assert (told["snapshot"], told["of"], told["releases"]) == ("s", 64, ["r"])
    assert told["bucket"] == bucket_of(label(bytes(32), bytes([1]) * 16)[:16], 6)
    assert receipt.secret.hex() not in monitor.state.encode().decode()
    again = visited(log, parse_state(monitor.state.encode()), receipt=receipt)
    assert again.buckets() == []
    log.grow(snapshot("s2", epoch=2).encode())
    third = visited(log, again.state, receipt=receipt)
    assert [item["snapshot"] for item in third.buckets()] == ["s2"]
    log.grow(release("r2", 2, of=1, sealed=sealed).encode())
    (told,) = (fourth := visited(log, third.state, receipt=receipt)).buckets()
    assert (told["snapshot"], told["releases"]) == ("s", ["r2"])
    assert visited(log, fourth.state, receipt=receipt).buckets() == []


def test_a_receipt_holds_the_log_to_its_word() -> None:
    """An entry of a receipt that the log no longer holds at its index is found, once."""
    log = grown(enrolment(), snapshot("s"))
    receipt = receipt_in(log, 0)
    other = grown(snapshot("s"), enrolment())
    monitor = Monitor(other.tiles, TRUST, receipt=receipt)
    with pytest.raises(ForkError) as caught:
        list(monitor.visit())
    caught.value.proof.check(TRUST.logs)
    state = monitor.state
    assert [(f.code, f.index) for f in state.findings] == [
        ("log.enrolment-twice", 1),
        ("log.receipt-differs", 0),
        ("log.forked", 2),
    ]
    again = Monitor(other.tiles, TRUST, parse_state(state.encode()), receipt=receipt)
    with pytest.raises(ForkError):
        list(again.visit())
    assert again.state.findings == state.findings


@pytest.mark.parametrize("more", [0, 1, 300])
def test_a_history_made_for_one_member_is_proven_by_their_receipt(more: int) -> None:
    """A member who was shown a history of their own has in their receipt what proves it to anybody."""
    private = grown(enrolment(), snapshot("s"))
    receipt = receipt_in(private, 0)
    public = grown(enrolment(), snapshot("s2"))
    public.grow(*ENTRIES[:more])
    with pytest.raises(ForkError) as caught:
        list(Monitor(public.tiles, TRUST, receipt=receipt).visit())
    fork = parse_fork(caught.value.proof.encode()).check(TRUST.logs)
    assert (fork.first.size, fork.second.size) == (2, 2 + more)


def test_a_log_behind_a_receipt_is_rolled_back() -> None:
    """A log that shows less than a receipt's checkpoint is not taken for the whole of it."""
    log, behind = grown(enrolment(), snapshot("s")), grown(enrolment())
    with pytest.raises(EvidenceError) as error:
        visited(behind, receipt=receipt_in(log, 0))
    assert error.value.code == "log.rolled-back"


def test_a_receipts_checkpoint_that_nobody_signed_proves_nothing() -> None:
    """A receipt whose checkpoint is by no key of the log is held to its entries alone."""
    log = grown(enrolment(), snapshot("s"))
    receipt = receipt_in(log, 0)
    proof = replace(receipt.enrolment.proof, checkpoint=b"unsigned")
    held = replace(receipt, enrolment=replace(receipt.enrolment, proof=proof))
    assert visited(log, receipt=held).state.findings == ()


def test_a_second_enrolment_of_the_holder_is_found() -> None:
    """With a receipt, its enrolment's commitment in a second entry is found."""
    log = grown(enrolment(), enrolment(bytes([1]) * 32))
    receipt = receipt_in(log, 0)
    assert visited(log, receipt=receipt).state.findings == ()
    log.grow(enrolment().encode())
    (finding,) = visited(log, receipt=receipt).state.findings
    assert (finding.code, finding.index, finding.earlier) == ("log.enrolment-twice", 2, 0)


def test_a_state_of_version_1_has_its_log_read_once_more() -> None:
    """What version 1 did not keep is read again; its checkpoint and its findings stay, each once."""
    log = grown(snapshot("s"), snapshot("s", epoch=2), release("r", 1), release("r2", 2))
    now = visited(log).state
    old: dict[str, Any] = {
        "checkpoint": log.tiles.published.decode() if log.tiles.published else None,
        "directory": None,
        "findings": [finding.to_dict() for finding in now.findings],
        "format": "byleave-monitor/v1",
        "models": {},
        "next": 4,
        "releases": [],
        "snapshots": [["s", 0, "00" * 16, 4]],
        "told": {"ab": 1},
        "uses": [["a/b/c", 1]],
    }
    read = parse_state(encode(old))
    assert (read.next, read.checkpoint) == (0, now.checkpoint)
    assert visited(log, read).state == replace(now, told={"ab": 1})
    del old["told"]
    with pytest.raises(EvidenceError) as error:
        parse_state(encode(old))
    assert error.value.code == "monitor.state"
