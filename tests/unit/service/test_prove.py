"""Proofs and receipts that the outsider's program accepts, and what it refuses."""

from __future__ import annotations

import shutil
from dataclasses import replace
from typing import Any

import pytest

from byleave.errors import InputError
from byleave.verify import verify
from tests.unit.service.small import Grown


@pytest.fixture(scope="module")
def done(grown: Grown, tmp_path_factory: pytest.TempPathFactory) -> Grown:
    """A copy of the grown workspace whose withdrawals have reached everything."""
    path = tmp_path_factory.mktemp("proved") / "workspace"
    shutil.copytree(grown.path, path)
    made = replace(grown, path=path)
    with made.open() as ws:
        ws.withdrawal.run()
    return made


def test_every_member_can_prove_where_they_stand(done: Grown) -> None:
    """For each member and release, presence or absence is proved, and verify accepts it."""
    with done.open(read_only=True) as ws:
        trust = ws.places.trust.read_bytes()
        for member in (*done.withdrew, *done.agreed[4:7], *done.silent[:3]):
            receipt, ordinal = ws.member.receipt(member), ws.member.ordinal(member)
            for release in ws.member.answer(member)["releases"]:
                kind = "presence" if release["presence"] == "present" else "absence"
                assert release["proof"] == f"{kind}-{ordinal}-{release['release']}"
                verdict = verify(ws.proof.bytes(release["proof"]), trust, receipt)
                assert verdict.ok, verdict
                if kind == "presence":
                    facts: Any = verdict.to_dict()["facts"]
                    assert facts["records"] == release["records"]


def test_a_proof_is_its_holders(done: Grown) -> None:
    """A proof under somebody else's receipt, or another log's trust file, is refused."""
    with done.open(read_only=True) as ws:
        trust = ws.places.trust.read_bytes()
        proof = ws.proof.bytes(f"absence-{ws.member.ordinal(done.withdrew[0])}-replies-2")
        assert not verify(proof, trust, ws.member.receipt(done.agreed[5])).ok
        other = trust.replace(b"log.test", b"log.else")
        assert not verify(proof, other, ws.member.receipt(done.withdrew[0])).ok


def test_choices_are_proved(done: Grown) -> None:
    """Each choice of a member is proved to be logged, and verify accepts it."""
    with done.open(read_only=True) as ws:
        trust = ws.places.trust.read_bytes()
        for member in done.withdrew:
            for event in ws.consent.history(member):
                proof = ws.proof.bytes(f"event-{event.index}")
                assert verify(proof, trust, ws.member.receipt(member)).ok


@pytest.mark.parametrize(
    "name",
    ["", "event-x", "event-0", "event-99999", "presence-0", "presence-9999-replies-1", "../trust",
     "absence-5-replies-1", "absence-5-no-such", "presence-٣-replies-1"],
)  # fmt: skip
def test_a_proof_that_cannot_be_made_says_so(done: Grown, name: str) -> None:
    """A name of no proof, or the proof of what does not hold, is `workspace.unknown-object`."""
    with done.open(read_only=True) as ws:
        assert ws.member.ordinal(done.agreed[5]) == 5
        with pytest.raises(InputError) as error:
            ws.proof.bytes(name)
    assert error.value.code == "workspace.unknown-object"


def test_written_receipts_are_private(copied: Grown) -> None:
    """A receipt is written 0600, and is what `member.receipt` returns."""
    with copied.open() as ws:
        path = ws.proof.receipt(copied.silent[0])
        assert path.stat().st_mode & 0o777 == 0o600
        assert path.read_bytes() == ws.member.receipt(copied.silent[0])
