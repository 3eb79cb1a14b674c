"""Follow somebody's log: it only grows, says nothing twice, and keeps what a receipt holds.

Each visit:

(1) read the checkpoint; a key of the log signed it
(2) it extends the one seen last: the same tree, or one whose beginning has that root, recomputed
    from tiles that lead to the new root. If not, there are two histories: a fork proof
(3) the trust file's quorum cosigned it
(4) read every entry not seen before, each against its tile
(5) no two of them, old ones included, seal snapshots of one name or lineages of one epoch, release
    models of one name or of one digest; a delta's parent is a snapshot of its lineage, a release's
    snapshot one of the log; directories count up, each naming the one before it, and list as many
    members as were enrolled and not erased; no statement of cessation is contradicted by an entry
    before it; each is of a known kind, in its one encoding (`monitor_rules`)
(6) with a receipt: the log still holds each of its entries at its index, and extends each of its
    checkpoints, which is where a history made for its holder alone shows; it enrols its holder
    once; every snapshot has a bucket in which the holder is listed or not; of a directory, a
    proof says whether it lists that one enrolment

What a monitor knows is in its state, which it hands out after each batch of entries: whoever keeps
it can stop at any moment and go on later.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

from byleave import merkle
from byleave.errors import EvidenceError, InputError
from byleave.evidence.bucket import bucket_of, label
from byleave.evidence.entry import EnrolmentEntry, parse_entry
from byleave.evidence.fork import ForkProof
from byleave.evidence.log_proof import LoggedEntry
from byleave.evidence.receipt import Receipt
from byleave.ids import Digest
from byleave.merkle.tile import TILE_WIDTH
from byleave.note.checkpoint import Checkpoint, parse_checkpoint
from byleave.note.signed import parse_note
from byleave.note.trust import Trust
from byleave.tlog.monitor_rules import Batch
from byleave.tlog.monitor_state import MAX_STATE_BYTES, Finding, MonitorState, parse_state
from byleave.tlog.ports import TileSource
from byleave.tlog.reader import LogReader

__all__ = ["MAX_STATE_BYTES", "Finding", "ForkError", "Monitor", "MonitorState", "parse_state"]

_BATCH: Final = 64 * TILE_WIDTH


class ForkError(EvidenceError):
    """The log signed two histories; `proof` shows it to anybody."""

    def __init__(self, proof: ForkProof) -> None:
        super().__init__("the log signed two histories", code="log.forked")
        self.proof = proof


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
            ForkError: `log.forked`; it stays among the findings of the state.
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
        try:
            reader = self._extended(note, new)
        except ForkError:
            self._keep_fork(new)
            raise
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
        try:
            self._compare_receipt(reader)
        except ForkError:
            self._keep_fork(new)
            raise
        yield self.state

    def new_directory(self) -> dict[str, int] | None:
        """Return the newest directory where the receipt's holder was not told of it; else None.

        Whom it lists an entry does not say: a proof does. To be called before `buckets`.
        """
        newest = self.state.directory
        if self._receipt is None or newest is None or newest[1] <= self._told():
            return None
        return {"number": newest[0], "index": newest[1]}

    def buckets(self) -> list[dict[str, Any]]:
        """Return each snapshot that is new, or on which a release is, with the holder's bucket.

        New is what the receipt's holder was not told of; then it is told. An entry does not say
        whether the bucket lists the holder: a proof does.
        """
        if self._receipt is None:
            return []
        before = self._told()
        enrolled = self._receipt.enrolment.proof.index
        trained: dict[int, list[str]] = {}
        for index, (name, of) in self.state.releases.items():
            if index > before or of > before:
                trained.setdefault(of, []).append(name)
        found = []
        for index, seen in self.state.snapshots.items():
            if index > before or index in trained:
                public = label(self._receipt.secret, bytes.fromhex(seen.epoch))[:16]
                found.append(
                    {
                        "snapshot": seen.name,
                        "index": index,
                        "bucket": bucket_of(public, seen.k),
                        "of": 1 << seen.k,
                        "after_enrolment": index > enrolled,
                        "releases": trained.get(index, []),
                    }
                )
        who = _commitment(self._receipt).hex()
        self.state = replace(self.state, told={**self.state.told, who: self.state.next - 1})
        return found

    def _told(self) -> int:
        """Return the index up to which the receipt's holder was told."""
        assert self._receipt is not None  # noqa: S101 (for the types)
        return self.state.told.get(_commitment(self._receipt).hex(), -1)

    def _keep_fork(self, new: Checkpoint) -> None:
        """Note among the findings that another tree than the one seen was signed."""
        kept = self.state.checkpoint
        last = new if kept is None else parse_checkpoint(parse_note(kept).text)
        small, large = sorted((last.size, new.size))
        fork = Finding(
            code="log.forked",
            index=small,
            what=f"entries before it differ in a signed tree of {large:,}",
        )
        if fork not in self.state.findings:
            self.state = replace(self.state, findings=(*self.state.findings, fork))

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
        if shown != at.root and at.size == reader.size:
            raise ForkError(ForkProof(first=note, second=large, shown=None, path=()))
        if shown != at.root:
            path = reader.consistency(at.size)
            raise ForkError(ForkProof(first=note, second=large, shown=shown, path=path))

    def _read(self, reader: LogReader, start: int, end: int) -> MonitorState:
        held = self._receipt
        mine = None
        if held is not None:
            mine = (_commitment(held).hex().encode(), held.enrolment.proof.index)
        batch = Batch(self.state, mine)
        for index, data in enumerate(reader.entries(start, end), start=start):
            batch.take(index, data)
        return batch.state(end)

    def _check_receipt(self, reader: LogReader) -> None:
        if self._receipt is None:
            return
        held = _held(self._receipt)
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

    def _compare_receipt(self, reader: LogReader) -> None:
        """Hold the log to the checkpoints in the receipt: its holder may have been shown another.

        One that no key of the log signed is nobody's word, and is passed over.
        """
        if self._receipt is None:
            return
        logs = replace(self._trust, quorum=None)
        for note in sorted({item.proof.checkpoint for item in _held(self._receipt)}):
            try:
                at = logs.check(note).checkpoint
            except EvidenceError:
                continue
            if at.origin != reader.checkpoint().origin:
                continue
            if at.size > reader.size:
                raise _rolled_back(at.size, reader.size)
            self._check_prefix(reader, small=(note, at), large=reader.checkpoint_bytes())


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


def _held(receipt: Receipt) -> list[LoggedEntry]:
    """Return every entry that a receipt holds."""
    offer = [] if receipt.joint is None else [receipt.joint.offer]
    return [receipt.enrolment, *(event.logged for event in receipt.events), *offer]


def _commitment(receipt: Receipt) -> Digest:
    return Digest(parse_entry(receipt.enrolment.entry, EnrolmentEntry).commitment)
