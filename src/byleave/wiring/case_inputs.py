"""The files that a case names: digest, size and rows of each, read once, a batch at a time."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import csv

from byleave import canonical
from byleave.canonical import sha256
from byleave.errors import InputError
from byleave.exposure.casefile import CaseFile, TableRef
from byleave.wiring.case_gate import gate_files

__all__ = ["case_inputs", "file_digest"]

_BLOCK: Final = 1 << 20


def case_inputs(stated: CaseFile, folder: Path) -> list[dict[str, Any]]:
    """Return `name`, `file`, `sha256`, `bytes`, `rows` of every table, in the order of the case.

    Args:
        stated: The case.
        folder: Where its file lies.

    Raises:
        InputError: `input.not-found`, `case.table`.
    """
    tables: dict[str, TableRef] = dict(stated.tables)
    tables |= {f"delivered:{name}": ref for name, ref in stated.delivered.items()}
    if stated.kept is not None:
        tables["kept"] = stated.kept
    found = []
    if stated.gate is not None:
        for name, text in gate_files(stated.gate).items():
            try:
                sha256, size = file_digest(folder / text)
            except OSError:
                raise InputError(
                    f"there is no file {text}", code="input.not-found", where=stated.gate.where
                ) from None
            found.append({"name": name, "file": text, "sha256": sha256, "bytes": size, "rows": 0})
    for name, ref in tables.items():
        file = folder / ref.file
        try:
            sha256, size = file_digest(file)
            rows = _rows(file)
        except OSError:
            raise InputError(
                f"there is no file {ref.file}", code="input.not-found", where=ref.where
            ) from None
        except pa.ArrowException:
            raise InputError(
                f"{ref.file} cannot be read as a table", code="case.table", where=ref.where
            ) from None
        found.append(
            {"name": name, "file": ref.file, "sha256": sha256, "bytes": size, "rows": rows}
        )
    return found


def file_digest(file: Path) -> tuple[str, int]:
    """Return the SHA-256 of a file, hex, and its size in bytes.

    Of a folder of Parquet files it is that of the canonical list of their names and digests, in
    the order of their names, and the size of all.
    """
    if file.is_dir():
        found = [(part.name, *file_digest(part)) for part in sorted(file.glob("*.parquet"))]
        listed = [[name, digest] for name, digest, _ in found]
        return sha256(canonical.encode(listed)).hex(), sum(size for *_, size in found)
    hasher, size = hashlib.sha256(), 0
    with file.open("rb") as stream:
        while block := stream.read(_BLOCK):
            hasher.update(block)
            size += len(block)
    return hasher.hexdigest(), size


def _rows(file: Path) -> int:
    if file.is_dir():
        return sum(_rows(part) for part in sorted(file.glob("*.parquet")))
    if file.suffix == ".parquet":
        return int(pq.read_metadata(file).num_rows)
    with csv.open_csv(file) as reader:
        names = reader.schema.names
    options = csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string()))
    with csv.open_csv(file, convert_options=options) as reader:
        return sum(batch.num_rows for batch in reader)
