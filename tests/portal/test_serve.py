"""`serve`: a demo stays on its machine, an address that cannot be had is said, one line is printed."""

from __future__ import annotations

import http.client
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import byleave
from byleave.errors import ByleaveError, RefusedError, WorldError
from byleave.portal import serve
from byleave.portal.answers import WorkspaceAnswers
from byleave.portal.listen import bind, is_loopback


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


# --- over a real workspace -----------------------------------------------------------------------


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace made from a seed, with two members enrolled."""
    path = tmp_path_factory.mktemp("demo") / "workspace"
    workspace = byleave.create(path, seed=1, operator="Example Network", data_origin="generated")
    workspace.member.enrol(["member-1", "member-2"])
    workspace.close()
    return path


@pytest.fixture
def served(demo: Path) -> Iterator[tuple[int, subprocess.Popen[str]]]:
    """`serve` in a process of its own, and the port it said."""
    program = (
        "import sys; from pathlib import Path; from byleave.portal import serve; "
        "serve(workspace=Path(sys.argv[1]), host='127.0.0.1', port=0, "
        "echo=lambda line: print(line, flush=True))"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program, str(demo)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": "src"},
    )
    assert process.stdout is not None
    line = process.stdout.readline()
    found = re.fullmatch(r"Open http://127\.0\.0\.1:(\d+)/ · Ctrl-C stops\n", line)
    assert found, line
    yield int(found[1]), process
    if process.poll() is None:
        process.kill()
    process.communicate()


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.com"])  # noqa: S104
def test_a_demo_is_not_served_to_others(demo: Path, host: str) -> None:
    """A workspace made from a seed refuses any host that is not loopback, and prints nothing."""
    lines: list[str] = []
    with pytest.raises(RefusedError) as caught:
        serve(workspace=demo, host=host, port=0, echo=lines.append)
    assert caught.value.code == "portal.demo-loopback-only"
    assert lines == []


def test_no_workspace_no_portal(tmp_path: Path) -> None:
    """A folder that is no workspace is said to be none, before anything listens."""
    with pytest.raises(ByleaveError) as caught:
        serve(workspace=tmp_path / "none", host="127.0.0.1", port=0, echo=print)
    assert caught.value.code == "workspace.missing"


def test_served_pages_come_from_the_workspace(
    served: tuple[int, subprocess.Popen[str]],
) -> None:
    """What is served names the operator; another host name is refused; Ctrl-C ends it quietly."""
    port, process = served
    seen = {}
    for host in ("127.0.0.1", "evil.example"):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        connection.request("GET", "/", headers={"Host": host})
        answer = connection.getresponse()
        seen[host] = (answer.status, answer.read().decode())
        connection.close()
    assert seen["127.0.0.1"][0] == 200
    assert "Example Network" in seen["127.0.0.1"][1]
    assert seen["evil.example"][0] == 421
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=120)
    assert (out, err, process.returncode) == ("", "", 0)


def test_pages_of_a_real_workspace(demo: Path) -> None:
    """The first page and a member's page are written from what a real workspace answers."""
    with byleave.open(demo, read_only=True) as workspace:
        answers = WorkspaceAnswers(workspace)
        overview = answers.overview()
        assert (overview.operator, overview.members) == ("Example Network", 2)
        member = answers.member(1)
        assert member is not None
        assert member.choices == ()
        assert answers.member(2) is None
        assert answers.proof("absence-0-none") is None
