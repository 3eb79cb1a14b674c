"""When rows were collected, read off a column: instants, dates, or texts that say so."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pat

from byleave.errors import InputError
from byleave.gate.nested import column_at
from byleave.gate.profile import ALWAYS

__all__ = ["instants_at"]


def instants_at(batch: pa.RecordBatch, name: str) -> npt.NDArray[np.int64]:
    """Return µs since the epoch; a date is its first instant, no zone reads UTC.

    Args:
        batch: Rows.
        name: The column. A null, or an empty text, is `plan.UNKNOWN_INSTANT`.

    Raises:
        InputError: `contract.column-value`, a text that is no instant.
    """
    column = column_at(batch, name)
    try:
        if pat.is_dictionary(column.type):
            column = column.dictionary_decode()
        if not (pat.is_timestamp(column.type) or pat.is_date(column.type)):
            column = _from_text(column)
        kind = pa.timestamp("us", getattr(column.type, "tz", None))
        whole = pc.cast(column, options=pc.CastOptions(kind, allow_time_truncate=True))
    except pa.ArrowInvalid as error:
        raise InputError(
            f'column "{name}" holds text that is no instant',
            code="contract.column-value",
            hint="write 2024-09-18T00:00:00Z or 2024-09-18, or leave it empty",
        ) from error
    return np.array(pc.fill_null(whole.cast(pa.int64()), ALWAYS), np.int64)


def _from_text(column: pa.Array) -> pa.Array:
    """Read RFC 3339 instants and dates; an empty text is null."""
    text = column.cast(pa.large_string())
    text = pc.if_else(pc.equal(text, ""), pa.scalar(None, pa.large_string()), text)
    zoned = pc.match_substring_regex(text, r"(?:Z|[+-]\d{2}:?\d{2})$")
    if pc.any(zoned).as_py() and not pc.all(zoned).as_py():
        none = pa.scalar(None, pa.large_string())
        dated = pc.if_else(zoned, none, text).cast(pa.timestamp("us"))
        exact = pc.if_else(zoned, text, none).cast(pa.timestamp("us", "UTC"))
        return pc.coalesce(exact, dated.cast(pa.timestamp("us", "UTC")))
    return text.cast(pa.timestamp("us", "UTC" if pc.any(zoned).as_py() else None))
