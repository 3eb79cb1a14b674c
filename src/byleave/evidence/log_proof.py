"""An entry and the proof that a log holds it (C2SP tlog-proof), read, written and checked.

    c2sp.org/tlog-proof@v1
    index N
    BASE64(hash)            zero to 63 lines, the leaf's sibling first
                            (an empty line)
    the checkpoint, verbatim

The optional `extra` line is refused: nothing authenticates it, and nothing of ours needs it.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from byleave import merkle
from byleave.errors import EvidenceError
from byleave.evidence.entry import MAX_ENTRY_BYTES
from byleave.evidence.fields import exactly
from byleave.ids import Digest
from byleave.merkle.proof import MAX_PATH
from byleave.note.signed import MAX_NOTE_BYTES
from byleave.note.text import format_base64, parse_base64, parse_decimal
from byleave.note.trust import Trust, TrustedCheckpoint

__all__ = ["LogProof", "LoggedEntry", "ProvenEntry", "parse_log_proof"]

_HEADER: Final = "c2sp.org/tlog-proof@v1"
_HEAD: Final = re.compile(
    re.escape(_HEADER) + r"\nindex ([0-9]+)\n((?:[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=\n)*)\n"
)
"""Header, index, hashes, empty line. A hash is 32 bytes in base64: the two bits that its last
character has to spare are zero."""
MAX_LOG_PROOF_BYTES: Final = MAX_NOTE_BYTES + 64 * 64


@dataclass(frozen=True, slots=True, kw_only=True)
class LogProof:
    """Index, inclusion path and signed checkpoint (note bytes); nothing of it verified."""

    index: int
    path: tuple[bytes, ...]
    checkpoint: bytes

    def format(self) -> str:
        """Return the tlog-proof text."""
        lines = [_HEADER, f"index {self.index}", *map(format_base64, self.path), "", ""]
        return "\n".join(lines) + self.checkpoint.decode("utf-8")


@dataclass(frozen=True, slots=True)
class ProvenEntry:
    """What `LoggedEntry.verify` found: where the entry stands, under a trusted checkpoint.

    `climb` is what the proof hashed; the next one under the checkpoint need not hash it again.
    """

    index: int
    leaf: Digest
    under: TrustedCheckpoint
    climb: merkle.Climb = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class LoggedEntry:
    """The bytes of an entry and its log proof; nothing of it verified."""

    entry: bytes
    proof: LogProof

    @classmethod
    def read(cls, value: object) -> LoggedEntry:
        """Read `{"entry": BASE64, "proof": TEXT}`.

        Raises:
            ValueError: It is not that.
            EvidenceError: `proof.log-proof`, the text is malformed.
        """
        document = exactly(value, frozenset({"entry", "proof"}))
        return cls.of(document)

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> LoggedEntry:
        """Read the members `entry` and `proof` of a larger object (`read` for the errors)."""
        text, proof = document["entry"], document["proof"]
        if not isinstance(text, str) or not isinstance(proof, str):
            raise ValueError  # noqa: TRY004 (the caller names the document)
        entry = parse_base64(text)
        if entry is None or len(entry) > MAX_ENTRY_BYTES:
            raise ValueError
        return cls(entry, parse_log_proof(proof))

    def to_dict(self) -> dict[str, str]:
        """Return what `read` reads."""
        return {"entry": format_base64(self.entry), "proof": self.proof.format()}

    def verify(self, trust: Trust) -> ProvenEntry:
        """Check that a trusted log holds exactly these bytes at this index.

        Raises:
            EvidenceError: A code of `Trust.check`, or of `merkle.verify_inclusion`.
        """
        return self.verify_under(trust.check(self.proof.checkpoint))

    def verify_under(
        self, under: TrustedCheckpoint, before: ProvenEntry | None = None
    ) -> ProvenEntry:
        """Do the same under this proof's own checkpoint, opened already.

        Args:
            under: The checkpoint.
            before: Another entry found in the same log, to hash less.

        Raises:
            EvidenceError: A code of `merkle.verify_inclusion`.
        """
        leaf = merkle.leaf_hash(self.entry)
        climb = merkle.verify_inclusion(
            leaf,
            self.proof.index,
            size=under.checkpoint.size,
            path=self.proof.path,
            root=under.checkpoint.root,
            before=None if before is None else before.climb,
        )
        return ProvenEntry(self.proof.index, leaf, under, climb)


def parse_log_proof(text: str) -> LogProof:
    """Read a tlog-proof text in its one spelling.

    Raises:
        EvidenceError: `proof.log-proof`, `proof.too-large`.
    """
    if len(text) > MAX_LOG_PROOF_BYTES:
        raise EvidenceError("a log proof is over 1 MiB", code="proof.too-large")
    head = _HEAD.match(text)
    if head is None or head.end() == len(text):
        raise _malformed()
    hashes = head[2].split("\n")[:-1]
    if len(hashes) > MAX_PATH:
        raise EvidenceError("a log proof has over 63 hashes", code="proof.too-large")
    index = parse_decimal(head[1])
    try:
        note = text[head.end() :].encode("utf-8")
    except UnicodeEncodeError:
        raise _malformed() from None
    if index is None:
        raise _malformed()
    return LogProof(index=index, path=tuple(map(binascii.a2b_base64, hashes)), checkpoint=note)


def _malformed() -> EvidenceError:
    return EvidenceError("not a tlog-proof in its one spelling", code="proof.log-proof")
