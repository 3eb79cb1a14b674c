"""What a member is told of a recall, before and after its deadline."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import byleave
from byleave.wiring.recipient import make_recipient
from byleave.wiring.world import ReplayClock
from tests.attacks.test_platform_cheats import CONTRACT, PROVIDER, TAXONOMY, _messages

START = datetime(2024, 10, 1, tzinfo=UTC)


def test_an_unanswered_recall_waits_until_it_is_due_and_is_overdue_then(tmp_path: Path) -> None:
    """The recall of a member's rows reads `waiting` before its deadline and `overdue` from it on."""
    clock = ReplayClock(START)
    members = [f"m-{i}" for i in range(4)]
    with byleave.create(tmp_path / "ws", taxonomy=TAXONOMY, now=clock) as ws:
        ws.member.enrol(members)
        ws.policy.publish_notice("May we?", notice="ask", asks=[PROVIDER])
        for member in members:
            ws.consent.grant(member, PROVIDER, notice="ask", includes_past=True)
        ws.source.add("messages", _messages(members), CONTRACT)
        trust = (tmp_path / "ws" / "trust.policy").read_bytes()
        host = tmp_path / "host"
        make_recipient(host, PROVIDER.rpartition("/")[2], trust)
        ws.disclosure.register((host / "card.json").read_bytes())
        ws.disclosure.offer("messages", PROVIDER)
        ws.consent.withdraw("m-0", "train/messages/*")
        ws.withdrawal.run()
        told = ws.member.answer("m-0")["withdrawals"][0]["depths"][3]
        assert (told["depth"], told["state"]) == ("recalled", "waiting")
        due = datetime.fromisoformat(told["due"])
        assert due == START + timedelta(days=13)
        clock.set(due)
        late = ws.member.answer("m-0")["withdrawals"][0]["depths"][3]
        assert late["state"] == "overdue"
