"""The auditor's pages, and the public report."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from html import unescape
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

import byleave
from byleave import merkle
from byleave.consent.event import EventKind
from byleave.evidence.log_proof import LoggedEntry, parse_log_proof
from byleave.ids import format_instant, parse_instant
from byleave.note import parse_trust
from byleave.pages.words import SAY
from byleave.wiring.world import ReplayClock
from tests.portal.served import SITE, Served, served
from tests.unit.service.small import (
    COLUMNS,
    CONTRACT,
    PLATFORM,
    START,
    Grown,
    asked,
    empty,
    grant,
    grow,
    people,
    small_table,
)


@pytest.fixture(scope="module")
def grown(tmp_path_factory: pytest.TempPathFactory) -> Grown:
    return grow(tmp_path_factory.mktemp("audit") / "ws")


@pytest.fixture(scope="module")
def stage(grown: Grown) -> Iterator[Served]:
    with served(grown.path, grown.now + timedelta(hours=1)) as made:
        yield made


@pytest.fixture(scope="module")
def auditor(stage: Served) -> TestClient:
    return stage.enter("auditor", "alex")


def entries(grown: Grown) -> list[bytes]:
    with grown.open(read_only=True) as ws:
        found: list[bytes] = ws.ledger.read(0, ws.log.checkpoint()["size"])
        return found


def test_the_pages_of_the_log_hold_every_entry_once(auditor: TestClient, grown: Grown) -> None:
    """Following `older` from the newest page shows each entry of the checkpoint exactly once."""
    seen, before = [], ""
    while True:
        part = auditor.get("/audit/log.json", params={"before": before}).json()["audit-log"]
        seen += [(line["index"], line["kind"], line["leaf"]) for line in part["lines"]]
        if part["older"] is None:
            break
        before = str(part["older"])
    logged = entries(grown)
    assert [index for index, _, _ in seen] == list(range(len(logged) - 1, -1, -1))
    for index, kind, leaf in seen:
        assert json.loads(logged[index])["kind"] == kind
        assert merkle.leaf_hash(logged[index]).hex() == leaf


def test_an_unknown_kind_is_told_on_a_page(auditor: TestClient) -> None:
    """A kind that no entry has is refused, on the page as a page and in the twin as a problem."""
    page = auditor.get("/audit/log", params={"kind": "nothing/v1"})
    assert (page.status_code, page.headers["content-type"]) == (400, "text/html; charset=utf-8")
    twin = auditor.get("/audit/log.json", params={"kind": "nothing/v1"})
    assert (twin.status_code, twin.json()["code"]) == (400, "api.malformed")


@pytest.mark.parametrize("kind", ["release/v1", "consent-event/v1", "look/v1"])
def test_entries_of_one_kind(auditor: TestClient, grown: Grown, kind: str) -> None:
    """A kind asked for shows all entries of that kind and no others."""
    wanted = [i for i, data in enumerate(entries(grown)) if json.loads(data)["kind"] == kind]
    found, before = [], ""
    while True:
        asked = {"kind": kind, "before": before}
        part = auditor.get("/audit/log.json", params=asked).json()["audit-log"]
        found += [line["index"] for line in part["lines"]]
        if part["older"] is None:
            break
        before = str(part["older"])
    assert found == wanted[::-1]


def test_a_digest_finds_its_entries(auditor: TestClient, grown: Grown) -> None:
    """A model's digest finds its release, a leaf hash its entry, an unknown digest nothing."""
    logged = entries(grown)
    [(index, release)] = [
        (i, json.loads(data)) for i, data in enumerate(logged) if b'"kind":"release/v1"' in data
    ]

    def indexes(find: str) -> list[int]:
        part = auditor.get("/audit/log.json", params={"find": find}).json()["audit-log"]
        return [line["index"] for line in part["lines"]]

    assert indexes(release["model"]) == [index]
    assert indexes(merkle.leaf_hash(logged[index]).hex()) == [index]
    assert indexes("ab" * 32) == []
    assert "No entry in this part" in auditor.get("/audit/log", params={"find": "ab" * 32}).text


def test_an_entry_comes_with_a_proof_that_holds(auditor: TestClient, grown: Grown) -> None:
    """The proof of inclusion saved from an entry's page verifies under the trust file."""
    trust = parse_trust((grown.path / "trust.policy").read_bytes())
    logged = entries(grown)
    for index in (0, len(logged) // 2, len(logged) - 1):
        text = auditor.get(f"/audit/log/{index}.tlog-proof").text
        proven = LoggedEntry(logged[index], parse_log_proof(text)).verify(trust)
        assert proven.index == index
        page = auditor.get(f"/audit/log/{index}")
        assert proven.leaf.hex() in page.text
    assert auditor.get(f"/audit/log/{len(logged)}").status_code == 404
    assert auditor.get("/audit/log/-1").status_code == 422


def test_no_page_of_the_auditor_names_a_member(auditor: TestClient, grown: Grown) -> None:
    """Neither the pages nor their twins hold any member's id."""
    texts = [auditor.get(f"/audit{end}").text for end in ("", ".json", "/log", "/log.json")]
    size = len(entries(grown))
    texts += [auditor.get(f"/audit/log/{index}").text for index in range(0, size, 7)]
    for member in (*grown.agreed, *grown.silent):
        assert not any(f'"{member}"' in text or f">{member}<" in text for text in texts)


def test_what_to_repeat_is_what_the_ledger_holds(auditor: TestClient, grown: Grown) -> None:
    """Each release and gate stands there with its digests, log entries and commands."""
    view = auditor.get("/audit.json").json()["audit"]
    with grown.open(read_only=True) as ws:
        [document] = ws.release.list()
        gates = ws.gate.list()
    [release] = view["releases"]
    assert (release["release"], release["model"]) == (grown.release, document["model"])
    assert release["commands"] == [
        f"byleave gate replay {grown.gate}",
        f"byleave snapshot fsck {grown.snapshot}",
        f"byleave release refit {grown.release}",
    ]
    logged = entries(grown)
    for kind, index in (
        ("release/v1", release["index"]),
        ("snapshot/v1", release["snapshot_index"]),
        ("recipe/v1", release["recipe_index"]),
        ("gate/v1", release["gate_index"]),
    ):
        assert json.loads(logged[index])["kind"] == kind
    recipe = json.loads(logged[release["recipe_index"]])
    assert release["recipe"] == recipe["recipe"]
    assert {gate["gate"] for gate in view["gates"]} == {gate["gate"] for gate in gates}
    page = auditor.get("/audit").text
    assert all(command in page for command in release["commands"])


def test_an_uploaded_proof_is_checked(stage: Served, auditor: TestClient, grown: Grown) -> None:
    """A proof that holds is said to hold; with one byte changed it is said which check fails."""
    with grown.open() as ws:
        proof = ws.proof.make_named("lineage", grown.release).read_bytes()
    good = stage.send(auditor, "/audit", "/audit/verify", proof=proof)
    assert good.status_code == 200
    assert "It holds" in good.text
    assert grown.release in good.text
    bad = stage.send(auditor, "/audit", "/audit/verify", proof=_flipped(proof))
    assert "It does not hold" in bad.text
    assert "fails" in bad.text
    none = stage.send(auditor, "/audit", "/audit/verify", proof=b"")
    assert "proof.empty" in none.text


def _flipped(data: bytes) -> bytes:
    """Return a proof with one hexadecimal digit of its digest changed."""
    place = data.index(b'"digest":"') + 10
    return data[:place] + (b"0" if data[place : place + 1] != b"0" else b"1") + data[place + 1 :]


def test_a_page_of_another_role_says_that_it_is_for_others(auditor: TestClient) -> None:
    """A page that another role may open tells who is signed in so, and not that the address is off."""
    answer = auditor.get("/house")
    assert answer.status_code == 403
    assert SAY["others.title"] in answer.text
    assert SAY["refused.text"] not in answer.text


def test_a_form_of_another_session_is_refused(auditor: TestClient) -> None:
    """Uploads and recomputing want the session's own form, and a form that can be read."""
    ours = {"origin": SITE}
    sent = auditor.post("/audit/verify", data={"form": "x"}, files={"proof": b"p"}, headers=ours)
    assert sent.status_code == 403
    assert auditor.post("/audit/fsck", data={"form": "x"}, headers=ours).status_code == 403
    plain = auditor.post("/audit/verify", data={"form": "x"}, headers=ours)
    assert plain.status_code == 415
    kind = {"content-type": "multipart/form-data; boundary=b"}
    for body in (b"", b"--b\r\nx\r\n--b--", b"--b\r\n\r\n\r\n--b"):
        assert auditor.post("/audit/verify", content=body, headers=ours | kind).status_code == 400


def test_recomputing_finds_a_changed_log(grown: Grown, tmp_path: Path) -> None:
    """A log in which one byte of an entry was changed is said not to hold; the sound one holds."""
    path = tmp_path / "ws"
    shutil.copytree(grown.path, path)
    with served(path, grown.now + timedelta(hours=1)) as stage:
        browser = stage.enter("auditor", "alex")
        form = browser.get("/audit").text.partition('name="form" value="')[2].partition('"')[0]
        sent = {"form": form}
        ours = {"origin": SITE}
        assert "Everything holds" in browser.post("/audit/fsck", data=sent, headers=ours).text
        parts = (path / "log" / "tile" / "entries").rglob("000.p/*")
        bundle = max(parts, key=lambda part: int(part.name))
        data = bytearray(bundle.read_bytes())
        data[40] ^= 1
        bundle.chmod(0o644)
        bundle.write_bytes(bytes(data))
        assert (
            "Something does not hold" in browser.post("/audit/fsck", data=sent, headers=ours).text
        )


def test_the_report_is_a_recount(stage: Served, grown: Grown) -> None:
    """Every number of the public report equals one counted from the log's entries and the ledger."""
    report = stage.http.get("/transparency.json").json()["transparency"]
    logged = [json.loads(data) for data in entries(grown)]
    by_kind: dict[str, list[dict[str, object]]] = {}
    for entry in logged:
        by_kind.setdefault(entry["kind"], []).append(entry)
    gates = by_kind["gate/v1"]
    assert report["gates"]["runs"] == len(gates)
    assert report["gates"]["rows"] == sum(int(str(gate["rows"])) for gate in gates)
    assert report["gates"]["kept"] == sum(int(str(gate["kept"])) for gate in gates)
    left = sum(reason["rows"] for reason in report["gates"]["reasons"])
    assert left == report["gates"]["rows"] - report["gates"]["kept"]
    [release] = by_kind["release/v1"]
    sealed = logged[int(str(release["snapshot"]))]
    [model] = report["models"]
    assert model["release"] == release["release"]
    assert (model["records"], model["members"]) == (sealed["records"], sealed["members"])
    handed = Counter(str(entry["recipient"]) for entry in by_kind["disclosure/v1"])
    assert {line["recipient"]: line["packages"] for line in report["disclosures"]} == handed
    assert report["members"] == len(by_kind["enrolment/v1"])
    assert report["withdrawals"] == []


def test_the_report_after_people_left(grown: Grown, tmp_path: Path) -> None:
    """After a batch of withdrawals the report names what it reached, as the log does."""
    path = tmp_path / "ws"
    shutil.copytree(grown.path, path)
    with byleave.open(path, now=lambda: grown.now + timedelta(hours=2)) as ws:
        ws.withdrawal.run()
        [batch] = [document for _, _, _, document in ws.ledger.objects("withdrawal")]
    with served(path, grown.now + timedelta(hours=3)) as stage:
        report = stage.http.get("/transparency.json").json()["transparency"]
        page = stage.http.get("/transparency").text
        other = stage.http.get("/transparency", headers={"accept-language": "de"}).text
    [line] = report["withdrawals"]
    assert line["rows"] == sum(batch["logged"]["rows"].values()) > 0
    assert line["releases"] == len(batch["logged"]["releases"]) == 1
    assert line["ended"] is not None
    said = min(_instants_of_noes(grown))
    assert line["said"] == format_instant(said)
    assert line["seconds"] == (parse_instant(line["ended"]) - said) // timedelta(seconds=1) > 0
    assert "from the first person's no to the last step" in unescape(page)
    assert [model["superseded_by"] for model in report["models"]][1] == report["models"][0][
        "release"
    ]
    assert f"Rows taken out: {line['rows']}." in page
    assert "Transparenzbericht" in other


def _instants_of_noes(grown: Grown) -> list[datetime]:
    """When the members who withdrew said so, as each one's own choices tell it."""
    with grown.open(read_only=True) as ws:
        return [
            event.recorded
            for member in grown.withdrew
            for event in ws.consent.history(member)
            if event.kind is EventKind.WITHDRAWAL
        ]


def test_rows_that_go_without_anybodys_no_run_from_the_batch(tmp_path: Path) -> None:
    """Where a yes ended by itself, the report's clock begins with the batch, and says so."""
    clock = ReplayClock(START)
    with empty(tmp_path / "ws", clock) as ws:
        table = small_table(members=6, threads=6, messages=60)
        asked(ws)
        ws.source.add("messages", table, CONTRACT, regions=dict.fromkeys(people(table), "eu"))
        clock.set(START + timedelta(days=1))
        end = START + timedelta(days=30)
        ws.consent.record([replace(grant(m, PLATFORM, ws), expires=end) for m in people(table)])
        clock.set(START + timedelta(days=2))
        gate, gated = ws.gate.run("messages", PLATFORM)
        run = ws.model.train("replies", ws.snapshot.seal(gate, gated=gated), columns=COLUMNS)
        ws.release.publish(run)
        clock.set(START + timedelta(days=40))
        ws.withdrawal.run()
        [line] = ws.faces.transparency()["withdrawals"]
    assert line["said"] is None
    assert line["rows"] > 0
    assert line["seconds"] == 0
    with served(tmp_path / "ws", START + timedelta(days=41)) as stage:
        assert "from the first log entry to the last" in stage.http.get("/transparency").text


def test_summaries_are_made_when_asked_for(stage: Served, grown: Grown) -> None:
    """Each summary the report offers downloads, names the release, and no other address does."""
    report = stage.http.get("/transparency.json").json()["transparency"]
    assert len(report["summaries"]) >= 4
    for summary in report["summaries"]:
        for form in summary["forms"]:
            answer = stage.http.get(f"/transparency/{summary['kind']}{form}")
            assert answer.status_code == 200
            assert "attachment" in answer.headers["content-disposition"]
            if form == ".json":
                json.loads(answer.text)
    assert stage.http.get("/transparency/eu-ai-act.exe").status_code == 404
    assert stage.http.get("/transparency/eu-ai-act").status_code == 404


def test_an_empty_report_says_so(tmp_path: Path) -> None:
    """A workspace in which nothing happened yet says so in each part, and offers no summary."""
    with byleave.create(tmp_path / "ws") as ws:
        now = ws.now()
    with served(tmp_path / "ws", now) as stage:
        page = stage.http.get("/transparency").text
        for sentence in (
            "No model was released yet.",
            "The gate has not run yet.",
            "No batch of withdrawals was carried out yet.",
            "Nothing was handed to anybody.",
        ):
            assert sentence in page
        assert "/transparency/eu-ai-act" not in page
        assert stage.http.get("/transparency/eu-ai-act.md").status_code == 404
