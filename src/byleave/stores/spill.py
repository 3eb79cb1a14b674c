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
        self._known = np.empty(0, np.int64), np.empty((0, 0), np.int64)
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

    def take(self, part: int) -> memoryview:
        """Return everything that was added to a part, in the order of adding."""
        places, ends = self._layout()
        if not len(places):
            return memoryview(b"")
        starts = ends[:, part - 1] if part else np.zeros(len(ends), np.int64)
        sizes = ends[:, part] - starts
        found = np.empty(int(sizes.sum()), np.uint8).data
        done = 0
        for at, size in zip((places + starts).tolist(), sizes.tolist(), strict=True):
            if size and os.preadv(self._file.fileno(), [found[done : done + size]], at) != size:
                raise WorldError(
                    "what was put aside cannot be read back",
                    code="world.storage",
                    where=str(self._folder),
                )
            done += size
        return found

    def _layout(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Return where each addition stands, and where its parts end: int64[n], int64[n, parts]."""
        with self._lock:
            if len(self._known[0]) != len(self._added):
                places = np.array([at for at, _ in self._added], np.int64)
                ends = np.stack([ends for _, ends in self._added])
                self._known = places, ends
                self._added = list(zip(places.tolist(), ends, strict=True))  # kept once
            return self._known

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
