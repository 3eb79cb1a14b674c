"""`byleave contract`."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from byleave.gate.contract import contract_schema
from tests.cli.conftest import Say

CONTRACT = """\
contract: v1
record_id: id
parties: {author: by.id, recipients: to}
kind: kind
kinds: {dm: messages.direct, group: messages.group, old: messages.telegram}
collected_at: sent
draft: unsent
"""
ROWS: dict[str, list[object]] = {
    "id": [1, 2, 3, 4, 5],
    "by": [{"id": "a"}, {"id": "b"}, None, {"id": "c"}, {"id": "a"}],
    "to": [["b"], [], ["c", None], None, ["b"]],
    "kind": ["dm", "group", "dm", "fax", "old"],
    "sent": ["2024-01-01", None, "", "2024-01-02", "2024-01-03"],
    "unsent": [False, None, False, True, False],
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "c.yaml").write_text(CONTRACT)
    table = pa.table(ROWS)
    pq.write_table(table, tmp_path / "one.parquet")
    pq.write_table(table.slice(0, 2), tmp_path / "two.parquet")
    return tmp_path


def test_what_makes_rows_drop_is_counted(folder: Path, say: Say) -> None:
    """Each kind of trouble is counted once, and the counts are those of the rows."""
    result = say("contract", "check", "c.yaml", "one.parquet", "--json")
    assert result.code == 0, result.err
    found = result.json
    assert found["rows"] == 5
    assert found["parties"] == [
        {"column": "by.id", "role": "author", "form": "one", "ids": 4, "missing": 1},
        {"column": "to", "role": "recipient", "form": "list", "ids": 3, "missing": 1},
    ]
    assert found["categories"] == {"messages.direct": 2, "messages.group": 1}
    assert [(f["column"], f["rows"]) for f in found["findings"]] == [
        ("by.id", 1),
        ("to", 1),
        ("to", 2),
        ("kind", 1),
        ("kind", 1),
        ("sent", 2),
        ("unsent", 1),
    ]
    assert "'fax'" in result.out
    assert "'messages.telegram' is no category" in result.out


def test_people_read_the_same(folder: Path, say: Say) -> None:
    """The lines for people hold the numbers of the JSON and end without an id."""
    shown = say("contract", "check", "c.yaml", "one.parquet", "two.parquet").out
    assert "c.yaml fits 2 files: 7 rows" in shown
    assert "! 3 rows  to\n      no recipient" in shown
    assert "did you mean 'messages." in shown


def test_words_that_people_wrote_are_not_shown(folder: Path, say: Say) -> None:
    """A column of many words is called none of categories, and none of them is printed."""
    table = pa.table(
        {"by": [f"m{n}" for n in range(99)], "what": [f"secret {n}" for n in range(99)]}
    )
    pq.write_table(table, folder / "texts.parquet")
    (folder / "d.yaml").write_text("contract: v1\nparties: {author: by}\ncategory: what\n")
    shown = say("contract", "check", "d.yaml", "texts.parquet").out
    assert "99 different words: this is no column of categories" in shown
    assert "secret" not in shown


def test_schema_drift_is_refused(folder: Path, say: Say) -> None:
    """A second file with another type in a column that matters is refused by name."""
    table = pa.table(ROWS)
    other = table.set_column(0, "id", pa.array([str(n) for n in ROWS["id"]]))
    pq.write_table(other, folder / "drift.parquet")
    result = say("contract", "check", "c.yaml", "one.parquet", "drift.parquet")
    assert result.code == 2
    assert "data.schema-drift" in result.err
    assert 'column "id" holds int64 in one.parquet and string in drift.parquet' in result.err


@pytest.mark.parametrize(
    ("name", "data", "code"),
    [
        ("none.parquet", None, "input.not-found"),
        ("torn.parquet", b"PAR1 nothing more", "data.unreadable"),
        ("empty.csv", b"", "data.unreadable"),
    ],
)
def test_files_that_are_none(
    folder: Path, say: Say, name: str, data: bytes | None, code: str
) -> None:
    """A file that is missing, torn or empty is refused with its code."""
    if data is not None:
        (folder / name).write_bytes(data)
    result = say("contract", "check", "c.yaml", name)
    assert result.code == 2
    assert code in result.err


def test_no_rows_is_no_error(folder: Path, say: Say) -> None:
    """A file without rows fits, and nothing is found in it."""
    pq.write_table(pa.table(ROWS).slice(0, 0), folder / "zero.parquet")
    result = say("contract", "check", "c.yaml", "zero.parquet", "--json")
    assert result.code == 0, result.err
    assert result.json["findings"] == []


def test_schema_is_printed_whole(folder: Path, say: Say) -> None:
    """The command prints or writes the schema that the package ships."""
    assert say("contract", "schema").out == contract_schema()
    say("contract", "schema", "-o", "s.json")
    assert (folder / "s.json").read_text() == contract_schema()
