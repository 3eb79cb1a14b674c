"""Run a case by the engine that its size, or whoever runs it, asks for; finished parts are kept.

`reference` holds the tables in memory. `duckdb` and `spark` stream them (`exposure.plan`): what
they make stands in a folder beside the case, or one that is named, until the run is over. A run
that was stopped goes on from there. The folder names members, and only its owner reads it.
"""

from __future__ import annotations

import fcntl
import importlib.util
import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from byleave import __version__, canonical
from byleave.canonical import sha256
from byleave.engines.case_duckdb import duckdb_runner
from byleave.engines.case_spark import SparkRunner
from byleave.engines.case_stages import CaseRunner, answer_in_stages
from byleave.engines.extra import load
from byleave.errors import ConflictError, InputError
from byleave.exposure.casefile import CaseFile
from byleave.exposure.conditions import check_cohort
from byleave.exposure.practice import Practice
from byleave.exposure.question import CaseQuestion
from byleave.exposure.tables import Inputs, MemoryTable, Table
from byleave.ids import format_instant, parse_instant
from byleave.service.case import Case, CaseReport, CohortReport
from byleave.wiring.case import load_case, located, read_case, run_case
from byleave.wiring.case_tables import FileTable

__all__ = ["ENGINES", "LARGE", "Asked", "asked_case"]

ENGINES: Final = ("auto", "reference", "duckdb", "spark")
LARGE: Final = 5_000_000
"""Messages from which `auto` streams."""

_BYTES_A_MESSAGE: Final = 250  # docs/benchmarks.md, "A case over the past"
_CSV_LINE: Final = 60

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Asked:
    """An answered case; rows can be read until its context ends.

    Attributes:
        report: The answer.
        engine: Which engine gave it.
        why: A line that says why that one, or None.
    """

    report: CaseReport
    engine: str
    why: str | None


@contextmanager
def asked_case(
    path: str | Path,
    *,
    as_of: datetime | None = None,
    engine: str = "auto",
    lists: bool = False,
    parts: Path | None = None,
    memory: str = "2GB",
    progress: Progress | None = None,
) -> Iterator[Asked]:
    """Answer the case of a file.

    Args:
        path: `case.yaml`.
        as_of: The day of the question; None: what the file says, else now.
        engine: One of `ENGINES`.
        lists: Whether the rows behind each member are wanted, which `reference` alone gives.
        parts: Where what is made stands meanwhile; None: `case.yaml.parts`.
        memory: What DuckDB may hold.
        progress: Told what is being done.

    Raises:
        InputError: as `run_case`; `case.engine`, the engine cannot do what is asked.
        ConflictError: `case.parts`, the folder holds parts of another run, or of one still running;
            `cli.interrupted`, it was stopped, and goes on when it is asked again.
        WorldError: `cli.extra-missing`; `world.disk-full`, `world.storage`.
    """
    file = Path(path)
    stated = read_case(file)
    chosen, why = _chosen(engine, stated, file.parent, lists=lists)
    if chosen == "reference":
        yield Asked(report=run_case(file, as_of=as_of), engine=chosen, why=why)
        return
    if lists or (stated.gate is not None and _size(stated, file.parent) >= LARGE):
        raise InputError(
            "the rows behind each member, and a gate's run over so many messages, are worked out "
            "in memory alone",
            code="case.engine",
            hint="--engine reference; or `gate: {kept: …}`, --csv and --pairs",
        )
    folder = parts or file.with_name(file.name + ".parts")
    try:
        with ExitStack() as stack:
            day = stack.enter_context(_parts(folder, stated, file, as_of, chosen))
            runner = stack.enter_context(_runner(chosen, folder, memory))
            report = _streamed(stated, file, day, runner, folder, progress)
            yield Asked(report=report, engine=chosen, why=why)
            stack.close()
            shutil.rmtree(folder, ignore_errors=True)
    except KeyboardInterrupt:
        raise ConflictError(
            "stopped; the finished parts stay",
            code="cli.interrupted",
            where=str(folder),
            hint="run the same command again: it goes on from them",
        ) from None


def _chosen(engine: str, stated: CaseFile, folder: Path, *, lists: bool) -> tuple[str, str | None]:
    """Return the engine, and why it."""
    if engine != "auto":
        if engine not in ENGINES:
            raise InputError(
                f"there is no engine {engine[:20]!r}",
                code="case.engine",
                hint="engines: " + ", ".join(ENGINES),
            )
        return engine, None
    rows = _size(stated, folder)
    if rows < LARGE:
        return "reference", None
    gigabytes = rows * _BYTES_A_MESSAGE / 1e9
    size = f"about {rows:,} messages"
    if stated.gate is not None or lists:
        return "reference", f"reference: {size} in memory, about {gigabytes:,.0f} GB"
    if importlib.util.find_spec("duckdb") is None:
        return "reference", (
            f"reference: {size} in memory, about {gigabytes:,.0f} GB; "
            "pip install 'byleave[duckdb]' streams them"
        )
    return "duckdb", f"duckdb: {size} are streamed; --engine reference takes {gigabytes:,.0f} GB"


def _size(stated: CaseFile, folder: Path) -> int:
    """Return how many messages there are, of a CSV about."""
    ref = stated.tables["messages"]
    table = FileTable(folder / ref.file, ref, "messages")
    if (folder / ref.file).suffix == ".csv":
        try:
            return (folder / ref.file).stat().st_size // _CSV_LINE
        except OSError:
            return 0  # whoever reads it says so
    return table.rows


@contextmanager
def _runner(engine: str, folder: Path, memory: str) -> Iterator[CaseRunner]:
    if engine == "duckdb":
        shutil.rmtree(folder / "spilled", ignore_errors=True)  # of a run that was killed
        with duckdb_runner(folder, memory=memory) as runner:
            yield runner
        return
    sql = load("pyspark.sql", extra="spark")
    shutil.rmtree(folder / "staged", ignore_errors=True)
    session = (
        sql.SparkSession.builder.appName("byleave case")
        .config("spark.sql.session.timeZone", "UTC")
        .getOrCreate()
    )
    try:
        yield SparkRunner(session, folder.resolve())
    finally:
        session.stop()


@contextmanager
def _parts(
    folder: Path, stated: CaseFile, file: Path, as_of: datetime | None, engine: str
) -> Iterator[datetime]:
    """Hold the folder of a run's parts; yield the day of the question, which a run keeps."""
    key = _key(stated, file, engine)
    state = folder / "run.json"
    if folder.exists() and not state.exists() and any(folder.iterdir()):
        raise _not_ours(folder)
    folder.mkdir(mode=0o700, exist_ok=True, parents=True)
    descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ConflictError(
                "another run is at work on these parts", code="case.parts", where=str(folder)
            ) from None
        asked = as_of or stated.as_of
        stored: dict[str, Any] = {}
        if state.exists():
            stored = json.loads(state.read_text(encoding="utf-8"))
            if stored["key"] != key or (
                asked is not None and stored["as_of"] != format_instant(asked)
            ):
                raise _not_ours(folder)
        day = parse_instant(stored["as_of"]) if stored else asked or datetime.now(UTC)
        if not stored:
            day = parse_instant(format_instant(day))
            text = json.dumps({"key": key, "as_of": format_instant(day)})
            state.write_text(text, encoding="utf-8")
        try:
            yield day
        finally:
            if not any(folder.glob("*.parquet")):  # nothing to go on from
                shutil.rmtree(folder)
    finally:
        os.close(descriptor)


def _not_ours(folder: Path) -> ConflictError:
    return ConflictError(
        "the folder holds something else, or parts of another run",
        code="case.parts",
        where=str(folder),
        hint="remove it, or name another with --parts; tables or a case that changed begin anew",
    )


def _key(stated: CaseFile, file: Path, engine: str) -> str:
    """Return what a run depends on: case, tables by size and time, engine, version."""
    refs = [*stated.tables.values(), *stated.delivered.values()]
    refs += [] if stated.kept is None else [stated.kept]
    tables = []
    for ref in refs:
        place = file.parent / ref.file
        found = sorted(place.glob("*.parquet")) if place.is_dir() else [place]
        tables += [
            [one.name, str(stat.st_size), str(stat.st_mtime_ns)]
            for one in found
            if one.exists()
            for stat in (one.stat(),)
        ]
    text = file.read_text(encoding="utf-8")
    return sha256(
        canonical.encode({"case": text, "tables": tables, "by": [engine, __version__]})
    ).hex()


def _streamed(
    stated: CaseFile,
    file: Path,
    as_of: datetime,
    runner: CaseRunner,
    folder: Path,
    progress: Progress | None,
) -> CaseReport:
    """Answer a case by stages."""
    places = {name: ref.where for name, ref in stated.tables.items()} | {"": str(file)}
    if stated.kept is not None:
        places["kept"] = stated.kept.where
    here = file.parent
    tables = {n: FileTable(here / r.file, r, n) for n, r in stated.tables.items()}
    # A gate's run takes the tables into memory; it was asked for over few messages alone.
    run = None if stated.gate is None else load_case(file, as_of=as_of).gate
    kept: Table | None = None
    if run is not None:
        kept = MemoryTable(run.kept)
    elif stated.kept is not None:
        kept = FileTable(here / stated.kept.file, stated.kept, "kept")
    inputs = Inputs(
        messages=tables["messages"],
        choices=tables.get("choices"),
        opt_outs=tables.get("opt_outs"),
        subscriptions=tables.get("subscriptions"),
        regions=tables.get("regions"),
        kept=kept,
        delivered={n: FileTable(here / r.file, r, "records") for n, r in stated.delivered.items()},
    )
    with located(places):
        practice = _headers(stated, tables)
    for cohort, where in zip(stated.cohorts, stated.asked_at, strict=True):
        with located({"": where}):
            check_cohort(practice, cohort)
    with located(places):
        question = CaseQuestion(
            practice=practice,
            cohorts=stated.cohorts,
            pack=stated.pack,
            as_of=as_of,
            window=stated.window,
            with_damage=stated.with_damage,
        )
        found = answer_in_stages(question, inputs, runner, folder, progress=progress)
    case = Case(
        title=stated.title,
        origin=stated.origin,
        matter=stated.matter,
        as_of=as_of,
        practice=practice,
        choices=None,
        cohorts=stated.cohorts,
        pack=stated.pack,
        window=stated.window,
        with_damage=stated.with_damage,
        gate=run,
        counted=(found.messages, found.undated),
    )
    cohorts = tuple(
        CohortReport(
            affected=answer.affected,
            exposure=answer.exposure,
            counterfactual=answer.counterfactual,
        )
        for answer in found.cohorts
    )
    return CaseReport(case=case, cohorts=cohorts)


def _headers(stated: CaseFile, tables: dict[str, FileTable]) -> Practice:
    """Return the practice with tables that have columns and no rows."""
    none = pa.array([], pa.string())
    empty = {name: table.schema.empty_table() for name, table in tables.items()}
    return Practice(
        messages=empty["messages"],
        deliveries=tuple(
            replace(d, records=none) if d.id in stated.delivered else d for d in stated.deliveries
        ),
        setting=stated.setting,
        opt_outs=empty.get("opt_outs"),
        policies=stated.policies,
        subscriptions=empty.get("subscriptions"),
        regions=empty.get("regions"),
        category=stated.category,
    )
