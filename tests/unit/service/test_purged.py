"""What is left of purged intervals: counted from the files, apart from the gate."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest

from byleave.consent.reason import Reason
from byleave.errors import InputError
from byleave.ids import parse_instant
from byleave.service.compile import compile_for
from byleave.service.kept_plan import compile_now
from byleave.service.source import open_source
from byleave.wiring import Workspace
from tests.unit.service.small import ASK, CONTRACT, asked, empty, grant, people, small_table

SCOPE = "train.generative.replies/messages.direct/platform"
FIRST = parse_instant("2024-05-01")
CONSTANT = CONTRACT.replace(
    "kind: kind\nkinds:\n  inmail: messages.inmail\n  direct: messages.direct\n",
    "category_constant: messages.direct\n",
)
OWN = """\
rulesets: v1
version: own-1
sets:
  - ruleset: own
    title: One operator's own
    effective: "2024-01-01"
    regions: [eu]
    rules: [{{scope: "*/*/*", basis: opt-in, cite: x}}]
    messages: {{party_rule: all, cite: x}}
    past: {{may_be_covered: true, cite: x}}
    general_grants: {{count: false, cite: x}}
    purged: [{{scope: {scope}, start: "{start}", end: "{end}", cite: x}}]
"""


def sealed(
    path: Path, *, contract: str = CONSTANT, dated: bool = True, region: str = "eu"
) -> tuple[Workspace, list[datetime]]:
    """Return a workspace with a snapshot of 40 rows, one a day; none has a date where not dated."""
    table = small_table(members=6, threads=8, messages=40)
    sent = [FIRST + timedelta(days=n) for n in range(table.num_rows)]
    column = pa.array(sent if dated else [None] * len(sent), pa.timestamp("us", "UTC"))
    table = table.set_column(table.column_names.index("sent_at"), "sent_at", column)
    ws = empty(path)
    asked(ws)
    who = people(table)
    ws.source.add("messages", table, contract, regions=dict.fromkeys(who, region))
    ws.policy.publish_notice("May we?", notice=f"{ASK}-direct", asks=[SCOPE])
    ws.consent.record([grant(m, "train.generative.replies/messages/platform", ws) for m in who])
    gate, gated = ws.gate.run("messages", SCOPE)
    ws.snapshot.seal(gate, gated=gated)
    return ws, sent


def counted(ws: Workspace, *, scope: str = "train/*/*", start: str, end: str) -> tuple[int, int]:
    """Publish an interval and return rows and undated rows of the one snapshot."""
    ws.ruleset.publish(OWN.format(scope=scope, start=start, end=end))
    (holder,) = ws.ruleset.purged()
    return holder.rows, holder.undated


@pytest.mark.parametrize("contract", [CONSTANT, CONTRACT])
def test_rows_of_the_interval_are_counted(tmp_path: Path, contract: str) -> None:
    """Exactly the sealed rows from the first instant until the second count, by kind or constant."""
    ws, sent = sealed(tmp_path / "ws", contract=contract)
    with ws:
        (snapshot,) = ws.snapshot.list()
        batches = ws.snapshot.open(snapshot["snapshot"]).batches({"when": "sent_at"})
        held = [when for batch in batches for when in batch["when"].to_pylist()]
        want = [when for when in held if sent[10] <= when < sent[20]]
        found = counted(ws, start=sent[10].isoformat(), end=sent[20].isoformat())
        assert found == (len(want), 0)
        assert want


def test_rows_without_a_date_are_told_apart(tmp_path: Path) -> None:
    """Where an interval is purged a row without a date counts as undated, and as no other."""
    ws, sent = sealed(tmp_path / "ws", dated=False)
    with ws:
        assert counted(ws, start=sent[0].isoformat(), end=sent[-1].isoformat()) == (0, len(sent))


@pytest.mark.parametrize(
    ("scope", "region"), [("service/*/*", "eu"), ("train/content/*", "eu"), ("train/*/*", "us")]
)
def test_other_uses_and_regions_are_not_counted(tmp_path: Path, scope: str, region: str) -> None:
    """An interval of another use, other data or another region leaves every row alone."""
    ws, sent = sealed(tmp_path / "ws", region=region)
    with ws:
        found = counted(ws, scope=scope, start=sent[0].isoformat(), end=sent[-1].isoformat())
        assert found == (0, 0)


def test_groups_of_nobody_are_refused(tmp_path: Path) -> None:
    """A member nobody knows, and a name that no group has, are refused, and nothing is recorded."""
    ws, _ = sealed(tmp_path / "ws")
    with ws:
        member = str(ws.house.ledger.members()[0][1])
        for groups, code in (
            ({member: ["a"], "nobody": ["a"]}, "member.unknown"),
            ({member: ["Not One"]}, "input.malformed"),
        ):
            with pytest.raises(InputError) as error:
                ws.member.group(groups)
            assert error.value.code == code
            assert ws.member.groups(member) == ()
        ws.member.group({member: ["b", "a", "b"]})
        assert ws.member.groups(member) == ("a", "b")


def test_a_list_that_grows_is_heard_by_the_plan_that_is_kept(tmp_path: Path) -> None:
    """After members are listed, let go or enrolled, the plan brought up to date is that of a full
    compile, and no listed member is in it with a yes.
    """
    excluded = "    excluded_groups: [{groups: [listed], cite: x}]\n"
    ws, sent = sealed(tmp_path / "ws")
    with ws:
        interval = {"start": sent[3].isoformat(), "end": sent[5].isoformat()}
        ws.ruleset.publish(OWN.format(scope="train/*/*", **interval) + excluded)
        source = open_source(ws.house, "messages")
        who = [str(row[1]) for row in ws.house.ledger.members()]
        for act in (
            lambda: ws.member.group({who[0]: ["listed"], who[1]: ["other"]}),
            lambda: ws.member.group({who[2]: ["listed", "other"]}),
            lambda: ws.member.group({who[0]: []}),
            lambda: ws.member.enrol(["new"], regions={"new": "eu"}),
            lambda: ws.member.group({"new": ["listed"]}),
        ):
            act()
            now = compile_now(ws.house, source, SCOPE).plan
            assert now.digest == compile_for(ws.house, source, SCOPE, at=now.at).digest
            (category,) = now.categories
            stops = category.profiles.stop[category.profile].tolist()
            listed = {
                ordinal
                for names, found in ws.house.ledger.groups_columns(2**62).items()
                for ordinal in found.tolist()
                if "listed" in names.split()
            }
            assert {o for o, stop in enumerate(stops) if stop == Reason.GROUP_EXCLUDED} == listed
