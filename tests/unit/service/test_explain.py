"""One member's answer with the rules of their region: the same as a gate's, and why."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest

from byleave.cli.main import main
from byleave.consent.reason import Ground, Reason
from byleave.errors import InputError
from byleave.pages.settings import Settings, row_sentence
from byleave.pages.view import MemberAnswer, read
from byleave.pages.words import speech
from byleave.service.asking import asking
from byleave.wiring import Workspace
from byleave.wiring import open as open_workspace
from byleave.wiring.world import ReplayClock
from tests.unit.service.small import ASK, PLATFORM, START, asked, empty

USE = "train.generative.replies/messages.direct/platform"
STILL = """\
rulesets: v1
version: own
sets:
  - ruleset: still
    title: Training on members in the UK stands still
    effective: "2020-01-01"
    regions: [uk, gb]
    rules: [{scope: "*/*/*", basis: opt-in, cite: "a cite of our own"}]
    messages: {party_rule: all, cite: x}
    past: {may_be_covered: true, cite: x}
    general_grants: {count: false, cite: x}
    suspensions: [{scope: train/*/*, start: "2020-01-01", cite: x}]
"""
CONTRACT = """\
contract: v1
record_id: [id]
parties: {author: who, recipients: to}
category_constant: messages.direct
collected_at: at
"""
REGIONS = {
    "agreed": "us-ca",
    "refused": "us-ca",
    "silent": "us-ca",
    "stopped": "eu",
    "still": "uk",
    "still-silent": "uk",
    "still-refused": "uk",
    "young": "eu",
    "nowhere": None,
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return a workspace in which members differ by choice, region and age."""
    clock = ReplayClock(START)
    with empty(tmp_path / "w", clock) as ws:
        asked(ws)
        ws.ruleset.publish(STILL)
        known = {member: region for member, region in REGIONS.items() if region}
        ws.member.enrol(list(REGIONS), regions=known)
        ws.member.born({"young": "2020"})
        for member in ("agreed", "stopped", "still", "young", "nowhere"):
            ws.consent.grant(member, PLATFORM, notice=ASK, includes_past=True)
        for member in ("refused", "still-refused"):
            ws.consent.refuse(member, "train/*/*")
        clock.set(START + timedelta(days=1))
        ws.consent.withdraw("stopped", "train/*/*")
    return tmp_path / "w"


def at_instant(path: Path, now: datetime) -> Workspace:
    """Open the workspace at an instant."""
    return open_workspace(path, now=ReplayClock(now))


def test_it_is_what_a_gate_says_of_their_rows(path: Path) -> None:
    """Over members of every kind, the reasons are those of a gate over one new row of each."""
    now = START + timedelta(days=2)
    with at_instant(path, now) as ws:
        who = list(REGIONS)
        at = pa.array([now] * len(who), pa.timestamp("us", tz="UTC"))
        rows = pa.table({"id": list(range(len(who))), "who": who, "to": who, "at": at})
        ws.source.add("letters", rows, CONTRACT)
        gated = ws.gate.dry_run("letters", USE)
        told = {member: ws.consent.explain(member, USE, at=now) for member in who}
    counts = Counter(found.reason.word for found in told.values())
    assert counts.pop("kept") == gated.kept == 1
    assert counts == {word: rows for word, rows in gated.reasons.items() if rows}
    assert {member: found.reason for member, found in told.items()} == {
        "agreed": Reason.KEPT,
        "refused": Reason.REFUSED,
        "silent": Reason.NO_GRANT,
        "stopped": Reason.WITHDRAWN,
        "still": Reason.REGION_SUSPENDED,
        "still-silent": Reason.REGION_SUSPENDED,
        "still-refused": Reason.REFUSED,
        "young": Reason.MINOR,
        "nowhere": Reason.REGION_SUSPENDED,
    }


def test_it_names_the_ground_the_region_and_the_rule(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A yes rests on consent and its entry; a rule that stops it is not put down to the member."""
    with at_instant(path, START + timedelta(days=2)) as ws:
        agreed, still = (ws.consent.explain(m, USE) for m in ("agreed", "still"))
        assert (agreed.ground, agreed.region) == (Ground.CONSENT, "us-ca")
        assert agreed.index == agreed.choices.because
        assert any("1798" in cite for cite in agreed.rule.cites)
        assert (still.ground, still.choices.reason) == (Ground.NONE, Reason.KEPT)
        assert still.index == max(index for index, *_ in ws.ledger.objects("ruleset"))
        with pytest.raises(InputError, match="no such member"):
            ws.consent.explain("nobody", USE)
    at = (START + timedelta(days=2)).isoformat()
    assert main(["decision", "explain", "still", USE, "--at", at, "--workspace", str(path)]) == 0
    said = capsys.readouterr().out
    for words in (
        "region-suspended",
        "choices     granted",
        "opt-in, suspended",
        "a cite of our own",
    ):
        assert words in said


def test_what_was_known_then_decides_what_is_said(path: Path) -> None:
    """Asked as of before a withdrawal was recorded, the answer is the yes that then stood."""
    before = START + timedelta(hours=12)
    with at_instant(path, START + timedelta(days=2)) as ws:
        assert ws.consent.explain("stopped", USE, known_at=before).reason is Reason.KEPT
        assert ws.consent.explain("stopped", USE).reason is Reason.WITHDRAWN


def test_the_pages_and_member_show_say_what_a_gate_says(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """For members of every kind, their page, their settings and `member show` say the gate's word."""
    now = START + timedelta(days=2)
    with at_instant(path, now) as ws:
        who = list(REGIONS)
        at = pa.array([now] * len(who), pa.timestamp("us", tz="UTC"))
        rows = pa.table({"id": list(range(len(who))), "who": who, "to": who, "at": at})
        ws.source.add("letters", rows, CONTRACT)
        kept = ws.gate.dry_run("letters", USE).kept
        ws.gate.run("letters", USE)
        told = {member: ws.consent.explain(member, USE) for member in who}
        pages = {member: read(MemberAnswer, ws.member.answer(member), where="x") for member in who}
        asked = {
            member: read(Settings, ws.consent.settings(member, tokens=False), where="x")
            for member in who
        }
    stands = {member: page.standings[0] for member, page in pages.items()}
    assert sum(one.allowed for one in stands.values()) == kept == 1
    for member, one in stands.items():
        found = told[member]
        assert one.allowed == found.allowed
        assert one.because == ("granted" if found.allowed else found.reason.word)
        assert (one.decided_by, one.region, one.basis) == (
            found.index,
            found.region,
            found.rule.basis.word,
        )
        row = asked[member].questions[0].rows[0]
        assert row.stopped_by == (found.reason.word if found.stopped_by_rule else None)
        assert row.stopped_all == found.stopped_by_rule
    says = {member: speech("en").standing_sentence(one) for member, one in stands.items()}
    assert says["agreed"] == "You said yes on 1 July 2024. We may use this."
    assert says["still"] == (
        "You said yes on 1 July 2024. We have stopped this where you live. We do not use it now."
    )
    assert (
        says["young"]
        == "You said yes on 1 July 2024. You are too young for this. We do not use it."
    )
    assert "We do not know where you live." in says["nowhere"]
    for member in ("still", "young", "nowhere"):
        assert row_sentence(asked[member].questions[0].rows[0]) == says[member]
    assert row_sentence(asked["agreed"].questions[0].rows[0]) == "You said yes on 1 July 2024."
    assert main(["member", "show", "still", "--workspace", str(path)]) == 0
    said = capsys.readouterr().out
    (line,) = [line for line in said.splitlines() if USE in line]
    assert "region-suspended" in line
    assert "opt-in, uk" in line


def test_nobody_is_asked_for_what_a_rule_stops(path: Path) -> None:
    """A question is open to the silent where rules allow it, and shut as stopped where they do not."""
    with at_instant(path, START + timedelta(days=2)) as ws:
        found = {
            member: asking(ws.house, member, ASK, language="en")
            for member in ("agreed", "refused", "silent", "still-silent", "still-refused", "young")
        }
        told = ws.consent.explain("still-silent", USE)
    assert {member: (one.ask, one.because) for member, one in found.items()} == {
        "agreed": (True, "undecided"),  # of the provider's line
        "refused": (False, "refused"),
        "silent": (True, "undecided"),
        "still-silent": (False, "stopped"),
        "still-refused": (False, "refused"),
        "young": (False, "stopped"),
    }
    assert told.stopped_by_rule
    assert found["still-silent"].uses == ()
    (rule,) = told.stops
    assert (rule.ruleset, rule.cite) == ("still@2020-01-01", "x")


def test_choices_are_never_taken_for_an_answer(path: Path) -> None:
    """`ws.consent.choices` says what was said, without a field that says allowed; `allowed_all` asks
    the rules too.
    """
    with at_instant(path, START + timedelta(days=2)) as ws:
        use = ws.house.taxonomy.use(USE)
        for member in ("agreed", "still", "young"):
            said = ws.consent.choices(member, USE)
            assert said.reason is Reason.KEPT
            assert not hasattr(said, "allowed")
        assert [
            ws.consent.allowed_all(m, [use]) for m in ("agreed", "still", "young", "refused")
        ] == [
            Reason.KEPT,
            Reason.REGION_SUSPENDED,
            Reason.MINOR,
            Reason.REFUSED,
        ]
