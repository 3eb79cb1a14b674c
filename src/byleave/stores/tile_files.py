"""The log's files in a directory that any web server can serve.

    DIR/checkpoint   DIR/tile/...                     published
    DIR/.staged/...                                   not yet

A file is written under a temporary name, flushed to the disk, and renamed; promoting renames
again and flushes the folders. Readers see a file whole or not at all.

After a failed flush the operating system may drop what it could not write and report success
next time, so the store then refuses to stage anything until it is opened again.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from byleave.errors import EvidenceError, InputError, WorldError
from byleave.merkle.tile import parse_tile_path
from byleave.tlog.bundle import parse_bundle_path

__all__ = ["TileFiles"]

_STAGED: Final = ".staged"
_CHECKPOINT: Final = "checkpoint"
_MAX_CHECKPOINT_BYTES: Final = 1 << 20
_NO_SPACE: Final = frozenset({errno.ENOSPC, errno.EDQUOT})


class TileFiles:
    """A `tlog.ports.TileStore` over one directory, which is made when first written to."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._stopped = False

    def stage(self, path: str, data: bytes) -> None:
        """Write one file under `.staged`, flushed.

        Raises:
            InputError: `log.tile-path`, not a tile's or bundle's path.
            WorldError: `world.disk-full`, `world.storage`.
        """
        target = self._root / _STAGED / _checked(path)
        if self._stopped:
            raise WorldError("an earlier write failed; open the log again", code="world.storage")
        try:
            _write(target, data)
        except OSError as error:
            self._stopped = True
            raise _translated(error, target) from error

    def read_staged(self, path: str) -> bytes:
        """Return a staged file's bytes.

        Raises:
            EvidenceError: `log.tile-missing`.
        """
        return _read(self._root / _STAGED / _checked(path), path)

    def promote(self, paths: Sequence[str]) -> None:
        """Rename staged files to where readers look, and flush the folders.

        Raises:
            EvidenceError: `log.tile-missing`, a path is neither staged nor promoted.
            WorldError: `world.disk-full`, `world.storage`.
        """
        folders: dict[Path, None] = {}
        for path in paths:
            target = self._root / _checked(path)
            try:
                _make_folder(target.parent)
                try:
                    (self._root / _STAGED / path).replace(target)
                except FileNotFoundError:
                    if not target.is_file():
                        raise _missing(path) from None
                folders[target.parent] = None
            except OSError as error:
                raise _translated(error, target) from error
        for folder in folders:
            try:
                _flush_folder(folder)
            except OSError as error:
                self._stopped = True
                raise _translated(error, folder) from error

    def publish_checkpoint(self, data: bytes) -> None:
        """Replace the checkpoint, whole or not at all.

        Raises:
            WorldError: `world.disk-full`, `world.storage`.
        """
        target = self._root / _CHECKPOINT
        try:
            _write(target, data)
            _flush_folder(self._root)
        except OSError as error:
            self._stopped = True
            raise _translated(error, target) from error

    def read(self, path: str) -> bytes:
        """Return a promoted file's bytes.

        Raises:
            EvidenceError: `log.tile-missing`.
        """
        return _read(self._root / _checked(path), path)

    def read_checkpoint(self) -> bytes | None:
        """Return the published checkpoint; None before the first."""
        try:
            with (self._root / _CHECKPOINT).open("rb") as stream:
                return stream.read(_MAX_CHECKPOINT_BYTES + 1)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise EvidenceError(
                "the checkpoint cannot be read", code="log.tile-missing", where=_CHECKPOINT
            ) from error


def _checked(path: str) -> str:
    """Return `path` if it is exactly a tile's or a bundle's: so no other file is ever touched."""
    try:
        parse_tile_path(path)
    except InputError:
        parse_bundle_path(path)
    return path


def _write(target: Path, data: bytes) -> None:
    _make_folder(target.parent)
    temporary = target.with_name(f".{target.name}.tmp")
    try:
        with temporary.open("wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _make_folder(folder: Path) -> None:
    """Make a folder and those above it, flushing each folder that got a new name in it."""
    if folder.is_dir():
        return
    _make_folder(folder.parent)
    folder.mkdir(exist_ok=True)
    _flush_folder(folder.parent)


def _flush_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _read(target: Path, path: str) -> bytes:
    try:
        return target.read_bytes()
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
