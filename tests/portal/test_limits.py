"""How often one caller may ask, in one process and in several."""

from __future__ import annotations

import math
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from byleave.errors import WorldError
from byleave.portal.limits import Limit, Limits
from byleave.portal.problem import ProblemError
from byleave.stores.rates import RateFile
from tests.portal.api_site import Site, site_at

ROOT = Path(__file__).parents[2]


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def admitted(limits: Limits, caller: str, times: int) -> int:
    """How many of so many requests pass."""
    passed = 0
    for _ in range(times):
        try:
            limits.count(caller)
        except ProblemError:
            continue
        passed += 1
    return passed


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[Callable[[Clock, Limit], Limits]]:
    """Makes servers that share one file."""
    made: list[Limits] = []

    def server(clock: Clock, limit: Limit) -> Limits:
        made.append(Limits(clock, limit, RateFile(tmp_path / "rates.sqlite")))
        return made[-1]

    yield server
    for limits in made:
        limits.close()


def test_two_servers_share_one_bucket(servers: Callable[[Clock, Limit], Limits]) -> None:
    """However a caller spreads requests over two servers, both admit one bucket together."""
    clock, limit = Clock(), Limit(rate=10, burst=1_000)
    one, two = servers(clock, limit), servers(clock, limit)
    passed = sum(admitted(server, "a", 25) for _ in range(60) for server in (one, two))
    assert passed == 1_000
    assert admitted(two, "b", 100) == 100


def test_what_is_refused_says_how_long_to_wait(servers: Callable[[Clock, Limit], Limits]) -> None:
    """After as many seconds as `Retry-After` says the caller is let in again, and not before."""
    clock, limit = Clock(), Limit(rate=0.5, burst=2)
    server = servers(clock, limit)
    assert admitted(server, "a", 3) == 2
    with pytest.raises(ProblemError) as caught:
        server.count("a")
    assert caught.value.retry == 3
    clock.now = 1.9
    assert admitted(server, "a", 1) == 0
    clock.now = 3.0
    assert admitted(server, "a", 2) == 1


def test_most_requests_touch_no_file(servers: Callable[[Clock, Limit], Limits]) -> None:
    """Of a thousand requests few ask the file, and of refused ones none."""
    clock, limit = Clock(), Limit(rate=1, burst=1_000)
    server = servers(clock, limit)
    shared = server._shared
    assert isinstance(shared, RateFile)
    assert admitted(server, "a", 1_000) > 900
    asked = shared._takes
    assert asked < 120
    before = shared._takes
    admitted(server, "a", 1_000)
    assert shared._takes - before < 110


@given(
    steps=st.lists(
        st.tuples(st.integers(0, 2), st.integers(1, 80), st.floats(0, 3)), min_size=1, max_size=30
    ),
    rate=st.floats(0.5, 100),
    burst=st.integers(1, 300),
)
@settings(deadline=None, max_examples=40)
def test_together_they_never_admit_more_than_one_bucket(
    tmp_path_factory: pytest.TempPathFactory,
    steps: list[tuple[int, int, float]],
    rate: float,
    burst: int,
) -> None:
    """At any instant all servers have admitted at most what one bucket gave until then."""
    path = tmp_path_factory.mktemp("rates") / "rates.sqlite"
    clock, limit = Clock(), Limit(rate=rate, burst=burst)
    servers = [Limits(clock, limit, RateFile(path)) for _ in range(3)]
    passed = 0
    for which, times, seconds in steps:
        passed += admitted(servers[which], "a", times)
        assert passed <= math.floor(burst + clock.now * rate + 1e-6)
        clock.now += seconds
    for server in servers:
        server.close()


def test_another_process_takes_from_the_same_bucket(
    tmp_path: Path, servers: Callable[[Clock, Limit], Limits]
) -> None:
    """What a process of its own used up is not there for this one."""
    program = (
        "import sys\n"
        "from pathlib import Path\n"
        "from byleave.portal.limits import Limit, Limits\n"
        "from byleave.stores.rates import RateFile\n"
        "limits = Limits(lambda: 0.0, Limit(rate=1, burst=100), RateFile(Path(sys.argv[1])))\n"
        "[limits.count('a') for _ in range(60)]\n"
    )
    path = tmp_path / "rates.sqlite"
    subprocess.run([sys.executable, "-c", program, str(path)], check=True, cwd=ROOT)
    here = servers(Clock(), Limit(rate=1, burst=100))
    assert 0 < admitted(here, "a", 100) <= 40


def test_a_machine_started_anew_begins_with_full_buckets(
    servers: Callable[[Clock, Limit], Limits],
) -> None:
    """A steady clock that went back is another one: nobody stays refused."""
    clock, limit = Clock(), Limit(rate=0.001, burst=2)
    clock.now = 1e6
    assert admitted(servers(clock, limit), "a", 5) == 2
    clock.now = 1.0
    assert admitted(servers(clock, limit), "a", 5) == 2


def test_callers_of_long_ago_are_forgotten(tmp_path: Path) -> None:
    """Buckets that are full again take no room."""
    file = RateFile(tmp_path / "rates.sqlite")
    for n in range(1_000):
        file.take(b"%d" % n, most=1, now=float(n), rate=10, burst=100)
    with sqlite3.connect(tmp_path / "rates.sqlite") as reader:
        assert reader.execute("SELECT count(*) FROM bucket").fetchone()[0] <= 12
    reader.close()
    file.close()


def test_a_file_that_is_held_stops_nobody(
    tmp_path: Path, servers: Callable[[Clock, Limit], Limits], caplog: pytest.LogCaptureFixture
) -> None:
    """While the file cannot be written to, each server counts alone, and says so."""
    server = servers(Clock(), Limit(rate=1, burst=2))
    other = sqlite3.connect(tmp_path / "rates.sqlite", isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    try:
        assert admitted(server, "a", 3) == 2
    finally:
        other.execute("ROLLBACK")
        other.close()
    assert "by this server alone" in caplog.text


def test_a_file_that_is_none_of_ours_is_said(tmp_path: Path) -> None:
    """Something else under that name is `desk.unreadable`, and the hint says it may go."""
    path = tmp_path / "rates.sqlite"
    path.write_bytes(b"not a database" * 100)
    with pytest.raises(WorldError) as caught:
        RateFile(path)
    assert caught.value.code == "desk.unreadable"


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with site_at(tmp_path / "ws") as made:
        yield made


def test_nobodys_address_stands_in_the_file(site: Site) -> None:
    """Callers stand in the file by a keyed hash: no address, no name, no member."""
    site.signed_in("member", "m-1").get("/me")
    site.http.get("/api/v1/gates", headers=site.token(name="the-crm"))
    kept = b"".join(p.read_bytes() for p in site.path.glob("rates.sqlite*"))
    assert kept
    for word in (b"testclient", b"the-crm", b"member:", b"platform:", b"m-1"):
        assert word not in kept


def test_too_many_requests_are_told_when_to_come_back(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Over HTTP an empty bucket is 429 `api.rate` with `Retry-After`; a page says it in words."""
    desk = site.http.app.state.desk  # type: ignore[attr-defined]
    monkeypatch.setattr(desk.limits, "_limit", Limit(rate=0.01, burst=3))
    answers = [site.http.get("/api/v1/releases") for _ in range(5)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429, 429]
    last = answers[-1]
    assert (last.json()["code"], last.headers["content-type"]) == (
        "api.rate",
        "application/problem+json",
    )
    assert 0 < int(last.headers["retry-after"]) <= 101
    page = site.http.get("/", headers={"accept": "text/html"})
    assert page.status_code == 429
    assert "retry-after" in page.headers
