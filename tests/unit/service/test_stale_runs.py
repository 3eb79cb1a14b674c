"""A withdrawal between training and release."""

from __future__ import annotations

from pathlib import Path

import pytest

from byleave.errors import ByleaveError
from tests.attacks.test_platform_cheats import COLUMNS, CONTRACT, TAXONOMY, USE, _messages


def test_a_run_is_not_released_after_a_member_of_it_withdrew(tmp_path: Path) -> None:
    """What was trained before a withdrawal is refused release, and its state is purged."""
    import byleave

    members = [f"m-{i}" for i in range(8)]
    with byleave.create(tmp_path / "ws", taxonomy=TAXONOMY) as ws:
        ws.member.enrol(members)
        ws.policy.publish_notice("May we?", notice="ask", asks=[USE])
        for member in members:
            ws.consent.grant(member, USE, notice="ask", includes_past=True)
        ws.source.add("messages", _messages(members), CONTRACT)
        gate, gated = ws.gate.run("messages", USE)
        run = ws.model.train("replies", ws.snapshot.seal(gate, gated=gated), columns=COLUMNS)
        ws.consent.withdraw("m-0", "train/messages/*")
        with pytest.raises(ByleaveError) as refused:
            ws.release.publish(run)
        assert refused.value.code == "release.stale-run"
        assert (ws.path / "runs" / run).exists()
        ws.withdrawal.run()
        assert not (ws.path / "runs" / run).exists()
        assert ws.release.list() == []
        assert ws.fsck() == []
