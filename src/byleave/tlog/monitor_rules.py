"""What the entries of a log must not say, beside one another: a monitor's rules, entry by entry."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import replace
from typing import Final

from byleave import merkle
from byleave.errors import EvidenceError
from byleave.evidence.cessation import overlap
from byleave.evidence.entry import (
    CessationEntry,
    DirectoryEntry,
    DisclosureEntry,
    Entry,
    ErasureEntry,
    GateEntry,
    ReleaseEntry,
    SnapshotEntry,
    parse_entry,
)
from byleave.ids import format_instant
from byleave.tlog.monitor_state import Finding, MonitorState, SeenSnapshot

__all__ = ["Batch"]

_COMMITMENT: Final = re.compile(
    rb'\{"commitment":"([0-9a-f]{64})","kind":"(?:consent-event|(enrolment))/v1"\}'
)
"""The kinds of which a log has millions, in their one encoding: all there is to check of them."""


class Batch:
    """Takes entries in order, and gives the state after them.

    Args:
        before: The state before the first of them.
        mine: The commitment of the enrolment of a receipt in hexadecimal, and its index; None: no
            receipt watches.
    """

    def __init__(self, before: MonitorState, mine: tuple[bytes, int] | None) -> None:
        self._before = before
        self._mine = mine or (b"", -1)
        self._snapshots = dict(before.snapshots)
        self._releases = dict(before.releases)
        self._models = dict(before.models)
        self._directory = before.directory
        self._enrolled, self._erased = before.enrolled, before.erased
        self._uses, self._decided = dict(before.uses), dict(before.decided)
        self._findings = {(finding.code, finding.index): finding for finding in before.findings}
        self._sealed: dict[str, int] = {}
        self._epochs: dict[str, int] = {}
        for index, seen in self._snapshots.items():
            self._sealed.setdefault(seen.name, index)
            self._epochs.setdefault(seen.epoch, index)
        self._released: dict[str, int] = {}
        for index, (name, _) in self._releases.items():
            self._released.setdefault(name, index)

    def take(self, index: int, data: bytes) -> None:
        """Take one entry: its log index, its bytes."""
        plain = _COMMITMENT.fullmatch(data)
        if plain:
            if plain[2]:
                self._enrolled += 1
                commitment, enrolled = self._mine
                if plain[1] == commitment and index != enrolled:
                    what = "the enrolment that the receipt holds"
                    self._add("log.enrolment-twice", index, what, enrolled)
            return
        try:
            entry = parse_entry(data, Entry)
        except EvidenceError as error:
            self._add(error.code, index, error.message)
            return
        if isinstance(entry, GateEntry | SnapshotEntry | DisclosureEntry):
            self._uses[entry.use] = index
        match entry:
            case GateEntry():
                at = format_instant(entry.at)
                if entry.use not in self._decided or _after(at, self._decided[entry.use][0]):
                    self._decided[entry.use] = (at, index)
            case SnapshotEntry():
                self._snapshot(index, entry, data)
            case ReleaseEntry():
                self._release(index, entry)
            case DirectoryEntry():
                self._list(index, entry)
            case ErasureEntry():
                self._erased += entry.members
            case CessationEntry():
                self._cease(index, entry)
            case _:
                pass

    def state(self, end: int) -> MonitorState:
        """Return the state after the entries before `end`."""
        return replace(
            self._before,
            next=end,
            snapshots=self._snapshots,
            releases=self._releases,
            models=self._models,
            directory=self._directory,
            enrolled=self._enrolled,
            erased=self._erased,
            uses=self._uses,
            decided=self._decided,
            findings=tuple(self._findings.values()),
        )

    def _snapshot(self, index: int, entry: SnapshotEntry, data: bytes) -> None:
        """One of a name; a delta of one of its own epoch, k and use; else of a new epoch."""
        name, epoch = entry.snapshot, entry.epoch.hex()
        if name in self._sealed:
            self._add("log.snapshot-twice", index, name, self._sealed[name])
        if entry.parent is None:
            if epoch in self._epochs:
                self._add("log.epoch-twice", index, name, self._epochs[epoch])
        else:
            parent = self._snapshots.get(entry.parent)
            alike = (epoch, entry.k, entry.use)
            if parent is None or (parent.epoch, parent.k, parent.use) != alike:
                self._add("log.lineage-broken", index, name, entry.parent)
        self._snapshots[index] = SeenSnapshot(
            name=name, epoch=epoch, k=entry.k, use=entry.use, leaf=merkle.leaf_hash(data).hex()
        )
        self._sealed.setdefault(name, index)
        self._epochs.setdefault(epoch, index)

    def _release(self, index: int, entry: ReleaseEntry) -> None:
        """One of a name, one of a model, of a snapshot that stands where it says."""
        name, model = entry.release, entry.model.hex()
        if name in self._released:
            self._add("log.release-twice", index, name, self._released[name])
        if model in self._models:
            self._add("log.model-twice", index, f"sha256 {model}", self._models[model])
        of = self._snapshots.get(entry.snapshot)
        if of is None or of.leaf != entry.snapshot_leaf.hex():
            self._add("log.release-unsealed", index, name, entry.snapshot)
        self._releases[index] = (name, entry.snapshot)
        self._released.setdefault(name, index)
        self._models.setdefault(model, index)

    def _list(self, index: int, entry: DirectoryEntry) -> None:
        """Directories count up, and list as many as were enrolled before them and not erased."""
        before = self._directory
        number, previous = (0, None) if before is None else before
        if (entry.number, entry.previous) != (number + 1, previous):
            self._add("log.directory-order", index, f"directory {entry.number}", previous)
        if entry.members != self._enrolled - self._erased:
            what = (
                f"directory {entry.number} lists {entry.members:,}, and {self._enrolled:,} were"
                f" enrolled, {self._erased:,} of them erased"
            )
            self._add("log.directory-members", index, what)
        self._directory = (entry.number, index)

    def _cease(self, index: int, entry: CessationEntry) -> None:
        """No use of a statement's after the entry, or the instant, from which it counts."""
        since, against = format_instant(entry.since), defaultdict[str, int](lambda: -1)
        for use, last in self._uses.items():
            if last >= entry.first and overlap(use, entry.use):
                against[use] = last
        for use, (at, last) in self._decided.items():
            if not _after(since, at) and overlap(use, entry.use):
                against[use] = max(against[use], last)
        if against:
            self._add("log.cessation-contradicted", index, entry.use, max(against.values()))

    def _add(self, code: str, index: int, what: str, earlier: int | None = None) -> None:
        found = Finding(code=code, index=index, what=what, earlier=earlier)
        self._findings.setdefault((code, index), found)


def _after(one: str, other: str) -> bool:
    """Say whether an instant, as `format_instant` writes it, is after another."""
    return one.removesuffix("Z") > other.removesuffix("Z")  # a fraction comes after none
