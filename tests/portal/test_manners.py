"""HTTP as a stranger with curl meets it: statuses, headers, documents, and what is written of them."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from byleave.errors import CODES
from byleave.portal.access import Access, Role, Routes
from byleave.portal.problem import PROBLEM
from byleave.wiring.admission import SCOPES
from tests.portal.api_site import Site, site_at

SPEC = Path(__file__).parents[2] / "docs" / "spec" / "api.md"
COMMANDS = SPEC.with_name("api-commands.md")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with site_at(tmp_path_factory.mktemp("manners") / "ws") as made:
        yield made


@pytest.fixture(scope="module")
def document(site: Site) -> dict[str, Any]:
    found: dict[str, Any] = site.http.get("/openapi.json").json()
    return found


def said(answer: Any) -> tuple[int, str]:
    assert answer.headers["content-type"] == PROBLEM, answer.text
    return answer.status_code, answer.json()["code"]


def test_another_method_is_told_which_there_are(site: Site) -> None:
    """405 and OPTIONS say in Allow what the address takes; OPTIONS lets no other origin in."""
    answer = site.http.put("/api/v1/choices")
    assert said(answer) == (405, "api.method")
    assert answer.headers["allow"] == "GET, HEAD, OPTIONS, POST"
    asked = site.http.options(
        "/api/v1/choices",
        headers={"origin": "https://a.example", "access-control-request-method": "POST"},
    )
    assert (asked.status_code, asked.headers["allow"]) == (204, "GET, HEAD, OPTIONS, POST")
    assert not [name for name in asked.headers if name.startswith("access-control")]
    page = site.http.post("/policies/terms/1")
    assert (page.status_code, page.headers["allow"]) == (405, "GET, HEAD, OPTIONS")
    assert site.http.options("/api/v1/nothing").status_code == 404


def test_a_body_that_is_no_json_is_told_so(site: Site) -> None:
    """A broken body is 400, one of another kind 415, one of another form 422 with the field."""
    headers = {**site.token(), "idempotency-key": "a"}
    for kind, body, expected in (
        ("application/json", b"{", (400, "api.malformed")),
        ("application/json", b"\xff\xfe", (400, "api.malformed")),
        ("application/x-www-form-urlencoded", b"a=b", (415, "api.media-type")),
        ("application/json", b'{"choices": []}', (422, "api.malformed")),
        ("application/json; charset=utf-8", b'{"choices": []}', (422, "api.malformed")),
    ):
        answer = site.http.post(
            "/api/v1/choices", content=body, headers={**headers, "content-type": kind}
        )
        assert said(answer) == expected, (kind, body)
    assert said(site.http.post("/api/v1/choices", content=b'{"choices": []}', headers=headers)) == (
        415, "api.media-type",
    )  # fmt: skip


@pytest.mark.parametrize("announced", [True, False])
def test_a_body_that_is_too_long_is_told_so(site: Site, announced: bool) -> None:
    """More than 4 MiB is 413 as a problem document, whether its length was announced or not."""
    piece = b"x" * (1 << 20)
    content: Any = piece * 5 if announced else (piece for _ in range(5))
    headers = {**site.token(), "idempotency-key": "a", "content-type": "application/json"}
    answer = site.http.post("/api/v1/choices", content=content, headers=headers)
    assert said(answer) == (413, "api.too-large")


def test_a_word_in_the_address_that_is_not_known_is_refused(site: Site) -> None:
    """`?limt=5` is refused with the word and with those that are known, not left out silently."""
    answer = site.http.get("/api/v1/gates?limt=5", headers=site.token())
    assert said(answer) == (422, "api.malformed")
    assert answer.json()["where"] == "query.limt"
    assert "limit" in answer.json()["detail"]


def test_head_answers_as_get_without_the_body(site: Site) -> None:
    """HEAD has the status and the headers of GET, and no body."""
    got, head = (call("/api/v1/policies") for call in (site.http.get, site.http.head))
    assert (head.status_code, head.content) == (200, b"")
    same = ("content-type", "content-length", "ratelimit-policy", "x-content-type-options")
    assert [head.headers[name] for name in same] == [got.headers[name] for name in same]
    assert got.headers["ratelimit-policy"] == '"caller";q=2000;w=4'


def test_too_many_say_when_to_come_back() -> None:
    """A 429 says in `Retry-After` and `RateLimit` after how many seconds to come again."""
    from byleave.portal.problem import problem

    answer = problem(429, "api.rate", "Too many requests in a row.", retry=3)
    assert answer.headers["retry-after"] == "3"
    assert answer.headers["ratelimit"] == '"caller";r=0;t=3'


def test_the_type_of_a_problem_leads_somewhere(site: Site) -> None:
    """The `type` of a problem is an address that says what its code means; others are not there."""
    problem = site.http.get("/api/v1/gates").json()
    meaning = site.http.get(problem["type"])
    assert (meaning.status_code, CODES[problem["code"]] in meaning.text) == (200, True)
    assert site.http.get("/errors/nothing.of-that").status_code == 404


def test_the_document_says_who_may_call_each_route(site: Site, document: dict[str, Any]) -> None:
    """The OpenAPI document names for each route the scope and the roles that the table lets in."""
    routes: Routes = site.http.app.state.routes  # type: ignore[attr-defined]
    assert document["components"]["securitySchemes"].keys() == {"token", "session"}
    for (method, path), access in routes.table.items():
        operation = document["paths"].get(path.replace(":path}", "}"), {}).get(method.lower())
        if operation is None:
            continue  # static files and forms that no program calls
        ways = operation["security"]
        if Role.PUBLIC in access.roles:
            assert ways == [{}]
            continue
        assert [w["token"] for w in ways if "token" in w] == (
            [] if access.scope is None else [[access.scope]]
        )
        assert ({"session": []} in ways) is bool(access.roles - {Role.PLATFORM})


def test_the_document_asks_for_a_key_where_the_route_does(
    site: Site, document: dict[str, Any]
) -> None:
    """Each route whose document asks for an Idempotency-Key is one of the API's writes, and each
    answers problem documents for what it refuses.
    """
    keyed = {
        path
        for path, methods in document["paths"].items()
        for operation in methods.values()
        if "Idempotency-Key" in {p["name"] for p in operation.get("parameters", [])}
    }
    assert {"/api/v1/choices", "/api/v1/policies", "/api/v1/recipients/cards"} <= keyed
    assert "/api/v1/uploads" not in keyed
    assert "/api/v1/policies/preview" not in keyed
    tokens = site.token()
    for path in ("/api/v1/checks", "/api/v1/directories", "/api/v1/policies/reconciliation"):
        assert path in keyed
        assert said(site.http.post(path, headers=tokens)) == (400, "api.key-missing")
    for path, methods in document["paths"].items():
        if path.startswith("/api/"):
            for operation in methods.values():
                assert PROBLEM in operation["responses"]["4XX"]["content"]


def test_every_command_of_the_platform_is_a_route_or_says_why_not(
    document: dict[str, Any],
) -> None:
    """The table of docs/spec/api-commands.md has each noun and verb, once, and names routes that
    are there.
    """
    from tests.docs.glossary import commands

    rows = re.findall(
        r"^\| `([a-z]+)(?: ([a-z -]+))?` \|", COMMANDS.read_text("utf-8"), re.MULTILINE
    )
    written = [f"{noun} {verb}".strip() for noun, verb in rows]
    assert sorted(written) == sorted(set(written))
    assert sorted(written) == sorted(name for name, _ in commands())
    named = re.findall(r"`(GET|POST|DELETE) (/[^`…]+?)`", COMMANDS.read_text("utf-8"))
    known = {(m.upper(), path) for path, methods in document["paths"].items() for m in methods}
    there = {(m, path.removeprefix("/api/v1")) for m, path in known}
    assert {pair for pair in named if pair not in there} == set()
    assert len(named) > 60


def test_each_scope_lets_a_token_in_somewhere(site: Site) -> None:
    """There is no scope that no route asks for, and each is written in the table of scopes."""
    routes: Routes = site.http.app.state.routes  # type: ignore[attr-defined]
    used = {access.scope for access in routes.table.values() if access.scope is not None}
    assert used == set(SCOPES)
    text = SPEC.read_text("utf-8")
    assert [scope for scope in SCOPES if f"| `{scope}` |" not in text] == []
    assert Access.of(Role.OPERATOR, scope="check.write").scope in SCOPES


def test_the_example_that_checks_a_webhook_runs(tmp_path: Path) -> None:
    """The example of the specification says yes to a message that was signed, and no to another."""
    from byleave.client import webhook_is_good

    [code] = re.findall(r"```python\n(# webhook\.py.*?)```", SPEC.read_text("utf-8"), re.DOTALL)
    script = tmp_path / "webhook.py"
    script.write_text(code, "utf-8")

    def run(*words: str) -> tuple[int, str]:
        done = subprocess.run(
            [sys.executable, str(script), *words],
            input=json.dumps({"type": "consent.withdraw"}),
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout.strip()

    secret, at = "whsec_c2VjcmV0", "1700000000"
    made, signature = run(secret, "msg-1", at)
    assert made == 0
    body = json.dumps({"type": "consent.withdraw"}).encode()
    headers = {"webhook-id": "msg-1", "webhook-timestamp": at, "webhook-signature": signature}
    assert webhook_is_good(secret, headers, body, now=1_700_000_010)
    assert run(secret, "msg-1", at, signature) == (0, "good")
    assert run(secret, "msg-2", at, signature) == (1, "not ours")
