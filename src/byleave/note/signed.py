"""Signed notes (C2SP signed-note): text, a blank line, signature lines.

    — NAME BASE64(key id || signature)

The text ends in a newline; the last empty line separates it from the signatures. A note is
UTF-8 without control characters but newline. Signatures by unknown keys are ignored, also where
they share a name or an id with a known key; a *known* key whose signature fails refuses the
whole note; a note without one good signature by a known key is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from byleave.errors import EvidenceError
from byleave.note.keys import SignerKey, VerifierKey, is_key_name
from byleave.note.text import format_base64, parse_base64

__all__ = [
    "MAX_NOTE_BYTES",
    "MAX_SIGNATURES",
    "Note",
    "OpenedSignature",
    "Signature",
    "add_signatures",
    "open_note",
    "parse_note",
    "sign_note",
]

MAX_NOTE_BYTES: Final = 1 << 20
MAX_SIGNATURES: Final = 100
"""signed-note asks for 16 at least; golang.org/x/mod stops at 100."""
_CONTROL: Final = re.compile("[\x00-\x09\x0b-\x1f]")
_DASH: Final = "\u2014 "


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """One signature line: key name, four bytes of key id, and the payload after them."""

    name: str
    key_id: bytes
    payload: bytes

    def format(self) -> str:
        """Return the line, with its newline."""
        return f"{_DASH}{self.name} {format_base64(self.key_id + self.payload)}\n"


@dataclass(frozen=True, slots=True)
class Note:
    """A parsed note. Nothing of it is verified: see `open_note`."""

    text: bytes
    signatures: tuple[Signature, ...]


@dataclass(frozen=True, slots=True)
class OpenedSignature:
    """A signature that verified; `seconds` is a cosignature's POSIX time, else None."""

    key: VerifierKey
    seconds: int | None


def parse_note(data: bytes) -> Note:
    """Read a note's one spelling; verifies nothing.

    Raises:
        EvidenceError: `note.malformed`, `note.too-large`.
    """
    if len(data) > MAX_NOTE_BYTES:
        raise EvidenceError("the note is longer than 1 MiB", code="note.too-large")
    try:
        whole = data.decode("utf-8")
    except UnicodeDecodeError:
        raise EvidenceError("the note is not UTF-8", code="note.malformed") from None
    if _CONTROL.search(whole):
        raise EvidenceError("the note has control characters", code="note.malformed")
    split = whole.rfind("\n\n")
    if split < 0 or not whole.endswith("\n"):
        raise EvidenceError("the note has no signature block", code="note.malformed")
    lines = whole[split + 2 : -1].split("\n")
    if len(lines) > MAX_SIGNATURES:
        raise EvidenceError("the note has over 100 signatures", code="note.too-large")
    signatures = tuple(_parse_line(line) for line in lines)
    return Note(whole[: split + 1].encode(), signatures)


def open_note(note: Note, keys: Iterable[VerifierKey]) -> tuple[OpenedSignature, ...]:
    """Verify every signature by one of `keys`; the first of each key counts.

    Raises:
        EvidenceError: `note.bad-signature`, a known key's signature fails;
            `note.no-known-signature`, none is by a known key.
    """
    known = {(key.name, key.key_id): key for key in keys}
    opened: dict[tuple[str, bytes], OpenedSignature] = {}
    for signature in note.signatures:
        place = (signature.name, signature.key_id)
        key = known.get(place)
        if key is not None:
            # A second line of one key is verified too: a bad one refuses the note all the same.
            seconds = key.verify(note.text, signature.payload)
            opened.setdefault(place, OpenedSignature(key, seconds))
    if not opened:
        raise EvidenceError("no signature is by a known key", code="note.no-known-signature")
    return tuple(opened.values())


def sign_note(text: bytes, signers: Sequence[SignerKey]) -> bytes:
    """Return the note of `text` (which ends in a newline) with one plain signature per signer.

    Raises:
        EvidenceError: `note.malformed`, the text cannot stand in a note.
    """
    lines = [
        Signature(name=s.name, key_id=s.verifier.key_id, payload=s.sign(text)) for s in signers
    ]
    return add_signatures(text, lines)


def add_signatures(text: bytes, signatures: Sequence[Signature]) -> bytes:
    """Return the note of `text` with these signature lines, in this order.

    Raises:
        EvidenceError: `note.malformed`, what comes out would not parse.
    """
    data = text + b"\n" + "".join(s.format() for s in signatures).encode()
    if parse_note(data) != Note(text, tuple(signatures)):
        raise EvidenceError("the text cannot stand in a note", code="note.malformed")
    return data


def _parse_line(line: str) -> Signature:
    parts = line.removeprefix(_DASH).split(" ")
    if line.startswith(_DASH) and len(parts) == 2 and is_key_name(parts[0]):
        raw = parse_base64(parts[1])
        # A key id and at least one byte of signature.
        if raw is not None and len(raw) > 4:
            return Signature(name=parts[0], key_id=raw[:4], payload=raw[4:])
    raise EvidenceError("a signature line is malformed", code="note.malformed")
