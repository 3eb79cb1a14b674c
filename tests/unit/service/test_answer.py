"""Where did my data go: answers that pages can read, with numbers that a recount gives."""

from __future__ import annotations

import shutil
from dataclasses import replace

import pyarrow.compute as pc
import pytest

from byleave.pages.html import proofs_of
from byleave.pages.shape import read
from byleave.pages.view import MemberAnswer, PublicOverview
from byleave.verify import verify
from tests.unit.service.small import Grown


@pytest.fixture(scope="module")
def done(grown: Grown, tmp_path_factory: pytest.TempPathFactory) -> Grown:
    """A copy of the grown workspace whose withdrawals have reached everything."""
    path = tmp_path_factory.mktemp("done") / "workspace"
    shutil.copytree(grown.path, path)
    made = replace(grown, path=path)
    with made.open() as ws:
        ws.withdrawal.run()
    return made


def test_every_members_answer_has_the_shape_of_its_page(grown: Grown, done: Grown) -> None:
    """Each member's answer, before and after unlearning, is read as the member page reads it."""
    for world in (grown, done):
        with world.open(read_only=True) as ws:
            for member in (*world.agreed, *world.silent):
                answer = read(MemberAnswer, ws.member.answer(member))
                assert answer.member_label == member
                assert answer.checkpoint.size == ws.ledger.size()
            read(PublicOverview, ws.public.overview())


def test_a_member_who_withdrew_sees_how_deep_it_reached(grown: Grown, done: Grown) -> None:
    """Before the run the depths wait; after it data is dropped, the model unlearned, nothing recalled.

    The package was made up for nobody's key: it is withheld, and went to nobody.
    """
    member = grown.withdrew[0]
    with grown.open(read_only=True) as ws:
        (before,) = ws.member.answer(member)["withdrawals"]
        held = next(r for r in ws.member.answer(member)["releases"])
    with done.open(read_only=True) as ws:
        answer = ws.member.answer(member)
        (after,) = answer["withdrawals"]
    states = [[d["state"] for d in w["depths"]] for w in (before, after)]
    assert states == [
        ["done", "waiting", "waiting", "waiting"],
        ["done", "done", "done", "not-needed"],
    ]
    dropped, unlearned = after["depths"][1:3]
    assert dropped["records"] == unlearned["records"] == held["records"] > 0
    assert unlearned["exact"] is True
    assert before["depths"][3]["objects"] == ["provider.host"]
    assert [r["presence"] for r in answer["releases"]] == ["absent", "present"]


def test_a_stop_waits_for_nothing_that_it_is_not_about(
    grown: Grown, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """A stop of another use leaves the model alone that holds the member's records: it is told as not
    needed for this, not as waiting for ever.
    """
    path = tmp_path_factory.mktemp("other") / "workspace"
    shutil.copytree(grown.path, path)
    member = next(m for m in grown.agreed if m not in grown.withdrew)
    with replace(grown, path=path).open() as ws:
        assert ws.release.trained_on(member=member)
        ws.consent.withdraw(member, "train.ranking.jobs/profile.skills/platform")
        (stop,) = ws.member.answer(member)["withdrawals"]
    assert [d["state"] for d in stop["depths"]] == ["done", *["not-needed"] * 3]


def test_a_member_who_never_agreed_is_in_nothing(done: Grown) -> None:
    """A member who said nothing is in no release, and every record left out has its reason."""
    with done.open(read_only=True) as ws:
        table = ws.source.open("messages").table
        for member in done.silent:
            answer = ws.member.answer(member)
            assert {r["presence"] for r in answer["releases"]} == {"absent"}
            assert not any(s["allowed"] for s in answer["standings"])
            assert answer["choices"] == answer["withdrawals"] == []
            own = pc.sum(
                pc.or_(
                    pc.equal(table["sender_id"], member), pc.equal(table["recipient_id"], member)
                )
            ).as_py()
            first = ws.gate.list()[0]["index"]
            left = [
                i for i in answer["timeline"] if i["index"] == first and i["kind"] == "left-out"
            ]
            assert sum(item["records"] for item in left) == own


def test_presence_counts_are_a_recount(grown: Grown) -> None:
    """Records as author and as recipient are those that a recount of the kept rows gives."""
    with grown.open(read_only=True) as ws:
        kept = ws.gate.kept_rows(
            "messages", ws.gate.list()[0]["use"], at=ws.now().replace(day=3, hour=0)
        )
        rows = ws.source.open("messages").table.take(kept)
        for member in grown.agreed:
            (release,) = ws.member.answer(member)["releases"]
            assert release["as_author"] == rows["sender_id"].to_pylist().count(member)
            assert release["as_recipient"] == rows["recipient_id"].to_pylist().count(member)


def test_an_answer_names_nobody_else_and_quotes_nothing(done: Grown) -> None:
    """A member's answer holds no other member's id, and no text of a message."""
    with done.open(read_only=True) as ws:
        everyone = {*done.agreed, *done.silent}
        texts = {t for t in ws.source.open("messages").table["text"].to_pylist() if len(t) > 12}
        for member in everyone:
            words = str(ws.member.answer(member)).replace("'", '"').split('"')
            assert not (everyone - {member}) & set(words)
            assert not texts & set(words)


def test_every_proof_that_an_answer_names_can_be_made(done: Grown) -> None:
    """Each proof named in an answer is made under that name, for every kind of member."""
    with done.open(read_only=True) as ws:
        for member in (done.withdrew[0], done.agreed[5], done.silent[0]):
            answer = ws.member.answer(member)
            named = [
                item["proof"]
                for part in ("choices", "timeline", "withdrawals", "releases")
                for item in answer[part]
                if item.get("proof")
            ]
            assert named
            for name in set(named):
                assert ws.proof.bytes(name)


def test_the_public_page_counts_and_names_nobody(done: Grown) -> None:
    """The public overview has counts, releases and policies, and no member's id."""
    with done.open(read_only=True) as ws:
        overview = ws.public.overview()
    assert overview["members"] == len(done.agreed) + len(done.silent)
    assert [r["release"] for r in overview["releases"]] == ["replies-2", "replies-1"]
    words = set(str(overview).replace("'", '"').split('"'))
    assert not words & {*done.agreed, *done.silent}


def test_every_member_has_a_page_and_every_proof_on_it_verifies(done: Grown) -> None:
    """Whatever a member said, a pre-set switch too, is a page; each proof it names checks out."""
    with done.open() as ws:
        trust = ws.places.trust.read_bytes()
        checked: set[str] = set()
        kinds: set[str] = set()
        for member in (*done.withdrew, ws.member.by_ordinal(0)):
            view = read(MemberAnswer, ws.member.answer(member), where="member")
            kinds |= {choice.kind for choice in view.choices}
            for name in proofs_of(view) - {None} - checked:
                checked.add(str(name))
                verdict = verify(ws.proof.bytes(str(name)), trust, ws.member.receipt(member))
                assert verdict.ok, (name, verdict)
            for withdrawal in view.withdrawals:
                for row in withdrawal.depths:
                    assert row.proof or row.state != "done", row
        assert {name.partition("-")[0] for name in checked} >= {"event", "absence"}
        presets = [ws.member.by_ordinal(o) for o in range(ws.member.count())]
        for member in presets:
            read(MemberAnswer, ws.member.answer(member), where="member")
