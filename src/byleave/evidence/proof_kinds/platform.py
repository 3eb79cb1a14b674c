"""Kinds about what the platform did, which concern no member and need no receipt.

lineage     entries {release, recipe, snapshot-0, gate-0, snapshot-1, gate-1, ...}
            snapshot-0 is the release's, snapshot-1 its parent, and so on to the first
unlearning  entries {unlearning, from, from-snapshot, to, to-snapshot}
disclosure  entries {disclosure, snapshot[, recall-0, recall-1, ...]}; terms {...}
cessation   entries {cessation}; statement {...}; signature HEX64
case        entries {case}; statement {...}
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final, Self

from byleave import canonical
from byleave.evidence.fields import exactly, hexadecimal
from byleave.evidence.log_proof import LoggedEntry
from byleave.evidence.proof_kinds.base import ProofFile, read_entries

__all__ = ["CaseProofFile", "CessationFile", "DisclosureFile", "LineageFile", "UnlearningFile"]

MAX_LINEAGE: Final = 1_000
MAX_RECALLS: Final = 1_000
_SIGNATURE: Final = hexadecimal(64)


@dataclass(frozen=True, slots=True, kw_only=True)
class LineageFile(ProofFile):
    """A release was trained on a snapshot, which came of these, back to the first gate.

    `snapshots` and `gates` are of one length: the release's first, the oldest last.
    """

    KIND: ClassVar[str] = "lineage"

    release: LoggedEntry
    recipe: LoggedEntry
    snapshots: tuple[LoggedEntry, ...]
    gates: tuple[LoggedEntry, ...]

    def entries(self) -> dict[str, LoggedEntry]:
        return {
            "release": self.release,
            "recipe": self.recipe,
            **_numbered("snapshot", self.snapshots),
            **_numbered("gate", self.gates),
        }

    @classmethod
    def read(cls, document: Mapping[str, Any], receipt: bytes | None) -> Self:
        _without_receipt(document, {"entries"}, receipt)
        count = _count(document["entries"], less=2) // 2
        if not 1 <= count <= MAX_LINEAGE:
            raise ValueError
        names = [f"{kind}-{number}" for kind in ("snapshot", "gate") for number in range(count)]
        release, recipe, *found = read_entries(document["entries"], "release", "recipe", *names)
        return cls(
            release=release,
            recipe=recipe,
            snapshots=tuple(found[:count]),
            gates=tuple(found[count:]),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class UnlearningFile(ProofFile):
    """A release was replaced by one that never had the rows taken out."""

    KIND: ClassVar[str] = "unlearning"

    unlearning: LoggedEntry
    old: LoggedEntry
    old_snapshot: LoggedEntry
    new: LoggedEntry
    new_snapshot: LoggedEntry

    def entries(self) -> dict[str, LoggedEntry]:
        return {
            "unlearning": self.unlearning,
            "from": self.old,
            "from-snapshot": self.old_snapshot,
            "to": self.new,
            "to-snapshot": self.new_snapshot,
        }

    @classmethod
    def read(cls, document: Mapping[str, Any], receipt: bytes | None) -> Self:
        _without_receipt(document, {"entries"}, receipt)
        unlearning, old, old_snapshot, new, new_snapshot = read_entries(
            document["entries"], "unlearning", "from", "from-snapshot", "to", "to-snapshot"
        )
        return cls(
            unlearning=unlearning,
            old=old,
            old_snapshot=old_snapshot,
            new=new,
            new_snapshot=new_snapshot,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class DisclosureFile(ProofFile):
    """A package was offered to a recipient under these terms, and recalled as often as this."""

    KIND: ClassVar[str] = "disclosure"

    disclosure: LoggedEntry
    snapshot: LoggedEntry
    terms: Mapping[str, Any]
    recalls: tuple[LoggedEntry, ...] = ()

    def entries(self) -> dict[str, LoggedEntry]:
        return {
            "disclosure": self.disclosure,
            "snapshot": self.snapshot,
            **_numbered("recall", self.recalls),
        }

    def fields(self) -> dict[str, canonical.Json]:
        return {"terms": self.terms}

    @classmethod
    def read(cls, document: Mapping[str, Any], receipt: bytes | None) -> Self:
        _without_receipt(document, {"entries", "terms"}, receipt)
        count = _count(document["entries"], less=2)
        if count > MAX_RECALLS or not isinstance(document["terms"], dict):
            raise ValueError
        names = [f"recall-{number}" for number in range(count)]
        disclosure, snapshot, *recalls = read_entries(
            document["entries"], "disclosure", "snapshot", *names
        )
        return cls(
            disclosure=disclosure,
            snapshot=snapshot,
            terms=document["terms"],
            recalls=tuple(recalls),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class CessationFile(ProofFile):
    """The operator stated, signed and logged that a use has ceased."""

    KIND: ClassVar[str] = "cessation"

    cessation: LoggedEntry
    statement: Mapping[str, Any]
    signature: bytes

    def entries(self) -> dict[str, LoggedEntry]:
        return {"cessation": self.cessation}

    def fields(self) -> dict[str, canonical.Json]:
        return {"signature": self.signature.hex(), "statement": self.statement}

    @classmethod
    def read(cls, document: Mapping[str, Any], receipt: bytes | None) -> Self:
        _without_receipt(document, {"entries", "signature", "statement"}, receipt)
        (cessation,) = read_entries(document["entries"], "cessation")
        if not isinstance(document["statement"], dict):
            raise ValueError  # noqa: TRY004 (becomes proof.malformed)
        return cls(
            cessation=cessation,
            statement=document["statement"],
            signature=_SIGNATURE.read(document["signature"]),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseProofFile(ProofFile):
    """A case over the past was answered: which bytes were asked, and what came out."""

    KIND: ClassVar[str] = "case"

    case: LoggedEntry
    statement: Mapping[str, Any]

    def entries(self) -> dict[str, LoggedEntry]:
        return {"case": self.case}

    def fields(self) -> dict[str, canonical.Json]:
        return {"statement": self.statement}

    @classmethod
    def read(cls, document: Mapping[str, Any], receipt: bytes | None) -> Self:
        _without_receipt(document, {"entries", "statement"}, receipt)
        (case,) = read_entries(document["entries"], "case")
        if not isinstance(document["statement"], dict):
            raise ValueError  # noqa: TRY004 (becomes proof.malformed)
        return cls(case=case, statement=document["statement"])


def _numbered(kind: str, entries: Sequence[LoggedEntry]) -> dict[str, LoggedEntry]:
    return {f"{kind}-{number}": entry for number, entry in enumerate(entries)}


def _count(entries: object, *, less: int) -> int:
    if not isinstance(entries, Mapping):
        raise ValueError  # noqa: TRY004 (becomes proof.malformed)
    return len(entries) - less


def _without_receipt(document: Mapping[str, Any], names: set[str], receipt: bytes | None) -> None:
    exactly(document, frozenset(names))
    if receipt is not None:
        raise ValueError
