"""Every way of putting rows through the gate gives each row the oracle's reason and party."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from datasets import Dataset
from hypothesis import given, settings

from byleave.engines.duckdb import gate_query
from byleave.engines.emit import Outputs, emit
from byleave.engines.hf_datasets import gate_dataset, gate_iterable
from byleave.engines.polars import emit_frame, gate_frame
from byleave.engines.stream import RecordGate
from byleave.gate.plan import GatePlan
from byleave.testing.engine_suite import Example, misreasoned
from tests.engines.strategies import examples

Marks = Sequence[tuple[str, int]]


def pairs(table: pa.Table) -> Marks:
    reasons, parties = table["gate_reason"].to_pylist(), table["gate_party"].to_pylist()
    return list(zip(reasons, parties, strict=True))


def by_file(plan: GatePlan, table: pa.Table) -> Marks:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        pq.write_table(table, folder / "in.parquet", row_group_size=5)
        emit(plan, [folder / "in.parquet"], Outputs(reasons=folder / "out.parquet"))
        found = pq.read_table(folder / "out.parquet")
    return list(zip(found["reason"].to_pylist(), found["party"].to_pylist(), strict=True))


def by_duckdb(plan: GatePlan, table: pa.Table) -> Marks:
    with duckdb.connect(":memory:") as connection:
        connection.register("data", table)
        gate_query(plan, connection, "SELECT * FROM data", into="out", mark=True)
        return pairs(connection.sql("FROM out ORDER BY id").to_arrow_table())


def by_polars(plan: GatePlan, table: pa.Table) -> Marks:
    frame = pl.DataFrame(pl.from_arrow(table)).lazy()
    found = gate_frame(plan, frame, mark=True).collect(engine="streaming").sort("id")
    return pairs(found.to_arrow())


def by_polars_file(plan: GatePlan, table: pa.Table) -> Marks:
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "out.parquet"
        frame = pl.DataFrame(pl.from_arrow(table)).lazy()
        emit_frame(plan, frame, copy=path, mark=True)
        return pairs(pq.read_table(path).sort_by("id"))


def by_iterable(plan: GatePlan, table: pa.Table) -> Marks:
    if not len(table):  # `to_iterable_dataset` refuses a data set without rows
        return []
    stream = Dataset(table).to_iterable_dataset()
    rows = gate_iterable(plan, stream, mark=True, batch_rows=7)
    return [(row["gate_reason"], row["gate_party"]) for row in rows]


def by_micro_batch(plan: GatePlan, table: pa.Table) -> Marks:
    gate = RecordGate(plan, valid_for=None)
    found = gate.decide_all(table.to_pylist(), ledger=plan.ledger)
    return [(verdict.reason.word, verdict.party) for verdict in found]


def by_record(plan: GatePlan, table: pa.Table) -> Marks:
    gate = RecordGate(plan, valid_for=None)
    found = [gate.decide(record, ledger=plan.ledger) for record in table.to_pylist()]
    return [(verdict.reason.word, verdict.party) for verdict in found]


WAYS = [
    by_file,
    by_duckdb,
    by_polars,
    by_polars_file,
    by_iterable,
    by_micro_batch,
    by_record,
]


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
@settings(deadline=None, max_examples=25)
@given(example=examples())
def test_every_way_gives_the_reasons_of_the_oracle(
    way: Callable[[GatePlan, pa.Table], Marks], example: Example
) -> None:
    """Each way through an engine gives every row the oracle's reason and party."""
    assert misreasoned(way, example) == []


def kept_by_duckdb(plan: GatePlan, table: pa.Table) -> list[int]:
    with duckdb.connect(":memory:") as connection:
        connection.register("data", table)
        gate_query(plan, connection, "FROM data", into="out")
        return [row[0] for row in connection.sql("SELECT id FROM out ORDER BY id").fetchall()]


def kept_by_polars(plan: GatePlan, table: pa.Table) -> list[int]:
    frame = pl.DataFrame(pl.from_arrow(table)).lazy()
    return gate_frame(plan, frame).collect(engine="streaming")["id"].sort().to_list()


def kept_by_datasets(plan: GatePlan, table: pa.Table) -> list[int]:
    kept, emission = gate_dataset(plan, Dataset(table))
    assert (emission.rows, emission.kept) == (len(table), len(kept))
    return list(kept["id"])


def kept_by_iterable(plan: GatePlan, table: pa.Table) -> list[int]:
    if not len(table):
        return []
    stream = Dataset(table).to_iterable_dataset()
    return [row["id"] for row in gate_iterable(plan, stream, batch_rows=7)]


@pytest.mark.parametrize(
    "way",
    [kept_by_duckdb, kept_by_polars, kept_by_datasets, kept_by_iterable],
    ids=lambda way: way.__name__,
)
@settings(deadline=None, max_examples=25)
@given(example=examples())
def test_every_way_keeps_the_rows_of_the_oracle(
    way: Callable[[GatePlan, pa.Table], list[int]], example: Example
) -> None:
    """Each way keeps the rows that the oracle keeps, and no other."""

    def marks(plan: GatePlan, table: pa.Table) -> Marks:
        kept = set(way(plan, table))
        words = by_file(plan, table)
        return [
            pair if (pair[0] == "kept") == (row in kept) else ("kept" if row in kept else "", -2)
            for row, pair in enumerate(words)
        ]

    assert misreasoned(marks, example) == []
