"""What the operator's people do over the API: texts, rules, recipients, recalls; each in the trail."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import byleave
from tests.portal.api_site import USE, Site, site_at
from tests.portal.test_house import POLICY, RULES

WHY = {"byleave-reason": "board of 3 May"}


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with site_at(tmp_path / "ws") as made:
        yield made


def code(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def size(site: Site) -> int:
    with byleave.open(site.path, read_only=True) as ws:
        return ws.ledger.size()


def test_a_text_is_previewed_published_and_read_back(site: Site) -> None:
    """A preview stores nothing; publishing gives the entry, who and why before it, four instants
    and the text byte for byte; a second version differs from it as `policy diff` says.
    """
    tokens = site.token("policy.write")
    before = size(site)
    shown = site.http.post("/api/v1/policies/preview", json={"text": POLICY}, headers=tokens).json()
    assert shown["impact"]["choices"][USE]["silent"] == 2
    assert (shown["publishable"], shown["against"], shown["difference"]) == (None, None, None)
    assert size(site) == before
    body = {"text": POLICY, "preview": shown["preview"]}
    made = site.post("/api/v1/policies", body, {**tokens, **WHY}, key="p")
    assert made.status_code == 201
    told = made.json()
    assert {k for k in told if k in {"announced", "effective", "observed", "recorded"}} == {
        "announced", "effective", "observed", "recorded",
    }  # fmt: skip
    assert (told["document"], told["version"], told["decisions_changed"]) == ("terms", "1", 0)
    again = site.post("/api/v1/policies", body, {**tokens, **WHY}, key="p")
    assert (again.json(), again.headers["idempotency-replayed"]) == (told, "true")
    read = site.http.get(told["href"]).json()
    assert read["text"] == POLICY
    assert read["facts"]["index"] == told["index"]
    with byleave.open(site.path, read_only=True) as ws:
        [act] = ws.acts.trail(kind="act")
        assert (act["index"], act["what"], act["name"]) == (
            told["act"], "policy.publish", "terms 1",
        )  # fmt: skip
        assert act["why"] == "board of 3 May"
        assert ws.fsck() == []
    second = POLICY.replace('version: "1"', 'version: "2"').replace("suggest", "write")
    shown = site.http.post("/api/v1/policies/preview", json={"text": second}, headers=tokens).json()
    assert shown["against"] == "1"
    assert shown["difference"]["counts"]["changed"] == 1
    assert site.post("/api/v1/policies", {"text": second}, tokens).status_code == 201
    apart = site.http.get("/api/v1/policies/terms/diff", params={"old": "1", "new": "2"}).json()
    assert apart["changes"] == shown["difference"]["changes"]
    listed = site.http.get("/api/v1/policies").json()["items"]
    assert [d["version"] for d in listed] == ["1", "2"]


def test_the_text_that_somebody_saw(site: Site) -> None:
    """A document is answered with the variant of a region and language, at an instant."""
    tokens = site.token("policy.write")
    german = POLICY.replace("language: en", "language: de").replace('"*"', "de")
    for text in (POLICY, german):
        assert site.post("/api/v1/policies", {"text": text}, tokens).status_code == 201
    ask = {"region": "de", "language": "de", "at": "2100-01-01T00:00:00Z"}
    there = site.http.get("/api/v1/policies/terms", params=ask).json()
    assert (there["text"], there["seen"]["region_matched"]) == (german, "exact")
    here = site.http.get("/api/v1/policies/terms", params={**ask, "region": "us", "language": "en"})
    assert here.json()["text"] == POLICY
    ahead = site.http.get("/api/v1/policies/terms").json()
    assert (ahead["text"], len(ahead["seen"]["announced"])) == (None, 1)
    missing = site.http.get("/api/v1/policies/nothing")
    assert code(missing) == (404, "workspace.unknown-object")


def test_a_text_that_may_not_be_published_leaves_no_act(site: Site) -> None:
    """A retroactive text, one that stands already, a broken one, and one whose preview no longer
    holds are refused by their codes, and nothing of them is in the log.
    """
    tokens = site.token("policy.write")
    past = POLICY.replace("2099-01-01", "2001-01-01")
    shown = site.http.post("/api/v1/policies/preview", json={"text": past}, headers=tokens).json()
    assert shown["publishable"] == "policy.retroactive"
    good = site.http.post("/api/v1/policies/preview", json={"text": POLICY}, headers=tokens).json()
    assert site.post("/api/v1/policies", {"text": POLICY}, tokens).status_code == 201
    before = size(site)
    third = POLICY.replace('version: "1"', 'version: "3"')
    for body, expected in (
        ({"text": past}, (403, "policy.retroactive")),
        ({"text": POLICY}, (409, "workspace.exists")),
        ({"text": "no front matter"}, (400, "policy.malformed")),
        ({"text": third, "preview": good["preview"]}, (409, "api.changed-since")),
        ({"text": third, "previw": "x"}, (422, "api.malformed")),
    ):
        assert code(site.post("/api/v1/policies", body, tokens)) == expected
    assert size(site) == before


def test_lint_says_what_no_declaration_covers(site: Site) -> None:
    """A sentence about training that the front matter does not declare is a finding."""
    text = POLICY + "\nWe share your private messages with third parties to train AI models.\n"
    answer = site.http.post(
        "/api/v1/policies/lint", json={"text": text}, headers=site.token("policy.write")
    )
    with byleave.open(site.path, read_only=True) as ws:
        expected = [finding.to_dict() for finding in ws.policy.lint(text, name="policy.md")]
    assert answer.json()["findings"] == expected
    assert any(f["kind"] == "undeclared" for f in expected)


def test_lint_by_rules_alone_names_no_finding_of_the_reader(site: Site) -> None:
    """With `rules_only` the reader stays unheard; without it, it finds what no rule knows."""
    text = POLICY + "\nPostHog sees which pages you open.\n"
    by = []
    for rules_only in (False, True):
        body = {"text": text, "rules_only": rules_only}
        answer = site.http.post(
            "/api/v1/policies/lint", json=body, headers=site.token("policy.write")
        )
        by.append({finding["by"] for finding in answer.json()["findings"]})
    assert "reader" in by[0]
    assert "reader" not in by[1]


def test_rules_are_previewed_and_put_in_force(site: Site) -> None:
    """A file of rulesets says first whose yes would stop counting; in force, it decides at once."""
    tokens = site.token()
    site.post("/api/v1/choices", site.grant("m-1"), tokens)
    ask = {"member": "m-1", "use": USE}
    assert site.http.get("/api/v1/decision", params=ask, headers=tokens).json()["allowed"]
    shown = site.http.post("/api/v1/rulesets/preview", json={"text": RULES}, headers=tokens).json()
    made = site.post(
        "/api/v1/rulesets", {"text": RULES, "preview": shown["preview"]}, {**tokens, **WHY}
    )
    assert made.status_code == 201
    assert made.json()["act"] < made.json()["index"]
    with byleave.open(site.path, read_only=True) as ws:
        assert [a["what"] for a in ws.acts.trail(kind="act")] == ["ruleset.publish"]
        rule = ws.ruleset.book().rule_for(None, ws.house.taxonomy.use(USE), at=ws.now())
    told = site.http.get("/api/v1/rulesets/rule", params={"use": USE}).json()
    assert told["rule"] == json.loads(json.dumps(rule.to_dict()))
    assert code(site.post("/api/v1/rulesets", {"text": "version: ["}, tokens)) == (
        400, "input.malformed",
    )  # fmt: skip


def test_the_words_for_uses_are_public(site: Site) -> None:
    """Anybody reads the trees of purposes, categories and recipients, with their digest."""
    told = site.http.get("/api/v1/taxonomy").json()
    with byleave.open(site.path, read_only=True) as ws:
        words = ws.house.taxonomy
    assert told["sha256"] == words.digest.hex()
    assert {t["name"] for t in told["recipients"]} == set(words.recipients)


def test_an_act_without_a_reason_is_refused(site: Site) -> None:
    """Without a reason, of its own or its token's, an act is refused; a check wants none."""
    tokens = site.token("policy.write", "check.write", reason="")
    answer = site.post("/api/v1/policies", {"text": POLICY}, tokens)
    assert code(answer) == (400, "api.reason")
    assert site.post("/api/v1/checks", {}, tokens).status_code == 202
    browser = site.signed_in("operator", "alex")
    sent = {"origin": "http://testserver", "idempotency-key": "a"}
    refused = browser.post("/api/v1/policies", json={"text": POLICY}, headers=sent)
    assert code(refused) == (400, "api.reason")
    made = browser.post("/api/v1/policies", json={"text": POLICY}, headers={**sent, **WHY})
    assert made.status_code == 201
    with byleave.open(site.path, read_only=True) as ws:
        assert [a["who"] for a in ws.acts.trail(kind="act")] == ["alex"]


def test_the_trail_is_followed_page_by_page(site: Site) -> None:
    """Following `next` from an index gives each act once, oldest first, as the command lists them."""
    tokens = site.token()
    for number in range(5):
        text = POLICY.replace('version: "1"', f'version: "{number}"')
        assert site.post("/api/v1/policies", {"text": text}, tokens).status_code == 201
    seen, after = [], -1
    while after is not None:
        asked: dict[str, Any] = {"after": after, "limit": 2, "kind": "act"}
        part = site.http.get("/api/v1/acts", params=asked, headers=tokens).json()
        seen += part["items"]
        after = part["next"]
    with byleave.open(site.path, read_only=True) as ws:
        assert seen == ws.acts.trail(kind="act")[::-1]
    assert len(seen) == 5
    whole = site.http.get("/api/v1/acts", params={"limit": 1000}, headers=tokens).json()
    assert {item["kind"] for item in whole["items"]} >= {"act", "policy", "notice"}
    none = site.http.get("/api/v1/acts", params={"to": "2001-01-01"}, headers=tokens).json()
    assert none == {"items": [], "next": None}
    wrong = site.http.get("/api/v1/acts", params={"kind": "gossip"}, headers=tokens)
    assert code(wrong) == (400, "input.malformed")


def test_a_token_is_ended_by_a_person_alone(site: Site) -> None:
    """An operator's person lists tokens without secrets and ends one at once; no token may."""
    leaver = site.token("object.read", name="leaver")
    browser = site.signed_in("operator", "alex")
    [told] = [t for t in browser.get("/api/v1/tokens").json() if t["token"] == "leaver"]
    assert (told["state"], told["scopes"]) == ("good", ["object.read"])
    assert set(told) == {"token", "scopes", "created", "expires", "state"}
    assert code(site.http.get("/api/v1/tokens", headers=leaver)) == (403, "api.role")
    ours = {"origin": "http://testserver", **WHY}
    assert browser.delete("/api/v1/tokens/leaver", headers=ours).status_code == 204
    assert code(site.http.get("/api/v1/gates", headers=leaver)) == (401, "api.token")
    assert code(browser.delete("/api/v1/tokens/leaver", headers=ours)) == (404, "access.unknown")
    with byleave.open(site.path, read_only=True) as ws:
        assert [a["what"] for a in ws.acts.trail(kind="act")] == ["access.revoke"]


def test_a_notice_belongs_to_a_policy_text(site: Site) -> None:
    """A notice names the log entry of its policy text; an entry that is none refuses it."""
    tokens = site.token()
    made = site.post("/api/v1/policies", {"text": POLICY}, tokens).json()
    body = {"notice": "ask-2", "text": "May we?\n", "asks": [USE], "policy_index": made["index"]}
    assert site.post("/api/v1/notices", body, tokens).status_code == 201
    listed = site.http.get("/api/v1/notices").json()["items"]
    assert [n["policy"] for n in listed if n["notice"] == "ask-2"] == [made["index"]]
    before = size(site)
    for change, expected in (
        ({"notice": "ask-3", "policy_index": 0}, (404, "workspace.unknown-object")),
        ({}, (409, "workspace.exists")),
    ):
        assert code(site.post("/api/v1/notices", {**body, **change}, tokens)) == expected
    assert size(site) == before


def test_a_signal_refuses_over_the_api(site: Site) -> None:
    """A signal that a platform hands on is recorded as a refusal, once; what is no base64 is refused."""
    tokens = site.token("consent.write")
    payload = base64.b64encode(b"Sec-GPC: 1\r\n").decode()
    body = {"member": "m-1", "kind": "gpc", "payload": payload}
    first = site.post("/api/v1/signals", body, tokens)
    assert first.status_code == 201
    assert all(item["new"] for item in first.json()["refusals"])
    again = site.post("/api/v1/signals", body, tokens).json()["refusals"]
    assert [i["index"] for i in again] == [i["index"] for i in first.json()["refusals"]]
    assert not any(item["new"] for item in again)
    assert len(again) > 0
    wrong = site.post("/api/v1/signals", {**body, "payload": "?"}, tokens)
    assert code(wrong) == (400, "input.malformed")
    kinds = {s["kind"] for s in site.http.get("/api/v1/signals").json()}
    assert kinds == {"gpc", "aipref", "cawg", "c2pa", "tdmrep"}


def test_births_and_groups_hold_from_now_on(site: Site) -> None:
    """What rules ask of members is recorded by id, and unknown members refuse the request."""
    tokens = site.token("member.write")
    born = site.post("/api/v1/members/births", {"births": {"m-1": "2015"}}, tokens)
    assert (born.status_code, born.json()) == (201, {"members": 1})
    groups = {"groups": {"m-1": ["filtered-2025"], "m-2": []}}
    assert site.post("/api/v1/members/groups", groups, tokens).json() == {"members": 2}
    with byleave.open(site.path, read_only=True) as ws:
        assert ws.member.groups("m-1") == ("filtered-2025",)
    nobody = site.post("/api/v1/members/births", {"births": {"nobody": "2015"}}, tokens)
    assert code(nobody) == (404, "member.unknown")


def test_requests_are_listed_and_ended(site: Site) -> None:
    """A request stands in the list until it is ended, with who ended it and why."""
    tokens = site.token("member.write", "object.read", name="desk")
    made = site.post("/api/v1/requests", {"member": "m-1", "kind": "access"}, tokens).json()
    listed = site.http.get("/api/v1/requests", params={"state": "open"}, headers=tokens).json()
    assert [r["request"] for r in listed["items"]] == [made["request"]]
    where = f"/api/v1/requests/{made['request']}/end"
    ended = site.post(where, {"outcome": "done", "why": "sent"}, tokens)
    assert (ended.status_code, ended.json()["state"]) == (201, "done")
    again = site.post(where, {"outcome": "done", "why": "sent"}, tokens)
    assert code(again) == (409, "request.closed")
    left = site.http.get("/api/v1/requests", params={"state": "open"}, headers=tokens).json()
    assert left["items"] == []
    [kept] = site.http.get("/api/v1/requests", headers=tokens).json()["items"]
    assert (kept["who"], kept["why"]) == ("token:desk", "sent")


def test_a_cessation_is_stated_and_proved(site: Site) -> None:
    """A cessation is logged and its proof holds; one yet to come leaves no act behind."""
    tokens = site.token("policy.write", "object.read")
    body = {"use": "train.safety/*/*", "since": "2024-01-01T00:00:00Z"}
    made = site.post("/api/v1/cessations", body, tokens)
    assert made.status_code == 201
    proof = site.http.get(made.json()["href"], headers=tokens)
    verdict = site.http.post("/api/v1/verify", content=proof.content).json()
    assert verdict["ok"] is True
    before = size(site)
    ahead = site.post("/api/v1/cessations", {**body, "since": "2999-01-01T00:00:00Z"}, tokens)
    assert code(ahead) == (400, "cessation.interval")
    assert size(site) == before


def test_summaries_say_which_there_are_and_what_is_missing(site: Site) -> None:
    """The kinds are public; one of a workspace without a release is refused by its code."""
    kinds = site.http.get("/api/v1/summaries").json()
    assert {"eu-ai-act", "ca-ab2013"} <= {k["kind"] for k in kinds}
    answer = site.http.get("/api/v1/summaries/eu-ai-act", headers=site.token("object.read"))
    assert code(answer) == (400, "summary.nothing")


def test_choices_come_by_file_and_are_counted(site: Site) -> None:
    """A table that was uploaded is imported by a job, in the trail by its name, and then counted."""
    tokens = site.token()
    rows = f"member,use,decision\nm-1,{USE},refuse\nm-7,{USE},refuse\n".encode()
    sent = site.http.post(
        "/api/v1/uploads", content=rows, headers={**tokens, "content-type": "text/csv"}
    ).json()
    body = {"upload": sent["upload"], "name": "from-before"}
    job = site.post("/api/v1/imports", body, tokens)
    assert job.status_code == 202
    desk = site.http.app.state.desk  # type: ignore[attr-defined]
    ended = desk.work.wait(job.json()["job"], 120.0)
    assert (ended.state, ended.problem) == ("done", None)
    assert (ended.result["import"], ended.result["events"]) == ("from-before", 2)
    told = site.http.get("/api/v1/choices/state", params={"use": USE}, headers=tokens).json()
    assert (told["members"], told["by_reason"]["refused"]) == (3, 2)
    with byleave.open(site.path, read_only=True) as ws:
        [act] = ws.acts.trail(kind="act")
        assert act["what"] == "consent.import"
        assert act["name"].startswith("from-before")
    again = site.post("/api/v1/imports", body, tokens)
    assert code(again) == (400, "upload.unknown")


def test_a_member_takes_part_in_their_secret(site: Site) -> None:
    """The platform's part comes first, logged; the member's enrols them, once."""
    tokens = site.token("member.write")
    offer = site.post("/api/v1/members/offers", {}, tokens)
    assert offer.status_code == 201
    body = {"member": "m-8", "offer": offer.json()["offer"], "nonce": "ab" * 32}
    made = site.post("/api/v1/members/joint", body, tokens)
    assert made.status_code == 201
    assert made.json()["index"] > offer.json()["index"]
    with byleave.open(site.path, read_only=True) as ws:
        assert ws.member.count() == 3
        assert ws.fsck() == []
    twice = site.post("/api/v1/members/joint", {**body, "member": "m-9"}, tokens)
    assert twice.status_code in {400, 403, 409}


def test_the_schema_of_a_contract_is_public(site: Site) -> None:
    """Editors read the JSON Schema of a contract from the server, as the command prints it."""
    from byleave.gate.contract import contract_schema

    assert site.http.get("/api/v1/contracts/schema").json() == json.loads(contract_schema())
