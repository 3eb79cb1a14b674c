"""A learner of the user's own through the whole workspace: train, release, withdraw, unlearn."""

from __future__ import annotations

import hashlib
import inspect
import platform
from datetime import timedelta
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

import byleave
from byleave.errors import ConflictError, InputError, RefusedError
from byleave.wiring import Workspace
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
        (cost,) = ws.withdrawal.forecast().releases
        assert (cost.base, cost.leaving, cost.rows) == ("sharded", 5, 45)
        assert cost.shards is not None
        assert (cost.shards.shards, cost.shards.of_shards, cost.shards.of_slices) == (1, 3, 6)
        assert cost.read == round(45 * cost.shards.slices / 6)
        (unlearned,), _ = ws.withdrawal.run()
        assert unlearned.removed == 5
        assert unlearned.refit == unlearned.new.model
        keys = [ws.sharded(Perceptron(), epoch=n).default_recipe()["key"] for n in (0, 0, 1)]
        assert keys[0] == keys[1] != keys[2]


MESSAGES_USE = "train.generative.replies/messages.direct/platform"
MESSAGES = """\
contract: v1
record_id: id
parties: {author: sender, recipients: to}
category_constant: messages.direct
collected_at: at
"""
FILE = """\
from tests.trainers.test_sharded import Perceptron


class Kept(Perceptron):
    name = "kept"


def trainer(workspace):
    return workspace.sharded(Kept(), shards=4, slices=3)
"""
COLUMNS = {"member": "sender"}


def written(path: Path, clock: ReplayClock, *, ends: timedelta | None = None) -> Workspace:
    """Return a workspace with sixty sealed messages between twelve people; nobody wrote them.

    Args:
        path: Its folder.
        clock: Its clock, at `START`.
        ends: After how long the yes of `m5` lapses.
    """
    sender = [n % 12 for n in range(60)]
    to = [(n * 5 + n // 12 + 1) % 12 for n in range(60)]
    table = pa.table(
        {
            "id": [str(n) for n in range(60)],
            "sender": [f"m{n}" for n in sender],
            "to": [f"m{n if n != s else (n + 1) % 12}" for n, s in zip(to, sender, strict=True)],
            "x": [float(n % 7) for n in range(60)],
            "y": [float(n % 5) for n in range(60)],
            "label": [float(n % 2) for n in range(60)],
            "at": pa.array([START] * 60, pa.timestamp("us", "UTC")),
        }
    )
    people = [f"m{n}" for n in range(12)]
    ws = empty(path, clock)
    ws.policy.publish_notice(NOTICE, notice="ask", asks=[MESSAGES_USE])
    ws.source.add("letters", table, MESSAGES, regions=dict.fromkeys(people, "eu"))
    clock.set(START + timedelta(days=1))
    for member in people:
        expires = clock() + ends if ends is not None and member == "m5" else None
        ws.consent.grant(member, MESSAGES_USE, notice="ask", includes_past=True, expires=expires)
    gate, gated = ws.gate.run("letters", MESSAGES_USE)
    ws.snapshot.seal(gate, gated=gated)
    return ws


def test_any_partys_withdrawal_reaches_the_authors_shard(tmp_path: Path) -> None:
    """A recipient who withdraws removes letters from their authors' shards, as the forecast counts."""
    with written(tmp_path / "ws", ReplayClock(START)) as ws:
        one = ws.sharded(Perceptron(), shards=4, slices=3)
        ws.use_trainer(one)
        sealed = ws.snapshot.open("set-1")
        rows = pa.Table.from_batches(sealed.batches({"member": "sender", "to": "to"}))
        dealt = one.slots(rows["member"].to_pylist())
        theirs = np.array([m == "m5" for m in rows["member"].to_pylist()])
        theirs |= np.array([m == "m5" for m in rows["to"].to_pylist()])
        assert len({n // 3 for n in dealt[theirs].tolist()}) > 1
        before = ws.model.forecast("perceptron", "set-1", columns=COLUMNS, leaving=[1, 12])
        assert (before.rows, before.members, before.cost[12]) == (60, 12, 1.0)
        assert before.cost[1] > before.even[1]
        assert before.most_touched >= len({n // 3 for n in dealt[theirs].tolist()})
        run = ws.model.train("perceptron", "set-1", columns=COLUMNS)
        release = ws.release.publish(run)
        assert ws.model.clean(release.release).files == release.files
        ws.consent.withdraw("m5", "train/messages.direct/*")
        clean = ws.model.clean(release.release)
        assert clean.rows == int(theirs.sum())
        (unlearned,), _ = ws.withdrawal.run()
        assert unlearned.removed == int(theirs.sum())
        assert unlearned.refit == unlearned.new.model
        changed = {n for n, d in release.files.items() if unlearned.new.files[n] != d}
        assert changed == {f"shard-{n // 3:03d}.bin" for n in dealt[theirs].tolist()}
        left = sealed.alive[~theirs]
        batches = list(sealed.batches({**COLUMNS, "x": "x", "y": "y", "label": "label"}, only=left))
        assert unlearned.new.files == one.encode(one.fit(batches, one.default_recipe()))


def test_the_earliest_expiry_decides(tmp_path: Path) -> None:
    """When one party's yes lapses, letters they are a party of are forgotten."""
    clock = ReplayClock(START)
    with written(tmp_path / "ws", clock, ends=timedelta(days=5)) as ws:
        ws.use_trainer(ws.sharded(Perceptron(), shards=4, slices=3))
        ws.release.publish(ws.model.train("perceptron", "set-1", columns=COLUMNS))
        assert not ws.withdrawal.run()[0]
        clock.set(START + timedelta(days=7))
        (unlearned,), _ = ws.withdrawal.run()
        rows = ws.snapshot.open("set-1").batches({"member": "sender", "to": "to"})
        table = pa.Table.from_batches(rows)
        parties = zip(table["member"].to_pylist(), table["to"].to_pylist(), strict=True)
        assert unlearned.removed == sum("m5" in pair for pair in parties)


def test_a_kept_trainer_unlearns_in_another_process(tmp_path: Path) -> None:
    """A trainer's file is kept, loaded when it is asked for, and gone on with after reopening."""
    file = tmp_path / "kept.py"
    file.write_text(FILE)
    clock = ReplayClock(START)
    with written(tmp_path / "ws", clock) as ws:
        assert ws.keep_trainer(file) == "kept"
        assert (tmp_path / "ws" / "trainers" / "kept.py").read_text() == FILE
        ws.release.publish(ws.model.train("kept", "set-1", columns=COLUMNS))
        ws.consent.withdraw("m5", "train/messages.direct/*")
    with byleave.open(tmp_path / "ws", now=clock) as ws:
        (unlearned,), _ = ws.withdrawal.run()
        assert unlearned.refit == unlearned.new.model
    with byleave.open(tmp_path / "ws", now=clock, read_only=True) as ws:
        with pytest.raises(ConflictError) as caught:
            ws.keep_trainer(file)
        assert caught.value.code == "workspace.read-only"
    (tmp_path / "ws" / "trainers" / "kept.py").write_text(FILE + "# another file\n")
    with byleave.open(tmp_path / "ws", now=clock) as ws:
        ws.consent.withdraw("m6", "train/messages.direct/*")
        with pytest.raises(RefusedError) as refused:
            ws.withdrawal.run()
        assert refused.value.code == "trainer.other-recipe"


def typed(describe: Any) -> Any:
    """Return a class without a file, as in a notebook."""
    body = {"__module__": "nowhere", "name": "here", "columns": (), "describe": describe}
    return type("Here", (), body)


def test_the_code_of_a_learner_is_in_its_recipe(tmp_path: Path) -> None:
    """The digest of its file, Python, processor and packages are there; one not installed is refused."""
    with empty(tmp_path / "ws") as ws:
        made = ws.sharded(Perceptron(), packages=["scikit-learn"]).default_recipe()["made_by"]
        source = Path(inspect.getsourcefile(Perceptron) or "").read_bytes()
        assert made["code"] == hashlib.sha256(source).hexdigest()
        assert made["environment"]["packages"]["scikit-learn"] == metadata.version("scikit-learn")
        assert made["environment"]["python"].endswith(platform.python_version())
        codes = [
            ws.sharded(kind()).default_recipe()["made_by"]["code"]
            for kind in (typed(lambda _: {"a": 1}), typed(lambda _: {"a": 2}))
        ]
        assert codes[0] != codes[1]
        with pytest.raises(InputError) as caught:
            ws.sharded(Perceptron(), packages=["no-such-package"])
        assert caught.value.code == "trainer.package"


@pytest.mark.parametrize(
    "text", ["raise ValueError", "x = 1", "def trainer(workspace):\n    return 3\n", "def ("]
)
def test_a_file_that_makes_no_trainer_is_refused(tmp_path: Path, text: str) -> None:
    """A file that fails, has no `trainer`, or returns something else is not kept."""
    file = tmp_path / "bad.py"
    file.write_text(text)
    with empty(tmp_path / "ws") as ws:
        with pytest.raises(InputError) as caught:
            ws.keep_trainer(file)
        assert caught.value.code == "trainer.file"
        assert not (tmp_path / "ws" / "trainers").exists()
        file.write_text(FILE.replace('"kept"', '"replies"'))
        with pytest.raises(ConflictError):
            ws.keep_trainer(file)
        with pytest.raises(InputError) as caught:
            ws.model.forecast("replies", "set-1")
        assert caught.value.code == "training.not-sharded"
