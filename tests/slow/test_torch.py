"""PyTorch: what the gate kept in a `DataLoader`, and learners that forget by shards."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest

from byleave.errors import RefusedError, WorldError
from byleave.testing import trainer_suite as suite
from byleave.trainers.sharded import ShardedTrainer
from tests.slow.generated import gated, make_messages, make_plan, reasons_of
from tests.trainers.test_learner_examples import KEY, example, rows_of
from tests.unit.service.small import grow

if TYPE_CHECKING:
    from byleave.gate.result import GatedTable

pytestmark = pytest.mark.slow


class KeptTexts:
    """The kept rows as a map-style data set: number and text."""

    def __init__(self, result: GatedTable) -> None:
        self.numbers = result.table["number"].to_pylist()
        self.texts = result.table["text"].to_pylist()

    def __len__(self) -> int:
        return len(self.numbers)

    def __getitem__(self, position: int) -> tuple[int, str]:
        return self.numbers[position], self.texts[position]


@pytest.mark.parametrize("workers", [0, 2])
def test_a_data_loader_sees_each_kept_row_once_and_no_other(workers: int) -> None:
    """A shuffling `DataLoader`, also with worker processes, yields just the rows kept."""
    import torch
    from torch.utils.data import DataLoader

    messages = make_messages()
    result = gated(make_plan(), messages)
    words = reasons_of(result)
    kept = sorted(number for number, word in words.items() if word == "kept")
    loader = DataLoader(
        KeptTexts(result),
        batch_size=64,
        shuffle=True,
        num_workers=workers,
        generator=torch.Generator().manual_seed(3),
    )

    seen = [
        (int(number), text)
        for numbers, texts in loader
        for number, text in zip(numbers, texts, strict=True)
    ]

    assert sorted(number for number, _ in seen) == kept
    assert all(text == f"generated message {number}" for number, text in seen)
    assert 0 < len(kept) < len(words)


@pytest.mark.parametrize("workers", [0, 2])
def test_a_data_loader_over_a_snapshot_is_attested(tmp_path: Path, workers: int) -> None:
    """Two shuffled epochs by a `DataLoader`, with and without workers: each row twice, no other."""
    import torch
    from torch.utils.data import DataLoader

    grown = grow(tmp_path / "workspace")
    with grown.open() as ws:
        reader = ws.model.reader(grown.snapshot, columns=["text"], trace=tmp_path / "reads")
        sealed = ws.snapshot.open(grown.snapshot)
        wanted = pa.Table.from_batches(sealed.batches({"text": "text"}))["text"].to_pylist()
        rows = reader.torch(lambda row: row["text"])
        loader = DataLoader(
            rows,
            batch_size=32,
            shuffle=True,
            num_workers=workers,
            generator=torch.Generator().manual_seed(3),
        )
        for epoch in range(2):
            rows.set_epoch(epoch)
            assert sorted(text for batch in loader for text in batch) == sorted(wanted)
        done = ws.model.attest(tmp_path / "reads")
        assert ws.model.check(done.attestation, each_once=True).reads.whole
        assert (done.reads.most, done.reads.epochs) == (2, 2)
        assert done.reads.parts == (1 if workers == 0 else 2 * workers)
        with pytest.raises(IndexError):
            rows[len(rows)]


@pytest.mark.parametrize("workers", [0, 2])
def test_a_stream_over_a_snapshot_is_attested(tmp_path: Path, workers: int) -> None:
    """Workers share the rows of a stream; one that is cut short is told as partial."""
    from torch.utils.data import DataLoader

    grown = grow(tmp_path / "workspace")
    with grown.open() as ws:
        reader = ws.model.reader(grown.snapshot, columns=["text"], trace=tmp_path / "reads")
        stream = reader.torch_stream(seed=4, transform=lambda row: row["text"])
        once = [text for batch in DataLoader(stream, 16, num_workers=workers) for text in batch]
        assert len(once) == len(stream)
        assert ws.model.attest(tmp_path / "reads").reads.whole
        cut = ws.model.reader(grown.snapshot, columns=["text"], trace=tmp_path / "cut")
        assert len(list(zip(range(5), cut.torch_stream(seed=4), strict=False))) == 5
        done = ws.model.attest(tmp_path / "cut")
        assert (done.reads.reads, done.reads.least) == (5, 0)
        with pytest.raises(RefusedError):
            ws.model.check(done.attestation, each_once=True)


@pytest.mark.parametrize(("name", "count"), [("network", 150), ("adapters", 40)])
@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_a_learner_of_pytorch_forgets_to_the_byte(root: Path, name: str, count: int) -> None:
    """A network, and a language model with an adapter a shard, keep the law of unlearning."""
    one = ShardedTrainer(example(root, name).Learner(), key=KEY, shards=2, slices=2)
    table = rows_of(root, count)
    recipe = one.default_recipe()
    suite.forgets_as_if_never_seen(one, table, [[0, 1], [7]], recipe=recipe, size=13)
    suite.learns_again_what_it_forgot(one, table, [3], recipe=recipe)
    suite.survives_dump_and_restore(one, table, [3], recipe=recipe)


@pytest.mark.filterwarnings("ignore::FutureWarning")
@pytest.mark.parametrize("name", ["network", "adapters"])
def test_a_checkpoint_is_weights_optimiser_and_random_state(root: Path, name: str) -> None:
    """Without the optimiser's moments, or with other random numbers, the next slice differs."""
    from safetensors.numpy import load, save

    learner, table = example(root, name).Learner(), rows_of(root, 40)
    state = learner.learn(learner.start(5), table.slice(0, 20), 1)
    after = learner.learn(state, table.slice(20), 2)
    assert learner.learn(state, table.slice(20), 2) == after
    held = load(state)
    assert {key.partition(".")[0] for key in held} == {"weight", "optimizer", "random"}
    no_moments = {k: v for k, v in held.items() if not k.startswith("optimizer.")}
    assert learner.learn(save(no_moments), table.slice(20), 2) != after
    fresh = load(learner.start(6))
    other_random = {**held, "random.cpu": fresh["random.cpu"]}
    if "random.cuda" in held:
        other_random["random.cuda"] = fresh["random.cuda"]
    assert learner.learn(save(other_random), table.slice(20), 2) != after


@pytest.mark.filterwarnings("ignore::FutureWarning")
@pytest.mark.parametrize("name", ["network", "adapters"])
def test_the_device_is_an_argument_and_part_of_the_recipe(root: Path, name: str) -> None:
    """What is asked for is where the weights lie; a state of one device is none of another's.

    `meta` is a device of PyTorch on every machine: it has shapes, and computes nothing.
    """
    import torch

    module, table = example(root, name), rows_of(root, 20)
    there = module.Learner("meta")
    model, weights, _ = module.made(there.device)
    assert {tensor.device.type for tensor in weights.values()} == {"meta"}
    asked = model(["a b"]) if name == "network" else module.tokens(["a b"], there.device)
    assert asked.device.type == "meta"
    here = module.Learner("cpu")
    assert (here.describe()["device"], there.describe()["device"]) == ("cpu", "meta")
    chosen = module.Learner()
    gpu = torch.cuda.is_available()
    assert chosen.device.type == ("cuda" if gpu else "cpu")
    assert chosen.describe()["device"] == (torch.cuda.get_device_name() if gpu else "cpu")
    one, other = (ShardedTrainer(part, key=KEY, shards=2, slices=2) for part in (here, there))
    assert one.default_recipe() != other.default_recipe()
    files = one.dump(one.fit(table.to_batches(), one.default_recipe()))
    with pytest.raises(RefusedError) as error:
        other.restore(files)
    assert error.value.code == "trainer.other-recipe"
    with pytest.raises(WorldError) as missing:
        module.Learner("cuda:99")
    assert missing.value.code == "trainer.device"


@pytest.mark.parametrize("name", ["network", "adapters"])
def test_the_story_of_pytorch_runs(root: Path, name: str) -> None:
    """`story.py` ends in the same bytes for the network and for the adapters."""
    folder = root / "examples" / "learners"
    done = subprocess.run(
        [sys.executable, str(folder / "story.py"), str(folder / f"{name}.py"), "--rows", "200"],
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("the same bytes as a fit without them\n")
