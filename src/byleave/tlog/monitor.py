"""Follow somebody's log: it only grows, says nothing twice, and keeps what a receipt holds.

Each visit:

(1) read the checkpoint; a key of the log signed it
(2) it extends the one seen last: the same tree, or one whose beginning has that root, recomputed
    from tiles that lead to the new root. If not, there are two histories: a fork proof
(3) the trust file's quorum cosigned it
(4) read every entry not seen before, each against its tile
(5) no two of them, old ones included, seal snapshots of one name, release models of one name or
    of one digest; directories count up, each naming the one before it; no statement of cessation
    is contradicted by an entry before it; each is of a known kind, in its one encoding
(6) with a receipt: the log still holds each of its entries at its index, and enrols its holder
    once; every snapshot has a bucket in which the holder is listed or not

What a monitor knows is in its state, which it hands out after each batch of entries: whoever keeps
it can stop at any moment and go on later. The state is public: no receipt leaves a trace in it
but the enrolment's commitment, which the log shows anyway.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from byleave import canonical, merkle
from byleave.errors import ByleaveError, EvidenceError, InputError
from byleave.evidence.bucket import bucket_of, label
from byleave.evidence.cessation import overlap
from byleave.evidence.entry import (
    CessationEntry,
    DirectoryEntry,
    DisclosureEntry,
    EnrolmentEntry,
    Entry,
    GateEntry,
    ReleaseEntry,
    SnapshotEntry,
    parse_entry,
)
from byleave.evidence.fork import ForkProof
from byleave.evidence.receipt import Receipt
from byleave.ids import Digest
from byleave.merkle.tile import TILE_WIDTH
from byleave.note.checkpoint import Checkpoint, parse_checkpoint
from byleave.note.signed import parse_note
from byleave.note.trust import Trust
from byleave.tlog.ports import TileSource
from byleave.tlog.reader import LogReader

__all__ = ["MAX_STATE_BYTES", "Finding", "ForkError", "Monitor", "MonitorState", "parse_state"]

MAX_STATE_BYTES: Final = 1 << 28
_FORMAT: Final = "byleave-monitor/v1"
_FIELDS: Final = frozenset(
    {
        "checkpoint", "directory", "findings", "format", "models", "next", "releases",
        "snapshots", "told", "uses",
    }
)  # fmt: skip
_BATCH: Final = 64 * TILE_WIDTH
_COMMITMENT: Final = re.compile(
    rb'\{"commitment":"([0-9a-f]{64})","kind":"(?:consent-event|(enrolment))/v1"\}'
)
"""The kinds of which a log has millions, in their one encoding: all there is to check of them."""


class ForkError(EvidenceError):
    """The log signed two histories; `proof` shows it to anybody."""

    def __init__(self, proof: ForkProof) -> None:
        super().__init__("the log signed two histories", code="log.forked")
        self.proof = proof


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
class MonitorState:
    """What a monitor knows of one log.

    Attributes:
        checkpoint: The signed note seen last; None: none yet.
        next: Index of the first entry not read yet.
        snapshots: Name of each snapshot to [index, epoch in hexadecimal, k].
        releases: Name of each release to [index, index of its snapshot].
        models: Hexadecimal digest of each released model to its entry's index.
        directory: Number and index of the newest directory.
        uses: Each use of a gate, a snapshot or a disclosure to the index of its last entry.
        findings: What was found so far.
        told: Enrolment commitment (hexadecimal) of each receipt to the index up to which its
            holder was told of snapshots.
    """

    checkpoint: bytes | None = None
    next: int = 0
    snapshots: Mapping[str, list[Any]] = field(default_factory=dict)
    releases: Mapping[str, list[int]] = field(default_factory=dict)
    models: Mapping[str, int] = field(default_factory=dict)
    directory: tuple[int, int] | None = None
    uses: Mapping[str, int] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()
    told: Mapping[str, int] = field(default_factory=dict)

    def encode(self) -> bytes:
        """Return its canonical bytes."""
        at = self.checkpoint
        document: dict[str, Any] = {
            "checkpoint": None if at is None else at.decode("utf-8"),
            "directory": None if self.directory is None else list(self.directory),
            "findings": [finding.to_dict() for finding in self.findings],
            "format": _FORMAT,
            "models": dict(self.models),
            "next": self.next,
            # names may be any printable text, and the keys of our JSON are not
            "releases": [[name, *rest] for name, rest in self.releases.items()],
            "snapshots": [[name, *rest] for name, rest in self.snapshots.items()],
            "told": dict(self.told),
            "uses": [[use, index] for use, index in self.uses.items()],
        }
        return canonical.encode(document)


def parse_state(data: bytes) -> MonitorState:
    """Read a state file.

    Raises:
        EvidenceError: `monitor.state`.
    """
    try:
        if len(data) > MAX_STATE_BYTES:
            raise ValueError
        document: Any = canonical.decode(data)
        if not isinstance(document, dict) or document.keys() != _FIELDS:
            raise ValueError
        if document["format"] != _FORMAT:
            raise ValueError
        note, newest = document["checkpoint"], document["directory"]
        state = MonitorState(
            checkpoint=None if note is None else note.encode("utf-8"),
            next=int(document["next"]),
            snapshots={name: [int(i), str(e), int(k)] for name, i, e, k in document["snapshots"]},
            releases={name: [int(i), int(s)] for name, i, s in document["releases"]},
            models={str(model): int(index) for model, index in document["models"].items()},
            directory=None if newest is None else (int(newest[0]), int(newest[1])),
            uses={str(use): int(index) for use, index in document["uses"]},
            findings=tuple(Finding(**item) for item in document["findings"]),
            told={str(who): int(index) for who, index in document["told"].items()},
        )
        size = 0 if note is None else parse_checkpoint(parse_note(note.encode()).text).size
        if not 0 <= state.next <= size:
            raise ValueError
    except (ValueError, TypeError, KeyError, AttributeError, ByleaveError) as error:
        raise EvidenceError("not a monitor's state", code="monitor.state") from error
    return state


class Monitor:
    """One follower of one log.

    Args:
        tiles: Where the log's files are read.
        trust: Its key, its witnesses, the quorum.
        state: What was known before.
        receipt: A member's receipt whose holder wants to be told.
    """

    def __init__(
        self,
        tiles: TileSource,
        trust: Trust,
        state: MonitorState | None = None,
        *,
        receipt: Receipt | None = None,
    ) -> None:
        self._tiles = tiles
        self._trust = trust
        self._receipt = receipt
        self.state = state or MonitorState()

    def visit(self) -> Iterator[MonitorState]:
        """Do what the module says; yield the state after the checkpoint and after each batch.

        Raises:
            ForkError: `log.forked`.
            InputError: `log.no-checkpoint`.
            EvidenceError: `log.rolled-back`; `log.tile-damaged`, `log.tile-missing`,
                `log.entry-damaged`; `monitor.state`, the state is of another log; codes of notes
                and of the trust file.
            WorldError: `log.unreachable`.
        """
        # (1)
        note = self._tiles.read_checkpoint()
        if note is None:
            raise InputError("the log has no checkpoint yet", code="log.no-checkpoint")
        new = replace(self._trust, quorum=None).check(note).checkpoint
        # (2)
        reader = self._extended(note, new)
        # (3)
        self._trust.check(note)
        self.state = replace(self.state, checkpoint=note)
        yield self.state
        # (4) (5)
        while self.state.next < new.size:
            start = self.state.next
            end = min((start // TILE_WIDTH) * TILE_WIDTH + _BATCH, new.size)
            self.state = self._read(reader, start, end)
            yield self.state
        # (6)
        self._check_receipt(reader)
        yield self.state

    def buckets(self) -> list[dict[str, Any]]:
        """Return each snapshot not told yet, with the receipt holder's bucket; then it is told.

        An entry does not say whether the bucket lists the holder: a proof does.
        """
        if self._receipt is None:
            return []
        who = _commitment(self._receipt).hex()
        before = self.state.told.get(who, -1)
        enrolled = self._receipt.enrolment.proof.index
        found = []
        for name, (index, epoch, k) in self.state.snapshots.items():
            if index > before:
                public = label(self._receipt.secret, bytes.fromhex(epoch))[:16]
                releases = [n for n, (_, of) in self.state.releases.items() if of == index]
                found.append(
                    {
                        "snapshot": name,
                        "index": index,
                        "bucket": bucket_of(public, k),
                        "of": 1 << k,
                        "after_enrolment": index > enrolled,
                        "releases": releases,
                    }
                )
        self.state = replace(self.state, told={**self.state.told, who: self.state.next - 1})
        return found

    def _extended(self, note: bytes, new: Checkpoint) -> LogReader:
        """Return a reader at the new checkpoint, which extends the one seen last."""
        kept = self.state.checkpoint
        if kept is None:
            return LogReader(_At(self._tiles, note))
        last = parse_checkpoint(parse_note(kept).text)
        if last.origin != new.origin:
            raise EvidenceError("the state is of another log", code="monitor.state")
        if last.size == new.size and last.root != new.root:
            raise ForkError(ForkProof(first=kept, second=note, shown=None, path=()))
        if new.size < last.size:
            try:
                old = LogReader(_At(self._tiles, kept))
                self._check_prefix(old, small=(note, new), large=kept)
            except ForkError:
                raise
            except EvidenceError as error:  # the tiles that would tell are gone
                raise _rolled_back(last.size, new.size) from error
            raise _rolled_back(last.size, new.size)
        reader = LogReader(_At(self._tiles, note))
        self._check_prefix(reader, small=(kept, last), large=note)
        return reader

    @staticmethod
    def _check_prefix(reader: LogReader, *, small: tuple[bytes, Checkpoint], large: bytes) -> None:
        """Check that the tree of `reader`, signed as `large`, begins with the small one."""
        note, at = small
        shown = reader.root(at.size)
        if shown != at.root:
            path = reader.consistency(at.size)
            raise ForkError(ForkProof(first=note, second=large, shown=shown, path=path))

    def _read(self, reader: LogReader, start: int, end: int) -> MonitorState:
        batch = _Batch(self.state, self._receipt)
        for index, data in enumerate(reader.entries(start, end), start=start):
            batch.take(index, data)
        return batch.state(end)

    def _check_receipt(self, reader: LogReader) -> None:
        if self._receipt is None:
            return
        held = [self._receipt.enrolment, *(event.logged for event in self._receipt.events)]
        told = {finding.index for finding in self.state.findings}
        found = [
            Finding(
                code="log.receipt-differs",
                index=item.proof.index,
                what="the receipt holds another entry",
            )
            for item in held
            if item.proof.index < reader.size
            and item.proof.index not in told
            and reader.leaf_hash(item.proof.index) != merkle.leaf_hash(item.entry)
        ]
        self.state = replace(self.state, findings=(*self.state.findings, *found))


class _Batch:
    """Takes entries in order, and gives the state after them."""

    def __init__(self, before: MonitorState, receipt: Receipt | None) -> None:
        self._before = before
        self._mine = b"" if receipt is None else _commitment(receipt).hex().encode()
        self._enrolled = None if receipt is None else receipt.enrolment.proof.index
        self._snapshots = dict(before.snapshots)
        self._releases = dict(before.releases)
        self._models = dict(before.models)
        self._directory = before.directory
        self._uses = dict(before.uses)
        self._findings = list(before.findings)

    def take(self, index: int, data: bytes) -> None:
        plain = _COMMITMENT.fullmatch(data)
        if plain:
            if plain[2] and plain[1] == self._mine and index != self._enrolled:
                what = "the enrolment that the receipt holds"
                self._add("log.enrolment-twice", index, what, self._enrolled)
            return
        try:
            entry = parse_entry(data, Entry)
        except EvidenceError as error:
            self._add(error.code, index, error.message)
            return
        self._follow(index, entry)
        if isinstance(entry, SnapshotEntry):
            name = entry.snapshot
            if name in self._snapshots:
                self._add("log.snapshot-twice", index, name, self._snapshots[name][0])
            else:
                self._snapshots[name] = [index, entry.epoch.hex(), entry.k]
        elif isinstance(entry, ReleaseEntry):
            name, model = entry.release, entry.model.hex()
            if name in self._releases:
                self._add("log.release-twice", index, name, self._releases[name][0])
            else:
                self._releases[name] = [index, entry.snapshot]
            if model in self._models:
                self._add("log.model-twice", index, f"sha256 {model}", self._models[model])
            else:
                self._models[model] = index

    def _follow(self, index: int, entry: Entry) -> None:
        """Take what later entries are held to: uses, directories, statements of cessation."""
        if isinstance(entry, GateEntry | SnapshotEntry | DisclosureEntry):
            self._uses[entry.use] = index
        if isinstance(entry, DirectoryEntry):
            before = self._directory
            number, previous = (0, None) if before is None else before
            if (entry.number, entry.previous) != (number + 1, previous):
                self._add("log.directory-order", index, f"directory {entry.number}", previous)
            self._directory = (entry.number, index)
        elif isinstance(entry, CessationEntry):
            for use, last in self._uses.items():
                if last >= entry.first and overlap(use, entry.use):
                    self._add("log.cessation-contradicted", index, entry.use, last)

    def state(self, end: int) -> MonitorState:
        return replace(
            self._before,
            next=end,
            snapshots=self._snapshots,
            releases=self._releases,
            models=self._models,
            directory=self._directory,
            uses=self._uses,
            findings=tuple(self._findings),
        )

    def _add(self, code: str, index: int, what: str, earlier: int | None = None) -> None:
        self._findings.append(Finding(code=code, index=index, what=what, earlier=earlier))


class _At:
    """A log's files, standing at one checkpoint while the log goes on."""

    def __init__(self, tiles: TileSource, note: bytes) -> None:
        self._tiles = tiles
        self._note = note

    def read(self, path: str) -> bytes:
        return self._tiles.read(path)

    def read_checkpoint(self) -> bytes:
        return self._note


def _rolled_back(before: int, now: int) -> EvidenceError:
    return EvidenceError(
        f"the log showed {before:,} entries before, and shows {now:,} now", code="log.rolled-back"
    )


def _commitment(receipt: Receipt) -> Digest:
    return Digest(parse_entry(receipt.enrolment.entry, EnrolmentEntry).commitment)
