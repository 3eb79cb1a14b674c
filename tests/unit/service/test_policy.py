"""Publishing: no decision moves, nothing holds for the past, the impact is said first."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from byleave.consent.event import EventKind
from byleave.errors import ConflictError, RefusedError
from byleave.service.consent import NewEvent
from byleave.wiring.world import ReplayClock
from tests.unit.service.small import ASK, PLATFORM, PROVIDER, START, Grown, asked, empty

DOCUMENT = """\
---
document: privacy-policy
version: "{version}"
kind: privacy-policy
language: en
jurisdiction: "*"
effective: {effective}
uses:
  - service.delivery/messages/platform
{uses}---
# Privacy policy

We use messages to deliver them.
"""
SCOPES = (
    PLATFORM,
    PROVIDER,
    "train/messages/*",
    "train.generative.replies/messages.direct/platform",
)
EVENTS = st.lists(
    st.tuples(
        st.integers(0, 5),
        st.sampled_from(list(EventKind)),
        st.sampled_from(SCOPES),
        st.booleans(),
        st.none() | st.integers(1, 40),
        st.integers(0, 20),
    ),
    max_size=25,
)


def document(version: str = "1", *, effective: str = "2024-07-01T00:00:00Z", uses: str = "") -> str:
    """Return a policy document."""
    lines = "".join(f"  - {use}\n" for use in uses.split())
    return DOCUMENT.format(version=version, effective=effective, uses=lines)


@settings(
    max_examples=12,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(events=EVENTS, at=st.integers(0, 40))
def test_publishing_changes_no_decision(
    tmp_path_factory: pytest.TempPathFactory, events: list, at: int
) -> None:
    """Whatever members had said, publishing a policy that adds uses moves no decision (G3)."""
    clock = ReplayClock(START)
    with empty(tmp_path_factory.mktemp("g3") / "ws", clock) as ws:
        asked(ws)
        ws.member.enrol([f"m-{n}" for n in range(6)])
        for number, kind, scope, past, days, later in events:
            granted = kind is EventKind.GRANT
            event = NewEvent(
                member=f"m-{number}",
                kind=kind,
                scope=ws.scope(scope if scope != "train/messages/*" or not granted else PLATFORM),
                notice=ASK if granted else None,
                effective=START + timedelta(days=later),
                expires=START + timedelta(days=later + days) if granted and days else None,
                includes_past=past and granted,
            )
            ws.consent.record([event])
        clock.set(START + timedelta(days=at))
        uses = [use for scope in SCOPES for use in ws.house.taxonomy.expand(ws.scope(scope))]
        before = {use: ws.consent.state(str(use)).code.tolist() for use in uses}
        effective = f"{clock():%Y-%m-%dT%H:%M:%SZ}"
        published = ws.policy.publish(document(effective=effective, uses=f"{PLATFORM} {PROVIDER}"))
        assert published.decisions_changed == 0
        assert {use: ws.consent.state(str(use)).code.tolist() for use in uses} == before


def test_a_document_does_not_hold_for_the_past(grown: Grown, tmp_path: Path) -> None:
    """A document that would take effect before it is recorded is refused, and nothing is logged."""
    with empty(tmp_path / "ws") as ws:
        size = ws.ledger.size()
        with pytest.raises(RefusedError) as error:
            ws.policy.publish(document(effective="2024-06-30T23:59:59Z"))
        assert error.value.code == "policy.retroactive"
        assert (ws.ledger.size(), ws.policy.list()) == (size, [])


def test_a_version_is_published_once(tmp_path: Path) -> None:
    """A second text under one document and version is refused, also where it is the same."""
    with empty(tmp_path / "ws") as ws:
        ws.policy.publish(document())
        size = ws.ledger.size()
        with pytest.raises(ConflictError) as error:
            ws.policy.publish(document())
        assert error.value.code == "workspace.exists"
        assert ws.ledger.size() == size


def test_the_impact_is_said_without_publishing(grown: Grown) -> None:
    """Asking for the impact counts members who allow each added use, and stores nothing."""
    text = document("2", effective="2024-07-20T00:00:00Z", uses=f"{PLATFORM} {PROVIDER}")
    with grown.open(read_only=True) as ws:
        size = ws.ledger.size()
        impact = ws.policy.impact(text)
        assert ws.ledger.size() == size
        left = len(set(grown.agreed) - set(grown.withdrew))
        assert impact.members == len(grown.agreed) + len(grown.silent)
        direct = "train.generative.replies/messages.direct/{}"
        assert impact.agreed[direct.format("platform")] == left
        assert impact.agreed[direct.format("provider.host")] == 16 - len(grown.withdrew)
        assert impact.words.notice_window_days == 15


def test_a_published_text_is_kept_as_it_stood(tmp_path: Path) -> None:
    """The text of a version comes back byte for byte, with the digest that was logged."""
    from byleave.canonical import sha256

    text = document().replace("We use", "Wir nutzen – “we use”")
    with empty(tmp_path / "ws") as ws:
        ws.policy.publish(text)
        kept = ws.policy.list()[0]
        assert kept["text"] == text
        assert kept["sha256"] == sha256(text.encode()).hex()
        assert kept["sha256"].encode() in ws.log.entry(kept["index"])
