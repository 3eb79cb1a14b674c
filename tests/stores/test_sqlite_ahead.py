"""What is acknowledged is durable, though a commit ends before its flush: the pipeline of writers."""

from __future__ import annotations

import errno
import os
import random
import shutil
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from byleave.errors import ByleaveError, ConflictError, WorldError
from byleave.evidence.entry import ConsentEventEntry
from byleave.stores.sqlite import SqliteLedger
from byleave.testing.ledger_site import enrol, event

LONG = 120.0


class Flushes:
    """Flushes of a ledger's file: counted, held back, or made to fail.

    Attributes:
        made: (thread, descriptor) of each, as it begins.
        fails: The error of the next ones; where `persisted`, after they were done.
    """

    def __init__(self) -> None:
        self.made: list[tuple[int, int]] = []
        self.fails: OSError | None = None
        self.persisted = False
        self.held: dict[int, tuple[threading.Event, threading.Event]] = {}

    def hold(self, thread: threading.Thread) -> tuple[threading.Event, threading.Event]:
        """Hold a thread's flush back: (set when it has begun, set it to let it go on)."""
        assert thread.ident is not None
        self.held[thread.ident] = (threading.Event(), threading.Event())
        return self.held[thread.ident]

    def __call__(self, descriptor: int) -> None:
        thread = threading.get_ident()
        self.made.append((thread, descriptor))
        if thread in self.held:
            begun, goes_on = self.held[thread]
            begun.set()
            assert goes_on.wait(LONG)
        if self.fails is None or self.persisted:
            os.fsync(descriptor)
        if self.fails is not None:
            raise self.fails


@pytest.fixture
def flushes() -> Flushes:
    return Flushes()


@pytest.fixture
def ledger(tmp_path: Path, flushes: Flushes) -> Iterator[SqliteLedger]:
    made = SqliteLedger(tmp_path / "ledger.sqlite", create=True, sync=flushes)
    yield made
    made.close()


def append(ledger: SqliteLedger, *entries: bytes) -> int:
    prepared = ledger.prepared(entries)
    with ledger.writing() as writer:
        return writer.log_many(prepared)


def commitments(count: int, first: int = 0) -> list[bytes]:
    return [
        ConsentEventEntry(commitment=(first + n).to_bytes(32, "big")).encode() for n in range(count)
    ]


class Told(threading.Thread):
    """A thread that keeps what its act returned or raised."""

    def __init__(self, act: Callable[[], object]) -> None:
        super().__init__(daemon=True)
        self._act = act
        self._may = threading.Event()
        self.told: object = None
        self.start()

    def run(self) -> None:
        assert self._may.wait(LONG)
        try:
            self.told = self._act()
        except BaseException as error:  # noqa: BLE001 (told to who asks)
            self.told = error

    def go(self) -> None:
        self._may.set()

    def over(self) -> object:
        self.join(LONG)
        assert not self.is_alive()
        return self.told


def held_back(flushes: Flushes, act: Callable[[], object]) -> tuple[Told, threading.Event]:
    """Start an act whose flush is held back, wait for that, and return what lets it go on."""
    thread = Told(act)
    begun, goes_on = flushes.hold(thread)
    thread.go()
    assert begun.wait(LONG)
    return thread, goes_on


# -- who waits for what ------------------------------------------------------------------------


def test_one_transaction_is_one_flush(ledger: SqliteLedger, flushes: Flushes) -> None:
    """A transaction, or a swap of the head, is flushed once before it is acknowledged."""
    for count in (1, 100, 1_500):
        before = len(flushes.made)
        append(ledger, *commitments(count))
        assert len(flushes.made) == before + 1
    assert ledger.compare_and_swap(None, b"head")
    assert len(flushes.made) == 4
    assert ledger.size() == 1_601
    assert len(flushes.made) == 4  # a reader has nothing to wait for


def test_while_one_is_flushed_the_next_one_writes(ledger: SqliteLedger, flushes: Flushes) -> None:
    """A transaction lands while the flush of the one before it still runs, and covers that too."""
    first, goes_on = held_back(flushes, lambda: append(ledger, b"first"))
    assert append(ledger, b"second") == 1
    assert first.is_alive()
    assert first.told is None
    goes_on.set()
    assert first.over() == 0
    assert ledger.read(0, 2) == [b"first", b"second"]


def test_a_reader_is_not_answered_from_what_is_not_durable(
    ledger: SqliteLedger, flushes: Flushes
) -> None:
    """Who reads what is committed and not yet flushed flushes it before the answer."""
    first, goes_on = held_back(flushes, lambda: append(ledger, b"first"))
    reader, answered = held_back(flushes, ledger.size)
    assert reader.told is None
    answered.set()
    assert reader.over() == 1
    assert first.told is None
    goes_on.set()
    first.over()
    before = len(flushes.made)
    assert ledger.size() == 1
    assert len(flushes.made) == before


def test_a_refusal_waits_for_what_it_is_about(ledger: SqliteLedger, flushes: Flushes) -> None:
    """A name that is taken by a transaction not yet flushed is refused once that is durable."""

    def make() -> None:
        with ledger.writing() as writer:
            writer.add_object("thing", "t", index=writer.log(b"t"), at_us=0, document={})

    first, goes_on = held_back(flushes, make)
    before = len(flushes.made)
    with pytest.raises(ConflictError) as error:
        make()
    assert error.value.code == "workspace.exists"
    assert len(flushes.made) == before + 1
    goes_on.set()
    first.over()


def test_each_thread_flushes_by_a_file_of_its_own(ledger: SqliteLedger, flushes: Flushes) -> None:
    """Threads share no descriptor, by which one could take the error that is another's."""
    held = [held_back(flushes, lambda: append(ledger, b"e")) for _ in range(3)]
    assert len({thread for thread, _ in flushes.made}) == 3
    assert len({descriptor for _, descriptor in flushes.made}) == 3
    for thread, goes_on in held:
        goes_on.set()
        assert isinstance(thread.over(), int)
    assert ledger.size() == 3


# -- a power cut -------------------------------------------------------------------------------


class Cut:
    """What a power cut leaves: the file as a flush found it, and any part of what came after."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.log = folder / "ledger.sqlite-wal"
        self.kept: list[tuple[bytes, list[tuple[int, list[bytes]]]]] = []
        self.acknowledged: list[tuple[int, list[bytes]]] = []
        self._lock = threading.Lock()

    def __call__(self, descriptor: int) -> None:
        with self._lock:  # acknowledged before the flush begins: what it finds must hold them
            self.kept.append((self.log.read_bytes(), list(self.acknowledged)))


def test_a_power_cut_loses_nothing_acknowledged(tmp_path: Path) -> None:
    """Whatever of the file was not flushed when the power went, every acknowledged batch is there,
    at its index, whole; and no batch is there by half.
    """
    folder = tmp_path / "running"
    folder.mkdir()
    cut = Cut(folder)
    ledger = SqliteLedger(folder / "ledger.sqlite", create=True, sync=cut)
    append(ledger, b"first")
    base = (folder / "ledger.sqlite").read_bytes()  # SQLite flushes it by itself, and not today
    batches: dict[bytes, list[bytes]] = {}

    def writes(thread: int) -> None:
        for number in range(8):
            count = (1, 70, 3, 200)[(number + thread) % 4]
            made = [b"%d %d %d" % (thread, number, part) for part in range(count)]
            batches[made[0]] = made
            at = append(ledger, *made)
            cut.acknowledged.append((at, made))

    threads = [Told(lambda n=n: writes(n)) for n in range(4)]  # type: ignore[misc]
    for thread in threads:
        thread.go()
    for thread in threads:
        assert thread.over() is None
    whole = (folder / "ledger.sqlite-wal").read_bytes()
    assert (folder / "ledger.sqlite").read_bytes() == base
    ledger.close()
    assert len(cut.kept) >= 8
    draw = random.Random(7)
    for number, (flushed, acknowledged) in enumerate(draw.sample(cut.kept, 8)):
        after = draw.randrange(len(flushed), len(whole) + 1)
        noise = draw.randbytes(draw.choice([0, 100, 5_000]))
        left = tmp_path / f"left{number}"
        left.mkdir()
        (left / "ledger.sqlite").write_bytes(base)
        (left / "ledger.sqlite-wal").write_bytes(whole[:after] + noise)
        found = SqliteLedger(left / "ledger.sqlite")
        entries = found.read(0, found.size())
        assert found.gaps() == found.quick_check() == []
        found.close()
        for at, made in acknowledged:
            assert entries[at : at + len(made)] == made
        place = 1
        while place < len(entries):
            made = batches[entries[place]]
            assert entries[place : place + len(made)] == made
            place += len(made)


KILLED = """
import os, sys
from pathlib import Path
from byleave.stores.sqlite import SqliteLedger
def dies(descriptor):
    os.kill(os.getpid(), 9)
ledger = SqliteLedger(Path(sys.argv[1]), sync=dies)
prepared = ledger.prepared([b"e%d" % n for n in range(100)])
if sys.argv[2] == "encoded":
    os.kill(os.getpid(), 9)
with ledger.writing() as writer:
    writer.log_many(prepared)
    if sys.argv[2] == "written":
        os.kill(os.getpid(), 9)
"""


@pytest.mark.parametrize("where", ["encoded", "written", "committed"])
def test_killed_between_encoding_and_flush(tmp_path: Path, where: str) -> None:
    """Killed before its commit a batch is not there; killed before its flush it is there, whole,
    and the next writer moves it into the file before anything stands behind it.
    """
    path = tmp_path / "ledger.sqlite"
    ledger = SqliteLedger(path, create=True)
    append(ledger, b"first")
    ledger.close()
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(path), where],
        check=False,
        capture_output=True,
        timeout=LONG,
    )
    assert done.returncode == -9, done.stderr
    ledger = SqliteLedger(path)
    size = 101 if where == "committed" else 1
    assert ledger.size() == size
    assert append(ledger, b"next") == size
    shutil.copy(path, tmp_path / "file")  # without the log beside it
    alone = SqliteLedger(tmp_path / "file", read_only=True)
    assert alone.size() == size
    alone.close()
    ledger.close()


# -- a batch that fails, a flush that fails ----------------------------------------------------


def test_a_batch_that_fails_fails_its_own_callers(ledger: SqliteLedger, flushes: Flushes) -> None:
    """Of batches in a row the one that fails is the only one missing; the others keep their order,
    and take the indexes that it would have had.
    """
    first, goes_on = held_back(flushes, lambda: append(ledger, *commitments(70)))
    failing = ledger.prepared(commitments(80, 70))

    def fails() -> None:
        with ledger.writing() as writer:
            writer.log_many(failing)
            raise ValueError

    with pytest.raises(ValueError):
        fails()
    assert append(ledger, *commitments(90, 1_000)) == 70
    goes_on.set()
    assert first.over() == 0
    assert ledger.read(0, 999) == [*commitments(70), *commitments(90, 1_000)]
    assert ledger.gaps() == []


@pytest.mark.parametrize("persisted", [False, True])
@pytest.mark.parametrize(
    ("number", "code"), [(errno.EIO, "world.storage"), (errno.ENOSPC, "world.disk-full")]
)
def test_a_failed_flush_stops_the_ledger(
    tmp_path: Path, ledger: SqliteLedger, flushes: Flushes, number: int, code: str, persisted: bool
) -> None:
    """After a flush that failed, done or not, nothing more is written, swapped, or answered; opened
    again, what was acknowledged is there, and what failed is there whole or not at all.
    """
    append(ledger, b"kept")
    flushes.fails, flushes.persisted = OSError(number, "broken"), persisted
    acts: Sequence[Callable[[], object]] = (
        lambda: append(ledger, b"failed"),
        lambda: append(ledger, b"later"),
        lambda: ledger.compare_and_swap(None, b"head"),
        ledger.size,
        ledger.scrub,
    )
    for act in acts:
        with pytest.raises(WorldError) as error:
            act()
        assert error.value.code == code
        flushes.fails = None  # the system reports an error once; the ledger remembers
    ledger.close()
    again = SqliteLedger(tmp_path / "ledger.sqlite")
    assert again.read(0, 9) in ([b"kept"], [b"kept", b"failed"])
    assert again.get() is None
    append(again, b"next")
    assert again.read(0, 9)[0] == b"kept"
    assert again.read(0, 9)[-1] == b"next"
    again.close()


def test_a_failed_flush_is_told_to_all_who_wait(ledger: SqliteLedger, flushes: Flushes) -> None:
    """Of two whose flushes run together, both are told where one fails: neither is acknowledged
    on the word of a system that has reported the error already.
    """
    append(ledger, b"kept")
    flushes.fails = OSError(errno.EIO, "broken")
    both = [held_back(flushes, lambda e=e: append(ledger, e)) for e in (b"one", b"two")]  # type: ignore[misc]
    for thread, goes_on in both:
        goes_on.set()
        told = thread.over()
        assert isinstance(told, WorldError)
    with pytest.raises(WorldError):
        ledger.read(0, 9)


def test_a_full_disk_at_the_first_transaction_leaves_reading(tmp_path: Path) -> None:
    """Where what was left in the log cannot be moved into the file, reading goes on and writing is
    refused, as long as that is so.
    """
    path = tmp_path / "ledger.sqlite"
    held = SqliteLedger(path, create=True)
    append(held, b"first")
    ledger = SqliteLedger(path)
    real = ledger._db

    class Full:
        def execute(self, sql: str, *values: Any) -> sqlite3.Cursor:
            if "wal_checkpoint" in sql:
                error = sqlite3.OperationalError("full")
                error.sqlite_errorcode = sqlite3.SQLITE_FULL
                raise error
            return real.execute(sql, *values)

    ledger._db = Full()  # type: ignore[assignment]
    assert ledger.size() == 1
    with pytest.raises(WorldError) as told:
        append(ledger, b"second")
    assert told.value.code == "world.disk-full"
    ledger._db = real
    assert append(ledger, b"second") == 1
    ledger.close()
    held.close()


# -- what is prepared --------------------------------------------------------------------------

ENTRIES = st.one_of(
    st.binary(min_size=1, max_size=40), st.integers(0, 99).map(lambda n: commitments(1, n)[0])
)
BATCHES = st.lists(
    st.tuples(
        st.booleans(), st.sampled_from([1, 63, 64, 257, 1_030]), st.lists(ENTRIES, max_size=4)
    ),
    min_size=1,
    max_size=5,
)


@given(batches=BATCHES)
@settings(
    max_examples=25,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_prepared_or_not_the_ledger_is_the_same(
    tmp_path: Path, batches: list[tuple[bool, int, list[bytes]]]
) -> None:
    """Prepared entries and others, mixed in one transaction, stand in the order of logging."""
    path = tmp_path / "mixed.sqlite"
    path.unlink(missing_ok=True)
    ledger = SqliteLedger(path, create=True)
    wanted: list[bytes] = [b"before"]
    append(ledger, b"before")
    made: list[Sequence[bytes]] = []
    for is_prepared, count, odd in batches:
        entries = [*commitments(count), *odd]
        made.append(ledger.prepared(entries) if is_prepared else entries)
        wanted += entries
    at = 1
    with ledger.writing() as writer:
        for some in made:
            assert writer.log_many(some) == at
            at += len(some)
    assert ledger.read(0, at + 9) == wanted
    assert ledger.size() == at == len(wanted)
    assert ledger.gaps() == []
    for start in (0, 1, at // 2, at - 1):
        assert ledger.read(start, start + 70) == wanted[start : start + 70]
    ledger.close()


def test_prepared_by_two_each_stands_where_its_turn_came(tmp_path: Path) -> None:
    """Batches that two ledgers prepared before either wrote are numbered by their turns alone."""
    one = SqliteLedger(tmp_path / "ledger.sqlite", create=True)
    two = SqliteLedger(tmp_path / "ledger.sqlite")
    early, late = one.prepared(commitments(70)), two.prepared(commitments(80, 500))
    with two.writing() as writer:
        assert writer.log_many(late) == 0
    with one.writing() as writer:
        assert writer.log_many(early) == 80
    assert one.read(0, 999) == two.read(0, 999) == [*late, *early]
    two.close()
    one.close()


def test_prepared_before_a_later_event_it_is_refused(ledger: SqliteLedger) -> None:
    """A batch whose clock was read before another's event landed is refused, `workspace.clock`,
    with all that was prepared for it.
    """
    enrol(ledger, "m")
    early = ledger.prepared(commitments(70))
    with ledger.writing() as writer:
        writer.add_events([event(writer.log(b"later"), recorded=9_000)])
    before = ledger.size()

    def behind() -> None:
        with ledger.writing() as writer:
            first = writer.log_many(early)
            writer.add_events([event(first + n, recorded=8_000) for n in range(70)])

    with pytest.raises(ByleaveError) as error:
        behind()
    assert error.value.code == "workspace.clock"
    assert ledger.size() == before
    assert append(ledger, *early) == before
