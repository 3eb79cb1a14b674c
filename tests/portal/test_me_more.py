"""A member's further pages: messages, texts, questions, rights, everything held, erasure."""

from __future__ import annotations

import csv
import io
import itertools
import json
import re
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

import byleave
from byleave.portal.answers import WorkspaceAnswers
from byleave.portal.app import create_app
from byleave.portal.desk import make_desk
from byleave.verify import verify
from tests.portal.api_site import SITE, Site
from tests.portal.reading import english_in, language_of_page, text_of
from tests.portal.test_house import POLICY
from tests.unit.service.small import Grown, grow

OURS = {"origin": SITE}
PAGES = ("/me", "/me/messages", "/me/changes", "/me/questions", "/me/requests", "/me/erase")
GERMAN = {"accept-language": "de"}
NAMES = ("this platform", "Privacy policy", "Privacy Policy", "User agreement")


@pytest.fixture(scope="module")
def grown(tmp_path_factory: pytest.TempPathFactory) -> Grown:
    """A workspace of small generated data of which every kind of thing exists."""
    return grow(tmp_path_factory.mktemp("grown") / "workspace")


@pytest.fixture
def site(grown: Grown, tmp_path: Path) -> Iterator[Site]:
    """A copy of it, served."""
    path = tmp_path / "workspace"
    shutil.copytree(grown.path, path)
    with byleave.open(path, read_only=True) as reader:
        desk = make_desk(reader, site=SITE)
        app = create_app(WorkspaceAnswers(reader), demo=False, desk=desk)
        with TestClient(app) as http:
            yield Site(path, http, itertools.count())


def fields(page: str) -> dict[str, str]:
    """The secret that each form of a page sends back."""
    return dict(re.findall(r'name="(form)" value="([^"]*)"', page))


def test_every_page_is_there_in_both_languages(site: Site, grown: Grown) -> None:
    """Each page opens for who agreed, who withdrew and who said nothing, in English and German."""
    for member in (grown.agreed[0], grown.withdrew[0], grown.silent[0]):
        browser = site.signed_in("member", member)
        for address in PAGES:
            answer = browser.get(address)
            assert answer.status_code == 200, (address, answer.text)
            assert language_of_page(answer.text) == "en"
            german = browser.get(address, headers=GERMAN).text
            assert language_of_page(german) == "de"
            assert english_in(german, names=(*NAMES, member)) == [], (address, text_of(german))


def test_every_page_has_a_twin_and_the_same_navigation(site: Site, grown: Grown) -> None:
    """M13: every page of a member links the same pages in the same order; each page has its JSON."""
    browser = site.signed_in("member", grown.agreed[0])
    first, followed = None, set(PAGES)
    for address in PAGES:
        page = browser.get(address).text
        nav = re.findall(r'href="(/me[^"]*)"', page.split('class="own"')[1].split("</nav>")[0])
        first = first or nav
        assert nav == first
        twin = browser.get(re.findall(r'type="application/json" href="([^"]+)"', page)[0])
        assert twin.json()["schema"].startswith("byleave/page-")
        links = set(re.findall(r'href="(/[^"#]*)', page)) - followed
        followed |= links
        for link in links:
            assert browser.get(link).status_code < 400, (address, link)


def cells(view: dict[str, Any], use: str) -> dict[tuple[str, str], tuple[bool, str]]:
    """What the gate says of each case of one use."""
    found = [u for kind in view["kinds"] for u in kind["uses"] if u["use"] == use]
    return {(c["role"], c["others"]): (c["allowed"], c["because"]) for c in found[0]["cells"]}


def test_the_gate_answers_for_each_case_of_a_message(site: Site, grown: Grown) -> None:
    """Under the rule of all, a message may be used where everyone in it said yes, and else not."""
    use = "train.generative.replies/messages.direct/platform"
    still = next(m for m in grown.agreed if m not in grown.withdrew)
    yes = site.signed_in("member", still).get("/me/messages.json").json()["messages"]
    assert cells(yes, use) == {
        ("author", "yes"): (True, "consent"),
        ("recipient", "yes"): (True, "consent"),
        ("author", "silent"): (False, "no-grant"),
        ("recipient", "silent"): (False, "no-grant"),
        ("author", "no"): (False, "party-vetoed"),
        ("recipient", "no"): (False, "refused"),
    }
    page = site.signed_in("member", grown.withdrew[0]).get("/me/messages").text
    assert "On your side: someone else" not in page
    assert "No. On your side: said no." in page
    gone = site.signed_in("member", grown.withdrew[0]).get("/me/messages.json").json()["messages"]
    assert not any(allowed for allowed, _ in cells(gone, use).values())


def test_the_counts_of_messages_are_those_of_the_gate(site: Site, grown: Grown) -> None:
    """A member's kept and left messages add up to the rows they are a party of, kind by kind."""
    for member in (grown.agreed[0], grown.silent[0]):
        view = site.signed_in("member", member).get("/me/messages.json").json()["messages"]
        with byleave.open(site.path, read_only=True) as ws:
            import pyarrow.compute as pc

            from byleave.service.source import open_source, rows_of

            names = [name for _, name, _, _ in ws.house.ledger.objects("source")]
            rows = sum(
                len(pc.unique(rows_of(open_source(ws.house, name), member)["row"]))
                for name in names
            )
        told = 0
        for kind in view["kinds"]:
            for use in kind["uses"]:
                if use["use"].endswith("/platform") and use["gate"]:
                    told += use["kept"] + sum(r["rows"] for r in use["left"])
        assert told == rows > 0


def test_a_text_says_what_it_changed_for_the_member(site: Site, grown: Grown) -> None:
    """Each version names its new uses as undecided or answered; none changed what was decided; what
    it says otherwise is marked word by word.
    """
    later = POLICY.replace('version: "1"', 'version: "2"').replace(
        "  - train.generative.replies/messages.direct/platform\n",
        "  - train.generative.replies/messages.direct/platform\n"
        "  - train.ranking.jobs/profile.skills/platform\n",
    )
    later = later.replace("if you agree", "if you agree to it") + "We keep messages a year.\n"
    with byleave.open(site.path) as ws:
        ws.policy.publish(POLICY)
        ws.policy.publish(later)
    jobs = "train.ranking.jobs/profile.skills/platform"
    replies = "train.generative.replies/messages.direct/platform"
    still = next(m for m in grown.agreed if m not in grown.withdrew)
    for member, state in (
        (grown.silent[0], "undecided"),
        (still, "yes"),
        (grown.withdrew[0], "no"),
    ):
        browser = site.signed_in("member", member)
        view = browser.get("/me/changes.json").json()["changes"]
        new, first = view["versions"]
        assert (new["before"], first["before"]) == ("1", None)
        assert [(use["use"], use["state"]) for use in new["adds"]] == [(jobs, "undecided")]
        assert [(use["use"], use["state"]) for use in first["adds"]] == [(replies, state)]
        assert (new["moved"], first["moved"]) == ([], [])
        assert new["checked"] > first["checked"] > 0
        page = browser.get("/me/changes").text
        assert page.count("It was the same each time.") == 2
        assert "<ins>We keep messages a year.</ins>" in page
        assert re.search(r"<ins>[^<]*to it[^<]*</ins>", page)
        told = browser.get("/me/questions.json").json()["questions"]
        assert (told["texts"], told["named"], told["moved"]) == (2, 2, 0)
        assert told["undecided"] == (2 if state == "undecided" else 1)
        german = browser.get("/me/changes", headers=GERMAN).text
        assert english_in(german, names=NAMES) == []


def test_a_change_of_what_was_decided_would_be_seen(
    site: Site, grown: Grown, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If a text ever came with another answer, the page would say that this must not be."""
    from byleave.service.notice import coverages

    with byleave.open(site.path) as ws:
        ws.policy.publish(POLICY)
    with byleave.open(site.path, read_only=True) as ws:
        index = ws.house.ledger.objects("policy")[-1][0]

    def fewer(house: Any, *, before: int | None = None) -> Any:
        return {} if before == index else coverages(house, before=before)

    monkeypatch.setattr("byleave.service.policy_changes.coverages", fewer)
    still = next(m for m in grown.agreed if m not in grown.withdrew)
    browser = site.signed_in("member", still)
    assert browser.get("/me/changes.json").json()["changes"]["versions"][0]["moved"]
    assert "Something changed that must not." in browser.get("/me/changes").text
    assert "and that must not be" in browser.get("/me/questions").text


def test_questions_are_answered_by_the_ledgers(site: Site, grown: Grown) -> None:
    """Models, packages and choices in the answers are those of the member's own page."""
    for member in (grown.agreed[0], grown.withdrew[0], grown.silent[0]):
        browser = site.signed_in("member", member)
        answer = browser.get("/me.json").json()["member"]
        told = browser.get("/me/questions.json").json()["questions"]
        inside = {
            r["release"]
            for r in answer["releases"]
            if r["presence"] == "present" and r["superseded_by"] is None
        }
        assert {one["release"] for one in told["inside"]} == inside
        assert set(told["rebuilt"]) | set(told["reduced"]) == inside
        assert told["choices"] == len(answer["choices"])
        delivered = [i for i in answer["timeline"] if i["kind"] == "delivered"]
        assert len(told["packages"]) == len(delivered)
        assert told["moved"] == 0


def test_everything_held_comes_as_one_file(site: Site, grown: Grown) -> None:
    """The export holds choices, records, requests and proofs that verify; its cells run nothing."""
    member = grown.agreed[0]
    browser = site.signed_in("member", member)
    answer = browser.get("/me/export.zip")
    assert answer.headers["content-type"] == "application/zip"
    assert answer.headers["cache-control"] == "no-store"
    with zipfile.ZipFile(io.BytesIO(answer.content)) as file:
        assert file.testzip() is None
        names = set(file.namelist())
        assert names >= {
            "README.txt", "choices.json", "choices.csv", "answer.json", "receipt.jsonld",
            "requests.json", "looks.json", "snapshots.json", "trust.policy", "my.receipt",
        }  # fmt: skip
        choices = json.loads(file.read("choices.json"))
        rows = list(csv.DictReader(io.StringIO(file.read("choices.csv").decode())))
        assert len(choices) == len(rows) > 0
        assert {row["member"] for row in rows} == {member}
        records = [
            json.loads(line)
            for line in file.read(next(n for n in names if n.startswith("records/"))).splitlines()
        ]
        assert records
        assert all(member in (r["sender_id"], r["recipient_id"]) for r in records)
        sealed = {s["snapshot"]: len(s["rows"]) for s in json.loads(file.read("snapshots.json"))}
        told = json.loads(file.read("answer.json"))
        assert {r["snapshot"]: r["records"] for r in told["releases"]}.items() <= sealed.items()
        proofs = [n for n in names if n.startswith("proofs/")]
        assert len(proofs) >= len(told["choices"])
        for name in proofs:
            verdict = verify(file.read(name), file.read("trust.policy"), file.read("my.receipt"))
            assert verdict.ok, (name, verdict)
        others = {m for m in (*grown.agreed, *grown.silent) if m != member}
        text = b"".join(file.read(n) for n in names if not n.startswith("records/")).decode(
            "latin-1"
        )
        assert not [m for m in others if re.search(rf"\b{re.escape(m)}\b", text)]


def test_a_cell_of_the_export_runs_nothing(site: Site, grown: Grown) -> None:
    """A text that a spreadsheet would take for a formula has an apostrophe before it."""
    member = grown.agreed[0]
    with byleave.open(site.path) as ws:
        ws.consent.refuse(
            member, "train.ranking.jobs/profile.skills/platform", channel='=HYPERLINK("x")'
        )
        data = b"".join(ws.member.export(member))
    with zipfile.ZipFile(io.BytesIO(data)) as file:
        cells = [
            cell
            for row in csv.reader(io.StringIO(file.read("choices.csv").decode()))
            for cell in row
        ]
    assert '\'=HYPERLINK("x")' in cells
    assert not [cell for cell in cells if cell[:1] in "=+@" and cell]


def test_an_export_is_the_same_from_page_api_and_noun(site: Site, grown: Grown) -> None:
    """The platform gets a member's file with a token that may read; another member gets none."""
    member = grown.agreed[0]
    token = site.token("member.read")
    address = f"/api/v1/members/export?member={member}"
    by_api = site.http.get(address, headers={**token, "byleave-reason": "asked by letter"})
    assert by_api.status_code == 200, by_api.text
    with byleave.open(site.path, read_only=True) as ws:
        noun = b"".join(ws.member.export(member))
        assert [look["why"] for look in ws.member.looks()] == ["asked by letter"]
    for data in (by_api.content, noun):
        with zipfile.ZipFile(io.BytesIO(data)) as file:
            assert "choices.csv" in file.namelist()
    other = site.signed_in("member", grown.agreed[1])
    mine = other.get(f"/api/v1/members/export?member={member}")
    assert mine.status_code == 403


def test_a_request_is_made_once_and_shown_with_its_day(site: Site, grown: Grown) -> None:
    """Asking twice is one request; it is listed with the day it is due, and how it ended."""
    browser = site.signed_in("member", grown.agreed[0])
    sent = {**fields(browser.get("/me/requests").text), "kind": "access"}
    for _ in range(2):
        answer = browser.post("/me/requests", data=sent, headers=OURS)
        assert answer.status_code == 303
    page = browser.get("/me/requests").text
    assert page.count("What we hold about you: open") == 1
    assert "We must answer by" in page
    with byleave.open(site.path) as ws:
        [open_] = ws.requests.list(only_open=True)
        ws.requests.close(open_["request"], who="alex", why="sent the file")
    assert "sent the file" in browser.get("/me/requests").text
    assert (
        browser.post("/me/requests", data={**sent, "kind": "erasure"}, headers=OURS).status_code
        == 400
    )
    assert browser.post("/me/requests", data={"kind": "access"}, headers=OURS).status_code == 403


@pytest.mark.parametrize(
    ("language", "words"),
    [("en", "we told you that we need more time"), ("de", "dass wir mehr Zeit brauchen")],
)
def test_who_waits_longer_is_told_why(site: Site, grown: Grown, language: str, words: str) -> None:
    """A request that takes longer says so on the member's page, with the reason and the new day."""
    with byleave.open(site.path) as ws:
        name = ws.requests.open(grown.agreed[0], "objection")
        ws.requests.extend(name, who="alex", why="so many came at once")
        [facts] = ws.requests.list()
    browser = site.signed_in("member", grown.agreed[0])
    page = browser.get(f"/me/requests?lang={language}").text
    assert words in page
    assert "so many came at once" in page
    assert "alex" not in page
    [shown] = browser.get("/me/requests.json").json()["requests"]["requests"]
    assert (shown["due"], shown["extended_index"]) == (facts["due"], facts["extended_index"])


def test_erasing_needs_its_tick_and_nothing_else(site: Site, grown: Grown) -> None:
    """Without the tick nothing is done and the page says so; the box is never ticked beforehand."""
    browser = site.signed_in("member", grown.silent[0])
    page = browser.get("/me/erase").text
    assert 'type="checkbox"' in page
    assert "checked" not in page
    missed = browser.post("/me/erase", data=fields(page), headers=OURS)
    assert missed.status_code == 400
    assert "Nothing was erased." in missed.text
    with byleave.open(site.path, read_only=True) as ws:
        assert ws.requests.list() == []
        assert ws.member.ordinal(grown.silent[0]) >= 0


def test_who_is_in_nothing_current_is_erased_at_once(site: Site, grown: Grown) -> None:
    """The page erases: secret and id are gone, the session ends, fsck finds the log whole."""
    member = grown.silent[0]
    browser = site.signed_in("member", member)
    sent = {**fields(browser.get("/me/erase").text), "sure": "yes"}
    answer = browser.post("/me/erase", data=sent, headers=OURS)
    assert answer.status_code == 200, answer.text
    assert "You have been erased" in answer.text
    assert browser.get("/me").status_code == 401
    with byleave.open(site.path) as ws:
        with pytest.raises(byleave.errors.InputError):
            ws.member.ordinal(member)
        [request] = ws.requests.list()
        assert (request["kind"], request["state"]) == ("erasure", "done")
        assert ws.fsck() == []


def test_who_is_in_a_model_stops_everything_and_waits(site: Site, grown: Grown) -> None:
    """While a model holds their rows, erasing says no to everything and notes the request's day."""
    member = next(m for m in grown.agreed if m not in grown.withdrew)
    browser = site.signed_in("member", member)
    page = browser.get("/me/erase").text
    assert "unlearned or recalled first" in page
    answer = browser.post("/me/erase", data={**fields(page), "sure": "yes"}, headers=OURS)
    assert answer.status_code == 303
    shown = browser.get(answer.headers["location"].partition("#")[0]).text
    assert "To be erased: open" in shown
    settings = browser.get("/me/settings").text
    assert "You said yes on" not in settings
    with byleave.open(site.path) as ws:
        ws.withdrawal.run(with_refit=False)
        for _, name in ws.member.standing(member):
            pytest.fail(f"{name} still holds rows")
        ws.member.erase([member])
        assert ws.requests.list()[0]["state"] == "done"


def test_no_other_members_session_survives_an_erasure(site: Site, grown: Grown) -> None:
    """A second session of somebody erased sees nothing: their number leads to no member."""
    member = grown.silent[1]
    first, second = site.signed_in("member", member), site.signed_in("member", member)
    sent = {**fields(first.get("/me/erase").text), "sure": "yes"}
    assert first.post("/me/erase", data=sent, headers=OURS).status_code == 200
    for address in PAGES:
        assert second.get(address).status_code >= 400, address
