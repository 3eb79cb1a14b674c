"""Programs and people of the operator's read no member's data without a logged look."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

import byleave
from byleave.portal.access import Caller, Role, Routes
from byleave.wiring.admission import SCOPES
from byleave.wiring.consent_nouns import Consents
from byleave.wiring.member_nouns import Members
from byleave.wiring.model_nouns import Releases
from tests.portal.api_site import SITE, USE, Site, site_at

WHY = {"byleave-reason": "complaint 12"}
READS: dict[str, dict[str, Any]] = {
    "GET /api/v1/answer": {"params": {"member": "m-1"}},
    "GET /api/v1/members/export": {"params": {"member": "m-1"}},
    "GET /api/v1/choices": {"params": {"member": "m-1"}},
    "GET /api/v1/members/proof": {"params": {"member": "m-1", "release": "jobs-1"}},
    "GET /api/v1/members/receipt": {"params": {"member": "m-1", "form": "private"}},
    "GET /api/v1/erasures/standing": {"params": {"member": "m-1"}},
    "POST /api/v1/suggestions": {"json": {"member": "m-1", "release": "jobs-1"}},
}
"""Routes by which a token reads one member's data: each asks why and logs a look."""

NO_LOOK = {
    "GET /api/v1/decision": "says what may be done: the member's own word and the law's, applied",
    "POST /api/v1/decisions": "the same for many",
    "GET /api/v1/asks": "says whether they may be asked: the member's own word, applied",
    "POST /api/v1/asks": "the same, and a notice, which is public",
    "POST /api/v1/asks/not-now": "notes that they put it off; says when they may be asked again",
    "POST /api/v1/choices": "records; returns ledger indexes alone",
    "POST /api/v1/erasures": "an act, logged with who and why; returns a job",
    "POST /api/v1/signals": "records a refusal; returns its ledger index alone",
    "POST /api/v1/members/joint": "enrols; returns what the platform committed to",
    "POST /api/v1/links": "returns a link, and nothing of the member",
    "POST /api/v1/members": "enrols; returns how many were new",
    "POST /api/v1/requests": "notes what was asked; returns its name and date",
    "POST /api/v1/notice-tokens": "returns a notice, which is public",
}
"""Routes that name a member and show nothing of them, each with why that is so."""


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with site_at(tmp_path / "ws") as made:
        yield made


def looks(site: Site) -> list[dict[str, Any]]:
    with byleave.open(site.path, read_only=True) as ws:
        return ws.member.looks()


def send(site: Site, route: str, headers: dict[str, str]) -> Any:
    method, path = route.split()
    return site.http.request(method, path, headers=headers, **READS[route])


@pytest.mark.parametrize("route", READS)
def test_a_program_says_why_before_it_reads(site: Site, route: str) -> None:
    """Without a reason nothing is shown and nothing logged."""
    answer = send(site, route, site.token(reason=""))
    assert (answer.status_code, answer.json()["code"]) == (400, "api.reason")
    assert looks(site) == []


@pytest.mark.parametrize("route", READS)
def test_a_programs_look_is_logged(site: Site, route: str) -> None:
    """A read by token leaves its name, the member and the reason in the ledger, and none of it in
    the open part of the log.
    """
    answer = send(site, route, {**site.token(name="crm", reason=""), **WHY})
    assert answer.status_code == 200 or "workspace.unknown-object" in answer.text
    [look] = looks(site)
    assert (look["who"], look["why"]) == ("token:crm", "complaint 12")
    with byleave.open(site.path, read_only=True) as ws:
        assert look["member"] == ws.member.ordinal("m-1")
        [entry] = ws.ledger.read(look["index"], look["index"] + 1)
        assert b'"look/v1"' in entry
        assert b"crm" not in entry
        assert b"complaint" not in entry
        assert ws.log_house.checkpoint().size > look["index"]
        assert ws.fsck() == []


def test_a_tokens_own_reason_will_do(site: Site) -> None:
    """A token that was made with a reason needs no header; a header says more and is taken."""
    tokens = site.token(name="feed", reason="suggests replies")
    send(site, "GET /api/v1/answer", tokens)
    send(site, "GET /api/v1/answer", {**tokens, **WHY})
    assert [look["why"] for look in looks(site)] == ["suggests replies", "complaint 12"]


def test_one_look_a_day_stands_for_a_token_a_member_and_a_reason(site: Site) -> None:
    """The same token, member and reason log once a day; another of the three logs again."""
    tokens = {**site.token(name="crm", reason=""), **WHY}
    for route in [*READS, *READS]:
        send(site, route, tokens)
    assert len(looks(site)) == 1
    send(site, "GET /api/v1/answer", {**tokens, "byleave-reason": "complaint 13"})
    send(site, "GET /api/v1/answer", {**site.token(name="other", reason=""), **WHY})
    site.http.get("/api/v1/answer", params={"member": "m-2"}, headers=tokens)
    assert len(looks(site)) == 4


def test_a_day_ends(site: Site) -> None:
    """What was looked at yesterday is logged anew today."""
    file = site.http.app.state.desk.file  # type: ignore[attr-defined]
    file.add_look("platform:crm", 0, b"why", day=10)
    assert file.looked("platform:crm", 0, b"why", day=10)
    assert not file.looked("platform:crm", 0, b"why", day=11)
    file.add_look("platform:crm", 1, b"why", day=11)
    assert not file.looked("platform:crm", 0, b"why", day=10)


@pytest.mark.parametrize("why", ["", "   ", "x" * 201])
def test_a_reason_is_a_reason(site: Site, why: str) -> None:
    """An empty reason and one without end are refused."""
    answer = send(site, "GET /api/v1/answer", {**site.token(reason=""), "byleave-reason": why})
    assert answer.status_code in {400, 422}
    assert looks(site) == []


def test_a_look_at_nobody_is_not_logged(site: Site) -> None:
    """Somebody who is not enrolled is not looked at."""
    headers = {**site.token(reason=""), **WHY}
    answer = site.http.get("/api/v1/answer", params={"member": "nobody"}, headers=headers)
    assert (answer.status_code, looks(site)) == (404, [])


def test_members_read_their_own_without_a_look(site: Site) -> None:
    """A signed-in member says no reason and leaves no look."""
    browser = site.signed_in("member", "m-1")
    assert browser.get("/api/v1/answer").status_code == 200
    assert looks(site) == []


# every route there is, so that a new one cannot be forgotten


def test_every_route_that_names_a_member_is_sorted(site: Site) -> None:
    """Each route of the API that names a member either logs a look or says why it needs none."""
    document = site.http.get("/openapi.json").json()
    routes: Routes = site.http.app.state.routes  # type: ignore[attr-defined]
    named = set()
    for path, item in document["paths"].items():
        for method, operation in item.items():
            if not path.startswith("/api/"):
                continue  # pages read no member but their own, as the next test says
            access = routes.table[method.upper(), path]
            if access.roles <= {Role.MEMBER, Role.PUBLIC}:
                continue
            if _names_a_member(operation, document):
                named.add(f"{method.upper()} {path}")
    assert named == READS.keys() | NO_LOOK.keys()


def _names_a_member(operation: Any, document: Any) -> bool:
    if any(p["name"] in {"member", "members"} for p in operation.get("parameters", [])):
        return True
    text = str(operation.get("requestBody", ""))
    seen: set[str] = set()
    while found := set(re.findall(r"#/components/schemas/(\w+)", text)) - seen:
        seen |= found
        text += "".join(str(document["components"]["schemas"][name]) for name in found)
    return re.search(r"'members?':", text) is not None


def test_no_page_reads_a_member_without_a_look(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of every address that can be fetched, by every role but the member's own, none reaches what is
    known of one member before a look was logged.
    """
    with byleave.open(site.path) as ws:
        ws.consent.refuse("m-1", USE)
    unlogged: list[str] = []
    here = {"route": ""}

    def watched(kind: type[Any], name: str) -> None:
        real: Callable[..., Any] = getattr(kind, name)

        def seen(self: Any, *args: Any, **more: Any) -> Any:
            if not looks(site):
                unlogged.append(f"{here['route']} → {name}")
            return real(self, *args, **more)

        monkeypatch.setattr(kind, name, seen)

    for name in ("answer", "export", "receipt_page", "standard_receipt", "receipt"):
        watched(Members, name)
    for name in ("history", "history_facts", "choice", "settings"):
        watched(Consents, name)
    watched(Releases, "suggest_for")
    callers: dict[Role, tuple[TestClient, dict[str, str]]] = {
        Role.PUBLIC: (site.http, {}),
        Role.OPERATOR: (site.signed_in("operator", "alex"), {}),
        Role.AUDITOR: (site.signed_in("auditor", "kim"), {}),
        Role.RECIPIENT: (site.signed_in("recipient", "provider.model-host"), {}),
        Role.PLATFORM: (site.http, site.token(reason="")),
    }
    routes: Routes = site.http.app.state.routes  # type: ignore[attr-defined]
    asked = 0
    for (method, path), access in routes.table.items():
        for role, (browser, headers) in callers.items():
            if method != "GET" or not access.admits(Caller(role, scopes=frozenset(SCOPES))):
                continue
            for value in ("m-1", "0"):
                here["route"] = f"{role} {path}"
                place = re.sub(r"\{[^}]*\}", value, path)
                browser.get(place, params={"member": value}, headers={**headers, "origin": SITE})
                asked += 1
    assert asked > 100
    assert unlogged == []
