"""What was published against what was recorded: each rule from both sides."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from byleave.policy.document import parse_document
from byleave.policy.scope import Use
from byleave.policy.taxonomy import default_taxonomy
from byleave.policy.variants import Published
from byleave.summary.reconcile import Disagreement, Happened, disagreements
from byleave.wiring import Workspace
from byleave.wiring.world import ReplayClock
from tests.unit.service.small import (
    CONTRACT,
    PLATFORM,
    PROVIDER,
    START,
    Grown,
    asked,
    empty,
    grant,
    people,
    small_table,
)

DIRECT = "train.generative.replies/messages.direct/platform"
INMAIL = "train.generative.replies/messages.inmail/platform"
DAY = timedelta(days=1)


def text(
    index: int, *, day: int, uses: str = PLATFORM, region: str = "*", kind: str = "privacy-policy"
) -> Published:
    """Return a version that takes effect on a day and was logged at an index."""
    at = START + day * DAY
    source = (
        f'---\ndocument: {kind}\nversion: "{index}"\nkind: {kind}\nlanguage: en\n'
        f'jurisdiction: "{region}"\neffective: {at:%Y-%m-%dT%H:%M:%SZ}\nuses:\n  - {uses}\n---\n# T\n'
    )
    document = parse_document(source.encode(), name="t.md", taxonomy=default_taxonomy())
    return Published(document=document, recorded=at, index=index, label=str(index))


def use(
    *,
    day: int = 10,
    index: int = 100,
    regions: frozenset[str | None] = frozenset({"de"}),
    consents: Mapping[str, int] | None = None,
) -> Happened:
    """Return a gate for replies over direct messages."""
    return Happened(
        kind="gate",
        name="gate-1",
        index=index,
        at=START + day * DAY,
        use=PLATFORM,
        leaves=(default_taxonomy().use(DIRECT),),
        regions=regions,
        consents=consents or {},
    )


def found(item: Happened, *texts: Published) -> list[tuple[str, tuple[str, ...]]]:
    """Return code and regions of each disagreement."""
    areas = {"eu": frozenset({"de", "fr"})}
    every = disagreements([item], texts=texts, notices={}, areas=areas)
    return [(one.code, one.regions) for one in every]


def test_a_text_in_force_before_is_enough() -> None:
    """Declared to everyone, effective and logged before the use: nothing to say."""
    assert found(use(), text(1, day=1)) == []


def test_no_text_at_all() -> None:
    """Where nothing declares it, it is not declared, and the regions are named."""
    assert found(use()) == [("not-declared", ("de",))]
    other = text(1, day=1, uses="service.delivery/messages/platform")
    assert found(use(), other) == [("not-declared", ("de",))]


def test_a_text_from_later_does_not_reach_back() -> None:
    """Effective after the use, or logged after it with an earlier date: declared later."""
    assert found(use(day=10), text(1, day=11)) == [("declared-later", ("de",))]
    assert found(use(day=10, index=5), text(6, day=1)) == [("declared-later", ("de",))]
    assert found(use(day=10), text(1, day=10)) == []


def test_a_newer_text_that_no_longer_declares_it_counts() -> None:
    """What the first version said does not cover a use under the second, which is silent."""
    silent = text(2, day=5, uses="service.delivery/messages/platform")
    assert found(use(day=10), text(1, day=1), silent) == [("not-declared", ("de",))]
    assert found(use(day=4), text(1, day=1), silent) == []


def test_each_region_reads_its_own_text() -> None:
    """A text for the EU tells nobody in Brazil; an area covers its countries."""
    only = text(1, day=1, region="eu")
    both: frozenset[str | None] = frozenset({"de", "br", None})
    assert found(use(regions=both), only) == [("not-declared", ("unknown", "br"))]
    assert found(use(regions=frozenset({"fr"})), only) == []
    assert found(use(regions=frozenset()), only) == []


def test_terms_with_a_recipient_tell_members_nothing() -> None:
    """Recipient terms that declare a use are no text for members."""
    terms = text(1, day=1, kind="recipient-terms")
    assert found(use(), terms) == [("not-declared", ("de",))]


@given(
    st.lists(st.tuples(st.integers(0, 20), st.booleans()), max_size=6),
    st.integers(0, 20),
    st.integers(0, 7),
)
def test_declared_is_what_the_newest_text_in_force_says(
    versions: list[tuple[int, bool]], day: int, index: int
) -> None:
    """Told exactly where the newest version by then, of those logged before, declares the use."""
    texts = [
        text(at, day=on, uses=PLATFORM if says else "service.delivery/messages/platform")
        for at, (on, says) in enumerate(versions)
    ]
    standing = [
        (on, at, says) for at, (on, says) in enumerate(versions) if at < index and on <= day
    ]
    told = bool(standing) and max(standing)[2]
    assert (found(use(day=day, index=index), *texts) == []) == told


def test_consent_needs_a_notice_about_the_use() -> None:
    """No notice, an unknown one and one about something else each have a code; a fit one none."""
    replies, other = default_taxonomy().use(DIRECT), default_taxonomy().use(INMAIL)
    notices: dict[str, tuple[int, frozenset[Use]]] = {
        "fit": (3, frozenset({replies})),
        "unfit": (4, frozenset({other})),
    }
    item = use(consents={"": 2, "fit": 5, "unfit": 7, "nowhere": 1})
    every = disagreements([item], texts=[text(1, day=1)], notices=notices, areas={})
    assert [(one.code, one.text, one.text_index, one.party_records) for one in every] == [
        ("no-notice", None, None, 2),
        ("notice-unknown", "nowhere", None, 1),
        ("notice-other-use", "unfit", 4, 7),
    ]


def test_a_workspace_without_texts_disagrees(grown: Grown) -> None:
    """Every gate, release and package of the small workspace was never declared to anyone."""
    with grown.open(read_only=True) as ws:
        every = ws.policy.reconcile()
        used = {("gate", g["gate"]) for g in ws.gate.list() if g["kept"]}
        used |= {("release", r["release"]) for r in ws.release.list()}
        used |= {("disclosure", d["disclosure"]) for d in ws.disclosure.list()}
    assert {(one.kind, one.name) for one in every} == used
    assert {one.code for one in every} == {"not-declared"}
    assert {one.regions for one in every} == {("eu",)}


def story(path: Path, *, declares: str, ask: bool = True) -> tuple[Disagreement, ...]:
    """Publish one text, gate for platform and provider, release and hand on; reconcile."""
    clock = ReplayClock(START)
    table = small_table(members=12, threads=20, messages=120)
    with empty(path, clock) as ws:
        asked(ws)
        ws.policy.publish(
            '---\ndocument: faq\nversion: "1"\nkind: faq\nlanguage: en\njurisdiction: "*"\n'
            f"effective: 2024-07-01T00:00:00Z\nuses:\n  - {declares}\n---\n# Training\n",
            name="faq.md",
        )
        ws.source.add("messages", table, CONTRACT)
        clock.set(START + DAY)
        for scope in (PLATFORM, PROVIDER):
            ws.consent.record([grant(m, scope, ws) for m in people(table)])
        clock.set(START + 2 * DAY)
        gate, gated = ws.gate.run("messages", PLATFORM)
        ws.snapshot.seal(gate, gated=gated)
        if ask:
            ws.disclosure.offer("messages", PROVIDER)
        return _reconciled(ws)


def _reconciled(ws: Workspace) -> tuple[Disagreement, ...]:
    every: tuple[Disagreement, ...] = ws.policy.reconcile()
    return every


def test_what_was_said_and_done_agree(tmp_path: Path) -> None:
    """A text for platform and provider, then both uses: nothing disagrees."""
    scope = "train.generative.replies/messages/*"
    assert story(tmp_path / "w", declares=scope) == ()


def test_a_recipient_nobody_was_told_of(tmp_path: Path) -> None:
    """A text for the platform alone: the provider's gate and package are named, and only they."""
    every = story(tmp_path / "w", declares=PLATFORM)
    assert {(one.kind, one.code) for one in every} == {
        ("gate", "not-declared"),
        ("disclosure", "not-declared"),
    }
    assert {one.use.rsplit("/", maxsplit=1)[1] for one in every} == {"provider.host"}
    assert {one.regions for one in every} == {("unknown",)}


def test_disagreements_are_plain_facts() -> None:
    """For `--json` each says what it means and names no member."""
    (one,) = disagreements([use()], texts=[], notices={}, areas={})
    said = one.to_dict()
    assert said["code"] == "not-declared"
    assert said["means"].startswith("no published text")
    assert set(said) == {
        "code", "means", "kind", "name", "index", "use", "regions", "party_records", "text",
        "text_index",
    }  # fmt: skip


def test_instants_are_compared_as_instants() -> None:
    """A use a microsecond before the text takes effect was not declared."""
    at = datetime(2024, 7, 5, tzinfo=UTC)
    early = Happened(
        kind="gate",
        name="g",
        index=9,
        at=at - timedelta(microseconds=1),
        use=PLATFORM,
        leaves=(default_taxonomy().use(DIRECT),),
        regions=frozenset({None}),
        consents={},
    )
    assert found(early, text(1, day=4)) == [("declared-later", ("unknown",))]


@pytest.mark.parametrize("kind", ["privacy-policy", "faq", "settings", "announcement"])
def test_any_text_for_members_tells(kind: str) -> None:
    """A policy, an FAQ, a settings screen or an announcement declares alike."""
    assert found(use(), text(1, day=1, kind=kind)) == []
