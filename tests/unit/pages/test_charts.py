"""Figures: what the drawing may hold, what stands beside it, and that it is always the same."""

from __future__ import annotations

import base64
import csv
import io
import re
import subprocess
import sys
from dataclasses import replace
from xml.etree.ElementTree import Element, fromstring  # what we drew ourselves

import pytest

from byleave.pages.charts import Chart
from byleave.pages.figures import DRAW, money
from byleave.pages.report_input import ChartName
from byleave.pages.svg import COLOURS, settle
from tests.portal.facts import report_facts

NAMES: tuple[ChartName, ...] = ("consent", "gate", "practice", "parties", "reach", "exposure")
CLASSES = {f"{p}-{name}" for p in "fs" for name in COLOURS} | {"chart", "wide", "narrow"}


def parsed(svg: str) -> Element:
    """Read a drawing."""
    return fromstring(svg)  # noqa: S314  # what we drew ourselves


@pytest.fixture(scope="module")
def charts() -> dict[str, Chart]:
    """One drawing of each form, from the hand-built report."""
    return {name: DRAW[name](report_facts())[0] for name in NAMES}


@pytest.mark.parametrize("name", NAMES)
def test_the_drawing_is_clean(charts: dict[str, Chart], name: str) -> None:
    """F1: no style, script, link, id or handler in the SVG; only classes of the style sheet."""
    for svg in (charts[name].wide, charts[name].narrow):
        assert not re.search(r"style|script|href|url\(|\bid=|\son\w+=|clip-path", svg)
        for element in parsed(svg).iter():
            assert element.tag in {"svg", "g", "path", "rect", "text", "line"}
            assert set(element.get("class", "").split()) <= CLASSES


@pytest.mark.parametrize("name", NAMES)
def test_the_drawing_has_one_name(charts: dict[str, Chart], name: str) -> None:
    """F2: `role=img` with the headline and subtitle as its name; everything inside is hidden."""
    root = parsed(charts[name].wide)
    assert (root.get("role"), root.get("aria-label")) == ("img", charts[name].name)
    assert charts[name].headline in charts[name].name
    assert [child.get("aria-hidden") for child in root] == ["true"]
    assert not [e for e in list(root.iter())[1:] if e.get("role") or e.get("aria-label")]


@pytest.mark.parametrize("name", NAMES)
def test_the_table_twin_can_be_saved(charts: dict[str, Chart], name: str) -> None:
    """F2: the link beside a drawing holds the cells of its table, and needs no second file."""
    kind, _, raw = charts[name].csv.partition(",")
    assert kind == "data:text/csv;charset=utf-8;base64"
    rows = list(csv.reader(io.StringIO(base64.b64decode(raw).decode(), newline="")))
    assert [tuple(row) for row in rows] == [charts[name].columns, *charts[name].rows]


def test_a_saved_cell_is_no_formula(charts: dict[str, Chart]) -> None:
    """A cell that a spreadsheet would run stands behind an apostrophe in the saved table."""
    rows = (("=1+1", "-2"), ("@x", "3"))
    _, _, raw = replace(charts["gate"], columns=("a", "b"), rows=rows).csv.partition(",")
    assert base64.b64decode(raw) == b"a,b\r\n'=1+1,'-2\r\n'@x,3\r\n"


@pytest.mark.parametrize("name", NAMES)
def test_every_colour_follows_the_scheme(charts: dict[str, Chart], name: str) -> None:
    """Every fill and stroke drawn is one of the named colours, so that dark mode reaches it."""
    for svg in (charts[name].wide, charts[name].narrow):
        for element in parsed(svg).iter():
            for attribute, prefix in (("fill", "f"), ("stroke", "s")):
                colour = element.get(attribute)
                if colour not in {None, "none", "transparent"}:
                    assert colour in COLOURS.values()
                    assert f"{prefix}-" in element.get("class", "")


@pytest.mark.parametrize("name", NAMES)
def test_equal_numbers_give_equal_bytes(charts: dict[str, Chart], name: ChartName) -> None:
    """Drawing the same facts again gives the same bytes, after other drawings in between."""
    assert DRAW[name](report_facts())[0] == charts[name]


def test_red_is_for_overdue_only(charts: dict[str, Chart]) -> None:
    """F4: only the chart with an overdue mark has red in it."""
    red = {name for name, chart in charts.items() if "alert" in chart.wide}
    assert red == {"reach"}
    facts = report_facts()
    for mark in facts["reach"]:
        mark["state"] = "done"
    assert "alert" not in DRAW["reach"](facts)[0].wide


def test_the_drawing_does_not_depend_on_the_zone() -> None:
    """The same bytes come out under another time zone of the machine."""
    program = (
        "import hashlib; from byleave.pages.figures import DRAW; "
        "from tests.portal.facts import report_facts; "
        "print(hashlib.sha256(''.join(c.wide + c.narrow for n in ('consent', 'reach') "
        "for c in DRAW[n](report_facts())).encode()).hexdigest())"
    )
    seen = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={"TZ": zone, "PATH": "/usr/bin:/bin", "PYTHONPATH": "src:."},
            check=True,
            capture_output=True,
            text=True,
            timeout=120,
        ).stdout
        for zone in ("UTC", "Pacific/Kiritimati")
    }
    assert len(seen) == 1


def test_the_table_twin_sums_to_the_drawing(charts: dict[str, Chart]) -> None:
    """F2: the rows of the gate's table sum to the rows the gate looked at."""
    rows = [int(row[2].replace(",", "")) for row in charts["gate"].rows]
    assert sum(rows) == report_facts()["gate"]["rows"]
    for row in charts["gate"].rows:
        assert f">{row[2]}</text>" in charts["gate"].wide


def test_the_headline_is_made_from_the_numbers() -> None:
    """G11: other numbers give another headline."""
    facts = report_facts()
    facts["gate"]["kept"] += facts["gate"]["reasons"].pop("withdrawn")
    headline = DRAW["gate"](facts)[0].headline
    assert headline.startswith("The gate keeps 5,160 of 20,932 messages.")


def test_bars_are_sorted_and_start_at_zero(charts: dict[str, Chart]) -> None:
    """F3: reasons stand most first, and each bar's length is in proportion to its number."""
    lengths = [float(n) for n in re.findall(r' d="[^"]*h([\d.]+)v16', charts["practice"].wide)]
    assert len(lengths) == 4
    assert lengths == sorted(lengths, reverse=True)
    assert lengths[1] / lengths[0] == pytest.approx(5072 / 10620, rel=0.01)


def test_importing_the_room_loads_no_drawing_library() -> None:
    """Altair and vl-convert are loaded by the first drawing, not by importing the report."""
    program = "import sys, byleave.pages.report; print('altair' in sys.modules, 'vl_convert' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": "src"},
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stdout.strip() == "False False"


@pytest.mark.parametrize(
    ("amount", "shown"),
    [(0, "$0"), (999, "$999"), (95000, "$95,000"), (1.285e6, "$1.28 million"), (2e9, "$2 billion")],
)
def test_amounts_for_people(amount: float, shown: str) -> None:
    """Amounts have separators, and a word from a million on."""
    assert money(amount, "USD") == shown


def test_an_empty_drawing_is_refused() -> None:
    """What vl-convert returns for a faulty chart, a drawing without text, is an error."""
    with pytest.raises(RuntimeError, match="drew nothing"):
        settle(
            '<svg xmlns="http://www.w3.org/2000/svg" width="1" height="1"/>', name="n", kind="wide"
        )
