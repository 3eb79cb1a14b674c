"""A member's pages in a real browser, in German and English, from asking to being erased."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

import byleave
from tests.portal.living import Living, living
from tests.portal.test_browser import AXE, AXE_SHA256, OVERFLOW, SMALL_TARGETS
from tests.unit.service.small import ASK, Grown, grow

pytestmark = pytest.mark.browser

PAGES = (
    "", "/settings", "/messages", "/changes", "/questions", "/requests", "/erase", "/receipt",
    f"/ask/{ASK}",
)  # fmt: skip


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture(scope="module")
def grown(tmp_path_factory: pytest.TempPathFactory) -> Grown:
    return grow(tmp_path_factory.mktemp("living") / "workspace")


@pytest.fixture(scope="module")
def stage(grown: Grown) -> Iterator[Living]:
    with living(grown.path) as served:
        yield served


@pytest.mark.parametrize("who", ["withdrew", "silent"])
@pytest.mark.parametrize(
    ("locale", "width", "scheme"), [("de-DE", 320, "light"), ("en-GB", 1280, "dark")]
)
def test_every_page_of_a_member_is_in_order(
    browser: Browser, stage: Living, grown: Grown, locale: str, width: int, scheme: Any, who: str
) -> None:
    """Axe finds no WCAG 2.2 AA fault, nothing overflows, no target is small, in both languages."""
    places = PAGES if who == "withdrew" else ("/settings", f"/ask/{ASK}")
    source = AXE.read_bytes()
    assert hashlib.sha256(source).hexdigest() == AXE_SHA256
    page = stage.enter(
        browser,
        "member",
        grown.withdrew[0] if who == "withdrew" else grown.silent[3],
        locale=locale,
        viewport={"width": width, "height": 800},
        color_scheme=scheme,
    )
    messages: list[str] = []
    page.on("console", lambda message: messages.append(message.text))
    for place in places:
        page.goto(f"{stage.base}/me{place}")
        assert page.locator("html").get_attribute("lang") == locale[:2]
        assert page.evaluate(OVERFLOW) <= 0, place
        assert page.evaluate(SMALL_TARGETS) == [], place
        page.evaluate(source.decode("utf-8"))
        found = page.evaluate(
            """axe.run(document, {
              runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'],
              rules: {'target-size': {enabled: true}},
            }).then(r => r.violations.map(v => [v.id, v.nodes.map(n => n.html.slice(0, 160))]))"""
        )
        assert found == [], place
    assert messages == []
    page.context.close()


def test_a_member_changes_the_language_and_their_mind(
    browser: Browser, stage: Living, grown: Grown
) -> None:
    """Without scripts: German by one click, kept from page to page; yes and no in equal clicks."""
    member = grown.silent[0]
    page = stage.enter(browser, "member", member, locale="en-GB", java_script_enabled=False)
    page.get_by_role("link", name="Deutsch").click()
    assert "Ihre Daten und unsere Modelle" in page.inner_text("h1")
    clicks = {}
    for answer, words in [
        ("Ja, Sie dürfen", "Sie haben Ja gesagt."),
        ("Nein, Sie dürfen nicht", "Sie haben das gestoppt."),
    ]:
        page.goto(f"{stage.base}/me")
        done = 0
        for step in (
            page.get_by_role("link", name="Meine Entscheidungen", exact=True),
            page.get_by_label(answer, exact=True).first,
            page.get_by_role("button", name="Diese Entscheidung speichern").first,
        ):
            step.click()
            done += 1
        assert words in page.inner_text("main")
        clicks[answer] = done
    assert len(set(clicks.values())) == 1
    page.context.close()


def test_a_question_in_context_is_put_off(browser: Browser, stage: Living, grown: Grown) -> None:
    """Without scripts: yes, no and "Not now" stand on one page, nothing chosen before, the buttons
    alike; "Not now" is one click, no answer, and the page says until when it is not asked again.
    """
    page = stage.enter(
        browser, "member", grown.silent[2], locale="en-GB", java_script_enabled=False
    )
    page.goto(f"{stage.base}/me/ask/{ASK}")
    expect(page.locator("input:checked")).to_have_count(0)
    expect(page.get_by_label("Yes, you may", exact=True)).to_have_count(2)
    expect(page.get_by_label("No, you may not", exact=True)).to_have_count(2)
    save = page.get_by_role("button", name="Save this choice")
    later = page.get_by_role("button", name="Not now")
    classes = [button.get_attribute("class") for button in (save, later)]
    assert classes[0] == classes[1]
    heights = [box["height"] for button in (save, later) if (box := button.bounding_box())]
    assert heights[0] == heights[1]
    later.click()
    expect(page.get_by_text("You said “not now” on")).to_be_visible()
    expect(page.get_by_text("We do not ask again before")).to_be_visible()
    page.get_by_role("link", name="Change my choices").click()
    expect(page.get_by_text("You have not decided.").first).to_be_visible()
    expect(page.get_by_text("You said no", exact=False)).to_have_count(0)
    page.context.close()


def test_a_member_takes_everything_and_is_erased(
    browser: Browser, stage: Living, grown: Grown
) -> None:
    """One click downloads all; erasing needs a tick, says what it did, and signs out."""
    member = grown.silent[1]
    page = stage.enter(browser, "member", member, java_script_enabled=False)
    page.get_by_role("link", name="My rights").click()
    with page.expect_download() as saved:
        page.get_by_role("link", name="Download everything").click()
    with zipfile.ZipFile(Path(saved.value.path())) as file:
        assert "README.txt" in file.namelist()
    page.get_by_role("link", name="See what goes and what stays").click()
    assert not page.get_by_label("Yes, erase everything about me").is_checked()
    page.get_by_role("button", name="Erase me").click()
    assert "Nothing was erased." in page.inner_text("main")
    page.get_by_label("Yes, erase everything about me").check()
    page.get_by_role("button", name="Erase me").click()
    assert "You have been erased" in page.inner_text("h1")
    page.goto(f"{stage.base}/me")
    assert "You are not signed in" in page.inner_text("h1")
    with byleave.open(stage.path, read_only=True) as ws, pytest.raises(byleave.errors.InputError):
        ws.member.ordinal(member)
    page.context.close()
