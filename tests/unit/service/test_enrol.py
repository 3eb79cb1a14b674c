"""Enrolment: who is new, in which order, under which commitment."""

from __future__ import annotations

from pathlib import Path

import pytest

from byleave.errors import InputError
from byleave.evidence.enrolment import enrolment_commitment
from byleave.evidence.entry import EnrolmentEntry, parse_entry
from byleave.stores.sqlite import SqliteLedger
from tests.unit.service.small import empty


def test_each_member_is_committed_to(tmp_path: Path) -> None:
    """Each new member gets the next ordinal, a secret of their own, and the entry of both."""
    with empty(tmp_path / "ws") as ws:
        assert ws.member.enrol(["m-1", "m-2", "m-1", "é"]) == 3
        rows = ws.house.ledger.members()
        assert [(row[0], row[1]) for row in rows] == [(0, "m-1"), (1, "m-2"), (2, "é")]
        assert len({row[2] for row in rows}) == 3
        for _, member, secret, index, _ in rows:
            entry = parse_entry(ws.house.ledger.read(index, index + 1)[0], EnrolmentEntry)
            assert secret is not None
            assert entry.commitment == enrolment_commitment(secret, member)
        assert ws.fsck() == []


def test_only_those_asked_about_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Enrolling and naming a member read no other member's row; a region reaches known ones too."""

    def fail(*_: object) -> None:
        raise AssertionError("all members were read")

    with empty(tmp_path / "ws") as ws:
        ws.member.enrol(["m-1", "m-2"])
        monkeypatch.setattr(SqliteLedger, "members", fail)
        regions = {"m-1": "de", "m-4": "us", "nobody": "br"}
        assert ws.member.enrol(["m-2", "m-3", "m-4"], regions=regions) == 2
        assert [ws.member.by_ordinal(n) for n in range(4)] == ["m-1", "m-2", "m-3", "m-4"]
        facts = dict(ws.house.ledger.regions(2**62))
        assert facts == {0: "de", 3: "us"}
        for outside in (-1, 4):
            with pytest.raises(InputError) as caught:
                ws.member.by_ordinal(outside)
            assert caught.value.code == "member.unknown"
