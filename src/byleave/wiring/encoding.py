"""A frozen encoder at ingest: its features are stored with each row before the row comes in."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from byleave.canonical import Json, encode
from byleave.connectors.encoder import Encoder, add_features
from byleave.errors import InputError
from byleave.stores.artefacts import write_file

__all__ = ["ENCODER", "FEATURES", "encode_file", "open_encoder"]

ENCODER: Final = "BYLEAVE_ENCODER"
"""Names the folder of an encoder's files, where it is not the installed package."""
FEATURES: Final = "embedding"
"""The column that the trainer `replies` reads."""


def open_encoder(folder: Path | None = None) -> Encoder:
    """Return the encoder of a folder, of `BYLEAVE_ENCODER`, or of the installed package.

    Raises:
        WorldError: `trainer.encoder`, there is none.
    """
    named = os.environ.get(ENCODER)
    return Encoder(folder or (Path(named) if named else None))


def encode_file(
    data: Path, *, text: str, out: Path, recipe: Path | None, folder: Path | None
) -> dict[str, Any]:
    """Write a Parquet file again with a column of features beside its texts.

    Args:
        data: The file.
        text: Its column of texts.
        out: Where to write it.
        recipe: Where to write the change to a recipe of `replies` that names the encoder.
        folder: Of the encoder's files.

    Returns:
        `rows`, `encoder` (its digest) and `numbers` (features a text).

    Raises:
        InputError: `input.malformed`, no Parquet file; `trainer.rows`, no such column.
        WorldError: `trainer.encoder`.
    """
    encoder = open_encoder(folder)
    try:
        table = pq.read_table(data)
    except (OSError, pa.ArrowException) as error:
        raise InputError("no Parquet file", code="input.malformed", where=str(data)) from error
    pq.write_table(add_features(table, text, encoder, FEATURES), out)
    change: dict[str, Json] = {"encoder": encoder.digest, "numbers": encoder.size}
    if recipe is not None:
        write_file(recipe, encode(change))
    return {"rows": table.num_rows, **change}
