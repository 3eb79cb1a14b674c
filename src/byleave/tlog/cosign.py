"""The log's side of C2SP tlog-witness: get a checkpoint cosigned before it is served.

Each witness of the trust file is asked in turn until the quorum is met; the rest are asked too,
since more cosignatures hurt nobody. A witness remembers which size it cosigned last and says so
when asked from another one (409), so the log keeps no account of its witnesses.

A line of an answer counts only where it verifies under the key that the trust file names for the
witness that was asked. A witness that answers otherwise is counted as absent, and named.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Final, Protocol

from byleave.errors import ByleaveError, EvidenceError, WorldError
from byleave.note.checkpoint import parse_checkpoint
from byleave.note.keys import VerifierKey
from byleave.note.signed import MAX_NOTE_BYTES, Note, Signature, add_signatures, parse_note
from byleave.note.text import parse_decimal
from byleave.note.trust import Trust
from byleave.tlog.witness import AddCheckpoint, encode_request

__all__ = ["MAX_ANSWER_BYTES", "Post", "Quorum"]

MAX_ANSWER_BYTES: Final = 1 << 16
"""Sixteen ML-DSA-44 lines are shorter."""
_TURNS: Final = 4
"""Requests to one witness: from 0 or the size guessed, and after each 409 from the size it says."""


class Post(Protocol):
    """Reaches one witness."""

    def __call__(self, body: bytes) -> tuple[int, bytes]:
        """Send an add-checkpoint request; return status and body.

        Raises:
            WorldError: The witness cannot be reached, or answers beyond all bounds.
        """
        ...


class Quorum:
    """The witnesses of a trust file (`tlog.ports.Cosigners`).

    Args:
        trust: The trust file that verifiers of this log are given.
        posts: How each witness is reached, by its name in the trust file; one that is not in it
            cannot be asked.
        pause: Called with the round (from 1) when a quorum was not met; returns whether the
            missing witnesses are asked again.
    """

    def __init__(
        self, trust: Trust, posts: Mapping[str, Post], *, pause: Callable[[int], bool]
    ) -> None:
        self._trust = trust
        self._posts = posts
        self._pause = pause
        self._sizes: dict[str, int] = {}

    def enough(self, note: bytes) -> bool:
        """Say whether the note has the cosignatures that the trust file asks for."""
        try:
            self._trust.check(note)
        except EvidenceError:
            return False
        return True

    def collect(self, note: bytes, prove: Callable[[int], Sequence[bytes]]) -> bytes:
        """Return the note with the cosignatures of every witness that gave one.

        Raises:
            WorldError: `log.quorum-unmet`.
        """
        parsed = parse_note(note)
        held = self._held(parsed)
        turn = 0
        while True:
            failed: dict[str, str] = {}
            for name in [name for name in self._trust.witnesses if name not in held]:
                try:
                    held[name] = self._ask(name, parsed, note, prove)
                except ByleaveError as error:
                    failed[name] = error.message
            turn += 1
            if self._trust.met(held.keys()):
                break
            if not self._pause(turn):
                raise _unmet(held.keys(), self._trust, failed)
        known = {(line.name, line.key_id) for line in held.values()}
        others = [line for line in parsed.signatures if (line.name, line.key_id) not in known]
        return add_signatures(parsed.text, [*others, *(held[name] for name in sorted(held))])

    def _held(self, note: Note) -> dict[str, Signature]:
        """Return the witnesses' lines that the note has already, and that verify."""
        held = {}
        for name, key in self._trust.witnesses.items():
            line = _line_of(key, note)
            if line is not None:
                held[name] = line
        return held

    def _ask(
        self, name: str, parsed: Note, note: bytes, prove: Callable[[int], Sequence[bytes]]
    ) -> Signature:
        post = self._posts.get(name)
        if post is None:
            raise WorldError("no address is known", code="log.quorum-unmet")
        size = parse_checkpoint(parsed.text).size
        old = min(self._sizes.get(name, 0), size)
        for _ in range(_TURNS):
            request = AddCheckpoint(old=old, path=tuple(prove(old)), note=note)
            status, body = post(encode_request(request))
            if status == 200:
                line = _answered(self._trust.witnesses[name], parsed, body)
                self._sizes[name] = size
                return line
            said = parse_decimal(body.decode("ascii", errors="replace").removesuffix("\n"))
            if status != 409 or said is None:
                raise WorldError(f"refused, status {status}", code="log.quorum-unmet")
            if said > size:
                raise WorldError("has cosigned a larger tree", code="log.quorum-unmet")
            if said == old:
                raise WorldError("has cosigned another tree of this size", code="log.quorum-unmet")
            old = said
        raise WorldError("does not settle on a size", code="log.quorum-unmet")


def _answered(key: VerifierKey, note: Note, body: bytes) -> Signature:
    """Return the line of an answer that verifies under `key`."""
    if len(body) > MAX_ANSWER_BYTES or len(body) + len(note.text) >= MAX_NOTE_BYTES:
        raise WorldError("answered too much", code="log.quorum-unmet")
    try:
        line = _line_of(key, parse_note(note.text + b"\n" + body))
    except EvidenceError:
        line = None
    if line is None:
        raise WorldError("answered without a cosignature that verifies", code="log.quorum-unmet")
    return line


def _line_of(key: VerifierKey, note: Note) -> Signature | None:
    for line in note.signatures:
        if (line.name, line.key_id) == (key.name, key.key_id):
            try:
                key.verify(note.text, line.payload)
            except EvidenceError:
                return None
            return line
    return None


def _unmet(held: Collection[str], trust: Trust, failed: Mapping[str, str]) -> WorldError:
    return WorldError(
        f"{len(held)} of {len(trust.witnesses)} witnesses cosigned; the new checkpoint is not served",
        code="log.quorum-unmet",
        hint="\n".join(
            [
                "entries are durable, and the last checkpoint stays served",
                *(f"{name}: {why}" for name, why in sorted(failed.items())),
            ]
        ),
    )
