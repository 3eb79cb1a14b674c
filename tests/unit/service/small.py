"""A small generated data set and the workspaces made of it. Nobody wrote these messages."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

import byleave
from byleave.connectors.generated import generate
from byleave.consent.event import EventKind
from byleave.service.consent import NewEvent
from byleave.wiring import Workspace, create
from byleave.wiring.world import ReplayClock

PLATFORM = "train.generative.replies/messages/platform"
PROVIDER = "train.generative.replies/messages/provider.host"
ASK = "question-1"
SWITCH = "switch-1"
START = datetime(2024, 7, 1, tzinfo=UTC)
SEED = 7
COLUMNS = {"thread": "thread_id", "seq": "seq", "author": "sender_id", "text": "text"}

TAXONOMY = """\
taxonomy: v1
version: small-1
recipients:
  provider.host:
    sentence: The company that hosts the models of a test.
    phrase: the company that hosts the models
    since: small-1
"""

CONTRACT = """\
contract: v1
dataset: a small generated set
record_id: [thread_id, seq]
parties:
  author: sender_id
  recipients: recipient_id
kind: kind
kinds:
  inmail: messages.inmail
  direct: messages.direct
collected_at: sent_at
"""

NOTICE = "May your messages train the model that suggests replies? ( ) Yes ( ) No\n"


def small_table(*, members: int = 40, threads: int = 60, messages: int = 600) -> pa.Table:
    """Return generated messages, all before `START`; every fifth row is an InMail."""
    made = generate(SEED, members=members, threads=threads, messages=messages)
    kinds = ["inmail" if row % 5 == 0 else "direct" for row in range(made.num_rows)]
    return pa.table(
        {
            "thread_id": made["thread_id"],
            "seq": made["seq"],
            "sender_id": made["sender_id"],
            "recipient_id": made["recipient_id"],
            "sent_at": made["thread_started_at"],
            "kind": kinds,
            "text": made["text"],
        }
    )


def empty(path: Path, clock: ReplayClock | None = None, *, taxonomy: str = TAXONOMY) -> Workspace:
    """Return an empty workspace whose secrets come from a seed."""
    return create(
        path,
        origin="log.test/byleave",
        operator="a test",
        taxonomy=taxonomy,
        seed=SEED,
        now=clock or ReplayClock(START),
    )


def asked(ws: Workspace) -> None:
    """Publish a neutral question for both recipients, and a switch that is on."""
    ws.policy.publish_notice(NOTICE, notice=ASK, asks=[PLATFORM, PROVIDER])
    ws.policy.publish_notice("Use my data: [on]\n", notice=SWITCH, asks=[PLATFORM], control="on")


def people(table: pa.Table) -> list[str]:
    """Return everyone who appears, in the order of first appearance."""
    both = pa.chunked_array([*table["sender_id"].chunks, *table["recipient_id"].chunks])
    return [str(m) for m in pc.unique(both).to_pylist()]


def grant(member: str, scope: str, ws: Workspace, *, past: bool = True) -> NewEvent:
    """Return a yes to the question."""
    return NewEvent(
        member=member,
        kind=EventKind.GRANT,
        scope=ws.scope(scope),
        notice=ASK,
        includes_past=past,
    )


@dataclass(frozen=True, slots=True)
class Grown:
    """A workspace of which every kind of thing exists, closed.

    `agreed` said yes to the platform and, the first half, to the provider; `silent` said nothing;
    `withdrew` are two of `agreed` whose withdrawal is recorded but has reached nothing yet.
    """

    path: Path
    agreed: tuple[str, ...]
    silent: tuple[str, ...]
    withdrew: tuple[str, ...]
    gate: str
    snapshot: str
    run: str
    release: str
    package: str
    now: datetime

    def open(self, *, read_only: bool = False) -> Workspace:
        """Open the workspace an hour after the last act."""
        clock = ReplayClock(self.now + timedelta(hours=1))
        return byleave.open(self.path, now=clock, read_only=read_only)


def grow(path: Path) -> Grown:
    """Make a workspace with choices, gate, snapshot, run, release and package."""
    clock = ReplayClock(START)
    table = small_table()
    who = people(table)
    agreed, silent = tuple(who[:32]), tuple(who[32:])
    with empty(path, clock) as ws:
        asked(ws)
        ws.source.add("messages", table, CONTRACT, regions=dict.fromkeys(who, "eu"))
        clock.set(START + timedelta(days=1))
        ws.consent.record([grant(m, PLATFORM, ws) for m in agreed])
        ws.consent.record([grant(m, PROVIDER, ws) for m in agreed[:16]])
        clock.set(START + timedelta(days=2))
        gate, gated = ws.gate.run("messages", PLATFORM)
        snapshot = ws.snapshot.seal(gate, gated=gated)
        run = ws.model.train("replies", snapshot, columns=COLUMNS)
        release = ws.release.publish(run).release
        package = ws.disclosure.offer("messages", PROVIDER).disclosure
        clock.set(START + timedelta(days=3))
        for member in agreed[:2]:
            ws.consent.withdraw(member, "train/messages/*")
        return Grown(
            path, agreed, silent, agreed[:2], gate, snapshot, run, release, package, clock()
        )
