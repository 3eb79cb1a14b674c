"""The alleged class of the LinkedIn case at a platform's size, against the same query in SQL.

    benchmarks/case.py [--quick] [--json] [--members N] [--messages N]

Generated from a fixed seed; nobody's messages are in it. N messages of one author and one
recipient drawn at random (six in ten InMail, 1 % without a date); ids such as `member-00001234`;
half of the members subscribed; one in ten turned the switch off, one in eight made a choice (grants
of which some end and some leave out the past, refusals). Two deliveries to a third party before the
cut-off, and one after it, which the class leaves out.

affected   `exposure.cohort.affected`: pairs, one reason each, members, first use, region, delivery.
sql        The same class written by hand in DuckDB SQL, one thread, over its own tables, loaded
           before: members and messages (low and high), and pairs by reason. Counts alone: Byleave
           makes the pairs themselves and each member's reasons besides.
counts     1 where every one of those counts is the same on both sides; else 0, and exit status 1.
memory     Peak memory of the process after `affected`, over what it held before, for each message.

CPU seconds of one process; `ratio` is SQL's over Byleave's (above 1: Byleave is faster). Prints one
line for each number: `value` in `unit`; `goal`, and whether it is `met`; `floor`, the value below
which the exit status is 1.
"""

from __future__ import annotations

import argparse
import os
import resource
import sys
import time
from datetime import UTC, datetime, timedelta
from typing import Any, Final

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import duckdb
import numpy as np
import pyarrow as pa
from report import Goal, Report

from byleave.exposure.cohort import REASONS, Affected, affected, alleged_class
from byleave.exposure.practice import Delivery, PolicyVersion, Practice, Setting, SettingPeriod
from byleave.exposure.practice import Interval as Stretch
from byleave.policy.scope import Scope

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
    parser.add_argument("--quick", action="store_true", help="1 M members, 2 M messages")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--members", type=int, default=10_000_000)
    parser.add_argument("--messages", type=int, default=20_000_000)
    asked = parser.parse_args()
    members, messages = (1_000_000, 2_000_000) if asked.quick else (asked.members, asked.messages)
    report = Report(as_json=asked.json)
    tables = generated(members, messages)
    before = peak()
    found, ours = timed(lambda: affected(practice(tables), tables["choices"], alleged_class(CUT)))
    report.add("memory of affected, each message", messages, (peak() - before) / messages, "bytes")
    report.add("affected, messages", messages, messages / ours, "messages/CPU s")
    report.add("affected, members", members, members / ours, "members/CPU s")
    counts = counts_of(found)
    del found
    theirs, row = by_sql(tables)
    report.add("sql, messages", messages, messages / theirs, "messages/CPU s")
    goal = Goal(goal=0.8, floor=0.4, at_least=True)
    report.add("ratio: sql's CPU seconds over affected's", messages, theirs / ours, "", goal)
    same = Goal(goal=1, floor=1, at_least=True)
    report.add("counts are the same", messages, float(row == counts), "", same)
    if row != counts:
        print(f"affected {counts}\nsql      {row}", file=sys.stderr)
    return int(report.failed)


def generated(members: int, messages: int) -> dict[str, pa.Table]:
    """Return the tables of a case, from the seed."""
    rng = np.random.default_rng(SEED)
    width = len(str(members))
    text = [f"member-{n:0{width}}" for n in range(members)]  # once, outside what is measured
    ids = pa.array(text, pa.string())

    def who(ordinals: Any) -> pa.Array:
        return ids.take(pa.array(ordinals))

    def instants(count: int, days: int, mask: Any = None) -> pa.Array:
        at = np.int64(START.timestamp()) * 1_000_000 + rng.integers(0, days * DAY, count)
        return pa.array(at, mask=mask).cast(INSTANT)

    chose = rng.permutation(members)[: members // 8]
    grant = rng.random(len(chose)) < 0.8
    off = rng.permutation(members)[: members // 10]
    paying = np.arange(0, members, 2)
    edges = [START - timedelta(days=365), START + timedelta(days=120)]
    return {
        "messages": pa.table(
            {
                "record": pa.array(np.arange(messages)),
                "author": who(rng.integers(0, members, messages)),
                "recipients": who(rng.integers(0, members, messages)),
                "sent_at": instants(messages, 80, rng.random(messages) < 0.01),
                "kind": pa.array(["direct", "inmail"]).take(
                    pa.array((rng.random(messages) < 0.6).astype(np.int64))
                ),
            }
        ),
        "choices": pa.table(
            {
                "member": who(chose),
                "at": instants(len(chose), 50),
                "decision": pa.array(["refusal", "grant"]).take(pa.array(grant.astype(np.int64))),
                "expires": pa.array(
                    np.full(len(chose), int(DELIVERIES[1].timestamp()) * 1_000_000 - DAY),
                    mask=~(grant & (rng.random(len(chose)) < 0.2)),
                ).cast(INSTANT),
                "includes_past": pa.array(rng.random(len(chose)) < 0.5),
            }
        ),
        "opt_outs": pa.table({"member": who(off), "at": instants(len(off), 80)}),
        "subscriptions": pa.table(
            {
                "member": who(paying),
                "start": pa.array([edges[0]], INSTANT).take(pa.array(np.zeros(len(paying), int))),
                "end": pa.array([edges[1]], INSTANT).take(pa.array(np.zeros(len(paying), int))),
            }
        ),
    }


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


def counts_of(found: Affected) -> tuple[int, ...]:
    """Return what the query selects, in its order."""
    return (
        found.members_count,
        found.members_count_high,
        found.messages,
        found.messages_high,
        *(found.by_reason[reason] for reason in REASONS),
    )


def by_sql(tables: dict[str, pa.Table]) -> tuple[float, tuple[int, ...]]:
    """Return the CPU seconds of the query over DuckDB's own tables, and its one row."""
    with duckdb.connect() as database:
        database.execute("SET threads = 1; SET TimeZone = 'UTC'")
        for name, table in tables.items():
            database.register("arrow_table", table)
            sql = f"CREATE TABLE {name} AS SELECT * FROM arrow_table"  # noqa: S608 - our names
            database.execute(sql)
            database.unregister("arrow_table")
        row, seconds = timed(lambda: database.execute(SQL).fetchone())
    return seconds, tuple(row or ())


def timed(work: Any) -> tuple[Any, float]:
    """Return what `work` returns and its CPU seconds."""
    start = time.process_time()
    found = work()
    return found, time.process_time() - start


def peak() -> int:
    """Return the most memory the process has held, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


if __name__ == "__main__":
    sys.exit(main())
