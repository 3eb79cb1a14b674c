"""Others write between two parts of an import; what they said stands, and nothing lands twice."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from byleave.canonical import sha256
from byleave.consent.event import EventKind
from byleave.consent.reason import Reason
from byleave.errors import ConflictError
from byleave.policy.scope import Scope
from byleave.service.consent import NewEvent
from byleave.service.consent_import import Imported
from byleave.service.ledger_check import check_ledger
from byleave.wiring import Workspace, create
from byleave.wiring import open as open_workspace

START = datetime(2026, 1, 1, tzinfo=UTC)
TEXT = "May your messages train the model that suggests replies?\n"
ASK = "train.generative.replies/messages/platform"
USE = "train.generative.replies/messages.direct/platform"
SHOWN = sha256(TEXT.encode()).hex()
DONE = "choices imported"

Deed = Callable[[Workspace], object]


class Ticking:
    """A clock of all who write, a second later with each look."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now


class Meanwhile:
    """Progress that lets others write after so many rows."""

    def __init__(self, path: Path, clock: Ticking, deeds: dict[int, Deed]) -> None:
        self.left = dict(deeds)
        self._path = path
        self._clock = clock

    def __call__(self, what: str, done: int, total: int) -> None:
        del total
        if what == DONE and done in self.left:
            deed = self.left.pop(done)
            with open_workspace(self._path, now=self._clock) as other:
                deed(other)


class Place:
    """A workspace with one notice, and a file of choices beside it."""

    def __init__(self, path: Path) -> None:
        self.path = path / "w"
        self.file = path / "choices.csv"
        self.clock = Ticking()
        with create(self.path, origin="log.test/byleave", seed=3, now=self.clock) as ws:
            ws.policy.publish_notice(TEXT, notice="q-1", asks=[ASK])

    def write(self, *rows: tuple[str, str]) -> None:
        """Write (member, decision) rows, said a day apart, two years ago."""
        told = [datetime(2024, 1, 1, tzinfo=UTC) + timedelta(days=day) for day in range(len(rows))]
        lines = [
            f"{member},{ASK},{decision},{when.isoformat()},{SHOWN}"
            for (member, decision), when in zip(rows, told, strict=True)
        ]
        header = "member,use,decision,effective,notice_sha256"
        self.file.write_text("\n".join([header, *lines, ""]))

    def run(self, deeds: dict[int, Deed], *, part_rows: int = 1, enrol: bool = True) -> Imported:
        """Import the file, while others do something after so many rows."""
        meanwhile = Meanwhile(self.path, self.clock, deeds)
        with open_workspace(self.path, now=self.clock, progress=meanwhile) as ws:
            done = ws.consent.import_file(self.file, part_rows=part_rows, enrol=enrol)
            assert meanwhile.left == {}
            return done

    def reasons(self) -> dict[str, str]:
        """Return what a gate would read for each member."""
        with open_workspace(self.path, now=self.clock) as ws:
            state = ws.consent.state(USE)
            rows = ws.house.ledger.members()
            assert list(check_ledger(ws.house)) == []
            assert ws.fsck() == []
            names = {o: f"erased {o}" if m.startswith("erased/") else m for o, m, *_ in rows}
            return {names[o]: Reason(int(state.code[o])).word for o in names}


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def enrol(*members: str) -> Deed:
    return lambda other: other.member.enrol(list(members))


def say(member: str, kind: EventKind, scope: str = ASK) -> Deed:
    event = NewEvent(member=member, kind=kind, scope=Scope.parse(scope), channel="settings")
    return lambda other: other.consent.record([event])


def both(*deeds: Deed) -> Deed:
    def do(other: Workspace) -> None:
        for deed in deeds:
            deed(other)

    return do


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("scope", [ASK, "train/messages/*", "*/*/*"])
def test_a_no_said_meanwhile_stands(place: Place, scope: str, *, known: bool) -> None:
    """A yes of the file is left out where its member said no between two parts, new or not."""
    place.write(("m-1", "grant"), ("m-2", "grant"), ("m-3", "grant"))
    if known:
        with open_workspace(place.path, now=place.clock) as ws:
            enrol("m-2")(ws)
    deeds = [] if known else [enrol("m-2")]
    done = place.run({1: both(*deeds, say("m-2", EventKind.WITHDRAWAL, scope))})
    assert place.reasons() == {"m-1": "kept", "m-2": "withdrawn", "m-3": "kept"}
    assert done.events == 2
    assert done.rejected == ((3, "overtaken"),)


def test_a_no_about_something_else_changes_nothing(place: Place) -> None:
    """A yes of the file is recorded where the no said meanwhile does not meet its use."""
    place.write(("m-1", "grant"), ("m-2", "grant"))
    other = "train.ranking.jobs/activity/platform"
    done = place.run({1: both(enrol("m-2"), say("m-2", EventKind.REFUSAL, other))})
    assert done.events == 2
    assert place.reasons() == {"m-1": "kept", "m-2": "kept"}


def test_a_member_enrolled_meanwhile_is_known(place: Place) -> None:
    """Without enrolling, the rows of a member who was enrolled between two parts are recorded."""
    place.write(("m-1", "grant"), ("m-2", "grant"), ("m-3", "grant"))
    with open_workspace(place.path, now=place.clock) as ws:
        enrol("m-1")(ws)
    done = place.run({1: enrol("m-3", "m-9")}, enrol=False)
    assert done.rejected == ((3, "member-unknown"),)
    assert place.reasons() == {"m-1": "kept", "m-3": "kept", "m-9": "no-grant"}


def test_nobody_is_enrolled_twice(place: Place) -> None:
    """A member whom others enrolled between two parts keeps their ordinal and gets the choice."""
    place.write(("m-1", "grant"), ("m-2", "grant"), ("m-3", "grant"))
    done = place.run({1: enrol("m-3"), 2: enrol("m-4")})
    assert done.enrolled == 2
    assert place.reasons() == {"m-1": "kept", "m-3": "kept", "m-2": "kept", "m-4": "no-grant"}


def test_who_was_erased_meanwhile_is_somebody_new(place: Place) -> None:
    """After an erasure between two parts the old ordinal gets no further choice."""
    place.write(("m-1", "grant"), ("m-2", "grant"), ("m-1", "withdraw"), ("m-3", "grant"))
    place.run({2: lambda other: other.member.erase(["m-1"])})
    with open_workspace(place.path, now=place.clock) as ws:
        rows = {row[1]: row[0] for row in ws.house.ledger.members()}
        events = ws.house.ledger.events()
        assert len([e for e in events if e[1] == 0]) == 1
        assert [e[1] for e in events][2] == rows["m-1"] != 0


def test_another_run_of_the_same_file_is_told_apart(place: Place) -> None:
    """Where another process goes on with an import, one of the two stops, and each choice is there once."""
    place.write(("m-1", "grant"), ("m-2", "grant"), ("m-3", "grant"))
    with pytest.raises(ConflictError) as error:
        place.run({1: lambda other: other.consent.import_file(place.file, part_rows=1)})
    assert error.value.code == "workspace.moved"
    done = place.run({})
    assert (done.events, done.duplicates, done.resumed_at) == (3, 0, None)
    with open_workspace(place.path, now=place.clock) as ws:
        assert len(ws.house.ledger.events()) == 3
    assert place.reasons() == {"m-1": "kept", "m-2": "kept", "m-3": "kept"}


def test_the_same_rows_under_another_name_are_duplicates(place: Place) -> None:
    """Rows that another import recorded between two parts are counted, not recorded again."""
    place.write(("m-1", "grant"), ("m-2", "grant"), ("m-3", "grant"))
    copy = place.file.with_name("other.csv")
    lines = place.file.read_text().splitlines()
    copy.write_text("\n".join([lines[0], lines[3], lines[2], ""]))
    done = place.run({1: lambda other: other.consent.import_file(copy)})
    assert (done.events, done.duplicates) == (1, 2)
    with open_workspace(place.path, now=place.clock) as ws:
        assert len(ws.house.ledger.events()) == 3


def test_stopping_between_two_parts_leaves_whole_ones(place: Place) -> None:
    """An import that is stopped while others write goes on where it stood, and hears what they said."""
    place.write(("m-1", "grant"), ("m-2", "grant"), ("m-3", "grant"))

    def stop(other: Workspace) -> None:
        enrol("m-3")(other)
        say("m-3", EventKind.OBJECTION)(other)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        place.run({2: stop})
    done = place.run({})
    assert done.resumed_at == 2
    assert place.reasons() == {"m-1": "kept", "m-2": "kept", "m-3": "objected"}


MEMBERS = [f"m-{n}" for n in range(5)]
DEEDS = st.one_of(
    st.tuples(
        st.sampled_from(["withdraw", "object", "refuse", "enrol", "erase"]),
        st.sampled_from(MEMBERS),
    ),
)
NOES = {
    "withdraw": EventKind.WITHDRAWAL,
    "object": EventKind.OBJECTION,
    "refuse": EventKind.REFUSAL,
}


def deed_of(word: str, member: str) -> Deed:
    def do(other: Workspace) -> None:
        if word == "erase":
            if other.house.ledger.member(member) is not None:
                other.member.erase([member])
            return
        enrol(member)(other)
        if word in NOES:
            say(member, NOES[word])(other)

    return do


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Path]:
    return lambda: tmp_path_factory.mktemp("import")


@settings(
    max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    rows=st.lists(
        st.tuples(st.sampled_from(MEMBERS), st.sampled_from(["grant", "grant", "refuse"])),
        min_size=1,
        max_size=8,
    ),
    part_rows=st.integers(1, 3),
    deeds=st.lists(st.tuples(st.integers(0, 7), DEEDS), max_size=4),
)
def test_an_import_beside_others_is_as_one_between_them(
    folders: Callable[[], Path],
    rows: list[tuple[str, str]],
    part_rows: int,
    deeds: list[tuple[int, tuple[str, str]]],
) -> None:
    """Deeds of others at any part leave what stopping there, their deeds and going on leave."""
    stops = [min(at, len(rows)) for at in range(part_rows, len(rows) + part_rows, part_rows)]
    planned: dict[int, Deed] = {}
    for at, deed in deeds:
        stop = stops[at % len(stops)]
        planned[stop] = both(*([planned[stop]] if stop in planned else []), deed_of(*deed))
    beside, apart = Place(folders()), Place(folders())
    for place in (beside, apart):
        place.write(*rows)
    beside.run(planned, part_rows=part_rows)

    def stopping(deed: Deed) -> Deed:
        def do(other: Workspace) -> None:
            deed(other)
            raise InterruptedError

        return do

    for stop in stops:
        others = planned.get(stop, both())
        with pytest.raises(InterruptedError):
            apart.run({stop: stopping(others)}, part_rows=part_rows)
    assert beside.reasons() == apart.reasons()
    with (
        open_workspace(beside.path, now=beside.clock) as one,
        open_workspace(apart.path, now=apart.clock) as two,
    ):
        assert [e[1:4] for e in one.house.ledger.events()] == [
            e[1:4] for e in two.house.ledger.events()
        ]
