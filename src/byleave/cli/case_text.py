"""A case for people, line by line, from the object that `--json` prints."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from byleave.cli.output import table
from byleave.verify.words import counted

__all__ = ["case_lines", "field", "wrapped"]

Json = Mapping[str, Any]

_WIDTH: Final = 79


def case_lines(data: Json) -> Iterator[str]:
    """Yield the lines of a case.

    Args:
        data: `CaseReport.to_dict()`.
    """
    yield f"case     {data['title']}"
    matter = data["matter"]
    if matter is not None:
        yield from field("matter", f"{matter['title']}, {matter['number']} ({matter['court']})")
        yield from field("alleged", matter["alleged"])
        yield from field("ended", matter["outcome"])
    yield from field("data", data["data_origin"])
    done = len(data["deliveries"])
    yield from field(
        "asked",
        f"as of {data['as_of']}, over {counted(data['messages'], 'message')} "
        f"({data['messages_undated']:,} of unknown date) and {done:,} "
        f"{'delivery' if done == 1 else 'deliveries'}",
    )
    for cohort in data["cohorts"]:
        yield ""
        yield from _cohort(cohort)
    if data.get("gate"):
        yield ""
        yield from _gate(data["gate"])
    yield ""
    yield from _readings(data)
    yield ""
    yield from wrapped(data["notice"], "", "")


def _cohort(cohort: Json) -> Iterator[str]:
    found = cohort["affected"]
    messages = found["messages"]
    yield from field("cohort", f"{found['cohort']}: {found['title']}")
    yield from field(
        "affected",
        f"{_several(found['members'], 'member')} by {_several(messages, 'message')}"
        + (
            "; the higher number counts messages of unknown date"
            if messages["low"] != messages["high"]
            else ""
        ),
    )
    yield ""
    rows = [
        [row[name] for name in ("reason", "pairs", "members", "messages")]
        for row in found["rows_by_reason"]
    ]
    total = sum(found["pairs_by_reason"].values())
    yield from table(("reason", "pairs", "members", "messages"), rows)
    yield f"  each member and message counts once, under its first reason; sum {total:,}"
    yield f"  {found['pairs_also']['before-policy']:,} of them before any document declared the use"
    yield ""
    done = [(row["delivery"], row["members"], row["messages"]) for row in found["by_delivery"]]
    yield from table(("delivery, model or run", "members", "messages"), done)
    yield "  each counts whole: one message may have gone into several"
    yield ""
    yield from _exposure(cohort["exposure"])
    gate = cohort["with_the_gate"]
    if gate is not None:
        yield ""
        yield from field(
            "the gate",
            f"would have stopped {gate['stopped']:,} of {gate['affected']:,} affected messages; "
            f"let through {gate['let_through']:,}; members still touched without a grant of their "
            f"own: {gate['members_still']:,}",
        )


def _gate(gate: Json) -> Iterator[str]:
    yield from field(
        "gate run",
        f"the same weeks through the gate, rulesets {gate['rulesets']}, party rule "
        f"{gate['party_rule']}",
    )
    rows = [
        (d["delivery"], d["asked"], d["used"], d["kept"], d["used_and_kept"])
        for d in gate["deliveries"]
    ]
    yield from table(("delivery", "messages by then", "really used", "gate keeps", "both"), rows)
    yield ""
    reasons = [
        (d["delivery"], reason, number)
        for d in gate["deliveries"]
        for reason, number in sorted(d["dropped"].items(), key=lambda item: (-item[1], item[0]))
    ]
    yield from table(("delivery", "really used, and dropped for", "messages"), reasons)
    for note in gate["notes"]:
        yield from wrapped(note, "  ", "  ")


def _exposure(exposure: Json) -> Iterator[str]:
    readings = exposure["readings"]
    rows = [
        (
            reading["name"] + (" *" if reading["ours"] else ""),
            _counted(reading),
            reading["low"],
            "not computable" if reading["high"] is None else f"{reading['high']:,}",
        )
        for reading in readings
    ]
    yield from table((f"reading ({exposure['currency']})", "counted", "low", "high"), rows)
    if any(reading["ours"] for reading in readings):
        yield "  * not in the complaint: our addition, outside the overall range"
    for reading in readings:
        if reading["time_barred"]:
            yield from wrapped(
                f"{reading['name']}: {reading['time_barred']:,} persons are too late as of "
                f"{exposure['as_of']} and left out",
                "  ",
                "    ",
            )
    if all(reading["ours"] or reading["high"] is None for reading in readings):
        yield from field("range", "none: no reading of the dispute itself gives an amount here")
        return
    yield from field(
        "range",
        f"{exposure['currency']} {exposure['low']:,} to {exposure['high']:,}: the lowest and the "
        "highest end over the readings of the complaint, an outer bound included; not a likely sum",
    )


def _counted(reading: Json) -> str:
    persons = f"{_ends(reading['persons'], reading['persons_high'])} persons"
    violations = _ends(reading["violations"], reading["violations_high"])
    match reading["unit"]:
        case "message":
            return f"{violations} messages"
        case "person, then person and message":
            return f"{persons}, {violations} pairs"
        case "fees paid":
            return f"{reading['persons_high']:,} payers"
        case _:
            return persons


def _readings(data: Json) -> Iterator[str]:
    yield "readings, each with what it assumes and its law"
    for reading in data["cohorts"][0]["exposure"]["readings"] if data["cohorts"] else ():
        yield from wrapped(f"{reading['name']}: {reading['assumption']}", "  ", "    ")
        yield from wrapped(reading["citation"], "    ", "    ")
        if reading["limitation"]:
            yield from wrapped(f"too late: {reading['limitation']}", "    ", "    ")


def _several(span: Json, word: str) -> str:
    """Return `1 message`, `2 to 3 messages`."""
    return f"{_span(span)} {word}{'' if span['low'] == span['high'] == 1 else 's'}"


def _span(ends: Json) -> str:
    return _ends(ends["low"], ends["high"])


def _ends(low: int, high: int) -> str:
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"


def field(name: str, text: str) -> Iterator[str]:
    """Yield a named text, wrapped under itself."""
    yield from wrapped(text, f"{name:<9}", " " * 9)


def wrapped(text: str, first: str, rest: str) -> Iterator[str]:
    """Yield a text in lines of the width of a terminal."""
    import textwrap

    yield from textwrap.wrap(text, _WIDTH, initial_indent=first, subsequent_indent=rest)
