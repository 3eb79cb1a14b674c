"""The IRC disentanglement set: public chat of people who never agreed to training (CC BY 4.0).

The negative control: with an empty consent ledger the gate must release none of it
(Kummerfeld et al., ACL 2019). Never generated: a control that nobody wrote controls nothing.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from byleave.connectors.loaded import LoadedSet, read_parquet
from byleave.errors import InputError

__all__ = ["COLUMNS", "LINES", "load"]

LINES: Final = 268_964
COLUMNS: Final = {
    "log": "text",
    "channel": "text",
    "line": "integer",
    "day": "text",
    "time": "text",
    "author": "text",
    "addressed_to": "text",
    "text": "text",
    "is_system": "boolean",
}


def load(directory: Path, *, chat_only: bool = True) -> LoadedSet:
    """Return the lines of all logs, with a `record_id` of log and line number.

    Args:
        directory: The folder that holds the data sets' folders.
        chat_only: Leave out what the server said (joins, parts), which has no author.

    Raises:
        InputError: `data.not-found`, `data.damaged`, `data.columns` or `data.row-count`.
    """
    where = "irc-disentanglement/messages.parquet"
    table = read_parquet(directory / "irc-disentanglement" / "messages.parquet", COLUMNS)
    if table.num_rows != LINES:
        raise InputError(
            f"{where} has {table.num_rows} lines; published: {LINES}",
            code="data.row-count",
            where=where,
        )
    plain = {name: pa.large_string() for name in ("log", "channel", "day")}
    for name, arrow in plain.items():
        at = table.schema.get_field_index(name)
        table = table.set_column(at, name, table.column(at).cast(arrow))
    numbers = table["line"].cast(pa.large_string())
    record = pc.binary_join_element_wise(table["log"], numbers, pa.scalar("#", pa.large_string()))
    table = table.add_column(0, "record_id", record)
    if chat_only:
        table = table.filter(pc.invert(table["is_system"]))
    return LoadedSet(table=table, origin="real", how="folder")
