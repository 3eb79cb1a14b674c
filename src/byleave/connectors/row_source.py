"""Rows of a sealed snapshot, handed to somebody else's program, with a trace of what was handed out.

`RowSource` is the part that knows no framework: it holds the sealed rows as one Arrow table, and
writes a frame (`byleave.snapshot.reads`) for each batch that leaves it. It survives `fork` and
pickling: each process writes a file of its own.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from byleave.canonical import Json, encode
from byleave.errors import ConflictError, InputError
from byleave.snapshot.reads import MAGIC, first_chain, next_chain, write_frame
from byleave.snapshot.record import record_digests
from byleave.snapshot.sealed import SealedSnapshot

__all__ = ["ABOUT", "ROW", "RowSource", "Trace", "begin"]

ABOUT: Final = "reading.json"
ROW: Final = "row"
_AHEAD: Final = 1_024


class Trace:
    """A folder in which every process that hands out rows writes a file.

    Args:
        folder: It exists and is empty but for `reading.json`.
        salt: 16 bytes; each file's own is made of it and of the file's name.
    """

    def __init__(self, folder: Path, salt: bytes) -> None:
        self._folder, self._salt = folder, salt
        self._owner, self._file, self._chain = -1, -1, b""

    def __getstate__(self) -> dict[str, Any]:
        return {"folder": self._folder, "salt": self._salt}

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        self.__init__(state["folder"], state["salt"])  # type: ignore[misc]

    def write(self, epoch: int, rows: Sequence[int], digests: Sequence[bytes]) -> None:
        """Append one frame; it is with the operating system when this returns."""
        if self._owner != os.getpid():  # after a fork the file is the parent's
            self._begin()
        self._chain = next_chain(self._chain, epoch, rows, digests)
        data = write_frame(epoch, rows, self._chain)
        while data:
            data = data[os.write(self._file, data) :]

    def _begin(self) -> None:
        number = 0
        while True:
            name = f"part-{number:06d}.reads"
            try:
                flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND
                self._file = os.open(self._folder / name, flags, 0o600)
                break
            except FileExistsError:
                number += 1
        salt = first_chain(self._salt + name.encode())[:16]
        self._owner, self._chain = os.getpid(), first_chain(salt)
        os.write(self._file, MAGIC + salt)


class RowSource:
    """The rows of one sealed snapshot; what leaves it is traced.

    Args:
        snapshot: What passed the gate.
        columns: Name handed out → column of the data.
        trace: Where frames go.

    Attributes:
        epoch: Declared by the program, for the trace; rows are the same in every epoch.
    """

    def __init__(self, snapshot: SealedSnapshot, columns: Mapping[str, str], trace: Trace) -> None:
        batches = list(snapshot.batches(columns))
        names = list(columns)
        self._table = (
            pa.Table.from_batches(batches).select(names)
            if batches
            else pa.table({name: pa.nulls(0) for name in names})
        )
        self._rows: npt.NDArray[np.int64] = snapshot.alive
        self._trace = trace
        self.epoch = 0

    def __len__(self) -> int:
        count: int = self._table.num_rows
        return count

    @property
    def table(self) -> pa.Table:
        """The rows, and their positions in the column `row`; handing it out is traced by nobody."""
        return self._table.append_column(ROW, pa.array(self._rows))

    def batch(self, places: Sequence[int]) -> list[dict[str, Any]]:
        """Hand out the rows at these places, below `len`, in this order.

        Raises:
            IndexError: A place is not in the snapshot; nothing is handed out.
        """
        count = len(self)
        at = [int(place) for place in places]
        if any(not -count <= place < count for place in at):
            raise IndexError("the snapshot has no such row")
        at = [place % count for place in at]
        taken = self._table.take(pa.array(at, pa.int64()))
        self._trace.write(self.epoch, self._rows[at].tolist(), record_digests(taken).to_pylist())
        handed: list[dict[str, Any]] = taken.to_pylist()
        return handed

    def stream(self, places: npt.NDArray[np.int64]) -> Iterator[dict[str, Any]]:
        """Hand out rows one by one; one that nobody takes is not in the trace."""
        epoch = self.epoch
        for start in range(0, len(places), _AHEAD):
            part = places[start : start + _AHEAD]
            taken = self._table.take(pa.array(part))
            digests = record_digests(taken).to_pylist()
            values = zip(self._rows[part].tolist(), digests, taken.to_pylist(), strict=True)
            for row, digest, value in values:
                self._trace.write(epoch, [row], [digest])
                yield value

    def order(self, seed: int | None) -> npt.NDArray[np.int64]:
        """Return the places of this epoch: as they stand, or shuffled by seed and epoch; int64."""
        if seed is None:
            return np.arange(len(self))
        return np.random.default_rng([seed, self.epoch]).permutation(len(self))

    def handed(self, columns: Mapping[str, Sequence[Any]]) -> dict[str, Sequence[Any]]:
        """Trace a batch that a framework formatted from `table`, and return it without `row`.

        Raises:
            InputError: `reads.row-column`, the batch came without the column `row` or another.
        """
        names = self._table.column_names
        if any(name not in columns for name in (ROW, *names)):
            raise InputError(
                "rows were asked for without the columns that say which rows they are",
                code="reads.row-column",
                hint="choose columns when making the reader, not afterwards",
            )
        batch = pa.table(
            {
                name: pa.array(list(columns[name]), self._table.schema.field(name).type)
                for name in names
            }
        )
        rows = [int(row) for row in columns[ROW]]
        self._trace.write(self.epoch, rows, record_digests(batch).to_pylist())
        return {name: columns[name] for name in names}


def begin(
    folder: Path, *, snapshot: SealedSnapshot, columns: Mapping[str, str], salt: bytes
) -> RowSource:
    """Make the folder of a trace, and the source that writes into it.

    Raises:
        ConflictError: `reads.exists`, something is in the folder: a trace is of one run.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise ConflictError(
            "the folder for the trace is not empty",
            code="reads.exists",
            where=str(folder),
            hint="one folder for each training run",
        )
    about: dict[str, Json] = {"columns": dict(columns), "snapshot": snapshot.manifest.snapshot}
    (folder / ABOUT).write_bytes(encode(about))
    return RowSource(snapshot, columns, Trace(folder, salt))
