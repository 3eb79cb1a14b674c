"""Sources of several files: taken in whole, or refused by name and without a trace."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import byleave
from byleave.errors import ByleaveError, ConflictError, InputError
from byleave.service import source as source_module
from byleave.service.source import DataFile, Source, rows_of
from byleave.wiring import Workspace
from byleave.wiring.tables import parquet_files
from tests.unit.service.small import CONTRACT, PLATFORM, asked, empty, small_table
from tests.unit.service.test_gate_run import write_files

LISTS = """\
contract: v1
parties: {author: author, recipients: to}
category_constant: messages.group
"""


def untouched(ws: Workspace) -> tuple[int, int, list[str]]:
    """Return what a refused source must leave as it was."""
    folder = ws.path / "sources"
    names = sorted(p.name for p in folder.iterdir()) if folder.exists() else []
    return ws.ledger.size(), ws.member.count(), names


def test_several_files_are_one_source(tmp_path: Path) -> None:
    """Files give the rows, digests, people and log entry of one table; they stay as they were."""
    table = small_table()
    paths = write_files(tmp_path / "data", table)
    before = {p: (p.read_bytes(), p.stat().st_mtime_ns) for p in paths}
    with empty(tmp_path / "one") as one, empty(tmp_path / "many") as many:
        assert one.source.add("messages", table, CONTRACT) == (600, 40)
        assert many.source.add("messages", paths, CONTRACT) == (600, 40)
        whole, parts = one.source.open("messages"), many.source.open("messages")
        assert parts.table == whole.table
        assert parts.digests == whole.digests
        assert parts.rows == whole.rows == 600
        assert one.ledger.read(0, one.ledger.size()) == many.ledger.read(0, many.ledger.size())
        for member in ("member-1", one.member.by_ordinal(3)):
            assert rows_of(whole, member) == rows_of(parts, member)
        assert many.fsck() == []
    assert {p: (p.read_bytes(), p.stat().st_mtime_ns) for p in paths} == before


@pytest.mark.parametrize("drift", ["type", "missing", "more"])
def test_files_that_differ_name_the_column(tmp_path: Path, drift: str) -> None:
    """A file whose column has another type, is gone or is new is `data.schema-drift`, by name."""
    table = small_table()
    paths = write_files(tmp_path / "data", table, 3)
    part = pq.read_table(paths[1])
    if drift == "type":
        part = part.set_column(1, "seq", part["seq"].cast(pa.float64()))
    elif drift == "missing":
        part = part.drop(["text"])
    else:
        part = part.append_column("mood", pa.array(["fine"] * part.num_rows))
    pq.write_table(part, paths[1])
    with empty(tmp_path / "ws") as ws:
        before = untouched(ws)
        with pytest.raises(InputError) as error:
            ws.source.add("messages", paths, CONTRACT)
        assert error.value.code == "data.schema-drift"
        wanted = {"type": "seq", "missing": "text", "more": "mood"}[drift]
        assert f'"{wanted}"' in error.value.message
        assert str(error.value.where) == str(paths[1])
        assert untouched(ws) == before


def test_a_corrupt_row_group_is_named(tmp_path: Path) -> None:
    """A damaged row group is refused with the file and its number; nothing is taken in."""
    table = small_table()
    paths = write_files(tmp_path / "data", table, 2)
    column = pq.read_metadata(paths[1]).row_group(2).column(6)
    data = bytearray(paths[1].read_bytes())
    start = min(n for n in (column.dictionary_page_offset, column.data_page_offset) if n)
    data[start : start + column.total_compressed_size] = bytes(column.total_compressed_size)
    paths[1].write_bytes(data)
    with empty(tmp_path / "ws") as ws:
        before = untouched(ws)
        with pytest.raises(InputError) as error:
            ws.source.add("messages", paths, CONTRACT)
        assert error.value.code == "data.unreadable"
        assert "part-1.parquet" in error.value.message
        assert "row group 2" in error.value.message
        assert untouched(ws) == before


def test_a_file_that_changes_while_it_is_taken_in_is_refused(tmp_path: Path) -> None:
    """A file written to while it is copied and digested is `data.changed`, without a trace."""
    paths = write_files(tmp_path / "data", small_table(), 2)

    def write(what: str, done: int, total: int) -> None:
        if done > total // 2:
            paths[1].touch()

    with empty(tmp_path / "ws") as ws:
        before = untouched(ws)
    with byleave.open(tmp_path / "ws", progress=write) as ws:
        with pytest.raises(ConflictError) as error:
            ws.source.add("messages", paths, CONTRACT)
        assert error.value.code == "data.changed"
        assert untouched(ws) == before


def test_no_rows_are_a_source_too(tmp_path: Path) -> None:
    """Files without rows, and one without row groups, are gated: nothing in, nothing out."""
    table = small_table().slice(0, 0)
    paths = write_files(tmp_path / "data", table, 2)
    pq.ParquetWriter(paths[1], table.schema).close()
    with empty(tmp_path / "ws") as ws:
        asked(ws)
        ws.source.add("none", paths, CONTRACT)
        gate, gated = ws.gate.run("none", PLATFORM)
        assert (gated.record.rows, gated.record.kept, dict(gated.record.reasons)) == (0, 0, {})
        assert gated.table.num_rows == 0
        assert gated.table.schema.names == table.schema.names
        assert list(gated.batches()) == [] or all(len(b.rows) == 0 for b in gated.batches())
        assert ws.gate.update(gate).gated.record.rows == 0
        assert ws.fsck() == []


def test_a_null_inside_a_list_drops_the_row(tmp_path: Path) -> None:
    """A recipient nobody recorded is a party missing, in whichever file; an empty list too."""
    rows = {"author": ["a", "b", "c", "d"], "to": [["b"], ["a", None], [], None]}
    table = pa.table(rows, pa.schema({"author": pa.string(), "to": pa.list_(pa.string())}))
    use = "train.generative.replies/messages.group/platform"
    with empty(tmp_path / "ws") as ws:
        paths = write_files(tmp_path / "data", table, 2)
        ws.source.add("group", paths, LISTS)
        for _ in range(2):  # from the data, then from what the first run kept of it
            record = ws.gate.run("group", use)[1].record
            assert dict(record.reasons) == {"no-grant": 1, "party-missing": 3}


@pytest.mark.parametrize("column", ["author", "to"])
def test_ids_of_a_wrong_type_are_refused_by_name(tmp_path: Path, column: str) -> None:
    """An id column of fractions is `contract.column-type` with its name; nothing is taken in."""
    table = pa.table({"author": ["a"], "to": [["b"]]})
    wrong = pa.array([1.5]) if column == "author" else pa.array([[1.5]])
    table = table.set_column(table.column_names.index(column), column, wrong)
    paths = write_files(tmp_path / "data", table, 1)
    with empty(tmp_path / "ws") as ws:
        before = untouched(ws)
        for data in (table, paths):
            with pytest.raises(InputError) as error:
                ws.source.add("group", data, LISTS)
            assert error.value.code == "contract.column-type"
            assert f'"{column}"' in error.value.message
            assert untouched(ws) == before


def test_what_is_named_is_files_or_folders(tmp_path: Path) -> None:
    """A folder stands for its Parquet files by name; what is not there is said, nothing read."""
    paths = write_files(tmp_path / "data", small_table(), 3)
    (tmp_path / "data" / "notes.txt").write_text("not data")
    assert parquet_files([tmp_path / "data", paths[0]]) == [*paths, paths[0]]
    assert parquet_files(str(paths[1])) == [paths[1]]
    (tmp_path / "void").mkdir()
    for missing in (tmp_path / "void", tmp_path / "no.parquet"):
        with pytest.raises(ByleaveError) as error:
            parquet_files([missing])
        assert error.value.code == "input.not-found"
        assert str(error.value.where) == str(missing)


@settings(max_examples=60, deadline=None)
@given(groups=st.lists(st.lists(st.integers(0, 9), max_size=6), max_size=4))
def test_spans_are_all_rows_once(groups: list[list[int]]) -> None:
    """Spans cover every row group once, in order, and hold more than their limit only alone."""
    files, first = [], 0
    for number, rows in enumerate(groups):
        files.append(
            DataFile(
                name=f"data-{number}.parquet",
                path=Path(),
                sha256="",
                first_row=first,
                group_rows=tuple(rows),
                stamp=(0, 0, 0, 0, 0),
            )
        )
        first += sum(rows)
    made = object.__new__(Source)
    object.__setattr__(made, "files", tuple(files))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(source_module, "SPAN_ROWS", 8)
        spans = list(made.spans())
    seen = [(s.file, g) for s in spans for g in s.groups]
    assert seen == [(f, g) for f, rows in enumerate(groups) for g in range(len(rows))]
    assert np.cumsum([0, *(s.rows for s in spans)]).tolist() == [
        *(s.first_row for s in spans),
        first,
    ]
    for span in spans:
        assert span.rows == sum(groups[span.file][g] for g in span.groups)
        assert span.rows <= 8 or len(span.groups) == 1
