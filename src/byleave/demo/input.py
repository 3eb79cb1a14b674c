"""The messages of the replay, and what of them is real."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from byleave.demo.population import Population
from byleave.wiring.data import load_messages

__all__ = ["REAL_OR_NOT", "Input", "load_input", "with_kinds"]

_TEXTS: Final = "Wang et al., Persuasion for Good, ACL 2019: paid task dialogues, published"

_IDS: Final = "stable pseudonymous ids"
_DATES: Final = "real, shifted by +6 years and 35 days; unknown ones stay unknown"
_OF_THE_SET: Final = frozenset({_TEXTS, _IDS, _DATES})

REAL_OR_NOT: Final = (
    ("message texts", True, _TEXTS),
    ("who wrote to whom, in which thread and order", True, _IDS),
    ("dates", False, _DATES),
    ("Premium and its price", False, "drawn from the seed"),
    ("regions", False, "drawn from the seed"),
    ("InMail or direct", False, "from Premium: what a Premium member wrote is InMail"),
    ("choices and withdrawals", False, "drawn from the seed"),
    ("policies, FAQ, setting", False, "our own texts, in the order that the complaint alleged"),
)
"""(field, real, note); for a generated set `load_input` marks the first two generated too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    """The messages.

    Attributes:
        table: `thread_id, seq, sender_id, recipient_id, sent_at, text`.
        members: Ids in the order of first appearance.
        origin: `real` or `generated`.
        how: `folder`, `download` or `generated`.
        notes: What was said while loading.
        fields: (field, real, note) for each field of the replay.
    """

    table: pa.Table
    members: tuple[str, ...]
    origin: str
    how: str
    notes: tuple[str, ...]
    fields: Sequence[tuple[str, bool, str]]


def load_input(data: Path | None, seed: int, progress: Callable[[str, int, int], None]) -> Input:
    """Load the messages, from a folder, the public origin, or generated, in this order.

    Raises:
        InputError: Codes `data.*`, `input.not-found`.
    """
    loaded = load_messages(data, seed=seed, progress=progress)
    table = loaded.table.rename_columns(
        [{"thread_started_at": "sent_at"}.get(n, n) for n in loaded.table.column_names]
    )
    table = table.select(["thread_id", "seq", "sender_id", "recipient_id", "sent_at", "text"])
    pair = pa.chunked_array(
        [*table["sender_id"].chunks, *table["recipient_id"].chunks], table["sender_id"].type
    )
    fields = [
        (name, real and loaded.origin == "real", note if loaded.origin == "real" else _made(note))
        for name, real, note in REAL_OR_NOT
    ]
    return Input(
        table=table,
        members=tuple(str(m) for m in pc.unique(pair).to_pylist()),
        origin=loaded.origin,
        how=loaded.how,
        notes=tuple(loaded.notes),
        fields=fields,
    )


def with_kinds(table: pa.Table, population: Population) -> pa.Table:
    """Return the messages with `kind`: InMail where the sender is Premium, else direct."""
    premium = pa.array(sorted(population.premium), table["sender_id"].type)
    mask = pc.is_in(table["sender_id"], value_set=premium)
    return table.append_column("kind", pc.if_else(mask, "inmail", "direct"))


def record_ids(table: pa.Table) -> pa.Array:
    """Return `thread:seq` for each message."""
    seq = table["seq"].cast(pa.string())
    thread = table["thread_id"].cast(pa.string())
    return pc.binary_join_element_wise(thread, seq, ":").combine_chunks()


def known_dates(table: pa.Table) -> int:
    """Return how many messages have a date."""
    return int(np.sum(~np.asarray(table["sent_at"].is_null())))


def _made(note: str) -> str:
    return "generated, of the same shape" if note in _OF_THE_SET else note
