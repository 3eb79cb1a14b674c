"""The served log: anybody can follow it, and a proof can be checked by upload."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path

import pytest

import byleave
from byleave.evidence.log_proof import LoggedEntry, parse_log_proof
from byleave.note.trust import parse_trust
from byleave.stores.web import WebTiles
from byleave.tlog.reader import LogReader
from tests.portal.answering import answering
from tests.portal.api_site import Site, site_at


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with site_at(tmp_path / "ws") as made:
        yield made


@pytest.fixture
def address(site: Site) -> Iterator[str]:
    with answering(lambda _: nullcontext(site.http.app), lifespan="off") as base:
        yield f"{base}/log"


def test_a_stranger_can_follow_the_served_log(site: Site, address: str) -> None:
    """Every entry of the log can be read and authenticated over HTTP with the trust file's key."""
    trust = parse_trust((site.path / "trust.policy").read_bytes())
    reader = LogReader(WebTiles(address), verifier=trust.logs[0])
    with byleave.open(site.path, read_only=True) as ws:
        assert reader.size == ws.ledger.size()
        entries = [reader.logged(n).entry for n in range(reader.size)]
        assert entries == ws.ledger.read(0, reader.size)


@pytest.mark.parametrize(
    "path", ["../keys/log.key", "0/..%2f..%2fkeys", "0/999", "x", "entries/000.p/300", ""]
)
def test_nothing_but_the_logs_files_is_served(site: Site, path: str) -> None:
    """A path that the log has no file for is a 404, and leads nowhere else."""
    assert site.http.get(f"/log/tile/{path}").status_code == 404


def test_other_sites_may_read_the_logs_files_and_nothing_else(site: Site) -> None:
    """A page from elsewhere may read checkpoint and tiles, and no other answer there is."""
    open_to_all = {"/log/checkpoint", "/log/tile/0/000.p/1", "/log/tile/entries/000.p/1"}
    size = int(site.http.get("/log/checkpoint").text.split("\n")[1])
    for path in open_to_all:
        answer = site.http.get(path.replace("p/1", f"p/{size}"))
        assert answer.status_code == 200
        assert answer.headers["access-control-allow-origin"] == "*"
    table = site.http.app.state.routes.table  # type: ignore[attr-defined]
    others = [path for method, path in table if method == "GET" and "{" not in path]
    for path in [*others, "/log/entry/0.tlog-proof"]:
        if path not in open_to_all:
            headers = site.http.get(path, headers={"origin": "https://elsewhere.test"}).headers
            assert "access-control-allow-origin" not in headers, path


def test_a_proof_is_checked_by_upload(site: Site) -> None:
    """An uploaded proof gets the verifier's own verdict; one flipped byte gets a no."""
    made = site.post("/api/v1/choices", site.grant("m-1"), site.token())
    [index] = made.json()["indexes"]
    with byleave.open(site.path, read_only=True) as ws:
        proof = ws.proof.bytes(f"event-{index}")
    assert site.http.post("/api/v1/verify", content=proof).json()["ok"]
    spoiled = proof[:-2] + bytes([proof[-2] ^ 1]) + proof[-1:]
    verdict = site.http.post("/api/v1/verify", content=spoiled).json()
    assert not verdict["ok"]
    too_much = site.http.post("/api/v1/verify", content=b"x" * ((1 << 20) + 1))
    assert too_much.status_code == 413


def test_a_body_without_end_is_cut_off(site: Site) -> None:
    """A body over 4 MiB is refused, whether it says its length or not."""

    def endless() -> Iterator[bytes]:
        for _ in range(80):
            yield b"x" * (1 << 16)

    assert site.http.post("/api/v1/verify", content=endless()).status_code == 413
    long = site.http.post("/api/v1/verify", content=b"x" * (5 << 20))
    assert long.status_code == 413
    assert long.headers["x-content-type-options"] == "nosniff"


def test_an_entry_comes_with_its_proof(site: Site) -> None:
    """Whoever knows an entry's number can save the proof that it is in the log; others are a 404."""
    with byleave.open(site.path, read_only=True) as ws:
        trust = parse_trust((site.path / "trust.policy").read_bytes())
        entry = ws.ledger.read(1, 2)[0]
        size = ws.ledger.size()
    saved = site.http.get("/log/entry/1.tlog-proof")
    assert saved.status_code == 200
    proven = LoggedEntry(entry, parse_log_proof(saved.text)).verify(trust)
    assert proven.index == 1
    for index in (str(size), "-1", "x", str(1 << 63)):
        assert site.http.get(f"/log/entry/{index}.tlog-proof").status_code in (404, 422)


def test_lines_of_the_timeline_without_a_proof_of_their_own_name_their_entrys(site: Site) -> None:
    """Each line of a signed-in member's timeline that names an entry offers a proof to save."""
    browser = site.signed_in("member", "m-1")
    page = browser.get("/me").text
    facts = browser.get("/me.json").json()["member"]["timeline"]
    with_entry = [item["index"] for item in facts if item["index"] is not None]
    bare = [i["index"] for i in facts if i["index"] is not None and i["proof"] is None]
    assert with_entry
    assert bare
    for index in bare:
        assert f"/log/entry/{index}.tlog-proof" in page
        assert browser.get(f"/log/entry/{index}.tlog-proof").status_code == 200
