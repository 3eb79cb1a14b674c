"""One decision through the ledger makes few events of a history, and says what all of it says."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from byleave.consent.batch import MemberHistory
from byleave.consent.decide import standing
from byleave.consent.event import ConsentEvent, EventKind, EvidenceGrade, NoticeCoverage
from byleave.ids import LedgerIndex, MemberId, to_us
from byleave.policy.ruleset import RuleBook
from byleave.policy.scope import Scope, Use
from byleave.service import decide as service
from byleave.service.explain import Ruling

START = datetime(2025, 1, 1, tzinfo=UTC)
USE = Use(purpose="train.jobs", category="profile", recipient="platform")
SCOPES = [
    Scope(purpose=p, category="profile", recipient="platform")
    for p in ("train.jobs", "train", "*", "other")
]
NOTICES = {
    "narrow": NoticeCoverage(uses=frozenset([USE]), shown=frozenset([USE])),
    "wide": NoticeCoverage(uses=frozenset([USE]), shown=frozenset()),
    "another": NoticeCoverage(uses=frozenset(), shown=frozenset()),
}


def day(number: int) -> datetime:
    return START + timedelta(days=number)


@st.composite
def histories(draw: st.DrawFn) -> list[ConsentEvent]:
    found = []
    for index in range(draw(st.integers(0, 8))):
        kind = draw(st.sampled_from([EventKind.GRANT] * 3 + list(EventKind)))
        at = day(draw(st.integers(0, 4)))
        grant = kind is EventKind.GRANT
        found.append(
            ConsentEvent(
                member=MemberId("m"),
                index=LedgerIndex(index),
                kind=kind,
                scope=draw(st.sampled_from(SCOPES)),
                effective=at,
                recorded=at,
                expires=day(draw(st.integers(1, 6))) if grant and draw(st.booleans()) else None,
                notice=draw(st.sampled_from([*NOTICES, None])) if grant else None,
                grade=draw(st.sampled_from(list(EvidenceGrade))),
            )
        )
    return found


def row_of(event: ConsentEvent) -> tuple[Any, ...]:
    return (
        event.index, 0, int(event.kind), str(event.scope), to_us(event.effective),
        to_us(event.recorded), None if event.expires is None else to_us(event.expires),
        int(event.includes_past), event.notice, int(event.grade), event.channel, b"", None, None,
    )  # fmt: skip


@settings(deadline=None, max_examples=400)
@given(histories(), st.integers(-1, 6))
def test_few_events_say_what_all_say(events: list[ConsentEvent], number: int) -> None:
    """The decider's answer is the oracle's over the whole history, at every instant."""
    history = MemberHistory(
        ordinal=0, events=[row_of(e) for e in events], last_object=-1, last_recorded=None
    )
    ledger = SimpleNamespace(history=lambda _: history)
    house: Any = SimpleNamespace(
        ledger=ledger, rulebook=RuleBook(version="none", sets=()), now=lambda: day(number)
    )
    with pytest.MonkeyPatch.context() as patch:
        ruling = Ruling(book=house.rulebook, entry=None, notices=NOTICES)
        patch.setattr(service, "ruling_at", lambda *_: ruling)
        found = service.Decider(house).choices("m", USE, at=day(number))
    assert found == standing(events, USE, at=day(number), notices=NOTICES)
