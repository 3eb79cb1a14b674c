"""What a gate run writes as it goes: the reasons of each span, whole or not at all.

A part is the reasons of one span of the source (`service.source.Span`) and, beside it, its counts.
Parts stand in a folder of unfinished work that a killed run leaves behind; a later run of the same
question, on the same data and with the same answers of everyone, takes over those that are whole.
A part whose bytes, counts or place do not fit one another is decided again, never trusted.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, BinaryIO, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from byleave.canonical import Json, digest_of, encode
from byleave.consent.reason import Reason
from byleave.gate.counts import Counts
from byleave.gate.plan import GatePlan
from byleave.gate.result import Dropped
from byleave.service.house import StagedFiles
from byleave.service.source import Source, Span

__all__ = [
    "PATCH",
    "REASONS",
    "AnswerHash",
    "Part",
    "Parts",
    "patch_reasons",
    "read_reasons",
    "reason_file",
    "reason_names",
    "work_name",
    "write_reasons",
]

REASONS: Final = pa.schema(
    {"row": pa.int64(), "reason": pa.uint8(), "party": pa.int32(), "member": pa.int64()}
)
PATCH: Final = "patch.parquet"
_NOT_ANSWERS: Final = frozenset({"at", "ledger"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One span, finished.

    Attributes:
        name: Its file.
        sha256: Digest of the file, hex.
        counts: Its rows by reason and by ground.
    """

    name: str
    sha256: str
    counts: Counts


class Parts:
    """The parts of one run.

    Args:
        folder: Where they are written.
        spans: The spans of the source.
    """

    def __init__(self, folder: StagedFiles, spans: Sequence[Span]) -> None:
        self._folder = folder
        self._spans = spans
        self.done: list[Part] = []

    def resume(self, number: int) -> Part | None:
        """Return the part of a span that an earlier run finished, or None."""
        span, name = self._spans[number], _name(number, len(self._spans))
        try:
            noted = json.loads((self._folder.path / _note(name)).read_bytes())
            check = noted.pop("check")
            counts = Counts.of(noted["counts"])
            path = self._folder.path / name
            with path.open("rb") as stream:
                found = hashlib.file_digest(stream, "sha256").hexdigest()
            dropped = pq.read_metadata(path).num_rows
        except (OSError, ValueError, KeyError, TypeError, AttributeError, pa.ArrowException):
            return None
        kept = int(counts.reasons[Reason.KEPT])
        sums = (int(counts.reasons.sum()), int(counts.grounds.sum()), kept + dropped)
        if (
            check != digest_of(noted).hex()
            or found != noted["sha256"]
            or (noted["first_row"], noted["rows"]) != (span.first_row, span.rows)
            or sums != (span.rows, kept, span.rows)
            or counts.rows != span.rows
        ):
            return None
        part = Part(name=name, sha256=found, counts=counts)
        self.done.append(part)
        return part

    def write(self, number: int, counts: Counts, dropped: Iterable[Dropped]) -> Part:
        """Write the part of a span from what is dropped of each of its batches.

        Args:
            number: Position of the span.
            counts: Its counts; complete once `dropped` is exhausted.
            dropped: One for each batch, in order.

        Raises:
            WorldError: `world.disk-full`, `world.storage`.
        """
        span, name = self._spans[number], _name(number, len(self._spans))
        with self._folder.create(name) as stream, reason_file(stream) as writer:
            for gone in dropped:
                write_reasons(writer, gone)
        digest = self._folder.digests[name]
        noted: dict[str, Json] = {
            "counts": counts.to_dict(),
            "first_row": span.first_row,
            "rows": span.rows,
            "sha256": digest,
        }
        with self._folder.create(_note(name)) as stream:
            stream.write(encode({**noted, "check": digest_of(noted).hex()}))
        part = Part(name=name, sha256=digest, counts=counts)
        self.done.append(part)
        return part

    def finish(self) -> dict[str, str]:
        """Remove the notes; return name and digest of each part (of an empty one: no spans)."""
        if not self._spans:
            name = _name(0, 0)
            with self._folder.create(name) as stream, reason_file(stream):
                pass
            return {name: self._folder.digests[name]}
        for name in self._folder.names():
            if name.endswith(".json"):
                self._folder.remove(name)
        return {part.name: part.sha256 for part in self.done}


def work_name(source: Source, use: str, plan: GatePlan) -> tuple[str, str]:
    """Return what the work on a question is called, and what all work on it starts with.

    The name changes with anything that an answer depends on: the data, the contract, what each
    member says, the rules. It does not with the instant and the ledger position themselves: work
    that was left goes on as long as nobody's answer changed meanwhile.
    """
    rule = None if plan.party_rule is None else plan.party_rule.word
    question = digest_of({"source": source.name, "index": source.index, "use": use, "rule": rule})
    answers = {k: v for k, v in plan.parameters.items() if k not in _NOT_ANSWERS}
    inputs: dict[str, Any] = {
        "answers": answers,
        "files": [[file.sha256, list(file.group_rows)] for file in source.files],
        "parts": "v1",
        "planes": plan.planes_digest.hex(),
    }
    stem = f"gate-{question.hex()[:16]}-"
    return stem + digest_of(inputs).hex()[:32], stem


@contextmanager
def reason_file(stream: BinaryIO) -> Iterator[pq.ParquetWriter]:
    """Write reasons as Parquet: equal batches give equal bytes."""
    with pq.ParquetWriter(
        stream,
        REASONS,
        compression={"row": "none", "reason": "zstd", "party": "zstd", "member": "none"},
        use_dictionary=["reason", "party"],
        column_encoding={"row": "DELTA_BINARY_PACKED", "member": "DELTA_BINARY_PACKED"},
        write_statistics=["row"],
    ) as writer:
        yield writer


def read_reasons(parts: Iterable[bytes]) -> pa.Table:
    """Return the reasons of some parts as one table."""
    tables = [pq.read_table(io.BytesIO(data), schema=REASONS) for data in parts]
    return pa.concat_tables(tables).combine_chunks()


class AnswerHash:
    """A digest of reasons, however they are cut into batches."""

    def __init__(self) -> None:
        self._columns = [hashlib.sha256() for _ in REASONS.names]

    def add(self, columns: Iterable[npt.NDArray[Any]]) -> None:
        """Take row, reason, party and member of the next rows left out."""
        for hasher, column in zip(self._columns, columns, strict=True):
            hasher.update(np.ascontiguousarray(column).data)

    def digest(self) -> bytes:
        """Return the digest of all rows taken."""
        return b"".join(hasher.digest() for hasher in self._columns)


def patch_reasons(before: pa.Table, patch: pa.Table) -> pa.Table:
    """Return the reasons after a patch, in which the reason of a row kept now is `KEPT`.

    Args:
        before: Reasons of the rows left out so far.
        patch: Rows whose answer is another now, in the same columns.
    """
    stays = before.filter(pc.invert(pc.is_in(before["row"], value_set=patch["row"])))
    gone = patch.filter(pc.not_equal(patch["reason"], int(Reason.KEPT)))
    return pa.concat_tables([stays, gone]).sort_by("row").combine_chunks()


def reason_names(files: Iterable[str]) -> list[str]:
    """Return which of a gate's files are parts, in order."""
    return sorted(name for name in files if name.startswith("reasons"))


def write_reasons(writer: pq.ParquetWriter, gone: Dropped) -> None:
    """Write the reasons of some rows as one row group."""
    columns = (gone.row, gone.reason, gone.party, gone.member)
    writer.write_batch(pa.record_batch([pa.array(c) for c in columns], schema=REASONS))


def _name(number: int, spans: int) -> str:
    return "reasons.parquet" if spans < 2 else f"reasons-{number + 1:05}.parquet"


def _note(name: str) -> str:
    return name.removesuffix(".parquet") + ".json"
