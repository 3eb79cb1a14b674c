"""Choices: what is refused leaves no trace; a grant reaches what its notice had asked for."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import byleave
from byleave.consent.event import EventKind
from byleave.consent.reason import Reason
from byleave.errors import ByleaveError, InputError, RefusedError
from byleave.service.consent import NewEvent
from tests.unit.service.small import (
    ASK,
    NOTICE,
    PLATFORM,
    PROVIDER,
    START,
    SWITCH,
    Grown,
    asked,
    empty,
    grant,
)

DIRECT = "train.generative.replies/messages.direct/platform"
TIDY = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"notice": SWITCH}, "notice.preset-control"),
        ({"notice": None}, "consent.notice-missing"),
        ({"notice": "never-published"}, "consent.notice-unknown"),
        ({"member": "nobody"}, "member.unknown"),
        ({"effective": START - TIDY}, "consent.retroactive"),
        ({"expires": START}, "consent.ends-before-start"),
        ({"effective": START + TIDY, "expires": START + TIDY}, "consent.ends-before-start"),
        ({"scope": "train.generative.writing/messages/platform"}, "use.malformed"),
        ({"scope": "train/messages/*"}, "use.malformed"),
    ],
)
def test_a_refused_choice_leaves_no_trace(
    tmp_path: Path, change: dict[str, Any], code: str
) -> None:
    """A choice that cannot stand is refused by code; no row, no entry, nor any said with it."""
    with empty(tmp_path / "ws") as ws:
        asked(ws)
        ws.member.enrol(["m-1", "m-2"])
        size = ws.ledger.size()
        fields: dict[str, Any] = {
            "member": "m-1",
            "kind": EventKind.GRANT,
            "scope": PLATFORM,
            "notice": ASK,
        } | change
        wrong = NewEvent(**{**fields, "scope": ws.scope(fields["scope"])})
        with pytest.raises(ByleaveError) as error:
            ws.consent.record([grant("m-2", PLATFORM, ws), wrong])
        assert error.value.code == code
        assert (ws.ledger.size(), ws.ledger.events()) == (size, [])
        assert ws.consent.history("m-1") == ws.consent.history("m-2") == []


def test_a_preset_control_never_gives_consent(tmp_path: Path) -> None:
    """Leaving a switch alone that was on is refused as consent; turning it off is a refusal (G1)."""
    with empty(tmp_path / "ws") as ws:
        asked(ws)
        ws.member.enrol(["m-1"])
        with pytest.raises(RefusedError) as error:
            ws.consent.grant("m-1", PLATFORM, notice=SWITCH)
        assert (error.value.code, error.value.exit_code) == ("notice.preset-control", 4)
        assert ws.consent.state(DIRECT).code.tolist() == [Reason.NO_GRANT]
        ws.consent.record(
            [
                NewEvent(
                    member="m-1",
                    kind=EventKind.REFUSAL,
                    scope=ws.scope(PLATFORM),
                    notice=SWITCH,
                )
            ]
        )
        assert ws.consent.state(DIRECT).code.tolist() == [Reason.REFUSED]


def test_silence_is_no(tmp_path: Path) -> None:
    """A member who said nothing allows no use that any notice asked for."""
    with empty(tmp_path / "ws") as ws:
        asked(ws)
        ws.member.enrol([f"m-{n}" for n in range(50)])
        for scope in (PLATFORM, PROVIDER):
            for use in ws.house.taxonomy.expand(ws.scope(scope)):
                assert set(ws.consent.state(str(use)).code.tolist()) == {Reason.NO_GRANT}


def test_a_grant_does_not_cover_what_the_taxonomy_adds_later(tmp_path: Path) -> None:
    """A use that came into the taxonomy after the notice is not covered by a grant to it (G2)."""
    with empty(tmp_path / "ws") as ws:
        ws.policy.publish_notice(NOTICE, notice=ASK, asks=["train.generative.replies/messages/*"])
        ws.member.enrol(["m-1"])
        ws.consent.grant("m-1", "train.generative.replies/messages/*", notice=ASK)
        assert ws.consent.state(DIRECT).code.tolist() == [Reason.KEPT]
        later = (ws.path / "taxonomy.yaml").read_text().replace("small-1", "small-2")
    later += (
        "  provider.newcomer:\n    sentence: A company that came later.\n"
        "    phrase: a company that came later\n    since: small-2\n"
    )
    (tmp_path / "ws" / "taxonomy.yaml").write_text(later)
    with byleave.open(tmp_path / "ws", now=lambda: START) as ws:
        new = "train.generative.replies/messages.direct/provider.newcomer"
        assert ws.consent.state(DIRECT).code.tolist() == [Reason.KEPT]
        assert ws.consent.state(new).code.tolist() == [Reason.NOTICE_DOES_NOT_COVER]
        ws.policy.publish_notice(NOTICE, notice="question-2", asks=[new])
        ws.consent.grant("m-1", new, notice="question-2")
        assert ws.consent.state(new).code.tolist() == [Reason.KEPT]


def test_the_history_is_what_was_said(tmp_path: Path) -> None:
    """A member's history has each choice once, in the ledger's order, with what was given."""
    with empty(tmp_path / "ws") as ws:
        asked(ws)
        ws.member.enrol(["m-1", "m-2"])
        end = START + timedelta(days=9)
        first = ws.consent.grant("m-1", PLATFORM, notice=ASK, includes_past=True, expires=end)
        ws.consent.refuse("m-2", "train/messages/*")
        second = ws.consent.withdraw("m-1", PLATFORM, channel="phone")
        third = ws.consent.object("m-1", "train/messages/*")
        history = ws.consent.history("m-1")
    assert [event.index for event in history] == [first, second, third]
    assert [event.kind for event in history] == [
        EventKind.GRANT,
        EventKind.WITHDRAWAL,
        EventKind.OBJECTION,
    ]
    assert (history[0].notice, history[0].includes_past, history[0].expires) == (ASK, True, end)
    assert history[1].channel == "phone"
    assert {event.effective for event in history} == {START}


def test_the_log_holds_no_member(grown: Grown) -> None:
    """No entry of the log holds a member's id or a message's text (G10)."""
    with grown.open(read_only=True) as ws:
        entries = b"\n".join(ws.ledger.read(0, ws.ledger.size()))
        texts = ws.source.open("messages").table["text"].to_pylist()
        for member in (*grown.agreed, *grown.silent):
            assert member.encode() not in entries
        for text in texts:
            assert text.encode() not in entries


def test_a_state_at_an_instant_is_the_state_of_then(grown: Grown) -> None:
    """Asked for an instant before the withdrawals, the state is that before them."""
    with grown.open(read_only=True) as ws:
        before = ws.consent.state(DIRECT, at=grown.now - timedelta(days=1)).code
        after = ws.consent.state(DIRECT).code
    changed = np.flatnonzero(before != after)
    assert len(changed) == len(grown.withdrew)
    assert set(before[changed].tolist()) == {Reason.KEPT}
    assert set(after[changed].tolist()) == {Reason.WITHDRAWN}


def test_an_unknown_member_has_no_history(grown: Grown) -> None:
    """Asking for a member whom the ledger does not know is `member.unknown`."""
    with grown.open(read_only=True) as ws:
        for verb in (ws.consent.history, ws.member.answer, ws.member.receipt, ws.member.ordinal):
            with pytest.raises(InputError) as error:
                verb("nobody")
            assert error.value.code == "member.unknown"
