"""Two thousand requests of 32 clients on loopback, and a server that is killed among them."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import pytest

import byleave
from byleave.wiring.admission import SCOPES, Admission
from tests.portal.api_site import NOTICE, USE

CLIENTS = 32
WRITES = 640
READS = 1_408
KILLED_AFTER = 200
PATIENCE = 120.0
PROGRAM = (
    "import sys; from pathlib import Path; from byleave.portal import serve; "
    "serve(workspace=Path(sys.argv[1]), host='127.0.0.1', port=int(sys.argv[2]), "
    "echo=lambda line: print(line, flush=True))"
)


class Server:
    """`byleave serve` in a process of its own, on one port over all its lives."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.base = f"http://127.0.0.1:{self.port}"
        self.start()

    def start(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(self.path), str(self.port)],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={**os.environ, "PYTHONPATH": "src"},
        )
        assert self.process.stdout is not None
        assert self.process.stdout.readline().startswith("Open ")

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.communicate()


@dataclass
class Told:
    """What the clients were told, over all lives of the server."""

    statuses: Counter[int] = field(default_factory=Counter)
    acknowledged: dict[str, int] = field(default_factory=dict)
    answers: dict[str, bytes] = field(default_factory=dict)
    unfinished: int = 0
    broken: int = 0
    enough: asyncio.Event = field(default_factory=asyncio.Event)
    up: asyncio.Event = field(default_factory=asyncio.Event)


@pytest.fixture
def tokens(tmp_path: Path) -> list[str]:
    """A workspace with a member a client, and tokens enough that no bucket runs dry."""
    with byleave.create(tmp_path / "ws") as ws:
        ws.member.enrol([f"m-{n}" for n in range(CLIENTS)])
        ws.policy.publish_notice(NOTICE, notice="ask-1", asks=[USE])
    with byleave.open(tmp_path / "ws", read_only=True) as ws, Admission(ws) as admission:
        return [
            admission.make_token(f"load-{n}", frozenset(SCOPES), reason="a test of load")
            for n in range(8)
        ]


@pytest.fixture
def server(tmp_path: Path, tokens: list[str]) -> Iterator[Server]:
    del tokens  # made before it listens
    started = Server(tmp_path / "ws")
    yield started
    if started.process.poll() is None:
        started.kill()


class Client:
    """One of the clients: sends until it is told that a thing is done, with one key."""

    def __init__(self, number: int, server: Server, token: str, told: Told) -> None:
        self.member = f"m-{number}"
        self.told = told
        self.http = httpx2.AsyncClient(
            base_url=server.base,
            headers={"authorization": f"Bearer {token}"},
            timeout=PATIENCE,
            trust_env=False,
        )

    async def choose(self, name: str, *, key: str) -> None:
        """Record a choice that its channel names, once."""
        choice = {"member": self.member, "kind": "refuse", "scope": USE, "channel": name}
        again = 0
        while True:
            headers = {"idempotency-key": key if not again else f"{key}-{again}"}
            answer = await self.send(
                "POST", "/api/v1/choices", json={"choices": [choice]}, headers=headers
            )
            if answer.status_code == 201:
                [self.told.acknowledged[name]] = answer.json()["indexes"]
                self.told.answers[name] = answer.content
                if len(self.told.acknowledged) >= KILLED_AFTER:
                    self.told.enough.set()
                return
            assert answer.json()["code"] == "api.key-unfinished", answer.text
            self.told.unfinished += 1
            for found in (await self.mine())["items"]:  # as the error's hint says: read back first
                if found["channel"] == name:
                    self.told.acknowledged[name] = found["index"]
                    return
            again += 1

    async def mine(self) -> Any:
        answer = await self.send(
            "GET", "/api/v1/choices", params={"member": self.member, "limit": 1_000}
        )
        assert answer.status_code == 200
        return answer.json()

    async def ask(self) -> None:
        """Ask for a decision."""
        answer = await self.send(
            "GET", "/api/v1/decision", params={"member": self.member, "use": USE}
        )
        assert answer.json()["allowed"] is False

    async def send(self, method: str, path: str, **more: Any) -> Any:
        """Send a request until it is answered, whoever dies meanwhile."""
        while True:
            try:
                answer = await self.http.request(method, path, **more)
            except httpx2.TransportError:
                self.told.broken += 1
                await self.told.up.wait()
                continue
            self.told.statuses[answer.status_code] += 1
            return answer


async def story(server: Server, tokens: list[str], told: Told) -> None:
    """All clients at once; the server is killed once 200 choices were acknowledged."""
    clients = [Client(n, server, tokens[n % len(tokens)], told) for n in range(CLIENTS)]
    loop = asyncio.get_running_loop()
    told.up.set()

    async def one(number: int, client: Client) -> None:
        for turn in range(WRITES // CLIENTS):
            name = f"load:{number}.{turn}"
            await client.choose(name, key=name)
            for _ in range(READS // WRITES):
                await client.ask()
        for _ in range(READS // CLIENTS - READS // WRITES * (WRITES // CLIENTS)):
            await client.ask()

    async def murderer() -> None:
        await told.enough.wait()
        told.up.clear()
        await loop.run_in_executor(None, server.kill)
        await loop.run_in_executor(None, server.start)
        told.up.set()

    await asyncio.gather(murderer(), *(one(n, client) for n, client in enumerate(clients)))
    for name in list(told.answers)[
        :CLIENTS
    ]:  # an answer of the first life, asked for in the second
        number = int(name.partition(":")[2].partition(".")[0])
        choice = {"member": f"m-{number}", "kind": "refuse", "scope": USE, "channel": name}
        again = await clients[number].send(
            "POST",
            "/api/v1/choices",
            json={"choices": [choice]},
            headers={"idempotency-key": name},
        )
        assert again.content == told.answers[name]
        assert again.headers["idempotency-replayed"] == "true"
    for client in clients:
        await client.http.aclose()


def test_under_load_and_a_kill_every_choice_is_there_once(
    server: Server, tokens: list[str]
) -> None:
    """Of 32 clients' 2,048 requests each is answered and none with a fault; after a SIGKILL among
    them, a restart and the same keys again, each choice stands in ledger and log exactly once, at
    the index that its client was told.
    """
    told = Told()
    asyncio.run(asyncio.wait_for(story(server, tokens, told), 4 * PATIENCE))
    assert set(told.statuses) <= {200, 201, 409}
    assert told.statuses[409] == told.unfinished
    assert sum(told.statuses.values()) >= WRITES + READS
    assert told.broken >= 1, "the kill met a client"
    assert len(told.acknowledged) == WRITES
    server.kill()
    with byleave.open(server.path) as ws:
        assert ws.fsck() == []
        events = [e for n in range(CLIENTS) for e in ws.consent.history(f"m-{n}")]
        assert Counter(e.channel for e in events) == dict.fromkeys(told.acknowledged, 1)
        assert {e.channel: e.index for e in events} == told.acknowledged
        assert ws.log_house.checkpoint().size > max(told.acknowledged.values())
