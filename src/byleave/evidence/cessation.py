"""Statements of cessation: "no processing under this use since then", signed and logged.

    {"format":"byleave-cessation/v1","origin":...,"operator":...,"use":...,"since":...,
     "first":INDEX,"stated":...}

Signed (Ed25519) over the DSSE pre-authentication encoding of the canonical bytes. The log entry
`cessation/v1` repeats use, instants and index, and holds the signing key and the bytes' SHA-256,
so that whoever trusts the log trusts the key for this statement. Between `first` and the entry, a
gate, a snapshot or a disclosure of an overlapping use contradicts it: `contradicts`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from byleave import canonical
from byleave.errors import EvidenceError
from byleave.evidence.entry import (
    CessationEntry,
    DisclosureEntry,
    Entry,
    GateEntry,
    SnapshotEntry,
)
from byleave.ids import format_instant

__all__ = [
    "cessation_statement",
    "contradicts",
    "overlap",
    "signed_bytes",
    "verify_cessation",
]

_FORMAT: Final = "byleave-cessation/v1"
_PAYLOAD: Final = b"application/vnd.byleave.cessation+json"
_FIELDS: Final = frozenset({"first", "format", "operator", "origin", "since", "stated", "use"})


def cessation_statement(
    *, origin: str, operator: str, use: str, since: str, first: int, stated: str
) -> dict[str, canonical.Json]:
    """Return the statement's document."""
    return {
        "format": _FORMAT,
        "origin": origin,
        "operator": operator,
        "use": use,
        "since": since,
        "first": first,
        "stated": stated,
    }


def signed_bytes(statement: Mapping[str, Any]) -> bytes:
    """Return what is signed: DSSE's encoding of the type and the canonical bytes."""
    data = canonical.encode(statement)
    return b"DSSEv1 %d %b %d %b" % (len(_PAYLOAD), _PAYLOAD, len(data), data)


def verify_cessation(
    statement: Mapping[str, Any], signature: bytes, entry: CessationEntry, *, origin: str
) -> str:
    """Check a statement against its log entry; return the operator's name in it.

    Raises:
        EvidenceError: `cessation.statement`, it is not the one that the entry is of;
            `cessation.signature`, the entry's key did not sign it.
    """
    same = (
        statement.keys() == _FIELDS
        and canonical.digest_of(statement) == entry.statement
        and statement["format"] == _FORMAT
        and statement["origin"] == origin
        and statement["use"] == entry.use
        and statement["first"] == entry.first
        and statement["since"] == format_instant(entry.since)
        and statement["stated"] == format_instant(entry.stated)
        and isinstance(statement["operator"], str)
    )
    if not same:
        raise EvidenceError(
            "the statement is not the one that the log entry is of", code="cessation.statement"
        )
    try:
        Ed25519PublicKey.from_public_bytes(entry.signer).verify(signature, signed_bytes(statement))
    except (InvalidSignature, ValueError):
        raise EvidenceError(
            "the statement is not signed by the key in the log entry", code="cessation.signature"
        ) from None
    return str(statement["operator"])


def contradicts(entry: Entry, index: int, cessation: CessationEntry, stated_at: int) -> bool:
    """Return whether a log entry contradicts a statement: a monitor asks it of every entry.

    Args:
        entry: The entry.
        index: Its log index.
        cessation: The statement's entry.
        stated_at: The log index of the statement's entry.
    """
    if not cessation.first <= index < stated_at:
        return False
    if not isinstance(entry, GateEntry | SnapshotEntry | DisclosureEntry):
        return False
    return overlap(entry.use, cessation.use)


def overlap(one: str, other: str) -> bool:
    """Return whether two scopes, PURPOSE/CATEGORY/RECIPIENT, have a use in common."""
    return all(
        a == "*" or b == "*" or f"{a}.".startswith(f"{b}.") or f"{b}.".startswith(f"{a}.")
        for a, b in zip(one.split("/"), other.split("/"), strict=False)
    )
