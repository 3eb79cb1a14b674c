"""The log explorer: a published log read and recomputed by one file, without a server."""

from __future__ import annotations

import hashlib
import http.server
import json
import random
import re
import shutil
import subprocess
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from playwright.sync_api import Browser, Page, expect

from byleave.errors import InputError
from byleave.evidence.entry import ENTRY_KINDS, RulesetEntry, SourceEntry
from byleave.evidence.log_proof import LoggedEntry, parse_log_proof
from byleave.note import KeyType, Signature, SignerKey, parse_note
from byleave.note.signed import add_signatures
from byleave.note.trust import parse_trust
from byleave.pages import check
from byleave.pages.catalogue import explorer as words
from byleave.pages.check import static
from byleave.pages.explorer import EXPLORER_NAME, explorer
from byleave.stores.tile_files import TileFiles
from byleave.tlog.fsck import fsck
from byleave.tlog.reader import LogReader
from tests.browsing import axe_faults, new_page, overflow
from tests.unit.tlog.logs import KEY, ORIGIN, Log

OPEN = """
require(process.argv[1]);
const log = require(process.argv[2]);
const fs = require("fs");
const read = async (path) => {
  try { return new Uint8Array(fs.readFileSync(`${process.argv[3]}/${path}`)); } catch { return null; }
};
(async () => {
  const found = await log.open(read, new Uint8Array(fs.readFileSync(process.argv[4])));
  const problems = found.problems.map(({ code, where }) => [code, where]);
  if (found.log === null) return console.log(JSON.stringify({ problems }));
  const asked = JSON.parse(process.argv[5]);
  const parts = [];
  for (const want of asked.parts || []) {
    const { lines, older } = await found.log.part(want);
    parts.push([lines.map((line) => line.index), older]);
  }
  console.log(JSON.stringify({
    problems, witnesses: found.log.witnesses, size: found.log.size, root: found.log.root,
    proofs: (asked.proofs || []).map((index) => found.log.proof(index)),
    leaves: (asked.proofs || []).map((index) => found.log.leaf(index)), parts,
  }));
})();
"""
HASHES = """
require(process.argv[1]);
const log = require(process.argv[2]);
const given = JSON.parse(require("fs").readFileSync(0, "utf8"));
console.log(JSON.stringify(given.map((hex) => log.sha256(Buffer.from(hex, "hex")))));
"""
VKEY = str(KEY.verifier)
QUORUM_NONE = f"log {VKEY}\nquorum none\n"
SOURCE = SourceEntry(source="messages", contract=bytes(32), records=7, digests=bytes(32)).encode()


def rulesets(count: int) -> list[bytes]:
    return [
        RulesetEntry(ruleset=f"r{n}", sha256=n.to_bytes(32, "big")).encode() for n in range(count)
    ]


def published(folder: Path, entries: list[bytes], *steps: int) -> Path:
    """Write a log's files, published at each of the sizes and at the end."""
    log = Log()
    for size in (*steps, len(entries)):
        log.source.entries = entries[:size]
        log.publish()
    assert log.tiles.published is not None
    for path, data in {**log.tiles.files, "checkpoint": log.tiles.published}.items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
    return folder


@pytest.fixture(scope="module")
def scripts(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    folder = tmp_path_factory.mktemp("scripts")
    (folder / "verify.js").write_text(check.script(), encoding="utf-8")
    (folder / "log.js").write_text(static("explorer/log.js"), encoding="utf-8")
    return str(folder / "verify.js"), str(folder / "log.js")


@pytest.fixture(scope="module")
def node(scripts: tuple[str, str]) -> Callable[..., Any]:
    """Runs a program of Node.js beside the two scripts."""
    program = shutil.which("node")
    if program is None:
        pytest.skip("Node.js is not installed")

    def run(source: str, *arguments: str, given: str = "") -> Any:
        ran = subprocess.run(
            [program, "-e", source, *scripts, *arguments],
            input=given,
            capture_output=True,
            text=True,
            check=True,
            timeout=300,
        )
        return json.loads(ran.stdout)

    return run


@pytest.fixture(scope="module")
def trust(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("trust") / "trust.policy"
    path.write_text(QUORUM_NONE)
    return path


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A log of 700 entries, one of another kind, published twice."""
    entries = rulesets(700)
    entries[300] = SOURCE
    return published(tmp_path_factory.mktemp("log") / "log", entries, 259)


def problems_of_fsck(folder: Path, trust: Path) -> list[list[str]]:
    parsed = parse_trust(trust.read_bytes())
    report = fsck(TileFiles(folder), parsed.logs[0], origin=parsed.logs[0].name, trust=parsed)
    return [[item.code, item.where] for item in report.problems]


# --- the hashes and the tree -------------------------------------------------------------------


def test_the_hashes_are_sha_256(node: Callable[..., Any]) -> None:
    """SHA-256 of every length up to three blocks, and of the longest entry, is the library's."""
    chance = random.Random(1)
    texts = [chance.randbytes(n) for n in [*range(200), 4096, 65535]]
    found = node(HASHES, given=json.dumps([text.hex() for text in texts]))
    assert found == [hashlib.sha256(text).hexdigest() for text in texts]


@pytest.mark.parametrize("size", [1, 2, 3, 255, 256, 257, 511, 513, 66_051])
def test_a_sound_log_holds_at_every_size(
    node: Callable[..., Any], trust: Path, tmp_path: Path, size: int
) -> None:
    """Root, leaf hashes and proofs of inclusion are those that the package reads off the tiles."""
    folder = published(tmp_path, rulesets(size), size // 2) if size > 1 else published(
        tmp_path, rulesets(size)
    )  # fmt: skip
    asked = sorted({0, size // 3, size // 2, size - 1})
    found = node(OPEN, str(folder), str(trust), json.dumps({"proofs": asked}))
    reader = LogReader(TileFiles(folder))
    assert (found["problems"], found["size"]) == ([], size)
    assert found["root"] == reader.checkpoint().root.hex()
    assert found["proofs"] == [reader.tlog_proof(index) for index in asked]
    assert found["leaves"] == [reader.leaf_hash(index).hex() for index in asked]


def test_lists_and_searches_find_what_is_there(
    node: Callable[..., Any], log: Path, trust: Path
) -> None:
    """By kind, by a name, digest or leaf hash inside, below an index; page by page, each entry once."""
    leaf = LogReader(TileFiles(log)).leaf_hash(412).hex()
    asked: list[dict[str, Any]] = [
        {},
        {"kind": "source/v1"},
        {"find": '"r77"'},
        {"find": (513).to_bytes(32, "big").hex()},
        {"find": leaf},
        {"before": 40, "count": 100},
        {"find": "nowhere"},
    ]
    found = node(OPEN, str(log), str(trust), json.dumps({"parts": asked}))["parts"]
    assert found[0] == [list(range(699, 649, -1)), 650]
    assert found[1:] == [
        [[300], None],
        [[77], None],
        [[513], None],
        [[412], None],
        [list(range(39, -1, -1)), None],
        [[], None],
    ]


# --- what does not hold ------------------------------------------------------------------------


def flip(path: str, at: int) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        data = bytearray((folder / path).read_bytes())
        data[at] ^= 1
        (folder / path).write_bytes(bytes(data))

    return change


def cut(path: str, by: int) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        (folder / path).write_bytes((folder / path).read_bytes()[:-by])

    return change


def gone(path: str) -> Callable[[Path], None]:
    return lambda folder: (folder / path).unlink()


def longer(path: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        (folder / path).write_bytes((folder / path).read_bytes() + b"\x00" * 32)

    return change


DAMAGE = {
    "a bit of an entry": flip("tile/entries/001", 5_000),
    "a bit of an entry at the edge": flip("tile/entries/002.p/188", 90),
    "the length of an entry": flip("tile/entries/000", 1),
    "a bundle is cut": cut("tile/entries/000", 1),
    "a bundle is longer": longer("tile/entries/001"),
    "a bundle is gone": gone("tile/entries/001"),
    "a bit of a whole tile": flip("tile/0/001", 77),
    "a bit of a tile at the edge": flip("tile/0/002.p/188", 77),
    "a bit of a tile above": flip("tile/1/000.p/2", 33),
    "a tile is cut": cut("tile/0/000", 32),
    "a tile is gone": gone("tile/0/001"),
    "the edge is gone": gone("tile/0/002.p/188"),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_damage_is_found_under_the_code_of_fsck(
    node: Callable[..., Any], log: Path, trust: Path, tmp_path: Path, damage: str
) -> None:
    """A flipped bit, a cut, missing or longer file: the same codes at the same places as `log fsck`."""
    folder = tmp_path / "log"
    shutil.copytree(log, folder)
    DAMAGE[damage](folder)
    found = node(OPEN, str(folder), str(trust), "{}")
    expected = problems_of_fsck(folder, trust)
    assert expected
    assert found["problems"] == expected


@pytest.mark.parametrize("change", [(b"\n700\n", b"\n699\n"), (b"invalid\n700", b"invalie\n700")])
def test_a_checkpoint_that_nobody_signed_is_refused(
    node: Callable[..., Any], log: Path, trust: Path, tmp_path: Path, change: tuple[bytes, bytes]
) -> None:
    """Another size under the old signature, and a checkpoint of another name, are refused."""
    folder = tmp_path / "log"
    shutil.copytree(log, folder)
    file = folder / "checkpoint"
    file.write_bytes(file.read_bytes().replace(*change))
    [[code, where]] = node(OPEN, str(folder), str(trust), "{}")["problems"]
    assert code == ("note.bad-signature" if b"699" in change[1] else "trust.unknown-log")
    assert where == "checkpoint"
    assert problems_of_fsck(folder, trust)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (QUORUM_NONE.replace(VKEY, str(SignerKey(name=ORIGIN, seed=b"\x07" * 32).verifier)),
         "note.no-known-signature"),
        (QUORUM_NONE.replace(VKEY, str(SignerKey(name="other.test", seed=b"\x07" * 32).verifier)),
         "trust.unknown-log"),
        ("log nonsense\n", "trust.malformed"),
    ],
)  # fmt: skip
def test_another_key_another_log_and_no_trust_file_are_refused(
    node: Callable[..., Any], log: Path, tmp_path: Path, text: str, code: str
) -> None:
    """A log that the trust file does not name, or whose key is another, is refused with the code."""
    path = tmp_path / "trust.policy"
    path.write_text(text)
    assert [item[0] for item in node(OPEN, str(log), str(path), "{}")["problems"]] == [code]


def test_the_witnesses_that_are_asked_must_have_signed(
    node: Callable[..., Any], log: Path, tmp_path: Path
) -> None:
    """Two witnesses of the trust file are named where both signed; where one is missing from the
    checkpoint the log is refused.
    """
    one, two = (
        SignerKey(name=f"w{n}.test", type=KeyType.COSIGNATURE, seed=bytes([n]) * 32) for n in (1, 2)
    )
    path = tmp_path / "trust.policy"
    path.write_text(
        f"log {VKEY}\nwitness W1 {one.verifier}\nwitness W2 {two.verifier}\n"
        "group both all W1 W2\nquorum both\n"
    )
    note = parse_note((log / "checkpoint").read_bytes())
    signed = [
        Signature(
            name=key.name,
            key_id=key.verifier.key_id,
            payload=key.sign(note.text, seconds=1_700_000_000),
        )
        for key in (one, two)
    ]
    for lines, codes in ((signed, []), (signed[:1], ["trust.quorum"])):
        folder = tmp_path / f"log-{len(lines)}"
        shutil.copytree(log, folder)
        (folder / "checkpoint").write_bytes(add_signatures(note.text, [*note.signatures, *lines]))
        found = node(OPEN, str(folder), str(path), "{}")
        assert [code for code, _ in found["problems"]] == codes
        assert found.get("witnesses", []) == ([] if codes else ["W1", "W2"])


def test_an_entry_of_an_unknown_kind_is_refused(
    node: Callable[..., Any], trust: Path, tmp_path: Path
) -> None:
    """An entry that was logged and that no version knows is not passed over."""
    folder = published(tmp_path, [*rulesets(3), b'{"kind":"unheard/v1"}'])
    assert node(OPEN, str(folder), str(trust), "{}")["problems"] == problems_of_fsck(folder, trust)
    assert problems_of_fsck(folder, trust)[0][0] == "entry.unknown-kind"


# --- the file ----------------------------------------------------------------------------------


def policy_of(page: str) -> str:
    found = page.partition('http-equiv="Content-Security-Policy" content="')[2].partition('"')[0]
    return found.replace("&#39;", "'")


def test_the_file_can_connect_nowhere_or_to_its_one_log() -> None:
    """Its own scripts by digest; no connection, or exactly the site of the log it was made for."""
    alone, bound = explorer(), explorer("https://log.example.com/a/log/")
    assert policy_of(alone).startswith("default-src 'none'; script-src 'sha256-")
    assert policy_of(alone).count("sha256-") == 5
    assert "connect-src" not in policy_of(alone)
    assert policy_of(bound).endswith("; connect-src https://log.example.com")
    assert 'data-log="https://log.example.com/a/log"' in bound
    for page in (alone, bound):
        assert " src=" not in page
        assert "unsafe" not in policy_of(page)


@pytest.mark.parametrize(
    "address",
    ["http://log.example.com/log", "ftp://x/log", "https://", "https://a@b/log", "log",
     "https://a/log?x", "https://a/log#x", "https://a;script-src *", "https://ä.example/log"],
)  # fmt: skip
def test_an_address_that_could_widen_the_policy_is_refused(address: str) -> None:
    """Plain http elsewhere, names with more in them, and anything that is no address: refused."""
    with pytest.raises(InputError) as caught:
        explorer(address)
    assert caught.value.code == "log.address"


def test_every_kind_of_entry_is_told_in_words() -> None:
    """Each kind of entry there is has its words, and no other kind has."""
    told = {key.removeprefix("explorer-kind.") for key in words.SAY if "-kind." in key}
    assert told == {kind.replace("/", "-") for kind in ENTRY_KINDS}


def test_the_portal_hands_out_the_same_file(client: TestClient) -> None:
    """What the site saves is, byte for byte, what the command writes."""
    answer = client.get(f"/check/{EXPLORER_NAME}")
    assert answer.text == explorer()
    assert "attachment" in answer.headers["content-disposition"]


# --- in a browser, from a disk -----------------------------------------------------------------


def opened(browser: Browser, file: Path, **options: Any) -> tuple[Page, list[str], list[str]]:
    """Open the file without a network; return its page, what it asked for and what it complained of."""
    page = new_page(browser, offline=True, **options)
    asked: list[str] = []
    told: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: told.append(message.text))
    page.on("pageerror", lambda error: told.append(str(error)))
    file.write_text(explorer(), encoding="utf-8")
    page.goto(file.as_uri())
    return page, asked, told


def checked(page: Page, log: Path, trust: Path) -> None:
    page.set_input_files("#logfolder", log)
    page.set_input_files("#logtrust", trust)
    page.get_by_role("button", name="Check the log").click()


@pytest.mark.browser
def test_a_log_is_read_from_a_folder_without_a_network(
    browser: Browser, log: Path, trust: Path, tmp_path: Path
) -> None:
    """From a file on a disk: checked, searched by number, kind and digest, an entry's proof saved;
    the address keeps what is shown; nothing is fetched, nothing complained of.
    """
    page, asked, told = opened(browser, tmp_path / EXPLORER_NAME)
    page.get_by_role("button", name="Check the log").click()
    expect(page.locator("#log-result")).to_contain_text("Choose the folder of the log first.")
    checked(page, log, trust)
    result = page.locator("#log-result")
    expect(result.locator("h3")).to_have_text("This log holds")
    expect(result).to_contain_text("All 700 entries")
    search = page.get_by_label("Entry number, digest, leaf hash or name")
    go = page.get_by_role("button", name="Search")
    search.fill("300")
    go.click()
    expect(page.locator("#shown h3")).to_have_text("Entry 300")
    expect(page).to_have_url(re.compile("#entry=300$"))
    expect(page.locator("#shown")).to_contain_text("a table was taken in")
    with page.expect_download() as saved:
        page.get_by_role("link", name="Save the proof of inclusion").click()
    text = Path(saved.value.path()).read_text()
    assert text == LogReader(TileFiles(log)).tlog_proof(300)
    LoggedEntry(SOURCE, parse_log_proof(text)).verify(parse_trust(trust.read_bytes()))
    page.get_by_role("link", name="Back to the list").click()
    expect(page.locator("#shown tbody tr")).to_have_count(50)
    page.get_by_label("Kind").select_option("source/v1")
    go.click()
    expect(page.locator("#shown tbody tr")).to_have_count(1)
    page.get_by_label("Kind").select_option("")
    page.get_by_label("Below this index").fill("")
    search.fill("nothing has this")
    go.click()
    expect(page.locator("#shown")).to_contain_text("This is no proof of absence.")
    page.go_back()
    expect(page.locator("#shown tbody tr")).to_have_count(1)
    assert len(asked) == 1 + sum(address.startswith("blob:") for address in asked)
    assert told == []
    page.context.close()


@pytest.mark.browser
@pytest.mark.parametrize("damage", ["a bit of an entry", "a tile is cut"])
def test_a_damaged_log_is_refused_on_the_page(
    browser: Browser, log: Path, trust: Path, tmp_path: Path, damage: str
) -> None:
    """The page says that it does not hold, where and under which code, and shows no entry of it."""
    folder = tmp_path / "log"
    shutil.copytree(log, folder)
    DAMAGE[damage](folder)
    page, _, _ = opened(browser, tmp_path / EXPLORER_NAME)
    checked(page, folder, trust)
    result = page.locator("#log-result")
    expect(result.locator("h3")).to_have_text("This log does not hold")
    [[code, where]] = problems_of_fsck(folder, trust)
    expect(result).to_contain_text(code)
    expect(result).to_contain_text(where)
    expect(page.locator("#explorer")).to_be_hidden()
    page.context.close()


@pytest.mark.browser
def test_a_hundred_thousand_entries_do_not_stop_the_page(
    browser: Browser, trust: Path, tmp_path: Path
) -> None:
    """While 100,000 entries are hashed and searched the page goes on; it shows fifty at a time."""
    folder = published(tmp_path / "log", rulesets(100_000))
    page, _, told = opened(browser, tmp_path / EXPLORER_NAME)
    page.evaluate("globalThis.ticks = 0; setInterval(() => { ticks++; }, 10)")
    checked(page, folder, trust)
    expect(page.locator("#log-result h3")).to_have_text("This log holds", timeout=300_000)
    assert page.evaluate("ticks") >= 10
    expect(page.locator("#shown tbody tr")).to_have_count(50)
    before = page.evaluate("ticks")
    page.get_by_label("Entry number, digest, leaf hash or name").fill('"r3"')
    page.get_by_role("button", name="Search").click()
    expect(page.locator("#shown tbody tr")).to_have_count(1, timeout=300_000)
    assert page.evaluate("ticks") >= before + 5
    assert told == []
    page.context.close()


@pytest.mark.browser
@pytest.mark.parametrize(("width", "scheme"), [(320, "dark"), (1280, "light")])
def test_the_file_is_accessible(
    browser: Browser, log: Path, trust: Path, tmp_path: Path, width: int, scheme: Any
) -> None:
    """Axe finds no WCAG 2.2 AA fault with the file's policy on, nothing overflows, list and entry."""
    page, _, told = opened(
        browser,
        tmp_path / EXPLORER_NAME,
        viewport={"width": width, "height": 800},
        color_scheme=scheme,
    )
    checked(page, log, trust)
    expect(page.locator("#shown table")).to_be_visible()
    for step in ("list", "entry"):
        if step == "entry":
            page.locator("#shown td a").first.click()
            expect(page.locator("#shown pre").first).to_be_visible()
        assert axe_faults(page) == [], step
        assert overflow(page) <= 0, step
    assert told == []
    page.context.close()


class _Open(http.server.SimpleHTTPRequestHandler):
    """Serves a folder, and lets pages from elsewhere read it, as the portal does its log."""

    def end_headers(self) -> None:
        self.send_header("access-control-allow-origin", "*")
        super().end_headers()

    def log_message(self, *args: object) -> None:
        """Say nothing."""


@pytest.mark.browser
def test_a_log_is_fetched_from_its_one_address(
    browser: Browser, log: Path, trust: Path, tmp_path: Path
) -> None:
    """Made for a log, the file fetches it when it is asked to, and reaches nothing else."""
    server = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), partial(_Open, directory=str(log.parent))
    )
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    address = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        file = tmp_path / EXPLORER_NAME
        file.write_text(explorer(f"{address}/{log.name}"), encoding="utf-8")
        page = new_page(browser)
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.goto(file.as_uri())
        assert [url for url in asked if not url.startswith("file:")] == []
        page.locator("#logpasted").fill(trust.read_text())
        page.get_by_role("button", name="Fetch the log and check it").click()
        expect(page.locator("#log-result h3")).to_have_text("This log holds")
        assert {url.split("/", 3)[2] for url in asked if url.startswith("http")} == {address[7:]}
        outcome = page.evaluate("fetch('http://127.0.0.1:9/').then(() => 'sent', String)")
        assert "Failed to fetch" in outcome
        page.context.close()
    finally:
        server.shutdown()
        thread.join(10)
        server.server_close()
