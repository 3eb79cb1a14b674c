"""Kinds `enrolled` and `not-enrolled`: what a directory says of one member id.

    enrolled      entries {directory, enrolment}; member ID; listed {commitments, labels, path, vrf}
    not-enrolled  entries {directory}; member ID; map {inner, labels, path}; vrf HEX80

Both hold a member id and are private.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

from byleave import canonical
from byleave.evidence.bucket import AbsenceProof
from byleave.evidence.directory import Listed
from byleave.evidence.fields import exactly
from byleave.evidence.log_proof import LoggedEntry
from byleave.evidence.proof_kinds.absence import read_absence, write_absence
from byleave.evidence.proof_kinds.base import ProofFile, read_entries
from byleave.evidence.proof_kinds.listed import VRF, read_listed, write_listed
from byleave.evidence.receipt import MAX_MEMBER_BYTES

__all__ = ["EnrolledFile", "NotEnrolledFile", "read_member"]


@dataclass(frozen=True, slots=True, kw_only=True)
class EnrolledFile(ProofFile):
    """A directory lists exactly this enrolment for a member id."""

    KIND: ClassVar[str] = "enrolled"
    PRIVATE: ClassVar[bool] = True

    directory: LoggedEntry
    enrolment: LoggedEntry
    member: str = field(repr=False)
    listed: Listed

    def entries(self) -> dict[str, LoggedEntry]:
        return {"directory": self.directory, "enrolment": self.enrolment}

    def fields(self) -> dict[str, canonical.Json]:
        return {"listed": write_listed(self.listed), "member": self.member}

    @classmethod
    def read(cls, document: Mapping[str, Any], receipt: bytes | None) -> Self:
        exactly(document, frozenset({"entries", "listed", "member"}))
        directory, enrolment = read_entries(document["entries"], "directory", "enrolment")
        return cls(
            directory=directory,
            enrolment=enrolment,
            member=read_member(document["member"]),
            listed=read_listed(document["listed"]),
            receipt=receipt,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class NotEnrolledFile(ProofFile):
    """A directory lists no enrolment for a member id."""

    KIND: ClassVar[str] = "not-enrolled"
    PRIVATE: ClassVar[bool] = True

    directory: LoggedEntry
    member: str = field(repr=False)
    vrf: bytes
    proof: AbsenceProof

    def entries(self) -> dict[str, LoggedEntry]:
        return {"directory": self.directory}

    def fields(self) -> dict[str, canonical.Json]:
        return {"map": write_absence(self.proof), "member": self.member, "vrf": self.vrf.hex()}

    @classmethod
    def read(cls, document: Mapping[str, Any], receipt: bytes | None) -> Self:
        exactly(document, frozenset({"entries", "map", "member", "vrf"}))
        (directory,) = read_entries(document["entries"], "directory")
        return cls(
            directory=directory,
            member=read_member(document["member"]),
            vrf=VRF.read(document["vrf"]),
            proof=read_absence(document["map"]),
            receipt=receipt,
        )


def read_member(value: object) -> str:
    """Return a member id of a length that receipts have."""
    if not isinstance(value, str) or not 0 < len(value.encode("utf-8")) <= MAX_MEMBER_BYTES:
        raise ValueError
    return value
