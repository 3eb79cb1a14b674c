"""A gate run again after a few changed their mind: the record and reasons of a full run."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from byleave.consent.event import EventKind
from byleave.ids import to_us
from byleave.service.consent import NewEvent
from byleave.service.gate import dry_run, reasons_of
from byleave.service.gate_update import Updated, update_gate
from byleave.service.source import open_source
from byleave.wiring import Workspace
from byleave.wiring.world import ReplayClock
from tests.unit.service.small import ASK, CONTRACT, PLATFORM, START, asked, empty, grant

MEMBERS = 600
ROWS = 4_000


def wide_table(seed: int = 3) -> pa.Table:
    """Return generated rows of many members; a tenth of the senders write most of them."""
    draw = np.random.default_rng(seed)
    sender = (draw.random(ROWS) ** 2 * MEMBERS).astype(int)
    to = draw.integers(0, MEMBERS, ROWS)
    return pa.table(
        {
            "thread_id": np.arange(ROWS) // 4,
            "seq": np.arange(ROWS) % 4,
            "sender_id": [f"m{n}" for n in sender],
            "recipient_id": [f"m{n}" for n in to],
            "sent_at": pa.array(
                to_us(START) - draw.integers(1, 10**12, ROWS), pa.timestamp("us", tz="UTC")
            ),
            "kind": draw.choice(["inmail", "direct", "group"], ROWS),
            "text": [f"line {n}" for n in range(ROWS)],
        }
    )


def people(table: pa.Table) -> list[str]:
    return sorted({*table["sender_id"].to_pylist(), *table["recipient_id"].to_pylist()})


@pytest.fixture(scope="module")
def wide(tmp_path_factory: pytest.TempPathFactory) -> tuple[Workspace, ReplayClock, list[str]]:
    """A workspace of many members, a third of whom said yes; each test goes on where one ended."""
    clock = ReplayClock(START)
    ws = empty(tmp_path_factory.mktemp("wide") / "ws", clock)
    table = wide_table()
    who = people(table)
    asked(ws)
    ws.source.add("messages", table, CONTRACT, regions=dict.fromkeys(who[::2], "eu"))
    clock.set(START + timedelta(days=1))
    ws.consent.record([grant(m, PLATFORM, ws, past=n % 2 == 0) for n, m in enumerate(who[::3])])
    clock.set(START + timedelta(days=2))
    return ws, clock, who


def changed_minds(ws: Workspace, who: list[str], kinds: list[int], past: list[bool]) -> None:
    """Record one choice a member: yes, no, withdrawal, objection."""
    events = []
    for member, kind, back in zip(who, kinds, past, strict=True):
        if kind == 0:
            events.append(grant(member, PLATFORM, ws, past=back))
        else:
            events.append(
                NewEvent(
                    member=member,
                    kind=[EventKind.REFUSAL, EventKind.WITHDRAWAL, EventKind.OBJECTION][kind - 1],
                    scope=ws.scope(PLATFORM),
                    notice=ASK if kind == 1 else None,
                )
            )
    ws.consent.record(events)


def require_equal_to_full(ws: Workspace, made: Updated) -> None:
    """Compare with a full run at the same position and instant, on the data alone."""
    source = open_source(ws.house, "messages")
    plan = made.gated.plan
    full = dry_run(ws.house, source, plan, fresh=True)
    assert made.gated.record == full.record
    gone = full.dropped
    stored = reasons_of(ws.house, made.gate)
    for name, column in (
        ("row", gone.row),
        ("reason", gone.reason),
        ("party", gone.party),
        ("member", gone.member),
    ):
        assert np.array_equal(stored[name].to_numpy(), column), name


@settings(max_examples=12, deadline=None)
@given(data=st.data())
def test_an_update_is_a_full_run(
    wide: tuple[Workspace, ReplayClock, list[str]], data: st.DataObject
) -> None:
    """After any few choices, at any later instant, an update has the record and reasons of a run.

    Each patch stands upon the one before; the log holds each with its parent.
    """
    ws, clock, who = wide
    few = data.draw(st.lists(st.sampled_from(who), max_size=5, unique=True))
    kinds = data.draw(st.lists(st.integers(0, 3), min_size=len(few), max_size=len(few)))
    past = data.draw(st.lists(st.booleans(), min_size=len(few), max_size=len(few)))
    rule = data.draw(st.sampled_from([None, "author", "all"]))
    clock.set(clock() + timedelta(hours=data.draw(st.integers(1, 900))))
    gates = [g["gate"] for g in ws.gate.list() if g["party_rule"] == rule]
    parent = gates[-1] if gates else ws.gate.run("messages", PLATFORM, party_rule=rule)[0]
    changed_minds(ws, few, kinds, past)
    made = update_gate(ws.house, parent)
    assert (made.touched is None) == (made.why_full is not None)
    require_equal_to_full(ws, made)
    document = ws.house.ledger.object("gate", made.gate)
    assert document is not None
    if made.touched is not None:
        found = ws.house.ledger.object("gate", parent)
        assert found is not None
        assert document[2]["parent"] == found[0]
        assert ws.gate.replay(made.gate).kept == made.gated.record.kept
