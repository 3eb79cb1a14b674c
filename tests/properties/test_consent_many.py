"""Many decisions at once, and bitmaps made in ranges, say what the oracle and `build` say."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from byleave.consent.allowed import allowed
from byleave.consent.bits import build_bits
from byleave.consent.decide import decide
from byleave.consent.event import ConsentEvent, EventKind, NoticeCoverage
from byleave.consent.state import EventColumns, build
from byleave.errors import InputError
from byleave.ids import LedgerIndex, MemberId, to_us
from byleave.policy.scope import Scope, Use

START = datetime(2025, 1, 1, tzinfo=UTC)
USE = Use(purpose="train.jobs", category="profile", recipient="platform")
SCOPES = [
    Scope(purpose=p, category="profile", recipient="platform") for p in ("train.jobs", "train", "x")
]
NOTICES = {"n": NoticeCoverage(uses=frozenset([USE]), shown=frozenset())}
MEMBERS = 40


def day(number: int) -> datetime:
    return START + timedelta(days=number)


@st.composite
def histories(draw: st.DrawFn) -> list[ConsentEvent]:
    count = draw(st.integers(0, 60))
    found = []
    for index in range(count):
        kind = draw(st.sampled_from([EventKind.GRANT] * 3 + list(EventKind)))
        grant = kind is EventKind.GRANT
        at = day(draw(st.integers(0, 9)))
        found.append(
            ConsentEvent(
                member=MemberId(str(draw(st.integers(0, MEMBERS - 1)))),
                index=LedgerIndex(index),
                kind=kind,
                scope=draw(st.sampled_from(SCOPES)),
                effective=at,
                recorded=at,
                expires=day(draw(st.integers(10, 20))) if grant and draw(st.booleans()) else None,
                includes_past=grant and draw(st.booleans()),
                notice=draw(st.sampled_from(["n", "other"])) if grant else None,
            )
        )
    return found


def columns_of(events: list[ConsentEvent]) -> EventColumns:
    return EventColumns.from_events(events, {MemberId(str(n)): n for n in range(MEMBERS)})


@settings(deadline=None, max_examples=150)
@given(events=histories(), at=st.integers(0, 20), days=st.lists(st.integers(-2, 12)))
def test_many_decisions_are_the_oracles(
    events: list[ConsentEvent], at: int, days: list[int]
) -> None:
    """`allowed` answers every pair of member and date as the oracle does, and nobody with no."""
    state = build(columns_of(events), USE, at=day(at), members=MEMBERS, notices=NOTICES)
    asked = [(n, d) for n in range(-2, MEMBERS + 9) for d in (None, *days)]
    unknown = -(2**63)
    answers = allowed(
        state,
        np.array([n for n, _ in asked]),
        np.array([unknown if d is None else to_us(day(d)) for _, d in asked]),
    )
    for (number, collected), answer in zip(asked, answers.tolist(), strict=True):
        wanted = decide(
            [e for e in events if e.member == str(number)],
            USE,
            at=day(at),
            collected_at=None if collected is None else day(collected),
            notices=NOTICES,
        )
        assert answer == wanted.allowed, (number, collected)
    whole = allowed(state, np.arange(MEMBERS))
    assert whole.tolist() == [a for (n, d), a in zip(asked, answers, strict=True)
                              if d is None and 0 <= n < MEMBERS]  # fmt: skip


@settings(deadline=None, max_examples=100)
@given(events=histories(), part=st.sampled_from([8, 16, 40, 48]))
def test_ranges_make_the_whole(events: list[ConsentEvent], part: int) -> None:
    """Bitmaps made range by range are those of the state that was built at once."""
    columns = columns_of(events)
    state = build(columns, USE, at=day(12), members=MEMBERS, notices=NOTICES)
    parts = [
        columns.take((columns.ordinal >= first) & (columns.ordinal < first + part))
        for first in range(0, MEMBERS, part)
    ]
    bits = build_bits(parts, USE, at=day(12), members=MEMBERS, notices=NOTICES, part=part)
    for name in bits._fields:
        assert getattr(bits, name).tolist() == getattr(state, name).tolist(), name


def test_parts_that_do_not_fit_are_refused() -> None:
    """Too few parts, a part of other members, or one that is no multiple of 8 is refused."""
    none = columns_of([])
    event = ConsentEvent(
        member=MemberId("9"),
        index=LedgerIndex(0),
        kind=EventKind.REFUSAL,
        scope=SCOPES[0],
        effective=START,
        recorded=START,
    )
    for parts, part in (([none], 8), ([none, columns_of([event])], 24), ([none] * 10, 4)):
        with pytest.raises(InputError) as error:
            build_bits(parts, USE, at=START, members=MEMBERS, notices=NOTICES, part=part)
        assert error.value.code == "consent.batch"
