"""A replay's facts as figures: which form, which rows, and the finding in the headline.

Each function takes its part of `ReportInput` and gives charts; the sentences are made from the
numbers (G11), so a headline cannot disagree with its drawing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final, Literal

from byleave.ids import parse_instant
from byleave.pages.charts import (
    Bar,
    Caption,
    Chart,
    Interval,
    Lane,
    Rule,
    Series,
    bars,
    intervals,
    lanes,
    steps,
)
from byleave.pages.report_input import ChartName, ReachMark, ReportInput
from byleave.pages.words import count, date, instant, reason_words, scope_words

__all__ = ["DRAW", "money"]

_SYMBOLS: Final = {"USD": "$", "EUR": "€", "GBP": "£"}
_LARGE: Final = ((1e9, "billion"), (1e6, "million"))


def money(amount: float, currency: str) -> str:
    """Write an amount for people: `$12,500`, `$1.29 million`, `CHF 900`."""
    symbol = _SYMBOLS.get(currency, f"{currency} ")
    for size, name in _LARGE:
        if amount >= size:
            return f"{symbol}{amount / size:.2f}".rstrip("0").rstrip(".") + f" {name}"
    return f"{symbol}{amount:,.0f}"


def gate(report: ReportInput) -> list[Chart]:
    """Rows through the gate by reason: kept first, then refusals, most first."""
    facts = report["gate"]
    reasons = _sorted(facts["reasons"])
    headline = f"The gate keeps {facts['kept']:,} of {facts['rows']:,} messages."
    if reasons:
        headline += f" Of those left out, most have this reason: {reason_words(reasons[0][0])}."
    use = f" for {facts['use']}" if "use" in facts else ""
    caption = Caption(
        headline=headline,
        subtitle=f"Messages by first reason{use}, {_day(report['generated_at'])}.",
        columns=("Reason", "What it means", "Messages", "Share"),
        rows=tuple(
            (code, meaning, f"{n:,}", _share(n, facts["rows"]))
            for code, meaning, n in [
                ("kept", "passed every rule", facts["kept"]),
                *((code, reason_words(code), n) for code, n in reasons),
            ]
        ),
    )
    items = [Bar(label="kept", value=facts["kept"], shown=f"{facts['kept']:,}", main=True)]
    items += [Bar(label=_label(code), value=n, shown=f"{n:,}") for code, n in reasons]
    return [bars(caption, items)]


def practice(report: ReportInput) -> list[Chart]:
    """Whom the replayed practice used without their agreement, by reason."""
    facts = report["practice"]
    reasons = _sorted(facts["by_reason"])
    if not reasons:
        return []
    total = facts.get("pairs", facts["affected_messages"])
    unit = "Each member in each message" if "pairs" in facts else "Messages"
    caption = Caption(
        headline=f"The practice used {count(facts['affected_messages'], 'message')}, of "
        f"{count(facts['affected_members'], 'member')} who had not agreed to it.",
        subtitle=f"{unit}, by first reason; the data set has {report['messages']:,} messages; "
        f"{_day(report['generated_at'])}.",
        columns=("Reason", "What it means", "Count", "Share"),
        rows=tuple((c, reason_words(c), f"{n:,}", _share(n, total)) for c, n in reasons),
    )
    return [bars(caption, [Bar(label=_label(c), value=n, shown=f"{n:,}") for c, n in reasons])]


def parties(report: ReportInput) -> list[Chart]:
    """Share of messages kept under each party rule."""
    rules = report["party_rules"]
    names = (
        ("author", "the writer said yes", rules["author"]),
        ("any", "one party said yes", rules["any"]),
        ("all", "every party said yes", rules["all"]),
    )
    caption = Caption(
        headline=f"If silence of any party counts as no, {rules['all']:.1%} of messages may be "
        f"used; if one yes is enough, {rules['any']:.1%}.",
        subtitle="Share of messages kept under each party rule. A no of any party always vetoes; "
        f"{_day(report['generated_at'])}.",
        columns=("Party rule", "Kept when", "Share of messages"),
        rows=tuple((rule, meaning, f"{share:.1%}") for rule, meaning, share in names),
    )
    items = [Bar(label=f"{m} ({r})", value=s, shown=f"{s:.1%}", main=True) for r, m, s in names]
    return [bars(caption, items)]


def consent(report: ReportInput) -> list[Chart]:
    """Members by what they had said, over time, against policy versions; one chart a use."""
    by_day: dict[datetime, list[str]] = {}
    for version in report["policy_versions"]:
        label = f"{version['document']} {version['version']}"
        by_day.setdefault(parse_instant(version["effective"]), []).append(label)
    rules = [Rule(at, ", ".join(labels)) for at, labels in sorted(by_day.items())]
    charts = []
    for use in dict.fromkeys(p["use"] for p in report["consent_over_time"]):
        points = sorted(
            (p for p in report["consent_over_time"] if p["use"] == use), key=lambda p: p["date"]
        )
        last = points[-1]
        total = last["yes"] + last["no"] + last["undecided"]
        days = [parse_instant(p["date"]) for p in points]
        series = [
            _series("yes", "accent", days, [p["yes"] for p in points]),
            _series("no", "muted", days, [p["no"] for p in points]),
            _series("undecided", "grey", days, [p["undecided"] for p in points]),
        ]
        caption = Caption(
            headline=f"By {_day(last['date'])}, {last['yes']:,} of {count(total, 'member')} had "
            f"said yes and {last['undecided']:,} had said nothing.",
            subtitle=f"Members at the end of each day, by what they said. {_meaning(use)} "
            "Dotted lines: texts in force.",
            columns=("Date", "Yes", "No", "Undecided"),
            rows=tuple(
                (p["date"][:10], f"{p['yes']:,}", f"{p['no']:,}", f"{p['undecided']:,}")
                for p in points
            ),
        )
        charts.append(steps(caption, series, rules))
    return charts


def reach(report: ReportInput) -> list[Chart]:
    """How far withdrawals have reached: four lanes a member."""
    marks = report["reach"]
    if not marks:
        return []
    items: list[Lane] = []
    for member in dict.fromkeys(m["member_label"] for m in marks):
        own = [m for m in marks if m["member_label"] == member]
        start = min(parse_instant(m.get("withdrawn", m["at"])) for m in own)
        items.append(Lane(label=f"{member[0].upper()}{member[1:]} withdrew {date(start)}"))
        items += [_lane(mark, start) for mark in own]
    done = sum(m["state"] == "done" for m in marks)
    late = sum(m["state"] == "overdue" for m in marks)
    waiting = len(marks) - done - late
    rest = [f"{waiting} open" if waiting else "", f"{late} overdue" if late else ""]
    ending = "".join(f", {part}" for part in rest if part)
    members = len({m["member_label"] for m in marks})
    caption = Caption(
        headline=f"{done} of {len(marks)} steps of these withdrawals are done{ending}.",
        subtitle=f"When each withdrawal reached each depth, {count(members, 'member')} as "
        f"examples, {_day(report['generated_at'])}.",
        columns=("Member", "Depth", "State", "Date"),
        rows=tuple(
            (m["member_label"], m["lane"], m["state"], instant(parse_instant(m["at"])))
            for m in marks
        ),
    )
    return [lanes(caption, items)]


def exposure(report: ReportInput) -> list[Chart]:
    """The exposure range under each reading."""
    readings = report["exposure"]["readings"]
    if not readings:
        return []
    currency = report["exposure"]["currency"]
    low = min(r["low"] for r in readings)
    high = max(r["high"] for r in readings)
    caption = Caption(
        headline=f"The readings run from {money(low, currency)} to {money(high, currency)}.",
        subtitle=f"Amounts in {currency} for {count(report['practice']['affected_members'], 'member')}"
        f", {_day(report['generated_at'])}. Grey: our addition, not pleaded. Not legal advice.",
        columns=("Reading", "Source", "Low", "High", "Assumes", "Pleaded"),
        rows=tuple(
            (
                r["name"],
                r["citation"],
                money(r["low"], currency),
                money(r["high"], currency),
                r["assumption"],
                "no, ours" if r["ours"] else "yes",
            )
            for r in readings
        ),
    )
    items = [
        Interval(
            label=r["name"] + (" (our addition)" if r["ours"] else ""),
            low=r["low"],
            high=r["high"],
            shown=_range(r["low"], r["high"], currency),
            main=not r["ours"],
        )
        for r in readings
    ]
    symbol = "$" if currency == "USD" else ""
    return [intervals(caption, items, axis_format=f"{symbol},.2~s")]


DRAW: Final[Mapping[ChartName, Callable[[ReportInput], list[Chart]]]] = {
    "consent": consent,
    "gate": gate,
    "practice": practice,
    "parties": parties,
    "reach": reach,
    "exposure": exposure,
}
"""Every chart a step of the story may ask for."""


def _lane(mark: ReachMark, start: datetime) -> Lane:
    at = parse_instant(mark["at"])
    day = f"{at:%-d %b}"
    state = mark["state"]
    shown = {"done": day, "due": f"due {day}", "waiting": f"waiting, {day}"}.get(
        state, f"overdue, {day}"
    )
    return Lane(
        label=mark["lane"],
        shown=shown,
        at=at,
        start=min(start, at),
        state={"done": "done", "overdue": "late"}.get(state, "open"),  # type: ignore[arg-type]
    )


def _series(
    name: str, tone: Literal["accent", "muted", "grey"], days: list[datetime], values: list[int]
) -> Series:
    return Series(
        label=f"{values[-1]:,} {name}",
        tone=tone,
        dashed=tone == "muted",
        points=tuple(zip(days, map(float, values), strict=True)),
    )


def _label(code: str) -> str:
    words = reason_words(code)
    return words if words != reason_words("") else code


def _sorted(reasons: Mapping[str, int]) -> list[tuple[str, int]]:
    return sorted(reasons.items(), key=lambda item: (-item[1], item[0]))


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.1%}" if whole else "–"


def _day(text: str) -> str:
    return date(parse_instant(text))


def _meaning(use: str) -> str:
    return scope_words(use) if use.count("/") == 2 else f"{use}."


def _range(low: float, high: float, currency: str) -> str:
    if low == high:
        return money(low, currency)
    return f"{money(low, currency)} to {money(high, currency)}"
