"""Signing in at a provider, and out of it, in a real browser."""

from __future__ import annotations

import hashlib
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
import uvicorn
from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright

import byleave
from byleave.portal.answers import WorkspaceAnswers
from byleave.portal.app import create_app
from byleave.portal.desk import make_desk
from tests.portal.test_browser import AXE, AXE_SHA256, OVERFLOW, SMALL_TARGETS
from tests.portal.test_oidc import ProviderProcess, make_workspace, settings

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a portal whose people sign in at a provider."""
    provider = ProviderProcess()
    path = tmp_path_factory.mktemp("door") / "ws"
    make_workspace(path, settings(provider.issuer))
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    address = f"http://127.0.0.1:{listener.getsockname()[1]}"
    server: list[uvicorn.Server] = []

    def run() -> None:  # the thread that opens the workspace is the one that reads it
        with byleave.open(path, read_only=True) as reader:
            desk = make_desk(reader, site=address)
            app = create_app(WorkspaceAnswers(reader), demo=False, desk=desk)
            server.append(uvicorn.Server(uvicorn.Config(app, log_level="error", access_log=False)))
            server[0].run(sockets=[listener])

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    give_up = time.monotonic() + 120
    while not (server and server[0].started) and time.monotonic() < give_up:
        thread.join(0.02)
    yield address
    server[0].should_exit = True
    thread.join(20)
    listener.close()
    provider.stop()


@pytest.mark.parametrize(("script", "width"), [(True, 1280), (False, 360)])
def test_a_member_comes_in_by_the_provider_and_goes_out_again(
    browser: Browser, base: str, script: bool, width: int
) -> None:
    """From the sign-in page to the page they wanted and out of both again, scripts on or off."""
    context = browser.new_context(
        java_script_enabled=script,
        viewport={"width": width, "height": 800},
        extra_http_headers={"sec-gpc": "1"},
    )
    page = context.new_page()
    faults: list[str] = []

    def heard(message: ConsoleMessage) -> None:  # the provider has no icon, and may say so
        if message.location["url"].startswith(base):
            faults.append(message.text)

    page.on("console", heard)
    page.goto(f"{base}/me/settings")
    page.get_by_role("link", name="Sign in").click()
    page.get_by_role("link", name="See my data and my choices").click()
    page.get_by_role("button", name="m-1").click()
    assert page.url == f"{base}/me/settings"
    assert "Your browser said no for you" in page.inner_text("main")
    [cookie] = [c for c in context.cookies() if c["name"] == "byleave"]
    assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Lax")
    assert not [c for c in context.cookies() if c["name"] == "byleave-in"]
    page.get_by_role("button", name="Sign out").click()
    assert page.url == f"{base}/signed-out"
    page.get_by_role("link", name="Sign out there too").click()
    page.get_by_role("link", name="Back").click()
    assert page.url == f"{base}/"
    page.goto(f"{base}/me")
    assert "You are not signed in" in page.inner_text("main")
    assert [fault for fault in faults if "401" not in fault] == []
    context.close()


def test_a_role_that_is_not_theirs_is_refused_in_words(browser: Browser, base: str) -> None:
    """Who asks for a role that is not theirs reads why, with a code, and can try again."""
    page = browser.new_context().new_page()
    page.goto(f"{base}/sign-in")
    page.get_by_role("link", name="I work here").click()
    page.get_by_role("button", name="kim").click()
    assert "Your account does not open these pages." in page.inner_text("main")
    assert "oidc.role" in page.inner_text("main")
    page.get_by_role("link", name="Try again").click()
    page.get_by_role("link", name="I work here").click()
    page.get_by_role("button", name="alex").click()
    assert page.url == f"{base}/house"
    page.context.close()


@pytest.mark.parametrize(("scheme", "width"), [("light", 320), ("dark", 1280)])
@pytest.mark.parametrize("place", ["/sign-in", "/signed-out", "/sign-in/back"])
def test_the_pages_of_the_door_are_in_order(
    browser: Browser, base: str, place: str, scheme: Any, width: int
) -> None:
    """Axe finds no WCAG 2.2 AA fault with our policy on; nothing overflows, no target is small."""
    source = AXE.read_bytes()
    assert hashlib.sha256(source).hexdigest() == AXE_SHA256
    page: Page = browser.new_context(
        viewport={"width": width, "height": 800}, color_scheme=scheme
    ).new_page()
    page.goto(base + place)
    assert page.evaluate(OVERFLOW) <= 0
    assert page.evaluate(SMALL_TARGETS) == []
    page.evaluate(source.decode("utf-8"))
    found = page.evaluate(
        """axe.run(document, {
          runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'],
          rules: {'target-size': {enabled: true}},
        }).then(r => r.violations.map(v => [v.id, v.nodes.map(n => n.html.slice(0, 160))]))"""
    )
    assert found == []
    page.context.close()
