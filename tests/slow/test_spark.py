"""The gate in Spark: an Arrow function over the id columns, in worker processes."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from byleave.engines.case_spark import SparkRunner
from byleave.engines.case_stages import answer_in_stages
from byleave.engines.plan_files import write_plan
from byleave.engines.spark import SparkGate
from byleave.errors import EvidenceError, InputError
from byleave.exposure.block import BLOCK
from byleave.exposure.question import CaseQuestion
from byleave.gate.members import MemberIndex
from byleave.gate.plan import GatePlan
from byleave.testing.case_suite import disagreements, inputs_of
from byleave.testing.engine_suite import Example, compile_example, expected, misreasoned
from byleave.wiring.case import load_case
from byleave.wiring.case_tables import FileTable
from tests.engines.case_worlds import AS_OF, World, boundary_worlds, worlds
from tests.engines.strategies import example_of
from tests.slow.generated import MESSAGES, gated, make_messages, make_plan, reasons_of
from tests.slow.native_worlds import SHAPES, native_worlds

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

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
        .config("spark.sql.shuffle.partitions", "3")
        .config("spark.ui.enabled", "false")
        .getOrCreate()
    )
    session.sparkContext.setLogLevel("OFF")
    yield session
    session.stop()


@pytest.fixture(scope="module")
def plan_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("plan") / "messages.plan"
    write_plan(make_plan(), path)
    return path


@pytest.fixture(scope="module")
def frame(spark: SparkSession) -> DataFrame:
    return spark.createDataFrame(make_messages()).repartition(5, "sender")


def test_spark_gives_every_row_the_reason_that_the_gate_gives(
    spark: SparkSession, frame: DataFrame, plan_file: Path
) -> None:
    """Spark over shuffled partitions gives each row the reason that one process gives it."""
    wanted = reasons_of(gated(make_plan(), make_messages()))
    found = SparkGate(spark, plan_file).mark(frame).toArrow().to_pydict()

    assert len(found["number"]) == MESSAGES
    assert dict(zip(found["number"], found["gate_reason"], strict=True)) == wanted
    assert len(set(wanted.values())) >= 8, "the case should meet most reasons"


def test_transform_keeps_the_rows_kept_with_all_their_columns(
    spark: SparkSession, frame: DataFrame, plan_file: Path
) -> None:
    """`frame.transform(gate)` is the rows kept, every column as it was."""
    kept = frame.transform(SparkGate(spark, plan_file))
    wanted = gated(make_plan(), make_messages()).table
    assert kept.columns == frame.columns
    assert kept.toArrow().sort_by("number").to_pylist() == wanted.to_pylist()


def test_counts_sum_to_the_rows(spark: SparkSession, frame: DataFrame, plan_file: Path) -> None:
    """Counts by reason are those of the gate, and sum to the rows that Spark counts by itself."""
    found = SparkGate(spark, plan_file).counts(frame)
    record = gated(make_plan(), make_messages()).record
    assert (found.rows, found.kept) == (MESSAGES, record.kept)
    assert dict(found.reasons) == dict(record.reasons)
    assert found.plan == record.plan


def test_the_sql_function_returns_the_word(
    spark: SparkSession, frame: DataFrame, plan_file: Path
) -> None:
    """Registered, the gate is a SQL function of the contract's columns that returns the word."""
    arguments = SparkGate(spark, plan_file).register("byleave_reason")
    assert list(arguments) == ["sender", "recipients", "sent_at", "is_draft"]
    frame.createOrReplaceTempView("messages")
    rows = spark.sql(f"SELECT number, byleave_reason({', '.join(arguments)}) w FROM messages")
    found = {row["number"]: row["w"] for row in rows.collect()}
    assert found == reasons_of(gated(make_plan(), make_messages()))


def test_text_does_not_cross_to_python(
    spark: SparkSession, frame: DataFrame, plan_file: Path
) -> None:
    """What Python is given are the contract's columns; the text of a message is not among them."""
    plan: Any = SparkGate(spark, plan_file).mark(frame)
    shown = plan._jdf.queryExecution().optimizedPlan().toString()
    calls = [line for line in shown.splitlines() if "ArrowEvalPython" in line]
    assert len(calls) == 1
    call = calls[0].split("],")[0]
    assert "sender" in call
    assert "text" not in call


class BySpark:
    """A way through Spark for the behaviour suite: rows come back by `id`."""

    def __init__(self, spark: SparkSession, folder: Path) -> None:
        self.spark, self.folder, self.turn = spark, folder, 0

    def __call__(self, plan: GatePlan, table: pa.Table) -> Sequence[tuple[str, int]]:
        self.turn += 1
        path = self.folder / f"{self.turn}.plan"
        write_plan(plan, path)
        if not len(table):
            return []
        frame = self.spark.createDataFrame(table).repartition(2)
        found = SparkGate(self.spark, path).mark(frame).toArrow().sort_by("id")
        reasons, parties = found["gate_reason"].to_pylist(), found["gate_party"].to_pylist()
        return list(zip(reasons, parties, strict=True))


def test_spark_agrees_with_the_oracle(spark: SparkSession, tmp_path: Path) -> None:
    """On worlds dense in trouble Spark gives each row the oracle's reason and party."""
    way = BySpark(spark, tmp_path)
    differing = {seed: misreasoned(way, example_of(seed)) for seed in range(12)}
    assert {seed: rows for seed, rows in differing.items() if rows} == {}


def test_columns_inside_columns_are_pruned(spark: SparkSession, tmp_path: Path) -> None:
    """Of a nested column only the fields that the contract names are handed over."""
    example = next(e for s in range(100) if not (e := example_of(s)).scalar and len(e.rows) > 20)
    nested, table = nest(example)
    path = tmp_path / "nested.plan"
    write_plan(nested, path)
    found: Any = SparkGate(spark, path).mark(spark.createDataFrame(table))
    call = found._jdf.queryExecution().optimizedPlan().toString()
    assert "secret" not in next(line for line in call.splitlines() if "ArrowEvalPython" in line)
    words = found.toArrow().sort_by("id")["gate_reason"].to_pylist()
    assert words == [answer.reason.word for answer in expected(example)]


def nest(example: Example) -> tuple[GatePlan, pa.Table]:
    plan, batch = compile_example(example)
    contract = replace(plan.contract, author="from.id", recipients=("to[].id",))
    table = pa.Table.from_batches([batch])
    secret = pa.array(["secret"] * len(table))
    author = pa.StructArray.from_arrays(
        [table["author"].combine_chunks(), secret], names=["id", "secret"]
    )
    to = pa.array(
        [
            None if ids is None else [{"id": i, "secret": "x"} for i in ids]
            for ids in table["recipients"].to_pylist()
        ],
        pa.list_(pa.struct([("id", pa.string()), ("secret", pa.string())])),
    )
    table = table.drop_columns(["author", "recipients"])
    return replace(plan, contract=contract), table.append_column("from", author).append_column(
        "to", to
    )


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_sparks_own_expression_agrees_with_the_oracle(
    spark: SparkSession, tmp_path: Path, shape: tuple[str, int, bool]
) -> None:
    """Where Spark answers by an expression of its own, each row has the oracle's reason and party.

    The Arrow function gives the same, and no Python runs for the expression.
    """
    met, tried = set[str](), 0
    for seed, plan, table, wanted in islice(native_worlds(range(60), shape), 4):
        path = tmp_path / f"{tmp_path.name}-{seed}.plan"
        write_plan(plan, path)
        frame = spark.createDataFrame(table).repartition(2)
        gate, by_python = SparkGate(spark, path), SparkGate(spark, path, native=False)
        assert (gate.way(frame), by_python.way(frame)) == ("spark", "python")
        marked: Any = gate.mark(frame)
        assert "Python" not in marked._jdf.queryExecution().executedPlan().toString()
        assert marked.columns == [*frame.columns, "gate_reason", "gate_party"]
        for way in (gate,) if tried else (gate, by_python):
            found = way.mark(frame).toArrow().sort_by("id")
            reasons, parties = found["gate_reason"].to_pylist(), found["gate_party"].to_pylist()
            assert list(zip(reasons, parties, strict=True)) == wanted, seed
        met |= {word for word, _ in wanted}
        tried += 1
    assert tried == 4
    assert len(met) >= 8, met


def test_counts_by_the_expression_sum(spark: SparkSession, tmp_path: Path) -> None:
    """Counts by Spark's own expression are the oracle's; no rows are no rows."""
    _, plan, table, wanted = next(native_worlds(range(60), SHAPES[0]))
    write_plan(plan, tmp_path / "counted")
    gate, frame = SparkGate(spark, tmp_path / "counted"), spark.createDataFrame(table)
    found = gate.counts(frame)
    assert found.rows == len(wanted)
    assert found.kept == sum(word == "kept" for word, _ in wanted)
    assert gate.counts(frame.limit(0)).rows == 0
    kept = frame.transform(gate)
    assert kept.columns == frame.columns
    assert kept.count() == found.kept


def test_what_the_expression_cannot_say_goes_to_python(
    spark: SparkSession, frame: DataFrame, plan_file: Path, tmp_path: Path
) -> None:
    """Lists, dates that matter, ids in no order and odd columns go the way of the Arrow function."""
    assert SparkGate(spark, plan_file).way(frame) == "python"  # lists
    _, plan, table, _ = next(native_worlds(range(60), SHAPES[0]))
    rows = spark.createDataFrame(table)
    write_plan(plan, tmp_path / "plan")
    assert SparkGate(spark, tmp_path / "plan").way(rows) == "spark"
    odd = rows.select("*", rows["author"].alias("AUTHOR"))
    assert SparkGate(spark, tmp_path / "plan").way(odd) == "python"
    names = MemberIndex.of([f"x{n}" for n in reversed(range(len(plan.members)))])
    write_plan(replace(plan, members=names), tmp_path / "names")
    texts = rows.withColumn("author", rows["author"].cast("string")).withColumn(
        "to", rows["to"].cast("string")
    )
    assert SparkGate(spark, tmp_path / "names").way(texts) == "python"
    dated = next(e for s in range(99) if not compile_example(e := example_of(s))[0].is_timeless)
    plan = replace(compile_example(dated)[0], members=plan.members, contract=plan.contract)
    write_plan(plan, tmp_path / "dated")
    assert SparkGate(spark, tmp_path / "dated").way(rows) == "python"


# -- bad input ------------------------------------------------------------------------------------


def test_a_frame_that_does_not_fit_is_refused_at_once(
    spark: SparkSession, frame: DataFrame, plan_file: Path
) -> None:
    """A missing column or ids of a wrong type are refused by name before any job runs."""
    gate = SparkGate(spark, plan_file)
    with pytest.raises(InputError, match="sender") as caught:
        gate(frame.drop("sender"))
    assert caught.value.code == "contract.column-missing"
    with pytest.raises(InputError, match="sender") as caught:
        gate.mark(frame.withColumn("sender", frame["number"].cast("double")))
    assert caught.value.code == "contract.column-type"
    with pytest.raises(InputError, match="gate_reason"):
        gate.mark(gate.mark(frame))


def test_a_changed_plan_file_decides_nothing(
    spark: SparkSession, frame: DataFrame, plan_file: Path, tmp_path: Path
) -> None:
    """A damaged plan file is refused by the driver, and another plan at its place by the workers."""
    damaged = tmp_path / "damaged.plan"
    data = bytearray(plan_file.read_bytes())
    data[max(at for at, byte in enumerate(data) if byte)] ^= 1
    damaged.write_bytes(data)
    with pytest.raises(EvidenceError):
        SparkGate(spark, damaged)
    with pytest.raises(InputError):
        SparkGate(spark, tmp_path / "none.plan")
    shared = tmp_path / "shared.plan"
    shared.write_bytes(plan_file.read_bytes())
    gate = SparkGate(spark, shared, shared=True)
    other, _ = compile_example(example_of(3))
    shared.unlink()
    write_plan(other, shared)
    with pytest.raises(Exception, match="another plan stands"):
        gate(frame).count()


def test_no_rows_are_no_rows(spark: SparkSession, frame: DataFrame, plan_file: Path) -> None:
    """A frame without rows gives one without rows, and counts of zero."""
    found = SparkGate(spark, plan_file).counts(frame.limit(0))
    assert (found.rows, found.kept, dict(found.reasons)) == (0, 0, {})


# --- a case over the past -----------------------------------------------------------------------


def case_disagreements(
    spark: SparkSession, world: World, folder: Path, block: int = BLOCK
) -> list[tuple[Any, ...]]:
    """Return where Spark's answer is not the columnar engine's."""
    question = world.question
    inputs = inputs_of(question.practice, world.choices, world.kept)
    # A few rows: compiling some forty statements to Java would be nearly all of the time.
    interpreted = {
        "spark.sql.codegen.wholeStage": "false",
        "spark.sql.codegen.factoryMode": "NO_CODEGEN",
    }
    for name, value in interpreted.items():
        spark.conf.set(name, value)
    try:
        runner = SparkRunner(spark, folder)
        answers = answer_in_stages(question, inputs, runner, folder, block=block)
        return disagreements(question, answers, world.choices, world.kept)
    finally:
        for name in interpreted:
            spark.conf.unset(name)


def pick_boundaries() -> list[Any]:
    """Some of the worlds on both sides of a condition: a case in Spark takes seconds."""
    return [pytest.param(w, id=n) for n, w in islice(boundary_worlds(), 0, None, 29)]


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("world", pick_boundaries())
def test_a_case_on_both_sides_of_conditions(
    spark: SparkSession, world: World, tmp_path: Path
) -> None:
    """A microsecond before, at and after an instant Spark's counts, ranges and rows are alike."""
    assert case_disagreements(spark, world, tmp_path) == []


@pytest.mark.timeout(1200)
@settings(max_examples=2, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.booleans().flatmap(lambda lists: worlds(lists=lists)), st.sampled_from((1, BLOCK)))
def test_a_case_over_any_past(spark: SparkSession, world: World, block: int) -> None:
    """Whatever was done, said and asked, Spark's answers and lists are the columnar engine's."""
    with tempfile.TemporaryDirectory() as folder:
        assert case_disagreements(spark, world, Path(folder), block) == []


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("name", ["linkedin-2024", "x-grok-2024"])
def test_the_worked_cases_in_spark(spark: SparkSession, tmp_path: Path, name: str) -> None:
    """Spark answers each worked example as the columnar engine does, to the row."""
    case = load_case(Path(__file__).parents[2] / "examples" / f"{name}.yaml", as_of=AS_OF)
    question = CaseQuestion(
        practice=case.practice,
        cohorts=case.cohorts,
        pack=case.pack,
        as_of=case.as_of,
        window=case.window,
        with_damage=case.with_damage,
    )
    world = World(question, case.choices, case.kept)
    assert case_disagreements(spark, world, tmp_path) == []


@pytest.mark.timeout(1200)
def test_executors_read_the_messages_of_a_case(spark: SparkSession, tmp_path: Path) -> None:
    """Messages that are Parquet under our names do not pass through this process."""
    found = next(w for n, w in boundary_worlds() if n.startswith("sent at the delivery -1"))
    question = found.question
    folder = tmp_path / "messages"
    folder.mkdir()
    rows = question.practice.messages
    files = [folder / f"part-{n}.parquet" for n in range(2)]
    pq.write_table(rows.slice(0, 0), files[0])
    pq.write_table(rows, files[1])
    inputs = replace(inputs_of(question.practice, found.choices), messages=FileTable(folder))
    assert inputs.messages.parquet == tuple(map(str, files))
    parts = tmp_path / "parts"
    parts.mkdir()
    answers = answer_in_stages(question, inputs, SparkRunner(spark, parts), parts)
    assert disagreements(question, answers, found.choices) == []
    staged = {path.name.split("-")[0] for path in (parts / "staged").iterdir()}
    assert "events" not in staged
