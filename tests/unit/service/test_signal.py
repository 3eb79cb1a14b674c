"""Signals recorded in a workspace: refusals with their evidence, once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from byleave.canonical import sha256
from byleave.consent.event import EventKind
from byleave.consent.reason import Reason
from byleave.errors import InputError
from byleave.evidence.receipt import parse_receipt
from byleave.wiring import Workspace
from byleave.wiring.world import ReplayClock
from tests.unit.service.small import ASK, START, asked, empty, grant

GPC = b"GET / HTTP/1.1\r\nCookie: session=hunter2\r\nSec-GPC: 1\r\n\r\n"
LEAF = "train.generative.replies/messages.direct/platform"


@pytest.fixture
def clock() -> ReplayClock:
    return ReplayClock(START)


@pytest.fixture
def ws(tmp_path: Path, clock: ReplayClock) -> Iterator[Workspace]:
    with empty(tmp_path / "workspace", clock) as workspace:
        asked(workspace)
        workspace.member.enrol(["m-1", "m-2"])
        yield workspace


def test_a_signal_becomes_a_logged_refusal_with_its_digest(ws: Workspace) -> None:
    """GPC is recorded as a refusal of */*/third-party; the receipt holds digest and version."""
    (recorded,) = ws.consent.signal("m-1", "gpc", GPC)
    (event,) = ws.consent.history("m-1")
    assert (event.kind, str(event.scope), event.channel) == (
        EventKind.REFUSAL,
        "*/*/third-party",
        "signal:gpc",
    )
    assert recorded.is_new
    assert recorded.index == event.index
    (kept,) = parse_receipt(ws.member.receipt("m-1")).events
    evidence = json.loads(kept.event["evidence"])
    assert evidence["sha256"] == sha256(GPC).hex()
    assert "hunter2" not in str(kept.event)


def test_the_same_signal_again_is_not_recorded_again(ws: Workspace, clock: ReplayClock) -> None:
    """A browser that repeats itself adds nothing, whatever else its requests hold."""
    (first,) = ws.consent.signal("m-1", "gpc", GPC)
    clock.set(START + timedelta(days=1))
    (second,) = ws.consent.signal("m-1", "gpc", b"Sec-GPC: 1\n")
    assert (second.index, second.is_new) == (first.index, False)
    assert len(ws.consent.history("m-1")) == 1


def test_a_signal_after_a_yes_is_a_no_and_the_later_one(ws: Workspace, clock: ReplayClock) -> None:
    """A yes said after a signal counts; the next signal is recorded anew and decides."""
    payload = b"Content-Usage: train-ai=n\n"
    ws.consent.signal("m-1", "aipref", payload)
    clock.set(START + timedelta(days=1))
    ws.consent.record([grant("m-1", "train.generative.replies/messages/platform", ws)])
    clock.set(START + timedelta(days=2))
    (again,) = ws.consent.signal("m-1", "aipref", payload)
    assert again.is_new
    assert ws.consent.state(LEAF).code.tolist() == [Reason.REFUSED, Reason.NO_GRANT]


@pytest.mark.parametrize(
    ("kind", "payload"),
    [
        ("aipref", b"Content-Usage: train-ai=y\n"),
        ("tdmrep", b"tdm-reservation: 0\n"),
        ("gpc", b"Sec-GPC: 0\n"),
        (
            "cawg",
            (
                b'{"label":"cawg.training-mining","data":{"entries":'
                b'{"cawg.ai_generative_training":{"use":"allowed"}}}}'
            ),
        ),
    ],
)
def test_a_permission_records_nothing(ws: Workspace, kind: str, payload: bytes) -> None:
    """What allows is never a grant: nothing is written, and silence stays no."""
    before = ws.log.checkpoint()["size"]
    assert ws.consent.signal("m-1", kind, payload) == []
    assert ws.log.checkpoint()["size"] == before
    assert ws.consent.state(LEAF).code.tolist() == [Reason.NO_GRANT, Reason.NO_GRANT]


def test_a_permission_does_not_lift_a_refusal(ws: Workspace) -> None:
    """`train-ai=y` after `train-ai=n` leaves the no standing."""
    ws.consent.signal("m-1", "aipref", b"Content-Usage: train-ai=n\n")
    ws.consent.signal("m-1", "aipref", b"Content-Usage: train-ai=y\n")
    assert ws.consent.state(LEAF).code.tolist()[0] == Reason.REFUSED


def test_the_third_party_refusal_leaves_the_platform_alone(
    ws: Workspace, clock: ReplayClock
) -> None:
    """GPC does not touch a yes for the platform's own training (DESIGN §6)."""
    ws.consent.record([grant("m-1", "train.generative.replies/messages/platform", ws)])
    clock.set(START + timedelta(hours=1))
    ws.consent.signal("m-1", "gpc", GPC)
    assert ws.consent.state(LEAF).code.tolist()[0] == Reason.KEPT


@pytest.mark.parametrize(
    ("member", "kind", "form", "category", "code"),
    [
        ("m-9", "gpc", None, "*", "member.unknown"),
        ("m-1", "dnt", None, "*", "signal.unknown"),
        ("m-1", "gpc", "robots", "*", "signal.unknown"),
        ("m-1", "gpc", None, "content.posts", "signal.category"),
        ("m-1", "tdmrep", None, "content.poems", "use.unknown-term"),
    ],
)
def test_wrong_arguments_record_nothing(
    ws: Workspace, member: str, kind: str, form: str | None, category: str, code: str
) -> None:
    """Each is refused by its code, and the ledger is as it was."""
    with pytest.raises(InputError) as error:
        ws.consent.signal(
            member, kind, b"Sec-GPC: 1\ntdm-reservation: 1\n", form=form, category=category
        )
    assert error.value.code == code
    assert ws.consent.history("m-1") == []


def test_a_notice_is_never_part_of_a_signal(ws: Workspace) -> None:
    """A signal answers no notice, even where one was published for the use."""
    ws.consent.signal("m-1", "tdmrep", b"tdm-reservation: 1\n")
    (event,) = ws.consent.history("m-1")
    assert event.notice is None
    assert ASK not in str(event)
