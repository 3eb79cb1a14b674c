"""Every ledger does what the suite says; a faulty one is found out; what only one database has."""

from __future__ import annotations

import os
import signal
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

from byleave.errors import ByleaveError, ConflictError, EvidenceError, InputError, WorldError
from byleave.stores import migrations, postgres_history
from byleave.stores.postgres import PostgresLedger, checked_url
from byleave.stores.sqlite import SqliteLedger
from byleave.testing.ledger_site import Claim, event
from byleave.testing.ledger_suite import CLAIMS, KeptLedger, Site, Skipped, contents
from byleave.testing.memory_ledger import MemoryLedger, MemoryWriter, Tables, World
from tests.stores.postgres_server import Server

CLAIM = pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.__name__)


def sqlite_site(folder: Path) -> Site:
    path = folder / "ledger.sqlite"
    SqliteLedger(path, create=True).close()

    def open_it(*, read_only: bool = False) -> SqliteLedger:
        return SqliteLedger(path, read_only=read_only)

    return Site(open=open_it, opener=("tests.stores.openers:open_sqlite", str(path)))


def postgres_site(server: Server) -> Site:
    url = server.url()
    PostgresLedger(url, create=True).close()

    def open_it(*, read_only: bool = False) -> PostgresLedger:
        return PostgresLedger(url, read_only=read_only)

    return Site(open=open_it, opener=("tests.stores.openers:open_postgres", url))


def memory_site(kind: type[MemoryLedger] = MemoryLedger) -> Site:
    world = World()

    def open_it(*, read_only: bool = False) -> KeptLedger:
        return kind(world, read_only=read_only)

    return Site(open=open_it)


@CLAIM
def test_the_reference(claim: Claim) -> None:
    """The ledger in plain lists holds every claim that a ledger of one process can."""
    try:
        claim(memory_site())
    except Skipped:
        assert claim.__name__ in {"processes_lose_nothing", "a_killed_writer_leaves_nothing"}


@CLAIM
def test_sqlite(claim: Claim, tmp_path: Path) -> None:
    """The ledger in SQLite holds every claim."""
    claim(sqlite_site(tmp_path))


@CLAIM
def test_postgres(claim: Claim, postgres: Server) -> None:
    """The ledger in PostgreSQL holds every claim."""
    claim(postgres_site(postgres))


# -- the suite finds faults -------------------------------------------------------------------


class LosesRowsOnly(MemoryLedger):
    """Keeps the entries of a transaction that failed."""

    @contextmanager
    def writing(self) -> Iterator[MemoryWriter]:
        with super().writing() as writer:
            try:
                yield writer
            except BaseException:
                self.world.tables.entries[:] = writer.tables.entries
                raise


class CommitsAtOnce(MemoryLedger):
    """Works on the tables that everyone reads."""

    @contextmanager
    def writing(self) -> Iterator[MemoryWriter]:
        with self._alone():
            yield MemoryWriter(self.world.tables)


class TakesNoTurns(MemoryLedger):
    """Lets several write at once: the last one wins."""

    @contextmanager
    def writing(self) -> Iterator[MemoryWriter]:
        writer = MemoryWriter(self.world.tables.copy())
        yield writer
        threading.Event().wait(0.001)
        self.world.tables = writer.tables


class SkipsAnIndex(MemoryLedger):
    """Leaves a gap after each failed transaction, as a sequence of PostgreSQL does."""

    @contextmanager
    def writing(self) -> Iterator[MemoryWriter]:
        try:
            with super().writing() as writer:
                yield writer
        except BaseException:
            self.world.tables.entries.append(b"gap")
            raise


class BelievesAnyClock(MemoryLedger):
    """Takes an event that was recorded before the last one."""

    class writer(MemoryWriter):  # noqa: N801 (the attribute's name)
        def add_events(self, rows: Any) -> None:
            held = list(self.tables.events)
            self.tables.events.clear()
            listed = sorted(rows, key=lambda row: row[5])
            super().add_events(listed if len(listed) == 1 else rows)
            self.tables.events[:0] = held


class CountsWhatFailed(MemoryLedger):
    """Remembers the last instant of a transaction that failed."""

    @contextmanager
    def writing(self) -> Iterator[MemoryWriter]:
        with super().writing() as writer:
            try:
                yield writer
            except BaseException:
                self.world.tables.events[:] = writer.tables.events
                raise


class SwapsBlindly(MemoryLedger):
    """Puts a new head in the place of whichever stands there."""

    def compare_and_swap(self, old: bytes | None, new: bytes) -> bool:
        self.world.head = new
        return True


class ReadsStrings(MemoryLedger):
    """Ends a text at U+0000, as C does."""

    def members(self) -> list[tuple[Any, ...]]:
        return [(o, m.split("\x00")[0], *rest) for o, m, *rest in super().members()]


class ForgetsNulls(MemoryLedger):
    """Writes no expiry as 0."""

    def events(self, *, before: int | None = None, after: int = -1) -> list[tuple[Any, ...]]:
        return [(*r[:6], r[6] or 0, *r[7:]) for r in super().events(before=before, after=after)]


FAULTY = [
    (LosesRowsOnly, "a_transaction_lands_whole_or_not_at_all"),
    (CommitsAtOnce, "what_is_not_committed_is_not_seen"),
    (TakesNoTurns, "threads_lose_nothing"),
    (SkipsAnIndex, "a_transaction_lands_whole_or_not_at_all"),
    (BelievesAnyClock, "recorded_never_decreases"),
    (CountsWhatFailed, "a_transaction_knows_how_far_it_has_come"),
    (SwapsBlindly, "of_several_swaps_one_succeeds"),
    (SwapsBlindly, "the_head_is_swapped_only_where_it_is_the_expected_one"),
    (ReadsStrings, "text_is_a_value"),
    (ForgetsNulls, "nulls_stay_nulls"),
]


@pytest.mark.parametrize(("kind", "name"), FAULTY, ids=[f"{k.__name__}-{n}" for k, n in FAULTY])
def test_the_suite_finds_a_faulty_ledger(kind: type[MemoryLedger], name: str) -> None:
    """A ledger with one fault breaks the claim about it."""
    claim = next(claim for claim in CLAIMS if claim.__name__ == name)
    with pytest.raises((AssertionError, ByleaveError)):
        claim(memory_site(kind))


# -- versions ----------------------------------------------------------------------------------


def older_sqlite(path: Path) -> None:
    """Make a file of the first format, with one event."""
    raw = sqlite3.connect(path)
    raw.executescript(migrations.SQLITE[0])
    raw.execute("INSERT INTO members VALUES (0, 'm', x'00', 0, 5)")
    row = (1, 0, 1, "a/b/c", 10, 11, None, 1, "n-1", 2, "portal", b"s" * 32)
    raw.execute(f"INSERT INTO events VALUES ({','.join('?' * 12)})", row)
    raw.executemany("INSERT INTO log_entries VALUES (?, ?)", [(0, b"e"), (1, b"f")])
    raw.execute("PRAGMA user_version = 1")
    raw.commit()
    raw.close()


def test_an_older_file_is_brought_up_to_date(tmp_path: Path) -> None:
    """A file of the first format keeps its rows' meaning when it is opened for writing."""
    path = tmp_path / "ledger.sqlite"
    older_sqlite(path)
    with pytest.raises(ConflictError) as error:
        SqliteLedger(path, read_only=True)
    assert error.value.code == "workspace.older"
    for _ in range(2):
        ledger = SqliteLedger(path)
        row = (1, 0, 1, "a/b/c", 10, 11, None, 1, "n-1", 2, "portal", b"s" * 32, None, None)
        assert ledger.events() == [row]
        assert ledger.gaps() == []
        assert ledger.members() == [(0, "m", b"\x00", 0, 5)]
        ledger.close()


def test_a_step_that_fails_leaves_the_old_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a later step fails, none is taken: the file stays of its old format."""
    path = tmp_path / "ledger.sqlite"
    older_sqlite(path)
    steps = (*migrations.SQLITE, "CREATE TABLE terms (id INTEGER)")
    monkeypatch.setattr("byleave.stores.sqlite.SQLITE", steps)
    monkeypatch.setattr("byleave.stores.sqlite.FORMAT", len(steps))
    with pytest.raises(EvidenceError):
        SqliteLedger(path)
    with sqlite3.connect(path) as raw:
        assert raw.execute("PRAGMA user_version").fetchone() == (1,)
        assert raw.execute("SELECT scope FROM events").fetchall() == [("a/b/c",)]
    raw.close()


def older_postgres(url: str) -> None:
    """Make a database of the first format, with two members and one event."""
    with psycopg.connect(url) as raw:
        raw.execute(migrations.POSTGRES[0].encode())
        raw.execute("CREATE TABLE byleave_format (version INTEGER NOT NULL)")
        raw.execute("INSERT INTO byleave_format VALUES (1)")
        members = "INSERT INTO members VALUES (%s, %s, 5, %s, %s)"
        raw.execute(members, (0, 0, b"m", b"r"))
        raw.execute(members, (1, 1, b"n", b"r"))
        raw.execute("INSERT INTO terms VALUES (1, 'a/b/c'), (2, 'portal'), (3, 'n-1')")
        raw.execute(
            "INSERT INTO events VALUES (2, 0, 10, 11, NULL, 1, 3, 2, 1, 2, 1, %s, NULL, NULL)",
            (b"s" * 32,),
        )
        raw.execute("INSERT INTO log_entries VALUES (0, 'e'), (1, 'f'), (2, 'g')")


@pytest.mark.parametrize("filled", [True, False])
def test_an_older_database_is_brought_up_to_date(postgres: Server, *, filled: bool) -> None:
    """A database of the first format keeps its rows and knows how far they reach, also an empty
    one; opened without the right to write it is `workspace.older`.
    """
    url = postgres.url()
    older_postgres(url)
    if not filled:
        with psycopg.connect(url) as raw:
            raw.execute("TRUNCATE members, terms, events, log_entries")
    with pytest.raises(ConflictError) as error:
        PostgresLedger(url, read_only=True)
    assert error.value.code == "workspace.older"
    size, members, last = (3, 2, 11) if filled else (0, 0, None)
    for _ in range(2):
        ledger = PostgresLedger(url)
        row = (2, 0, 1, "a/b/c", 10, 11, None, 1, "n-1", 2, "portal", b"s" * 32, None, None)
        assert ledger.events() == ([row] if filled else [])
        assert (ledger.size(), ledger.member_count(), ledger.last_recorded()) == (
            (size, members, last)
        )
        assert ledger.gaps() == []
        ledger.close()
    ledger = PostgresLedger(url)
    with ledger.writing() as writer:
        writer.add_members([(members, "o", b"r" * 32, writer.log(b"h"), 12)])
    assert (ledger.size(), ledger.member_count(), ledger.last_recorded()) == (
        (size + 1, members + 1, last)
    )
    assert ledger.gaps() == []
    ledger.close()


def test_postgres_takes_the_steps_it_lacks(
    postgres: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A database takes each step once, however many open it at once, and none where one fails."""
    url = postgres.url()
    PostgresLedger(url, create=True).close()
    steps = (*migrations.POSTGRES, "CREATE TABLE added (n INTEGER)", "SELECT pg_sleep(0.05)")
    monkeypatch.setattr("byleave.stores.postgres.POSTGRES", (*steps, "SELECT nothing"))
    monkeypatch.setattr("byleave.stores.postgres.FORMAT", len(steps) + 1)
    with pytest.raises(ConflictError) as older:
        PostgresLedger(url, read_only=True)
    assert older.value.code == "workspace.older"
    with pytest.raises(EvidenceError):
        PostgresLedger(url)
    with psycopg.connect(url) as raw:
        assert raw.execute("SELECT version FROM byleave_format").fetchall() == [
            (len(migrations.POSTGRES),)
        ]
        assert raw.execute("SELECT to_regclass('added')").fetchone() == (None,)
    monkeypatch.setattr("byleave.stores.postgres.POSTGRES", steps)
    monkeypatch.setattr("byleave.stores.postgres.FORMAT", len(steps))
    failed: list[ByleaveError] = []

    def open_it() -> None:
        try:
            PostgresLedger(url).close()
        except ByleaveError as error:
            failed.append(error)

    threads = [threading.Thread(target=open_it) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    with psycopg.connect(url) as raw:
        assert raw.execute("SELECT version FROM byleave_format").fetchall() == [(len(steps),)]


def test_a_newer_database_is_refused(postgres: Server) -> None:
    """A database of a newer format is `workspace.damaged` and stays as it is."""
    url = postgres.url()
    PostgresLedger(url, create=True).close()
    with psycopg.connect(url) as raw:
        raw.execute("UPDATE byleave_format SET version = 99")
    with pytest.raises(EvidenceError) as error:
        PostgresLedger(url)
    assert error.value.code == "workspace.damaged"
    assert "99" in error.value.message


# -- what only PostgreSQL has ------------------------------------------------------------------


def test_a_ledger_is_made_once(postgres: Server) -> None:
    """Making a ledger where one stands is `workspace.exists`; opening where none does, damaged."""
    url = postgres.url()
    with pytest.raises(EvidenceError) as none:
        PostgresLedger(url)
    assert none.value.code == "workspace.damaged"
    PostgresLedger(url, create=True).close()
    with pytest.raises(ConflictError) as twice:
        PostgresLedger(url, create=True)
    assert twice.value.code == "workspace.exists"


def test_two_schemas_of_a_database_are_two_ledgers(postgres: Server) -> None:
    """Ledgers in two schemas hold their own rows, and their writers do not wait for each other."""
    url = postgres.url()
    with psycopg.connect(url) as raw:
        raw.execute("CREATE SCHEMA one; CREATE SCHEMA two")
    ledgers = [
        PostgresLedger(f"{url}&options=-csearch_path%3D{name}", create=True)
        for name in ("one", "two")
    ]
    with ledgers[0].writing() as first, ledgers[1].writing() as second:
        assert first.log(b"1") == second.log(b"2") == 0
    assert [ledger.read(0, 9) for ledger in ledgers] == [[b"1"], [b"2"]]
    for ledger in ledgers:
        ledger.close()


@contextmanager
def one_ledger(server: Server) -> Iterator[PostgresLedger]:
    ledger = PostgresLedger(server.url(), create=True)
    yield ledger
    ledger.close()


def cut_connections(server: Server, ledger: PostgresLedger) -> None:
    """Cut every connection to the ledger's database, as a network or an operator may."""
    name = psycopg.conninfo.conninfo_to_dict(ledger.place)["dbname"]
    with server.admin() as admin:
        admin.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = %s",
            (name,),
        )


@pytest.mark.parametrize("way", ["cut", "crash"])
def test_a_lost_connection_loses_the_transaction_and_no_more(postgres: Server, way: str) -> None:
    """Where connection or server go in the middle, nothing of it lands, and the next one does."""

    def lose() -> None:
        postgres.crash() if way == "crash" else cut_connections(postgres, ledger)

    with one_ledger(postgres) as ledger:
        with ledger.writing() as writer:
            writer.add_members([(0, "m", b"r" * 32, writer.log(b"kept"), 1)])
        assert ledger.compare_and_swap(None, b"head")
        before = contents(ledger)
        with pytest.raises(WorldError) as error, ledger.writing() as writer:
            writer.add_members([(1, "n", b"r" * 32, writer.log(b"lost"), 1)])
            lose()
            writer.add_regions([(0, 0, "eu")])
        assert error.value.code == "world.storage"
        assert contents(ledger) == before
        lose()
        with ledger.writing() as writer:
            assert writer.log(b"next") == 1
        assert ledger.gaps() == []


def test_an_error_that_was_swallowed_does_not_half_land(postgres: Server) -> None:
    """A transaction that PostgreSQL has given up cannot end as if it had landed."""
    with one_ledger(postgres) as ledger:
        with pytest.raises(WorldError), ledger.writing() as writer:
            index = writer.log(b"e")
            writer.add_members([(0, "m", b"r" * 32, index, 1)])
            with pytest.raises(psycopg.errors.UniqueViolation):
                writer.add_members([(0, "m", b"r" * 32, index, 1)])
        assert ledger.size() == ledger.member_count() == 0


def test_a_writer_that_waits_too_long_is_told(
    postgres: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A transaction beside one of another connection is `workspace.busy`, and the first lands."""
    monkeypatch.setattr("byleave.stores.postgres._BUSY_MS", 50)
    with one_ledger(postgres) as ledger:
        other = PostgresLedger(ledger.place)
        with ledger.writing() as writer:
            writer.log(b"mine")
            with pytest.raises(ConflictError) as error, other.writing():
                pass
        assert error.value.code == "workspace.busy"
        assert other.read(0, 9) == [b"mine"]
        with other.writing() as writer:
            assert writer.log(b"then mine") == 1
        other.close()


def test_gaps_are_found(postgres: Server, tmp_path: Path) -> None:
    """`gaps` names an entry, a member or an event's entry that somebody took out."""
    site = postgres_site(postgres), sqlite_site(tmp_path)
    for one in site:
        ledger = one.open()
        with ledger.writing() as writer:
            writer.add_members([(n, f"m{n}", b"r", writer.log(b"e"), 0) for n in range(3)])
            row = (writer.log(b"e"), 2, 1, "s", 1, 1, None, 0, None, 2, "c", b"s" * 32, None, None)
            writer.add_events([row])
            writer.log(b"last")
        assert ledger.gaps() == []
        raw: Any
        if isinstance(ledger, PostgresLedger):
            raw = psycopg.connect(ledger.place, autocommit=True)
        else:
            raw = sqlite3.connect(tmp_path / "ledger.sqlite", isolation_level=None)
        raw.execute("DELETE FROM log_entries WHERE idx = 3")
        assert ledger.gaps() == ["log indexes have gaps", "an event has no log entry"]
        raw.execute("DELETE FROM members WHERE ordinal = 2")
        assert "an event has no member" in ledger.gaps()
        raw.execute("DELETE FROM members WHERE ordinal = 0")
        assert "ordinals have gaps" in ledger.gaps()
        raw.close()
        ledger.close()


def blocks_read(url: str, member: str) -> int:
    """Return how many blocks PostgreSQL touches for the look-up of one decision."""
    with psycopg.connect(url) as raw:
        sql = postgres_history._HISTORY.replace("$1", "%s")
        plan: Any = raw.execute(
            f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {sql}".encode(), (member.encode(),)
        ).fetchone()
    top = plan[0][0]["Plan"]
    return int(top["Shared Hit Blocks"] + top["Shared Read Blocks"])


def test_an_open_transaction_is_not_in_the_way(postgres: Server) -> None:
    """With 20,000 rows of an import invisible in every table, and after they were rolled back, a
    decision, the size and the count of members read no more blocks than before.
    """
    count = 20_000
    with one_ledger(postgres) as ledger:
        with ledger.writing() as writer:
            writer.add_members([(0, "m", b"r" * 32, writer.log(b"kept"), 1)])
            writer.add_events([event(writer.log(b"e"))])
        before = blocks_read(ledger.place, "m")
        with pytest.raises(KeyboardInterrupt), ledger.writing() as writer:
            first = writer.log_many([b"invisible"] * 2 * count)
            writer.add_members([(1 + n, f"n-{n}", b"r" * 32, first + n, 1) for n in range(count)])
            writer.add_events([event(first + count + n, 1 + n) for n in range(count)])
            writer._flush()
            assert blocks_read(ledger.place, "m") <= before + 4
            raise KeyboardInterrupt
        assert blocks_read(ledger.place, "m") <= before + 4
        assert (ledger.size(), ledger.member_count(), ledger.last_recorded()) == (2, 1, 11)


def test_a_row_of_ends_that_is_not_true_is_found(postgres: Server) -> None:
    """`gaps` names a row of ends that somebody changed; one taken out is `workspace.damaged`."""
    with one_ledger(postgres) as ledger:
        with ledger.writing() as writer:
            writer.add_members([(0, "m", b"r" * 32, writer.log(b"kept"), 1)])
            writer.add_events([event(writer.log(b"e"))])
        assert ledger.gaps() == []
        with psycopg.connect(ledger.place, autocommit=True) as raw:
            for change in ("entries = 1", "members = 2", "last_recorded = NULL"):
                raw.execute("CREATE TABLE kept AS SELECT * FROM ledger_ends")
                raw.execute(f"UPDATE ledger_ends SET {change}".encode())
                assert ledger.gaps() == ["the row of ends is not that of the tables"], change
                raw.execute("DELETE FROM ledger_ends")
                raw.execute("INSERT INTO ledger_ends SELECT * FROM kept; DROP TABLE kept")
            assert ledger.gaps() == []
            raw.execute("DELETE FROM ledger_ends")
        assert ledger.gaps() == ["the row of ends is not that of the tables"]
        with pytest.raises(EvidenceError) as error:
            ledger.size()
        assert error.value.code == "workspace.damaged"
        with pytest.raises(EvidenceError), ledger.writing() as writer:
            writer.log(b"next")


@pytest.mark.parametrize(
    "url",
    [
        "",
        "sqlite:///x",
        "postgresql://",
        "postgresql://host",
        "postgresql://u:secret@h/d",
        "postgresql://h/d?password=secret",
        "postgresql://h/d?sslpassword=secret",
        "host=h dbname=d",
        "postgresql://h/d?nonsense=1",
    ],
)
def test_an_address_that_is_none_or_tells_a_password_is_refused(url: str) -> None:
    """No address without a database, and none with a password in it, is accepted or repeated."""
    with pytest.raises(InputError) as error:
        checked_url(url)
    assert error.value.code == "workspace.ledger-url"
    assert "secret" not in str(error.value.to_dict())


def test_a_server_that_does_not_answer_is_named(tmp_path: Path) -> None:
    """Where no server listens the error is `world.storage`, and says where it looked."""
    url = f"postgresql://nobody@/none?host={tmp_path}"
    with pytest.raises(WorldError) as error:
        PostgresLedger(url)
    assert error.value.code == "world.storage"
    assert error.value.where == url


def test_errors_repeat_no_value(postgres: Server) -> None:
    """PostgreSQL's own words hold the values of a row; what we raise does not."""
    with one_ledger(postgres) as ledger:
        with pytest.raises(WorldError) as error, ledger.writing() as writer:
            index = writer.log(b"e")
            writer.add_members([(0, "alice@example.com", b"r", index, 1)])
            writer.add_members([(0, "alice@example.com", b"r", index, 1)])
        assert "alice" not in str(error.value.to_dict())
        assert "alice" in str(error.value.__cause__) or error.value.__cause__ is not None


def test_what_was_committed_survives_the_servers_end(postgres: Server) -> None:
    """What a transaction has committed is there after the server was killed."""
    with one_ledger(postgres) as ledger:
        with ledger.writing() as writer:
            writer.log_many([b"entry"] * 5_000)
        assert ledger.compare_and_swap(None, b"head")
        postgres.crash()
        assert ledger.size() == 5_000
        assert ledger.get() == b"head"


def test_the_server_is_really_killed(postgres: Server) -> None:
    """The crash of these tests ends the server's process without a checkpoint."""
    before = postgres._process.pid
    postgres.crash()
    assert postgres._process.pid != before
    with pytest.raises(ProcessLookupError):
        os.kill(before, signal.SIGCONT)
    assert b"not properly shut down" in (postgres.folder / "log").read_bytes()


def test_tables_is_what_the_reference_holds() -> None:
    """The reference's copies are copies: changing one leaves the other as it is."""
    tables = Tables()
    tables.copy().entries.append(b"e")
    assert tables.entries == []
