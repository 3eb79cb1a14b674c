"""The kind `certificate`: an exact unlearning, certified, with the audit proof of what was taken out.

entries {certificate, unlearning, from, from-snapshot, to, to-snapshot, to-gate};
statement {...}; signature HEX64; map {buckets, siblings} as in `delta`
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Final, Self

from byleave import canonical
from byleave.evidence.delta_proof import DeltaProof, parse_delta, write_delta
from byleave.evidence.fields import exactly, hexadecimal
from byleave.evidence.log_proof import LoggedEntry
from byleave.evidence.proof_kinds.base import ProofFile, read_entries

__all__ = ["CertificateFile"]

_SIGNATURE: Final = hexadecimal(64)
_NAMES: Final = (
    "certificate",
    "unlearning",
    "from",
    "from-snapshot",
    "to",
    "to-snapshot",
    "to-gate",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateFile(ProofFile):
    """A release was replaced by one that equals a fit without the rows; signed and logged.

    With a receipt handed to the verifier it also says that its holder is out.
    """

    KIND: ClassVar[str] = "certificate"

    certificate: LoggedEntry
    unlearning: LoggedEntry
    old: LoggedEntry
    old_snapshot: LoggedEntry
    new: LoggedEntry
    new_snapshot: LoggedEntry
    new_gate: LoggedEntry
    statement: Mapping[str, Any]
    signature: bytes
    proof: DeltaProof

    def entries(self) -> dict[str, LoggedEntry]:
        found = (
            self.certificate,
            self.unlearning,
            self.old,
            self.old_snapshot,
            self.new,
            self.new_snapshot,
            self.new_gate,
        )
        return dict(zip(_NAMES, found, strict=True))

    def fields(self) -> dict[str, canonical.Json]:
        return {
            "map": write_delta(self.proof),
            "signature": self.signature.hex(),
            "statement": self.statement,
        }

    @classmethod
    def read(cls, document: Mapping[str, Any], receipt: bytes | None) -> Self:
        exactly(document, frozenset({"entries", "map", "signature", "statement"}))
        if receipt is not None or not isinstance(document["statement"], dict):
            raise ValueError
        certificate, unlearning, old, old_snapshot, new, new_snapshot, new_gate = read_entries(
            document["entries"], *_NAMES
        )
        return cls(
            certificate=certificate,
            unlearning=unlearning,
            old=old,
            old_snapshot=old_snapshot,
            new=new,
            new_snapshot=new_snapshot,
            new_gate=new_gate,
            statement=document["statement"],
            signature=_SIGNATURE.read(document["signature"]),
            proof=parse_delta(document["map"]),
        )
