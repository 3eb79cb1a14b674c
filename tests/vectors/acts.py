"""A platform that did one of everything: the proof files of each kind, from fixed bytes.

Beside `world`, which is about one snapshot and its members, this one unlearns, discloses, recalls,
states a cessation, keeps a directory, and enrols `eve`, who took part in making her secret.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from byleave import canonical, merkle
from byleave.evidence import certificate as certified
from byleave.evidence.bucket import inner_hash, label
from byleave.evidence.cessation import cessation_statement, signed_bytes
from byleave.evidence.delta_proof import BucketChange, DeltaProof, siblings_needed
from byleave.evidence.directory import (
    directory_commitment,
    directory_input,
    directory_label,
)
from byleave.evidence.enrolment import enrolment_commitment, joint_secret, offer_commitment
from byleave.evidence.entry import (
    CertificateEntry,
    CessationEntry,
    DirectoryEntry,
    DisclosureEntry,
    EnrolmentEntry,
    EnrolmentOfferEntry,
    GateEntry,
    RecallEntry,
    RecipeEntry,
    ReleaseEntry,
    SnapshotEntry,
    UnlearningEntry,
    parse_entry,
)
from byleave.evidence.log_proof import LoggedEntry
from byleave.evidence.proof_kinds import (
    AbsenceFile,
    CertificateFile,
    CessationFile,
    DeltaFile,
    DirectoryPart,
    DisclosureFile,
    EnrolledFile,
    Labelled,
    LineageFile,
    NotEnrolledFile,
    ProofFile,
    RecordFile,
    UnlearningFile,
)
from byleave.evidence.receipt import JointSecret, Receipt
from byleave.ids import MemberId, format_instant
from byleave.note import SignerKey
from byleave.snapshot.bucket_map import BucketMap, update
from byleave.snapshot.directory_map import DirectoryMap, build_directory_map
from byleave.tlog.reader import LogReader
from byleave.wiring.vrf import SodiumProver
from tests.vectors.world import (
    AT,
    ORIGIN,
    USE,
    World,
    derive,
    honest,
    seal,
    snapshot_entry,
)

__all__ = ["Acts", "acts"]

CEASED = "train.ranking.jobs/messages/platform"
STATER = SignerKey(name=f"{ORIGIN}/release", seed=derive("key release"))
TERMS: dict[str, Any] = {
    "format": "byleave-terms/v1",
    "disclosure": "package-1",
    "recipient": "provider.host",
    "use": "train.generative.replies/messages.inmail/provider.host",
    "may_train": True,
    "may_pass_on": False,
    "recall_days": 13,
    "expires": None,
}


@dataclass
class Acts:
    """What happened, by index, and the log of it."""

    world: World
    after: BucketMap
    at: dict[str, int]
    reader: LogReader
    directory: DirectoryMap
    prover: SodiumProver
    statement: dict[str, Any]
    certificate: dict[str, Any]

    def logged(self, what: str) -> LoggedEntry:
        """Return one entry by what it is about."""
        return self.reader.logged(self.at[what])

    def receipt(self, member: str) -> Receipt:
        """Return a member's receipt."""
        if member == "eve":
            return Receipt(
                member=MemberId("eve"),
                secret=joint_secret(derive("operator's nonce"), derive("eve's nonce")),
                enrolment=self.logged("eve"),
                joint=JointSecret(
                    operator=derive("operator's nonce"),
                    member=derive("eve's nonce"),
                    offer=self.logged("offer"),
                ),
            )
        old = self.world.receipt(member)
        return replace(
            old,
            enrolment=self.reader.logged(self.world.enrolments[member]),
            events=tuple(
                replace(event, logged=self.reader.logged(event.logged.proof.index))
                for event in old.events
            ),
        )

    def part(self, member: str) -> DirectoryPart:
        """Return what the directory says of an enrolled id."""
        alpha = directory_input(1, member)
        public = directory_label(self.prover.output(alpha))[:16]
        listed = self.directory.listed(public, self.prover.prove(alpha))
        return DirectoryPart(entry=self.logged("directory"), listed=listed)

    def absence(self, member: str) -> AbsenceFile:
        """Return that a member is not in the release after the unlearning, with the directory."""
        secret = self.receipt(member).secret
        public = label(secret, self.after.epoch)[:16]
        return AbsenceFile(
            release=self.logged("release-2"),
            snapshot=self.logged("set-2"),
            proof=self.after.absence(public),
            label=public,
            directory=self.part(member),
        )

    def record(self, member: str, number: int, *, for_others: bool = False) -> RecordFile:
        """Return one record of a member in the first release."""
        presence = self.world.presence(member).proof
        hashes = [merkle.leaf_hash(record.leaf_data()) for record in presence.records]
        reader = merkle.LevelReader(merkle.all_levels(hashes))
        labelled = Labelled(
            label=label(derive(f"secret {member}"), self.world.maps.epoch),
            enrolment=self.reader.logged(self.world.enrolments[member]),
        )
        return RecordFile(
            release=self.logged("release-1"),
            snapshot=self.logged("set-1"),
            labels=presence.labels,
            commitments=presence.commitments,
            path=presence.path,
            record=presence.records[number],
            index=number,
            of=len(hashes),
            siblings=merkle.inclusion_proof(number, len(hashes), reader),
            labelled=labelled if for_others else None,
        )

    def enrolled(self, member: str) -> EnrolledFile:
        """Return that the directory lists an id with one enrolment."""
        part = self.part(member)
        where = "eve" if member == "eve" else None
        enrolment = (
            self.logged(where) if where else self.reader.logged(self.world.enrolments[member])
        )
        return EnrolledFile(
            directory=part.entry, enrolment=enrolment, member=member, listed=part.listed
        )

    def not_enrolled(self, member: str) -> NotEnrolledFile:
        """Return that the directory does not list an id."""
        alpha = directory_input(1, member)
        public = directory_label(self.prover.output(alpha))[:16]
        return NotEnrolledFile(
            directory=self.logged("directory"),
            member=member,
            vrf=self.prover.prove(alpha),
            proof=self.directory.absence(public),
        )

    def platform(self) -> dict[str, ProofFile]:
        """Return the kinds that concern no member."""
        return {
            "lineage": LineageFile(
                release=self.logged("release-2"),
                recipe=self.logged("recipe-2"),
                snapshots=(self.logged("set-2"), self.logged("set-1")),
                gates=(self.logged("gate-2"), self.logged("gate-1")),
            ),
            "unlearning": UnlearningFile(
                unlearning=self.logged("unlearning"),
                old=self.logged("release-1"),
                old_snapshot=self.logged("set-1"),
                new=self.logged("release-2"),
                new_snapshot=self.logged("set-2"),
            ),
            "certificate": CertificateFile(
                certificate=self.logged("certificate"),
                unlearning=self.logged("unlearning"),
                old=self.logged("release-1"),
                old_snapshot=self.logged("set-1"),
                new=self.logged("release-2"),
                new_snapshot=self.logged("set-2"),
                new_gate=self.logged("gate-2"),
                statement=self.certificate,
                signature=STATER.sign(certified.signed_bytes(self.certificate)),
                proof=between(self.world.maps, self.after),
            ),
            "disclosure": DisclosureFile(
                disclosure=self.logged("disclosure"),
                snapshot=self.logged("set-1"),
                terms={**TERMS, "snapshot": self.at["set-1"]},
                recalls=(self.logged("recall"),),
            ),
            "delta": DeltaFile(
                old=self.logged("set-1"),
                new=self.logged("set-2"),
                proof=between(self.world.maps, self.after),
            ),
            "cessation": CessationFile(
                cessation=self.logged("cessation"),
                statement=self.statement,
                signature=STATER.sign(signed_bytes(self.statement)),
            ),
        }


def between(old: BucketMap, new: BucketMap) -> DeltaProof:
    """Return the audit proof between two maps that are held whole."""
    numbers = [n for n in range(1 << old.k) if old._levels[0][n] != new._levels[0][n]]
    return DeltaProof(
        changes=tuple(
            BucketChange(
                number=number,
                old_labels=tuple(slot[0] for slot in old._buckets[number]),
                old_inner=inner_hash([slot[1] for slot in old._buckets[number]]),
                new_labels=tuple(slot[0] for slot in new._buckets[number]),
                new_inner=inner_hash([slot[1] for slot in new._buckets[number]]),
            )
            for number in numbers
        ),
        siblings=tuple(new._levels[h][n] for h, n in siblings_needed(numbers, new.k)),
    )


def acts() -> Acts:
    """Return the platform, the same each time."""
    world = honest()
    entries = list(world.entries)
    at = {
        "gate-1": world.snapshot - 1, "set-1": world.snapshot,
        "recipe-1": world.release - 1, "release-1": world.release,
    }  # fmt: skip

    def log(what: str, entry: bytes) -> int:
        at[what] = len(entries)
        entries.append(entry)
        return at[what]

    log(
        "offer",
        EnrolmentOfferEntry(commitment=offer_commitment(derive("operator's nonce"))).encode(),
    )
    secret = joint_secret(derive("operator's nonce"), derive("eve's nonce"))
    log("eve", EnrolmentEntry(commitment=enrolment_commitment(secret, "eve")).encode())
    after = update(world.maps, removed=[world.public("ada")])
    _unlearn(entries, at, log, after)
    terms = {**TERMS, "snapshot": at["set-1"]}
    log(
        "disclosure",
        DisclosureEntry(
            disclosure="package-1",
            recipient="provider.host",
            snapshot=at["set-1"],
            use=TERMS["use"],
            terms=canonical.digest_of(terms),
        ).encode(),
    )
    log("recall", RecallEntry(disclosure=at["disclosure"], order=derive("order")).encode())
    statement = _cease(at, log, len(entries))
    prover = SodiumProver(derive("directory"))
    directory = _directory(entries, world, at, prover)
    log(
        "directory",
        DirectoryEntry(
            number=1,
            previous=None,
            k=directory.k,
            root=directory.root,
            vrf_key=prover.public_key,
            members=directory.members,
        ).encode(),
    )
    certificate = _certify(entries, at, log, world.public("ada"))
    return Acts(
        world=world,
        after=after,
        at=at,
        reader=seal(entries),
        directory=directory,
        prover=prover,
        statement=statement,
        certificate=certificate,
    )


def _certify(entries: list[bytes], at: dict[str, int], log: Any, gone: bytes) -> dict[str, Any]:
    def read(what: str, kind: Any) -> Any:
        return parse_entry(entries[at[what]], kind)

    statement = certified.certificate_statement(
        origin=ORIGIN,
        stated=format_instant(AT),
        heard=read("gate-2", GateEntry).ledger,
        unlearning=(at["unlearning"], read("unlearning", UnlearningEntry)),
        old=(read("release-1", ReleaseEntry), read("set-1", SnapshotEntry)),
        new=(read("release-2", ReleaseEntry), read("set-2", SnapshotEntry)),
        labels=[gone],
        purge={
            "rule": "states",
            "removed": [{"name": "runs/replies-1/state.json", "sha256": derive("state").hex()}],
        },
    )
    log(
        "certificate",
        CertificateEntry(
            unlearning=at["unlearning"],
            signer=STATER.verifier.public,
            statement=canonical.digest_of(statement),
        ).encode(),
    )
    return dict(statement)


def _unlearn(entries: list[bytes], at: dict[str, int], log: Any, after: BucketMap) -> None:
    log(
        "gate-2",
        GateEntry(
            gate="gate-2", record=derive("gate record 2"), use=USE, rows=40, kept=13,
            plan=derive("plan 2"), ledger=len(entries), at=AT,
        ).encode(),
    )  # fmt: skip
    sealed = snapshot_entry(after, gate=at["gate-2"], name="set-2")
    log("set-2", replace(sealed, parent=at["set-1"]).encode())
    log("recipe-2", RecipeEntry(trainer="replies", recipe=derive("recipe")).encode())
    log(
        "release-2",
        ReleaseEntry(
            release="replies-2",
            model=derive("model 2"),
            snapshot=at["set-2"],
            snapshot_leaf=merkle.leaf_hash(entries[at["set-2"]]),
            recipe=at["recipe-2"],
            trainer="replies",
            exact=True,
            parent=at["release-1"],
            statement=derive("statement 2"),
        ).encode(),
    )
    log(
        "unlearning",
        UnlearningEntry(
            from_=at["release-1"],
            to=at["release-2"],
            snapshot=at["set-2"],
            model=derive("model 2"),
            refit=derive("model 2"),
        ).encode(),
    )


def _cease(at: dict[str, int], log: Any, first: int) -> dict[str, Any]:
    when = format_instant(AT)
    statement = cessation_statement(
        origin=ORIGIN, operator="a vector", use=CEASED, since=when, first=first, stated=when
    )
    log(
        "cessation",
        CessationEntry(
            use=CEASED,
            since=AT,
            first=first,
            stated=AT,
            signer=STATER.verifier.public,
            statement=canonical.digest_of(statement),
        ).encode(),
    )
    return statement


def _directory(
    entries: list[bytes], world: World, at: dict[str, int], prover: SodiumProver
) -> DirectoryMap:
    enrolments = {**world.enrolments, "eve": at["eve"]}
    labels, commitments = [], []
    for member, index in enrolments.items():
        whole = directory_label(prover.output(directory_input(1, member)))
        labels.append(whole[:16])
        leaf = merkle.leaf_hash(entries[index])
        commitments.append(directory_commitment(whole[16:], index=index, leaf=leaf))
    return build_directory_map(labels, commitments)
