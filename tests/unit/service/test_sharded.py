"""A learner of the user's own through the whole workspace: train, release, withdraw, unlearn."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pyarrow as pa
import pytest

from byleave.errors import ConflictError
from byleave.wiring.world import ReplayClock
from tests.trainers.test_sharded import Perceptron
from tests.unit.service.small import START, empty

USE = "train.ranking.content/activity.feed/platform"
NOTICE = "May we use what you read to train the model that suggests content?\n"
CONTRACT = """\
contract: v1
record_id: id
parties: {author: member}
category_constant: activity.feed
collected_at: at
"""


def test_a_trainer_of_ones_own_is_unlearned_like_ours(tmp_path: Path) -> None:
    """After a withdrawal the sharded release has the bytes of a fit without the member."""
    members = [f"m{n % 9}" for n in range(45)]
    table = pa.table(
        {
            "id": [str(n) for n in range(45)],
            "member": members,
            "x": [float(n % 7) for n in range(45)],
            "y": [float(n % 5) for n in range(45)],
            "label": [float(n % 2) for n in range(45)],
            "at": pa.array([START] * 45, pa.timestamp("us", "UTC")),
        }
    )
    clock = ReplayClock(START)
    with empty(tmp_path / "ws", clock) as ws:
        ws.use_trainer(ws.sharded(Perceptron(), shards=3, slices=2))
        with pytest.raises(ConflictError) as caught:
            ws.use_trainer(ws.sharded(Perceptron()))
        assert caught.value.code == "workspace.exists"
        ws.policy.publish_notice(NOTICE, notice="content-1", asks=[USE])
        ws.source.add("reads", table, CONTRACT, regions=dict.fromkeys(members, "eu"))
        clock.set(START + timedelta(days=1))
        for member in sorted(set(members)):
            ws.consent.grant(member, USE, notice="content-1", includes_past=True)
        gate, gated = ws.gate.run("reads", USE)
        run = ws.model.train("perceptron", ws.snapshot.seal(gate, gated=gated))
        assert ws.model.evaluate(run) == {}
        ws.release.publish(run)
        ws.consent.withdraw("m3", "train/activity.feed/*")
        (unlearned,), _ = ws.withdrawal.run()
        assert unlearned.removed == 5
        assert unlearned.refit == unlearned.new.model
        keys = [ws.sharded(Perceptron(), epoch=n).default_recipe()["key"] for n in (0, 0, 1)]
        assert keys[0] == keys[1] != keys[2]
