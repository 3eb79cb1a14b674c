"""Opens a ledger and the tiles of its log, for another process."""

from __future__ import annotations

from pathlib import Path

from byleave.stores.sqlite import SqliteLedger
from byleave.stores.tile_files import TileFiles


def open_log(path: str) -> tuple[SqliteLedger, TileFiles]:
    """Return the ledger and the tiles in a folder."""
    return SqliteLedger(Path(path) / "ledger.sqlite"), TileFiles(Path(path) / "log")
