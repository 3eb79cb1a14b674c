"""Pages that come slowly, as on a busy machine, and the tests' way of waiting for them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext

import pytest
from playwright.sync_api import Browser
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from tests.browsing import launched, new_page, press
from tests.portal.answering import answering

pytestmark = pytest.mark.browser

FILLING = "<p>words</p>" * 2_000


async def page(request: Request) -> Response:
    number = request.path_params["number"]
    end = "<p id=end>the end</p>"
    form = f"<form method=post><button>on</button></form><a href=/{number + 1}>on</a>"
    return HTMLResponse(f"<!doctype html><title>{number}</title>{form}{FILLING}{end}")


async def framing(_: Request) -> Response:
    return HTMLResponse("<!doctype html><title>frame</title><iframe src=/1></iframe>")


async def sent(request: Request) -> Response:
    return RedirectResponse(f"/{request.path_params['number'] + 1}", status_code=303)


@pytest.fixture(scope="module")
def base() -> Iterator[str]:
    app = Starlette(
        routes=[
            Route("/frame", framing),
            Route("/{number:int}", page),
            Route("/{number:int}", sent, methods=["POST"]),
        ]
    )
    with answering(lambda _: nullcontext(app)) as address:
        yield address


@pytest.fixture(scope="module")
def slow(chromium: str) -> Iterator[Browser]:
    """A browser to which every page comes in three parts, a fifth of a second apart."""
    with launched(chromium, pause=0.2) as started:
        yield started


@pytest.mark.parametrize("script", [True, False])
@pytest.mark.parametrize("how", ["button", "a"])
def test_what_is_pressed_has_come_whole(slow: Browser, base: str, how: str, script: bool) -> None:
    """After `press` the next page is there to its last element, by a form or a link, scripts on or off."""
    page = new_page(slow, java_script_enabled=script)
    page.goto(f"{base}/1")
    for number in (2, 3):
        press(page.locator(how))
        assert page.title() == str(number)
        assert page.locator("#end").count() == 1
    page.context.close()


def test_what_is_pressed_in_a_frame_has_come_whole(slow: Browser, base: str) -> None:
    """After `press` on something of a frame the frame's next page is there, and the page has stayed."""
    page = new_page(slow)
    page.goto(f"{base}/frame")
    press(page.frame_locator("iframe").locator("button"))
    assert page.frames[1].url == f"{base}/2"
    assert page.frames[1].locator("#end").count() == 1
    assert page.url == f"{base}/frame"
    page.context.close()
