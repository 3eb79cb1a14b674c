"""Data without words, dates or kinds; sizes at the border; values that a formatter could spoil."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pyarrow as pa
import pytest

from byleave.summary.eu_ai_act import eu_ai_act
from byleave.summary.field import FILL, Summary
from byleave.summary.subject import Subject
from byleave.wiring import Workspace
from byleave.wiring.world import ReplayClock
from tests.unit.service.small import START, empty

USE = "train.ranking.content/activity.feed/platform"
CONTRACT = """\
contract: v1
parties: {author: who}
category_constant: activity.feed
"""


def answers(summary: Summary) -> dict[str, str]:
    """Return the answers by id."""
    return {field.id: field.answer for field in summary.fields}


def test_numbers_alone_are_no_text(tmp_path: Path) -> None:
    """Of ids and numbers without date, kind or words: size and dates are open or said unknown."""
    table = pa.table({"who": ["m0", "m1", "m1"], "stars": [1, 2, 3]})
    clock = ReplayClock(START)
    with empty(tmp_path / "ws", clock) as ws:
        ws.policy.publish_notice("May we?\n", notice="content-1", asks=[USE])
        ws.source.add("stars", table, CONTRACT, regions={"m0": "eu", "m1": "eu"})
        clock.set(START + timedelta(days=1))
        for member in ("m0", "m1"):
            ws.consent.grant(member, USE, notice="content-1", includes_past=True)
        gate, gated = ws.gate.run("stars", USE)
        assert gated.record.kept == 3
        sealed = ws.snapshot.seal(gate, gated=gated)
        subject = ws.summary.subject(snapshot=sealed)
        said = answers(eu_ai_act(subject))
        documents = [json.loads(ws.summary.make(k, snapshot=sealed)) for k in ("croissant",)]
    assert subject.content.categories == {"activity.feed": 3}
    assert (subject.content.first, subject.content.undated) == (None, 3)
    assert subject.content.text_columns == ()
    assert said["1.3.1"].startswith(FILL)
    assert said["1.3.3"].startswith("unknown. ")
    assert subject.data.first_trained is None
    assert "rai:dataCollectionTimeframe" not in documents[0]


@pytest.fixture
def subject(ws: Workspace) -> Subject:
    """The release in service of the grown workspace."""
    return ws.summary.subject()


@pytest.mark.parametrize(("size", "open_"), [(999_999_999, False), (1_000_000_000, True)])
def test_bytes_decide_the_first_range_alone(subject: Subject, size: int, open_: bool) -> None:
    """One byte below 10⁹ is below 10⁹ tokens; at 10⁹ a person has to say the range."""
    large = replace(subject, content=replace(subject.content, text_bytes=size))
    said = answers(eu_ai_act(large))["1.3.1"]
    assert said.startswith(FILL) == open_
    assert f"{size:,}" in said


@pytest.mark.parametrize(
    ("origin", "says"),
    [("generated", "recorded as generated"), ("real", "recorded as real"), (None, FILL)],
)
def test_synthetic_data_is_what_was_recorded(
    subject: Subject, origin: str | None, says: str
) -> None:
    """Generated, real and unrecorded data each have their own answer; nothing is assumed."""
    said = replace(
        subject,
        data=replace(subject.data, origin=origin),
        operator=replace(subject.operator, data_origin=None),
    )
    assert says in answers(eu_ai_act(said))["2.5"]


def test_contact_details_are_configured_or_open(subject: Subject) -> None:
    """Without `party` in the configuration a person is asked; with it, it is stated."""
    without = replace(subject, operator=replace(subject.operator, contact=None, address=None))
    assert answers(eu_ai_act(without))["1.1.1"].startswith(FILL)
    given = replace(subject, operator=replace(subject.operator, contact="privacy@platform.test"))
    assert "privacy@platform.test" in answers(eu_ai_act(given))["1.1.1"]
