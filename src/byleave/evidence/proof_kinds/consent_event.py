"""Kind `consent-event`: a consent event is in the log. Private: the file holds the event.

entries {event}; event {...}; salt HEX32; private true
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from byleave import canonical
from byleave.evidence.fields import DIGEST, exactly
from byleave.evidence.log_proof import LoggedEntry
from byleave.evidence.proof_kinds.base import ProofFile, read_entries
from byleave.evidence.receipt import ReceiptEvent

__all__ = ["ConsentEventFile"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentEventFile(ProofFile):
    """A consent event is in the log. The file holds the event: it is private."""

    KIND: ClassVar[str] = "consent-event"
    PRIVATE: ClassVar[bool] = True

    event: ReceiptEvent

    def entries(self) -> dict[str, LoggedEntry]:
        return {"event": self.event.logged}

    def fields(self) -> dict[str, canonical.Json]:
        return {"event": self.event.event, "salt": self.event.salt.hex()}

    @classmethod
    def read(cls, document: Mapping[str, Any], receipt: bytes | None) -> Self:
        exactly(document, frozenset({"entries", "event", "salt"}))
        (logged,) = read_entries(document["entries"], "event")
        if not isinstance(document["event"], dict):
            raise ValueError  # noqa: TRY004 (becomes proof.malformed)
        return cls(
            event=ReceiptEvent(
                event=document["event"], salt=DIGEST.read(document["salt"]), logged=logged
            ),
            receipt=receipt,
        )
