"""A small platform with a log, four members, one snapshot and one release, all from fixed bytes.

Every secret, salt and key here is derived from a label in the open, so that anybody can make the
same vectors; none is ever used for anything else. `forge` re-makes the log with other entries,
as a platform that lies would.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from byleave import merkle
from byleave.evidence.bucket import GroundOpening, RecordOpening, ground_commitment, label
from byleave.evidence.enrolment import enrolment_commitment, event_commitment
from byleave.evidence.entry import (
    ConsentEventEntry,
    EnrolmentEntry,
    GateEntry,
    RecipeEntry,
    ReleaseEntry,
    SnapshotEntry,
)
from byleave.evidence.log_proof import LoggedEntry
from byleave.evidence.proof_file import AbsenceFile, ConsentEventFile, PresenceFile
from byleave.evidence.receipt import Receipt, ReceiptEvent
from byleave.ids import MemberId
from byleave.note import SignerKey
from byleave.snapshot.bucket_map import BucketMap, MapMembers, build
from byleave.testing.log_faults import MemoryHead, MemorySource, MemoryTiles
from byleave.tlog.publish import publish
from byleave.tlog.reader import LogReader

ORIGIN = "log.test.invalid/vectors"
AT = datetime(2024, 9, 18, tzinfo=UTC)
USE = "train.generative.replies/messages.inmail/platform"
MEMBERS = ("ada", "bea", "cyd", "dov")
"""`ada` and `bea` have records in the snapshot, `cyd` and `dov` have none."""


def derive(what: str, size: int = 32) -> bytes:
    """Return fixed bytes for a label."""
    return hashlib.shake_256(b"byleave test vectors: " + what.encode()).digest(size)


def signer(name: str = ORIGIN) -> SignerKey:
    """Return the throw-away key of a log or a release."""
    return SignerKey(name=name, seed=derive(f"key {name}"))


def trust_text(key: SignerKey | None = None) -> str:
    """Return the trust file of the log."""
    return f"log {(key or signer()).verifier}\nquorum none\n"


def event_of(member: str, kind: str = "grant") -> dict[str, Any]:
    """Return a consent event's document."""
    return {"kind": kind, "member": member, "scope": USE, "recorded": "2024-09-18T00:00:00Z"}


@dataclass
class World:
    """What the platform has; `seal` turns `entries` into a published log."""

    entries: list[bytes]
    maps: BucketMap
    enrolments: dict[str, int]
    events: dict[str, int]
    openings: dict[bytes, GroundOpening]
    snapshot: int
    release: int
    reader: LogReader

    def public(self, member: str) -> bytes:
        """Return the public half of a member's label."""
        return label(derive(f"secret {member}"), self.maps.epoch)[:16]

    def receipt(self, member: str) -> Receipt:
        """Return a member's receipt."""
        events: tuple[ReceiptEvent, ...] = ()
        if member in self.events:
            events = (self.event(member),)
        return Receipt(
            member=MemberId(member),
            secret=derive(f"secret {member}"),
            enrolment=self.reader.logged(self.enrolments[member]),
            events=events,
        )

    def event(self, member: str) -> ReceiptEvent:
        """Return a member's logged consent event."""
        return ReceiptEvent(
            event=event_of(member),
            salt=derive(f"event salt {member}"),
            logged=self.reader.logged(self.events[member]),
        )

    def absence(self, member: str, *, with_label: bool = True) -> AbsenceFile:
        """Return the absence proof file of a member."""
        public = self.public(member)
        return AbsenceFile(
            release=self.reader.logged(self.release),
            snapshot=self.reader.logged(self.snapshot),
            proof=self.maps.absence(public),
            label=public if with_label else None,
        )

    def presence(self, member: str) -> PresenceFile:
        """Return the presence proof file of a member."""
        return PresenceFile(
            release=self.reader.logged(self.release),
            snapshot=self.reader.logged(self.snapshot),
            proof=self.maps.presence(self.public(member), self.openings),
        )

    def consent_event(self, member: str) -> ConsentEventFile:
        """Return the consent-event proof file of a member."""
        return ConsentEventFile(event=self.event(member))


def seal(entries: Sequence[bytes], key: SignerKey | None = None) -> LogReader:
    """Publish `entries` as a log, and return its reader."""
    key = key or signer()
    tiles = MemoryTiles()
    publish(MemorySource(entries), tiles, MemoryHead(), key, origin=key.name)
    return LogReader(tiles, verifier=key.verifier)


def record(member: str, number: int, ground: tuple[int, bytes]) -> tuple[bytes, GroundOpening]:
    """Return one record leaf's data and the opening of its ground."""
    opening = GroundOpening(
        salt=derive(f"ground salt {member} {number}", 16), index=ground[0], leaf=ground[1]
    )
    data = RecordOpening(
        salt=derive(f"salt {member} {number}", 16),
        digest=derive(f"record {number}"),
        role=1 if number % 2 else 2,
        ground=1,
        ground_commitment=ground_commitment(opening.salt, opening.index, opening.leaf),
    ).leaf_data()
    return data, opening


def honest(
    *,
    counts: dict[str, int] | None = None,
    k: int | None = None,
    crowd: int = 12,
    ground: tuple[int, bytes] | None = None,
) -> World:
    """Return the platform that did what it says.

    Args:
        counts: Records in the snapshot by member.
        k: Buckets of the map; None: as the rule chooses.
        crowd: How many further members, with one record each, share the map.
        ground: Index and leaf that every record claims as its ground; None: the true ones.
    """
    counts = {"ada": 3, "bea": 1} if counts is None else counts
    entries: list[bytes] = []
    enrolments: dict[str, int] = {}
    events: dict[str, int] = {}
    names = (*MEMBERS, *(f"m{number}" for number in range(crowd)))
    for name in names:
        enrolments[name] = len(entries)
        commitment = enrolment_commitment(derive(f"secret {name}"), name)
        entries.append(EnrolmentEntry(commitment=commitment).encode())
    for name in counts:
        events[name] = len(entries)
        commitment = event_commitment(derive(f"event salt {name}"), event_of(name))
        entries.append(ConsentEventEntry(commitment=commitment).encode())
    openings: dict[bytes, GroundOpening] = {}
    records: list[list[bytes]] = []
    present = [*counts, *names[len(MEMBERS) :]]
    for name in present:
        index = events.get(name, enrolments[name])
        where = ground or (index, merkle.leaf_hash(entries[index]))
        made = [record(name, number, where) for number in range(counts.get(name, 1))]
        openings |= {data: opening for data, opening in made if name in events}
        records.append([data for data, _ in made])
    maps = build(
        MapMembers(
            secrets=[derive(f"secret {name}") for name in present],
            enrolment_indexes=[enrolments[name] for name in present],
            enrolment_leaves=[merkle.leaf_hash(entries[enrolments[name]]) for name in present],
            records=records,
        ),
        epoch=derive("epoch", 16),
        k=k,
    )
    snapshot, release = model_entries(entries, maps)
    return World(
        entries=entries,
        maps=maps,
        enrolments=enrolments,
        events=events,
        openings=openings,
        snapshot=snapshot,
        release=release,
        reader=seal(entries),
    )


def model_entries(entries: list[bytes], maps: BucketMap) -> tuple[int, int]:
    """Append gate, snapshot, recipe and release; return the snapshot's and release's index."""
    gate = len(entries)
    entries.append(
        GateEntry(
            gate="gate-1",
            record=derive("gate record"),
            use=USE,
            rows=40,
            kept=16,
            plan=derive("plan"),
            ledger=gate,
            at=AT,
        ).encode()
    )
    snapshot = len(entries)
    entries.append(snapshot_entry(maps, gate=gate).encode())
    recipe = len(entries)
    entries.append(RecipeEntry(trainer="replies", recipe=derive("recipe")).encode())
    entries.append(release_entry(entries, snapshot=snapshot, recipe=recipe).encode())
    return snapshot, recipe + 1


def snapshot_entry(maps: BucketMap, *, gate: int, name: str = "set-1") -> SnapshotEntry:
    """Return the snapshot's entry."""
    return SnapshotEntry(
        snapshot=name,
        parent=None,
        epoch=maps.epoch,
        k=maps.k,
        root=maps.root,
        members=maps.members,
        records=maps.party_records,
        use=USE,
        gate=gate,
        manifest=derive("manifest"),
    )


def release_entry(entries: Sequence[bytes], *, snapshot: int, recipe: int) -> ReleaseEntry:
    """Return the release's entry, naming the snapshot by index and leaf."""
    return ReleaseEntry(
        release="replies-1",
        model=derive("model"),
        snapshot=snapshot,
        snapshot_leaf=merkle.leaf_hash(entries[snapshot]),
        recipe=recipe,
        trainer="replies",
        exact=True,
        parent=None,
        statement=derive("statement"),
    )


def relogged(world: World, entries: Sequence[bytes]) -> dict[int, LoggedEntry]:
    """Return each entry's log proof in a log of other entries, signed by the same key."""
    reader = seal(entries)
    return {index: reader.logged(index) for index in range(len(entries))}
