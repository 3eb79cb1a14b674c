"""Proof files: one claim and everything needed to check it offline, in one encoding.

    {"format":"byleave-proof/v1","kind":KIND,"digest":HEX32, "entries":{NAME:{entry, proof}}, ...}

    absence        entries release, snapshot; map {inner, labels, path[, label]}
    presence       entries release, snapshot; map {commitments, labels, path, records}
    consent-event  entries event;             event {...}, salt HEX32   (private)

Absence and presence start at a release: its entry names the snapshot's index and leaf, and the
snapshot's entry the map's root, k and epoch. A member's secret r and the blinding half of their
label never stand in one. `digest` is the SHA-256 of the canonical document without it; it tells
a damaged file from a false one, and adds nothing to what the other checks show.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from byleave import canonical
from byleave.errors import EvidenceError, InputError
from byleave.evidence.bucket import (
    MAX_BUCKET,
    MAX_K,
    AbsenceProof,
    GroundOpening,
    PresenceProof,
    RecordOpening,
)
from byleave.evidence.fields import COUNT, DIGEST, SALT16, Codec, array, exactly
from byleave.evidence.log_proof import LoggedEntry
from byleave.evidence.receipt import ReceiptEvent

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
MAX_RECORDS: Final = 1 << 16
_FORMAT: Final = "byleave-proof/v1"
_MAP_FIELDS: Final = frozenset({"digest", "entries", "format", "kind", "map"})
_EVENT_FIELDS: Final = frozenset({"digest", "entries", "event", "format", "kind", "salt"})
_MODEL_ENTRIES: Final = frozenset({"release", "snapshot"})
_RECORD_FIELDS: Final = frozenset({"digest", "ground", "ground_commitment", "role", "salt"})


@dataclass(frozen=True, slots=True, kw_only=True)
class AbsenceFile:
    """No record under a label is in the snapshot that a release was trained on.

    `label` (16 public bytes) may be None: then only a receipt says whose absence it is.
    """

    release: LoggedEntry
    snapshot: LoggedEntry
    proof: AbsenceProof
    label: bytes | None = None
    kind: str = "absence"


@dataclass(frozen=True, slots=True, kw_only=True)
class PresenceFile:
    """Exactly these records of a receipt's holder are in the snapshot of a release."""

    release: LoggedEntry
    snapshot: LoggedEntry
    proof: PresenceProof
    kind: str = "presence"


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentEventFile:
    """A consent event is in the log. The file holds the event: it is private."""

    event: ReceiptEvent
    kind: str = "consent-event"


ProofFile = AbsenceFile | PresenceFile | ConsentEventFile


def encode_proof_file(proof: ProofFile) -> bytes:
    """Return the canonical bytes, with their digest."""
    document: dict[str, canonical.Json] = {"format": _FORMAT, "kind": proof.kind}
    if isinstance(proof, ConsentEventFile):
        document["entries"] = {"event": proof.event.logged.to_dict()}
        document["event"] = proof.event.event
        document["salt"] = proof.event.salt.hex()
    else:
        document["entries"] = {
            "release": proof.release.to_dict(),
            "snapshot": proof.snapshot.to_dict(),
        }
        document["map"] = _write_map(proof)
    document["digest"] = canonical.digest_of(document).hex()
    return canonical.encode(document)


def proof_file_digest(data: bytes) -> tuple[bytes, bytes]:
    """Return the digest that a parsed proof file states, and the one its contents have."""
    document: Any = canonical.decode(data)
    stated = DIGEST.read(document.pop("digest"))
    return stated, canonical.digest_of(document)


def parse_proof_file(data: bytes) -> ProofFile:
    """Read a proof file's canonical bytes; nothing in it is verified, its digest included.

    Raises:
        EvidenceError: `proof.malformed`, `proof.unknown-kind`, `proof.too-large`,
            `proof.log-proof`.
    """
    if len(data) > MAX_PROOF_BYTES:
        raise EvidenceError("the proof file is over 16 MiB", code="proof.too-large")
    try:
        document: Any = canonical.decode(data)
        if not isinstance(document, dict) or document.get("format") != _FORMAT:
            raise ValueError
        DIGEST.read(document.get("digest"))
        match document.get("kind"):
            case "absence":
                return _read_absence(exactly(document, _MAP_FIELDS))
            case "presence":
                return _read_presence(exactly(document, _MAP_FIELDS))
            case "consent-event":
                return _read_event(exactly(document, _EVENT_FIELDS))
            case _:
                raise EvidenceError("an unknown kind of proof", code="proof.unknown-kind")
    except (ValueError, InputError):
        raise EvidenceError(
            "not a byleave-proof/v1 in its one encoding", code="proof.malformed"
        ) from None


def _write_map(proof: AbsenceFile | PresenceFile) -> dict[str, canonical.Json]:
    document: dict[str, canonical.Json] = {
        "labels": [item.hex() for item in proof.proof.labels],
        "path": [item.hex() for item in proof.proof.path],
    }
    if isinstance(proof, AbsenceFile):
        document["inner"] = proof.proof.inner.hex()
        if proof.label is not None:
            document["label"] = proof.label.hex()
    else:
        document["commitments"] = [item.hex() for item in proof.proof.commitments]
        document["records"] = [_write_record(item) for item in proof.proof.records]
    return document


def _write_record(record: RecordOpening) -> dict[str, canonical.Json]:
    document: dict[str, canonical.Json] = {
        "salt": record.salt.hex(),
        "digest": record.digest.hex(),
        "role": record.role,
        "ground": record.ground,
        "ground_commitment": record.ground_commitment.hex(),
    }
    if record.opening is not None:
        document["opening"] = {
            "salt": record.opening.salt.hex(),
            "index": record.opening.index,
            "leaf": record.opening.leaf.hex(),
        }
    return document


def _read_absence(document: Mapping[str, Any]) -> AbsenceFile:
    release, snapshot = _read_entries(document)
    items = document["map"]
    names = frozenset({"inner", "labels", "path"})
    label = None
    if isinstance(items, Mapping) and "label" in items:
        names |= {"label"}
        label = SALT16.read(items["label"])
    exactly(items, names)
    return AbsenceFile(
        release=release,
        snapshot=snapshot,
        proof=AbsenceProof(
            labels=_read_list(items["labels"], SALT16, MAX_BUCKET),
            inner=DIGEST.read(items["inner"]),
            path=_read_list(items["path"], DIGEST, MAX_K),
        ),
        label=label,
    )


def _read_presence(document: Mapping[str, Any]) -> PresenceFile:
    release, snapshot = _read_entries(document)
    items = exactly(document["map"], frozenset({"commitments", "labels", "path", "records"}))
    return PresenceFile(
        release=release,
        snapshot=snapshot,
        proof=PresenceProof(
            labels=_read_list(items["labels"], SALT16, MAX_BUCKET),
            commitments=_read_list(items["commitments"], DIGEST, MAX_BUCKET),
            records=tuple(_read_record(item) for item in array(items["records"], MAX_RECORDS)),
            path=_read_list(items["path"], DIGEST, MAX_K),
        ),
    )


def _read_event(document: Mapping[str, Any]) -> ConsentEventFile:
    entries = exactly(document["entries"], frozenset({"event"}))
    if not isinstance(document["event"], dict):
        raise ValueError  # noqa: TRY004 (becomes proof.malformed)
    return ConsentEventFile(
        event=ReceiptEvent(
            event=document["event"],
            salt=DIGEST.read(document["salt"]),
            logged=LoggedEntry.read(entries["event"]),
        )
    )


def _read_entries(document: Mapping[str, Any]) -> tuple[LoggedEntry, LoggedEntry]:
    entries = exactly(document["entries"], _MODEL_ENTRIES)
    return LoggedEntry.read(entries["release"]), LoggedEntry.read(entries["snapshot"])


def _read_record(value: object) -> RecordOpening:
    opening = None
    names = _RECORD_FIELDS
    if isinstance(value, Mapping) and "opening" in value:
        names |= {"opening"}
        items = exactly(value["opening"], frozenset({"index", "leaf", "salt"}))
        opening = GroundOpening(
            salt=SALT16.read(items["salt"]),
            index=COUNT.read(items["index"]),
            leaf=DIGEST.read(items["leaf"]),
        )
    document = exactly(value, names)
    return RecordOpening(
        salt=SALT16.read(document["salt"]),
        digest=DIGEST.read(document["digest"]),
        role=COUNT.read(document["role"]),
        ground=COUNT.read(document["ground"]),
        ground_commitment=DIGEST.read(document["ground_commitment"]),
        opening=opening,
    )


def _read_list(value: object, codec: Codec, most: int) -> tuple[bytes, ...]:
    return tuple(codec.read(item) for item in array(value, most))
