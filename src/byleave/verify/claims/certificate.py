"""The kind `certificate`: an exact unlearning, what it took out, and, with a receipt, that one is out."""

from __future__ import annotations

from typing import Final

from byleave import canonical
from byleave.errors import EvidenceError
from byleave.evidence.bucket import LABEL_BYTES, label
from byleave.evidence.certificate import certificate_statement, labels_digest, verify_certificate
from byleave.evidence.delta_proof import verify_delta
from byleave.evidence.entry import (
    CertificateEntry,
    GateEntry,
    ReleaseEntry,
    SnapshotEntry,
    UnlearningEntry,
    parse_entry,
)
from byleave.evidence.proof_kinds import CertificateFile
from byleave.verify.claim import NEVER_SHOWS, Claim, Skipped, Step
from byleave.verify.claims.platform import check_change, check_releases, check_unlearning
from byleave.verify.run import Run
from byleave.verify.words import counted, short, where

__all__ = ["CLAIM"]


def _certificate(run: Run, proof: CertificateFile) -> str:
    place = run.logged(proof.certificate)
    entry = parse_entry(proof.certificate.entry, CertificateEntry)
    if entry.unlearning != proof.unlearning.proof.index:
        raise EvidenceError("the certificate is of another unlearning", code="verify.wrong-entry")
    if entry.unlearning >= place.index:
        raise EvidenceError("an entry names one that stands after it", code="verify.order")
    run.facts["certificate_index"] = place.index
    return where(place)


def _exact(run: Run, proof: CertificateFile) -> str:
    found = check_releases(run, proof)
    old, new = (parse_entry(item.entry, ReleaseEntry) for item in (proof.old, proof.new))
    if not (old.exact and new.exact):
        raise EvidenceError(
            "an approximate release has a certificate", code="certificate.approximate"
        )
    if old.trainer != new.trainer:
        raise EvidenceError("the releases are of two trainers", code="verify.wrong-entry")
    return f"{found}, both exact, by {new.trainer}"


def _gate(run: Run, proof: CertificateFile) -> str:
    snapshot = parse_entry(proof.new_snapshot.entry, SnapshotEntry)
    gate = parse_entry(proof.new_gate.entry, GateEntry)
    place = run.logged(proof.new_gate)
    if place.index != snapshot.gate or gate.use != snapshot.use:
        raise EvidenceError("this is not the new snapshot's gate", code="verify.wrong-entry")
    if place.index >= proof.new_snapshot.proof.index or gate.ledger > place.index:
        raise EvidenceError("an entry names one that stands after it", code="verify.order")
    run.facts["heard"] = gate.ledger
    return f"every choice up to log entry {gate.ledger:,} was heard"


def _map(run: Run, proof: CertificateFile) -> str:
    old = parse_entry(proof.old_snapshot.entry, SnapshotEntry)
    new = parse_entry(proof.new_snapshot.entry, SnapshotEntry)
    shown = verify_delta(proof.proof, k=new.k, old_root=old.root, new_root=new.root)
    if shown.added or old.members - new.members != len(shown.removed):
        raise EvidenceError(
            "the labels that left do not account for the numbers of members",
            code="certificate.statement",
        )
    run.facts["labels_taken_out"] = len(shown.removed)
    left = counted(len(shown.removed), "label")
    return f"{counted(shown.buckets, 'bucket')} changed, {left} left, none came, nothing else did"


def _statement(run: Run, proof: CertificateFile) -> str:
    entry = parse_entry(proof.certificate.entry, CertificateEntry)
    verify_certificate(proof.statement, proof.signature, entry)
    old = parse_entry(proof.old_snapshot.entry, SnapshotEntry)
    new = parse_entry(proof.new_snapshot.entry, SnapshotEntry)
    expected = certificate_statement(
        origin=str(run.facts["origin"]),
        stated=str(proof.statement["stated"]),
        heard=parse_entry(proof.new_gate.entry, GateEntry).ledger,
        unlearning=(
            proof.unlearning.proof.index,
            parse_entry(proof.unlearning.entry, UnlearningEntry),
        ),
        old=(parse_entry(proof.old.entry, ReleaseEntry), old),
        new=(parse_entry(proof.new.entry, ReleaseEntry), new),
        labels=_removed(proof),
        purge=proof.statement["purge"],
    )
    if canonical.encode(expected) != canonical.encode(proof.statement):
        raise EvidenceError(
            "the certificate states what the log entries do not", code="certificate.statement"
        )
    run.facts |= {
        "purge": proof.statement["purge"],
        "labels_sha256": labels_digest(_removed(proof)),
    }
    removed = counted(len(proof.statement["purge"]["removed"]), "file")
    return f"signed by key {short(entry.signer)}, which the entry names; {removed} removed"


def _holder(run: Run, proof: CertificateFile) -> str:
    if run.receipt is None:
        return Skipped("no receipt given")
    enrolment = run.log_receipt(run.receipt)
    if enrolment.index >= proof.old_snapshot.proof.index:
        raise EvidenceError("the member was enrolled after what is claimed", code="verify.order")
    new = parse_entry(proof.new_snapshot.entry, SnapshotEntry)
    public = label(run.receipt.secret, new.epoch)[:LABEL_BYTES]
    if public not in _removed(proof):
        raise EvidenceError(
            "this receipt's label is not among those taken out: ask for a proof of absence or"
            " presence",
            code="certificate.not-among",
        )
    run.member_label = public
    run.facts["label"] = public.hex()
    return f"{public.hex()}, recomputed from the receipt's secret, is among those taken out"


def _removed(proof: CertificateFile) -> list[bytes]:
    before = {item for change in proof.proof.changes for item in change.old_labels}
    after = {item for change in proof.proof.changes for item in change.new_labels}
    return sorted(before - after)


def _said(run: Run, proof: CertificateFile) -> str:
    stated = proof.statement
    refit = stated["unlearning"]["refit"] is not None
    fit = (
        "the platform fitted without them too and got the same bytes"
        if refit
        else "the platform fitted nothing to compare with"
    )
    whose = (
        "; every record of this receipt's holder is among them" if run.receipt is not None else ""
    )
    return (
        f"release {stated['from']['release']} was unlearned exactly into {stated['to']['release']}:"
        f" {counted(stated['taken_out']['records'], 'record')} and"
        f" {counted(stated['taken_out']['labels'], 'label')} taken out, nothing else changed; {fit}"
        f"{whose}"
    )


CLAIM: Final = Claim(
    kind=CertificateFile,
    steps=(
        Step(
            "certificate",
            "the certificate entry is in a trusted log, and the unlearning entry is the one it"
            " names, before it",
            _certificate,
        ),
        Step(
            "unlearning",
            "the unlearning entry is in a trusted log; where it has a refit, that is the model",
            check_unlearning,
        ),
        Step(
            "releases",
            "the two release entries are the ones it names, stand before it, the new one names the"
            " old one as its parent and is of the unlearned model; both are exact, of one trainer",
            _exact,
        ),
        Step(
            "snapshots",
            "each release's snapshot entry is the one, by index and leaf, that it names; the old"
            " one is the new one's parent, of the same epoch, k and use, and had more records",
            check_change,
        ),
        Step(
            "gate",
            "the gate entry is the one that the new snapshot names, before it, for the same use;"
            " it heard every choice up to the ledger index it names",
            _gate,
        ),
        Step(
            "map",
            "the delta audit proof holds between the two roots; no label came, and those that left"
            " account for the two numbers of members",
            _map,
        ),
        Step(
            "statement",
            "the statement is the one that the certificate entry is of, signed by the key it names,"
            " and says what the other entries and the map say",
            _statement,
        ),
        Step(
            "holder",
            "with a receipt: its entries are in the same log, the enrolment before the old"
            " snapshot, and its label is among those taken out",
            _holder,
        ),
    ),
    statement=_said,
    limits=lambda _: [
        NEVER_SHOWS,
        "that fitting without the rows gives these bytes (refit the release to see)",
        "that the purged files are gone from backups, or the old model from those who have it",
    ],
)
