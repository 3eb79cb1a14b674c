"""Reading beside the loop: others are answered meanwhile, what was written is seen, errors are told."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

import byleave
from byleave.errors import InputError
from byleave.portal.aside import SIDES, Aside
from byleave.wiring import Workspace
from tests.portal.api_site import NOTICE, USE, Site, site_at


@pytest.fixture
def path(tmp_path: Path) -> Path:
    with byleave.create(tmp_path / "ws") as ws:
        ws.member.enrol(["m-1"])
        ws.policy.publish_notice(NOTICE, notice="ask-1", asks=[USE])
    return tmp_path / "ws"


def aside_of(path: Path) -> Aside:
    return Aside(lambda: byleave.open(path, read_only=True, caching=True))


def test_the_loop_goes_on_while_something_is_read(path: Path) -> None:
    """A read that does not end until the loop lets it ends: the loop is free meanwhile."""

    async def both() -> str:
        aside, free = aside_of(path), threading.Event()

        def slow(ws: Workspace) -> str:
            assert free.wait(60)
            return ws.member.by_ordinal(0)

        reading = [asyncio.create_task(aside.read(slow)) for _ in range(SIDES + 1)]
        await asyncio.sleep(0)
        free.set()
        found = await asyncio.gather(*reading)
        await aside.close()
        await aside.close()
        return found[0]

    assert asyncio.run(both()) == "m-1"


def test_what_was_written_before_is_seen(path: Path) -> None:
    """A choice recorded before a read begins is in what it returns, in every thread."""

    async def counts() -> list[int]:
        aside, found = aside_of(path), []
        for _ in range(4):
            reads = [aside.read(lambda ws: len(ws.consent.history("m-1"))) for _ in range(SIDES)]
            found += await asyncio.gather(*reads)
            with byleave.open(path) as ws:
                ws.consent.refuse("m-1", USE)
        await aside.close()
        return found

    assert asyncio.run(counts()) == [n for n in range(4) for _ in range(SIDES)]


def test_errors_come_back_and_harm_nobody(path: Path) -> None:
    """What a read raises its caller gets, a stream's before its first part; the next read works."""

    def never(ws: Workspace) -> Iterator[bytes]:
        ws.member.answer("nobody")
        yield b""

    async def told() -> tuple[str, list[bytes]]:
        aside = aside_of(path)
        with pytest.raises(InputError):
            await aside.read(lambda ws: ws.member.answer("nobody"))
        with pytest.raises(InputError):
            await aside.stream(never)
        parts = [part async for part in await aside.stream(lambda _: iter([b"a", b"b"]))]
        name = await aside.read(lambda ws: ws.member.by_ordinal(0))
        await aside.close()
        return name, parts

    assert asyncio.run(told()) == ("m-1", [b"a", b"b"])


def test_a_page_asked_for_after_a_choice_shows_it(tmp_path: Path) -> None:
    """The page that a saved choice leads back to already shows it, time after time."""
    with site_at(tmp_path / "ws") as site:
        check(site)


def check(site: Site) -> None:
    browser, tokens = site.signed_in("member", "m-1"), site.token()
    for turn in range(4):
        kind = {"kind": "withdraw"} if turn % 2 else {}
        site.post("/api/v1/choices", site.grant("m-1", **kind), tokens)
        [row] = browser.get("/me/settings.json").json()["settings"]["questions"][0]["rows"]
        assert row["state"] == ("no" if turn % 2 else "yes")
