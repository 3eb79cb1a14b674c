"""Keep what a monitor knows, and what it found, in files that are whole at any moment."""

from __future__ import annotations

from pathlib import Path

from byleave.stores.artefacts import write_file

__all__ = ["keep"]


def keep(path: Path, data: bytes) -> None:
    """Replace a file, whole or not at all.

    Raises:
        WorldError: `world.disk-full`, `world.storage`.
    """
    write_file(path, data)
