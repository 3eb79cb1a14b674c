"""The server under 32 clients, against a bare FastAPI route that reads or writes the same rows.

    benchmarks/portal.py [--quick] [--json]

Everything is generated: members, choices, one notice. Two servers run, each a process with one
thread of Python, on loopback; the clients are one more process that speaks plain HTTP/1.1 over 32
kept connections, so on two cores the servers have one. Both servers are asked in turns, three times,
and the middle of the three ratios is shown.

decision   GET /api/v1/decision, 10,000 members with one choice each; bare: one indexed SELECT
choice     POST /api/v1/choices, durable, logged, published; bare: one INSERT and its COMMIT with
           `synchronous = FULL`, of a row with the same columns
timeline   GET /api/v1/choices of a member with 1,000 of them; bare: one SELECT of the same 1,000
           rows, rendered with the same fields
pages      a member's timeline, messages, settings and requests page and their export, in a
           workspace with a source of 5 million rows (--quick: one million): the time of one request
           (the middle of nine members), the longest that a decision takes while pages and an export
           are made, and the CPU and memory of making the index once
stop       from sending a withdrawal to a gate's plan that refuses: the choice answered, then the
           decision asked for by another connection

Prints one line for each number: `value` in `unit`; `goal`, and whether it is `met`; `floor`, the
value below which the exit status is 1.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import resource
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import uvicorn
from fastapi import FastAPI, Request

import byleave
from byleave.consent.event import EventKind
from byleave.service.consent import NewEvent
from byleave.wiring.admission import SCOPES, Admission

sys.path.insert(0, str(Path(__file__).parent))
from report import Goal, Report

USE = "train.generative.replies/messages.direct/platform"
CLIENTS = 32
NAMES = (
    "index", "kind", "scope", "effective", "recorded", "expires", "includes_past", "notice",
    "grade", "channel",
)  # fmt: skip
FIELDS = ", ".join(f'"{name}"' for name in NAMES)
_TIMELINE = f'SELECT {FIELDS} FROM choice WHERE member = ? ORDER BY "index" LIMIT ?'  # noqa: S608
HALF = Goal(0.5, 0.1, at_least=True)
SECOND = Goal(1.0, 5.0)
PAGE = Goal(0.1, 1.0)
MEANWHILE = Goal(0.1, 2.0)
PAGES = {
    "timeline": "/me",
    "messages": "/me/messages",
    "settings": "/me/settings",
    "requests": "/me/requests",
}


@dataclass(frozen=True)
class Asked:
    """What one round of requests came to."""

    rate: float
    p50: float
    p99: float


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer requests")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    parser.add_argument("--serve-bare", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve_bare:
        _serve_bare(Path(arguments.serve_bare))
        return 0
    report = Report(as_json=arguments.json)
    scale = 1 if arguments.quick else 5
    with tempfile.TemporaryDirectory(prefix="byleave-bench-") as folder:
        place = Path(folder)
        secret = _prepare(place)
        with (
            _server(["--serve-bare", str(place)], bare=True) as bare,
            _server([str(place / "ws")], bare=False) as ours,
        ):
            _measure(report, ours, bare, secret, scale)
        _pages(report, place, 1_000_000 if arguments.quick else 5_000_000)
    return int(report.failed)


def _measure(report: Report, ours: int, bare: int, secret: str, scale: int) -> None:
    auth = f"authorization: Bearer {secret}\r\n"
    use = USE.replace("/", "%2F")

    def decision(port: int) -> Callable[[int], bytes]:
        path = "/api/v1/decision" if port == ours else "/decision"
        return lambda n: _request("GET", f"{path}?member=m-{n * 7919 % 10_000}&use={use}", auth)

    def choice(port: int) -> Callable[[int], bytes]:
        path = "/api/v1/choices" if port == ours else "/choices"

        def make(n: int) -> bytes:
            body = json.dumps(
                {
                    "choices": [
                        {
                            "member": f"m-{n * 7919 % 10_000}",
                            "kind": "grant",
                            "scope": USE,
                            "notice": "ask-1",
                        }
                    ]
                }
            )
            more = f"content-type: application/json\r\nidempotency-key: {uuid.uuid4()}\r\n"
            return _request("POST", path, auth + more, body)

        return make

    def timeline(port: int) -> Callable[[int], bytes]:
        path = "/api/v1/choices" if port == ours else "/timeline"
        return lambda _n: _request("GET", f"{path}?member=long&limit=1000", auth)

    for name, size, requests, make in [
        ("decision", 10_000, 2_000 * scale, decision),
        ("timeline", 1_000, 60 * scale, timeline),
        ("choice", 10_000, 600 * scale, choice),
    ]:
        rounds = [
            (_ask(ours, requests, make(ours)), _ask(bare, requests, make(bare))) for _ in range(3)
        ]
        rounds.sort(key=lambda pair: pair[0].rate / pair[1].rate)
        mine, theirs = rounds[1]
        report.add(f"{name}: requests a second", size, mine.rate, "1/s")
        report.add(f"{name}: the bare route", size, theirs.rate, "1/s")
        report.add(f"{name}: of the bare route's rate", size, mine.rate / theirs.rate, "×", HALF)
        report.add(f"{name}: p50", size, mine.p50 * 1e3, "ms")
        report.add(f"{name}: p99", size, mine.p99 * 1e3, "ms")
        report.add(f"{name}: p99 of the bare route", size, theirs.p99 * 1e3, "ms")
    report.add("stop: withdrawal to a no", 1, _stop(ours, auth, use), "s", SECOND)


def _stop(port: int, auth: str, use: str) -> float:
    """Return the worst of twenty: seconds from sending a withdrawal to another's no."""
    worst = 0.0
    for n in range(20):
        body = json.dumps({"choices": [{"member": f"m-{n}", "kind": "withdraw", "scope": USE}]})
        more = f"content-type: application/json\r\nidempotency-key: {uuid.uuid4()}\r\n"
        start = time.perf_counter()
        _ask(port, 1, lambda _: _request("POST", "/api/v1/choices", auth + more, body), clients=1)  # noqa: B023
        answer = asyncio.run(
            _one(port, _request("GET", f"/api/v1/decision?member=m-{n}&use={use}", auth))
        )
        assert json.loads(answer)["allowed"] is False
        worst = max(worst, time.perf_counter() - start)
    return worst


def _pages(report: Report, place: Path, rows: int) -> None:
    """Measure a member's pages where a source is large."""
    _large(place, rows)
    before, held = time.process_time(), _held()
    with byleave.open(place / "large", read_only=True, caching=True) as ws:
        ws.member.prepare()
        spent = time.process_time() - before
        before = time.process_time()
        answers = [ws.member.answer(f"m-{n * 997}") for n in range(9)]
        each = (time.process_time() - before) / len(answers)
    assert all(answer["timeline"] for answer in answers)
    report.add("pages: index made once, CPU", rows, spent, "s")
    report.add("pages: a timeline's facts, CPU", rows, each, "s", PAGE)
    report.add("pages: memory that making it added at most", rows, _held() - held, "MB")
    with _server([str(place / "large")], bare=False) as port:
        with byleave.open(place / "large", read_only=True) as ws, Admission(ws) as admission:
            secret = admission.make_token("pages", frozenset(SCOPES), reason="a benchmark")
            links = [admission.make_link("member", f"m-{n * 997}") for n in range(9)]
        cookies = [_sign_in(port, link) for link in links]
        for name, path in PAGES.items():
            report.add(f"pages: {name}", rows, _median(port, path, cookies), "s", PAGE)
        report.add("pages: export", rows, _median(port, "/me/export.zip", cookies[:1]), "s")
        asked = f"authorization: Bearer {secret}\r\n"
        report.add(
            "pages: worst decision meanwhile",
            rows,
            _meanwhile(port, cookies, asked),
            "s",
            MEANWHILE,
        )


def _held() -> float:
    """Return the most memory that this process has held, MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _median(port: int, path: str, cookies: list[str]) -> float:
    times = []
    for cookie in cookies:
        start = time.perf_counter()
        asyncio.run(_one(port, _request("GET", path, f"cookie: {cookie}\r\nconnection: close\r\n")))
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def _meanwhile(port: int, cookies: list[str], asked: str) -> float:
    """Return the longest that a decision took while an export and pages were being made."""
    decide = f"/api/v1/decision?member=m-1&use={USE.replace('/', '%2F')}"

    async def busy(path: str) -> None:
        for cookie in cookies[:3]:
            await _one(port, _request("GET", path, f"cookie: {cookie}\r\nconnection: close\r\n"))

    async def both() -> float:
        work = [asyncio.create_task(busy(path)) for path in ("/me/export.zip", "/me")]
        worst = 0.0
        while not all(task.done() for task in work):
            start = time.perf_counter()
            await _one(port, _request("GET", decide, asked))
            worst = max(worst, time.perf_counter() - start)
        await asyncio.gather(*work)
        return worst

    return asyncio.run(both())


def _sign_in(port: int, link: str) -> str:
    """Return the cookie of a member's session."""

    async def enter() -> str:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        origin = f"origin: http://127.0.0.1:{port}\r\ncontent-length: 0\r\n"
        request = _request("POST", f"/in/{link}", origin).replace(
            b"host: 127.0.0.1", f"host: 127.0.0.1:{port}".encode()
        )
        writer.write(request)
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        writer.close()
        return head.partition("set-cookie: ")[2].partition(";")[0]

    return asyncio.run(enter())


def _large(place: Path, rows: int) -> None:
    """Make a workspace with a source of so many messages among a tenth as many members; and a gate."""
    members, at_once = rows // 10, 500_000
    generator = np.random.default_rng(7)
    ids = pa.array([f"m-{n}" for n in range(members)])
    schema = pa.schema({"n": pa.int64(), "by": pa.string(), "to": pa.string(), "kind": pa.string()})
    with pq.ParquetWriter(place / "large.parquet", schema) as writer:
        for first in range(0, rows, at_once):
            count = min(at_once, rows - first)
            by, to = (ids.take(pa.array(generator.integers(0, members, count))) for _ in "ab")
            kind = pa.array(np.where(generator.random(count) < 0.2, "inmail", "direct"))
            number = pa.array(np.arange(first, first + count))
            part = pa.table([number, by, to, kind], schema=schema)
            writer.write_table(part, row_group_size=1 << 17)
    with byleave.create(place / "large") as ws:
        ws.source.add("messages", [place / "large.parquet"], _CONTRACT)
        ws.policy.publish_notice("May we?\n( ) Yes  ( ) No\n", notice="ask-1", asks=[USE])
        ws.gate.run("messages", USE)


_CONTRACT = """\
contract: v1
dataset: generated
record_id: [n]
parties: {author: by, recipients: to}
kind: kind
kinds: {direct: messages.direct, inmail: messages.inmail}
"""


# clients


def _request(method: str, path: str, headers: str, body: str = "") -> bytes:
    length = f"content-length: {len(body)}\r\n" if body else ""
    return f"{method} {path} HTTP/1.1\r\nhost: 127.0.0.1\r\n{headers}{length}\r\n{body}".encode()


def _ask(
    port: int, requests: int, make: Callable[[int], bytes], *, clients: int = CLIENTS
) -> Asked:
    """Send so many requests over kept connections, each client one after another."""

    async def client(numbers: range, times: list[float]) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for n in numbers:
            data = make(n)
            start = time.perf_counter()
            writer.write(data)
            await _answer(reader)
            times.append(time.perf_counter() - start)
        writer.close()

    async def everyone() -> tuple[float, list[float]]:
        times: list[float] = []
        start = time.perf_counter()
        await asyncio.gather(
            *(client(range(first, requests, clients), times) for first in range(clients))
        )
        return time.perf_counter() - start, times

    seconds, times = asyncio.run(everyone())
    times.sort()
    return Asked(len(times) / seconds, statistics.median(times), times[int(len(times) * 0.99)])


async def _one(port: int, data: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(data)
    body = await _answer(reader)
    writer.close()
    return body


async def _answer(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    status = int(head[9:12])
    sized = head.lower().split(b"content-length:")[1:]
    if sized:
        body = await reader.readexactly(int(sized[0].split(b"\r\n")[0]))
    else:  # a stream, of a connection that closes behind it
        body = await reader.read(-1)
    if status >= 300:
        raise SystemExit(f"{status}: {body[:300]!r}")
    return body


# servers


class _server:  # noqa: N801 (used as a function)
    """A process that serves, and its port."""

    def __init__(self, arguments: list[str], *, bare: bool) -> None:
        code = (
            [sys.executable, __file__, *arguments]
            if bare
            else [sys.executable, "-c", _OURS, *arguments]
        )
        self._process = subprocess.Popen(code, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        self.port = int(self._process.stdout.readline())

    def __enter__(self) -> int:
        return self.port

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(20)


_OURS = """
import re, sys
from pathlib import Path
from byleave.portal import desk, serve
from byleave.portal.limits import Limit
desk.LIMIT = Limit(rate=1e9, burst=1e9)
say = lambda line: print(re.search(r":(\\d+)/", line).group(1), flush=True)
serve(workspace=Path(sys.argv[1]), host="127.0.0.1", port=0, echo=say)
"""


def _prepare(place: Path) -> str:
    """Make a workspace and the bare table with the same rows; return an API token."""
    members = [f"m-{n}" for n in range(10_000)]
    with byleave.create(place / "ws") as ws:
        ws.member.enrol([*members, "long"])
        ws.policy.publish_notice("May we?\n( ) Yes  ( ) No\n", notice="ask-1", asks=[USE])
        scope = ws.scope(USE)
        ws.consent.record(
            [NewEvent(member=m, kind=EventKind.GRANT, scope=scope, notice="ask-1") for m in members]
        )
        ws.consent.record(
            [NewEvent(member="long", kind=EventKind.REFUSAL, scope=scope) for _ in range(1_000)]
        )
        with Admission(ws) as admission:
            secret = admission.make_token("bench", frozenset(SCOPES), reason="a benchmark")
        rows = [
            (m, *fact.values()) for m in [*members, "long"] for fact in ws.consent.history_facts(m)
        ]
    database = sqlite3.connect(place / "bare.sqlite")
    database.executescript(
        f"PRAGMA journal_mode = WAL;CREATE TABLE choice (member TEXT, {FIELDS});"
    )
    database.executemany("INSERT INTO choice VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)
    database.execute('CREATE INDEX by_member ON choice (member, "index")')
    database.commit()
    database.close()
    return secret


def _serve_bare(place: Path) -> None:
    """Serve the bare routes."""
    app = FastAPI()
    database = sqlite3.connect(place / "bare.sqlite", isolation_level=None)
    database.executescript("PRAGMA synchronous = FULL;")

    @app.get("/decision")
    async def decision(member: str, use: str) -> dict[str, Any]:
        row = database.execute(
            'SELECT kind, "index" FROM choice WHERE member = ? ORDER BY "index" DESC LIMIT 1',
            (member,),
        ).fetchone()
        return {"allowed": row[0] == "GRANT", "because": use, "decided_by": row[1]}

    @app.get("/timeline")
    async def timeline(member: str, limit: int) -> dict[str, Any]:
        rows = database.execute(
            _TIMELINE,
            (member, limit),
        )
        return {"items": [dict(zip(NAMES, row, strict=True)) for row in rows], "next": None}

    @app.post("/choices", status_code=201)
    async def choice(request: Request) -> dict[str, Any]:
        [said] = (await request.json())["choices"]
        now = datetime.now(UTC).isoformat()
        database.execute(
            "INSERT INTO choice VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                said["member"],
                time.time_ns(),
                said["kind"],
                said["scope"],
                now,
                now,
                None,
                0,
                said["notice"],
                "bytes",
                "api",
            ),
        )
        return {"indexes": [1]}

    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)
    os.environ.pop("PYTHONPATH", None)
    config = uvicorn.Config(app, log_level="warning", access_log=False)
    uvicorn.Server(config).run(sockets=[listener])


if __name__ == "__main__":
    sys.exit(main())
