"""Checkpoints (C2SP tlog-checkpoint): origin, size and root of a log, as a note's text.

    ORIGIN LF SIZE LF BASE64(ROOT) LF

Extension lines are refused: monitors cannot audit them, and nothing of ours needs one.
"""

from __future__ import annotations

from dataclasses import dataclass

from byleave.errors import EvidenceError
from byleave.ids import Digest
from byleave.note.keys import is_key_name
from byleave.note.text import format_base64, parse_base64, parse_decimal

__all__ = ["Checkpoint", "parse_checkpoint"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """The head of a log at one size.

    Attributes:
        origin: The log's name; also the name of the key it signs with.
        size: Number of entries.
        root: RFC 6962 root over their leaf hashes, 32 bytes.
    """

    origin: str
    size: int
    root: Digest

    def format(self) -> bytes:
        """Return the note text."""
        return f"{self.origin}\n{self.size}\n{format_base64(self.root)}\n".encode()


def parse_checkpoint(text: bytes) -> Checkpoint:
    """Read a checkpoint's text (of a note already opened) in its one spelling.

    Raises:
        EvidenceError: `note.malformed`.
    """
    try:
        lines = text.decode("utf-8").split("\n")
    except UnicodeDecodeError:
        lines = []
    if len(lines) == 4 and lines[3] == "" and is_key_name(lines[0]):
        size = parse_decimal(lines[1])
        root = parse_base64(lines[2])
        if size is not None and root is not None and len(root) == 32:
            return Checkpoint(origin=lines[0], size=size, root=Digest(root))
    raise EvidenceError("not a checkpoint: origin, size, root", code="note.malformed")
