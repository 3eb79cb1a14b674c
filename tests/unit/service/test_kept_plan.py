"""A gate's plan kept for the next process: the plan of a full compile, whatever happened between."""

from __future__ import annotations

import shutil
import warnings
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import byleave
from byleave.consent.event import EventKind
from byleave.ids import to_us
from byleave.service import compile as compiling
from byleave.service import kept_plan
from byleave.service.clock import ClockWarning
from byleave.service.consent import NewEvent
from byleave.service.gate import compile_for
from byleave.service.gate_standing import Standing
from byleave.service.gate_update import update_gate
from byleave.service.kept_plan import compile_now, plan_of_gate
from byleave.service.source import open_source
from byleave.wiring import Workspace
from byleave.wiring.world import ReplayClock
from tests.unit.service.small import CONTRACT, PLATFORM, START, asked, empty, grant
from tests.unit.service.test_gate_update import people, wide_table

DAY = timedelta(days=1)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace of many members, a third of whom said yes, whose gate ran; closed."""
    place = tmp_path_factory.mktemp("kept") / "ws"
    clock = ReplayClock(START)
    with empty(place, clock) as ws:
        table = wide_table()
        who = people(table)
        asked(ws)
        ws.source.add("messages", table, CONTRACT, regions=dict.fromkeys(who[::2], "eu"))
        clock.set(START + DAY)
        ws.member.born({m: str(1990 + n % 30) for n, m in enumerate(who[::4])})
        ws.consent.record([grant(m, PLATFORM, ws, past=n % 2 == 0) for n, m in enumerate(who[::3])])
        clock.set(START + 2 * DAY)
        ws.gate.run("messages", PLATFORM)
    return place


@pytest.fixture
def place(made: Path, tmp_path: Path) -> Path:
    copy = tmp_path / "ws"
    shutil.copytree(made, copy)
    return copy


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was compiled in full, told one by one."""
    seen: list[str] = []
    in_full = compiling.compile_in_full

    def compile_in_full(*args: Any, **more: Any) -> Any:
        seen.append("full")
        return in_full(*args, **more)

    monkeypatch.setattr(kept_plan, "compile_in_full", compile_in_full)
    return seen


def opened(place: Path, at: datetime, *, read_only: bool = False) -> Workspace:
    return byleave.open(place, now=ReplayClock(at), read_only=read_only)


def require_equal_to_full(ws: Workspace, at: datetime | None = None) -> None:
    """Compare what a compile gives with one in full at the same position and instant."""
    source = open_source(ws.house, "messages")
    now = compile_now(ws.house, source, PLATFORM, at=at).plan
    full = compile_for(ws.house, source, PLATFORM, at=now.at)
    assert now.digest == full.digest
    assert now.members.ids.equals(full.members.ids)
    assert now.next_us <= full.next_us


def test_another_process_folds_nobody_again(place: Path, counted: list[str]) -> None:
    """A process that only opened the workspace compiles from the plan kept, at any later instant."""
    with opened(place, START + 3 * DAY, read_only=True) as ws:
        require_equal_to_full(ws)
    assert counted == []


def test_a_withdrawal_between_is_heard(place: Path, counted: list[str]) -> None:
    """Said after the plan was kept and before the next process compiles, it is in that plan.

    So it is while the workspace is open elsewhere, and in the rows that the gate keeps.
    """
    with opened(place, START + 3 * DAY, read_only=True) as reader:
        source = open_source(reader.house, "messages")
        before = compile_now(reader.house, source, PLATFORM).plan
        yes = np.flatnonzero(np.unpackbits(before.categories[1].yes, bitorder="little"))
        leaver = before.members.ids[int(yes[0])].as_py()
        with opened(place, START + 3 * DAY) as ws:
            ws.consent.withdraw(leaver, PLATFORM)
        after = compile_now(reader.house, source, PLATFORM).plan
        require_equal_to_full(reader)
    for plan, allowed in ((before, 1), (after, 0)):
        byte = plan.categories[1].yes[yes[0] >> 3]
        assert byte >> (yes[0] & 7) & 1 == allowed
    with opened(place, START + 4 * DAY) as ws:
        made = update_gate(ws.house, "gate-1")
        assert made.why_full is None
        assert made.touched
        assert leaver not in made.gated.table["sender_id"].to_pylist()
    assert counted == []


@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_whatever_happens_it_is_the_plan_of_a_full_compile(
    grown: tuple[Workspace, ReplayClock, list[str]], data: st.DataObject
) -> None:
    """After any acts at any later instants, compiling from what is at hand equals compiling in full.

    Choices that begin or end later, moves, births, people who join, notices and rules among them.
    """
    ws, clock, who = grown
    for _ in range(data.draw(st.integers(1, 3))):
        clock.set(clock() + timedelta(hours=data.draw(st.sampled_from([0, 1, 30, 9_000]))))
        act(ws, clock, who, data)
    clock.set(clock() + timedelta(hours=data.draw(st.sampled_from([0, 1, 30, 9_000]))))
    if data.draw(st.booleans()):  # as another process: from the file
        for key in [key for key in ws.house.opened if key[0] in {"plan", "current"}]:
            del ws.house.opened[key]
    require_equal_to_full(ws)
    if data.draw(st.integers(0, 3)) == 0:
        ws.gate.update(ws.gate.list()[-1]["gate"])


def act(ws: Workspace, clock: ReplayClock, who: list[str], data: st.DataObject) -> None:
    member = who[data.draw(st.integers(0, 500))]
    kind = data.draw(st.sampled_from(["yes", "ends", "no", "moves", "born", "joins", "notice"]))
    if kind in {"yes", "ends"}:
        ends = clock() + timedelta(hours=20) if kind == "ends" else None
        ws.consent.grant(member, PLATFORM, notice="question-1", expires=ends, includes_past=True)
    elif kind == "no":
        said = NewEvent(member=member, kind=EventKind.WITHDRAWAL, scope=ws.scope(PLATFORM))
        ws.consent.record([said])
    elif kind == "moves":
        ws.member.enrol(
            [member], regions={member: data.draw(st.sampled_from(["eu", "us-ca", "br"]))}
        )
    elif kind == "born":
        ws.member.born({member: str(data.draw(st.integers(2000, 2020)))})
    elif kind == "joins":
        new = f"new-{ws.house.ledger.member_count()}"
        ws.member.enrol([new], regions={new: "uk"})
    else:
        number = len(ws.house.ledger.objects("notice"))
        ws.policy.publish_notice("May we? ( ) Yes\n", notice=f"ask-{number}", asks=[PLATFORM])


@pytest.fixture(scope="module")
def grown(
    made: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Workspace, ReplayClock, list[str]]]:
    """A copy of it, open; each test goes on where one ended."""
    place = tmp_path_factory.mktemp("grown") / "ws"
    shutil.copytree(made, place)
    clock = ReplayClock(START + 3 * DAY)
    ws = byleave.open(place, now=clock)
    yield ws, clock, people(wide_table())
    ws.close()


def test_a_birthday_is_noticed(place: Path) -> None:
    """Who comes of age by the clock alone is of age in the next plan, and not a minute before."""
    with opened(place, START + 3 * DAY) as ws:
        member = people(wide_table())[0]
        turns = datetime(2024, 7, 20, tzinfo=UTC)
        ws.member.enrol([member], regions={member: "us"})
        ws.member.born({member: "2006-07-20"})
        ws.consent.grant(member, PLATFORM, notice="question-1", includes_past=True)
        for at in (turns - timedelta(minutes=1), turns, turns + 40 * DAY):
            require_equal_to_full(ws, at)


def test_a_damaged_file_is_not_used(place: Path, counted: list[str]) -> None:
    """A byte changed anywhere in the file, or no file, and everybody is folded again."""
    path = place / "cache" / "messages" / "gate-1.plan"
    good = path.read_bytes()
    for at in (0, 70, len(good) // 2, len(good) - 1):
        path.write_bytes(good[:at] + bytes([good[at] ^ 1]) + good[at + 1 :])
        with opened(place, START + 3 * DAY, read_only=True) as ws:
            require_equal_to_full(ws)
    for wrong in (b"", good[:100]):
        path.write_bytes(wrong)
        with opened(place, START + 3 * DAY, read_only=True) as ws:
            require_equal_to_full(ws)
    path.unlink()
    with opened(place, START + 3 * DAY, read_only=True) as ws:
        require_equal_to_full(ws)
    assert len(counted) == 7


def test_another_plan_in_its_place_is_not_used(place: Path) -> None:
    """A sound plan file of another moment, put in the place of a gate's, is not taken for it."""
    path = place / "cache" / "messages" / "gate-1.plan"
    old = path.read_bytes()
    with opened(place, START + 3 * DAY) as ws:
        ws.consent.withdraw(people(wide_table())[0], PLATFORM)
        ws.gate.update("gate-1")
        document = ws.gate.show("gate-2")
    (path.parent / "gate-2.plan").write_bytes(old)
    with opened(place, START + 4 * DAY) as ws:
        assert plan_of_gate(ws.house, "gate-2", document) is None
        require_equal_to_full(ws)


def test_the_two_newest_of_a_question_are_kept(place: Path) -> None:
    """Each gate of a question keeps its plan until the next but one; other questions keep theirs."""
    with opened(place, START + 3 * DAY) as ws:
        ws.gate.run("messages", PLATFORM, party_rule="all")
        for _ in range(3):
            ws.gate.update("gate-1")
        names = {path.name for path in (place / "cache" / "messages").glob("*.plan")}
    assert names == {"gate-2.plan", "gate-4.plan", "gate-5.plan"}


def test_rulesets_and_an_earlier_instant_are_compiled_in_full(
    place: Path, counted: list[str]
) -> None:
    """Where the rules are logged anew, or the instant lies before the plan's, nothing is patched."""
    with opened(place, START + 3 * DAY) as ws:
        ws.policy.publish_rules()
        require_equal_to_full(ws)
        require_equal_to_full(ws, START + DAY)
    assert counted == ["full", "full"]


def test_erased_ids_are_in_no_kept_plan(place: Path) -> None:
    """An erasure removes every kept plan: the ids in them with it."""
    with opened(place, START + 3 * DAY) as ws:
        assert list(place.glob("cache/*/*.plan"))
        ws.member.erase(["m1"])
        assert not list(place.glob("cache/*/*.plan"))
        assert not [key for key in ws.house.opened if key[0] in {"plan", "current"}]
        require_equal_to_full(ws)


def test_no_room_for_a_plan_fails_no_run(
    place: Path, counted: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the plan cannot be kept the gate runs all the same, and the next compile is in full."""
    from byleave.errors import WorldError

    def full(*_: object) -> object:
        raise WorldError("the disk is full", code="world.disk-full")

    with opened(place, START + 3 * DAY) as ws:
        monkeypatch.setattr(kept_plan, "encode_plan", full)
        gate, _ = ws.gate.run("messages", PLATFORM)
        assert ws.gate.show(gate)["kept_plan"] is None
        ws.consent.withdraw(people(wide_table())[0], PLATFORM)
    with opened(place, START + 4 * DAY, read_only=True) as ws:
        assert plan_of_gate(ws.house, gate, ws.gate.show(gate)) is None
        require_equal_to_full(ws)
    assert counted == []  # the gate before it still has its own


def test_what_stands_is_decided_by_those_who_changed(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a gate admits now is asked of the changed members' rows alone, and equals all rows decided."""
    with opened(place, START + 3 * DAY) as ws:
        index = ws.gate.show("gate-1")["index"]
        source = open_source(ws.house, "messages")
        whole = Standing(ws.house)._decide(source, PLATFORM)
        assert np.array_equal(Standing(ws.house).admits("messages", PLATFORM, index), whole)
        before = compile_now(ws.house, source, PLATFORM).plan
        yes = np.flatnonzero(np.unpackbits(before.categories[1].yes, bitorder="little"))
        for ordinal in yes[:3].tolist():
            ws.consent.withdraw(before.members.ids[ordinal].as_py(), PLATFORM)
        whole = Standing(ws.house)._decide(source, PLATFORM)
        monkeypatch.setattr(Standing, "_decide", None)
        now = Standing(ws.house).admits("messages", PLATFORM, index)
        assert np.array_equal(now, whole)
        assert to_us(before.at) < to_us(START + 4 * DAY)


@pytest.mark.parametrize("back", [timedelta(hours=1), timedelta(days=400)])
def test_a_clock_that_goes_back_hides_no_move(place: Path, back: timedelta) -> None:
    """A region recorded while the clock was behind the plan's instant is in the next plan."""
    member = people(wide_table())[1]
    with warnings.catch_warnings(), opened(place, START + 2 * DAY - back) as ws:
        warnings.simplefilter("ignore", ClockWarning)
        ws.member.enrol([member], regions={member: "eu"})
        ws.consent.grant(member, PLATFORM, notice="question-1", includes_past=True)
        require_equal_to_full(ws)
    with opened(place, START + 5 * DAY) as ws:
        require_equal_to_full(ws)
