"""Entries in bundles read as entries in rows do, whatever the transactions they came by."""

from __future__ import annotations

import hashlib
import sqlite3
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from byleave.errors import EvidenceError, InputError
from byleave.evidence.commitment_entries import CommitmentEntries
from byleave.evidence.entry import ConsentEventEntry
from byleave.stores.migrations import SQLITE
from byleave.stores.sqlite import SqliteLedger
from byleave.stores.sqlite_entries import add_entries
from byleave.tlog.bundle import encode_bundle


def commitments(count: int, start: int = 0) -> list[bytes]:
    """Return entries that differ by their commitment alone, as most of a log do."""
    return [
        ConsentEventEntry(commitment=hashlib.sha256(b"%d" % n).digest()).encode()
        for n in range(start, start + count)
    ]


def digests(count: int, start: int = 0) -> CommitmentEntries:
    """Return the same entries by their commitments."""
    made = (hashlib.sha256(b"%d" % n).digest() for n in range(start, start + count))
    return CommitmentEntries(ConsentEventEntry, b"".join(made))


def made_of(kind: str, count: int, at: int) -> Sequence[bytes]:
    """Return so many entries of a kind; `at` is the place of an odd one."""
    match kind:
        case "equal":
            return [b"%06d" % n for n in range(count)]
        case "unequal":
            return [b"x" * (n % 50) for n in range(count)]
        case "commitments":
            return commitments(count)
        case "digests":
            return digests(count)
    made = commitments(count)
    odd: dict[str, Callable[[bytes], bytes]] = {
        "capital": lambda entry: entry.replace(entry[15:79], entry[15:79].upper()),
        "no digit": lambda entry: entry[:20] + b"g" + entry[21:],
        "line break": lambda entry: entry[:20] + b"\n" + entry[21:],
        "other head": lambda entry: b"[" + entry[1:],
        "other tail": lambda entry: entry[:-1] + b"]",
        "other kind": lambda entry: entry.replace(b"consent-event", b"enrolment"),
        "longer": lambda entry: entry + b" ",
        "empty": lambda entry: b"",
    }
    if made:
        made[at % count] = odd[kind](made[at % count])
    return made


KINDS = [
    "equal", "unequal", "commitments", "digests", "capital", "no digit", "line break", "other head",
    "other tail", "other kind", "longer", "empty",
]  # fmt: skip


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 1_400), st.sampled_from(KINDS), st.integers(0, 1_399)), max_size=5
    ),
    st.data(),
)
def test_reading_does_not_tell_how_it_was_written(
    transactions: list[tuple[int, str, int]], data: st.DataObject
) -> None:
    """Any range of a log is the entries that were appended, for transactions of any sizes and kinds."""
    with tempfile.TemporaryDirectory() as folder:
        ledger = SqliteLedger(Path(folder) / "ledger.sqlite", create=True)
        expected: list[bytes] = []
        for count, kind, at in transactions:
            made = made_of(kind, count, at)
            with ledger.writing() as writer:
                assert writer.log_many(made) == len(expected)
            expected += made
        assert ledger.size() == len(expected)
        assert ledger.gaps() == []
        assert ledger.read(0, len(expected)) == expected
        for _ in range(5):
            start = data.draw(st.integers(0, len(expected)))
            end = data.draw(st.integers(start, len(expected)))
            assert ledger.read(start, end) == expected[start:end]
        ledger.close()


@pytest.mark.parametrize("kind", KINDS)
def test_one_odd_entry_keeps_its_own_bundle_alone_from_being_packed(
    kind: str, tmp_path: Path
) -> None:
    """Of 1,100 commitments one of which is odd, all but its bundle stand at 32 bytes each."""
    path = tmp_path / "ledger.sqlite"
    ledger = SqliteLedger(path, create=True)
    made = made_of(kind, 1_100, 300)
    with ledger.writing() as writer:
        writer.log_many(made)
    raw = sqlite3.connect(path)
    rows = raw.execute("SELECT first, entries, length(data), tail FROM log_bundles").fetchall()
    raw.close()
    tail = b'","kind":"consent-event/v1"}'
    if kind in {"commitments", "digests"}:
        assert rows == [(0, 1_024, 32 * 1_024, tail), (1_024, 76, 32 * 76, tail)]
    elif kind in {"equal", "unequal"}:
        assert [(first, tail) for first, _, _, tail in rows] == [
            (at, None) for at in (0, 256, 512, 768, 1_024)
        ]
    else:
        whole = len(b"".join(made[256:512])) + 2 * 256
        assert rows == [
            (0, 256, 32 * 256, tail), (256, 256, whole, None), (512, 256, 32 * 256, tail),
            (768, 256, 32 * 256, tail), (1_024, 76, 32 * 76, tail),
        ]  # fmt: skip
    assert ledger.read(0, 1_100) == [*made]
    ledger.close()


@pytest.mark.parametrize(
    "change",
    [
        "data = substr(data, 2)", "data = CAST(data || x'00' AS BLOB)", "entries = 255", "tail = NULL",
        "data = x''",
    ],
)  # fmt: skip
def test_a_packed_bundle_that_was_changed_is_refused(change: str, tmp_path: Path) -> None:
    """A bundle of commitments that is cut, longer, of another number or without its tail is refused."""
    path = tmp_path / "ledger.sqlite"
    ledger = SqliteLedger(path, create=True)
    for _ in range(2):
        with ledger.writing() as writer:
            writer.log_many(commitments(256))
    raw = sqlite3.connect(path, isolation_level=None)
    raw.execute(f"UPDATE log_bundles SET {change} WHERE first = 256")
    raw.close()
    with pytest.raises(EvidenceError) as error:
        ledger.read(300, 301)
    assert error.value.code == "log.entry-damaged"
    assert ledger.read(0, 256) == commitments(256)
    ledger.close()


def test_a_ledger_of_before_is_read_and_goes_on(tmp_path: Path) -> None:
    """Bundles written before commitments were packed are read as they stand, beside newer ones."""
    path = tmp_path / "ledger.sqlite"
    raw = sqlite3.connect(path, isolation_level=None)
    raw.execute("PRAGMA journal_mode = WAL")
    for step in SQLITE[:6]:
        raw.executescript(step)
    raw.execute("PRAGMA user_version = 6")
    old = [b"first", *commitments(300)]
    raw.execute("INSERT INTO log_entries VALUES (0, ?)", (old[0],))
    for at in (1, 257):
        some = old[at : min(at + 256, 301)]
        raw.execute(
            "INSERT INTO log_bundles VALUES (?, ?, ?)", (at, len(some), encode_bundle(some))
        )
    raw.close()
    ledger = SqliteLedger(path)
    assert ledger.read(0, ledger.size()) == old
    with ledger.writing() as writer:
        assert writer.log_many(commitments(900, 300)) == 301
    expected = old + commitments(900, 300)
    for start, end in ((0, 1_201), (250, 320), (300, 302), (1_200, 1_201), (700, 700)):
        assert ledger.read(start, end) == expected[start:end]
    assert ledger.gaps() == []
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
