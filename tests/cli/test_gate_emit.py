"""`byleave gate emit` and `gate plan`: files that the workspace does not hold."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest

from byleave.engines.plan_files import open_plan
from byleave.engines.selection import read_selection
from tests.cli.conftest import Said, Say
from tests.cli.stage import PLATFORM

GIVEN = ["messages.parquet", "--contract", "messages.yaml", "--use", PLATFORM]


def emit(say: Say, *more: str) -> Said:
    return say("gate", "emit", *GIVEN, *more, "--json")


def test_a_file_is_decided_as_the_source_is(copy: Path, say: Say) -> None:
    """The counts of a file are those of a dry run over the same rows as a source."""
    said = emit(say)
    assert said.code == 0, said.out
    run = say("gate", "run", "messages", "--use", PLATFORM, "--dry-run", "--json").json
    assert {k: said.json[k] for k in ("rows", "kept", "reasons")} == {
        k: run[k] for k in ("rows", "kept", "reasons")
    }
    assert 0 < said.json["kept"] < said.json["rows"]


def test_what_is_named_is_written_and_nothing_logged(copy: Path, say: Say) -> None:
    """Copy, selection and reasons agree with the counts; the workspace's log does not grow."""
    before = say("gate", "list", "--json").json
    said = emit(say, "--copy", "k.parquet", "--selection", "s.parquet", "--reasons", "r.parquet")
    found = said.json
    kept = pq.read_table("k.parquet")
    assert kept.num_rows == found["kept"]
    assert kept.schema == pq.read_schema("messages.parquet")
    selection = read_selection(Path("s.parquet"), data=Path("messages.parquet"))
    assert len(selection.rows) == found["kept"]
    words = pq.read_table("r.parquet")["reason"].to_pylist()
    assert words.count("kept") == found["kept"]
    assert len(words) == found["rows"]
    assert say("gate", "list", "--json").json == before


def test_what_is_printed_sums_and_says_that_it_is_not_logged(copy: Path, say: Say) -> None:
    """The lines for people end in a sum, name what was written, and claim no entry in the log."""
    said = say("gate", "emit", *GIVEN, "--copy", "k.parquet")
    assert said.code == 0, said.err
    found = emit(say).json
    dropped = found["rows"] - found["kept"]
    assert f"{dropped:,} + {found['kept']:,} = {found['rows']:,} rows" in said.out
    assert "copy: k.parquet" in said.out
    assert "not logged" in said.out


@pytest.mark.parametrize("database", [True, False])
def test_duckdb_is_asked_by_a_query(copy: Path, say: Say, database: bool) -> None:
    """A database, or a file that DuckDB reads, is asked by a query; its rows go through the gate."""
    data, query = "messages.parquet", "SELECT * FROM data WHERE seq = 0"
    if database:
        data, query = "crm.duckdb", "SELECT * FROM messages WHERE seq = 0"
        with duckdb.connect(data) as connection:
            connection.execute("CREATE TABLE messages AS FROM 'messages.parquet'")
    rest = ["--contract", "messages.yaml", "--use", PLATFORM, "--engine", "duckdb", "--json"]
    said = say("gate", "emit", data, *rest, "--query", query, "--copy", "k.parquet")
    assert said.code == 0, said.out
    table = pq.read_table("k.parquet")
    assert table.num_rows == said.json["kept"]
    assert set(table["seq"].to_pylist()) <= {0}
    assert say("gate", "emit", data, *rest).code == (2 if database else 0)


@pytest.mark.parametrize(
    ("more", "code", "exit_code"),
    [
        (["--copy", "messages.parquet"], "emit.over-input", 2),
        (["--copy", "consent.csv"], "workspace.exists", 1),
        (["--copy", "no/such/folder"], "input.not-found", 2),
        (["--query", "FROM data"], "cli.usage", 2),
        (["--engine", "duckdb", "--reasons", "r"], "cli.usage", 2),
        (["--engine", "duckdb", "--query", "DROP TABLE data"], "data.unreadable", 2),
        (["--at", "yesterday"], "input.instant", 2),
        (["consent.csv"], "data.unreadable", 2),
    ],
)
def test_wrong_input_leaves_nothing(
    copy: Path, say: Say, more: list[str], code: str, exit_code: int
) -> None:
    """A wrong file, place, query or instant is one typed error, and the folder is as it was."""
    before = {path.name: path.stat().st_mtime_ns for path in copy.iterdir() if path.is_file()}
    said = emit(say, *more)
    assert (said.code, said.json["error"]["code"]) == (exit_code, code)
    after = {path.name: path.stat().st_mtime_ns for path in copy.iterdir() if path.is_file()}
    assert after == before


def test_a_gate_that_keeps_nothing_has_done_its_work(copy: Path, say: Say) -> None:
    """Keeping no row is exit 0, with an empty copy; with `--require-rows` it is exit 4."""
    early = ["--at", "2020-01-01T00:00:00Z"]
    said = emit(say, *early, "--copy", "k.parquet")
    assert (said.code, said.json["kept"]) == (0, 0)
    assert pq.read_table("k.parquet").num_rows == 0
    assert emit(say, *early, "--require-rows").code == 4


def test_a_plan_file_is_private_and_decides_alike(copy: Path, say: Say) -> None:
    """`gate plan` writes a file for its owner alone; it has the digest that is printed."""
    instant = ["--at", "2024-07-03T00:00:00Z"]
    said = say("gate", "plan", "m.plan", *GIVEN[1:], *instant, "--json")
    assert said.code == 0, said.out
    assert Path("m.plan").stat().st_mode & 0o777 == 0o600
    plan = open_plan(Path("m.plan"))
    assert plan.digest.hex() == said.json["plan"] == emit(say, *instant).json["plan"]
    assert (said.json["members"], said.json["ledger"]) == (len(plan.members), plan.ledger)
