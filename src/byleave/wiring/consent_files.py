"""Files of choices: read for an import, written by an export."""

from __future__ import annotations

import hashlib
import io
import json
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.csv as pcsv
import pyarrow.parquet as pq

from byleave.canonical import encode, sha256
from byleave.connectors.didomi import read_didomi
from byleave.connectors.ketch import read_ketch
from byleave.connectors.payloads import Mapped, read_purposes
from byleave.consent.import_table import COLUMNS, ImportRows, read_import_table
from byleave.errors import InputError
from byleave.ids import Digest, to_us
from byleave.service.clock import ledger_now
from byleave.service.consent_export import cells_for_csv, cells_from_csv
from byleave.service.house import House
from byleave.service.notice import published_notices
from byleave.wiring.csv_lines import row_lines

__all__ = ["FORMS", "choices_of", "kind_of", "table_bytes"]

FORMS: Final = ("table", "ketch/v1", "didomi/v2")
_ADAPTERS: Final = {"ketch/v1": read_ketch, "didomi/v2": read_didomi}
_FORMATS: Final = {".csv": "csv", ".parquet": "parquet", ".jsonl": "jsonl", ".json": "jsonl"}
_BLOCK: Final = 1 << 24

Read = tuple[pa.Table, npt.NDArray[np.int64], tuple[tuple[int, str], ...]]


def choices_of(
    house: House, path: Path, *, form: str, mapping: Path | None = None
) -> tuple[ImportRows, Digest]:
    """Return the rows of a file of choices, and the digest that its import is known by.

    Args:
        house: The workspace's ports.
        path: CSV, Parquet or JSON lines of our layout, or a platform's payloads.
        form: One of `FORMS`.
        mapping: For payloads: what their purposes stand for.

    Raises:
        InputError: `input.not-found`, `data.unreadable`, `consent.table`,
            `consent.import-mapping`, `consent.import-payload`.
    """
    try:
        source = Digest(_digest(path))
        if form == "table":
            table, lines, rejected = _read_table(path)
        else:
            mapped, rules = _mapping(house, mapping, form)
            table, lines, rejected = _ADAPTERS[form](path.read_bytes(), mapped, name=path.name)
            source = sha256(source + sha256(rules))
    except FileNotFoundError:
        raise InputError("no such file", code="input.not-found", where=str(path)) from None
    except UnicodeDecodeError:
        raise InputError(
            "the file is not UTF-8", code="data.unreadable", where=_not_utf8(path),
            hint="save it as UTF-8 and import it again",
        ) from None  # fmt: skip
    except (pa.ArrowException, OSError) as error:
        raise InputError(
            f"the file cannot be read as what its name says: {str(error).splitlines()[0][:120]}",
            code="data.unreadable",
            where=str(path),
        ) from error
    rows = read_import_table(
        table,
        name=path.name,
        lines=lines,
        taxonomy=house.taxonomy,
        notices=published_notices(house.ledger),
        now_us=to_us(ledger_now(house)),
        rejected=rejected,
    )
    return rows, source


def table_bytes(table: pa.Table, kind: str) -> bytes:
    """Return an export's table as `csv`, `parquet` or `jsonl`."""
    sink = io.BytesIO()
    if kind == "parquet":
        pq.write_table(table, sink)
    elif kind == "csv":
        pcsv.write_csv(cells_for_csv(table), sink)
    else:
        for batch in table.to_batches():
            for row in batch.to_pylist():
                sink.write(encode(row) + b"\n")
    return sink.getvalue()


def kind_of(path: Path) -> str:
    """Return how a file is written, by its name.

    Raises:
        InputError: `data.unreadable`, a name that says none of them.
    """
    kind = _FORMATS.get(path.suffix.lower())
    if kind is None:
        raise InputError(
            "the file's name says neither .csv, .parquet nor .jsonl",
            code="data.unreadable",
            where=str(path),
        )
    return kind


def _mapping(house: House, mapping: Path | None, form: str) -> tuple[Mapped, bytes]:
    if mapping is None:
        raise InputError(
            f"{form} payloads need a mapping of their purposes",
            code="consent.import-mapping",
            hint="--mapping FILE (docs/spec/consent-import.md)",
        )
    rules = mapping.read_bytes()
    return read_purposes(rules.decode(), name=mapping.name, taxonomy=house.taxonomy), rules


def _digest(path: Path) -> bytes:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


def _read_table(path: Path) -> Read:
    kind = kind_of(path)
    if kind == "parquet":
        with pq.ParquetFile(path) as file:
            # Read by itself, so that a column that stands there twice is read twice, and refused.
            table: pa.Table = file.read()
        return table, np.arange(1, table.num_rows + 1), ()
    if kind == "jsonl":
        return _read_lines(path)
    return _read_csv(path)


def _read_csv(path: Path) -> Read:
    """Read a CSV as texts; a line with another number of cells than the header is left out."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        header = file.readline()
    names = pcsv.read_csv(io.BytesIO(header.encode())).column_names if header.strip() else []
    bad: list[int] = []

    def skip(row: Any) -> str:  # noqa: ANN401 (pyarrow's InvalidRow)
        bad.append(int(row.number))
        return "skip"

    table = pcsv.read_csv(
        path,
        read_options=pcsv.ReadOptions(use_threads=False, block_size=_BLOCK),
        parse_options=pcsv.ParseOptions(newlines_in_values=True, invalid_row_handler=skip),
        convert_options=pcsv.ConvertOptions(
            column_types=dict.fromkeys(names, pa.large_string()), strings_can_be_null=False
        ),
    )
    every = np.arange(2, table.num_rows + len(bad) + 2)
    at = row_lines(path, len(every) + 1)[1:]
    is_bad = np.isin(every, bad)
    if "entry" in table.column_names:
        table = cells_from_csv(table)
    return table, at[~is_bad], tuple((line, "row-malformed") for line in at[is_bad].tolist())


def _read_lines(path: Path) -> Read:
    rows: list[dict[str, str | None]] = []
    lines: list[int] = []
    bad: list[tuple[int, str]] = []
    with path.open(encoding="utf-8-sig", newline="\n") as file:
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            if not rows and not bad and line.lstrip().startswith("["):
                raise InputError(
                    "holds an array; one JSON object a line is read",
                    code="consent.table",
                    where=f"{path.name}:{number}",
                )
            row = _object(line)
            if isinstance(row, str):
                bad.append((number, row))
                continue
            rows.append(row)
            lines.append(number)
    names = list(dict.fromkeys(name for row in rows for name in row))
    table = pa.table(
        {n: pa.array([row.get(n) for row in rows], pa.large_string()) for n in names}
        or {n: pa.array([], pa.large_string()) for n in ("member", "use", "decision")}
    )
    return table, np.array(lines, np.int64), tuple(bad)


def _object(line: str) -> dict[str, str | None] | str:
    """Return the cells of a line, or the reason why it is left out."""
    try:
        pairs = json.loads(line, object_pairs_hook=_Pairs)
    except (ValueError, RecursionError):
        return "row-malformed"
    if not isinstance(pairs, _Pairs) or len({name for name, _ in pairs}) != len(pairs):
        return "row-malformed"  # a name that stands there twice says two things
    try:
        return {name: _cell(name, value) for name, value in pairs}
    except ValueError:
        return "cell-malformed"


class _Pairs(list[tuple[str, Any]]):
    """The members of a JSON object, as they stand."""


def _cell(name: str, value: object) -> str | None:
    """Return a cell as text. Numbers are members, true and false say whether the past is meant.

    Raises:
        ValueError: Of another kind, or with half of a character.
    """
    if name not in COLUMNS:
        return None  # the table of the file is refused for its name, or passes it over
    if isinstance(value, str):
        value.encode()  # raises where it holds a lone surrogate
        return value
    if value is None:
        return None
    if isinstance(value, bool) and name == "includes_past":
        return json.dumps(value)
    if isinstance(value, int) and not isinstance(value, bool) and name == "member":
        return str(value)
    raise ValueError


def _not_utf8(path: Path) -> str:
    """Return the file and the first line that is not UTF-8."""
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            try:
                line.decode()
            except UnicodeDecodeError:
                return f"{path}:{number}"
    return str(path)
