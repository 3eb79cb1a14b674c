"""One Parquet file as an input: what it is, its rows by row group, and whether it is still there.

The file is opened once and read through that descriptor; its identity is its size and the SHA-256
of its footer, which names every column chunk by place, size and statistics. Page checksums are
compared where the writer left any. Nothing here writes.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Final

import pyarrow as pa
import pyarrow.parquet as pq

from byleave.errors import ConflictError, InputError
from byleave.ids import Digest

__all__ = ["BATCH_ROWS", "ParquetRows"]

BATCH_ROWS: Final = 1 << 17
_MAGIC: Final = b"PAR1"
_TAIL: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ParquetRows:
    """A file open for reading.

    Attributes:
        path: Where it stands.
        schema: Its columns.
        group_rows: Rows of each row group.
        size: Bytes.
        footer: SHA-256 of the footer.
        metadata: What the footer says.
    """

    path: Path
    schema: pa.Schema
    group_rows: tuple[int, ...]
    size: int
    footer: Digest
    metadata: pq.FileMetaData
    _file: pq.ParquetFile = field(repr=False)
    _stream: BinaryIO = field(repr=False)
    _stat: os.stat_result = field(repr=False)

    @classmethod
    @contextmanager
    def open(cls, path: Path) -> Iterator[ParquetRows]:
        """Open a file.

        Raises:
            InputError: `input.not-found`; `data.unreadable`, not a whole Parquet file.
        """
        if not path.is_file():
            raise InputError(
                f"{path.name} is no file" if path.exists() else f"{path.name} does not exist",
                code="input.not-found",
                where=str(path),
            )
        try:
            stream = path.open("rb")
        except OSError as error:
            raise _unreadable(path, "cannot be opened") from error
        with stream:
            try:
                footer = _footer(stream)
                stream.seek(0)
                file = pq.ParquetFile(stream, page_checksum_verification=True)
            except (pa.ArrowException, OSError) as error:
                raise _unreadable(path, "is not a whole Parquet file") from error
            found = os.fstat(stream.fileno())
            meta = file.metadata
            yield cls(
                path=path,
                schema=file.schema_arrow,
                group_rows=tuple(meta.row_group(i).num_rows for i in range(meta.num_row_groups)),
                size=found.st_size,
                footer=footer,
                metadata=meta,
                _file=file,
                _stream=stream,
                _stat=found,
            )

    @property
    def name(self) -> str:
        """What records call it; a byte that is no UTF-8 reads `?`."""
        return self.path.name.encode("utf-8", "replace").decode()

    @property
    def mode(self) -> int:
        """Who may read and write it, as `chmod` takes it."""
        return stat.S_IMODE(self._stat.st_mode)

    @property
    def rows(self) -> int:
        """Rows in all."""
        return sum(self.group_rows)

    def batches(
        self, group: int, columns: Sequence[str] | None, *, rows: int = BATCH_ROWS
    ) -> Iterator[pa.RecordBatch]:
        """Yield one row group in order.

        Args:
            group: Its number.
            columns: Top-level columns to read; None: all.
            rows: Rows of a batch, at most.

        Raises:
            InputError: `data.unreadable`, the row group is damaged.
        """
        names = None if columns is None else list(columns)
        found = 0
        try:
            for batch in self._file.iter_batches(rows, row_groups=[group], columns=names):
                found += batch.num_rows
                yield batch
        except (pa.ArrowException, OSError) as error:
            raise _unreadable(self.path, f"is damaged in row group {group}") from error
        if found != self.group_rows[group]:
            raise _unreadable(self.path, f"lacks rows in row group {group}")

    def require_unchanged(self) -> None:
        """Compare the file at the path with the one that was read.

        Raises:
            ConflictError: `data.changed`.
        """
        try:
            now = self.path.stat()
        except OSError:
            now = None
        then, still = self._stat, os.fstat(self._stream.fileno())
        if now is None or any(
            (s.st_dev, s.st_ino, s.st_size, s.st_mtime_ns)
            != (then.st_dev, then.st_ino, then.st_size, then.st_mtime_ns)
            for s in (now, still)
        ):
            raise ConflictError(
                f"{self.name} was replaced or changed while it was read; nothing was kept",
                code="data.changed",
                where=str(self.path),
                hint="run again when nothing writes to it",
            )


def _footer(stream: BinaryIO) -> Digest:
    size = stream.seek(0, os.SEEK_END)
    stream.seek(max(0, size - _TAIL))
    tail = stream.read(_TAIL)
    length = int.from_bytes(tail[:4], "little")
    if tail[4:] != _MAGIC or length + _TAIL > size:
        raise pa.ArrowInvalid("no footer")
    stream.seek(size - _TAIL - length)
    return Digest(hashlib.sha256(stream.read(length)).digest())


def _unreadable(path: Path, what: str) -> InputError:
    return InputError(f"{path.name} {what}", code="data.unreadable", where=str(path))
