"""Notes of the operator's desk: the log holds a commitment, the ledger what was said."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final

from byleave.canonical import Json
from byleave.errors import InputError
from byleave.evidence.entry import Entry
from byleave.ids import to_us
from byleave.service.house import House

__all__ = ["AT_THE_MACHINE", "note", "reason"]

_SALT_BYTES: Final = 32
_WHY: Final = 200
AT_THE_MACHINE: Final = "at the machine"
"""Who acts by command or in Python, where nobody signs in: whoever has the machine."""


def reason(why: str) -> str:
    """Return a reason as it is kept.

    Raises:
        InputError: `input.malformed`, it has not 1 to 200 characters.
    """
    if not 1 <= len(why.strip()) <= _WHY:
        raise InputError(
            f"a reason has 1 to {_WHY} characters", code="input.malformed", where="why"
        )
    return why.strip()


def note(
    house: House,
    kind: str,
    document: Mapping[str, Json],
    *,
    at: datetime,
    entry: Callable[[bytes, Json], Entry],
) -> int:
    """Log a commitment to a document, and keep the document; return the log index.

    Args:
        house: The workspace's ports.
        kind: Of object; its id is `KIND-INDEX`.
        document: What was said.
        at: When.
        entry: Makes the entry of a salt and the document.
    """
    salt = house.random(_SALT_BYTES)
    with house.ledger.writing() as writer:
        index = writer.log(entry(salt, dict(document)).encode())
        writer.add_object(
            kind,
            f"{kind}-{index}",
            index=index,
            at_us=to_us(at),
            document={**document, "salt": salt.hex()},
        )
    return index
