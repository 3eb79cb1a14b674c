"""`byleave ruleset` on groups of members and on what was collected while a use stood suspended."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Say

OWN = """\
rulesets: v1
version: own-1
sets:
  - ruleset: own
    title: One operator's own
    effective: "2020-01-01"
    regions: [zz]
    rules: [{{scope: "*/*/*", basis: opt-in, cite: x}}]
    messages: {{party_rule: all, cite: x}}
    past: {{may_be_covered: true, cite: x}}
    general_grants: {{count: false, cite: x}}
{more}
"""
PURGED = '    purged: [{{scope: train/*/*, start: "{start}", end: "{end}", cite: x}}]'
TRAINING = "train.generative.replies/messages.direct/platform"


@pytest.mark.usefixtures("copy")
def test_a_member_is_put_in_groups_and_out(say: Say) -> None:
    """`ruleset group` says which groups a member is in now; without one, in none."""
    told = say("ruleset", "group", "m-1", "filtered-2025", "another")
    assert told.out == "recorded: in another, filtered-2025 from now on\n"
    assert say("ruleset", "group", "m-1", "--json").json["groups"] == []
    assert say("ruleset", "group", "m-1").out == "recorded: in no group from now on\n"


@pytest.mark.usefixtures("copy")
@pytest.mark.parametrize(
    ("words", "code", "error"),
    [
        (("nobody", "filtered-2025"), 2, "member.unknown"),
        (("m-1", "Two Words"), 2, "input.malformed"),
        (("m-1", ""), 2, "input.malformed"),
        ((), 2, ""),
    ],
)
def test_a_group_that_is_none_is_refused(
    say: Say, words: tuple[str, ...], code: int, error: str
) -> None:
    """A member nobody knows, or a name that no group has, is refused and repeats no id."""
    told = say("ruleset", "group", *words)
    assert told.code == code
    assert error in told.err
    assert "nobody" not in told.err


def test_intervals_and_groups_are_shown_and_counted(say: Say, copy: Path) -> None:
    """`ruleset show` names what is left out, and `ruleset purged` counts what is left of it."""
    assert "nothing is left; counted in" in say("ruleset", "purged").out
    more = PURGED.format(start="2000-01-01", end="2100-01-01")
    (copy / "own.yaml").write_text(
        OWN.format(more=more + "\n    excluded_groups: [{groups: [filtered-2025], cite: x}]")
    )
    assert say("ruleset", "publish", "own.yaml").code == 0
    shown = say("ruleset", "show", "zz", "--use", TRAINING)
    assert "purged        collected from 2000-01-01T00:00:00Z until 2100-01-01" in shown.out
    assert "left out      members of filtered-2025" in shown.out
    found = say("ruleset", "purged", "--json").json
    assert found["counted"] == len(found["holders"]) > 0
    assert found["rows"] == sum(h["rows"] + h["undated"] for h in found["holders"])


@pytest.mark.parametrize(
    "more",
    [
        PURGED.format(start="2024-02-01", end="2024-01-01"),
        PURGED.format(start="2024-02-01", end="2024-02-01"),
        PURGED.format(start="soon", end="2024-02-01"),
        '    purged: [{scope: train/*/*, start: "2024-02-01", cite: x}]',
        "    excluded_groups: [{groups: [], cite: x}]",
        "    excluded_groups: [{groups: [Two Words], cite: x}]",
        "    excluded_groups: [{groups: [a], cite: x, why: x}]",
    ],
)
def test_malformed_exclusions_are_refused(say: Say, copy: Path, more: str) -> None:
    """An interval that ends before it starts, or groups without names, are refused with the line."""
    (copy / "own.yaml").write_text(OWN.format(more=more))
    told = say("ruleset", "publish", "own.yaml")
    assert told.code == 2
    assert "own.yaml" in told.err
