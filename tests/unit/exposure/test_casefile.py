"""The case file: what is read, and that every complaint names file and line."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from byleave.errors import InputError
from byleave.exposure.casefile import parse_case
from byleave.exposure.cohort import EVERYONE, alleged_class
from byleave.exposure.pack import DE_LA_TORRE
from byleave.exposure.practice import Honoured, Interval

CUT = datetime(2024, 9, 18, tzinfo=UTC)
SMALL = """\
format: byleave-case/v1
title: A case
origin: generated
messages: messages.csv
deliveries:
  - {id: d1, at: 2024-08-20, recipient: third-party, purpose: train}
"""


def test_the_worked_example_says_what_it_reads(root: Path) -> None:
    """The shipped case holds the matter, the switch, the deliveries and both cohorts."""
    case = parse_case((root / "examples/linkedin-2024.yaml").read_text(), "case.yaml")
    assert case.matter == DE_LA_TORRE
    assert "no real person" in case.origin
    assert case.setting is not None
    assert case.setting.on_since == datetime(2024, 8, 1, tzinfo=UTC)
    assert [d.id for d in case.deliveries] == ["package-1", "replies-model-1", "package-2"]
    assert case.cohorts == (EVERYONE, alleged_class(CUT))
    assert case.window == Interval(datetime(2024, 8, 1, tzinfo=UTC), CUT)
    assert case.tables["messages"].separator == ";"


def test_a_small_case_has_defaults() -> None:
    """Left out, the cohort is everyone, the author's switch is honoured, no day is set."""
    case = parse_case(SMALL, "case.yaml")
    assert (case.cohorts, case.as_of, case.kept) == ((EVERYONE,), None, None)
    assert case.deliveries[0].honoured is Honoured.AUTHOR


def test_the_matter_says_how_it_ended() -> None:
    """The matter says alleged, dismissed without prejudice after nine days, and the evidence."""
    assert (DE_LA_TORRE.ended, DE_LA_TORRE.filed) == (
        datetime(2025, 1, 30, tzinfo=UTC), datetime(2025, 1, 21, tzinfo=UTC),
    )  # fmt: skip
    assert "without prejudice" in DE_LA_TORRE.outcome
    assert "nine days" in DE_LA_TORRE.outcome
    assert "did not use the messages" in DE_LA_TORRE.outcome


COHORT = "cohorts:\n  - {name: c, used: {from: 2024-09-18, to: 2024-08-01}}\n"


@pytest.mark.parametrize(
    ("text", "code", "line"),
    [
        ("", "case.malformed", None),
        ("- a list\n", "case.malformed", 1),
        ("format: [\n", "case.malformed", 2),
        (SMALL.replace("/v1", "/v2"), "case.malformed", 1),
        (SMALL.replace("title: A case\n", ""), "case.malformed", 1),
        (SMALL.replace("messages: messages.csv\n", ""), "case.malformed", 1),
        (SMALL + "colour: red\n", "input.unknown-field", 7),
        (SMALL + "title: Again\n", "case.malformed", 7),
        (SMALL.replace("purpose: train", "purpose: train, why: so"), "input.unknown-field", 6),
        (SMALL.replace("2024-08-20", "yesterday"), "input.instant", 6),
        (SMALL.replace("purpose: train", "purpose: Train!"), "use.malformed", 6),
        (SMALL.replace("purpose: train", "purpose: train, honoured: me"), "case.malformed", 6),
        (SMALL + COHORT, "case.interval", 8),
        (SMALL + "cohorts: [nobody]\n", "case.malformed", 7),
        (SMALL + "cohorts:\n  - {name: c, subscribed: always}\n", "case.malformed", 8),
        (SMALL + "cohorts:\n  - {name: c, roles: [reader]}\n", "case.malformed", 8),
        (SMALL + "cohorts:\n  - {name: c, used: {till: 2024-08-01}}\n", "input.unknown-field", 8),
        (SMALL + "exposure: {readings: [tort]}\n", "case.reading", 7),
        (SMALL + "exposure: {with_damage: -1}\n", "case.malformed", 7),
        (SMALL + "matter: rumour\n", "case.malformed", 7),
        (
            SMALL + "setting:\n  name: s\n  periods:\n"
            "    - {from: 2024-08-01, default: on}\n    - {from: 2024-09-01, default: off}\n",
            "case.interval",
            8,
        ),
        (SMALL + "setting: {name: s, periods: [{default: perhaps}]}\n", "case.malformed", 7),
        (SMALL + "policies: [{document: p}]\n", "case.malformed", 7),
        (SMALL.replace("A case", "&a [*a]"), "case.malformed", 2),
        (SMALL + "title2: " + "x" * 2**20, "case.malformed", None),
    ],
)
def test_every_complaint_names_its_line(text: str, code: str, line: int | None) -> None:
    """A malformed case is refused with the code of what is wrong, and its line."""
    with pytest.raises(InputError) as refused:
        parse_case(text, "case.yaml")
    assert refused.value.code == code
    if line is not None:
        assert refused.value.where == f"case.yaml:{line}"
