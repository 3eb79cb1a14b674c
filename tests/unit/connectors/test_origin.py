"""Fetching: https only, a limit, and one error for a world that does not answer."""

from __future__ import annotations

import io
import urllib.error
import urllib.request
from typing import Any

import pytest

from byleave.connectors import origin
from byleave.errors import WorldError


def test_what_is_served_is_returned(monkeypatch: pytest.MonkeyPatch) -> None:
    """The bytes of the answer, asked for with a time limit."""
    asked: list[Any] = []

    def answer(url: str, timeout: float) -> io.BytesIO:
        asked.append((url, timeout))
        return io.BytesIO(b"rows")

    monkeypatch.setattr(urllib.request, "urlopen", answer)
    assert origin.fetch("https://example.org/a.csv") == b"rows"
    assert asked == [("https://example.org/a.csv", origin.TIMEOUT_SECONDS)]


@pytest.mark.parametrize(
    "error", [urllib.error.URLError("down"), TimeoutError(), ConnectionResetError()]
)
def test_no_answer_is_unreachable(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    """Refused, silent or cut off: `data.unreachable`."""

    def fail(url: str, timeout: float) -> io.BytesIO:
        raise error

    monkeypatch.setattr(urllib.request, "urlopen", fail)
    with pytest.raises(WorldError) as caught:
        origin.fetch("https://example.org/a.csv")
    assert caught.value.code == "data.unreachable"


def test_too_long_an_answer_is_cut_short(monkeypatch: pytest.MonkeyPatch) -> None:
    """No more than the limit is read into memory; what is longer is refused."""
    monkeypatch.setattr(origin, "MAX_BYTES", 10)
    body = io.BytesIO(b"x" * 1000)
    monkeypatch.setattr(urllib.request, "urlopen", lambda url, timeout: body)
    with pytest.raises(WorldError, match="longer than 10"):
        origin.fetch("https://example.org/a.csv")


@pytest.mark.parametrize("url", ["http://example.org/a", "file:///etc/hostname", "ftp://x/y"])
def test_only_https_is_fetched(url: str) -> None:
    """Neither plain http nor a local file."""
    with pytest.raises(WorldError, match="only https"):
        origin.fetch(url)
