"""The report: one file, nothing fetched, nobody named, honest about its limits and the case."""

from __future__ import annotations

import base64
import hashlib
import re

import pytest

from byleave.errors import InputError
from byleave.pages.report import render_report
from byleave.pages.words import LIMITS
from tests.portal.facts import report_facts


@pytest.fixture(scope="module")
def page() -> str:
    """The report of the hand-built facts."""
    return render_report(report_facts())


def test_the_same_facts_give_the_same_file(page: str) -> None:
    """Two renderings of the same facts are equal, byte for byte."""
    assert render_report(report_facts()) == page


def test_nothing_is_fetched(page: str) -> None:
    """The file has no address of any other file, no script and no inline style attribute."""
    assert not re.search(r"<(?:script|link|img|iframe|object|embed|base)\b", page)
    assert not re.search(r"\bstyle\s*=|url\(|@import|\bsrc=|\son\w+=", page)
    links = {m for m in re.findall(r'href="([^"]*)"', page) if not m.startswith("#")}
    assert links
    assert all(link.startswith("data:text/csv;charset=utf-8;base64,") for link in links)


def test_the_file_forbids_itself_the_network(page: str) -> None:
    """Its content security policy allows its one style sheet, by digest, and nothing else."""
    css = re.search(r"<style>(.*?)</style>", page, re.DOTALL)
    assert css
    digest = base64.b64encode(hashlib.sha256(css[1].encode()).digest()).decode()
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', page)
    assert policy
    assert f"style-src &#39;sha256-{digest}&#39;" in policy[1]
    assert policy[1].startswith("default-src &#39;none&#39;")


def test_limits_and_advice(page: str) -> None:
    """The limits block stands word for word beside the proofs, with `not legal advice`."""
    assert " ".join(LIMITS) in page
    assert "not legal advice" in page


def test_the_case_is_told_as_alleged_and_as_it_ended(page: str) -> None:
    """About the case it says *alleged*, *denied*, and dismissed without prejudice on 30 Jan 2025."""
    assert "alleged" in page
    assert "LinkedIn denied it" in page
    assert "dismissed without prejudice on 30 January 2025" in page


def test_every_chart_has_headline_name_and_table(page: str) -> None:
    """F2: each figure has a caption, two drawings of one name, and a table in `details`."""
    figures = re.findall(r'<figure class="figure">.*?</figure>', page, re.DOTALL)
    assert len(figures) == 6
    for figure in figures:
        assert len(set(re.findall(r'role="img" aria-label="([^"]+)"', figure))) == 1
        assert figure.index("<figcaption>") < figure.index("<svg") < figure.index("<details>")
        assert "<table>" in figure


@pytest.mark.parametrize("label", ["p-1234", "member 17", "Member Alice", "member a", "memberA"])
def test_a_lane_with_an_id_is_refused(label: str) -> None:
    """A report whose lane names a member otherwise than `member A` is refused."""
    facts = report_facts()
    facts["reach"][0]["member_label"] = label
    with pytest.raises(InputError) as caught:
        render_report(facts)
    assert caught.value.code == "pages.member-label"


def test_numbers_that_do_not_add_up_are_refused() -> None:
    """Kept and reasons that do not sum to the rows make no report."""
    facts = report_facts()
    facts["gate"]["kept"] += 1
    with pytest.raises(InputError, match="do not sum"):
        render_report(facts)
    facts = report_facts()
    facts["practice"]["affected_messages"] += 1
    with pytest.raises(InputError, match="do not sum"):
        render_report(facts)


def test_a_practice_counted_in_pairs() -> None:
    """Where `pairs` is given the reasons sum to it, and the figure says what it counts."""
    facts = report_facts()
    facts["practice"] |= {"by_reason": {"no-choice": 30_000, "date-unknown": 5}, "pairs": 30_005}
    assert "Each member in each message, by first reason" in render_report(facts)
    facts["practice"]["pairs"] += 1
    with pytest.raises(InputError, match="do not sum"):
        render_report(facts)


def test_a_chart_that_does_not_exist_is_refused() -> None:
    """A step that asks for a chart nobody draws is refused."""
    facts = report_facts()
    facts["story"][0]["charts"] = ["pie"]  # type: ignore[list-item]
    with pytest.raises(InputError) as caught:
        render_report(facts)
    assert caught.value.code == "pages.malformed"


def test_a_missing_or_unknown_part_is_refused() -> None:
    """A report without its exposure, or with a part it does not know, is refused by its name."""
    facts = report_facts()
    del facts["exposure"]  # type: ignore[misc]
    with pytest.raises(InputError) as caught:
        render_report(facts)
    assert caught.value.where == "exposure"
    with pytest.raises(InputError) as caught:
        render_report(report_facts() | {"members_list": []})  # type: ignore[arg-type]
    assert caught.value.where == "members_list"


def test_text_is_escaped() -> None:
    """Markup in a fact is shown, not obeyed, in text and in drawings."""
    facts = report_facts()
    facts["story"][0]["paragraphs"] = ["<script>alert(1)</script>"]
    facts["policy_versions"][0]["document"] = "<b>&\"'"
    page = render_report(facts)
    assert "<script>" not in page
    assert "<b>" not in page


def test_generated_messages_are_said_loudly(page: str) -> None:
    """A report on generated messages says so in its head, and one on real messages says that."""
    assert "none of this is real" in page[: page.index("<main")]
    real = render_report(report_facts() | {"data_origin": "real"})
    assert "none of this is real" not in real
    assert "Real messages" in real[: real.index("<main")]


def test_a_replay_without_withdrawals_still_reports() -> None:
    """With no withdrawal, no affected message and no reading, the report is written without those charts."""
    facts = report_facts()
    facts["reach"] = []
    facts["exposure"]["readings"] = []
    facts["practice"] = {"affected_members": 0, "affected_messages": 0, "by_reason": {}}
    assert render_report(facts).count("<figure") == 3
