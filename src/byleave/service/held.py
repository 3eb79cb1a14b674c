"""Which records of one member stand in each sealed snapshot, package and training set.

Openings stand in the order of members, so that a member's are in one or two row groups; only the
columns that pages show are read. A file's digest is compared once while it is the same file.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from byleave.errors import ConflictError, EvidenceError
from byleave.service.house import House, Stamp
from byleave.service.snapshot import base_of, removed_rows
from byleave.snapshot.openings import OPENINGS_SCHEMA, member_openings
from byleave.snapshot.sealed import OPENINGS

__all__ = ["Held"]

_COLUMNS: Final = ("row", "ordinal", "role", "ground")
_SCHEMA: Final = pa.schema([OPENINGS_SCHEMA.field(name) for name in _COLUMNS])


@dataclass(frozen=True, slots=True, kw_only=True)
class _Checked:
    """A file of openings whose digest was compared.

    Attributes:
        stamp: Which file it was.
        path: Where.
        footer: Its footer.
        bounds: Lowest and highest ordinal of each row group; None: it does not say.
    """

    stamp: Stamp
    path: Path
    footer: pq.FileMetaData
    bounds: tuple[tuple[int, int] | None, ...]


class Held:
    """What snapshots hold of one member; each lineage is read once.

    Args:
        house: The workspace's ports.
        ordinal: The member's.
    """

    def __init__(self, house: House, ordinal: int) -> None:
        self._house = house
        self._ordinal = ordinal
        self._bases: dict[str, pa.Table] = {}
        self._known: dict[str, pa.Table] = {}

    def __getitem__(self, snapshot: str) -> pa.Table:
        """Return row, ordinal, role and ground of the member's records, by position and role.

        Raises:
            InputError: `workspace.unknown-object`.
            EvidenceError: `snapshot.digest`; `workspace.damaged`.
        """
        if snapshot not in self._known:
            _, base = base_of(self._house, snapshot)
            name = base["snapshot"]
            if name not in self._bases:
                self._bases[name] = self._read(base)
            own = self._bases[name]
            gone = removed_rows(self._house, snapshot) if own.num_rows else None
            if gone is not None:
                own = own.filter(pc.invert(pc.is_in(own["row"], value_set=gone)))
            self._known[snapshot] = own
        return self._known[snapshot]

    def rows(self, snapshot: str) -> npt.NDArray[np.int64]:
        """Return the positions of the member's records, ascending, each once; int64."""
        return np.unique(self[snapshot]["row"].to_numpy())

    def _read(self, base: dict[str, Any]) -> pa.Table:
        checked = self._checked(base)
        groups = [
            number
            for number, bound in enumerate(checked.bounds)
            if bound is None or bound[0] <= self._ordinal <= bound[1]
        ]
        if not groups:
            return _SCHEMA.empty_table()
        try:
            with pq.ParquetFile(checked.path, metadata=checked.footer) as file:
                found = file.read_row_groups(groups, columns=list(_COLUMNS))
        except (OSError, pa.ArrowException) as error:
            raise _differ() from error
        return member_openings(found.select(_COLUMNS), self._ordinal).combine_chunks()

    def _checked(self, base: dict[str, Any]) -> _Checked:
        artefacts = self._house.artefacts
        kind, name = base["kind"], base["snapshot"]
        key, path = ("openings", kind, name), artefacts.path(kind, name, OPENINGS)
        held: _Checked | None = self._house.opened.get(key)
        if held is not None:
            try:
                artefacts.require_same(held.path, held.stamp)
            except ConflictError:
                del self._house.opened[key]
            else:
                return held
        try:
            stamp = artefacts.check(kind, name, OPENINGS, base["files"][OPENINGS])
        except EvidenceError as error:
            if not path.exists():
                raise
            raise _differ() from error
        with pq.ParquetFile(path) as file:
            footer = file.metadata
        made = _Checked(stamp=stamp, path=path, footer=footer, bounds=_bounds(footer))
        self._house.opened[key] = made
        return made


def _bounds(footer: pq.FileMetaData) -> tuple[tuple[int, int] | None, ...]:
    place = footer.schema.names.index("ordinal")
    found: Sequence[Any] = [
        footer.row_group(number).column(place).statistics for number in range(footer.num_row_groups)
    ]
    return tuple((s.min, s.max) if s is not None and s.has_min_max else None for s in found)


def _differ() -> EvidenceError:
    return EvidenceError(
        "the openings differ from the ledger's digest", code="snapshot.digest", where=OPENINGS
    )
