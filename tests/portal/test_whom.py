"""Every page names whom to ask and where to complain, as `byleave.toml` says."""

from __future__ import annotations

from pathlib import Path

import pytest

import byleave
from byleave.errors import EvidenceError, InputError
from byleave.wiring.config import Places, read_config
from tests.portal.api_site import SITE, Site, serving, site_at

TABLES = """
[portal.contact]
name = "The privacy team"
address = "1 Example Street <b>"
url = "mailto:privacy@example.com"

[portal.authority]
name = "An authority"
url = "https://authority.example.com/complain"

[portal.authority.region.uk]
name = "An authority of the islands"
"""
DEFAULT = "You can also complain to the privacy office of your country."


def add(path: Path, text: str) -> None:
    """Add tables to a workspace's configuration."""
    file = path / "byleave.toml"
    file.write_text(file.read_text("utf-8") + text, "utf-8")


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """A workspace with a member of the islands and one of nowhere."""
    with site_at(tmp_path / "ws"):
        pass
    with byleave.open(tmp_path / "ws") as ws:
        ws.member.enrol(["m-3"], regions={"m-3": "uk-sct"})
    return tmp_path / "ws"


def pages_of(site: Site) -> dict[str, str]:
    """Return a page of each face, and those that nobody is known on."""
    operator, auditor = site.signed_in("operator", "alex"), site.signed_in("auditor", "kim")
    recipient, member = site.signed_in("recipient", "platform"), site.signed_in("member", "m-1")
    found = {
        "public": site.http.get("/"),
        "transparency": site.http.get("/transparency"),
        "lost": site.http.get("/nowhere"),
        "link": site.http.get(site.link("member", "m-1")),
        "used": site.http.post("/in/" + "x" * 43, headers={"origin": SITE}),
        "me": member.get("/me"),
        "settings": member.get("/me/settings"),
        "refused": member.get("/house"),
        "house": operator.get("/house"),
        "requests": operator.get("/house/requests"),
        "publish": operator.get("/house/publish/policy"),
        "audit": auditor.get("/audit"),
        "recipient": recipient.get("/recipient"),
    }
    return {name: answer.text for name, answer in found.items()}


def test_every_page_names_both(workspace: Path) -> None:
    """Contact and authority stand on every face's pages and on those that refuse, as plain text."""
    add(workspace, TABLES)
    with serving(workspace) as site:
        for name, page in pages_of(site).items():
            assert "Ask us: The privacy team" in page, name
            assert "1 Example Street &lt;b&gt;" in page, name
            assert 'href="mailto:privacy@example.com"' in page, name
            assert "Complain to: An authority" in page, name
            assert 'href="https://authority.example.com/complain"' in page, name
            assert DEFAULT not in page, name


def test_without_them_pages_say_what_they_said(workspace: Path) -> None:
    """Where nothing is set the sentences of before stand, also on pages without a frame."""
    with serving(workspace) as site:
        for name, page in pages_of(site).items():
            assert "No contact has been set for this site." in page, name
            assert DEFAULT in page, name


def test_a_member_sees_the_authority_of_where_they_live(workspace: Path) -> None:
    """A region's authority is that of the regions below it, for members who live there alone."""
    add(workspace, TABLES)
    with serving(workspace) as site:
        there, nowhere = site.signed_in("member", "m-3"), site.signed_in("member", "m-1")
        assert "Complain to: An authority of the islands" in there.get("/me/settings").text
        assert "of the islands" not in nowhere.get("/me/settings").text
        frame = there.get("/me/settings.json").json()["frame"]
        assert frame["authority"]["name"] == "An authority of the islands"
        assert frame["contact"]["url"] == "mailto:privacy@example.com"


def test_the_receipts_contact_stands_in(workspace: Path) -> None:
    """Without a contact of the portal's, pages name the one that receipts state."""
    add(workspace, '[party]\ncontact = "privacy@example.com"\n')
    with serving(workspace) as site:
        assert "Ask us: privacy@example.com" in site.http.get("/").text


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("[portal.contact]\nmail = 'x'\n", "portal.contact.mail"),
        ("[portal.contact]\naddress = 'x'\n", "portal.contact.name"),
        ("[portal.contact]\nname = ''\n", "portal.contact.name"),
        ("[portal.contact]\nname = 3\n", "portal.contact.name"),
        ('[portal.contact]\nname = "a\\u0000b"\n', "portal.contact.name"),
        ("[portal]\ncontact = 'x'\n", "portal.contact"),
        ("[portal]\nauthority = 'x'\n", "portal.authority"),
        ("[portal.authority]\nregion = 'x'\n", "portal.authority.region"),
        ("[portal.authority.region.UK]\nname = 'x'\n", "portal.authority.region"),
        ("[portal.authority.region.uk]\nurl = 'https://a.example'\n", "portal.authority.region.uk.name"),
        *(
            (f'[portal.authority]\nname = "x"\nurl = "{url}"\n', "portal.authority.url")
            for url in (
                "http://a.example", "javascript:alert(1)", "https://", "https://a", "data:text/html,x",
                "https://a@b.example", "https://a.example:x", "mailto:", "mailto:a", "ftp://a.example",
                "mailto:a@b.example?subject=x", "//a.example", "https:a.example", "https://a.example/ b",
            )
        ),
    ],
)  # fmt: skip
def test_what_is_misspelt_is_named(workspace: Path, text: str, where: str) -> None:
    """An unknown field, a missing name, a wrong type or an address to elsewhere refuses, by field."""
    add(workspace, text)
    with pytest.raises(InputError) as caught:
        byleave.open(workspace, read_only=True)
    assert (caught.value.code, caught.value.where) == ("portal.settings", where)


def test_another_table_of_the_portal_is_not_ours(workspace: Path) -> None:
    """A table that there is none of is refused as before."""
    add(workspace, "[portal.kontakt]\nname = 'x'\n")
    with pytest.raises(EvidenceError):
        byleave.open(workspace, read_only=True)


def test_what_was_read_is_written_back(workspace: Path) -> None:
    """A configuration that is written and read again says the same."""
    add(workspace, TABLES)
    places = Places(workspace)
    found = read_config(places)
    assert found.help.regions["uk"].name == "An authority of the islands"
    found.write(places)
    assert read_config(places) == found
