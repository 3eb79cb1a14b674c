"""`byleave case run`: who was affected by a past practice, by what, and the range it may cost."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from byleave.cli.gate_page import write_case_page
from byleave.cli.opened import opened
from byleave.cli.output import emit, json_option, table, workspace_option
from byleave.ids import format_instant, parse_instant

if TYPE_CHECKING:
    from byleave.exposure.readings import Exposure, ReadingResult
    from byleave.service.case import CaseReport, CohortReport
    from byleave.wiring.case_purge import PurgeReport

__all__ = ["case"]

_WIDTH = 79


@click.group()
def case() -> None:
    """Cases over the past: who was affected, by what, and the range it may cost."""


@case.command()
@click.argument("case_file", type=click.Path(path_type=Path))
@click.option("--as-of", metavar="INSTANT", help="The day of the question; default: the file's.")
@click.option(
    "--csv",
    "csv_file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Also write every affected member with the reason; the file is private (0600).",
)
@click.option(
    "--notices",
    "notices_file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Also write whom to tell, one line a member, as CSV; the file is private (0600).",
)
@click.option("--html", "page", type=click.Path(dir_okay=False), help="Also write a page.")
@json_option
def run(
    *,
    case_file: Path,
    as_of: str | None,
    csv_file: Path | None,
    notices_file: Path | None,
    page: str | None,
    as_json: bool,
) -> None:
    """Run the case of CASE_FILE (docs/spec/case.md). Nothing is stored.

    \b
    Example:
      byleave case run examples/linkedin-2024.yaml --as-of 2025-01-21
    """  # noqa: D301 (click's \b keeps the lines)
    from byleave.wiring.case import run_case, write_members_csv, write_notices_csv

    report = run_case(case_file, as_of=None if as_of is None else parse_instant(as_of))
    if csv_file is not None:
        write_members_csv(report, csv_file)
    if notices_file is not None:
        write_notices_csv(report, notices_file)
    if page is not None:
        write_case_page(page, report.to_dict())
    emit(report.to_dict(), schema="byleave/case/v1", as_json=as_json, lines=lambda: _lines(report))


def _lines(report: CaseReport) -> Iterator[str]:
    from byleave.service.case import CASE_NOTICE

    data = report.to_dict()
    yield f"case     {data['title']}"
    matter = report.case.matter
    if matter is not None:
        yield from _field("matter", f"{matter.title}, {matter.number} ({matter.court})")
        yield from _field("alleged", matter.alleged)
        yield from _field("ended", matter.outcome)
    yield from _field("data", data["data_origin"])
    yield from _field(
        "asked",
        f"as of {data['as_of']}, over {data['messages']:,} messages "
        f"({data['messages_undated']:,} of unknown date) and {len(data['deliveries'])} deliveries",
    )
    for cohort in report.cohorts:
        yield ""
        yield from _cohort(cohort)
    yield ""
    yield from _readings(report)
    yield ""
    yield from _wrapped(CASE_NOTICE, "", "")


def _cohort(report: CohortReport) -> Iterator[str]:
    found = report.affected
    yield from _field("cohort", f"{found.cohort.name}: {found.cohort.title}")
    yield from _field(
        "affected",
        f"{_span(found.members_count, found.members_count_high)} members by "
        f"{_span(found.messages, found.messages_high)} messages"
        + (
            "; the higher number counts messages of unknown date"
            if found.messages != found.messages_high
            else ""
        ),
    )
    yield ""
    rows = [list(row.values()) for row in found.reasons().to_pylist()]
    total = sum(found.by_reason.values())
    yield from table(("reason", "pairs", "members", "messages"), rows)
    yield f"  each member and message counts once, under its first reason; sum {total:,}"
    yield f"  {found.also['before-policy']:,} of them before any document declared the use"
    yield ""
    done = [(name, *counts) for name, counts in found.by_delivery.items()]
    yield from table(("delivery, model or run", "members", "messages"), done)
    yield "  each counts whole: one message may have gone into several"
    yield ""
    yield from _exposure(report.exposure)
    if report.counterfactual is not None:
        gate = report.counterfactual
        yield ""
        yield from _field(
            "the gate",
            f"would have stopped {gate.stopped:,} of {gate.affected:,} affected messages; let "
            f"through {gate.let_through:,}; members still touched without a grant of their own: "
            f"{gate.members_still:,}",
        )


def _exposure(exposure: Exposure) -> Iterator[str]:
    rows = [
        (
            reading.name + (" *" if reading.ours else ""),
            _counted(reading),
            reading.low,
            "not computable" if reading.high is None else f"{reading.high:,}",
        )
        for reading in exposure.readings
    ]
    yield from table((f"reading ({exposure.currency})", "counted", "low", "high"), rows)
    if any(reading.ours for reading in exposure.readings):
        yield "  * not in the complaint: our addition, outside the overall range"
    for reading in exposure.readings:
        if reading.time_barred:
            yield from _wrapped(
                f"{reading.name}: {reading.time_barred:,} persons are too late as of "
                f"{format_instant(exposure.as_of)} and left out",
                "  ",
                "    ",
            )
    if all(reading.ours or reading.high is None for reading in exposure.readings):
        yield from _field("range", "none: no reading of the dispute itself gives an amount here")
        return
    yield from _field(
        "range",
        f"{exposure.currency} {exposure.low:,} to {exposure.high:,}: the lowest and the highest "
        "end over the readings of the complaint, an outer bound included; not a likely sum",
    )


def _counted(reading: ReadingResult) -> str:
    persons = f"{_span(reading.persons, reading.persons_high)} persons"
    violations = _span(reading.violations, reading.violations_high)
    match reading.unit:
        case "message":
            return f"{violations} messages"
        case "person, then person and message":
            return f"{persons}, {violations} pairs"
        case "fees paid":
            return f"{reading.persons_high:,} payers"
        case _:
            return persons


def _readings(report: CaseReport) -> Iterator[str]:
    yield "readings, each with what it assumes and its law"
    for reading in report.cohorts[0].exposure.readings if report.cohorts else ():
        yield from _wrapped(f"{reading.name}: {reading.assumption}", "  ", "    ")
        yield from _wrapped(reading.citation, "    ", "    ")
        if reading.limitation:
            yield from _wrapped(f"too late: {reading.limitation}", "    ", "    ")


def _span(low: int, high: int) -> str:
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"


def _field(name: str, text: str) -> Iterator[str]:
    yield from _wrapped(text, f"{name:<9}", " " * 9)


def _wrapped(text: str, first: str, rest: str) -> Iterator[str]:
    import textwrap

    yield from textwrap.wrap(text, _WIDTH, initial_indent=first, subsequent_indent=rest)


@case.command()
@click.argument("case_file", type=click.Path(path_type=Path))
@workspace_option
@json_option
def purge(*, case_file: Path, workspace: str, as_json: bool) -> None:
    """Take out of a workspace what CASE_FILE's `purge` names, recount, and state the cessation.

    \b
    Region by use by interval (docs/spec/case.md). Exit 4 where rows are left.

    \b
    Example:
      byleave case purge examples/x-grok-2024.yaml --workspace x-grok
    """  # noqa: D301 (click's \b keeps the lines)
    from byleave.wiring.case_purge import purge_case

    with opened(workspace) as ws:
        report = purge_case(ws, case_file)
    emit(
        report.to_dict(),
        schema="byleave/case-purge/v1",
        as_json=as_json,
        lines=lambda: _purged(report),
    )


def _purged(report: PurgeReport) -> Iterator[str]:
    asked, data = report.purge, report.to_dict()
    yield from _field(
        "purged",
        f"{asked.scope}, collected from {' until '.join(data['collected'])}, of members in "
        f"{', '.join(asked.regions)}",
    )
    yield from _field("cite", asked.cite)
    rows = [(f"{h['kind']} {h['id']}", h["rows"], h["undated"]) for h in data["held"]]
    if rows:
        yield from table(("held before", "rows", "without a date"), rows)
    yield from _field("releases", ", ".join(report.releases) or "none held such a row")
    for old, new in report.unlearned.items():
        yield from _field("forgot", f"{old} → {new}")
    for name in report.recalled:
        yield from _field("recalled", name)
    yield from _field(
        "left", f"{data['left']:,} rows in {data['counted']:,} snapshots, releases and packages"
    )
    if report.statement is not None:
        yield from _field("ceased", f"{asked.ceased}, signed: log entry {report.statement:,}")
    for path in report.proofs:
        yield f"  check   byleave verify {path} --trust {report.trust}"
