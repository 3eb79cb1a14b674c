"""Sealed rows for somebody else's training loop, and the attestation of what it read.

`ws.model.reader(SNAPSHOT, trace=FOLDER)` gives rows to PyTorch, `datasets` or plain Python, also
where the workspace is open read-only; `ws.model.attest(FOLDER)` logs what was read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from byleave.connectors.row_source import ABOUT, RowSource, begin
from byleave.engines.extra import load
from byleave.errors import InputError
from byleave.snapshot.sealed import SealedSnapshot
from byleave.training.trainer import ModelFiles

if TYPE_CHECKING:
    from datasets import Dataset, IterableDataset

    from byleave.connectors.torch_rows import SealedRows, SealedStream

__all__ = ["Reader", "open_reader", "read_model", "read_trace"]

Transform = Callable[[dict[str, Any]], Any]


class Reader:
    """The rows of one sealed snapshot, as the frameworks take them; every read is traced.

    Attributes:
        trace: Folder of the trace.
    """

    def __init__(self, source: RowSource, trace: Path) -> None:
        self._source, self.trace = source, trace

    def __len__(self) -> int:
        return len(self._source)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return self._source.stream(self._source.order(None))

    def set_epoch(self, epoch: int) -> None:
        """Say which epoch begins: a number in the trace, and another order where it shuffles."""
        self._source.epoch = epoch

    def torch(self, transform: Transform | None = None) -> SealedRows:
        """Return a map-style PyTorch `Dataset`.

        Raises:
            WorldError: `cli.extra-missing`.
        """
        load("torch", extra="torch")
        from byleave.connectors.torch_rows import SealedRows

        return SealedRows(self._source, transform)

    def torch_stream(
        self, *, seed: int | None = None, transform: Transform | None = None
    ) -> SealedStream:
        """Return a PyTorch `IterableDataset`; its workers share the rows.

        Raises:
            WorldError: `cli.extra-missing`.
        """
        load("torch", extra="torch")
        from byleave.connectors.torch_rows import SealedStream

        return SealedStream(self._source, seed=seed, transform=transform)

    def datasets(self) -> Dataset:
        """Return a Hugging Face `Dataset`.

        Raises:
            WorldError: `cli.extra-missing`.
        """
        load("datasets", extra="datasets")
        from byleave.connectors.hf_rows import sealed_dataset

        return sealed_dataset(self._source)

    def datasets_stream(self, *, seed: int | None = None) -> IterableDataset:
        """Return a Hugging Face `IterableDataset`.

        Raises:
            WorldError: `cli.extra-missing`.
        """
        load("datasets", extra="datasets")
        from byleave.connectors.hf_rows import sealed_iterable

        return sealed_iterable(self._source, seed=seed)


def open_reader(
    snapshot: SealedSnapshot,
    columns: Mapping[str, str] | Sequence[str] | None,
    trace: str | Path,
    salt: bytes,
) -> Reader:
    """Return a reader over a snapshot.

    Raises:
        InputError: `training.columns`, the data has no such column.
        ConflictError: `reads.exists`.
    """
    if columns is None:
        chosen = {name: name for name in snapshot.column_names}
    elif isinstance(columns, Mapping):
        chosen = dict(columns)
    else:
        chosen = {name: name for name in columns}
    absent = [name for name in chosen.values() if name not in snapshot.column_names]
    if absent or not chosen:
        raise InputError(
            "the snapshot lacks a column that is to be read",
            code="training.columns",
            hint=f"not in the data: {', '.join(absent) or '–'}",
        )
    folder = Path(trace)
    return Reader(begin(folder, snapshot=snapshot, columns=chosen, salt=salt), folder)


def read_trace(folder: str | Path) -> dict[str, bytes]:
    """Return the files of a trace.

    Raises:
        InputError: `input.not-found`.
    """
    root = Path(folder)
    if not (root / ABOUT).is_file():
        raise InputError("there is no trace of reads", code="input.not-found", where=str(root))
    return {path.name: path.read_bytes() for path in [root / ABOUT, *root.glob("*.reads")]}


def read_model(paths: Sequence[str | Path]) -> ModelFiles | None:
    """Return model files by name; None where none are named.

    Raises:
        InputError: `input.not-found`; `input.malformed`, two of one name.
    """
    files: dict[str, bytes] = {}
    for path in map(Path, paths):
        for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
            if file.is_dir():
                continue
            if not file.is_file():
                raise InputError("no such file", code="input.not-found", where=str(file))
            name = file.relative_to(path).as_posix() if path.is_dir() else file.name
            if name in files:
                raise InputError(f"two model files are named {name!r}", code="input.malformed")
            files[name] = file.read_bytes()
    return files or None
