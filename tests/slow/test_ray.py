"""The gate's plan in Ray Data: `map_batches` over Arrow blocks, in worker processes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pytest

from tests.slow.generated import MESSAGES, gated, make_messages, make_plan, reasons_of

pytestmark = [
    pytest.mark.slow,
    # Ray reads its own deprecated settings while it starts.
    pytest.mark.filterwarnings("ignore::DeprecationWarning:ray"),
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


def test_ray_gives_every_row_the_reason_that_the_gate_gives(ray_data: Any) -> None:
    """Ray over several blocks gives each row the reason that one process gives it."""
    plan, messages = make_plan(), make_messages()
    wanted = reasons_of(gated(plan, messages))

    # A function inside the test travels by value; its workers import only byleave.
    def decide(block: pa.Table) -> pa.Table:
        from byleave.consent.reason import Reason
        from byleave.engines.arrow import decide_batch

        words = [
            Reason(int(reason)).word
            for batch in block.to_batches()
            for reason in decide_batch(plan, batch).reason
        ]
        return pa.table({"number": block["number"], "reason": words})

    columns = ["number", *plan.contract.read_columns]
    rows = (
        ray_data.from_arrow(messages.select(columns))
        .repartition(5)
        .map_batches(decide, batch_format="pyarrow", batch_size=97)
        .take_all()
    )

    assert len(rows) == MESSAGES
    assert {row["number"]: row["reason"] for row in rows} == wanted
    assert len(set(wanted.values())) >= 8, "the case should meet most reasons"
