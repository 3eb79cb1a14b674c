"""Make receipts and proof files from the ledgers, the snapshots and the published log.

A proof's name says what it is, so that a page can link it before it exists:
`event-INDEX`, `presence-ORDINAL-RELEASE`, `absence-ORDINAL-RELEASE`; about the platform alone
`lineage-RELEASE`, `unlearning-RELEASE`, `certificate-RELEASE`, `disclosure-NAME`, `cessation-INDEX`.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from byleave import merkle
from byleave.errors import InputError
from byleave.evidence.bucket import LABEL_BYTES, PresenceProof, check_record, label
from byleave.evidence.entry import SnapshotEntry, parse_entry
from byleave.evidence.proof_file import encode_proof_file
from byleave.evidence.proof_kinds import (
    AbsenceFile,
    ConsentEventFile,
    DirectoryPart,
    Labelled,
    PresenceFile,
    ProofFile,
    RecordFile,
)
from byleave.evidence.receipt import Receipt, ReceiptEvent
from byleave.ids import MemberId
from byleave.service.certificate import certificate_proof
from byleave.service.cessation import cessation_proof
from byleave.service.consent import event_document
from byleave.service.directory import Provers, directory_part
from byleave.service.enrol_joint import joint_of
from byleave.service.house import House
from byleave.service.model import release_object
from byleave.service.prove_platform import disclosure_proof, lineage_proof, unlearning_proof
from byleave.service.recall import acknowledgement_proof
from byleave.service.snapshot import map_proof, member_rows, snapshot_document

__all__ = [
    "event_holder",
    "event_proof",
    "is_present",
    "make_receipt",
    "named_proof",
    "record_proof",
    "release_proof",
]

_NAME = re.compile(
    r"(?:event-([0-9]{1,12})|(presence|absence)-([0-9]{1,12})-([a-z0-9][a-z0-9._-]*))"
)
_PLATFORM = re.compile(
    r"(acknowledgement|certificate|lineage|unlearning|disclosure|cessation)-([a-z0-9][a-z0-9._-]*)"
)


def make_receipt(house: House, member: str) -> bytes:
    """Return a member's receipt: their secret, their enrolment, their choices. Private.

    Raises:
        InputError: `member.unknown`, `member.erased`.
    """
    ordinal, _, secret, enrolment, _ = _member(house, member)
    return Receipt(
        member=MemberId(member),
        secret=secret,
        enrolment=house.log.logged(enrolment),
        events=tuple(
            _receipt_event(house, member, row) for row in house.ledger.member_events(ordinal)
        ),
        joint=joint_of(house, ordinal),
    ).encode()


def event_proof(house: House, index: int, *, self_contained: bool = False) -> bytes:
    """Return the proof that a consent event is logged. Private: it holds the event.

    Raises:
        InputError: `workspace.unknown-object`, no event has that index.
    """
    row = _event_row(house, index)
    found = house.ledger.member_at(row[1])
    if found is None:
        raise InputError("the ledger knows no such member", code="member.unknown")
    proof = ConsentEventFile(event=_receipt_event(house, found[1], row))
    return _encoded(house, proof, found[1] if self_contained else None)


def event_holder(house: House, index: int) -> int:
    """Return the ordinal of the member whose consent event a log entry is.

    Raises:
        InputError: `workspace.unknown-object`, no event has that index.
    """
    ordinal: int = _event_row(house, index)[1]
    return ordinal


def release_proof(
    house: House,
    member: str,
    release: str,
    *,
    provers: Provers | None = None,
    self_contained: bool = False,
) -> tuple[str, bytes]:
    """Return whether a member's records are in a release's snapshot, and the proof of it.

    Args:
        house: The workspace's ports.
        member: A member id.
        release: Where the proof starts.
        provers: Makes the keys of directories; None: no directory covers the answer.
        self_contained: Put the member's receipt in the file, which is then private.

    Returns:
        `presence` or `absence`, and the proof file's bytes.

    Raises:
        InputError: `member.unknown`, `member.erased`, `workspace.unknown-object`;
            `proof.enrolled-later`.
    """
    proof = _model_proof(house, member, release, provers)
    return proof.kind, _encoded(house, proof, member if self_contained else None)


def record_proof(
    house: House,
    member: str,
    release: str,
    number: int,
    *,
    provers: Provers | None = None,
    for_others: bool = False,
    self_contained: bool = False,
) -> bytes:
    """Return the proof that one record of a member is in a release's snapshot.

    Args:
        house: The workspace's ports.
        member: A member id.
        release: Where the proof starts.
        number: Which of the member's records, from 0, in the order of the presence proof.
        provers: Makes the keys of directories; None: no directory covers the answer.
        for_others: Also put in what a checker without the receipt needs; the file is private.
        self_contained: Put the whole receipt in; the file is private.

    Raises:
        InputError: `map.member-absent`, the member has none; `proof.no-such-record`; and as
            `release_proof`.
    """
    proof = _model_proof(house, member, release, provers)
    if not isinstance(proof, PresenceFile):
        raise InputError("the member has no record in this snapshot", code="map.member-absent")
    records = proof.proof.records
    if not 0 <= number < len(records):
        raise InputError(
            f"the member has {len(records):,} records here, numbered from 0",
            code="proof.no-such-record",
        )
    levels = merkle.all_levels([check_record(record) for record in records])
    siblings = merkle.inclusion_proof(number, len(records), merkle.LevelReader(levels))
    labelled = None
    if for_others:
        _, _, secret, enrolment, _ = _member(house, member)
        epoch = parse_entry(proof.snapshot.entry, SnapshotEntry).epoch
        labelled = Labelled(label=label(secret, epoch), enrolment=house.log.logged(enrolment))
    single = RecordFile(
        release=proof.release,
        snapshot=proof.snapshot,
        labels=proof.proof.labels,
        commitments=proof.proof.commitments,
        path=proof.proof.path,
        record=records[number],
        index=number,
        of=len(records),
        siblings=siblings,
        labelled=labelled,
        directory=proof.directory,
    )
    return _encoded(house, single, member if self_contained else None)


def is_present(house: House, ordinal: int, release: str) -> tuple[int, int]:
    """Return how many records of a member a release's snapshot holds: (as author, as recipient)."""
    _, document = release_object(house, release)
    own = member_rows(house, document["snapshot"], ordinal)
    roles = own["role"].to_pylist()
    return roles.count(1), roles.count(2)


def named_proof(house: House, name: str, *, provers: Provers | None = None) -> bytes:
    """Return the proof file that a page's link names.

    Raises:
        InputError: `workspace.unknown-object`, no such proof can be made.
    """
    platform = _PLATFORM.fullmatch(name)
    if platform is not None:
        return _platform_proof(house, *platform.groups())
    match = _NAME.fullmatch(name)
    if match is None:
        raise InputError("no proof of that name", code="workspace.unknown-object")
    event, kind, ordinal, release = match.groups()
    if event is not None:
        return event_proof(house, int(event))
    found = house.ledger.member_at(int(ordinal))
    if found is None:
        raise InputError("no proof of that name", code="workspace.unknown-object")
    holds, data = release_proof(house, found[1], release, provers=provers)
    if holds != kind:
        raise InputError(f"what holds is {holds}", code="workspace.unknown-object")
    return data


def _platform_proof(house: House, kind: str, name: str) -> bytes:
    match kind:
        case "certificate":
            return certificate_proof(house, name)
        case "lineage":
            return lineage_proof(house, name)
        case "unlearning":
            return unlearning_proof(house, name)
        case "disclosure":
            return disclosure_proof(house, name)
        case "acknowledgement":
            return acknowledgement_proof(house, name)
        case _:
            if not name.isdigit() or len(name) > 15:
                raise InputError("no proof of that name", code="workspace.unknown-object")
            return cessation_proof(house, int(name))


def _model_proof(
    house: House, member: str, release: str, provers: Provers | None
) -> AbsenceFile | PresenceFile:
    ordinal, _, secret, enrolment, _ = _member(house, member)
    release_index, document = release_object(house, release)
    name = document["snapshot"]
    index, _ = snapshot_document(house, name)
    if enrolment > index:
        raise InputError(
            "the member was enrolled after this snapshot was sealed",
            code="proof.enrolled-later",
            hint="nothing in it can be filed under a secret that was not there yet",
        )
    logged, sealed = house.log.logged(release_index), house.log.logged(index)
    part: DirectoryPart | None = None
    if provers is not None:
        part = directory_part(house, provers, member, enrolment=enrolment, snapshot=index)
    found = map_proof(house, name, ordinal, secret)
    if isinstance(found, PresenceProof):
        return PresenceFile(release=logged, snapshot=sealed, proof=found, directory=part)
    epoch = parse_entry(sealed.entry, SnapshotEntry).epoch
    return AbsenceFile(
        release=logged,
        snapshot=sealed,
        proof=found,
        label=label(secret, epoch)[:LABEL_BYTES],
        directory=part,
    )


def _encoded(house: House, proof: ProofFile, holder: str | None) -> bytes:
    """Return the file's bytes, with the receipt of `holder` in it where one is named."""
    if holder is not None:
        proof = replace(proof, receipt=make_receipt(house, holder))
    return encode_proof_file(proof)


def _event_row(house: House, index: int) -> tuple[Any, ...]:
    rows = house.ledger.events(before=index + 1, after=index - 1)
    if not rows:
        raise InputError(f"log entry {index} is no consent event", code="workspace.unknown-object")
    return rows[0]


def _member(house: House, member: str) -> tuple[int, str, bytes, int, int]:
    row = house.ledger.member(member)
    if row is None:
        raise InputError("the ledger knows no such member", code="member.unknown")
    if row[2] is None:
        raise InputError("the member's secret has been erased", code="member.erased")
    return row[0], row[1], row[2], row[3], row[4]


def _receipt_event(house: House, member: str, row: tuple[Any, ...]) -> ReceiptEvent:
    return ReceiptEvent(
        event=event_document(member, row), salt=row[11], logged=house.log.logged(row[0])
    )
