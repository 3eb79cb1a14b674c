"""The page of rules and the tests named after them say the same."""

from __future__ import annotations

import re

from tests.conftest import ROOT
from tests.law import test_rules

ROW = re.compile(r"\| (\d\d) \| (.+?) \| (.+) \|")


def test_each_rule_of_a_decision_has_its_test() -> None:
    """Thirty rules; each either has a test named after its number, or says that no decision turns
    on it; no test has a number that the page does not call tested.
    """
    page = (ROOT / "docs" / "legal-rules.md").read_text("utf-8")
    rows = {number: where for number, _, where in ROW.findall(page)}
    assert sorted(rows) == [f"{n:02d}" for n in range(1, 31)]
    tested = {number for number, where in rows.items() if where.startswith("test")}
    named = {name[10:12] for name in vars(test_rules) if name.startswith("test_rule_")}
    assert named == tested
    assert all(rows[n].startswith("no decision") for n in rows.keys() - tested)
