"""The kind `acknowledgement`: a recipient answered a recall, and which rows it says are gone.

entries {disclosure, package, key, recall, acknowledgement[, earlier-0, earlier-1, ...]}
order {...}; statement {...}; signature HEX64; map {buckets, siblings}
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Final, Self

from byleave import canonical
from byleave.evidence.delta_proof import DeltaProof, parse_delta, write_delta
from byleave.evidence.disclosed import Order, Statement
from byleave.evidence.fields import exactly, hexadecimal
from byleave.evidence.log_proof import LoggedEntry
from byleave.evidence.proof_kinds.base import ProofFile, read_entries

__all__ = ["AcknowledgementFile"]

MAX_EARLIER: Final = 1_000
_NAMES: Final = ("disclosure", "package", "key", "recall", "acknowledgement")
_SIGNATURE: Final = hexadecimal(64)


@dataclass(frozen=True, slots=True, kw_only=True)
class AcknowledgementFile(ProofFile):
    """One answer to one recall; `earlier` are the answers before it, the latest first."""

    KIND: ClassVar[str] = "acknowledgement"

    disclosure: LoggedEntry
    package: LoggedEntry
    key: LoggedEntry
    recall: LoggedEntry
    acknowledgement: LoggedEntry
    order: Order
    statement: Statement
    signature: bytes
    proof: DeltaProof
    earlier: tuple[LoggedEntry, ...] = ()

    def entries(self) -> dict[str, LoggedEntry]:
        named = {name: getattr(self, name) for name in _NAMES}
        return named | {f"earlier-{n}": entry for n, entry in enumerate(self.earlier)}

    def fields(self) -> dict[str, canonical.Json]:
        return {
            "map": write_delta(self.proof),
            "order": self.order.document(),
            "signature": self.signature.hex(),
            "statement": self.statement.document(),
        }

    @classmethod
    def read(cls, document: Mapping[str, Any], receipt: bytes | None) -> Self:
        exactly(document, frozenset({"entries", "map", "order", "signature", "statement"}))
        if receipt is not None or not isinstance(document["entries"], Mapping):
            raise ValueError
        count = len(document["entries"]) - len(_NAMES)
        if not 0 <= count <= MAX_EARLIER:
            raise ValueError
        names = [f"earlier-{number}" for number in range(count)]
        found = read_entries(document["entries"], *_NAMES, *names)
        named: dict[str, Any] = dict(zip(_NAMES, found, strict=False))
        return cls(
            **named,
            order=Order.read(document["order"]),
            statement=Statement.read(document["statement"]),
            signature=_SIGNATURE.read(document["signature"]),
            proof=parse_delta(document["map"]),
            earlier=tuple(found[len(_NAMES) :]),
        )
