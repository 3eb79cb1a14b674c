"""The rows of a source with their ids resolved, kept beside it so that the next run need not.

A block (`gate.resolved.RowBlock`) stands in `cache/SOURCE/` for each batch of the source, written
once, mapped afterwards. It is used if its digest is that of its bytes and if it was made of these
bytes of data, under this contract, with these members by these ordinals; anything else is ignored
and made anew. Members enrolled later matter to blocks that hold an unknown id alone. The
directory can be deleted at any time. Replaying a gate reads none of it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from byleave.canonical import Json, digest_of, encode, sha256
from byleave.errors import WorldError
from byleave.gate.contract import Contract
from byleave.gate.members import MemberIndex
from byleave.gate.plan import GatePlan
from byleave.gate.resolved import RowBlock, block_of
from byleave.gate.rows import ResolvedRows
from byleave.service.house import House, StagedFiles, Stamp
from byleave.service.source import SPAN_ROWS, Source, Span

__all__ = ["Piece", "RowBlocks", "Rows", "read_planes", "same_bytes", "write_planes"]

_MAGIC: Final = b"byleave planes v1\n"
_ALIGN: Final = 64
_LENGTH: Final = 8
Planes = dict[str, npt.NDArray[Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """One batch of a span.

    Attributes:
        name: Its file in the cache.
        span: Of which span.
        first_row: Number of its first row in the source.
        rows: How many.
    """

    name: str
    span: Span
    first_row: int
    rows: int


class RowBlocks:
    """The rows of a source, their ids resolved.

    Args:
        house: The workspace's ports.
        source: The data.
        contract: Which columns hold parties and categories.
        count: How many members ids are looked up among.
        members: Returns those members' ids; asked only where a block has to be made.
        fresh: Read the data alone, and neither use nor keep blocks.
    """

    def __init__(
        self,
        house: House,
        source: Source,
        *,
        contract: Contract,
        count: int,
        members: Callable[[], MemberIndex],
        fresh: bool = False,
    ) -> None:
        self._house = house
        self._source = source
        self._contract = contract
        self._count = count
        self._members = members
        self._columns = contract.roots(source.schema)
        self._folder: StagedFiles | None = None
        self._last: dict[int, str] = {}
        if not fresh and (house.caching or house.artefacts.has_cache(source.name)):
            self._folder = house.artefacts.cache(source.name)

    def pieces(self, span: Span) -> list[Piece]:
        """Return the batches that a span is read in."""
        step = SPAN_ROWS if len(span.groups) == 1 else max(span.rows, 1)
        return [
            Piece(
                name=f"rows-{span.file:05}-{span.groups.start:05}-{start // step:04}.planes",
                span=span,
                first_row=span.first_row + start,
                rows=min(step, span.rows - start),
            )
            for start in range(0, span.rows, step)
        ]

    def blocks(self) -> list[tuple[Piece, RowBlock]] | None:
        """Return every block, those missing made; None where the data cannot be held as blocks.

        What is kept is mapped, not read: a block costs no memory of its own.
        """
        found: list[tuple[Piece, RowBlock]] = []
        for span in self._source.spans():
            pieces = self.pieces(span)
            blocks = [block for _, block in self._read(span)]
            if len(blocks) != len(pieces):
                return None
            for piece, block in zip(pieces, blocks, strict=True):
                if not isinstance(block, RowBlock):
                    return None
                found.append((piece, block))
        return found

    def _read(self, span: Span) -> Iterator[tuple[int, RowBlock | pa.RecordBatch]]:
        pieces = self.pieces(span)
        if self._folder is not None:
            held = [self._load(piece) for piece in pieces]
            if all(block is not None for block in held):
                for piece, block in zip(pieces, held, strict=True):
                    if block is not None:
                        yield piece.first_row, block
                return
        first, at = span.first_row, {piece.first_row: piece for piece in pieces}
        for batch in self._source.read(span, self._columns):
            due = at.get(first)
            fits = due is not None and due.rows == batch.num_rows
            block = self._make(due, batch) if due is not None and fits else None
            yield first, batch if block is None else block
            first += batch.num_rows

    def _make(self, piece: Piece, batch: pa.RecordBatch) -> RowBlock | None:
        if self._folder is None:
            return None
        kernel = self._house.ids(batch.num_rows)
        block = block_of(self._contract, self._members(), batch, kernel)
        if block is None or not self._house.caching:
            return block
        header: dict[str, Json] = {**self._key(piece, block.members), "words": list(block.words)}
        try:
            with self._folder.create(piece.name) as stream:
                write_planes(stream, dict(block.planes()), header)
        except WorldError:  # a cache is worth no failed run
            self._folder.remove(piece.name)
            return block
        return self._load(piece) or block

    def _load(self, piece: Piece) -> RowBlock | None:
        """Return a block that fits, or None."""
        if self._folder is None:
            return None
        name, opened = ("rows", str(self._folder.path), piece.name), self._house.opened
        stamp = self._folder.stamp(piece.name)
        if stamp is None:
            return None
        known, header, planes = opened.get(name, (None, None, None))
        if known != stamp:
            read = read_planes(self._folder, piece.name)
            if read is None:
                return None
            header, planes = read
            opened[name] = (stamp, header, planes)
        try:
            count, words = header["members"], header["words"]
            if {k: v for k, v in header.items() if k != "words"} != self._key(piece, count):
                return None
            block = RowBlock.from_planes(planes, members=count, words=words)
        except (KeyError, TypeError):
            return None
        if len(block) != piece.rows or (count < self._count and self._unknown(name, stamp, block)):
            return None
        return block

    def _unknown(self, name: tuple[str, ...], stamp: Stamp, block: RowBlock) -> bool:
        """Say whether a block holds an unknown id; looked for once while its file is the same."""
        key, opened = ("unknown", *name), self._house.opened
        if opened.get(key, (None,))[0] != stamp:
            opened[key] = stamp, block.has_unknown
        return bool(opened[key][1])

    def _key(self, piece: Piece, members: int) -> dict[str, Json]:
        """Return all that a block was made of."""
        groups = piece.span.groups
        return {
            "contract": self._contract.digest.hex(),
            "data": self._source.files[piece.span.file].sha256,
            "first": piece.first_row,
            "groups": [groups.start, groups.stop],
            "last": self.enrolment(members),
            "members": members,
            "rows": piece.rows,
        }

    def enrolment(self, members: int) -> str:
        """Return the digest of the last member's enrolment: these are the members meant."""
        if members not in self._last:
            ledger = self._house.ledger
            row = ledger.member_at(members - 1) if members else None
            entry = b"" if row is None else ledger.read(row[3], row[3] + 1)[0]
            self._last[members] = sha256(self._house.log.origin.encode() + b"\n" + entry).hex()
        return self._last[members]


class Rows(RowBlocks):
    """The rows of a source, as an engine decides them.

    Args:
        house: The workspace's ports.
        source: The data.
        plan: For whose members ids are resolved.
        fresh: Read the data alone, and neither use nor keep blocks.
    """

    def __init__(
        self, house: House, source: Source, plan: GatePlan, *, fresh: bool = False
    ) -> None:
        super().__init__(
            house,
            source,
            contract=plan.contract,
            count=len(plan.members),
            members=lambda: plan.members,
            fresh=fresh,
        )
        self._plan = plan

    def of(self, span: Span) -> Iterator[tuple[int, RowBlock | ResolvedRows]]:
        """Yield the rows of a span, batch by batch, with the number of the first of each."""
        for first, found in self._read(span):
            if isinstance(found, RowBlock):
                yield first, found
            else:
                yield first, self._house.engine.resolve(self._plan, found)


def same_bytes(folder: StagedFiles, name: str, digest: str) -> bool:
    """Hash a file as a stream, and compare."""
    with (folder.path / name).open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest() == digest


def write_planes(stream: BinaryIO, planes: Planes, header: dict[str, Json]) -> None:
    """Write planes one behind the other, what they are, and the digest of all that.

    The description stands at the end: length of it in eight bytes, and `_MAGIC`.
    """
    hasher, listed, at = hashlib.sha256(), [], 0
    for name, plane in planes.items():
        data = np.ascontiguousarray(plane.astype(plane.dtype.newbyteorder("<"), copy=False))
        gap = bytes(-data.nbytes % _ALIGN)
        for part in (data.data if data.nbytes else b"", gap):
            stream.write(part)
            hasher.update(part)
        entry: list[Json] = [name, data.dtype.name, len(data), at]
        listed.append(entry)
        at += data.nbytes + len(gap)
    told: dict[str, Json] = {"header": header, "planes": listed, "sha256": hasher.hexdigest()}
    text = encode({**told, "check": digest_of(told).hex()})
    stream.write(text + len(text).to_bytes(_LENGTH, "big") + _MAGIC)


def read_planes(folder: StagedFiles, name: str) -> tuple[dict[str, Any], Planes] | None:
    """Map planes and hash them; None where they are not what `write_planes` wrote."""
    try:
        raw = np.memmap(folder.path / name, np.uint8, "r")
        tail = len(_MAGIC) + _LENGTH
        if bytes(raw[-len(_MAGIC) :]) != _MAGIC:
            return None
        length = int.from_bytes(bytes(raw[-tail : -len(_MAGIC)]), "big")
        body = raw[: len(raw) - tail - length]
        told = json.loads(bytes(raw[len(body) : len(raw) - tail]))
        check = told.pop("check")
        if check != digest_of(told).hex():
            return None
        if hashlib.sha256(body.data if len(body) else b"").hexdigest() != told["sha256"]:
            return None
        planes = {}
        for plane, kind, count, at in told["planes"]:
            dtype = np.dtype(kind).newbyteorder("<")
            planes[plane] = body[at : at + count * dtype.itemsize].view(dtype).view(np.ndarray)
            if len(planes[plane]) != count:
                return None
        header: dict[str, Any] = told["header"]
        return header, planes
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
