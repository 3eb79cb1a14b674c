"""Signed-in people in a real browser, from their link to the end of what they came for."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

import byleave
from byleave.verify import verify
from tests.browsing import axe_faults, overflow, press, shows, small_targets
from tests.portal.api_site import NOTICE, USE
from tests.portal.living import Living, living
from tests.portal.test_house import POLICY

pytestmark = pytest.mark.browser

OPTIONS = """
[...document.querySelectorAll('.options')].map(o => [...o.querySelectorAll('label')].map(e => {
  const s = getComputedStyle(e);
  return [s.fontSize, s.fontWeight, s.color, s.backgroundColor, s.borderTopWidth, s.minBlockSize];
}))
"""


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Living]:
    path = tmp_path_factory.mktemp("journeys") / "ws"
    with byleave.create(path) as ws:
        ws.member.enrol([f"m-{n}" for n in range(12)])
        ws.policy.publish_notice(NOTICE, notice="ask-1", asks=[USE])
    with living(path) as stage:
        yield stage


@pytest.mark.parametrize(
    ("member", "script", "width"),
    [("m-0", True, 1280), ("m-1", False, 1280), ("m-2", True, 360), ("m-3", False, 360)],
)
def test_a_member_agrees_looks_and_leaves(
    browser: Browser, stage: Living, member: str, script: bool, width: int
) -> None:
    """A yes and its withdrawal take as many pages and clicks, scripts on or off, wide or narrow;
    each ends on a record whose proof verifies offline.
    """
    page = stage.enter(
        browser,
        "member",
        member,
        java_script_enabled=script,
        viewport={"width": width, "height": 800},
    )
    steps = {}
    for answer, words in [
        ("Yes, you may", "You said yes."),
        ("No, you may not", "You stopped this."),
    ]:
        page.goto(f"{stage.base}/me/settings")
        before = page.evaluate("history.length") if script else 0
        page.get_by_label(answer, exact=True).first.check()
        press(page.get_by_role("button", name="Save this choice"))
        shows(page, words)
        steps[answer] = (page.evaluate("history.length") if script else 0) - before
        with page.expect_download() as saved:
            page.get_by_role("link", name="Save the proof").click()
        proof = Path(saved.value.path()).read_bytes()
        assert verify(proof, (stage.path / "trust.policy").read_bytes()).ok
    assert len(set(steps.values())) == 1
    page.goto(f"{stage.base}/me")
    shows(page, "You stopped this.")
    page.goto(f"{stage.base}/me/settings")
    press(page.get_by_role("button", name="Sign out"))
    page.goto(f"{stage.base}/me")
    shows(page, "You are not signed in")
    page.context.close()


@pytest.fixture(scope="module")
def asks_twice(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Living]:
    """A workspace with two questions."""
    path = tmp_path_factory.mktemp("twice") / "ws"
    content = "May we use what you post to suggest content?\n( ) Yes  ( ) No\n"
    with byleave.create(path) as ws:
        ws.member.enrol(["m-0", "m-1"])
        ws.policy.publish_notice(NOTICE, notice="ask-1", asks=[USE])
        ws.policy.publish_notice(
            content, notice="ask-2", asks=["train.ranking.content/content.posts/platform"]
        )
    with living(path) as stage:
        yield stage


@pytest.mark.parametrize(("member", "script"), [("m-0", True), ("m-1", False)])
def test_each_use_is_agreed_to_and_withdrawn_in_equal_steps(
    browser: Browser, asks_twice: Living, member: str, script: bool
) -> None:
    """M5, M15: for each use that is asked for, counted in a real browser: pages loaded and clicks made
    are as many for the withdrawal as for the yes, from the settings to the record, scripts on or off.
    """
    stage = asks_twice
    page = stage.enter(browser, "member", member, java_script_enabled=script)
    loads: list[str] = []
    page.on("request", lambda r: loads.append(r.url) if r.is_navigation_request() else None)
    page.goto(f"{stage.base}/me/settings")
    uses = page.get_by_label("Yes, you may", exact=True).count()
    assert uses >= 2
    for use in range(uses):
        steps = {}
        for answer in ("Yes, you may", "No, you may not"):
            page.goto(f"{stage.base}/me/settings")
            loads.clear()
            clicks = 0
            choice = page.get_by_label(answer, exact=True).nth(use)
            form = choice.locator("xpath=ancestor::form")
            choice.click()
            clicks += 1
            press(form.get_by_role("button", name="Save this choice"))
            clicks += 1
            expect(page).to_have_url(re.compile(r"/me/choices/\d+$"))
            steps[answer] = (len(loads), clicks)
        assert len(set(steps.values())) == 1, use
        assert steps["Yes, you may"][1] == 2
    page.context.close()


def test_yes_and_no_look_alike(browser: Browser, stage: Living) -> None:
    """M4: both answers have one size, weight, colour and border, and neither is chosen before."""
    page = stage.enter(browser, "member", "m-4")
    page.goto(f"{stage.base}/me/settings")
    for labels in page.evaluate(OPTIONS):
        assert len({tuple(label) for label in labels}) == 1
    expect(page.locator("input:checked")).to_have_count(0)
    page.context.close()


def test_one_button_says_no_to_everything(browser: Browser, stage: Living) -> None:
    """From the settings one click stops every yes."""
    page = stage.enter(browser, "member", "m-5")
    page.goto(f"{stage.base}/me/settings")
    page.get_by_label("Yes, you may", exact=True).first.check()
    press(page.get_by_role("button", name="Save this choice"))
    press(page.get_by_role("link", name="Change this"))
    press(page.get_by_role("button", name="Say no to everything"))
    shows(page, "You said no on")
    with byleave.open(stage.path, read_only=True) as ws:
        assert ws.consent.choices("m-5", USE).reason.word == "withdrawn"
    page.context.close()


def test_an_operator_finds_what_is_due_and_gives_a_reason_to_look(
    browser: Browser, stage: Living
) -> None:
    """An operator sees the overview, and a member's page only after a reason, which is then listed."""
    page = stage.enter(browser, "operator", "alex")
    expect(page).to_have_url(f"{stage.base}/house")
    page.get_by_label("Member", exact=True).fill("m-6")
    page.get_by_label("Reason").fill("request 7")
    press(page.get_by_role("button", name="Log this and look"))
    shows(page, "m-6")
    page.goto(f"{stage.base}/house")
    shows(page, "request 7")
    page.context.close()


def test_an_operator_publishes_a_text_and_closes_a_request(browser: Browser, stage: Living) -> None:
    """An operator sees what a text would change, publishes it, and closes a request, by clicks alone."""
    with byleave.open(stage.path) as ws:
        ws.requests.open("m-9", "access", channel="letter")
    page = stage.enter(browser, "operator", "alex", java_script_enabled=False)
    press(page.get_by_role("link", name="Publish a text"))
    page.get_by_label("The text").fill(POLICY)
    press(page.get_by_role("button", name="Show what it would change"))
    shows(page, "Choices it changes: 0.")
    page.get_by_label("Reason").fill("board of 3 May")
    press(page.get_by_role("button", name="Log this and publish"))
    press(page.get_by_role("link", name="Open terms 1"))
    shows(page, "suggest replies on your messages")
    page.goto(f"{stage.base}/house/requests")
    page.get_by_text("Close it").click()
    page.get_by_label("Done", exact=True).check()
    page.get_by_label("What was done, or why not").fill("sent by letter")
    press(page.get_by_role("button", name="Log this and close"))
    shows(page, "sent by letter")
    page.goto(f"{stage.base}/house/trail")
    shows(page, "board of 3 May")
    shows(page, "sent by letter")
    page.context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 1280])
@pytest.mark.parametrize(
    ("role", "who", "place"),
    [
        ("member", "m-7", "/me"),
        ("member", "m-7", "/me/settings"),
        ("member", "m-8", "/record"),
        ("operator", "kim", "/house"),
        ("operator", "kim", "/house/requests"),
        ("operator", "kim", "/house/trail"),
        ("operator", "kim", "/house/withdrawals"),
        ("operator", "kim", "/house/rules"),
        ("operator", "kim", "/preview"),
    ],
)
def test_signed_in_pages_are_in_order(
    browser: Browser, stage: Living, role: str, who: str, place: str, width: int, scheme: Any
) -> None:
    """Axe finds no WCAG 2.2 AA fault with our policy on; nothing overflows, no target is small."""
    page = stage.enter(
        browser, role, who, viewport={"width": width, "height": 800}, color_scheme=scheme
    )
    messages: list[str] = []
    page.on("console", lambda message: messages.append(message.text))
    if place == "/record":
        page.goto(f"{stage.base}/me/settings")
        state = page.get_by_label("Yes, you may", exact=True).first
        other = "No, you may not" if state.is_checked() else "Yes, you may"
        page.get_by_label(other, exact=True).first.check()
        press(page.get_by_role("button", name="Save this choice"))
    elif place == "/preview":
        page.goto(f"{stage.base}/house/publish/policy")
        page.locator("#text").fill(POLICY)
        press(page.get_by_role("button", name="Show what it would change"))
    else:
        page.goto(stage.base + place)
    assert overflow(page) <= 0
    assert small_targets(page) == []
    assert axe_faults(page) == []
    assert messages == []
    page.context.close()
