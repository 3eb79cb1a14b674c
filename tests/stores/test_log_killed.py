"""A publisher killed at any moment loses nothing it acknowledged, and never forks."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from moto.server import ThreadedMotoServer

from byleave import merkle
from byleave.note import parse_checkpoint, parse_note
from byleave.stores.sqlite import SqliteLedger
from byleave.testing.log_process import KEY, entries_of
from byleave.tlog.fsck import fsck
from byleave.tlog.ports import TileStore
from byleave.tlog.publish import publish
from tests.stores.log_opener import BUCKET, client_of, open_in_bucket, open_log

ROUNDS = 5
ENOUGH = 12


def killed(opener: str, place: str, name: str, seconds: float) -> list[list[str]]:
    """Run the process, kill it so long after its first promise, and return all its promises.

    A busy machine may keep few promises in that time: the process lives until it has made `ENOUGH`.
    """
    program = [sys.executable, "-m", "byleave.testing.log_process"]
    arguments = [f"tests.stores.log_opener:{opener}", place, name]
    root = Path(__file__).resolve().parents[2]
    with subprocess.Popen(
        [*program, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root)},
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        first = process.stdout.readline()
        end = time.monotonic() + seconds
        lines = [first]
        while time.monotonic() < end or len(lines) < ENOUGH:
            if not (line := process.stdout.readline()):
                break
            lines.append(line)
        process.send_signal(signal.SIGKILL)
        rest, told = process.stdout.read(), process.stderr.read()
        assert process.wait() == -signal.SIGKILL, told
        assert not told, told
    # what was cut off in the middle of a line was not promised
    whole = "".join([*lines, rest])
    return [line.split() for line in whole[: whole.rfind("\n")].split("\n")]


def stands(
    folder: Path,
    opener: Callable[[str], tuple[SqliteLedger, TileStore]],
    place: str,
    *,
    rounds: int = ROUNDS,
) -> None:
    """Kill the process again and again, and hold what is left to what was promised."""
    SqliteLedger(folder / "ledger.sqlite", create=True).close()
    draw = random.Random(5)
    promises: list[list[str]] = []
    heads: list[bytes] = []
    for number in range(rounds):
        seconds = draw.uniform(0.05, 0.5)
        promises += killed(opener.__name__, place, f"run{number}", seconds)
        ledger, tiles = opener(place)
        heads += [note for note in (ledger.get(), tiles.read_checkpoint()) if note]
        if number % 2:  # every second time the next process finds it as it was left
            publish(ledger, tiles, ledger, KEY, origin=KEY.name)
        ledger.close()
    ledger, tiles = opener(place)
    publish(ledger, tiles, ledger, KEY, origin=KEY.name)
    report = fsck(tiles, KEY.verifier, origin=KEY.name, source=ledger, head=ledger)
    assert report.problems == ()
    entries = ledger.read(0, ledger.size())
    ledger.close()
    acks = [line for line in promises if line[0] == "ack"]
    served = [(int(line[1]), line[2]) for line in promises if line[0] == "served"]
    assert len(acks) > rounds
    for _, first, count, name, batch in acks:
        wanted = entries_of(name, int(batch), int(count))
        assert entries[int(first) : int(first) + int(count)] == wanted
    signed = [parse_checkpoint(parse_note(note).text) for note in heads]
    leaves = merkle.leaf_hashes(entries)
    for size, root in {*served, *((at.size, at.root.hex()) for at in signed)}:
        assert merkle.root(leaves[:size]).hex() == root


def test_nothing_acknowledged_is_lost_and_nothing_forks(tmp_path: Path) -> None:
    """Killed again and again under load, every acknowledged entry stands at its index in the log,
    and every checkpoint that was served or signed is the beginning of the final tree.
    """
    stands(tmp_path, open_log, str(tmp_path))


def test_nothing_is_lost_and_nothing_forks_in_a_bucket(tmp_path: Path) -> None:
    """The same where the tiles are in an S3 store, which a publisher reaches over HTTP."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        address = f"http://{host}:{port}"
        client_of(address).create_bucket(Bucket=BUCKET)
        stands(tmp_path, open_in_bucket, f"{address} {tmp_path}", rounds=3)
    finally:
        server.stop()
