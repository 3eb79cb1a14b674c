"""The columnar state says of every member what the oracle says."""

from __future__ import annotations

from dataclasses import fields
from datetime import datetime, timedelta

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from byleave.consent.decide import decide, standing
from byleave.consent.event import ConsentEvent, EvidenceGrade
from byleave.consent.reason import VETOES, Reason
from byleave.consent.state import EventColumns, State, advance, build, get_bits
from byleave.ids import MemberId, from_us
from tests.engines.strategies import AT, LEAVES, NOTICES, START, days, histories

USE = LEAVES[3]


def columns_of(events: dict[MemberId, list[ConsentEvent]]) -> EventColumns:
    """All events in the order of the ledger."""
    ordered = sorted((e for es in events.values() for e in es), key=lambda e: e.index)
    return EventColumns.from_events(ordered, {m: i for i, m in enumerate(events)})


def same(one: State, other: State) -> bool:
    """Say whether two states hold equal values everywhere."""
    pairs = [(getattr(one, f.name), getattr(other, f.name)) for f in fields(State)]
    return all(np.array_equal(a, b) if isinstance(a, np.ndarray) else a == b for a, b in pairs)


@settings(deadline=None, max_examples=300)
@given(events=histories(), accepted=st.sampled_from(EvidenceGrade), collected=st.none() | days)
def test_state_equals_decide(
    events: dict[MemberId, list[ConsentEvent]],
    accepted: EvidenceGrade,
    collected: datetime | None,
) -> None:
    """Reason, deciding index and bitmaps of each member are those of the oracle."""
    state = build(columns_of(events), USE, at=AT, members=4, notices=NOTICES, accepted=accepted)
    allow, since, veto = (get_bits(b, 4) for b in (state.allow, state.since, state.veto))
    for ordinal, own in enumerate(events.values()):
        stands = standing(own, USE, at=AT, notices=NOTICES, accepted=accepted)
        assert Reason(int(state.code[ordinal])) is stands.reason
        assert int(state.because[ordinal]) == (-1 if stands.because is None else stands.because)
        assert bool(veto[ordinal]) is (stands.reason in VETOES)
        answer = decide(own, USE, at=AT, collected_at=collected, notices=NOTICES, accepted=accepted)
        start = from_us(int(state.effective_us[ordinal]))
        new = bool(since[ordinal]) and collected is not None and collected >= start
        assert answer.allowed is (bool(allow[ordinal]) or new)


@settings(deadline=None, max_examples=200)
@given(events=histories(), cut=st.integers(0, 40), hours=st.integers(0, 24 * 40))
def test_advance_equals_build(
    events: dict[MemberId, list[ConsentEvent]], cut: int, hours: int
) -> None:
    """Advancing by the ledger's tail and by time gives what a rebuild gives."""
    columns = columns_of(events)
    early = START + timedelta(days=cut)
    late = early + timedelta(hours=hours)
    head = columns.take(columns.index <= cut)
    known = int(head.ordinal.max()) + 1 if len(head) else 0
    state = build(head, USE, at=early, members=known, notices=NOTICES)
    moved = advance(state, columns, at=late, members=4, notices=NOTICES)
    assert same(moved, build(columns, USE, at=late, members=4, notices=NOTICES))
