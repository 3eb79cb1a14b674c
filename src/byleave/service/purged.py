"""What is left of data that was collected while a use stood suspended: a recount from the files.

A ruleset's `purged` intervals hold the gate to leave such rows out. Here they are counted in
everything that is current, apart from the gate: the data's own dates and categories, the parties
in the openings, the members' regions, the intervals. After `withdrawal run` nothing is left.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from byleave.gate.contract import Contract
from byleave.gate.instants import instants_at
from byleave.gate.nested import column_at
from byleave.gate.plan import UNKNOWN_INSTANT
from byleave.ids import to_us
from byleave.policy.scope import Scope, Use
from byleave.service.clock import ledger_now
from byleave.service.house import House
from byleave.service.rules import rules_as_of
from byleave.service.snapshot import open_snapshot, openings_of, source_rows_of
from byleave.service.source import open_source

__all__ = ["Holder", "purged_rows"]

Longs = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
Codes = npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """A current snapshot, release or package, and what of a purged interval it holds.

    Attributes:
        kind: `snapshot`, `release` or `package`.
        name: Its id.
        snapshot: Id of the snapshot it holds, or was trained on.
        rows: Rows collected in an interval that is purged for one of their parties.
        undated: Rows without a date of a party for whom an interval is purged.
    """

    kind: str
    name: str
    snapshot: str
    rows: int
    undated: int


def purged_rows(house: House) -> list[Holder]:
    """Count in every current snapshot, release and package; each is listed, zeros too.

    Holds one snapshot at a time. A package counts until all of its rows are recalled.
    """
    counted: dict[str, tuple[Flags, Flags, Longs]] = {}
    found = []
    for kind, name, snapshot, gone in _current(house):
        if snapshot not in counted:
            counted[snapshot] = _count(house, snapshot)
        inside, undated, alive = counted[snapshot]
        held = ~np.isin(alive, gone)
        rows, without = int((inside & held).sum()), int((undated & held).sum())
        found.append(Holder(kind=kind, name=name, snapshot=snapshot, rows=rows, undated=without))
    return found


def _current(house: House) -> Iterator[tuple[str, str, str, Longs]]:
    """Yield kind, id, snapshot, and the rows that were taken back, of what is current."""
    none = np.zeros(0, np.int64)
    sealed = house.ledger.objects("snapshot")
    followed = {document["parent"] for _, _, _, document in sealed}
    for index, name, _, document in sealed:
        if document["kind"] == "snapshots" and index not in followed and document["records"]:
            yield "snapshot", name, name, none
    for _, name, _, document in house.ledger.objects("release"):
        if document["superseded_by"] is None:
            yield "release", name, document["snapshot"], none
    for _, name, _, document in house.ledger.objects("disclosure"):
        if document["rows"]:
            gone = np.array(document["recalled_rows"], np.int64)
            yield "package", name, document["snapshot"], gone


def _count(house: House, name: str) -> tuple[Flags, Flags, Longs]:
    """Flag the rows of a snapshot collected in an interval, and those without a date."""
    snapshot = open_snapshot(house, name)
    alive, manifest = snapshot.alive, snapshot.manifest
    source = open_source(house, manifest.source)
    names, category, collected = _columns(source.contract, source.batches())
    rows = source_rows_of(house, snapshot)
    openings = openings_of(house, name)
    position, who = (np.asarray(openings[column], np.int64) for column in ("row", "ordinal"))
    when, what = collected[rows[position]], category[rows[position]]
    hit, undated = np.zeros(len(who), np.bool_), np.zeros(len(who), np.bool_)
    for pairs, intervals in _gaps(house, house.taxonomy.scope(manifest.use), who, what, names):
        undated[pairs] |= when[pairs] == UNKNOWN_INSTANT
        for start, end in intervals:
            hit[pairs] |= (start <= when[pairs]) & (when[pairs] < end)
    return np.isin(alive, position[hit]), np.isin(alive, position[undated]), alive


def _gaps(
    house: House, scope: Scope, who: Longs, what: Codes, names: Sequence[str]
) -> Iterator[tuple[Flags, list[tuple[int, int]]]]:
    """Yield which pairs of row and party are of one region and category, and its intervals.

    Args:
        house: The workspace's ports.
        scope: What the rows are used for.
        who: The party of each pair.
        what: The place in `names` of each pair's category; -1: none.
        names: Categories.
    """
    now = ledger_now(house)
    book = rules_as_of(house, house.ledger.size())
    regions: list[str | None] = [None]
    region = np.zeros(house.ledger.member_count(), np.int32)
    for code, members in house.ledger.regions_columns(to_us(now)).items():
        region[members] = len(regions)
        regions.append(code)
    theirs = region[who]
    for number in np.unique(theirs).tolist():
        for place, category in enumerate(names):
            use = Use(purpose=scope.purpose, category=category, recipient=scope.recipient)
            purged = book.rule_for(regions[number], use, at=now).purged
            if purged:
                pairs: Flags = (theirs == number) & (what == place)
                yield pairs, [(to_us(start), to_us(end)) for start, end in purged]


def _columns(
    contract: Contract, batches: Iterator[pa.RecordBatch]
) -> tuple[list[str], Codes, Longs]:
    """Return categories, the place of each row's among them (-1: none), and when it was collected."""
    places: dict[str, int] = {}
    categories, instants = [np.zeros(0, np.int32)], [np.zeros(0, np.int64)]
    for batch in batches:
        count = batch.num_rows
        if contract.collected_at is None:
            instants.append(np.full(count, UNKNOWN_INSTANT, np.int64))
        else:
            instants.append(instants_at(batch, contract.collected_at))
        if contract.category is None:
            place = places.setdefault(contract.category_constant or "", 0)
            categories.append(np.full(count, place, np.int32))
            continue
        words = pc.dictionary_encode(column_at(batch, contract.category).cast(pa.string()))
        found = words.dictionary.to_pylist()
        if contract.kinds is not None:
            found = [contract.kinds.get(word) for word in found]
        table = [-1 if f is None else places.setdefault(f, len(places)) for f in found]
        index = np.asarray(pc.fill_null(words.indices, len(found)))
        categories.append(np.array([*table, -1], np.int32)[index])
    return list(places), np.concatenate(categories), np.concatenate(instants)
