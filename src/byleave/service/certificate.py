"""Certify an exact unlearning: sign, log, and make the proof file (docs/spec/certificate.md)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from byleave.canonical import Json, digest_of
from byleave.errors import InputError, RefusedError
from byleave.evidence.certificate import certificate_statement, signed_bytes
from byleave.evidence.delta_proof import MAX_CHANGES
from byleave.evidence.entry import (
    CertificateEntry,
    EntryT,
    GateEntry,
    ReleaseEntry,
    SnapshotEntry,
    UnlearningEntry,
    parse_entry,
)
from byleave.evidence.proof_file import encode_proof_file
from byleave.evidence.proof_kinds import CertificateFile
from byleave.ids import format_instant, to_us
from byleave.service.house import House
from byleave.service.snapshot_diff import diff

__all__ = ["certificate_proof", "certify", "find_certificate"]


def certify(
    house: House, unlearning: str, *, rule: str, removed: Sequence[Mapping[str, Json]]
) -> int:
    """Sign and log the certificate of an unlearning; return its log index.

    What has to be removed is removed before: the certificate says that it was.

    Args:
        house: The workspace's ports.
        unlearning: Its id.
        rule: The purge rule in force.
        removed: `name` and `sha256` of each file removed.

    Raises:
        RefusedError: `certificate.approximate`, the trainer does not unlearn exactly.
        InputError: `workspace.unknown-object`.
    """
    found = house.ledger.object("unlearning", unlearning)
    if found is None:
        raise InputError(f"no unlearning {unlearning!r}", code="workspace.unknown-object")
    index, _, document = found
    entry = _read(house, index, UnlearningEntry)
    old, new = _read(house, entry.from_, ReleaseEntry), _read(house, entry.to, ReleaseEntry)
    if not (old.exact and new.exact):
        raise RefusedError(
            "an approximate unlearning gets no certificate", code="certificate.approximate"
        )
    sealed = [_read(house, release.snapshot, SnapshotEntry) for release in (old, new)]
    changed = diff(house, sealed[0].snapshot, sealed[1].snapshot)
    statement = certificate_statement(
        origin=house.log.origin,
        stated=format_instant(house.now()),
        heard=_read(house, sealed[1].gate, GateEntry).ledger,
        unlearning=(index, entry),
        old=(old, sealed[0]),
        new=(new, sealed[1]),
        labels=changed.shown.removed,
        purge={"rule": rule, "removed": [dict(item) for item in removed]},
    )
    signature = house.signer.sign(signed_bytes(statement))
    logged = CertificateEntry(
        unlearning=index, signer=house.signer.public_key(), statement=digest_of(statement)
    )
    record: dict[str, Any] = {
        "certificate": unlearning,
        "from": document["from"],
        "to": document["to"],
        "statement": statement,
        "signature": signature.hex(),
    }
    with house.ledger.writing() as writer:
        at = writer.log(logged.encode())
        writer.add_object(
            "certificate", unlearning, index=at, at_us=to_us(house.now()), document=record
        )
    return at


def find_certificate(house: House, name: str) -> tuple[int, dict[str, Any]] | None:
    """Return log index and document of the certificate of an unlearning, or of the release it made."""
    for index, own, _, document in house.ledger.objects("certificate"):
        if name in {own, document["to"]}:
            return index, document
    return None


def certificate_proof(house: House, name: str) -> bytes:
    """Return the proof file of a certificate.

    Args:
        house: The workspace's ports.
        name: Id of the unlearning (`OLD-to-NEW`), or of the release it made.

    Raises:
        InputError: `workspace.unknown-object`; `certificate.too-large`.
    """
    found = find_certificate(house, name)
    if found is None:
        raise InputError(f"no certificate {name!r}", code="workspace.unknown-object")
    index, document = found
    at = parse_entry(house.log.logged(index).entry, CertificateEntry).unlearning
    entry = _read(house, at, UnlearningEntry)
    old, new = _read(house, entry.from_, ReleaseEntry), _read(house, entry.to, ReleaseEntry)
    sealed = [_read(house, release.snapshot, SnapshotEntry) for release in (old, new)]
    changed = diff(house, sealed[0].snapshot, sealed[1].snapshot)
    if changed.shown.buckets > MAX_CHANGES:
        raise InputError(
            f"{changed.shown.buckets:,} buckets changed, a proof file holds {MAX_CHANGES:,}",
            code="certificate.too-large",
            hint="byleave proof make --unlearning, and each member's proof of absence",
        )
    logged = house.log.logged
    return encode_proof_file(
        CertificateFile(
            certificate=logged(index),
            unlearning=logged(at),
            old=logged(entry.from_),
            old_snapshot=logged(old.snapshot),
            new=logged(entry.to),
            new_snapshot=logged(new.snapshot),
            new_gate=logged(sealed[1].gate),
            statement=document["statement"],
            signature=bytes.fromhex(document["signature"]),
            proof=changed.proof,
        )
    )


def _read(house: House, index: int, kind: type[EntryT]) -> EntryT:
    return parse_entry(house.ledger.read(index, index + 1)[0], kind)
