"""The checking page, the auditor's, the recipient's and the public report in a real browser."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, expect

import byleave
from byleave.pages import check
from tests.browsing import axe_faults, new_page, overflow, press, shows, small_targets
from tests.portal.served import listening
from tests.recipients import HOST, Site, make_site

pytestmark = pytest.mark.browser

FACES = {
    "/audit": ("auditor", "alex"),
    "/audit/log?kind=gate/v1": ("auditor", "alex"),
    "/audit/log/3": ("auditor", "alex"),
    "/recipient": ("recipient", HOST),
    "/transparency": None,
    "/check": None,
}


@dataclass(frozen=True, slots=True)
class Stage:
    """A served workspace, with files that a person would have."""

    base: str
    link: Callable[[str, str], str]
    trust: Path
    proof: Path
    member: str
    index: int

    def enter(self, browser: Browser, who: tuple[str, str] | None, **options: Any) -> Page:
        """A page of somebody who has signed in, where they need to."""
        page = new_page(browser, **options)
        if who is not None:
            page.goto(self.link(*who))
            press(page.get_by_role("button", name="Sign in"))
        return page


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    site: Site = make_site(tmp_path_factory.mktemp("faces") / "site").delivered()
    site.withdraw(site.agreed[0], days=1)
    path = site.root / "ws"
    with byleave.open(path, now=lambda: site.at(days=1, hours=1)) as ws:
        gate, gated = ws.gate.run("messages", "train.generative.replies/messages/platform")
        ws.snapshot.seal(gate, gated=gated)
        proof = ws.proof.make_named("disclosure", site.package)
        index = ws.consent.history(site.agreed[0])[-1].index
    with listening(path, site.at(days=2)) as (base, link):
        yield Stage(base, link, path / "trust.policy", proof, site.agreed[0], index)


@pytest.mark.parametrize(("width", "scheme"), [(360, "dark"), (1280, "light")])
def test_the_faces_are_quiet_narrow_and_accessible(
    browser: Browser, stage: Stage, width: int, scheme: Any
) -> None:
    """No console message, no sideways scrolling, no small target, nothing that axe finds."""
    pages: dict[tuple[str, str] | None, Page] = {}
    for path, who in FACES.items():
        if who not in pages:
            pages[who] = stage.enter(
                browser, who, viewport={"width": width, "height": 800}, color_scheme=scheme
            )
        page = pages[who]
        messages: list[str] = []
        page.on("console", partial(_note, messages))
        page.goto(f"{stage.base}{path}")
        assert overflow(page) <= 0, path
        if width < 400:
            assert small_targets(page) == [], path
        assert axe_faults(page) == [], path
        assert messages == [], path
    for page in pages.values():
        page.context.close()


def _note(messages: list[str], message: ConsoleMessage) -> None:
    messages.append(message.text)


@pytest.mark.parametrize("saved", [False, True], ids=["served", "saved"])
def test_a_proof_is_checked_in_the_browser(
    browser: Browser, stage: Stage, tmp_path: Path, saved: bool
) -> None:
    """A proof and a trust file that are chosen are checked where they are, also by the saved page
    without a network; a changed proof does not hold, and without a trust file nothing is checked.
    """
    page = new_page(browser, offline=saved)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    file = tmp_path / check.SAVED_NAME
    file.write_text(check.saved(), encoding="utf-8")
    page.goto(file.as_uri() if saved else f"{stage.base}/check")
    expect(page.locator("#check-without")).to_be_hidden()
    before = len(asked)
    page.set_input_files("#proof", stage.proof)
    page.get_by_role("button", name="Check it", exact=True).click()
    result = page.locator("#check-result")
    expect(result).to_contain_text("Choose or paste a trust file first.")
    page.locator("#pasted").fill(stage.trust.read_text())
    page.get_by_role("button", name="Check it", exact=True).click()
    expect(result.locator("h2")).to_have_text("It holds")
    expect(result.locator("li")).to_have_count(7)
    other = tmp_path / "other.proof"
    other.write_bytes(stage.proof.read_bytes().replace(b'"recall_days":', b'"recall_dayz":', 1))
    page.set_input_files("#proof", other)
    page.get_by_role("button", name="Check it", exact=True).click()
    expect(result.locator("h2")).to_have_text("It does not hold")
    expect(result.locator("ol")).to_be_visible()
    assert len(asked) == before
    page.context.close()


def test_a_member_checks_a_proof_from_the_link_beside_it(browser: Browser, stage: Stage) -> None:
    """From the record of a choice one link opens the checking page with that proof loaded."""
    page = stage.enter(browser, ("member", stage.member))
    page.goto(f"{stage.base}/me/choices/{stage.index}")
    press(page.get_by_role("link", name="Check it here").first)
    expect(page.locator("#check-linked")).to_contain_text(".proof")
    page.set_input_files("#trust", stage.trust)
    page.get_by_role("button", name="Check it", exact=True).click()
    expect(page.locator("#check-result h2")).to_have_text("It holds")
    page.context.close()


def test_without_scripts_the_page_says_what_to_do(browser: Browser, stage: Stage) -> None:
    """With scripts off the form is not shown, and the command is."""
    page = new_page(browser, java_script_enabled=False)
    page.goto(f"{stage.base}/check")
    expect(page.get_by_text("This page needs JavaScript")).to_be_visible()
    expect(page.get_by_text("byleave verify my.proof")).to_be_visible()
    expect(page.get_by_role("button", name="Check it", exact=True)).to_be_hidden()
    page.context.close()


def _with_alt(page: Page, key: str, *, shift: bool = False) -> None:
    """Press a key with the browser's modifier, as a keyboard sends it: with its text."""
    pressed = {
        "modifiers": 1 + 8 * shift,
        "key": key,
        "code": "Slash",
        "windowsVirtualKeyCode": 191,
        "unmodifiedText": key,
    }
    session = page.context.new_cdp_session(page)
    for kind in ("keyDown", "keyUp"):
        session.send("Input.dispatchKeyEvent", {"type": kind, **pressed})
    session.detach()


def test_two_keys_lead_to_the_search_and_to_help(browser: Browser, stage: Stage) -> None:
    """O4: with the browser's own key for them `/` is in the search and `?` at the help, without
    scripts; alone, which WCAG 2.1.4 would have switched off, they do nothing.
    """
    page = stage.enter(browser, ("auditor", "alex"), java_script_enabled=False)
    page.goto(f"{stage.base}/audit/log")
    page.keyboard.press("/")
    page.keyboard.press("Shift+/")
    expect(page.locator("#find")).not_to_be_focused()
    expect(page).to_have_url(f"{stage.base}/audit/log")
    _with_alt(page, "/")
    expect(page.locator("#find")).to_be_focused()
    _with_alt(page, "?", shift=True)
    expect(page.locator("#help")).to_be_in_viewport()
    expect(page).to_have_url(re.compile("#help$"))
    page.context.close()


def test_an_auditor_reads_searches_and_checks(browser: Browser, stage: Stage) -> None:
    """An auditor follows the log to an entry and its proof, and checks a proof by upload, without
    scripts and on a phone.
    """
    page = stage.enter(
        browser,
        ("auditor", "alex"),
        java_script_enabled=False,
        viewport={"width": 360, "height": 800},
    )
    page.goto(f"{stage.base}/audit")
    press(page.get_by_role("link", name="Read the log"))
    page.get_by_label("Kind").select_option("disclosure/v1")
    press(page.get_by_role("button", name="Search"))
    press(page.get_by_role("table").get_by_role("link").first)
    shows(page, "disclosure/v1")
    with page.expect_download() as saved:
        page.get_by_role("link", name="Save the proof of inclusion").click()
    assert Path(saved.value.path()).read_bytes().startswith(b"c2sp.org/tlog-proof@v1\n")
    page.goto(f"{stage.base}/audit")
    page.set_input_files("#proof", stage.proof)
    press(page.get_by_role("button", name="Check it here"))
    shows(page, "It holds")
    page.context.close()
