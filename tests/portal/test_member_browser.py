"""A member's pages in a real browser, in German and English, from asking to being erased."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, expect

import byleave
from tests.browsing import axe_faults, overflow, press, shows, small_targets
from tests.portal.living import Living, living
from tests.unit.service.small import ASK, Grown, grow

pytestmark = pytest.mark.browser

PAGES = (
    "", "/settings", "/messages", "/changes", "/questions", "/requests", "/erase", "/receipt",
    f"/ask/{ASK}",
)  # fmt: skip


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
        expect(page.locator("html")).to_have_attribute("lang", locale[:2])
        assert overflow(page) <= 0, place
        assert small_targets(page) == [], place
        assert axe_faults(page) == [], place
    assert messages == []
    page.context.close()


def test_a_member_changes_the_language_and_their_mind(
    browser: Browser, stage: Living, grown: Grown
) -> None:
    """Without scripts: German by one click, kept from page to page; yes and no in equal clicks."""
    member = grown.silent[0]
    page = stage.enter(browser, "member", member, locale="en-GB", java_script_enabled=False)
    press(page.get_by_role("link", name="Deutsch"))
    shows(page, "Ihre Daten und unsere Modelle", within="h1")
    clicks = {}
    for answer, words in [
        ("Ja, Sie dürfen", "Sie haben Ja gesagt."),
        ("Nein, Sie dürfen nicht", "Sie haben das gestoppt."),
    ]:
        page.goto(f"{stage.base}/me")
        done = 0
        for act, control in (
            (press, page.get_by_role("link", name="Meine Entscheidungen", exact=True)),
            (Locator.click, page.get_by_label(answer, exact=True).first),
            (press, page.get_by_role("button", name="Diese Entscheidung speichern").first),
        ):
            act(control)
            done += 1
        shows(page, words)
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
    press(later)
    expect(page.get_by_text("You said “not now” on")).to_be_visible()
    expect(page.get_by_text("We do not ask again before")).to_be_visible()
    press(page.get_by_role("link", name="Change my choices"))
    expect(page.get_by_text("You have not decided.").first).to_be_visible()
    expect(page.get_by_text("You said no", exact=False)).to_have_count(0)
    page.context.close()


def test_a_member_takes_everything_and_is_erased(
    browser: Browser, stage: Living, grown: Grown
) -> None:
    """One click downloads all; erasing needs a tick, says what it did, and signs out."""
    member = grown.silent[1]
    page = stage.enter(browser, "member", member, java_script_enabled=False)
    press(page.get_by_role("link", name="My rights"))
    with page.expect_download() as saved:
        page.get_by_role("link", name="Download everything").click()
    with zipfile.ZipFile(Path(saved.value.path())) as file:
        assert "README.txt" in file.namelist()
    press(page.get_by_role("link", name="See what goes and what stays"))
    expect(page.get_by_label("Yes, erase everything about me")).not_to_be_checked()
    press(page.get_by_role("button", name="Erase me"))
    shows(page, "Nothing was erased.")
    page.get_by_label("Yes, erase everything about me").check()
    press(page.get_by_role("button", name="Erase me"))
    shows(page, "You have been erased", within="h1")
    page.goto(f"{stage.base}/me")
    shows(page, "You are not signed in", within="h1")
    with byleave.open(stage.path, read_only=True) as ws, pytest.raises(byleave.errors.InputError):
        ws.member.ordinal(member)
    page.context.close()
