"""Step 3 and step 8: what the platform did then, and who was affected by it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from byleave.demo.population import PREMIUM_CENTS, Population
from byleave.demo.texts import PROVIDER
from byleave.exposure.cohort import REASONS, Affected, affected, alleged_class
from byleave.exposure.counterfactual import Counterfactual, counterfactual
from byleave.exposure.practice import (
    Delivery,
    Honoured,
    Interval,
    PolicyVersion,
    Practice,
    Setting,
    SettingPeriod,
    as_text,
)
from byleave.exposure.readings import Exposure, expose
from byleave.policy.scope import Scope

__all__ = [
    "DELIVERIES",
    "Judged",
    "judge",
    "messages_by_reason",
    "practice_of",
    "scopes_of",
    "used_rows",
]

SETTING_FROM: Final = datetime(2024, 8, 15, 9, tzinfo=UTC)
DECLARED_FROM: Final = datetime(2024, 9, 18, 16, tzinfo=UTC)
DISCOVERABLE: Final = datetime(2024, 9, 18, 16, tzinfo=UTC)
COMPLAINT: Final = datetime(2025, 1, 21, tzinfo=UTC)
FIRST: Final = datetime(2024, 9, 17, 12, tzinfo=UTC)
SECOND: Final = datetime(2024, 10, 14, 12, tzinfo=UTC)
DELIVERIES: Final = (
    ("package-sept", FIRST, PROVIDER),
    ("training-sept", FIRST, "platform"),
    ("package-oct", SECOND, PROVIDER),
    ("training-oct", SECOND, "platform"),
)
"""Everyone who had not opted out, twice: to the provider, and into a model of its own."""


@dataclass(frozen=True, slots=True)
class Judged:
    """Who the practice affected, what it may cost, and what the gate would have let through."""

    everyone: Affected
    pleaded: Affected
    exposure: Exposure
    with_gate: Counterfactual


def practice_of(messages: pa.Table, population: Population) -> Practice:
    """Return the practice as its records would tell it.

    Args:
        messages: `record`, `sender_id`, `recipient_id`, `sent_at`, `kind`.
        population: Who had opted out, who paid.
    """
    declared = tuple(
        PolicyVersion(
            document="privacy-policy",
            version=version,
            effective=effective,
            declares=tuple(Scope.parse(use) for use in uses),
        )
        for version, effective, uses in (
            ("1", datetime(2024, 7, 31, tzinfo=UTC), ("service.delivery/messages/platform",)),
            (
                "2",
                DECLARED_FROM,
                (
                    "train.generative.replies/messages/platform",
                    f"train.generative.replies/messages/{PROVIDER}",
                ),
            ),
        )
    )
    turned_off = [c for c in population.choices if c.answer in {"switch-off", "refuse"}]
    paying = sorted(population.premium.items())
    return Practice(
        messages=pa.table(
            {
                "record": messages["record"],
                "author": messages["sender_id"],
                "recipients": messages["recipient_id"],
                "sent_at": messages["sent_at"],
                "kind": messages["kind"],
            }
        ),
        deliveries=tuple(
            Delivery(
                id=name,
                at=at,
                recipient=recipient,
                purpose="train.generative.replies",
                honoured=Honoured.AUTHOR,
                discoverable_since=max(at, DISCOVERABLE),
            )
            for name, at, recipient in DELIVERIES
        ),
        setting=Setting("data for generative AI", (SettingPeriod(Interval(SETTING_FROM), True),)),
        opt_outs=pa.table(
            {
                "member": pa.array([c.member for c in turned_off], pa.string()),
                "at": pa.array([c.at for c in turned_off], pa.timestamp("us", "UTC")),
            }
        ),
        policies=declared,
        subscriptions=_months(paying),
        regions=_regions(population),
    )


def judge(practice: Practice, population: Population, kept: pa.Table) -> Judged:
    """Judge the practice against what members had agreed to.

    Args:
        practice: What was done.
        population: What members had said.
        kept: `record`, `delivery`: what the gate would have let through, asked at the instant of
            each delivery for its own recipient.
    """
    choices = _choices(population)
    everyone = affected(practice, choices)
    pleaded = affected(practice, choices, alleged_class(DECLARED_FROM))
    return Judged(
        everyone=everyone,
        pleaded=pleaded,
        exposure=expose(pleaded, practice, as_of=COMPLAINT),
        with_gate=counterfactual(everyone, kept),
    )


def messages_by_reason(found: Affected) -> dict[str, int]:
    """Return affected messages by reason, each once, under the first that holds for a party.

    Messages of unknown date are left out: they are counted apart, in the high end.
    """
    codes = pc.index_in(
        as_text(found.pairs["reason"]), value_set=pa.array(REASONS, pa.large_string())
    )
    pairs = pa.table({"record": as_text(found.pairs["record"]), "code": codes})
    first = pairs.group_by("record").aggregate([("code", "min")])["code_min"]
    counts = {REASONS[c["values"]]: c["counts"] for c in pc.value_counts(first).to_pylist()}
    return {r: counts[r] for r in REASONS if r in counts and r != "date-unknown"}


def _choices(population: Population) -> pa.Table:
    said = [c for c in population.choices if c.answer.startswith("grant")]
    rows = [(c, scope) for c in said for scope in scopes_of(c.scope)]
    return pa.table(
        {
            "member": pa.array([c.member for c, _ in rows], pa.string()),
            "at": pa.array([c.at for c, _ in rows], pa.timestamp("us", "UTC")),
            "decision": pa.array(["grant"] * len(rows), pa.string()),
            "includes_past": pa.array([c.answer == "grant-past" for c, _ in rows], pa.bool_()),
            "scope": pa.array([scope for _, scope in rows], pa.string()),
        }
    )


def scopes_of(choice: str) -> tuple[str, ...]:
    """Return the scopes that a drawn answer grants."""
    to = "train.generative.replies/{}/{}".format
    return {
        "all": (to("messages", "platform"),),
        "all-and-provider": (to("messages", "platform"), to("messages", PROVIDER)),
        "direct": (to("messages.direct", "platform"),),
        "inmail": (to("messages.inmail", "platform"),),
    }[choice]


def _months(paying: list[tuple[str, datetime]]) -> pa.Table:
    """Return one subscription interval a month until the complaint, with its price."""
    rows = []
    for member, start in paying:
        month = start
        while month < COMPLAINT:
            following = _next_month(month)
            rows.append((member, month, following))
            month = following
    stamp = pa.timestamp("us", "UTC")
    return pa.table(
        {
            "member": pa.array([r[0] for r in rows], pa.string()),
            "start": pa.array([r[1] for r in rows], stamp),
            "end": pa.array([r[2] for r in rows], stamp),
            "price_cents": pa.array([PREMIUM_CENTS] * len(rows), pa.int64()),
            "currency": pa.array(["USD"] * len(rows), pa.string()),
        }
    )


def _next_month(start: datetime) -> datetime:
    year, month = divmod(12 * start.year + start.month, 12)
    return start.replace(year=year, month=month + 1, day=min(start.day, 28))


def _regions(population: Population) -> pa.Table:
    known = sorted(population.regions.items())
    stamp = pa.timestamp("us", "UTC")
    return pa.table(
        {
            "member": pa.array([m for m, _ in known], pa.string()),
            "region": pa.array([r for _, r in known], pa.string()),
            "start": pa.array([None] * len(known), stamp),
            "end": pa.array([None] * len(known), stamp),
        }
    )


def used_rows(messages: pa.Table, practice: Practice, at: datetime) -> int:
    """Return how many messages one delivery of the practice took."""
    off = practice.opt_outs
    gone = [] if off is None else off.filter(pc.less(off["at"], at))["member"].to_pylist()
    sent = pc.fill_null(pc.less(messages["sent_at"], at), True)
    kept = pc.invert(
        pc.is_in(as_text(messages["sender_id"]), value_set=pa.array(gone, pa.string()))
    )
    return int(pc.sum(pc.and_(sent, kept)).as_py() or 0)
