"""The life of a disclosure: the table, the deadlines, the page that prints it."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from itertools import product
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from byleave.disclosure.due import Due, History, due, state_at
from byleave.disclosure.lifecycle import (
    TRANSITIONS,
    DisclosureEvent,
    DisclosureState,
    advance,
    replay,
)
from byleave.disclosure.record import Acknowledgement, Disclosure, Recall, check_acknowledgement
from byleave.errors import ConflictError, InputError
from byleave.ids import Digest, LedgerIndex
from byleave.policy.scope import Use

S, E = DisclosureState, DisclosureEvent
T0 = datetime(2024, 8, 20, tzinfo=UTC)
DAY = timedelta(days=1)
US = timedelta(microseconds=1)
PAIRS = sorted(product(S, E))


def digest(n: int) -> Digest:
    return Digest(bytes([n]) * 32)


def disclosure(**changes: object) -> Disclosure:
    fields: dict = {
        "id": "package-1",
        "index": LedgerIndex(40),
        "recipient": "third-party.provider",
        "snapshot": LedgerIndex(39),
        "use": Use(
            purpose="train.generative.replies",
            category="messages.inmail",
            recipient="third-party.provider",
        ),
        "terms": digest(1),
        "offered_at": T0,
        "delivered_at": T0 + DAY,
    }
    return Disclosure(**(fields | changes))


def recall(index: int = 50, at: datetime = T0 + 5 * DAY, days: int = 10) -> Recall:
    return Recall(
        disclosure=LedgerIndex(40),
        index=LedgerIndex(index),
        order=digest(index),
        at=at,
        deadline_days=days,
        records=3,
    )


def answer(at: datetime, index: int = 50, **changes: object) -> Acknowledgement:
    fields: dict = {
        "disclosure": LedgerIndex(40),
        "recall": LedgerIndex(index),
        "order": digest(index),
        "recipient": "third-party.provider",
        "at": at,
        "deleted": 3,
        "before": digest(7),
        "after": digest(8),
    }
    return Acknowledgement(**(fields | changes))


@pytest.mark.parametrize(("state", "event"), PAIRS, ids=[f"{s}-{e}" for s, e in PAIRS])
def test_every_pair_is_listed_or_refused(state: DisclosureState, event: DisclosureEvent) -> None:
    """A (state, event) pair leads to the state the table lists, or is refused as out of order."""
    after = TRANSITIONS.get((state, event))
    if after is None:
        with pytest.raises(ConflictError) as refused:
            advance(state, event)
        assert refused.value.code == "disclosure.order"
    else:
        assert advance(state, event) is after


def test_every_state_can_be_reached() -> None:
    """Each state but `new` is the outcome of some row, and each is left by some row."""
    assert set(TRANSITIONS.values()) == set(S) - {S.NEW}
    assert {state for state, _ in TRANSITIONS} == set(S)


def test_a_recalled_offer_is_never_delivered() -> None:
    """After a recall of something not yet pulled, delivering it is refused."""
    assert replay([E.OFFER, E.RECALL]) is S.RECALLED
    with pytest.raises(ConflictError):
        replay([E.OFFER, E.RECALL, E.DELIVER])


def test_the_page_prints_the_table(root: Path) -> None:
    """docs/spec/disclosure.md lists exactly the rows of the table in the code."""
    page = (root / "docs" / "spec" / "disclosure.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([a-z-]+)` \| `([a-z-]+)` \| `([a-z-]+)` \|", page, re.MULTILINE)
    assert len(rows) == len(TRANSITIONS)
    assert {(S(a), E(b)): S(c) for a, b, c in rows} == TRANSITIONS


def test_a_deadline_excludes_its_instant() -> None:
    """A recall is open until just before `due_at`, and overdue at that very instant."""
    history = History(disclosure(), recalls=(recall(),))
    end = T0 + 15 * DAY
    assert state_at(history, end - US) is S.RECALLED
    assert state_at(history, end) is S.OVERDUE
    assert due([history], end - US)[0].overdue is False
    assert due([history], end) == (
        Due(
            disclosure=LedgerIndex(40),
            recall=LedgerIndex(50),
            recipient="third-party.provider",
            due_at=end,
            overdue=True,
        ),
    )


def test_an_answer_ends_the_wait() -> None:
    """An acknowledged recall is neither open nor due, and the disclosure is acknowledged."""
    at = T0 + 8 * DAY
    history = History(disclosure(), recalls=(recall(),), answers=(answer(at),))
    assert state_at(history, at - US) is S.RECALLED
    assert state_at(history, at) is S.ACKNOWLEDGED
    assert state_at(history, T0 + 99 * DAY) is S.ACKNOWLEDGED
    assert due([history], at) == ()


def test_a_late_answer_was_overdue_before() -> None:
    """An answer at or after the deadline acknowledges what had become overdue."""
    for at in (T0 + 15 * DAY, T0 + 20 * DAY):
        history = History(disclosure(), recalls=(recall(),), answers=(answer(at),))
        assert state_at(history, T0 + 15 * DAY - US) is S.RECALLED
        assert state_at(history, at) is S.ACKNOWLEDGED
    assert state_at(history, T0 + 16 * DAY) is S.OVERDUE


def test_one_answer_does_not_close_two_recalls() -> None:
    """With two recalls open, the disclosure is acknowledged only when both are."""
    recalls = (recall(50), recall(51, at=T0 + 6 * DAY))
    one = History(disclosure(), recalls=recalls, answers=(answer(T0 + 7 * DAY),))
    assert state_at(one, T0 + 8 * DAY) is S.RECALLED
    assert [d.recall for d in due([one], T0 + 8 * DAY)] == [51]
    both = History(disclosure(), recalls=recalls, answers=(*one.answers, answer(T0 + 8 * DAY, 51)))
    assert state_at(both, T0 + 8 * DAY) is S.ACKNOWLEDGED


def test_a_recall_after_an_answer_reopens() -> None:
    """A later recall makes an acknowledged disclosure recalled again, and overdue in its turn."""
    recalls = (recall(50), recall(51, at=T0 + 30 * DAY))
    history = History(disclosure(), recalls=recalls, answers=(answer(T0 + 20 * DAY),))
    seen = [state_at(history, T0 + n * DAY) for n in (0, 2, 6, 15, 21, 31, 40)]
    assert seen == [
        S.OFFERED, S.DELIVERED, S.RECALLED, S.OVERDUE, S.ACKNOWLEDGED, S.RECALLED, S.OVERDUE,
    ]  # fmt: skip


def test_the_earliest_deadline_comes_first() -> None:
    """Open recalls are listed by deadline, whatever order they were sent in."""
    history = History(disclosure(), recalls=(recall(50, days=30), recall(51, days=2)))
    assert [d.recall for d in due([history], T0 + 6 * DAY)] == [51, 50]


@pytest.mark.parametrize(
    "changes",
    [
        {"disclosure": LedgerIndex(41)},
        {"recall": LedgerIndex(99)},
        {"order": digest(99)},
        {"recipient": "provider.other"},
        {"deleted": 4},
        {"deleted": 0},
        {"after": digest(7)},
    ],
)
def test_an_answer_to_something_else_is_refused(changes: dict) -> None:
    """An acknowledgement that differs in any field from what was recalled is not taken."""
    wrong = answer(T0 + 8 * DAY, **changes)
    with pytest.raises(InputError) as refused:
        check_acknowledgement(wrong, disclosure=disclosure(), recall=recall())
    assert refused.value.code == "disclosure.wrong-package"


def test_an_answer_before_the_order_is_refused() -> None:
    """An acknowledgement older than its recall, or a second one, is out of order."""
    with pytest.raises(ConflictError):
        History(disclosure(), recalls=(recall(),), answers=(answer(T0 + 4 * DAY),))
    twice = (answer(T0 + 8 * DAY), answer(T0 + 9 * DAY))
    with pytest.raises(ConflictError):
        History(disclosure(), recalls=(recall(),), answers=twice)


def test_delivery_after_a_recall_does_not_replay() -> None:
    """A history in which a recalled offer was delivered all the same is refused."""
    history = History(disclosure(delivered_at=T0 + 6 * DAY), recalls=(recall(),))
    with pytest.raises(ConflictError):
        state_at(history, T0 + 7 * DAY)


def test_entries_hold_digests_and_names_only() -> None:
    """The log entries of a disclosure and a recall have exactly their documented fields."""
    assert disclosure().entry() == {
        "kind": "disclosure/v1",
        "disclosure": "package-1",
        "recipient": "third-party.provider",
        "snapshot": 39,
        "use": "train.generative.replies/messages.inmail/third-party.provider",
        "terms": "01" * 32,
    }
    assert recall().entry() == {"kind": "recall/v1", "disclosure": 40, "order": "32" * 32}


@pytest.mark.parametrize("changes", [{"recipient": "platform"}, {"delivered_at": T0 - US}])
def test_impossible_disclosures_are_refused(changes: dict) -> None:
    """The platform is no recipient of itself, and nothing is delivered before it is offered."""
    with pytest.raises((InputError, ConflictError)):
        disclosure(**changes)


def test_a_recall_of_nothing_is_refused() -> None:
    """A recall names at least one record and a deadline that is not negative."""
    with pytest.raises(InputError):
        recall(days=-1)


def walk(history: History, days: int) -> DisclosureState:
    """Return the state after `days` whole days, one day at a time, as the page says it in words."""
    state = S.OFFERED
    open_: set[int] = set()
    for day in range(days + 1):
        now = T0 + day * DAY
        if day == 1:
            state = S.DELIVERED
        arrived = {r.index for r in history.recalls if r.at == now}
        if arrived and not open_:
            state = S.RECALLED
        open_ |= arrived
        if any(r.index in open_ and r.due_at <= now for r in history.recalls):
            state = S.OVERDUE
        answered = {a.recall for a in history.answers if a.at == now}
        open_ -= answered
        if answered and not open_:
            state = S.ACKNOWLEDGED
    return state


some_recall = st.tuples(st.integers(2, 12), st.integers(0, 6), st.none() | st.integers(0, 12))


@settings(max_examples=500)
@given(st.lists(some_recall, max_size=4), st.integers(0, 30))
def test_the_state_follows_the_days(recalls: list, days: int) -> None:
    """On every day the state by the table equals what walking through the days finds."""
    sent = tuple(
        recall(50 + n, at=T0 + at * DAY, days=deadline)
        for n, (at, deadline, _) in enumerate(recalls)
    )
    answers = tuple(
        answer(T0 + (at + after) * DAY, 50 + n)
        for n, (at, _, after) in enumerate(recalls)
        if after is not None
    )
    history = History(disclosure(), recalls=sent, answers=answers)
    assert state_at(history, T0 + days * DAY) is walk(history, days)
