"""Entries in bundles read as entries in rows do, whatever the transactions they came by."""

from __future__ import annotations

import sqlite3
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from byleave.errors import EvidenceError, InputError
from byleave.stores.sqlite import SqliteLedger
from byleave.stores.sqlite_entries import add_entries


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 700), st.booleans()), max_size=6), st.data())
def test_reading_does_not_tell_how_it_was_written(
    transactions: list[tuple[int, bool]], data: st.DataObject
) -> None:
    """Any range of a log is the entries that were appended, for transactions of any sizes."""
    with tempfile.TemporaryDirectory() as folder:
        ledger = SqliteLedger(Path(folder) / "ledger.sqlite", create=True)
        expected: list[bytes] = []
        for count, equal in transactions:
            made = [b"%06d" % n if equal else b"x" * (n % 50) for n in range(count)]
            with ledger.writing() as writer:
                assert writer.log_many(made) == len(expected)
            expected += made
        assert ledger.size() == len(expected)
        assert ledger.gaps() == []
        for _ in range(5):
            start = data.draw(st.integers(0, len(expected)))
            end = data.draw(st.integers(start, len(expected)))
            assert ledger.read(start, end) == expected[start:end]
        ledger.close()


def test_what_is_taken_out_of_a_bundle_is_found(tmp_path: Path) -> None:
    """A bundle that is gone leaves a gap, and one that was cut or is no bytes is refused."""
    path = tmp_path / "ledger.sqlite"
    ledger = SqliteLedger(path, create=True)
    with ledger.writing() as writer:
        writer.add_members([(0, "m", b"r", writer.log(b"e"), 0)])
        first = writer.log_many([b"e"] * 600)
        row = (first + 300, 0, 1, "s", 1, 1, None, 0, None, 2, "c", b"s" * 32, None, None)
        writer.add_events([row])
    raw = sqlite3.connect(path, isolation_level=None)
    assert raw.execute("SELECT count(*) FROM log_bundles").fetchone() == (3,)
    raw.execute("UPDATE log_bundles SET data = substr(data, 2) WHERE first = 256")
    with pytest.raises(EvidenceError) as error:
        ledger.read(300, 301)
    assert error.value.code == "log.entry-damaged"
    assert ledger.read(0, 256) == [b"e"] * 256
    raw.execute("DELETE FROM log_bundles WHERE first = 256")
    assert ledger.gaps() == ["log indexes have gaps", "an event has no log entry"]
    raw.execute("DELETE FROM log_bundles WHERE first = 512")
    assert ledger.gaps() == ["an event has no log entry"]
    raw.close()
    ledger.close()


def test_an_entry_too_long_for_the_log_is_refused(tmp_path: Path) -> None:
    """An entry over 65,535 bytes among many leaves nothing of its transaction."""
    ledger = SqliteLedger(tmp_path / "ledger.sqlite", create=True)
    with pytest.raises(InputError) as error, ledger.writing() as writer:
        writer.log_many([b"e"] * 99 + [b"x" * 65_536])
    assert error.value.code == "entry.too-long"
    assert ledger.size() == 0
    ledger.close()


def test_few_entries_are_rows() -> None:
    """A transaction of one entry costs one row, as a choice of one member does."""
    database = sqlite3.connect(":memory:")
    database.execute("CREATE TABLE log_entries (idx INTEGER PRIMARY KEY, entry BLOB)")
    add_entries(database, 7, [b"e"])
    assert database.execute("SELECT * FROM log_entries").fetchall() == [(7, b"e")]
    database.close()
