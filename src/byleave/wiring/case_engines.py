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
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from byleave import __version__, canonical
from byleave.canonical import sha256
from byleave.engines.case_duckdb import duckdb_runner
from byleave.engines.case_runner import CaseRunner
from byleave.engines.case_spark import SparkRunner
from byleave.engines.extra import load
from byleave.errors import ConflictError, InputError
from byleave.exposure.casefile import CaseFile
from byleave.ids import format_instant, parse_instant
from byleave.service.case import CaseReport
from byleave.wiring.case import read_case, run_case
from byleave.wiring.case_stream import streamed_case
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
    parts: Path | None = None,
    memory: str = "2GB",
    progress: Progress | None = None,
) -> Iterator[Asked]:
    """Answer the case of a file.

    Args:
        path: `case.yaml`.
        as_of: The day of the question; None: what the file says, else now.
        engine: One of `ENGINES`.
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
    chosen, why = _chosen(engine, stated, file.parent)
    if chosen == "reference":
        yield Asked(report=run_case(file, as_of=as_of), engine=chosen, why=why)
        return
    folder = parts or file.with_name(file.name + ".parts")
    try:
        with ExitStack() as stack:
            day = stack.enter_context(_parts(folder, stated, file, as_of, chosen))
            runner = stack.enter_context(_runner(chosen, folder, memory))
            report = streamed_case(stated, file, day, runner, folder, progress)
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


def _chosen(engine: str, stated: CaseFile, folder: Path) -> tuple[str, str | None]:
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
