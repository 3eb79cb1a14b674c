"""The transparency log: durable appends against the disk's own rate, publishing, following.

    benchmarks/log.py [--quick] [--json] [--entries N] [--seconds S]

append    Entries acknowledged one batch after another, a transaction of a SQLite ledger each, against
          what the disk allows: its flushes a second, measured by turns with each batch by appending
          its bytes to a file and flushing it, divided by the flushes that a batch takes, which
          `strace` counts (where it is missing: one a transaction).
          A ledger writes other bytes than the entries', pages and commitments packed: the same
          share is given of flushes of as many bytes as it writes, too (no goal), by turns with those.
          Of both the median; with the mean of the batches besides, the checkpoints of the
          write-ahead log and whatever else stalls among them (no goal).
callers   The same from two threads, whose work overlaps with one another's flushes, by turns with a
          tenth of a second of the disk's flushes, one at a time as above: of those the median, and
          of the callers all that they did in theirs, stalls and all. Two threads that each flush a
          file of their own show what the disk does with two at once (no goal).
publish   The same with a checkpoint of each batch: bundles, tiles, read-back, head, checkpoint.
          Files of a batch are flushed together, so the disk's one-after-another rate is no ceiling.
hashing   CPU of the four hashes an entry costs, as a share of the time of the batch.
bulk      N entries published at once from memory to files; an import commits 35,000 a second
          (benchmarks/consent.py), and must not wait for this.
monitor   The same log followed from nothing.

All entries are generated: commitments of a counter. Times are wall times where a disk is waited
for, CPU elsewhere. Prints one line for each number; exit status 1 where one misses its floor.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

from report import Goal, Report

from byleave import merkle
from byleave.evidence.commitment_entries import CommitmentEntries
from byleave.evidence.entry import ConsentEventEntry
from byleave.note import Checkpoint, SignerKey, parse_trust
from byleave.stores.sqlite import SqliteLedger
from byleave.stores.tile_files import TileFiles
from byleave.testing.log_faults import MemoryHead, MemorySource
from byleave.tlog.monitor import Monitor
from byleave.tlog.publish import publish
from byleave.tlog.sequencer import Sequencer

KEY = SignerKey(name="log.benchmark.invalid", seed=bytes(range(32)))
TRUST = parse_trust(f"log {KEY.verifier}\nquorum none\n")
BATCHES = (1, 100, 1_000, 10_000)
COUNTED = 20
SLICE = 0.1
GROWN = 1_000 * (4_096 + 24)


def entries(count: int) -> Sequence[bytes]:
    """Return generated entries, of the kind of which a log has most, as an import or a choice has."""
    digests = (hashlib.sha256(b"%d" % number).digest() for number in range(count))
    made = CommitmentEntries(ConsentEventEntry, b"".join(digests))
    return made if count > 1 else [*made]


class Log:
    """A ledger and its log's files in a folder, behind a sequencer."""

    def __init__(self, folder: Path) -> None:
        self.ledger = SqliteLedger(folder / "ledger.sqlite", create=True)
        self.ahead = folder / "ledger.sqlite-wal"
        self.tiles = TileFiles(folder / "log")
        self.sequencer = Sequencer(self.ledger.size, self._publish)

    def append(self, batch: Sequence[bytes]) -> int:
        prepared = self.ledger.prepared(batch)
        with self.ledger.writing() as writer:
            return writer.log_many(prepared)

    def serve(self, batch: Sequence[bytes]) -> None:
        self.append(batch)
        self.sequencer.publish()

    def fill(self, batch: Sequence[bytes]) -> None:
        """Append until the write-ahead log has its size, and SQLite writes over it."""
        while self.ahead.stat().st_size < GROWN:
            self.append(batch)

    def _publish(self) -> Checkpoint:
        return publish(self.ledger, self.tiles, self.ledger, KEY, origin=KEY.name)


def work(folder: Path, size: int, batches: int, *, served: bool, callers: int) -> None:
    """Append batches, each served where asked; what `strace` counts."""
    log = Log(folder)
    made = entries(size)

    def calls() -> None:
        for _ in range(batches // callers):
            log.append(made)
            if served:
                log.sequencer.publish()

    together([calls] * callers)
    log.ledger.close()


def together(acts: Sequence[Callable[[], object]]) -> None:
    """Run acts, each in a thread of its own where they are several."""
    if len(acts) == 1:
        acts[0]()
        return
    threads = [threading.Thread(target=act) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def flushes(size: int, *, served: bool, callers: int = 1) -> tuple[float, bool]:
    """Return flushes a batch, and whether they were counted."""
    if shutil.which("strace") is None:
        return 1.0, False
    counts = []
    for batches in (COUNTED, 2 * COUNTED):  # the first batches of a process are not the others
        with tempfile.TemporaryDirectory() as folder:
            traced = Path(folder) / "trace"
            program = [sys.executable, __file__, "--work", folder, str(size), str(batches)]
            program += ["--callers", str(callers)]
            subprocess.run(
                ["strace", "-f", "-qq", "-o", str(traced), "-e", "trace=fsync,fdatasync",
                 *program, *(["--served"] if served else [])],
                check=True, stdout=subprocess.DEVNULL,
            )  # fmt: skip
            # a call that another thread interrupts is written twice: count its beginning
            counts.append(len(re.findall(r"\b(?:fsync|fdatasync)\(", traced.read_text())))
    return (counts[1] - counts[0]) / COUNTED, True


class Disk:
    """Flushes of one file that grows by a batch's bytes before each, one at a time."""

    def __init__(self, path: Path, data: bytes) -> None:
        self._stream = path.open("wb")
        self._data = data

    def flush(self) -> None:
        self._stream.write(self._data)
        self._stream.flush()
        os.fsync(self._stream.fileno())

    def close(self) -> None:
        self._stream.close()


def growth(log: Log, made: Sequence[bytes]) -> int:
    """Return how many bytes a batch adds to the ledger's write-ahead log."""
    log.append(made)
    before = log.ahead.stat().st_size
    log.append(made)
    return max(log.ahead.stat().st_size - before, 1)


def by_turns(disk: Disk, act: Callable[[], object], seconds: float) -> tuple[float, float, float]:
    """Flush and act by turns for so long: other work on this disk then slows both alike.

    Returns:
        The medians of both, seconds: what stalls this machine now and then is not the log. And the
        mean of the act, stalls and the checkpoints of the write-ahead log among them.
    """
    flushed: list[float] = []
    times: list[float] = []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(times) < 3:
        start = time.perf_counter()
        disk.flush()
        middle = time.perf_counter()
        act()
        times.append(time.perf_counter() - middle)
        flushed.append(middle - start)
    return statistics.median(flushed), statistics.median(times), statistics.fmean(times)


def bench_batches(report: Report, seconds: float) -> None:
    for size in BATCHES:
        made = entries(size)
        raw = b"".join(made)
        hashing = time.process_time()
        merkle.all_levels(merkle.leaf_hashes([*made]))
        hashing = 2 * (time.process_time() - hashing)
        for served in (False, True):
            per_batch, counted = flushes(size, served=served)
            how = "counted by strace" if counted else "as documented"
            with tempfile.TemporaryDirectory() as name:
                log, disk = Log(Path(name)), Disk(Path(name) / "flushed", raw)
                grown = growth(log, made)
                log.fill(made)
                act = partial(log.serve if served else log.append, made)
                flushed, taken, mean = by_turns(disk, act, seconds)
                if not served:
                    alike = Disk(Path(name) / "alike", bytes(grown))
                    flushed_alike, beside, _ = by_turns(alike, act, seconds / 2)
                    alike.close()
                log.ledger.close()
                disk.close()
            what = "append and publish" if served else "append"
            report.add(f"{what}: entries acknowledged", size, size / taken, "1/s")
            report.add(f"{what}: flushes a batch, {how}", size, per_batch, "")
            report.add("this disk, by turns: flushes", size, 1 / flushed, "1/s")
            goal = Goal(0.9, 0.5, at_least=True) if size <= 1_000 else None
            share = flushed * per_batch / taken
            report.add(f"{what}: share of what the disk allows", size, share, "", goal)
            share = flushed * per_batch / mean
            report.add(f"{what}: the same share, stalls counted", size, share, "")
            if served:
                report.add("hashing: share of that time", size, hashing / taken, "", Goal(0.5, 0.8))
            else:
                report.add("append: bytes that the ledger writes", size, grown, "bytes")
                share = flushed_alike * per_batch / beside
                report.add("append: share of flushes of as many bytes", size, share, "")


def calls_a_second(act: Callable[[], object], callers: int, seconds: float) -> float:
    """Return how often a second so many threads do something, each one time after another."""
    done = [0] * callers
    start = time.perf_counter()

    def calls(caller: int) -> None:
        while time.perf_counter() < start + seconds:
            act()
            done[caller] += 1

    together([partial(calls, caller) for caller in range(callers)])
    return sum(done) / (time.perf_counter() - start)


def flush_times(disk: Disk, seconds: float) -> list[float]:
    """Return how long each flush took, one after another, for so long."""
    times = [time.perf_counter()]
    while times[-1] < times[0] + seconds:
        disk.flush()
        times.append(time.perf_counter())
    return [after - before for before, after in pairwise(times)]


def bench_callers(report: Report, seconds: float) -> None:
    for size in BATCHES:
        made = entries(size)
        raw = b"".join(made)
        per_batch, counted = flushes(size, served=False, callers=2)
        with tempfile.TemporaryDirectory() as name:
            log = Log(Path(name))
            disk, others = Disk(Path(name) / "one", raw), threading.local()

            def flush_own(name: str = name, raw: bytes = raw, others: Any = others) -> None:
                if not hasattr(others, "disk"):
                    others.disk = Disk(Path(name) / f"own{threading.get_ident()}", raw)
                others.disk.flush()

            log.fill(made)
            rates: dict[str, list[float]] = {"two": [], "log": []}
            flushed: list[float] = []
            cpu: list[float] = []
            end = time.perf_counter() + seconds
            while time.perf_counter() < end or len(cpu) < 3:
                flushed += flush_times(disk, SLICE)
                rates["two"].append(calls_a_second(flush_own, 2, SLICE))
                used = time.process_time()
                rates["log"].append(calls_a_second(partial(log.append, made), 2, SLICE))
                cpu.append((time.process_time() - used) / (rates["log"][-1] * SLICE) * 1e6)
            log.ledger.close()
            disk.close()
        two, rate = (statistics.median(rates[key]) for key in ("two", "log"))
        allows = 1 / statistics.median(flushed)
        how = "counted by strace" if counted else "as documented"
        goal = Goal(0.9, 0.5, at_least=True) if size <= 1_000 else None
        what = "append, two callers"
        report.add(f"{what}: entries acknowledged", size, rate * size, "1/s")
        report.add(f"{what}: flushes a batch, {how}", size, per_batch, "")
        report.add("this disk, by turns: flushes", size, allows, "1/s")
        report.add("this disk, by turns: flushes of two threads", size, two, "1/s")
        share = rate * per_batch / allows
        report.add(f"{what}: share of what the disk allows", size, share, "", goal)
        report.add(f"{what}: share of two threads' flushes", size, rate * per_batch / two, "")
        report.add(f"{what}: CPU of a batch", size, statistics.median(cpu), "us")


def bench_group(report: Report, seconds: float) -> None:
    """Callers on 16 threads, one entry and a checkpoint each: how many share a checkpoint."""
    with tempfile.TemporaryDirectory() as name:
        log = Log(Path(name))
        done, end = [0] * 16, time.perf_counter() + seconds
        one = entries(1)

        def calls(thread: int) -> None:
            while time.perf_counter() < end:
                log.append(one)
                log.sequencer.publish()
                done[thread] += 1

        threads = [threading.Thread(target=calls, args=(n,)) for n in range(16)]
        start = time.perf_counter()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        wall = time.perf_counter() - start
        report.add("16 callers, an entry and a checkpoint each", sum(done), sum(done) / wall, "1/s")
        report.add(
            "16 callers: entries a checkpoint", sum(done), sum(done) / log.sequencer.publications, "",
            Goal(4, 1.5, at_least=True),
        )  # fmt: skip
        log.ledger.close()


def bench_bulk(report: Report, count: int) -> None:
    made = [*entries(count)]
    with tempfile.TemporaryDirectory() as name:
        tiles = TileFiles(Path(name))
        wall, cpu = time.perf_counter(), time.process_time()
        publish(MemorySource(made), tiles, MemoryHead(), KEY, origin=KEY.name)
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        report.add(
            "bulk: published", count, count / wall, "1/s", Goal(35_000, 20_000, at_least=True)
        )
        report.add("bulk: published, CPU", count, count / cpu, "1/s")
        start = time.process_time()
        merkle.leaf_hashes(made)
        floor = time.process_time() - start
        for _ in range(count // 256):
            merkle.root([made[0][:32]] * 256)
        floor = 2 * (time.process_time() - start)
        report.add("bulk: CPU against its hashes alone", count, cpu / floor, "×")
        cpu = time.process_time()
        for _ in (monitor := Monitor(tiles, TRUST)).visit():
            pass
        cpu = time.process_time() - cpu
        assert monitor.state.next == count
        report.add("monitor: entries read and checked, CPU", count, count / cpu, "1/s")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="under a minute")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    parser.add_argument("--entries", type=int, help="of the bulk measures; default 2,000,000")
    parser.add_argument("--seconds", type=float, help="for each size of a batch; default 8")
    parser.add_argument("--work", nargs=3, help=argparse.SUPPRESS)
    parser.add_argument("--served", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--callers", type=int, default=1, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.work:
        folder, size, batches = given.work
        callers = given.callers
        work(Path(folder), int(size), int(batches), served=given.served, callers=callers)
        return 0
    report = Report(as_json=given.json)
    seconds = given.seconds or (1.0 if given.quick else 8.0)
    bench_batches(report, seconds)
    bench_callers(report, seconds)
    bench_group(report, seconds)
    bench_bulk(report, given.entries or (200_000 if given.quick else 2_000_000))
    return 1 if report.failed else 0


if __name__ == "__main__":
    sys.exit(main())
