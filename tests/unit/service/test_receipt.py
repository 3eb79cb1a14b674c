"""Receipts of a grown workspace: one checkpoint, proofs that hold, digests that meet."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from byleave.canonical import decode, sha256
from byleave.cli.main import main
from byleave.errors import EvidenceError, InputError
from byleave.evidence.log_proof import LoggedEntry, parse_log_proof
from byleave.evidence.receipt import parse_receipt
from byleave.note.trust import parse_trust
from byleave.pages.receipt import ReceiptView
from byleave.pages.view import read
from tests.unit.service.small import PLATFORM, Grown


def standard(grown: Grown, member: str) -> dict[str, Any]:
    with grown.open(read_only=True) as ws:
        document: Any = decode(ws.member.standard_receipt(member))
    return dict(document)


def test_the_standard_receipt_names_the_private_one(grown: Grown) -> None:
    """Its digest is that of the private receipt made under the same checkpoint."""
    member = grown.agreed[5]
    with grown.open(read_only=True) as ws:
        private = ws.member.receipt(member)
    document = standard(grown, member)
    assert document["bl:privateReceipt"]["bl:sha256"] == sha256(private).hex()
    assert parse_receipt(private).secret.hex() not in json.dumps(document)


def test_every_event_is_proven_under_the_trust_file(grown: Grown) -> None:
    """Each leaf hash and log proof of a receipt verifies with the workspace's trust file."""
    member = grown.withdrew[0]
    document = standard(grown, member)
    with grown.open(read_only=True) as ws:
        trust = parse_trust(ws.places.trust.read_bytes())
        entries = {e.index: ws.log.entry(e.index) for e in ws.consent.history(member)}
    seen = set()
    for record in document["dpv:hasRecordOfActivity"]:
        for event in record["dpv:hasConsentStatus"]:
            index = event["bl:logIndex"]
            proven = LoggedEntry(entries[index], parse_log_proof(event["bl:logProof"])).verify(
                trust
            )
            assert proven.index == index
            assert proven.leaf.hex() == event["bl:leafHash"]
            assert document["bl:log"]["bl:checkpoint"] in event["bl:logProof"]
            seen.add(index)
    assert seen == set(entries)


def test_the_same_ledger_gives_the_same_bytes(grown: Grown) -> None:
    """Two receipts made at one instant are equal, byte for byte."""
    assert standard(grown, grown.agreed[3]) == standard(grown, grown.agreed[3])


def test_region_and_notice_come_from_the_ledger(grown: Grown) -> None:
    """The member's region and the digest of the text they answered stand in the record."""
    document = standard(grown, grown.agreed[5])
    record = next(r for r in document["dpv:hasRecordOfActivity"] if r["bl:scope"] == PLATFORM)
    assert record["dpv:hasJurisdiction"]["@id"] == "loc:EU"
    (notice,) = record["dpv:hasNotice"]
    with grown.open(read_only=True) as ws:
        published = ws.house.ledger.object("notice", notice["dct:identifier"])
    assert published is not None
    assert notice["bl:sha256"] == published[2]["sha256"]
    assert notice["bl:logIndex"] == published[0]


def test_the_page_and_the_standard_receipt_agree(grown: Grown) -> None:
    """Numbers, scopes, states and events of the page are those of the JSON-LD."""
    member = grown.withdrew[0]
    document = standard(grown, member)
    with grown.open(read_only=True) as ws:
        view = read(ReceiptView, ws.member.receipt_page(member))
    assert view.number == document["dct:identifier"]
    assert [r.number for r in view.records] == [
        r["dct:identifier"] for r in document["dpv:hasRecordOfActivity"]
    ]
    for shown, record in zip(view.records, document["dpv:hasRecordOfActivity"], strict=True):
        assert record["bl:standing"]["bl:state"].endswith(":" + shown.state)
        assert [e.index for e in shown.events] == [
            e["bl:logIndex"] for e in reversed(record["dpv:hasConsentStatus"])
        ]


def test_who_said_nothing_has_a_page_and_no_record(grown: Grown) -> None:
    """Silence: `receipt.no-choice` for the standard form, an empty page in words."""
    member = grown.silent[0]
    with grown.open(read_only=True) as ws:
        assert ws.member.receipt_page(member)["records"] == []
        with pytest.raises(InputError) as error:
            ws.member.standard_receipt(member)
    assert error.value.code == "receipt.no-choice"


@pytest.mark.parametrize("verb", ["standard_receipt", "receipt_page"])
def test_nobody_has_no_receipt(grown: Grown, verb: str) -> None:
    """A member the ledger does not know: `member.unknown`."""
    with grown.open(read_only=True) as ws, pytest.raises(InputError) as error:
        getattr(ws.member, verb)("nobody")
    assert error.value.code == "member.unknown"


@pytest.mark.parametrize(("form", "suffix"), [("json-ld", "jsonld"), ("html", "html")])
def test_the_command_writes_both_and_for_the_owner_alone(
    copied: Grown, form: str, suffix: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """`member receipt --format` writes that form and the private one, 0600, and says where."""
    member = copied.agreed[4]
    code = main(["member", "receipt", member, "--format", form, "-w", str(copied.path), "--json"])
    assert code == 0
    said = json.loads(capsys.readouterr().out)
    written, private = Path(said["receipt"]), Path(said["private"])
    assert written.name.endswith(f".receipt.{suffix}")
    for path in (written, private):
        assert path.stat().st_mode & 0o777 == 0o600
    if form == "json-ld":
        digest = json.loads(written.read_bytes())["bl:privateReceipt"]["bl:sha256"]
        assert digest == sha256(private.read_bytes()).hex()
    else:
        assert "Your receipt" in written.read_text("utf-8")


def test_what_the_operator_states_is_in_the_receipt(copied: Grown) -> None:
    """`[party]` in byleave.toml fills the fields; an unknown one is refused as damage."""
    config = copied.path / "byleave.toml"
    text = config.read_text("utf-8")
    config.write_text(text + '[party]\ncontact = "privacy@example.com"\n', "utf-8")
    document = standard(copied, copied.agreed[4])
    assert document["dpv:hasEntity"][0]["schema:contactPoint"] == "privacy@example.com"
    assert "party contact" not in document["bl:notStated"]
    with copied.open(read_only=True) as ws:
        assert ws.public.overview()["contact"]["name"] == "privacy@example.com"
    config.write_text(text + '[party]\nfax = "1"\n', "utf-8")
    with pytest.raises(EvidenceError) as error:
        copied.open()
    assert error.value.code == "workspace.damaged"
