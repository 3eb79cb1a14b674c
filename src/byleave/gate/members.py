"""Member ids to ordinals, once per column.

`MemberIndex.ids[ordinal]` is the platform's id as text. An id that is not there resolves to
`UNKNOWN`, a null to `MISSING`; integers are compared as their decimal text. Exact, never
probabilistic: a false match would be an unlawful use.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pat

from byleave.errors import InputError

__all__ = ["MISSING", "UNKNOWN", "MemberIndex", "ids_as_text"]

UNKNOWN: Final = -1
MISSING: Final = -2


@dataclass(frozen=True, slots=True, eq=False)
class MemberIndex:
    """All member ids in the order of their ordinals (`large_string`, no nulls, no repeats)."""

    ids: pa.Array

    @classmethod
    def of(cls, ids: Iterable[str] | pa.Array) -> MemberIndex:
        """Make an index of ids in the order of their ordinals.

        Raises:
            InputError: `input.malformed`, a null or a repeated id.
        """
        array = ids if isinstance(ids, pa.Array) else pa.array(ids, pa.large_string())
        array = array.cast(pa.large_string())
        if array.null_count or len(pc.unique(array)) != len(array):
            raise InputError("a member id is null or stands twice", code="input.malformed")
        return cls(array)

    def __len__(self) -> int:
        return len(self.ids)

    def resolve(self, column: pa.Array) -> npt.NDArray[np.int64]:
        """Return the ordinal of each id; `UNKNOWN` and `MISSING` where there is none.

        Args:
            column: Text, whole numbers, or a dictionary of them.
        """
        if pat.is_dictionary(column.type):
            values = self.resolve(column.dictionary)
            codes = np.asarray(pc.fill_null(column.indices, -1).cast(pa.int64()))
            return np.take(np.append(values, np.int64(MISSING)), codes)
        found = pc.index_in(ids_as_text(column), value_set=self.ids)
        ordinals = np.array(pc.fill_null(found, UNKNOWN), np.int64)
        if column.null_count:
            ordinals[np.asarray(pc.is_null(column))] = MISSING
        return ordinals


def ids_as_text(column: pa.Array) -> pa.Array:
    """Return ids as `large_string`; integers in decimal, nulls stay null."""
    if pat.is_dictionary(column.type):
        column = column.dictionary_decode()
    return column.cast(pa.large_string())
