"""The commitments that log entries hold in place of personal data (docs/spec/tags.md).

    enrolment      SHA-256(0x20 || r32 || member id, UTF-8)
    consent event  SHA-256(0x21 || salt32 || canonical bytes of the event document)
    import         SHA-256(0x24 || salt32 || SHA-256 of the imported file)
    offer          SHA-256(0x26 || operator's nonce 32)
    joint secret   r = SHA-256(0x27 || operator's nonce 32 || member's nonce 32)

The operator logs the offer before it sees the member's nonce: neither side chooses r alone. All
hide what they commit to while the 32 secret bytes exist only with the member and the
platform, and for good once those are erased (G10).
"""

from __future__ import annotations

from typing import Final

from byleave import canonical
from byleave.errors import InputError
from byleave.ids import Digest

__all__ = [
    "SECRET_BYTES",
    "enrolment_commitment",
    "event_commitment",
    "import_commitment",
    "joint_secret",
    "offer_commitment",
]

SECRET_BYTES: Final = 32
"""Length of a member's secret r, and of the salt of a consent event."""
TAG_ENROLMENT: Final = 0x20
TAG_EVENT: Final = 0x21
TAG_IMPORT: Final = 0x24
TAG_OFFER: Final = 0x26
TAG_JOINT: Final = 0x27


def enrolment_commitment(secret: bytes, member: str) -> Digest:
    """Return the commitment to a member's secret and id.

    Args:
        secret: The member's secret r, 32 bytes.
        member: The platform's id of the member.

    Raises:
        InputError: `map.parameters`, the secret is not 32 bytes.
    """
    return canonical.tagged(TAG_ENROLMENT, _secret(secret), member.encode("utf-8"))


def event_commitment(salt: bytes, event: canonical.Json) -> Digest:
    """Return the commitment to a consent event's document.

    Args:
        salt: 32 bytes, fresh per event.
        event: The document; its canonical encoding is what is committed to.

    Raises:
        InputError: `map.parameters`, the salt is not 32 bytes.
    """
    return canonical.tagged(TAG_EVENT, _secret(salt), canonical.encode(event))


def import_commitment(salt: bytes, file: bytes) -> Digest:
    """Return the commitment to an imported file: a short file's digest alone could be guessed.

    Args:
        salt: 32 bytes, fresh per import.
        file: SHA-256 of the file's bytes.

    Raises:
        InputError: `map.parameters`, the salt or the digest is not 32 bytes.
    """
    return canonical.tagged(TAG_IMPORT, _secret(salt), _secret(file))


def offer_commitment(nonce: bytes) -> Digest:
    """Return the commitment to the operator's part of a secret: 32 bytes, fresh per offer.

    Raises:
        InputError: `map.parameters`, the nonce is not 32 bytes.
    """
    return canonical.tagged(TAG_OFFER, _secret(nonce))


def joint_secret(operator: bytes, member: bytes) -> Digest:
    """Return the secret r that both made: the operator's nonce, then the member's.

    Raises:
        InputError: `map.parameters`, a nonce is not 32 bytes.
    """
    return canonical.tagged(TAG_JOINT, _secret(operator), _secret(member))


def _secret(value: bytes) -> bytes:
    if len(value) != SECRET_BYTES:
        raise InputError("a secret has 32 bytes", code="map.parameters")
    return value
