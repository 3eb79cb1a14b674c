"""`byleave policy` on texts: what a member saw, what changed, what the prose says, who is asked."""

from __future__ import annotations

from pathlib import Path

import pytest

from byleave.consent.event import EventKind
from byleave.errors import ConflictError, RefusedError
from byleave.service.consent import NewEvent
from byleave.wiring import Workspace
from byleave.wiring import open as open_workspace
from byleave.wiring.world import ReplayClock
from tests.cli.conftest import Say
from tests.unit.policy.collection import FIRST, small_collection
from tests.unit.service.small import CONTRACT, START, empty, people, small_table

DOCUMENT = """\
---
document: privacy-policy
version: "{version}"
kind: privacy-policy
language: {language}
jurisdiction: "{where}"
effective: {effective}
uses:
  - service.delivery/messages/platform
{uses}---
# {title}

We use messages to deliver them.{prose}
"""
TRAIN = "train.generative.replies/messages/platform"
SERVE = "service.delivery/messages/provider.host"
TRAIN_THERE = "train.generative.replies/messages/provider.host"


def document(
    version: str = "1",
    *,
    where: str = "*",
    language: str = "en",
    effective: str = "2024-08-01",
    uses: str = "",
    title: str = "Privacy policy",
    prose: str = "",
) -> str:
    """Return a policy document."""
    lines = "".join(f"  - {use}\n" for use in uses.split())
    return DOCUMENT.format(
        version=version,
        where=where,
        language=language,
        effective=effective,
        uses=lines,
        title=title,
        prose=prose,
    )


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand in a folder with an empty workspace `ws`."""
    empty(tmp_path / "ws").close()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BYLEAVE_WORKSPACE", "ws")
    return tmp_path


def opened(place: Path, day: int = 0) -> Workspace:
    """Open the workspace some days after it began."""
    from datetime import timedelta

    return open_workspace(place / "ws", now=ReplayClock(START + timedelta(days=day)))


def test_one_document_has_variants_and_each_its_versions(place: Path, say: Say) -> None:
    """A text for a region stands beside the one for everywhere, under the same version."""
    with opened(place) as ws:
        ws.policy.publish(document())
        ws.policy.publish(document(where="eu uk", title="European notice"))
        ws.policy.publish(document(where="eu uk", language="de", title="Europäischer Hinweis"))
        with pytest.raises(ConflictError):
            ws.policy.publish(document(where="uk, eu"))
    listed = say("policy", "list", "--json").json["documents"]
    assert [d["label"] for d in listed] == ["1", "1.eu-uk.en", "1.eu-uk.de"]
    for region, language, title in (
        ("us", "en", "Privacy policy"),
        ("fr", "en", "European notice"),
        ("de", "de", "Europäischer Hinweis"),
    ):
        shown = say(
            "policy", "show", "privacy-policy", "--at", "2024-08-02",
            "--region", region, "--language", language, "--json",
        ).json  # fmt: skip
        assert shown["title"] == title
    assert say("policy", "show", "privacy-policy", "1.eu-uk.de").code == 0


def test_announced_and_in_force_are_shown_apart(place: Path, say: Say) -> None:
    """Before its day a text is announced; the four instants are facts of their own."""
    with opened(place) as ws:
        ws.policy.publish(document())
    early = say("policy", "show", "privacy-policy", "--at", "2024-07-15", "--json").json
    assert early["text"] is None
    assert [v["label"] for v in early["seen"]["announced"]] == ["1"]
    late = say("policy", "show", "privacy-policy", "1", "--json").json
    assert {k: late[k] for k in ("announced", "effective", "observed", "recorded")} == {
        "announced": None,
        "effective": "2024-08-01T00:00:00Z",
        "observed": None,
        "recorded": "2024-07-01T00:00:00Z",
    }
    assert "no text held" in say("policy", "show", "privacy-policy", "--at", "2024-07-15").out
    assert say("policy", "show", "privacy-policy", "1", "--at", "2024-07-15").code == 2
    assert say("policy", "show", "nothing").code == 2
    assert say("policy", "show", "privacy-policy", "9").code == 2


def test_diff_of_versions_and_of_files(place: Path, say: Say) -> None:
    """Two versions or two files are compared by sentence and by declaration."""
    new = document("2", effective="2024-09-01", uses=TRAIN, prose=" We train AI on messages.")
    with opened(place) as ws:
        ws.policy.publish(document())
        ws.policy.publish(new)
    said = say("policy", "diff", "privacy-policy", "1", "2")
    assert "{+We train AI on messages.+}" in said.out
    assert "+ Train the model that suggests replies to messages" in said.out
    found = say("policy", "diff", "privacy-policy", "1", "2", "--json").json
    assert found["declaration"]["notice_window_days"] == 62
    assert found["counts"] == {"changed": 0, "added": 1, "removed": 0, "moved": 0}
    (place / "a.md").write_text("# T\n\nWe store data.\n")
    (place / "b.md").write_text("# T\n\nWe store your data.\n")
    bare = say("policy", "diff", "a.md", "b.md")
    assert "We store {+your +}data." in bare.out
    assert say("policy", "diff", "a.md", "b.md", "--json").json["declaration"] is None
    assert say("policy", "diff", "a.md").code == 2


def test_lint_prints_and_strict_refuses(place: Path, say: Say) -> None:
    """Findings are printed with exit 0; with --strict they are a refusal, exit 4."""
    (place / "p.md").write_text(document(prose=" We train AI on your messages."))
    said = say("policy", "lint", "p.md")
    assert said.code == 0
    assert "p.md:13: training, not declared" in said.out
    assert say("policy", "lint", "p.md", "--strict").code == 4
    strict = say("policy", "lint", "p.md", "--strict", "--json")
    assert (strict.code, strict.json["error"]["code"]) == (4, "policy.lint")
    (place / "p.md").write_text(document(uses=TRAIN, prose=" We train AI on your messages."))
    agreed = say("policy", "lint", "p.md", "--strict")
    assert (agreed.code, agreed.out) == (0, "p.md: prose and declarations agree\n")
    with opened(place) as ws:
        ws.policy.publish(document(uses=TRAIN))
    assert (
        say("policy", "lint", "privacy-policy", "--json").json["findings"][0]["about"] == "purpose"
    )
    assert say("policy", "lint", "p.md", "--workspace", "nowhere").code == 0


def test_impact_counts_who_allows_refuses_and_is_silent(place: Path, say: Say) -> None:
    """Per added use: who allows it, said no, agreed to something else, or never spoke; who is asked."""
    members = [f"m-{n}" for n in range(10)]
    with opened(place) as ws:
        ws.member.enrol(members, regions=dict.fromkeys(members[:6], "de"))
        ws.policy.publish_notice("May we?\n", notice="ask", asks=[TRAIN])
        scope = ws.scope(TRAIN)
        ws.consent.record(
            [
                *(
                    NewEvent(member=m, kind=EventKind.GRANT, scope=scope, notice="ask")
                    for m in members[:3]
                ),
                *(NewEvent(member=m, kind=EventKind.REFUSAL, scope=scope) for m in members[3:5]),
            ]
        )
    text = document(uses="train.generative.replies/messages.direct/platform")
    (place / "p.md").write_text(text)
    (place / "eu.md").write_text(text.replace('"*"', '"eu"'))
    found = say("policy", "impact", "p.md", "--json").json
    use = "train.generative.replies/messages.direct/platform"
    assert found["choices"][use] == {"agree": 3, "refuse": 2, "lapsed": 0, "silent": 5, "ask": 5}
    there = say("policy", "impact", "eu.md", "--json").json
    assert (there["members"], there["choices"][use]["silent"]) == (6, 1)
    assert found["asked_again"] == 10  # delivery of messages rests on consent, and nobody agreed
    bare = text.replace("  - service.delivery/messages/platform\n", "")
    (place / "p.md").write_text(bare)
    assert say("policy", "impact", "p.md", "--json").json["asked_again"] == 5
    (place / "p.md").write_text(bare.replace(use, "service.delivery/profile/platform"))
    rests = say("policy", "impact", "p.md", "--json").json
    assert rests["asked_again"] == 4  # on the contract, where the region is known
    assert "said no" in say("policy", "impact", "p.md").out


def test_import_brings_history_and_publishes_nothing(place: Path, say: Say) -> None:
    """Recordings become observed history: nothing is published, and twice is once."""
    small_collection(place / "acme-versions")
    first = say("policy", "import-ota", "acme-versions", "--service", "Acme", "--json").json
    assert {k: first[k] for k in ("documents", "recordings", "new", "technical")} == {
        "documents": 2,
        "recordings": 8,
        "new": 8,
        "technical": 2,
    }
    assert [r["after"] for r in first["replaced"]] == ["European Regional Notice"]
    assert say("policy", "list", "--json").json["documents"] == []
    size = say("log", "show", "--json").out
    again = say("policy", "import-ota", "acme-versions", "--service", "Acme", "--json").json
    assert (again["recordings"], again["new"]) == (8, 0)
    assert say("log", "show", "--json").out == size
    rest = say("policy", "import-ota", "acme-versions", "--json").json
    assert (rest["documents"], rest["new"]) == (3, 1)
    assert say("fsck").code == 0


def test_two_collections_may_hold_the_same_recordings(place: Path, say: Say) -> None:
    """A clone imported under a second name is a second collection, listed apart from the first."""
    small_collection(place / "acme-versions")
    one = say("policy", "import-ota", "acme-versions", "--json").json
    other = say("policy", "import-ota", "acme-versions", "--collection", "mirror", "--json").json
    assert one["new"] == other["new"] == one["recordings"]
    assert one["replaced"][0]["because"] == "another title"
    listed = say("policy", "observed", "--json").json["observed"]
    assert {item["collection"] for item in listed} == {"acme-versions", "mirror"}
    assert say("policy", "observed").out.split()[0] == "collection"
    assert say("fsck").code == 0


def test_a_title_of_others_does_not_write_on_the_terminal(place: Path, say: Say) -> None:
    """Characters that a terminal obeys, in a heading or a path of a clone, are printed as codes."""
    made = small_collection(place / "odd-versions")
    made.record(
        "Odd/A\nB.md",
        "# Ring\x07 \x1b[2J\x9b31m\n\nEffective May 1, 2024\n",
        date="2024-05-01T00:00:00Z",
        subject="First record of Odd",
    )
    said = [say("policy", "import-ota", "odd-versions").out, say("policy", "observed").out]
    assert not {"\x07", "\x1b", "\x9b"} & set("".join(said))
    assert "Odd/A\\nB.md" in said[1]
    assert "Ring\\x07 \\x1b[2J\\x9b31m" in said[1]


def test_what_was_observed_is_listed_with_its_windows(place: Path, say: Say) -> None:
    """Each document shows its variants, and for each change the days of notice people had."""
    small_collection(place / "acme-versions")
    assert "nothing observed" in say("policy", "observed").out
    say("policy", "import-ota", "acme-versions")
    (found,) = say("policy", "observed", "Acme/Privacy Policy.md", "--json").json["observed"]
    assert [[w["notice_window_days"] for w in v["windows"]] for v in found["variants"]] == [
        [0, 46],
        [],
    ]
    assert "days of notice 46" in say("policy", "observed", "Acme/Privacy Policy.md").out
    assert say("policy", "observed", "Acme/Nothing.md").code == 2
    assert say("policy", "import-ota", ".").code == 2


def test_later_recordings_join_the_same_history(place: Path, say: Say) -> None:
    """A collection imported again after it grew brings the new recording alone, in its place."""
    made = small_collection(place / "acme-versions")
    say("policy", "import-ota", "acme-versions")
    made.record(
        "Acme/Terms of Service.md",
        "# Acme User Agreement\n\nLast updated: 3 May 2026\n\nBe kinder.\n",
        date="2026-05-04T00:00:00Z",
        subject="Record new changes of Acme Terms of Service",
    )
    assert say("policy", "import-ota", "acme-versions", "--json").json["new"] == 1
    (terms,) = say("policy", "observed", "Acme/Terms of Service.md", "--json").json["observed"]
    assert [r["effective"] for r in terms["recordings"]] == ["2023-03-03", "2026-05-03"]
    assert len(terms["variants"]) == 1


def test_a_published_text_knows_when_an_outsider_saw_it(place: Path) -> None:
    """Observed is when somebody else first recorded these words; it is no instant of ours."""
    small_collection(place / "acme-versions")
    head = document().split("# Privacy")[0]
    with opened(place) as ws:
        ws.policy.publish(head + FIRST)
        assert ws.policy.first_observed("privacy-policy", "1") is None
        ws.policy.import_ota(place / "acme-versions")
        assert str(ws.policy.first_observed("privacy-policy", "1")) == "2024-01-05 08:00:00+00:00"


def test_every_recorded_text_can_be_read_again(place: Path) -> None:
    """The exact bytes of every recording are held, and a changed one is noticed."""
    from byleave.errors import EvidenceError
    from byleave.service.observed import recorded_text

    small_collection(place / "acme-versions")
    with opened(place) as ws:
        ws.policy.import_ota(place / "acme-versions")
        items = [item for found in ws.policy.observed() for item in found.recordings]
        assert FIRST.encode() in [recorded_text(ws.house, item) for item in items]
        for path in (place / "ws" / "observed").rglob("*.md"):
            path.write_text("other")
        with pytest.raises(EvidenceError):
            recorded_text(ws.house, items[0])


RECIPIENTS = """\
recipients: v1
version: "1"
companies:
  - company: host
    recipient: provider.host
    contracts:
      - {{terms: hosting, from: 2024-01-01, may_train: {train}, may_pass_on: false}}
"""


def test_the_permission_alone_flips_the_decision(place: Path, say: Say) -> None:
    """With one contract the package goes out; with training permitted it does not (Ambriz)."""
    table = small_table(members=6, threads=6, messages=40)
    who = people(table)
    with opened(place) as ws:
        ws.policy.publish_notice("May we?\n", notice="ask", asks=[SERVE, TRAIN_THERE])
        ws.source.add("messages", table, CONTRACT, regions=dict.fromkeys(who, "us"))
    with opened(place, 1) as ws:
        for member in who:
            ws.consent.grant(member, SERVE, notice="ask", includes_past=True)
        ws.policy.recipients(RECIPIENTS.format(train="false"))
        assert ws.disclosure.offer("messages", SERVE).record.kept == table.num_rows
        ws.policy.recipients(RECIPIENTS.format(train="[train.generative.replies]"))
        with pytest.raises(RefusedError) as caught:
            ws.disclosure.offer("messages", SERVE)
        assert caught.value.code == "disclosure.counts-as-training"
        for member in who:
            ws.consent.grant(member, TRAIN_THERE, notice="ask", includes_past=True)
        assert ws.disclosure.offer("messages", SERVE).record.kept == table.num_rows
        ws.policy.recipients(RECIPIENTS.format(train="true"))
        with pytest.raises(RefusedError):
            ws.disclosure.offer("messages", SERVE)
        ws.policy.recipients(RECIPIENTS.format(train="false").replace("2024-01-01", "2030-01-01"))
        with pytest.raises(RefusedError) as caught:
            ws.disclosure.offer("messages", SERVE)
        assert caught.value.code == "disclosure.no-contract"
        assert len(ws.disclosure.list()) == 2
    (place / "r.yaml").write_text(RECIPIENTS.format(train="true"))
    assert "provider.host" in say("policy", "recipients", "r.yaml").out
    assert say("policy", "recipients", "--json").json["companies"][0]["contracts"][0][
        "may_train"
    ] == ["train"]
    (place / "r.yaml").write_text(RECIPIENTS.format(train="perhaps"))
    assert say("policy", "recipients", "r.yaml").code == 2
    assert say("fsck").code == 0


def test_linting_a_file_that_is_not_there_says_so_before_it_asks_for_a_workspace(
    tmp_path: Path, say: Say
) -> None:
    """`policy lint` on a name that is no file, without a workspace, speaks of the file."""
    said = say("policy", "lint", "polciy.md", "--workspace", str(tmp_path / "none"))
    assert said.code == 2
    assert said.err.startswith("error[input.not-found]: no such file")
    assert "polciy.md" in said.err


def test_a_missing_workspace_names_the_one_beside_it(tmp_path: Path, say: Say) -> None:
    """Where no workspace stands, the hint names one that stands beside it, or the two ways."""
    away = say("policy", "list", "--workspace", str(tmp_path / "byleave-workspace"))
    assert "byleave demo a full one" in away.err
    assert "BYLEAVE_WORKSPACE" in away.err
    empty(tmp_path / "byleave-demo").close()
    beside = say("policy", "list", "--workspace", str(tmp_path / "byleave-workspace"))
    assert f"--workspace {tmp_path / 'byleave-demo'}" in beside.err


def test_texts_are_held_against_each_other_without_a_workspace(tmp_path: Path, say: Say) -> None:
    """`policy diff` on two files needs no workspace; it says what both prose and uses changed."""
    old, new = tmp_path / "old.md", tmp_path / "new.md"
    old.write_text(document(), encoding="utf-8")
    new.write_text(document("2", uses=TRAIN, prose=" We train on them."), encoding="utf-8")
    nowhere = ("--workspace", str(tmp_path / "none"))
    said = say("policy", "diff", str(old), str(new), *nowhere)
    assert said.code == 0, said.err
    assert "We train on them." in said.out
    assert "train.generative.replies/messages.direct/platform" in said.out


def test_prose_in_another_language_is_said_to_be_unread(tmp_path: Path, say: Say) -> None:
    """`lint` and `impact` of a German text say that it is not read; `--strict` refuses it."""
    text = tmp_path / "datenschutz.md"
    text.write_text(document(language="de", effective="2099-01-01", uses=TRAIN), encoding="utf-8")
    nowhere = ("--workspace", str(tmp_path / "none"))
    said = say("policy", "lint", str(text), *nowhere)
    assert said.code == 0
    assert "not read: the text is in de" in said.out
    assert "never mentioned" not in said.out
    strict = say("policy", "lint", str(text), "--strict", *nowhere)
    assert strict.code == 4
    assert "only English is read" in strict.err
    ws = empty(tmp_path / "ws")
    ws.close()
    impact = say("policy", "impact", str(text), "--workspace", str(tmp_path / "ws"))
    assert "nothing was held against the declarations" in impact.out
    assert "has no word of it" not in impact.out
