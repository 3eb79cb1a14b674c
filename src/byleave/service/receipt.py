"""A member's choices as a standard receipt (JSON-LD), and as the facts of a page.

Beside what the member said stands what a gate answers for each use (`service.explain`): a yes that
the rules of their region, their age or a group stop is a yes, and not allowed.

The private receipt that `byleave verify` reads is `prove.make_receipt`; the standard one holds no
secret and names it by digest.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from byleave import merkle
from byleave.canonical import encode, sha256
from byleave.consent.event import ConsentEvent
from byleave.consent.receipt_facts import (
    LoggedEvent,
    NoticeShown,
    Party,
    Prohibited,
    ReceiptFacts,
    UseAnswer,
)
from byleave.consent.record_27560 import receipt_27560
from byleave.errors import InputError
from byleave.ids import LedgerIndex, format_instant, from_us
from byleave.policy.scope import Scope, Use
from byleave.service.clock import ledger_now
from byleave.service.consent import member_history, position_of
from byleave.service.explain import Explainer, ruling_at
from byleave.service.house import House
from byleave.service.notice import published_notices
from byleave.service.prove import make_receipt
from byleave.service.rules import accepted_grade

__all__ = ["receipt_page", "standard_receipt"]


def standard_receipt(
    house: House,
    member: str,
    *,
    operator: Party,
    at: datetime | None = None,
    known_at: datetime | None = None,
) -> bytes:
    """Return a member's ISO/IEC TS 27560 receipt: JSON-LD in its one encoding, no secret in it.

    Args:
        house: The workspace's ports.
        member: The platform's id.
        operator: Who issues it.
        at: The instant it is about, an aware UTC one; None: `known_at`, else now.
        known_at: Only choices and rulesets recorded by then; None: all.

    Raises:
        InputError: `member.unknown`, `member.erased`; `receipt.no-choice`, they made none.
    """
    return encode(receipt_27560(_facts(house, member, operator, at=at, known_at=known_at)))


def receipt_page(
    house: House,
    member: str,
    *,
    operator: Party,
    at: datetime | None = None,
    known_at: datetime | None = None,
) -> dict[str, Any]:
    """Return the facts of a member's receipt page (`pages.receipt.ReceiptView`).

    Args:
        house: The workspace's ports.
        member: The platform's id.
        operator: Who issues it.
        at: The instant it is about, an aware UTC one; None: `known_at`, else now.
        known_at: Only choices and rulesets recorded by then; None: all.

    Raises:
        InputError: `member.unknown`, `member.erased`.
    """
    facts = _facts(house, member, operator, at=at, known_at=known_at)
    head = house.log.checkpoint()
    return {
        "member_label": member,
        "number": facts.receipt_number(),
        "at": format_instant(facts.at),
        "region": facts.region,
        "checkpoint": {"origin": head.origin, "size": head.size, "root": head.root.hex()},
        "records": [_record(facts, scope) for scope in facts.scopes()],
        "private_sha256": facts.private.hex(),
    }


def _record(facts: ReceiptFacts, scope: Scope) -> dict[str, Any]:
    agreed, answer = facts.agreed(scope), facts.answer(scope)
    return {
        "number": facts.number("record", str(scope)),
        "scope": str(scope),
        "meaning": facts.taxonomy.sentence(scope),
        "state": agreed.state.partition(":")[2],
        "agreed": agreed.agreed,
        "allowed": answer.allowed,
        "uses": answer.uses,
        "grounds": [one.ground.word for one in answer.permitted],
        "stops": [_stop(facts, one) for one in answer.prohibited],
        "events": [_event(facts, logged.event) for logged in reversed(facts.about(scope))],
    }


def _stop(facts: ReceiptFacts, found: Prohibited) -> dict[str, Any]:
    return {
        "because": found.reason.word,
        "agreed": found.agreed,
        "index": found.index,
        "uses": [{"use": str(use), "meaning": facts.taxonomy.sentence(use)} for use in found.uses],
        "rules": [rule.to_dict() for rule in found.rules],
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


def _facts(
    house: House,
    member: str,
    operator: Party,
    *,
    at: datetime | None,
    known_at: datetime | None,
) -> ReceiptFacts:
    row = house.ledger.member(member)
    if row is None:
        raise InputError("the ledger knows no such member", code="member.unknown")
    _, _, secret, enrolment, _ = row
    if secret is None:
        raise InputError("the member's secret has been erased", code="member.erased")
    instant = at or known_at or ledger_now(house)
    ruling = ruling_at(house, position_of(house, known_at=known_at))
    explainer = Explainer(house, member, at=instant, known_at=known_at, ruling=ruling)
    events = member_history(house, member, at=at or known_at, known_at=known_at)
    published = published_notices(house.ledger)
    answered = {event.notice for event in events}
    return ReceiptFacts(
        at=instant,
        operator=operator,
        secret=secret,
        region=explainer.region,
        events=[_logged(house, event) for event in events],
        notices={
            name: NoticeShown(notice=published[name], published=from_us(at_us), index=index)
            for index, name, at_us, _ in house.ledger.objects("notice")
            if name in answered
        },
        accepted=accepted_grade(ruling.book, instant),
        checkpoint=house.log.logged(enrolment).proof.checkpoint.decode("utf-8"),
        private=sha256(make_receipt(house, member)),
        taxonomy=house.taxonomy,
        answers=_answers(house, explainer, {event.scope for event in events}),
    )


def _answers(house: House, explainer: Explainer, scopes: Iterable[Scope]) -> dict[Use, UseAnswer]:
    """Return a gate's answer for every leaf use of some scopes, each asked once."""
    uses = {use: explainer.explain(use) for scope in scopes for use in house.taxonomy.expand(scope)}
    return {
        use: UseAnswer(
            reason=found.reason,
            ground=found.ground,
            choices=found.choices.reason,
            index=None if found.index is None else LedgerIndex(found.index),
            stops=found.stops,
        )
        for use, found in uses.items()
    }


def _logged(house: House, event: ConsentEvent) -> LoggedEvent:
    logged = house.log.logged(event.index)
    return LoggedEvent(
        event=event, leaf=merkle.leaf_hash(logged.entry), proof=logged.proof.format()
    )
