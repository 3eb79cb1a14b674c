"""The page of a gate: what it keeps, why it leaves out, and what other rules would do."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise

import pytest

from byleave.errors import InputError
from byleave.pages.gate import GateView, RuleView, gate_page

VIEW = GateView(
    data="<messages>.parquet",
    use="train.generative.replies/messages.direct/platform",
    rules="2026-11-01",
    at=datetime(2024, 9, 18, tzinfo=UTC),
    rows=1000,
    kept=300,
    reasons={"no-grant": 500, "refused": 150, "withdrawn": 50},
    compared=(
        RuleView(label="as it is", kept=300, gained=0, lost=0),
        RuleView(label="party rule all", kept=120, gained=0, lost=180),
        RuleView(label="stricter.yaml", kept=310, gained=20, lost=10),
    ),
    notes=("grants are taken at their word",),
)


def test_numbers_stand_in_words_drawing_and_table() -> None:
    """Rows kept and every reason stand in the text, and the flow's bars join end to end."""
    page = gate_page(VIEW)
    for shown in ("300 of 1,000 rows", "− 500", "− 150", "− 50", "50.0 %", "180 rows fewer"):
        assert shown in page
    assert "&lt;messages&gt;.parquet" in page
    assert "<messages>" not in page


def test_the_flow_falls_from_all_to_kept() -> None:
    """Each reason's bar ends where the one above begins, down to the rows kept."""
    page = gate_page(VIEW)
    wide = page[page.index("<svg", page.index('id="flow"')) :]
    wide = wide[: wide.index("</svg>")]
    bars = [
        (float(x), float(x) + float(w))
        for x, w in re.findall(r'd="M([\d.]+),[-\d.]+h([\d.]+)v16', wide)
    ]
    assert len(bars) == 5
    assert bars[0][1] == pytest.approx(bars[1][1])
    for above, below in pairwise(bars[1:-1]):
        assert below[1] == pytest.approx(above[0], abs=0.01)
    assert (bars[-1][0], bars[-1][1]) == pytest.approx((bars[0][0], bars[-2][0]), abs=0.01)


def test_equal_views_give_equal_bytes() -> None:
    """Writing the same view twice gives the same file."""
    assert gate_page(VIEW) == gate_page(replace(VIEW))


def test_numbers_must_sum() -> None:
    """A view whose numbers do not sum is refused."""
    with pytest.raises(InputError) as caught:
        gate_page(replace(VIEW, kept=301))
    assert caught.value.code == "pages.malformed"


def test_no_rows_are_told_without_a_drawing() -> None:
    """A file without rows has a page, and no empty chart."""
    page = gate_page(replace(VIEW, rows=0, kept=0, reasons={}, compared=(), notes=()))
    assert "0 of 0 rows" in page
    assert "<figure" not in page
