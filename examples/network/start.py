"""Starts all of it: Byleave's portal, the network, the provider; stops all on Ctrl-C."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from byleave.recipient import make_recipient

from .cast import fill
from .night import TOKEN, ask_questions, work
from .store import Store
from .texts import POLICY, PROVIDER, TAXONOMY

__all__ = ["Town", "main"]

_ROOT: Final = Path(__file__).resolve().parents[2]
_HERE: Final = "examples.network"
_PYTHON: Final = (sys.executable, "-m")
_BYLEAVE: Final = str(Path(sys.executable).with_name("byleave"))
_SECONDS: Final = 120.0
_FEWEST: Final = 60
_WHY: Final = "shows members their own suggestions"
"""Why the network reads members' data; each look is logged with it."""
_NIGHTS_WHY: Final = "asks members, trains on what they agreed to and takes out who left"
"""Why the night's job acts; each act is logged with it."""
_SCOPES: Final = (
    "consent.write",
    "link.write",
    "member.write",
    "model.read",
    "notice.write",
    "webhook.write",
)
_NIGHT: Final = (
    "disclosure.write",
    "gate.write",
    "job.write",
    "model.write",
    "object.read",
    "policy.write",
    "release.write",
    "source.write",
    "withdrawal.write",
)
"""What the night's job may; nothing of it reads a member."""


@dataclass(kw_only=True)
class Town:
    """All processes of the example; use it in a `with` block.

    Attributes:
        folder: Where everything stands: `byleave`, `network.sqlite`, `provider`.
        data: Folder of the real data sets, or None.
        threads: How many conversations at most.
        network: The network's address, once it runs.
        portal: Byleave's.
        provider: The provider's.
    """

    folder: Path
    data: Path | None
    threads: int
    network: str = ""
    portal: str = ""
    provider: str = ""
    _running: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def __enter__(self) -> Self:
        with ExitStack() as held:
            held.push(self)
            self._start()
            held.pop_all()
        return self

    def _start(self) -> None:
        network, portal, provider = _free_ports(3)
        self.network, self.portal = _address(network), _address(portal)
        self.provider = _address(provider)
        workspace, theirs = self.folder / "byleave", self.folder / "provider"
        fill(self.store(), self.data, threads=self.threads)
        _open_doors(workspace, embed_in=self.network)
        make_recipient(theirs, PROVIDER, (workspace / "trust.policy").read_bytes())
        _byleave("disclosure", "register", str(theirs / "card.json"), "-w", str(workspace))
        token = _token(workspace, "network", _SCOPES, "--reason", _WHY)
        night = _token(workspace, "night", _NIGHT, "--reason", _NIGHTS_WHY)
        self.store().keep("portal", self.portal)
        kept = self.folder / TOKEN
        kept.touch(mode=0o600)
        kept.write_text(night, "ascii")
        self._run([_BYLEAVE, "serve", "--workspace", str(workspace), "--port", str(portal)])
        self._run([*_PYTHON, f"{_HERE}.provider", str(theirs), str(provider), self.portal])
        self._wait(f"{self.portal}/")
        ask_questions(self.portal, night)
        seen = [str(self.folder), str(network), self.portal, self.provider]
        self._run([*_PYTHON, f"{_HERE}.web", *seen], token=token)
        self._wait(f"{self.network}/")
        work(self.folder)
        self._wait(f"{self.provider}/state.json")

    def store(self) -> Store:
        """Return the network's database."""
        return Store(self.folder / "network.sqlite")

    def _run(self, program: Sequence[str], *, token: str | None = None) -> None:
        more = {} if token is None else {"BYLEAVE_TOKEN": token}
        self._running.append(
            subprocess.Popen(  # noqa: S603 (our own programs)
                program,
                cwd=_ROOT,
                env=os.environ | more,
                stdout=subprocess.DEVNULL,
                start_new_session=True,  # Ctrl-C is ours to pass on, once
            )
        )

    def check(self) -> None:
        """Say so where one of the processes ended by itself.

        Raises:
            RuntimeError: One did.
        """
        for one in self._running:
            if one.poll() is not None:
                raise RuntimeError(f"{one.args!r} ended with {one.returncode}")

    def _wait(self, address: str) -> None:
        give_up = time.monotonic() + _SECONDS
        while time.monotonic() < give_up:
            self.check()
            try:
                with urllib.request.urlopen(address, timeout=5):  # noqa: S310 (our own)
                    return
            except (urllib.error.URLError, TimeoutError, ConnectionError):
                time.sleep(0.1)
        raise RuntimeError(f"{address} does not answer")

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for process in reversed(self._running):
            process.terminate()
        for process in self._running:
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _open_doors(workspace: Path, *, embed_in: str) -> None:
    """Make the workspace by the command line: its policy, and who may frame the settings.

    Args:
        workspace: Its folder, which is not there yet.
        embed_in: Origin of the network's pages.
    """
    terms, policy = workspace.with_name("taxonomy.yaml"), workspace.with_name("privacy-policy.md")
    terms.write_text(TAXONOMY, "utf-8")
    named = ("--origin", "localhost/network", "--operator", "the example network")
    _byleave("init", str(workspace), *named, "--taxonomy", str(terms))
    today = datetime.now(UTC)  # noqa: TID251 (a program of its own)
    policy.write_text(
        POLICY.format(
            # a text never holds before it is recorded, however slow the machine
            effective=(today + timedelta(minutes=10)).strftime("%Y-%m-%dT%H:%M:%SZ"),
            announced=(today - timedelta(days=30)).strftime("%Y-%m-%d"),
        ),
        "utf-8",
    )
    _byleave("policy", "publish", str(policy), "-w", str(workspace))
    config = workspace / "byleave.toml"
    config.write_text(f'{config.read_text("utf-8")}[portal]\nembed_in = ["{embed_in}"]\n', "utf-8")


def _token(workspace: Path, name: str, may: Sequence[str], *more: str) -> str:
    """Make an API token of the network's, as an operator does."""
    scopes = [word for scope in may for word in ("--scope", scope)]
    where = ("-w", str(workspace), "--json")
    made = _byleave("access", "token", name, *scopes, *more, *where)
    return str(json.loads(made)["secret"])


def _byleave(*words: str) -> bytes:
    """Run the command line, as an operator does; return what it printed."""
    done = subprocess.run((_BYLEAVE, *words), capture_output=True, check=False)  # noqa: S603 (ours)
    if done.returncode:
        raise RuntimeError(f"byleave {words[0]}: {done.stderr.decode(errors='replace')}")
    return done.stdout


def _free_ports(count: int) -> list[int]:
    """Return free ports of loopback, all different."""
    held = []
    for _ in range(count):
        listener = socket.socket()
        listener.bind(("127.0.0.1", 0))
        held.append(listener)
    ports = [listener.getsockname()[1] for listener in held]
    for listener in held:
        listener.close()
    return ports


def _address(port: int) -> str:
    return f"http://127.0.0.1:{port}"


def _data(named: str | None) -> Path | None:
    """Return the folder of the real sets: named, `$BYLEAVE_DATA`, or beside the checkout."""
    place = named or os.environ.get("BYLEAVE_DATA")
    folder = Path(place) if place else _ROOT.parent / "shared" / "data"
    there = (folder / "persuasion-for-good" / "messages.parquet").is_file()
    if named and not there:
        raise SystemExit(f"no persuasion-for-good/messages.parquet in {folder}")
    return folder if there else None


def main() -> int:
    """Start, print the addresses, wait for Ctrl-C, stop."""
    options = argparse.ArgumentParser(prog="python examples/network", description=__doc__)
    options.add_argument("--data", help="folder of the real data sets' folders")
    options.add_argument("--threads", type=int, default=1_017, help="conversations at most")
    options.add_argument("--keep", type=Path, help="an empty folder to keep everything in")
    given = options.parse_args()
    if given.threads < _FEWEST:
        options.error(f"with fewer than {_FEWEST} conversations nobody has enough in common")
    data = _data(given.data)
    folder = given.keep or Path(tempfile.mkdtemp(prefix="byleave-network-"))
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise SystemExit(f"{folder} is not empty")
    print("real rows of published sets" if data else "NO REAL DATA FOUND: all rows are generated")
    print("filling, asking, training …", flush=True)
    try:
        with Town(folder=folder, data=data, threads=given.threads) as town:
            print(f"\n  the network    {town.network}")
            print(f"  Byleave        {town.portal}")
            print(f"  the provider   {town.provider}")
            print("\nCtrl-C stops all three.", flush=True)
            while True:
                town.check()
                time.sleep(1)
    except KeyboardInterrupt:
        print("\nstopped")
        return 0
    finally:
        if given.keep is None:
            shutil.rmtree(folder, ignore_errors=True)
