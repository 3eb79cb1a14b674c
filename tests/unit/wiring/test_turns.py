"""A workspace that a server keeps open writes by turns."""

from __future__ import annotations

from pathlib import Path

import pytest

import byleave
from byleave.errors import ConflictError
from tests.cli.stage import RULESETS


@pytest.fixture
def place(tmp_path: Path) -> Path:
    byleave.create(tmp_path / "ws").close()
    return tmp_path / "ws"


def test_writing_outside_a_turn_is_refused(place: Path) -> None:
    """Outside its turn a shared workspace writes nothing."""
    with byleave.open(place, turns=True) as ws:
        with pytest.raises(ConflictError) as caught:
            ws.member.enrol(["m-1"])
        assert caught.value.code == "workspace.no-turn"
        assert ws.member.count() == 0


def test_others_write_between_turns(place: Path) -> None:
    """Between two turns another process can write, and the next turn goes on from there."""
    with byleave.open(place, turns=True) as ws:
        with ws.turn():
            ws.member.enrol(["m-1"])
        with byleave.open(place) as other:
            other.member.enrol(["m-2"])
        with ws.turn():
            ws.member.enrol(["m-3"])
        assert ws.member.count() == 3
        assert ws.fsck() == []


def test_a_turn_is_waited_for_only_so_long(place: Path) -> None:
    """A turn that another process does not end is given up with `workspace.busy`."""
    with byleave.open(place, turns=True) as ws, byleave.open(place):
        with pytest.raises(ConflictError) as caught, ws.turn(wait=0.02):
            pass
        assert caught.value.code == "workspace.busy"
        assert not ws.may_write


def test_a_turn_ends_with_an_error(place: Path) -> None:
    """An error inside a turn ends the turn."""
    with byleave.open(place, turns=True) as ws:
        with pytest.raises(ZeroDivisionError), ws.turn():
            raise ZeroDivisionError
        byleave.open(place).close()
        assert not ws.may_write


def test_rules_that_another_put_in_force_hold_in_the_next_turn(place: Path) -> None:
    """Rulesets that another process put in force hold from the next turn on."""
    with byleave.open(place, turns=True) as ws:
        before = ws.ruleset.book().digest
        with byleave.open(place) as other:
            other.ruleset.publish(RULESETS)
            after = other.ruleset.book().digest
        assert after != before
        with ws.turn():
            assert ws.ruleset.book().digest == after
