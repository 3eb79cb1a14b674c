"""What a monitor knows of one log, and the one encoding of its state file.

The state is public: no receipt leaves a trace in it but the enrolment's commitment, which the log
shows anyway.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from byleave import canonical
from byleave.errors import ByleaveError, EvidenceError
from byleave.note.checkpoint import parse_checkpoint
from byleave.note.signed import parse_note

__all__ = ["MAX_STATE_BYTES", "Finding", "MonitorState", "SeenSnapshot", "parse_state"]

MAX_STATE_BYTES: Final = 1 << 28
_FORMAT: Final = "byleave-monitor/v2"
_OLD_FORMAT: Final = "byleave-monitor/v1"
"""Written before a monitor counted enrolments and followed lineages."""
_KEPT: Final = frozenset({"checkpoint", "findings", "told"})
_FIELDS: Final = _KEPT | {
    "decided", "directory", "enrolled", "erased", "format", "models", "next", "releases",
    "snapshots", "uses",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something that does not hold: its error code, the entry, the earlier entry it repeats."""

    code: str
    index: int
    what: str
    earlier: int | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {
            "code": self.code,
            "earlier": self.earlier,
            "index": self.index,
            "what": self.what,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenSnapshot:
    """What a monitor keeps of a `snapshot/v1`: name, epoch and leaf hash in hexadecimal, k, use."""

    name: str
    epoch: str
    k: int
    use: str
    leaf: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MonitorState:
    """What a monitor knows of one log.

    Attributes:
        checkpoint: The signed note seen last; None: none yet.
        next: Index of the first entry not read yet.
        snapshots: Index of each snapshot's entry to what is kept of it, ascending.
        releases: Index of each release's entry to its name and the index of its snapshot.
        models: Hexadecimal digest of each released model to its entry's index.
        directory: Number and index of the newest directory.
        enrolled: Enrolment entries read.
        erased: Members that erasure entries speak of.
        uses: Each use of a gate, a snapshot or a disclosure to the index of its last entry.
        decided: Each use of a gate to the latest instant that one decided at, as RFC 3339, and the
            index of that gate.
        findings: What was found so far.
        told: Enrolment commitment (hexadecimal) of each receipt to the index up to which its
            holder was told of snapshots and directories.
    """

    checkpoint: bytes | None = None
    next: int = 0
    snapshots: Mapping[int, SeenSnapshot] = field(default_factory=dict)
    releases: Mapping[int, tuple[str, int]] = field(default_factory=dict)
    models: Mapping[str, int] = field(default_factory=dict)
    directory: tuple[int, int] | None = None
    enrolled: int = 0
    erased: int = 0
    uses: Mapping[str, int] = field(default_factory=dict)
    decided: Mapping[str, tuple[str, int]] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()
    told: Mapping[str, int] = field(default_factory=dict)

    def encode(self) -> bytes:
        """Return its canonical bytes."""
        at = self.checkpoint
        document: dict[str, Any] = {
            "checkpoint": None if at is None else at.decode("utf-8"),
            # names may be any printable text, and the keys of our JSON are not
            "decided": [[use, at, index] for use, (at, index) in self.decided.items()],
            "directory": None if self.directory is None else list(self.directory),
            "enrolled": self.enrolled,
            "erased": self.erased,
            "findings": [finding.to_dict() for finding in self.findings],
            "format": _FORMAT,
            "models": dict(self.models),
            "next": self.next,
            "releases": [[index, *rest] for index, rest in self.releases.items()],
            "snapshots": [
                [index, seen.name, seen.epoch, seen.k, seen.use, seen.leaf]
                for index, seen in self.snapshots.items()
            ],
            "told": dict(self.told),
            "uses": [[use, index] for use, index in self.uses.items()],
        }
        return canonical.encode(document)


def parse_state(data: bytes) -> MonitorState:
    """Read a state file. One of version 1 gives a state whose log is read once more.

    Raises:
        EvidenceError: `monitor.state`.
    """
    try:
        if len(data) > MAX_STATE_BYTES:
            raise ValueError
        document: Any = canonical.decode(data)
        if not isinstance(document, dict):
            raise ValueError  # noqa: TRY004 (becomes monitor.state)
        state = _read_old(document) if document.get("format") == _OLD_FORMAT else _read(document)
        note = state.checkpoint
        size = 0 if note is None else parse_checkpoint(parse_note(note).text).size
        if not 0 <= state.next <= size:
            raise ValueError
    except (ValueError, TypeError, KeyError, AttributeError, ByleaveError) as error:
        raise EvidenceError("not a monitor's state", code="monitor.state") from error
    return state


def _read(document: dict[str, Any]) -> MonitorState:
    if document.keys() != _FIELDS or document["format"] != _FORMAT:
        raise ValueError
    newest = document["directory"]
    return MonitorState(
        **_kept(document),
        next=int(document["next"]),
        snapshots={
            int(index): SeenSnapshot(
                name=str(name), epoch=str(epoch), k=int(k), use=str(use), leaf=str(leaf)
            )
            for index, name, epoch, k, use, leaf in document["snapshots"]
        },
        releases={int(i): (str(name), int(of)) for i, name, of in document["releases"]},
        models={str(model): int(index) for model, index in document["models"].items()},
        directory=None if newest is None else (int(newest[0]), int(newest[1])),
        enrolled=int(document["enrolled"]),
        erased=int(document["erased"]),
        uses={str(use): int(index) for use, index in document["uses"]},
        decided={str(use): (str(at), int(index)) for use, at, index in document["decided"]},
    )


def _read_old(document: dict[str, Any]) -> MonitorState:
    if not document.keys() > _KEPT:
        raise ValueError
    return MonitorState(**_kept(document))


def _kept(document: dict[str, Any]) -> dict[str, Any]:
    note = document["checkpoint"]
    return {
        "checkpoint": None if note is None else note.encode("utf-8"),
        "findings": tuple(Finding(**item) for item in document["findings"]),
        "told": {str(who): int(index) for who, index in document["told"].items()},
    }
