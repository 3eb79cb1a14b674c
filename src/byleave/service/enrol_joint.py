"""Enrol a member who takes part in making their secret (docs/spec/enrolment.md).

(1) the operator draws a nonce and logs a commitment to it: an offer, with a number;
(2) the member, who has the offer, sends a nonce of their own;
(3) r = H(operator's nonce, member's nonce), and the member is enrolled under it.

Neither side chooses r: the operator is bound before it sees the member's part, and the member
does not know the operator's. An operator that likes no outcome can make another offer; each one
stands in the log.
"""

from __future__ import annotations

from typing import Any, Final

from byleave.errors import ConflictError, InputError
from byleave.evidence.enrolment import (
    SECRET_BYTES,
    enrolment_commitment,
    joint_secret,
    offer_commitment,
)
from byleave.evidence.entry import EnrolmentEntry, EnrolmentOfferEntry
from byleave.evidence.receipt import JointSecret
from byleave.ids import to_us
from byleave.service.house import House, LedgerWriter

__all__ = ["enrol_jointly", "forget_joint", "joint_of", "make_offer"]

_OFFER: Final = "enrolment-offer"
_JOINT: Final = "joint-secret"


def make_offer(house: House) -> tuple[str, int, bytes]:
    """Draw and log the operator's part; return the offer's name, log index and commitment.

    The member keeps the commitment: their receipt must show the nonce behind it.
    """
    nonce = house.random(SECRET_BYTES)
    commitment = offer_commitment(nonce)
    with house.ledger.writing() as writer:
        index = writer.log(EnrolmentOfferEntry(commitment=commitment).encode())
        name = f"offer-{index}"
        writer.add_object(
            _OFFER,
            name,
            index=index,
            at_us=to_us(house.now()),
            document={"nonce": nonce.hex(), "used": False},
        )
    return name, index, commitment


def enrol_jointly(
    house: House, member: str, *, offer: str, nonce: bytes, region: str | None = None
) -> int:
    """Enrol a member under the secret made of an offer and their nonce; return the log index.

    Args:
        house: The workspace's ports.
        member: A member id that is not enrolled.
        offer: Name of an offer not used yet.
        nonce: The member's 32 bytes.
        region: The member's region from now on.

    Raises:
        InputError: `workspace.unknown-object`, no such offer; `map.parameters`, the nonce is not
            32 bytes.
        ConflictError: `member.enrolled`, the member has a secret already; `enrolment.offer-used`.
    """
    found = house.ledger.object(_OFFER, offer)
    if found is None:
        raise InputError(f"no offer {offer!r}", code="workspace.unknown-object")
    offered, _, document = found
    if document["used"]:
        raise ConflictError("the offer has been used", code="enrolment.offer-used")
    if house.ledger.member(member) is not None:
        raise ConflictError(
            "the member is enrolled already",
            code="member.enrolled",
            hint="a secret is made once; the directory holds the platform to it",
        )
    own = bytes.fromhex(document["nonce"])
    secret = joint_secret(own, nonce)
    now, ordinal = to_us(house.now()), house.ledger.member_count()
    with house.ledger.writing() as writer:
        entry = EnrolmentEntry(commitment=enrolment_commitment(secret, member))
        index = writer.log(entry.encode())
        writer.add_members([(ordinal, member, secret, index, now)])
        if region is not None:
            writer.add_regions([(ordinal, now, region)])
        writer.add_object(
            _JOINT,
            f"member-{ordinal}",
            index=index,
            at_us=now,
            document={"operator": own.hex(), "member": nonce.hex(), "offer": offered},
        )
        writer.replace_object(_OFFER, offer, {"nonce": None, "used": True})
    return index


def joint_of(house: House, ordinal: int) -> JointSecret | None:
    """Return how a member's secret was made by both; None: the operator made it."""
    document = _document(house, ordinal)
    if document is None or document["operator"] is None:
        return None
    return JointSecret(
        operator=bytes.fromhex(document["operator"]),
        member=bytes.fromhex(document["member"]),
        offer=house.log.logged(document["offer"]),
    )


def forget_joint(house: House, writer: LedgerWriter, ordinal: int) -> None:
    """Erase both nonces of a member, who can else be linked by them as by r: part of erasure."""
    document = _document(house, ordinal)
    if document is not None:
        gone = {**document, "operator": None, "member": None}
        writer.replace_object(_JOINT, f"member-{ordinal}", gone)


def _document(house: House, ordinal: int) -> dict[str, Any] | None:
    found = house.ledger.object(_JOINT, f"member-{ordinal}")
    return None if found is None else found[2]
