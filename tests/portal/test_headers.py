"""The headers of every answer there is, asked over the whole table of routes."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

import byleave
from byleave.portal.access import Role, Routes
from byleave.portal.answers import WorkspaceAnswers
from byleave.portal.app import create_app
from byleave.portal.desk import make_desk
from tests.portal.api_site import NOTICE, USE, Site

SECURE = "https://testserver"
ALWAYS = {
    "referrer-policy": "same-origin",
    "x-content-type-options": "nosniff",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "strict-transport-security": "max-age=31536000",
}
WHO = {
    Role.MEMBER: "m-1",
    Role.OPERATOR: "alex",
    Role.AUDITOR: "kim",
    Role.RECIPIENT: "provider.model-host",
}


@contextmanager
def served(path: Path, address: str) -> Iterator[Site]:
    with byleave.create(path) as ws:
        ws.member.enrol(["m-1", "m-2"])
        ws.policy.publish_notice(NOTICE, notice="ask-1", asks=[USE])
    with byleave.open(path, read_only=True) as reader:
        desk = make_desk(reader, site=address)
        app = create_app(WorkspaceAnswers(reader), demo=False, desk=desk)
        with TestClient(app, base_url=address, follow_redirects=False) as http:
            yield Site(path, http, itertools.count())


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with served(tmp_path_factory.mktemp("headers") / "ws", SECURE) as made:
        yield made


@pytest.fixture(scope="module")
def browsers(site: Site) -> dict[Role, TestClient]:
    """A browser of each role that signs in, and one of nobody."""
    found = {Role.PUBLIC: site.http}
    for role, who in WHO.items():
        browser = TestClient(site.http.app, base_url=SECURE, follow_redirects=False)
        assert browser.post(site.link(role, who), headers={"origin": SECURE}).is_redirect
        found[role] = browser
    return found


@pytest.fixture(scope="module")
def answers(site: Site, browsers: dict[Role, TestClient]) -> list[tuple[str, str, Role, Any]]:
    """The answer of every route to every role, refusals and misses among them."""
    routes: Routes = site.http.app.state.routes  # type: ignore[attr-defined]
    return [
        (
            method,
            path,
            role,
            browser.request(method, re.sub(r"\{[^}]*\}", "x", path), headers={"origin": SECURE}),
        )
        for method, path in routes.table
        if path != "/out"
        for role, browser in browsers.items()
    ]


def policy(answer: Any) -> dict[str, list[str]]:
    """A Content-Security-Policy by directive."""
    parts = [part.split() for part in answer.headers["content-security-policy"].split(";")]
    return {part[0]: part[1:] for part in parts}


def test_every_answer_carries_what_a_browser_has_to_know(
    answers: list[tuple[str, str, Role, Any]],
) -> None:
    """Whatever is asked and however it ends, the answer has each security header, once."""
    assert len(answers) > 250
    for method, path, role, answer in answers:
        where = (method, path, role, answer.status_code)
        for name, value in ALWAYS.items():
            assert answer.headers.get_list(name) == [value], (where, name)
        assert "camera=()" in answer.headers["permissions-policy"], where
        assert len(answer.headers.get_list("content-security-policy")) == 1, where
        assert answer.status_code < 500, where


def test_no_policy_lets_anything_of_others_in(
    answers: list[tuple[str, str, Role, Any]],
) -> None:
    """No page may load, frame, send to or be based on anything but this site, nor run what stands
    in it: no `unsafe-…`, no other origin, no scheme, no wildcard.
    """
    for method, path, role, answer in answers:
        where = (method, path, role)
        found = policy(answer)
        assert found["default-src"] == ["'none'"], where
        assert found["base-uri"] == ["'none'"], where
        assert found["frame-ancestors"] == ["'none'"], where
        assert found["form-action"] in (["'self'"], ["'none'"]), where
        named = {word for words in found.values() for word in words}
        assert named <= {"'self'", "'none'"}, (where, named)


def test_what_is_not_for_everybody_is_not_stored(
    site: Site, answers: list[tuple[str, str, Role, Any]]
) -> None:
    """Every route that somebody has to be admitted to, the API and the ways in are `no-store`."""
    routes: Routes = site.http.app.state.routes  # type: ignore[attr-defined]
    private = 0
    for method, path, role, answer in answers:
        access = routes.table[method, path]
        if access.link or Role.PUBLIC not in access.roles or path.startswith(("/api/", "/in/")):
            assert answer.headers.get_list("cache-control") == ["no-store"], (method, path, role)
            private += 1
    assert private > 150


def test_what_everybody_may_have_names_nobody(
    site: Site, answers: list[tuple[str, str, Role, Any]]
) -> None:
    """An answer that may be kept sets no session, and is the same for whoever is signed in."""
    for method, path, role, answer in answers:
        if "no-store" not in answer.headers.get("cache-control", ""):
            cookies = answer.headers.get_list("set-cookie")
            assert not any("__Host-byleave=" in cookie for cookie in cookies), (method, path, role)
            assert "m-1" not in answer.text, (method, path, role)
    del site


@pytest.mark.parametrize(
    ("method", "path", "more", "status"),
    [
        ("GET", "/nothing/here", {}, 404),
        ("DELETE", "/", {}, 405),
        ("POST", "/api/v1/choices", {"content": b"{", "headers": {"x": "1"}}, 401),
        ("POST", "/api/v1/verify", {"content": b"x" * (5 << 20)}, 413),
        ("GET", "/m/no-such-link", {}, 404),
        ("HEAD", "/", {}, 200),
    ],
)
def test_errors_carry_them_too(
    site: Site, method: str, path: str, more: dict[str, Any], status: int
) -> None:
    """A miss, a wrong method, a body without end and a HEAD are no exception."""
    answer = site.http.request(method, path, **more)
    assert answer.status_code == status
    for name, value in ALWAYS.items():
        assert answer.headers.get_list(name) == [value]
    assert policy(answer)["default-src"] == ["'none'"]


def test_a_fault_carries_them_too(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page that could not be made is told without a word of why, under the same headers."""

    def broken(*_: object) -> None:
        raise RuntimeError("m-1 is the secret")

    monkeypatch.setattr(WorkspaceAnswers, "overview", broken)
    answer = site.http.get("/")
    assert answer.status_code == 500
    assert "secret" not in answer.text
    for name, value in ALWAYS.items():
        assert answer.headers.get_list(name) == [value]


def test_cookies_belong_to_this_site_alone(site: Site) -> None:
    """Over https the session's cookie is `__Host-`, Secure, HttpOnly, SameSite, of the whole site."""
    browser = TestClient(site.http.app, base_url=SECURE, follow_redirects=False)
    signed = browser.post(site.link("member", "m-1"), headers={"origin": SECURE})
    form = re.search(r'name="form" value="([^"]+)"', browser.get("/me/settings").text)
    assert form is not None
    left = browser.post("/out", data={"form": form[1]}, headers={"origin": SECURE})
    for answer in (signed, left):
        [cookie] = answer.headers.get_list("set-cookie")
        parts = {part.strip().lower() for part in cookie.split(";")[1:]}
        assert cookie.startswith("__Host-byleave=")
        assert {"secure", "httponly", "samesite=lax", "path=/"} <= parts
        assert not any(part.startswith("domain") for part in parts)


def test_without_https_nothing_is_promised(tmp_path: Path) -> None:
    """Over http there is no Strict-Transport-Security, and no cookie that browsers would drop."""
    with served(tmp_path / "ws", "http://testserver") as plain:
        answer = plain.http.post(
            plain.link("member", "m-1"), headers={"origin": "http://testserver"}
        )
        assert "strict-transport-security" not in answer.headers
        [cookie] = answer.headers.get_list("set-cookie")
        assert cookie.startswith("byleave=")
        assert "secure" not in cookie.lower()
