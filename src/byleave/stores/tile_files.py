"""The log's files in a directory that any web server can serve.

    DIR/checkpoint   DIR/tile/...                     published
    DIR/.staged/...                                   not yet

A file is written under a temporary name, flushed to the disk, and renamed; promoting renames
again and flushes the folders. Readers see a file whole or not at all. Files of one batch are
flushed by several threads at once: a journalling file system commits them together, which here
made 20 times as many flushes a second as one after the other.

After a failed flush the operating system may drop what it could not write and report success
next time, so the store then refuses to stage anything until it is opened again.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from byleave.errors import EvidenceError, InputError, WorldError
from byleave.merkle.tile import parse_tile_path
from byleave.tlog.bundle import MAX_FILE_BYTES, parse_bundle_path

__all__ = ["Disk", "TileFiles"]

_STAGED: Final = ".staged"
_CHECKPOINT: Final = "checkpoint"
_MAX_CHECKPOINT_BYTES: Final = 1 << 20
_FLUSHERS: Final = 16
_NO_SPACE: Final = frozenset({errno.ENOSPC, errno.EDQUOT})


class Disk:
    """What `TileFiles` does to a disk, step by step; a test gives one whose steps fail."""

    def write(self, path: Path, data: bytes) -> None:
        """Make or replace a file, flushed."""
        with path.open("wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())

    def rename(self, path: Path, target: Path) -> None:
        """Move a file to another name, replacing what is there."""
        path.replace(target)

    def flush_folder(self, folder: Path) -> None:
        """Make the names in a folder durable."""
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


class TileFiles:
    """A `tlog.ports.TileStore` over one directory, which is made when first written to.

    Args:
        root: The directory.
        disk: How files are written.
        flushers: Threads that write and flush the files of one batch.
    """

    def __init__(self, root: Path, *, disk: Disk | None = None, flushers: int = _FLUSHERS) -> None:
        self._root = root
        self._disk = disk or Disk()
        self._flushers = flushers
        self._stopped = False
        self._pool: ThreadPoolExecutor | None = None  # its threads end with it

    def stage(self, files: Sequence[tuple[str, bytes]]) -> None:
        """Write files under `.staged`, flushed.

        Raises:
            InputError: `log.tile-path`, not a tile's or bundle's path.
            WorldError: `world.disk-full`, `world.storage`.
        """
        targets = [(self._root / _STAGED / _checked(path), data) for path, data in files]
        if self._stopped:
            raise WorldError("an earlier write failed; open the log again", code="world.storage")
        with self._stopping():
            for folder in dict.fromkeys(target.parent for target, _ in targets):
                # not flushed: until the head moves, what is staged may be lost with its folder
                folder.mkdir(parents=True, exist_ok=True)
            self._each(self._write, targets)

    def read_staged(self, paths: Sequence[str]) -> list[bytes]:
        """Return staged files' bytes.

        Raises:
            EvidenceError: `log.tile-missing`, `log.tile-damaged`.
        """
        return [_read(f"{self._root}/{_STAGED}/{_checked(path)}", path) for path in paths]

    def promote(self, paths: Sequence[str]) -> None:
        """Rename staged files to where readers look, and flush the folders.

        Raises:
            EvidenceError: `log.tile-missing`, a path is neither staged nor promoted.
            WorldError: `world.disk-full`, `world.storage`.
        """
        folders: dict[Path, None] = {}
        with self._stopping():
            for path in paths:
                target = self._root / _checked(path)
                if target.parent not in folders:
                    self._make_folder(target.parent)
                    folders[target.parent] = None
                try:
                    self._disk.rename(self._root / _STAGED / path, target)
                except FileNotFoundError:
                    if not target.is_file():
                        raise _missing(path) from None
            self._each(self._flush, [(folder,) for folder in folders])

    def publish_checkpoint(self, data: bytes) -> None:
        """Replace the checkpoint, whole or not at all.

        Raises:
            WorldError: `world.disk-full`, `world.storage`.
        """
        with self._stopping():
            self._make_folder(self._root)
            self._write(self._root / _CHECKPOINT, data)
            self._flush(self._root)

    def read(self, path: str) -> bytes:
        """Return a promoted file's bytes.

        Raises:
            EvidenceError: `log.tile-missing`.
        """
        return _read(f"{self._root}/{_checked(path)}", path)

    def read_checkpoint(self) -> bytes | None:
        """Return the published checkpoint; None before the first."""
        try:
            with (self._root / _CHECKPOINT).open("rb", buffering=0) as stream:
                length = os.fstat(stream.fileno()).st_size
                return stream.read(min(length, _MAX_CHECKPOINT_BYTES + 1))
        except FileNotFoundError:
            return None
        except OSError as error:
            raise EvidenceError(
                "the checkpoint cannot be read", code="log.tile-missing", where=_CHECKPOINT
            ) from error

    def _write(self, target: Path, data: bytes) -> None:
        temporary = target.with_name(f".{target.name}.tmp")
        try:
            self._disk.write(temporary, data)
            self._disk.rename(temporary, target)
        except BaseException as error:
            temporary.unlink(missing_ok=True)
            if isinstance(error, OSError):
                raise _translated(error, target) from error
            raise

    def _flush(self, folder: Path) -> None:
        try:
            self._disk.flush_folder(folder)
        except OSError as error:
            raise _translated(error, folder) from error

    def _make_folder(self, folder: Path) -> None:
        """Make a folder and those above it, flushing each folder that got a new name in it."""
        if folder.is_dir():
            return
        self._make_folder(folder.parent)
        folder.mkdir(exist_ok=True)
        self._flush(folder.parent)

    def _each(self, do: Callable[..., None], calls: Sequence[tuple[Any, ...]]) -> None:
        """Make these calls, several at a time; raise the first error when all are over."""
        if len(calls) < 2 or self._flushers < 2:
            for call in calls:
                do(*call)
            return
        if self._pool is None:
            self._pool = ThreadPoolExecutor(self._flushers - 1, thread_name_prefix="byleave-flush")
        others = [self._pool.submit(do, *call) for call in calls[1:]]
        first: BaseException | None = None
        try:
            do(*calls[0])  # this thread would only wait
        except BaseException as error:  # noqa: BLE001 (raised below, when the others are over)
            first = error
        for done in others:
            first = first or done.exception()
        if first is not None:
            raise first

    @contextmanager
    def _stopping(self) -> Iterator[None]:
        """Refuse to stage anything after an error of the system's in this block."""
        try:
            yield
        except OSError as error:
            self._stopped = True
            raise _translated(error, self._root) from error
        except WorldError:
            self._stopped = True
            raise


def _checked(path: str) -> str:
    """Return `path` if it is exactly a tile's or a bundle's: so no other file is ever touched."""
    try:
        parse_tile_path(path)
    except InputError:
        parse_bundle_path(path)
    return path


def _read(target: str, path: str) -> bytes:
    """Return a file's bytes; one longer than any tile or bundle is not read."""
    try:
        with open(target, "rb", buffering=0) as stream:  # noqa: PTH123 (a Path takes as long again)
            length = os.fstat(stream.fileno()).st_size
            if length > MAX_FILE_BYTES:
                raise EvidenceError(
                    "a file of the log is longer than any can be",
                    code="log.tile-damaged",
                    where=path,
                )
            # room for the longest file at each small one would cost more than reading it
            return stream.read(length)
    except OSError as error:
        raise _missing(path) from error


def _missing(path: str) -> EvidenceError:
    return EvidenceError("a file of the log is not there", code="log.tile-missing", where=path)


def _translated(error: OSError, target: Path) -> WorldError:
    if error.errno in _NO_SPACE:
        return WorldError("the disk is full", code="world.disk-full", where=str(target))
    return WorldError(
        f"cannot write: {os.strerror(error.errno or 0)}", code="world.storage", where=str(target)
    )
