"""Make a folder whole, or leave what was there."""

from __future__ import annotations

import shutil
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from byleave.errors import ConflictError
from byleave.wiring.world import WriteLock

__all__ = ["finished_folder"]


@contextmanager
def finished_folder(target: Path) -> Iterator[Path]:
    """Yield a folder to fill; on success it takes the place of `target`, on failure it is gone.

    Raises:
        ConflictError: `workspace.exists`, `target` is something else than an earlier demo;
            `workspace.busy`, another demo is filling it.
    """
    target = target.absolute()
    _refuse_others(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = target.with_name(f".{target.name}.unfinished")
    lock_path = target.with_name(f".{target.name}.lock")
    lock = WriteLock(lock_path)
    try:
        shutil.rmtree(draft, ignore_errors=True)
        try:
            yield draft
            _refuse_others(target)
            _swap(draft, target)
        except BaseException:
            shutil.rmtree(draft, ignore_errors=True)
            raise
    finally:
        lock_path.unlink(missing_ok=True)
        lock.release()


def _swap(draft: Path, target: Path) -> None:
    old = target.with_name(f".{target.name}.old")
    if target.exists():
        shutil.rmtree(old, ignore_errors=True)
        held = WriteLock(target / "lock")  # nobody is writing to the demo that goes
        try:
            target.rename(old)
        finally:
            held.release()
    try:
        draft.rename(target)
    except BaseException:
        if old.exists() and not target.exists():
            old.rename(target)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _refuse_others(target: Path) -> None:
    """Refuse a target that is neither absent, nor empty, nor an earlier demo."""
    if not target.exists():
        return
    if target.is_dir() and not any(target.iterdir()):
        target.rmdir()
        return
    try:
        config = tomllib.loads((target / "byleave.toml").read_text("utf-8"))
    except (OSError, ValueError):
        config = {}
    if config.get("demo") is not True:
        raise ConflictError(
            "something other than an earlier demo stands there",
            code="workspace.exists",
            where=str(target),
            hint="name another folder with --workspace",
        )
