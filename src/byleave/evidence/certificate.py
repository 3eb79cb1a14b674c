"""Certificates of exact unlearning: what was replaced by what, signed and logged.

    {"format":"byleave-certificate/v1","origin":...,"stated":INSTANT,"heard":INDEX,
     "unlearning":{"index","method":"exact","trainer","model","refit"},
     "from":{"release","index","model","snapshot":{"index","root","records","members"}},
     "to":{...},
     "taken_out":{"records","labels","sha256"},
     "purge":{"rule":...,"removed":[{"name":...,"sha256":HEX32}]}}

`heard` is the last log index whose choices the gate of the new snapshot took into account; `labels`
how many public labels of the old map are not in the new one, `sha256` that of them, ascending, one
after the other. Signed (Ed25519) over the DSSE pre-authentication encoding of the canonical bytes.
The log entry `certificate/v1` holds the signing key and the bytes' SHA-256.

Only an exact trainer's unlearning has a certificate (G8): `method` has one value.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from byleave import canonical
from byleave.errors import EvidenceError, InputError
from byleave.evidence.entry import (
    CertificateEntry,
    ReleaseEntry,
    SnapshotEntry,
    UnlearningEntry,
)
from byleave.evidence.fields import DIGEST, INSTANT, TEXT, array, exactly

__all__ = [
    "CERTIFICATE_FORMAT",
    "certificate_statement",
    "labels_digest",
    "signed_bytes",
    "verify_certificate",
]

CERTIFICATE_FORMAT: Final = "byleave-certificate/v1"
_PAYLOAD: Final = b"application/vnd.byleave.certificate+json"
_MAX_REMOVED: Final = 1 << 16


def certificate_statement(
    *,
    origin: str,
    stated: str,
    heard: int,
    unlearning: tuple[int, UnlearningEntry],
    old: tuple[ReleaseEntry, SnapshotEntry],
    new: tuple[ReleaseEntry, SnapshotEntry],
    labels: Sequence[bytes],
    purge: Mapping[str, canonical.Json],
) -> dict[str, canonical.Json]:
    """Return the statement's document.

    Args:
        origin: The log's name.
        stated: When, RFC 3339 in UTC.
        heard: Ledger index up to which the new snapshot's gate heard choices.
        unlearning: Log index and entry of the unlearning.
        old: Entries of the release that was replaced and of its snapshot.
        new: Entries of the release that replaced it and of its snapshot.
        labels: Public labels, 16 bytes each, that the old map lists and the new one does not.
        purge: The rule's name, and what was removed under it.
    """
    index, entry = unlearning
    return {
        "format": CERTIFICATE_FORMAT,
        "origin": origin,
        "stated": stated,
        "heard": heard,
        "unlearning": {
            "index": index,
            "method": "exact",
            "trainer": new[0].trainer,
            "model": entry.model.hex(),
            "refit": None if entry.refit is None else entry.refit.hex(),
        },
        "from": _side(entry.from_, *old),
        "to": _side(entry.to, *new),
        "taken_out": {
            "records": old[1].records - new[1].records,
            "labels": len(labels),
            "sha256": labels_digest(labels),
        },
        "purge": dict(purge),
    }


def labels_digest(labels: Sequence[bytes]) -> str:
    """Return SHA-256, hex, of labels in ascending order, one after the other."""
    return hashlib.sha256(b"".join(sorted(labels))).hexdigest()


def signed_bytes(statement: Mapping[str, Any]) -> bytes:
    """Return what is signed: DSSE's encoding of the type and the canonical bytes."""
    data = canonical.encode(statement)
    return b"DSSEv1 %d %b %d %b" % (len(_PAYLOAD), _PAYLOAD, len(data), data)


def verify_certificate(
    statement: Mapping[str, Any], signature: bytes, entry: CertificateEntry
) -> None:
    """Check that a statement is the one an entry is of, signed by the key that the entry names.

    What it states is held against the other entries by `byleave.verify.claims.certificate`.

    Raises:
        EvidenceError: `certificate.statement`, it is not the logged one, or not in its form;
            `certificate.signature`.
    """
    try:
        same = canonical.digest_of(statement) == entry.statement and _in_form(statement)
    except (InputError, ValueError, KeyError, TypeError):
        same = False
    if not same:
        raise EvidenceError(
            "the statement is not the one that the certificate's log entry is of",
            code="certificate.statement",
        )
    try:
        Ed25519PublicKey.from_public_bytes(entry.signer).verify(signature, signed_bytes(statement))
    except (InvalidSignature, ValueError):
        raise EvidenceError(
            "the certificate is not signed by the key in its log entry",
            code="certificate.signature",
        ) from None


def _side(index: int, release: ReleaseEntry, snapshot: SnapshotEntry) -> dict[str, canonical.Json]:
    return {
        "release": release.release,
        "index": index,
        "model": release.model.hex(),
        "snapshot": {
            "index": release.snapshot,
            "root": snapshot.root.hex(),
            "records": snapshot.records,
            "members": snapshot.members,
        },
    }


def _in_form(statement: Mapping[str, Any]) -> bool:
    """Return whether the parts that no log entry repeats are in their form.

    Raises:
        ValueError, KeyError, TypeError: They are not.
    """
    names = "format from heard origin purge stated taken_out to unlearning"
    document = exactly(statement, frozenset(names.split()))
    INSTANT.read(document["stated"])
    purge = exactly(document["purge"], frozenset({"removed", "rule"}))
    TEXT.read(purge["rule"])
    for item in array(purge["removed"], _MAX_REMOVED):
        file = exactly(item, frozenset({"name", "sha256"}))
        TEXT.read(file["name"])
        DIGEST.read(file["sha256"])
    return bool(document["format"] == CERTIFICATE_FORMAT)
