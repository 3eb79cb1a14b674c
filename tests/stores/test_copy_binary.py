"""Rows for PostgreSQL's binary COPY, against the format written out field by field."""

from __future__ import annotations

import struct

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from byleave.stores.copy_binary import ended_rows

ROWS = st.lists(
    st.tuples(st.integers(-(2**63), 2**63 - 1), st.binary(min_size=4, max_size=4), st.binary()),
    max_size=20,
)


@settings(deadline=None, max_examples=100)
@given(ROWS)
def test_rows_that_end_in_any_bytes(rows: list[tuple[int, bytes, bytes]]) -> None:
    """Fixed columns and a last one of any length, the empty one too, are the format's bytes."""
    wanted = b"".join(
        struct.pack(">hiqi", 3, 8, number, 4) + fixed + struct.pack(">i", len(last)) + last
        for number, fixed, last in rows
    )
    numbers = np.array([number for number, _, _ in rows], np.int64)
    fixed = np.frombuffer(b"".join(f for _, f, _ in rows), np.uint8).reshape(-1, 4)
    made = ended_rows([(numbers, None), (fixed, None)], [last for _, _, last in rows])
    assert made == wanted
