"""What a training loop of one's own read of a snapshot: traced, attested, logged, checked."""

from __future__ import annotations

import itertools
import json
import multiprocessing
import pickle
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from byleave.connectors.row_source import RowSource
from byleave.errors import ByleaveError, ConflictError, EvidenceError, InputError, RefusedError
from byleave.evidence.entry import AttestationEntry, parse_entry
from byleave.snapshot.reads import parse_part, write_frame
from byleave.wiring.reading import Reader
from tests.unit.service.small import Grown

COLUMNS = {"words": "text", "by": "sender_id", "at": "sent_at"}


def read_all(reader: Reader, epochs: int = 1) -> list[dict[str, Any]]:
    """Read every row, this many times."""
    rows: list[dict[str, Any]] = []
    for epoch in range(epochs):
        reader.set_epoch(epoch)
        rows += list(reader)
    return rows


def code_of(call: Any, *args: Any, **kwargs: Any) -> str:
    """Return the code of the error that a call raises."""
    with pytest.raises(ByleaveError) as caught:
        call(*args, **kwargs)
    return str(caught.value.code)


def test_what_was_read_is_attested_logged_and_checked(copied: Grown, tmp_path: Path) -> None:
    """Two epochs over a snapshot give a signed, logged attestation that says just that."""
    model = tmp_path / "weights.bin"
    model.write_bytes(b"weights")
    with copied.open() as ws:
        sealed = ws.snapshot.open(copied.snapshot)
        reader = ws.model.reader(copied.snapshot, columns=COLUMNS, trace=tmp_path / "reads")
        rows = read_all(reader, 2)
        wanted = pa.Table.from_batches(sealed.batches(COLUMNS)).drop(["record_id"]).to_pylist()
        assert rows == wanted * 2
        done = ws.model.attest(tmp_path / "reads", model=[model])
        again = ws.model.check(done.attestation, model=[model], each_once=True)
        assert again == done
        assert done.reads.whole
        assert (done.reads.reads, done.reads.rows) == (2 * len(wanted), len(wanted))
        assert (done.reads.least, done.reads.most, done.reads.epochs) == (2, 2, 2)
        entry = parse_entry(ws.log.entry(done.index), AttestationEntry)
        assert (entry.reads, entry.rows, entry.snapshot) == (
            2 * len(wanted),
            len(wanted),
            sealed.index,
        )
        assert [d["attestation"] for d in ws.model.attestations()] == [done.attestation]
        assert not [p for p in ws.fsck() if "log entry" in p["where"]]
        model.write_bytes(b"others")
        assert code_of(ws.model.check, done.attestation, model=[model]) == "reads.digest"
        statement = (
            copied.path / "attestations" / done.attestation / "statement.dsse.json"
        ).read_text()
        for member in copied.agreed[:3]:
            assert member not in statement


def test_reading_needs_no_writer(copied: Grown, tmp_path: Path) -> None:
    """A read-only workspace hands out rows, and cannot attest; the writer does, later."""
    with copied.open(read_only=True) as ws:
        read_all(ws.model.reader(copied.snapshot, trace=tmp_path / "reads"))
        assert code_of(ws.model.attest, tmp_path / "reads") == "workspace.read-only"
    with copied.open() as ws:
        assert ws.model.attest(tmp_path / "reads").reads.whole


def test_rows_left_out_and_read_twice_are_told(copied: Grown, tmp_path: Path) -> None:
    """Partial and repeated reads are counted, and refused where each row once was asked for."""
    with copied.open() as ws:
        reader = ws.model.reader(copied.snapshot, columns=["text"], trace=tmp_path / "some")
        held = len(reader)
        assert all(set(row) == {"text"} for row in itertools.islice(reader, 7))
        done = ws.model.attest(tmp_path / "some")
        assert (done.reads.rows, done.reads.reads, done.reads.least) == (7, 7, 0)
        assert code_of(ws.model.check, done.attestation, each_once=True) == "reads.uneven"
        twice = ws.model.reader(copied.snapshot, columns=["text"], trace=tmp_path / "twice")
        sources(twice).batch([*range(held), 3])
        done = ws.model.attest(tmp_path / "twice")
        assert (done.reads.least, done.reads.most, done.reads.rows) == (1, 2, held)
        assert code_of(ws.model.check, done.attestation, each_once=True) == "reads.uneven"


def sources(reader: Reader) -> RowSource:
    """Look behind the counter."""
    return reader._source


def test_a_row_outside_the_snapshot_cannot_be_had(copied: Grown, tmp_path: Path) -> None:
    """Places beyond the rows raise, hand out nothing and leave no trace of it."""
    with copied.open() as ws:
        reader = ws.model.reader(copied.snapshot, trace=tmp_path / "reads")
        for places in ([len(reader)], [-len(reader) - 1], [0, 1 << 40]):
            with pytest.raises(IndexError):
                sources(reader).batch(places)
        assert ws.model.attest(tmp_path / "reads").reads.reads == 0


def test_a_trace_of_other_rows_or_values_is_refused(copied: Grown, tmp_path: Path) -> None:
    """Foreign rows, changed values, edited, dropped, reordered and cut frames attest nothing."""
    with copied.open() as ws:
        sealed = ws.snapshot.open(copied.snapshot)
        reader = ws.model.reader(copied.snapshot, columns=["text"], trace=tmp_path / "reads")
        source = sources(reader)
        source.batch([0, 1])
        source.batch([2])
        (part,) = (tmp_path / "reads").glob("*.reads")
        good = part.read_bytes()
        salt, (first, second) = parse_part(good)
        head = good[: 16 + len(salt)]
        missing = next(n for n in range(10**6) if n not in set(sealed.alive.tolist()))
        one = write_frame(0, first.rows.tolist(), first.chain)
        two = write_frame(0, second.rows.tolist(), second.chain)
        for bad, code in (
            (head + write_frame(0, [missing], first.chain), "reads.foreign-row"),
            (head + write_frame(0, [5, 6], first.chain), "reads.values"),
            (head + write_frame(1, first.rows.tolist(), first.chain), "reads.values"),
            (head + two, "reads.values"),
            (head + two + one, "reads.values"),
            (good[:-1], "reads.malformed"),
            (b"byleave-reads/v2" + good[16:], "reads.malformed"),
        ):
            part.write_bytes(bad)
            assert code_of(ws.model.attest, tmp_path / "reads") == code
        part.write_bytes(good)
        assert ws.model.attest(tmp_path / "reads").reads.reads == 3
        tampered = ws.model.reader(copied.snapshot, columns=["text"], trace=tmp_path / "other")
        there = sources(tampered)
        there._table = pa.table({"text": ["planted"] * len(there)})
        there.batch([0])
        assert code_of(ws.model.attest, tmp_path / "other") == "reads.values"
        assert not ws.ledger.object("attestation", f"{copied.snapshot}-reads-2")


def test_a_trace_is_of_one_run(copied: Grown, tmp_path: Path) -> None:
    """A trace is attested once, and a folder that holds one takes no second."""
    with copied.open() as ws:
        reader = ws.model.reader(copied.snapshot, trace=tmp_path / "reads")
        read_all(reader)
        ws.model.attest(tmp_path / "reads")
        assert code_of(ws.model.attest, tmp_path / "reads") == "reads.attested"
        with pytest.raises(ConflictError) as caught:
            ws.model.reader(copied.snapshot, trace=tmp_path / "reads")
        assert caught.value.code == "reads.exists"
        with pytest.raises(InputError):
            ws.model.reader(copied.snapshot, columns=["nothing"], trace=tmp_path / "new")
        assert code_of(ws.model.attest, tmp_path / "nowhere") == "input.not-found"
        (tmp_path / "empty").mkdir()
        (tmp_path / "empty" / "reading.json").write_text(json.dumps({"a": 1}))
        assert code_of(ws.model.attest, tmp_path / "empty") == "reads.malformed"


def test_what_was_logged_cannot_be_exchanged(copied: Grown, tmp_path: Path) -> None:
    """Swapping trace, or trace and ledger row together, for those of other reads is found."""
    with copied.open() as ws:
        names = []
        for number, count in enumerate((3, 4)):
            reader = ws.model.reader(copied.snapshot, trace=tmp_path / f"reads-{number}")
            sources(reader).batch(list(range(count)))
            names.append(ws.model.attest(tmp_path / f"reads-{number}").attestation)
        one, other = (copied.path / "attestations" / name for name in names)
        for path in other.iterdir():
            (one / path.name).write_bytes(path.read_bytes())
        assert code_of(ws.model.check, names[0]) == "reads.digest"
        assert {"reads.digest"} == {p["code"] for p in ws.fsck()}
        documents = [ws.ledger.object("attestation", name) for name in names]
        assert documents[0] is not None
        assert documents[1] is not None
        with ws.ledger.writing() as writer:
            writer.replace_object(
                "attestation", names[0], {**documents[1][2], "attestation": names[0]}
            )
        assert code_of(ws.model.check, names[0]) == "reads.digest"
        assert any("is not what was logged" in problem["what"] for problem in ws.fsck())


def _worker(source: RowSource, place: int) -> None:
    source.batch([place])
    source.batch([place + 1])


def test_processes_write_traces_of_their_own(copied: Grown, tmp_path: Path) -> None:
    """Rows handed out in a forked process, and by a pickled copy, are all in the trace, once each."""
    with copied.open() as ws:
        reader = ws.model.reader(copied.snapshot, columns=["text"], trace=tmp_path / "reads")
        source = sources(reader)
        source.batch([0])
        context: Any = multiprocessing.get_context("fork")
        process = context.Process(target=_worker, args=(source, 1))
        process.start()
        process.join(120)
        assert process.exitcode == 0
        _worker(pickle.loads(pickle.dumps(source)), 3)  # as a spawned process gets it
        source.batch([5])
        parts = [parse_part(p.read_bytes())[1] for p in (tmp_path / "reads").glob("*.reads")]
        assert len(parts) == 3
        alive = ws.snapshot.open(copied.snapshot).alive
        seen = Counter(row for part in parts for frame in part for row in frame.rows.tolist())
        assert seen == Counter(alive[:6].tolist())
        assert ws.model.attest(tmp_path / "reads").reads.rows == 6


def test_datasets_yield_the_sealed_rows_and_no_other(copied: Grown, tmp_path: Path) -> None:
    """Map style and streaming, shuffled and selected from, `datasets` hands out traced rows."""
    pytest.importorskip("datasets", reason="the extra `datasets` is not installed")
    with copied.open() as ws:
        reader = ws.model.reader(copied.snapshot, columns=COLUMNS, trace=tmp_path / "map")
        wanted = sources(reader).table.drop(["row"]).to_pylist()
        dataset = reader.datasets()
        assert len(dataset) == len(wanted)
        shuffled = dataset.shuffle(seed=1)
        got = [row for batch in shuffled.iter(64) for row in rows_of(batch)]
        key = lambda row: (row["words"], row["by"], str(row["at"]))  # noqa: E731
        assert sorted(got, key=key) == sorted(wanted, key=key)
        assert ws.model.attest(tmp_path / "map").reads.whole
        some = ws.model.reader(copied.snapshot, columns=COLUMNS, trace=tmp_path / "some")
        picked = some.datasets().select(range(3))
        assert picked[0] == wanted[0]
        assert rows_of(picked[1:3]) == wanted[1:3]
        assert ws.model.attest(tmp_path / "some").reads.rows == 3
        with pytest.raises((InputError, EvidenceError)) as caught:
            some.datasets().select_columns(["words"])[0]
        assert caught.value.code == "reads.row-column"
        stream = ws.model.reader(copied.snapshot, columns=COLUMNS, trace=tmp_path / "stream")
        assert [dict(row) for row in stream.datasets_stream()] == wanted
        done = ws.model.attest(tmp_path / "stream")
        assert done.reads.whole
        with pytest.raises(RefusedError):
            ws.model.check(f"{copied.snapshot}-reads-2", each_once=True)


def rows_of(batch: dict[str, list[Any]]) -> list[dict[str, Any]]:
    """Turn columns into rows."""
    return [dict(zip(batch, row, strict=True)) for row in zip(*batch.values(), strict=True)]
