"""The worked example with scikit-learn: the law, and the story that its page tells."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pyarrow as pa
import pytest

from byleave.testing import trainer_suite as suite
from byleave.trainers.sharded import ShardedTrainer, mean_of_shards

KEY = bytes(range(32))


def example(root: Path, name: str) -> ModuleType:
    """Return one file of examples/learners as a module."""
    path = root / "examples" / "learners" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(f"example_{name}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def rows_of(root: Path, count: int) -> pa.Table:
    """Return generated messages with the columns a learner asks for."""
    made = example(root, "story").generated(count, 24)
    return pa.table(
        {
            "record_id": made["number"],
            "member": made["sender"],
            "text": made["text"],
            "label": made["side"],
        }
    )


def test_scikit_learn_forgets_to_the_byte(root: Path) -> None:
    """The classifier keeps the law, one request after another, in any order and batches."""
    one = ShardedTrainer(example(root, "linear").Linear(), key=KEY, shards=3, slices=3)
    table = rows_of(root, 120)
    recipe = one.default_recipe()
    suite.forgets_as_if_never_seen(one, table, [[0, 1, 2], [50, 7]], recipe=recipe, size=13)
    suite.learns_again_what_it_forgot(one, table, [3, 90], recipe=recipe)
    suite.leaves_the_old_state_alone(one, table, [3, 90], recipe=recipe)
    suite.survives_dump_and_restore(one, table, [3, 90], recipe=recipe)
    order = np.random.default_rng(1).permutation(table.num_rows).tolist()
    suite.ignores_order_and_batches(one, table, order, 17, recipe=recipe)


def test_a_checkpoint_of_scikit_learn_goes_on(root: Path) -> None:
    """Two slices from a checkpoint are the bytes of `partial_fit` twice, schedule and all."""
    linear = example(root, "linear")
    table, learner = rows_of(root, 60), linear.Linear()
    state = learner.learn(learner.start(0), table.slice(0, 30), 1)
    state = learner.learn(state, table.slice(30), 2)
    plain = linear.SGDClassifier(loss="log_loss", alpha=linear.ALPHA, shuffle=False)
    for part in (table.slice(0, 30), table.slice(30)):
        plain.partial_fit(
            linear.WORDS.transform(part["text"].to_pylist()),
            part["label"].to_pylist(),
            classes=linear.SIDES,
        )
    held = linear.opened(state)
    assert held.coef_.tobytes() == plain.coef_.tobytes()
    assert held.intercept_.tobytes() == plain.intercept_.tobytes()
    assert held.t_ == plain.t_


def test_a_shard_of_nobody_has_no_say(root: Path) -> None:
    """With one member in one of many shards the mean is that shard's score alone."""
    linear = example(root, "linear")
    one = ShardedTrainer(linear.Linear(), key=KEY, shards=6, slices=1)
    table = rows_of(root, 60)
    theirs = table.filter(pa.array([m == "member-1" for m in table["member"].to_pylist()]))
    files = one.encode(one.fit(theirs.to_batches(), one.default_recipe()))
    texts = ["would you give", "i am not sure"]
    shard = one.slots(["member-1"])[0]
    mean = mean_of_shards(files, lambda state: linear.scores(state, texts))
    assert mean.tolist() == linear.scores(files[f"shard-{shard:03d}.bin"], texts).tolist()


@pytest.mark.timeout(600)
def test_the_story_of_the_example_runs(root: Path) -> None:
    """`story.py linear.py` forecasts, trains, serves what is clean, unlearns, and compares."""
    folder = root / "examples" / "learners"
    done = subprocess.run(
        [sys.executable, str(folder / "story.py"), str(folder / "linear.py"), "--rows", "300"],
        capture_output=True,
        text=True,
        check=False,
        timeout=500,
    )
    assert done.returncode == 0, done.stderr
    said = [line[:11].strip() for line in done.stdout.splitlines()]
    assert [word for word in said if word] == [
        "forecast",
        "trained",
        "withdrawn",
        "at once",
        "unlearned",
    ]
    assert done.stdout.endswith("the same bytes as a fit without them\n")
