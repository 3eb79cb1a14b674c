"""A model that is kept ready is not read again for each question, and is refused as before."""

from __future__ import annotations

from datetime import timedelta

import pytest

from byleave.errors import EvidenceError, RefusedError
from byleave.service.taint import UNLEARN_DAYS
from byleave.wiring import open as open_workspace
from byleave.wiring.world import ReplayClock
from tests.unit.service.small import Grown


def test_a_second_question_reads_no_model_file(copied: Grown) -> None:
    """Once asked, a release answers the same from memory, whatever its files have become since."""
    clock = ReplayClock(copied.now)
    with open_workspace(copied.path, now=clock, read_only=True) as ws:
        first = ws.release.suggest(copied.release, "hello")
        held = ws.release.suggest_for(copied.agreed[0], copied.release, "hello")
        weights = copied.path / "releases" / copied.release / "weights.safetensors"
        weights.write_bytes(weights.read_bytes()[:-1])
        assert ws.release.suggest(copied.release, "hello") == first
        assert ws.release.suggest_for(copied.agreed[0], copied.release, "hello") == held
        with pytest.raises(EvidenceError) as caught:
            ws.release.load(copied.release)
        assert caught.value.code == "release.digest"
    with (
        open_workspace(copied.path, now=clock, read_only=True) as ws,
        pytest.raises(EvidenceError) as caught,
    ):
        ws.release.suggest(copied.release, "hello")
    assert caught.value.code == "release.digest"


def test_a_model_at_hand_is_refused_once_tainted(copied: Grown) -> None:
    """What was answered before a withdrawal's date is refused after it, though it is in memory."""
    clock = ReplayClock(copied.now)
    with open_workspace(copied.path, now=clock) as ws:
        ws.release.suggest(copied.release, "hello")
        ws.consent.withdraw(copied.agreed[0], "train/messages/*")
        ws.release.suggest(copied.release, "hello")
        clock.set(copied.now + timedelta(days=UNLEARN_DAYS + 1))
        for ask in (ws.release.suggest, lambda *a: ws.release.suggest_for(None, *a)):
            with pytest.raises(RefusedError) as caught:
                ask(copied.release, "hello")
            assert caught.value.code == "release.tainted"
