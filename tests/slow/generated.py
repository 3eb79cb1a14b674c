"""A small generated case for the large engines: members, choices, messages, and the plan for them.

Nothing here is real. Numbers come from one seed, so that every process makes the same case.
"""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

import pyarrow as pa

from byleave.consent.event import ConsentEvent, EventKind, NoticeCoverage
from byleave.consent.reason import Reason
from byleave.consent.state import EventColumns, build
from byleave.engines.arrow import ArrowEngine
from byleave.gate.contract import parse_contract
from byleave.gate.members import MemberIndex
from byleave.gate.plan import GatePlan, MemberFacts, compile_plan, uses_of
from byleave.gate.result import GatedTable, run
from byleave.ids import LedgerIndex, MemberId
from byleave.policy.ruleset import default_rules
from byleave.policy.scope import Scope
from byleave.policy.taxonomy import default_taxonomy

__all__ = ["MESSAGES", "gated", "make_messages", "make_plan", "reasons_of"]

MEMBERS = 80
MESSAGES = 3_000
AT = datetime(2024, 11, 1, tzinfo=UTC)
SCOPE = Scope.parse("train.generative.replies/messages.inmail/platform")
CONTRACT = """\
contract: v1
record_id: number
parties:
  author: sender
  recipients: recipients
category_constant: messages.inmail
collected_at: sent_at
draft: is_draft
"""


def make_messages() -> pa.Table:
    """Return messages, some with a party, a date or a sending missing."""
    rng = random.Random(7)

    def someone() -> str:
        # a few ids that nobody has on record
        return f"m{rng.randrange(MEMBERS + 2):03d}"

    return pa.table(
        {
            "number": pa.array(range(MESSAGES), pa.int64()),
            "sender": [someone() if rng.random() > 0.02 else None for _ in range(MESSAGES)],
            "recipients": pa.array(
                [
                    [someone() for _ in range(rng.choice([0, *[1] * 12, 2, 3]))]
                    for _ in range(MESSAGES)
                ],
                pa.list_(pa.string()),
            ),
            "sent_at": pa.array(
                [
                    AT - timedelta(hours=rng.randrange(9_000)) if rng.random() > 0.05 else None
                    for _ in range(MESSAGES)
                ],
                pa.timestamp("us", "UTC"),
            ),
            "is_draft": [rng.random() < 0.02 for _ in range(MESSAGES)],
            "text": [f"generated message {number}" for number in range(MESSAGES)],
        }
    )


def make_plan() -> GatePlan:
    """Return the rules compiled for the messages: yes, yes from then on, no, yes then no, silence."""
    rng = random.Random(11)
    taxonomy = default_taxonomy()
    uses = uses_of(SCOPE, taxonomy)
    ids = [f"m{number:03d}" for number in range(MEMBERS)]
    events: list[ConsentEvent] = []

    def say(member: str, kind: EventKind, day: int, *, past: bool = False) -> None:
        then = datetime(2024, 1, 1, tzinfo=UTC) + timedelta(days=day)
        events.append(
            ConsentEvent(
                member=MemberId(member),
                index=LedgerIndex(len(events)),
                kind=kind,
                scope=SCOPE,
                effective=then,
                recorded=then,
                includes_past=past,
                notice="generated",
            )
        )

    for member in ids:
        choice = rng.random()
        if choice < 0.6:
            say(member, EventKind.GRANT, rng.randrange(200), past=choice < 0.35)
        if 0.55 < choice < 0.6:
            say(member, EventKind.WITHDRAWAL, 250)
        elif 0.6 < choice < 0.65:
            say(member, EventKind.REFUSAL, 120)
    columns = EventColumns.from_events(events, {MemberId(m): i for i, m in enumerate(ids)})
    notices = {"generated": NoticeCoverage(uses=frozenset(uses), shown=frozenset(uses))}
    return compile_plan(
        SCOPE,
        at=AT,
        contract=parse_contract(CONTRACT, name="generated"),
        taxonomy=taxonomy,
        rules=default_rules(),
        states=[build(columns, use, at=AT, members=MEMBERS, notices=notices) for use in uses],
        members=MemberIndex.of(ids),
        facts=MemberFacts.of([rng.choice(["us", "us", "us-ca", "ie", None]) for _ in ids]),
        ledger=len(events) - 1,
    )


def gated(plan: GatePlan, messages: pa.Table) -> GatedTable:
    """Return the messages through the gate, in this process, in one batch."""
    return run(
        plan,
        messages.combine_chunks().to_batches(),
        ArrowEngine(),
        schema=messages.schema,
        data="generated messages",
    )


def reasons_of(result: GatedTable) -> dict[int, str]:
    """Return the word for each row by its number; `kept` rows among them."""
    words = {int(row): Reason.KEPT.word for row in result.rows}
    dropped = zip(result.dropped.row, result.dropped.reason, strict=True)
    words |= {int(row): Reason(int(reason)).word for row, reason in dropped}
    return words
