"""`byleave case`: who was affected by a past practice, by what, and the range it may cost."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from byleave.cli.case_text import case_lines, field, wrapped
from byleave.cli.gate_page import write_case_page
from byleave.cli.opened import opened
from byleave.cli.output import Progress, emit, json_option, table, workspace_option
from byleave.errors import InputError
from byleave.ids import parse_instant

if TYPE_CHECKING:
    from byleave.service.case import CaseReport
    from byleave.wiring.case_out import CaseVerdict, Finished
    from byleave.wiring.case_purge import PurgeReport

__all__ = ["case"]


_engine_option = click.option(
    "--engine",
    type=click.Choice(["auto", "reference", "duckdb", "spark"]),
    default="auto",
    show_default=True,
    help="Tables in memory, or streamed; auto: by their size. All give the same.",
)
_memory_option = click.option(
    "--memory", default="2GB", show_default=True, help="What DuckDB may hold."
)


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
@click.option(
    "--pairs",
    "pairs_file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Also write every affected pair of member and message, as Parquet (0600).",
)
@click.option("--html", "page", type=click.Path(dir_okay=False), help="Also write a page.")
@_engine_option
@_memory_option
@click.option(
    "--parts",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where a streaming run keeps what is done; default: CASE_FILE.parts.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="Also write all of it, with the statement of its digests, into a new folder.",
)
@click.option(
    "--log",
    "log_folder",
    type=click.Path(path_type=Path),
    help="With --out: state it in this case log, or in a workspace's log.",
)
@json_option
def run(
    *,
    case_file: Path,
    as_of: str | None,
    csv_file: Path | None,
    notices_file: Path | None,
    pairs_file: Path | None,
    page: str | None,
    engine: str,
    memory: str,
    parts: Path | None,
    out: Path | None,
    log_folder: Path | None,
    as_json: bool,
) -> None:
    """Run the case of CASE_FILE (docs/spec/case.md). Nothing is stored unless asked for.

    A streaming run that was stopped goes on from its finished parts when it is run again.

    \b
    Examples:
      byleave case run examples/linkedin-2024.yaml --as-of 2025-01-21
      byleave case run examples/linkedin-2024.yaml --out linkedin --log my-cases
    """  # noqa: D301 (click's \b keeps the lines)
    from byleave.wiring.case_engines import asked_case
    from byleave.wiring.case_out import check_output
    from byleave.wiring.case_rows import save_lists, stream_pairs

    if out is None and log_folder is not None:
        raise InputError("what is stated is written too: --out FOLDER", code="cli.usage")
    if out is not None:
        check_output(out)
    lists = {"members.csv": csv_file, "notices.csv": notices_file}
    progress = Progress()
    with asked_case(
        case_file,
        as_of=None if as_of is None else parse_instant(as_of),
        engine=engine,
        parts=parts,
        memory=memory,
        progress=progress,
    ) as asked:
        report = asked.report
        wanted = {name: file for name, file in lists.items() if file is not None}
        save_lists(report, wanted, progress=progress)
        if pairs_file is not None:
            stream_pairs(report, pairs_file)
        if page is not None:
            write_case_page(page, report.to_dict())
        finished = None if out is None else _finish(report, case_file, out, log_folder, progress)
        data = report.to_dict()
    progress.close()
    if asked.why is not None:
        click.echo(f"engine   {asked.why}", err=True)
    emit(
        data,
        schema="byleave/case/v1",
        as_json=as_json,
        lines=lambda: [*case_lines(data), *_finished(finished)],
    )


def _finish(
    report: CaseReport, case_file: Path, out: Path, log_folder: Path | None, progress: Progress
) -> Finished:
    from byleave.wiring.case_log import CaseLog
    from byleave.wiring.case_out import finish_case

    if log_folder is not None and (log_folder / "byleave.toml").exists():
        with opened(str(log_folder)) as ws:
            return finish_case(report, case_file, out, workspace=ws, progress=progress)
    log = None if log_folder is None else CaseLog(log_folder)
    return finish_case(report, case_file, out, log=log, progress=progress)


def _finished(finished: Finished | None) -> Iterator[str]:
    if finished is None:
        return
    yield ""
    yield f"written  {finished.folder}; the lists name members and are private (0600)"
    if finished.proof is None:
        yield "  unsigned: --log FOLDER states it in a case log, or in a workspace's"
    else:
        yield f"  check   byleave verify {finished.proof} --trust {finished.trust}"


@case.command()
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--html", "page", type=click.Path(dir_okay=False), help="Also write a page.")
@json_option
def report(*, out: Path, page: str | None, as_json: bool) -> None:
    """Show a finished run again, from the folder that `case run --out` wrote.

    \b
    Example:
      byleave case report linkedin --html linkedin.html
    """  # noqa: D301 (click's \b keeps the lines)
    from byleave.wiring.case_out import read_finished

    data = read_finished(out)
    if page is not None:
        write_case_page(page, data)
    emit(data, schema="byleave/case/v1", as_json=as_json, lines=lambda: case_lines(data))


@case.command()
@click.argument("out", type=click.Path(path_type=Path))
@click.argument("case_file", type=click.Path(path_type=Path), required=False)
@click.option("--trust", type=click.Path(path_type=Path), help="The trust file, for the proof.")
@_engine_option
@_memory_option
@json_option
def verify(
    *,
    out: Path,
    case_file: Path | None,
    trust: Path | None,
    engine: str,
    memory: str,
    as_json: bool,
) -> None:
    """Check a finished run, OUT: its proof, its files, and CASE_FILE run again on the same tables.

    OUT is the folder that `case run --out` wrote, or its case.proof alone.

    \b
    Example:
      byleave case verify linkedin examples/linkedin-2024.yaml
    """  # noqa: D301 (click's \b keeps the lines)
    from byleave.wiring.case_out import verify_case

    progress = Progress()
    found = verify_case(
        out, case_file, trust=trust, engine=engine, memory=memory, progress=progress
    )
    progress.close()
    emit(
        found.to_dict(),
        schema="byleave/case-verdict/v1",
        as_json=as_json,
        lines=lambda: _verdict(found),
    )
    if found.failed is not None:
        raise click.exceptions.Exit(3)


def _verdict(found: CaseVerdict) -> Iterator[str]:
    failed = found.failed
    yield "NOT VERIFIED" if failed is not None else "verified"
    for check in found.checks:
        code = "" if check.code is None else f" [{check.code}]"
        yield from wrapped(f"{check.detail}{code}", f"  {check.state:<8}{check.name:<11}", " " * 21)
    limits = "the tables may be incomplete or untrue; alleged, not found, and not legal advice"
    yield from wrapped(f"not shown: {limits}", "  ", "  ")


@case.command("log")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--origin", required=True, help="Its name: a host name and path that you control.")
@json_option
def make_log(*, folder: Path, origin: str, as_json: bool) -> None:
    """Make a case log in FOLDER: a key, and a log of nothing but answers to cases.

    For whoever has tables and no workspace; `case run --out OUT --log FOLDER` states in it.

    \b
    Example:
      byleave case log my-cases --origin cases.example.org/2025
    """  # noqa: D301 (click's \b keeps the lines)
    from byleave.wiring.case_log import make_case_log

    trust = make_case_log(folder, origin)
    data = {"folder": str(folder), "origin": origin, "trust": str(trust)}
    emit(
        data,
        schema="byleave/case-log/v1",
        as_json=as_json,
        lines=lambda: [
            f"case log  {folder}, {origin}",
            f"  hand out  {trust}",
            "  keep      case.key: who has it can state cases in your name",
        ],
    )


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
    yield from field(
        "purged",
        f"{asked.scope}, collected from {' until '.join(data['collected'])}, of members in "
        f"{', '.join(asked.regions)}",
    )
    yield from field("cite", asked.cite)
    rows = [(f"{h['kind']} {h['id']}", h["rows"], h["undated"]) for h in data["held"]]
    if rows:
        yield from table(("held before", "rows", "without a date"), rows)
    yield from field("releases", ", ".join(report.releases) or "none held such a row")
    for old, new in report.unlearned.items():
        yield from field("forgot", f"{old} → {new}")
    for name in report.recalled:
        yield from field("recalled", name)
    yield from field(
        "left", f"{data['left']:,} rows in {data['counted']:,} snapshots, releases and packages"
    )
    if report.statement is not None:
        yield from field("ceased", f"{asked.ceased}, signed: log entry {report.statement:,}")
    for path in report.proofs:
        yield f"  check   byleave verify {path} --trust {report.trust}"
