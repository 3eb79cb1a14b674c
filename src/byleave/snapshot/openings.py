"""Openings: what turns a snapshot's map back into records, and must stay private.

One row per (record, party): the record's position, the member's ordinal, the role, the ground,
the log index and leaf of the ground, two salts and the record's digest. Salts are drawn once per
(record, party) and reused in deltas, so that a delta's root equals a rebuild's. Erasing a
member's rows here (and their secret) makes their part of the map unlinkable (G10).
"""

from __future__ import annotations

import itertools
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from byleave.evidence.bucket import (
    OWN_CONSENT,
    GroundOpening,
    RecordOpening,
    ground_commitment,
)

__all__ = ["OPENINGS_SCHEMA", "SALT_BYTES", "leaves_by_member", "member_openings", "opened_records"]

SALT_BYTES: Final = 16

OPENINGS_SCHEMA: Final = pa.schema(
    [
        pa.field("row", pa.int64(), nullable=False),
        pa.field("ordinal", pa.int64(), nullable=False),
        pa.field("role", pa.uint8(), nullable=False),
        pa.field("ground", pa.uint8(), nullable=False),
        pa.field("ground_index", pa.int64(), nullable=False),
        pa.field("ground_leaf", pa.binary(32), nullable=False),
        pa.field("salt", pa.binary(SALT_BYTES), nullable=False),
        pa.field("ground_salt", pa.binary(SALT_BYTES), nullable=False),
        pa.field("digest", pa.binary(32), nullable=False),
    ]
)


def leaves_by_member(openings: pa.Table) -> tuple[npt.NDArray[np.int64], list[list[bytes]]]:
    """Return the ordinals that occur, ascending, and each one's record leaves.

    Cost: two hashes per row (the ground commitment here, the leaf hash in the map), in a Python
    loop, because SHA-256 of the standard library takes one message at a time.
    """
    ordered = openings.sort_by(
        [("ordinal", "ascending"), ("row", "ascending"), ("role", "ascending")]
    )
    leaves = [record.leaf_data() for record in opened_records(ordered, with_grounds=False)]
    ordinals = ordered["ordinal"].to_numpy()
    unique, starts = np.unique(ordinals, return_index=True)
    edges = [*starts.tolist(), len(leaves)]
    return unique, [leaves[a:b] for a, b in itertools.pairwise(edges)]


def member_openings(openings: pa.Table, ordinal: int) -> pa.Table:
    """Return the rows of one member, by position and role."""
    rows = openings.filter(pc.equal(openings["ordinal"], pa.scalar(ordinal, pa.int64())))
    return rows.sort_by([("row", "ascending"), ("role", "ascending")])


def opened_records(openings: pa.Table, *, with_grounds: bool) -> list[RecordOpening]:
    """Return each row as the opening of one record leaf.

    Args:
        openings: Rows in `OPENINGS_SCHEMA`.
        with_grounds: Also open the ground of rows that stand on the member's own consent;
            another party's ground is opened for auditors only.
    """
    names = ("salt", "digest", "role", "ground", "ground_salt", "ground_index", "ground_leaf")
    return [
        RecordOpening(
            salt=salt,
            digest=digest,
            role=role,
            ground=ground,
            ground_commitment=ground_commitment(ground_salt, index, leaf),
            opening=GroundOpening(salt=ground_salt, index=index, leaf=leaf)
            if with_grounds and ground == OWN_CONSENT
            else None,
        )
        for salt, digest, role, ground, ground_salt, index, leaf in zip(
            *(openings[name].to_pylist() for name in names), strict=True
        )
    ]
