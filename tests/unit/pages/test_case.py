"""The page of a case: its numbers, its words, and nothing of a member."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pytest

from byleave.pages.case import case_page
from byleave.wiring.case import run_case


@pytest.fixture
def linkedin(root: Path) -> Path:
    """The first worked example."""
    return root / "examples" / "linkedin-2024.yaml"


def test_every_number_of_a_figure_stands_in_its_table(linkedin: Path) -> None:
    """Members, reasons, deliveries and each reading's range stand in the page as in the report."""
    report = run_case(linkedin)
    page = case_page(report.to_dict())
    for cohort in report.cohorts:
        for row in cohort.affected.reasons().to_pylist():
            cells = [row["reason"], *(f"{row[k]:,}" for k in ("pairs", "members", "messages"))]
            assert all(cell in page for cell in cells)
        for name, (_, messages) in cohort.affected.by_delivery.items():
            assert name in page
            assert f"{messages:,}" in page
        for reading in cohort.exposure.readings:
            assert reading.name in page
            assert reading.high is None or f"{reading.high:,}" in page


def test_the_gate_stands_beside_what_was_used(linkedin: Path) -> None:
    """Each reason for which the gate drops what was used stands in the page with its number."""
    data = run_case(linkedin).to_dict()
    page = case_page(data)
    for done in data["gate"]["deliveries"]:
        for reason, number in done["dropped"].items():
            assert reason in page
            assert f"{number:,}" in page
    assert "The same weeks through the gate" in page
    assert "The same weeks through the gate" not in case_page({**data, "gate": None})


def test_it_says_alleged_and_how_it_ended(linkedin: Path) -> None:
    """The page says alleged, the outcome, the data's origin, and that it is no legal advice."""
    page = case_page(run_case(linkedin).to_dict())
    for words in (
        "Alleged, not found",
        "Not legal advice",
        "Alleged:",
        "dismissed by the plaintiff without prejudice",
        "no real person",
        "not a likely sum",
    ):
        assert words in page


def test_it_names_no_member_and_loads_nothing(linkedin: Path) -> None:
    """No id of a member or message is in the page, no script, and nothing from elsewhere."""
    page = case_page(run_case(linkedin).to_dict())
    text = re.sub(r"<style>.*?</style>", "", page, flags=re.DOTALL)
    with (linkedin.parent / "linkedin-2024" / "messages.csv").open() as stream:
        for row in csv.DictReader(stream):
            assert not re.search(rf"\b{row['author']}\b", text)
            assert row["record"] not in text
    assert "<script" not in page
    assert not re.search(r'(src|href)="(?!#|data:text/csv;)', page)


def test_what_an_import_says_is_escaped(linkedin: Path) -> None:
    """A title or an origin that is markup is shown as text."""
    data = run_case(linkedin).to_dict()
    page = case_page({**data, "title": "<b>x</b>", "data_origin": "<script>y</script>"})
    assert "<b>x</b>" not in page
    assert "<script>" not in page
    assert "&lt;script&gt;" in page


def test_nobody_affected_and_no_amount_draw_nothing(root: Path) -> None:
    """Where nobody is affected, or no reading gives an amount, the page says so and draws none."""
    data = run_case(root / "examples" / "x-grok-2024.yaml").to_dict()
    assert "No reading gives an amount from these records." in case_page(data)
    (cohort,) = data["cohorts"]
    rows = [{**r, "pairs": 0} for r in cohort["affected"]["rows_by_reason"]]
    none = {**cohort, "affected": {**cohort["affected"], "rows_by_reason": rows}}
    page = case_page({**data, "cohorts": [none]})
    assert "Nobody was affected." in page
    assert "<figure" not in page


def test_equal_reports_give_equal_bytes(linkedin: Path) -> None:
    """Two runs of the same case write the same page."""
    assert case_page(run_case(linkedin).to_dict()) == case_page(run_case(linkedin).to_dict())


def test_one_delivery_among_several_is_named_and_not_compared(root: Path) -> None:
    """Where one delivery alone held such messages it is named; "held the most" needs two."""
    data = run_case(root / "examples" / "x-grok-2024.yaml").to_dict()
    assert "1 of 2 deliveries held such messages: replies-2." in case_page(data)
    rows = data["cohorts"][0]["affected"]["by_delivery"]
    rows[0]["messages"] = rows[1]["messages"] + 1
    assert "2 of 2 deliveries held such messages; replies-1 held the most." in case_page(data)
