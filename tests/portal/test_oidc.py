"""Signing in at a provider that runs as a process of its own, and attacks on it."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx2
import pytest
from fastapi.testclient import TestClient

import byleave
from byleave.errors import ByleaveError
from byleave.portal.answers import WorkspaceAnswers
from byleave.portal.app import create_app
from byleave.portal.desk import make_desk
from byleave.portal.oidc_routes import own_path
from tests.portal.api_site import NOTICE, SITE, USE, Site
from tests.portal.provider.__main__ import CLIENT_ID, SECRET

ROOT = Path(__file__).parents[2]
TERM = "provider.model-host"


class ProviderProcess:
    """The provider, and what it is told to do wrong."""

    def __init__(self) -> None:
        environment = os.environ | {"AUTHLIB_INSECURE_TRANSPORT": "1"}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.portal.provider"],
            cwd=ROOT,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self.process.stdout is not None
        self.issuer = f"http://127.0.0.1:{int(self.process.stdout.readline())}"
        self.http = httpx2.Client(trust_env=False, timeout=120)

    def tell(self, **what: Any) -> list[str]:
        """Change how it behaves from now on; return which secrets were fetched since."""
        answer = self.http.post(f"{self.issuer}/control", json=what)
        return list(answer.raise_for_status().json()["seen"])

    def approve(self, address: str, person: str) -> str:
        """Be a person there; return where their browser is sent."""
        assert self.http.get(address).status_code == 200
        answer = self.http.post(address, data={"person": person})
        assert answer.status_code == 302, answer.text
        return answer.headers["location"]

    def stop(self) -> None:
        self.http.close()
        self.process.kill()
        self.process.communicate()


@pytest.fixture(scope="module")
def process() -> Iterator[ProviderProcess]:
    started = ProviderProcess()
    yield started
    started.stop()


@pytest.fixture
def provider(process: ProviderProcess) -> Iterator[ProviderProcess]:
    process.tell()
    yield process
    process.tell()


@pytest.fixture
def own_provider() -> Iterator[ProviderProcess]:
    """A provider of one test's own: its new key is not the shared site's to find out."""
    started = ProviderProcess()
    yield started
    started.stop()


def settings(issuer: str, *more: str) -> str:
    return "\n".join(
        [
            "[portal.oidc]",
            f'issuer = "{issuer}"',
            f'client_id = "{CLIENT_ID}"',
            'client_secret_file = "keys/oidc.secret"',
            'member = "sub"',
            'roles = "groups"',
            'name = "preferred_username"',
            'operator = ["privacy"]',
            'auditor = ["audit"]',
            'scopes = ["profile"]',
            *more,
            "[portal.oidc.recipient]",
            f'"{TERM}" = ["host-staff"]',
            '"provider.shop" = ["shop-staff"]',
            "",
        ]
    )


def make_workspace(path: Path, text: str) -> None:
    with byleave.create(path) as ws:
        ws.member.enrol(["m-1", "m-2"])
        ws.policy.publish_notice(NOTICE, notice="ask-1", asks=[USE])
    with (path / "byleave.toml").open("a") as file:
        file.write(text)
    secret = path / "keys" / "oidc.secret"
    secret.write_text(SECRET)
    secret.chmod(0o600)


@contextmanager
def site_with(path: Path, text: str, clock: Callable[[], float] = time.monotonic) -> Iterator[Site]:
    make_workspace(path, text)
    with byleave.open(path, read_only=True) as reader:
        desk = make_desk(reader, site=SITE, clock=clock)
        app = create_app(WorkspaceAnswers(reader), demo=False, desk=desk)
        with TestClient(app, follow_redirects=False) as http:
            yield Site(path, http, itertools.count())


@dataclass
class Door:
    """A site, its provider, and the way in."""

    site: Site
    provider: ProviderProcess

    def browser(self) -> TestClient:
        return TestClient(self.site.http.app, follow_redirects=False)

    def begin(self, browser: TestClient, role: str = "member", after: str = "") -> str:
        answer = browser.get("/sign-in/start", params={"as": role, "next": after})
        assert answer.status_code == 303, answer.text
        return answer.headers["location"]

    def enter(
        self, person: str, role: str = "member", after: str = "", browser: TestClient | None = None
    ) -> Any:
        """Go the whole way; return the answer to coming back."""
        browser = browser or self.browser()
        back = self.provider.approve(self.begin(browser, role, after), person)
        answer = browser.get(back.removeprefix(SITE))
        answer.browser = browser  # type: ignore[attr-defined]
        return answer


@pytest.fixture(scope="module")
def one_site(tmp_path_factory: pytest.TempPathFactory, process: ProviderProcess) -> Iterator[Site]:
    path = tmp_path_factory.mktemp("oidc") / "ws"
    with site_with(path, settings(process.issuer)) as site:
        yield site


@pytest.fixture
def door(one_site: Site, provider: ProviderProcess) -> Door:
    """The way into the site that all of these tests share."""
    return Door(one_site, provider)


@pytest.fixture
def own_door(tmp_path: Path, provider: ProviderProcess) -> Iterator[Door]:
    """The way into a site that knows nothing of the provider yet."""
    with site_with(tmp_path / "ws", settings(provider.issuer)) as site:
        yield Door(site, provider)


def shut(answer: Any, status: int, code: str) -> None:
    """Nobody came in, and the page says which code."""
    assert (answer.status_code, code in answer.text) == (status, True), answer.text
    assert "text/html" in answer.headers["content-type"]
    assert answer.headers["cache-control"] == "no-store"
    assert '__Host-byleave="' not in answer.headers.get("set-cookie", "")
    assert not any(
        c.startswith("byleave=") and not c.startswith('byleave=""')
        for c in answer.headers.get_list("set-cookie")
    )


# the way in


@pytest.mark.parametrize(
    ("person", "role", "lands", "sees"),
    [
        ("m-1", "member", "/me", "/me.json"),
        ("alex", "operator", "/house", "/house.json"),
        ("kim", "auditor", None, "/api/v1/gates"),
        ("host", "recipient", None, None),
    ],
)
def test_each_role_comes_in_by_its_claim(
    door: Door, person: str, role: str, lands: str | None, sees: str | None
) -> None:
    """Whoever the settings give a role comes in with it, on a page that is there."""
    answer = door.enter(person, role)
    assert answer.status_code == 303, answer.text
    if lands is not None:
        assert answer.headers["location"] == lands
    browser = answer.browser
    assert browser.get(answer.headers["location"]).status_code == 200
    assert sees is None or browser.get(sees).status_code == 200


def test_a_member_comes_back_to_the_page_they_wanted(door: Door) -> None:
    """After the sign-in the page stands that was asked for before it."""
    answer = door.enter("m-1", after="/me/settings?x=1")
    assert answer.headers["location"] == "/me/settings?x=1"


@pytest.mark.parametrize(
    "after",
    [
        "//evil.example", "https://evil.example/", "/\\evil.example", "\\\\evil.example", "me",
        "/%0d%0aset-cookie:x", "/a//evil.example/", "javascript:alert(1)", "/@evil.example:x",
        "/x\n/y", "/é",
    ],
)  # fmt: skip
def test_the_way_in_leads_nowhere_else(door: Door, after: str) -> None:
    """An address of another site, or anything that could be one, is not led to."""
    path = urlsplit(own_path(after))
    assert (path.scheme, path.netloc) == ("", "")
    assert own_path(after) in {"", "/%0d%0aset-cookie:x"}
    answer = door.enter("m-1", after=after)
    assert answer.status_code == 303
    assert answer.headers["location"] in {"/me", "/%0d%0aset-cookie:x"}
    assert "evil" not in answer.headers["location"]


def test_the_request_carries_what_binds_the_answer(door: Door) -> None:
    """State, nonce and an S256 challenge go to the provider, the verifier and secret do not."""
    address = door.begin(door.browser())
    asked = {k: v[0] for k, v in parse_qs(urlsplit(address).query).items()}
    assert asked["response_type"] == "code"
    assert asked["code_challenge_method"] == "S256"
    assert asked["scope"] == "openid profile"
    assert asked["redirect_uri"] == f"{SITE}/sign-in/back"
    assert len({asked["state"], asked["nonce"], asked["code_challenge"]}) == 3
    assert SECRET not in address


def test_a_sign_in_ends_the_session_before_it(door: Door) -> None:
    """A session's cookie that a browser had before it signed in opens nothing afterwards."""
    planted = door.enter("m-2").browser
    old = dict(planted.cookies)
    fresh = door.enter("m-1", browser=planted).browser
    assert fresh.cookies["byleave"] != old["byleave"]
    assert TestClient(door.site.http.app, cookies=old).get("/me.json").status_code == 401
    assert fresh.get("/me.json").status_code == 200


def test_a_one_time_link_ends_the_session_before_it_too(door: Door) -> None:
    """The same holds for a link."""
    browser = door.enter("m-2").browser
    old = dict(browser.cookies)
    assert browser.post(door.site.link("member", "m-1"), headers={"origin": SITE}).is_redirect
    assert TestClient(door.site.http.app, cookies=old).get("/me.json").status_code == 401


def test_signing_out_offers_to_sign_out_there_too(door: Door) -> None:
    """After signing out a page leads to the provider's end of session, and back to us alone."""
    browser = door.enter("m-1").browser
    page = browser.get("/me/settings").text
    form = page.split('name="form" value="')[1].split('"')[0]
    left = browser.post("/out", data={"form": form}, headers={"origin": SITE})
    assert (left.status_code, left.headers["location"]) == (303, "/signed-out")
    assert browser.get("/me.json").status_code == 401
    bye = browser.get("/signed-out").text
    fields = urlencode({"client_id": CLIENT_ID, "post_logout_redirect_uri": f"{SITE}/"})
    assert f"{door.provider.issuer}/end?{fields}".replace("&", "&amp;") in bye


def test_whoever_is_not_signed_in_is_shown_the_way(door: Door) -> None:
    """A page that needs a sign-in leads to it, and from there back to the page; a script gets JSON."""
    page = door.browser().get("/me/settings", headers={"accept": "text/html"})
    assert page.status_code == 401
    assert 'href="/sign-in?next=/me/settings"' in page.text
    assert door.browser().get("/me.json").headers["content-type"] == "application/problem+json"


def ended(door: Door, **changed: Any) -> Any:
    """The answer to a logout token of the provider's."""
    token = door.provider.http.post(f"{door.provider.issuer}/over", json=changed).text
    return door.browser().post("/sign-in/over", data={"logout_token": token})


@pytest.mark.parametrize("named", [{"sub": "m-1"}, {"sid": "session of m-1"}])
def test_the_provider_ends_a_persons_sessions(door: Door, named: dict[str, str]) -> None:
    """A logout token ends the sessions of whom it names at once, and nobody else's."""
    one, two, other = (door.enter(who).browser for who in ("m-1", "m-1", "m-2"))
    answer = ended(door, **named)
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
    assert [b.get("/me.json").status_code for b in (one, two, other)] == [401, 401, 200]
    assert ended(door, **named).status_code == 200, "nothing is left to end"


def test_a_logout_token_counts_once(door: Door) -> None:
    """A logout token that comes again ends nothing, at this server or another of the workspace."""
    token = door.provider.http.post(f"{door.provider.issuer}/over", json={"sub": "m-1"}).text
    send = {"logout_token": token}
    door.enter("m-1")
    assert door.browser().post("/sign-in/over", data=send).status_code == 200
    again = door.enter("m-1").browser
    answer = door.browser().post("/sign-in/over", data=send)
    assert (answer.status_code, answer.json()["error_description"]) == (400, "oidc.token")
    assert again.get("/me.json").status_code == 200
    assert ended(door, sub="m-1").status_code == 200, "a new token is none that came before"
    assert again.get("/me.json").status_code == 401


@pytest.mark.parametrize(
    "wrong",
    [
        {"events": None},
        {"events": {}},
        {"events": "http://schemas.openid.net/event/backchannel-logout"},
        {"nonce": "x"},
        {"sub": None},
        {"sub": 7},
        {"aud": "another-client"},
        {"iss": "https://id.example"},
        {"iat": 1_000_000},
        {"exp": 1_000_000},
        {"exp": None},
        {"jti": None},
        {"another key": True},
    ],
    ids=str,
)
def test_a_logout_token_that_does_not_hold_ends_nothing(door: Door, wrong: dict[str, Any]) -> None:
    """A token of another kind, key, issuer, audience or time ends no session."""
    browser = door.enter("m-1").browser
    answer = ended(door, **({"sub": "m-1"} | wrong))
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
    assert browser.get("/me.json").status_code == 200


def test_an_identity_token_ends_nothing(door: Door) -> None:
    """Neither nothing, nor anything else in a token's place, is a logout token."""
    for text in ("", "x", "a.b.c", "ey.ey.ey"):
        answer = door.browser().post("/sign-in/over", data={"logout_token": text})
        assert answer.status_code == 400
    assert door.browser().post("/sign-in/over", json={}).status_code == 400


def test_the_page_offers_each_role_that_there_is(door: Door) -> None:
    """The sign-in page has one way in for each role that the settings give somebody."""
    page = door.browser().get("/sign-in", params={"next": "/me/settings"}).text
    for role in ("member", "operator", "auditor", "recipient"):
        assert f"/sign-in/start?as={role}&amp;next=/me/settings" in page


# nobody comes in


@pytest.mark.parametrize(
    ("person", "role", "code"),
    [
        ("nobody-here", "member", "oidc.unknown"),
        ("alex", "member", "oidc.unknown"),
        ("m-1", "operator", "oidc.role"),
        ("kim", "operator", "oidc.role"),
        ("alex", "auditor", "oidc.role"),
        ("m-2", "recipient", "oidc.role"),
        ("both", "recipient", "oidc.role"),
        ("nameless", "operator", "oidc.role"),
    ],
)
def test_doubt_means_no(door: Door, person: str, role: str, code: str) -> None:
    """Who is not enrolled, has no group of the role, two of them, or no plain name is refused."""
    answer = door.enter(person, role)
    shut(answer, 403, code)
    assert answer.browser.get("/me.json").status_code == 401


def test_a_role_that_nobody_has_cannot_be_asked_for(door: Door) -> None:
    """`as` names one of the four, and nothing else: no platform, no public."""
    for role in ("platform", "public", "", "root"):
        shut(door.browser().get("/sign-in/start", params={"as": role}), 403, "oidc.role")


@pytest.mark.parametrize(
    "wrong",
    [
        {"claims": {"nonce": "another"}},
        {"drop": ["nonce"]},
        {"claims": {"aud": "another-client"}},
        {"claims": {"aud": [CLIENT_ID, "another-client"], "azp": CLIENT_ID}},
        {"claims": {"aud": []}},
        {"claims": {"azp": "another-client"}},
        {"claims": {"iss": "https://id.example"}},
        {"drop": ["iss"]},
        {"drop": ["aud"]},
        {"drop": ["exp"]},
        {"drop": ["iat"]},
        {"drop": ["sub"]},
        {"claims": {"sub": 7}},
        {"claims": {"exp": "later"}},
        {"claims": {"iat": True}},
        {"shift": {"exp": -120, "iat": -240}},
        {"shift": {"nbf": 3_600}},
        {"shift": {"iat": 3_600, "exp": 7_200}},
        {"shift": {"iat": -7_200}},
        {"claims": {"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"}},
        {"sign": "not at all"},
        {"sign": "public key as secret"},
        {"sign": "another key"},
        {"sign": "own key inside"},
        {"sign": "changed afterwards", "claims": {"sub": "m-2"}},
        {"sign": "another key", "header": {"kid": "unknown"}},
        {"header": {"crit": ["b64"], "b64": True}},
        {"header": {"alg": "RS512"}},
    ],
    ids=str,
)  # fmt: skip
def test_a_token_that_does_not_hold_lets_nobody_in(door: Door, wrong: dict[str, Any]) -> None:
    """A token with a wrong, missing or replayed claim, or another signature, is refused."""
    door.provider.tell(**wrong)
    answer = door.enter("m-1")
    shut(answer, 403, "oidc.token")
    assert answer.browser.get("/me.json").status_code == 401


def test_clocks_may_differ_by_a_minute(door: Door) -> None:
    """A token that is over for less than the skew of the settings still holds."""
    door.provider.tell(shift={"exp": -20, "iat": -50})
    assert door.enter("m-1").status_code == 303


def test_a_code_is_good_once_even_where_the_provider_takes_it_twice(door: Door) -> None:
    """An answer that is sent a second time, cookie and all, opens nothing."""
    door.provider.tell(codes="again and again")
    browser = door.browser()
    back = door.provider.approve(door.begin(browser), "m-1")
    cookies = dict(browser.cookies)
    assert browser.get(back.removeprefix(SITE)).status_code == 303
    thief = TestClient(door.site.http.app, cookies=cookies, follow_redirects=False)
    shut(thief.get(back.removeprefix(SITE)), 400, "oidc.state")


def test_somebody_elses_answer_opens_nothing(door: Door) -> None:
    """An answer made for one browser is refused in another, whether it began a sign-in or not."""
    mine = door.browser()
    back = door.provider.approve(door.begin(mine), "m-2").removeprefix(SITE)
    shut(door.browser().get(back), 400, "oidc.state")
    other = door.browser()
    door.begin(other)
    shut(other.get(back), 400, "oidc.state")
    assert "token" not in door.provider.tell()


@pytest.mark.parametrize(
    "change",
    [
        lambda q: {**q, "state": "x"},
        lambda q: {k: v for k, v in q.items() if k != "state"},
        lambda q: {k: v for k, v in q.items() if k != "code"},
        lambda q: {**q, "code": [q["code"], q["code"]]},
        lambda q: {**q, "state": [q["state"], "x"]},
    ],
)
def test_an_answer_that_was_changed_opens_nothing(
    door: Door, change: Callable[[dict[str, Any]], dict[str, Any]]
) -> None:
    """Another state, none, no code, or a field twice: refused before anything is fetched."""
    browser = door.browser()
    back = urlsplit(door.provider.approve(door.begin(browser), "m-1"))
    query = {k: v[0] for k, v in parse_qs(back.query).items()}
    answer = browser.get(f"{back.path}?{urlencode(change(query), doseq=True)}")
    shut(answer, 400, "oidc.state")
    assert "token" not in door.provider.tell()


def test_a_code_of_another_provider_is_not_sent_here(door: Door) -> None:
    """An answer that names another issuer (mix-up), or none, is refused: RFC 9207."""
    door.provider.tell(answer_iss="https://other.example")
    shut(door.enter("m-1"), 403, "oidc.token")
    door.provider.tell()
    browser = door.browser()
    back = door.provider.approve(door.begin(browser), "m-1").removeprefix(SITE)
    shut(browser.get(back.partition("&iss=")[0]), 403, "oidc.token")


def test_a_code_fetched_with_another_verifier_is_refused(door: Door) -> None:
    """A code that was given to another browser's challenge is worth nothing here (PKCE)."""
    mine, theirs = door.browser(), door.browser()
    code = parse_qs(urlsplit(door.provider.approve(door.begin(theirs), "m-2")).query)["code"][0]
    back = urlsplit(door.provider.approve(door.begin(mine), "m-1"))
    query = {k: v[0] for k, v in parse_qs(back.query).items()} | {"code": code}
    shut(mine.get(f"{back.path}?{urlencode(query)}"), 403, "oidc.token")


def test_a_stopped_sign_in_says_so(door: Door) -> None:
    """Who stops at the provider is told so; the provider's words are not shown."""
    answer = door.enter("")
    shut(answer, 403, "oidc.denied")
    assert "access_denied" not in answer.text


def test_a_sign_in_that_took_too_long_is_over(tmp_path: Path, provider: ProviderProcess) -> None:
    """After ten minutes an answer of the provider is refused."""
    from datetime import UTC, datetime, timedelta

    clock = {"now": datetime.now(UTC)}
    make_workspace(tmp_path / "ws", settings(provider.issuer))
    with byleave.open(tmp_path / "ws", read_only=True, now=lambda: clock["now"]) as reader:
        desk = make_desk(reader, site=SITE)
        app = create_app(WorkspaceAnswers(reader), demo=False, desk=desk)
        with TestClient(app, follow_redirects=False) as http:
            door = Door(Site(tmp_path / "ws", http, itertools.count()), provider)
            browser = door.browser()
            back = provider.approve(door.begin(browser), "m-1")
            clock["now"] += timedelta(minutes=10)
            shut(browser.get(back.removeprefix(SITE)), 400, "oidc.state")


# keys


def test_a_new_key_is_fetched_when_it_is_first_met(
    tmp_path: Path, own_provider: ProviderProcess
) -> None:
    """A provider that changed its key is believed once its key set was read again; a key that is
    in no set is looked for at most every half minute.
    """
    provider = own_provider
    seconds = {"now": 0.0}
    with site_with(
        tmp_path / "ws", settings(provider.issuer), clock=lambda: seconds["now"]
    ) as site:
        door = Door(site, provider)
        assert door.enter("m-1").status_code == 303
        provider.tell(rotate=True)
        shut(door.enter("m-1"), 403, "oidc.token")
        seconds["now"] += 30
        assert door.enter("m-1").status_code == 303
        provider.tell(sign="another key", header={"kid": "unknown"})
        seconds["now"] += 30
        for _ in range(3):
            shut(door.enter("m-1"), 403, "oidc.token")
        assert provider.tell().count("keys") == 1


# the provider and the settings


@pytest.mark.parametrize(
    "wrong",
    [
        {"issuer": "https://elsewhere.example"},
        {"token_endpoint": "http://192.0.2.1/token"},
        {"jwks_uri": "file:///etc/passwd"},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"token_endpoint": None},
        {"code_challenge_methods_supported": ["plain"]},
        {"id_token_signing_alg_values_supported": ["HS256", "none"]},
    ],
    ids=str,
)
def test_a_provider_that_says_odd_things_is_not_asked(
    own_door: Door, wrong: dict[str, Any]
) -> None:
    """Metadata of another issuer, without https, PKCE or a public signature: nobody is sent there."""
    own_door.provider.tell(metadata=wrong)
    shut(own_door.browser().get("/sign-in/start"), 503, "oidc.provider")


def test_a_provider_that_is_away_is_said(tmp_path: Path) -> None:
    """Where nobody answers the sign-in page says so, and the rest of the portal goes on."""
    with site_with(tmp_path / "ws", settings("http://127.0.0.1:1")) as site:
        shut(site.http.get("/sign-in/start"), 503, "oidc.provider")
        assert site.http.get("/").status_code == 200
        assert site.http.get("/signed-out").status_code == 200


def test_our_secret_is_nowhere_to_be_read(door: Door, caplog: pytest.LogCaptureFixture) -> None:
    """The secret is in no page, log line or file but its own; codes and tokens are in no file."""
    caplog.set_level(0)
    back = door.provider.approve(door.begin(browser := door.browser()), "m-1")
    answer = browser.get(back.removeprefix(SITE))
    code = parse_qs(urlsplit(back).query)["code"][0]
    assert SECRET not in caplog.text + answer.text
    for path in door.site.path.rglob("*"):
        if path.is_file() and path.name != "oidc.secret":
            data = path.read_bytes()
            assert SECRET.encode() not in data
            assert code.encode() not in data


@pytest.mark.parametrize(
    ("change", "where"),
    [
        (("issuer", '"http://id.example"'), "portal.oidc.issuer"),
        (("issuer", '"https://user@id.example"'), "portal.oidc.issuer"),
        (("issuer", "7"), "portal.oidc.issuer"),
        (("client_id", '""'), "portal.oidc.client_id"),
        (("algorithms", '["HS256"]'), "portal.oidc.algorithms"),
        (("algorithms", '["none"]'), "portal.oidc.algorithms"),
        (("clock_skew", "3600"), "portal.oidc.clock_skew"),
        (("operators", '["x"]'), "portal.oidc.operators"),
        (("operator", '"privacy"'), "portal.oidc.operator"),
        (("client_secret_env", '"X"'), "portal.oidc.client_secret_file"),
        (("roles", None), "portal.oidc.roles"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused(
    tmp_path: Path, change: tuple[str, str | None], where: str
) -> None:
    """A field of the settings that is unknown, wrong or against another refuses the workspace."""
    name, value = change
    lines = settings("https://id.example").splitlines()
    lines = [line for line in lines if not line.startswith(f"{name} =")]
    if value is not None:
        lines.insert(1, f"{name} = {value}")
    make_workspace(tmp_path / "ws", "\n".join(lines))
    with pytest.raises(ByleaveError) as caught, byleave.open(tmp_path / "ws", read_only=True):
        pass
    assert (caught.value.code, caught.value.where) == ("oidc.settings", where)


@pytest.mark.parametrize("broken", ["gone", "empty", "readable by all"])
def test_a_secret_that_is_not_kept_is_refused(tmp_path: Path, broken: str) -> None:
    """A server whose secret is missing, empty or open to others does not start."""
    make_workspace(tmp_path / "ws", settings("https://id.example"))
    secret = tmp_path / "ws" / "keys" / "oidc.secret"
    if broken == "gone":
        secret.unlink()
    elif broken == "empty":
        secret.write_text("\n")
    else:
        secret.chmod(0o644)
    with byleave.open(tmp_path / "ws", read_only=True) as reader:
        with pytest.raises(ByleaveError) as caught:
            make_desk(reader, site=SITE)
        assert caught.value.code == "oidc.secret"


def test_the_settings_are_written_as_they_were_read(tmp_path: Path) -> None:
    """Reading the settings, writing and reading them again gives the same."""
    from byleave.wiring.config import Places, read_config

    make_workspace(tmp_path / "ws", settings("https://id.example", 'algorithms = ["ES256"]'))
    places = Places(tmp_path / "ws")
    first = read_config(places)
    first.write(places)
    assert read_config(places) == first
    assert first.oidc is not None
    assert first.oidc.recipient == {TERM: ("host-staff",), "provider.shop": ("shop-staff",)}
