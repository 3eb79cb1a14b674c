"""Enrolment in which the member takes part: neither side chooses the secret."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from byleave.errors import ConflictError, EvidenceError, InputError
from byleave.evidence.enrolment import joint_secret, offer_commitment
from byleave.evidence.entry import EnrolmentOfferEntry, parse_entry
from byleave.evidence.receipt import parse_receipt
from byleave.service.enrol_joint import forget_joint, joint_of
from byleave.verify import verify
from tests.unit.service.small import PLATFORM, Grown, grant
from tests.vectors.world import derive

NONCE = derive("the member's own part")


def test_a_members_part_goes_into_their_secret(copied: Grown) -> None:
    """The receipt shows both nonces, the offer made before, and a secret made of the two."""
    with copied.open() as ws:
        name, offered, commitment = ws.member.offer()
        index = ws.member.enrol_jointly("new-1", offer=name, nonce=NONCE, region="eu")
        receipt = parse_receipt(ws.member.receipt("new-1"))
        assert receipt.joint is not None
        assert receipt.joint.member == NONCE
        assert receipt.secret == joint_secret(receipt.joint.operator, NONCE)
        assert offer_commitment(receipt.joint.operator) == commitment
        entry = parse_entry(ws.log.entry(offered), EnrolmentOfferEntry)
        assert entry.commitment == commitment
        assert offered < index == receipt.enrolment.proof.index


def test_verify_says_that_both_made_the_secret(copied: Grown) -> None:
    """A proof under such a receipt verifies, and the verdict shows the member their own part."""
    with copied.open() as ws:
        trust = ws.places.trust.read_bytes()
        name, _, _ = ws.member.offer()
        ws.member.enrol_jointly("new-1", offer=name, nonce=NONCE)
        ws.consent.record([grant("new-1", PLATFORM, ws)])
        event = ws.consent.history("new-1")[-1]
        proof = ws.proof.bytes(f"event-{event.index}")
        verdict = verify(proof, trust, ws.member.receipt("new-1"))
        assert verdict.ok
        assert verdict.facts["member_nonce"] == NONCE.hex()
        assert "secret made by both" in verdict.checks[1].detail
        plain = verify(
            ws.proof.bytes(f"event-{ws.consent.history(copied.agreed[0])[0].index}"),
            trust,
            ws.member.receipt(copied.agreed[0]),
        )
        assert "member_nonce" not in plain.facts


def test_a_receipt_that_says_otherwise_is_refused(copied: Grown) -> None:
    """Another nonce, an offer of another nonce, or an offer made afterwards: each is refused."""
    with copied.open() as ws:
        trust = ws.places.trust.read_bytes()
        first, _, _ = ws.member.offer()
        second, _, _ = ws.member.offer()
        ws.member.enrol_jointly("new-1", offer=first, nonce=NONCE)
        ws.member.enrol_jointly("new-2", offer=second, nonce=NONCE)
        ws.consent.record([grant("new-1", PLATFORM, ws)])
        one, two = (parse_receipt(ws.member.receipt(m)) for m in ("new-1", "new-2"))
        assert one.joint is not None
        assert two.joint is not None
        for joint in (
            replace(one.joint, member=bytes(32)),
            replace(one.joint, operator=bytes(32)),
            replace(one.joint, offer=two.joint.offer),
            replace(two.joint, member=NONCE),
        ):
            with pytest.raises(EvidenceError) as caught:
                parse_receipt(replace(one, joint=joint).encode())
            assert caught.value.code == "receipt.joint"
        ws.member.offer()
        offers = [ws.house.log.logged(at) for at, *_ in ws.ledger.objects("enrolment-offer")]
        moved = replace(one.joint, offer=replace(offers[-1], entry=one.joint.offer.entry))
        proof = ws.proof.bytes(f"event-{ws.consent.history('new-1')[-1].index}")
        verdict = verify(proof, trust, replace(one, joint=moved).encode())
        assert verdict.failed is not None
        assert verdict.failed.code == "merkle.root-mismatch"


def test_an_offer_is_used_once_and_a_secret_is_made_once(copied: Grown) -> None:
    """A used offer, an unknown one, a short nonce and an enrolled member are each refused."""
    with copied.open() as ws:
        name, _, _ = ws.member.offer()
        with pytest.raises(InputError) as unknown:
            ws.member.enrol_jointly("new-1", offer="offer-x", nonce=NONCE)
        assert unknown.value.code == "workspace.unknown-object"
        with pytest.raises(InputError) as short:
            ws.member.enrol_jointly("new-1", offer=name, nonce=NONCE[:31])
        assert short.value.code == "map.parameters"
        with pytest.raises(ConflictError) as known:
            ws.member.enrol_jointly(copied.agreed[0], offer=name, nonce=NONCE)
        assert known.value.code == "member.enrolled"
        ws.member.enrol_jointly("new-1", offer=name, nonce=NONCE)
        with pytest.raises(ConflictError) as used:
            ws.member.enrol_jointly("new-2", offer=name, nonce=NONCE)
        assert used.value.code == "enrolment.offer-used"


def test_the_log_learns_neither_part(copied: Grown) -> None:
    """No entry of the log holds a nonce, the secret or the member's id."""
    with copied.open() as ws:
        name, _, _ = ws.member.offer()
        ws.member.enrol_jointly("new-1", offer=name, nonce=NONCE)
        receipt = parse_receipt(ws.member.receipt("new-1"))
        assert receipt.joint is not None
        entries = b"".join(ws.ledger.read(0, ws.ledger.size()))
        for part in (NONCE, receipt.joint.operator, receipt.secret):
            assert part.hex().encode() not in entries
        assert b"new-1" not in entries


def test_both_parts_can_be_forgotten(copied: Grown) -> None:
    """After erasing them, neither nonce of a member is anywhere in the ledger's documents."""
    with copied.open() as ws:
        name, _, _ = ws.member.offer()
        ws.member.enrol_jointly("new-1", offer=name, nonce=NONCE)
        ordinal = ws.member.ordinal("new-1")
        with ws.ledger.writing() as writer:
            forget_joint(ws.house, writer, ordinal)
        assert joint_of(ws.house, ordinal) is None
        held = json.dumps(
            [*ws.ledger.objects("joint-secret"), *ws.ledger.objects("enrolment-offer")]
        )
        assert NONCE.hex() not in held
