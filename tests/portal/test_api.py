"""The API over a real workspace: what it records, what it refuses, and who may ask."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

import byleave
from byleave.consent.event import EventKind
from byleave.errors import CODES
from byleave.portal.access import Access, Caller, Role, Routes
from byleave.wiring.admission import SCOPES, Admission
from tests.portal.api_site import NOTICE, SITE, USE, Site, site_at


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with site_at(tmp_path / "ws") as made:
        yield made


def code(answer: object) -> tuple[int, str]:
    status = answer.status_code  # type: ignore[attr-defined]
    return status, answer.json()["code"]  # type: ignore[attr-defined]


# choices


def test_a_choice_is_durable_and_logged_when_it_is_answered(site: Site) -> None:
    """When the API answers 201, the choice stands in the ledger and in the published log."""
    made = site.post("/api/v1/choices", site.grant("m-1"), site.token("consent.write"))
    assert made.status_code == 201
    [index] = made.json()["indexes"]
    with byleave.open(site.path, read_only=True) as ws:
        assert [e.index for e in ws.consent.history("m-1")] == [index]
        assert ws.log_house.checkpoint().size > index
        assert ws.fsck() == []


def test_the_decision_follows_the_choice_at_once(site: Site) -> None:
    """A decision asked for after a choice was answered sees that choice."""
    tokens = site.token("consent.write", "decision.read")
    ask = {"member": "m-1", "use": USE}
    silent = site.http.get("/api/v1/decision", params=ask, headers=tokens).json()
    assert (silent["allowed"], silent["because"]) == (False, "no-grant")
    site.post("/api/v1/choices", site.grant("m-1"), tokens)
    assert site.http.get("/api/v1/decision", params=ask, headers=tokens).json()["allowed"]
    no = {"choices": [{"member": "m-1", "kind": "withdraw", "scope": USE}]}
    site.post("/api/v1/choices", no, tokens)
    gone = site.http.get("/api/v1/decision", params=ask, headers=tokens).json()
    assert (gone["allowed"], gone["because"]) == (False, "withdrawn")
    many = site.http.post(
        "/api/v1/decisions", json={"use": USE, "members": ["m-1", "m-2"]}, headers=tokens
    )
    assert [d["because"] for d in many.json()] == ["withdrawn", "no-grant"]


def test_a_yes_that_a_rule_stops_is_no_permission(site: Site) -> None:
    """A member who said yes and is too young reads as not allowed, one by one and among many."""
    tokens = site.token("consent.write", "decision.read")
    with byleave.open(site.path) as ws:
        ws.member.born({"m-1": "2020"})
    for member in ("m-1", "m-2"):
        site.post("/api/v1/choices", site.grant(member), tokens)
    ask = {"member": "m-1", "use": USE}
    one = site.http.get("/api/v1/decision", params=ask, headers=tokens).json()
    assert (one["allowed"], one["because"], one["ground"]) == (False, "minor", None)
    assert one["choices"] == "kept"
    many = site.http.post(
        "/api/v1/decisions", json={"use": USE, "members": ["m-1", "m-2"]}, headers=tokens
    )
    assert [(d["allowed"], d["ground"]) for d in many.json()] == [(False, None), (True, "consent")]
    assert many.json()[0] == one
    assert [rule["cite"] for rule in one["stops"]]


def test_a_receipt_over_http_says_what_a_gate_says(site: Site) -> None:
    """A minor's receipt permits nothing; before the yes there is none; proofs are of today alone."""
    tokens = site.token("consent.write", "member.read")
    with byleave.open(site.path) as ws:
        ws.member.born({"m-1": "2020"})
    site.post("/api/v1/choices", site.grant("m-1"), tokens)
    tokens["byleave-reason"] = "a test"
    ask = {"member": "m-1"}
    found = site.http.get("/api/v1/members/receipt", params=ask, headers=tokens).json()
    (record,) = found["dpv:hasRecordOfActivity"]
    assert record["bl:standing"]["bl:usesAgreed"] > 0
    assert (record["bl:answer"]["bl:usesAllowed"], record["dpv:hasPermission"]) == (0, [])
    assert {one["dct:identifier"] for one in record["dpv:hasProhibition"]} == {"minor"}
    early = {"at": "2020-01-01T02:00:00+02:00"}
    none = site.http.get("/api/v1/members/receipt", params=ask | early, headers=tokens)
    assert none.json()["code"] == "receipt.no-choice"
    private = {"form": "private", "at": "2020-01-01T00:00:00Z"}
    refused = site.http.get("/api/v1/members/receipt", params=ask | private, headers=tokens)
    assert refused.json()["code"] == "input.malformed"


def test_choices_of_one_request_stand_or_fall_together(site: Site) -> None:
    """One choice that is refused leaves the others of its request unrecorded."""
    tokens = site.token()
    body = site.grant("m-1")
    body["choices"] += site.grant("nobody-here")["choices"]
    assert code(site.post("/api/v1/choices", body, tokens)) == (404, "member.unknown")
    found = site.http.get("/api/v1/choices", params={"member": "m-1"}, headers=tokens)
    assert found.json() == {"items": [], "next": None}


def test_a_grant_without_a_notice_is_refused(site: Site) -> None:
    """A grant that answers no notice is refused over HTTP as everywhere."""
    answer = site.post("/api/v1/choices", site.grant("m-1", notice=None), site.token())
    assert code(answer) == (403, "consent.notice-missing")


def test_choices_are_read_in_pages(site: Site) -> None:
    """Following `next` gives each choice once, in order, and then ends."""
    tokens = site.token()
    for _ in range(5):
        site.post("/api/v1/choices", site.grant("m-1"), tokens)
    seen, after = [], -1
    while after is not None:
        part = site.http.get(
            "/api/v1/choices",
            params={"member": "m-1", "after": after, "limit": 2},
            headers=tokens,
        ).json()
        seen += [item["index"] for item in part["items"]]
        after = part["next"]
    assert len(seen) == 5
    assert seen == sorted(seen)


def test_the_notice_comes_byte_for_byte_with_its_token(site: Site) -> None:
    """The notice's bytes and token come together, and the token answers once."""
    tokens = site.token()
    shown = site.post("/api/v1/notice-tokens", {"member": "m-1", "notice": "ask-1"}, tokens).json()
    assert shown["text"] == NOTICE
    answered = site.grant("m-1", notice=None, token=shown["token"])
    assert site.post("/api/v1/choices", answered, tokens).status_code == 201
    again = site.post("/api/v1/choices", answered, tokens)
    assert code(again) == (403, "notice.token-replayed")


# idempotency


def test_a_key_does_once(site: Site) -> None:
    """A request sent twice with one key is done once and answered alike."""
    tokens = site.token(name="retrying")
    first = site.post("/api/v1/choices", site.grant("m-1"), tokens, key="k")
    second = site.post("/api/v1/choices", site.grant("m-1"), tokens, key="k")
    assert second.content == first.content
    assert second.headers["idempotency-replayed"] == "true"
    found = site.http.get("/api/v1/choices", params={"member": "m-1"}, headers=tokens)
    assert len(found.json()["items"]) == 1


def test_a_key_is_for_one_request(site: Site) -> None:
    """A key that is sent with another body is refused."""
    tokens = site.token(name="retrying")
    site.post("/api/v1/choices", site.grant("m-1"), tokens, key="k")
    other = site.post("/api/v1/choices", site.grant("m-2"), tokens, key="k")
    assert code(other) == (422, "api.key-reused")


def test_a_refused_key_can_be_used_again(site: Site) -> None:
    """A key whose request was refused is free again, because nothing was done."""
    tokens = site.token(name="retrying")
    assert site.post("/api/v1/choices", site.grant("new"), tokens, key="k").status_code == 404
    site.post("/api/v1/members", {"members": [{"member": "new"}]}, tokens)
    assert site.post("/api/v1/choices", site.grant("new"), tokens, key="k").status_code == 201


def test_keys_of_two_callers_are_two_keys(site: Site) -> None:
    """Two callers can use one key for two things."""
    one, two = site.token(name="one"), site.token(name="two")
    assert site.post("/api/v1/choices", site.grant("m-1"), one, key="k").status_code == 201
    assert site.post("/api/v1/choices", site.grant("m-2"), two, key="k").status_code == 201


def test_a_write_without_a_key_is_refused(site: Site) -> None:
    """A request that changes something and carries no key is refused."""
    answer = site.http.post("/api/v1/choices", json=site.grant("m-1"), headers=site.token())
    assert code(answer) == (400, "api.key-missing")


# callers


def test_an_unknown_field_is_refused(site: Site) -> None:
    """A field that the API does not know refuses the request, and is named."""
    body = site.grant("m-1", consent=True)
    answer = site.post("/api/v1/choices", body, site.token())
    assert code(answer) == (422, "api.malformed")
    assert answer.json()["where"] == "body.choices.0.consent"


def test_a_token_without_the_scope_is_refused(site: Site) -> None:
    """A token may do what its scopes say and nothing else."""
    answer = site.post("/api/v1/choices", site.grant("m-1"), site.token("decision.read"))
    assert code(answer) == (403, "api.scope")


@pytest.mark.parametrize("secret", ["", "byl_short", "byl_" + "A" * 43, "x" * 4_000])
def test_an_unknown_token_is_refused(site: Site, secret: str) -> None:
    """A token that is not known is refused, whatever its form."""
    answer = site.http.get("/api/v1/gates", headers={"authorization": f"Bearer {secret}"})
    assert code(answer) == (401, "api.token")
    assert "bearer" in answer.headers["www-authenticate"].lower()


def test_a_revoked_token_ends_at_once(site: Site) -> None:
    """A token that another process revoked is refused by a server that knew it."""
    tokens = site.token(name="leaver")
    assert site.http.get("/api/v1/gates", headers=tokens).status_code == 200
    with byleave.open(site.path, read_only=True) as ws, Admission(ws) as admission:
        admission.revoke("leaver")
    assert code(site.http.get("/api/v1/gates", headers=tokens)) == (401, "api.token")


def test_secrets_are_not_kept(site: Site) -> None:
    """No file of the workspace holds the secret of a token or of a link."""
    secret = site.token()["authorization"].removeprefix("Bearer ")
    link = site.link("operator", "alex").rpartition("/")[2]
    kept = b"".join(p.read_bytes() for p in site.path.glob("desk.sqlite*"))
    assert secret.encode() not in kept
    assert link.encode() not in kept


# signing in


def test_a_link_works_once(site: Site) -> None:
    """A sign-in link starts one session, and is then over."""
    path = site.link("member", "m-1")
    assert site.http.get(path).status_code == 200
    assert site.http.get(path).status_code == 200, "looking at it uses nothing up"
    browser = TestClient(site.http.app, follow_redirects=False)
    assert browser.post(path, headers={"origin": SITE}).status_code == 303
    assert browser.post(path, headers={"origin": SITE}).status_code == 410
    assert site.http.get(path).status_code == 410


def test_a_member_speaks_for_themselves_alone(site: Site) -> None:
    """A signed-in member reads and writes their own choices, and cannot name another member."""
    browser = site.signed_in("member", "m-1")
    own = {"kind": "refuse", "scope": USE}
    headers = {"origin": SITE, "idempotency-key": "a"}
    made = browser.post("/api/v1/choices", json={"choices": [own]}, headers=headers)
    assert made.status_code == 201
    assert [e["kind"] for e in browser.get("/api/v1/choices").json()["items"]] == ["refusal"]
    other = {"choices": [{**own, "member": "m-2"}]}
    headers["idempotency-key"] = "b"
    assert code(browser.post("/api/v1/choices", json=other, headers=headers)) == (403, "api.role")
    named = browser.get("/api/v1/choices", params={"member": "m-2"})
    assert code(named) == (403, "api.role")


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://elsewhere.example"},
        {"origin": "null"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
)
def test_another_site_cannot_speak_with_a_members_cookie(
    site: Site, headers: dict[str, str]
) -> None:
    """A request with a member's cookie that did not come from this site changes nothing."""
    browser = site.signed_in("member", "m-1")
    body = {"choices": [{"kind": "refuse", "scope": USE}]}
    answer = browser.post("/api/v1/choices", json=body, headers={**headers, "idempotency-key": "a"})
    assert code(answer) == (403, "api.form")
    assert browser.get("/api/v1/choices").json()["items"] == []


def test_signing_out_ends_the_session(site: Site) -> None:
    """After signing out the old cookie opens nothing."""
    browser = site.signed_in("member", "m-1")
    kept = dict(browser.cookies)
    page_form = {"form": _form_of(site, browser)}
    assert browser.post("/out", data=page_form, headers={"origin": SITE}).status_code == 303
    thief = TestClient(site.http.app, cookies=kept)
    assert code(thief.get("/api/v1/choices")) == (401, "api.sign-in")


def _form_of(site: Site, browser: TestClient) -> str:
    from fastapi import Request

    desk = site.http.app.state.desk  # type: ignore[attr-defined]
    scope: dict[str, Any] = {"type": "http", "method": "GET", "path": "/"}
    cookie = "; ".join(f"{k}={v}" for k, v in browser.cookies.items())
    scope["headers"] = [(b"cookie", cookie.encode())]
    return desk.callers.of(Request(scope)).form


def test_the_cookie_is_out_of_reach_of_scripts(site: Site) -> None:
    """The session's cookie is HttpOnly and SameSite, and names nobody."""
    browser = TestClient(site.http.app, follow_redirects=False)
    answer = browser.post(site.link("member", "m-1"), headers={"origin": SITE})
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert "m-1" not in cookie


# who may call what: made from the table of routes, so that no route is forgotten


def test_every_route_says_who_may_call_it(site: Site) -> None:
    """No route of the application was added without saying who may call it."""
    routes: Routes = site.http.app.state.routes  # type: ignore[attr-defined]
    assert routes.unlisted() == []
    assert len(routes.table) > 25


def test_every_route_refuses_every_other_role(site: Site) -> None:
    """Each route, asked by each role, lets in those its access names and refuses the others."""
    routes: Routes = site.http.app.state.routes  # type: ignore[attr-defined]
    browsers: dict[Role, tuple[TestClient, dict[str, str]]] = {
        Role.PUBLIC: (site.http, {}),
        Role.PLATFORM: (site.http, site.token()),
    }
    for role, who in [
        (Role.MEMBER, "m-1"), (Role.OPERATOR, "alex"), (Role.AUDITOR, "kim"),
        (Role.RECIPIENT, "provider.model-host"),
    ]:  # fmt: skip
        browsers[role] = (site.signed_in(role, who), {})
    for (method, path), access in routes.table.items():
        if path == "/out":
            continue
        place = path.replace("{", "").replace("}", "")
        for role, (browser, headers) in browsers.items():
            answer = browser.request(method, place, headers={**headers, "origin": SITE})
            may = access.admits(Caller(role, scopes=frozenset(SCOPES)))
            refused = answer.status_code in {401, 403} and "api." in answer.text
            page = "text/html" in answer.headers.get("content-type", "")
            refused = refused or (answer.status_code in {401, 403} and page)
            assert refused is not may, (method, path, role, answer.status_code)


def test_a_route_for_tokens_names_its_scope() -> None:
    """A route that API tokens may call cannot be made without a scope."""
    with pytest.raises(ValueError, match="scope"):
        Access(frozenset({Role.PLATFORM}))


def test_too_many_requests_are_told_to_wait(site: Site) -> None:
    """A caller who asks too often gets 429 and the seconds to wait; others do not."""
    from byleave.portal.limits import Limit, Limits
    from byleave.portal.problem import ProblemError

    limits = Limits(lambda: 0.0, Limit(rate=0.5, burst=2))
    limits.count("one")
    limits.count("one")
    with pytest.raises(ProblemError) as caught:
        limits.count("one")
    assert (caught.value.status, caught.value.retry) == (429, 3)
    limits.count("two")
    del site


def test_choices_sent_together_are_grouped_and_each_is_answered(site: Site) -> None:
    """Of many choices sent at once, each good one is recorded and each bad one refused."""
    from byleave.portal.writer import Writer
    from byleave.service.consent import NewEvent

    with byleave.open(site.path, read_only=True) as ws:
        scope = ws.scope(USE)

    async def together() -> list[object]:
        writer = Writer(lambda: byleave.open(site.path, turns=True))
        events = [
            NewEvent(member=who, kind=EventKind.REFUSAL, scope=scope)
            for who in ["m-1", "no-such", "m-2", "m-1"]
        ]
        found = await asyncio.gather(
            *(writer.choose([event]) for event in events), return_exceptions=True
        )
        await writer.close()
        return list(found)

    one, missing, two, three = asyncio.run(together())
    assert getattr(missing, "code", None) == "member.unknown"
    assert isinstance(one, list)
    assert isinstance(two, list)
    assert isinstance(three, list)
    with byleave.open(site.path, read_only=True) as ws:
        assert len(ws.consent.history("m-1")) == 2
        assert ws.fsck() == []


def test_a_choice_stands_where_publishing_fails(site: Site) -> None:
    """A choice that is durable is answered as made when its checkpoint fails, and published later."""
    from byleave.errors import WorldError
    from byleave.portal.writer import Writer
    from byleave.service.consent import NewEvent
    from byleave.wiring import Workspace

    with byleave.open(site.path, read_only=True) as ws:
        scope = ws.scope(USE)
        before = ws.log_house.checkpoint().size
    failing = True

    def opens() -> Workspace:
        workspace = byleave.open(site.path, turns=True)
        sequencer = workspace.log_house._sequencer
        publish = sequencer.publish

        def disk_is_full() -> Any:
            if failing:
                raise WorldError("no room", code="world.disk-full")
            return publish()

        sequencer.publish = disk_is_full  # type: ignore[method-assign]
        return workspace

    async def two() -> list[list[int]]:
        nonlocal failing
        writer = Writer(opens)
        no = NewEvent(member="m-1", kind=EventKind.REFUSAL, scope=scope)
        first = await writer.choose([no])
        with byleave.open(site.path, read_only=True) as ws:
            assert ws.log_house.checkpoint().size == before
        failing = False
        second = await writer.choose([no])
        await writer.close()
        return [first, second]

    (first,), (second,) = asyncio.run(two())
    with byleave.open(site.path, read_only=True) as ws:
        assert ws.log_house.checkpoint().size == second + 1
        assert [event.index for event in ws.consent.history("m-1")] == [first, second]
        assert ws.fsck() == []


def test_a_key_whose_request_failed_midway_is_not_free(site: Site) -> None:
    """A request that failed for another reason than a refusal is not done again by its key."""
    from fastapi import Request

    from byleave.errors import InputError, WorldError
    from byleave.portal.access import Caller, Role
    from byleave.portal.desk import make_desk
    from byleave.portal.once import Once
    from byleave.portal.problem import ProblemError

    asked: list[Exception | None] = []

    async def do() -> dict[str, str]:
        problem = asked.pop()
        if problem is not None:
            raise problem
        return {}

    def request(key: str) -> Request:
        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": b"{}", "more_body": False}

        scope = {
            "type": "http",
            "method": "POST",
            "path": "/x",
            "headers": [(b"idempotency-key", key.encode())],
            "state": {"caller": Caller(Role.OPERATOR, "house")},
        }
        return Request(scope, receive)

    with byleave.open(site.path, read_only=True) as ws:
        desk = make_desk(ws, site="http://testserver").file
        once = Once(desk, ws.now)
        for number, (first, code) in enumerate(
            [
                (WorldError("no room", code="world.disk-full"), "api.key-unfinished"),
                (RuntimeError("a bug"), "api.key-unfinished"),
                (InputError("bad", code="use.malformed"), None),
            ]
        ):
            key = f"midway-{number}"
            asked.append(first)
            with pytest.raises(type(first)):
                asyncio.run(once.answer(request(key), do))
            asked.append(None)
            if code is None:
                assert asyncio.run(once.answer(request(key), do)).status_code == 201
                continue
            with pytest.raises(ProblemError) as caught:
                asyncio.run(once.answer(request(key), do))
            assert caught.value.code == code
        desk.close()


def test_openapi_is_of_version_3_1(site: Site) -> None:
    """The API describes itself as OpenAPI 3.1, each operation with a summary."""
    document = site.http.get("/openapi.json").json()
    assert document["openapi"].startswith("3.1")
    for path, item in document["paths"].items():
        for operation in item.values():
            assert operation.get("summary"), path


def test_problem_codes_are_in_the_table(site: Site) -> None:
    """A problem's code is in the table of codes, and its document says which."""
    answer = site.http.get("/api/v1/nothing")
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] in CODES


def test_a_release_that_is_not_there_suggests_nothing(site: Site) -> None:
    """Asking a release that does not exist is a 404 with its code, and needs the scope."""
    body = {"release": "jobs-1", "member": "m-1"}
    ask = "/api/v1/suggestions"
    missing = site.http.post(ask, json=body, headers=site.token("model.read"))
    assert code(missing) == (404, "workspace.unknown-object")
    other = site.http.post(ask, json=body, headers=site.token("consent.read"))
    assert code(other) == (403, "api.scope")


def test_every_scope_opens_something(site: Site) -> None:
    """Each scope that a token can be given is asked for by at least one route."""
    routes: Routes = site.http.app.state.routes  # type: ignore[attr-defined]
    assert {a.scope for a in routes.table.values()} - {None} == set(SCOPES)
