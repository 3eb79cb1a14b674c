"""The gate's plan in Spark: `mapInArrow` over partitions, in worker processes."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest

from tests.slow.generated import MESSAGES, gated, make_messages, make_plan, reasons_of

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkSession]:
    from pyspark.sql import SparkSession

    folder = tmp_path_factory.mktemp("spark")
    # The workers run this Python, and nothing listens beyond this machine.
    os.environ["PYSPARK_PYTHON"] = sys.executable
    os.environ["SPARK_LOCAL_IP"] = "127.0.0.1"
    session = (
        SparkSession.builder.master("local[2]")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.local.dir", str(folder))
        .config("spark.sql.execution.arrow.maxRecordsPerBatch", "97")
        .config("spark.sql.session.timeZone", "UTC")
        .config("spark.sql.warehouse.dir", str(folder / "warehouse"))
        .config("spark.ui.enabled", "false")
        .getOrCreate()
    )
    session.sparkContext.setLogLevel("ERROR")
    yield session
    session.stop()


def test_spark_gives_every_row_the_reason_that_the_gate_gives(spark: SparkSession) -> None:
    """Spark over shuffled partitions gives each row the reason that one process gives it."""
    plan, messages = make_plan(), make_messages()
    wanted = reasons_of(gated(plan, messages))

    # A function inside the test travels by value; its workers import only byleave.
    def decide(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        from byleave.consent.reason import Reason
        from byleave.engines.arrow import decide_batch

        for batch in batches:
            reasons = decide_batch(plan, batch).reason
            words = [Reason(int(reason)).word for reason in reasons]
            yield pa.RecordBatch.from_pydict({"number": batch["number"], "reason": pa.array(words)})

    columns = ["number", *plan.contract.read_columns]
    frame = spark.createDataFrame(messages.select(columns)).repartition(5, "sender")
    found = frame.mapInArrow(decide, "number long, reason string").toArrow().to_pydict()

    assert len(found["number"]) == MESSAGES
    assert dict(zip(found["number"], found["reason"], strict=True)) == wanted
    assert len(set(wanted.values())) >= 8, "the case should meet most reasons"
