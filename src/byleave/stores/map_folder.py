"""The files of a map in a folder: many small files, made durable together.

A map can be rebuilt from its snapshot's openings, so its files are not flushed one by one: a few
are, many are left to one `sync` of the system. A file that a crash cut short does not lead to the
root, and is refused when it is read.
"""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Final

from byleave.errors import EvidenceError
from byleave.stores.artefacts import translate

__all__ = ["MapFolder"]

_FLUSHED_SINGLY: Final = 64


class MapFolder:
    """Reads and writes files of one map; threads may do so at once.

    Args:
        root: The folder `map`; made when the first file is written.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._made: set[str] = set()
        self._written: list[str] = []
        self._lock = threading.Lock()

    def write(self, path: str, data: bytes) -> None:
        """Write one file; `flush` makes it durable.

        Raises:
            WorldError: `world.disk-full` or `world.storage`.
        """
        place = f"{self._root}/{path}"
        folder = place.rpartition("/")[0]
        try:
            if folder not in self._made:
                Path(folder).mkdir(parents=True, exist_ok=True, mode=0o700)
                with self._lock:
                    self._made.add(folder)
            descriptor = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o666)
            try:
                rest = memoryview(data)
                while rest:
                    rest = rest[os.write(descriptor, rest) :]
            finally:
                os.close(descriptor)
        except OSError as error:
            raise translate(error, Path(place)) from error
        with self._lock:
            self._written.append(place)

    def read(self, path: str) -> bytes:
        """Return one file.

        Raises:
            EvidenceError: `snapshot.map-damaged`, it is not there.
        """
        place = f"{self._root}/{path}"
        try:
            descriptor = os.open(place, os.O_RDONLY)
            try:
                return os.read(descriptor, os.fstat(descriptor).st_size)
            finally:
                os.close(descriptor)
        except OSError as error:
            raise EvidenceError(
                "a file of the map cannot be read",
                code="snapshot.map-damaged",
                where=place,
                hint="byleave snapshot fsck NAME --repair rebuilds the map from the openings",
            ) from error

    def flush(self) -> None:
        """Make everything that was written durable.

        Raises:
            WorldError: `world.storage`.
        """
        try:
            if len(self._written) > _FLUSHED_SINGLY:
                os.sync()
            else:
                for place in [*self._written, *self._made]:
                    descriptor = os.open(place, os.O_RDONLY)
                    try:
                        os.fsync(descriptor)
                    finally:
                        os.close(descriptor)
        except OSError as error:
            raise translate(error, self._root) from error
        self._written.clear()
