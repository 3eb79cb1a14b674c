"""Acts of the operator's people, and the trail."""

from __future__ import annotations

import pytest

from byleave.errors import InputError
from byleave.service.acts import KINDS, log_act
from tests.unit.service.small import Grown


def test_an_act_is_in_the_log_as_a_commitment_alone(copied: Grown) -> None:
    """The log's entry of an act holds neither who nor why; the ledger's opening fits it."""
    with copied.open() as ws:
        at = log_act(ws.house, "policy.publish", who="alex", what="terms 1", why="as agreed")
        ws.log_house.publish()
        raw = ws.ledger.read(at, at + 1)[0]
        assert b'"act/v1"' in raw
        assert b"alex" not in raw
        assert b"agreed" not in raw
        [row] = ws.acts.trail(kind="act")
        assert (row["index"], row["who"], row["what"], row["name"], row["why"]) == (
            at,
            "alex",
            "policy.publish",
            "terms 1",
            "as agreed",
        )
        assert ws.fsck() == []


def test_an_act_changed_afterwards_is_found(copied: Grown) -> None:
    """An act whose name was changed in the ledger is named by `fsck`."""
    with copied.open() as ws:
        at = log_act(ws.house, "policy.publish", who="alex", what="terms 1", why="as agreed")
        ws.log_house.publish()
        found = ws.ledger.object("act", f"act-{at}")
        assert found is not None
        with ws.ledger.writing() as writer:
            writer.replace_object("act", f"act-{at}", {**found[2], "who": "kim"})
        problems = ws.fsck()
        assert any(f"act-{at}" in problem["what"] for problem in problems), problems


def test_an_act_needs_a_reason(copied: Grown) -> None:
    """Without a reason, or with one over 200 characters, nothing is logged."""
    with copied.open() as ws:
        before = ws.ledger.size()
        for why in ("", "  ", "x" * 201):
            with pytest.raises(InputError) as caught:
                log_act(ws.house, "policy.publish", who="alex", what="terms 1", why=why)
            assert caught.value.code == "input.malformed"
        assert ws.ledger.size() == before


def test_the_trail_has_every_kind_of_a_grown_workspace(grown: Grown) -> None:
    """Whatever object a workspace's entries stand for is in the trail, or is part of a choice."""
    with grown.open(read_only=True) as ws:
        held = {
            found[0]
            for index in range(ws.ledger.size())
            if (found := ws.ledger.object_at(index)) is not None
        }
        rows = ws.acts.trail(limit=10_000)
    assert held <= {*KINDS, "notice-token", "import-part"}
    assert {row["kind"] for row in rows} == held & set(KINDS)
    assert [row["index"] for row in rows] == sorted((r["index"] for r in rows), reverse=True)


def test_the_trail_is_read_from_an_index(grown: Grown) -> None:
    """Pages of the trail put together are the trail."""
    with grown.open(read_only=True) as ws:
        whole = ws.acts.trail(limit=10_000)
        parts, before = [], None
        while page := ws.acts.trail(before=before, limit=3):
            parts += page
            before = page[-1]["index"]
    assert parts == whole


def test_an_unknown_kind_is_refused(grown: Grown) -> None:
    """A kind that the trail does not know is an error that lists those there are."""
    with grown.open(read_only=True) as ws, pytest.raises(InputError) as caught:
        ws.acts.trail(kind="nothing")
    assert "policy" in str(caught.value)
