"""A small past to ask about, and the rules of docs/case.md written again, row by row.

`by_hand` shares no code with `byleave.exposure.cohort`: it loops where that is columnar.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pyarrow as pa

from byleave.exposure.practice import (
    Delivery,
    Honoured,
    Interval,
    PolicyVersion,
    Practice,
    Setting,
    SettingPeriod,
)
from byleave.policy.scope import Scope

US = timedelta(microseconds=1)
AUGUST = datetime(2024, 8, 1, tzinfo=UTC)
USED = datetime(2024, 8, 20, tzinfo=UTC)
CUT = datetime(2024, 9, 18, tzinfo=UTC)
INSTANT = pa.timestamp("us", tz="UTC")

MESSAGES = pa.schema(
    [
        ("record", pa.string()),
        ("author", pa.string()),
        ("recipients", pa.list_(pa.string())),
        ("sent_at", INSTANT),
        ("kind", pa.string()),
    ]
)
CHOICES = pa.schema(
    [
        ("member", pa.string()),
        ("at", INSTANT),
        ("decision", pa.string()),
        ("expires", INSTANT),
        ("includes_past", pa.bool_()),
        ("scope", pa.string()),
    ]
)
OPT_OUTS = pa.schema([("member", pa.string()), ("at", INSTANT), ("on", pa.bool_())])
SUBSCRIPTIONS = pa.schema(
    [
        ("member", pa.string()),
        ("start", INSTANT),
        ("end", INSTANT),
        ("price_cents", pa.int64()),
        ("currency", pa.string()),
    ]
)
REGIONS = pa.schema(
    [
        ("member", pa.string()),
        ("region", pa.string()),
        ("start", INSTANT),
        ("end", INSTANT),
    ]
)


def rows(schema: pa.Schema, *values: tuple) -> pa.Table:
    """Return a table of the given rows; a row may leave out its last columns."""
    width = len(schema.names)
    padded = [(*row, *([None] * (width - len(row)))) for row in values]
    return pa.table(
        {name: pa.array([r[i] for r in padded], schema.field(i).type)
         for i, name in enumerate(schema.names)}
    )  # fmt: skip


def message(
    record: str = "1",
    author: str | None = "ann",
    recipients: tuple[str | None, ...] = ("bob",),
    sent: datetime | None = AUGUST,
    kind: str | None = "inmail",
) -> tuple:
    return (record, author, list(recipients), sent, kind)


def delivery(name: str = "d1", at: datetime = USED, **changes: object) -> Delivery:
    fields: dict = {
        "recipient": "third-party.provider",
        "purpose": "train.generative.replies",
        "honoured": Honoured.AUTHOR,
    }
    return Delivery(id=name, at=at, **(fields | changes))


POLICY = PolicyVersion(
    document="privacy-policy",
    version="2",
    effective=CUT,
    declares=(Scope.parse("train/messages/*"),),
)
SETTING = Setting("train", (SettingPeriod(Interval(AUGUST, None), default_on=True),))


def practice(*messages: tuple, **changes: object) -> Practice:
    fields: dict = {
        "deliveries": (delivery(),),
        "setting": SETTING,
        "policies": (POLICY,),
        "messages": rows(MESSAGES, *(messages or (message(),))),
    }
    return Practice(**(fields | changes))


def choices(*values: tuple) -> pa.Table:
    return rows(CHOICES, *values)


def by_hand(past: Practice, chosen: pa.Table | None) -> dict[tuple[str, str], str]:
    """Return {(member, record): reason} for everyone affected, by plain loops."""
    found: dict[tuple[str, str], str] = {}
    said = [] if chosen is None else chosen.to_pylist()
    switches = [] if past.opt_outs is None else past.opt_outs.to_pylist()
    for done in sorted(past.deliveries, key=lambda d: d.at):
        for row in past.messages.to_pylist():
            parties = {p for p in [row["author"], *row["recipients"]] if p is not None}
            if not _was_in(past, done, row, parties, switches):
                continue
            for member in parties:
                reason = _reason(past, done, row, member, said, switches)
                key = (member, row["record"])
                if reason is not None and found.get(key, "date-unknown") == "date-unknown":
                    found[key] = reason
    return found


def _was_in(past: Practice, done: Delivery, row: dict, parties: set, switches: list) -> bool:
    if row["sent_at"] is not None and row["sent_at"] >= done.at:
        return False
    if done.kinds is not None and row["kind"] not in done.kinds:
        return False
    off = {p for p in parties if _is_off(past, done, p, switches)}
    return {
        Honoured.NONE: True,
        Honoured.AUTHOR: row["author"] not in off,
        Honoured.ANY: not off,
        Honoured.ALL: not parties or off != parties,
    }[done.honoured]


def _is_off(past: Practice, done: Delivery, member: str, switches: list) -> bool:
    state = past.setting is not None and past.setting.default_at(done.at) is False
    touched = [s for s in switches if s["member"] == member and s["at"] <= done.at]
    for switch in sorted(touched, key=lambda s: s["at"]):
        state = not switch["on"]
    return state


def _reason(
    past: Practice, done: Delivery, row: dict, member: str, said: list, switches: list
) -> str | None:
    category = "messages" if row["kind"] is None else f"messages.{row['kind']}"
    use = done.use(category)
    events = [
        (c["at"], 0, c["decision"], c)
        for c in said
        if c["member"] == member and (c["scope"] is None or Scope.parse(c["scope"]).covers(use))
    ]
    events += [
        (s["at"], 1, "silent" if s["on"] else "refusal", s)
        for s in switches
        if s["member"] == member
    ]
    events = [e for e in events if e[0] <= done.at]
    state: str = "silent"
    event: dict = {}
    for _, _, state, event in sorted(events, key=lambda e: e[:2]):  # noqa: B007
        pass
    if state == "grant" and event["expires"] is not None and event["expires"] <= done.at:
        state = "expired"
    if state == "grant":
        sent = row["sent_at"]
        if event["includes_past"] or (sent is not None and sent >= event["at"]):
            return None
    if row["sent_at"] is None:
        return "date-unknown"
    declared = past.declared_from(use)
    for reason, holds in (
        ("refused-but-used", state in {"refusal", "withdrawal", "objection"}),
        ("collected-under-older-promise", state == "grant"),
        ("expired", state == "expired"),
        (
            "recipient-never-asked",
            member != row["author"] and done.honoured in {Honoured.AUTHOR, Honoured.NONE},
        ),
        ("before-policy", declared is None or done.at < declared),
    ):
        if holds:
            return reason
    return "no-choice"
