"""Bring a data set in: enrol everyone who appears in it, digest every record, keep a copy.

A data set is a table, or Parquet files of one schema. Files are copied byte for byte and read
batch by batch; what is held at a time is a batch, and each distinct id once. Opening a source
hashes its files again (about half a second a gigabyte) and remembers which files those were;
reading afterwards refuses a file that was replaced.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from itertools import accumulate
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from byleave.errors import ConflictError, InputError
from byleave.evidence.entry import SourceEntry
from byleave.gate.contract import Contract, is_id_list, parse_contract
from byleave.gate.members import ids_as_text
from byleave.gate.nested import column_at
from byleave.ids import Digest, to_us
from byleave.service.enrol import enrol_within
from byleave.service.house import Artefacts, House, RowFile, StagedFiles, Stamp
from byleave.snapshot.commit import fixed
from byleave.snapshot.record import record_digests
from byleave.snapshot.sealed import write_table

__all__ = ["DataFile", "Source", "Span", "add_source", "members_of", "open_source", "rows_of"]

DATA: Final = "data.parquet"
DIGESTS: Final = "digests.parquet"
CONTRACT: Final = "contract.yaml"
SPAN_ROWS: Final = 1 << 20
_INGEST_ROWS: Final = 1 << 17
_COPY_BYTES: Final = 1 << 20
_ENROL_AT_ONCE: Final = 1 << 20

Opener = Callable[[Path], AbstractContextManager[RowFile]]


@dataclass(frozen=True, slots=True, kw_only=True)
class DataFile:
    """One Parquet file of a source, as it was when its digest was checked.

    Attributes:
        name: Its name in the source's folder.
        path: Where it stands.
        sha256: Digest of its bytes, hex.
        first_row: Number of its first row in the source.
        group_rows: Rows of each row group.
        stamp: Which file it was.
    """

    name: str
    path: Path
    sha256: str
    first_row: int
    group_rows: tuple[int, ...]
    stamp: Stamp


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Row groups of one file that are worked on, and finished, together.

    Attributes:
        file: Position of the file.
        groups: Its row groups, as a range.
        first_row: Number of the first row in the source.
        rows: How many rows.
    """

    file: int
    groups: range
    first_row: int
    rows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A data set in the workspace.

    Attributes:
        name: Its id.
        index: Log index of its entry.
        contract: Whose data a row is.
        schema: Its columns.
        files: Its data, in order.
        digests_path: Where the record digests stand.
    """

    name: str
    index: int
    contract: Contract
    schema: pa.Schema
    files: tuple[DataFile, ...]
    digests_path: Path
    _open: Opener = field(repr=False)
    _artefacts: Artefacts = field(repr=False)

    @property
    def rows(self) -> int:
        """Rows in all."""
        return sum(sum(file.group_rows) for file in self.files)

    def spans(self) -> Iterator[Span]:
        """Yield the spans: row groups of one file, together up to `SPAN_ROWS`, at least one."""
        for position, file in enumerate(self.files):
            starts = [0, *accumulate(file.group_rows)]
            first = 0
            for group in range(len(file.group_rows)):
                last = group + 1 == len(file.group_rows)
                if last or starts[group + 2] - starts[first] > SPAN_ROWS:
                    yield Span(
                        file=position,
                        groups=range(first, group + 1),
                        first_row=file.first_row + starts[first],
                        rows=starts[group + 1] - starts[first],
                    )
                    first = group + 1

    def groups(self) -> Iterator[Span]:
        """Yield a span for each row group: the least that can be read by itself."""
        for position, file in enumerate(self.files):
            first = file.first_row
            for group, rows in enumerate(file.group_rows):
                yield Span(
                    file=position, groups=range(group, group + 1), first_row=first, rows=rows
                )
                first += rows

    def read(self, span: Span, columns: Sequence[str] | None = None) -> Iterator[pa.RecordBatch]:
        """Yield the rows of a span in batches of at most `SPAN_ROWS`.

        Args:
            span: One of `spans`.
            columns: Top-level columns; None: all.

        Raises:
            InputError: `data.unreadable`, a row group is damaged.
            ConflictError: `data.changed`, the file was replaced since it was opened.
        """
        file = self.files[span.file]
        names = self.schema.names if columns is None else list(columns)
        with self._open(file.path) as opened:
            if len(span.groups) == 1:
                for batch in opened.batches(span.groups[0], names, rows=SPAN_ROWS):
                    yield batch.select(names)
            else:
                parts = [b for g in span.groups for b in opened.batches(g, names, rows=SPAN_ROWS)]
                if parts:
                    whole = pa.Table.from_batches(parts).select(names).combine_chunks()
                    yield from whole.to_batches()
        self._artefacts.require_same(file.path, file.stamp)

    def batches(self, columns: Sequence[str] | None = None) -> Iterator[pa.RecordBatch]:
        """Yield all rows in order (see `read`)."""
        for span in self.spans():
            yield from self.read(span, columns)

    def digest_batches(self) -> Iterator[pa.Array]:
        """Yield the record digests in the order of the rows; binary(32)."""
        with self._open(self.digests_path) as opened:
            for group in range(len(opened.group_rows)):
                for batch in opened.batches(group, ["digest"], rows=SPAN_ROWS):
                    yield batch.column(0)

    @property
    def table(self) -> pa.Table:
        """All rows and columns, held at once: for data sets that fit."""
        return pa.Table.from_batches(self.batches(), self.schema)

    @property
    def digests(self) -> pa.Array:
        """One record digest per row, held at once; binary(32)."""
        return pa.chunked_array(list(self.digest_batches()), pa.binary(32)).combine_chunks()


def add_source(
    house: House,
    name: str,
    data: pa.Table | Sequence[Path],
    contract_text: str,
    *,
    contract_name: str = CONTRACT,
    regions: Mapping[str, str] | None = None,
    about: Mapping[str, Any] | None = None,
) -> tuple[int, int]:
    """Add a data set and enrol its members; return (records, newly enrolled).

    Args:
        house: The workspace's ports.
        name: Id of the source.
        data: Its rows, or Parquet files of one schema, in order. Files are only read.
        contract_text: The contract, YAML.
        contract_name: What messages call the contract.
        regions: Region of members, where known.
        about: Where it is from, kept in the ledger's document.

    Raises:
        InputError: Codes `contract.*`; `data.unreadable`, a file or row group is damaged;
            `data.schema-drift`, files differ in a column.
        ConflictError: `workspace.exists`; `data.changed`, a file was replaced meanwhile.
        WorldError: `world.disk-full`, `world.storage`; nothing is left behind.

    Others may write while rows are taken in, and between two millions of new members: nothing in
    the ledger is relied on but that no source has the name.
    """
    contract = parse_contract(contract_text, name=contract_name)
    _require_free(house, name)
    if isinstance(data, pa.Table):
        contract.check(data.schema, data=name)
    with house.artefacts.draft("source", _only(name)) as (_, folder):
        with house.aside(rules=False, erased=False):
            taking = _Ingest(house=house, contract=contract, folder=folder)
            if isinstance(data, pa.Table):
                taking.table(data)
            else:
                taking.files(data)
            with folder.create(CONTRACT) as stream:
                stream.write(contract_text.encode())
            members = taking.members()
        _require_free(house, name)
        enrolled = _enrol_first(house, members)
        folder.settle(house.artefacts.path("sources", name))
        document: dict[str, Any] = {
            "source": name,
            "records": taking.rows,
            "columns": taking.columns,
            "files": dict(folder.digests),
            "about": dict(about or {}),
        }
        with house.ledger.writing() as writer:
            some = members[(max(len(members), 1) - 1) // _ENROL_AT_ONCE * _ENROL_AT_ONCE :]
            enrolled += enrol_within(house, writer, some, regions=regions)
            entry = SourceEntry(
                source=name,
                contract=contract.digest,
                records=taking.rows,
                digests=Digest(taking.hasher.digest()),
            )
            writer.add_object(
                "source",
                name,
                index=writer.log(entry.encode()),
                at_us=to_us(house.now()),
                document=document,
            )
    return taking.rows, enrolled


def _require_free(house: House, name: str) -> None:
    if house.ledger.object("source", name) is not None:
        raise ConflictError(f"a source named {name!r} exists already", code="workspace.exists")


def _only(name: str) -> Iterator[str]:
    """Yield the one name that a source may have; a second asks for one that somebody is at."""
    yield name
    raise ConflictError(f"a source named {name!r} is being added", code="workspace.exists")


def _enrol_first(house: House, members: Sequence[str]) -> int:
    """Enrol all but the last of very many members, so many in a turn; return how many were new.

    More than one transaction holds: people first; the rest with the source. Others may write
    between two turns: whoever they enrol is enrolled already.
    """
    enrolled = 0
    for start in range(_ENROL_AT_ONCE, len(members), _ENROL_AT_ONCE):
        with house.ledger.writing() as writer:
            some = members[start - _ENROL_AT_ONCE : start]
            enrolled += enrol_within(house, writer, some)
        with house.aside(rules=False, erased=False):
            pass
    return enrolled


class _Ingest:
    """Rows on their way in: copied, digested, and their people collected."""

    def __init__(self, *, house: House, contract: Contract, folder: StagedFiles) -> None:
        self._house = house
        self._contract = contract
        self._folder = folder
        self._people = [_Distinct() for _ in (contract.author, *contract.recipients)]
        self.hasher = hashlib.sha256()
        self.rows = 0
        self.columns: list[str] = []
        self._digests: pq.ParquetWriter | None = None

    def table(self, table: pa.Table) -> None:
        """Take a table."""
        with self._folder.create(DATA) as stream:
            stream.write(write_table(table))
        self.columns = list(table.column_names)
        with self._digest_file() as writer:
            for batch in table.to_batches(max_chunksize=_INGEST_ROWS):
                self._take(batch, writer, table.num_rows)

    def files(self, paths: Sequence[Path]) -> None:
        """Take Parquet files."""
        if not paths:
            raise InputError("no data file was named", code="input.not-found")
        total = self._same_schema(paths)
        with self._digest_file() as writer:
            for number, path in enumerate(paths, 1):
                name = DATA if len(paths) == 1 else f"data-{number:05}.parquet"
                with self._house.open_rows(path) as rows:
                    self._copy(path, name)
                    for group in range(len(rows.group_rows)):
                        for batch in rows.batches(group, self.columns, rows=_INGEST_ROWS):
                            self._take(batch, writer, total)
                    rows.require_unchanged()

    def members(self) -> list[str]:
        """Return everyone who appears, in the order of first appearance by column."""
        parts = [people.ids() for people in self._people]
        return [str(m) for m in pc.unique(pa.chunked_array(parts)).to_pylist()]

    def _same_schema(self, paths: Sequence[Path]) -> int:
        """Hold the contract against the first file, and the others' columns against its."""
        rows, first = 0, pa.schema([])
        for number, path in enumerate(paths):
            with self._house.open_rows(path) as opened:
                rows += sum(opened.group_rows)
                if number == 0:
                    first = opened.schema
                    self._contract.check(first, data=path.name)
                    self.columns = list(first.names)
                else:
                    _require_same_columns(first, opened.schema, paths[0], path)
        return rows

    def _copy(self, path: Path, name: str) -> None:
        with path.open("rb") as source, self._folder.create(name) as target:
            shutil.copyfileobj(source, target, _COPY_BYTES)

    @contextmanager
    def _digest_file(self) -> Iterator[pq.ParquetWriter]:
        """Write digests as they come: nothing in them repeats, so nothing is compressed."""
        schema = pa.schema({"digest": pa.binary(32)})
        with (
            self._folder.create(DIGESTS) as stream,
            pq.ParquetWriter(stream, schema, compression="none", use_dictionary=False) as writer,
        ):
            yield writer

    def _take(self, batch: pa.RecordBatch, writer: pq.ParquetWriter, total: int) -> None:
        contract = self._contract
        table = pa.Table.from_batches([batch])
        digests = record_digests(
            table,
            contract.digest_columns(batch.schema),
            hash_rows=self._house.building.hash_rows,
        )
        writer.write_table(pa.table({"digest": digests}))
        self.hasher.update(fixed(digests).data)
        for people, column in zip(
            self._people, (contract.author, *contract.recipients), strict=True
        ):
            people.add(_ids(table, column))
        self.rows += batch.num_rows
        self._house.progress("records taken in", self.rows, total)


class _Distinct:
    """Distinct ids in the order of first appearance; holds at most twice as many as there are."""

    def __init__(self) -> None:
        self._ids = pa.array([], pa.large_string())
        self._new: list[pa.Array] = []
        self._count = 0

    def add(self, ids: pa.Array) -> None:
        some = pc.unique(ids).drop_null()
        self._new.append(some)
        self._count += len(some)
        if self._count > len(self._ids) + SPAN_ROWS:
            self.ids()

    def ids(self) -> pa.Array:
        self._ids = pc.unique(pa.chunked_array([self._ids, *self._new]))
        self._new, self._count = [], 0
        return self._ids


def _require_same_columns(first: pa.Schema, other: pa.Schema, one: Path, path: Path) -> None:
    """Refuse a file that lacks a column of the first, has one more, or has one of another type."""
    for name in sorted({*first.names, *other.names}):
        kinds = [
            str(schema.field(name).type) if schema.names.count(name) == 1 else "no such column"
            for schema in (first, other)
        ]
        if kinds[0] != kinds[1]:
            raise InputError(
                f'column "{name}" is {kinds[0]} in {one.name} and {kinds[1]} in {path.name}',
                code="data.schema-drift",
                where=str(path),
                hint="files of one source have the same columns, with the same types",
            )


def open_source(house: House, name: str) -> Source:
    """Return a data set after comparing its files with the ledger.

    Raises:
        InputError: `workspace.unknown-object`.
        EvidenceError: `workspace.damaged`, a file changed since it was added.
    """
    found = house.ledger.object("source", name)
    if found is None:
        known = [n for _, n, _, _ in house.ledger.objects("source")]
        raise InputError(
            f"no source {name!r}",
            code="workspace.unknown-object",
            hint=f"known: {', '.join(known)}" if known else "byleave source add FILE --contract C",
        )
    index, _, document = found
    stamps = {
        file: house.artefacts.check("sources", name, file, digest)
        for file, digest in document["files"].items()
    }
    text = house.artefacts.read("sources", name, CONTRACT).decode()
    files: list[DataFile] = []
    schema, rows = pa.schema([]), 0
    for file in sorted(document["files"].keys() - {CONTRACT, DIGESTS}):
        path = house.artefacts.path("sources", name, file)
        with house.open_rows(path) as opened:
            groups = opened.group_rows
            schema = schema if files else opened.schema
        files.append(
            DataFile(
                name=file,
                path=path,
                sha256=document["files"][file],
                first_row=rows,
                group_rows=groups,
                stamp=stamps[file],
            )
        )
        rows += sum(groups)
    return Source(
        name=name,
        index=index,
        contract=parse_contract(text, name=CONTRACT),
        schema=schema,
        files=tuple(files),
        digests_path=house.artefacts.path("sources", name, DIGESTS),
        _open=house.open_rows,
        _artefacts=house.artefacts,
    )


def members_of(table: pa.Table, contract: Contract) -> list[str]:
    """Return everyone who is a party of a row, in the order of first appearance by column."""
    arrays = [_ids(table, column) for column in (contract.author, *contract.recipients)]
    ids = pc.unique(pa.chunked_array(arrays, pa.large_string()))
    return [str(m) for m in ids.drop_null().to_pylist()]


def rows_of(source: Source, member: str) -> pa.Table:
    """Return positions and roles (1 author, 2 recipient) of the rows a member is a party of."""
    contract = source.contract
    parts: list[tuple[int, int, pa.Array]] = []
    seen = 0
    for batch in source.batches(contract.roots(source.schema)):
        rows = _is_member(ids_as_text(column_at(batch, contract.author)), member)
        parts.append((0, 1, pc.add(pc.indices_nonzero(rows).cast(pa.int64()), seen)))
        for place, column in enumerate(contract.recipients, 1):
            array = column_at(batch, column)
            if is_id_list(array.type):
                hit = _is_member(ids_as_text(pc.list_flatten(array)), member)
                rows = pc.unique(pc.list_parent_indices(array).filter(hit)).cast(pa.int64())
            else:
                rows = pc.indices_nonzero(_is_member(ids_as_text(array), member)).cast(pa.int64())
            parts.append((place, 2, pc.add(rows, seen)))
        seen += batch.num_rows
    found = sorted((part for part in parts if len(part[2])), key=lambda part: part[0])
    return pa.table(
        {
            "row": pa.chunked_array([rows for _, _, rows in found], pa.int64()),
            "role": pa.chunked_array(
                [pa.array([role] * len(rows), pa.uint8()) for _, role, rows in found], pa.uint8()
            ),
        }
    )


def _is_member(ids: pa.Array, member: str) -> pa.Array:
    return pc.fill_null(pc.equal(ids, member), False)


def _ids(table: pa.Table, column: str) -> pa.Array:
    array = column_at(table, column)
    return ids_as_text(pc.list_flatten(array) if is_id_list(array.type) else array)
