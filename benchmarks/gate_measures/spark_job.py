"""One way of deciding every row in Spark, `local[2]`; run in Spark's own environment.

    spark_job.py floor|gate|python|join|counts DATA PLAN SAID [HEAP]

floor reads the two columns and hands them to a sink that does nothing; gate adds reason and party
by an expression of Spark's own, python by the Arrow function; join adds the same reason by Spark's own joins against a broadcast table of those
who spoke; counts prints the rows by reason of both ways, which must be the same.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

PARTIES = ("author", "recipient")
REASON = """
CASE WHEN a.code IN (2, 3, 4) THEN a.code
     WHEN b.code IN (2, 3, 4) THEN 45
     WHEN coalesce(a.code, 1) <> 0 THEN coalesce(a.code, 1)
     ELSE coalesce(b.code, 1) END
"""


def session(memory: str, rows: int) -> Any:
    from pyspark.sql import SparkSession

    os.environ["PYSPARK_PYTHON"] = sys.executable
    os.environ["SPARK_LOCAL_IP"] = "127.0.0.1"
    made = (
        SparkSession.builder.master("local[2]")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.driver.memory", memory)
        .config("spark.driver.maxResultSize", "0")
        .config("spark.sql.execution.arrow.maxRecordsPerBatch", str(rows))
        .config("spark.sql.session.timeZone", "UTC")
        .config("spark.sql.autoBroadcastJoinThreshold", "-1")
        .config("spark.sql.broadcastTimeout", "1200")
        .config("spark.ui.enabled", "false")
        .getOrCreate()
    )
    made.sparkContext.setLogLevel("OFF")
    return made


def joined(spark: Any, data: str, said: str) -> Any:
    from pyspark.sql import functions as f

    spoke = f.broadcast(spark.read.parquet(said))
    rows = spark.read.parquet(data)
    return (
        rows.join(spoke.alias("a"), rows["author"] == f.col("a.id"), "left")
        .join(spoke.alias("b"), rows["recipient"] == f.col("b.id"), "left")
        .select("author", "recipient", f.expr(REASON).alias("gate_reason"))
    )


def main() -> None:
    from byleave.consent.reason import Reason
    from byleave.engines.spark import SparkGate

    way, data, plan, said = sys.argv[1:5]
    memory = sys.argv[5] if len(sys.argv) > 5 else "6g"
    spark = session(memory, 1 << 17)
    rows = spark.read.parquet(data).select("author", "recipient")
    if way == "floor":
        rows.write.format("noop").mode("overwrite").save()
    elif way in {"gate", "python"}:
        gate = SparkGate(spark, Path(plan), shared=True, native=way == "gate")
        assert gate.way(rows) == ("spark" if way == "gate" else "python")
        gate.mark(rows).write.format("noop").mode("overwrite").save()
    elif way == "join":
        joined(spark, data, said).write.format("noop").mode("overwrite").save()
    else:
        gate = SparkGate(spark, Path(plan), shared=True).mark(rows)
        ours = {r["gate_reason"]: r["count"] for r in gate.groupBy("gate_reason").count().collect()}
        found = joined(spark, data, said).groupBy("gate_reason").count().collect()
        theirs = {Reason(r["gate_reason"]).word: r["count"] for r in found}
        assert ours == theirs, (ours, theirs)
        assert sum(ours.values()) == rows.count()
        print(ours)
    spark.stop()


if __name__ == "__main__":
    main()
