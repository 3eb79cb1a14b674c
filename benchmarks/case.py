"""The alleged class of the LinkedIn case at a platform's size, against the same query in SQL.

    benchmarks/case.py [--quick] [--json] [--members N] [--messages N] [--memory SIZE]
                       [--ids integers [--against arrays]] [--threads N] [--folder FOLDER]

Generated from a fixed seed; nobody's messages are in it. N messages of one author and one
recipient drawn at random (six in ten InMail, 1 % without a date); ids such as `member-00001234`,
or whole numbers, and then the dates ascend, as in a log; half of the members subscribed; one in ten turned the switch off, one in eight made a choice (grants
of which some end and some leave out the past, refusals). Two deliveries to a third party before the
cut-off, and one after it, which the class leaves out. The tables are Parquet files.

engine     The plan out of core (`engines.case_stages` by DuckDB, one thread): members and messages
           (low and high), pairs by reason, and beside them members and messages by reason and by
           delivery; the parts that it leaves hold every affected pair with its reason.
sql        The same class written by hand in DuckDB SQL, one thread, over the same files and within
           the same memory: members and messages (low and high), and pairs by reason alone.
arrays     With `--against arrays`, instead: the same class by NumPy alone (`case_arrays.py`), a
           member's number being a place in arrays; it needs whole numbers from 0 for ids, shares
           no code with the engine, and takes a few bytes a member.
counts     1 where every one of those counts is the same on both sides; else 0, and exit status 1.
memory     The most that each process held; its goal is DuckDB's limit and 1 GB for all else.
disk       The tables; the most that parts and spilled data took beside them (looked at each second).
reference  The columnar engine in memory over the same tables (`--quick`, `--reference`).

CPU seconds of one process each; `ratio` is SQL's over the engine's (above 1: Byleave is faster).
Prints one line for each number: `value` in `unit`; `goal`, and whether it is `met`; `floor`, the
value below which the exit status is 1.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Final

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from case_arrays import by_arrays
from report import Goal, Report

from byleave.engines.case_duckdb import duckdb_runner
from byleave.engines.case_stages import answer_in_stages
from byleave.exposure.cohort import affected, alleged_class
from byleave.exposure.finding import REASONS, Finding
from byleave.exposure.pack import US_PRIVATE_MESSAGES
from byleave.exposure.practice import Delivery, PolicyVersion, Practice, Setting, SettingPeriod
from byleave.exposure.practice import Interval as Stretch
from byleave.exposure.question import CaseQuestion
from byleave.exposure.tables import Inputs
from byleave.policy.scope import Scope
from byleave.wiring.case_tables import FileTable

TABLES: Final = ("messages", "choices", "opt_outs", "subscriptions")
SLICE: Final = 1 << 20
SEED: Final = 7
DAY: Final = 86_400_000_000
START: Final = datetime(2024, 7, 1, tzinfo=UTC)
CUT: Final = datetime(2024, 9, 18, tzinfo=UTC)
DELIVERIES: Final = (
    datetime(2024, 8, 20, tzinfo=UTC),
    datetime(2024, 9, 5, tzinfo=UTC),
    datetime(2024, 9, 25, tzinfo=UTC),
)
INSTANT: Final = pa.timestamp("us", tz="UTC")

SQL: Final = """
WITH d(n, made) AS (VALUES (0, TIMESTAMPTZ '2024-08-20 00:00:00+00'),
                         (1, TIMESTAMPTZ '2024-09-05 00:00:00+00')),
events AS (
    SELECT member, "at", 0 AS rank, decision, expires, includes_past FROM choices
    UNION ALL SELECT member, "at", 1, 'refusal', NULL, NULL FROM opt_outs),
state AS (
    SELECT d.n, e.member, arg_max(e.decision, (e."at", e.rank)) AS decision,
           arg_max({'x': e.expires}, (e."at", e.rank)).x AS expires,
           arg_max({'x': e.includes_past}, (e."at", e.rank)).x AS past, max(e."at") AS since
    FROM d JOIN events e ON e."at" <= d.made GROUP BY d.n, e.member),
off AS (SELECT DISTINCT d.n, o.member FROM d JOIN opt_outs o ON o."at" <= d.made),
paying AS (SELECT DISTINCT d.n, s.member FROM d
           JOIN subscriptions s ON s.start <= d.made AND s."end" > d.made),
used AS (
    SELECT d.n, d.made, m.* FROM messages m JOIN d ON m.sent_at IS NULL OR m.sent_at < d.made
    WHERE m.kind = 'inmail'
      AND NOT EXISTS (SELECT 1 FROM off WHERE off.n = d.n AND off.member = m.author)),
party AS (
    SELECT n, made, record, sent_at, author AS member, 1 AS role FROM used
    UNION ALL
    SELECT n, made, record, sent_at, recipients, 2 FROM used WHERE recipients <> author),
judged AS (
    SELECT p.n, p.member, p.record, CASE
        WHEN s.decision = 'grant' AND (s.expires IS NULL OR s.expires > p.made)
             AND (s.past OR p.sent_at >= s.since) THEN NULL
        WHEN p.sent_at IS NULL THEN 0
        WHEN s.decision = 'refusal' THEN 1
        WHEN s.decision = 'grant' AND (s.expires IS NULL OR s.expires > p.made) THEN 2
        WHEN s.decision = 'grant' THEN 3
        WHEN p.role = 2 THEN 4
        ELSE 5 END AS reason
    FROM party p SEMI JOIN paying USING (n, member) LEFT JOIN state s USING (n, member)),
first AS (
    SELECT member, record, arg_min(reason, n) AS reason FROM judged
    WHERE reason IS NOT NULL GROUP BY member, record)
SELECT count(DISTINCT member) FILTER (reason > 0), count(DISTINCT member),
       count(DISTINCT record) FILTER (reason > 0), count(DISTINCT record),
       count(*) FILTER (reason = 0), count(*) FILTER (reason = 1), count(*) FILTER (reason = 2),
       count(*) FILTER (reason = 3), count(*) FILTER (reason = 4), count(*) FILTER (reason = 5),
       0
FROM first
"""


def main() -> int:
    """Run, print, and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="500,000 members, 1 M messages")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--members", type=int, default=10_000_000)
    parser.add_argument("--messages", type=int, default=20_000_000)
    parser.add_argument("--memory", default="2GB", help="what each of the two DuckDBs may hold")
    parser.add_argument("--reference", action="store_true", help="the columnar engine, too")
    parser.add_argument("--ids", choices=("texts", "integers"), default="texts")
    parser.add_argument("--against", choices=("sql", "arrays"), default="sql")
    parser.add_argument("--threads", type=int, default=1, help="of each of the two DuckDBs")
    parser.add_argument("--tables", help="a folder that holds the tables of such a run, or will")
    parser.add_argument("--only-tables", action="store_true", help="write them, and no more")
    parser.add_argument(
        "--folder", help="where tables and spilled data go; default: a temporary one"
    )
    asked = parser.parse_args()
    if asked.against == "arrays" and asked.ids != "integers":
        parser.error("--against arrays needs --ids integers")
    if asked.quick:
        asked.members, asked.messages = 500_000, 1_000_000
    report = Report(as_json=asked.json)
    with tempfile.TemporaryDirectory(prefix="byleave-case-", dir=asked.folder) as name:
        folder = Path(asked.tables or name)
        if not (folder / "subscriptions.parquet").exists():  # the last that is written
            alone(
                write_tables,
                folder,
                asked.members,
                asked.messages,
                integers=asked.ids == "integers",
            )
        if not asked.only_tables:
            measure(folder, asked, report)
    return int(report.failed)


def measure(folder: Path, asked: argparse.Namespace, report: Report) -> None:
    """Write the tables, answer twice, and report."""
    members, messages, other = asked.members, asked.messages, asked.against
    report.add("tables on disk", messages, size_of(folder) / 1e9, "GB")
    ours = alone(by_duckdb_engine, folder, asked.memory, asked.threads)
    report.add("duckdb engine, messages", messages, messages / ours.seconds, "messages/CPU s")
    report.add("duckdb engine, members", members, members / ours.seconds, "members/CPU s")
    bounded = Goal(goal=limit_of(asked.memory), floor=2 * limit_of(asked.memory), at_least=False)
    report.add("duckdb engine, peak memory of its process", messages, ours.peak, "GB", bounded)
    report.add("duckdb engine, parts and spilled data at most", messages, ours.disk, "GB")
    report.add("duckdb engine, elapsed", messages, ours.elapsed, "s")
    if other == "sql":
        theirs = alone(by_sql, folder, asked.memory, asked.threads)
    else:
        theirs = alone(by_columns, folder, members)
    report.add(f"{other}, messages", messages, messages / theirs.seconds, "messages/CPU s")
    goal = Goal(goal=0.8, floor=0.4, at_least=True) if other == "sql" else None
    ratio = theirs.seconds / ours.seconds
    report.add(f"ratio: CPU seconds of {other} over the engine's", messages, ratio, "", goal)
    same = Goal(goal=1, floor=1, at_least=True)
    alike = float(theirs.counts == ours.counts)
    report.add("counts are the same", messages, alike, "", same)
    report.add(f"{other}, peak memory of its process", messages, theirs.peak, "GB")
    report.add(f"{other}, spilled data at most", messages, theirs.disk, "GB")
    if asked.quick or asked.reference:
        columns = alone(by_reference, folder)
        report.add("reference, messages", messages, messages / columns.seconds, "messages/CPU s")
        report.add(
            "reference, memory each message", messages, columns.peak * 1e9 / messages, "bytes"
        )
        both = float(columns.counts == ours.counts)
        report.add("reference, counts are the same", messages, both, "", same)
    if alike != 1:
        print(f"engine {ours.counts}\n{other} {theirs.counts}", file=sys.stderr)
    else:
        print(f"counts {ours.counts}", file=sys.stderr)


@dataclass(frozen=True)
class Took:
    """What a run in a process of its own answered and took; memory and disk in GB."""

    counts: tuple[int, ...]
    seconds: float
    elapsed: float
    peak: float
    disk: float


def alone(work: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
    """Run `work` in a process of its own, so that its memory is its own; return what it returns."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(work, *arguments, **named).result()


def took(work: Callable[[], tuple[int, ...]], folder: Path) -> Took:
    """Return what `work` returns, what it took, and what it left in `folder` meanwhile."""
    before, most, done = size_of(folder), 0, threading.Event()

    def look() -> None:
        nonlocal most
        while not done.wait(1):
            most = max(most, size_of(folder) - before)

    watcher = threading.Thread(target=look, daemon=True)
    watcher.start()
    start, clock = time.process_time(), time.monotonic()
    counts = work()
    seconds, elapsed = time.process_time() - start, time.monotonic() - clock
    most = max(most, size_of(folder) - before)
    done.set()
    watcher.join()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9
    return Took(counts, seconds, elapsed, peak, most / 1e9)


def size_of(folder: Path) -> int:
    """Return the bytes of the files below a folder; a file that goes meanwhile counts nothing."""
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            with suppress(FileNotFoundError):
                total += (Path(place) / name).stat().st_size
    return total


def limit_of(memory: str) -> float:
    """Return in GB what the process may hold: DuckDB's limit, and 1 GB for all else."""
    size = float(memory[:-2]) / (1000 if memory.endswith("MB") else 1)
    return size + 1


def by_duckdb_engine(folder: Path, memory: str, threads: int) -> Took:
    """Answer by the plan."""
    tables = {name: FileTable(folder / f"{name}.parquet") for name in TABLES}
    past = practice({name: t.schema.empty_table() for name, t in tables.items()})
    pack = replace(US_PRIVATE_MESSAGES, readings=())
    question = CaseQuestion(practice=past, cohorts=(alleged_class(CUT),), pack=pack, as_of=CUT)
    parts = folder / "parts"
    parts.mkdir()

    def answer() -> tuple[int, ...]:
        with duckdb_runner(parts, memory=memory, threads=threads) as runner:
            return counts_of(
                answer_in_stages(question, Inputs(**tables), runner, parts, progress=spoken(parts))
                .cohorts[0]
                .affected
            )

    found = took(answer, parts)
    shutil.rmtree(parts)
    return found


def by_reference(folder: Path) -> Took:
    """Answer by columns in memory."""
    tables = {name: pq.read_table(folder / f"{name}.parquet") for name in TABLES}
    return took(
        lambda: counts_of(affected(practice(tables), tables["choices"], alleged_class(CUT))),
        folder,
    )


def by_columns(folder: Path, members: int) -> Took:
    """Answer by NumPy."""
    return took(lambda: by_arrays(folder, members, DELIVERIES[:2]), folder)


def spoken(folder: Path) -> Callable[[str, int, int], None]:
    """Return what says on standard error how far a run is, for whoever waits for it."""

    def say(what: str, done: int, whole: int) -> None:
        disk, cpu = size_of(folder) / 1e9, time.process_time()
        line = f"{datetime.now(UTC):%H:%M:%S} {what} {done}/{whole}; {cpu:.0f} CPU s, {disk:.1f} GB"
        print(line, file=sys.stderr, flush=True)

    return say


def by_sql(folder: Path, memory: str, threads: int) -> Took:
    """Answer by the query written by hand, over the same files, within the same memory."""
    with duckdb.connect() as database:
        database.execute(
            f"SET threads = {threads}; SET memory_limit = '{memory}'; "
            f"SET temp_directory = '{folder}/sql'; SET preserve_insertion_order = false; "
            "SET enable_progress_bar = false"
        )
        for name in TABLES:
            file = folder / f"{name}.parquet"
            database.execute(f"CREATE VIEW {name} AS FROM read_parquet('{file}')")

        def answer() -> tuple[int, ...]:
            return tuple(database.execute(SQL).fetchone() or ())

        return took(answer, folder)


def write_tables(folder: Path, members: int, messages: int, *, integers: bool) -> None:
    """Write the tables of a case from the seed, a slice of rows at a time."""
    rng = np.random.default_rng(SEED)
    width = len(str(members))
    edges = [START - timedelta(days=365), START + timedelta(days=120)]
    # Who chose, switched and paid are runs of a shuffled order of all members.
    order = rng.permutation(members).astype(np.int32)
    chose, off = order[: members // 8], order[members // 16 : members // 16 + members // 10]

    def who(ordinals: Any) -> pa.Array:
        if integers:
            return pa.array(np.asarray(ordinals, dtype=np.int32))
        digits = pc.utf8_lpad(pa.array(ordinals).cast(pa.string()), width, "0")
        return pc.binary_join_element_wise("member-", digits, "")

    def instants(count: int, days: int, mask: Any = None) -> pa.Array:
        at = np.int64(START.timestamp()) * 1_000_000 + rng.integers(0, days * DAY, count)
        return pa.array(at, mask=mask).cast(INSTANT)

    def constant(instant: datetime, count: int) -> pa.Array:
        return pa.array([instant], INSTANT).take(pa.array(np.zeros(count, int)))

    def sent(start: int, stop: int) -> pa.Array:
        unknown = rng.random(stop - start) < 0.01
        if not integers:
            return instants(stop - start, 80, unknown)
        step = 80 * DAY // messages
        at = np.int64(START.timestamp()) * 1_000_000 + np.arange(start, stop) * step
        return pa.array(at + rng.integers(0, step, stop - start), mask=unknown).cast(INSTANT)

    def message_rows(start: int, stop: int) -> dict[str, pa.Array]:
        count = stop - start
        kind = (rng.random(count) < 0.6).astype(np.int64)
        return {
            "record": pa.array(np.arange(start, stop)),
            "author": who(rng.integers(0, members, count)),
            "recipients": who(rng.integers(0, members, count)),
            "sent_at": sent(start, stop),
            "kind": pa.array(["direct", "inmail"]).take(pa.array(kind)),
        }

    def choice_rows(start: int, stop: int) -> dict[str, pa.Array]:
        count = stop - start
        grant = rng.random(count) < 0.8
        ends = np.full(count, int(DELIVERIES[1].timestamp()) * 1_000_000 - DAY)
        return {
            "member": who(chose[start:stop]),
            "at": instants(count, 50),
            "decision": pa.array(["refusal", "grant"]).take(pa.array(grant.astype(np.int64))),
            "expires": pa.array(ends, mask=~(grant & (rng.random(count) < 0.2))).cast(INSTANT),
            "includes_past": pa.array(rng.random(count) < 0.5),
        }

    written(folder / "messages.parquet", messages, message_rows)
    written(folder / "choices.parquet", len(chose), choice_rows)
    written(
        folder / "opt_outs.parquet",
        len(off),
        lambda start, stop: {
            "member": who(off[start:stop]),
            "at": instants(stop - start, 80),
        },
    )
    written(
        folder / "subscriptions.parquet",
        members // 2,
        lambda start, stop: {
            "member": who(np.arange(2 * start, 2 * stop, 2)),
            "start": constant(edges[0], stop - start),
            "end": constant(edges[1], stop - start),
        },
    )


def written(file: Path, rows: int, made: Callable[[int, int], dict[str, pa.Array]]) -> None:
    """Write a table a slice at a time."""
    writer = None
    for start in range(0, rows, SLICE):
        table = pa.table(made(start, min(start + SLICE, rows)))
        # What is a number of its own in every row is no dictionary, and random bits do not shrink.
        numbers = {f.name for f in table.schema if f.type in {pa.int32(), pa.int64(), INSTANT}}
        kinds = {n: "none" if n in numbers else "zstd" for n in table.schema.names}
        writer = writer or pq.ParquetWriter(
            file,
            table.schema,
            compression=kinds,
            use_dictionary=[n for n in table.schema.names if n not in numbers],
            column_encoding=dict.fromkeys(sorted(numbers), "DELTA_BINARY_PACKED"),
        )
        writer.write_table(table, row_group_size=SLICE // 4)
    if writer is not None:
        writer.close()


def practice(tables: dict[str, pa.Table]) -> Practice:
    """Return the practice: a switch on by default, three deliveries, a policy at the cut-off."""
    return Practice(
        messages=tables["messages"],
        deliveries=tuple(
            Delivery(
                id=f"package-{n}",
                at=at,
                recipient="third-party.provider",
                purpose="train.generative.replies",
            )
            for n, at in enumerate(DELIVERIES)
        ),
        setting=Setting("training", (SettingPeriod(Stretch(START, None), default_on=True),)),
        opt_outs=tables["opt_outs"],
        policies=(
            PolicyVersion(
                document="privacy-policy",
                version="2",
                effective=CUT,
                declares=(Scope.parse("train/messages/*"),),
            ),
        ),
        subscriptions=tables["subscriptions"],
    )


def counts_of(found: Finding) -> tuple[int, ...]:
    """Return what the query selects, in its order."""
    return (
        found.members_count,
        found.members_count_high,
        found.messages,
        found.messages_high,
        *(found.by_reason[reason] for reason in REASONS),
    )


if __name__ == "__main__":
    sys.exit(main())
