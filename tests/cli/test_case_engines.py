"""`byleave case run --engine`: streamed answers equal those in memory; parts are kept and found."""

from __future__ import annotations

import csv
import json
import shutil
import stat
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as csv_tables
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from byleave.cli.case import case
from byleave.engines import case_duckdb
from byleave.errors import ByleaveError
from byleave.wiring import case_engines, case_stream
from byleave.wiring.case_tables import FileTable

COLUMNS = ("cohort", "member", "reason", "messages", "first_used_at", "deliveries", "records")


def run(*arguments: str) -> str:
    result = CliRunner().invoke(case, ["run", *arguments], catch_exceptions=False)
    assert result.exit_code == 0
    return result.output


def code_of(*arguments: str) -> str:
    with pytest.raises(ByleaveError) as refused:
        CliRunner().invoke(case, ["run", *arguments], catch_exceptions=False)
    return refused.value.code


@pytest.fixture
def example(root: Path, tmp_path: Path) -> Path:
    """A copy of the worked example that a test may damage."""
    folder = tmp_path / "case"
    shutil.copytree(root / "examples" / "linkedin-2024", folder / "linkedin-2024")
    shutil.copy(root / "examples" / "linkedin-2024.yaml", folder)
    return folder / "linkedin-2024.yaml"


@pytest.mark.parametrize("name", ["linkedin-2024", "x-grok-2024"])
def test_worked_examples_are_alike(root: Path, tmp_path: Path, name: str) -> None:
    """DuckDB prints the very object that the columnar engine prints, for each worked example."""
    file = str(root / "examples" / f"{name}.yaml")
    parts = str(tmp_path / "parts")
    streamed = run(file, "--engine", "duckdb", "--parts", parts, "--json")
    assert json.loads(streamed) == json.loads(run(file, "--engine", "reference", "--json"))
    assert not Path(parts).exists(), "parts name members: they go when the run is over"


def test_rows_are_alike_and_private(example: Path, tmp_path: Path) -> None:
    """Members and pairs written by both engines hold the same rows, for their owner's eyes."""
    found = {}
    for engine in ("reference", "duckdb"):
        members, pairs = tmp_path / f"{engine}.csv", tmp_path / f"{engine}.parquet"
        run(str(example), "--engine", engine, "--csv", str(members), "--pairs", str(pairs))
        assert all(stat.S_IMODE(file.stat().st_mode) == 0o600 for file in (members, pairs))
        with members.open(encoding="utf-8") as stream:
            rows = [tuple(row[name] for name in COLUMNS) for row in csv.DictReader(stream)]
        table = pq.read_table(pairs)
        found[engine] = (rows, sorted(map(repr, table.to_pylist())), table.schema.names)
    assert found["duckdb"] == found["reference"]
    assert found["duckdb"][0]


def test_a_stopped_run_goes_on_from_its_parts(
    example: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After Ctrl-C the finished parts stand, are not made again, and the answer is the same."""
    wanted = json.loads(run(str(example), "--engine", "reference", "--json"))
    parts = tmp_path / "parts"
    arguments = (str(example), "--engine", "duckdb", "--parts", str(parts), "--json")
    written: list[str] = []
    plain = case_duckdb.DuckdbRunner.write

    def stopped(self: case_duckdb.DuckdbRunner, sql: str, file: Path) -> None:
        if len(written) == 2:
            raise KeyboardInterrupt
        written.append(file.name)
        plain(self, sql, file)

    monkeypatch.setattr(case_duckdb.DuckdbRunner, "write", stopped)
    assert code_of(*arguments) == "cli.interrupted"
    stand = {file.name for file in parts.glob("*.parquet")}
    assert stand == {*written, "gate-kept.parquet"}
    assert stat.S_IMODE(parts.stat().st_mode) == 0o700

    again: list[str] = []

    def noted(self: case_duckdb.DuckdbRunner, sql: str, file: Path) -> None:
        again.append(file.name)
        plain(self, sql, file)

    monkeypatch.setattr(case_duckdb.DuckdbRunner, "write", noted)
    assert json.loads(run(*arguments)) == wanted
    assert not set(again) & set(written)
    assert not parts.exists()


def test_parts_of_another_run_are_refused(example: Path, tmp_path: Path) -> None:
    """A folder with something else, or with parts of a case that has changed, is not taken."""
    parts = tmp_path / "parts"
    parts.mkdir()
    (parts / "letters.txt").write_text("mine", encoding="utf-8")
    arguments = (str(example), "--engine", "duckdb", "--parts", str(parts))
    assert code_of(*arguments) == "case.parts"
    (parts / "letters.txt").unlink()
    (parts / "run.json").write_text('{"key": "0", "as_of": "2025-01-21T00:00:00Z"}', "utf-8")
    assert code_of(*arguments) == "case.parts"


@pytest.mark.parametrize("name", ["linkedin-2024", "x-grok-2024"])
def test_a_streamed_run_is_finished_as_one_in_memory(root: Path, tmp_path: Path, name: str) -> None:
    """Both engines write the same bytes into the folder, and each verifies the other's."""
    file = str(root / "examples" / f"{name}.yaml")
    for engine in ("reference", "duckdb"):
        asked = ("--engine", engine, "--parts", str(tmp_path / "parts"), "--as-of", "2025-01-21")
        run(file, *asked, "--out", str(tmp_path / engine))
    files = sorted(path.name for path in (tmp_path / "duckdb").iterdir())
    assert files == ["evidence.csv", "members.csv", "members.jsonl", "notices.csv",
                     "report.json", "statement.json"]  # fmt: skip
    for path in files:
        if path != "statement.json":
            ours, theirs = (tmp_path / engine / path for engine in ("reference", "duckdb"))
            assert ours.read_bytes() == theirs.read_bytes()
            private = path != "report.json"
            assert (stat.S_IMODE(theirs.stat().st_mode) == 0o600) is private
    for made, by in (("reference", "duckdb"), ("duckdb", "reference")):
        words = ["verify", str(tmp_path / made), file, "--engine", by, "--json"]
        found = json.loads(CliRunner().invoke(case, words, catch_exceptions=False).output)
        assert found["ok"]
        assert found["checks"][-1]["state"] == "ok"


def test_notices_are_alike(example: Path, tmp_path: Path) -> None:
    """Whom to tell is the same list, byte for byte, by both engines."""
    found = []
    for engine in ("reference", "duckdb"):
        notices = tmp_path / f"{engine}.csv"
        run(str(example), "--engine", engine, "--notices", str(notices))
        found.append(notices.read_bytes())
    assert found[0] == found[1]
    assert found[0].count(b"\n") > 1


def test_the_gate_in_batches_keeps_the_same(
    example: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A gate over seven messages at a time counts and keeps what it does over all at once."""
    wanted = json.loads(run(str(example), "--engine", "reference", "--json"))
    assert wanted["gate"] is not None
    monkeypatch.setattr(case_stream, "_GATE_ROWS", 7)
    found = json.loads(run(str(example), "--engine", "duckdb", "--json"))
    assert found == wanted


def test_memory_is_a_size(example: Path) -> None:
    """A memory limit that is no size is refused before anything is read."""
    for memory in ("lots", "2GB; DROP TABLE x", "-1GB"):
        assert code_of(str(example), "--engine", "duckdb", "--memory", memory) == "input.malformed"


def test_a_large_case_is_streamed_and_says_so(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From a number of messages on `auto` takes DuckDB, says why, and answers the same."""
    asked = ["run", str(root / "examples/x-grok-2024.yaml"), "--parts", str(tmp_path / "parts")]
    wanted = json.loads(run(*asked[1:], "--json"))
    monkeypatch.setattr(case_engines, "LARGE", 1)
    result = CliRunner().invoke(case, [*asked, "--json"], catch_exceptions=False)
    assert json.loads(result.stdout) == wanted
    assert result.stderr.startswith("engine   duckdb: about ")


@pytest.mark.parametrize(
    ("table", "old", "new", "code"),
    [
        ("choices", "grant", "granted", "case.decision"),
        ("messages", "m0002,", "m0001,", "case.duplicate"),
        ("subscriptions", "", "", "case.interval"),
    ],
)
def test_bad_rows_are_found_as_they_pass(
    example: Path, table: str, old: str, new: str, code: str
) -> None:
    """What the tables in memory are checked for is refused of a stream, with file and line."""
    file = example.parent / "linkedin-2024" / f"{table}.csv"
    lines = file.read_text(encoding="utf-8").splitlines()
    if table == "subscriptions":
        lines.append("nobody,2024-09-01,2024-08-01,100,USD")
    elif table == "messages":
        lines.append(lines[1])
    else:
        lines = [line.replace(old, new, 1) for line in lines]
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    with pytest.raises(ByleaveError) as refused:
        run(str(example), "--engine", "duckdb")
    assert refused.value.code == code
    assert ".yaml:" in str(refused.value.where)
    parts = example.with_name(example.name + ".parts")
    assert not parts.exists() or any(parts.glob("*.parquet"))


def _half(example: Path) -> None:
    file = example.parent / "linkedin-2024" / "messages.parquet"
    pq.write_table(csv_tables.read_csv(file.with_suffix(".csv")), file)
    file.write_bytes(file.read_bytes()[:-200])
    _say(example, "messages.csv", "messages.parquet")


def _say(example: Path, old: str, new: str) -> None:
    text = example.read_text(encoding="utf-8")
    assert old in text
    example.write_text(text.replace(old, new), encoding="utf-8")


@pytest.mark.parametrize(
    ("damage", "code"),
    [
        (_half, "case.table"),
        (lambda e: (e.parent / "linkedin-2024" / "choices.csv").unlink(), "input.not-found"),
        (lambda e: _say(e, "subscriptions: ", "# subscriptions: "), "case.cohort-column"),
        (lambda e: _say(e, "{from: 2024-08-01", "{from: 2025-08-01, to: 2024-01-01"), "case.interval"),
        (lambda e: _say(e, "file: linkedin-2024/messages.csv", "file: linkedin-2024/choices.csv"),
         "case.column"),
    ],
)  # fmt: skip
def test_bad_input_is_named_the_same_in_a_stream(
    example: Path, tmp_path: Path, damage: Callable[[Path], None], code: str
) -> None:
    """What is wrong with a case or its tables has one code by both engines, and leaves nothing."""
    damage(example)
    out = tmp_path / "out"
    for engine in ("reference", "duckdb"):
        assert code_of(str(example), "--engine", engine, "--out", str(out)) == code
        assert not out.exists()
    assert not example.with_name(example.name + ".parts").exists()


def test_a_place_that_is_taken_is_refused_before_the_run(example: Path, tmp_path: Path) -> None:
    """Where something stands in the way of --out nothing is run, and what stands there stays."""
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters" / "one.txt").write_text("mine", encoding="utf-8")
    (example.parent / "linkedin-2024" / "messages.csv").unlink()
    asked = (str(example), "--engine", "duckdb", "--out", str(tmp_path / "letters"))
    assert code_of(*asked) == "case.output"
    assert (tmp_path / "letters" / "one.txt").read_text(encoding="utf-8") == "mine"


def test_tables_in_folders_are_stated_by_their_files(example: Path, tmp_path: Path) -> None:
    """A table that is a folder of Parquet has a digest over its files; a changed one is found."""
    folder = example.parent / "linkedin-2024"
    rows = csv_tables.read_csv(
        folder / "subscriptions.csv",
        convert_options=csv_tables.ConvertOptions(
            column_types={"start": pa.string(), "end": pa.string()}, strings_can_be_null=True
        ),
    )
    (folder / "paid").mkdir()
    for part in range(2):
        pq.write_table(rows.slice(8 * part, 8 + 99 * part), folder / "paid" / f"{part}.parquet")
    _say(example, "linkedin-2024/subscriptions.csv", "linkedin-2024/paid")
    out = str(tmp_path / "out")
    run(str(example), "--engine", "duckdb", "--out", out)
    words = ["verify", out, str(example), "--json"]
    assert json.loads(CliRunner().invoke(case, words).output)["ok"]
    pq.write_table(rows.slice(0, 7), folder / "paid" / "0.parquet")
    found = json.loads(CliRunner().invoke(case, words).output)
    assert {c["code"] for c in found["checks"] if c["state"] == "FAIL"} == {"case.inputs-differ"}


def test_a_folder_of_parquet_is_one_table(tmp_path: Path) -> None:
    """Any range of rows of a folder of files is what the concatenated rows are there."""
    numbers = list(range(100))
    (tmp_path / "records").mkdir()
    for part in range(4):
        rows = pa.table({"record": pa.array(numbers[25 * part : 25 * part + 25])})
        pq.write_table(rows, tmp_path / "records" / f"part-{part}.parquet", row_group_size=7)
    table = FileTable(tmp_path / "records", name="records")
    assert table.rows == 100
    for start, stop in ((0, 100), (0, 0), (3, 9), (24, 27), (60, 100), (99, 100)):
        found = [n for b in table.batches(["record"], start, stop) for n in b["record"].to_pylist()]
        assert found == numbers[start:stop]
    assert table.load()["record"].to_pylist() == numbers
