"""The gate on a workspace: logged, replayed to the same record, and empty where nobody agreed."""

from __future__ import annotations

from datetime import timedelta

import pyarrow.compute as pc
import pytest

from byleave.errors import InputError
from byleave.service.gate import reasons_of
from tests.unit.service.small import PLATFORM, PROVIDER, Grown, grant


def test_every_row_is_kept_or_has_a_reason(grown: Grown) -> None:
    """Kept rows and reasons sum to the rows; the stored reasons are one for each row left out."""
    with grown.open(read_only=True) as ws:
        for gate in ws.gate.list():
            assert gate["kept"] + sum(gate["reasons"].values()) == gate["rows"] == 600
            stored = reasons_of(ws.house, gate["gate"])
            assert stored.num_rows == gate["rows"] - gate["kept"]
            assert pc.count_distinct(stored["row"]).as_py() == stored.num_rows


def test_a_gate_replays_to_its_record_after_everything_changed(copied: Grown) -> None:
    """After later choices, enrolments and publications a gate still replays to its record (G5)."""
    with copied.open() as ws:
        before = {gate["gate"]: ws.gate.replay(gate["gate"]) for gate in ws.gate.list()}
        ws.member.enrol([f"late-{n}" for n in range(5)])
        ws.consent.record([grant(m, PLATFORM, ws) for m in (*copied.silent, "late-1")])
        for member in copied.agreed[5:12]:
            ws.consent.withdraw(member, "train/messages/*")
        ws.policy.publish_rules()
        ws.policy.publish_notice("Again?", notice="question-2", asks=[PLATFORM])
        changed = ws.gate.dry_run("messages", PLATFORM)
        after = {gate["gate"]: ws.gate.replay(gate["gate"]) for gate in ws.gate.list()}
    assert after == before
    assert changed.kept != before[copied.gate].kept, "the world did change"


def test_the_same_question_has_the_same_answer(grown: Grown) -> None:
    """Two runs at one ledger position and instant give the same record."""
    with grown.open(read_only=True) as ws:
        assert ws.gate.dry_run("messages", PLATFORM) == ws.gate.dry_run("messages", PLATFORM)


def test_a_dry_run_stores_nothing(grown: Grown) -> None:
    """A dry run logs nothing and needs no right to write."""
    with grown.open(read_only=True) as ws:
        size = ws.ledger.size()
        ws.gate.dry_run("messages", PLATFORM, party_rule="author")
        ws.gate.party_rules("messages", PLATFORM)
        assert ws.ledger.size() == size


def test_a_stricter_party_rule_never_keeps_more(grown: Grown) -> None:
    """Of the party rules, `all` keeps at most what `author` or `any` keeps, and `any` the most."""
    with grown.open(read_only=True) as ws:
        for use in (PLATFORM, PROVIDER):
            shares = ws.gate.party_rules("messages", use)
            assert shares["all"] <= shares["author"] <= shares["any"] <= 1


def test_before_anyone_chose_nothing_is_kept(grown: Grown) -> None:
    """Asked for an instant before the first grant the gate keeps no row, each with its reason."""
    with grown.open(read_only=True) as ws:
        record = ws.gate.dry_run("messages", PLATFORM, at=grown.now - timedelta(days=30))
    assert record.kept == 0
    assert sum(record.reasons.values()) == record.rows


@pytest.mark.parametrize("noun", ["gate", "source", "snapshot", "run", "release"])
def test_an_unknown_name_says_what_there_is(grown: Grown, noun: str) -> None:
    """A name that no object has is `workspace.unknown-object`, exit 2, for every noun."""
    with grown.open(read_only=True) as ws, pytest.raises(InputError) as error:
        {
            "gate": ws.gate.replay,
            "source": ws.source.open,
            "snapshot": ws.snapshot.open,
            "run": ws.model.evaluate,
            "release": ws.release.load,
        }[noun]("no-such")
    assert (error.value.code, error.value.exit_code) == ("workspace.unknown-object", 2)
