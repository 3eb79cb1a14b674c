"""What a receipt says is allowed is what a gate does with a new row of that member's."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from byleave.canonical import decode
from byleave.cli.main import main
from byleave.consent.event import EventKind
from byleave.pages.receipt import ReceiptRecord, ReceiptView, receipt_file, state_sentence
from byleave.pages.view import Frame, read
from byleave.pages.words import speech
from byleave.service.by_member import reasons_at
from byleave.service.consent import NewEvent
from byleave.wiring import Workspace
from byleave.wiring import open as open_workspace
from byleave.wiring.world import ReplayClock
from tests.unit.service.small import ASK, PLATFORM, START, asked, empty

REPLIES = "train.generative.replies"
DIRECT = f"{REPLIES}/messages.direct/platform"
INMAIL = f"{REPLIES}/messages.inmail/platform"
JOBS = "train.ranking.jobs/profile.skills/platform"
USES = (DIRECT, INMAIL, JOBS)
WIDE = "question-2"
PARTS = """\
    messages: {party_rule: all, cite: "Act s. 3"}
    past: {may_be_covered: true, cite: "Act s. 4"}
"""
RULES = f"""\
rulesets: v1
version: own
sets:
  - ruleset: open
    title: A region in which a yes is enough, from 18 on
    effective: "2020-01-01"
    regions: [aa]
    rules: [{{scope: "*/*/*", basis: opt-in, cite: "Act s. 1"}}]
    min_age: {{years: 18, scope: train/*/*, cite: "Act s. 18"}}
{PARTS}    general_grants: {{count: true, cite: "Act s. 5"}}
  - ruleset: still
    title: A region in which InMail stands still until the autumn
    effective: "2020-01-01"
    regions: [bb]
    rules: [{{scope: "*/*/*", basis: opt-in, cite: "Code s. 1"}}]
{PARTS}    general_grants: {{count: false, cite: "Code s. 5"}}
    suspensions:
      - {{scope: train/messages.inmail/*, start: "2024-01-01", end: "2024-09-01", cite: "Order 7"}}
  - ruleset: bare
    title: A region that has a rule for messages and none for profiles
    effective: "2020-01-01"
    regions: [cc]
    rules: [{{scope: "*/messages/*", basis: opt-in, cite: "Law s. 1"}}]
{PARTS}    general_grants: {{count: false, cite: "Law s. 5"}}
    excluded_groups: [{{scope: train/*/*, groups: [listed], cite: "Decision 9"}}]
  - ruleset: lawful
    title: A region whose rules let profiles be used without a yes
    effective: "2020-01-01"
    regions: [dd]
    rules:
      - {{scope: "*/*/*", basis: opt-in, cite: "Statute s. 1"}}
      - {{scope: "*/profile/*", basis: contract, cite: "Statute s. 2"}}
{PARTS}    general_grants: {{count: true, cite: "Statute s. 5"}}
"""
CONTRACT = """\
contract: v1
record_id: [id]
parties: {{author: who, recipients: to}}
category_constant: {category}
collected_at: at
"""
LATER = START + timedelta(days=2)


def peopled(path: Path) -> None:
    """Make a workspace with the rules above and members who differ by region, age and group."""
    with empty(path, ReplayClock(START)) as ws:
        asked(ws)
        ws.policy.publish_notice("For jobs too?\n", notice=WIDE, asks=[JOBS, "*/*/platform"])
        ws.ruleset.publish(RULES)
        regions = {
            "fine": "aa", "young": "aa", "still": "bb", "listed": "cc", "bare": "cc",
            "objects": "dd", "lawful": "dd",
        }  # fmt: skip
        ws.member.enrol([*regions, "silent"], regions=regions)
        ws.member.born({"young": "2010", "fine": "1990"})
        ws.member.group({"listed": ["listed"]})
        for member in ("fine", "young", "still", "listed"):
            ws.consent.grant(member, PLATFORM, notice=ASK, includes_past=True)
        for member in ("fine", "young", "bare"):
            ws.consent.grant(member, JOBS, notice=WIDE)
        ws.consent.object("objects", JOBS)
        ws.consent.refuse("lawful", PLATFORM)
        ws.consent.grant("lawful", JOBS, notice=WIDE, expires=START + timedelta(days=1))


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return that workspace, which no test changes."""
    folder = tmp_path_factory.mktemp("receipts") / "w"
    peopled(folder)
    return folder


def document(ws: Workspace, member: str, **when: datetime) -> dict[str, Any]:
    """Return the records of a member's standard receipt by scope."""
    found: Any = decode(ws.member.standard_receipt(member, **when))
    return {record["bl:scope"]: record for record in found["dpv:hasRecordOfActivity"]}


def permitted(records: Mapping[str, Any]) -> set[str]:
    """Return the leaf uses that any record of a receipt says are allowed."""
    return {
        use
        for record in records.values()
        for one in record["dpv:hasPermission"]
        for use in one["bl:use"]
    }


def page(ws: Workspace, member: str, scope: str, **when: datetime) -> ReceiptRecord:
    """Return one record of a member's receipt page."""
    view = read(ReceiptView, ws.member.receipt_page(member, **when))
    return next(record for record in view.records if record.scope == scope)


def at_instant(path: Path, now: datetime = LATER) -> Workspace:
    """Open the workspace to read, at an instant."""
    return open_workspace(path, now=ReplayClock(now), read_only=True)


def test_a_minors_yes_is_given_and_allows_nothing(path: Path) -> None:
    """Under 18 each use stays agreed to and is prohibited, with the act and its paragraph."""
    with at_instant(path) as ws:
        (replies, jobs) = (page(ws, "young", scope) for scope in (PLATFORM, JOBS))
        records = document(ws, "young")
        fine = document(ws, "fine")
    assert (replies.state, replies.agreed, replies.allowed, replies.uses) == (
        "ConsentGiven",
        5,
        0,
        5,
    )
    assert (jobs.agreed, jobs.allowed) == (1, 0)
    assert state_sentence(replies) == "No. You said yes, but the rules do not allow it."
    (stop,) = replies.stops
    (rule,) = stop.rules
    assert (stop.because, rule.ruleset, rule.cite) == ("minor", "open@2020-01-01", "Act s. 18")
    assert permitted(records) == set()
    assert records[PLATFORM]["dpv:hasConsentStatus"][0]["@type"][0] == "dpv:ConsentGiven"
    assert permitted(fine) >= {DIRECT, INMAIL, JOBS}


def test_of_two_uses_the_suspended_one_is_told(path: Path) -> None:
    """InMail stands still, direct messages do not: in part, with the order and its two dates."""
    with at_instant(path) as ws:
        record = page(ws, "still", PLATFORM)
        allowed = permitted(document(ws, "still"))
    assert (record.agreed, record.allowed, record.uses) == (5, 4, 5)
    assert state_sentence(record) == "In part. Of 5 uses, we may do 4."
    assert state_sentence(record, speech("de")).startswith("Zum Teil.")
    (stop,) = record.stops
    assert [one.use for one in stop.uses] == [INMAIL]
    (rule,) = stop.rules
    assert (rule.cite, f"{rule.since:%F}") == ("Order 7", "2024-01-01")
    assert rule.until is not None
    assert f"{rule.until:%F}" == "2024-09-01"
    assert (DIRECT in allowed, INMAIL in allowed) == (True, False)


def test_a_suspension_ends_by_itself(path: Path) -> None:
    """As of a day after its end the receipt says yes; as of today it says in part."""
    with at_instant(path) as ws:
        after = page(ws, "still", PLATFORM, at=START + timedelta(days=90))
        assert (after.allowed, after.stops) == (5, ())
        assert state_sentence(after) == "Yes. You said yes, and it still holds."
        assert page(ws, "still", PLATFORM).allowed == 4


def test_a_suspension_lifted_later_is_told_as_it_was_known(tmp_path: Path) -> None:
    """Lifted by a later ruleset, it still stood at the earlier instant, as known then and now."""
    peopled(tmp_path / "w")
    lifted = RULES.replace('end: "2024-09-01"', 'end: "2024-07-03"')
    clock = ReplayClock(START + timedelta(days=5))
    with open_workspace(tmp_path / "w", now=clock) as ws:
        ws.ruleset.publish(lifted)
        before, after = START + timedelta(days=1), START + timedelta(days=4)
        now = page(ws, "still", PLATFORM)
        stood = page(ws, "still", PLATFORM, at=before)
        known = page(ws, "still", PLATFORM, at=after, known_at=after)
        told = page(ws, "still", PLATFORM, at=after)
        asked_then = ws.consent.explain("still", INMAIL, at=after, known_at=after)
    assert [one.allowed for one in (now, stood, known, told)] == [5, 4, 4, 5]
    assert not asked_then.allowed
    assert stood.stops[0].index != known.stops[0].index  # other rulesets, logged at other times


def test_an_excluded_group_and_a_use_without_a_rule_are_told(path: Path) -> None:
    """Who is listed is refused by the decision that lists them; who has no rule by none."""
    with at_instant(path) as ws:
        listed, bare = page(ws, "listed", PLATFORM), page(ws, "bare", JOBS)
    assert (listed.agreed, listed.allowed) == (5, 0)
    assert [(s.because, s.rules[0].cite) for s in listed.stops] == [
        ("group-excluded", "Decision 9")
    ]
    assert (bare.agreed, bare.allowed) == (1, 0)
    assert [(s.because, s.rules[0].cite) for s in bare.stops] == [("region-forbids", None)]


def test_an_objection_is_a_no_and_no_prohibition(path: Path) -> None:
    """Where the law needs no yes, an objection stops the use; no rule is put forward for it."""
    with at_instant(path) as ws:
        objects, lawful = page(ws, "objects", JOBS), page(ws, "lawful", JOBS)
        records = document(ws, "lawful")
    assert (objects.allowed, objects.agreed, objects.stops) == (0, 0, ())
    assert state_sentence(objects) == "No. You said no."
    assert (lawful.state, lawful.agreed, lawful.allowed) == ("ConsentExpired", 0, 1)
    assert lawful.grounds == ("contract",)
    assert state_sentence(lawful) == "Yes. The rules allow this without your yes."
    (permission,) = records[JOBS]["dpv:hasPermission"]
    assert permission["dpv:hasLegalBasis"] == "dpv:Contract"


def test_the_command_says_it_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`member receipt` writes the rule in both forms, as of an instant, and refuses it for proofs."""
    peopled(tmp_path / "w")
    where = ["--workspace", str(tmp_path / "w"), "--json"]
    for form in ("json-ld", "html"):
        for day, stopped in (("2024-07-01", True), ("2024-12-01", False)):
            when = ["--at", day, *where]
            assert main(["member", "receipt", "still", "--format", form, *when]) == 0
            said = json.loads(capsys.readouterr().out)
            assert ("Order 7" in Path(said["receipt"]).read_text("utf-8")) == stopped
    assert main(["member", "receipt", "still", "--at", "2024-12-01", *where]) == 2
    assert "json-ld and html" in capsys.readouterr().out


def test_the_page_names_source_and_date_in_both_languages(path: Path) -> None:
    """A stopped yes shows the reason, the uses it is about, the source in English and since when."""
    with at_instant(path) as ws:
        view = read(ReceiptView, ws.member.receipt_page("still"))
        overview = ws.public.overview()
    frame = Frame(operator=overview["operator"], demo=False, at=view.at, checkpoint=view.checkpoint)
    english, german = (receipt_file(frame, view, language=tag) for tag in ("en", "de"))
    for text in ("What the rules do not allow", "since 1 January 2024", "until 1 September 2024"):
        assert text in english
    for text in ("Was die Regeln nicht erlauben", "seit dem 1. Januar 2024", "Order 7"):
        assert text in german
    assert '<span lang="en">Order 7</span>' in german


choices = st.lists(
    st.tuples(
        st.sampled_from([EventKind.GRANT, EventKind.GRANT, EventKind.REFUSAL, EventKind.WITHDRAWAL,
                         EventKind.OBJECTION]),
        st.sampled_from([DIRECT, INMAIL, JOBS, PLATFORM, "train/*/platform", "*/*/platform"]),
        st.sampled_from([ASK, WIDE]),
        st.booleans(),
    ),
    min_size=1,
    max_size=4,
)  # fmt: skip
people = st.lists(
    st.tuples(
        choices,
        st.sampled_from(["aa", "bb", "cc", "dd", "eu", "us-ca", None]),
        st.sampled_from([None, "1980", "2012"]),
        st.booleans(),
    ),
    min_size=6,
    max_size=24,
)


@settings(
    deadline=None,
    max_examples=4,
    phases=[Phase.generate],  # an example is a workspace: smaller ones are not worth the wait
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(who=people)
def test_the_receipt_is_the_gate(tmp_path_factory: pytest.TempPathFactory, who: Any) -> None:
    """For random members, choices, regions, ages and groups: receipt, explanation and gate agree."""
    folder = tmp_path_factory.mktemp("random") / "w"
    clock = ReplayClock(START)
    names = [f"p{number:02}" for number in range(len(who))]
    with empty(folder, clock) as ws:
        asked(ws)
        ws.policy.publish_notice("For jobs too?\n", notice=WIDE, asks=[JOBS, "*/*/platform"])
        ws.ruleset.publish(RULES)
        of = dict(zip(names, who, strict=True))
        ws.member.enrol(names, regions={n: p[1] for n, p in of.items() if p[1] is not None})
        ws.member.born({n: p[2] for n, p in of.items() if p[2] is not None})
        ws.member.group({n: ["listed"] for n, p in of.items() if p[3]})
        for name, (said, *_) in of.items():
            ws.consent.record([_event(ws, name, *one) for one in said])
        clock.set(LATER)
        gate = {use: _gated(ws, names, use) for use in USES}
        receipts = {name: document(ws, name) for name in names}
        told = {(n, use): ws.consent.explain(n, use, at=LATER) for n in names for use in USES}
    for name, records in receipts.items():
        allowed = permitted(records)
        spoken = {use for use in USES if any(_covers(scope, use) for scope in records)}
        for use in spoken:
            kept = gate[use][name] == 0
            assert told[name, use].allowed == kept
            assert (use in allowed) == kept
        for record in records.values():
            stopped = {
                use: one["dct:identifier"]
                for one in record["dpv:hasProhibition"]
                for use in one["bl:use"]
            }
            for use in spoken & stopped.keys():
                assert told[name, use].reason.word == stopped[use]
                assert told[name, use].stopped_by_rule


def _covers(scope: str, use: str) -> bool:
    pairs = zip(scope.split("/"), use.split("/"), strict=True)
    return all(a in {"*", b} or b.startswith(a + ".") for a, b in pairs)


def _event(
    ws: Workspace, name: str, kind: EventKind, scope: str, notice: str, past: bool
) -> NewEvent:
    grant = kind is EventKind.GRANT
    return NewEvent(
        member=name,
        kind=kind,
        scope=ws.scope(scope),
        notice=(notice if _covers(PLATFORM, scope) else WIDE) if grant else None,
        includes_past=grant and past,
    )


def _gated(ws: Workspace, names: list[str], use: str) -> dict[str, int]:
    """Run a gate over one new row of each, and return each row's reason."""
    category = use.split("/")[1]
    source = category.replace(".", "-")
    rows = pa.table(
        {
            "id": list(range(len(names))),
            "who": names,
            "to": names,
            "at": pa.array([LATER] * len(names), pa.timestamp("us", tz="UTC")),
        }
    )
    ws.source.add(source, rows, CONTRACT.format(category=category))
    name, _ = ws.gate.run(source, use)
    found = reasons_at(ws.house, name, np.arange(len(names)))
    return dict(zip(names, (int(code) for code in found), strict=True))
