"""`serve`: a demo stays on its machine, an address that cannot be had is said, one line is printed."""

from __future__ import annotations

import socket

import pytest

from byleave.errors import WorldError
from byleave.portal.serve import bind, is_loopback


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.8.9.10", "::1", "[::1]", "localhost", "LOCALHOST"]
)
def test_loopback_is_known(host: str) -> None:
    """Every spelling of this machine alone is loopback."""
    assert is_loopback(host)


@pytest.mark.parametrize(
    "host",
    ["0.0.0.0", "::", "", "192.168.1.4", "example.com", "localhost.example.com", "127.1"],  # noqa: S104
)
def test_anything_else_is_not(host: str) -> None:
    """All interfaces, other addresses and any name but localhost are not loopback."""
    assert not is_loopback(host)


def test_a_taken_port_is_said() -> None:
    """A port that another program listens on is `portal.cannot-bind`, with the address."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(WorldError) as caught:
            bind("127.0.0.1", port)
    assert caught.value.code == "portal.cannot-bind"
    assert caught.value.where == f"127.0.0.1:{port}"


@pytest.mark.parametrize(("host", "port"), [("127.0.0.1", 70000), ("203.0.113.7", 0)])
def test_an_impossible_address_is_said(host: str, port: int) -> None:
    """A port out of range and an address that is not this machine's are `portal.cannot-bind`."""
    with pytest.raises(WorldError):
        bind(host, port)


def test_port_zero_is_any_free_one() -> None:
    """Port 0 gives a socket that listens on some port."""
    with bind("127.0.0.1", 0) as listener:
        assert listener.getsockname()[1] > 0
