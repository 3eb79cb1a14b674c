"""A member's choices as a standard receipt (JSON-LD), and as the facts of a page.

The private receipt that `byleave verify` reads is `prove.make_receipt`; the standard one holds no
secret and names it by digest.
"""

from __future__ import annotations

from typing import Any

from byleave import merkle
from byleave.canonical import encode, sha256
from byleave.consent.event import ConsentEvent
from byleave.consent.record_27560 import (
    LoggedEvent,
    NoticeShown,
    Party,
    ReceiptFacts,
    receipt_27560,
)
from byleave.errors import InputError
from byleave.ids import format_instant, from_us
from byleave.policy.scope import Scope
from byleave.service.by_member import region_of
from byleave.service.clock import ledger_now
from byleave.service.consent import member_history
from byleave.service.house import House
from byleave.service.notice import published_notices
from byleave.service.prove import make_receipt
from byleave.service.rules import accepted_grade

__all__ = ["receipt_page", "standard_receipt"]


def standard_receipt(house: House, member: str, *, operator: Party) -> bytes:
    """Return a member's ISO/IEC TS 27560 receipt: JSON-LD in its one encoding, no secret in it.

    Raises:
        InputError: `member.unknown`, `member.erased`; `receipt.no-choice`, they made none.
    """
    return encode(receipt_27560(_facts(house, member, operator)))


def receipt_page(house: House, member: str, *, operator: Party) -> dict[str, Any]:
    """Return the facts of a member's receipt page (`pages.receipt.ReceiptView`).

    Raises:
        InputError: `member.unknown`, `member.erased`.
    """
    facts = _facts(house, member, operator)
    head = house.log.checkpoint()
    return {
        "member_label": member,
        "number": facts.receipt_number(),
        "at": format_instant(facts.at),
        "checkpoint": {"origin": head.origin, "size": head.size, "root": head.root.hex()},
        "records": [_record(facts, scope) for scope in facts.scopes()],
        "private_sha256": facts.private.hex(),
    }


def _record(facts: ReceiptFacts, scope: Scope) -> dict[str, Any]:
    stands = facts.standing(scope)
    return {
        "number": facts.number("record", str(scope)),
        "scope": str(scope),
        "meaning": facts.taxonomy.sentence(scope),
        "state": stands.state.partition(":")[2],
        "allowed": stands.allowed,
        "uses": stands.uses,
        "events": [_event(facts, logged.event) for logged in reversed(facts.about(scope))],
    }


def _event(facts: ReceiptFacts, event: ConsentEvent) -> dict[str, Any]:
    shown = facts.notices.get(event.notice or "")
    return {
        "index": event.index,
        "at": format_instant(event.effective),
        "kind": event.kind.name.lower(),
        "scope": str(event.scope),
        "meaning": facts.taxonomy.sentence(event.scope),
        "includes_past": event.includes_past,
        "expires": None if event.expires is None else format_instant(event.expires),
        "notice": event.notice,
        "notice_sha256": None if shown is None else shown.notice.sha256.hex(),
        "notice_language": None if shown is None else shown.notice.language,
        "counts": event.grade >= facts.accepted,
        "channel": event.channel,
        "proof": f"event-{event.index}",
    }


def _facts(house: House, member: str, operator: Party) -> ReceiptFacts:
    row = house.ledger.member(member)
    if row is None:
        raise InputError("the ledger knows no such member", code="member.unknown")
    ordinal, _, secret, enrolment, _ = row
    if secret is None:
        raise InputError("the member's secret has been erased", code="member.erased")
    now = ledger_now(house)
    events = member_history(house, member)
    published = published_notices(house.ledger)
    answered = {event.notice for event in events}
    return ReceiptFacts(
        at=now,
        operator=operator,
        secret=secret,
        region=region_of(house, ordinal, now),
        events=[_logged(house, event) for event in events],
        notices={
            name: NoticeShown(notice=published[name], published=from_us(at), index=index)
            for index, name, at, _ in house.ledger.objects("notice")
            if name in answered
        },
        accepted=accepted_grade(house.rulebook, now),
        checkpoint=house.log.logged(enrolment).proof.checkpoint.decode("utf-8"),
        private=sha256(make_receipt(house, member)),
        taxonomy=house.taxonomy,
    )


def _logged(house: House, event: ConsentEvent) -> LoggedEvent:
    logged = house.log.logged(event.index)
    return LoggedEvent(
        event=event, leaf=merkle.leaf_hash(logged.entry), proof=logged.proof.format()
    )
