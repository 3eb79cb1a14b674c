"""A fork proof: two checkpoints that one log signed, and that cannot both be true.

    {"format":"byleave-fork/v1","first":NOTE,"second":NOTE,"shown":HEX32|null,"path":[HEX32 …]}

In one encoding (`canonical`); the notes are verbatim, the smaller tree first. Whoever has the log's
key can check it, years later and without the log:

(1) both are checkpoints of one origin, and a key of that log signed each
(2) of one size: their roots differ; `shown` is null and `path` empty
(3) of two sizes: `path` proves that the second tree holds a first one whose root is `shown`, and
    the log signed another root for it

No quorum is wanted: who was shown one of the two was deceived, witnesses or not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from byleave import canonical, merkle
from byleave.errors import EvidenceError, InputError
from byleave.evidence.fields import DIGEST, array, exactly
from byleave.merkle.proof import MAX_PATH
from byleave.note.checkpoint import Checkpoint, parse_checkpoint
from byleave.note.keys import VerifierKey
from byleave.note.signed import MAX_NOTE_BYTES, open_note, parse_note

__all__ = ["MAX_FORK_BYTES", "Fork", "ForkProof", "parse_fork"]

MAX_FORK_BYTES: Final = 4 * MAX_NOTE_BYTES
_FORMAT: Final = "byleave-fork/v1"
_FIELDS: Final = frozenset({"first", "format", "path", "second", "shown"})


@dataclass(frozen=True, slots=True)
class Fork:
    """What a fork proof proves: a log signed both of these."""

    first: Checkpoint
    second: Checkpoint


@dataclass(frozen=True, slots=True, kw_only=True)
class ForkProof:
    """A fork proof; nothing of it verified.

    Attributes:
        first: The signed note of the smaller tree, or of one of two of equal size.
        second: That of the other.
        shown: Root of the first `first.size` entries of the second tree; None: equal sizes.
        path: Consistency proof from `shown` to the second root.
    """

    first: bytes
    second: bytes
    shown: bytes | None
    path: tuple[bytes, ...]

    def encode(self) -> bytes:
        """Return the canonical bytes."""
        return canonical.encode(
            {
                "format": _FORMAT,
                "first": self.first.decode("utf-8"),
                "second": self.second.decode("utf-8"),
                "shown": None if self.shown is None else self.shown.hex(),
                "path": [item.hex() for item in self.path],
            }
        )

    def check(self, logs: Sequence[VerifierKey]) -> Fork:
        """Check the proof under the keys of logs.

        Raises:
            EvidenceError: `fork.none`, the two do not contradict each other;
                `trust.unknown-log`; a code of the note, the checkpoint or the path.
        """
        # (1)
        first, second = _opened(self.first, logs), _opened(self.second, logs)
        if first.origin != second.origin or first.size > second.size:
            raise _none()
        if first.size == second.size:
            # (2)
            if first.root == second.root or self.shown is not None or self.path:
                raise _none()
            return Fork(first, second)
        # (3)
        if self.shown is None or self.shown == first.root:
            raise _none()
        merkle.verify_consistency(
            old=first.size,
            old_root=self.shown,
            new=second.size,
            new_root=second.root,
            path=self.path,
        )
        return Fork(first, second)


def parse_fork(data: bytes) -> ForkProof:
    """Read a fork proof in its one encoding.

    Raises:
        EvidenceError: `fork.malformed`, `proof.too-large`.
    """
    if len(data) > MAX_FORK_BYTES:
        raise EvidenceError("the fork proof is over 4 MiB", code="proof.too-large")
    try:
        document = exactly(canonical.decode(data), _FIELDS)
        shown, notes = document["shown"], (document["first"], document["second"])
        if document["format"] != _FORMAT or not all(isinstance(note, str) for note in notes):
            raise ValueError
        return ForkProof(
            first=notes[0].encode("utf-8"),
            second=notes[1].encode("utf-8"),
            shown=None if shown is None else DIGEST.read(shown),
            path=tuple(DIGEST.read(item) for item in array(document["path"], MAX_PATH)),
        )
    except (ValueError, InputError):
        raise EvidenceError(
            "not a byleave-fork/v1 in its one encoding", code="fork.malformed"
        ) from None


def _opened(note_bytes: bytes, logs: Sequence[VerifierKey]) -> Checkpoint:
    note = parse_note(note_bytes)
    checkpoint = parse_checkpoint(note.text)
    keys = [key for key in logs if key.name == checkpoint.origin]
    if not keys:
        raise EvidenceError("the trust file does not list this log", code="trust.unknown-log")
    open_note(note, keys)
    return checkpoint


def _none() -> EvidenceError:
    return EvidenceError("the two checkpoints do not contradict each other", code="fork.none")
