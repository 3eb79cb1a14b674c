"""Make receipts and proof files from the ledgers, the snapshots and the published log.

A proof's name says what it is, so that a page can link it before it exists:
`event-INDEX`, `presence-ORDINAL-RELEASE`, `absence-ORDINAL-RELEASE`.
"""

from __future__ import annotations

import re
from typing import Any

from byleave.errors import InputError
from byleave.evidence.bucket import LABEL_BYTES, GroundOpening, label
from byleave.evidence.proof_file import (
    AbsenceFile,
    ConsentEventFile,
    PresenceFile,
    encode_proof_file,
)
from byleave.evidence.receipt import Receipt, ReceiptEvent
from byleave.ids import MemberId
from byleave.service.consent import event_document
from byleave.service.house import House
from byleave.service.model import release_object
from byleave.service.snapshot import map_of, openings_of, snapshot_document
from byleave.snapshot.openings import member_openings, opened_records

__all__ = ["event_proof", "is_present", "make_receipt", "named_proof", "release_proof"]

_NAME = re.compile(
    r"(?:event-([0-9]{1,12})|(presence|absence)-([0-9]{1,12})-([a-z0-9][a-z0-9._-]*))"
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
    ).encode()


def event_proof(house: House, index: int) -> bytes:
    """Return the proof that a consent event is logged. Private: it holds the event.

    Raises:
        InputError: `workspace.unknown-object`, no event has that index.
    """
    rows = [row for row in house.ledger.events(before=index + 1) if row[0] == index]
    if not rows:
        raise InputError(f"log entry {index} is no consent event", code="workspace.unknown-object")
    member = house.ledger.members()[rows[0][1]][1]
    return encode_proof_file(ConsentEventFile(event=_receipt_event(house, member, rows[0])))


def release_proof(house: House, member: str, release: str) -> tuple[str, bytes]:
    """Return whether a member's records are in a release's snapshot, and the proof of it.

    Returns:
        `presence` or `absence`, and the proof file's bytes.

    Raises:
        InputError: `member.unknown`, `member.erased`, `workspace.unknown-object`.
    """
    ordinal, _, secret, _, _ = _member(house, member)
    release_index, document = release_object(house, release)
    name = document["snapshot"]
    snapshot_index, _ = snapshot_document(house, name)
    tree = map_of(house, name)
    public = label(secret, tree.epoch)[:LABEL_BYTES]
    logged = house.log.logged(release_index)
    sealed = house.log.logged(snapshot_index)
    own = member_openings(openings_of(house, name), ordinal)
    if not own.num_rows:
        absent = AbsenceFile(
            release=logged, snapshot=sealed, proof=tree.absence(public), label=public
        )
        return "absence", encode_proof_file(absent)
    grounds: dict[bytes, GroundOpening] = {
        record.leaf_data(): record.opening
        for record in opened_records(own, with_grounds=True)
        if record.opening is not None
    }
    present = PresenceFile(release=logged, snapshot=sealed, proof=tree.presence(public, grounds))
    return "presence", encode_proof_file(present)


def is_present(house: House, ordinal: int, release: str) -> tuple[int, int]:
    """Return how many records of a member a release's snapshot holds: (as author, as recipient)."""
    _, document = release_object(house, release)
    own = member_openings(openings_of(house, document["snapshot"]), ordinal)
    roles = own["role"].to_pylist()
    return roles.count(1), roles.count(2)


def named_proof(house: House, name: str) -> bytes:
    """Return the proof file that a page's link names.

    Raises:
        InputError: `workspace.unknown-object`, no such proof can be made.
    """
    match = _NAME.fullmatch(name)
    if match is None:
        raise InputError("no proof of that name", code="workspace.unknown-object")
    event, kind, ordinal, release = match.groups()
    if event is not None:
        return event_proof(house, int(event))
    members = house.ledger.members()
    if int(ordinal) >= len(members):
        raise InputError("no proof of that name", code="workspace.unknown-object")
    found, data = release_proof(house, members[int(ordinal)][1], release)
    if found != kind:
        raise InputError(f"what holds is {found}", code="workspace.unknown-object")
    return data


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
