"""The receipt: what a member keeps. A private document: whoever has it can follow its holder.

    {"format":"byleave-receipt/v1","member":ID,"secret":HEX32,"enrolment":{entry, proof},
     "events":[{"event":{...},"salt":HEX32,"entry":...,"proof":...}]
     [,"joint":{"operator":HEX32,"member":HEX32,"offer":{entry, proof}}]}

`joint` stands where the member took part in making the secret: both nonces, and the log entry
by which the operator was bound to its own before it saw the member's.

`parse_receipt` recomputes every commitment in it; that the entries are in a log is the
verifier's to check, under its own trust file.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from byleave import canonical
from byleave.errors import EvidenceError, InputError
from byleave.evidence.enrolment import (
    enrolment_commitment,
    event_commitment,
    joint_secret,
    offer_commitment,
)
from byleave.evidence.entry import (
    ConsentEventEntry,
    EnrolmentEntry,
    EnrolmentOfferEntry,
    parse_entry,
)
from byleave.evidence.fields import DIGEST, MAX_ITEMS, array, exactly
from byleave.evidence.log_proof import LoggedEntry
from byleave.ids import MemberId

__all__ = [
    "MAX_RECEIPT_BYTES",
    "JointSecret",
    "Receipt",
    "ReceiptEvent",
    "check_event",
    "parse_receipt",
]

MAX_RECEIPT_BYTES: Final = 1 << 24
MAX_EVENTS: Final = 10_000
MAX_MEMBER_BYTES: Final = 1024
_FORMAT: Final = "byleave-receipt/v1"
_FIELDS: Final = frozenset({"enrolment", "events", "format", "member", "secret"})
_EVENT_FIELDS: Final = frozenset({"entry", "event", "proof", "salt"})
_JOINT_FIELDS: Final = frozenset({"member", "offer", "operator"})


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptEvent:
    """One consent event: its document, its salt, its entry and log proof."""

    event: Mapping[str, Any] = field(repr=False)
    salt: bytes = field(repr=False)
    logged: LoggedEntry


@dataclass(frozen=True, slots=True, kw_only=True)
class JointSecret:
    """How the secret was made by both: their nonces (32 bytes), and the operator's logged offer."""

    operator: bytes = field(repr=False)
    member: bytes = field(repr=False)
    offer: LoggedEntry

    def to_dict(self) -> dict[str, canonical.Json]:
        """Return what a receipt holds of it."""
        return {
            "member": self.member.hex(),
            "offer": self.offer.to_dict(),
            "operator": self.operator.hex(),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """A receipt whose commitments hold.

    Attributes:
        member: The platform's id of the member.
        secret: The member's secret r, 32 bytes.
        enrolment: The enrolment entry and its log proof.
        events: The member's consent events, in the order of the ledger.
        joint: How both made the secret; None: the operator made it.
    """

    member: MemberId = field(repr=False)
    secret: bytes = field(repr=False)
    enrolment: LoggedEntry
    events: tuple[ReceiptEvent, ...] = ()
    joint: JointSecret | None = None

    def encode(self) -> bytes:
        """Return the canonical bytes: private, to be written 0600."""
        events: list[canonical.Json] = [
            {"event": e.event, "salt": e.salt.hex(), **e.logged.to_dict()} for e in self.events
        ]
        document: dict[str, canonical.Json] = {
            "format": _FORMAT,
            "member": self.member,
            "secret": self.secret.hex(),
            "enrolment": self.enrolment.to_dict(),
            "events": events,
        }
        if self.joint is not None:
            document["joint"] = self.joint.to_dict()
        return canonical.encode(document)


def parse_receipt(data: bytes) -> Receipt:
    """Read a receipt's canonical bytes and recompute its commitments.

    Raises:
        EvidenceError: `receipt.malformed`, `receipt.commitment`, `receipt.joint`,
            `proof.too-large`, or a code of the log proof or entry that is malformed in it.
    """
    if len(data) > MAX_RECEIPT_BYTES:
        raise EvidenceError("the receipt is over 16 MiB", code="proof.too-large")
    try:
        found: Any = canonical.decode(data, most=MAX_ITEMS)
        with_joint = isinstance(found, dict) and "joint" in found
        document = exactly(found, _FIELDS | {"joint"} if with_joint else _FIELDS)
        member = document["member"]
        if document["format"] != _FORMAT or not isinstance(member, str):
            raise ValueError
        if not 0 < len(member.encode()) <= MAX_MEMBER_BYTES:
            raise ValueError
        receipt = Receipt(
            member=MemberId(member),
            secret=DIGEST.read(document["secret"]),
            enrolment=LoggedEntry.read(document["enrolment"]),
            events=tuple(_read_event(item) for item in array(document["events"], MAX_EVENTS)),
            joint=_read_joint(document["joint"]) if with_joint else None,
        )
    except (ValueError, InputError):
        raise EvidenceError(
            "not a byleave-receipt/v1 in its one encoding", code="receipt.malformed"
        ) from None
    enrolment = parse_entry(receipt.enrolment.entry, EnrolmentEntry)
    committed = enrolment_commitment(receipt.secret, receipt.member)
    if not hmac.compare_digest(committed, enrolment.commitment):
        raise EvidenceError(
            "the enrolment entry commits to another member or secret", code="receipt.commitment"
        )
    if receipt.joint is not None:
        _check_joint(receipt.joint, receipt.secret)
    for event in receipt.events:
        if event.event.get("member") != receipt.member:
            raise EvidenceError("an event of another member", code="receipt.commitment")
        check_event(event)
    return receipt


def check_event(event: ReceiptEvent) -> None:
    """Check that the log entry commits to this event document and salt.

    Raises:
        EvidenceError: `receipt.commitment`, or a code of `parse_entry`.
    """
    entry = parse_entry(event.logged.entry, ConsentEventEntry)
    found = event_commitment(event.salt, event.event)
    if not hmac.compare_digest(found, entry.commitment):
        raise EvidenceError(
            "the log entry commits to another consent event", code="receipt.commitment"
        )


def _check_joint(joint: JointSecret, secret: bytes) -> None:
    offer = parse_entry(joint.offer.entry, EnrolmentOfferEntry)
    if not hmac.compare_digest(offer_commitment(joint.operator), offer.commitment):
        raise EvidenceError("the offer commits to another nonce", code="receipt.joint")
    if not hmac.compare_digest(joint_secret(joint.operator, joint.member), secret):
        raise EvidenceError("the secret is not made of these nonces", code="receipt.joint")


def _read_joint(value: object) -> JointSecret:
    document = exactly(value, _JOINT_FIELDS)
    return JointSecret(
        operator=DIGEST.read(document["operator"]),
        member=DIGEST.read(document["member"]),
        offer=LoggedEntry.read(document["offer"]),
    )


def _read_event(value: object) -> ReceiptEvent:
    document = exactly(value, _EVENT_FIELDS)
    if not isinstance(document["event"], dict):
        raise ValueError  # noqa: TRY004 (becomes receipt.malformed)
    return ReceiptEvent(
        event=document["event"],
        salt=DIGEST.read(document["salt"]),
        logged=LoggedEntry.of(document),
    )
