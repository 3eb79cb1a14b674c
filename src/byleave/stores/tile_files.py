"""The log's files in a directory that any web server can serve.

    DIR/checkpoint   DIR/tile/...                     published
    DIR/.staged/...                                   not yet

A file is written under a name in `.staged`, flushed to the disk, and renamed to where readers look;
then each folder that got a name is flushed. Readers see a file whole or not at all.

The files of one batch are all written, and the system asked to begin with each, before the first is
flushed; a journalling file system then commits them together. Where a flush takes long enough for it
to be worth it, they are flushed by several threads at once: on a disk that others use, too, one after
the other each would wait for a commit of its own.

A folder's own name is durable once the folder above it was flushed. What of that this store has not
done itself since it was opened, it does not rely on: a process that died may have made a folder, or
renamed a checkpoint, and no more.

After a failed flush the operating system may drop what it could not write and report success
next time, so the store then refuses to stage anything until it is opened again.
"""

from __future__ import annotations

import ctypes
import errno
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import lru_cache, partial
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from time import perf_counter
from typing import Final
from weakref import finalize

from byleave.errors import EvidenceError, WorldError
from byleave.merkle.tile import parse_tile_path
from byleave.tlog.bundle import MAX_FILE_BYTES, parse_bundle_path

__all__ = ["Disk", "TileFiles"]

_STAGED: Final = ".staged"
_CHECKPOINT: Final = "checkpoint"
_NEW_CHECKPOINT: Final = ".checkpoint.tmp"
_BUNDLES: Final = "tile/entries/"
_MAX_CHECKPOINT_BYTES: Final = 1 << 20
_FLUSHERS: Final = 16
_NO_SPACE: Final = frozenset({errno.ENOSPC, errno.EDQUOT})
_REPLACING: Final = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC
_READING: Final = os.O_RDONLY | os.O_CLOEXEC
_WRITE: Final = 2
"""SYNC_FILE_RANGE_WRITE: begin, and do not wait."""
_WORTH: Final = 100e-6
"""Seconds of a flush from which on another thread is worth waking."""

_Act = Callable[[], None]


def _beginner() -> Callable[[int], object]:
    """Return what makes the system begin to write a file out; nothing where it cannot be asked."""
    try:
        call = ctypes.CDLL(None).sync_file_range
    except (AttributeError, OSError):  # not Linux
        return lambda _: None
    call.argtypes = [ctypes.c_int, ctypes.c_int64, ctypes.c_int64, ctypes.c_uint]
    return lambda descriptor: call(descriptor, 0, 0, _WRITE)  # a hint: what it says is not asked


_begin: Final = _beginner()


class Disk:
    """What `TileFiles` does to a disk, step by step; a test gives one whose steps fail."""

    def write(self, path: str, data: bytes) -> int:
        """Make or replace a file; return its descriptor, to flush and to close."""
        descriptor = os.open(path, _REPLACING, 0o666)
        try:
            at = os.write(descriptor, data)
            while at < len(data):
                at += os.write(descriptor, memoryview(data)[at:])
        except BaseException:
            os.close(descriptor)
            raise
        return descriptor

    def begin(self, descriptor: int) -> None:
        """Let the system begin to write a file out: no promise, it only saves waiting later."""
        _begin(descriptor)

    def flush(self, descriptor: int) -> None:
        """Make a file's bytes durable."""
        os.fsync(descriptor)

    def rename(self, path: str, target: str) -> None:
        """Move a file to another name, replacing what is there."""
        os.replace(path, target)  # noqa: PTH105 (a Path takes as long again)

    def make_folder(self, folder: str) -> None:
        """Make a folder; that it is there already is no error."""
        with suppress(FileExistsError):
            os.mkdir(folder)  # noqa: PTH102

    def flush_folder(self, folder: str) -> None:
        """Make the names in a folder durable."""
        descriptor = os.open(folder, _READING)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


class TileFiles:
    """A `tlog.ports.TileStore` over one directory, which is made when first written to.

    Args:
        root: The directory.
        disk: How files are written.
        flushers: Threads that flush the files of one batch, the caller's among them.
    """

    def __init__(self, root: Path, *, disk: Disk | None = None, flushers: int = _FLUSHERS) -> None:
        self._root = str(root)
        self._disk = disk or Disk()
        self._flushers = flushers
        self._stopped = False
        self._named: set[str] = {self._root}  # folders whose own names are durable
        self._served = False  # whether that of the checkpoint is
        self._crew = _Crew(flushers)

    def stage(self, files: Sequence[tuple[str, bytes]]) -> None:
        """Write files under `.staged`, flushed.

        Raises:
            InputError: `log.tile-path`, not a tile's or bundle's path.
            WorldError: `world.disk-full`, `world.storage`.
        """
        targets = [(self._staged(path), data) for path, data in files]
        if self._stopped:
            raise WorldError("an earlier write failed; open the log again", code="world.storage")
        with self._stopping(), self._written(targets) as descriptors:
            self._flush(descriptors)

    def read_staged(self, paths: Sequence[str]) -> list[bytes]:
        """Return staged files' bytes.

        Raises:
            EvidenceError: `log.tile-missing`, `log.tile-damaged`.
        """
        return [_read(self._staged(path), path) for path in paths]

    def promote(self, paths: Sequence[str]) -> None:
        """Rename staged files to where readers look, and flush the folders.

        Raises:
            EvidenceError: `log.tile-missing`, a path is neither staged nor promoted.
            WorldError: `world.disk-full`, `world.storage`.
        """
        with self._stopping():
            folders = self._renamed(paths)
            if not self._served and os.path.isdir(self._root):  # noqa: PTH112 (else: no names yet)
                folders[self._root] = None
            self._flush((), folders)
            self._named.update(folders)
            self._served = True

    def publish_checkpoint(self, data: bytes) -> None:
        """Replace the checkpoint, whole or not at all.

        Raises:
            WorldError: `world.disk-full`, `world.storage`.
        """
        self.serve((), data)

    def serve(self, paths: Sequence[str], checkpoint: bytes) -> None:
        """Promote, then replace the checkpoint, which is flushed with the folders of the paths.

        It gets its name when all of them are durable, and not before.

        Raises:
            EvidenceError: `log.tile-missing`, a path is neither staged nor promoted.
            WorldError: `world.disk-full`, `world.storage`.
        """
        written = f"{self._root}/{_NEW_CHECKPOINT}"
        with self._stopping():
            with self._written([(written, checkpoint)], begin=bool(paths)) as descriptors:
                folders = self._renamed(paths)
                self._flush(descriptors, folders)
                self._named.update(folders)
                self._disk.rename(written, f"{self._root}/{_CHECKPOINT}")
            self._disk.flush_folder(self._root)
            self._served = True

    def read(self, path: str) -> bytes:
        """Return a promoted file's bytes.

        Raises:
            EvidenceError: `log.tile-missing`.
        """
        return _read(f"{self._root}/{_checked(path)}", path)

    def read_checkpoint(self) -> bytes | None:
        """Return the published checkpoint; None before the first."""
        try:
            return _bytes(f"{self._root}/{_CHECKPOINT}", _MAX_CHECKPOINT_BYTES)[1]
        except FileNotFoundError:
            return None
        except OSError as error:
            raise EvidenceError(
                "the checkpoint cannot be read", code="log.tile-missing", where=_CHECKPOINT
            ) from error

    def _staged(self, path: str) -> str:
        """Return where a file is staged: all in one folder, so that none stays behind empty."""
        return f"{self._root}/{_STAGED}/{_checked(path).replace('/', '-')}"

    @contextmanager
    def _written(
        self, files: Sequence[tuple[str, bytes]], *, begin: bool = True
    ) -> Iterator[list[int]]:
        """Write files, and hold their descriptors; after an error none of them stays."""
        descriptors: list[int] = []
        try:
            for path, data in files:
                try:
                    descriptors.append(self._disk.write(path, data))
                except FileNotFoundError:
                    self._make_first()
                    descriptors.append(self._disk.write(path, data))
                if begin and len(files) > 1:
                    self._disk.begin(descriptors[-1])
            yield descriptors
        except BaseException:
            for path, _ in files:
                with suppress(OSError):
                    os.unlink(path)  # noqa: PTH108
            raise
        finally:
            for descriptor in descriptors:
                os.close(descriptor)

    def _renamed(self, paths: Sequence[str]) -> dict[str, None]:
        """Give staged files their names; return the folders to flush: theirs, and those above
        whose names may not be durable.
        """
        folders: dict[str, None] = {}
        for path in paths:
            staged, target = self._staged(path), f"{self._root}/{path}"
            folder = target.rpartition("/")[0]
            if folder not in folders:
                self._make(folder, folders)
            try:
                self._disk.rename(staged, target)
            except FileNotFoundError:
                if not os.path.isfile(target):  # noqa: PTH113
                    raise _missing(path) from None
        return folders

    def _make(self, folder: str, folders: dict[str, None]) -> None:
        """Make a folder where it may be missing; note it, and those above that are to be flushed."""
        folders[folder] = None
        new = []
        while folder not in self._named:
            new.append(folder)
            folder = folder.rpartition("/")[0]
            folders[folder] = None
        for name in reversed(new):
            self._disk.make_folder(name)

    def _make_first(self) -> None:
        """Make the log's folder, with a name that is durable, and `.staged`, with one that is not:
        what is staged may be lost with it.
        """
        new = [self._root]
        while not os.path.isdir(above := os.path.dirname(new[-1]) or "."):  # noqa: PTH112, PTH120
            new.append(above)
        for folder in reversed(new):
            if not os.path.isdir(folder):  # noqa: PTH112
                self._disk.make_folder(folder)
                self._disk.flush_folder(os.path.dirname(folder) or ".")  # noqa: PTH120
        self._disk.make_folder(f"{self._root}/{_STAGED}")

    def _flush(self, descriptors: Iterable[int], folders: Iterable[str] = ()) -> None:
        """Flush files and folders; raise the first error when all are over."""
        acts: list[_Act] = [partial(self._disk.flush, number) for number in descriptors]
        acts += [partial(self._disk.flush_folder, folder) for folder in folders]
        self._crew.do(acts)

    @contextmanager
    def _stopping(self) -> Iterator[None]:
        """Refuse to stage anything after an error of the system's in this block."""
        try:
            yield
        except OSError as error:
            self._stopped = True
            raise _translated(error, error.filename or self._root) from error


class _Crew:
    """The caller's thread and others, which wait for acts as long as this lives.

    An executor does the same, and spends twice as much on a hand-over.

    Args:
        most: Threads at once.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._given: SimpleQueue[_Given | None] = SimpleQueue()
        self._others = 0
        self._slow = True
        finalize(self, self._given.put, None)

    def do(self, acts: Sequence[_Act]) -> None:
        """Do all, and return when no thread is at it; raise the first error, after which some may
        be left undone.

        Several threads do them where those before took long enough.
        """
        shares = min(self._most, len(acts)) if self._slow else 1
        mine = acts[:: shares or 1]
        told: SimpleQueue[BaseException | None] = SimpleQueue()
        for share in range(1, shares):
            if self._others < share:
                Thread(target=_work, args=(self._given,), daemon=True).start()
                self._others += 1
            self._given.put((acts[share::shares], told))
        began = perf_counter()
        first = _done(mine)
        if mine:
            self._slow = perf_counter() - began > _WORTH * len(mine)
        for _ in range(1, shares):
            error = told.get()
            first = first or error
        if first is not None:
            raise first


_Given = tuple[Sequence[_Act], "SimpleQueue[BaseException | None]"]


def _work(given: SimpleQueue[_Given | None]) -> None:
    """Do what is given until there is None, and leave that to the next thread."""
    while (item := given.get()) is not None:
        acts, told = item
        told.put(_done(acts))
        del item, acts, told
    given.put(None)


def _done(acts: Sequence[_Act]) -> BaseException | None:
    """Do one after the other; return what stopped it."""
    try:
        for act in acts:
            act()
    except BaseException as error:  # noqa: BLE001 (raised when the others are over)
        return error
    return None


@lru_cache(maxsize=1024)
def _checked(path: str) -> str:
    """Return `path` if it is exactly a tile's or a bundle's: so no other file is ever touched."""
    if path.startswith(_BUNDLES):
        parse_bundle_path(path)
    else:
        parse_tile_path(path)
    return path


def _read(target: str, path: str) -> bytes:
    """Return a file's bytes; one longer than any tile or bundle is not read."""
    try:
        length, data = _bytes(target, MAX_FILE_BYTES)
    except OSError as error:
        raise _missing(path) from error
    if length > MAX_FILE_BYTES:
        raise EvidenceError(
            "a file of the log is longer than any can be", code="log.tile-damaged", where=path
        )
    return data


def _bytes(target: str, limit: int) -> tuple[int, bytes]:
    """Return a file's length, and its bytes: of one that is longer, one more than `limit`."""
    descriptor = os.open(target, _READING)
    try:
        length = os.fstat(descriptor).st_size
        # room for the longest file at each small one would cost more than reading it
        return length, os.read(descriptor, min(length, limit + 1))
    finally:
        os.close(descriptor)


def _missing(path: str) -> EvidenceError:
    return EvidenceError("a file of the log is not there", code="log.tile-missing", where=path)


def _translated(error: OSError, target: str) -> WorldError:
    if error.errno in _NO_SPACE:
        return WorldError("the disk is full", code="world.disk-full", where=target)
    return WorldError(
        f"cannot write: {os.strerror(error.errno or 0)}", code="world.storage", where=target
    )
