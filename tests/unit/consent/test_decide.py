"""What a member's choices come to: R1 to R7."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from byleave.consent.decide import Decision, decide, standing
from byleave.consent.event import ConsentEvent, EventKind, EvidenceGrade, NoticeCoverage
from byleave.consent.reason import MEANINGS, SILENCES, VETOES, Reason
from byleave.errors import InputError
from byleave.ids import LedgerIndex, MemberId, parse_instant
from byleave.policy.scope import Scope
from byleave.policy.taxonomy import default_taxonomy
from tests.engines.strategies import LEAVES, NOTICES, days, histories

TAXONOMY = default_taxonomy()
USE = TAXONOMY.use("train.generative.replies/messages.inmail/platform")
AT = parse_instant("2024-09-18")
LEAF, BROAD, ALL = str(USE), "train.generative/messages/platform", "*/*/*"
COVERED = frozenset(TAXONOMY.expand(Scope.parse(BROAD)))
WORDS = {
    "broad": NoticeCoverage(uses=COVERED, shown=frozenset()),
    "leaf": NoticeCoverage(uses=COVERED, shown=frozenset({USE})),
    "other": NoticeCoverage(uses=frozenset(), shown=frozenset()),
}
GRANT, NO, WITHDRAWAL = EventKind.GRANT, EventKind.REFUSAL, EventKind.WITHDRAWAL


def event(
    index: int,
    kind: EventKind,
    scope: str = LEAF,
    *,
    day: int = 0,
    ends: int | None = None,
    past: bool = True,
    notice: str | None = "broad",
    grade: EvidenceGrade = EvidenceGrade.BYTES,
) -> ConsentEvent:
    """Make an event; days count back from the instant of the decision."""
    effective = AT - timedelta(days=30 - day)
    return ConsentEvent(
        member=MemberId("m"),
        index=LedgerIndex(index),
        kind=kind,
        scope=Scope.parse(scope),
        effective=effective,
        recorded=effective,
        expires=None if ends is None else AT - timedelta(days=30 - ends),
        includes_past=past,
        notice=notice,
        grade=grade,
    )


def answer(*events: ConsentEvent, collected_day: int | None = 25) -> Decision:
    """Decide a record collected on a day."""
    collected = None if collected_day is None else AT - timedelta(days=30 - collected_day)
    return decide(events, USE, at=AT, collected_at=collected, notices=WORDS)


def test_silence_is_no() -> None:
    """R1: a member who chose nothing agreed to nothing."""
    assert answer() == Decision(allowed=False, reason=Reason.NO_GRANT, because=None)


def test_another_use_is_another_matter() -> None:
    """R1: a yes to one use says nothing of its neighbours."""
    for scope in (
        "train.ranking/messages.inmail/platform",
        "train.generative.replies/messages.direct/platform",
        "train.generative.replies/messages.inmail/provider",
    ):
        assert answer(event(1, GRANT, scope)).reason is Reason.NO_GRANT


def test_last_in_effect_decides() -> None:
    """R2: the order is (effective, index), not the order of recording."""
    assert answer(event(1, NO, day=5), event(2, GRANT, day=3)).reason is Reason.REFUSED
    assert answer(event(1, GRANT, day=3), event(2, WITHDRAWAL, day=3)).because == 2
    assert answer(event(1, WITHDRAWAL, day=3), event(2, GRANT, day=3)).allowed


def test_no_effect_before_its_day() -> None:
    """R2: an event that takes effect at the instant counts, a later one does not."""
    assert answer(event(1, GRANT, day=30), collected_day=30).allowed
    assert answer(event(1, GRANT, day=31)).reason is Reason.NO_GRANT


@pytest.mark.parametrize("kind", [NO, WITHDRAWAL, EventKind.OBJECTION])
def test_broad_no_stops_the_leaf(kind: EventKind) -> None:
    """R2: a no to a whole tree stops each use below it."""
    found = answer(event(1, GRANT), event(2, kind, ALL, day=1))
    assert (found.allowed, found.because) == (False, 2)


def test_broader_grant_leaves_a_no_standing() -> None:
    """R3: a broader yes does not lift an earlier no to one use."""
    found = answer(event(1, NO), event(2, GRANT, BROAD, day=1))
    assert (found.reason, found.because) == (Reason.REFUSED, 1)


def test_shown_by_itself_lifts() -> None:
    """R3: it does where its notice shows that use by itself."""
    assert answer(event(1, NO), event(2, GRANT, BROAD, day=1, notice="leaf")).allowed


def test_equal_or_narrower_lifts() -> None:
    """R3: a yes to as much, or to less, lifts a no."""
    assert answer(event(1, NO, BROAD), event(2, GRANT, BROAD, day=1)).allowed
    assert answer(event(1, NO, ALL), event(2, GRANT, LEAF, day=1)).allowed


def test_every_no_must_be_lifted() -> None:
    """R3: a yes that lifts the broad no leaves the narrow one standing."""
    events = event(1, NO), event(2, NO, BROAD, day=1), event(3, GRANT, BROAD, day=2)
    assert answer(*events).because == 1


@pytest.mark.parametrize("flaw", [{"grade": EvidenceGrade.NONE}, {"notice": "other"}])
def test_a_yes_that_does_not_count_lifts_nothing(flaw: dict) -> None:
    """R3: a no outlives a yes without evidence, or without the words."""
    assert answer(event(1, NO), event(2, GRANT, day=1, **flaw)).reason is Reason.REFUSED


def test_end_is_exclusive_and_uncovers_nothing() -> None:
    """R4: a yes ends at its end, and no older yes comes back."""
    older = event(1, GRANT)
    assert answer(older, event(2, GRANT, day=1, ends=31)).allowed
    found = answer(older, event(2, GRANT, day=1, ends=30))
    assert (found.reason, found.because) == (Reason.EXPIRED, 2)


@pytest.mark.parametrize("grade", [EvidenceGrade.NONE, EvidenceGrade.VERSION])
def test_evidence_below_the_line(grade: EvidenceGrade) -> None:
    """R5: a yes whose notice's bytes are not known does not count, unless that is accepted."""
    events = [event(1, GRANT, grade=grade)]
    assert answer(*events).reason is Reason.EVIDENCE_GRADE
    accepted = decide(events, USE, at=AT, collected_at=AT, notices=WORDS, accepted=grade)
    assert accepted.allowed


@pytest.mark.parametrize("notice", ["other", "lost", None])
def test_words_must_cover_the_use(notice: str | None) -> None:
    """R6: a yes covers what its notice expanded to, and no more (G2)."""
    found = answer(event(1, GRANT, ALL, notice=notice))
    assert found.reason is Reason.NOTICE_DOES_NOT_COVER


def test_older_promise() -> None:
    """R7: what was collected before the yes needs a yes that says so (G3)."""
    forward, back = event(1, GRANT, day=10, past=False), event(1, GRANT, day=10)
    assert answer(forward, collected_day=10).allowed
    assert answer(forward, collected_day=9).reason is Reason.PROMISE_OF_COLLECTION
    assert answer(forward, collected_day=None).reason is Reason.COLLECTED_AT_UNKNOWN
    assert answer(back, collected_day=9).allowed
    assert answer(back, collected_day=None).allowed


def test_disorder_is_refused() -> None:
    """Ledger indexes that do not ascend are refused."""
    with pytest.raises(InputError) as caught:
        answer(event(2, GRANT), event(2, GRANT))
    assert caught.value.code == "consent.order"


@settings(deadline=None)
@given(events=histories(members=1), collected=st.none() | days)
def test_a_yes_names_its_grant(events: dict, collected: object) -> None:
    """Every yes names a grant of this member, in effect, that covers the use."""
    own = events[MemberId("ann")]
    found = decide(own, LEAVES[3], at=AT, collected_at=collected, notices=NOTICES)  # type: ignore[arg-type]
    if found.allowed:
        (grant,) = [e for e in own if e.index == found.because]
        assert grant.kind is GRANT
        assert grant.scope.covers(LEAVES[3])
        assert grant.effective <= AT


@settings(deadline=None)
@given(events=histories(members=1))
def test_withdrawing_all_ends_it(events: dict) -> None:
    """Whatever came before, a withdrawal of everything is the reason from then on."""
    own = [*events[MemberId("ann")], event(999, WITHDRAWAL, ALL, day=30)]
    stands = standing(own, USE, at=AT, notices=NOTICES)
    assert (stands.reason, stands.because) == (Reason.WITHDRAWN, 999)


def test_every_reason_has_a_meaning() -> None:
    """Each code has its sentence and its number; vetoes and silences are apart."""
    assert set(MEANINGS) == set(Reason)
    assert not VETOES & SILENCES
    numbers = {r.word: int(r) for r in Reason}
    assert numbers["no-grant"] == 1
    assert numbers["party-vetoed"] == 45
