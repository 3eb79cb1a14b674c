"""The consent ledger at a platform's size: importing, states, single decisions and many.

    benchmarks/consent.py [--quick] [--json] [--events N] [--members N] [--only import,state,decide]

Every store is a real one: SQLite in a temporary folder, and PostgreSQL started for the run from the
wheel of the development tools (or --postgres URL: an empty database). Everything is generated from
a fixed seed; nobody's choices are in it. The shape: N events of N / 4 members in the order in which
they were said, members drawn at random; 70 % grants, 10 % each of refusal, withdrawal, objection;
three scopes, two notices (a fifth names none), 5 % of the grants end; ids such as `member-00001234`.

import   `service.consent_import.import_rows`: read, grade, find what is held already, commit to and
         log each event, insert it, in transactions of 131,072. The bare floor in the same run writes
         the very rows that the import left in `events` and `log_entries` into the same empty
         tables: `executemany` (SQLite), binary COPY of prepared bytes (PostgreSQL); same
         transactions, indexes and durability. Whole: enrolment too, on both sides; members are
         enrolled before, or (`--enrol with`) by the import as they come.
state    `consent.state.build` of one use, over events of 30 % of the members.
decide   `service.decide.Decider`, by the platform's id, against one indexed SELECT of a member's
         events by ordinal, and one by the id (the join that whoever has the id needs); by turns,
         each of members of its own, drawn alike: no act finds pages that another just read. Cold:
         the ledger's files were put out of the page cache; warm: the same once more; importing: warm,
         while a transaction of 131,072 events stands open beside it, stopped before its commit.
batch    `consent.allowed.allowed` for random members in the state, one core.

Prints one line for each number: `value` in `unit`; `goal`, and whether it is `met`; `floor`, the
value below which (above which, for times, ratios and bytes) the exit status is 1.
"""

from __future__ import annotations

import argparse
import os
import resource
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

# Before NumPy is loaded: one thread, so that times can be compared.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
import psycopg
import pyarrow as pa
from psycopg.conninfo import conninfo_to_dict
from report import Goal, Report

from byleave.consent.allowed import allowed
from byleave.consent.batch import SALT_BYTES, EventBatch
from byleave.consent.bits import build_bits
from byleave.consent.event import NoticeCoverage
from byleave.consent.import_table import read_import_table
from byleave.consent.state import EventColumns, build
from byleave.ids import FAR_FUTURE_US, Digest, to_us
from byleave.policy.scope import Scope, Use
from byleave.service.consent_import import PART_ROWS, import_rows
from byleave.service.decide import Decider
from byleave.service.enrol import enrol
from byleave.service.notice import published_notices
from byleave.stores.migrations import POSTGRES, SQLITE
from byleave.stores.postgres import PostgresLedger
from byleave.stores.sqlite import SqliteLedger
from byleave.wiring import Workspace, create

START = datetime(2025, 1, 1, tzinfo=UTC)
NOW = START + timedelta(days=400)
SCOPES = (
    "train.generative.replies/messages/platform",
    "train.ranking.jobs/profile/platform",
    "train.generative/messages/platform",
)
USE = "train.generative.replies/messages.inmail/platform"
_FOR_P99 = 10_000  # fewer, and the percentile is that of the scheduler's slices
INDEXED = {"members": "enrolment", "events": "idx", "log_entries": "idx"}
INDEXED_SQLITE = {**INDEXED, "log_bundles": "first"}
DECISIONS = ("grant", "refuse", "withdraw", "object")


# -- generated choices ------------------------------------------------------------------------


def choices(count: int, members: int) -> pa.Table:
    """Return choices in the order in which they were said; see the shape above."""
    draw = np.random.default_rng(20250101)
    ids = pa.array([f"member-{n:08d}" for n in range(members)])
    member = pa.DictionaryArray.from_arrays(pa.array(draw.integers(0, members, count)), ids)
    kind = draw.choice(4, count, p=[0.7, 0.1, 0.1, 0.1])
    scope = draw.choice(3, count, p=[0.6, 0.2, 0.2])
    said = to_us(START) + np.sort(draw.integers(0, 390 * 86_400, count)) * 1_000_000
    ends = np.where((kind == 0) & (draw.random(count) < 0.05), to_us(NOW) + 10**13, 0)
    notice = np.where(kind == 0, np.where(scope == 0, 0, np.where(scope == 2, 1, 2)), 2)
    names = pa.array(["ask-1", "ask-2", None])
    instants = pa.timestamp("us", tz="UTC")
    return pa.table(
        {
            "member": member.cast(pa.string()),
            "use": pa.DictionaryArray.from_arrays(pa.array(scope), pa.array(SCOPES)).cast(
                pa.string()
            ),
            "decision": pa.DictionaryArray.from_arrays(pa.array(kind), pa.array(DECISIONS)).cast(
                pa.string()
            ),
            "effective": pa.array(said, pa.int64()).cast(instants),
            "expires": pa.array(ends, pa.int64(), mask=ends == 0).cast(instants),
            "notice": names.take(pa.array(notice)),
        }
    )


@contextmanager
def workspace(folder: Path, url: str | None) -> Iterator[Workspace]:
    with create(folder, seed=1, ledger=url, now=lambda: NOW) as ws:
        ws.policy.publish_notice("May we? ( ) Yes ( ) No\n", notice="ask-1", asks=[SCOPES[0]])
        ws.policy.publish_notice("And all? ( ) Yes ( ) No\n", notice="ask-2", asks=[SCOPES[2]])
        yield ws


# -- import -----------------------------------------------------------------------------------


def bench_import(
    report: Report,
    store: str,
    ws: Workspace,
    folder: Path,
    count: int,
    members: int,
    *,
    floor: bool,
    enrol_before: bool,
) -> None:
    table = choices(count, members)
    enrolled = 0.0
    if enrol_before:
        started = time.perf_counter()
        enrol(ws.house, [f"member-{n:08d}" for n in range(members)])
        enrolled = time.perf_counter() - started
        report.add(f"import {store}: enrol members", members, enrolled, "s")
    started = time.perf_counter()
    rows = read_import_table(
        table,
        name="generated",
        lines=np.arange(1, count + 1, dtype=np.int64),
        taxonomy=ws.house.taxonomy,
        notices=published_notices(ws.house.ledger),
        now_us=to_us(NOW),
    )
    read = time.perf_counter() - started
    assert not rows.rejected, rows.rejected[:3]
    before = ws.house.ledger.size()
    started = time.perf_counter()
    done = import_rows(ws.house, rows, source=Digest(bytes(32)), file="generated", form="table")
    written = time.perf_counter() - started
    assert done.events == count - done.duplicates, done
    del rows, table
    bare = bare_sqlite if store == "SQLite" else bare_postgres
    seconds = bare(ws, folder, before) if floor else None
    said = "commit, log, insert" if enrol_before else "commit, log, insert, enrol"
    report.add(f"import {store}: read and check the table", count, read, "s")
    report.add(f"import {store}: {said}", count, written, "s")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    report.add(f"import {store}: peak memory of the process so far", count, peak, "MiB")
    if seconds is None:
        return
    what, ratio = f"import {store}: ", (read + written) / seconds[1]
    if enrol_before:
        report.add(f"{what}bare {_floor_name(store)}, events", count, seconds[1], "s")
        report.add(f"{what}against the bare floor", count, ratio, "x", Goal(3, 6))
    whole = (enrolled + read + written) / sum(seconds)
    report.add(f"{what}bare {_floor_name(store)}, members too", count, sum(seconds), "s")
    report.add(f"{what}whole, against that floor", count, whole, "x", Goal(3, 6))


def _floor_name(store: str) -> str:
    return "executemany" if store == "SQLite" else "COPY"


def bare_sqlite(ws: Workspace, folder: Path, before: int) -> tuple[float, float]:
    """Return the seconds that `executemany` takes for the rows before and of the import."""
    source = sqlite3.connect(ws.places.ledger)
    source.execute("PRAGMA query_only = ON")
    path = folder / "bare.sqlite"
    bare = sqlite3.connect(path, isolation_level=None)
    bare.execute("PRAGMA journal_mode = WAL")
    bare.execute("PRAGMA synchronous = FULL")
    bare.execute("PRAGMA cache_size = -524288")
    for step in SQLITE:
        bare.executescript(step)
    last = ws.ledger.size() - 1
    seconds = {False: 0.0, True: 0.0}
    for start, end in parts_of(before, last + 1):
        rows = {
            table: source.execute(
                f"SELECT * FROM {table} WHERE {column} >= ? AND {column} < ?",  # noqa: S608
                (start, end),
            ).fetchall()
            for table, column in INDEXED_SQLITE.items()
        }
        began = time.perf_counter()
        bare.execute("BEGIN IMMEDIATE")
        for table, found in rows.items():
            if found:
                marks = ",".join("?" * len(found[0]))
                bare.executemany(f"INSERT INTO {table} VALUES ({marks})", found)  # noqa: S608
        bare.execute("COMMIT")
        seconds[start >= before] += time.perf_counter() - began
    bare.close()
    source.close()
    path.unlink()
    return seconds[False], seconds[True]


def parts_of(before: int, end: int) -> list[tuple[int, int]]:
    """Return log indexes by transactions: those before the import, then those of it."""
    starts = [*range(0, before, PART_ROWS), *range(before, end, PART_ROWS), end]
    return list(pairwise(starts))


def bare_postgres(ws: Workspace, folder: Path, before: int) -> tuple[float, float]:
    """Return the seconds that binary COPY takes for the rows before and of the import."""
    del folder
    url = ws.config.ledger
    assert url is not None
    seconds = {False: 0.0, True: 0.0}
    with (
        psycopg.connect(url, autocommit=True) as source,
        psycopg.connect(url, autocommit=True) as bare,
    ):
        bare.execute("CREATE SCHEMA bare")
        bare.execute("SET search_path = bare")
        for step in POSTGRES:
            bare.execute(step.encode())
        for start, end in parts_of(before, ws.house.ledger.size()):
            streams = {
                table: _copied(
                    source,
                    f"SELECT * FROM public.{table} WHERE {column} >= {start}"  # noqa: S608
                    f" AND {column} < {end} ORDER BY {column}",
                )
                for table, column in INDEXED.items()
            }
            began = time.perf_counter()
            bare.execute("BEGIN")
            for table, stream in streams.items():
                with (
                    bare.cursor() as cursor,
                    cursor.copy(f"COPY {table} FROM STDIN (FORMAT BINARY)".encode()) as copy,
                ):
                    copy.write(stream)
            bare.execute("COMMIT")
            seconds[start >= before] += time.perf_counter() - began
        bare.execute("DROP SCHEMA bare CASCADE")
    return seconds[False], seconds[True]


def _copied(source: psycopg.Connection[Any], select: str) -> bytes:
    with (
        source.cursor() as cursor,
        cursor.copy(f"COPY ({select}) TO STDOUT (FORMAT BINARY)".encode()) as copy,
    ):
        return b"".join(copy)


# -- reading, deciding --------------------------------------------------------------------------


def bench_columns(report: Report, store: str, ws: Workspace) -> None:
    started = time.perf_counter()
    columns = ws.house.ledger.events_columns()
    seconds = time.perf_counter() - started
    report.add(f"columns {store}: read all events", len(columns), seconds, "s")


def bench_decide(report: Report, store: str, ws: Workspace, members: int, times: int) -> None:
    """One decision and the SELECTs beside it, by turns, each of members of its own."""
    decider, use = Decider(ws.house), ws.house.taxonomy.use(USE)
    picked = np.random.default_rng(7).choice(members, (3, times + 200), replace=False).tolist()
    if ws.config.ledger is not None:  # what autovacuum does within a minute
        with psycopg.connect(ws.config.ledger, autocommit=True) as server:
            server.execute("ANALYZE")
    by_ordinal, by_id, close = _selects(store, ws)
    limit = 4 if store == "SQLite" else 2
    for name in ("cold", "warm", "importing"):
        if name == "cold":
            forget(ws)
        taken: list[list[int]] = [[], [], []]
        with _importing(ws) if name == "importing" else nullcontext():
            for turn, (a, b, c) in enumerate(zip(*picked, strict=True)):
                acts: list[Callable[[], object]] = [
                    partial(decider.choices, f"member-{a:08d}", use),
                    partial(by_ordinal, b),
                    partial(by_id, f"member-{c:08d}"),
                ]
                for place in range(3):
                    which = (turn + place) % 3
                    began = time.perf_counter_ns()
                    acts[which]()
                    taken[which].append(time.perf_counter_ns() - began)
        for word, part in (("p50", 50), ("p99", 99)):
            mine, bare, join = (float(np.percentile(t[200:], part)) / 1000 for t in taken)
            what = f"decide {store}, {name}"
            goal = Goal(limit, 3 * limit) if part == 50 or times >= _FOR_P99 else None
            report.add(f"{what}: one decision, {word}", times, mine, "µs")
            report.add(f"{what}: SELECT by ordinal, {word}", times, bare, "µs")
            report.add(f"{what}: SELECT by id, {word}", times, join, "µs")
            report.add(f"{what}: against by ordinal, {word}", times, mine / bare, "x", goal)
            report.add(f"{what}: against by id, {word}", times, mine / join, "x", goal)
    close()


@contextmanager
def _importing(ws: Workspace) -> Iterator[None]:
    """Hold a transaction of new members, events and log entries open; it does not land."""
    url = ws.config.ledger
    ledger = SqliteLedger(ws.places.ledger) if url is None else PostgresLedger(url)
    held, at, last = ledger.member_count(), to_us(NOW), ledger.last_recorded()
    assert last is not None
    rank = np.arange(PART_ROWS, dtype=np.int64)
    batch = EventBatch(
        index=rank,
        ordinal=held + rank,
        kind=np.ones(PART_ROWS, np.uint8),
        scope=np.zeros(PART_ROWS, np.int32),
        effective_us=np.full(PART_ROWS, last),
        recorded_us=np.full(PART_ROWS, last),
        expires_us=np.full(PART_ROWS, FAR_FUTURE_US),
        includes_past=np.zeros(PART_ROWS, np.bool_),
        notice=np.full(PART_ROWS, -1, np.int32),
        grade=np.zeros(PART_ROWS, np.uint8),
        channel=np.zeros(PART_ROWS, np.int32),
        original_us=np.full(PART_ROWS, FAR_FUTURE_US),
        salts=np.zeros((PART_ROWS, SALT_BYTES), np.uint8),
        scopes=(SCOPES[0],),
        notices=(),
        channels=("import:open",),
    )
    try:
        with suppress(KeyboardInterrupt), ledger.writing() as writer:
            first = writer.log_many([bytes(150)] * (2 * PART_ROWS))
            names = (f"open-{n:08d}" for n in range(PART_ROWS))
            writer.add_members(
                [(held + n, m, bytes(32), first + n, at) for n, m in enumerate(names)]
            )
            writer.add_event_batch(first + PART_ROWS, batch)
            writer._flush()  # noqa: SLF001 (all that a commit would make visible)
            yield
            raise KeyboardInterrupt  # as whoever runs an import may stop it
    finally:
        ledger.close()


def forget(ws: Workspace) -> None:
    """Put the ledger's files out of the system's page cache, so that the disk is read."""
    folder = ws.places.ledger.parent
    if ws.config.ledger is not None:
        folder = Path(str(conninfo_to_dict(ws.config.ledger).get("host", "/nowhere"))) / "data"
    os.sync()
    for path in folder.rglob("*"):
        if path.is_file():
            file = os.open(path, os.O_RDONLY)
            os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
            os.close(file)


def _selects(
    store: str, ws: Workspace
) -> tuple[Callable[[int], Any], Callable[[str], Any], Callable[[], None]]:
    """Return one indexed SELECT of a member's events by ordinal, one by id, and the way out."""
    ordinal = "SELECT * FROM events WHERE ordinal = {} ORDER BY idx"
    member = (
        "SELECT e.* FROM members m JOIN events e ON e.ordinal = m.ordinal"
        " WHERE m.member = {} ORDER BY e.idx"
    )
    if store == "SQLite":
        raw = sqlite3.connect(ws.places.ledger)
        one, two = ordinal.format("?"), member.format("?")
        return (
            lambda o: raw.execute(one, (o,)).fetchall(),
            lambda m: raw.execute(two, (m,)).fetchall(),
            raw.close,
        )
    server = psycopg.connect(ws.config.ledger or "", autocommit=True, prepare_threshold=1)
    first, second = ordinal.format("%s").encode(), member.format("%s").encode()
    return (
        lambda o: server.execute(first, (o,), binary=True).fetchall(),
        lambda m: server.execute(second, (m.encode(),), binary=True).fetchall(),
        server.close,
    )


# -- states -----------------------------------------------------------------------------------


def generated_columns(first: int, members: int, seed: int) -> EventColumns:
    """Return 1.2 events for each of 30 % of `members` ordinals from `first` on."""
    draw = np.random.default_rng(seed)
    count = int(members * 0.36)
    kind = draw.choice(np.array([1, 1, 1, 1, 1, 1, 1, 2, 3, 4], np.uint8), count)
    return EventColumns(
        ordinal=draw.integers(0, int(members * 0.3), count) * 10 // 3 + first,
        index=np.arange(count, dtype=np.int64),
        kind=kind,
        effective_us=to_us(START) + np.arange(count, dtype=np.int64),
        expires_us=np.full(count, FAR_FUTURE_US, np.int64),
        includes_past=draw.random(count) < 0.7,
        grade=np.full(count, 2, np.uint8),
        scope_id=np.zeros(count, np.int32),
        notice_id=np.zeros(count, np.int32),
        scopes=(Scope.parse(SCOPES[0]),),
        notices=("ask-1",),
    )


def bench_state(report: Report, members: int, times: int) -> None:
    use = Use(purpose="train.generative.replies", category="messages.inmail", recipient="platform")
    notices = {"ask-1": NoticeCoverage(uses=frozenset([use]), shown=frozenset([use]))}
    columns = generated_columns(0, members, 1)
    started = time.perf_counter()
    state = build(columns, use, at=NOW, members=members, notices=notices)
    report.add("state: build, all planes", members, time.perf_counter() - started, "s")
    report.add("state: events read by it", members, len(columns), "events")
    plain = -(-members // 8)
    report.add(
        "state: allow plane against a plain bitmap",
        members,
        state.allow.nbytes / plain,
        "x",
        Goal(1.1, 1.1),
    )
    bitmaps = sum(p.nbytes for p in (state.allow, state.since, state.veto, state.general))
    report.add("state: four bitmaps", members, bitmaps / members * 8, "bits/member")
    detail = sum(p.nbytes for p in (state.code, state.because, state.effective_us))
    report.add("state: detail planes beside them", members, detail / members, "bytes/member")
    del columns
    draw = np.random.default_rng(3)
    asked = draw.integers(0, members, times)
    collected = to_us(START) + draw.integers(-(10**12), 10**12, times)
    allowed(state, asked[:1000], collected[:1000])
    started = time.process_time()
    answers = allowed(state, asked, collected)
    seconds = time.process_time() - started
    assert 0 < answers.sum() < times
    report.add(
        "batch: decisions with dates, one core",
        times,
        times / seconds / 1e6,
        "M/s",
        Goal(5, 2, at_least=True),
    )
    started = time.process_time()
    allowed(state, asked, None)
    seconds = time.process_time() - started
    report.add("batch: decisions on one bitmap, one core", times, times / seconds / 1e6, "M/s")


def bench_bits(report: Report, members: int, part: int) -> None:
    """Bitmaps alone, range by range: memory does not grow with the members but by their bits."""
    use = Use(purpose="train.generative.replies", category="messages.inmail", recipient="platform")
    notices = {"ask-1": NoticeCoverage(uses=frozenset([use]), shown=frozenset([use]))}
    made = 0.0

    def parts() -> Iterator[EventColumns]:
        nonlocal made
        for first in range(0, members, part):
            began = time.perf_counter()
            columns = generated_columns(first, min(part, members - first), first)
            made += time.perf_counter() - began
            yield columns

    started = time.perf_counter()
    bits = build_bits(parts(), use, at=NOW, members=members, notices=notices, part=part)
    seconds = time.perf_counter() - started - made
    report.add("state: bitmaps alone, in ranges", members, seconds, "s")
    report.add("state: all bitmaps alone", members, sum(b.nbytes for b in bits) / 1e6, "MB")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    report.add("state: peak memory of the process so far", members, peak, "MiB")


# -- the run ----------------------------------------------------------------------------------


@contextmanager
def postgres(url: str | None) -> Iterator[str | None]:
    """Yield the address of an empty database; None where no PostgreSQL can be run."""
    if url is not None:
        yield url
        return
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
    from tests.stores.postgres_server import Server, find_binaries

    binaries = find_binaries()
    if binaries is None:
        yield None
        return
    server = Server(binaries, durable=True)
    try:
        yield server.url()
    finally:
        server.stop()


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="small sizes, under a minute")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    parser.add_argument("--events", type=int, help="events to import")
    parser.add_argument("--members", type=int, help="members of the states")
    parser.add_argument("--only", default="import,state,decide", help="parts, by comma")
    parser.add_argument("--stores", default="sqlite,postgresql", help="which, by comma")
    parser.add_argument(
        "--enrol", choices=["before", "with"], default="before", help="the import's members"
    )
    parser.add_argument("--postgres", metavar="URL", help="an empty database of a running server")
    given = parser.parse_args()
    only = set(given.only.split(","))
    events = given.events or (200_000 if given.quick else 10_000_000)
    members = given.members or (4_000_000 if given.quick else 100_000_000)
    times = 1_000 if given.quick else 20_000
    report = Report(as_json=given.json)
    with tempfile.TemporaryDirectory(prefix="byleave-bench") as name:
        folder = Path(name)
        stores: list[tuple[str, str | None]] = [("SQLite", None)]
        wanted = given.stores.split(",") if only & {"import", "decide"} else []
        with postgres(given.postgres) if "postgresql" in wanted else _nothing() as url:
            if url is not None:
                stores.append(("PostgreSQL", url))
            elif "postgresql" in wanted:
                print("PostgreSQL: none can be run here", file=sys.stderr)
                report.failed = True
            for store, address in stores:
                if store.lower() not in wanted:
                    continue
                with workspace(folder / store.lower(), address) as ws:
                    bench_import(
                        report,
                        store,
                        ws,
                        folder,
                        events,
                        events // 4,
                        floor="import" in only,
                        enrol_before=given.enrol == "before",
                    )
                    bench_columns(report, store, ws)
                    if "decide" in only:
                        bench_decide(report, store, ws, events // 4, times)
    if "state" in only:
        bench_state(report, members, members // 5)
        bench_bits(report, members * 7, 1 << 26 if not given.quick else 1 << 23)
    return int(report.failed)


@contextmanager
def _nothing() -> Iterator[None]:
    yield None


if __name__ == "__main__":
    sys.exit(main())
