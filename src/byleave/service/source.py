"""Bring a data set in: enrol everyone who appears in it, digest every record, keep a copy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from byleave.canonical import sha256
from byleave.errors import ConflictError, EvidenceError, InputError
from byleave.evidence.entry import SourceEntry
from byleave.gate.contract import Contract, is_id_list, parse_contract
from byleave.gate.members import ids_as_text
from byleave.gate.nested import column_at
from byleave.ids import to_us
from byleave.service.enrol import enrol_within
from byleave.service.house import House
from byleave.snapshot.record import record_digests
from byleave.snapshot.sealed import read_table, write_table

__all__ = ["Source", "add_source", "members_of", "open_source", "rows_of"]

DATA = "data.parquet"
DIGESTS = "digests.parquet"
CONTRACT = "contract.yaml"


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A data set in the workspace.

    Attributes:
        name: Its id.
        index: Log index of its entry.
        contract: Whose data a row is.
        table: The rows.
        digests: One record digest per row; binary(32).
    """

    name: str
    index: int
    contract: Contract
    table: pa.Table
    digests: pa.Array


def add_source(
    house: House,
    name: str,
    table: pa.Table,
    contract_text: str,
    *,
    contract_name: str = CONTRACT,
    regions: Mapping[str, str] | None = None,
    about: Mapping[str, Any] | None = None,
) -> tuple[int, int]:
    """Add a data set and enrol its members; return (records, newly enrolled).

    Args:
        house: The workspace's ports.
        name: Id of the source.
        table: Its rows.
        contract_text: The contract, YAML.
        contract_name: What messages call the contract.
        regions: Region of members, where known.
        about: Where it is from, kept in the ledger's document.

    Raises:
        InputError: Codes `contract.*`.
        ConflictError: `workspace.exists`.
    """
    contract = parse_contract(contract_text, name=contract_name)
    contract.check(table.schema, data=name)
    if house.ledger.object("source", name) is not None:
        raise ConflictError(f"a source named {name!r} exists already", code="workspace.exists")
    members = members_of(table, contract)
    digests = record_digests(table, contract.digest_columns(table.schema))
    files = {
        DATA: write_table(table),
        DIGESTS: write_table(pa.table({"digest": digests})),
        CONTRACT: contract_text.encode(),
    }
    entry = SourceEntry(
        source=name,
        contract=contract.digest,
        records=table.num_rows,
        digests=sha256(b"".join(digests.to_pylist())),
    )
    document = {
        "source": name,
        "records": table.num_rows,
        "columns": list(table.column_names),
        "files": {n: sha256(data).hex() for n, data in files.items()},
        "about": dict(about or {}),
    }
    house.artefacts.put("sources", name, files)
    with house.ledger.writing() as writer:
        enrolled = enrol_within(house, writer, members, regions=regions)
        writer.add_object(
            "source",
            name,
            index=writer.log(entry.encode()),
            at_us=to_us(house.now()),
            document=document,
        )
    return table.num_rows, enrolled


def open_source(house: House, name: str) -> Source:
    """Return a data set after comparing its files with the ledger.

    Raises:
        InputError: `workspace.unknown-object`.
        EvidenceError: `workspace.damaged`, a file changed since it was added.
    """
    found = house.ledger.object("source", name)
    if found is None:
        known = [n for _, n, _, _ in house.ledger.objects("source")]
        raise InputError(
            f"no source {name!r}",
            code="workspace.unknown-object",
            hint=f"known: {', '.join(known)}" if known else "byleave source add FILE --contract C",
        )
    index, _, document = found
    files = {n: house.artefacts.read("sources", name, n) for n in document["files"]}
    for file, digest in document["files"].items():
        if sha256(files[file]).hex() != digest:
            raise EvidenceError(
                "a file of the source changed since it was added",
                code="workspace.damaged",
                where=str(house.artefacts.path("sources", name, file)),
            )
    return Source(
        name=name,
        index=index,
        contract=parse_contract(files[CONTRACT].decode(), name=CONTRACT),
        table=read_table(files[DATA]),
        digests=read_table(files[DIGESTS])["digest"].combine_chunks(),
    )


def members_of(table: pa.Table, contract: Contract) -> list[str]:
    """Return everyone who is a party of a row, in the order of first appearance by column."""
    arrays = [_ids(table, column) for column in (contract.author, *contract.recipients)]
    ids = pc.unique(pa.chunked_array(arrays, pa.large_string()))
    return [str(m) for m in ids.drop_null().to_pylist()]


def rows_of(source: Source, member: str) -> pa.Table:
    """Return positions and roles (1 author, 2 recipient) of the rows a member is a party of."""
    table, contract = source.table, source.contract
    author = pc.fill_null(pc.equal(ids_as_text(column_at(table, contract.author)), member), False)
    masks = [(1, author)]
    for column in contract.recipients:
        array = column_at(table, column)
        if is_id_list(array.type):
            hit = pc.equal(ids_as_text(pc.list_flatten(array)), member)
            parents = pc.list_parent_indices(array).filter(pc.fill_null(hit, False))
            rows = pa.array(range(table.num_rows), pa.int64())
            masks.append((2, pc.is_in(rows, value_set=parents.cast(pa.int64()))))
        else:
            masks.append((2, pc.fill_null(pc.equal(ids_as_text(array), member), False)))
    parts = [
        pa.table({"row": pc.indices_nonzero(mask).cast(pa.int64())}).append_column(
            "role", pa.array([role] * pc.sum(mask.cast(pa.int64())).as_py(), pa.uint8())
        )
        for role, mask in masks
        if pc.any(mask).as_py()
    ]
    empty = pa.table({"row": pa.array([], pa.int64()), "role": pa.array([], pa.uint8())})
    return pa.concat_tables(parts) if parts else empty


def _ids(table: pa.Table, column: str) -> pa.Array:
    array = column_at(table, column)
    return ids_as_text(pc.list_flatten(array) if is_id_list(array.type) else array)
