"""Operators who own the log, its key and every map cheat members and outsiders: who notices (G7, G9, G10)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from itertools import combinations

import pytest

from byleave import merkle
from byleave.errors import EvidenceError, WorldError
from byleave.evidence.bucket import label
from byleave.evidence.delta_proof import verify_delta
from byleave.evidence.enrolment import enrolment_commitment
from byleave.evidence.entry import (
    CessationEntry,
    DirectoryEntry,
    EnrolmentEntry,
    ErasureEntry,
    ReleaseEntry,
    SnapshotEntry,
    parse_entry,
)
from byleave.evidence.fork import parse_fork
from byleave.evidence.log_proof import LoggedEntry
from byleave.evidence.proof_file import AbsenceFile, ProofFile, encode_proof_file
from byleave.evidence.proof_kinds import LineageFile
from byleave.evidence.receipt import Receipt
from byleave.note import SignerKey, parse_trust
from byleave.note.signed import Note, add_signatures, parse_note
from byleave.snapshot.bucket_map import MapMembers, build, update
from byleave.testing.log_faults import MemoryHead, MemorySource, MemoryTiles
from byleave.tlog.cosign import Quorum
from byleave.tlog.monitor import ForkError, Monitor, MonitorState
from byleave.tlog.publish import publish
from byleave.verify import Verdict, verify
from tests.unit.tlog.logs import ENTRIES, KEY, Log
from tests.unit.tlog.test_cosign import made as witnesses
from tests.vectors.acts import Acts, acts, between
from tests.vectors.world import (
    AT,
    ORIGIN,
    USE,
    World,
    derive,
    honest,
    release_entry,
    seal,
    signer,
    snapshot_entry,
    trust_text,
)


@cache
def world() -> World:
    return honest()


@cache
def done() -> Acts:
    return acts()


def told(proof: ProofFile, receipt: Receipt | None, trust: str | None = None) -> Verdict:
    data = None if receipt is None else receipt.encode()
    return verify(encode_proof_file(proof), trust or trust_text(), data)


def code(verdict: Verdict) -> str | None:
    """Return the code of the check that failed; None: verified."""
    assert verdict.ok is (verdict.failed is None)
    return None if verdict.failed is None else verdict.failed.code


def monitored(entries: Sequence[bytes]) -> list[tuple[str, int, int | None]]:
    """Return what anybody who follows a log of these entries finds, without a receipt."""
    tiles = MemoryTiles()
    publish(MemorySource(entries), tiles, MemoryHead(), signer(), origin=ORIGIN)
    monitor = Monitor(tiles, parse_trust(trust_text()))
    for _ in monitor.visit():
        pass
    return [(f.code, f.index, f.earlier) for f in monitor.state.findings]


def test_what_honest_platforms_log_is_found_sound() -> None:
    """A monitor finds nothing in the logs that the attacks below start from."""
    assert monitored(world().entries) == []
    entries = [done().reader.entry(index) for index in range(done().reader.size)]
    assert monitored(entries) == []


# --- G7: which map, whose label -----------------------------------------------------------------


def without_ada() -> tuple[list[bytes], dict[str, int]]:
    """Log a second map, without ada, under the first one's name, and a release of the same model."""
    base = world()
    entries = list(base.entries)
    shown = update(base.maps, removed=[base.public("ada")])
    at = {"snapshot": len(entries)}
    entries.append(snapshot_entry(shown, gate=base.snapshot - 1).encode())
    at["release"] = len(entries)
    entries.append(
        release_entry(entries, snapshot=at["snapshot"], recipe=base.release - 1).encode()
    )
    return entries, at


def test_two_maps_for_two_people_stand_in_one_log() -> None:
    """A map made for ada alone verifies for her, and anybody who follows the log sees both."""
    entries, at = without_ada()
    reader = seal(entries)
    shown = update(world().maps, removed=[world().public("ada")])
    lie = AbsenceFile(
        release=reader.logged(at["release"]),
        snapshot=reader.logged(at["snapshot"]),
        proof=shown.absence(world().public("ada")),
        label=world().public("ada"),
    )
    assert code(told(lie, world().receipt("ada"))) is None
    assert {name for name, _, _ in monitored(entries)} == {
        "log.snapshot-twice",
        "log.epoch-twice",
        "log.release-twice",
        "log.model-twice",
    }


def test_no_proof_mixes_two_maps() -> None:
    """The map made for ada under the true release, or the true snapshot, is refused."""
    entries, at = without_ada()
    reader = seal(entries)
    shown = update(world().maps, removed=[world().public("ada")])
    lie = AbsenceFile(
        release=reader.logged(world().release),
        snapshot=reader.logged(at["snapshot"]),
        proof=shown.absence(world().public("ada")),
        label=world().public("ada"),
    )
    assert code(told(lie, world().receipt("ada"))) == "verify.wrong-entry"
    lie = replace(lie, snapshot=reader.logged(world().snapshot))
    assert code(told(lie, world().receipt("ada"))) == "map.root-mismatch"


def test_no_selection_of_the_records_is_all_of_them() -> None:
    """Every choice of fewer of a member's records, one twice, or another order, is refused."""
    honest_file = world().presence("ada")
    records = honest_file.proof.records
    assert len(records) == 3
    lies = [choice for n in (0, 1, 2) for choice in combinations(records, n)]
    lies += [(*records, records[0]), (records[1], records[0], records[2])]
    for lie in lies:
        forged = replace(honest_file, proof=replace(honest_file.proof, records=lie))
        assert code(told(forged, world().receipt("ada"))) in {
            "map.root-mismatch",
            "map.records-order",
        }


def test_one_record_is_one_of_their_true_number() -> None:
    """A record shown as the only one, or under another member's number or place, is refused."""
    shown = done().record("ada", 1)
    for lie in (
        replace(shown, index=0, of=1, siblings=()),
        replace(shown, index=0),
        replace(shown, of=2, siblings=shown.siblings[:1]),
        replace(shown, of=4),
        replace(shown, record=done().record("bea", 0).record),
    ):
        assert code(told(lie, done().receipt("ada"))) in {
            "map.root-mismatch",
            "merkle.path-length",
            "verify.ground-unknown",
        }


def test_no_other_label_is_the_members() -> None:
    """Absence of a present member by any label but theirs: another's, another epoch's, their second half."""
    base, ada = world(), world().receipt("ada")
    whole = label(ada.secret, base.maps.epoch)
    other_epoch = label(ada.secret, derive("another epoch", 16))
    for public in (base.public("cyd"), other_epoch[:16], whole[16:], bytes(16)):
        lie = replace(base.absence("cyd"), proof=base.maps.absence(public), label=public)
        assert code(told(lie, ada)) == "verify.label"
        unsaid = code(told(replace(lie, label=None), ada))
        assert unsaid in {"map.label-listed", "map.label-outside-bucket", "map.root-mismatch"}


def second_enrolment(*, erased: int = 0) -> tuple[list[bytes], int]:
    """Enrol ada again under another secret, and list all but her first enrolment."""
    entries = [done().reader.entry(index) for index in range(done().reader.size)]
    again = len(entries)
    commitment = enrolment_commitment(derive("a second secret"), "ada")
    entries.append(EnrolmentEntry(commitment=commitment).encode())
    if erased:
        entries.append(ErasureEntry(erasure="e", members=erased, document=bytes(32)).encode())
    before = done().at["directory"]
    listed = parse_entry(entries[before], DirectoryEntry)
    entries.append(
        replace(listed, number=2, previous=before, vrf_key=derive("k"), root=derive("r")).encode()
    )
    return entries, again


def test_a_second_secret_is_not_the_listed_one() -> None:
    """Absent under a second enrolment of a member who is present is refused where a directory covers it."""
    base = world()
    second = derive("a second secret")
    at_end = len(base.entries)
    grown = [*base.entries, EnrolmentEntry(commitment=enrolment_commitment(second, "ada")).encode()]
    gate = base.snapshot - 1
    grown.append(replace(snapshot_entry(base.maps, gate=gate), snapshot="later").encode())
    release = release_entry(grown, snapshot=at_end + 1, recipe=base.release - 1)
    grown.append(replace(release, release="later", model=derive("later")).encode())
    reader = seal(grown)
    public = label(second, base.maps.epoch)[:16]
    lie = AbsenceFile(
        release=reader.logged(at_end + 2),
        snapshot=reader.logged(at_end + 1),
        proof=base.maps.absence(public),
        label=public,
    )
    receipt = Receipt(
        member=base.receipt("ada").member, secret=second, enrolment=reader.logged(at_end)
    )
    alone = told(lie, receipt)
    assert code(alone) is None
    assert "that this person has no second receipt" in alone.does_not_show
    honest_part = done().part("ada")
    entry = parse_entry(honest_part.entry.entry, DirectoryEntry)
    listing = seal([*grown, entry.encode()])
    covered = replace(
        lie,
        release=listing.logged(at_end + 2),
        snapshot=listing.logged(at_end + 1),
        directory=replace(honest_part, entry=listing.logged(len(grown))),
    )
    assert code(told(covered, receipt)) == "map.root-mismatch"


def test_a_second_enrolment_shows_in_the_number_listed() -> None:
    """Whoever follows the log finds that a directory leaves an enrolment out, without any receipt."""
    entries, again = second_enrolment()
    assert monitored(entries) == [("log.directory-members", again + 1, None)]


def test_an_erasure_of_nobody_keeps_the_number_and_stands_in_the_log() -> None:
    """The one way to hide a second enrolment from its number is to log an erasure that was none."""
    entries, again = second_enrolment(erased=1)
    assert monitored(entries) == []
    assert parse_entry(entries[again + 1], ErasureEntry).members == 1


# --- proofs replayed, cut and spliced -----------------------------------------------------------


def test_a_proof_of_one_snapshot_is_none_of_another() -> None:
    """Absence after an unlearning does not serve for the release before it, nor presence for the one after."""
    absent = done().absence("ada")
    ada = done().receipt("ada")
    assert code(told(absent, ada)) is None
    old, first = done().logged("release-1"), done().logged("set-1")
    assert code(told(replace(absent, release=old), ada)) == "verify.wrong-entry"
    assert code(told(replace(absent, snapshot=first), ada)) == "verify.wrong-entry"
    both = replace(absent, release=old, snapshot=first)
    assert code(told(both, ada)) in {"map.label-listed", "map.root-mismatch"}
    presence = replace(done().world.presence("ada"), release=old, snapshot=first)
    assert code(told(presence, ada)) is None
    later = replace(presence, release=done().logged("release-2"), snapshot=done().logged("set-2"))
    assert code(told(later, ada)) in {"map.label-not-listed", "map.root-mismatch"}


def test_a_directorys_answer_is_of_its_number() -> None:
    """What one directory says of an id is no proof in the next one, whose number is in what is hashed."""
    proof = done().enrolled("bea")
    entries = [done().reader.entry(index) for index in range(done().reader.size)]
    first = parse_entry(entries[done().at["directory"]], DirectoryEntry)
    second = replace(first, number=2, previous=done().at["directory"])
    reader = seal([*entries, second.encode()])
    replayed = replace(
        proof,
        directory=reader.logged(len(entries)),
        enrolment=reader.logged(proof.enrolment.proof.index),
    )
    assert code(told(replayed, None)) == "vrf.proof"


def chain() -> tuple[list[bytes], dict[str, int]]:
    """Log three snapshots, each the delta of the one before, and a release of the last."""
    base = world()
    entries = list(base.entries)
    at = {"set-1": base.snapshot, "gate": base.snapshot - 1, "recipe": base.release - 1}
    sealed = snapshot_entry(base.maps, gate=at["gate"])
    for number in (2, 3):
        name = f"set-{number}"
        at[name] = len(entries)
        entries.append(
            replace(sealed, snapshot=name, parent=at[f"set-{number - 1}"], records=30 - number)
            .encode()
        )  # fmt: skip
    at["release"] = len(entries)
    last = release_entry(entries, snapshot=at["set-3"], recipe=at["recipe"])
    entries.append(replace(last, release="replies-3", model=derive("model 3")).encode())
    return entries, at


def lineage(entries: Sequence[bytes], at: dict[str, int], *names: str) -> LineageFile:
    reader = seal(entries)

    def logged(name: str) -> LoggedEntry:
        return reader.logged(at[name])

    return LineageFile(
        release=logged("release"),
        recipe=logged("recipe"),
        snapshots=tuple(logged(name) for name in names),
        gates=tuple(logged("gate") for _ in names),
    )


def test_a_chain_of_deltas_cannot_be_cut_or_shortened() -> None:
    """A lineage that ends early, leaves a link out, or repeats one, is refused."""
    entries, at = chain()
    assert monitored(entries) == []
    assert code(told(lineage(entries, at, "set-3", "set-2", "set-1"), None)) is None
    for names in (
        ("set-3",),
        ("set-3", "set-2"),
        ("set-3", "set-1"),
        ("set-2", "set-1"),
        ("set-3", "set-2", "set-2", "set-1"),
        ("set-3", "set-2", "set-1", "set-1"),
    ):
        assert code(told(lineage(entries, at, *names), None)) == "verify.wrong-entry"


def test_a_chain_cannot_be_begun_again_unseen() -> None:
    """A delta logged as if it were a first snapshot hides its ancestors from a proof, not from who follows."""
    entries, at = chain()
    forged = parse_entry(entries[at["set-3"]], SnapshotEntry)
    entries[at["set-3"]] = replace(forged, parent=None).encode()
    release = parse_entry(entries[at["release"]], ReleaseEntry)
    leaf = merkle.leaf_hash(entries[at["set-3"]])
    entries[at["release"]] = replace(release, snapshot_leaf=leaf).encode()
    assert code(told(lineage(entries, at, "set-3"), None)) is None
    assert monitored(entries) == [("log.epoch-twice", at["set-3"], at["set-1"])]


def test_a_delta_proof_leaves_no_change_out() -> None:
    """Of several changed buckets none can be kept back, whatever is said of the others."""
    old = build(
        MapMembers(
            secrets=[derive(f"s{n}") for n in range(24)],
            enrolment_indexes=range(24),
            enrolment_leaves=[derive(f"leaf {n}") for n in range(24)],
            records=[[bytes(48) + b"\1\1" + derive(f"c{n}")] for n in range(24)],
        ),
        epoch=derive("epoch", 16),
        k=3,
    )
    gone = [label(derive(f"s{n}"), derive("epoch", 16))[:16] for n in range(4)]
    new = update(old, removed=gone)
    proof = between(old, new)
    assert len(proof.changes) > 1
    verify_delta(proof, k=3, old_root=old.root, new_root=new.root)
    for left in range(len(proof.changes)):
        kept = tuple(c for n, c in enumerate(proof.changes) if n != left)
        for siblings in (proof.siblings, *(proof.siblings[n:] for n in range(1, 4))):
            with pytest.raises(EvidenceError) as error:
                less = replace(proof, changes=kept, siblings=siblings)
                verify_delta(less, k=3, old_root=old.root, new_root=new.root)
            assert error.value.code in {"map.delta-siblings", "map.root-mismatch"}


def test_a_cessation_cannot_begin_after_what_it_denies() -> None:
    """A statement whose instant is before a gate and whose first entry is after it is found false."""
    base = world()
    entries = list(base.entries)
    statement = CessationEntry(
        use=USE, since=AT, first=len(entries), stated=AT, signer=bytes(32), statement=bytes(32)
    )
    assert monitored([*entries, statement.encode()]) == [
        ("log.cessation-contradicted", len(entries), base.snapshot - 1)
    ]


def test_an_epoch_used_twice_links_everybody() -> None:
    """Under one epoch each member's label is the same in two lineages; who follows the log finds it (G10)."""
    base = world()
    entries = list(base.entries)
    other = replace(snapshot_entry(base.maps, gate=base.snapshot - 1), snapshot="other", k=5)
    assert label(derive("secret ada"), other.epoch)[:16] == base.public("ada")
    entries.append(other.encode())
    assert monitored(entries) == [("log.epoch-twice", len(base.entries), base.snapshot)]


# --- G9: two histories --------------------------------------------------------------------------


def followed(log: Log, trust: str, state: MonitorState | None = None) -> MonitorState:
    monitor = Monitor(log.tiles, parse_trust(trust), state)
    for _ in monitor.visit():
        pass
    return monitor.state


def split() -> tuple[Log, Log]:
    """Return two histories of one log: the second has another third entry."""
    one, two = Log(ENTRIES[:6]), Log(ENTRIES[:6])
    two.source.entries[2] = ENTRIES[700]
    return one, two


def test_no_two_histories_get_a_quorum() -> None:
    """Of three witnesses, two of which must sign, only one history is ever served."""
    one, two = split()
    quorum, _, _ = witnesses()
    one.publish(quorum)
    with pytest.raises(WorldError) as error:
        two.publish(quorum)
    assert error.value.code == "log.quorum-unmet"
    assert two.tiles.published is None


def test_a_split_between_witnesses_serves_neither() -> None:
    """Who shows each witness another history gets one cosignature for each, and no monitor takes either."""
    one, two = split()
    _, posts, trust = witnesses("group Q 2 W1 W2\nquorum Q")
    for log, name in ((one, "W1"), (two, "W2")):
        with pytest.raises(WorldError):
            log.publish(Quorum(trust, {name: posts[name]}, pause=lambda _: False))
        served = log.head.get()
        assert served is not None
        log.tiles.publish_checkpoint(served)
        with pytest.raises(EvidenceError) as error:
            for _ in Monitor(log.tiles, trust).visit():
                pass
        assert error.value.code == "trust.quorum"


def test_two_monitors_that_compare_what_they_saw_prove_the_fork_to_a_stranger() -> None:
    """Where no witness is asked for, a state carried from one monitor to the other's view is enough."""
    one, two = split()
    one.publish()
    two.source.entries.append(ENTRIES[7])
    two.publish()
    trust = f"log {KEY.verifier}\nquorum none\n"
    seen = followed(one, trust)
    followed(two, trust)
    with pytest.raises(ForkError) as caught:
        followed(two, trust, seen)
    stranger = parse_fork(caught.value.proof.encode())
    fork = stranger.check(parse_trust(trust).logs)
    assert (fork.first.size, fork.second.size) == (6, 7)
    with pytest.raises(EvidenceError) as error:
        stranger.check([SignerKey(name=KEY.name, seed=bytes(32)).verifier])
    assert error.value.code == "note.no-known-signature"


@pytest.mark.parametrize("now", [4, 6, 9])
def test_a_log_restored_from_a_backup_goes_nowhere(now: int) -> None:
    """Restored whole, head and tiles, and grown otherwise: no quorum, and a proof for who saw more."""
    quorum, _, trust_file = witnesses()
    log = Log(ENTRIES[:4])
    log.publish(quorum)
    backup = (list(log.source.entries), dict(log.tiles.files), log.head.get(), log.tiles.published)
    log.grow(*ENTRIES[4:6], cosigners=quorum)
    trust = trust_file.format(remark="three witnesses")
    seen = followed(log, trust)
    restored = Log(backup[0])
    restored.tiles.files.update(backup[1])
    restored.tiles.published = backup[3]
    assert backup[2] is not None
    assert restored.head.compare_and_swap(None, backup[2])
    if now == 4:
        with pytest.raises(EvidenceError) as error:
            followed(restored, trust, seen)
        assert error.value.code == "log.rolled-back"
        return
    restored.source.entries.extend(ENTRIES[100 : 100 + now - 4])
    with pytest.raises(WorldError) as unmet:
        restored.publish(quorum)
    assert unmet.value.code == "log.quorum-unmet"
    signed = restored.head.get()
    assert signed is not None
    restored.tiles.publish_checkpoint(signed)
    with pytest.raises(ForkError) as caught:
        followed(restored, trust, seen)
    parse_fork(caught.value.proof.encode()).check(parse_trust(trust).logs)


def test_a_new_key_is_no_new_history() -> None:
    """Old and new key of one log, both listed: what one signed against the other is a fork all the same."""
    one, two = split()
    fresh = SignerKey(name=KEY.name, seed=bytes(31) + b"\7")
    two = Log(two.source.entries, key=fresh)
    one.publish()
    two.publish()
    both = f"log {KEY.verifier}\nlog {fresh.verifier}\nquorum none\n"
    seen = followed(one, both)
    with pytest.raises(ForkError) as caught:
        followed(two, both, seen)
    caught.value.proof.check(parse_trust(both).logs)
    # and whoever lists the new key alone takes nothing that the old one signed
    with pytest.raises(EvidenceError) as error:
        followed(one, f"log {fresh.verifier}\nquorum none\n")
    assert error.value.code == "note.no-known-signature"


def test_an_old_checkpoint_with_new_lines_is_as_old() -> None:
    """Lines of unknown keys, however many and wherever, make an older checkpoint no newer."""
    log = Log(ENTRIES[:4])
    log.publish()
    old = log.tiles.published
    assert old is not None
    log.grow(ENTRIES[4])
    trust = f"log {KEY.verifier}\nquorum none\n"
    seen = followed(log, trust)
    note = parse_note(old)
    padding = [
        replace(note.signatures[0], name=f"k{n}.test.invalid", payload=bytes(72)) for n in range(40)
    ]
    dressed: Note = parse_note(add_signatures(note.text, [*padding, *note.signatures]))
    log.tiles.publish_checkpoint(add_signatures(dressed.text, dressed.signatures))
    with pytest.raises(EvidenceError) as error:
        followed(log, trust, seen)
    assert error.value.code == "log.rolled-back"
