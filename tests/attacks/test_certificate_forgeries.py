"""An operator forges certificates with its own keys and its own log; each is refused."""

from __future__ import annotations

import copy
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from byleave.canonical import digest_of
from byleave.evidence.certificate import labels_digest, signed_bytes
from byleave.evidence.delta_proof import BucketChange
from byleave.evidence.entry import CertificateEntry
from byleave.evidence.proof_file import encode_proof_file, parse_proof_file
from byleave.evidence.proof_kinds import CertificateFile
from byleave.note.keys import SignerKey
from byleave.verify import verify
from byleave.wiring import Workspace
from tests.unit.service.small import Grown, grow

Statement = dict[str, Any]


@pytest.fixture(scope="module")
def honest(tmp_path_factory: pytest.TempPathFactory) -> Grown:
    """A workspace (generated data) whose members left in two batches, each certified."""
    made = grow(tmp_path_factory.mktemp("certified") / "workspace")
    with made.open() as ws:
        ws.withdrawal.run()
        ws.consent.withdraw(made.agreed[3], "train/messages/*")
        ws.withdrawal.run()
    return made


@pytest.fixture
def mine(honest: Grown, tmp_path: Path) -> Grown:
    """A copy that the operator may add to."""
    shutil.copytree(honest.path, tmp_path / "workspace")
    return replace(honest, path=tmp_path / "workspace")


def certificate(ws: Workspace, name: str = "replies-2") -> CertificateFile:
    """Return the honest certificate of a release."""
    proof = parse_proof_file(ws.proof.bytes(f"certificate-{name}"))
    assert isinstance(proof, CertificateFile)
    return proof


def log_again(ws: Workspace, proof: CertificateFile, statement: Statement) -> CertificateFile:
    """Return the certificate with another statement, signed by the operator and logged like any."""
    entry = CertificateEntry(
        unlearning=proof.unlearning.proof.index,
        signer=ws.house.signer.public_key(),
        statement=digest_of(statement),
    )
    with ws.house.ledger.writing() as writer:
        index = writer.log(entry.encode())
        writer.add_object("certificate", f"forged-{index}", index=index, at_us=0, document={})
    ws.house.log.publish()
    again = ws.house.log.logged
    return CertificateFile(
        certificate=again(index),
        unlearning=again(proof.unlearning.proof.index),
        old=again(proof.old.proof.index),
        old_snapshot=again(proof.old_snapshot.proof.index),
        new=again(proof.new.proof.index),
        new_snapshot=again(proof.new_snapshot.proof.index),
        new_gate=again(proof.new_gate.proof.index),
        statement=statement,
        signature=ws.house.signer.sign(signed_bytes(statement)),
        proof=proof.proof,
    )


def code(ws: Workspace, proof: CertificateFile) -> str | None:
    """Return the code of the check that fails for an outsider; None where none does."""
    verdict = verify(encode_proof_file(proof), ws.places.trust.read_bytes())
    return None if verdict.failed is None else verdict.failed.code


def _set(*path: str, to: object) -> Callable[[Statement], None]:
    def change(statement: Statement) -> None:
        *above, last = path
        for name in above:
            statement = statement[name]
        statement[last] = to

    return change


LIES: dict[str, Callable[[Statement], None]] = {
    "more labels": _set("taken_out", "labels", to=30),
    "other labels": _set("taken_out", "sha256", to=labels_digest([b"0" * 16])),
    "more records": _set("taken_out", "records", to=500),
    "another old root": _set("from", "snapshot", "root", to="00" * 32),
    "another new root": _set("to", "snapshot", "root", to="00" * 32),
    "fewer left": _set("to", "snapshot", "members", to=0),
    "another model": _set("to", "model", to="11" * 32),
    "a refit that was not": _set("unlearning", "refit", to="22" * 32),
    "choices not heard": _set("heard", to=9_999),
    "another release": _set("from", "release", to="replies-9"),
    "another log": _set("origin", to="log.elsewhere/byleave"),
    "another method": _set("unlearning", "method", to="approximate"),
    "another trainer": _set("unlearning", "trainer", to="content"),
    "no instant": _set("stated", to="yesterday"),
    "a purge without a digest": _set("purge", "removed", to=[{"name": "runs/x/y", "sha256": ""}]),
    "a field more": _set("guarantee", to="total"),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_statement_that_the_log_denies_is_refused_though_signed_and_logged(
    mine: Grown, lie: str
) -> None:
    """Signed by the operator and logged by its log, a false statement is still refused."""
    with mine.open() as ws:
        proof = certificate(ws)
        statement = copy.deepcopy(dict(proof.statement))
        assert (
            code(ws, log_again(ws, proof, statement)) is None
        )  # the same one, logged again, holds
        LIES[lie](statement)
        assert code(ws, log_again(ws, proof, statement)) == "certificate.statement"


def test_a_statement_that_was_not_logged_is_refused(mine: Grown) -> None:
    """The operator's signature alone is none: the log has to hold the statement's digest."""
    with mine.open() as ws:
        proof = certificate(ws)
        statement = copy.deepcopy(dict(proof.statement))
        statement["purge"]["removed"] = []
        signature = ws.house.signer.sign(signed_bytes(statement))
        forged = replace(proof, statement=statement, signature=signature)
        assert code(ws, forged) == "certificate.statement"


def test_another_keys_signature_is_refused(mine: Grown) -> None:
    """A statement signed by a key that its log entry does not name is refused."""
    with mine.open(read_only=True) as ws:
        proof = certificate(ws)
        stranger = SignerKey(name="s.test", seed=bytes(32))
        forged = replace(proof, signature=stranger.sign(signed_bytes(proof.statement)))
        assert code(ws, forged) == "certificate.signature"


def test_parts_of_two_certificates_do_not_mix(mine: Grown) -> None:
    """No entry, statement or map of one unlearning passes in the certificate of another."""
    with mine.open(read_only=True) as ws:
        one, two = certificate(ws, "replies-2"), certificate(ws, "replies-3")
        for part in (
            "certificate", "unlearning", "old", "old_snapshot", "new", "new_snapshot", "new_gate",
            "statement", "signature", "proof",
        ):  # fmt: skip
            assert code(ws, replace(one, **{part: getattr(two, part)})) is not None, part


def test_a_map_that_hides_who_stayed_is_refused(mine: Grown) -> None:
    """A map in which a label that is still there is left out does not lead to the logged root."""
    with mine.open(read_only=True) as ws:
        proof = certificate(ws)
        found = [c for c in proof.proof.changes if c.new_labels]
        assert found
        for change in found:
            less = BucketChange(
                number=change.number,
                old_labels=change.old_labels,
                old_inner=change.old_inner,
                new_labels=change.new_labels[1:],
                new_inner=change.new_inner,
            )
            changes = tuple(less if c is change else c for c in proof.proof.changes)
            forged = replace(proof, proof=replace(proof.proof, changes=changes))
            assert code(ws, forged) == "map.root-mismatch"


def test_a_certificate_of_an_approximate_release_is_refused(
    mine: Grown, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Releases logged as approximate cannot be certified, whatever is signed."""
    with mine.open() as ws:
        trainer = ws.house.trainers["replies"]
        from byleave.training.measurements import Measurements

        measured = Measurements(
            references=8, ks_p=0.5, ulira_tpr=0.01, utility_gap=0.0, time_ratio=0.1,
            sequence=50, sequence_ks_p=0.5,
        )  # fmt: skip
        monkeypatch.setattr(type(trainer), "exact", False)
        monkeypatch.setattr(type(trainer), "measurements", measured, raising=False)
        ws.consent.withdraw(mine.agreed[6], "train/messages/*")
        ((one,), _) = ws.withdrawal.run()
        ws.consent.withdraw(mine.agreed[9], "train/messages/*")
        ((two,), _) = ws.withdrawal.run()
        assert (two.certificate, two.refit) == (None, None)
        del one
        forged = log_again(ws, _as_certificate(ws, two.new.release), _stated(ws, two.new.release))
        assert code(ws, forged) == "certificate.approximate"
        assert verify(
            ws.proof.bytes(f"unlearning-{two.new.release}"), ws.places.trust.read_bytes()
        ).ok


def test_who_was_not_enrolled_then_is_not_spoken_for(mine: Grown) -> None:
    """Somebody enrolled after the old snapshot cannot be shown to have been taken out of it."""
    with mine.open() as ws:
        ws.member.enrol(["late-1"])
        receipt = ws.member.receipt("late-1")
        verdict = verify(
            ws.proof.bytes("certificate-replies-2"), ws.places.trust.read_bytes(), receipt
        )
        assert verdict.failed is not None
        assert verdict.failed.code == "verify.order"


def _as_certificate(ws: Workspace, release: str) -> CertificateFile:
    """Return what a certificate of an approximate unlearning would have to hold."""
    from byleave.service.snapshot_diff import diff

    done: Any = parse_proof_file(ws.proof.bytes(f"unlearning-{release}"))
    sealed = {s["index"]: s for s in ws.snapshot.list()}
    old, new = (sealed[p.proof.index] for p in (done.old_snapshot, done.new_snapshot))
    return CertificateFile(
        certificate=done.unlearning,
        unlearning=done.unlearning,
        old=done.old,
        old_snapshot=done.old_snapshot,
        new=done.new,
        new_snapshot=done.new_snapshot,
        new_gate=ws.house.log.logged(new["gate"]),
        statement={},
        signature=bytes(64),
        proof=diff(ws.house, old["snapshot"], new["snapshot"]).proof,
    )


def _stated(ws: Workspace, release: str) -> Statement:
    """Return the statement that an honest certificate would make, were the release exact."""
    statement = copy.deepcopy(dict(certificate(ws).statement))
    statement["to"]["release"] = release
    return statement
