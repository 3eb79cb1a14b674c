"""What a program read of a sealed snapshot: the trace it leaves, and its digest.

Whoever hands rows to a program appends a frame for each batch handed out: which rows, in which
epoch, and a chain over their values. The chain is recomputed from the sealed rows; a value that was
not theirs, a row that is not there, an edited frame, all change it. One file a process.

    file  := magic 16 || salt 16 || frame*
    frame := epoch:u32 || n:u32 || n x row:u64 || chain 32
    chain0 = SHA-256(0x29 || salt)
    chain' = SHA-256(0x2A || chain 32 || epoch:u32 || n:u32 || n x (row:u64 || record digest 32))

Numbers are big-endian; a row is its position in the lineage's data file, the same in every delta.
No value is kept, so that erasing a member leaves nothing of them here. What a frame cannot show is
what the program did with the rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from byleave.canonical import digest_of, tagged
from byleave.errors import EvidenceError
from byleave.ids import Digest
from byleave.snapshot.record import record_digests
from byleave.snapshot.sealed import SealedSnapshot

__all__ = [
    "MAGIC",
    "SALT_BYTES",
    "Frame",
    "Reads",
    "check_reads",
    "first_chain",
    "next_chain",
    "parse_part",
    "write_frame",
]

MAGIC: Final = b"byleave-reads/v1"
SALT_BYTES: Final = 16
_START: Final = 0x29
_FRAME: Final = 0x2A
_CHAIN: Final = 32

Rows = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Frame:
    """One batch handed out.

    Attributes:
        epoch: As the program declared it.
        rows: Positions, in the order handed out; int64.
        chain: The chain after it.
    """

    epoch: int
    rows: Rows
    chain: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Reads:
    """What was read, in numbers.

    Attributes:
        reads: Rows handed out, each time counted.
        rows: Different rows among them.
        held: Rows that the snapshot holds.
        least: How often the row read least was read; 0 where one was left out.
        most: How often the row read most was read.
        epochs: Epochs the program declared.
        parts: Processes that read.
        digest: Of what was read, in the order of each process.
    """

    reads: int
    rows: int
    held: int
    least: int
    most: int
    epochs: int
    parts: int
    digest: Digest = field(repr=False)

    @property
    def whole(self) -> bool:
        """Whether every row was read, and each as often as the others."""
        return self.held > 0 and self.least == self.most > 0


def first_chain(salt: bytes) -> bytes:
    """Return the chain before the first frame."""
    return tagged(_START, salt)


def next_chain(chain: bytes, epoch: int, rows: Sequence[int], digests: Sequence[bytes]) -> bytes:
    """Return the chain after a batch. Cost: one hash over 40 bytes a row, in a Python loop."""
    parts = [row.to_bytes(8, "big") + digest for row, digest in zip(rows, digests, strict=True)]
    head = epoch.to_bytes(4, "big") + len(parts).to_bytes(4, "big")
    return tagged(_FRAME, chain, head, b"".join(parts))


def write_frame(epoch: int, rows: Sequence[int], chain: bytes) -> bytes:
    """Return the bytes of a frame."""
    head = epoch.to_bytes(4, "big") + len(rows).to_bytes(4, "big")
    return head + b"".join(row.to_bytes(8, "big") for row in rows) + chain


def parse_part(data: bytes) -> tuple[bytes, list[Frame]]:
    """Return salt and frames of one file.

    Raises:
        EvidenceError: `reads.malformed`, it is no trace, or is cut short.
    """
    at = len(MAGIC) + SALT_BYTES
    if len(data) < at or not data.startswith(MAGIC):
        raise _malformed()
    frames = []
    while at < len(data):
        if len(data) - at < 8:
            raise _malformed()
        epoch, count = (int(n) for n in np.frombuffer(data, ">u4", 2, at))
        end = at + 8 + 8 * count + _CHAIN
        if end > len(data):
            raise _malformed()
        rows = np.frombuffer(data, ">u8", count, at + 8).astype(np.int64)
        frames.append(Frame(epoch, rows, data[end - _CHAIN : end]))
        at = end
    return data[len(MAGIC) : len(MAGIC) + SALT_BYTES], frames


def check_reads(
    snapshot: SealedSnapshot, columns: Mapping[str, str], parts: Iterable[bytes]
) -> Reads:
    """Recompute every chain of a trace from the sealed rows; return what was read.

    Args:
        snapshot: What the rows are said to be of.
        columns: Name handed out → column of the data.
        parts: The bytes of the trace's files; their order does not matter.

    Raises:
        EvidenceError: `reads.malformed`; `reads.foreign-row`, a row the snapshot does not hold;
            `reads.values`, values were handed out that are not the sealed rows', or a frame was
            changed.

    Cost: one digest a row of the snapshot, and one hash over 40 bytes a read.
    """
    alive = snapshot.alive
    digests = _digests(snapshot, columns)
    times = np.zeros(len(alive), np.int64)
    epochs: set[int] = set()
    ends = []
    for part in parts:
        salt, frames = parse_part(part)
        chain = first_chain(salt)
        for frame in frames:
            at = np.searchsorted(alive, frame.rows)
            held = at < len(alive)
            held[held] = alive[at[held]] == frame.rows[held]
            if not held.all():
                raise EvidenceError(
                    f"{int((~held).sum()):,} reads are of rows that the snapshot does not hold",
                    code="reads.foreign-row",
                )
            chain = next_chain(
                chain, frame.epoch, frame.rows.tolist(), [digests[n] for n in at.tolist()]
            )
            if chain != frame.chain:
                raise EvidenceError(
                    "values were handed out that are not those of the sealed rows",
                    code="reads.values",
                    hint="a row was changed between snapshot and program, or the trace was",
                )
            np.add.at(times, at, 1)
            epochs.add(frame.epoch)
        ends.append({"chain": chain.hex(), "salt": salt.hex()})
    ends.sort(key=lambda end: end["salt"])
    return Reads(
        reads=int(times.sum()),
        rows=int((times > 0).sum()),
        held=len(alive),
        least=int(times.min(initial=times.max(initial=0))),
        most=int(times.max(initial=0)),
        epochs=len(epochs),
        parts=len(ends),
        digest=digest_of(ends),
    )


def _digests(snapshot: SealedSnapshot, columns: Mapping[str, str]) -> list[bytes]:
    batches = list(snapshot.batches(columns))
    if not batches:
        return []
    found: list[bytes] = record_digests(pa.Table.from_batches(batches), [*columns]).to_pylist()
    return found


def _malformed() -> EvidenceError:
    return EvidenceError("not a trace of reads, or cut short", code="reads.malformed")
