"""The operator cheats one way per test; each is noticed, by somebody who can be named."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest

import byleave
from byleave.errors import EvidenceError
from byleave.note import parse_trust
from byleave.testing.cheating_platform import CheatingPlatform
from byleave.tlog.monitor import Monitor
from byleave.verify import verify
from byleave.wiring.tiles import read_tiles
from byleave.wiring.world import ReplayClock

USE = "train.generative.replies/messages/platform"
PROVIDER = "train.generative.replies/messages/provider.host"
CONTRACT = """\
contract: v1
record_id: [thread, seq]
parties: {author: sender, recipients: recipient}
category_constant: messages.direct
collected_at: sent_at
"""
TAXONOMY = """\
taxonomy: v1
version: test-1
recipients:
  provider.host: {sentence: The host., phrase: the host, since: test-1}
"""
POLICY = """\
---
document: privacy-policy
version: "1"
kind: privacy-policy
language: en
jurisdiction: "*"
effective: 2024-09-01T00:00:00Z
uses:
  - train.generative.replies/messages/platform
---
# Privacy policy

We train AI models on your messages where you agree.
"""
LEAVER = "m-0"


@pytest.fixture(scope="module")
def honest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a workspace in which one member of eight withdrew and was unlearned (generated)."""
    root = tmp_path_factory.mktemp("honest") / "ws"
    clock = ReplayClock(datetime(2024, 8, 1, tzinfo=UTC))
    with byleave.create(root, seed=5, now=clock, taxonomy=TAXONOMY) as ws:
        members = [f"m-{i}" for i in range(8)]
        ws.member.enrol([*members, "stranger"])
        ws.policy.publish(POLICY)
        ws.policy.publish_notice("May we?", notice="ask", asks=[USE, PROVIDER])
        clock.set(datetime(2024, 9, 2, tzinfo=UTC))
        for place, member in enumerate(members):
            for scope in (USE, PROVIDER):
                ws.consent.grant(member, scope, notice="ask", includes_past=place % 2 == 0)
        clock.set(datetime(2024, 10, 1, tzinfo=UTC))
        ws.source.add("messages", _messages(members), CONTRACT)
        gate, gated = ws.gate.run("messages", USE)
        run = ws.model.train("replies", ws.snapshot.seal(gate, gated=gated), columns=COLUMNS)
        ws.release.publish(run)
        ws.disclosure.offer("messages", PROVIDER)
        clock.set(datetime(2024, 10, 2, tzinfo=UTC))
        ws.consent.withdraw(LEAVER, "train/messages/*")
        ws.withdrawal.run()
    return root


COLUMNS = {"thread": "thread", "seq": "seq", "author": "sender", "text": "text"}


@pytest.fixture
def platform(honest: Path, tmp_path: Path) -> CheatingPlatform:
    """Return a copy of the honest workspace for one cheat."""
    shutil.copytree(honest, tmp_path / "ws")
    return CheatingPlatform(tmp_path / "ws")


def problems(platform: CheatingPlatform) -> str:
    """Return what `fsck` complains of, as one text."""
    with byleave.open(platform.path, read_only=True) as ws:
        return "\n".join(f"{p['where']}: {p['what']}" for p in ws.fsck())


def test_an_honest_platform_is_found_sound(platform: CheatingPlatform) -> None:
    """`fsck` has nothing to say of a workspace that nobody touched."""
    assert problems(platform) == ""


def test_a_monitor_has_nothing_to_say_of_an_honest_platform(platform: CheatingPlatform) -> None:
    """Directories before and after an erasure, and somebody enrolled again, are found sound by who follows."""
    state = None
    with byleave.open(platform.path) as ws:
        for step in ("listed", "erased", "back"):
            if step == "erased":
                ws.member.erase([LEAVER])
            elif step == "back":
                ws.member.enrol([LEAVER, "newcomer"])
            ws.directory.build()
            monitor = Monitor(
                read_tiles(str(platform.path / "log")),
                parse_trust(ws.places.trust.read_bytes()),
                state,
            )
            for state in monitor.visit():
                assert state.findings == ()
    assert state is not None
    assert (state.enrolled, state.erased, state.directory is None) == (11, 1, False)


def test_dropping_a_withdrawal_leaves_its_entry_over(platform: CheatingPlatform) -> None:
    """A withdrawal deleted from the ledger is missed by the log."""
    index = platform.drops_a_withdrawal()
    assert f"log entry {index}: a consent event was logged and its row is gone" in problems(
        platform
    )


def test_a_member_can_show_a_withdrawal_that_was_dropped(
    honest: Path, platform: CheatingPlatform
) -> None:
    """A receipt taken before the row was deleted still proves the withdrawal is logged."""
    with byleave.open(honest, read_only=True) as ws:
        proof = ws.proof.bytes(f"event-{ws.consent.history(LEAVER)[-1].index}")
        receipt, trust = ws.member.receipt(LEAVER), ws.places.trust.read_bytes()
    platform.drops_a_withdrawal()
    verdict = verify(proof, trust, receipt)
    assert verdict.ok
    assert verdict.kind == "consent-event"


def test_back_dating_a_grant_breaks_its_commitment(platform: CheatingPlatform) -> None:
    """A grant moved a year earlier is no longer what was logged."""
    index = platform.back_dates_a_grant()
    assert f"log entry {index}: a consent event is not what was logged" in problems(platform)


def test_widening_a_grant_to_the_past_breaks_its_commitment(platform: CheatingPlatform) -> None:
    """A grant that is made to cover older data is no longer what was logged."""
    index = platform.widens_a_grant()
    assert f"log entry {index}: a consent event is not what was logged" in problems(platform)


def test_an_invented_grant_has_no_entry(platform: CheatingPlatform) -> None:
    """A grant that nobody gave stands in the ledger alone."""
    platform.invents_a_grant(8, USE, "ask")
    assert "a row that no log entry speaks of" in problems(platform)


def test_swapping_the_notice_changes_its_digest(platform: CheatingPlatform) -> None:
    """The text said to have been shown is not the text that was logged."""
    platform.swaps_the_notice("ask", "May we do anything we like?")
    assert "'ask' is not what was logged" in problems(platform)


def test_rewriting_a_policy_changes_its_digest(platform: CheatingPlatform) -> None:
    """A policy edited after publication is not the one that was logged."""
    platform.rewrites_the_policy("privacy-policy 1", POLICY.replace("where you agree", "always"))
    assert "'privacy-policy 1' is not what was logged" in problems(platform)


def test_hiding_a_recipient_leaves_the_disclosure_entry_over(platform: CheatingPlatform) -> None:
    """A package struck from the ledger is missed by the log."""
    platform.hides_a_recipient("package-1")
    assert "a disclosure/v1 was logged and its document is gone" in problems(platform)


def test_improving_a_gate_record_is_seen_twice(platform: CheatingPlatform) -> None:
    """Counts that were changed agree neither with the log nor with a replay (G5)."""
    platform.improves_the_gate("gate-1")
    found = problems(platform)
    assert "'gate-1' is not what was logged" in found
    assert "gate gate-1: deciding again" in found


def test_training_on_an_ungated_row_needs_another_snapshot(platform: CheatingPlatform) -> None:
    """A row slipped into a sealed snapshot keeps it from being opened (G6)."""
    platform.trains_on_an_ungated_row("set-1")
    with (
        byleave.open(platform.path, read_only=True) as ws,
        pytest.raises(EvidenceError) as error,
    ):
        ws.snapshot.open("set-1")
    assert error.value.code == "snapshot.digest"


def test_a_forged_unlearning_is_not_the_released_model(platform: CheatingPlatform) -> None:
    """The old model under the new release's name has not the digest that was logged (G8)."""
    platform.forges_an_unlearning("replies-1", "replies-2")
    with (
        byleave.open(platform.path, read_only=True) as ws,
        pytest.raises(EvidenceError) as error,
    ):
        ws.release.load("replies-2")
    assert error.value.code == "release.digest"


def test_a_rewritten_entry_is_never_signed_over(platform: CheatingPlatform) -> None:
    """Changing a published entry in the ledger is found, and the log refuses to go on."""
    platform.rewrites_the_log(3)
    assert "log/" in problems(platform)


def test_a_log_begun_again_does_not_extend_the_old_one(
    honest: Path, platform: CheatingPlatform
) -> None:
    """An outsider who kept the old checkpoint sees that the new log is another history (G9)."""
    with byleave.open(honest, read_only=True) as ws:
        old = ws.log.checkpoint()
    platform.drops_a_withdrawal()
    platform.rewrites_the_log(3)
    platform.starts_the_log_again()
    with byleave.open(platform.path) as ws:
        new = ws.log.checkpoint()
    assert new["size"] == old["size"]
    assert new["root"] != old["root"]


def _messages(members: list[str]) -> pa.Table:
    """Return a small generated conversation of everyone with the next."""
    rows = []
    for thread, (a, b) in enumerate(zip(members, [*members[1:], members[0]], strict=True)):
        for seq in range(6):
            sender, recipient = (a, b) if seq % 2 == 0 else (b, a)
            text = "How are you today?" if seq % 2 == 0 else "I am fine, thanks."
            rows.append((f"t{thread}", seq, sender, recipient, text))
    sent = datetime(2024, 9, 20, tzinfo=UTC)
    return pa.table(
        {
            "thread": pa.array([r[0] for r in rows]),
            "seq": pa.array([r[1] for r in rows], pa.int64()),
            "sender": pa.array([r[2] for r in rows]),
            "recipient": pa.array([r[3] for r in rows]),
            "text": pa.array([r[4] for r in rows]),
            "sent_at": pa.array([sent] * len(rows), pa.timestamp("us", "UTC")),
        }
    )
