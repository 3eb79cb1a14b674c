"""Erase members: what they are known by, and every byte of theirs that the platform holds (G10).

The order is withdraw → unlearn → delta → erase, and it is enforced: while a current snapshot,
release, training state or package holds a row of theirs, nothing is erased (`erasure.standing`).
Then, in this order, each step repeatable:

(1) rewritten files are staged: sources and lineages with the rows they are a party of blank (a
    row keeps its place), openings without theirs;
(2) one transaction: log entry `erasure/v1`, their secret and what it was made of, id, salts,
    evidence, regions and birth days gone from the ledger, the keys of directories, by which an id
    could be looked up, too, the new digests in it;
(3) the staged files take the place of the old; caches, proof files and the keys of directories, in
    which an id could be looked up again, go; the store is scrubbed.

A crash before (2) leaves everything as it was; after it, whoever next opens the workspace for
writing finishes (3). Roots, entries and other members' proofs stay as they are: the member's part
of a map is random bytes that nobody can link. Replays of gates over a source that lost rows, and
refits of snapshots that held them, answer `evidence.erased`: neither valid nor invalid.

Not erased, because it is not here or others own it: copies that recipients hold (recalled, and
that is logged), backups, older blocks of the disk, receipts in members' hands, model files of
releases that were superseded, and other parties' openings of a message they shared.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from byleave.canonical import Json, digest_of
from byleave.errors import ConflictError, EvidenceError, InputError, RefusedError
from byleave.evidence.entry import ErasureEntry
from byleave.gate.contract import Contract, is_id_list
from byleave.gate.members import ids_as_text
from byleave.gate.nested import column_at
from byleave.ids import format_instant, to_us
from byleave.service.directory import drop_rows, forget_keys
from byleave.service.enrol_joint import forget_joint
from byleave.service.house import House, StagedFiles
from byleave.service.kept_plan import forget_plans
from byleave.service.snapshot import openings_parts
from byleave.service.source import DIGESTS, open_source
from byleave.snapshot.openings import OPENINGS_SCHEMA
from byleave.snapshot.sealed import DATA, OPENINGS

__all__ = ["Erased", "HeldRows", "erase", "file_now", "finish", "standing", "unfinished"]

_WORK: Final = "erasure"
_GROUP_ROWS: Final = 1 << 16
_SALT_BYTES: Final = 32
Rows = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Erased:
    """What an erasure did.

    Attributes:
        erasure: Its id.
        index: Its log index.
        members: How many members.
        ordinals: Which; what is left of them here.
        records: Rows blanked in sources.
        openings: Openings removed.
    """

    erasure: str
    index: int
    members: int
    ordinals: tuple[int, ...]
    records: int
    openings: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rewrite:
    """One file that is replaced: where it stands, which staged file replaces it, and digests."""

    kind: str
    artefact: str
    name: str
    staged: str
    was: str
    now: str

    def to_dict(self) -> dict[str, Json]:
        return {
            "artefact": self.artefact,
            "kind": self.kind,
            "name": self.name,
            "now": self.now,
            "staged": self.staged,
            "was": self.was,
        }


class HeldRows(Protocol):
    """Which rows of a snapshot some members are a party of."""

    def rows(self, snapshot: str) -> Rows: ...


def standing(
    house: House, ordinals: Iterable[int], *, held: HeldRows | None = None
) -> list[tuple[str, str]]:
    """Return (kind, id) of every current thing that holds a row of these members.

    Current are: snapshots that no delta follows and that are not packages, releases not
    superseded, training states held, and packages whose rows of theirs were not recalled.

    Args:
        house: The workspace's ports.
        ordinals: The members.
        held: Their rows, where they were read before; None: all openings are read.
    """
    held = held or _Holding(house, sorted(set(ordinals)))
    objects = house.ledger.objects
    snapshots = {name: (index, doc) for index, name, _, doc in objects("snapshot")}
    followed = {doc["parent"] for _, doc in snapshots.values()}
    found = [
        ("snapshot", name)
        for name, (index, doc) in snapshots.items()
        if doc["kind"] == "snapshots" and index not in followed and len(held.rows(name))
    ]
    found += [
        ("release", name)
        for _, name, _, doc in objects("release")
        if doc["superseded_by"] is None and len(held.rows(doc["snapshot"]))
    ]
    found += [
        ("run", name)
        for _, name, _, doc in objects("run")
        if doc["files"] and len(held.rows(doc["snapshot"]))
    ]
    found += [
        ("package", name)
        for _, name, _, doc in objects("disclosure")
        if not set(held.rows(doc["snapshot"]).tolist()) <= set(doc["recalled_rows"])
    ]
    return found


def erase(house: House, members: Sequence[str], *, proofs: Path | None = None) -> Erased:
    """Erase members whose withdrawal has reached everything current.

    Args:
        house: The workspace's ports.
        members: Their ids; several at once cost one rewriting of each file.
        proofs: As for `finish`.

    Raises:
        InputError: `member.unknown`, `member.erased`.
        RefusedError: `erasure.standing`, with what has to come first: also that somebody seals now,
            who may hold a row of theirs.
        ConflictError: `erasure.unfinished`.
    """
    if unfinished(house):
        raise ConflictError(
            "an erasure was begun and not finished",
            code="erasure.unfinished",
            hint="open the workspace for writing again: that finishes it",
        )
    rows = [_member(house, member) for member in dict.fromkeys(members)]
    ordinals = [row[0] for row in rows]
    left = standing(house, ordinals)
    left += [("sealing", name) for name in house.artefacts.drafts("snapshot")]
    if left:
        raise RefusedError(
            f"their rows still stand in {len(left)} current objects",
            code="erasure.standing",
            where=", ".join(f"{kind} {name}" for kind, name in left[:6]),
            hint="byleave withdrawal run; then byleave snapshot renew for a snapshot without release",
        )
    house.artefacts.work(_WORK).discard()
    work = _Work(house, house.artefacts.work(_WORK))
    for _, name, _, document in house.ledger.objects("source"):
        work.source(name, document, [row[1] for row in rows])
    for _, name, _, document in house.ledger.objects("snapshot"):
        if document["parent"] is None:
            work.lineage(name, document, ordinals)
    return _land(house, work, rows, proofs)


def unfinished(house: House) -> list[str]:
    """Return the erasures that were logged and whose files are not all replaced yet."""
    return [n for _, n, _, doc in house.ledger.objects("erasure") if doc["state"] != "done"]


def finish(house: House, proofs: Path | None = None) -> list[str]:
    """Finish every erasure that a crash left half done; return them.

    Args:
        house: The workspace's ports.
        proofs: The folder of proof files and receipts; those of erased members are removed.

    Raises:
        EvidenceError: `workspace.damaged`, a file is neither the old one nor the new one.
    """
    done = unfinished(house)
    for name in done:
        found = house.ledger.object("erasure", name)
        if found is None:
            continue
        document = found[2]
        for rewrite in document["logged"]["files"]:
            _put(house, _Rewrite(**rewrite))
        for source in document["sources"]:
            house.artefacts.cache(source).discard()
        forget_plans(house)
        if proofs is not None:
            _forget_proofs(proofs, document["ordinals"])
        drop_rows(house)
        house.ledger.scrub()
        with house.ledger.writing() as writer:
            writer.replace_object("erasure", name, {**document, "state": "done"})
    house.artefacts.work(_WORK).discard()
    return done


def file_now(house: House, kind: str, artefact: str, name: str, was: str) -> str:
    """Return the digest that a file has after the logged erasures, starting from the sealed one."""
    for _, _, _, document in house.ledger.objects("erasure"):
        for item in document["logged"]["files"]:
            if (item["kind"], item["artefact"], item["name"]) == (kind, artefact, name):
                if item["was"] != was:
                    raise EvidenceError(
                        "the logged erasures of a file do not follow one another",
                        code="workspace.damaged",
                        where=name,
                    )
                was = item["now"]
    return was


class _Holding:
    """Which rows of a snapshot some members are a party of."""

    def __init__(self, house: House, ordinals: Sequence[int]) -> None:
        self._house = house
        self._wanted = pa.array(ordinals, pa.int64())
        self._known: dict[str, Rows] = {}

    def rows(self, snapshot: str) -> Rows:
        if snapshot not in self._known:
            own = [
                part["row"].filter(pc.is_in(part["ordinal"], value_set=self._wanted)).to_numpy()
                for part in openings_parts(self._house, snapshot)
            ]
            self._known[snapshot] = np.unique(np.concatenate(own))
        return self._known[snapshot]


class _Work:
    """Files on their way: each rewritten one is staged beside, whole, under a number."""

    def __init__(self, house: House, folder: StagedFiles) -> None:
        self._house = house
        self._folder = folder
        self.rewrites: list[_Rewrite] = []
        self.documents: dict[tuple[str, str], dict[str, Any]] = {}
        self.sources: list[str] = []
        self.records = 0
        self.openings = 0

    def source(self, name: str, document: dict[str, Any], members: Sequence[str]) -> None:
        """Blank the rows of a source that any of these members is a party of."""
        opened = open_source(self._house, name)
        ids = pa.array(members, pa.large_string())
        gone: list[Rows] = []
        changed = dict(document)
        for file in opened.files:
            mask = _parties_mask(file.path, opened.contract, ids)
            if mask.any():
                gone.append(np.flatnonzero(mask) + file.first_row)
                self._rewrite("sources", name, file.name, changed, _blanked(file.path, mask))
        if not gone:
            return
        rows = np.concatenate(gone)
        self.records += len(rows)
        self.sources.append(name)
        mask = np.zeros(opened.rows, np.bool_)
        mask[rows] = True
        self._rewrite("sources", name, DIGESTS, changed, _zeroed(opened.digests_path, mask))
        self.documents["source", name] = {**changed, "erased": True}

    def lineage(self, name: str, document: dict[str, Any], ordinals: Sequence[int]) -> None:
        """Blank the rows of a lineage's data file, and drop the openings, of these members."""
        members = pa.array(ordinals, pa.int64())
        theirs = pa.concat_tables(
            part.filter(pc.is_in(part["ordinal"], value_set=members))
            for part in openings_parts(self._house, name)
        )
        if not theirs.num_rows:
            return
        rows = np.unique(theirs["row"].to_numpy())
        held = set(pc.unique(theirs["ordinal"]).to_pylist())
        changed = dict(document)
        kind = document["kind"]
        place = self._house.artefacts.path(kind, name, DATA)
        mask = np.zeros(document["records"], np.bool_)
        mask[rows] = True
        self._rewrite(kind, name, DATA, changed, _blanked(place, mask))
        rest = (
            part.filter(pc.invert(pc.is_in(part["ordinal"], value_set=members)))
            for part in openings_parts(self._house, name)
        )
        self._rewrite(kind, name, OPENINGS, changed, (OPENINGS_SCHEMA, rest))
        self.openings += theirs.num_rows
        blank = sorted({*document.get("erased", ()), *rows.tolist()})
        erased = sorted({*document.get("erased_members", ()), *held})
        self.documents["snapshot", name] = {**changed, "erased": blank, "erased_members": erased}

    def _rewrite(
        self,
        kind: str,
        artefact: str,
        name: str,
        document: dict[str, Any],
        content: tuple[pa.Schema, Iterator[pa.Table]],
    ) -> None:
        staged = f"file-{len(self.rewrites)}"
        schema, tables = content
        with (
            self._folder.create(staged) as stream,
            pq.ParquetWriter(stream, schema, compression="zstd", store_schema=True) as writer,
        ):
            for table in tables:
                writer.write_table(table, row_group_size=_GROUP_ROWS)
        now = self._folder.digests[staged]
        was = document["files"][name]
        document["files"] = {**document["files"], name: now}
        self.rewrites.append(
            _Rewrite(kind=kind, artefact=artefact, name=name, staged=staged, was=was, now=now)
        )


def _land(
    house: House, work: _Work, rows: Sequence[tuple[Any, ...]], proofs: Path | None
) -> Erased:
    """Write the one transaction, then finish."""
    name = f"erasure-{len(house.ledger.objects('erasure')) + 1}"
    logged: dict[str, Any] = {
        "at": format_instant(house.now()),
        "enrolments": [row[3] for row in rows],
        "erasure": name,
        "files": [rewrite.to_dict() for rewrite in work.rewrites],
        "salt": house.random(_SALT_BYTES).hex(),
    }
    ordinals = [row[0] for row in rows]
    document: dict[str, Any] = {
        "erasure": name,
        "logged": logged,
        "ordinals": ordinals,
        "sources": work.sources,
        "records": work.records,
        "openings": work.openings,
        "state": "begun",
    }
    entry = ErasureEntry(erasure=name, members=len(rows), document=digest_of(logged))
    with house.ledger.writing() as writer:
        index = writer.log(entry.encode())
        for (kind, object_id), changed in work.documents.items():
            if kind == "source":
                changed["erased"] = index
            writer.replace_object(kind, object_id, changed)
        forget_keys(house, writer)
        for ordinal in ordinals:
            forget_joint(house, writer, ordinal)
        writer.erase_members([(o, f"erased/{house.random(12).hex()}") for o in ordinals])
        writer.add_object("erasure", name, index=index, at_us=to_us(house.now()), document=document)
    finish(house, proofs)
    return Erased(
        erasure=name,
        index=index,
        members=len(rows),
        ordinals=tuple(ordinals),
        records=work.records,
        openings=work.openings,
    )


def _put(house: House, rewrite: _Rewrite) -> None:
    """Put a staged file in its place, where it is not there yet."""
    staged = house.artefacts.path("work", _WORK, rewrite.staged)
    if staged.exists():
        house.artefacts.check("work", _WORK, rewrite.staged, rewrite.now)
        house.artefacts.replace(rewrite.kind, rewrite.artefact, rewrite.name, staged)
    house.artefacts.check(rewrite.kind, rewrite.artefact, rewrite.name, rewrite.now)


def _forget_proofs(folder: Path, ordinals: Iterable[int]) -> None:
    """Remove receipts and proof files of members; their names hold the ordinal."""
    for ordinal in ordinals:
        for pattern in (f"member-{ordinal}.receipt*", f"*-{ordinal}-*.proof"):
            for path in folder.glob(pattern):
                path.unlink(missing_ok=True)


def _member(house: House, member: str) -> tuple[Any, ...]:
    row = house.ledger.member(member)
    if row is None:
        raise InputError("the ledger knows no such member", code="member.unknown")
    if row[2] is None:
        raise InputError("the member's secret has been erased", code="member.erased")
    return row


def _parties_mask(path: Path, contract: Contract, ids: pa.Array) -> npt.NDArray[np.bool_]:
    """Return which rows of a Parquet file name one of `ids` as a party."""
    masks = []
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(batch_size=_GROUP_ROWS):
            mask = np.zeros(batch.num_rows, np.bool_)
            for column in (contract.author, *contract.recipients):
                array = column_at(batch, column)
                if is_id_list(array.type):
                    hit = pc.is_in(ids_as_text(pc.list_flatten(array)), value_set=ids)
                    mask[pc.list_parent_indices(array).filter(hit).to_numpy()] = True
                else:
                    hit = pc.is_in(ids_as_text(array), value_set=ids)
                    mask |= pc.fill_null(hit, False).to_numpy(zero_copy_only=False)
            masks.append(mask)
    return np.concatenate(masks) if masks else np.zeros(0, np.bool_)


def _blanked(path: Path, mask: npt.NDArray[np.bool_]) -> tuple[pa.Schema, Iterator[pa.Table]]:
    """Return a Parquet file's schema, and its rows with every column null where the mask says."""
    with pq.ParquetFile(path) as file:
        schema = pa.schema([field.with_nullable(True) for field in file.schema_arrow])

    def tables() -> Iterator[pa.Table]:
        at = 0
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=_GROUP_ROWS):
                here = mask[at : at + batch.num_rows]
                at += batch.num_rows
                take = pa.array(np.arange(batch.num_rows), mask=here)
                columns = [column.take(take) for column in batch.columns]
                yield pa.table(columns, names=batch.schema.names).cast(schema)

    return schema, tables()


def _zeroed(path: Path, mask: npt.NDArray[np.bool_]) -> tuple[pa.Schema, Iterator[pa.Table]]:
    """Return a file of record digests with zeros where the mask says."""
    schema = pa.schema([pa.field("digest", pa.binary(32))])

    def tables() -> Iterator[pa.Table]:
        at = 0
        zero = pa.scalar(bytes(32), pa.binary(32))
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=_GROUP_ROWS):
                here = pa.array(mask[at : at + batch.num_rows])
                at += batch.num_rows
                yield pa.table([pc.if_else(here, zero, batch.column(0))], schema=schema)

    return schema, tables()
