"""Certificates of exact unlearning: what they show to whom, and what is refused."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from typing import Any

import pytest

from byleave.errors import InputError, RefusedError
from byleave.evidence.proof_file import parse_proof_file
from byleave.evidence.proof_kinds import CertificateFile
from byleave.service.certificate import certify
from byleave.verify import Verdict, verify
from tests.unit.service.small import Grown


@pytest.fixture(scope="module")
def done(grown: Grown, tmp_path_factory: pytest.TempPathFactory) -> Grown:
    """A copy of the grown workspace whose withdrawals have reached everything."""
    path = tmp_path_factory.mktemp("certified") / "workspace"
    shutil.copytree(grown.path, path)
    made = replace(grown, path=path)
    with made.open() as ws:
        ws.withdrawal.run()
    return made


def code(verdict: Verdict) -> str | None:
    """Return the code of the check that failed."""
    return None if verdict.failed is None else verdict.failed.code


def test_a_certificate_verifies_for_an_outsider(done: Grown) -> None:
    """A stranger with the trust file sees both models, roots, what was taken out and what removed."""
    with done.open(read_only=True) as ws:
        trust = ws.places.trust.read_bytes()
        data = ws.proof.bytes("certificate-replies-2")
        assert data == ws.proof.bytes("certificate-replies-1-to-replies-2")
        sealed = {s["snapshot"]: s for s in ws.snapshot.list()}
        heard = ws.gate.list()[-1]["ledger"]
        released = {r["release"]: r["model"] for r in ws.release.list()}
    verdict = verify(data, trust)
    assert verdict.ok, verdict.statement
    assert "unlearned exactly" in verdict.statement
    proof = parse_proof_file(data)
    assert isinstance(proof, CertificateFile)
    stated: Any = proof.statement
    assert stated["from"]["snapshot"]["root"] == sealed["set-1"]["root"]
    assert stated["to"]["snapshot"]["root"] == sealed["set-2"]["root"]
    assert (stated["from"]["model"], stated["to"]["model"]) == (
        released["replies-1"], released["replies-2"],
    )  # fmt: skip
    assert stated["unlearning"]["refit"] == released["replies-2"]
    assert stated["taken_out"]["records"] == sealed["set-1"]["records"] - sealed["set-2"]["records"]
    assert stated["taken_out"]["labels"] == sealed["set-1"]["members"] - sealed["set-2"]["members"]
    assert (stated["heard"], verdict.facts["heard"]) == (heard, heard)
    assert {item["name"].rpartition("/")[0] for item in stated["purge"]["removed"]} == {
        "runs/replies-1"
    }


def test_who_left_is_among_those_taken_out(done: Grown) -> None:
    """With the receipt of somebody who left it says that every record of theirs is out."""
    with done.open(read_only=True) as ws:
        trust = ws.places.trust.read_bytes()
        data = ws.proof.bytes("certificate-replies-2")
        for member in done.withdrew:
            verdict = verify(data, trust, ws.member.receipt(member))
            assert verdict.ok, verdict.statement
            assert "this receipt's holder is among them" in verdict.statement


def test_who_stayed_is_told_so(done: Grown) -> None:
    """With the receipt of somebody who is still in the model the certificate is not accepted."""
    with done.open(read_only=True) as ws:
        trust = ws.places.trust.read_bytes()
        data = ws.proof.bytes("certificate-replies-2")
        openings = ws.openings("set-2")["ordinal"].to_pylist()
        stayed = next(m for m in done.agreed if ws.member.ordinal(m) in openings)
        assert code(verify(data, trust, ws.member.receipt(stayed))) == "certificate.not-among"


def test_a_certificate_names_nobody(done: Grown) -> None:
    """The file, the statement and the log entry hold no member id and no secret."""
    with done.open(read_only=True) as ws:
        data = ws.proof.bytes("certificate-replies-2")
        entry = ws.log.entry(ws.withdrawal.certificate("replies-2")["index"])  # type: ignore[index]
        for member in done.agreed:
            secret = json.loads(ws.member.receipt(member))["secret"]
            for held in (data, entry):
                assert member.encode() not in held
                assert secret.encode() not in held


def test_there_is_none_for_what_was_not_unlearned(done: Grown) -> None:
    """A first release, or a name of nothing, has no certificate."""
    with done.open(read_only=True) as ws:
        for name in ("certificate-replies-1", "certificate-replies-9", "certificate-x"):
            with pytest.raises(InputError) as caught:
                ws.proof.bytes(name)
            assert caught.value.code == "workspace.unknown-object"
        assert ws.withdrawal.certificate("replies-1") is None


def test_no_bit_of_it_can_be_changed(done: Grown) -> None:
    """With any one byte of it changed a certificate is refused."""
    with done.open(read_only=True) as ws:
        trust = ws.places.trust.read_bytes()
        data = ws.proof.bytes("certificate-replies-2")
    for at in range(0, len(data), max(len(data) // 300, 1)):
        changed = data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]
        assert not verify(changed, trust).ok, at


def test_an_approximate_unlearning_gets_none(copied: Grown) -> None:
    """Certifying the unlearning of a release that is not exact is refused, and nothing is logged."""
    with copied.open() as ws:
        ws.withdrawal.run()
        index = ws.ledger.size()
        entry = ws.ledger.object("release", "replies-2")
        assert entry is not None
        with pytest.MonkeyPatch.context() as patch:
            from byleave.service import certificate

            read = certificate._read

            def approximate(house: Any, at: int, kind: Any) -> Any:
                found = read(house, at, kind)
                return replace(found, exact=False) if hasattr(found, "exact") else found

            patch.setattr(certificate, "_read", approximate)
            with pytest.raises(RefusedError) as caught:
                certify(ws.house, "replies-1-to-replies-2", rule="states", removed=[])
        assert caught.value.code == "certificate.approximate"
        assert ws.ledger.size() == index


def test_the_members_answer_links_the_certificate(grown: Grown, done: Grown) -> None:
    """Who left sees, at the depth `unlearned`, the certificate, which verifies; before it, none."""
    for world, expected in ((grown, None), (done, "certificate-replies-2")):
        with world.open(read_only=True) as ws:
            (withdrawal,) = ws.member.answer(done.withdrew[0])["withdrawals"]
            unlearned = withdrawal["depths"][2]
            assert (unlearned["depth"], unlearned["proof"]) == ("unlearned", expected)
            if expected is not None:
                receipt = ws.member.receipt(done.withdrew[0])
                assert verify(ws.proof.bytes(expected), ws.places.trust.read_bytes(), receipt).ok


def test_the_public_page_links_what_verifies(done: Grown) -> None:
    """Each release's public entry names a certificate, or its lineage, and it verifies."""
    with done.open(read_only=True) as ws:
        trust = ws.places.trust.read_bytes()
        named = {r["release"]: r["proof"] for r in ws.public.overview()["releases"]}
        assert named == {"replies-1": "lineage-replies-1", "replies-2": "certificate-replies-2"}
        for name in named.values():
            assert verify(ws.proof.bytes(name), trust).ok
