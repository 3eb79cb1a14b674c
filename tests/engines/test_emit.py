"""What the gate writes of Parquet files: all of it or nothing, and the input as it was."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings

from byleave.consent.reason import Reason
from byleave.engines.arrow import decide_batch, reasons_batch
from byleave.engines.emit import Outputs, emit, parquet_files
from byleave.engines.parquet import ParquetRows
from byleave.engines.passing import gate_batches
from byleave.engines.selection import read_selection, selected_batches
from byleave.engines.tally import Emission, InputRows, Tally
from byleave.errors import ByleaveError, ConflictError, EvidenceError, InputError, WorldError
from byleave.gate.plan import GatePlan
from byleave.gate.rows import RowReasons
from byleave.testing.engine_suite import Example, compile_example, expected
from tests.engines.strategies import example_of, examples
from tests.slow.generated import make_messages, make_plan

PLAN = make_plan()


def messages(path: Path, *, group: int = 700, table: pa.Table | None = None) -> Path:
    pq.write_table(make_messages() if table is None else table, path, row_group_size=group)
    return path


def everything(folder: Path) -> Outputs:
    return Outputs(
        copy=folder / "kept.parquet",
        selection=folder / "rows.parquet",
        reasons=folder / "reasons.parquet",
    )


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def reason_of(table: pa.Table) -> np.ndarray:
    (batch,) = table.combine_chunks().to_batches()
    return decide_batch(PLAN, batch).reason


@settings(deadline=None, max_examples=40)
@given(example=examples())
def test_all_outputs_agree_with_the_oracle(
    tmp_path_factory: pytest.TempPathFactory, example: Example
) -> None:
    """Copy, selection and reasons of a file are what the row-wise oracle says of each row."""
    folder = tmp_path_factory.mktemp("emit")
    plan, batch = compile_example(example)
    table = pa.Table.from_batches([batch])
    pq.write_table(table, folder / "in.parquet", row_group_size=7)
    found = emit(plan, [folder / "in.parquet"], everything(folder))
    wanted = expected(example)
    kept = [i for i, answer in enumerate(wanted) if answer.reason is Reason.KEPT]
    assert pq.read_table(folder / "kept.parquet").equals(table.take(pa.array(kept, pa.int64())))
    assert read_selection(folder / "rows.parquet").rows.tolist() == kept
    rows = pq.read_table(folder / "reasons.parquet")
    assert rows["reason"].to_pylist() == [a.reason.word for a in wanted]
    assert rows["party"].to_pylist() == [a.party for a in wanted]
    assert (found.rows, found.kept) == (len(wanted), len(kept))
    assert sum(found.reasons.values()) + found.kept == found.rows


def test_a_copy_is_the_kept_rows_in_the_form_of_the_input(tmp_path: Path) -> None:
    """A copy has the input's rows, columns, types, metadata, codecs and dictionaries."""
    table = make_messages()
    table = table.append_column("kind", pa.array(["a", None] * (len(table) // 2)))
    table = table.replace_schema_metadata({"owner": "nobody"})
    source = tmp_path / "in.parquet"
    codecs = dict.fromkeys(table.column_names, "NONE") | {"text": "ZSTD", "sender": "GZIP"}
    codecs["recipients.list.element"] = codecs.pop("recipients")
    pq.write_table(table, source, row_group_size=500, compression=codecs, use_dictionary=["kind"])
    emit(PLAN, [source], Outputs(copy=tmp_path / "out.parquet"))
    kept = pa.array(reason_of(table) == Reason.KEPT)
    found = pq.read_table(tmp_path / "out.parquet")
    assert found.equals(table.filter(kept))
    assert (found.schema.metadata or {})[b"owner"] == b"nobody"
    was, now = (pq.read_metadata(p).row_group(0) for p in (source, tmp_path / "out.parquet"))
    for i in range(was.num_columns):
        assert now.column(i).compression == was.column(i).compression
        dictionary = [any("DICT" in e for e in g.column(i).encodings) for g in (was, now)]
        assert dictionary[0] == dictionary[1], was.column(i).path_in_schema


def test_the_copy_says_which_plan_decided(tmp_path: Path) -> None:
    """Copy and reasons carry the record of the emission: plan, input and counts."""
    source = messages(tmp_path / "in.parquet")
    found = emit(PLAN, [source], everything(tmp_path))
    for name in ("kept.parquet", "reasons.parquet"):
        metadata = pq.read_metadata(tmp_path / name).metadata
        assert PLAN.digest.hex().encode() in metadata[b"byleave.emission"]
        assert f'"kept":{found.kept}'.encode() in metadata[b"byleave.emission"]


def test_outputs_are_as_private_as_the_input(tmp_path: Path) -> None:
    """Whoever may not read the input may not read what is made of it."""
    source = messages(tmp_path / "in.parquet")
    source.chmod(0o600)
    emit(PLAN, [source], everything(tmp_path))
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}


def test_several_files_make_folders_of_files(tmp_path: Path) -> None:
    """A data set of several files gives a folder for each output, and one account that sums."""
    table = make_messages()
    (tmp_path / "in").mkdir()
    for part in range(3):
        messages(tmp_path / "in" / f"{part}.parquet", table=table.slice(part * 1000, 1000))
    sources = parquet_files(tmp_path / "in")
    outputs = Outputs(copy=tmp_path / "copy", selection=tmp_path / "selection")
    found = emit(PLAN, sources, outputs)
    whole = emit(PLAN, [messages(tmp_path / "whole.parquet", table=table)])
    assert (found.rows, found.kept, found.reasons) == (whole.rows, whole.kept, whole.reasons)
    assert [part.rows for part in found.inputs] == [1000] * 3
    copied = pa.concat_tables([pq.read_table(p) for p in sorted((tmp_path / "copy").iterdir())])
    assert copied.equals(table.filter(pa.array(reason_of(table) == Reason.KEPT)))
    kept = [read_selection(p).rows for p in sorted((tmp_path / "selection").iterdir())]
    assert sum(map(len, kept)) == found.kept


def test_row_groups_with_nothing_kept_are_read_for_their_ids_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a row group in which nothing is kept the other columns are never decoded."""
    table = make_messages()
    reason = reason_of(table)
    order = np.argsort(reason != Reason.KEPT, kind="stable")
    source = messages(tmp_path / "in.parquet", table=table.take(pa.array(order)), group=500)
    read: list[int] = []
    batches = ParquetRows.batches

    def spy(self: ParquetRows, group: int, columns: object, **more: int) -> object:
        read.extend([group] if columns is None else [])
        return batches(self, group, columns, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(ParquetRows, "batches", spy)
    found = emit(PLAN, [source], Outputs(copy=tmp_path / "out.parquet"))
    assert read == list(range(-(-found.kept // 500)))
    assert len(read) < 6


def test_no_rows_give_empty_outputs(tmp_path: Path) -> None:
    """A file without rows gives outputs without rows, and counts of zero."""
    empty = make_messages().slice(0, 0)
    found = emit(PLAN, [messages(tmp_path / "in.parquet", table=empty)], everything(tmp_path))
    assert (found.rows, found.kept, dict(found.reasons)) == (0, 0, {})
    assert pq.read_table(tmp_path / "kept.parquet").equals(empty)
    assert len(read_selection(tmp_path / "rows.parquet").rows) == 0
    assert pq.read_table(tmp_path / "reasons.parquet").num_rows == 0


# -- nothing is left behind ------------------------------------------------------------------


def unlike_int(table: pa.Table) -> pa.Table:
    return table.set_column(1, "sender", pa.array([1] * len(table)))


def damaged(path: Path) -> None:
    data = bytearray(path.read_bytes())
    meta = pq.read_metadata(path).row_group(2).column(1)
    at = meta.dictionary_page_offset or meta.data_page_offset
    data[at : at + 40] = b"\xff" * 40
    path.write_bytes(data)


def cut_short(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-9])


def without_column(path: Path) -> None:
    messages(path, table=make_messages().drop_columns(["sender"]))


def float_ids(path: Path) -> None:
    table = make_messages()
    messages(path, table=table.set_column(1, "sender", pa.array([1.0] * len(table))))


def text_instants(path: Path) -> None:
    table = make_messages()
    place = table.column_names.index("sent_at")
    messages(path, table=table.set_column(place, "sent_at", pa.array(["soon"] * len(table))))


def gone(path: Path) -> None:
    path.unlink()


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        (damaged, "data.unreadable"),
        (cut_short, "data.unreadable"),
        (without_column, "contract.column-missing"),
        (float_ids, "contract.column-type"),
        (text_instants, "contract.column-value"),
        (gone, "input.not-found"),
    ],
    ids=lambda value: getattr(value, "__name__", value),
)
@pytest.mark.parametrize("first", [True, False], ids=["alone", "after a good one"])
def test_bad_input_gives_a_clear_error_and_nothing_else(
    tmp_path: Path, spoil: Callable[[Path], None], code: str, first: bool
) -> None:
    """Damaged, cut, unfit or absent input: a typed error, no output, the input untouched."""
    source = messages(tmp_path / "in.parquet")
    spoil(source)
    before = source.read_bytes() if source.exists() else None
    sources = [source] if first else [messages(tmp_path / "a.parquet"), source]
    there = names(tmp_path)
    with pytest.raises(InputError) as caught:
        emit(PLAN, sources, everything(tmp_path))
    if not first and spoil is text_instants:  # told from the other file before any value is read
        code = "data.schema-drift"
    assert caught.value.code == code
    assert names(tmp_path) == there
    assert (source.read_bytes() if source.exists() else None) == before


@pytest.mark.parametrize("what", ["text ids as numbers", "one more column"])
def test_files_of_another_schema_are_refused(tmp_path: Path, what: str) -> None:
    """Files whose columns differ are refused by name of file and column, and nothing is written."""
    table = make_messages()
    other = unlike_int(table) if what.startswith("text") else table.append_column("x", table[0])
    sources = [
        messages(tmp_path / "a.parquet"),
        messages(tmp_path / "b.parquet", table=other),
    ]
    with pytest.raises(InputError, match=r"b\.parquet") as caught:
        emit(PLAN, sources, Outputs(copy=tmp_path / "out"))
    assert caught.value.code == "data.schema-drift"
    assert names(tmp_path) == ["a.parquet", "b.parquet"]


def test_a_column_that_nothing_reads_may_differ_where_nothing_is_copied(tmp_path: Path) -> None:
    """Without a copy, columns that the contract does not read may differ from file to file."""
    table = make_messages()
    sources = [
        messages(tmp_path / "a.parquet"),
        messages(tmp_path / "b.parquet", table=table.append_column("x", table[0])),
    ]
    assert emit(PLAN, sources).rows == 2 * len(table)


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_a_cancelled_run_leaves_nothing(tmp_path: Path, error: type[BaseException]) -> None:
    """What `progress` raises ends the run; no file and no temporary folder stays."""
    source = messages(tmp_path / "in.parquet")

    def stop(done: int, total: int) -> None:
        if done > total // 2:
            raise error

    with pytest.raises(error):
        emit(PLAN, [source], everything(tmp_path), progress=stop)
    assert names(tmp_path) == ["in.parquet"]


def test_progress_counts_up_to_all_rows(tmp_path: Path) -> None:
    """Progress is told after each row group and ends at the number of rows."""
    steps: list[tuple[int, int]] = []
    emit(
        PLAN,
        [messages(tmp_path / "in.parquet")],
        progress=lambda done, total: steps.append((done, total)),
    )
    assert steps == [(700, 3000), (1400, 3000), (2100, 3000), (2800, 3000), (3000, 3000)]


FULL = """
import resource, signal, sys
from pathlib import Path
from byleave.engines.emit import Outputs, emit
from byleave.errors import WorldError
from tests.slow.generated import make_plan
folder = Path(sys.argv[1])
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
try:
    emit(make_plan(), [folder / "in.parquet"], Outputs(copy=folder / "out.parquet"))
except WorldError as error:
    print(error.code)
"""


def test_a_full_disk_leaves_nothing(tmp_path: Path) -> None:
    """Where the system takes no more bytes the error says so, and no file stays."""
    messages(tmp_path / "in.parquet")
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["world.disk-full"]
    assert names(tmp_path) == ["in.parquet"]


def test_a_disk_that_fills_up_at_the_end_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also the last flush may find the disk full: what was moved before is taken back."""
    source = messages(tmp_path / "in.parquet")
    real, calls = os.fsync, []

    def full(descriptor: int) -> None:
        calls.append(descriptor)
        if len(calls) == 3:  # the second output; the first stands at its place
            raise OSError(errno.ENOSPC, "no space")
        real(descriptor)

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(WorldError) as caught:
        emit(PLAN, [source], everything(tmp_path))
    assert caught.value.code == "world.disk-full"
    assert names(tmp_path) == ["in.parquet"]


def test_an_input_is_never_written_over(tmp_path: Path) -> None:
    """An output that is an input, by its name, by a link or by its folder, is refused."""
    source = messages(tmp_path / "in.parquet")
    before = source.read_bytes()
    (tmp_path / "link.parquet").symlink_to(source)
    os.link(source, tmp_path / "hard.parquet")
    for target in (source, tmp_path / "link.parquet", tmp_path / "hard.parquet", tmp_path):
        with pytest.raises(InputError) as caught:
            emit(PLAN, [source], Outputs(copy=target))
        assert caught.value.code == "emit.over-input"
    assert source.read_bytes() == before
    with pytest.raises(InputError) as caught:
        emit(PLAN, [source], Outputs(copy=tmp_path / "x", selection=tmp_path / "x"))
    assert caught.value.code == "emit.over-input"


def test_nothing_that_stands_is_replaced(tmp_path: Path) -> None:
    """An output that exists is refused, also one that appears during the run."""
    source = messages(tmp_path / "in.parquet")
    (tmp_path / "out.parquet").write_bytes(b"mine")
    with pytest.raises(ConflictError):
        emit(PLAN, [source], Outputs(copy=tmp_path / "out.parquet"))

    def appear(done: int, total: int) -> None:
        (tmp_path / "late.parquet").write_bytes(b"mine")

    with pytest.raises(ConflictError):
        emit(PLAN, [source], Outputs(copy=tmp_path / "late.parquet"), progress=appear)
    for name in ("out.parquet", "late.parquet"):
        assert (tmp_path / name).read_bytes() == b"mine"


@pytest.mark.parametrize("how", ["replaced", "appended", "removed"])
def test_a_file_changed_during_the_run_is_noticed(tmp_path: Path, how: str) -> None:
    """A file replaced, changed or removed while it is read: an error, and nothing is kept."""
    source = messages(tmp_path / "in.parquet")
    other = messages(tmp_path / "other.parquet")

    def change(done: int, total: int) -> None:
        if how == "replaced" and other.exists():
            other.replace(source)
        elif how == "appended":
            with source.open("ab") as stream:
                stream.write(b"x")
        elif how == "removed":
            source.unlink(missing_ok=True)

    with pytest.raises(ConflictError) as caught:
        emit(PLAN, [source], Outputs(copy=tmp_path / "out.parquet"), progress=change)
    assert caught.value.code == "data.changed"
    assert "out.parquet" not in names(tmp_path)


# -- counts that must sum -----------------------------------------------------------------------


def one_short(plan: GatePlan, batch: pa.RecordBatch) -> RowReasons:
    found = reasons_batch(plan, batch)
    return RowReasons(reason=found.reason[1:], party=found.party[1:])


def no_such_reason(plan: GatePlan, batch: pa.RecordBatch) -> RowReasons:
    found = reasons_batch(plan, batch)
    return RowReasons(reason=np.full_like(found.reason, 255), party=found.party)


@pytest.mark.parametrize("decide", [one_short, no_such_reason])
def test_an_engine_that_does_not_answer_each_row_fails_the_run(
    tmp_path: Path, decide: Callable[[GatePlan, pa.RecordBatch], RowReasons]
) -> None:
    """An engine that loses a row, or makes up a reason, fails the run, and nothing is written."""
    source = messages(tmp_path / "in.parquet")
    with pytest.raises(ByleaveError) as caught:
        emit(PLAN, [source], everything(tmp_path), decide=decide)
    assert caught.value.code == "gate.sum"
    assert names(tmp_path) == ["in.parquet"]


def test_a_record_that_does_not_sum_cannot_be_made() -> None:
    """An emission whose kept and dropped rows, or whose inputs, do not sum is refused."""
    tally = Tally(PLAN)
    tally.add(np.array([0, 1], np.uint8), 2)
    good = tally.emission([InputRows(name="x", rows=2, kept=1)])
    assert (good.rows, good.kept, dict(good.reasons)) == (2, 1, {"no-grant": 1})
    with pytest.raises(ByleaveError, match="do not sum"):
        tally.emission([InputRows(name="x", rows=3, kept=1)])
    fields = {name: getattr(good, name) for name in Emission.__slots__}
    with pytest.raises(ByleaveError, match="do not sum"):
        Emission(**{**fields, "kept": 2})


def test_a_stream_of_batches_passes_as_a_file_does() -> None:
    """Rows kept of a stream are those of the table, however it is cut, and the counts sum."""
    table = make_messages()
    wanted = table.filter(pa.array(reason_of(table) == Reason.KEPT))
    for rows in (37, 3000):
        tally = Tally(PLAN)
        batches = table.combine_chunks().to_batches(rows)
        schema, kept = gate_batches(PLAN, table.schema, batches, tally)
        assert pa.Table.from_batches(kept, schema).equals(wanted)
        assert (tally.rows, tally.kept) == (3000, len(wanted))


def test_a_stream_that_changes_its_schema_is_refused() -> None:
    """A batch whose columns are not those of the first fails the stream; marks are never doubled."""
    (batch,) = make_messages().combine_chunks().to_batches()
    other = batch.drop_columns(["text"])
    _, rows = gate_batches(PLAN, batch.schema, [batch, other], Tally(PLAN))
    with pytest.raises(InputError) as caught:
        list(rows)
    assert caught.value.code == "data.schema-drift"
    marked, rows = gate_batches(PLAN, batch.schema, [batch], Tally(PLAN), mark=True)
    assert pa.Table.from_batches(rows).schema == marked
    with pytest.raises(InputError, match="gate_reason"):
        gate_batches(PLAN, marked, [], Tally(PLAN), mark=True)


# -- selections ---------------------------------------------------------------------------------


def test_a_selection_reads_the_kept_rows_in_place(tmp_path: Path) -> None:
    """Applied to its file, a selection yields the rows kept, of the columns asked for."""
    source = messages(tmp_path / "in.parquet")
    emit(PLAN, [source], everything(tmp_path))
    selection = read_selection(tmp_path / "rows.parquet", data=source)
    batches = selected_batches(selection, source, columns=["number", "text"])
    found = pa.Table.from_batches(batches)
    wanted = pq.read_table(tmp_path / "kept.parquet", columns=["number", "text"])
    assert found.equals(wanted)


def test_a_selection_is_refused_for_another_file(tmp_path: Path) -> None:
    """A selection does not apply to a file written anew, even with the same rows."""
    source = messages(tmp_path / "in.parquet")
    emit(PLAN, [source], everything(tmp_path))
    messages(source, group=699)
    with pytest.raises(EvidenceError) as caught:
        read_selection(tmp_path / "rows.parquet", data=source)
    assert caught.value.code == "selection.other-data"
    selection = read_selection(tmp_path / "rows.parquet")
    with pytest.raises(EvidenceError):
        list(selected_batches(selection, source))


@pytest.mark.parametrize("how", ["a row more", "a row less", "a row moved", "order", "header"])
def test_a_changed_selection_is_refused(tmp_path: Path, how: str) -> None:
    """A row added, left out, moved or out of order, or a header changed, does not pass."""
    emit(PLAN, [messages(tmp_path / "in.parquet")], everything(tmp_path))
    path = tmp_path / "rows.parquet"
    table = pq.read_table(path)
    rows = table["row"].to_numpy().copy()
    metadata = dict(table.schema.metadata)
    if how == "a row more":
        gap = next(n for n in range(3000) if n not in set(rows.tolist()))
        rows = np.sort(np.append(rows, gap))
    elif how == "a row less":
        rows = rows[1:]
    elif how == "a row moved":
        gap = next(n for n in range(3000) if n not in set(rows.tolist()))
        rows = np.sort(np.append(rows[1:], gap))
    elif how == "order":
        rows[[0, 1]] = rows[[1, 0]]
    else:
        was = metadata[b"byleave.selection"]
        metadata[b"byleave.selection"] = was.replace(b'"ledger":', b'"ledger":1')
        assert metadata[b"byleave.selection"] != was
    pq.write_table(pa.table({"row": rows}).replace_schema_metadata(metadata), path)
    with pytest.raises(EvidenceError) as caught:
        read_selection(path)
    assert caught.value.code == "selection.digest"


@pytest.mark.parametrize(
    "change",
    [
        lambda header: header.replace(b"selection/v1", b"selection/v2"),
        lambda header: header.replace(b'"kept":', b'"kept": '),
        lambda header: header.replace(b'"kept":', b'"more":1,"kept":'),
        lambda header: header[:-1],
        lambda header: b"[]",
    ],
)
def test_what_is_no_selection_is_refused(tmp_path: Path, change: Callable[[bytes], bytes]) -> None:
    """Another version, another spelling, a field more or no header at all is refused."""
    emit(PLAN, [messages(tmp_path / "in.parquet")], everything(tmp_path))
    path = tmp_path / "rows.parquet"
    table = pq.read_table(path)
    header = change(table.schema.metadata[b"byleave.selection"])
    pq.write_table(table.replace_schema_metadata({b"byleave.selection": header}), path)
    for wrong in (path, tmp_path / "kept.parquet"):
        with pytest.raises(InputError) as caught:
            read_selection(wrong)
        assert caught.value.code == "selection.malformed"
    path.write_bytes(b"no Parquet")
    with pytest.raises(InputError):
        read_selection(path)
    with pytest.raises(InputError):
        read_selection(tmp_path / "none.parquet")


def test_a_null_in_a_list_drops_its_row_and_fails_nothing(tmp_path: Path) -> None:
    """A list of recipients with a null inside is an answer, `party-missing`, and no error."""
    table = make_messages().slice(0, 4)
    lists = pa.array([["m001", None], [None], None, []], pa.list_(pa.string()))
    table = table.set_column(2, "recipients", lists)
    senders = pa.array(["m001"] * 4)
    table = table.set_column(1, "sender", senders).set_column(4, "is_draft", pa.array([False] * 4))
    found = emit(PLAN, [messages(tmp_path / "in.parquet", table=table)])
    assert dict(found.reasons) == {"party-missing": 4}


def test_the_same_example_gives_the_same_bytes(tmp_path: Path) -> None:
    """Two runs over the same file write the same bytes."""
    plan, batch = compile_example(example_of(11))
    pq.write_table(pa.Table.from_batches([batch]), tmp_path / "in.parquet")
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        emit(plan, [tmp_path / "in.parquet"], everything(tmp_path / name))
    for name in ("kept.parquet", "rows.parquet", "reasons.parquet"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
