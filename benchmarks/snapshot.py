"""Sealing's commitment at a platform's size, deltas, proofs from the map's files, their sizes.

    benchmarks/snapshot.py [--quick] [--json] [--records N ...] [--only build,delta,prove,verify,sizes]

Everything is generated from a fixed seed; nobody's records are in it. The shape: N records of two
parties, so 2 N party records, of N / 2 members; openings come in the order of the records, parties
drawn at random, and are put aside in a file without a name, as in a workspace.

build    `snapshot.partition.MapBuilder`: put aside, order by member, commit, order by label, write
         the map's files; apart are the Parquet of openings, and what is made up of secrets and leaves. CPU seconds of all threads, so that a busy
         machine does not flatter; party records a second on two cores are 2 / (CPU seconds a party
         record). The floor in the same run: the SHA-256 blocks that the build cannot do without
         (counted from lengths), at the rate of `hashlib` over long messages: no call, no copy. It
         is sampled all along the build, because what else runs slows both.
delta    one member's withdrawal in the files of that map: hashes and tiles counted, time, and what
         its audit proof costs.
prove    a random member's proof from the files: presence with records, absence; one core.
verify   the map half of a proof, root known; one core.
sizes    the map half at 700 million members: k = 28, loads drawn from their Poisson distribution.

Prints one line for each number: `value` in `unit`; `goal`, and whether it is `met`; `floor`, the
value below which (above which, for times, ratios and bytes) the exit status is 1.
"""

from __future__ import annotations

import argparse
import hashlib
import math
import os
import resource
import shutil
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any, Self

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
import pyarrow as pa
from report import Goal, Report

from byleave.evidence.bucket import (
    AbsenceProof,
    PresenceProof,
    RecordOpening,
    ground_commitment,
    label,
    verify_absence,
    verify_presence,
)
from byleave.evidence.delta_proof import verify_delta
from byleave.snapshot import map_delta
from byleave.snapshot.commit import Enrolled, binary
from byleave.snapshot.hashing import padded
from byleave.snapshot.map_files import MapReader
from byleave.snapshot.partition import Built, MapBuilder, Ports
from byleave.stores.map_folder import MapFolder
from byleave.wiring.kernel import building

EPOCH = b"benchmark epoch."
SEED = 20240918
BATCH = 1 << 17
CORES = 2
SAMPLE_BLOCKS = 1 << 14
LOOKED_UP: list[float] = []
"""CPU seconds of making up what a ledger would be asked for."""


class People:
    """Members whose secrets are a function of their ordinal: none is kept."""

    def __init__(self, count: int) -> None:
        self.count = count

    def range(self, first: int, last: int) -> Enrolled:
        return self.take(np.arange(first, min(last, self.count)))

    def take(self, ordinals: np.ndarray) -> Enrolled:
        return Enrolled(
            secrets=_cells(ordinals, 1),
            indexes=ordinals + 100,
            leaves=_cells(ordinals, 2),
            erased=np.zeros(len(ordinals), np.bool_),
        )


def _cells(numbers: np.ndarray, stream: int) -> np.ndarray:
    """Return 32 bytes a number, by a mixing of it; no randomness is needed of them here."""
    start = time.thread_time()
    mixed = numbers.astype(np.uint64)[:, None] + np.arange(4, dtype=np.uint64) * np.uint64(stream)
    mixed = (mixed + np.uint64(0x9E3779B97F4A7C15)) * np.uint64(0xBF58476D1CE4E5B9)
    mixed ^= mixed >> np.uint64(27)
    mixed *= np.uint64(0x94D049BB133111EB)
    LOOKED_UP.append(time.thread_time() - start)
    return mixed.view(np.uint8).reshape(len(numbers), 32)


def openings(records: int, members: int, batch: int) -> pa.Table:
    """Return one batch of generated openings, in the order of the records."""
    random = np.random.default_rng([SEED, batch])
    count = min(BATCH, 2 * records - batch * BATCH)
    numbers = np.arange(count) + batch * BATCH
    salts = np.frombuffer(random.bytes(64 * count), np.uint8).reshape(count, 64)
    return pa.table(
        {
            "row": numbers // 2,
            "ordinal": random.integers(0, members, count),
            "role": (numbers % 2 + 1).astype(np.uint8),
            "ground": np.ones(count, np.uint8),
            "ground_index": random.integers(0, members, count),
            "salt": binary(salts[:, :16]),
            "ground_salt": binary(salts[:, 16:32]),
            "digest": binary(salts[:, 32:]),
        }
    )


class Peak:
    """The most memory this process held while something ran, sampled."""

    def __init__(self) -> None:
        self._stop = threading.Event()
        self.bytes = 0
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stop.wait(0.05):
            pages = int(Path("/proc/self/statm").read_text().split()[1])
            self.bytes = max(self.bytes, pages * resource.getpagesize())


class BlockRate:
    """SHA-256 blocks a second and core: `hashlib` over long messages, all along the build.

    Threads that share a core slow both alike, so the floor is sampled where the work is done.
    """

    def __init__(self) -> None:
        self._data = bytes(64 * SAMPLE_BLOCKS)
        self._blocks = 0
        self.spent = 0.0
        self.best = 0.0

    def sample(self, part: pa.Table | None = None) -> None:
        """Hash one message of a mebibyte; openings in order are let go of."""
        del part
        start = time.thread_time()
        hashlib.sha256(self._data).digest()
        spent = time.thread_time() - start
        self._blocks += SAMPLE_BLOCKS
        self.spent += spent
        self.best = max(self.best, SAMPLE_BLOCKS / spent)

    @property
    def mean(self) -> float:
        return self._blocks / self.spent


def blocks(length: int) -> int:
    """Return the SHA-256 blocks of a message."""
    return (length + 72) // 64


def least_blocks(loads: np.ndarray, party_records: int, members: int) -> float:
    """Return the blocks that a map of these loads cannot be made without."""
    trees = party_records - members  # a tree of n leaves has n - 1 nodes
    total = party_records * (blocks(57) + blocks(83)) + trees * blocks(65)
    total += members * (blocks(49) + blocks(93))
    counts = np.bincount(loads)
    for load, count in enumerate(counts.tolist()):
        if load:  # an empty bucket is a constant
            total += count * (blocks(1 + 32 * load) + blocks(34 + 16 * load))
    return total + (len(loads) - 1) * blocks(65)


def loaded(ports: Ports) -> Ports:
    """Return ports whose kernel is compiled, or loaded, before a clock runs."""
    ports.hash_rows(padded(400_000, 1), 1)
    people = People(1000)
    with MapBuilder(ordinals=people.count, party_records=BATCH, ports=ports) as builder:
        builder.add(openings(2000, people.count, 0))
        builder.build(
            epoch=EPOCH,
            k=None,
            members=people.range,
            grounds=lambda indexes: _cells(indexes, 3),
            write=lambda _path, _data: None,
            keep=lambda _part: None,
        )
    return ports


def build(report: Report, records: int, folder: Path) -> tuple[Built, People, MapFolder]:
    people = People(records // 2)
    ports = loaded(building(folder))
    files = MapFolder(folder / "map")
    floor_blocks = BlockRate()
    generating = 0.0
    LOOKED_UP.clear()
    with (
        Peak() as peak,
        MapBuilder(ordinals=people.count, party_records=2 * records, ports=ports) as builder,
    ):
        base = int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()
        start, wall = time.process_time(), time.perf_counter()
        for batch in range(-(-2 * records // BATCH)):
            before = time.process_time()
            table = openings(records, people.count, batch)
            generating += time.process_time() - before
            floor_blocks.sample()
            builder.add(table)
        built = builder.build(
            epoch=EPOCH,
            k=None,
            members=people.range,
            grounds=lambda indexes: _cells(indexes, 3),
            write=files.write,
            keep=floor_blocks.sample,
        )
        cpu = time.process_time() - start - generating - sum(LOOKED_UP) - floor_blocks.spent
        wall = time.perf_counter() - wall
    rate = floor_blocks.mean
    party = built.party_records
    width = min(256, 1 << built.k)
    loads = np.concatenate(
        [np.frombuffer(files.read(path)[:width], np.uint8) for path in bucket_paths(built.k, width)]
    )
    floor = least_blocks(loads, party, built.members) / rate
    report.add(
        "build: party records/s, two cores (CPU)",
        party,
        CORES * party / cpu,
        "/s",
        Goal(2e6, 1e6, at_least=True),
    )
    report.add("build: CPU ÷ SHA-256 block floor", party, cpu / floor, "×", Goal(6, 12))
    report.add("build: wall seconds, generating in it", party, wall, "s")
    report.add("build: SHA-256 blocks/s and core, mean (floor)", party, rate / 1e6, "M/s")
    report.add("build: SHA-256 blocks/s and core, best", party, floor_blocks.best / 1e6, "M/s")
    report.add("build: load of the machine, 5 minutes", party, os.getloadavg()[1], "")
    report.add("build: memory above the start", party, (peak.bytes - base) / 2**20, "MiB")
    report.add("build: memory of the process", party, peak.bytes / 2**20, "MiB")
    return built, people, files


def bucket_paths(k: int, width: int) -> list[str]:
    from byleave.snapshot.map_files import bucket_path

    return [bucket_path(number, k) for number in range((1 << k) // width)]


def delta(report: Report, built: Built, people: People, files: MapFolder) -> None:
    def reader() -> MapReader:
        return MapReader(k=built.k, epoch=EPOCH, root=built.root, read=files.read)

    seconds, hashes, tiles, proving = [], [], [], []
    for ordinal in range(40):
        public = label(people.take(np.array([ordinal])).secrets[0].tobytes(), EPOCH)[:16]
        old = reader()
        if public not in old.bucket(int.from_bytes(public, "big") >> (128 - built.k))[0]:
            continue
        start = time.process_time()
        changed = map_delta.changed_buckets(old, removed=[public], put=())
        change = map_delta.changed_files(old, changed)
        seconds.append(time.process_time() - start)
        hashes.append(change.hashes)
        tiles.append(sum(path.startswith("tile/") for path in change.files))

        def read(path: str, files_: Any = change.files) -> bytes:
            return files_[path] if path in files_ else files.read(path)

        start = time.process_time()
        new = MapReader(k=built.k, epoch=EPOCH, root=change.root, read=read)
        proof = map_delta.audit(old, new, change.touched)
        verify_delta(proof, k=built.k, old_root=old.root, new_root=new.root)
        proving.append(time.process_time() - start)
    size = built.members
    report.add("delta: hashes a label, less 2 + k", size, max(hashes) - 2 - built.k, "", Goal(0, 0))
    report.add("delta: tiles a label", size, max(tiles), "", Goal(4, 4))
    report.add("delta: CPU a label", size, 1e3 * float(np.median(seconds)), "ms")
    report.add("delta: audit proof made and verified", size, 1e3 * float(np.median(proving)), "ms")


def prove(report: Report, built: Built, people: People, files: MapFolder, seconds: float) -> Any:
    """Make proofs of random members, and verify the map half of them."""
    random = np.random.default_rng(SEED)
    reader = MapReader(k=built.k, epoch=EPOCH, root=built.root, read=files.read)
    strangers = [random.bytes(16) for _ in range(200_000)]
    made: list[tuple[bytes, AbsenceProof]] = []
    start = time.process_time()
    while time.process_time() - start < seconds:
        public = strangers[len(made)]
        made.append((public, reader.absence(public)))
    rate = len(made) / (time.process_time() - start)
    report.add(
        "prove: absence from files/s/core",
        built.members,
        rate,
        "/s",
        Goal(5e3, 2.5e3, at_least=True),
    )
    present: list[tuple[bytes, int, PresenceProof]] = []
    wanted = random.permutation(people.count)[:20_000]
    labels = [label(s.tobytes(), EPOCH) for s in people.take(np.sort(wanted)).secrets]
    spent = 0.0
    for ordinal, full in zip(np.sort(wanted).tolist(), labels, strict=True):
        records = [_opening(ordinal)]
        start = time.process_time()
        try:
            present.append((full, ordinal, reader.presence(full[:16], records)))
        except Exception:  # noqa: BLE001, S112 (drawn into no record: not in the map)
            continue
        spent += time.process_time() - start
        if spent > seconds:
            break
    report.add(
        "prove: presence from files/s/core",
        built.members,
        len(present) / spent,
        "/s",
        Goal(5e3, 2.5e3, at_least=True),
    )
    start = time.process_time()
    for public, proof in made:
        verify_absence(proof, public=public, k=built.k, root=built.root)
    rate = len(made) / (time.process_time() - start)
    report.add(
        "verify: absence, map half/s/core", built.members, rate, "/s", Goal(1e4, 5e3, at_least=True)
    )
    return made


def _opening(number: int) -> RecordOpening:
    leaf = hashlib.sha256(number.to_bytes(8, "big")).digest()
    return RecordOpening(
        salt=leaf[:16],
        digest=leaf,
        role=1,
        ground=1,
        ground_commitment=ground_commitment(leaf[16:], number, leaf),
    )


def small_presence(report: Report, seconds: float) -> None:
    """Verify whole presence proofs of a map small enough to know its records."""
    from byleave.evidence.bucket import bucket_leaf, inner_hash, member_commitment
    from byleave.merkle import leaf_hash, node_hash, root

    secret, leaf = bytes(32), hashlib.sha256(b"leaf").digest()
    full = label(secret, EPOCH)
    k = 28
    records = tuple(sorted((_opening(n) for n in range(2)), key=lambda r: leaf_hash(r.leaf_data())))
    own = member_commitment(
        full[16:],
        count=2,
        enrolment_index=5,
        enrolment_leaf=leaf,
        records=root([leaf_hash(r.leaf_data()) for r in records]),
    )
    node: bytes = bucket_leaf([full[:16]], inner_hash([own]))
    path = tuple(hashlib.sha256(bytes([n])).digest() for n in range(k))
    number = int.from_bytes(full[:16], "big") >> (128 - k)
    for height, sibling in enumerate(path):
        pair = (sibling, node) if number >> height & 1 else (node, sibling)
        node = node_hash(*pair)
    proof = PresenceProof(labels=(full[:16],), commitments=(), records=records, path=path)
    count, start = 0, time.process_time()
    while time.process_time() - start < seconds:
        verify_presence(
            proof, member_label=full, k=k, root=node, enrolment_index=5, enrolment_leaf=leaf
        )
        count += 1
    rate = count / (time.process_time() - start)
    report.add(
        "verify: presence of 2, k = 28, map half/s/core",
        1,
        rate,
        "/s",
        Goal(1e4, 5e3, at_least=True),
    )


def sizes(report: Report) -> None:
    """Sizes of the map half with 700 million members in 2^28 buckets, loads simulated."""
    random = np.random.default_rng(SEED)
    members, k = 700_000_000, 28
    drawn = 0
    for _ in range(16):
        drawn = max(drawn, int(random.poisson(members / 2**k, 2**24).max()))
    mean = members / 2**k
    fullest = likely_fullest(mean, 2**k)
    for words, load, goal in (
        ("mean", mean, None),
        ("fullest drawn", drawn, Goal(1300, 1300)),
        ("fullest but for 1 %", fullest, Goal(1300, 1300)),
    ):
        report.add(f"sizes: absence, map half, {words}", members, _absence(load, k), "B", goal)
    goal = Goal(2100, 2100)
    report.add(
        "sizes: presence less own records, fullest", members, _presence(fullest, k), "B", goal
    )
    report.add("sizes: members of the fullest bucket drawn", members, drawn, "", Goal(255, 255))
    report.add("sizes: members of it but for 1 %", members, fullest, "", Goal(255, 255))


def likely_fullest(mean: float, buckets: int) -> int:
    """Return the load that some bucket exceeds with a chance below 1 %."""
    load, term = 0, math.exp(-mean)
    tail = 1 - term
    while tail * buckets > 0.01:
        load += 1
        term *= mean / load
        tail = sum(
            term * mean**n * math.factorial(load) / math.factorial(load + n) for n in range(1, 60)
        )
    return load


def _absence(load: float, k: int) -> float:
    """Return the bytes of a proof of absence: load, labels, inner hash, path."""
    return 1 + 16 * load + 32 + 32 * k


def _presence(load: float, k: int) -> float:
    return 1 + 16 * load + 32 * (load - 1) + 32 * k


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="half a million records")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    parser.add_argument("--records", type=int, nargs="+", default=[1_000_000, 10_000_000])
    parser.add_argument("--only", default="build,delta,prove,verify,sizes")
    options = parser.parse_args()
    report = Report(as_json=options.json)
    wanted = set(options.only.split(","))
    seconds = 0.5 if options.quick else 3.0
    for records in [500_000] if options.quick else options.records:
        if not wanted & {"build", "delta", "prove"}:
            break
        folder = Path(tempfile.mkdtemp(prefix="byleave-snapshot-"))
        try:
            built, people, files = build(report, records, folder)
            if "delta" in wanted:
                delta(report, built, people, files)
            if "prove" in wanted:
                prove(report, built, people, files, seconds)
        finally:
            shutil.rmtree(folder)
    if "verify" in wanted:
        small_presence(report, seconds)
    if "sizes" in wanted:
        sizes(report)
    return int(report.failed)


if __name__ == "__main__":
    sys.exit(main())
