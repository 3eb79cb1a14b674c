"""Profiles as rows of an array, a member's number being the place: two look-ups, and no join.

Where ids are whole numbers that lie close together, what a member had said is found without a hash
table of all members, which costs three times the memory, is built again for each part of the
messages, and is spilled to disk where it does not fit.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from byleave.engines.case_runner import CaseRunner, numbers, stored_rows
from byleave.exposure.plan import SILENT_US, CasePlan
from byleave.exposure.plan_sql import Shape, rows_asked, side_columns
from byleave.exposure.tables import Inputs, message_rows

__all__ = ["Places", "Stretch"]

Array = Any  # a NumPy array; its element type is named where it is made

SPARSE: Final = 8
"""Places there may be for each profile: beyond, most of the array would say nothing."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """Which numbers members have.

    Attributes:
        first: The lowest.
        places: How many from there to the highest.
        columns: Numbers of one profile.
    """

    first: int
    places: int
    columns: int

    @classmethod
    def of(cls, runner: CaseRunner, inputs: Inputs, plan: CasePlan, shape: Shape) -> Stretch | None:
        """Return the stretch of those who have a profile; None: not whole numbers, or too sparse.

        Messages with several recipients, and deliveries that list their records, are joined.
        """
        if shape.lists or shape.listed or not pa.types.is_integer(inputs.ids):
            return None
        found = runner.fetch(
            "SELECT min(member) AS lowest, max(member) AS highest, count(*) AS n FROM profile"
        )
        row = found.to_pylist()[0]
        if not row["n"]:
            return None
        places = row["highest"] - row["lowest"] + 1
        if places > SPARSE * row["n"]:
            return None
        return cls(row["lowest"], places, len(plan.blocks) + len(plan.questions))

    @property
    def size(self) -> int:
        """Bytes that the array takes."""
        return 8 * self.columns * (self.places + 1)


@dataclass(frozen=True, slots=True, eq=False)
class Places:
    """The array.

    Attributes:
        first: Number of the member at place 0.
        rows: int64[places + 1, columns], `f_N` of each block and `g_N` of each question; the last
            row is that of everybody else: silence.
    """

    first: int
    rows: Array

    @classmethod
    def read(cls, file: Path, stretch: Stretch, plan: CasePlan) -> Places:
        """Read the profiles; the cost is one look at each."""
        blocks = [f"f_{block.number}" for block in plan.blocks]
        answers = [f"g_{n}" for n in range(len(plan.questions))]
        silence = np.array([0] * len(blocks) + [SILENT_US] * len(answers), dtype=np.int64)
        rows = np.empty((stretch.places + 1, stretch.columns), dtype=np.int64)
        rows[:] = silence
        for batch in stored_rows(file):
            table = pa.Table.from_batches([batch])
            at = numbers(table, "member") - stretch.first
            for column, name in enumerate((*blocks, *answers)):
                said = pc.fill_null(table[name], int(silence[column]))
                rows[at, column] = numbers(pa.table({name: said}), name)
        return cls(stretch.first, rows)

    def messages(
        self, inputs: Inputs, plan: CasePlan, start: int, stop: int
    ) -> tuple[pa.Schema, Iterator[pa.RecordBatch]]:
        """Return the relation `messages` of some rows, with what both parties had said beside it.

        Rows that no statement asks for (`plan_sql.rows_asked`) are left out.
        """
        schema, batches = message_rows(inputs, plan, start, stop)
        sides = {"author": side_columns(plan, "a"), "recipients": side_columns(plan, "r")}
        for names in sides.values():
            for name in names:
                schema = schema.append(pa.field(name, pa.int64()))
        latest, kinds = rows_asked(plan)
        classes = None if kinds is None else np.array(kinds, dtype=np.int32)

        def rows() -> Iterator[pa.RecordBatch]:
            for batch in batches:
                asked = batch["sent"].to_numpy() < latest
                if classes is not None:
                    asked &= np.isin(batch["kind"].to_numpy(), classes)
                kept = batch.filter(pa.array(asked))
                columns = list(kept.columns)
                for party in sides:
                    found = self._of(kept[party])
                    columns += [pa.array(found[:, n]) for n in range(found.shape[1])]
                yield pa.RecordBatch.from_arrays(columns, schema=schema)

        return schema, rows()

    def _of(self, members: pa.Array) -> Array:
        """Return int64[n, columns], the profile of each member; of nobody, and of others, silence."""
        nobody = len(self.rows) - 1
        at = pc.fill_null(members, self.first + nobody).to_numpy() - self.first
        return self.rows.take(np.where((at < 0) | (at > nobody), nobody, at), axis=0)
