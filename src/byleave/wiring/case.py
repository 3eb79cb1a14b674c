"""Read a case file and its tables from disk, ask the clock where nobody says the day, and run it.

CSV: a header, UTF-8, an empty cell is unknown; instants as 2024-09-18T00:00:00Z or a date
(00:00:00 UTC). Parquet: instants with a zone. Columns the case does not know are not read.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyarrow import csv

from byleave.errors import InputError
from byleave.exposure.casefile import CaseFile, TableRef, parse_case
from byleave.exposure.conditions import check_cohort
from byleave.exposure.practice import Practice
from byleave.service.case import Case, CaseReport, evaluate
from byleave.service.case_files import CaseFiles
from byleave.wiring.case_gate import run_gate

__all__ = ["load_case", "read_case", "run_case", "write_members_csv", "write_notices_csv"]

_COLUMNS: Final[dict[str, tuple[str, ...]]] = {
    "messages": ("record", "author", "recipients", "sent_at", "kind"),
    "choices": ("member", "at", "decision", "expires", "includes_past", "scope"),
    "opt_outs": ("member", "at", "on"),
    "subscriptions": ("member", "start", "end", "price_cents", "currency"),
    "regions": ("member", "region", "start", "end"),
    "records": ("record",),
    "kept": ("record", "delivery"),
}
_INSTANTS: Final = frozenset({"sent_at", "at", "expires", "start", "end"})
_FLAGS: Final = frozenset({"includes_past", "on"})
_DATE: Final = r"^\d{4}-\d{2}-\d{2}$"


def run_case(path: str | Path, *, as_of: datetime | None = None) -> CaseReport:
    """Run the case of a file.

    Args:
        path: `case.yaml`; the tables it names are relative to it.
        as_of: The day of the question; None: what the file says, else now.

    Raises:
        InputError: `input.not-found`, `case.*`, `input.*`, with file and line.
    """
    case, places = _load_case(Path(path), as_of)
    with _located(places):
        return evaluate(case)


def write_members_csv(report: CaseReport, path: str | Path) -> None:
    """Write every affected member with the reason, readable by its owner alone, or not at all.

    Raises:
        InputError: `input.not-found`, the folder does not exist.
    """
    _write_private(Path(path), CaseFiles(report).members_csv())


def write_notices_csv(report: CaseReport, path: str | Path) -> None:
    """Write whom to tell, one line a member, readable by its owner alone, or not at all.

    Raises:
        InputError: `input.not-found`, the folder does not exist.
    """
    _write_private(Path(path), CaseFiles(report).notices_csv())


def _write_private(file: Path, data: bytes) -> None:
    draft = file.with_name(file.name + ".part")
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    except FileNotFoundError:
        raise InputError(
            "there is no such folder", code="input.not-found", where=str(file.parent)
        ) from None
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(data)
        draft.replace(file)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


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
    with _located(places):
        practice = _practice(stated, folder, tables)
    for cohort, where in zip(stated.cohorts, stated.asked_at, strict=True):
        with _located({"": where}):
            check_cohort(practice, cohort)
    run = None
    if stated.gate is not None:
        with _located({"": stated.gate.where}):
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
def _located(places: dict[str, str]) -> Iterator[None]:
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
    except (IsADirectoryError, UnicodeDecodeError):
        raise InputError(
            "a case file is UTF-8 text", code="case.malformed", where=str(file)
        ) from None


def _load(folder: Path, ref: TableRef, name: str) -> pa.Table:
    """Read one table, under our names, with our types."""
    file = folder / ref.file
    raw = _read(file, ref)
    wanted = _COLUMNS[name]
    unknown = [c for c in (*ref.columns, *ref.constants) if c not in wanted]
    if unknown:
        raise InputError(
            f"{name} has no column {unknown[0][:40]!r} to give a name or a value to",
            code="case.column",
            where=ref.where,
            hint="columns: " + ", ".join(wanted),
        )
    columns: dict[str, pa.Array | pa.ChunkedArray] = {}
    for ours in wanted:
        theirs = ref.columns.get(ours, ours)
        if ours in ref.constants:
            value = pa.array([ref.constants[ours]])
            columns[ours] = value.take(pa.array([0] * raw.num_rows, pa.int32()))
        elif theirs in raw.column_names:
            columns[ours] = raw[theirs]
        elif ours in ref.columns:
            raise InputError(
                f"{ref.file} has no column {theirs[:40]!r}",
                code="case.column",
                where=ref.where,
                hint="columns found: " + ", ".join(raw.column_names),
            )
    if ref.row_numbers and "record" in wanted:
        columns["record"] = pa.array(range(1, raw.num_rows + 1))
    return pa.table({ours: _typed(column, ours, ref) for ours, column in columns.items()})


def _read(file: Path, ref: TableRef) -> pa.Table:
    try:
        if file.suffix == ".parquet":
            return pq.read_table(file)
        with file.open("rb") as stream:
            names = csv.open_csv(stream).schema.names
        options = csv.ConvertOptions(
            column_types=dict.fromkeys(names, pa.string()),
            null_values=[""],
            strings_can_be_null=True,
        )
        return csv.read_csv(file, convert_options=options)
    except FileNotFoundError:
        raise InputError(
            f"there is no file {ref.file}", code="input.not-found", where=ref.where
        ) from None
    except (pa.ArrowInvalid, pa.ArrowException, UnicodeDecodeError, IsADirectoryError):
        raise InputError(
            f"{ref.file} cannot be read as {'Parquet' if file.suffix == '.parquet' else 'CSV'}",
            code="case.table",
            where=ref.where,
            hint="a truncated download? a row with more cells than the header?",
        ) from None


def _typed(column: pa.Array | pa.ChunkedArray, name: str, ref: TableRef) -> pa.Array:
    """Read text as what the column holds; what is typed already stays as it is."""
    text = pa.types.is_string(column.type) or pa.types.is_large_string(column.type)
    if not text:
        return column
    try:
        if name in _INSTANTS:
            dated = pc.match_substring_regex(column, _DATE)
            midnight = pc.binary_join_element_wise(column.cast(pa.string()), "T00:00:00Z", "")
            whole = pc.if_else(dated, midnight, column.cast(pa.string()))
            return whole.cast(pa.timestamp("us", tz="UTC"))
        if name in _FLAGS:
            return column.cast(pa.bool_())
        if name == "price_cents":
            return column.cast(pa.int64())
    except pa.ArrowInvalid:
        raise InputError(
            f"column {name!r} of {ref.file} holds a value it should not",
            code="case.type",
            where=ref.where,
            hint="instants as 2024-09-18T00:00:00Z, switches as true or false, prices in cents",
        ) from None
    if name == "recipients" and ref.separator is not None:
        return pc.split_pattern(column, ref.separator)
    return column
