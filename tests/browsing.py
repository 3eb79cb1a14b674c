"""A real browser for tests: started in one way, patient, and read only when a page is there.

`click()` returns when the browser has begun to go to another page, not when that page is there:
who reads then reads the old page, an empty one or half of one, as the machine happens to be fast.
So what leads to another page is pressed with `press`, what a page shows is waited for (`shows`,
or Playwright's `expect`), and what is measured is measured on a page that has loaded.
`tests/slow_pages.py` makes a test that forgets it fail for certain.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from playwright.sync_api import (
    Browser,
    Frame,
    Locator,
    Page,
    ProxySettings,
    expect,
    sync_playwright,
)

from tests.slow_pages import pause_asked_for, slow_pages

__all__ = [
    "PATIENCE",
    "axe_faults",
    "launched",
    "new_page",
    "overflow",
    "press",
    "settled",
    "shows",
    "small_targets",
]

PATIENCE: Final = 60_000
"""How long a test waits for anything in a browser, in milliseconds: two busy cores are slow."""

_AXE: Final = Path(__file__).parent / "portal" / "vendor" / "axe.min.js"
_AXE_SHA256: Final = "29348999450cdf2849a8e70b7912fc2da85a849da39c0d0d5394f51d4a9ed95c"
_AXE_RUN: Final = """
([runOnly, iframes]) =>
  axe.run(document, {runOnly, iframes, rules: {'target-size': {enabled: true}}})
    .then(r => r.violations.map(v => [v.id, v.nodes.map(n => n.html.slice(0, 160))]))
"""
_OVERFLOW: Final = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
# Text links inside a sentence need not be 44 px tall (WCAG 2.5.8, exception "inline").
_SMALL_TARGETS: Final = """
[...document.querySelectorAll('a, button, summary')].filter(e => {
  if (e.classList.contains('skip')) return false;
  const inline = getComputedStyle(e).display === 'inline' && e.closest('p, li, dd, h3');
  const box = e.getBoundingClientRect();
  return !inline && box.height > 0 && box.height < 44;
}).map(e => e.outerHTML.slice(0, 120))
"""


@contextmanager
def launched(program: str, *, pause: float | None = None) -> Iterator[Browser]:
    """Start a browser.

    Args:
        program: Chromium.
        pause: Seconds of each pause of a document (`slow_pages`); without it, what the
            environment asks for.
    """
    held = pause_asked_for() if pause is None else pause
    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as playwright, _proxy(held) as proxy:
        started = playwright.chromium.launch(
            executable_path=program, args=["--no-sandbox"], proxy=proxy, timeout=2 * PATIENCE
        )
        try:
            yield started
        finally:
            started.close()


@contextmanager
def _proxy(pause: float) -> Iterator[ProxySettings | None]:
    if not pause:
        yield None
        return
    with slow_pages(pause) as address:
        yield {"server": address}


def new_page(browser: Browser, **options: Any) -> Page:
    """Return an empty page of its own context, which waits `PATIENCE` for anything.

    Args:
        browser: The browser.
        options: Of the context, as `viewport` or `java_script_enabled`.
    """
    context = browser.new_context(**options)
    context.set_default_timeout(PATIENCE)
    return context.new_page()


def press(control: Locator, *, patience: float = PATIENCE) -> None:
    """Click on what leads to another page, and wait until that page has loaded.

    For a link or a button of the page, or of a frame in it, whose page it then is that changes.

    Args:
        control: What is clicked.
        patience: How long the other page may take, in milliseconds.
    """
    control.wait_for()
    frame = control.element_handle().owner_frame() or control.page.main_frame
    with frame.expect_navigation(wait_until="load", timeout=patience):
        control.click()
    settled(frame)


def shows(page: Page, words: str, *, within: str = "main") -> None:
    """Wait until a part of the page shows these words to its reader."""
    expect(page.locator(within)).to_contain_text(words, use_inner_text=True)


def settled(page: Page | Frame) -> None:
    """Wait until the page has loaded and has something in it."""
    page.wait_for_load_state("load")
    expect(page.locator("html > body")).to_be_attached()


def overflow(page: Page) -> int:
    """Return by how many pixels the page is wider than the window."""
    settled(page)
    return int(page.evaluate(_OVERFLOW))


def small_targets(page: Page) -> list[str]:
    """Return the beginnings of links and controls that stand alone and are under 44 px tall."""
    settled(page)
    return list(page.evaluate(_SMALL_TARGETS))


def axe_faults(
    page: Page, *, best_practice: bool = True, frames: bool = True
) -> list[tuple[str, list[str]]]:
    """Return what axe-core finds against WCAG 2.2 A and AA: each rule and the elements.

    Args:
        page: The page, whose own policy stays in force.
        best_practice: Ask for axe's own advice too.
        frames: Look into frames.
    """
    settled(page)
    source = _AXE.read_bytes()
    assert hashlib.sha256(source).hexdigest() == _AXE_SHA256
    page.evaluate(source.decode("utf-8"))
    rules = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
    found = page.evaluate(_AXE_RUN, [[*rules, *["best-practice"] * best_practice], frames])
    return [(rule, nodes) for rule, nodes in found]
