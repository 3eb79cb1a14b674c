"""The portal: addresses, headers, links, twins, proofs, and what it never says."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from html import unescape
from itertools import pairwise
from typing import Any

import pytest
from fastapi.testclient import TestClient

from byleave.pages import html
from byleave.pages.link import link_token
from byleave.pages.view import Frame, MemberAnswer, PolicyEntry, ReleaseEntry, plain, read
from byleave.pages.words import LIMITS
from tests.portal.facts import CHECKPOINT, KEY, NOW, HandBuilt, member_facts, overview_facts

PAGES = ("public", "policy", "release", "member", "receipt")


@pytest.mark.parametrize("page", PAGES)
def test_security_headers(client: TestClient, addresses: dict[str, str], page: str) -> None:
    """Every page forbids scripts, frames, other origins and referrers, without `unsafe-`."""
    answer = client.get(addresses[page])
    assert answer.status_code == 200
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "base-uri 'none'" in policy
    assert "unsafe" not in policy
    assert "script-src" not in policy
    assert answer.headers["referrer-policy"] == "same-origin"
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_member_pages_are_not_stored(client: TestClient, token: str) -> None:
    """Nothing under a member's link may be stored: page, twin, proof, and a link that fails."""
    names = ("", ".json", "/proofs/event-20140.proof", "x", "/proofs/none.proof")
    for rest in names:
        assert client.get(f"/m/{token}{rest}").headers["cache-control"] == "no-store"


@pytest.mark.parametrize("path", ["/nothing", "/m/x", "/static/x.css", "/releases/x", "/proofs/a"])
def test_misses_carry_the_headers_too(client: TestClient, path: str) -> None:
    """A 404 has the same security headers as a page."""
    answer = client.get(path)
    assert answer.status_code == 404
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "This page is not here" in answer.text


def test_a_fault_is_told_without_its_cause(with_answers: Callable[..., TestClient]) -> None:
    """When a page cannot be written: 500, plain words, the headers, and nothing of the fault."""

    class Broken(HandBuilt):
        def overview(self) -> Any:
            raise RuntimeError("secret detail")

    client = with_answers(Broken())
    for path, kind in (("/", "text/html"), ("/index.json", "application/problem+json")):
        answer = client.get(path)
        assert answer.status_code == 500
        assert answer.headers["content-type"].startswith(kind)
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert "secret detail" not in answer.text
        assert "fault is ours" in answer.text


@pytest.mark.parametrize("page", PAGES)
def test_nothing_inline_and_nothing_from_elsewhere(
    client: TestClient, addresses: dict[str, str], page: str
) -> None:
    """No `style=`, no script, no handler; every address is of this site."""
    text = client.get(addresses[page]).text
    assert not re.search(r"\sstyle\s*=|<style|<script|\son\w+\s*=|<iframe|javascript:", text)
    found = re.findall(r'(?:href|src|action)="([^"]*)"', text)
    assert found
    found = [a for a in found if not re.fullmatch(r"\?lang=[a-z]+", a)]  # this page, otherwise
    assert not [a for a in found if not a.startswith(("/", "#")) or a.startswith("//")]


@pytest.mark.parametrize("page", PAGES)
def test_pages_are_small(client: TestClient, addresses: dict[str, str], page: str) -> None:
    """A page is at most 60 KB, and the style sheet at most 25 KB."""
    assert len(client.get(addresses[page]).content) <= 60_000
    assert len(html.style()) <= 25_000


def test_a_long_story_stays_small_and_loses_nothing(
    with_answers: Callable[..., TestClient], token: str
) -> None:
    """With 1,000 timeline lines each page stays under 60 KB, and the pages together show each."""
    lines = [
        {"at": "2024-10-03T07:40:00Z", "kind": "trained", "who": "we", "object": f"release-{n}",
         "index": n, "records": 3, "proof": f"presence-{n}"}
        for n in reversed(range(1000))
    ]  # fmt: skip
    client = with_answers(HandBuilt(timeline=lines))
    seen: list[str] = []
    path = f"/m/{token}"
    while path:
        page = client.get(path)
        assert len(page.content) <= 60_000
        seen += re.findall(r"trained the model (release-\d+) on", page.text)
        older = re.search(r'href="([^"]*\?until=\d+)#timeline">Older', page.text)
        path = older[1] if older else ""
    assert seen == [f"release-{n}" for n in reversed(range(1000))]


@pytest.mark.parametrize("until", ["0", "-1", "x", "99999999"])
def test_a_strange_part_of_the_story(client: TestClient, token: str, until: str) -> None:
    """A part of the timeline that does not exist is refused or shows the newest; never a fault."""
    assert client.get(f"/m/{token}?until={until}").status_code in {200, 422}


@pytest.mark.parametrize("page", PAGES)
def test_every_link_opens(client: TestClient, addresses: dict[str, str], page: str) -> None:
    """Each address on each page answers below 400, and each `#` stands on its page."""
    text = client.get(addresses[page]).text
    for address in set(re.findall(r'href="([^"]*)"', text)):
        path, _, anchor = unescape(address).partition("#")
        target = client.get(path) if path else None
        assert target is None or target.status_code < 400, address
        if anchor.startswith("proof="):  # what the checking page is to load
            assert client.get(anchor.removeprefix("proof=")).status_code < 400, address
        elif anchor:
            assert f'id="{anchor}"' in (target.text if target else text), address


@pytest.mark.parametrize("page", PAGES)
def test_pages_have_landmarks(client: TestClient, addresses: dict[str, str], page: str) -> None:
    """Each page has its language, one title, one heading 1, a skip link to `main`, and a footer."""
    text = client.get(addresses[page]).text
    assert '<html lang="en"' in text
    for once in (r"<h1\b", r"<main\b", r"<title>", r"<footer\b", r"<header class=\"site-head"):
        assert len(re.findall(once, text)) == 1, once
    assert '<a class="skip" href="#content">' in text
    assert '<main id="content"' in text
    ids = re.findall(r'\bid="([^"]+)"', text)
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("page", PAGES)
def test_headings_do_not_skip_a_level(
    client: TestClient, addresses: dict[str, str], page: str
) -> None:
    """A heading is at most one level below the one before it."""
    levels = [int(n) for n in re.findall(r"<h([1-6])\b", client.get(addresses[page]).text)]
    assert levels[0] == 1
    assert all(b - a <= 1 for a, b in pairwise(levels))


@pytest.mark.parametrize("page", PAGES)
def test_limits_stand_with_the_proofs(
    client: TestClient, addresses: dict[str, str], page: str
) -> None:
    """Each page that has a proof has the limits block, word for word, once."""
    assert unescape(client.get(addresses[page]).text).count(" ".join(LIMITS)) == 1


def test_the_demo_says_so(
    client: TestClient, addresses: dict[str, str], with_answers: Callable[..., TestClient]
) -> None:
    """O7: each page of a demo has the banner and its first page links members; otherwise neither."""
    for address in addresses.values():
        assert "This is a demo" in client.get(address).text
    assert "/m/" in client.get("/").text
    live = with_answers(HandBuilt())
    for address in addresses.values():
        assert "This is a demo" not in live.get(address).text
    assert "/m/" not in live.get("/").text


# --- links ---------------------------------------------------------------------------------------


def test_a_changed_link_is_a_404(client: TestClient, token: str) -> None:
    """A link with a character changed is 404 in plain words, and is not told from a made-up one."""
    changed = token[:-1] + ("A" if token[-1] != "A" else "B")
    answers = [client.get(f"/m/{t}") for t in (changed, "A" * 64, "x", token + "A")]
    assert {a.status_code for a in answers} == {404}
    assert len({a.text for a in answers}) == 1
    assert "copy the whole of it" in answers[0].text


def test_an_expired_link_is_a_410(client: TestClient) -> None:
    """A link that has run out is 410, says when, and that nothing has changed."""
    old = link_token(KEY, 0, NOW - timedelta(days=3))
    for rest in ("", ".json", "/proofs/event-20140.proof"):
        assert client.get(f"/m/{old}{rest}").status_code == 410
    text = client.get(f"/m/{old}").text
    assert "It ran out on 18 November 2024." in text
    assert "Your choices have not changed." in text


def test_a_link_for_nobody_is_a_404(client: TestClient) -> None:
    """A valid link for an ordinal that nobody has is the same 404."""
    nobody = link_token(KEY, 99, NOW + timedelta(days=1))
    assert client.get(f"/m/{nobody}").status_code == 404


def test_errors_keep_the_media_type(client: TestClient) -> None:
    """Where JSON is asked for, a miss is problem+json, by address or by `Accept`."""
    by_path = client.get("/releases/none.json")
    by_accept = client.get("/releases/none", headers={"accept": "application/json"})
    for answer in (by_path, by_accept):
        assert answer.status_code == answer.json()["status"] == 404
        assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("method", ["post", "put", "delete", "patch"])
def test_nothing_can_be_written(client: TestClient, token: str, method: str) -> None:
    """Every method that could change something is refused on every kind of address."""
    for path in ("/", f"/m/{token}", "/releases/replies-2", "/proofs/release-20142.proof"):
        assert getattr(client, method)(path).status_code == 405


def test_head_answers_without_a_body(client: TestClient) -> None:
    """HEAD has the headers of GET and no body."""
    head, get = client.head("/"), client.get("/")
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-type"] == get.headers["content-type"]


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "", "[::2]", "[::1", "a@b:c"]
)
def test_a_foreign_name_is_not_answered(with_answers: Callable[..., TestClient], host: str) -> None:
    """On loopback, a request under another host name is refused (DNS rebinding)."""
    client = with_answers(
        HandBuilt(), demo=True, hosts=frozenset({"127.0.0.1", "::1", "localhost"})
    )
    answer = client.get("/", headers={"host": host})
    assert answer.status_code == 421
    assert "Example Network" not in answer.text
    for own in ("127.0.0.1:8000", "localhost", "[::1]:9"):
        assert client.get("/", headers={"host": own}).status_code == 200


# --- proofs --------------------------------------------------------------------------------------


def test_a_proof_is_the_file(client: TestClient, token: str) -> None:
    """A proof comes as the bytes the workspace gave, named for saving."""
    answer = client.get(f"/m/{token}/proofs/absence-1-replies-2.proof")
    assert answer.content == b"absence-1-replies-2"
    assert answer.headers["content-disposition"] == (
        'attachment; filename="absence-1-replies-2.proof"'
    )


@pytest.mark.parametrize("name", ["presence-2-replies-1", "release-20142", "gone", "..%2Fledger"])
def test_a_member_gets_no_other_proof(client: TestClient, token: str, name: str) -> None:
    """Under a member's link only the proofs named on their own page are handed out."""
    assert client.get(f"/m/{token}/proofs/{name}.proof").status_code == 404


def test_public_proofs_are_the_public_ones(client: TestClient) -> None:
    """Without a link only proofs of texts and releases are handed out."""
    assert client.get("/proofs/release-20142.proof").content == b"release-20142"
    assert client.get("/proofs/policy-15000.proof").status_code == 200
    assert client.get("/proofs/absence-1-replies-2.proof").status_code == 404


def test_the_trust_file(client: TestClient) -> None:
    """The trust file is handed out as text, unchanged."""
    assert client.get("/trust.policy").text == overview_facts()["trust"]


# --- twins ---------------------------------------------------------------------------------------


def test_the_twin_is_the_view(client: TestClient, token: str) -> None:
    """O2: each `.json` holds exactly the facts of its page's view, and names its schema."""
    member = client.get(f"/m/{token}.json").json()
    assert member["member"] == member_facts()
    assert member["schema"] == "byleave/page-member/v1"
    facts = overview_facts()
    assert client.get("/policies/privacy-policy/2.json").json()["policy"] == facts["policies"][0]
    assert client.get("/releases/replies-1.json").json()["release"] == facts["releases"][1]
    overview = client.get("/index.json").json()["overview"]
    assert overview["releases"] == facts["releases"]
    assert overview["operator"] == facts["operator"]


@pytest.mark.parametrize("page", PAGES)
def test_each_page_names_its_twin(client: TestClient, addresses: dict[str, str], page: str) -> None:
    """The head of each page links its JSON, which exists."""
    link = re.search(
        r'<link rel="alternate" type="application/json" href="([^"]+)"',
        client.get(addresses[page]).text,
    )
    assert link
    assert client.get(link[1]).headers["content-type"] == "application/json"


FRAME = read(
    Frame,
    {"operator": "Example Network", "demo": False, "at": "2024-11-21T14:31:00Z",
     "checkpoint": CHECKPOINT},
)  # fmt: skip
# What the page tells elsewhere: the checkpoint in its frame, instants to the minute (below). What
# says nothing where it stands: the counts of a release one is not in, a past that is not a grant's.
UNTOLD = re.compile(
    r"^checkpoint\.|\.at$|releases\[0\]\.(records|as_author|as_recipient)$|"
    r"releases\[1\]\.directory$|choices\[[012]\]\.includes_past$|depths\[2\]\.exact$"
)


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the path and value of everything that is not a list or an object."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from leaves(inner, f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from leaves(inner, f"{path}[{index}]")
    else:
        yield path, value


def changed(facts: dict[str, Any], path: str) -> dict[str, Any]:
    """Return the facts with one leaf changed to another value of its type."""
    copied = copy.deepcopy(facts)
    steps = [int(s) if s.isdigit() else s for s in re.findall(r"\w+", path)]
    inner: Any = copied
    for step in steps[:-1]:
        inner = inner[step]
    old = inner[steps[-1]]
    if isinstance(old, bool):
        new: Any = not old
    elif isinstance(old, int):
        new = old + 1
    elif re.match(r"\d{4}-\d\d-\d\dT", old):
        new = "2019-02-03T04:05:00Z"
    elif old.count("/") == 2:
        new = "train.safety/inferred/platform"
    else:
        new = _other(path, old)
    inner[steps[-1]] = new
    return copied


OTHER = {
    "withdrawal": "refusal", "objection": "refusal", "refusal": "grant", "grant": "refusal",
    "bytes": "none", "present": "absent", "absent": "present", "stopped": "recalled",
    "dropped": "stopped", "unlearned": "stopped", "recalled": "stopped", "done": "overdue",
    "due": "waiting", "waiting": "due", "consent": "not-objected", "contract": "consent",
    "withdrawn": "refused", "no-grant": "refused", "refused": "no-grant", "policy": "faq",
}  # fmt: skip


def _other(path: str, old: str) -> str:
    """Return another word that the field may hold; for a free text, a longer one."""
    if path.startswith("timeline") and path.endswith(".kind"):
        return "sealed" if old == "trained" else "trained"
    if path.endswith((".because", "code")):
        return "expired"
    return OTHER.get(old, f"{old}x")


def member_html(facts: dict[str, Any]) -> str:
    """Write the member's page of some facts."""
    return html.member_page(FRAME, read(MemberAnswer, facts), base="", own="/m/t")


MEMBER_LEAVES = [
    path for path, value in leaves(member_facts()) if value is not None and not UNTOLD.search(path)
]


@pytest.mark.parametrize("path", MEMBER_LEAVES)
def test_each_fact_of_the_twin_is_told_on_the_page(path: str) -> None:
    """O2: changing any one fact of the member's JSON changes the member's page."""
    facts = member_facts()
    assert member_html(changed(facts, path)) != member_html(facts)


def test_each_instant_is_told_on_the_page() -> None:
    """M7: each instant of the JSON that happened stands on the page, to the minute."""
    page = member_html(member_facts())
    for path, value in leaves(member_facts()):
        if path.endswith(".at") and value:
            day = int(value[8:10])
            assert f"{day} " in page
            assert f"{value[11:16]} UTC" in page, path


@pytest.mark.parametrize("record", [PolicyEntry, ReleaseEntry])
def test_each_fact_of_texts_and_releases_is_told(record: type) -> None:
    """O2: changing any one fact of a text's or release's JSON changes its page."""
    name, write = (
        ("policies", html.policy_page) if record is PolicyEntry else ("releases", html.release_page)
    )
    facts = overview_facts()[name][0]
    base = write(FRAME, read(record, facts), base="")
    for path, value in leaves(facts):
        if value is not None and value != "":
            changed_page = write(FRAME, read(record, changed(facts, path)), base="")
            assert changed_page != base, path


def test_the_page_is_a_function_of_its_view(client: TestClient, token: str) -> None:
    """The page the portal serves is the page of the view in its JSON, and of nothing else."""
    twin = client.get(f"/m/{token}.json").json()
    page = html.member_page(
        read(Frame, twin["frame"]), read(MemberAnswer, twin["member"]), base="", own=f"/m/{token}"
    )
    assert client.get(f"/m/{token}").text == page
    assert plain(read(Frame, twin["frame"])) == twin["frame"]


# --- words on the page ---------------------------------------------------------------------------


def test_what_the_member_is_told(client: TestClient, token: str) -> None:
    """M1, M8, §1.3: the member reads their choice, its date, the four depths and both answers."""
    text = unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", client.get(f"/m/{token}").text)))
    for sentence in (
        "You stopped this on 21 November 2024. We do not use it any more.",
        "You have not decided. Until you say yes, we do not use this.",
        "You said no on 30 September 2024. We do not use this.",
        "This is needed to run the service.",
        "Stopped: done.",
        "Dropped: done. Your 14 records are out of set-42.",
        "Unlearned: done for 1 of 2. Due by 5 December 2024, 00:00 UTC (in 14 days).",
        "Recalled: waiting. We told Example Provider to stop and delete.",
        "None of your records are in the set it was trained on, in any role.",
        "This holds under your receipt.",
        "14 records of yours are in the set it was trained on: 9 as writer, 5 as reader.",
        "put 14 records of yours in training set set-42, because you agreed.",
        "left 24 records of yours out of set-42: no date, so no promise to check.",
        "1 of 2 released models had records of yours.",
    ):
        assert sentence in text, sentence
    assert "byleave verify absence-1-replies-2.proof --trust trust.policy --receipt" in text


def test_a_member_with_nothing_yet(with_answers: Callable[..., TestClient], token: str) -> None:
    """O6: a member without choices, withdrawals, releases or lines gets a page that says so."""
    empty: dict[str, Any] = {
        "choices": [], "standings": [], "timeline": [], "withdrawals": [], "releases": [],
    }  # fmt: skip
    text = with_answers(HandBuilt(**empty)).get(f"/m/{token}").text
    assert "You have not decided. Until you say yes, we do not use your data to train." in text
    assert "Nothing has happened with your data yet." in text


def test_facts_are_escaped(with_answers: Callable[..., TestClient], token: str) -> None:
    """Markup in a label is shown, not obeyed."""
    text = with_answers(HandBuilt(member_label="<img src=x>")).get(f"/m/{token}").text
    assert "<img" not in text
    assert "&lt;img src=x&gt;" in text


def test_no_word_calls_another_ground_consent(
    with_answers: Callable[..., TestClient], token: str
) -> None:
    """G1: a use that rests on another basis is never said to be agreed to on the page."""
    standing = {
        "use": "train.safety/content.posts/platform", "allowed": True, "because": "not-objected",
        "ground": "not-objected", "since": None, "decided_by": None,
    }  # fmt: skip
    client = with_answers(HandBuilt(standings=[standing], choices=[], timeline=[], withdrawals=[]))
    text = client.get(f"/m/{token}").text
    assert "The law lets us use this unless you object." in text
    assert "agreed" not in text
    assert "consent" not in text.replace("consents", "")
