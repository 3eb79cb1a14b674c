"""A case over the past as one file: who was affected, why, by what, and the range it may cost.

Made from the object that `case run --json` prints: counts and ranges, no id of a member or a
message. What is said of a real dispute is said as alleged, with how it ended beside it. The file
allows its own style sheet and nothing else. Equal objects give equal bytes.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from byleave.ids import parse_instant
from byleave.pages.charts import Bar, Caption, Chart, Interval, bars, intervals
from byleave.pages.html import environment, style
from byleave.pages.words import count, date, say

__all__ = ["case_page"]

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """One cohort as the template shows it; a figure is None where there is nothing to draw."""

    name: str
    title: str
    reasons: Chart | None
    deliveries: Chart | None
    cost: Chart | None
    gate: str | None


def case_page(data: Json) -> str:
    """Write the page of a case.

    Args:
        data: `CaseReport.to_dict()`.
    """
    css = style().decode("utf-8")
    digest = base64.b64encode(hashlib.sha256(css.encode("utf-8")).digest()).decode("ascii")
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    cohorts = data["cohorts"]
    return (
        environment()
        .get_template("case.html")
        .render(
            case=data,
            cohorts=[_part(data, cohort) for cohort in cohorts],
            readings=cohorts[0]["exposure"]["readings"] if cohorts else (),
            gate_run=_gate_run(data["gate"]) if data.get("gate") else None,
            css=css,
            policy=policy,
        )
    )


def _part(data: Json, cohort: Json) -> _Part:
    found, gate = cohort["affected"], cohort["with_the_gate"]
    pairs = sum(row["pairs"] for row in found["rows_by_reason"])
    return _Part(
        name=found["cohort"],
        title=found["title"],
        reasons=_reasons(data, found) if pairs else None,
        deliveries=_deliveries(data, found) if pairs else None,
        cost=_cost(cohort["exposure"]),
        gate=None
        if gate is None
        else say(
            "case.gate",
            stopped=f"{gate['stopped']:,}",
            affected=count(gate["affected"], "affected message"),
            through=f"{gate['let_through']:,}",
            members=count(gate["members_still"], "member"),
        ),
    )


def _reasons(data: Json, found: Json) -> Chart:
    """Draw pairs of member and message by the one reason of each."""
    rows = found["rows_by_reason"]
    shown = sorted((r for r in rows if r["pairs"]), key=lambda r: (-r["pairs"], r["reason"]))
    caption = Caption(
        headline=f"{_span(found['members'], 'member')} affected by "
        f"{_span(found['messages'], 'message')}; the reason met most: {shown[0]['reason']}.",
        subtitle="Pairs of member and message, each under its first reason, as of "
        f"{date(parse_instant(data['as_of']))}.",
        columns=("Reason", "Pairs", "Members", "Messages"),
        rows=tuple(
            (r["reason"], f"{r['pairs']:,}", f"{r['members']:,}", f"{r['messages']:,}")
            for r in rows
        ),
    )
    return bars(
        caption,
        [
            Bar(label=r["reason"], value=r["pairs"], shown=f"{r['pairs']:,}", main=r is shown[0])
            for r in shown
        ],
    )


def _deliveries(data: Json, found: Json) -> Chart:
    """Draw the messages that each delivery affected by itself."""
    rows = found["by_delivery"]
    at = {d["id"]: date(parse_instant(d["at"])) for d in data["deliveries"]}
    most = max(rows, key=lambda row: row["messages"])
    touched = sum(1 for row in rows if row["messages"])
    which = f"; {most['delivery']} held the most." if touched > 1 else f": {most['delivery']}."
    caption = Caption(
        headline=f"{touched:,} of {count(len(rows), 'delivery', 'deliveries')} held such messages"
        + (which if touched else "."),
        subtitle="Messages affected by each delivery or training run; one message may be in several.",
        columns=("Delivery", "Day", "Members", "Messages"),
        rows=tuple(
            (r["delivery"], at[r["delivery"]], f"{r['members']:,}", f"{r['messages']:,}")
            for r in rows
        ),
    )
    return bars(
        caption,
        [
            Bar(label=r["delivery"], value=r["messages"], shown=f"{r['messages']:,}", main=r is most)
            for r in rows
        ],
    )  # fmt: skip


def _cost(exposure: Json) -> Chart | None:
    """Draw the range of each reading; None where no reading gives an amount."""
    known = [r for r in exposure["readings"] if r["high"] is not None]
    if not known:
        return None
    money = exposure["currency"]
    caption = Caption(
        headline=f"From {money} {exposure['low']:,} to {money} {exposure['high']:,} over the "
        "readings of the dispute: the widest range, not a likely sum."
        if any(not r["ours"] for r in known)
        else "Only readings that we added give an amount.",
        subtitle=f"Low and high end of each reading in {money}, as of "
        f"{date(parse_instant(exposure['as_of']))}; grey: our addition, or an outer bound.",
        columns=("Reading", "Persons", "Low", "High", "Too late", "In the dispute"),
        rows=tuple(
            (
                r["name"],
                f"{r['persons_high']:,}",
                f"{r['low']:,}",
                "not computable" if r["high"] is None else f"{r['high']:,}",
                f"{r['time_barred']:,}",
                "our addition" if r["ours"] else "outer bound" if r["outer"] else "yes",
            )
            for r in exposure["readings"]
        ),
    )
    ranges = [
        Interval(
            label=r["name"],
            low=r["low"],
            high=r["high"],
            shown=f"{money} {r['low']:,} to {r['high']:,}",
            main=not (r["ours"] or r["outer"]),
        )
        for r in known
    ]
    return intervals(caption, ranges, axis_format=",.2~s")


def _gate_run(gate: Json) -> Chart | None:
    """Draw what was really used and the gate drops, by reason; None where it drops nothing."""
    done = gate["deliveries"]
    dropped: dict[str, int] = {}
    for delivery in done:
        for reason, number in delivery["dropped"].items():
            dropped[reason] = dropped.get(reason, 0) + number
    if not dropped:
        return None
    shown = sorted(dropped.items(), key=lambda item: (-item[1], item[0]))
    used, kept = (sum(d[name] for d in done) for name in ("used", "used_and_kept"))
    rule = gate["party_rule"]
    caption = Caption(
        headline=f"Of {count(used, 'use of a message', 'uses of messages')} the gate would have "
        f"kept {kept:,}; the reason met most: {shown[0][0]}.",
        subtitle=f"Messages that went into each delivery and that the gate drops, by its reason; "
        f"rulesets {gate['rulesets']}, party rule {rule}.",
        columns=("Delivery", "Used", "Gate keeps of them", "Dropped for", "Messages"),
        rows=tuple(
            (
                d["delivery"],
                f"{d['used']:,}",
                f"{d['used_and_kept']:,}",
                reason,
                f"{number:,}",
            )
            for d in done
            for reason, number in sorted(d["dropped"].items(), key=lambda item: (-item[1], item[0]))
        ),
    )
    return bars(
        caption,
        [
            Bar(label=reason, value=number, shown=f"{number:,}", main=at == 0)
            for at, (reason, number) in enumerate(shown)
        ],
    )


def _span(ends: Json, one: str) -> str:
    low, high = ends["low"], ends["high"]
    return count(high, one) if low == high else f"{low:,} to {count(high, one)}"
