"""The directory: one enrolment for an id, none for others, and what a cheating operator can try."""

from __future__ import annotations

import json
import shutil
import stat
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from byleave import merkle
from byleave.canonical import sha256
from byleave.errors import EvidenceError, InputError, RefusedError
from byleave.evidence.directory import (
    directory_commitment,
    directory_input,
    directory_label,
)
from byleave.evidence.enrolment import enrolment_commitment
from byleave.evidence.entry import DirectoryEntry, EnrolmentEntry, parse_entry
from byleave.evidence.proof_file import encode_proof_file, parse_proof_file
from byleave.evidence.proof_kinds import AbsenceFile, EnrolledFile, NotEnrolledFile
from byleave.service import directory as service
from byleave.snapshot import partition
from byleave.snapshot.directory_map import build_directory_map
from byleave.snapshot.map_files import MapReader
from byleave.verify import Verdict, verify
from byleave.wiring.vrf import SodiumProver
from tests.unit.service.small import Grown
from tests.vectors.world import derive, seal, signer, trust_text

STRANGER = "somebody who never joined"


def code(verdict: Verdict) -> str | None:
    """Return the code of the check that failed."""
    return None if verdict.failed is None else verdict.failed.code


def test_an_id_is_enrolled_once_or_not_at_all(copied: Grown) -> None:
    """For each member the directory proves one enrolment, for a stranger none; both files private."""
    with copied.open() as ws:
        assert ws.directory.build() == "directory-1"
        trust = ws.places.trust.read_bytes()
        for member in (*copied.agreed[:3], copied.silent[0]):
            kind, path = ws.directory.prove(member)
            assert kind == "enrolled"
            assert stat.S_IMODE(path.stat().st_mode) == 0o600
            assert member not in path.name
            assert verify(path.read_bytes(), trust).ok
            assert verify(path.read_bytes(), trust, ws.member.receipt(member)).ok
            other = ws.member.receipt(copied.agreed[5])
            assert code(verify(path.read_bytes(), trust, other)) == "verify.wrong-entry"
        kind, path = ws.directory.prove(STRANGER)
        assert kind == "not-enrolled"
        verdict = verify(path.read_bytes(), trust)
        assert verdict.ok
        assert "not enrolled in directory 1" in verdict.statement
        assert STRANGER not in verdict.statement


def test_absence_holds_for_the_person_where_a_directory_covers_it(copied: Grown) -> None:
    """With a directory, absence and presence name the one enrolment, and the limit goes."""
    with copied.open() as ws:
        ws.withdrawal.run()
        trust = ws.places.trust.read_bytes()
        member, other = copied.withdrew[0], copied.agreed[5]
        before = verify(ws.proof.make(member, "replies-2")[1].read_bytes(), trust)
        assert "no second receipt" in before.does_not_show
        ws.directory.build()
        for who, kind in ((member, "absence"), (other, "presence")):
            made, path = ws.proof.make(who, "replies-2")
            assert made == kind
            verdict = verify(path.read_bytes(), trust, ws.member.receipt(who))
            assert verdict.ok
            assert "the one enrolment of this member id" in verdict.statement
            assert "no second receipt" not in verdict.does_not_show
            assert verdict.facts["directory"] == 1
        alone = verify(ws.proof.make(member, "replies-2")[1].read_bytes(), trust)
        assert alone.ok
        assert "no second receipt" in alone.does_not_show
        record = ws.proof.make_record(other, "replies-2", 0).read_bytes()
        assert verify(record, trust, ws.member.receipt(other)).facts["directory"] == 1


def test_a_directory_says_nothing_of_anybody_else(copied: Grown) -> None:
    """Labels of two directories differ for each member, and no file holds a seed or another's id."""
    with copied.open() as ws:
        ws.directory.build()
        ws.directory.build()
        member = copied.agreed[0]
        first = parse_proof_file(ws.directory.prove(member, name="directory-1")[1].read_bytes())
        second = parse_proof_file(ws.directory.prove(member)[1].read_bytes())
        assert isinstance(first, EnrolledFile)
        assert isinstance(second, EnrolledFile)
        assert not set(first.listed.labels) & set(second.listed.labels)
        shown = json.dumps(ws.directory.list()) + encode_proof_file(second).decode()
        for _, _, _, document in ws.ledger.objects("directory"):
            assert document["seed"] not in shown
        assert not [other for other in copied.agreed[1:] if f'"{other}"' in shown]


def test_a_check_finds_what_does_not_hold(copied: Grown) -> None:
    """Recomputing finds a changed row, a member enrolled twice in the log, and nothing else."""
    with copied.open() as ws:
        ws.directory.build()
        ws.member.enrol(["late-1", "late-2"])
        assert ws.directory.check() == []
        with ws.ledger.writing() as writer:
            secret = enrolment_commitment(bytes(32), copied.agreed[0])
            writer.log(EnrolmentEntry(commitment=secret).encode())
        assert [item["where"] for item in ws.directory.check()] == ["log"]
        slots = ws.house.artefacts.path("directories", "directory-1", "slots.parquet")
        data = bytearray(slots.read_bytes())
        data[len(data) // 2] ^= 1
        slots.chmod(0o600)
        slots.write_bytes(bytes(data))
        assert "directory-1" in [item["where"] for item in ws.directory.check()]


def test_a_changed_file_of_the_map_is_found_and_proves_nothing(copied: Grown) -> None:
    """A flipped bit in a directory's map is found by the check, and no proof is made of it."""
    with copied.open() as ws:
        name = ws.directory.build()
        folder = ws.house.artefacts.path("directories", name) / "map"
        for path in [p for p in sorted(folder.rglob("*")) if p.is_file()]:
            whole = path.read_bytes()
            path.chmod(0o600)
            path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
            assert [item["where"] for item in ws.directory.check()] == [name], path
            path.unlink()
            assert [item["where"] for item in ws.directory.check()] == [name], path
            path.write_bytes(whole)
        assert ws.directory.check() == []
        bucket = next(path for path in folder.glob("bucket/**/*") if path.is_file())
        bucket.write_bytes(bytes(len(bucket.read_bytes())))
        with pytest.raises(EvidenceError) as caught:
            ws.directory.prove(copied.agreed[0])
        assert caught.value.code == "snapshot.map-damaged"


def test_a_directory_without_files_of_a_map_still_answers(copied: Grown) -> None:
    """A directory of an older program has rows alone: it proves the same, byte for byte."""
    with copied.open() as ws:
        name = ws.directory.build()
        asked = (copied.agreed[0], "nobody-of-this-id")
        before = [ws.directory.prove(member)[1].read_bytes() for member in asked]
        shutil.rmtree(ws.house.artefacts.path("directories", name) / "map")
        assert [ws.directory.prove(member)[1].read_bytes() for member in asked] == before
        assert ws.directory.check() == []


@settings(max_examples=25, deadline=None)
@given(st.sets(st.binary(min_size=16, max_size=16), max_size=60), st.sampled_from([0, 16]))
def test_planted_by_parts_is_the_pure_directory(labels: set[bytes], bits: int) -> None:
    """A map planted from entries has root, k and proofs of the one built label by label."""
    listed = sorted(labels, key=lambda label: label[::-1])
    owns = [sha256(label) for label in listed]
    pure = build_directory_map(listed, owns)
    rows = np.frombuffer(
        b"".join(a + b for a, b in zip(listed, owns, strict=True)), np.uint8
    ).reshape(-1, 48)
    files: dict[str, bytes] = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(partition, "_PART_BITS", bits)
        built = partition.plant_entries(
            iter([rows[:7], rows[7:]]),
            expected=len(listed),
            write=files.__setitem__,
            ports=partition.Ports(),
        )
    assert (built.root, built.k, built.members) == (pure.root, pure.k, pure.members)
    reader = MapReader(k=built.k, epoch=b"", root=built.root, read=files.__getitem__)
    for label in listed[:3]:
        assert reader.listed(label, b"vrf") == pure.listed(label, b"vrf")
    if (stranger := b"x" * 16) not in labels:
        assert reader.absence(stranger) == pure.absence(stranger)


def test_a_key_that_is_gone_answers_nobody(copied: Grown) -> None:
    """After its key is destroyed a directory proves nothing more; proofs made before still verify."""
    with copied.open() as ws:
        ws.directory.build()
        trust = ws.places.trust.read_bytes()
        _, path = ws.directory.prove(copied.agreed[0])
        with ws.ledger.writing() as writer:
            assert service.forget_keys(ws.house, writer) == ["directory-1"]
        service.drop_rows(ws.house)
        with pytest.raises(RefusedError) as caught:
            ws.directory.prove(copied.agreed[0])
        assert caught.value.code == "directory.key-gone"
        assert verify(path.read_bytes(), trust).ok
        assert ws.directory.check() == []
        assert ws.directory.build() == "directory-2"
        assert ws.directory.prove(copied.agreed[0])[0] == "enrolled"


def test_without_a_directory_there_is_nothing_to_ask(copied: Grown) -> None:
    """Proving from a directory that does not exist is refused by name."""
    with copied.open() as ws:
        for name in (None, "directory-7"):
            with pytest.raises(InputError) as caught:
                ws.directory.prove(copied.agreed[0], name=name)
            assert caught.value.code == "workspace.unknown-object"


class Cheat:
    """An operator with two enrolments of one id, who signs whatever directory it likes."""

    def __init__(self) -> None:
        self.prover = SodiumProver(derive("directory key"))
        self.entries = [
            EnrolmentEntry(commitment=enrolment_commitment(derive(what), "ada")).encode()
            for what in ("first secret", "second secret")
        ]
        self.alpha = directory_input(1, "ada")
        self.label = directory_label(self.prover.output(self.alpha))

    def commitment(self, enrolment: int) -> bytes:
        """Return what a directory holds of `ada` under one of her enrolments."""
        leaf = merkle.leaf_hash(self.entries[enrolment])
        return directory_commitment(self.label[16:], index=enrolment, leaf=leaf)

    def log(self, *trees: Any) -> Any:
        """Log directories of these maps after the enrolments; return proofs by index."""
        directories = [
            DirectoryEntry(
                number=1,
                previous=None,
                k=tree.k,
                root=tree.root,
                vrf_key=self.prover.public_key,
                members=tree.members,
            ).encode()
            for tree in trees
        ]
        entries = [*self.entries, *directories]
        reader = seal(entries, signer())
        return [reader.logged(index) for index in range(len(entries))]


def test_one_directory_cannot_list_two_enrolments_of_an_id() -> None:
    """Two slots of one id cannot be built, and forged by hand they do not verify for either."""
    cheat = Cheat()
    with pytest.raises(InputError) as caught:
        build_directory_map([cheat.label[:16]] * 2, [cheat.commitment(0), cheat.commitment(1)])
    assert caught.value.code == "map.label-twice"
    tree = build_directory_map([cheat.label[:16], bytes(16)], [cheat.commitment(0), bytes(32)])
    twice = replace(
        tree,
        _buckets={
            0: [(cheat.label[:16], cheat.commitment(0)), (cheat.label[:16], cheat.commitment(1))]
        },
    )
    logged = cheat.log(tree)
    listed = tree.listed(cheat.label[:16], cheat.prover.prove(cheat.alpha))
    true = EnrolledFile(directory=logged[2], enrolment=logged[0], member="ada", listed=listed)
    assert verify(encode_proof_file(true), trust_text()).ok
    other = replace(true, enrolment=logged[1])
    assert code(verify(encode_proof_file(other), trust_text())) == "map.root-mismatch"
    forged = twice.listed(cheat.label[:16], cheat.prover.prove(cheat.alpha))
    forged = replace(forged, labels=(cheat.label[:16],) * 2, commitments=(cheat.commitment(1),))
    lie = replace(true, listed=forged)
    assert code(verify(encode_proof_file(lie), trust_text())) == "map.labels-order"


def test_an_id_cannot_be_filed_under_another_label() -> None:
    """An enrolment filed under a label that the VRF does not give is nobody's: no proof verifies."""
    cheat = Cheat()
    elsewhere = directory_label(b"another output")
    tree = build_directory_map([elsewhere[:16]], [cheat.commitment(0)])
    logged = cheat.log(tree)
    listed = tree.listed(elsewhere[:16], cheat.prover.prove(cheat.alpha))
    hidden = EnrolledFile(directory=logged[2], enrolment=logged[0], member="ada", listed=listed)
    assert code(verify(encode_proof_file(hidden), trust_text())) == "map.label-not-listed"
    wrong = cheat.prover.prove(directory_input(1, "bea"))
    borrowed = replace(hidden, listed=replace(listed, vrf=wrong))
    assert code(verify(encode_proof_file(borrowed), trust_text())) == "vrf.proof"


def test_an_id_cannot_be_both_enrolled_and_not() -> None:
    """In a directory that lists an id, no proof that it is not enrolled verifies."""
    cheat = Cheat()
    tree = build_directory_map([cheat.label[:16], bytes(16)], [cheat.commitment(0), bytes(32)])
    logged = cheat.log(tree)
    honest = tree.absence(b"\xff" * 16)
    for labels in (honest.labels, tuple(x for x in honest.labels if x != cheat.label[:16])):
        lie = NotEnrolledFile(
            directory=logged[2],
            member="ada",
            vrf=cheat.prover.prove(cheat.alpha),
            proof=replace(honest, labels=labels),
        )
        assert code(verify(encode_proof_file(lie), trust_text())) in {
            "map.label-listed", "map.root-mismatch",
        }  # fmt: skip


def test_two_directories_that_disagree_both_stand_in_the_log() -> None:
    """An operator that lists two enrolments in two directories has logged both, under one number."""
    cheat = Cheat()
    trees = [
        build_directory_map([cheat.label[:16]], [cheat.commitment(enrolment)])
        for enrolment in (0, 1)
    ]
    logged = cheat.log(*trees)
    numbers = []
    for enrolment, tree in enumerate(trees):
        listed = tree.listed(cheat.label[:16], cheat.prover.prove(cheat.alpha))
        proof = EnrolledFile(
            directory=logged[2 + enrolment],
            enrolment=logged[enrolment],
            member="ada",
            listed=listed,
        )
        assert verify(encode_proof_file(proof), trust_text()).ok
        numbers.append(parse_entry(logged[2 + enrolment].entry, DirectoryEntry).number)
    assert numbers == [1, 1]


def test_a_part_of_a_directory_is_held_to_the_receipt(copied: Grown) -> None:
    """In an absence proof, another member's place in the directory is refused."""
    with copied.open() as ws:
        ws.withdrawal.run()
        ws.directory.build()
        trust = ws.places.trust.read_bytes()
        member, other = copied.withdrew
        own = parse_proof_file(ws.proof.make(member, "replies-2")[1].read_bytes())
        theirs = parse_proof_file(ws.proof.make(other, "replies-2")[1].read_bytes())
        assert isinstance(own, AbsenceFile)
        assert isinstance(theirs, AbsenceFile)
        mixed = encode_proof_file(replace(own, directory=theirs.directory))
        assert code(verify(mixed, trust, ws.member.receipt(member))) == "vrf.proof"


def test_erasure_ends_every_look_up(copied: Grown) -> None:
    """Erasing a member destroys directory keys, rows, nonces and files; a new directory omits them."""
    with copied.open() as ws:
        offer, _, _ = ws.member.offer()
        ws.member.enrol_jointly("new-1", offer=offer, nonce=derive("nonce"))
        ws.directory.build()
        trust = ws.places.trust.read_bytes()
        _, path = ws.directory.prove("new-1")
        before, ordinal = path.read_bytes(), ws.member.ordinal("new-1")
        ws.member.erase(["new-1"])
        assert not path.exists()
        assert ws.house.ledger.object("joint-secret", f"member-{ordinal}")[2]["operator"] is None  # type: ignore[index]
        assert not ws.house.artefacts.path("directories", "directory-1").exists()
        assert verify(before, trust).ok
        with pytest.raises(RefusedError):
            ws.directory.prove("new-1")
        ws.directory.build()
        assert ws.directory.prove("new-1")[0] == "not-enrolled"
        assert ws.directory.prove(copied.agreed[0])[0] == "enrolled"
        assert ws.directory.check() == []


def test_a_members_page_knows_whether_a_directory_covers_it(copied: Grown) -> None:
    """The member's answer says that a directory covers it once one does, and links no proof of before."""
    with copied.open() as ws:
        member = copied.agreed[0]
        assert not any(r["directory"] for r in ws.member.answer(member)["releases"])
        ws.directory.build()
        assert all(r["directory"] for r in ws.member.answer(member)["releases"])
        ws.member.enrol(["late-1"])
        late = ws.member.answer("late-1")["releases"]
        assert [(r["directory"], r["proof"]) for r in late] == [(False, None)]
