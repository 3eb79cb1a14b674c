"""What a build puts aside, in one temporary file that has no name once it is open.

What is added at once stands together; where its parts end is kept in memory, eight bytes
a part. The space comes back when the file is closed, by a crash too.
"""

from __future__ import annotations

import os
import tempfile
import threading
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import numpy as np
import numpy.typing as npt

from byleave.errors import WorldError
from byleave.stores.artefacts import translate

__all__ = ["FileSpill"]

_STROKE: Final = 1 << 20
"""Bytes of one write: in longer ones the kernel took eight times the CPU a byte."""


class FileSpill:
    """Bytes put aside by part number; threads may add and take at once.

    Args:
        folder: On whose disk; default the system's temporary folder.

    Raises:
        WorldError: `world.disk-full` or `world.storage`, on making it or adding to it.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder or Path(tempfile.gettempdir())
        try:
            self._file = tempfile.TemporaryFile(dir=self._folder)  # noqa: SIM115 (closed by close)
        except OSError as error:
            raise translate(error, self._folder) from error
        self._lock = threading.Lock()
        self._added: list[tuple[int, npt.NDArray[np.int64]]] = []
        self._end = 0

    def add(self, data: memoryview, ends: npt.NDArray[np.int64]) -> None:
        """Append data[ends[i - 1] : ends[i]] to part i, for every part."""
        with self._lock:
            at, self._end = self._end, self._end + len(data)
            self._added.append((at, ends))
        try:
            while data:
                written = os.pwrite(self._file.fileno(), data[:_STROKE], at)
                data, at = data[written:], at + written
        except OSError as error:
            raise translate(error, self._folder) from error

    def take(self, part: int) -> bytes:
        """Return everything that was added to a part, in the order of adding."""
        with self._lock:
            added = list(self._added)
        pieces = []
        for at, ends in added:
            start = int(ends[part - 1]) if part else 0
            if ends[part] > start:
                pieces.append((at + start, int(ends[part]) - start))
        found = [os.pread(self._file.fileno(), length, at) for at, length in pieces]
        if any(len(data) != length for data, (_, length) in zip(found, pieces, strict=True)):
            raise WorldError(
                "what was put aside cannot be read back",
                code="world.storage",
                where=str(self._folder),
            )
        return b"".join(found)

    def close(self) -> None:
        """Give the space back."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
