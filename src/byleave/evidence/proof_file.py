"""Proof files: one claim and everything needed to check it offline, in one encoding.

    {"format":"byleave-proof/v1","kind":KIND,"digest":HEX32,"entries":{NAME:{entry, proof}},
     ...the kind's own fields...[,"private":true][,"receipt":{...}]}

Kinds and their fields: `byleave.evidence.proof_kinds`, docs/spec/proof-file.md. A member's secret
r stands in a file only within a `receipt`, and such a file is marked private; the blinding half
of a label stands in none. `digest` is the SHA-256 of the canonical document without it; it tells
a damaged file from a false one, and adds nothing to what the other checks show.
"""

from __future__ import annotations

from typing import Any, Final

from byleave import canonical
from byleave.errors import EvidenceError, InputError
from byleave.evidence.fields import DIGEST, MAX_ITEMS
from byleave.evidence.proof_kinds import (
    PROOF_KINDS,
    AbsenceFile,
    ConsentEventFile,
    PresenceFile,
    ProofFile,
)

__all__ = [
    "MAX_PROOF_BYTES",
    "AbsenceFile",
    "ConsentEventFile",
    "PresenceFile",
    "ProofFile",
    "encode_proof_file",
    "parse_proof_file",
    "proof_file_digest",
]

MAX_PROOF_BYTES: Final = 1 << 24
_FORMAT: Final = "byleave-proof/v1"
_DIGEST_HEAD: Final = b'{"digest":"'


def encode_proof_file(proof: ProofFile) -> bytes:
    """Return the canonical bytes, with their digest."""
    document: dict[str, canonical.Json] = {
        "format": _FORMAT,
        "kind": proof.kind,
        "entries": {name: logged.to_dict() for name, logged in proof.entries().items()},
        **proof.fields(),
    }
    if proof.private:
        document["private"] = True
    if proof.receipt is not None:
        document["receipt"] = canonical.decode(proof.receipt)
    document["digest"] = canonical.digest_of(document).hex()
    return canonical.encode(document)


def proof_file_digest(data: bytes) -> tuple[bytes, bytes]:
    """Return the digest that a parsed proof file states, and the one its contents have."""
    end = len(_DIGEST_HEAD) + 64
    if data.startswith(_DIGEST_HEAD) and data[end : end + 2] == b'",':
        # It stands first, as in most kinds: what is left are the canonical bytes without it.
        stated = data[len(_DIGEST_HEAD) : end].decode("ascii", errors="replace")
        return DIGEST.read(stated), canonical.sha256(b"{" + data[end + 2 :])
    document: Any = canonical.decode(data)
    found = DIGEST.read(document.pop("digest"))
    return found, canonical.digest_of(document)


def parse_proof_file(data: bytes) -> ProofFile:
    """Read a proof file's canonical bytes; nothing in it is verified, its digest included.

    Raises:
        EvidenceError: `proof.malformed`, `proof.empty`, `proof.too-deep`, `proof.unknown-kind`,
            `proof.too-large`, `proof.log-proof`.
    """
    if len(data) > MAX_PROOF_BYTES:
        raise EvidenceError("the proof file is over 16 MiB", code="proof.too-large")
    if not data:
        raise EvidenceError("the proof file is empty", code="proof.empty")
    try:
        document: Any = canonical.decode(data, most=MAX_ITEMS)
        if not isinstance(document, dict) or document.pop("format", None) != _FORMAT:
            raise ValueError
        DIGEST.read(document.pop("digest", None))
        name = document.pop("kind", None)
        kind = PROOF_KINDS.get(name) if isinstance(name, str) else None
        if kind is None:
            raise EvidenceError("an unknown kind of proof", code="proof.unknown-kind")
        marked = "private" in document
        private = document.pop("private", True)
        receipt = None
        if "receipt" in document:
            receipt = canonical.encode(document.pop("receipt"))
        proof = kind.read(document, receipt)
        if private is not True or marked is not proof.private:
            raise ValueError
        return proof
    except (ValueError, InputError):
        if _is_deep(data):
            raise EvidenceError(
                "the proof file nests over 64 deep", code="proof.too-deep"
            ) from None
        raise EvidenceError(
            "not a byleave-proof/v1 in its one encoding", code="proof.malformed"
        ) from None


def _is_deep(data: bytes) -> bool:
    """Say whether brackets nest over 64 deep in the first 4,096 bytes, strings apart.

    It names what was refused already, by any reader alike, however deep its own stack is.
    """
    depth, in_string, skip = 0, False, False
    for byte in data[:4096]:
        if skip:
            skip = False
        elif in_string:
            skip, in_string = byte == 0x5C, byte != 0x22
        elif byte == 0x22:
            in_string = True
        elif byte in b"[{":
            depth += 1
            if depth > 64:
                return True
        elif byte in b"]}":
            depth -= 1
    return False
