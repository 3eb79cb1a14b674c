"""Many log entries of one kind that each hold a commitment and nothing else, kept as its bytes.

Of a consent event or an enrolment the log says only that something was committed to. An import has
a thousand of them in a transaction: as canonical JSON they are 107 bytes each, of which 32 differ.
"""

from __future__ import annotations

import binascii
from collections.abc import Iterator, Sequence
from typing import Final, overload

from byleave.evidence.entry import ConsentEventEntry, EnrolmentEntry

__all__ = ["CommitmentEntries"]

_BYTES: Final = 32
_DIGITS: Final = 2 * _BYTES


_AROUND: Final = {
    kind: kind(commitment=bytes(_BYTES)).encode().split(b"0" * _DIGITS)
    for kind in (ConsentEventEntry, EnrolmentEntry)
}
"""What stands before and behind the digits of every entry of a kind."""


class CommitmentEntries(Sequence[bytes]):
    """The canonical bytes of entries of one kind, made when they are read.

    Args:
        kind: The kind, which has the one field `commitment`.
        commitments: 32 bytes of each entry, one after another.

    Raises:
        ValueError: They are not a whole number of commitments.
    """

    __slots__ = ("commitments", "head", "tail")

    def __init__(self, kind: type[ConsentEventEntry | EnrolmentEntry], commitments: bytes) -> None:
        if len(commitments) % _BYTES:
            raise ValueError("commitments have 32 bytes each")
        self.commitments = commitments
        self.head, self.tail = _AROUND[kind]

    def __len__(self) -> int:
        return len(self.commitments) // _BYTES

    def __iter__(self) -> Iterator[bytes]:
        digits = binascii.hexlify(self.commitments)
        for at in range(0, len(digits), _DIGITS):
            yield b"%b%b%b" % (self.head, digits[at : at + _DIGITS], self.tail)

    @overload
    def __getitem__(self, at: int) -> bytes: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[bytes]: ...
    def __getitem__(self, at: int | slice) -> bytes | Sequence[bytes]:
        if isinstance(at, slice):
            return [self[place] for place in range(*at.indices(len(self)))]
        place = range(len(self))[at] * _BYTES
        digits = binascii.hexlify(self.commitments[place : place + _BYTES])
        return b"%b%b%b" % (self.head, digits, self.tail)
