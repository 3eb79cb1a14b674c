"""The ledgers in SQLite: rows and log entries together, crashes, damage, full disks."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from byleave.errors import ConflictError, EvidenceError, WorldError
from byleave.stores.sqlite import SqliteLedger

HOSTILE = ["'; DROP TABLE members; --", 'm" OR 1=1 --', "m\x00n", "%", "π\u202e \n", "m';--"]


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[SqliteLedger]:
    made = SqliteLedger(tmp_path / "ledger.sqlite", create=True)
    yield made
    made.close()


def enrol(ledger: SqliteLedger, *members: str) -> list[int]:
    """Enrol members with one log entry each; return the entries' indexes."""
    first = ledger.member_count()
    with ledger.writing() as writer:
        indexes = [writer.log(b"enrolled") for _ in members]
        rows = zip(range(first, first + len(members)), members, indexes, strict=True)
        writer.add_members((n, m, bytes([n % 256]) * 32, i, 1_000 + n) for n, m, i in rows)
    return indexes


def event(index: int, ordinal: int, scope: str = "train/messages/*") -> tuple[object, ...]:
    """Return one event row."""
    return (index, ordinal, 1, scope, 10, 11, None, 1, "q-1", 3, "portal", b"s" * 32, 9, "{}")


def contents(ledger: SqliteLedger) -> tuple[object, ...]:
    """Return everything a ledger holds."""
    return (
        ledger.members(),
        ledger.regions(2**60),
        ledger.events(),
        ledger.objects("thing"),
        ledger.read(0, ledger.size()),
        ledger.get(),
    )


def test_a_new_ledger_is_empty(ledger: SqliteLedger) -> None:
    """A new ledger has no member, no entry and no head."""
    assert contents(ledger) == ([], [], [], [], [], None)
    assert ledger.quick_check() == []


def test_rows_come_back_as_they_were_written(ledger: SqliteLedger) -> None:
    """Members, regions, events and objects are read as they were written, in ledger order."""
    assert enrol(ledger, "m-1", "m-2") == [0, 1]
    with ledger.writing() as writer:
        writer.add_regions([(0, 5, "eu"), (1, 5, "us"), (0, 50, "us-ca")])
        index = writer.log(b"said")
        writer.add_events([event(index, 1)])
        thing = writer.log(b"thing")
        writer.add_object("thing", "t-1", index=thing, at_us=77, document={"a": [1, None]})
    assert ledger.member("m-2") == (1, "m-2", bytes([1]) * 32, 1, 1_001)
    assert ledger.member("m-3") is None
    assert sorted(ledger.regions(10)) == [(0, "eu"), (1, "us")]
    assert sorted(ledger.regions(50)) == [(0, "us-ca"), (1, "us")]
    assert ledger.events() == ledger.member_events(1) == [event(2, 1)]
    assert ledger.events(before=2) == ledger.member_events(0) == []
    assert ledger.object("thing", "t-1") == (3, 77, {"a": [1, None]})
    assert ledger.object_at(3) == ("thing", "t-1", 77, {"a": [1, None]})
    assert ledger.objects("thing") == [(3, "t-1", 77, {"a": [1, None]})]
    assert ledger.object("thing", "t-2") is None
    assert ledger.object_at(2) is None
    assert ledger.read(1, 4) == [b"enrolled", b"said", b"thing"]


def test_an_object_is_inserted_once(ledger: SqliteLedger) -> None:
    """A second object of one kind and id is a conflict, and its log entry is not written."""
    with ledger.writing() as writer:
        writer.add_object("thing", "t", index=writer.log(b"1"), at_us=0, document={"n": 1})
    before = contents(ledger)
    with pytest.raises(ConflictError) as error, ledger.writing() as writer:
        writer.add_object("thing", "t", index=writer.log(b"2"), at_us=0, document={"n": 2})
    assert error.value.code == "workspace.exists"
    assert contents(ledger) == before


def test_replacing_a_document_leaves_its_entry(ledger: SqliteLedger) -> None:
    """Replacing an object's private document changes neither its index nor its log entry."""
    with ledger.writing() as writer:
        writer.add_object("thing", "t", index=writer.log(b"1"), at_us=5, document={"n": 1})
    with ledger.writing() as writer:
        writer.replace_object("thing", "t", {"n": 2})
    assert ledger.object("thing", "t") == (0, 5, {"n": 2})
    assert ledger.read(0, 9) == [b"1"]


@pytest.mark.parametrize("stop", [ValueError, KeyboardInterrupt, SystemExit, sqlite3.DataError])
@pytest.mark.parametrize("step", range(5))
def test_a_transaction_lands_whole_or_not_at_all(
    ledger: SqliteLedger, stop: type[BaseException], step: int
) -> None:
    """Whatever is raised after whichever step, rows and log entries are as before it."""
    enrol(ledger, "m-1")
    before = contents(ledger)
    wanted = WorldError if stop is sqlite3.DataError else stop
    with pytest.raises(wanted), ledger.writing() as writer:
        index = writer.log(b"entry")
        for number, act in enumerate(
            (
                lambda: writer.add_members([(1, "m-2", b"r" * 32, index, 0)]),
                lambda: writer.add_regions([(0, 0, "eu")]),
                lambda: writer.add_events([event(index, 0)]),
                lambda: writer.add_object("thing", "t", index=index, at_us=0, document=None),
                lambda: writer.replace_object("thing", "t", {"n": 1}),
            )
        ):
            act()
            if number == step:
                raise stop("in the middle")
    assert contents(ledger) == before
    assert enrol(ledger, "m-2") == [1]


def test_a_row_without_its_entry_cannot_land(ledger: SqliteLedger) -> None:
    """Where the log entries cannot be inserted at the end, the rows before them go too."""
    enrol(ledger, "m-1")
    before = contents(ledger)
    with pytest.raises(WorldError), ledger.writing() as writer:
        writer.add_members([(1, "m-2", b"r" * 32, writer.log(b"entry"), 0)])
        writer._written = 0  # an index that is taken
    assert contents(ledger) == before


CRASH = """
import os, sys
from pathlib import Path
from byleave.stores.sqlite import SqliteLedger
ledger = SqliteLedger(Path(sys.argv[1]))
with ledger.writing() as writer:
    rows = [(n, f"m-{n}", bytes(32), writer.log(b"entry" * 20), 0) for n in range(1, 20_000)]
    writer.add_members(rows)
    writer._flush()  # what COMMIT would make durable is in the file's journal now
    os.kill(os.getpid(), 9)
"""


def test_a_killed_writer_leaves_the_ledger_as_before(tmp_path: Path) -> None:
    """A process killed between its last row and its commit leaves the ledger as it was."""
    path = tmp_path / "ledger.sqlite"
    ledger = SqliteLedger(path, create=True)
    enrol(ledger, "m-0")
    before = contents(ledger)
    ledger.close()
    done = subprocess.run([sys.executable, "-c", CRASH, str(path)], check=False, timeout=60)
    assert done.returncode == -signal.SIGKILL
    again = SqliteLedger(path)
    assert contents(again) == before
    assert again.quick_check() == []
    assert enrol(again, "m-1") == [1]
    again.close()


def test_what_was_committed_survives_a_kill(tmp_path: Path) -> None:
    """A process killed right after its commit has written all of it."""
    path = tmp_path / "ledger.sqlite"
    SqliteLedger(path, create=True).close()
    program = CRASH.replace("    os.kill", "os.kill").replace("    writer._flush()", "    pass")
    done = subprocess.run([sys.executable, "-c", program, str(path)], check=False, timeout=60)
    assert done.returncode == -signal.SIGKILL
    again = SqliteLedger(path, read_only=True)
    assert again.size() == 19_999
    again.close()


def test_the_head_is_swapped_only_where_it_is_the_expected_one(ledger: SqliteLedger) -> None:
    """compare_and_swap succeeds where the head is the one named, and else changes nothing."""
    assert not ledger.compare_and_swap(b"a", b"b")
    assert ledger.get() is None
    assert ledger.compare_and_swap(None, b"a")
    assert not ledger.compare_and_swap(None, b"x")
    assert not ledger.compare_and_swap(b"x", b"y")
    assert ledger.get() == b"a"
    assert ledger.compare_and_swap(b"a", b"b")
    assert ledger.get() == b"b"


@pytest.mark.parametrize("text", HOSTILE)
def test_text_is_a_value_and_never_sql(ledger: SqliteLedger, text: str) -> None:
    """A member id, scope, kind or name that looks like SQL is stored as itself, and no more."""
    enrol(ledger, "m-0", text)
    with ledger.writing() as writer:
        writer.add_regions([(1, 0, text)])
        writer.add_events([event(writer.log(b"e"), 1, scope=text)])
        writer.add_object(text, text, index=writer.log(b"o"), at_us=0, document={"t": text})
    assert ledger.member(text) == (1, text, bytes([1]) * 32, 1, 1_001)
    assert ledger.regions(1) == [(1, text)]
    assert ledger.member_events(1)[0][3] == text
    assert ledger.object(text, text) == (3, 0, {"t": text})
    assert [row[1] for row in ledger.members()] == ["m-0", text]
    assert ledger.quick_check() == []


def test_a_second_writer_is_told_who_is_in_the_way(
    ledger: SqliteLedger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A transaction beside an open one is `workspace.busy`, and the open one lands."""
    monkeypatch.setattr("byleave.stores.sqlite._BUSY_SECONDS", 0.0)
    other = SqliteLedger(tmp_path / "ledger.sqlite")
    with ledger.writing() as writer:
        writer.log(b"mine")
        with pytest.raises(ConflictError) as error, other.writing():
            pass
    assert error.value.code == "workspace.busy"
    assert other.read(0, 9) == [b"mine"]
    other.close()


def test_a_read_only_ledger_cannot_be_written(ledger: SqliteLedger, tmp_path: Path) -> None:
    """A ledger opened read-only reads what the writer commits, and refuses to write."""
    reader = SqliteLedger(tmp_path / "ledger.sqlite", read_only=True)
    enrol(ledger, "m-1")
    assert reader.member_count() == 1
    with pytest.raises(ConflictError) as error, reader.writing() as writer:
        writer.log(b"no")
    assert error.value.code == "workspace.read-only"
    assert reader.size() == 1
    reader.close()


def test_a_ledger_without_a_file_is_not_made_by_opening(tmp_path: Path) -> None:
    """Opening a ledger that is not there says so, and creates no file."""
    with pytest.raises(EvidenceError) as error:
        SqliteLedger(tmp_path / "ledger.sqlite")
    assert error.value.code == "workspace.damaged"
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("damage", ["empty", "text", "half", "no-header", "other-version"])
def test_a_damaged_file_is_named(tmp_path: Path, damage: str) -> None:
    """A ledger file that is empty, cut, overwritten or of another format is `workspace.damaged`."""
    path = tmp_path / "ledger.sqlite"
    ledger = SqliteLedger(path, create=True)
    enrol(ledger, *(f"m-{n}" for n in range(500)))
    ledger.close()
    data = path.read_bytes()
    if damage == "other-version":
        with sqlite3.connect(path) as raw:
            raw.execute("PRAGMA user_version = 99")
        raw.close()
    else:
        cut = {"empty": b"", "text": b"hello " * 999, "half": data[: len(data) // 2]}
        path.write_bytes(cut.get(damage, bytes(100) + data[100:]))
    with pytest.raises(EvidenceError) as error:
        reopened = SqliteLedger(path)
        reopened.members()
        reopened.read(0, reopened.size())
        assert reopened.quick_check() == []
    assert error.value.code == "workspace.damaged"
    assert error.value.where == str(path)


def test_a_document_that_was_changed_is_named(ledger: SqliteLedger, tmp_path: Path) -> None:
    """An object whose bytes are no longer canonical JSON is `workspace.damaged` when read."""
    with ledger.writing() as writer:
        writer.add_object("thing", "t", index=writer.log(b"1"), at_us=5, document={"n": 1})
    with sqlite3.connect(tmp_path / "ledger.sqlite") as raw:
        raw.execute("UPDATE objects SET document = ?", (b'{"n": 1}',))
    raw.close()
    with pytest.raises(EvidenceError) as error:
        ledger.object("thing", "t")
    assert error.value.code == "workspace.damaged"


def test_a_full_ledger_says_that_the_disk_is_full(ledger: SqliteLedger) -> None:
    """Where SQLite finds no room, the error is `world.disk-full`, and nothing of it landed."""
    enrol(ledger, "m-0")
    before = contents(ledger)
    pages = ledger._db.execute("PRAGMA page_count").fetchone()[0]
    ledger._db.execute(f"PRAGMA max_page_count = {pages + 2}")
    with pytest.raises(WorldError) as error:
        enrol(ledger, *(f"m-{n}" * 30 for n in range(1, 2_000)))
    assert error.value.code == "world.disk-full"
    assert contents(ledger) == before
    ledger._db.execute("PRAGMA max_page_count = 1000000")
    assert enrol(ledger, "m-1") == [1]


FULL = """
import resource, signal, sys
from pathlib import Path
from byleave.errors import WorldError
from byleave.stores.sqlite import SqliteLedger
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
path = Path(sys.argv[1])
ledger = SqliteLedger(path)
limit = path.stat().st_size + 60_000
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
try:
    with ledger.writing() as writer:
        writer.add_members(
            [(n, f"m-{n}" * 30, bytes(32), writer.log(b"e" * 99), 0) for n in range(1, 9_000)]
        )
except WorldError as error:
    print(error.code, ledger.size(), ledger.member_count())
"""


def test_a_refused_write_leaves_the_ledger_as_before(tmp_path: Path) -> None:
    """A file system that refuses a write in the middle costs the transaction and nothing else."""
    path = tmp_path / "ledger.sqlite"
    ledger = SqliteLedger(path, create=True)
    enrol(ledger, "m-0")
    before = contents(ledger)
    ledger.close()
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(path)], check=True, capture_output=True, timeout=60
    )
    assert done.stdout.split() == [b"world.storage", b"1", b"1"], done.stderr
    again = SqliteLedger(path)
    assert contents(again) == before
    again.close()
