"""`byleave gate compare` and what `gate preview` compares."""

from __future__ import annotations

from pathlib import Path

import pytest

from byleave.consent.event import EvidenceGrade
from byleave.policy.ruleset import PartyRule
from byleave.service.gate import compile_for, dry_run
from byleave.service.source import open_source
from byleave.wiring import open as open_workspace
from tests.cli.conftest import Say
from tests.cli.stage import PLATFORM as USE

SOURCE = "messages"
FORBID = """\
rulesets: v1
version: "nobody"
sets:
  - ruleset: eu-off
    title: Nobody, nowhere
    effective: "2020-01-01"
    regions: [eu]
    rules:
      - {scope: "*/*/*", basis: forbidden, cite: x}
    messages: {party_rule: all, cite: x}
    past: {may_be_covered: false, cite: x}
    general_grants: {count: false, cite: x}
"""


def test_each_change_is_counted_alone(here: Path, say: Say) -> None:
    """Kept, gained and lost of each variant are those of two whole gates held side by side."""
    said = say(
        *("gate", "compare", SOURCE, "--use", USE, "-w", "byleave-demo", "--json"),
        *("--party-rule", "all", "--party-rule", "author", "--evidence", "none"),
    )
    assert said.code == 0, said.err
    found = {v["label"]: v for v in said.json["variants"]}
    with open_workspace(here / "byleave-demo", read_only=True) as ws:
        source = open_source(ws.house, SOURCE)
        plan = compile_for(ws.house, source, USE)
        plans = {
            "as it is": plan,
            "party rule all": plan.with_party_rule(PartyRule.ALL),
            "party rule author": plan.with_party_rule(PartyRule.AUTHOR),
            "evidence none": compile_for(ws.house, source, USE, accepted=EvidenceGrade.NONE),
        }
        rows = {
            label: set(dry_run(ws.house, source, p).rows.tolist()) for label, p in plans.items()
        }
    base = rows["as it is"]
    assert list(found) == list(plans)
    for label, kept in rows.items():
        assert found[label]["kept"] == len(kept)
        assert found[label]["gained"] == len(kept - base)
        assert found[label]["lost"] == len(base - kept)
        assert sum(found[label]["reasons"].values()) + len(kept) == said.json["rows"]
    assert found["party rule author"]["gained"] + found["party rule all"]["lost"] > 0


def test_other_rulesets_stop_everything(copy: Path, say: Say) -> None:
    """A book that forbids everything keeps nothing, and loses what is kept now; nothing is logged."""
    (copy / "forbid.yaml").write_text(FORBID)
    before = say("log", "checkpoint", "-w", "byleave-demo").out
    said = say(
        *(
            "gate",
            "compare",
            SOURCE,
            "--use",
            USE,
            "-w",
            "byleave-demo",
            "--rulesets",
            "forbid.yaml",
        ),
        *("--html", "page.html"),
    )
    assert said.code == 0, said.err
    assert "  forbid.yaml:\n" in said.out
    assert "region-forbids" in said.out
    assert "Under forbid.yaml the gate keeps" in (copy / "page.html").read_text()
    assert say("log", "checkpoint", "-w", "byleave-demo").out == before


@pytest.mark.parametrize("wrong", ["source", "use", "rulesets"])
def test_wrong_input_is_named(here: Path, say: Say, wrong: str) -> None:
    """An unknown source, a use that is none and a file that is not there are refused by code."""
    words = {
        "source": ("nothing", USE, ()),
        "use": (SOURCE, "train/x/y", ()),
        "rulesets": (SOURCE, USE, ("--rulesets", "none.yaml")),
    }[wrong]
    said = say("gate", "compare", words[0], "--use", words[1], "-w", "byleave-demo", *words[2])
    assert said.code == 2
    code = {
        "source": "workspace.unknown-object",
        "use": "use.unknown-term",
        "rulesets": "input.not-found",
    }[wrong]
    assert code in said.err
