"""Read a case file and its tables from disk, ask the clock where nobody says the day, and run it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa

from byleave.errors import InputError
from byleave.exposure.casefile import CaseFile, TableRef, parse_case
from byleave.exposure.conditions import check_cohort
from byleave.exposure.practice import Practice
from byleave.service.case import Case, CaseReport, evaluate
from byleave.wiring.case_gate import run_gate
from byleave.wiring.case_rows import save_lists
from byleave.wiring.case_tables import FileTable

__all__ = [
    "load_case",
    "located",
    "read_case",
    "run_case",
    "write_members_csv",
    "write_notices_csv",
]


def run_case(path: str | Path, *, as_of: datetime | None = None) -> CaseReport:
    """Run the case of a file.

    Args:
        path: `case.yaml`; the tables it names are relative to it.
        as_of: The day of the question; None: what the file says, else now.

    Raises:
        InputError: `input.not-found`, `case.*`, `input.*`, with file and line.
    """
    case, places = _load_case(Path(path), as_of)
    with located(places):
        return evaluate(case)


def write_members_csv(report: CaseReport, path: str | Path) -> None:
    """Write every affected member with the reason, readable by its owner alone, or not at all.

    Raises:
        InputError: `input.not-found`, the folder does not exist.
    """
    save_lists(report, {"members.csv": Path(path)})


def write_notices_csv(report: CaseReport, path: str | Path) -> None:
    """Write whom to tell, one line a member, readable by its owner alone, or not at all.

    Raises:
        InputError: `input.not-found`, the folder does not exist.
    """
    save_lists(report, {"notices.csv": Path(path)})


def read_case(path: str | Path) -> CaseFile:
    """Read a case file without its tables.

    Raises:
        InputError: as `run_case`, the tables aside.
    """
    file = Path(path)
    return parse_case(_text(file), str(file))


def load_case(path: str | Path, *, as_of: datetime | None = None) -> Case:
    """Read a case file and every table it names.

    Raises:
        InputError: as `run_case`.
    """
    return _load_case(Path(path), as_of)[0]


def _load_case(file: Path, as_of: datetime | None) -> tuple[Case, dict[str, str]]:
    """Return the case, and for each table the file and line that name it (`""`: the file)."""
    stated = read_case(file)
    folder = file.parent
    places = {name: ref.where for name, ref in stated.tables.items()} | {"": str(file)}
    if stated.kept is not None:
        places["kept"] = stated.kept.where
    tables = {name: _load(folder, ref, name) for name, ref in stated.tables.items()}
    with located(places):
        practice = _practice(stated, folder, tables)
    for cohort, where in zip(stated.cohorts, stated.asked_at, strict=True):
        with located({"": where}):
            check_cohort(practice, cohort)
    run = None
    if stated.gate is not None:
        with located({"": stated.gate.where}):
            run = run_gate(practice, tables.get("choices"), stated.gate, folder)
    kept = None if stated.kept is None else _load(folder, stated.kept, "kept")
    case = Case(
        title=stated.title,
        origin=stated.origin,
        matter=stated.matter,
        as_of=as_of or stated.as_of or datetime.now(UTC),
        practice=practice,
        choices=tables.get("choices"),
        cohorts=stated.cohorts,
        pack=stated.pack,
        window=stated.window,
        with_damage=stated.with_damage,
        kept=kept if run is None else run.kept,
        gate=run,
    )
    return case, places


def _practice(stated: CaseFile, folder: Path, tables: dict[str, pa.Table]) -> Practice:
    deliveries = tuple(
        replace(d, records=_load(folder, stated.delivered[d.id], "records")["record"])
        if d.id in stated.delivered
        else d
        for d in stated.deliveries
    )
    return Practice(
        messages=tables["messages"],
        deliveries=deliveries,
        setting=stated.setting,
        opt_outs=tables.get("opt_outs"),
        policies=stated.policies,
        subscriptions=tables.get("subscriptions"),
        regions=tables.get("regions"),
        category=stated.category,
    )


@contextmanager
def located(places: dict[str, str]) -> Iterator[None]:
    """Give an error of a table, or of a record, the file and line that named it."""
    try:
        yield
    except InputError as error:
        table = (error.where or "").split(".")[0]
        if error.where is not None and error.where.startswith(places[""].rsplit(":", 1)[0]):
            raise
        where = places.get(table, places[""])
        raise InputError(error.message, code=error.code, where=where, hint=error.hint) from None


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise InputError("no such case file", code="input.not-found", where=str(file)) from None
    except IsADirectoryError:
        raise InputError(
            "a folder, not a case file",
            code="input.not-found",
            where=str(file),
            hint="byleave case run CASE.yaml",
        ) from None
    except UnicodeDecodeError:
        raise InputError(
            "a case file is UTF-8 text", code="case.malformed", where=str(file)
        ) from None


def _load(folder: Path, ref: TableRef, name: str) -> pa.Table:
    """Read one table, under our names, with our types."""
    return FileTable(folder / ref.file, ref, name).load()
