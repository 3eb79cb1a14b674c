"""What a member's pages read of sources and gates: found by member, not read through.

The rows of a member in a source come from the two indexes that stand in `cache/SOURCE/` beside the
data (`gate_rows`, `inverted`): made when they are asked for first, or by a gate before; used while
they are of these bytes of data, this contract and these members, else made anew. A source added a
moment ago has none, and gets them; nothing is believed of a source that its digests do not say.
Why rows were left out of a gate stands there too, one byte a row (`GATE.reasons`).

Sources of fewer than `INDEXED` rows are read through, and of such gates the reasons are held: that
costs a few milliseconds. Where nothing may be kept (`House.caching`) large ones are read through too.

Cost: a few pages of mapped files a call, once they are made; making them holds 256 MiB at a time.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from byleave.canonical import Json, sha256
from byleave.errors import ConflictError, EvidenceError, WorldError
from byleave.gate.contract import Contract
from byleave.gate.members import MemberIndex
from byleave.gate.nested import column_at
from byleave.ids import to_us
from byleave.service.gate import gate_document, reasons_of
from byleave.service.gate_parts import PATCH, read_reasons
from byleave.service.gate_rows import RowBlocks, read_planes, write_planes
from byleave.service.house import House
from byleave.service.inverted import inverted_of
from byleave.service.source import Source, open_source, rows_of

__all__ = ["INDEXED", "OwnRows", "known_source", "own_rows", "prepare", "reasons_at", "region_of"]

INDEXED: Final = 1 << 18
"""From so many rows on a source gets an index, and a gate a file of reasons."""
_HELD_BYTES: Final = 1 << 25
Longs = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class OwnRows:
    """The rows of a source that one member is a party of.

    Attributes:
        rows: Their numbers, ascending, each once; int64.
        roles: 1 where the member wrote it (and perhaps got it as well), 2 where they got it; uint8.
        categories: What kind of data each is, as the contract says; None: it does not know the word.
    """

    rows: Longs
    roles: npt.NDArray[np.uint8]
    categories: list[str | None]


def known_source(house: House, name: str) -> Source:
    """Return a source whose files are those that this process has hashed before, else hash them.

    Raises:
        InputError: `workspace.unknown-object`.
        EvidenceError: `workspace.damaged`.
    """
    found = house.ledger.object("source", name)
    digests = None if found is None else found[2]["files"]
    held: tuple[Any, Source] | None = house.opened.get(("source", name))
    if held is not None and held[0] == digests and _unchanged(house, held[1]):
        return held[1]
    source = open_source(house, name)
    house.opened["source", name] = digests, source
    return source


def own_rows(house: House, name: str, member: str) -> OwnRows:
    """Return the rows of a source that a member is a party of.

    Raises:
        InputError: `workspace.unknown-object`.
        EvidenceError: `workspace.damaged`.
    """
    source = known_source(house, name)
    known = house.ledger.member(member)
    if known is None:
        return _read_through(source, member)
    found = _from_index(house, source, known[0])
    return _read_through(source, member) if found is None else found


def prepare(house: House) -> None:
    """Make what is not there yet of all that members' pages are read from."""
    for _, name, _, _ in house.ledger.objects("source"):
        _from_index(house, known_source(house, name), 0)
    for _, gate, _, document in house.ledger.objects("gate"):
        if document["rows"] >= INDEXED:
            reasons_at(house, gate, np.zeros(1, np.int64))


def reasons_at(house: House, gate: str, rows: Longs) -> npt.NDArray[np.uint8]:
    """Return the gate's reason for each of some rows of its source; 0: the row was kept.

    Raises:
        InputError: `workspace.unknown-object`.
        EvidenceError: `workspace.damaged`.
    """
    _, document = gate_document(house, gate)
    if document["rows"] < INDEXED:
        return _held(house, gate, document)[rows]
    return _from_file(house, gate, document, rows)


def region_of(house: House, ordinal: int, at: datetime) -> str | None:
    """Return the region of one member at an instant; None where it is not known."""
    return next(iter(house.ledger.regions_columns(to_us(at), ordinals=[ordinal])), None)


# rows


def _unchanged(house: House, source: Source) -> bool:
    try:
        for file in source.files:
            house.artefacts.require_same(file.path, file.stamp)
    except ConflictError:
        return False
    return True


def _from_index(house: House, source: Source, ordinal: int) -> OwnRows | None:
    """Return a member's rows from the index, made if it is not there; None: there can be none."""
    if source.rows < INDEXED:
        return None
    if not (house.caching or house.artefacts.has_cache(source.name)):
        return None
    blocks_of = RowBlocks(
        house,
        source,
        contract=source.contract,
        count=house.ledger.member_count(),
        members=lambda: MemberIndex.of(house.ledger.member_ids()),
    )
    blocks = blocks_of.blocks()
    inverted = None if blocks is None else inverted_of(house, source, blocks_of, blocks)
    if blocks is None or inverted is None:
        return None
    rows = inverted.of(np.array([ordinal], np.int64))
    roles, words = np.zeros(len(rows), np.uint8), []
    for piece, block in blocks:
        begin, end = np.searchsorted(rows, [piece.first_row, piece.first_row + piece.rows])
        if begin < end:
            here = block.take(rows[begin:end] - piece.first_row)
            roles[begin:end] = np.where(here.author == ordinal, 1, 2)
            if here.category is not None:
                words += [block.words[word] if word >= 0 else None for word in here.category]
    return OwnRows(rows=rows, roles=roles, categories=_kinds(source.contract, words, len(rows)))


def _read_through(source: Source, member: str) -> OwnRows:
    """Return a member's rows from the columns of parties and category, all of them read."""
    mine = rows_of(source, member)
    found = mine["row"].to_numpy()
    rows = np.unique(found)
    roles = np.full(len(rows), 2, np.uint8)
    roles[np.searchsorted(rows, found[mine["role"].to_numpy() == 1])] = 1
    words: list[str | None] = []
    category = source.contract.category
    if category is not None and len(rows):
        seen = 0
        for batch in source.batches(source.contract.roots(source.schema)):
            begin, end = np.searchsorted(rows, [seen, seen + batch.num_rows])
            places = pa.array(rows[begin:end] - seen)
            words += pc.cast(column_at(batch, category).take(places), pa.string()).to_pylist()
            seen += batch.num_rows
    return OwnRows(rows=rows, roles=roles, categories=_kinds(source.contract, words, len(rows)))


def _kinds(contract: Contract, words: list[str | None], rows: int) -> list[str | None]:
    if contract.category is None:
        return [contract.category_constant] * rows
    kinds = contract.kinds
    return words if kinds is None else [None if w is None else kinds.get(w) for w in words]


# reasons


def _held(house: House, gate: str, document: Mapping[str, Any]) -> npt.NDArray[np.uint8]:
    """Return the reason of each row of a small gate, held by this process: 32 MiB in all."""
    kept: OrderedDict[str, npt.NDArray[np.uint8]]
    kept = house.opened.setdefault(("reasons",), OrderedDict())
    found = kept.pop(gate, None)
    if found is None:
        found = _whole(house, gate, document)
    kept[gate] = found
    while sum(len(codes) for codes in kept.values()) > _HELD_BYTES:
        kept.popitem(last=False)
    return found


def _whole(house: House, gate: str, document: Mapping[str, Any]) -> npt.NDArray[np.uint8]:
    codes, dropped = np.zeros(document["rows"], np.uint8), reasons_of(house, gate)
    codes[dropped["row"].to_numpy()] = dropped["reason"].to_numpy()
    return codes


def _from_file(
    house: House, gate: str, document: Mapping[str, Any], rows: Longs
) -> npt.NDArray[np.uint8]:
    planes = _planes(house, gate, document)
    if planes is None:
        return _whole(house, gate, document)[rows]
    if document.get("parent") is None:
        return planes["reason"][rows]
    codes = reasons_at(house, document["parent_gate"], rows).copy()
    changed = planes["row"]
    if len(changed):
        place = np.minimum(np.searchsorted(changed, rows), len(changed) - 1)
        hit = changed[place] == rows
        codes[hit] = planes["reason"][place[hit]]
    return codes


def _planes(
    house: House, gate: str, document: Mapping[str, Any]
) -> dict[str, npt.NDArray[Any]] | None:
    """Return a gate's reasons, mapped; None: they cannot be kept in a file."""
    if not (house.caching or house.artefacts.has_cache(document["source"])):
        return None
    folder, name = house.artefacts.cache(document["source"]), f"{gate}.reasons"
    told: dict[str, Json] = {"files": dict(document["files"]), "format": "v1", "gate": gate}
    key = ("reasons", str(folder.path), name)
    for may_make in (True, False):
        stamp = folder.stamp(name)
        if stamp is not None:
            known, header, planes = house.opened.get(key, (None, None, None))
            if known != stamp:
                header, planes = read_planes(folder, name) or (None, None)
                house.opened[key] = stamp, header, planes
            if planes is not None and header == told:
                return dict(planes)
        if not (may_make and house.caching):
            return None
        try:
            with folder.create(name) as stream:
                write_planes(stream, _made(house, gate, document), told)
        except WorldError:  # a cache is worth no failed page
            return None
    return None


def _made(house: House, gate: str, document: Mapping[str, Any]) -> dict[str, npt.NDArray[Any]]:
    """Return what a file of reasons holds: of each row, or of the rows that a patch changed."""
    if document.get("parent") is None:
        return {"reason": _whole(house, gate, document)}
    data = house.artefacts.read("gates", gate, PATCH)
    if sha256(data).hex() != document["files"][PATCH]:
        raise EvidenceError(
            "a file of the gate changed since it ran",
            code="workspace.damaged",
            where=str(house.artefacts.path("gates", gate, PATCH)),
        )
    changed = read_reasons([data])
    row, reason = changed["row"].to_numpy(), changed["reason"].to_numpy()
    order = np.argsort(row, kind="stable")
    return {"row": row[order], "reason": reason[order]}
