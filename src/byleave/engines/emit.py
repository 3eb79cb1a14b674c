"""Gate Parquet files, and write what is wanted of it: a copy, a selection, the reasons, or nothing.

One pass, row group by row group: the columns of the contract are read and decided; for a copy the
whole rows follow, and only of row groups where anything was kept. Values travel from Parquet
through Arrow's filter to Parquet: no text becomes a Python object. In hand are one batch, the
rows kept of about one row group, and one byte a row of the file.

Outputs appear together or not at all (`engines.staging`), readable by whom the input is; inputs
are never changed. Formats:
docs/spec/engines.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from byleave.canonical import encode
from byleave.consent.reason import Reason
from byleave.engines.arrow import columns_for, reasons_batch
from byleave.engines.parquet import ParquetRows
from byleave.engines.selection import write_selection
from byleave.engines.staging import cannot_write, staged
from byleave.engines.tally import Emission, InputRows, Tally, reason_words
from byleave.errors import InputError
from byleave.gate.plan import GatePlan
from byleave.gate.rows import RowReasons

__all__ = ["Outputs", "emit", "parquet_files"]

_WRITTEN_ROWS: Final = 1 << 20
_WRITTEN_BYTES: Final = 1 << 27
_COPY_ROWS: Final = 1 << 15
_RECORD: Final = "byleave.emission"
_REASONS: Final = pa.schema(
    [("reason", pa.dictionary(pa.int8(), pa.string())), ("party", pa.int32())]
)
_DICTIONARY: Final = frozenset({"RLE_DICTIONARY", "PLAIN_DICTIONARY"})
_CODECS: Final = {"UNCOMPRESSED": "NONE", "LZ4_RAW": "LZ4"}

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outputs:
    """What to write of a gate; counts come back in any case.

    One input: each is a file. Several: each is a folder with one file for each input.

    Attributes:
        copy: The rows kept, all columns, as Parquet.
        selection: The numbers of the rows kept (`engines.selection`).
        reasons: Reason and party of every row, in the order of the rows, as Parquet.
    """

    copy: Path | None = None
    selection: Path | None = None
    reasons: Path | None = None

    @property
    def targets(self) -> tuple[Path, ...]:
        """The places to write to."""
        return tuple(p for p in (self.copy, self.selection, self.reasons) if p is not None)


def parquet_files(path: Path) -> list[Path]:
    """Return a file as it is, or the `*.parquet` files of a folder by name.

    Raises:
        InputError: `input.not-found`, nothing stands there, or no Parquet file stands in it.
    """
    if not path.is_dir():
        return [path]
    files = sorted(p for p in path.glob("*.parquet") if p.is_file())
    if not files:
        raise InputError("no *.parquet in the folder", code="input.not-found", where=str(path))
    return files


def emit(
    plan: GatePlan,
    sources: Sequence[Path],
    outputs: Outputs | None = None,
    *,
    decide: Callable[[GatePlan, pa.RecordBatch], RowReasons] = reasons_batch,
    progress: Progress | None = None,
) -> Emission:
    """Gate files and write what `outputs` names.

    Args:
        plan: The rules compiled.
        sources: Parquet files of one data set.
        outputs: What to write; None: nothing, the counts are returned.
        decide: How rows are decided.
        progress: Called with rows done and rows in all after each row group; what it raises
            cancels the run, and nothing is left.

    Returns:
        The counts; they sum to the rows of the files.

    Raises:
        InputError: `input.not-found`; `data.unreadable`; `data.schema-drift`; `emit.over-input`;
            `contract.column-missing`, `contract.column-type`, `contract.column-value`.
        ConflictError: `workspace.exists`; `data.changed`, a file was replaced during the run.
        WorldError: `world.disk-full`, `world.storage`.
        ByleaveError: `gate.sum`.
    """
    wanted = Outputs() if outputs is None else outputs
    with ExitStack() as stack:
        files = [stack.enter_context(ParquetRows.open(path)) for path in sources]
        _check(plan, files, whole=wanted.copy is not None)
        places = stack.enter_context(staged(wanted.targets, inputs=sources))
        named = dict(zip(wanted.targets, places, strict=True))
        total = sum(f.rows for f in files)
        run = _Run(plan=plan, decide=decide, total=total, progress=progress)
        several = len(files) != 1
        parts = [run.file(f, _outputs_of(wanted, named, f, several=several)) for f in files]
        for file in files:
            file.require_unchanged()
        return Emission.total(plan, parts)


def _outputs_of(
    wanted: Outputs, places: Mapping[Path, Path], file: ParquetRows, *, several: bool
) -> Outputs:
    """Return where the outputs of one file are staged."""

    def place(target: Path | None) -> Path | None:
        if target is None:
            return None
        if not several:
            return places[target]
        try:
            places[target].mkdir(exist_ok=True)
        except OSError as error:
            raise cannot_write(error, target) from error
        return places[target] / file.path.name

    return Outputs(
        copy=place(wanted.copy),
        selection=place(wanted.selection),
        reasons=place(wanted.reasons),
    )


def _check(plan: GatePlan, files: Sequence[ParquetRows], *, whole: bool) -> None:
    """Hold the contract against each file, and the files against one another."""
    names = [file.path.name for file in files]
    if len(set(names)) < len(names):
        raise InputError("two input files have one name", code="data.schema-drift")
    for file in files:
        plan.contract.check(file.schema, data=file.name)
        first = files[0].schema
        read = first.names if whole else plan.contract.roots(first)
        for column in read:
            here = file.schema.field(column).type if column in file.schema.names else None
            if here != first.field(column).type:
                raise _drift(file, column, "is missing" if here is None else f"holds {here}")
        if whole and len(file.schema.names) != len(first.names):
            more = next(n for n in file.schema.names if n not in first.names)
            raise _drift(file, more, "is not in the first file")


def _drift(file: ParquetRows, column: str, what: str) -> InputError:
    return InputError(
        f'column "{column}" of {file.name} {what}',
        code="data.schema-drift",
        where=str(file.path),
        hint="the files of one data set have one schema; gate them one by one, or convert first",
    )


@dataclass(slots=True, kw_only=True)
class _Run:
    """One gate over several files."""

    plan: GatePlan
    decide: Callable[[GatePlan, pa.RecordBatch], RowReasons]
    total: int
    progress: Progress | None
    done: int = 0

    def file(self, file: ParquetRows, outputs: Outputs) -> Emission:
        """Gate one file, write its outputs, and return its counts."""
        tally = Tally(self.plan)
        kept = np.zeros(file.rows, np.bool_)
        start = 0
        with ExitStack() as stack:
            writers: list[_Rows] = []
            copy = reasons = None
            if outputs.copy is not None:
                copy = stack.enter_context(_Rows.like(file, outputs.copy))
                writers.append(copy)
            if outputs.reasons is not None:
                reasons = stack.enter_context(_Rows.of(_REASONS, outputs.reasons))
                writers.append(reasons)
            for group, rows in enumerate(file.group_rows):
                part = kept[start : start + rows]
                start += rows
                for decided in self._decide(file, group, part, tally):
                    if reasons is not None:
                        reasons.write(_reasons_of(decided))
                if copy is not None and part.any():
                    for batch in _filtered(file, group, part):
                        copy.write(batch)
                self.done += rows
                if self.progress is not None:
                    self.progress(self.done, self.total)
            emission = tally.emission([_input(file, tally)])
            for writer in writers:
                writer.close(emission)
        if outputs.selection is not None:
            _select(outputs.selection, kept, emission)
        for target in outputs.targets:
            target.chmod(file.mode)
        return emission

    def _decide(
        self, file: ParquetRows, group: int, kept: npt.NDArray[np.bool_], tally: Tally
    ) -> Iterator[RowReasons]:
        at = 0
        for batch in file.batches(group, columns_for(self.plan, file.schema)):
            decided = self.decide(self.plan, batch)
            tally.add(decided.reason, batch.num_rows)
            kept[at : at + batch.num_rows] = decided.reason == Reason.KEPT
            at += batch.num_rows
            yield decided


def _input(file: ParquetRows, tally: Tally) -> InputRows:
    return InputRows(
        name=file.name, rows=tally.rows, kept=tally.kept, size=file.size, footer=file.footer
    )


def _filtered(
    file: ParquetRows, group: int, kept: npt.NDArray[np.bool_]
) -> Iterator[pa.RecordBatch]:
    at = 0
    for batch in file.batches(group, None, rows=_COPY_ROWS):
        part = kept[at : at + batch.num_rows]
        at += batch.num_rows
        if part.all():
            yield batch
        elif part.any():
            yield batch.filter(pa.array(part))


def _reasons_of(decided: RowReasons) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays(
        [reason_words(decided.reason), pa.array(decided.party)], schema=_REASONS
    )


def _select(path: Path, kept: npt.NDArray[np.bool_], emission: Emission) -> None:
    record = emission.to_dict()
    data = emission.inputs[0].to_dict()
    header = {name: record[name] for name in ("at", "kept", "ledger", "plan", "rows", "scope")}
    header["reasons"] = record["reasons"]
    header["party_rule"] = record["party_rule"]
    header["data"] = {name: data[name] for name in ("footer", "name", "size")}
    try:
        write_selection(path, kept, header)
    except OSError as error:
        raise cannot_write(error, path) from error


@dataclass(slots=True, kw_only=True)
class _Rows:
    """A Parquet file in the making: rows are gathered to whole row groups."""

    path: Path
    writer: pq.ParquetWriter
    group_rows: int
    held: list[pa.RecordBatch] = field(default_factory=list)
    rows: int = 0
    size: int = 0

    @classmethod
    @contextmanager
    def like(cls, file: ParquetRows, path: Path) -> Iterator[_Rows]:
        """Open a file for rows of `file`: its schema, codecs, dictionaries, size of row groups."""
        most = max(file.group_rows, default=_WRITTEN_ROWS)
        options: dict[str, Any] = {}
        if file.metadata.num_row_groups:
            first = file.metadata.row_group(0)
            columns = [first.column(i) for i in range(first.num_columns)]
            options["compression"] = {
                c.path_in_schema: _CODECS.get(c.compression, c.compression) for c in columns
            }
            options["use_dictionary"] = [
                c.path_in_schema for c in columns if _DICTIONARY & set(c.encodings)
            ]
        with cls._open(path, file.schema, min(most, _WRITTEN_ROWS), options) as rows:
            yield rows

    @classmethod
    @contextmanager
    def of(cls, schema: pa.Schema, path: Path) -> Iterator[_Rows]:
        """Open a file of our own, compressed with zstd."""
        with cls._open(path, schema, _WRITTEN_ROWS, {"compression": "zstd"}) as rows:
            yield rows

    @classmethod
    @contextmanager
    def _open(
        cls, path: Path, schema: pa.Schema, most: int, options: Mapping[str, Any]
    ) -> Iterator[_Rows]:
        try:
            with pq.ParquetWriter(path, schema, **options) as writer:
                yield cls(path=path, writer=writer, group_rows=max(1, most))
        except OSError as error:
            raise cannot_write(error, path) from error

    def write(self, batch: pa.RecordBatch) -> None:
        """Add rows; a row group is written when it is full, or 128 MiB large."""
        self.held.append(batch)
        self.rows += batch.num_rows
        self.size += batch.nbytes
        if self.rows >= self.group_rows or self.size >= _WRITTEN_BYTES:
            self._flush()

    def close(self, emission: Emission) -> None:
        """Write what is held, and leave word of what decided."""
        self._flush()
        self.writer.add_key_value_metadata({_RECORD: encode(emission.to_dict()).decode()})

    def _flush(self) -> None:
        if self.held:
            table = pa.Table.from_batches(self.held)
            self.writer.write_table(table, row_group_size=self.group_rows)
            self.held, self.rows, self.size = [], 0, 0
