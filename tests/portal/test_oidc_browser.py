"""Signing in at a provider, and out of it, in a real browser."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from fastapi import FastAPI
from playwright.sync_api import Browser, ConsoleMessage, expect

import byleave
from byleave.portal.answers import WorkspaceAnswers
from byleave.portal.app import create_app
from byleave.portal.desk import make_desk
from tests.browsing import axe_faults, new_page, overflow, press, shows, small_targets
from tests.portal.answering import answering
from tests.portal.test_oidc import ProviderProcess, make_workspace, settings

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a portal whose people sign in at a provider."""
    provider = ProviderProcess()
    path = tmp_path_factory.mktemp("door") / "ws"
    make_workspace(path, settings(provider.issuer))

    @contextmanager
    def made(address: str) -> Iterator[FastAPI]:
        with byleave.open(path, read_only=True) as reader:
            desk = make_desk(reader, site=address)
            yield create_app(WorkspaceAnswers(reader), demo=False, desk=desk)

    try:
        with answering(made) as address:
            yield address
    finally:
        provider.stop()


@pytest.mark.parametrize(("script", "width"), [(True, 1280), (False, 360)])
def test_a_member_comes_in_by_the_provider_and_goes_out_again(
    browser: Browser, base: str, script: bool, width: int
) -> None:
    """From the sign-in page to the page they wanted and out of both again, scripts on or off."""
    page = new_page(
        browser,
        java_script_enabled=script,
        viewport={"width": width, "height": 800},
        extra_http_headers={"sec-gpc": "1"},
    )
    context = page.context
    faults: list[str] = []

    def heard(message: ConsoleMessage) -> None:  # the provider has no icon, and may say so
        if message.location["url"].startswith(base):
            faults.append(message.text)

    page.on("console", heard)
    page.goto(f"{base}/me/settings")
    press(page.get_by_role("link", name="Sign in"))
    press(page.get_by_role("link", name="See my data and my choices"))
    press(page.get_by_role("button", name="m-1"))
    expect(page).to_have_url(f"{base}/me/settings")
    shows(page, "Your browser said no for you")
    [cookie] = [c for c in context.cookies() if c["name"] == "byleave"]
    assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Lax")
    assert not [c for c in context.cookies() if c["name"] == "byleave-in"]
    press(page.get_by_role("button", name="Sign out"))
    expect(page).to_have_url(f"{base}/signed-out")
    press(page.get_by_role("link", name="Sign out there too"))
    press(page.get_by_role("link", name="Back"))
    expect(page).to_have_url(f"{base}/")
    page.goto(f"{base}/me")
    shows(page, "You are not signed in")
    assert [fault for fault in faults if "401" not in fault] == []
    context.close()


def test_a_role_that_is_not_theirs_is_refused_in_words(browser: Browser, base: str) -> None:
    """Who asks for a role that is not theirs reads why, with a code, and can try again."""
    page = new_page(browser)
    page.goto(f"{base}/sign-in")
    press(page.get_by_role("link", name="I work here"))
    press(page.get_by_role("button", name="kim"))
    shows(page, "Your account does not open these pages.")
    shows(page, "oidc.role")
    press(page.get_by_role("link", name="Try again"))
    press(page.get_by_role("link", name="I work here"))
    press(page.get_by_role("button", name="alex"))
    expect(page).to_have_url(f"{base}/house")
    page.context.close()


@pytest.mark.parametrize(("scheme", "width"), [("light", 320), ("dark", 1280)])
@pytest.mark.parametrize("place", ["/sign-in", "/signed-out", "/sign-in/back"])
def test_the_pages_of_the_door_are_in_order(
    browser: Browser, base: str, place: str, scheme: Any, width: int
) -> None:
    """Axe finds no WCAG 2.2 AA fault with our policy on; nothing overflows, no target is small."""
    page = new_page(browser, viewport={"width": width, "height": 800}, color_scheme=scheme)
    page.goto(base + place)
    assert overflow(page) <= 0
    assert small_targets(page) == []
    assert axe_faults(page) == []
    page.context.close()
