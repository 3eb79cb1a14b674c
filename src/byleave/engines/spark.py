"""Spark through the gate: by an expression of its own, or by an Arrow function over the id columns.

`frame.transform(SparkGate(spark, plan_file))` keeps the rows that may be used; `mark` gives every
row with its reason. Where every row has at most two parties, ids that follow one another and no
dates that matter, the answer is an expression that Spark compiles (`engines.spark_native`), and no
Python runs beside the JVM. Else only the columns that the contract reads cross to Python, pruned to
the fields it names; one integer a row comes back. The plan is a file then: shipped by `addFile`, or
on storage that all nodes mount, and mapped into memory by each worker; it is never pickled.

Byleave must be installed on the nodes. A batch has `spark.sql.execution.arrow.maxRecordsPerBatch`
rows; the default of 10,000 costs twice the time of 100,000.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa

from byleave.consent.reason import Reason
from byleave.engines.arrow import columns_for, reasons_batch
from byleave.engines.extra import load
from byleave.engines.passing import MARKS, check_schema
from byleave.engines.spark_native import PARTY_SHIFT, Native, native_of
from byleave.engines.tally import Emission, InputRows, Tally, reason_words
from byleave.engines.workers import PlanPlace, plan_at
from byleave.errors import InputError
from byleave.gate.nested import root_of
from byleave.gate.plan import GatePlan

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyspark.sql import Column, DataFrame, SparkSession

__all__ = ["SparkGate"]

_CODE: Final = 255


class SparkGate:
    """The gate of one plan file in one Spark session.

    Args:
        spark: The session.
        plan: A plan file (`engines.plan_files.write_plan`).
        shared: Whether all nodes find the file at this very path; else it is shipped to them.
        native: Whether Spark's own expressions may answer where they can.

    Raises:
        InputError: `input.not-found`; `plan.version`.
        EvidenceError: `plan.malformed`; `plan.truncated`; `plan.digest`.
        WorldError: `cli.extra-missing`.
    """

    def __init__(
        self, spark: SparkSession, plan: Path, *, shared: bool = False, native: bool = True
    ) -> None:
        self._functions: Any = load("pyspark.sql.functions", extra="spark")
        load("pandas", extra="spark")
        self._spark = spark
        self._found, self._plan = PlanPlace.of(plan)
        self._shipped = shared
        self._native = native
        self._planes: DataFrame | None = None

    @property
    def plan(self) -> GatePlan:
        """The plan that decides."""
        return self._plan

    def __call__(self, frame: DataFrame) -> DataFrame:
        """Return the rows kept, all columns: `frame.transform(gate)`.

        Raises:
            InputError: `contract.column-missing`, `contract.column-type`.
        """
        functions, names = self._functions, frame.columns
        rows, answer = self._answer(frame)
        kept = rows.where(answer.bitwiseAND(functions.lit(_CODE)) == Reason.KEPT)
        return kept if rows is frame else kept.select(*[_quoted(name) for name in names])

    def way(self, frame: DataFrame) -> str:
        """Return how rows of a frame are answered: `spark`, by its own expressions; or `python`.

        Raises:
            InputError: `contract.column-missing`, `contract.column-type`.
        """
        return "python" if self._expression(frame) is None else "spark"

    def mark(self, frame: DataFrame) -> DataFrame:
        """Return every row with `gate_reason`, the word of its reason, and `gate_party`.

        Raises:
            InputError: `contract.column-missing`, `contract.column-type`.
        """
        taken = [name for name in MARKS.names if name in frame.columns]
        if taken:
            raise InputError(f'a column "{taken[0]}" is there already', code="contract.column-type")
        functions, answer = self._functions, "__byleave"
        code = functions.col(answer).bitwiseAND(functions.lit(_CODE))
        words = [functions.lit(word) for word in _words()]
        reason = functions.element_at(functions.array(*words), code + functions.lit(1))
        party = functions.shiftright(answer, PARTY_SHIFT) - functions.lit(1)
        rows, found = self._answer(frame)
        return rows.withColumn(answer, found).select(
            *[functions.col(_quoted(name)) for name in frame.columns],
            reason.alias(MARKS.names[0]),
            party.alias(MARKS.names[1]),
        )

    def counts(self, frame: DataFrame, *, name: str = "the frame") -> Emission:
        """Return the counts by reason; one job that reads the contract's columns alone.

        Raises:
            InputError: `contract.*`.
            ByleaveError: `gate.sum`.
        """
        functions = self._functions
        rows, answer = self._answer(frame)
        code = answer.bitwiseAND(functions.lit(_CODE)).alias("code")
        tally = Tally(self._plan)
        for row in rows.select(code).groupBy("code").count().collect():
            tally.add_count(int(row["code"]), int(row["count"]))
        return tally.emission([InputRows(name=name, rows=frame.count(), kept=tally.kept)])

    def register(self, name: str = "byleave_reason") -> Sequence[str]:
        """Register a SQL function that returns the word of a row's reason; return its arguments.

        The arguments are the top-level columns that the contract reads, in this order.
        """
        columns = self._columns(None)
        decide = partial(_words_of, self._place, columns)
        self._spark.udf.register(name, self._function(decide, "string"))
        return columns

    def _answer(self, frame: DataFrame) -> tuple[DataFrame, Column]:
        """Return the rows to answer, and reason and party of each as one integer."""
        native = self._expression(frame)
        if native is not None:
            if self._planes is None:
                self._planes = self._functions.broadcast(self._spark.createDataFrame(native.planes))
            return frame.crossJoin(self._planes), native.answer()
        return frame, self._by_python(frame)

    @property
    def _place(self) -> PlanPlace:
        """Where workers find the plan file; shipped when they first need it."""
        if not self._shipped:
            self._spark.sparkContext.addFile(self._found.path)
            name = Path(self._found.path).name
            self._found = PlanPlace(name, self._found.digest, shipped=True)
            self._shipped = True
        return self._found

    def _held(self, frame: DataFrame) -> pa.Schema:
        """Return the columns of a frame that the contract reads, as a worker would see them."""
        held = pa.schema([(n, _arrow_type(frame.schema[n].dataType)) for n in self._columns(frame)])
        check_schema(self._plan, held, name="the frame", narrow=True)
        return held

    def _expression(self, frame: DataFrame) -> Native | None:
        held = self._held(frame)
        odd = frame.isStreaming or len({name.lower() for name in frame.columns}) < len(
            frame.columns
        )
        return None if odd or not self._native else native_of(self._plan, held, self._functions)

    def _by_python(self, frame: DataFrame) -> Column:
        columns = columns_for(self._plan, self._held(frame))
        decide = partial(_codes_of, self._place, columns)
        answer: Column = self._function(decide, "int")(*[self._pruned(name) for name in columns])
        return answer

    def _columns(self, frame: DataFrame | None) -> tuple[str, ...]:
        """Return the top-level columns to read; of a frame those that it has."""
        names = [] if frame is None else frame.columns
        schema = pa.schema([(name, pa.null()) for name in names])
        roots = dict.fromkeys(root_of(c, schema) for c in self._plan.contract.read_columns)
        if frame is None:
            return tuple(roots)
        missing = [name for name in roots if names.count(name) != 1]
        if missing:  # says which, and what there is instead
            self._plan.contract.check(schema, data="the frame")
        return tuple(roots)

    def _pruned(self, root: str) -> Column:
        """Return a top-level column with the fields that the contract names, and no others."""
        paths = [
            path[len(root) :]
            for path in self._plan.contract.read_columns
            if path.startswith((f"{root}.", f"{root}[]"))
        ]
        column: Column = self._functions.col(_quoted(root))
        return self._pick(column, paths) if paths else column

    def _pick(self, column: Column, paths: Sequence[str]) -> Column:
        if not any(paths):
            return column
        if paths[0].startswith("[]"):
            inner = [path[2:] for path in paths]
            items: Column = self._functions.transform(column, lambda x: self._pick(x, inner))
            return items
        below: dict[str, list[str]] = {}
        for path in paths:
            name = path[1:].split(".")[0].split("[]")[0]
            below.setdefault(name, []).append(path[1 + len(name) :])
        fields = [self._pick(column[name], rest).alias(name) for name, rest in below.items()]
        picked: Column = self._functions.struct(*fields)
        return picked

    def _function(self, decide: partial[pa.Array], returns: str) -> Any:  # noqa: ANN401 (a UDF)
        functions = self._functions

        def gate(*columns: pa.Array) -> pa.Array:
            return decide(*columns)

        # Spark tells the kind of function by its hints, which must be types, not texts
        gate.__annotations__ = {"columns": pa.Array, "return": pa.Array}
        return functions.arrow_udf(gate, returns)


def _decided(place: PlanPlace, names: Sequence[str], columns: Sequence[pa.Array]) -> Any:  # noqa: ANN401
    if place.shipped:
        files = load("pyspark", extra="spark").SparkFiles
        place = PlanPlace(files.get(place.path), place.digest)
    plan = plan_at(place)
    batch = pa.RecordBatch.from_arrays(list(columns), names=list(names))
    decided = reasons_batch(plan, batch)
    Tally(plan).add(decided.reason, batch.num_rows)
    return decided


def _codes_of(place: PlanPlace, names: Sequence[str], *columns: pa.Array) -> pa.Array:
    """Decide a batch in a worker: reason in the low byte, party and one above it."""
    decided = _decided(place, names, columns)
    above = (decided.party + np.int32(1)) << np.int32(PARTY_SHIFT)
    return pa.array(above | decided.reason.astype(np.int32), pa.int32())


def _words_of(place: PlanPlace, names: Sequence[str], *columns: pa.Array) -> pa.Array:
    return reason_words(_decided(place, names, columns).reason).cast(pa.string())


_TYPES: Final = {
    "boolean": pa.bool_(),
    "byte": pa.int8(),
    "short": pa.int16(),
    "integer": pa.int32(),
    "long": pa.int64(),
    "float": pa.float32(),
    "double": pa.float64(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us", "UTC"),
    "timestamp_ntz": pa.timestamp("us"),
    "string": pa.string(),
    "char": pa.string(),
    "varchar": pa.string(),
    "void": pa.null(),
}


def _arrow_type(kind: Any) -> pa.DataType:  # noqa: ANN401 (a Spark type)
    """Return the Arrow type that workers see; bytes for what no contract reads."""
    name = kind.typeName()
    if name == "array":
        return pa.list_(_arrow_type(kind.elementType))
    if name == "struct":
        return pa.struct([(f.name, _arrow_type(f.dataType)) for f in kind.fields])
    return _TYPES.get(name, pa.binary())


def _words() -> list[str]:
    words = [""] * (max(Reason) + 1)
    for reason in Reason:
        words[reason] = reason.word
    return words


def _quoted(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"
