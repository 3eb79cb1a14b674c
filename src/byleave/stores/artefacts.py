"""Artefacts (snapshots, releases, packages, sources) as folders of files.

A folder appears whole or not at all: it is written beside its place under a dotted name, every
file is flushed, and the folder is renamed. A folder whose ledger row never landed (a crash
between the two) is an orphan; `sweep` removes it when a writer opens the workspace.
"""

from __future__ import annotations

import errno
import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from byleave.errors import EvidenceError, InputError, WorldError

__all__ = ["ArtefactFolder", "translate", "write_file"]

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,120}")
_STAGED: Final = ".staged-"


class ArtefactFolder:
    """`root/kind/id/name`, for names made of lowercase letters, digits, dot, dash, underscore."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def put(self, kind: str, artefact: str, files: Mapping[str, bytes]) -> None:
        """Write one artefact's files; an orphan of the same name is replaced.

        Raises:
            WorldError: `world.disk-full` or `world.storage`; nothing is left behind.
        """
        place = self._place(kind, artefact)
        staged = place.with_name(_STAGED + place.name)
        try:
            shutil.rmtree(staged, ignore_errors=True)
            staged.mkdir(parents=True)
            for name, data in files.items():
                target = staged / _checked(name)
                with target.open("wb") as stream:
                    os.fchmod(stream.fileno(), 0o600)
                    stream.write(data)
                    stream.flush()
                    os.fsync(stream.fileno())
            _sync_folder(staged)
            if place.exists():
                shutil.rmtree(place)
            staged.rename(place)
            _sync_folder(place.parent)
        except BaseException as error:
            shutil.rmtree(staged, ignore_errors=True)
            if isinstance(error, OSError):
                raise translate(error, place) from error
            raise

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

    def sweep(self, kind: str, known: set[str]) -> list[str]:
        """Remove what no ledger row names: staged folders and orphans. Returns their names."""
        folder = self._root / _checked(kind)
        found = [p for p in folder.iterdir() if p.name not in known] if folder.is_dir() else []
        for path in found:
            shutil.rmtree(path, ignore_errors=True)
        return sorted(path.name for path in found)

    def _place(self, kind: str, artefact: str) -> Path:
        return self._root / _checked(kind) / _checked(artefact)


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
