"""A recall there and back: 1,000 withdrawals over 10 packages, from the first order to the last answer.

    benchmarks/disclosure.py [--quick] [--json] [--members N] [--rows N] [--withdrawals N]

Ten recipients hold a package each of the same generated messages; nobody wrote them. Members
withdraw; then, in CPU seconds of this one process, with a workspace and recipients' folders on disk:

order     the gate again for each package, one order a package, logged and published
pull      each recipient reads its order, checks chain, log proof and signature
obey      each finds its rows, deletes them, rewrites the Parquet file, flushed; drafts its proof
sign      each signs its answer
take      the platform checks each answer, computes the roots again, logs it
floor     what no recipient is spared: read the ten files, leave the rows out, write and flush them

Turnaround is order to take, all ten. Rows left and rows recalled are compared at the end.
Prints one line for each number: `value` in `unit`; `goal`, and whether it is `met`; `floor`, the
value beyond which the exit status is 1.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from report import Goal, Report

from byleave.connectors.generated import generate
from byleave.consent.event import EventKind
from byleave.service.consent import NewEvent
from byleave.stores.outbox import FolderOutbox
from byleave.wiring import Workspace, create
from byleave.wiring.recipient import RecipientFolder, make_recipient
from byleave.wiring.world import ReplayClock

PACKAGES = 10
START = datetime(2024, 7, 1, tzinfo=UTC)
CONTRACT = """\
contract: v1
dataset: generated messages
record_id: [thread_id, seq]
parties:
  author: sender_id
  recipients: recipient_id
category_constant: messages.direct
collected_at: sent_at
"""
NOTICE = "May your messages train these companies' models? ( ) Yes ( ) No\n"


def taxonomy() -> str:
    """Return ten recipients as terms."""
    lines = ["taxonomy: v1", "version: ten-1", "recipients:"]
    for number in range(PACKAGES):
        lines += [
            f"  provider.r{number}:",
            f"    sentence: Recipient {number} of a benchmark.",
            f"    phrase: recipient {number}",
            "    since: ten-1",
        ]
    return "\n".join(lines) + "\n"


def use_of(number: int) -> str:
    return f"train.generative.replies/messages/provider.r{number}"


def table_of(members: int, rows: int) -> pa.Table:
    made = generate(7, members=members, threads=rows // 6, messages=rows)
    names = ("thread_id", "seq", "sender_id", "recipient_id", "text")
    return pa.table({**{n: made[n] for n in names}, "sent_at": made["thread_started_at"]})


def prepare(root: Path, members: int, rows: int, clock: ReplayClock) -> Workspace:
    """Make the platform; everybody says yes to all ten, and each pulls its package."""
    table = table_of(members, rows)
    who = pc.unique(
        pa.chunked_array([*table["sender_id"].chunks, *table["recipient_id"].chunks])
    ).to_pylist()
    ws = create(
        root / "ws", origin="benchmark.invalid/byleave", taxonomy=taxonomy(), seed=7, now=clock
    )
    uses = [use_of(number) for number in range(PACKAGES)]
    ws.policy.publish_notice(NOTICE, notice="ask-1", asks=uses)
    ws.source.add("messages", table, CONTRACT, regions=dict.fromkeys(map(str, who), "eu"))
    clock.set(START + timedelta(days=1))
    for use in uses:
        scope = ws.scope(use)
        ws.consent.record(
            [
                NewEvent(
                    member=str(member),
                    kind=EventKind.GRANT,
                    scope=scope,
                    notice="ask-1",
                    includes_past=True,
                )
                for member in who
            ]
        )
    trust = ws.places.trust.read_bytes()
    for number in range(PACKAGES):
        name = f"provider.r{number}"
        make_recipient(root / name, name, trust)
        ws.disclosure.register((root / name / "card.json").read_bytes())
        ws.disclosure.offer("messages", use_of(number))
        ws.disclosure.lay_out(name, root / f"out-{number}")
        mine = RecipientFolder(root / name, now=clock)
        outbox = FolderOutbox(root / f"out-{number}")
        pulled = mine.pull(outbox)
        assert len(pulled.packages) == 1, pulled.refused
        mine.acknowledge(outbox)
        taken = ws.disclosure.receive([root / f"out-{number}"])
        assert all(refusal is None for _, _, refusal in taken)
    return ws


class Spent:
    """CPU seconds of this process, by what they were spent on."""

    def __init__(self) -> None:
        self.by: dict[str, float] = {}

    @contextmanager
    def on(self, what: str) -> Iterator[None]:
        start = time.process_time()
        yield
        self.by[what] = self.by.get(what, 0.0) + time.process_time() - start


def bare(root: Path, labels: pa.Array) -> None:
    """Read each package's rows, leave some out, write and flush: the floor."""
    for number in range(PACKAGES):
        (path,) = (root / f"provider.r{number}" / "held").glob("*/data.parquet")
        table = pq.read_table(path)
        kept = table.filter(pc.invert(pc.is_in(table["text"], value_set=labels)))
        target = root / "floor.parquet"
        pq.write_table(kept, target, compression="zstd")
        with target.open("rb") as stream:
            os.fsync(stream.fileno())
        target.unlink()


def run(root: Path, members: int, rows: int, withdrawals: int, report: Report) -> None:
    clock, spent = ReplayClock(START), Spent()
    with spent.on("prepare"):
        ws = prepare(root, members, rows, clock)
    held = sum(d["rows"] for d in ws.disclosure.list())
    clock.set(START + timedelta(days=2))
    scope = ws.scope("train/messages/*")
    ids = [ws.member.by_ordinal(number) for number in range(withdrawals)]
    ws.consent.record([NewEvent(member=m, kind=EventKind.WITHDRAWAL, scope=scope) for m in ids])
    texts = pq.read_table(next((root / "provider.r0" / "held").glob("*/data.parquet")))["text"]
    with spent.on("floor"):
        bare(root, texts.slice(0, len(texts) // 10).combine_chunks())
    with spent.on("order"):
        recalled = ws.disclosure.recall()
    assert len(recalled) == PACKAGES
    clock.set(START + timedelta(days=3))
    size = 0
    for number in range(PACKAGES):
        name, out = f"provider.r{number}", root / f"out-{number}"
        ws.disclosure.lay_out(name, out)
        mine, outbox = RecipientFolder(root / name, now=clock), FolderOutbox(out)
        with spent.on("pull"):
            pulled = mine.pull(outbox)
        assert pulled.orders, pulled.refused
        with spent.on("obey"):
            mine.obey()
        with spent.on("sign"):
            mine.sign_answers()
            mine.acknowledge(outbox)
        size += sum(p.stat().st_size for p in (out / "inbox").glob("*.answer"))
        with spent.on("take"):
            taken = ws.disclosure.receive([out])
        assert taken
        assert all(refusal is None for _, _, refusal in taken)
    status = ws.disclosure.status()
    gone = sum(d["recalled_rows"] for d in status)
    left = sum(
        h.rows for n in range(PACKAGES) for h in RecipientFolder(root / f"provider.r{n}").held()
    )
    assert {d["state"] for d in status} == {"acknowledged"}
    assert left == held - gone
    tell(report, spent, withdrawals=withdrawals, rows=held, gone=gone, answers=size)
    ws.close()


def tell(
    report: Report, spent: Spent, *, withdrawals: int, rows: int, gone: int, answers: int
) -> None:
    steps = ("order", "pull", "obey", "sign", "take")
    turnaround = sum(spent.by[step] for step in steps)
    report.add("rows out in ten packages", rows, rows, "rows")
    report.add("rows recalled", rows, gone, "rows")
    for step in steps:
        report.add(f"{step}, ten packages", withdrawals, spent.by[step], "CPU s")
    report.add("turnaround, order to last answer", withdrawals, turnaround, "CPU s", Goal(60, 180))
    report.add(
        "turnaround a row recalled", gone, 1e6 * turnaround / gone, "CPU µs", Goal(1_000, 4_000)
    )
    report.add("read and rewrite alone, ten files", rows, spent.by["floor"], "CPU s")
    report.add(
        "obey against that", rows, spent.by["obey"] / spent.by["floor"], "times", Goal(20, 60)
    )
    report.add("answers, all", gone, answers / gone, "bytes a row", Goal(600, 1_500))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="200 withdrawals, 3,000 messages")
    parser.add_argument("--json", action="store_true", help="JSON lines (default: a table)")
    parser.add_argument("--members", type=int, default=10_000)
    parser.add_argument("--rows", type=int, default=50_000)
    parser.add_argument("--withdrawals", type=int, default=1_000)
    options = parser.parse_args()
    if options.quick:
        options.members, options.rows, options.withdrawals = 1_000, 3_000, 200
    report = Report(as_json=options.json)
    root = Path(tempfile.mkdtemp(prefix="byleave-benchmark-"))
    try:
        run(root, options.members, options.rows, options.withdrawals, report)
    finally:
        shutil.rmtree(root, ignore_errors=True)
    return int(report.failed)


if __name__ == "__main__":
    sys.exit(main())
