"""The example network, lived through: agree, be used, look, leave, see it gone."""

from __future__ import annotations

import ast
import json
import os
import re
import signal
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from playwright.sync_api import Browser, FrameLocator, Page, expect

import byleave
from byleave.verify import verify
from examples.network.cast import GUESTS, choices, fill
from examples.network.store import Store
from tests.browsing import PATIENCE, axe_faults, new_page, overflow, press, settled, small_targets

# The first test starts four processes that train; another has three nights of training in it.
pytestmark = pytest.mark.timeout(1_200)

ROOT = Path(__file__).resolve().parents[2]
_DATA = Path(os.environ.get("BYLEAVE_DATA") or ROOT.parent / "shared" / "data")
REAL = (_DATA / "persuasion-for-good" / "messages.parquet").is_file()
BYLEAVE = Path(sys.executable).with_name("byleave")


@dataclass(frozen=True)
class Town:
    """The example as its one command started it."""

    said: str
    folder: Path
    network: str
    portal: str
    provider: str

    def store(self) -> Store:
        return Store(self.folder / "network.sqlite")


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory, chromium: str) -> Iterator[Town]:
    """All of it running, by the one command: on the real sets where they are, else on generated rows.
    At the end Ctrl-C stops it, and nothing of it answers any more.
    """
    folder = tmp_path_factory.mktemp("town") / "kept"
    with subprocess.Popen(
        [sys.executable, "examples/network", "--threads", "250", "--keep", str(folder)],
        cwd=ROOT,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        text=True,
    ) as started:
        assert started.stdout is not None
        said = ""
        for line in started.stdout:
            said += line
            if "Ctrl-C" in line:
                break
        addresses = re.findall(r"http://127\.0\.0\.1:\d+", said)
        assert len(addresses) == 3, said
        yield Town(said, folder, *addresses)
        started.send_signal(signal.SIGINT)
        assert started.wait(120) == 0
    for address in addresses:
        with pytest.raises(urllib.error.URLError):
            urllib.request.urlopen(address, timeout=120)


def come_in(browser: Browser, town: Town, guest: int, **options: Any) -> tuple[Page, str]:
    """A page of a guest who came in, and the guest's label."""
    page = new_page(browser, **options)
    page.goto(town.network)
    button = page.locator("button.guest").nth(guest)
    label = str(button.get_attribute("value"))
    press(button)
    expect(page).to_have_url(f"{town.network}/feed")
    return page, label


class Seen(NamedTuple):
    """What one page suggests."""

    stand: str
    texts: list[str]
    why: list[str]


def seen(page: Page) -> Seen:
    """What is suggested on this page, with each reason as a reader opens it."""
    settled(page)
    cards = page.get_by_test_id("suggestions").locator("> li").all()
    for card in cards:
        card.get_by_text("Why am I seeing this?").click()
    assert cards
    return Seen(
        page.locator(".stand").inner_text(),
        [card.locator("h2, h3, button").first.inner_text() for card in cards],
        [card.locator("details p").inner_text() for card in cards],
    )


def look_around(page: Page, town: Town) -> dict[str, Seen]:
    """What is suggested to a member: content, jobs, and replies in their newest conversation."""
    found = {}
    for place in ("feed", "jobs"):
        page.goto(f"{town.network}/{place}")
        found[place] = seen(page)
    page.goto(f"{town.network}/messages")
    press(page.locator("main h2 a").first)
    found["replies"] = seen(page)
    return found


def settings(page: Page, town: Town) -> FrameLocator:
    """Byleave's settings in the network's page, signed in."""
    page.goto(f"{town.network}/settings")
    frame = page.frame_locator("iframe")
    press(frame.get_by_role("button", name="Sign in"))
    frame.get_by_role("button", name="Say no to everything").wait_for()
    return frame


def night(page: Page, town: Town) -> str:
    """Do the night's work as its button does; what it says it did."""
    page.goto(f"{town.network}/backstage")
    before = page.get_by_test_id("nights").inner_text()
    press(page.get_by_role("button", name="Do it now"), patience=5 * PATIENCE)
    after = page.get_by_test_id("nights").inner_text()
    return after.removesuffix(before)


def provider(town: Town) -> dict[str, Any]:
    """What the provider says it holds."""
    with urllib.request.urlopen(f"{town.provider}/state.json", timeout=120) as answer:
        return dict(json.load(answer))


def wait(until: Callable[[], bool]) -> None:
    """Ask again and again, two minutes at most."""
    for _ in range(1_200):
        if until():
            return
        threading.Event().wait(0.1)
    raise AssertionError("it did not happen")


def models(page: Page, town: Town) -> dict[str, str]:
    """The releases in service, and the beginning of each one's digest."""
    page.goto(f"{town.network}/backstage")
    lines = page.get_by_test_id("models").inner_text().splitlines()
    served = re.compile(r"(\S+) ([0-9a-f]{12}) in service")
    return {m[1]: m[2] for line in lines if (m := served.search(line))}


def saved(page: Page, name: str, act: Callable[[], None]) -> bytes:
    """The bytes of what a press downloads, under the name it was given."""
    with page.expect_download() as download:
        act()
    assert download.value.suggested_filename == name
    return Path(download.value.path()).read_bytes()


@pytest.mark.browser
def test_agree_be_used_look_leave_see_it_gone(browser: Browser, town: Town) -> None:
    """A member who says nothing is not looked at; who agrees is, with a reason each; who leaves is in
    no model that serves, to the very digests of before, the provider gave the rows back and signed,
    and the proof of absence verifies offline.
    """
    page, me = come_in(browser, town, 0)
    problems: list[str] = []
    page.on("console", lambda message: problems.append(message.text))

    # silence
    silent = look_around(page, town)
    for found in silent.values():
        assert "nothing of yours was looked at" in found.stand
        assert all(why.startswith("You have not said yes") for why in found.why)
    before = models(page, town)
    assert set(before) == {"jobs-1", "content-1", "replies-1"}
    wait(lambda: bool(provider(town)["packages"] == 1))
    held = provider(town)

    # agree
    frame = settings(page, town)
    expect(frame.locator("input:checked")).to_have_count(0)
    for question in range(3):
        form = frame.locator("form").filter(has_text="Save this choice").nth(question)
        for line in form.get_by_label("Yes, you may", exact=True).all():
            line.check()
        form.get_by_label("Also what you already hold").check()
        press(form.get_by_role("button", name="Save this choice"))
        frame.get_by_text("You said yes.").first.wait_for()
        press(frame.get_by_role("link", name="Change this"))
        frame.get_by_role("button", name="Say no to everything").wait_for()

    # be used
    done = night(page, town)
    for release in ("jobs-2", "content-2", "replies-2"):
        assert f"{release} is out" in done
    assert "offered to the provider" in done
    wait(lambda: bool(provider(town)["packages"] == 2))

    # look
    agreed = look_around(page, town)
    for kind, found in agreed.items():
        assert "From your own data, as you agreed" in found.stand, kind
        assert found.why[0].startswith("Because you said yes, and "), kind
    assert all(agreed[kind].texts != silent[kind].texts for kind in ("feed", "jobs"))
    frame = settings(page, town)
    press(frame.get_by_role("link", name="Where did my data go?"))
    expect(frame.locator("main")).to_contain_text(
        re.compile(r"replies-2:?\s+Your records are in it")
    )
    with byleave.open(town.folder / "byleave", read_only=True) as ws:
        assert {r["release"] for r in ws.release.trained_on(member=me)} == {
            "jobs-2",
            "content-2",
            "replies-2",
        }

    # leave
    frame = settings(page, town)
    press(frame.get_by_role("button", name="Say no to everything"))
    frame.get_by_text("You said no on").first.wait_for()
    left = look_around(page, town)
    for kind, found in left.items():
        assert "nothing of yours was looked at" in found.stand, kind
        assert all(why.startswith("You stopped this") for why in found.why), kind

    def told() -> bool:
        page.goto(f"{town.network}/backstage")
        return page.get_by_test_id("told").inner_text().count("withdrawal of train.") == 4

    wait(told)
    assert re.search(r"[1-9]\d* kept suggestions deleted", page.get_by_test_id("told").inner_text())

    # see it gone: models
    done = night(page, town)
    assert "rows unlearned" in done
    assert "rows recalled from the provider" in done
    after = models(page, town)
    served = {name.partition("-")[0]: digest for name, digest in before.items()}
    assert {after[f"{name}-3"] for name in served} == set(served.values())
    gone = look_around(page, town)
    assert {kind: found.texts for kind, found in gone.items()} == {
        kind: found.texts for kind, found in silent.items()
    }
    # ... the provider
    wait(lambda: any(line.endswith(".answer: sent") for line in provider(town)["lines"]))
    returned = provider(town)
    assert returned["recalled"] > 0
    assert returned["rows"] == 2 * held["rows"]
    with byleave.open(town.folder / "byleave", read_only=True) as ws:
        states = {d["disclosure"]: d["state"] for d in ws.disclosure.status()}
    assert states["package-2"] == "acknowledged"
    # ... and the member's own proof of it
    frame = settings(page, town)
    press(frame.get_by_role("link", name="Where did my data go?"))
    expect(frame.locator("main")).to_contain_text(re.compile(r"replies-3:?\s+Not in it"))
    with byleave.open(town.folder / "byleave", read_only=True) as ws:
        number = ws.member.ordinal(me)
    name = f"absence-{number}-replies-3.proof"
    link = frame.locator(f"a[href$='{name}']").first
    proof = saved(page, name, link.click)
    press(frame.get_by_role("link", name="receipt").first)
    private = frame.get_by_role("link", name="Save your private receipt")
    receipt = saved(page, "my.receipt", private.click)
    with urllib.request.urlopen(f"{town.portal}/trust.policy", timeout=120) as answer:
        trust = answer.read()
    assert verify(proof, trust, receipt).ok
    place = town.folder / "checked"
    place.mkdir()
    for file, data in (("absence.proof", proof), ("my.receipt", receipt), ("trust", trust)):
        (place / file).write_bytes(data)
    checked = subprocess.run(
        [BYLEAVE, "verify", "absence.proof", "--trust", "trust", "--receipt", "my.receipt"],
        cwd=place,
        capture_output=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout.decode() + checked.stderr.decode()
    assert problems == []
    page.context.close()


@pytest.mark.browser
def test_the_frame_is_byleaves_and_nobody_elses(browser: Browser, town: Town) -> None:
    """The network's policy allows one frame and no script; Byleave's allows the network alone to frame
    the settings, so that a page of another origin shows none.
    """
    page, _ = come_in(browser, town, 1)
    answer = page.goto(f"{town.network}/settings")
    assert answer is not None
    policy = answer.headers["content-security-policy"]
    assert f"frame-src {town.portal};" in policy
    assert "script-src" not in policy
    assert "unsafe" not in policy
    address = str(page.locator("iframe").get_attribute("src"))
    with urllib.request.urlopen(address, timeout=120) as framed:
        allowed = framed.headers["content-security-policy"]
    assert allowed.endswith(f"frame-ancestors {town.network}")
    other = page.context.new_page()
    other.goto(f"{town.provider}/")
    other.evaluate(
        "a => new Promise(done => {const f = document.createElement('iframe'); f.onload = done;"
        " f.src = a; document.body.append(f); setTimeout(done, 10000)})",
        address,
    )
    assert other.frame_locator("iframe").get_by_role("button", name="Sign in").count() == 0
    page.context.close()


@pytest.mark.browser
def test_a_guest_is_asked_once_at_the_moment_of_use(browser: Browser, town: Town) -> None:
    """Where suggestions are shown a guest is asked once, in the frame; "Not now" is no answer, and
    the page does not ask again, nor does another that asks the same.
    """
    page, me = come_in(browser, town, 1)
    page.goto(f"{town.network}/jobs")
    expect(page.get_by_role("heading", name="May this be made from your own data?")).to_be_visible()
    frame = page.frame_locator("iframe")
    press(frame.get_by_role("button", name="Sign in"))
    expect(frame.get_by_role("heading", name="Can your skills and roles train")).to_be_visible()
    expect(frame.locator("input:checked")).to_have_count(0)
    press(frame.get_by_role("button", name="Not now"))
    expect(frame.get_by_text("That is no answer, so we do not use this.")).to_be_visible()
    page.goto(f"{town.network}/jobs")
    expect(page.locator("iframe")).to_have_count(0)
    expect(page.locator(".stand")).to_contain_text("nothing of yours was looked at")
    framed = settings(page, town)
    expect(framed.get_by_text("You have not decided.").first).to_be_visible()
    expect(framed.get_by_text("You said", exact=False)).to_have_count(0)
    assert me
    page.context.close()


@pytest.mark.browser
def test_premium_writes_inmail_and_a_suggested_reply_is_sent(browser: Browser, town: Town) -> None:
    """Only a Premium member can write to somebody they are not connected to; pressing a suggestion
    sends it, and nobody else's conversation can be opened.
    """
    page, me = come_in(browser, town, 2)
    page.goto(f"{town.network}/messages")
    press(page.locator("main h2 a").first)
    conversation = page.url
    reply = page.get_by_test_id("suggestions").locator("button").first
    words = reply.inner_text()
    press(reply)
    assert page.locator(".talk .mine").last.inner_text().endswith(words)
    store = town.store()
    strangers = [
        row["id"]
        for row in store.ask("SELECT id FROM account ORDER BY rowid DESC")
        if row["id"] not in store.connections(me)
    ]
    page.goto(f"{town.network}/people/{strangers[0]}")
    expect(page.get_by_role("button", name="Send InMail")).to_have_count(0)
    page.goto(f"{town.network}/messages")
    assert page.locator("main .card p").first.inner_text() == words
    page.goto(f"{town.network}/people/{me}")
    press(page.get_by_role("button", name="Join Premium"))
    page.goto(f"{town.network}/people/{strangers[0]}")
    page.get_by_label(f"Write to {strangers[0]}").fill("May I ask you something?")
    press(page.get_by_role("button", name="Send InMail"))
    expect(page.locator("h1 .badge")).to_have_text("InMail")
    assert strangers[0] not in store.connections(me)
    stranger, _ = come_in(browser, town, 3)
    answer = stranger.goto(conversation)
    assert answer is not None
    assert answer.status == 404
    nowhere = stranger.goto(f"{town.network}/nowhere")
    assert nowhere is not None
    assert nowhere.status == 404
    expect(stranger.get_by_role("heading", name="Not here")).to_be_visible()
    expect(stranger.get_by_role("link", name="Jobs")).to_be_visible()
    for context in (page.context, stranger.context):
        context.close()


@pytest.mark.browser
@pytest.mark.parametrize(("width", "scheme"), [(360, "dark"), (1280, "light")])
def test_pages_are_in_order(browser: Browser, town: Town, width: int, scheme: Any) -> None:
    """On a phone in the dark and a screen in the light: axe finds no WCAG 2.2 AA fault, nothing
    overflows, no target is small, the console is silent.
    """
    page, me = come_in(
        browser, town, 4, viewport={"width": width, "height": 800}, color_scheme=scheme
    )
    messages: list[str] = []
    page.on("console", lambda message: messages.append(message.text))
    page.goto(f"{town.network}/messages")
    thread = str(page.locator("main h2 a").first.get_attribute("href"))
    places = ("/", "/feed", "/jobs", "/messages", thread, "/people", f"/people/{me}")
    ours = [town.network + place for place in (*places, "/settings", "/backstage")]
    for place in (*ours, f"{town.provider}/"):
        page.goto(place)
        assert overflow(page) <= 0, place
        assert small_targets(page) == [], place
        assert axe_faults(page, frames=False) == [], place
        if shots := os.environ.get("BYLEAVE_SHOTS"):
            name = re.sub(r"\W+", "-", place.partition("//")[2].partition("/")[2])[:12] or "first"
            name += "-provider" if place.startswith(town.provider) else ""
            page.screenshot(path=f"{shots}/{name}-{width}-{scheme}.png", full_page=True)
    assert messages == []
    page.context.close()


def refused(request: urllib.request.Request) -> int:
    """The status of an answer that is a refusal."""
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(request, timeout=120)
    caught.value.close()
    return caught.value.code


def test_a_message_without_a_good_signature_is_not_heard(town: Town) -> None:
    """Whoever knows the webhook's address cannot make the network believe a withdrawal."""
    request = urllib.request.Request(
        f"{town.network}/hooks/byleave",
        data=b'{"type":"choice.no","data":{"member":"x","kind":"withdrawal","scope":"train/*/*"}}',
        headers={"webhook-id": "forged-1", "webhook-timestamp": "1", "webhook-signature": "v1,AA="},
    )
    assert refused(request) == 401
    assert town.store().one("SELECT id FROM told WHERE id = 'forged-1'") is None


def test_acts_from_other_sites_are_refused(town: Town) -> None:
    """A form on another site cannot act in the network: the origin has to be its own."""
    for path in ("/sign-in", "/premium", "/night", "/sign-out"):
        for origin in ({}, {"origin": town.provider}):
            request = urllib.request.Request(town.network + path, data=b"x=1", headers=origin)
            assert refused(request) == 403, path


def test_the_network_knows_byleave_by_its_api_alone() -> None:
    """The network's own modules import of Byleave the client alone, its night's job too, and the
    provider what a recipient has; what starts them makes the provider's folder and opens no workspace.
    """
    allowed = {
        "web": {"byleave.client"},
        "network": {"byleave.client"},
        "store": set(),
        "cast": set(),
        "texts": set(),
        "provider": {"byleave.errors", "byleave.recipient"},
        "night": {"byleave.client"},
        "start": {"byleave.recipient"},
    }
    for module, may in allowed.items():
        tree = ast.parse((ROOT / "examples" / "network" / f"{module}.py").read_text("utf-8"))
        used = {
            name
            for node in ast.walk(tree)
            for name in (
                [alias.name for alias in node.names]
                if isinstance(node, ast.Import)
                else [node.module or ""]
                if isinstance(node, ast.ImportFrom) and not node.level
                else []
            )
            if name.split(".")[0] == "byleave"
        }
        assert used <= may, module


@pytest.mark.browser
def test_it_says_at_once_what_is_real(browser: Browser, town: Town) -> None:
    """The command and every page say whether the rows are of the published sets or generated; what was
    made here is called so.
    """
    page, me = come_in(browser, town, 5)
    kind = town.store().fact("origin")
    assert kind == ("real" if REAL else "generated")
    first = "real rows of published sets" if REAL else "NO REAL DATA FOUND: all rows are generated"
    assert town.said.startswith(first)
    note = "An example. Rows are of published" if REAL else "every row, name and text is generated"
    for place in ("/", "/feed", "/jobs", "/messages", "/people", f"/people/{me}", "/settings"):
        page.goto(town.network + place)
        assert note in page.locator("aside").inner_text(), place
    page.goto(town.network)
    main = page.locator("main").inner_text()
    assert ("Made here. Nobody is in two of the sets" in main) == REAL
    assert ("The data sets were not found" in main) != REAL
    page.context.close()


def test_without_the_sets_no_row_looks_like_one_of_them(tmp_path: Path) -> None:
    """Generated accounts, texts, skills and items carry the word in their names; none is of a set."""
    store = Store(tmp_path / "network.sqlite")
    fill(store, None, threads=60)
    assert store.fact("origin") == "generated"
    names = [row["id"] for row in store.ask("SELECT id FROM account")]
    items = [row["item"] for row in store.ask("SELECT DISTINCT item FROM has")]
    threads = [row["thread"] for row in store.ask("SELECT DISTINCT thread FROM message")]
    assert names
    assert all(name.startswith("generated") for name in (*names, *items, *threads))


def test_a_no_forgets_what_it_covers_once(tmp_path: Path) -> None:
    """A no about a purpose deletes what was shown for it and below it, of that member alone; the same
    message again changes nothing.
    """
    store = Store(tmp_path / "network.sqlite")
    for who in ("a", "b"):
        for purpose in ("train.ranking.jobs", "train.ranking.content", "train.rank"):
            store.remember(who, purpose, ["x"])
    heard = {"member": "a", "kind": "withdrawal", "scope": "train.ranking/*/platform"}
    assert store.hear("m-1", heard)
    assert not store.hear("m-1", heard)
    left = store.ask("SELECT account, purpose FROM shown WHERE account = 'a'")
    assert [row["purpose"] for row in left] == ["train.rank"]
    assert store.hear("m-2", heard | {"scope": "*/*/*"})
    assert {row["account"] for row in store.ask("SELECT account FROM shown")} == {"b"}


def test_guests_have_said_nothing(tmp_path: Path) -> None:
    """What was drawn for others is drawn for none of those whom a reader may come in as."""
    store = Store(tmp_path / "network.sqlite")
    fill(store, None, threads=60)
    guests = {
        row["id"] for row in store.ask("SELECT id FROM account ORDER BY rowid LIMIT ?", GUESTS)
    }
    said = {member for member, _, _ in choices(store)}
    assert len(guests) == GUESTS
    assert said
    assert not said & guests
    assert list(choices(store)) == list(choices(store))
