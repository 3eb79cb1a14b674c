"""Artefacts (snapshots, releases, packages, sources) as folders of files.

A folder appears whole or not at all: it is written beside its place under a dotted name, every
file is flushed, and the folder is renamed. A folder whose ledger row never landed (a crash
between the two) is an orphan; `sweep` removes it when a writer opens the workspace.

Files larger than memory are written through a `Staged` folder, one stream at a time. A folder of
`work` is a `Staged` that outlives a kill: what stands in it under its own name is whole. Whoever
computes without the workspace's lock claims such a folder (`flock` on the folder itself): nobody
else uses or removes it until the claim is let go of, and the system lets go for who was killed.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import io
import os
import re
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import chain, count
from pathlib import Path
from typing import Any, BinaryIO, Final

from byleave.errors import ConflictError, EvidenceError, InputError, WorldError

__all__ = [
    "ArtefactFolder",
    "Staged",
    "Stamp",
    "copy_file",
    "replacing",
    "translate",
    "write_file",
]

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,120}")
_STAGED: Final = ".staged-"
_HALF: Final = ".half-"
_WORK: Final = "work"
_DRAFT: Final = "new-"
_CACHE: Final = "cache"
_BUFFER: Final = 1 << 20

Stamp = tuple[int, int, int, int, int]
"""Device, inode, size and the two times of a file: what changes when it is replaced or written."""


class _HashedFile(io.FileIO):
    """A file that hashes what is written to it, in order."""

    def __init__(self, descriptor: int) -> None:
        super().__init__(descriptor, "wb")
        self.hasher = hashlib.sha256()

    def write(self, data: Any, /) -> int:  # noqa: ANN401 (any buffer)
        count = super().write(data)
        self.hasher.update(memoryview(data).cast("B")[:count])
        return count


class Staged:
    """A folder that is being filled. Each file in it is whole; the folder is not yet in place."""

    def __init__(self, path: Path, *, claim: int | None = None) -> None:
        self.path = path
        self.digests: dict[str, str] = {}
        """SHA-256, hex, of each file written through this object."""
        self._claim = claim

    @contextmanager
    def create(self, name: str) -> Iterator[BinaryIO]:
        """Write one file as a stream; it has its name once it is flushed, and not before.

        Two processes that write one name at once write two files; the last one stays.

        Raises:
            WorldError: `world.disk-full` or `world.storage`; no such file is left.
        """
        target = self.path / _checked(name)
        try:
            half, descriptor = _half(self.path, name)
        except OSError as error:
            raise translate(error, target) from error
        try:
            with _HashedFile(descriptor) as file, io.BufferedWriter(file, _BUFFER) as stream:
                yield stream
                stream.flush()
                os.fsync(stream.fileno())
                self.digests[name] = file.hasher.hexdigest()
                half.replace(target)  # before it is closed: until then it is nobody else's
        except BaseException as error:
            half.unlink(missing_ok=True)
            if isinstance(error, OSError):
                raise translate(error, target) from error
            raise

    def stamp(self, name: str) -> Stamp | None:
        """Return which file of this name there is, or None."""
        try:
            return _stamp((self.path / _checked(name)).stat())
        except OSError:
            return None

    def names(self) -> list[str]:
        """Return the names of the files that are whole, ascending."""
        return sorted(p.name for p in self.path.iterdir() if not p.name.startswith("."))

    def remove(self, name: str) -> None:
        """Remove one file; absent is fine."""
        (self.path / _checked(name)).unlink(missing_ok=True)

    def discard(self) -> None:
        """Remove the folder and all that is in it, unless it was settled; absent is fine."""
        shutil.rmtree(self.path, ignore_errors=True)
        self.let_go()

    def let_go(self) -> None:
        """Let others claim the folder."""
        if self._claim is not None:
            os.close(self._claim)
            self._claim = None

    def settle(self, place: Path) -> None:
        """Put the folder in its place; an orphan that stands there is replaced.

        Raises:
            WorldError: `world.disk-full` or `world.storage`; the folder is where it was.
        """
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            _sync_folder(self.path)
            if place.exists():
                shutil.rmtree(place)
            self.path.rename(place)
            _sync_folder(place.parent)
        except OSError as error:
            raise translate(error, place) from error
        self.let_go()


class ArtefactFolder:
    """`root/kind/id/name`, for names made of lowercase letters, digits, dot, dash, underscore."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def put(self, kind: str, artefact: str, files: Mapping[str, bytes]) -> None:
        """Write one artefact's files; an orphan of the same name is replaced.

        Raises:
            WorldError: `world.disk-full` or `world.storage`; nothing is left behind.
        """
        with self.staged(kind, artefact) as folder:
            for name, data in files.items():
                with folder.create(name) as stream:
                    stream.write(data)

    @contextmanager
    def staged(self, kind: str, artefact: str) -> Iterator[Staged]:
        """Fill one artefact's folder file by file; at the end of the block it is in its place.

        Raises:
            WorldError: `world.disk-full` or `world.storage`; nothing is left behind.
        """
        place = self._place(kind, artefact)
        folder = Staged(place.with_name(_STAGED + place.name))
        try:
            folder.discard()
            folder.path.mkdir(parents=True)
            yield folder
            folder.settle(place)
        except BaseException as error:
            folder.discard()
            if isinstance(error, OSError):
                raise translate(error, place) from error
            raise

    def work(self, name: str) -> Staged:
        """Return the folder of unfinished work of this name, made if it is not there.

        Only the process that may write calls this: what stands there half written is removed.

        Raises:
            WorldError: `world.disk-full` or `world.storage`.
        """
        folder = self._kept(_WORK, name)
        for path in folder.path.glob(f"{_HALF}*"):
            path.unlink()
        return folder

    def claim(self, name: str) -> Staged:
        """Claim a folder of unfinished work: of this name, or NAME-2, … where somebody is at it.

        One that was left is taken over as it is, less what is half written.

        Raises:
            WorldError: `world.disk-full` or `world.storage`.
        """
        _checked(name)
        names = chain([name], (f"{name}-{number}" for number in count(2)))
        folder = next(f for f in map(self._claimed, names) if f is not None)
        for path in folder.path.glob(f"{_HALF}*"):
            path.unlink()
        return folder

    @contextmanager
    def draft(self, kind: str, names: Iterable[str]) -> Iterator[tuple[str, Staged]]:
        """Claim the first of these names that nobody is at; yield it, and an empty folder to fill.

        Only the process that may write calls this; it may let others write while it fills the
        folder, and settles it when it may again. At the end of the block, what was not settled goes.

        Args:
            kind: What it will be, such as `snapshot`; within a kind a name is claimed once.
            names: Names that no such thing has yet, the wanted one first; they do not end.

        Raises:
            WorldError: `world.disk-full` or `world.storage`; nothing is left behind.
        """
        claims = ((n, self._claimed(f"{_DRAFT}{kind}-{_checked(n)}")) for n in names)
        name, folder = next((n, found) for n, found in claims if found is not None)
        try:
            for path in folder.path.iterdir():  # of one that was killed
                shutil.rmtree(path) if path.is_dir() else path.unlink()
            yield name, folder
        except OSError as error:
            raise translate(error, folder.path) from error
        finally:
            folder.discard()

    def drafts(self, kind: str) -> list[str]:
        """Return the names that somebody is at, ascending; what killed ones left goes."""
        stem = f"{_DRAFT}{kind}-"
        self.clear(stem)
        return [name.removeprefix(stem) for name in self._standing(stem)]

    def clear(self, prefix: str = _DRAFT, *, but: str = "") -> None:
        """Remove the unfinished work that starts so and that nobody is at; by default, of drafts."""
        for name in self._standing(_checked(prefix)):
            folder = None if name == but else self._claimed(name)
            if folder is not None:
                folder.discard()

    def _claimed(self, name: str) -> Staged | None:
        """Claim a folder of unfinished work, made if it is not there; None: somebody is at it."""
        path = self._root / _WORK / name
        try:
            while True:
                path.mkdir(parents=True, exist_ok=True)
                descriptor = _locked(path, os.O_RDONLY | os.O_DIRECTORY)
                if descriptor is None:
                    return None
                if descriptor >= 0:
                    return Staged(path, claim=descriptor)
        except OSError as error:
            raise translate(error, path) from error

    def _standing(self, prefix: str) -> list[str]:
        return sorted(p.name for p in (self._root / _WORK).glob(f"{prefix}*"))

    def cache(self, name: str) -> Staged:
        """Return the folder of what can be made again from a source, made if it is not there.

        Raises:
            WorldError: `world.disk-full` or `world.storage`.
        """
        return self._kept(_CACHE, name)

    def has_cache(self, name: str) -> bool:
        """Return whether there is such a folder."""
        return self._place(_CACHE, name).is_dir()

    def _kept(self, kind: str, name: str) -> Staged:
        folder = Staged(self._place(kind, name))
        try:
            folder.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise translate(error, folder.path) from error
        return folder

    def unfinished(self, prefix: str) -> list[str]:
        """Return the names of folders of unfinished work that start so, ascending."""
        return self._standing(_checked(prefix))

    def read(self, kind: str, artefact: str, name: str) -> bytes:
        """Return one file.

        Raises:
            EvidenceError: `workspace.damaged`, the ledger names it and it is gone.
        """
        path = self._place(kind, artefact) / _checked(name)
        try:
            return path.read_bytes()
        except OSError as error:
            raise EvidenceError(
                "a file that the ledger names cannot be read",
                code="workspace.damaged",
                where=str(path),
            ) from error

    def check(self, kind: str, artefact: str, name: str, sha256: str) -> Stamp:
        """Hash one file as a stream, compare, and return which file that was.

        Raises:
            EvidenceError: `workspace.damaged`, it is gone, or it is not the one of that digest.
        """
        path = self._place(kind, artefact) / _checked(name)
        try:
            with path.open("rb") as stream:
                found = hashlib.file_digest(stream, "sha256").hexdigest()
                stamp = _stamp(os.fstat(stream.fileno()))
        except OSError as error:
            raise EvidenceError(
                "a file that the ledger names cannot be read",
                code="workspace.damaged",
                where=str(path),
            ) from error
        if found != sha256:
            raise EvidenceError(
                "a file is not the one that the ledger names",
                code="workspace.damaged",
                where=str(path),
            )
        return stamp

    def require_same(self, path: Path, stamp: Stamp) -> None:
        """Compare the file at a path with the one that was checked.

        Raises:
            ConflictError: `data.changed`, it was replaced or written to since.
        """
        try:
            now = _stamp(path.stat())
        except OSError:
            now = None
        if now != stamp:
            raise ConflictError(
                f"{path.name} was replaced or changed while it was read; nothing was kept",
                code="data.changed",
                where=str(path),
                hint="run again when nothing writes to it",
            )

    def path(self, kind: str, artefact: str, name: str | None = None) -> Path:
        """Return where an artefact, or one of its files, stands."""
        place = self._place(kind, artefact)
        return place if name is None else place / _checked(name)

    def remove(self, kind: str, artefact: str, name: str | None = None) -> None:
        """Remove an artefact or one file of it (purge after unlearning); absent is fine."""
        target = self.path(kind, artefact, name)
        if target.is_dir():
            shutil.rmtree(target)
        else:
            target.unlink(missing_ok=True)

    def replace(self, kind: str, artefact: str, name: str, staged: Path) -> None:
        """Put a whole file of unfinished work in the place of one of an artefact's files.

        Raises:
            WorldError: `world.disk-full` or `world.storage`; the old file stands.
        """
        place = self.path(kind, artefact, name)
        try:
            staged.replace(place)
            _sync_folder(place.parent)
        except OSError as error:
            raise translate(error, place) from error

    def sweep(self, kind: str, known: set[str]) -> list[str]:
        """Remove what no ledger row names: staged folders and orphans. Returns their names."""
        folder = self._root / _checked(kind)
        found = [p for p in folder.iterdir() if p.name not in known] if folder.is_dir() else []
        for path in found:
            shutil.rmtree(path, ignore_errors=True)
        return sorted(path.name for path in found)

    def _place(self, kind: str, artefact: str) -> Path:
        return self._root / _checked(kind) / _checked(artefact)


def _locked(path: Path, flags: int) -> int | None:
    """Open and lock what stands at a path; None: locked by others, -1: it is not there any more."""
    try:
        descriptor = os.open(path, flags, 0o600)
    except FileNotFoundError:
        if flags & os.O_CREAT:
            raise
        return -1
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        here, found = path.stat(), os.fstat(descriptor)
        if (here.st_dev, here.st_ino) == (found.st_dev, found.st_ino):
            return descriptor
    except BlockingIOError:
        os.close(descriptor)
        return None
    except FileNotFoundError:
        pass
    except BaseException:
        os.close(descriptor)
        raise
    os.close(descriptor)  # it was moved or replaced between the two
    return -1


def _half(folder: Path, name: str) -> tuple[Path, int]:
    """Open an empty file beside its place, locked; one that a killed process left is used again."""
    for number in count(1):
        half = folder / (_HALF + (name if number == 1 else f"{number}-{name}"))
        while (descriptor := _locked(half, os.O_RDWR | os.O_CREAT)) == -1:
            pass
        if descriptor is not None:
            os.fchmod(descriptor, 0o600)
            os.ftruncate(descriptor, 0)
            return half, descriptor
    raise AssertionError  # it counts on


def _stamp(found: os.stat_result) -> Stamp:
    return (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)


def write_file(path: Path, data: bytes, *, private: bool = False) -> None:
    """Write one file whole or not at all; 0600 where private.

    Raises:
        WorldError: `world.disk-full` or `world.storage`.
    """
    staged = path.with_name(_STAGED + path.name)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        staged.unlink(missing_ok=True)  # a leftover would lend its mode
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
        descriptor = os.open(staged, flags, 0o600 if private else 0o644)
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        staged.replace(path)
        _sync_folder(path.parent)
    except BaseException as error:
        staged.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise translate(error, path) from error
        raise


def copy_file(source: Path, target: Path) -> None:
    """Copy one file, whole or not at all, a block at a time.

    Raises:
        WorldError: `world.disk-full` or `world.storage`.
    """
    with replacing(target) as stream, source.open("rb") as data:
        shutil.copyfileobj(data, stream, _BUFFER)


@contextmanager
def replacing(path: Path, *, private: bool = False) -> Iterator[BinaryIO]:
    """Write one file as a stream; at the end of the block it is flushed and in its place.

    Raises:
        WorldError: `world.disk-full` or `world.storage`; what stood there still does.
    """
    staged = path.with_name(_STAGED + path.name)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        staged.unlink(missing_ok=True)
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL
        descriptor = os.open(staged, flags, 0o600 if private else 0o644)
        with os.fdopen(descriptor, "w+b", _BUFFER) as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        staged.replace(path)
        _sync_folder(path.parent)
    except BaseException as error:
        staged.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise translate(error, path) from error
        raise


def translate(error: OSError, path: Path) -> WorldError:
    """Turn an operating system's error into ours, naming the file."""
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return WorldError("the disk is full", code="world.disk-full", where=str(path))
    return WorldError(
        f"cannot write: {os.strerror(error.errno or 0)}", code="world.storage", where=str(path)
    )


def _checked(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise InputError(
            "a name has lowercase letters, digits, '.', '_' and '-', and starts with a letter"
            " or digit",
            code="input.name",
        )
    return name


def _sync_folder(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
