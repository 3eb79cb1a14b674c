"""The gate of a case: what it keeps equals plain loops, and its counts account for what was used."""

from __future__ import annotations

import csv
import json
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from byleave.cli.case import case
from byleave.engines.arrow import ArrowEngine
from byleave.errors import ByleaveError
from byleave.exposure.practice import Practice
from byleave.policy.ruleset import PartyRule, default_rules
from byleave.policy.taxonomy import default_taxonomy
from byleave.service import case_gate
from byleave.service.case_gate import GateRules, GateRun, run_the_gate
from byleave.wiring.case import load_case
from byleave.wiring.case_gate import _with_terms
from tests.unit.exposure.past import (
    AUGUST,
    OPT_OUTS,
    REGIONS,
    US,
    USED,
    _reason,
    choices,
    delivery,
    message,
    practice,
    rows,
)
from tests.unit.exposure.test_cohort import MEMBERS, instants, some_delivery, some_message

DAY = timedelta(days=1)
some_choice = st.tuples(
    st.sampled_from(MEMBERS),
    instants,
    st.sampled_from(("grant", "grant", "grant", "refusal", "objection", "withdrawal")),
    st.none() | st.just(AUGUST + 40 * DAY),
    st.booleans(),
)


def gate(past: Practice, chosen: object = None, rule: PartyRule | None = PartyRule.ALL) -> GateRun:
    """Run the shipped rulesets over a past."""
    trees = _with_terms(default_taxonomy(), past)
    rules = GateRules(rules=default_rules(), taxonomy=trees, party_rule=rule)
    return run_the_gate(past, chosen, rules, ArrowEngine())


def read(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(path.read_text().splitlines()))


def kept(run: GateRun) -> set[tuple[str, str]]:
    assert run.kept is not None
    return {(row["record"], row["delivery"]) for row in run.kept.to_pylist()}


@settings(max_examples=60, deadline=None)
@given(
    st.lists(some_message, max_size=10),
    st.lists(some_choice, max_size=10),
    st.lists(st.tuples(st.sampled_from(MEMBERS), instants, st.booleans()), max_size=4),
    st.lists(some_delivery, min_size=1, max_size=2),
)
def test_the_gate_keeps_what_every_party_had_agreed_to(
    sent: list, said: list, turned: list, deliveries: list
) -> None:
    """Under `all` a message is kept exactly when each of its parties, all known, had agreed."""
    past = practice(
        messages=rows(practice().messages.schema, *((str(n), *m) for n, m in enumerate(sent))),
        opt_outs=rows(OPT_OUTS, *turned),
        deliveries=tuple(
            delivery(str(n), at, recipient=to, honoured=honoured, kinds=kinds)
            for n, (at, to, honoured, kinds) in enumerate(deliveries)
        ),
    )
    chosen = choices(*(c for c in said if c[3] is None or c[1] < c[3]))
    told, switches = chosen.to_pylist(), past.opt_outs.to_pylist() if past.opt_outs else []
    expected = set()
    for done in past.deliveries:
        for row in past.messages.to_pylist():
            parties = [row["author"], *row["recipients"]]
            inside = row["sent_at"] is None or row["sent_at"] < done.at
            inside &= done.kinds is None or row["kind"] in done.kinds
            if not inside or None in parties or not row["recipients"] or row["kind"] is None:
                continue
            if all(_reason(past, done, row, p, told, switches) is None for p in parties):
                expected.add((row["record"], done.id))
    run = gate(past, chosen)
    assert kept(run) == expected
    for counted in run.deliveries:
        assert sum(counted.dropped.values()) + counted.used_and_kept == counted.used
        assert counted.used_and_kept <= min(counted.used, counted.kept)
        assert counted.kept <= counted.asked


@pytest.mark.parametrize(
    ("rule", "through"),
    [(PartyRule.ALL, False), (PartyRule.AUTHOR, True), (PartyRule.ANY, True), (None, False)],
)
def test_the_party_rule_says_whose_silence_matters(rule: PartyRule | None, through: bool) -> None:
    """With the author's grant alone, `author` and `any` keep the message, `all` and no region not."""
    run = gate(practice(), choices(("ann", AUGUST - US, "grant", None, True)), rule)
    assert bool(kept(run)) is through


@pytest.mark.parametrize(
    ("start", "through"), [(USED, True), (USED + US, False), (USED - US, True)]
)
def test_a_region_counts_at_the_instant_of_the_delivery(start: object, through: bool) -> None:
    """In the US one party's consent is enough, from the instant that both are there."""
    regions = rows(REGIONS, ("ann", "US", start, None), ("bob", "us", start, None))
    said = choices(("ann", AUGUST - US, "grant", None, True))
    assert bool(kept(gate(practice(regions=regions), said, None))) is through


def test_a_veto_stops_what_the_platform_used() -> None:
    """A recipient who had turned the switch off stops under every rule what really was used."""
    past = practice(opt_outs=rows(OPT_OUTS, ("bob", AUGUST)))
    said = choices(("ann", AUGUST - US, "grant", None, True))
    for rule in (*PartyRule, None):
        run = gate(past, said, rule)
        assert run.deliveries[0].used == 1
        assert run.deliveries[0].dropped == {"party-vetoed": 1}


def test_a_switch_turned_on_again_lifts_the_no_and_gives_no_yes() -> None:
    """After on again a member is silent: no veto under `any`, and no consent under `all`."""
    past = practice(opt_outs=rows(OPT_OUTS, ("bob", AUGUST), ("bob", AUGUST + DAY, True)))
    said = choices(("ann", AUGUST - US, "grant", None, True))
    assert kept(gate(past, said, PartyRule.ANY)) == {("1", "d1")}
    assert kept(gate(past, said, PartyRule.ALL)) == set()


def test_a_kind_that_the_trees_do_not_have_is_dropped() -> None:
    """A kind without a term is an unknown category, dropped and counted as such."""
    run = gate(practice(message(kind="carrier-pigeon"), message("2")))
    assert run.deliveries[0].dropped == {"category-unknown": 1, "no-grant": 1}


def test_listed_records_are_what_the_gate_is_asked_for() -> None:
    """Where a delivery lists its records the gate is asked for these and no others."""
    import pyarrow as pa

    past = practice(message("1"), message("2"), deliveries=(delivery(records=pa.array(["2"])),))
    said = choices(*((m, AUGUST - US, "grant", None, True) for m in ("ann", "bob")))
    run = gate(past, said)
    assert kept(run) == {("2", "d1")}
    assert run.deliveries[0].asked == run.deliveries[0].used == 1


# --- from the case file -------------------------------------------------------------------------


@pytest.fixture
def example(root: Path, tmp_path: Path) -> Path:
    """The worked example with a gate that is run, its tables where they are."""
    text = (root / "examples" / "linkedin-2024.yaml").read_text()
    folder = root / "examples" / "linkedin-2024"
    text = text.replace("linkedin-2024/", f"{folder}/")
    assert "run: true" in text
    (tmp_path / "case.yaml").write_text(text)
    return tmp_path / "case.yaml"


def test_the_gate_keeps_what_the_example_worked_out_by_itself(example: Path, root: Path) -> None:
    """Run over the example, the gate keeps what make_tables.py says, of the messages by then."""
    folder = root / "examples" / "linkedin-2024"
    stated = load_case(example)
    assert stated.gate is not None
    sent = {r["record"]: r["sent_at"] for r in read(folder / "messages.csv")}
    day = {d.id: d.at.strftime("%Y-%m-%dT%H:%M:%SZ") for d in stated.practice.deliveries}
    expected = {
        (r["record"], r["delivery"])
        for r in read(folder / "kept.csv")
        if sent[r["record"]] < day[r["delivery"]]
    }
    assert kept(stated.gate) == expected


def test_the_counts_stand_beside_what_was_used(example: Path) -> None:
    """The report holds each delivery's used, kept and dropped by reason, in text and in JSON."""
    data = json.loads(CliRunner().invoke(case, ["run", str(example), "--json"]).output)
    assert [d["delivery"] for d in data["gate"]["deliveries"]] == [
        "package-1",
        "replies-model-1",
        "package-2",
    ]
    words = CliRunner().invoke(case, ["run", str(example)]).output
    for done in data["gate"]["deliveries"]:
        for reason, number in done["dropped"].items():
            assert reason in words
            assert f"{number:,}" in words
    for cohort in data["cohorts"]:
        assert cohort["with_the_gate"]["let_through"] == 0
    assert max(map(len, words.splitlines())) <= 80


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("run: true", "run: false", "case.gate"),
        ("run: true", "run: true\n  kept: k.csv", "case.gate"),
        ("run: true\n  party_rule: all", "kept: k.csv\n  party_rule: all", "case.gate"),
        ("party_rule: all", "party_rule: some", "ruleset.malformed"),
        ("party_rule: all", "rulesets: nowhere.yaml", "input.not-found"),
        ("party_rule: all", "taxonomy: case.yaml", "input.unknown-field"),
        ('separator: ";"', 'columns: {kind: record}, separator: ";"', ""),
    ],
)
def test_a_gate_that_cannot_be_run_is_named(example: Path, old: str, new: str, code: str) -> None:
    """Each way a gate can be asked for wrongly has its code; unknown kinds are an answer."""
    text = example.read_text()
    assert old in text
    example.write_text(text.replace(old, new, 1))
    error = CliRunner().invoke(case, ["run", str(example)]).exception
    if not code:
        assert error is None
        return
    assert isinstance(error, ByleaveError)
    assert error.code == code


def test_messages_without_a_kind_cannot_be_judged(example: Path) -> None:
    """Where nothing says what a message is, the gate asks for it instead of guessing."""
    text = example.read_text().replace('separator: ";"}', 'separator: ";", columns: {kind: none}}')
    example.write_text(text)
    folder = example.parent
    header, *body = Path(text.split("file: ")[1].split(",")[0]).read_text().splitlines()
    lines = [",".join(line.split(",")[:4]) for line in (header, *body)]
    (folder / "messages.csv").write_text("\n".join(lines) + "\n")
    path = text.split("file: ")[1].split(",")[0]
    text = text.replace(path, "messages.csv").replace(", columns: {kind: none}", "")
    example.write_text(text.replace("  - alleged-class: {before: 2024-09-18}\n", ""))
    error = CliRunner().invoke(case, ["run", str(example)]).exception
    assert isinstance(error, ByleaveError)
    assert error.code == "case.gate"


def test_deliveries_that_do_not_fit_together_are_taken_one_by_one(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With room for one plan at a time the gate counts and keeps what it does with room for all."""
    file = root / "examples" / "linkedin-2024.yaml"
    wanted = load_case(file).gate
    monkeypatch.setattr(case_gate, "_PLANS_BYTES", 1)
    found = load_case(file).gate
    assert wanted is not None
    assert found is not None
    assert found.to_dict() == wanted.to_dict()
    assert len(found.deliveries) > 1
    assert kept(found) == kept(wanted)
