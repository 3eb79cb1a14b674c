"""The commands of witnesses, monitors and outsiders' checks, against a witness that answers."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from byleave.cli.witness_http import WitnessServer
from byleave.ids import Digest
from byleave.note import SignerKey, parse_checkpoint, parse_note, parse_trust, sign_note
from byleave.wiring import create
from byleave.wiring import open as open_workspace
from byleave.wiring.witness import WitnessHouse, make_witness
from tests.cli.conftest import Say


@contextmanager
def answering(folder: Path) -> Iterator[str]:
    server = WitnessServer(WitnessHouse(folder), host="127.0.0.1", port=0)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield server.url
    finally:
        server.shutdown()
        server.server_close()
        thread.join(120)


@pytest.fixture
def platform(tmp_path: Path) -> Path:
    create(tmp_path / "p", origin="log.test.invalid").close()
    config = tmp_path / "p" / "byleave.toml"
    config.write_text(config.read_text() + "witness_wait = 0\n")
    return tmp_path / "p"


def test_a_platform_gets_a_witness(tmp_path: Path, platform: Path, say: Say) -> None:
    """From making a witness to a cosigned checkpoint; when it is down, what is recorded is kept and told."""
    w, trust = tmp_path / "w", platform / "trust.policy"
    assert say("witness", "init", str(w), "--name", "w.test.invalid").code == 0
    assert say("witness", "add", str(w), str(trust)).code == 0
    vkey = (w / "witness.vkey").read_text().strip()
    with answering(w) as url:
        asked = say("log", "witness", "W1", vkey, url, "-w", str(platform))
        assert asked.code == 0, asked.err
        assert "cosigned by W1" in asked.out
    assert parse_trust(trust.read_text()).quorum == "witnesses"
    before = (platform / "log" / "checkpoint").read_bytes()
    failed = say("member", "enrol", "m-1", "-w", str(platform))
    assert failed.code == 1
    assert "log.quorum-unmet" in failed.err
    assert say("member", "enrol", "m-2", "-w", str(platform)).code == 1
    assert (platform / "log" / "checkpoint").read_bytes() == before
    with open_workspace(platform, read_only=True) as ws:
        assert ws.ledger.member_count() == 2
        assert ws.ledger.size() == 4
    assert say("log", "publish", "-w", str(platform)).code == 1


def test_a_held_log_is_published_later(tmp_path: Path, platform: Path, say: Say) -> None:
    """With witness_down = hold commands succeed while a witness is down, and publish serves all later."""
    w, trust = tmp_path / "w", platform / "trust.policy"
    key = make_witness(w, "w.test.invalid")
    WitnessHouse(w).follow(parse_trust(trust.read_text()).logs)
    server = WitnessServer(WitnessHouse(w), host="127.0.0.1", port=0)
    port = server.server_address[1]
    server.server_close()
    with open_workspace(platform) as ws, answering(w) as url:
        ws.log.add_witness("W1", str(key), url)
    text = trust.read_text().replace(url, f"http://127.0.0.1:{port}")
    trust.write_text(text)
    config = platform / "byleave.toml"
    config.write_text(config.read_text() + 'witness_down = "hold"\n')
    assert say("member", "enrol", "m-1", "-w", str(platform)).code == 0
    head = json.loads(say("log", "checkpoint", "-w", str(platform), "--json").out)
    assert (head["size"], head["witnesses"]) == (2, ["W1"])
    server = WitnessServer(WitnessHouse(w), host="127.0.0.1", port=port)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        head = json.loads(say("log", "publish", "-w", str(platform), "--json").out)
    finally:
        server.shutdown()
        server.server_close()
        thread.join(120)
    assert (head["size"], head["witnesses"]) == (3, ["W1"])
    twice = say("log", "witness", "W1", str(key), url, "-w", str(platform))
    assert (twice.code, "asked already" in twice.err) == (2, True)


def test_a_witness_that_cannot_be_asked_changes_nothing(platform: Path, say: Say) -> None:
    """Adding a witness that does not answer, or is no witness, leaves the trust file as it was."""
    trust = platform / "trust.policy"
    before = trust.read_bytes()
    key = SignerKey(name="w.test.invalid", seed=bytes(32))
    for words, code in (
        (["W1", str(key.verifier), "http://127.0.0.1:1"], 2),
        (["W1", "nonsense", "http://127.0.0.1:1"], 2),
        (["none", "nonsense"], 2),
    ):
        assert say("log", "witness", *words, "-w", str(platform)).code == code
    from byleave.note import KeyType

    cosigner = SignerKey(name="w.test.invalid", type=KeyType.COSIGNATURE, seed=bytes(32))
    said = say(
        "log", "witness", "W1", str(cosigner.verifier), "http://127.0.0.1:1", "-w", str(platform)
    )
    assert (said.code, trust.read_bytes()) == (1, before)
    assert say("member", "enrol", "m-1", "-w", str(platform)).code == 0


def test_a_fork_is_found_kept_and_checked(tmp_path: Path, platform: Path, say: Say) -> None:
    """A log that rewrites its history is told with exit code 3, and the proof file convinces anybody."""
    trust, state, fork = platform / "trust.policy", tmp_path / "s", tmp_path / "f"
    words = ["log", "monitor", str(platform / "log"), "--trust", str(trust), "--state", str(state)]
    assert say(*words, "--fork", str(fork)).code == 0
    key = SignerKey.parse((platform / "keys" / "log.key").read_text().strip())
    note = platform / "log" / "checkpoint"
    honest = note.read_bytes()
    at = parse_checkpoint(parse_note(honest).text)
    from dataclasses import replace

    note.write_bytes(sign_note(replace(at, root=Digest(bytes(32))).format(), [key]))
    told = say(*words, "--fork", str(fork))
    assert told.code == 3
    assert "log.forked" in told.err
    note.write_bytes(honest)
    later = say(*words, "--fork", str(fork))
    assert (later.code, later.out.count("log.forked")) == (3, 1)
    checked = say("log", "monitor", "--check", str(fork), "--trust", str(trust))
    assert checked.code == 0
    assert checked.out.startswith("FORKED: log.test.invalid")
    fork.write_bytes(fork.read_bytes()[:-2])
    assert say("log", "monitor", "--check", str(fork), "--trust", str(trust)).code == 3


@pytest.mark.parametrize(
    ("damage", "code"),
    [
        ("truncated tile", "log.tile-damaged"),
        ("flipped bit", "log.entry-damaged"),
        ("wrong origin", "trust.unknown-log"),
        ("no checkpoint", "log.no-checkpoint"),
        ("huge file", "log.tile-damaged"),
        ("huge state", "proof.too-large"),
        ("huge trust file", "trust.malformed"),
    ],
)
def test_bad_logs_each_have_their_error(
    tmp_path: Path, platform: Path, say: Say, damage: str, code: str
) -> None:
    """A damaged, foreign, empty or gigantic log is refused by its own code, in bounded time and memory."""
    log, trust, state = platform / "log", platform / "trust.policy", tmp_path / "s"
    tile = log / "tile" / "0" / "000.p" / "2"
    bundle = log / "tile" / "entries" / "000.p" / "2"
    if damage == "truncated tile":
        tile.write_bytes(tile.read_bytes()[:-1])
    elif damage == "flipped bit":
        data = bytearray(bundle.read_bytes())
        data[10] ^= 4
        bundle.write_bytes(bytes(data))
    elif damage == "wrong origin":
        other = SignerKey(name="other.invalid", seed=bytes(32)).verifier
        trust.write_text(f"log {other}\nquorum none\n")
    elif damage == "no checkpoint":
        (log / "checkpoint").unlink()
    else:
        path = {"huge file": bundle, "huge state": state, "huge trust file": trust}[damage]
        with path.open("wb") as stream:
            stream.truncate(1 << 30)
    said = say("log", "monitor", str(log), "--trust", str(trust), "--state", str(state))
    assert said.code == (2 if damage == "no checkpoint" else 3)
    assert f"error[{code}]" in said.err


@pytest.mark.parametrize("damage", ["flipped", "gone"])
def test_a_damaged_log_of_ones_own_is_listed_and_not_signed_over(
    platform: Path, say: Say, damage: str
) -> None:
    """With a published tile damaged nothing is signed, commands say what is durable, fsck lists it."""
    tile = platform / "log" / "tile" / "0" / "000.p" / "2"
    data = bytearray(tile.read_bytes())
    data[-1] ^= 1
    tile.write_bytes(bytes(data))
    if damage == "gone":
        tile.unlink()
    before = (platform / "log" / "checkpoint").read_bytes()
    said = say("member", "enrol", "m-1", "-w", str(platform))
    assert said.code == 3
    assert "what was recorded is durable" in said.err
    assert (platform / "log" / "checkpoint").read_bytes() == before
    listed = say("fsck", "-w", str(platform))
    assert (listed.code, listed.err) == (3, "")
    assert "NOT SOUND" in listed.out
    assert "FAIL  log/" in listed.out


def test_serving_ends_with_ctrl_c(tmp_path: Path) -> None:
    """`witness serve` says where it listens, answers, and ends with exit code 0 on Ctrl-C."""
    make_witness(tmp_path / "w", "w.test.invalid")
    program = [sys.executable, "-c", "from byleave.cli.main import run; run()"]
    with subprocess.Popen(
        [*program, "witness", "serve", str(tmp_path / "w"), "--port", "0"],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    ) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        process.send_signal(signal.SIGINT)
        try:
            assert process.wait(120) == 0
        finally:
            process.kill()  # it has ended, or ignores the signal
    assert line.startswith("w.test.invalid follows 0 logs at http://127.0.0.1:")
