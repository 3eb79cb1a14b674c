"""Two clocks and one token: what is asked at an instant, as known at another; answered once."""

from __future__ import annotations

import warnings
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from byleave.consent.event import EventKind
from byleave.consent.reason import Reason
from byleave.errors import ByleaveError
from byleave.service.clock import ClockWarning
from byleave.wiring import Workspace, create
from byleave.wiring import open as open_workspace

START = datetime(2026, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)
ASK = "train.generative.replies/messages/platform"
USE = "train.generative.replies/messages.direct/platform"


class Clock:
    """A clock that a test sets, backwards too."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def ws(tmp_path: Path, clock: Clock) -> Workspace:
    made = create(tmp_path / "w", origin="log.test/byleave", seed=3, now=clock)
    made.policy.publish_notice("May we?", notice="q-1", asks=[ASK])
    made.policy.publish_notice("( ) off (x) on", notice="on-1", asks=[ASK], control="on")
    made.policy.publish_notice("(x) off ( ) on", notice="off-1", asks=[ASK], control="off")
    made.member.enrol(["m-1", "m-2"])
    return made


def stands(ws: Workspace, **when: datetime) -> list[str]:
    return [Reason(int(c)).word for c in ws.consent.state(USE, **when).code]


def test_at_one_instant_as_known_at_another(ws: Workspace, clock: Clock) -> None:
    """What held at T is told as the ledger knew it at K, each on its own."""
    ws.consent.grant("m-1", ASK, notice="q-1", expires=START + 3 * DAY)
    clock.now += DAY
    ws.consent.withdraw("m-1", ASK)
    ws.member.enrol(["m-3"])
    one, two = START, START + DAY
    assert stands(ws, at=one, known_at=one) == ["kept", "no-grant"]
    assert stands(ws, at=two, known_at=one) == ["kept", "no-grant"]
    assert stands(ws, at=two, known_at=two) == ["withdrawn", "no-grant", "no-grant"]
    assert stands(ws, at=one, known_at=two) == ["kept", "no-grant", "no-grant"]
    assert stands(ws, at=START + 4 * DAY, known_at=one) == ["expired", "no-grant"]
    assert stands(ws, known_at=START - DAY) == []
    assert [e.kind for e in ws.consent.history("m-1", known_at=one)] == [EventKind.GRANT]
    assert ws.consent.choices("m-1", USE, at=two, known_at=one).reason is Reason.KEPT
    assert ws.consent.choices("m-1", USE).reason is Reason.WITHDRAWN


def test_a_later_notice_is_not_known_before(ws: Workspace, clock: Clock) -> None:
    """Rules and notices published after K are no part of what was known at K."""
    ws.consent.grant("m-1", ASK, notice="q-1")
    replay = ws.consent.replay(known_at=START).digest
    clock.now += DAY
    ws.policy.publish_notice("More?", notice="q-2", asks=["train.ranking/profile/platform"])
    ws.consent.refuse("m-2", ASK)
    assert ws.consent.replay(known_at=START).digest == replay
    assert ws.consent.replay().digest != replay


@pytest.mark.filterwarnings("ignore::byleave.service.clock.ClockWarning")
def test_a_clock_that_goes_back_loses_nothing(ws: Workspace, clock: Clock) -> None:
    """With the clock a year behind, a withdrawal is recorded as of the last event, in order, and
    decides at once, in a gate's present too.
    """
    ws.consent.grant("m-1", ASK, notice="q-1")
    clock.now -= 365 * DAY
    ws.consent.withdraw("m-1", ASK)
    first, second = ws.consent.history("m-1")
    assert second.index > first.index
    assert second.recorded == second.effective == first.recorded
    assert stands(ws) == ["withdrawn", "no-grant"]
    assert ws.consent.replay().events == 2


def test_a_clock_that_goes_back_is_said(ws: Workspace, clock: Clock) -> None:
    """Recording behind the ledger's last event warns, and recording in time does not."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ws.consent.refuse("m-1", ASK)
    clock.now -= DAY
    with pytest.warns(ClockWarning, match="1 day"):
        ws.consent.refuse("m-1", ASK)


def test_a_token_answers_once(ws: Workspace) -> None:
    """A token used a second time is refused, and nothing of the second answer is recorded."""
    token, _ = ws.notice.token("q-1", "m-1")
    ws.consent.grant("m-1", ASK, token=token)
    size = ws.ledger.size()
    with pytest.raises(ByleaveError) as caught:
        ws.consent.withdraw("m-1", ASK, token=token)
    assert caught.value.code == "notice.token-replayed"
    assert ws.ledger.size() == size
    assert stands(ws) == ["kept", "no-grant"]


def test_the_final_state_is_in_the_evidence(ws: Workspace) -> None:
    """The event keeps the control's default and final state, the screen and the token's digest."""
    token, shown = ws.notice.token("off-1", "m-1", screen="settings")
    ws.consent.grant("m-1", ASK, token=token, final="on")
    (event,) = ws.consent.history("m-1")
    assert event.notice == shown.id == "off-1"
    assert event.evidence is not None
    assert '"control":"off","final":"on"' in event.evidence
    assert '"screen":"settings"' in event.evidence
    assert "m-1" not in event.evidence


@pytest.mark.parametrize(
    ("notice", "verb", "final", "kind"),
    [
        ("off-1", "grant", "on", EventKind.GRANT),
        ("q-1", "grant", "none", EventKind.GRANT),
        ("on-1", "grant", "on", EventKind.PRESET),
        ("on-1", "refuse", "off", EventKind.REFUSAL),
        ("off-1", "grant", "off", None),
        ("q-1", "grant", "on", None),
        ("off-1", "refuse", "on", None),
    ],
)
def test_an_answer_leaves_its_control_as_it_must(
    ws: Workspace, notice: str, verb: str, final: str, kind: EventKind | None
) -> None:
    """A yes leaves a switch on and a no leaves it off; a yes on one that was on is no consent."""
    from byleave.service.consent import NewEvent

    token, _ = ws.notice.token(notice, "m-1")
    given = EventKind.GRANT if verb == "grant" else EventKind.REFUSAL
    event = NewEvent(member="m-1", kind=given, scope=ws.scope(ASK), token=token, final=final)
    if kind is None:
        with pytest.raises(ByleaveError) as caught:
            ws.consent.record([event])
        assert caught.value.code == "notice.control-state"
        return
    ws.consent.record([event])
    assert ws.consent.history("m-1")[-1].kind is kind
    assert (stands(ws)[0] == "kept") is (kind is EventKind.GRANT)


@pytest.mark.parametrize(
    ("member", "notice", "hours", "code"),
    [
        ("m-2", None, 0, "notice.token-member"),
        ("m-1", "q-1", 0, "notice.token-notice"),
        ("m-1", None, 1, "notice.token-time"),
        ("m-1", None, -1, "notice.token-time"),
    ],
)
def test_a_token_for_something_else_is_refused(
    ws: Workspace, clock: Clock, member: str, notice: str | None, hours: int, code: str
) -> None:
    """Another member, another notice, or another time: refused, and nothing is recorded."""
    token, _ = ws.notice.token("off-1", "m-1")
    clock.now += timedelta(hours=hours)
    with pytest.raises(ByleaveError) as caught:
        ws.consent.grant(member, ASK, token=token, notice=notice)
    assert caught.value.code == code
    assert ws.consent.history(member) == []


def test_another_workspace_signed_it(ws: Workspace, tmp_path: Path) -> None:
    """A token of another workspace is refused for its signature."""
    with create(tmp_path / "other", origin="log.test/byleave", seed=4) as other:
        other.policy.publish_notice("May we?", notice="q-1", asks=[ASK])
        other.member.enrol(["m-1"])
        token, _ = other.notice.token("q-1", "m-1")
    with pytest.raises(ByleaveError) as caught:
        ws.consent.grant("m-1", ASK, token=token)
    assert caught.value.code == "notice.token-signature"


def test_an_old_workspace_gets_its_key_when_it_needs_one(ws: Workspace, clock: Clock) -> None:
    """A workspace without a notice key makes one, private, on first use; read-only it cannot."""
    path = ws.path
    ws.close()
    (path / "keys" / "notice.key").unlink()
    with open_workspace(path, now=clock, read_only=True) as old:
        with pytest.raises(ByleaveError) as caught:
            old.notice.token("q-1", "m-1")
        assert caught.value.code == "workspace.read-only"
    with open_workspace(path, now=clock) as again:
        token, _ = again.notice.token("q-1", "m-1")
        again.consent.grant("m-1", ASK, token=token)
        assert (path / "keys" / "notice.key").stat().st_mode & 0o077 == 0
        assert again.fsck() == []
