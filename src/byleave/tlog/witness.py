"""The witness's side of C2SP tlog-witness, as one pure step: a request and a state to an answer.

    POST <submission prefix>/add-checkpoint            GET <monitoring prefix>/<hex>/checkpoint

    old N                   size of the checkpoint that the witness cosigned last; 0: none
    BASE64(hash)            zero to 63 lines: consistency from N to the new checkpoint
                            (an empty line)
    the new checkpoint, signed by its log

Checks, in this order, and what a failure answers:

(1) 400  the request is in its one spelling
(2) 404  the witness follows a log of this origin
(3) 403  a key of that log signed the checkpoint
(4) 400  N is not above the checkpoint's size
(5) 409  N is the size cosigned last; the body is that size
(6) 409  where N is the checkpoint's size, the roots are equal
(7) 422  the consistency proof leads from the one root to the other
(8) 409  nobody was faster: the new checkpoint takes the place of the old one, durably
(9) 200  the cosignatures, one line for each of the witness's keys

A checkpoint of the same log that (6) or (7) refuses contradicts the one before it, or is not yet
shown not to: `Answer.refused` holds it, so that a server can keep it as evidence.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from byleave import merkle
from byleave.errors import EvidenceError, InputError
from byleave.merkle.proof import MAX_PATH
from byleave.note.checkpoint import Checkpoint, parse_checkpoint
from byleave.note.keys import SignerKey, VerifierKey
from byleave.note.signed import (
    MAX_NOTE_BYTES,
    Note,
    Signature,
    add_signatures,
    open_note,
    parse_note,
)
from byleave.note.text import format_base64, parse_base64, parse_decimal

__all__ = [
    "MAX_REQUEST_BYTES",
    "AddCheckpoint",
    "Answer",
    "Witness",
    "WitnessState",
    "encode_request",
    "origin_hash",
    "parse_request",
]

MAX_REQUEST_BYTES: Final = MAX_NOTE_BYTES + 4096
"""A note of 1 MiB, 63 hashes of 45 bytes, a size."""
SIZE_TYPE: Final = "text/x.tlog.size"
TEXT_TYPE: Final = "text/plain; charset=utf-8"


class WitnessState(Protocol):
    """What a witness remembers: for each log, the checkpoint it cosigned last."""

    def get(self, origin: str) -> bytes | None:
        """Return the cosigned note; None: nothing of this log was cosigned yet.

        Raises:
            EvidenceError: `witness.state`.
        """
        ...

    def compare_and_swap(self, origin: str, old: bytes | None, new: bytes) -> bool:
        """Replace `old` by `new` if it is what is kept, in one step; durable on True."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class AddCheckpoint:
    """A request: the size before, the consistency proof, the new checkpoint's note."""

    old: int
    path: tuple[bytes, ...]
    note: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An HTTP answer.

    Attributes:
        status: HTTP status.
        body: Its bytes: cosignature lines, a size, or a sentence for people.
        kind: Media type of the body.
        refused: A checkpoint signed by its log that does not follow from what was cosigned.
    """

    status: int
    body: bytes
    kind: str = TEXT_TYPE
    refused: bytes | None = None


class Witness:
    """Cosigns checkpoints that extend what it cosigned before, and no others.

    Args:
        signers: Its keys, one line of the answer each.
        logs: The keys of the logs it follows, by origin.
        state: What it remembers.
    """

    def __init__(
        self,
        signers: Sequence[SignerKey],
        logs: Mapping[str, Sequence[VerifierKey]],
        state: WitnessState,
    ) -> None:
        if not signers or not all(signer.type.timed for signer in signers):
            raise InputError("a witness signs with keys of type 04 or 06", code="note.key")
        self._signers = tuple(signers)
        self._logs = logs
        self._state = state

    def add_checkpoint(self, body: bytes, *, seconds: int) -> Answer:
        """Answer a request.

        Args:
            body: The request's body.
            seconds: POSIX time of now.

        Raises:
            EvidenceError: `witness.state`, what is kept of the log is damaged.
            WorldError: What was cosigned could not be kept; nothing was answered.
        """
        # (1)
        try:
            request = parse_request(body)
            note = parse_note(request.note)
            checkpoint = parse_checkpoint(note.text)
        except (InputError, EvidenceError) as error:
            return _told(400, error.message)
        # (2)
        keys = self._logs.get(checkpoint.origin)
        if keys is None:
            return _told(404, "this witness does not follow a log of this origin")
        # (3)
        try:
            open_note(note, keys)
        except EvidenceError:
            return _told(403, "no key of this log signed the checkpoint")
        # (4)
        if request.old > checkpoint.size:
            return _told(400, "the old size is above the checkpoint's")
        kept = self._state.get(checkpoint.origin)
        last = None if kept is None else parse_checkpoint(parse_note(kept).text)
        size = 0 if last is None else last.size
        # (5)
        if request.old != size:
            return _size(size)
        refused = self._contradiction(request, checkpoint, last)
        if refused is not None:
            return refused
        # (9), made first: nothing is kept that could not be answered
        lines = self._cosign(note, seconds)
        # (8)
        signatures = [*_by(keys, note), *lines]
        if not self._state.compare_and_swap(
            checkpoint.origin, kept, add_signatures(note.text, signatures)
        ):
            newer = self._state.get(checkpoint.origin)
            return _size(0 if newer is None else parse_checkpoint(parse_note(newer).text).size)
        return Answer(status=200, body="".join(line.format() for line in lines).encode())

    def checkpoint(self, name: str) -> bytes | None:
        """Return the checkpoint cosigned last of the log whose `origin_hash` is `name`."""
        for origin in self._logs:
            if origin_hash(origin) == name:
                return self._state.get(origin)
        return None

    def _contradiction(
        self, request: AddCheckpoint, new: Checkpoint, last: Checkpoint | None
    ) -> Answer | None:
        # (6)
        if last is not None and new.size == last.size and new.root != last.root:
            return _size(last.size, refused=request.note)
        # (7)
        try:
            merkle.verify_consistency(
                old=0 if last is None else last.size,
                old_root=merkle.EMPTY_ROOT if last is None else last.root,
                new=new.size,
                new_root=new.root,
                path=request.path,
            )
        except EvidenceError:
            return Answer(
                status=422,
                body=b"the consistency proof does not lead to this checkpoint\n",
                refused=request.note,
            )
        return None

    def _cosign(self, note: Note, seconds: int) -> list[Signature]:
        return [
            Signature(
                name=signer.name,
                key_id=signer.verifier.key_id,
                payload=signer.sign(note.text, seconds=seconds),
            )
            for signer in self._signers
        ]


def origin_hash(origin: str) -> str:
    """Return the name under which a witness serves a log's checkpoint: SHA-256, hexadecimal."""
    return hashlib.sha256(origin.encode()).hexdigest()


def encode_request(request: AddCheckpoint) -> bytes:
    """Return the body of an add-checkpoint request."""
    lines = [f"old {request.old}", *map(format_base64, request.path), "", ""]
    return "\n".join(lines).encode() + request.note


def parse_request(body: bytes) -> AddCheckpoint:
    """Read the body of an add-checkpoint request.

    Raises:
        InputError: `witness.request`.
    """
    if len(body) > MAX_REQUEST_BYTES:
        raise _malformed("it is over 1 MiB")
    head, blank, note = body.partition(b"\n\n")
    lines = head.decode("ascii", errors="replace").split("\n")
    if not blank or not note or len(lines) - 1 > MAX_PATH:
        raise _malformed("a size, up to 63 hashes, an empty line and a checkpoint are wanted")
    old = parse_decimal(lines[0].removeprefix("old ")) if lines[0].startswith("old ") else None
    path = [parse_base64(line) for line in lines[1:]]
    hashes = tuple(item for item in path if item is not None and len(item) == 32)
    if old is None or len(hashes) != len(path):
        raise _malformed("the size or a hash is not in its one spelling")
    return AddCheckpoint(old=old, path=hashes, note=note)


def _by(keys: Sequence[VerifierKey], note: Note) -> list[Signature]:
    """Return the log's own signature lines: the rest of what was sent is nobody's word."""
    places = {(key.name, key.key_id) for key in keys}
    return [line for line in note.signatures if (line.name, line.key_id) in places]


def _size(size: int, *, refused: bytes | None = None) -> Answer:
    return Answer(status=409, body=b"%d\n" % size, kind=SIZE_TYPE, refused=refused)


def _told(status: int, sentence: str) -> Answer:
    return Answer(status=status, body=f"{sentence}\n".encode())


def _malformed(what: str) -> InputError:
    return InputError(f"not an add-checkpoint request: {what}", code="witness.request")
