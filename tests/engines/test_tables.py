"""DuckDB, Polars and Hugging Face data sets: what they are given, and what they refuse."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from datasets import Dataset, IterableDataset

from byleave.consent.reason import Reason
from byleave.engines.arrow import decide_batch
from byleave.engines.duckdb import gate_query, opened_file
from byleave.engines.emit import Outputs, emit
from byleave.engines.extra import load, plain_batch, plain_type
from byleave.engines.hf_datasets import gate_dataset, gate_iterable
from byleave.engines.polars import emit_frame, gate_frame
from byleave.errors import ConflictError, InputError, WorldError
from tests.slow.generated import make_messages, make_plan

PLAN = make_plan()
MESSAGES = make_messages()
(BATCH,) = MESSAGES.combine_chunks().to_batches()
REASON = decide_batch(PLAN, BATCH).reason
KEPT = MESSAGES.filter(pa.array(REASON == Reason.KEPT))


def floats() -> pa.Table:
    return MESSAGES.set_column(1, "sender", pa.array([1.0] * len(MESSAGES)))


def bad_instants() -> pa.Table:
    place = MESSAGES.column_names.index("sent_at")
    return MESSAGES.set_column(place, "sent_at", pa.array(["soon"] * len(MESSAGES)))


# -- DuckDB ---------------------------------------------------------------------------------------


def test_duckdb_makes_a_table_of_the_rows_kept() -> None:
    """The rows kept of a query become a table of the same database, with the counts that sum."""
    with duckdb.connect(":memory:") as connection:
        connection.execute("CREATE SCHEMA s")
        connection.register("messages", MESSAGES)
        found = gate_query(PLAN, connection, "FROM messages WHERE number < 2000", into="s.kept")
        numbers = [row[0] for row in connection.sql("SELECT number FROM s.kept").fetchall()]
    assert sorted(numbers) == [n for n in KEPT["number"].to_pylist() if n < 2000]
    assert (found.rows, found.kept) == (2000, len(numbers))


def test_duckdb_writes_a_file_of_the_rows_kept(tmp_path: Path) -> None:
    """The rows kept of a query become a Parquet file, private, with every column as it was."""
    with duckdb.connect(":memory:") as connection:
        connection.register("messages", MESSAGES)
        gate_query(PLAN, connection, "FROM messages", copy=tmp_path / "out.parquet")
    found = pq.read_table(tmp_path / "out.parquet").sort_by("number")
    assert found.to_pylist() == KEPT.to_pylist()
    assert (tmp_path / "out.parquet").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("kind", ["csv", "parquet", "duckdb"])
def test_duckdb_reads_databases_and_files(tmp_path: Path, kind: str) -> None:
    """A database file is opened for reading; any other file is the view `data`."""
    path = tmp_path / f"messages.{kind}"
    query: str | None = None
    with duckdb.connect(str(path) if kind == "duckdb" else ":memory:") as connection:
        connection.register("given", MESSAGES)
        if kind == "duckdb":
            connection.execute("CREATE TABLE messages AS FROM given")
            query = "FROM messages"
        elif kind == "csv":  # a list would be text in it: one recipient is enough here
            connection.execute(
                "COPY (SELECT number, sender, sender AS recipients, sent_at, is_draft FROM given)"
                f" TO '{path}'"
            )
        else:
            connection.execute(f"COPY given TO '{path}'")
    before = path.read_bytes()
    with opened_file(path) as (connection, whole):
        found = gate_query(PLAN, connection, query or str(whole))
    assert found.rows == len(MESSAGES)
    assert found.kept > 0
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("FROM nowhere", "data.unreadable"),
        ("SELEC 1", "data.unreadable"),
        ("CREATE TABLE t (x INT)", "data.unreadable"),
        ("SELECT number, sender FROM messages", "contract.column-missing"),
        ("SELECT * REPLACE (1.5::DOUBLE AS sender) FROM messages", "contract.column-type"),
        ("SELECT * REPLACE ('soon' AS sent_at) FROM messages", "contract.column-value"),
        ("SELECT * REPLACE (error(text) AS text) FROM messages", "data.unreadable"),
    ],
)
@pytest.mark.parametrize("into", [None, "kept"])
def test_duckdb_leaves_nothing_of_a_run_that_fails(query: str, code: str, into: str | None) -> None:
    """A query that fails, or rows that do not fit: a typed error, no table, no value in it."""
    with duckdb.connect(":memory:") as connection:
        connection.register("messages", MESSAGES)
        with pytest.raises(InputError) as caught:
            gate_query(PLAN, connection, query, into=into)
        tables = connection.sql("SELECT table_name FROM duckdb_tables()").fetchall()
    assert caught.value.code == code
    assert "kept" not in {name for (name,) in tables}
    assert "generated message" not in str(caught.value.to_dict())


def test_duckdb_replaces_no_table() -> None:
    """A table that stands already stays as it is, and both outputs at once are refused."""
    with duckdb.connect(":memory:") as connection:
        connection.register("messages", MESSAGES)
        connection.execute("CREATE TABLE kept AS SELECT 1 AS x")
        with pytest.raises(ConflictError) as caught:
            gate_query(PLAN, connection, "FROM messages", into="kept")
        assert caught.value.code == "workspace.exists"
        assert connection.sql("FROM kept").fetchall() == [(1,)]
        with pytest.raises(InputError):
            gate_query(PLAN, connection, "FROM messages", into="a", copy=Path("b"))


def test_duckdb_says_so_where_it_cannot_write(tmp_path: Path) -> None:
    """A database open for reading takes no table: a typed error, and the rows are read all right."""
    path = tmp_path / "m.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.register("given", MESSAGES)
        connection.execute("CREATE TABLE messages AS FROM given")
    with opened_file(path) as (connection, _):
        with pytest.raises(WorldError) as caught:
            gate_query(PLAN, connection, "FROM messages", into="kept")
        assert caught.value.code == "world.storage"
        assert gate_query(PLAN, connection, "FROM messages").kept == len(KEPT)


def test_duckdb_applies_a_selection_in_place(root: Path, tmp_path: Path) -> None:
    """The query that docs/spec/engines.md gives for a selection reads the rows kept."""
    pq.write_table(MESSAGES, tmp_path / "d.parquet", row_group_size=700)
    emit(PLAN, [tmp_path / "d.parquet"], Outputs(selection=tmp_path / "rows.parquet"))
    page = (root / "docs" / "spec" / "engines.md").read_text(encoding="utf-8")
    shown = re.search(r"`(FROM read_parquet\(.*?)`", page)
    assert shown is not None
    query = shown[1].replace("'d.parquet", f"'{tmp_path}/d.parquet")
    query = query.replace("'rows.parquet", f"'{tmp_path}/rows.parquet")
    found = duckdb.execute(f"SELECT d.number {query} ORDER BY d.number").fetchall()
    assert [number for (number,) in found] == KEPT["number"].to_pylist()


# -- Polars ---------------------------------------------------------------------------------------


def frame(table: pa.Table = MESSAGES) -> pl.LazyFrame:
    return pl.DataFrame(pl.from_arrow(table)).lazy()


def test_polars_hands_over_the_columns_of_the_contract_alone() -> None:
    """In a query that asks for numbers, the text is not read at all."""
    shown = gate_frame(PLAN, frame()).select("number").explain(engine="streaming")
    assert '"sender"' in shown
    assert '"text"' not in shown.replace('DF ["number", "sender", "recipients", "sent_at"', "")
    assert "5/6 COLUMNS" in shown


def test_polars_keeps_the_rows_kept(tmp_path: Path) -> None:
    """Filtered lazily, and written by the streaming engine, the rows are those kept."""
    found = gate_frame(PLAN, frame()).collect(engine="streaming").sort("number")
    assert found.to_arrow().to_pylist() == KEPT.to_pylist()
    counts = emit_frame(PLAN, frame(), copy=tmp_path / "out.parquet")
    assert pq.read_table(tmp_path / "out.parquet").sort_by("number").to_pylist() == KEPT.to_pylist()
    assert (counts.rows, counts.kept) == (len(MESSAGES), len(KEPT))
    assert emit_frame(PLAN, frame()).reasons == counts.reasons


@pytest.mark.parametrize(
    ("table", "code"),
    [
        (MESSAGES.drop_columns(["sender"]), "contract.column-missing"),
        (floats(), "contract.column-type"),
        (bad_instants(), "contract.column-value"),
    ],
)
def test_polars_refuses_what_does_not_fit(tmp_path: Path, table: pa.Table, code: str) -> None:
    """A frame that does not fit the contract is a typed error, and nothing is written."""
    with pytest.raises(InputError) as caught:
        emit_frame(PLAN, frame(table), copy=tmp_path / "out.parquet")
    assert caught.value.code == code
    assert list(tmp_path.iterdir()) == []


def test_polars_reports_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    """A damaged file under a lazy frame is a typed error without its values."""
    path = tmp_path / "in.parquet"
    pq.write_table(MESSAGES, path, compression="NONE")
    data = bytearray(path.read_bytes())
    data[4:4000] = b"\xff" * 3996
    path.write_bytes(data)
    with pytest.raises(InputError) as caught:
        emit_frame(PLAN, pl.scan_parquet(path), copy=tmp_path / "out.parquet")
    assert caught.value.code == "data.unreadable"
    assert [p.name for p in tmp_path.iterdir()] == ["in.parquet"]


# -- Hugging Face datasets ------------------------------------------------------------------------


def test_a_data_set_is_selected_from_not_copied() -> None:
    """The rows kept are a selection of the same table; shuffled before, they keep their order."""
    data = Dataset(MESSAGES)
    kept, counts = gate_dataset(PLAN, data)
    assert kept.data.num_rows == len(MESSAGES)  # the same table, and an index beside it
    assert kept["number"][:] == KEPT["number"].to_pylist()
    assert (counts.rows, counts.kept) == (len(MESSAGES), len(KEPT))
    shuffled = data.shuffle(seed=1).select(range(500))
    kept, counts = gate_dataset(PLAN, shuffled)
    wanted = set(KEPT["number"].to_pylist())
    assert kept["number"][:] == [n for n in shuffled["number"][:] if n in wanted]
    assert counts.rows == 500


def test_a_stream_is_gated_as_it_is_read() -> None:
    """Of a stream only what is asked for is decided, and the rows kept have all their columns."""
    read: list[int] = []

    def rows() -> object:
        for row in MESSAGES.to_pylist():
            read.append(row["number"])
            yield row

    stream = IterableDataset.from_generator(rows)
    passed = gate_iterable(PLAN, stream, batch_rows=50)
    assert read == []
    first = next(iter(passed))
    assert first == KEPT.slice(0, 1).to_pylist()[0]
    assert len(read) < 200


@pytest.mark.parametrize(
    ("table", "code"),
    [
        (MESSAGES.drop_columns(["sender"]), "contract.column-missing"),
        (floats(), "contract.column-type"),
    ],
)
def test_a_data_set_that_does_not_fit_is_refused(table: pa.Table, code: str) -> None:
    """A missing column or ids of a wrong type are refused by name, also of a stream, at once."""
    data = Dataset(table)
    for way in (gate_dataset, gate_iterable):
        given = data if way is gate_dataset else data.to_iterable_dataset()
        with pytest.raises(InputError, match="sender") as caught:
            way(PLAN, given)
        assert caught.value.code == code


# -- what all share -------------------------------------------------------------------------------


def test_a_missing_package_names_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where an optional package is not installed the error names the extra that installs it."""
    for module, extra in (("duckdb", "duckdb"), ("polars", "polars"), ("datasets", "datasets")):
        monkeypatch.setitem(sys.modules, module, None)
        with pytest.raises(WorldError) as caught:
            load(module, extra=extra)
        assert caught.value.code == "cli.extra-missing"
        assert f"byleave[{extra}]" in str(caught.value.hint)


@pytest.mark.parametrize("call", [gate_dataset, gate_iterable, gate_frame])
def test_each_way_says_so_where_its_package_is_missing(
    call: Callable[..., object], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each way fails with the typed error, not with an ImportError."""
    given = frame() if call is gate_frame else Dataset(MESSAGES)
    for module in ("polars", "datasets"):
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(WorldError) as caught:
        call(PLAN, given)
    assert caught.value.code == "cli.extra-missing"


def test_views_read_as_texts_and_lists() -> None:
    """Columns of string views, also inside lists and structs, are read as what they show."""
    texts = pa.array(["a", None], pa.string_view())
    nested = pa.StructArray.from_arrays([texts], names=["id"])
    batch = pa.RecordBatch.from_arrays([texts, nested], names=["x", "y"])
    plain = plain_batch(batch, ["x", "y"])
    assert plain.schema.field("x").type == pa.large_string()
    assert plain.to_pylist() == batch.to_pylist()
    lists = plain_type(pa.list_(pa.string_view()))
    assert lists == pa.list_(pa.large_string())
