"""Packages: only what that recipient may have; nothing allowed is said, and logged."""

from __future__ import annotations

import json

import pytest

from byleave.errors import InputError, RefusedError
from tests.unit.service.small import PLATFORM, PROVIDER, Grown


def test_a_package_holds_what_its_recipient_may_have(grown: Grown) -> None:
    """A package's snapshot holds the rows of that recipient's own gate, under logged terms."""
    with grown.open(read_only=True) as ws:
        (package,) = ws.disclosure.list()
        gate = next(g for g in ws.gate.list() if g["use"] == PROVIDER)
        assert (
            package["rows"]
            == gate["kept"]
            == ws.snapshot.open(package["snapshot"]).manifest.records
        )
        assert 0 < package["rows"] < ws.gate.list()[0]["kept"]
        allowed = {ws.member.ordinal(m) for m in grown.agreed[:16]}
        assert set(ws.openings(package["snapshot"])["ordinal"].to_pylist()) <= allowed
        terms = json.loads(package["terms"])
        assert terms["recipient"] == package["recipient"] == "provider.host"
        assert terms["may_pass_on"] is False


def test_a_package_nobody_allowed_is_refused_and_its_gate_is_logged(copied: Grown) -> None:
    """Where no record may go: `disclosure.nothing-allowed`, exit 4; the gate's record stays."""
    with copied.open() as ws:
        for member in copied.agreed[:16]:
            ws.consent.withdraw(member, PROVIDER)
        gates, size = len(ws.gate.list()), ws.ledger.size()
        with pytest.raises(RefusedError) as error:
            ws.disclosure.offer("messages", PROVIDER)
        assert (error.value.code, error.value.exit_code) == ("disclosure.nothing-allowed", 4)
        assert len(ws.gate.list()) == gates + 1
        assert ws.gate.list()[-1]["kept"] == 0
        assert ws.log.checkpoint()["size"] == ws.ledger.size() == size + 1
        assert len(ws.disclosure.list()) == 1
        assert str(ws.gate.list()[-1]["gate"]) in str(error.value.hint)


def test_the_platform_gets_no_package(copied: Grown) -> None:
    """A package for the platform itself is refused before any gate runs."""
    with copied.open() as ws:
        size = ws.ledger.size()
        with pytest.raises(InputError) as error:
            ws.disclosure.offer("messages", PLATFORM)
        assert error.value.code == "disclosure.to-oneself"
        assert ws.ledger.size() == size


def test_an_unknown_recipient_is_refused(copied: Grown) -> None:
    """A recipient that is in no tree of the taxonomy gets nothing: `use.unknown-term`."""
    with copied.open() as ws, pytest.raises(InputError) as error:
        ws.disclosure.offer("messages", "train.generative.replies/messages/provider.nobody")
    assert error.value.code == "use.unknown-term"
