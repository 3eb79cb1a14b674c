"""An operator's rulesets: logged on change, dated, their impact shown, old decisions replayed."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from byleave.consent.reason import Reason
from byleave.errors import ByleaveError, EvidenceError, InputError
from byleave.ids import parse_digest
from byleave.policy.ruleset import default_rules
from byleave.policy.ruleset_record import parse_book
from byleave.policy.strict_yaml import read_mapping
from byleave.service.ages import ages_on, latest_birth
from byleave.wiring import Workspace, create
from byleave.wiring import open as open_workspace
from tests.engines.strategies import BOOK
from tests.unit.service.small import Grown, grow

START = datetime(2026, 1, 1, tzinfo=UTC)
ASK = "train.generative.replies/messages/platform"
USE = "train.generative.replies/messages.direct/platform"
OWN = """\
rulesets: v1
version: "{version}"
sets: []
evidence:
  - {{from: "{start}", accepts: {accepts}, cite: "our counsel, case 7"}}
"""


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def ws(tmp_path: Path, clock: Clock) -> Workspace:
    made = create(tmp_path / "w", origin="log.test/byleave", seed=3, now=clock)
    made.policy.publish_notice("May we?", notice="q-1", asks=[ASK])
    lines = [
        f"m-{n},{ASK},{'grant' if n else 'refuse'},{'q-1' if n == 1 else ''}" for n in range(4)
    ]
    (tmp_path / "c.csv").write_text("\n".join(["member,use,decision,notice", *lines, ""]))
    made.consent.import_file(tmp_path / "c.csv")
    return made


def own(accepts: str = "version", start: str = "2026-01-02", version: str = "own-1") -> str:
    return OWN.format(accepts=accepts, start=start, version=version)


def stands(ws: Workspace, **when: datetime) -> list[str]:
    return [Reason(int(c)).word for c in ws.consent.state(USE, **when).code]


def test_weaker_evidence_counts_from_its_date_on(ws: Workspace, clock: Clock) -> None:
    """A logged, dated rule lets grants of its grade or better count, from its date and no sooner."""
    weak = ["refused", *["evidence-grade"] * 3]
    assert stands(ws) == weak
    size = ws.ledger.size()
    found = ws.ruleset.impact(own())
    assert (found.accepts, found.turned_on[USE], ws.ledger.size()) == (
        ("bytes", "version"),
        1,
        size,
    )
    ws.ruleset.publish(own())
    assert ws.ledger.size() == size + 2
    assert stands(ws) == weak
    clock.now += timedelta(days=1)
    assert stands(ws) == ["refused", "kept", "evidence-grade", "evidence-grade"]
    assert stands(ws, at=clock.now, known_at=START - timedelta(hours=1)) == []


def test_the_impact_is_what_then_happens(ws: Workspace, clock: Clock) -> None:
    """The members that an impact says a rule would turn are those it turns."""
    found = ws.ruleset.impact(own("none"))
    ws.ruleset.publish(own("none"))
    clock.now += timedelta(days=2)
    assert found.turned_on[USE] == stands(ws).count("kept") == 3
    assert found.turned_off == {}
    back = ws.ruleset.impact(own("bytes", "2026-01-09", "own-2"))
    assert back.turned_off[USE] == 3


def test_weaker_evidence_is_not_accepted_for_the_past(ws: Workspace) -> None:
    """A rule that accepts weaker evidence from before it is logged is refused, and nothing moves."""
    size = ws.ledger.size()
    with pytest.raises(ByleaveError) as caught:
        ws.ruleset.publish(own(start="2025-12-31"))
    assert caught.value.code == "ruleset.retroactive"
    assert ws.ledger.size() == size
    assert not (ws.path / "rulesets.yaml").exists()
    assert ws.ruleset.book().digest == default_rules().digest


def test_a_changed_file_is_logged_when_the_workspace_opens(ws: Workspace, clock: Clock) -> None:
    """Rules changed in the workspace's file are logged once, at the next opening for writing."""
    path, before = ws.path, len(ws.ledger.objects("ruleset"))
    ws.close()
    (path / "rulesets.yaml").write_text(own())
    for _ in range(2):
        with open_workspace(path, now=clock) as again:
            assert len(again.ledger.objects("ruleset")) == before + 1
            logged = again.ledger.objects("ruleset")[-1][3]
            assert parse_digest(logged["sha256"]) == again.ruleset.book().digest


@pytest.mark.parametrize(
    "text",
    [
        own("photos"),
        own().replace("cite:", "site:"),
        own().replace('cite: "our counsel, case 7"', 'cite: ""'),
        own(start="soon"),
    ],
)
def test_doubt_about_a_rule_refuses_the_file(ws: Workspace, text: str) -> None:
    """A grade, a field or a date that is not understood refuses the file."""
    with pytest.raises(ByleaveError) as caught:
        ws.ruleset.publish(text)
    assert caught.value.code in {"ruleset.malformed", "input.unknown-field", "input.malformed"}


SLIPS = """\
rulesets: v1
version: "slip"
sets:
  - ruleset: uk-stopped
    title: Stopped
    effective: "2026-01-02"
    regions: [UK, us-ca]
    rules:
      - {scope: "*/*/*", basis: opt-in, cite: x}
    messages: {party_rule: all, cite: x}
    past: {may_be_covered: true, cite: x}
    general_grants: {count: false, cite: x}
    min_age: {years: 18, scope: "train/*/*", cite: x}
    earliest: {date: "2020-01-01", scope: "train/*/*", cite: x}
    suspensions:
      - {scope: "train/messages/*", start: "2026-01-02", cite: x}
    purged:
      - {scope: "train/*/*", start: "2025-01-02", end: "2025-02-02", cite: x}
    excluded_groups:
      - {scope: "train/*/*", groups: [list-7], cite: x}
"""


@pytest.mark.parametrize(
    ("old", "new", "code", "line"),
    [
        ('scope: "*/*/*"', 'scope: "*/photos/*"', "use.unknown-term", 9),
        ('18, scope: "train', '18, scope: "trian', "use.unknown-term", 13),
        ('01-01", scope: "train', '01-01", scope: "trian', "use.unknown-term", 14),
        ("train/messages/*", "train/mesages/*", "use.unknown-term", 16),
        ("train/messages/*", "train/messages", "use.malformed", 16),
        ('scope: "train/*/*", start: "2025', 'scope: "trian/*/*", start: "2025', "use.unknown-term", 18),
        ('scope: "train/*/*", groups', 'scope: "trian/*/*", groups', "use.unknown-term", 20),
        ("[UK, us-ca]", "[UK, us_ca]", "ruleset.malformed", 7),
        ("[UK, us-ca]", '["uk "]', "ruleset.malformed", 7),
        ("party_rule: all", "party_rule: some", "ruleset.malformed", 10),
    ],
)  # fmt: skip
def test_a_rule_that_could_never_speak_is_refused(
    ws: Workspace, old: str, new: str, code: str, line: int
) -> None:
    """A slip in a scope or a region, which would be in force and stop nothing, refuses the file by
    its line, asked for its impact or published; nothing is logged.
    """
    assert ws.ruleset.impact(SLIPS).members == 4
    assert old in SLIPS
    size = ws.house.ledger.size()
    for act in (ws.ruleset.impact, ws.ruleset.publish):
        with pytest.raises(InputError) as caught:
            act(SLIPS.replace(old, new, 1), name="own.yaml")
        assert (caught.value.code, caught.value.where) == (code, f"own.yaml:{line}")
    assert ws.house.ledger.size() == size


def test_a_file_in_force_is_read_with_the_terms_of_later(ws: Workspace) -> None:
    """A file that was published stays in force where it names a term that this version lacks."""
    ws.ruleset.publish(SLIPS)
    (ws.path / "rulesets.yaml").write_text(SLIPS.replace("train/messages/*", "retired/*/*"))
    ws.close()
    with open_workspace(ws.path, read_only=True) as again:
        assert "uk-stopped" in {r.name for r in again.ruleset.book().sets}


TERMS = """\
taxonomy: v1
version: own
recipients:
  provider.host:
    sentence: Our host.
    phrase: our host
    since: own
"""


def test_changed_terms_are_logged_and_none_is_lost(ws: Workspace, clock: Clock) -> None:
    """Terms that the operator adds are logged once, when the workspace opens for writing; one that
    a notice asks for cannot be taken out again, and the ledger stays as it was.
    """
    path, ask = ws.path, "train.generative.replies/messages/provider.host"
    before = len(ws.house.ledger.objects("taxonomy"))
    ws.close()
    (path / "taxonomy.yaml").write_text(TERMS)
    for _ in range(2):
        with open_workspace(path, now=clock) as again:
            logged = [row[3]["sha256"] for row in again.house.ledger.objects("taxonomy")]
            assert len(logged) == before + 1
            assert logged[-1] == again.house.taxonomy.digest.hex()
    with open_workspace(path, now=clock) as again:
        again.policy.publish_notice("And our host?", notice="host", asks=[ask])
        size = again.house.ledger.size()
    (path / "taxonomy.yaml").unlink()
    with pytest.raises(EvidenceError) as caught:
        open_workspace(path, now=clock)
    assert (caught.value.code, caught.value.where) == ("workspace.damaged", "taxonomy.yaml")
    (path / "taxonomy.yaml").write_text(TERMS)
    with open_workspace(path, now=clock) as again:
        assert again.house.ledger.size() == size


def test_what_is_wrong_with_the_operators_terms_is_said(ws: Workspace) -> None:
    """A file of terms that can no longer be read is told with its line and the reason."""
    ws.close()
    text = "taxonomy: v1\nversion: own\nrecipients:\n  provider.x:\n    phrase: X\n    since: own\n"
    (ws.path / "taxonomy.yaml").write_text(text)
    with pytest.raises(EvidenceError) as caught:
        open_workspace(ws.path)
    assert caught.value.code == "workspace.damaged"
    assert str(caught.value.where).endswith("taxonomy.yaml:5")
    assert "'sentence' is missing" in caught.value.message


def test_a_book_is_read_back_whole() -> None:
    """A book's record gives the same book, and a changed record none."""
    book = BOOK.extend(read_mapping(own(), name="own"))
    record = book.to_dict()
    assert parse_book(record, digest=book.digest) == book
    record["version"] = "another"
    with pytest.raises(EvidenceError):
        parse_book(record, digest=book.digest)


def test_old_gates_replay_under_their_own_rules(tmp_path: Path) -> None:
    """After the rules have changed, a gate logged before gives its record again."""
    grown: Grown = grow(tmp_path / "w")
    suspended = """\
rulesets: v1
version: own
sets:
  - ruleset: still
    title: Everything stands still
    effective: "2020-01-01"
    regions: [eu, us, us-ca, uk]
    rules: [{scope: "*/*/*", basis: opt-in, cite: x}]
    messages: {party_rule: all, cite: x}
    past: {may_be_covered: true, cite: x}
    general_grants: {count: false, cite: x}
    suspensions: [{scope: train/*/*, start: "2020-01-01", cite: x}]
"""
    with grown.open() as ws:
        kept = ws.gate.replay(grown.gate).kept
        ws.ruleset.publish(suspended)
        now = ws.gate.dry_run("messages", ASK)
        assert now.kept == 0 < kept
        assert ws.gate.replay(grown.gate).kept == kept
        assert ws.fsck() == []


@pytest.mark.parametrize(
    ("born", "day", "age"),
    [
        ("2008-03-10", "2026-03-09", 17),
        ("2008-03-10", "2026-03-10", 18),
        ("2008-03", "2026-03-30", 17),
        ("2008-03", "2026-03-31", 18),
        ("2008", "2026-12-30", 17),
        ("2008", "2026-12-31", 18),
        ("2008-02-29", "2026-02-28", 17),
        ("2008-02-29", "2026-03-01", 18),
        ("1969-12-31", "1970-01-01", 0),
        ("2030", "2026-01-01", 0),
    ],
)
def test_ages_are_the_youngest_they_can_be(born: str, day: str, age: int) -> None:
    """From a year, a month or a day of birth the lowest age is taken, and whole years count."""
    days = np.array([(latest_birth(born) - date(1970, 1, 1)).days])
    assert ages_on(days, date.fromisoformat(day)).tolist() == [age]


@given(born=st.dates(date(1900, 1, 1)), day=st.dates(date(1900, 1, 1)))
def test_ages_agree_with_the_calendar(born: date, day: date) -> None:
    """Ages over columns are what counting birthdays gives."""
    turned = (day.month, day.day) >= (born.month, born.day)
    wanted = max(0, day.year - born.year - (not turned))
    assert ages_on(np.array([(born - date(1970, 1, 1)).days]), day).tolist() == [wanted]


@pytest.mark.parametrize(
    "text", ["", "08", "2008-13", "2008-02-30", "2008-2", "soon", "2008-05-01T00"]
)
def test_a_birth_of_another_form_is_refused(text: str) -> None:
    """What is no year, month or day is refused."""
    with pytest.raises(ByleaveError) as caught:
        latest_birth(text)
    assert caught.value.code == "input.instant"


def test_a_minor_stays_out_of_a_gate(tmp_path: Path) -> None:
    """From the recording of an age on, the gate drops what a minor is a party of, and only that."""
    grown = grow(tmp_path / "w")
    with grown.open() as ws:
        before = ws.gate.dry_run("messages", ASK)
        assert "minor" not in before.reasons
        ws.member.born({grown.agreed[3]: "2009"})
        after = ws.gate.dry_run("messages", ASK)
        assert after.reasons["minor"] > 0
        assert after.kept < before.kept
