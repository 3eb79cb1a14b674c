"""Rules that hold for every page: limits beside proofs, state in addresses, the same answer, bounds."""

from __future__ import annotations

import html as markup
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner
from fastapi.testclient import TestClient

import byleave
from byleave.cli.main import cli
from byleave.errors import InputError
from byleave.evidence.entry import RulesetEntry
from byleave.pages.catalogue import CATALOGUES
from byleave.pages.link import link_token
from byleave.portal.answers import WorkspaceAnswers
from byleave.portal.app import create_app
from byleave.service.explore import explore_log
from tests.portal.api_site import SITE, Site, serving
from tests.portal.test_links import crawl
from tests.unit.service.small import Grown, grow

ROLES = ("public", "member", "operator", "auditor", "recipient")
PROOF = re.compile(r'href="[^"]*\.(?:tlog-)?proof"')
ROWS = re.compile(r"<tbody\b[^>]*>.*?</tbody>|<ol class=\"timeline\">.*?</ol>", re.DOTALL)
COMMAND = re.compile(r'<section class="same".*?</section>', re.DOTALL)


@pytest.fixture(scope="module")
def grown(tmp_path_factory: pytest.TempPathFactory) -> Grown:
    return grow(tmp_path_factory.mktemp("rules") / "workspace")


@pytest.fixture(scope="module")
def site(grown: Grown) -> Iterator[Site]:
    with serving(grown.path) as site:
        yield site


def who(grown: Grown, role: str) -> str:
    return {"member": grown.withdrew[0], "recipient": "provider.host"}.get(role, "alex")


def entered(site: Site, grown: Grown, role: str) -> tuple[TestClient, str]:
    """A browser of a role, and where it landed."""
    browser = TestClient(site.http.app)
    if role == "public":
        return browser, "/"
    answer = browser.post(site.link(role, who(grown, role)), headers={"origin": SITE})
    assert answer.status_code == 200
    return browser, answer.url.path


@pytest.fixture(scope="module")
def pages(site: Site, grown: Grown) -> dict[str, dict[str, str]]:
    """Every page that each role reaches by links: address → what stands there."""
    found: dict[str, dict[str, str]] = {}
    for role in ROLES:
        browser, landing = entered(site, grown, role)
        page = browser.get(landing)
        found[role] = {landing: page.text}
        assert crawl(browser, [(landing, page.text)], found[role]) == []
    return found


# --- limits, addresses, the same answer --------------------------------------------------------


def test_every_page_with_a_proof_has_the_limits_word_for_word(
    pages: dict[str, dict[str, str]],
) -> None:
    """Wherever a proof is offered, the limits block stands on the page, once, in its language."""
    offered = 0
    for role, found in pages.items():
        for address, page in found.items():
            if not PROOF.search(page):
                continue
            offered += 1
            language = re.search(r'<html lang="(\w\w)"', page)
            assert language is not None
            block = " ".join(CATALOGUES[language[1]].limits)
            assert markup.unescape(page).count(block) == 1, (role, address)
    assert offered > 20


def test_an_address_shows_the_same_rows_to_somebody_else(
    site: Site, grown: Grown, pages: dict[str, dict[str, str]]
) -> None:
    """O1: each address that holds a search or a part of a list gives the same rows in a browser that
    was never there before.
    """
    compared = 0
    for role in ROLES:
        fresh, _ = entered(site, grown, role)
        more = {
            "operator": ["/house/trail?kind=gate", "/house/requests?show=all&kind=access"],
            "auditor": ["/audit/log?kind=consent-event/v1&before=90", "/audit/log?find=replies"],
        }.get(role, [])
        first, _ = entered(site, grown, role)
        kept = {path: page for path, page in pages[role].items() if "?" in path}
        for path, page in [*kept.items(), *((path, first.get(path).text) for path in more)]:
            if "lang=" in path:
                continue
            assert ROWS.findall(fresh.get(path).text) == ROWS.findall(page), path
            compared += bool(ROWS.findall(page))
    assert compared > 3


def without_instant(facts: Any) -> Any:
    return {name: value for name, value in facts.items() if name != "at"}


def test_the_strip_gives_the_same_answer(
    site: Site, grown: Grown, pages: dict[str, dict[str, str]]
) -> None:
    """O3: on each page of the consoles and the report three ways to its facts stand; command line
    and Python give what the JSON twin gives, and the address of the twin opens for who has the page.
    """
    stripped: set[str] = set()
    for role in ("public", "operator", "auditor"):
        browser, _ = entered(site, grown, role)
        for address, page in pages[role].items():
            if not re.match(r"/(house|audit|transparency)(?!/publish)(?=[/?]|$)", address):
                continue
            strip = COMMAND.search(page)
            assert strip is not None, address
            command, curl, python = map(
                markup.unescape, re.findall(r'<code class="command">(.*?)</code>', strip[0])
            )
            asked = re.fullmatch(r"byleave access page '(.+)' --json", command)
            assert asked is not None
            assert python == f'byleave.open(path).faces.page("{asked[1]}")'
            twin = re.search(r'"\$SITE(.+)"$', curl)
            assert twin is not None
            assert ("COOKIE" in curl) == (role != "public" and "/transparency" not in address)
            if "/audit/log/" in address and len(stripped) > 40:
                continue
            stripped.add(asked[1])
            told = browser.get(twin[1]).json()
            with byleave.open(grown.path, read_only=True) as ws:
                found = json.loads(json.dumps(ws.faces.page(asked[1])))
            assert found.pop("schema") == told["schema"]
            [(name, facts)] = found.items()
            assert without_instant(facts) == without_instant(told[name]), address
    assert {"/house", "/house/trail", "/audit", "/audit/log", "/transparency"} <= stripped
    assert any(path.startswith("/house/requests") for path in stripped)


def test_the_command_prints_what_python_returns(grown: Grown) -> None:
    """`byleave access page` prints the facts as one object; an address that is none is exit 2."""
    arguments = ["access", "page", "-w", str(grown.path)]
    ran = CliRunner().invoke(cli, [*arguments, "/audit/log?kind=gate/v1", "--json"])
    assert ran.exit_code == 0
    with byleave.open(grown.path, read_only=True) as ws:
        found = ws.faces.page("/audit/log?kind=gate/v1")
        assert [line["kind"] for line in found["audit-log"]["lines"]] == ["gate/v1"] * 2
        for address in ("/me", "/house/publish/policy", "audit", "/audit/log/x"):
            with pytest.raises(InputError) as caught:
                ws.faces.page(address)
            assert caught.value.code == "workspace.unknown-object"
        with pytest.raises(InputError):
            ws.faces.page("/audit/log?before=x")
    printed = json.loads(ran.stdout)
    assert without_instant(printed["audit-log"]) == without_instant(found["audit-log"])


def test_an_auditor_finds_an_entry_by_its_number(site: Site, grown: Grown) -> None:
    """A number in the search box leads to that entry; where nothing matches, absence is not said."""
    browser, _ = entered(site, grown, "auditor")
    assert browser.get("/audit/log?find=17").url.path == "/audit/log/17"
    for text in ("set-1", "replies-1"):
        assert "<tbody" in browser.get(f"/audit/log?find={text}").text
    for text in ("999999", "nowhere"):
        page = browser.get(f"/audit/log?find={text}")
        assert page.url.path == "/audit/log"
        assert "That is no proof of absence" in page.text


# --- addresses that lead on, or end ------------------------------------------------------------


def test_an_old_address_leads_to_the_object(site: Site, grown: Grown, tmp_path: Path) -> None:
    """O1: a release is found by the digest of its model, a text by its name: both lead to the page."""
    release = site.http.get("/index.json").json()["overview"]["releases"][-1]
    answer = site.http.get(f"/releases/{release['model']}", follow_redirects=False)
    assert answer.status_code == 308
    assert answer.headers["location"] == f"/releases/{release['release']}"
    assert site.http.get("/policies/nothing").status_code == 404
    path = tmp_path / "ws"
    shutil.copytree(grown.path, path)
    from tests.portal.test_house import POLICY

    with byleave.open(path) as ws:
        ws.policy.publish(POLICY)
        ws.policy.publish(POLICY.replace('version: "1"', 'version: "2"').replace("2099", "2100"))
    with serving(path) as other:
        answer = other.http.get("/policies/terms", follow_redirects=False)
        assert (answer.status_code, answer.headers["location"]) == (307, "/policies/terms/2")


def test_who_was_erased_is_gone_with_the_entry(grown: Grown, tmp_path: Path) -> None:
    """O1: a member's link is 410 after they were erased, with the day and the log entry of it."""
    path = tmp_path / "ws"
    shutil.copytree(grown.path, path)
    with byleave.open(path) as ws:
        ws.member.enrol(["only-here"])
        ordinal = ws.member.ordinal("only-here")
        index = ws.member.erase(["only-here"]).index
        link = link_token(ws.portal_key(), ordinal, ws.now() + timedelta(days=1))
    with serving(path) as site:
        page = site.http.get(f"/m/{link}")
        assert page.status_code == 410
        assert f"That is log entry {index}." in page.text
        assert "only-here" not in page.text
        assert site.http.get(f"/m/{link}/receipt").status_code == 410
        told = site.http.get(f"/m/{link}.json")
        assert told.status_code == 410
        assert f"log entry {index}" in told.json()["detail"]
        german = site.http.get(f"/m/{link}", params={"lang": "de"})
        assert f"Im Logbuch ist das Eintrag {index}" in german.text


# --- what a page says of its own state ---------------------------------------------------------


def test_a_look_says_its_entry(site: Site, grown: Grown) -> None:
    """O8: an operator's view of a member's data says that it is logged, and as which entry."""
    browser, _ = entered(site, grown, "operator")
    form = re.search(r'name="form" value="([^"]+)"', browser.get("/house").text)
    assert form is not None
    sent = {"form": form[1], "member": grown.agreed[3], "why": "access request 3"}
    page = browser.post("/house/look", data=sent, headers={"origin": SITE}).text
    with byleave.open(grown.path, read_only=True) as ws:
        index = ws.member.looks()[-1]["index"]
    assert f"This view is logged, with your name and reason, as entry {index}." in page


def test_an_old_checkpoint_is_told_on_every_page(
    grown: Grown, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """O7: where an entry has waited ten minutes for its checkpoint each page has a banner; not
    before, and not where nothing waits, however old the checkpoint.
    """
    path = tmp_path / "ws"
    shutil.copytree(grown.path, path)
    later = grown.now + timedelta(days=30)

    def seen(at: datetime) -> set[bool]:
        """Whether the banner stands on a public page, a member's, and in what frames all others."""
        with byleave.open(path, read_only=True, now=lambda: at) as ws:
            link = link_token(ws.portal_key(), 0, at + timedelta(days=1))
            framed = ws.public.frame()["behind"] is not None
            with TestClient(create_app(WorkspaceAnswers(ws), demo=False)) as http:
                texts = [http.get("/").text, http.get(f"/m/{link}").text]
                german = http.get("/", params={"lang": "de"}).text
        told = {"The log's published head is old." in markup.unescape(text) for text in texts}
        return {*told, framed, "Der veröffentlichte Stand des Logbuchs ist alt." in german}

    assert seen(later) == {False}
    with byleave.open(path, now=lambda: later) as ws:
        with monkeypatch.context() as patch:
            patch.setattr(type(ws.house.log), "publish", lambda *_, **__: None)
            ws.consent.withdraw(grown.agreed[6], "train/messages/*")
        assert ws.ledger.size() > ws.house.log.checkpoint().size
    assert seen(later + timedelta(minutes=5)) == {False}
    assert seen(later + timedelta(minutes=11)) == {True}
    with byleave.open(path, now=lambda: later + timedelta(minutes=12)) as ws:
        ws.log.publish()
    assert seen(later + timedelta(minutes=30)) == {False}


def test_no_switch_and_nothing_ticked_on_a_members_page(pages: dict[str, dict[str, str]]) -> None:
    """M14, M16: a member is asked by radios with a named button: no box stands for a use, only for
    being erased; nothing is ticked or chosen before on a page of somebody who has not said so.
    """
    boxes = {
        path.partition("?")[0]
        for path, page in pages["member"].items()
        if re.search(r'type="checkbox"|role="switch"', page)
    }
    assert boxes <= {"/me/erase"}
    for path, page in pages["member"].items():
        assert not re.search(r'type="checkbox"[^>]* checked', page), path
        for radio in re.findall(r'<input type="radio"[^>]*>', page):
            assert 'value="yes"' not in radio or " checked" not in radio, path
    assert '<input type="radio"' in pages["member"]["/me/settings"]


def test_what_is_overdue_stands_first(grown: Grown, tmp_path: Path) -> None:
    """O6: requests stand by the day they are due, not by when they came; what is past it is on top
    and said to be late.
    """
    path = tmp_path / "ws"
    shutil.copytree(grown.path, path)
    with byleave.open(path, now=lambda: grown.now + timedelta(days=1)) as ws:
        first = ws.requests.open(grown.silent[0], "access", channel="letter")
        ws.requests.extend(first, who="alex", why="many records")
    with byleave.open(path, now=lambda: grown.now + timedelta(days=20)) as ws:
        second = ws.requests.open(grown.silent[1], "access", channel="letter")
    with byleave.open(path, read_only=True, now=lambda: grown.now + timedelta(days=60)) as ws:
        found = ws.acts.requests(show="open")["requests"]
    assert [item["request"] for item in found] == [second, first]
    assert [item["state"] for item in found] == ["overdue", "open"]
    assert [item["days_left"] < 0 for item in found] == [True, False]


# --- bounds ------------------------------------------------------------------------------------


class _Counted:
    """A ledger of 100,000 entries that counts what is read of it."""

    def __init__(self) -> None:
        self.read_entries = 0
        self.looked_up = 0

    def size(self) -> int:
        return 100_000

    def index_from(self, at_us: int) -> int:
        return 0 if at_us else self.size()

    def read(self, start: int, end: int) -> list[bytes]:
        self.read_entries += end - start
        return [RulesetEntry(ruleset=f"r{n}", sha256=bytes(32)).encode() for n in range(start, end)]

    def object_at(self, index: int) -> None:
        self.looked_up += 1


@pytest.mark.parametrize("before", [None, 50_000])
def test_a_page_of_a_long_list_reads_a_page_of_it(before: int | None) -> None:
    """§ 2: fifty lines of 100,000 entries are read by keyset: a block of a thousand, fifty names,
    and no count of the whole.
    """
    ledger = _Counted()
    house: Any = SimpleNamespace(
        ledger=ledger, log=SimpleNamespace(checkpoint=lambda: SimpleNamespace(size=100_000))
    )
    found = explore_log(house, before=before, count=50, kind=None, find=None)
    assert [line["index"] for line in found["lines"]] == list(
        range((before or 100_000) - 1, (before or 100_000) - 51, -1)
    )
    assert (ledger.read_entries, ledger.looked_up) == (1_000, 50)


# --- nothing leaves, nothing is written --------------------------------------------------------

WATCH = """
import os, sys
WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
NEVER = ("socket.connect", "socket.bind", "socket.sendto", "socket.getaddrinfo", "os.mkdir",
         "os.rename", "os.remove", "os.rmdir", "os.truncate", "os.link", "os.symlink", "shutil.")
def watch(event, args):
    writes = event == "open" and isinstance(args[2], int) and args[2] & WRITES
    if (writes and args[0] != os.devnull) or event.startswith(NEVER):
        os.write(2, f"SEEN {event} {args[0]}\\n".encode())
sys.addaudithook(watch)
from byleave.cli.main import run
sys.argv = ["byleave", *sys.argv[1:]]
run()
"""


def watched(folder: Path, *arguments: str) -> tuple[int, list[str]]:
    """Run a command; return how it ended, and what it wrote or reached out for."""
    ran = subprocess.run(
        [sys.executable, "-B", "-c", WATCH, *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    return ran.returncode, [line for line in ran.stderr.splitlines() if line.startswith("SEEN")]


def test_preview_and_verify_send_and_write_nothing(grown: Grown, tmp_path: Path) -> None:
    """C10, C13: `verify` and `gate preview` open no connection and write no file; the watch that says
    so sees a command that does write.
    """
    import pyarrow.parquet as pq

    from tests.unit.service.small import CONTRACT, small_table

    pq.write_table(small_table(), tmp_path / "messages.parquet")
    (tmp_path / "contract.yaml").write_text(CONTRACT)
    consent = "member,use,decision\nm-1,train.generative.replies/messages/platform,grant\n"
    (tmp_path / "consent.csv").write_text(consent)
    with byleave.open(grown.path, read_only=True) as ws:
        name = f"event-{ws.consent.history(grown.agreed[5])[-1].index}"
        (tmp_path / "my.proof").write_bytes(ws.proof.bytes(name))
        shutil.copy(ws.places.trust, tmp_path / "trust.policy")
    assert watched(tmp_path, "verify", "my.proof", "--trust", "trust.policy") == (0, [])
    preview = ["gate", "preview", "messages.parquet", "--contract", "contract.yaml"]
    preview += ["--consent", "consent.csv"]
    preview += ["--use", "train.generative.replies/messages.direct/platform"]
    code, seen = watched(tmp_path, *preview)
    assert (code, seen) == (0, [])
    code, seen = watched(tmp_path, "log", "explorer", "--out", "x.html")
    assert code == 0
    assert any("x.html" in item for item in seen)
