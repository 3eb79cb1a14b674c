"""Signed notes, keys, checkpoints and the trust file (C2SP signed-note, tlog-checkpoint,
tlog-cosignature, tlog-policy).

Pure: bytes and keys in, verified records out. Keys are arguments; none is ever read or made here.
"""

from __future__ import annotations

from byleave.note.checkpoint import Checkpoint, parse_checkpoint
from byleave.note.keys import KeyType, SignerKey, VerifierKey
from byleave.note.signed import Note, Signature, open_note, parse_note, sign_note
from byleave.note.trust import Trust, TrustedCheckpoint, parse_trust

__all__ = [
    "Checkpoint",
    "KeyType",
    "Note",
    "Signature",
    "SignerKey",
    "Trust",
    "TrustedCheckpoint",
    "VerifierKey",
    "open_note",
    "parse_checkpoint",
    "parse_note",
    "parse_trust",
    "sign_note",
]
