"""Content suggestions through the whole workspace: gate, seal, train, release, withdraw, unlearn."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pyarrow as pa
import pytest

from byleave.errors import InputError
from byleave.wiring.world import ReplayClock
from tests.unit.service.small import START, empty

USE = "train.ranking.content/activity.feed/platform"
NOTICE = "May we use what you read to train the model that suggests content?\n"
CONTRACT = """\
contract: v1
record_id: id
parties: {author: who}
category_constant: activity.feed
collected_at: at
"""


def test_a_reader_who_leaves_is_not_in_the_model_any_more(tmp_path: Path) -> None:
    """An item that only just enough members held is gone from the release after one of them left."""
    held = [(m, i) for m in range(8) for i in (1, 2)] + [(m, 3) for m in range(5)]
    table = pa.table(
        {
            "id": [str(n) for n in range(len(held))],
            "who": [f"m{m}" for m, _ in held],
            "item": [f"item-{i}" for _, i in held],
            "at": pa.array([START] * len(held), pa.timestamp("us", "UTC")),
        }
    )
    clock = ReplayClock(START)
    with empty(tmp_path / "ws", clock) as ws:
        ws.policy.publish_notice(NOTICE, notice="content-1", asks=[USE])
        ws.source.add("reads", table, CONTRACT, regions={f"m{m}": "eu" for m in range(8)})
        clock.set(START + timedelta(days=1))
        for m in range(8):
            ws.consent.grant(f"m{m}", USE, notice="content-1", includes_past=True)
        gate, gated = ws.gate.run("reads", USE)
        assert gated.record.kept == len(held)
        columns = {"member": "who", "item": "item", "at": "at"}
        run = ws.model.train("content", ws.snapshot.seal(gate, gated=gated), columns=columns)
        release = ws.release.publish(run, quality=ws.model.evaluate(run)).release
        before = ws.release.suggest(release, history=["item-1"], count=5)
        assert {s["text"] for s in before} == {"item-2", "item-3"}
        with pytest.raises(InputError) as caught:
            ws.release.suggest(release, "hello")
        assert caught.value.code == "training.suggest"
        ws.consent.withdraw("m0", "train/activity.feed/*")
        unlearned, _ = ws.withdrawal.run()
        after = unlearned[0].new.release
        assert unlearned[0].refit == unlearned[0].new.model
        assert {s["text"] for s in ws.release.suggest(after, history=["item-1"], count=5)} == {
            "item-2"
        }
