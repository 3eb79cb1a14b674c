"""What every kind of proof file has, and the parts that several kinds share.

    {"format":"byleave-proof/v1","kind":KIND,"digest":HEX32,"entries":{NAME:{entry, proof}},
     ...the kind's own fields...[,"private":true][,"receipt":{...}]}

`private` stands exactly where the file must not be shown around: it holds a receipt, or its kind
holds something of a member's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

from byleave import canonical
from byleave.evidence.fields import Codec, array, exactly
from byleave.evidence.log_proof import LoggedEntry

__all__ = ["ProofFile", "digests", "read_digests", "read_entries"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProofFile:
    """One claim with its evidence; nothing of it verified.

    Attributes:
        receipt: A receipt's bytes, where the file is self-contained; such a file is private.
    """

    KIND: ClassVar[str] = ""
    PRIVATE: ClassVar[bool] = False
    """Whether the kind itself holds what concerns a member."""

    receipt: bytes | None = field(default=None, repr=False)

    @property
    def kind(self) -> str:
        """The name that the file states."""
        return self.KIND

    @property
    def private(self) -> bool:
        """Whether the file may be read by its holder only (to be written 0600)."""
        return self.PRIVATE or self.receipt is not None

    def entries(self) -> dict[str, LoggedEntry]:
        """Return the log entries of the file, by the name they have in it."""
        raise NotImplementedError

    def fields(self) -> dict[str, canonical.Json]:
        """Return the kind's own fields as JSON values."""
        return {}

    @classmethod
    def read(cls, document: Mapping[str, Any], receipt: bytes | None) -> Self:
        """Return what `entries` and the kind's own fields say.

        Args:
            document: `entries` and the kind's own fields; those of every file are taken out.
            receipt: The receipt in the file.

        Raises:
            ValueError: They are not exactly the kind's.
            EvidenceError: `proof.log-proof`, or another code of a part.
        """
        raise NotImplementedError


def read_entries(value: object, *names: str) -> list[LoggedEntry]:
    """Return the logged entries of these names, of an object that has exactly them."""
    entries = exactly(value, frozenset(names))
    return [LoggedEntry.read(entries[name]) for name in names]


def digests(values: tuple[bytes, ...]) -> list[canonical.Json]:
    """Return byte strings as hexadecimal digits."""
    return [value.hex() for value in values]


def read_digests(value: object, codec: Codec, most: int) -> tuple[bytes, ...]:
    """Return what `digests` wrote: at most `most` values of one codec, of `hexadecimal`."""
    items = array(value, most)
    return codec.read_all(items) if codec.read_all else tuple(map(codec.read, items))
