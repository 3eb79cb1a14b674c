"""Find the data of a replay: a folder, its public origin, or, said loudly, a generated set."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Final

from byleave.connectors.loaded import LoadedSet
from byleave.connectors.origin import fetch
from byleave.connectors.persuasion import load, shift

__all__ = ["data_folder", "load_messages"]

BESIDE: Final = Path("../shared/data")
SET: Final = "persuasion-for-good"


def data_folder(named: Path | None) -> Path | None:
    """Return the folder that holds the data sets' folders.

    `named`, else `$BYLEAVE_DATA`, else `../shared/data` where the set lies there, else None. A
    folder that somebody named is taken at their word: if the set is not in it, loading fails.
    """
    if named is not None:
        return named
    if os.environ.get("BYLEAVE_DATA"):
        return Path(os.environ["BYLEAVE_DATA"])
    return BESIDE if (BESIDE / SET).is_dir() else None


def load_messages(
    named: Path | None, *, seed: int, progress: Callable[[str, int, int], None]
) -> LoadedSet:
    """Load persuasion-for-good with its dates shifted by six years and 35 days.

    Raises:
        InputError: `data.*`, what was found is not the published set.
    """
    folder = data_folder(named)
    progress("looking for the messages", 0, 1)
    loaded = load(folder, fetch=None if folder is not None else fetch, seed=seed)
    progress("looking for the messages", 1, 1)
    return replace(loaded, table=shift(loaded.table))
