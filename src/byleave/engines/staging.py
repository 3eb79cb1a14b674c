"""Output files that appear together at the end, or not at all.

Each target is written in a folder beside it that only its owner can enter, flushed, and moved to
its place at the end; what stands there already is never replaced, and an input never written over.
Any exception (a full disk, a cancelled run, a damaged input) removes what was staged and what was
moved. A killed process leaves a folder `.staged-…` beside the target, and no target.
"""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from byleave.errors import ConflictError, InputError, WorldError

__all__ = ["cannot_write", "staged"]

_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_NO_LINKS: Final = frozenset({errno.EPERM, errno.ENOTSUP, errno.EMLINK, errno.EXDEV})


@contextmanager
def staged(targets: Sequence[Path], *, inputs: Sequence[Path]) -> Iterator[list[Path]]:
    """Yield where to write each target: a file, or a folder that the caller makes.

    Args:
        targets: Files or folders to come.
        inputs: Files that are read; no target may be one of them, or hold one.

    Raises:
        InputError: `emit.over-input`, a target is an input; `input.not-found`, no such folder.
        ConflictError: `workspace.exists`, something stands at a target.
        WorldError: `world.disk-full`, `world.storage`; nothing is left behind.
    """
    for target in targets:
        _refuse(target, inputs)
    if len({target.resolve() for target in targets}) < len(targets):
        raise InputError("two outputs have one place", code="emit.over-input")
    folders: list[Path] = []
    moved: list[Path] = []
    try:
        folders += (Path(tempfile.mkdtemp(prefix=".staged-", dir=t.parent)) for t in targets)
        places = [folder / target.name for folder, target in zip(folders, targets, strict=True)]
        yield places
        for place, target in zip(places, targets, strict=True):
            _flush(place)
            _move(place, target)
            moved.append(target)
            _sync(target.parent)
    except BaseException as error:
        for target in moved:
            shutil.rmtree(target) if target.is_dir() else target.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise cannot_write(error, targets[0]) from error
        raise
    finally:
        for folder in folders:
            shutil.rmtree(folder, ignore_errors=True)


def cannot_write(error: OSError, path: Path) -> WorldError:
    """Turn an operating system's error while writing into ours, naming the file."""
    if error.errno in _FULL:
        return WorldError(
            "there is no room to write; nothing was kept",
            code="world.disk-full",
            where=str(path),
        )
    return WorldError(
        f"cannot write: {os.strerror(error.errno) if error.errno else 'the write failed'}",
        code="world.storage",
        where=str(path),
    )


def _refuse(target: Path, inputs: Sequence[Path]) -> None:
    for source in inputs:
        within = target.is_dir() and target.resolve() in source.resolve().parents
        if within or (target.exists() and source.exists() and target.samefile(source)):
            raise InputError(
                "an output would be written over an input",
                code="emit.over-input",
                where=str(target),
                hint="name another file; inputs are never changed",
            )
    if target.exists() or target.is_symlink():
        raise ConflictError(
            "something stands there already", code="workspace.exists", where=str(target)
        )
    if not target.parent.is_dir():
        raise InputError(
            "the folder to write to does not exist", code="input.not-found", where=str(target)
        )


def _move(place: Path, target: Path) -> None:
    """Move without replacing: link and unlink a file; a folder's rename refuses a full one."""
    if place.is_dir():
        place.rename(target)
        return
    try:
        os.link(place, target)
    except FileExistsError:
        raise ConflictError(
            "something appeared there meanwhile", code="workspace.exists", where=str(target)
        ) from None
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        place.rename(target)


def _flush(place: Path) -> None:
    for path in [place, *place.rglob("*")] if place.is_dir() else [place]:
        _sync(path)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
