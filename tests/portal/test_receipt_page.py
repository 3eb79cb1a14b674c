"""The receipt: one view as page, twin, JSON-LD and file; what it says, and to whom."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from fastapi.testclient import TestClient

from byleave.pages.link import link_token
from byleave.pages.receipt import (
    ReceiptRecord,
    ReceiptView,
    Stop,
    StopRule,
    receipt_file,
    sources,
    state_sentence,
)
from byleave.pages.shape import plain
from byleave.pages.view import read
from byleave.pages.words import speech
from byleave.policy.ruleset_stop import ALWAYS
from tests.portal.facts import KEY, NOW, HandBuilt, receipt_facts, receipt_frame, receipt_view

GERMAN = {"No.": "Nein.", "Yes.": "Ja.", "In part.": "Zum Teil."}


def words(page: str) -> str:
    """Return the text of a page in one line."""
    return unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page)))


def test_the_twin_is_the_view(client: TestClient, token: str) -> None:
    """O2: receipt.json holds exactly the facts of the page, and names its schema."""
    twin = client.get(f"/m/{token}/receipt.json").json()
    assert twin["receipt"] == receipt_facts()
    assert twin["schema"] == "byleave/page-receipt/v1"


def test_the_standard_form_is_a_file(client: TestClient, token: str) -> None:
    """receipt.jsonld is served as JSON-LD, to be saved, and never stored by a cache."""
    answer = client.get(f"/m/{token}/receipt.jsonld")
    assert answer.content == HandBuilt().standard_receipt(0)
    assert answer.headers["content-type"] == "application/ld+json"
    assert "attachment" in answer.headers["content-disposition"]
    assert answer.headers["cache-control"] == "no-store"


def test_who_made_no_choice_has_no_standard_form(client: TestClient) -> None:
    """A consent receipt is about a choice: without one, a 404 as problem+json."""
    answer = client.get(f"/m/{link_token(KEY, 1, NOW + timedelta(days=1))}/receipt.jsonld")
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("path", ["receipt", "receipt.json", "receipt.jsonld"])
def test_a_receipt_needs_the_members_link(client: TestClient, token: str, path: str) -> None:
    """A changed link finds nothing, an expired one says so, nobody's has none (M17)."""
    wrong = ("B" if token[0] == "A" else "A") + token[1:]
    assert client.get(f"/m/{wrong}/{path}").status_code == 404
    expired = link_token(KEY, 0, NOW - timedelta(seconds=1))
    assert client.get(f"/m/{expired}/{path}").status_code == 410
    nobody = link_token(KEY, 7, NOW + timedelta(days=1))
    assert client.get(f"/m/{nobody}/{path}").status_code == 404


def test_what_the_member_reads(client: TestClient, token: str) -> None:
    """M1, M7: each state in words, each answer with date and zone, each signal by its name."""
    text = words(client.get(f"/m/{token}/receipt").text)
    for sentence in (
        "No. You stopped this.",
        "No. You said no. We do none of this today.",
        "In part. Your yes holds for 2 of 3 uses.",
        "21 November 2024, 14:02 UTC",
        "You said yes. Older data too. Your yes ends on 30 September 2025.",
        "Global Privacy Control said no for you.",
        "We do not count that as a yes.",
        "We do not hold the text you answered. So this yes does not count.",
        "It answers this text: replies-7.",
        "No. You said yes, but the rules do not allow it.",
        "We have stopped this where you live. We do not use it now.",
        "Undertaking of a test, 8 Aug 2024 since 8 August 2024",
        "In part. Of 3 uses, we may do 1.",
        "You are too young for this. We do not use it. This is about 2 of 3 uses:",
        "Decision 1 of a test since 1 January 2024 until 1 January 2025 eu@2024-01-01 uk@2024-02-01",
        "No rule there names this use. since 1 February 2024",
    ):
        assert sentence in text


def test_no_sentence_says_yes_where_the_gate_says_no() -> None:
    """Whatever the choices come to, what is said begins with yes only where all uses are let through."""
    facts = plain(receipt_view().records[0]) | {"uses": 3}
    for state in (
        "ConsentExpired", "ConsentGiven", "ConsentRefused", "ConsentUnknown", "ConsentWithdrawn",
        "NoneGiven", "PartlyGiven",
    ):  # fmt: skip
        for agreed in range(4):
            for allowed in range(4):
                more = {"state": state, "agreed": agreed, "allowed": allowed}
                record = read(ReceiptRecord, facts | more)
                begins = {0: "No.", 3: "Yes."}.get(allowed, "In part.")
                for language in ("en", "de"):
                    told = state_sentence(record, speech(language))
                    assert told.startswith(begins if language == "en" else GERMAN[begins])


def test_every_state_has_a_sentence() -> None:
    """Each state a record can have is told in words; a yes to what is not done is no yes."""
    (record, *_) = receipt_view().records
    facts = plain(record) | {"uses": 0}
    states = (
        "ConsentExpired", "ConsentGiven", "ConsentRefused", "ConsentUnknown", "ConsentWithdrawn",
        "NoneGiven", "PartlyGiven",
    )  # fmt: skip
    told = {s: state_sentence(read(type(record), facts | {"state": s})) for s in states}
    assert all(sentence.startswith(("Yes.", "No.", "In part.")) for sentence in told.values())
    assert not [s for s, sentence in told.items() if sentence.startswith("Yes.")]
    assert told["ConsentGiven"] == (
        "No. You said yes, but we do none of this today. If we start, we ask you again."
    )


def test_the_member_page_leads_to_it(client: TestClient, token: str) -> None:
    """The member's page links the receipt, and the receipt links back."""
    assert f'href="/m/{token}/receipt"' in client.get(f"/m/{token}").text
    assert f'href="/m/{token}"' in client.get(f"/m/{token}/receipt").text


def test_the_file_asks_nothing_of_anyone() -> None:
    """The kept file has its style inside, by digest; no script, no address, no link that needs us."""
    page = receipt_file(receipt_frame(), receipt_view())
    assert page == receipt_file(receipt_frame(), receipt_view())
    assert re.search(r"default-src 'none'; style-src 'sha256-[A-Za-z0-9+/]{43}='", unescape(page))
    assert not re.search(r"<script|<link|<img|<iframe|\sstyle=|\son\w+=", page)
    assert set(re.findall(r'(?:href|src|action)="([^"]*)"', page)) == {"#content", "#help"}


def test_the_file_says_what_the_page_says(client: TestClient, token: str) -> None:
    """Every sentence, digest and number of the file stands on the page too."""
    page = words(client.get(f"/m/{token}/receipt").text)
    view = receipt_view()
    for text in (view.number, view.private_sha256, *(r.number for r in view.records)):
        assert text in page
        assert text in receipt_file(receipt_frame(), view)


def test_nobody_who_said_nothing_is_given_a_choice(
    with_answers: Callable[..., TestClient], token: str
) -> None:
    """M1: with no record the page says that nothing is decided, so nothing is used."""

    class Silent(HandBuilt):
        def receipt(self, ordinal: int) -> ReceiptView | None:
            return read(ReceiptView, receipt_facts() | {"records": []})

    text = words(with_answers(Silent()).get(f"/m/{token}/receipt").text)
    assert "You have not decided. Until you say yes, we do not use your data to train." in text
    assert "receipt.jsonld" not in text


def test_facts_are_escaped(with_answers: Callable[..., TestClient], token: str) -> None:
    """A notice's name or a meaning with markup in it shows as text."""
    facts: dict[str, Any] = receipt_facts()
    facts["records"][0]["meaning"] = "<script>alert(1)</script>"
    facts["records"][0]["events"][1]["notice"] = '"><img src=x>'

    class Hostile(HandBuilt):
        def receipt(self, ordinal: int) -> ReceiptView | None:
            return read(ReceiptView, facts)

    page = with_answers(Hostile()).get(f"/m/{token}/receipt").text
    assert "<script>" not in page
    assert "<img" not in page
    assert "&lt;script&gt;" in page


def test_a_rule_of_always_has_no_date_to_tell() -> None:
    """Where a rule comes with the package's first rulesets, the receipt tells no day since when."""
    dated = StopRule(ruleset="uk@2024-02-01", cite=None, since=NOW, until=None)
    for rules, since in (
        ((replace(dated, since=ALWAYS),), None),
        ((dated,), NOW),
        ((dated, replace(dated, since=ALWAYS)), None),
    ):
        stop = Stop(because="minor", agreed=0, index=None, uses=(), rules=rules)
        assert [source.since for source in sources(stop)] == [since]
