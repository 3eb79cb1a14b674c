"""A case in Spark: the same plan, as statements that Spark compiles itself; no Python beside it.

Messages that are Parquet under our names are read by the executors; the tables of members pass
through this process, a batch at a time. What is made stands in a folder that all of them reach.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from byleave.engines.extra import load
from byleave.exposure.parties import UNDATED_US
from byleave.exposure.plan import CasePlan
from byleave.exposure.plan_sql import SPARK, Dialect
from byleave.exposure.tables import Inputs, message_rows

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame, SparkSession

__all__ = ["SparkRunner"]

_BATCH_ROWS = 1 << 16
_PLAIN = re.compile(r"[A-Za-z0-9._-]+")


class SparkRunner:
    """See `case_runner.CaseRunner`.

    Args:
        spark: The session.
        folder: Exists, and is reached under this path by every executor.

    Raises:
        WorldError: `cli.extra-missing`.
    """

    def __init__(self, spark: SparkSession, folder: Path) -> None:
        self._spark = spark
        self._staged = folder / "staged"
        self._functions = load("pyspark.sql.functions", extra="spark")
        self._numbers = count()

    @property
    def dialect(self) -> Dialect:
        """How Spark writes it."""
        return SPARK

    @property
    def whole(self) -> bool:
        """Spark does a task again that failed."""
        return True

    @contextmanager
    def lent(self, size: int) -> Iterator[bool]:
        """Say that nothing is: its memory is the executors'."""
        yield size == 0

    def messages(self, inputs: Inputs, plan: CasePlan, start: int, stop: int) -> None:
        """Give the relation `messages` to all messages; `start` and `stop` are theirs."""
        files = inputs.messages.parquet
        # Spark writes some characters of a file's name otherwise than we do.
        if not files or not all(_PLAIN.fullmatch(Path(file).name) for file in files):
            self.relation("messages", *message_rows(inputs, plan, start, stop))
            return
        self._rows(inputs, plan, files).createOrReplaceTempView("messages")

    def _rows(self, inputs: Inputs, plan: CasePlan, files: tuple[str, ...]) -> DataFrame:
        f = self._functions
        names = inputs.messages.schema.names
        before, rows = {}, 0
        for file in files:
            before[Path(file).name] = rows
            rows += pq.read_metadata(file).num_rows
        place: Column = f.lit(0)
        if len(files) > 1:
            known = f.create_map(*(f.lit(x) for pair in before.items() for x in pair))
            place = known[f.col("_metadata.file_name")]
        ids, records = _kind(inputs.ids), _kind(inputs.records)
        frame = self._spark.read.parquet(*files)
        sent: Column = f.lit(UNDATED_US).cast("bigint")
        if "sent_at" in names:
            sent = f.coalesce(f.unix_micros(f.col("sent_at")), sent)
        kind: Column = f.lit(0)
        if "kind" in names and plan.kinds:
            words_of = {
                n: [k for k, c in plan.kinds.items() if c == n] for n in plan.kinds.values()
            }
            kind = f.when(f.lit(False), f.lit(0))
            for number, words in words_of.items():
                kind = kind.when(f.col("kind").isin(words), f.lit(number))
            kind = kind.otherwise(f.lit(0))
        return frame.select(
            f.col("record").cast(records).alias("record"),
            f.col("author").cast(ids).alias("author"),
            f.col("recipients").cast(f"array<{ids}>" if inputs.lists else ids).alias("recipients"),
            sent.alias("sent"),
            kind.alias("kind"),
            (place + f.col("_metadata.row_index")).cast("bigint").alias("place"),
        )

    def relation(self, name: str, schema: pa.Schema, batches: Iterator[pa.RecordBatch]) -> None:
        """Give a name to rows; they are written once for the executors to read."""
        file = self._file(name)
        with pq.ParquetWriter(file, schema) as writer:
            for batch in batches:
                writer.write_batch(batch)
        self._spark.read.parquet(str(file)).createOrReplaceTempView(name)

    def table(self, name: str, rows: pa.Table) -> None:
        """Give a name to a small table."""
        file = self._file(name)
        pq.write_table(rows, file)
        self._spark.read.parquet(str(file)).createOrReplaceTempView(name)

    def stored(self, name: str, files: list[Path]) -> None:
        """Give a name to what `write` left."""
        self._spark.read.parquet(*map(str, files)).createOrReplaceTempView(name)

    def write(self, sql: str, file: Path) -> None:
        """Run a statement and leave its rows in a folder of Parquet files, whole or not at all."""
        draft = file.with_name(file.name + ".part")
        shutil.rmtree(draft, ignore_errors=True)
        self._spark.sql(sql).write.parquet(str(draft))
        draft.replace(file)

    def fetch(self, sql: str) -> pa.Table:
        """Run a statement whose rows fit in memory."""
        found: pa.Table = self._spark.sql(sql).toArrow()
        return found

    def stream(self, sql: str) -> Iterator[pa.RecordBatch]:
        """Run a statement and yield its rows, from files that the executors wrote."""
        file = self._file("rows")
        self._spark.sql(sql).write.parquet(str(file))
        for part in sorted(file.glob("*.parquet")):
            with pq.ParquetFile(part) as rows:
                yield from rows.iter_batches(_BATCH_ROWS)
        shutil.rmtree(file)

    def _file(self, name: str) -> Path:
        self._staged.mkdir(exist_ok=True)
        return self._staged / f"{name}-{next(self._numbers)}.parquet"


def _kind(found: pa.DataType) -> str:
    return "bigint" if pa.types.is_integer(found) else "string"
