"""Hand packages over: a recipient's key, the package made up for it, what lies there to fetch.

A package can be made up once its recipient has registered a key; until then an offer waits. What
the log commits to is the header: whose it is, under which terms, and the map of the rows in it.
Ids of people, and texts that name records, leave under names of this package alone, so that two
packages cannot be put together by them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final

import pyarrow as pa
import pyarrow.parquet as pq

from byleave.disclosure.card import Card
from byleave.disclosure.parcel import DATA, Chain, Header, Joined, Link, envelope
from byleave.disclosure.row_map import (
    ROW_LABEL,
    RowMap,
    pseudonyms,
    row_entries,
    row_labels,
)
from byleave.disclosure.terms import Terms
from byleave.errors import EvidenceError, InputError
from byleave.evidence.disclosed import signed_bytes
from byleave.evidence.entry import PackageEntry, RecipientKeyEntry
from byleave.gate.contract import Contract
from byleave.ids import to_us
from byleave.policy.recipient import require_standing
from byleave.service.house import House
from byleave.service.recipients import recipients_in_force
from byleave.service.snapshot import open_snapshot
from byleave.service.source import open_source

__all__ = [
    "KEYS",
    "PARCELS",
    "Parcel",
    "chain_of",
    "key_of",
    "make_up",
    "make_up_waiting",
    "parcel_of",
    "register",
    "row_map",
    "sealed_file",
    "withdraw_parcel",
]

KEYS: Final = "recipient-key"
PARCELS: Final = "parcels"
_SEALED: Final = "package.age"
_ENTRIES: Final = "rows.bin"
_ROWS: Final = 1 << 17
"""Rows held at a time: those of one row group of the data."""
Seal = Callable[[str, Joined, BinaryIO], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Parcel:
    """A package that was made up.

    Attributes:
        id: Id of its ledger object, and of its folder.
        index: Log index of `package/v1`.
        header: Its header.
        signature: Over the header.
        document: What the ledger holds of it.
    """

    id: str
    index: int
    header: Header
    signature: bytes
    document: Mapping[str, Any]


def register(house: House, data: bytes) -> tuple[int, Card]:
    """Take a recipient's card; its keys hold from here on. Returns log index and card.

    Raises:
        InputError: `disclosure.card`; `use.unknown-term`, no such recipient;
            `disclosure.to-oneself`.
        EvidenceError: `disclosure.signature`, the key in it did not sign it.
        RefusedError: Codes of `policy.recipient.require_standing`, where recipients are recorded.
    """
    card = Card.parse(data)
    house.taxonomy.scope(f"*/*/{card.recipient}")
    if card.recipient == "platform":
        raise InputError("a package goes to somebody else", code="disclosure.to-oneself")
    book = recipients_in_force(house)
    if book is not None:
        require_standing(card.recipient, book, house.now())
    known = [
        (index, document)
        for index, _, _, document in house.ledger.objects(KEYS)
        if document["recipient"] == card.recipient
    ]
    if known and known[-1][1]["card"] == card.document():
        return known[-1][0], card
    entry = RecipientKeyEntry(recipient=card.recipient, key=card.key, card=card.digest)
    with house.ledger.writing() as writer:
        index = writer.log(entry.encode())
        writer.add_object(
            KEYS,
            f"{card.recipient}-{len(known) + 1}",
            index=index,
            at_us=to_us(house.now()),
            document={"recipient": card.recipient, "card": card.document()},
        )
    return index, card


def key_of(house: House, recipient: str) -> tuple[int, Card] | None:
    """Return log index and card of a recipient's keys in force, or None."""
    found = [
        (index, document)
        for index, _, _, document in house.ledger.objects(KEYS)
        if document["recipient"] == recipient
    ]
    return (found[-1][0], Card.read(found[-1][1]["card"])) if found else None


def make_up_waiting(house: House, recipient: str, seal: Seal) -> list[str]:
    """Make up the packages offered to a recipient that wait for its key; return their names."""
    made = []
    for _, name, _, document in house.ledger.objects("disclosure"):
        if document["recipient"] == recipient and document["state"] == "offered":
            parcel = parcel_of(house, name)
            current = key_of(house, recipient)
            if current is None or document["recalls"]:
                continue
            same = parcel is not None and parcel.header.key == current[1].key
            if parcel is None or not same or not _there(house, parcel):
                make_up(house, name, seal)
                made.append(name)
    return made


def make_up(house: House, name: str, seal: Seal) -> Parcel | None:
    """Make up a package for its recipient's key: log the header, encrypt, lay it out.

    Rows go to the disk, and from there encrypted, one row group at a time; of each row 48 bytes
    are held, for the map.

    Args:
        house: The workspace's ports.
        name: Id of the disclosure.
        seal: Encrypts a stream to a key of a card.

    Returns:
        What was made; None: the recipient has no registered key yet.

    Raises:
        InputError: `workspace.unknown-object`.
        EvidenceError: Codes of `open_snapshot`.
    """
    found = house.ledger.object("disclosure", name)
    if found is None:
        raise InputError(f"no disclosure {name!r}", code="workspace.unknown-object")
    index, _, document = found
    current = key_of(house, document["recipient"])
    if current is None:
        return None
    key_index, card = current
    if "secret" not in document:  # offered before packages were handed over
        document = {**document, "secret": house.random(32).hex()}
        with house.ledger.writing() as writer:
            writer.replace_object("disclosure", name, document)
    key = _next_id(house, name)
    with house.artefacts.staged(PARCELS, key) as folder:
        with folder.create(DATA) as stream:
            rows = _write_rows(house, document, stream)
        header = Header(
            name=name,
            parent=None,
            recipient=card.recipient,
            key=card.key,
            terms=Terms.decode(document["terms"].encode()),
            pass_on={who: tuple(to) for who, to in document.get("pass_on", {}).items()},
            k=rows.k,
            root=rows.root,
            rows=rows.rows,
            sha256=bytes.fromhex(folder.digests[DATA]),
            size=(folder.path / DATA).stat().st_size,
            issued=house.now(),
        )
        signature = house.signer.sign(signed_bytes(header.document()))
        parcel = _log(house, key, index, key_index, header, signature)
        house.log.publish()
        with folder.create(_SEALED) as stream, (folder.path / DATA).open("rb") as data:
            seal(card.age, Joined(envelope(chain_of(house, parcel)), data), stream)
        with folder.create(_ENTRIES) as stream:
            stream.write(rows.entries.tobytes())
        folder.remove(DATA)  # in clear it stays nowhere
        laid = {
            **parcel.document,
            "bytes": (folder.path / _SEALED).stat().st_size,
            "sha256": folder.digests[_SEALED],
        }
    with house.ledger.writing() as writer:
        writer.replace_object("parcel", parcel.id, laid)
    return parcel


def _write_rows(house: House, document: Mapping[str, Any], stream: BinaryIO) -> RowMap:
    """Write the rows of a package as they leave; return their map."""
    entries, writer = [], None
    for table in package_tables(house, document):
        if writer is None:
            writer = pq.ParquetWriter(stream, table.schema, compression="zstd", store_schema=True)
        writer.write_table(table, row_group_size=_ROWS)
        entries.append(row_entries(table))
    if writer is None:
        raise EvidenceError("a package has no rows", code="workspace.damaged")
    writer.close()
    return RowMap.of_parts(entries)


def parcel_of(house: House, name: str) -> Parcel | None:
    """Return the package last made up for a disclosure, or None."""
    found = [
        (index, key, document)
        for index, key, _, document in house.ledger.objects("parcel")
        if document["disclosure"] == name
    ]
    if not found:
        return None
    index, key, document = found[-1]
    return Parcel(
        id=key,
        index=index,
        header=Header.read(document["header"]),
        signature=bytes.fromhex(document["signature"]),
        document=document,
    )


def chain_of(house: House, parcel: Parcel) -> Chain:
    """Return what shows that a package is this platform's, under the published checkpoint."""
    found = house.ledger.object("disclosure", parcel.header.name)
    if found is None:
        raise EvidenceError("a disclosure is gone", code="workspace.damaged")
    return Chain(
        disclosure=house.log.logged(found[0]),
        package=house.log.logged(parcel.index),
        links=(Link(header=parcel.header, signature=parcel.signature),),
    )


def sealed_file(house: House, parcel: Parcel, *, checked: bool = True) -> Path:
    """Return where an encrypted package lies.

    Args:
        house: The workspace's ports.
        parcel: The package.
        checked: Compare its bytes with the ledger's digest: one pass over the file, as a stream.

    Raises:
        EvidenceError: `workspace.damaged`.
    """
    if checked:
        house.artefacts.check(PARCELS, parcel.id, _SEALED, str(parcel.document.get("sha256")))
    return house.artefacts.path(PARCELS, parcel.id, _SEALED)


def row_map(house: House, parcel: Parcel) -> RowMap:
    """Return the map of a package's rows as they were handed over.

    Raises:
        EvidenceError: `workspace.damaged`, its entries do not lead to the logged root.
    """
    data = house.artefacts.read(PARCELS, parcel.id, _ENTRIES)
    rows = RowMap.of_entries(data, parcel.header.k)
    if rows.root != parcel.header.root:
        raise EvidenceError("the rows of a package were changed", code="workspace.damaged")
    return rows


def withdraw_parcel(house: House, parcel: Parcel) -> None:
    """Take an encrypted package away: what is recalled is handed to nobody any more."""
    house.artefacts.remove(PARCELS, parcel.id, _SEALED)


def package_tables(house: House, document: Mapping[str, Any]) -> Iterator[pa.Table]:
    """Yield the rows of a package as they leave, each with its label, a row group at a time.

    Columns of people's ids, and texts that name a record, hold names of this package alone. A
    column with ids inside a structure is left out.

    Args:
        house: The workspace's ports.
        document: The disclosure's.
    """
    snapshot = open_snapshot(house, document["snapshot"])
    contract = open_source(house, snapshot.manifest.source).contract
    key = bytes.fromhex(document["secret"])
    names = snapshot.column_names
    columns = {f"column {number}": name for number, name in enumerate(names)}
    at = 0
    for batch in snapshot.batches(columns, size=_ROWS):
        rows = pa.Table.from_batches([batch]).drop_columns(["record_id"]).rename_columns(names)
        labels = row_labels(key, snapshot.alive[at : at + batch.num_rows].tolist())
        at += batch.num_rows
        table = _renamed(rows, contract, key)
        table = table.add_column(0, pa.field(ROW_LABEL, pa.binary(32)), labels)
        yield table.replace_schema_metadata(None).combine_chunks()


def _renamed(table: pa.Table, contract: Contract, key: bytes) -> pa.Table:
    """Return rows with names of this package alone where they name people or records."""
    for name in table.column_names:
        if _names_people(contract, name):
            at = table.column_names.index(name)
            table = table.set_column(at, name, pseudonyms(key, table[name]))
        elif any(path.startswith(f"{name}.") for path in _paths(contract)):
            table = table.drop_columns([name])
        elif name in contract.record_id and not pa.types.is_integer(table.schema.field(name).type):
            at = table.column_names.index(name)
            table = table.set_column(at, name, pseudonyms(key, table[name]))
    return table


def _paths(contract: Contract) -> tuple[str, ...]:
    return (contract.author, *contract.recipients)


def _names_people(contract: Contract, column: str) -> bool:
    return column in _paths(contract)


def _there(house: House, parcel: Parcel) -> bool:
    return (
        "sha256" in parcel.document and house.artefacts.path(PARCELS, parcel.id, _SEALED).exists()
    )


def _next_id(house: House, name: str) -> str:
    """Return the id that the next package made up for a disclosure gets."""
    taken = sum(d["disclosure"] == name for _, _, _, d in house.ledger.objects("parcel"))
    return name if not taken else f"{name}-{taken + 1}"


def _log(
    house: House, key: str, index: int, key_index: int, header: Header, signature: bytes
) -> Parcel:
    entry = PackageEntry(
        disclosure=index,
        key=key_index,
        k=header.k,
        root=header.root,
        rows=header.rows,
        header=header.digest,
        signer=house.signer.public_key(),
    )
    document: dict[str, Any] = {
        "disclosure": header.name,
        "header": header.document(),
        "signature": signature.hex(),
        "digest": header.digest.hex(),
    }
    with house.ledger.writing() as writer:
        at = writer.log(entry.encode())
        writer.add_object("parcel", key, index=at, at_us=to_us(house.now()), document=document)
    return Parcel(id=key, index=at, header=header, signature=signature, document=document)
