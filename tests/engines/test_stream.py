"""The gate for records: the same reasons, and never an old answer."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import byleave
from byleave.consent.reason import Reason
from byleave.engines.stream import RecordGate
from byleave.errors import InputError, RefusedError
from byleave.wiring import Workspace
from tests.slow.generated import AT, make_messages, make_plan

PLAN = make_plan()
RECORDS = make_messages().slice(0, 50).to_pylist()
RECORD: dict[str, Any] = {
    "sender": "m001",
    "recipients": ["m002"],
    "sent_at": AT,
    "is_draft": False,
}


def gate(valid_for: timedelta | None = None) -> RecordGate:
    return RecordGate(PLAN, valid_for=valid_for)


def test_one_by_one_is_as_together() -> None:
    """Records decided one by one have the reasons that they have in a micro-batch."""
    together = gate().decide_all(RECORDS, ledger=PLAN.ledger)
    assert [gate().decide(record, ledger=PLAN.ledger) for record in RECORDS] == together
    assert len({verdict.reason for verdict in together}) > 3
    assert [v.kept for v in together] == [v.reason is Reason.KEPT for v in together]


def test_a_plan_behind_the_ledger_does_not_answer() -> None:
    """Told of a newer ledger, a plan refuses; of its own position or an older one, it answers."""
    with pytest.raises(RefusedError) as caught:
        gate().decide(RECORD, ledger=PLAN.ledger + 1)
    assert caught.value.code == "gate.plan-behind"
    assert gate().decide(RECORD, ledger=PLAN.ledger) == gate().decide(RECORD, ledger=0)


def test_a_plan_answers_for_its_time_alone() -> None:
    """Outside the time that it may answer for, before its instant or long after, a plan refuses."""
    timed = gate(timedelta(minutes=5))
    for late in (timedelta(0), timedelta(minutes=5)):
        timed.decide(RECORD, ledger=0, now=AT + late)
    for late in (timedelta(seconds=-1), timedelta(minutes=5, seconds=1)):
        with pytest.raises(RefusedError):
            timed.decide(RECORD, ledger=0, now=AT + late)
    with pytest.raises(InputError):
        timed.decide(RECORD, ledger=0)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"sender": 1.5}, "contract.column-type"),
        ({"sender": {"id": "m001"}}, "contract.column-type"),
        ({"recipients": ["m002", 3]}, "contract.column-type"),
        ({"sent_at": "soon"}, "contract.column-value"),
        ({"is_draft": "no"}, "contract.column-type"),
        ({"sender": object()}, "contract.column-type"),
        ({"sender": 2**70}, "contract.column-type"),
    ],
)
def test_a_value_that_does_not_fit_fails_the_whole_batch(change: dict[str, Any], code: str) -> None:
    """One record with a value that cannot play its part: a typed error, and no verdict for any."""
    asked = gate()
    with pytest.raises(InputError) as caught:
        asked.decide_all([RECORD | change], ledger=0)
    assert caught.value.code == code
    assert asked.tally.rows == 0
    assert "m001" not in str(caught.value.to_dict())


@pytest.mark.parametrize("column", ["sender", "recipients", "sent_at", "is_draft"])
def test_a_record_without_a_column_is_refused(column: str) -> None:
    """A column that is absent, in one record of many, is refused by name; null is an answer."""
    short = {name: value for name, value in RECORD.items() if name != column}
    for records in ([short], [RECORD, short]):
        with pytest.raises(InputError, match=column) as caught:
            gate().decide_all(records, ledger=0)
        assert caught.value.code == "contract.column-missing"
    gate().decide(RECORD | {column: None}, ledger=0)


def test_nulls_in_a_list_are_a_reason() -> None:
    """A recipient that nobody recorded drops the record, and fails nothing."""
    verdict = gate().decide(RECORD | {"recipients": ["m002", None]}, ledger=0)
    assert (verdict.reason, verdict.party) == (Reason.PARTY_MISSING, 2)
    assert gate().decide_all([], ledger=0) == []


# -- of a workspace -------------------------------------------------------------------------------

USE = "train.generative.replies/messages.inmail/platform"
CONTRACT = """\
contract: v1
parties: {author: sender, recipients: to}
category_constant: messages.inmail
"""
SENT = {"sender": "ann", "to": "bo"}


class Clock:
    def __init__(self) -> None:
        self.now = datetime(2025, 1, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def workspace(tmp_path: Path, clock: Clock) -> Iterator[Workspace]:
    with byleave.create(tmp_path / "ws", seed=1, now=clock) as made:
        made.member.enrol(["ann", "bo"])
        made.policy.publish_notice("May we? ( ) Yes ( ) No\n", notice="ask-1", asks=[USE])
        for member in ("ann", "bo"):
            say(made, member, "grant")
        yield made


def say(workspace: Workspace, member: str, kind: str) -> None:
    getattr(workspace.consent, kind)(
        member, USE, **({"notice": "ask-1", "includes_past": True} if kind == "grant" else {})
    )


def test_a_withdrawal_is_heard_by_the_next_record(workspace: Workspace) -> None:
    """After a withdrawal the very next record is refused: there is no window with the old answer."""
    live = workspace.gate.live(USE, contract=CONTRACT)
    assert live.decide(SENT).reason is Reason.KEPT
    say(workspace, "bo", "withdraw")
    found = live.decide(SENT)
    assert (found.reason, found.party) == (Reason.PARTY_VETOED, 1)


def test_a_plan_is_kept_while_nothing_changes(workspace: Workspace) -> None:
    """Without a change of the ledger one plan answers, until its time is over."""
    live = workspace.gate.live(USE, contract=CONTRACT, valid_for=timedelta(seconds=30))
    live.decide(SENT)
    first = live.plan
    live.decide_all([SENT, SENT])
    assert live.plan is first
    for _ in range(31):
        live.decide(SENT)
    assert live.plan is not first


def test_a_move_and_an_end_are_heard_by_the_next_record(workspace: Workspace) -> None:
    """A move leaves no log entry, and a yes ends by the clock alone: neither meets an older plan."""
    live = workspace.gate.live(USE, contract=CONTRACT, valid_for=timedelta(days=30))
    assert live.decide(SENT).reason is Reason.KEPT
    before, size = live.plan, workspace.house.ledger.size()
    workspace.member.enrol(["bo"], regions={"bo": "eu"})
    assert workspace.house.ledger.size() == size
    live.decide(SENT)
    assert live.plan is not before
    ends = workspace.house.now() + timedelta(seconds=5)
    workspace.consent.grant("bo", USE, notice="ask-1", includes_past=True, expires=ends)
    while workspace.house.now() < ends:
        pass
    assert live.decide(SENT).reason is Reason.EXPIRED


def test_the_nouns_reach_the_engines(workspace: Workspace, tmp_path: Path) -> None:
    """`ws.gate.plan` and `.emit` decide a file as the ledger stands, and write what is asked."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.Table.from_pylist([SENT, {"sender": "ann", "to": "nobody"}]), tmp_path / "in")
    plan = workspace.gate.plan(USE, contract=CONTRACT)
    found = workspace.gate.emit(plan, tmp_path / "in", copy=tmp_path / "out.parquet")
    assert (found.rows, found.kept, dict(found.reasons)) == (2, 1, {"party-unknown": 1})
    assert pq.read_table(tmp_path / "out.parquet").to_pylist() == [SENT]
    assert workspace.gate.list() == []
