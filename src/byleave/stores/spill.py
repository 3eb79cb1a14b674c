"""What a build puts aside, in one temporary file that has no name once it is open.

Pieces are appended one after another; where the pieces of a part stand is kept in memory, some
tens of bytes a piece. The space comes back when the file is closed, by a crash too.
"""

from __future__ import annotations

import os
import tempfile
import threading
from pathlib import Path
from types import TracebackType
from typing import Self

from byleave.errors import WorldError
from byleave.stores.artefacts import translate

__all__ = ["FileSpill"]


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
        self._pieces: dict[int, list[tuple[int, int]]] = {}
        self._end = 0

    def add(self, part: int, data: bytes) -> None:
        """Append to a part."""
        with self._lock:
            at, self._end = self._end, self._end + len(data)
            self._pieces.setdefault(part, []).append((at, len(data)))
        view = memoryview(data)
        try:
            while view:
                written = os.pwrite(self._file.fileno(), view, at)
                view, at = view[written:], at + written
        except OSError as error:
            raise translate(error, self._folder) from error

    def take(self, part: int) -> bytes:
        """Return everything that was added to a part, in the order of adding."""
        with self._lock:
            pieces = self._pieces.pop(part, [])
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
