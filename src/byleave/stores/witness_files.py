"""What a witness remembers, in a folder.

    DIR/logs/<sha256(origin)>/checkpoint     the note cosigned last
    DIR/logs/<sha256(origin)>/refused/<sha256>         signed checkpoints that did not follow
    DIR/logs/<sha256(origin)>/refused/<sha256>.fork    those of the size cosigned last: fork proofs
    DIR/lock

A checkpoint is replaced whole: temporary name, flush, rename, flush of the folder. Comparing and
replacing happen under the folder's lock, for threads and processes alike, so that no request can
roll back what another one was answered (tlog-witness).
"""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Final

from byleave.errors import EvidenceError, WorldError
from byleave.note.checkpoint import parse_checkpoint
from byleave.note.signed import MAX_NOTE_BYTES, parse_note
from byleave.tlog.witness import origin_hash

__all__ = ["WitnessFiles"]

_MAX_REFUSED: Final = 100


class WitnessFiles:
    """A `tlog.witness.WitnessState` over one directory, which exists."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._threads = Lock()
        self._named: set[Path] = set()  # folders whose own names this process has flushed

    def get(self, origin: str) -> bytes | None:
        """Return the note cosigned last.

        Raises:
            EvidenceError: `witness.state`, it cannot be read, or is not of this log.
        """
        path = self._folder(origin) / "checkpoint"
        try:
            with path.open("rb") as stream:
                data = stream.read(MAX_NOTE_BYTES + 1)
            found = parse_checkpoint(parse_note(data).text)
        except FileNotFoundError:
            return None
        except (OSError, EvidenceError) as error:
            raise _damaged(path) from error
        if found.origin != origin:
            raise _damaged(path)
        return data

    def compare_and_swap(self, origin: str, old: bytes | None, new: bytes) -> bool:
        """Replace the note if it is still `old`; durable on True.

        Raises:
            EvidenceError: `witness.state`.
            WorldError: `world.storage`.
        """
        with self._alone():
            if self.get(origin) != old:
                return False
            self._write(self._folder(origin) / "checkpoint", new)
        return True

    def keep_refused(self, origin: str, data: bytes, *, suffix: str = "") -> None:
        """Keep what shows that a log may have forked. The first 100 stay.

        Raises:
            WorldError: `world.storage`.
        """
        folder = self._folder(origin) / "refused"
        path = folder / f"{hashlib.sha256(data).hexdigest()}{suffix}"
        with self._alone():
            if path.exists() or (folder.is_dir() and len(list(folder.iterdir())) >= _MAX_REFUSED):
                return
            self._write(path, data)

    def refused(self, origin: str) -> list[Path]:
        """Return the files of what was refused of a log."""
        return sorted((self._folder(origin) / "refused").glob("[0-9a-f]*"))

    def _folder(self, origin: str) -> Path:
        return self._root / "logs" / origin_hash(origin)

    def _write(self, path: Path, data: bytes) -> None:
        temporary = path.with_name(f".{path.name}.tmp")
        try:
            made = [folder for folder in (path.parent, *path.parents) if not folder.exists()]
            path.parent.mkdir(parents=True, exist_ok=True)
            with temporary.open("wb") as stream:
                stream.write(data)
                stream.flush()
                os.fsync(stream.fileno())
            temporary.replace(path)
            folders = [path.parent, *(folder.parent for folder in made)]
            if path.parent not in self._named:  # who made them may have died before they were
                folders += [folder for folder in path.parents if self._root in folder.parents]
                folders.append(self._root)
            for folder in dict.fromkeys(folders):
                _flush_folder(folder)
            self._named.add(path.parent)
        except OSError as error:
            raise WorldError(
                f"cannot write: {os.strerror(error.errno or 0)}",
                code="world.storage",
                where=str(path),
            ) from error

    @contextmanager
    def _alone(self) -> Iterator[None]:
        with self._threads:
            descriptor = os.open(self._root / "lock", os.O_RDWR | os.O_CREAT, 0o600)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX)
                yield
            finally:
                os.close(descriptor)


def _flush_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _damaged(path: Path) -> EvidenceError:
    return EvidenceError(
        "the checkpoint that was cosigned last cannot be read",
        code="witness.state",
        where=str(path),
    )
