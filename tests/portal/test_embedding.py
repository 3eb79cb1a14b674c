"""The member's pages in a frame of the platform's: of the origins that were named, and no other."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

import byleave
from byleave.errors import EvidenceError
from byleave.portal.answers import WorkspaceAnswers
from byleave.portal.app import create_app
from byleave.portal.desk import make_desk
from tests.portal.api_site import SITE, Site, site_at

HERE = "https://www.example.com"
THERE = "http://127.0.0.1:8100"


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with site_at(tmp_path / "ws") as made:
        yield made


def configured(path: Path, embed_in: str) -> tuple[str, ...]:
    """What a workspace reads after this line was written into its configuration."""
    config = path / "byleave.toml"
    kept = config.read_text("utf-8").partition("[portal]")[0]
    config.write_text(f"{kept}[portal]\nembed_in = {embed_in}\n", "utf-8")
    with byleave.open(path, read_only=True) as ws:
        return ws.config.embed_in


def test_only_the_members_pages_may_be_framed_and_only_there(site: Site) -> None:
    """`frame-ancestors` names exactly the configured origins on /in and /me, and 'none' elsewhere."""
    origins = configured(site.path, f'["{HERE}", "{THERE}"]')
    link = site.link("member", "m-1")
    with byleave.open(site.path, read_only=True) as reader:
        desk = make_desk(reader, site=SITE)
        app = create_app(WorkspaceAnswers(reader), demo=False, desk=desk, embed_in=origins)
        with TestClient(app, follow_redirects=False) as http:
            framed = {path: frames(http, path) for path in (link, "/me", "/me/settings")}
            others = {
                path: frames(http, path)
                for path in ("/", "/house", "/m/x", "/api/v1/releases", "/nothing", "/messages")
            }
    assert set(framed.values()) == {f"{HERE} {THERE}"}
    assert set(others.values()) == {"'none'"}


def frames(http: TestClient, path: str) -> str:
    """The sources of `frame-ancestors`, which stands last, with the rest of the policy held."""
    policy, found, sources = (
        http.get(path).headers["content-security-policy"].partition("; frame-ancestors ")
    )
    assert found
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy
    return sources


def test_nobody_may_frame_what_was_not_configured(site: Site) -> None:
    """Without the setting the member's pages forbid every frame, as all others."""
    assert frames(site.http, "/me") == "'none'"
    assert frames(site.http, site.link("member", "m-1")) == "'none'"


@pytest.mark.parametrize(
    "origin",
    [
        "*", "https://*", "https://*.example.com", "http://www.example.com", "'self'", "https:",
        "https://www.example.com/", "https://www.example.com/a", "https://a b", "https://A.example",
        "https://www.example.com; script-src *", "https://www.example.com\\nx: y", "",
    ],
)  # fmt: skip
def test_what_is_no_single_origin_is_refused(site: Site, origin: str) -> None:
    """A wildcard, a path, a keyword, plain http elsewhere or a second header is no setting."""
    with pytest.raises(EvidenceError) as caught:
        configured(site.path, f'["{origin}"]')
    assert caught.value.code == "workspace.damaged"


def test_other_settings_of_the_portal_are_refused(site: Site) -> None:
    """A name nobody knows in `[portal]`, or a text where a list belongs, stops the opening."""
    for line in ('"https://www.example.com"', "[]\nembedded = []"):
        with pytest.raises(EvidenceError):
            configured(site.path, line)


@pytest.mark.parametrize(
    ("to", "place"), [("settings", "/me/settings"), ("answer", "/me"), (None, "/me")]
)
def test_a_link_leads_where_it_was_made_for(site: Site, to: str | None, place: str) -> None:
    """The platform says which page its member lands on; the link says it, and the button keeps it."""
    body = {"member": "m-1"} | ({} if to is None else {"to": to})
    made = site.post("/api/v1/links", body, site.token("link.write"))
    assert made.status_code == 201
    link = made.json()["url"].removeprefix(SITE)
    assert f'action="{link}"' in site.http.get(link).text
    answer = site.http.post(link, headers={"origin": SITE}, follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, place)


def test_a_link_leads_nowhere_else(site: Site) -> None:
    """An address written onto a link is not followed, asked for it is refused; an operator's is home."""
    for role, who, home in (("member", "m-1", "/me"), ("operator", "alex", "/house")):
        for to in ("//elsewhere.example", "https://elsewhere.example", "/house", "SETTINGS"):
            link = site.link(role, who)
            assert "elsewhere" not in site.http.get(f"{link}?to={to}").text
            answer = site.http.post(f"{link}?to={to}", follow_redirects=False)
            assert answer.headers["location"] == home
            site.http.cookies.clear()
    asked = site.post("/api/v1/links", {"member": "m-1", "to": "//x"}, site.token("link.write"))
    assert asked.status_code == 422
    answer = site.http.post(f"{site.link('operator', 'kim')}?to=settings", follow_redirects=False)
    assert answer.headers["location"] == "/house"
