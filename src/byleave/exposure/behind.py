"""What is behind each affected member, as it streams: messages and deliveries, joined.

Rows come ordered by member and reason; one group is held at a time, and no more than a batch.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from byleave.exposure.finding import REASONS
from byleave.exposure.practice import Delivery
from byleave.ids import to_us

__all__ = ["BEHIND", "behind_members"]

Array = Any  # a NumPy array; its element type is named where it is made

BEHIND: Final = pa.schema(
    [
        ("member", pa.large_string()),
        ("reason", pa.large_string()),
        ("messages", pa.int64()),
        ("first_used_at", pa.timestamp("us", tz="UTC")),
        ("deliveries", pa.large_string()),
        ("records", pa.large_string()),
    ]
)
"""One row for each member and reason; ids joined by a space, a space within one is %20, % is %25."""


def behind_members(
    batches: Iterator[pa.RecordBatch], deliveries: Sequence[Delivery]
) -> Iterator[pa.RecordBatch]:
    """Join the pairs of each member and reason into one row of `BEHIND`.

    Args:
        batches: `member`, `reason` (index into `REASONS`), `first` (index into `deliveries`),
            `record`; by member, reason, record.
        deliveries: In order of time.
    """
    held: pa.Table | None = None
    for batch in batches:
        rows = pa.Table.from_batches([batch])
        held = (rows if held is None else pa.concat_tables([held, rows])).combine_chunks()
        if not held.num_rows:
            continue
        starts = _starts(held)
        last = int(starts[-1])  # the last group may go on in the next batch
        if last:
            yield _joined(held.slice(0, last), starts[:-1], deliveries)
            held = held.slice(last)
    if held is not None and held.num_rows:
        yield _joined(held, np.zeros(1, dtype=np.int64), deliveries)


def _starts(rows: pa.Table) -> Array:
    """Return where each group begins."""
    fresh = np.ones(rows.num_rows, dtype=bool)
    for number, name in enumerate(("member", "reason")):
        column = rows[name].combine_chunks()
        other = pc.not_equal(column[1:], column[:-1]).to_numpy(zero_copy_only=False)
        fresh[1:] = other if number == 0 else fresh[1:] | other
    return np.flatnonzero(fresh)


def _joined(rows: pa.Table, starts: Array, deliveries: Sequence[Delivery]) -> pa.RecordBatch:
    """Return one row for each group; the groups are whole."""
    first = rows["first"].combine_chunks().to_numpy(zero_copy_only=False).astype(np.int64)
    offsets = np.append(starts, rows.num_rows)
    done = np.bitwise_or.reduceat(np.int64(1) << first, starts)
    sets, at = np.unique(done, return_inverse=True)
    names = [
        " ".join(sorted(_word(d.id) for n, d in enumerate(deliveries) if mask >> n & 1))
        for mask in sets.tolist()
    ]
    instants = np.array([to_us(d.at) for d in deliveries], dtype=np.int64)
    words = rows["record"].combine_chunks().cast(pa.string())
    words = pc.replace_substring(pc.replace_substring(words, "%", "%25"), " ", "%20")
    lists = pa.LargeListArray.from_arrays(pa.array(offsets), words)
    place = pa.array(starts)
    columns = [
        rows["member"].combine_chunks().take(place),
        pa.array(REASONS).take(rows["reason"].combine_chunks().take(place)),
        pa.array(np.diff(offsets)),
        pa.array(instants[np.minimum.reduceat(first, starts)]),
        pa.array(names).take(pa.array(at.reshape(-1))),
        pc.binary_join(lists, " "),
    ]
    return pa.RecordBatch.from_arrays(
        [c.cast(f.type) for c, f in zip(columns, BEHIND, strict=True)], schema=BEHIND
    )


def _word(text: str) -> str:
    return text.replace("%", "%25").replace(" ", "%20")
