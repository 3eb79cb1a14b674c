"""The pages in a real browser: no console message, no overflow, reachable by keyboard, axe clean."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from byleave.pages.link import link_token
from byleave.pages.receipt import receipt_file
from byleave.pages.report import render_report
from byleave.portal import create_app
from tests.browsing import axe_faults, new_page, overflow, small_targets
from tests.portal.answering import answering
from tests.portal.facts import (
    KEY,
    NOW,
    HandBuilt,
    receipt_frame,
    receipt_view,
    report_facts,
)

pytestmark = pytest.mark.browser

PAGES = ("public", "policy", "release", "member", "receipt", "report", "receipt-file")


@pytest.fixture(scope="module")
def addresses(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """A portal on a free port of loopback, and the report as a file."""
    report = tmp_path_factory.mktemp("report") / "report.html"
    report.write_text(render_report(report_facts()), encoding="utf-8")
    receipt = report.with_name("receipt.html")
    receipt.write_text(receipt_file(receipt_frame(), receipt_view()), encoding="utf-8")
    token = link_token(KEY, 0, NOW + timedelta(days=1))
    with answering(
        lambda _: nullcontext(create_app(HandBuilt(), demo=True)), lifespan="off"
    ) as base:
        yield {
            "public": f"{base}/",
            "policy": f"{base}/policies/privacy-policy/2",
            "release": f"{base}/releases/replies-2",
            "member": f"{base}/m/{token}",
            "receipt": f"{base}/m/{token}/receipt",
            "report": report.as_uri(),
            "receipt-file": receipt.as_uri(),
        }


class Watched:
    """A page that writes down what the browser complains of and what it fetches."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.messages: list[str] = []
        self.fetched: list[str] = []
        self.page.on("console", lambda m: self.messages.append(m.text))
        self.page.on("pageerror", lambda e: self.messages.append(str(e)))
        self.page.on("request", lambda r: self.fetched.append(r.url))


@pytest.mark.parametrize("script", [True, False], ids=["script", "no-script"])
@pytest.mark.parametrize("width", [320, 1280])
@pytest.mark.parametrize("name", PAGES)
def test_quiet_and_within_the_window(
    browser: Browser, addresses: dict[str, str], name: str, width: int, script: bool
) -> None:
    """No console or CSP message, nothing from elsewhere, no sideways scrolling, scripts on or off."""
    watched = Watched(
        new_page(browser, viewport={"width": width, "height": 800}, java_script_enabled=script)
    )
    watched.page.goto(addresses[name])
    assert overflow(watched.page) <= 0
    assert watched.messages == []
    origin = addresses[name].split("/", 3)[:3]
    assert [url for url in watched.fetched if url.split("/", 3)[:3] != origin] == []
    watched.page.context.close()


@pytest.mark.parametrize("name", PAGES)
def test_the_first_tab_skips_to_the_content(
    browser: Browser, addresses: dict[str, str], name: str
) -> None:
    """O4: Tab shows the skip link in the window; Enter on it puts the focus on the content."""
    page = new_page(browser, viewport={"width": 1280, "height": 800})
    page.goto(addresses[name])
    page.keyboard.press("Tab")
    skip = page.locator(".skip[href='#content']")
    expect(skip).to_be_in_viewport()
    expect(skip).to_be_focused()
    outline = skip.evaluate("e => getComputedStyle(e).outlineWidth")
    assert float(outline.removesuffix("px")) >= 2
    page.keyboard.press("Enter")
    expect(page.locator("#content")).to_be_focused()
    page.context.close()


@pytest.mark.parametrize("name", PAGES)
def test_targets_are_large_enough(browser: Browser, addresses: dict[str, str], name: str) -> None:
    """Every link and control that stands by itself is at least 44 px tall on a phone."""
    page = new_page(browser, viewport={"width": 360, "height": 740})
    page.goto(addresses[name])
    assert small_targets(page) == []
    page.context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 1280])
@pytest.mark.parametrize("name", PAGES)
def test_axe_finds_nothing(
    browser: Browser, addresses: dict[str, str], name: str, width: int, scheme: Any
) -> None:
    """F5: axe-core, with our policy on, finds no WCAG 2.2 AA fault in light and dark, wide and narrow."""
    page = new_page(browser, viewport={"width": width, "height": 800}, color_scheme=scheme)
    page.goto(addresses[name])
    assert axe_faults(page) == []
    page.context.close()


@pytest.mark.parametrize("width", [320, 1280])
@pytest.mark.parametrize("name", PAGES)
def test_pages_mirror_for_a_script_from_right_to_left(
    browser: Browser, addresses: dict[str, str], name: str, width: int
) -> None:
    """F5: with the direction turned nothing overflows or leaves the window, and axe finds nothing."""
    page = new_page(browser, viewport={"width": width, "height": 800})
    page.goto(addresses[name])
    page.evaluate("document.documentElement.dir = 'rtl'")
    assert overflow(page) <= 0
    assert page.locator("h1").first.evaluate("e => getComputedStyle(e).direction") == "rtl"
    inside = """[...document.querySelectorAll('main *')].filter(e => {
      const box = e.getBoundingClientRect();
      const scrolls = e.closest('.scroll, .unseen, svg, pre, .command');
      return !scrolls && box.width > 0 && (box.left < -1 || box.right > innerWidth + 1);
    }).map(e => e.outerHTML.slice(0, 120))"""
    assert page.evaluate(inside) == []
    assert axe_faults(page, best_practice=False) == []
    page.context.close()


def test_print_opens_the_tables(browser: Browser, addresses: dict[str, str]) -> None:
    """On paper the table behind each chart is open, and the site's navigation is gone."""
    page = new_page(browser, viewport={"width": 1280, "height": 800})
    page.goto(addresses["report"])
    table = page.locator(".figure details table").first
    hidden = "e => e.checkVisibility({contentVisibilityAuto: true})"
    assert not table.evaluate(hidden)
    page.emulate_media(media="print")
    assert table.evaluate(hidden)
    expect(page.locator(".contents")).to_be_hidden()
    expect(page.locator("summary").first).to_be_hidden()
    page.context.close()


@pytest.mark.parametrize(("width", "shown"), [(1280, "wide"), (320, "narrow")])
def test_one_drawing_is_shown(
    browser: Browser, addresses: dict[str, str], width: int, shown: str
) -> None:
    """Each chart shows the drawing for the width it has, and only that."""
    page = new_page(browser, viewport={"width": width, "height": 800})
    page.goto(addresses["report"])
    visible = page.evaluate(
        "[...document.querySelectorAll('svg.chart')].filter(e => e.checkVisibility())"
        ".map(e => e.classList[1])"
    )
    assert visible == [shown] * 6
    page.context.close()


def test_dark_mode_recolours_the_charts(browser: Browser, addresses: dict[str, str]) -> None:
    """The same bar has another colour in the dark scheme than in the light one."""
    seen = set()
    for scheme in ("light", "dark"):
        page = new_page(browser, color_scheme=scheme)
        page.goto(addresses["report"])
        bar = page.locator("svg.chart .f-accent").first
        seen.add(bar.evaluate("e => getComputedStyle(e).fill"))
        page.context.close()
    assert len(seen) == 2


def test_a_proof_is_saved_by_a_click(browser: Browser, addresses: dict[str, str]) -> None:
    """Clicking a proof on the member's page saves a file of its name, scripts off."""
    page = new_page(browser, java_script_enabled=False)
    page.goto(addresses["member"])
    with page.expect_download() as saved:
        page.locator('a[href$="absence-1-replies-2.proof"]').first.click()
    assert saved.value.suggested_filename == "absence-1-replies-2.proof"
    assert Path(saved.value.path()).read_bytes() == b"absence-1-replies-2"
    page.context.close()
