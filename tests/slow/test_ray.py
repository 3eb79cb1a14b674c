"""The gate in Ray Data: `map_batches` over Arrow blocks, in worker processes."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from byleave.engines.plan_files import write_plan
from byleave.engines.ray import count_blocks, gate_blocks
from byleave.errors import InputError
from byleave.gate.plan import GatePlan
from byleave.testing.engine_suite import misreasoned
from tests.engines.strategies import example_of
from tests.slow.generated import MESSAGES, gated, make_messages, make_plan, reasons_of

pytestmark = [
    pytest.mark.slow,
    # Ray reads its own deprecated settings while it starts.
    pytest.mark.filterwarnings("ignore::DeprecationWarning:ray"),
    # Ray Data leaves the log file of a data set for the garbage collector to close.
    pytest.mark.filterwarnings("ignore:unclosed file .*/ray-data-dataset_:ResourceWarning"),
    pytest.mark.filterwarnings(
        "ignore:Exception ignored in.*/ray-data-dataset_:pytest.PytestUnraisableExceptionWarning"
    ),
]


@pytest.fixture(scope="module")
def ray_data() -> Iterator[Any]:
    # One machine, nobody else, and no report to anyone.
    os.environ["RAY_AUTH_MODE"] = "disabled"
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    import ray
    import ray.data

    ray.init(
        num_cpus=2,
        include_dashboard=False,
        log_to_driver=False,
        logging_level="error",
        _node_ip_address="127.0.0.1",
    )
    yield ray.data
    ray.shutdown()


@pytest.fixture(scope="module")
def plan_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("plan") / "messages.plan"
    write_plan(make_plan(), path)
    return path


def test_ray_gives_every_row_the_reason_that_the_gate_gives(ray_data: Any, plan_file: Path) -> None:
    """Ray over several blocks gives each row the reason that one process gives it."""
    wanted = reasons_of(gated(make_plan(), make_messages()))
    blocks = ray_data.from_arrow(make_messages()).repartition(5)
    rows = gate_blocks(plan_file, blocks, mark=True, batch_rows=97).take_all()

    assert len(rows) == MESSAGES
    assert {row["number"]: row["gate_reason"] for row in rows} == wanted
    assert len(set(wanted.values())) >= 8, "the case should meet most reasons"


def test_ray_keeps_the_rows_kept_with_all_their_columns(ray_data: Any, plan_file: Path) -> None:
    """The data set that comes back is the rows kept, every column as it was."""
    blocks = ray_data.from_arrow(make_messages()).repartition(3)
    tables = gate_blocks(plan_file, blocks).iter_batches(batch_format="pyarrow", batch_size=None)
    found = pa.concat_tables(tables).sort_by("number")
    assert found.to_pylist() == gated(make_plan(), make_messages()).table.to_pylist()


def test_counts_sum_to_the_rows(ray_data: Any, plan_file: Path) -> None:
    """Counts by reason are those of the gate, and sum to the rows that Ray counts by itself."""
    found = count_blocks(plan_file, ray_data.from_arrow(make_messages()).repartition(3))
    record = gated(make_plan(), make_messages()).record
    assert (found.rows, found.kept) == (MESSAGES, record.kept)
    assert dict(found.reasons) == dict(record.reasons)


class ByRay:
    """A way through Ray for the behaviour suite: rows come back by `id`."""

    def __init__(self, data: Any, folder: Path) -> None:
        self.data, self.folder, self.turn = data, folder, 0

    def __call__(self, plan: GatePlan, table: pa.Table) -> Sequence[tuple[str, int]]:
        self.turn += 1
        path = self.folder / f"{self.turn}.plan"
        write_plan(plan, path)
        if not len(table):
            return []
        blocks = self.data.from_arrow(table).repartition(2)
        rows = sorted(gate_blocks(path, blocks, mark=True).take_all(), key=lambda row: row["id"])
        return [(row["gate_reason"], row["gate_party"]) for row in rows]


def test_ray_agrees_with_the_oracle(ray_data: Any, tmp_path: Path) -> None:
    """On worlds dense in trouble Ray gives each row the oracle's reason and party."""
    way = ByRay(ray_data, tmp_path)
    differing = {seed: misreasoned(way, example_of(seed)) for seed in range(8)}
    assert {seed: rows for seed, rows in differing.items() if rows} == {}


def test_blocks_that_do_not_fit_are_refused_at_once(ray_data: Any, plan_file: Path) -> None:
    """A missing column or ids of a wrong type are refused by name before any block is read."""
    messages = make_messages()
    with pytest.raises(InputError, match="sender") as caught:
        gate_blocks(plan_file, ray_data.from_arrow(messages.drop_columns(["sender"])))
    assert caught.value.code == "contract.column-missing"
    floats = messages.set_column(1, "sender", pa.array([1.0] * len(messages)))
    with pytest.raises(InputError, match="sender") as caught:
        gate_blocks(plan_file, ray_data.from_arrow(floats))
    assert caught.value.code == "contract.column-type"
    with pytest.raises(InputError):
        gate_blocks(plan_file.with_name("none"), ray_data.from_arrow(messages))
