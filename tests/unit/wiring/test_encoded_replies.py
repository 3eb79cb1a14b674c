"""Replies on a frozen encoder's features through the whole workspace: stored, trained on, unlearned."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

import byleave
from byleave.connectors.encoder import add_features
from byleave.errors import WorldError
from byleave.wiring.encoding import ENCODER, open_encoder
from byleave.wiring.world import ReplayClock
from tests.unit.connectors.test_encoder import SIZE, tiny_encoder
from tests.unit.service.small import (
    CONTRACT,
    PLATFORM,
    START,
    asked,
    empty,
    grant,
    people,
    small_table,
)

COLUMNS = {"thread": "thread_id", "author": "sender_id", "embedding": "embedding"}


def test_features_are_stored_and_forgotten_with_their_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A release asks by the same encoder alone; who leaves takes the numbers of their rows along."""
    pytest.importorskip("tokenizers", reason="the extra encoder is not installed")
    monkeypatch.setenv(ENCODER, str(tiny_encoder(tmp_path / "one", seed=1)))
    encoder = open_encoder()
    table = add_features(small_table(), "text", encoder, "embedding")
    who = people(table)
    clock = ReplayClock(START)
    with empty(tmp_path / "ws", clock) as ws:
        asked(ws)
        ws.source.add("messages", table, CONTRACT, regions=dict.fromkeys(who, "eu"))
        clock.set(START + timedelta(days=1))
        ws.consent.record([grant(member, PLATFORM, ws) for member in who])
        gate, gated = ws.gate.run("messages", PLATFORM)
        sealed = ws.snapshot.seal(gate, gated=gated)
        recipe = {"encoder": encoder.digest, "numbers": SIZE, "k": 2}
        run = ws.model.train("replies", sealed, columns=COLUMNS, recipe=recipe)
        release = ws.release.publish(run, quality=ws.model.evaluate(run)).release
        assert ws.release.suggest(release, "How are you?")
        ws.consent.withdraw(who[0], "train/messages/*")
        unlearned, _ = ws.withdrawal.run()
        assert unlearned[0].refit == unlearned[0].new.model
    monkeypatch.setenv(ENCODER, str(tiny_encoder(tmp_path / "two", seed=2)))
    with byleave.open(tmp_path / "ws", read_only=True) as ws, pytest.raises(WorldError) as caught:
        ws.release.suggest(unlearned[0].new.release, "How are you?")
    assert caught.value.code == "trainer.encoder"
