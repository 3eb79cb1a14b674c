"""Each rule of law that concerns a decision, as one decision that it changes.

The numbers are those of docs/legal-rules.md, which also lists the rules that no decision turns on.
Not legal advice.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from byleave.consent.reason import Ground, Reason
from byleave.errors import RefusedError
from byleave.ids import parse_instant
from byleave.policy.notice import Control, make_notice
from byleave.policy.recipient import effective_uses, parse_recipients
from byleave.policy.ruleset import default_rules
from byleave.policy.scope import Scope
from byleave.policy.strict_yaml import read_mapping
from byleave.service.gate import reasons_of
from byleave.verify import verify
from tests.law.world import AT, BEFORE, DELIVERY, POSTS, TAXONOMY, TRAINING, decide, own_rules, said
from tests.unit.service.small import (
    ASK,
    COLUMNS,
    CONTRACT,
    PLATFORM,
    PROVIDER,
    Grown,
    asked,
    empty,
    grant,
    small_table,
)
from tests.unit.service.small import people as everyone

NOT_OBJECTED = (
    'scope: "*/*/*", basis: not-objected, notice_days: 28, noticed: "2026-05-01", cite: x'
)


def test_rule_01_sca_no_contents_without_a_ground(copied: Grown) -> None:
    """18 U.S.C. 2702(a): no message content goes to a recipient whom no member allowed; the
    refusal is logged.
    """
    with copied.open() as ws:
        for member in copied.agreed[:16]:
            ws.consent.withdraw(member, PROVIDER)
        gates = len(ws.gate.list())
        with pytest.raises(RefusedError) as caught:
            ws.disclosure.offer("messages", PROVIDER)
        assert caught.value.code == "disclosure.nothing-allowed"
        assert len(ws.gate.list()) == gates + 1


def test_rule_02_sca_one_party_consent() -> None:
    """18 U.S.C. 2702(b)(3): an addressee's consent alone carries a message in the United States
    and not in California; whose consent it was stands in the ground.
    """
    grant = said("recipient")
    found = decide(TRAINING, {"author": "us-ny", "recipient": "us-ny"}, grant)
    assert found.reason is Reason.KEPT
    grounds = {g.member: (g.ground, g.index) for g in found.grounds}
    assert grounds == {
        "author": (Ground.CONSENT_OF_ANOTHER_PARTY, grant.index),
        "recipient": (Ground.CONSENT, grant.index),
    }
    assert (
        decide(TRAINING, {"author": "us-ny", "recipient": "us-ca"}, grant).reason is Reason.NO_GRANT
    )


def test_rule_03_sca_delivery_is_not_training() -> None:
    """18 U.S.C. 2702(b)(5): what rendering the service needs is another purpose; a yes to
    delivery lets nothing be trained on.
    """
    grants = [said(m, scope="service/messages/platform", notice="everything") for m in ("a", "b")]
    people = {"a": "us-ny", "b": "us-ny"}
    assert decide(DELIVERY, people, *grants).reason is Reason.KEPT
    assert decide(TRAINING, people, *grants).reason is Reason.NO_GRANT


RECORDS = """\
taxonomy: v1
version: records-1
categories:
  records:
    sentence: What the service notes about your messages.
    phrase: records of your messages
    since: records-1
  records.messages:
    sentence: With whom and when you write, without the words.
    phrase: with whom and when you write
    since: records-1
recipients:
  provider.host:
    sentence: A host.
    phrase: a host
    since: records-1
"""
ABOUT = "train.generative.replies/records.messages/provider.host"
WORDS = "train.generative.replies/messages.inmail/provider.host"


def test_rule_04_sca_contents_and_records_differ() -> None:
    """18 U.S.C. 2702(a)(3), (c): records about messages and their contents are decided apart; a
    ground for the one, or a yes to it, lets nothing of the other out.
    """
    taxonomy = TAXONOMY.extend(read_mapping(RECORDS, name="records"))
    rules = own_rules([NOT_OBJECTED])
    people = {"a": "us-ny", "b": "us-ny"}
    silent = decide(ABOUT, people, rules=rules, taxonomy=taxonomy)
    assert (silent.reason, silent.grounds[0].ground) == (Reason.KEPT, Ground.NOT_OBJECTED)
    assert decide(WORDS, people, rules=rules, taxonomy=taxonomy).reason is Reason.NO_GRANT
    yes = [said(m, scope=ABOUT, notice="records") for m in people]
    assert decide(ABOUT, people, *yes, taxonomy=taxonomy).reason is Reason.KEPT
    assert decide(WORDS, people, *yes, taxonomy=taxonomy).reason is Reason.NO_GRANT


def test_rule_04_sca_a_package_of_records_holds_no_contents(tmp_path: Path) -> None:
    """18 U.S.C. 2702(a)(3), (c): members who allowed records alone are in a package of records,
    in which no column holds a word of theirs, and in none of contents.
    """
    table = small_table(members=12, threads=10, messages=60)
    about = table.drop_columns(["text", "kind"])
    who = everyone(table)
    of_records = CONTRACT.replace(
        "kind: kind\nkinds:\n  inmail: messages.inmail\n  direct: messages.direct\n",
        "category_constant: records.messages\n",
    )
    scope = "train.generative.replies/records/provider.host"
    with empty(tmp_path / "ws", taxonomy=RECORDS) as ws:
        ws.policy.publish_notice("May we know with whom you write?", notice=ASK, asks=[scope])
        ws.source.add("words", table, CONTRACT, regions=dict.fromkeys(who, "us"))
        ws.source.add("records", about, of_records)
        ws.consent.record([grant(m, scope, ws) for m in who])
        with pytest.raises(RefusedError) as caught:
            ws.disclosure.offer("words", "train.generative.replies/messages/provider.host")
        assert caught.value.code == "disclosure.nothing-allowed"
        offered = ws.disclosure.offer("records", scope)
        assert offered.record.kept == table.num_rows
        files = [*(ws.path / "packages" / offered.snapshot).glob("*.parquet")]
        tables = [pq.read_table(file) for file in files]
    held = {name for found in tables for name in found.column_names}
    assert set(about.column_names) <= held
    assert not {"text", "kind"} & held
    words = {text for text in table["text"].to_pylist() if len(text) > 20}
    cells = {
        str(cell) for found in tables for column in found.columns for cell in column.to_pylist()
    }
    assert words
    assert not words & cells


def test_rule_05_sca_good_faith_replay(grown: Grown) -> None:
    """18 U.S.C. 2707(e): what the gate knew and decided, and by which rules, comes out again."""
    with grown.open(read_only=True) as ws:
        for gate in ws.gate.list():
            assert ws.gate.replay(gate["gate"]).plan.hex() == gate["plan"]


def test_rule_09_cipa_one_silent_party_of_five() -> None:
    """Cal. Penal Code 631(a), 632: one silent, or one unknown, Californian of five holds the
    message back.
    """
    people = dict.fromkeys("abcde", "us-ca")
    yes = {m: said(m) for m in people}
    assert decide(TRAINING, people, *yes.values()).reason is Reason.KEPT
    silent = decide(TRAINING, people, *(yes[m] for m in "abcd"))
    assert (silent.reason, silent.party) == (Reason.NO_GRANT, 4)


def test_rule_09_cipa_reaches_the_whole_message() -> None:
    """Cal. Penal Code 632: one Californian party binds a message whose other parties need one
    party's consent only.
    """
    people = {"a": "us-ny", "b": "us-tx", "c": "us-ca"}
    assert decide(TRAINING, people, said("a")).reason is Reason.NO_GRANT
    assert decide(TRAINING, {**people, "c": "us-wa"}, said("a")).reason is Reason.KEPT


@pytest.mark.parametrize("may_train", [False, True])
def test_rule_10_ambriz_capability_counts(*, may_train: bool) -> None:
    """Ambriz v. Google (N.D. Cal., 10 Feb 2025): a recipient whose contract lets it train counts
    as training, whatever was declared; the permission alone flips it.
    """
    taxonomy = TAXONOMY.extend(
        read_mapping(
            "taxonomy: v1\nversion: x\nrecipients:\n  provider.host:\n    sentence: A host.\n"
            "    phrase: a host\n    since: x\n",
            name="t",
        )
    )
    book = parse_recipients(
        "recipients: v1\nversion: x\ncompanies:\n  - company: host\n    recipient: provider.host\n"
        "    contracts:\n      - {terms: dpa, from: 2026-01-01, may_pass_on: false,"
        f" may_train: {str(may_train).lower()}}}\n",
        name="r",
        taxonomy=taxonomy,
    )
    use = taxonomy.use("service.delivery/messages.inmail/provider.host")
    found = effective_uses(use, book, AT, taxonomy=taxonomy)
    assert any(u.purpose.startswith("train.") for u in found) is may_train


def test_rule_12_contract_the_promise_at_collection() -> None:
    """Contract: data collected under an older promise is not used on a later yes that does not
    say so.
    """
    people = {"a": "de"}
    later = said("a", scope=POSTS, at=parse_instant("2026-09-01"), past=False)
    old = decide(POSTS, people, later, collected="2026-06-01")
    assert old.reason is Reason.PROMISE_OF_COLLECTION
    assert decide(POSTS, people, later, collected="2026-09-02").reason is Reason.KEPT


def test_rule_12_contract_words_shown_then() -> None:
    """Contract: a yes covers the words it was given to, not those of a later notice."""
    grant = said("a", scope="service/messages/platform", notice="asked")
    assert decide(DELIVERY, {"a": "br", "b": "br"}, grant).reason is Reason.NOTICE_DOES_NOT_COVER


def test_rule_13_ftc_a_notice_alone_changes_nothing(copied: Grown) -> None:
    """FTC, 13 Feb 2024: publishing a new notice or document changes no decision."""
    with copied.open() as ws:
        before = ws.consent.state("train.ranking.jobs/profile.skills/platform").code.tolist()
        ws.policy.publish_notice(
            "We now also rank jobs with your skills.\n",
            notice="quiet",
            asks=["train.ranking/profile/platform"],
        )
        after = ws.consent.state("train.ranking.jobs/profile.skills/platform").code.tolist()
        assert before == after


def test_rule_14_ftc_models_derived_are_found(copied: Grown) -> None:
    """FTC orders (Everalbum 2021 and others): a member's withdrawal names every model and package
    that holds their records, and no other.
    """
    with copied.open() as ws:
        planned = {a.name for a in [*ws.withdrawal.plan(), *ws.withdrawal.packages()]}
        gone = {ws.member.ordinal(m) for m in copied.withdrew}
        holds = {
            name
            for name, snapshot in (
                *((r["release"], r["snapshot"]) for r in ws.release.list()),
                *((d["disclosure"], d["snapshot"]) for d in ws.disclosure.list()),
            )
            if gone & set(ws.openings(snapshot)["ordinal"].to_pylist())
        }
        assert planned == holds != set()


def test_rule_15_planet49_a_preset_toggle_is_none(copied: Grown) -> None:
    """GDPR 4(11), recital 32; CJEU C-673/17 Planet49: a control that was on and left on is
    evidence, and the member stands where silence stands.
    """
    member = copied.silent[0]
    with copied.open() as ws:
        token, notice = ws.notice.token("switch-1", member)
        assert notice.control is Control.ON
        ws.consent.grant(member, PLATFORM, token=token, final="on")
        assert ws.consent.history(member)[-1].kind.name == "PRESET"
        found = ws.consent.choices(member, "train.generative.replies/messages.inmail/platform")
        assert found.reason is Reason.NO_GRANT
        with pytest.raises(RefusedError) as caught:
            ws.consent.grant(member, PLATFORM, notice="switch-1")
        assert caught.value.code == "notice.preset-control"


def test_rule_16_gdpr_7_1_consent_can_be_shown(grown: Grown) -> None:
    """GDPR 7(1): a verifier without access to the system accepts the record of a consent, and
    refuses it with one bit flipped.
    """
    with grown.open(read_only=True) as ws:
        event = ws.consent.history(grown.agreed[0])[0]
        data, trust = ws.proof.bytes(f"event-{event.index}"), ws.places.trust.read_bytes()
    assert verify(data, trust).ok
    for place in range(0, len(data), max(1, len(data) // 40)):
        changed = bytearray(data)
        changed[place] ^= 1
        assert not verify(bytes(changed), trust).ok


@pytest.mark.parametrize("kind", ["withdrawal", "refusal", "objection"])
def test_rule_17_gdpr_7_3_withdrawal_at_once(kind: str) -> None:
    """GDPR 7(3): a no decides from the very instant it is recorded, and the yes until then."""
    yes, no = said("a", scope=POSTS), said("a", kind, POSTS, at=AT)
    assert decide(POSTS, {"a": "de"}, yes, no, at=AT - timedelta(microseconds=1)).reason is (
        Reason.KEPT
    )
    assert decide(POSTS, {"a": "de"}, yes, no).reason is not Reason.KEPT


def test_rule_18_gdpr_21_objection_stops_legitimate_interest() -> None:
    """GDPR 6(1)(f), 21: where a use rests on no objection, an objection stops it, and the ground
    of the others is named `not-objected`, never consent.
    """
    rules = own_rules([NOT_OBJECTED])
    kept = decide(POSTS, {"a": "de"}, rules=rules)
    assert (kept.reason, kept.grounds[0].ground) == (Reason.KEPT, Ground.NOT_OBJECTED)
    objected = decide(POSTS, {"a": "de"}, said("a", "objection", POSTS), rules=rules)
    assert objected.reason is Reason.OBJECTED


@pytest.mark.parametrize(
    ("at", "reason"), [("2026-05-28", Reason.NO_GRANT), ("2026-05-29", Reason.KEPT)]
)
def test_rule_19_gdpr_13_3_notice_precedes_use(at: str, reason: Reason) -> None:
    """GDPR 6(4), 13(3): a use is refused until the notice's window of days is over."""
    rules = own_rules([NOT_OBJECTED])
    found = decide(POSTS, {"a": "de"}, rules=rules, at=parse_instant(at), collected="2026-05-02")
    assert found.reason is reason


def test_rule_19_gdpr_14_people_in_others_data() -> None:
    """GDPR 14: who only appears in another's message has a say of their own."""
    found = decide(TRAINING, {"a": "de", "guest": "de"}, said("a"))
    assert (found.reason, found.party) == (Reason.NO_GRANT, 1)
    vetoed = decide(TRAINING, {"a": "us", "guest": "us"}, said("a"), said("guest", "objection"))
    assert vetoed.reason is Reason.PARTY_VETOED


def test_rule_20_gdpr_19_each_recipient_is_told(copied: Grown) -> None:
    """GDPR 17(1)(b), 19: after a withdrawal each package that holds the member has its recall."""
    with copied.open() as ws:
        affected = {a.name for a in ws.withdrawal.packages()}
        _, recalled = ws.withdrawal.run(with_refit=False)
        assert set(recalled) == affected != set()
        assert ws.withdrawal.packages() == []


@pytest.mark.parametrize("basis", [NOT_OBJECTED, 'scope: "*/*/*", basis: contract, cite: x'])
def test_rule_21_eprivacy_5_1_no_other_ground_for_content(basis: str) -> None:
    """Directive 2002/58/EC art. 5(1): message content rests on the users' consent alone, whatever
    an operator's ruleset says; posts do not.
    """
    rules = own_rules([basis])
    assert decide(TRAINING, {"a": "de", "b": "de"}, rules=rules).reason is Reason.NO_GRANT
    assert decide(POSTS, {"a": "de"}, rules=rules).reason is Reason.KEPT


def test_rule_21_eprivacy_5_1_all_users_concerned() -> None:
    """Directive 2002/58/EC art. 5(1): in the EU one user's consent does not carry a message."""
    assert decide(TRAINING, {"a": "de", "b": "fr"}, said("a")).reason is Reason.NO_GRANT
    assert decide(TRAINING, {"a": "de", "b": "fr"}, said("a"), said("b")).reason is Reason.KEPT


def test_rule_22_edpb_a_refused_lineage_is_not_deployed(copied: Grown) -> None:
    """EDPB Opinion 28/2024: what was trained with the data of somebody who has said no since is
    not released; trained again without it, it is.
    """
    with copied.open() as ws:
        with pytest.raises(RefusedError) as caught:
            ws.release.publish(copied.run)
        assert caught.value.code == "release.stale-run"
        gate, gated = ws.gate.run("messages", PLATFORM)
        clean = ws.snapshot.seal(gate, gated=gated)
        ordinals = set(ws.openings(clean)["ordinal"].to_pylist())
        assert not ordinals & {ws.member.ordinal(m) for m in copied.withdrew}
        run = ws.model.train("replies", clean, columns=COLUMNS)
        assert ws.release.publish(run).release


def test_rule_23_dpc_minors() -> None:
    """Irish DPC on LinkedIn, Nov 2025: the data of a member known to be under 18 is not trained on,
    whoever agreed; from the birthday on it may be.
    """
    people, grants = {"a": "ie", "b": "ie"}, [said("a"), said("b")]
    young = decide(TRAINING, people, *grants, ages={"b": 17})
    assert (young.reason, young.party) == (Reason.MINOR, 1)
    assert decide(TRAINING, people, *grants, ages={"b": 18}).reason is Reason.KEPT


@pytest.mark.parametrize(
    ("unknown", "reason"), [("allow", Reason.KEPT), ("refuse", Reason.AGE_UNKNOWN)]
)
def test_rule_23_dpc_unknown_age(unknown: str, reason: Reason) -> None:
    """Whose age nobody knows is out where the ruleset says so (docs/spec/rulesets.md says why it
    does not as shipped).
    """
    rules = own_rules(
        ['scope: "*/*/*", basis: opt-in, cite: x'],
        more=f"    min_age: {{years: 18, scope: train/*/*, unknown: {unknown}, cite: x}}",
    )
    assert decide(POSTS, {"a": "de"}, said("a", scope=POSTS), rules=rules).reason is reason


@pytest.mark.parametrize(
    ("collected", "reason"),
    [
        ("2025-12-31T23:59:59Z", Reason.BEFORE_EARLIEST),
        ("2026-01-01", Reason.KEPT),
        (None, Reason.COLLECTED_AT_UNKNOWN),
    ],
)
def test_rule_23_dpc_fewer_years(collected: str | None, reason: Reason) -> None:
    """Irish DPC on LinkedIn, Nov 2025: data older than the earliest date is not used, nor data
    without a date.
    """
    rules = own_rules(
        ['scope: "*/*/*", basis: opt-in, cite: x'],
        more='    earliest: {date: "2026-01-01", cite: x}',
    )
    found = decide(POSTS, {"a": "de"}, said("a", scope=POSTS), rules=rules, collected=collected)
    assert found.reason is reason


FILTERED = "    excluded_groups: [{scope: train/*/*, groups: [filtered-2025, other], cite: x}]"


@pytest.mark.parametrize(
    ("groups", "reason"),
    [
        ({}, Reason.KEPT),
        ({"a": "filtered-2025"}, Reason.GROUP_EXCLUDED),
        ({"b": "somewhere other"}, Reason.GROUP_EXCLUDED),
        ({"a": "somewhere", "b": "filtered-2024"}, Reason.KEPT),
    ],
)
def test_rule_23_dpc_sensitive_groups(groups: dict[str, str], reason: Reason) -> None:
    """Irish DPC on LinkedIn, Nov 2025: nothing of a member in a group that the rules leave out is
    trained on, whoever agreed; delivering the service goes on.
    """
    rules = own_rules(['scope: "*/*/*", basis: opt-in, cite: x'], more=FILTERED)
    people = {"a": "de", "b": "de"}
    yes = [
        said(m, scope=scope, notice="everything") for m in people for scope in (TRAINING, DELIVERY)
    ]
    found = decide(TRAINING, people, *yes, rules=rules, groups=groups)
    assert found.reason is reason
    assert decide(DELIVERY, people, *yes, rules=rules, groups=groups).reason is Reason.KEPT


OWN_FILE = """\
rulesets: v1
version: own-1
sets:
  - ruleset: own-eu
    title: One operator's own
    effective: "2024-07-01"
    regions: [eu]
    rules: [{scope: "*/*/*", basis: opt-in, cite: x}]
    messages: {party_rule: all, cite: x}
    past: {may_be_covered: true, cite: x}
    general_grants: {count: false, cite: x}
"""


def test_rule_23_dpc_sensitive_groups_in_a_data_set(copied: Grown) -> None:
    """Irish DPC on LinkedIn, Nov 2025: from the day on which a member is listed every row they are
    a party of drops with that reason; models that hold them are found; unlisted, they are back.
    """
    with copied.open() as ws:
        ws.ruleset.publish(OWN_FILE + FILTERED + "\n")
        before, _ = ws.gate.run("messages", PLATFORM)
        member = copied.agreed[5]
        ws.member.group({member: ["filtered-2025"]})
        assert ws.member.groups(member) == ("filtered-2025",)
        gate, gated = ws.gate.run("messages", PLATFORM)
        reasons = reasons_of(ws.house, gate).to_pylist()
        out = {r["row"] for r in reasons if r["reason"] == Reason.GROUP_EXCLUDED}
        table = small_table()
        theirs = {
            row
            for row, pair in enumerate(zip(table["sender_id"], table["recipient_id"], strict=True))
            if member in {str(p) for p in pair}
        }
        held = set(reasons_of(ws.house, before)["row"].to_pylist())
        assert out == theirs - held != set()
        assert not out & set(gated.rows.tolist())
        assert ws.gate.replay(gate).plan.hex() == ws.gate.show(gate)["plan"]
        affected = {a.name for a in ws.withdrawal.plan()}
        assert copied.release in affected
        ws.member.group({member: []})
        again, _ = ws.gate.run("messages", PLATFORM)
        assert set(reasons_of(ws.house, again)["row"].to_pylist()) == held


@pytest.mark.parametrize(
    ("at", "reason"),
    [
        ("2024-05-06T23:59:59Z", Reason.KEPT),
        ("2024-05-07", Reason.REGION_SUSPENDED),
        ("2024-07-31T23:59:59Z", Reason.REGION_SUSPENDED),
        ("2024-08-01", Reason.KEPT),
    ],
)
def test_rule_24_dpc_v_x_an_interval_stands_still(at: str, reason: Reason) -> None:
    """DPC v X (Grok), 2024: in a suspended interval nothing of the region is used, and before and
    after it what members allow.
    """
    rules = own_rules(
        ['scope: "*/*/*", basis: opt-in, cite: x'],
        more='    suspensions:\n      - {scope: train/*/*, start: "2024-05-07",'
        ' end: "2024-08-01", cite: x}',
    )
    grant = said("a", scope=POSTS, at=parse_instant("2024-01-01"))
    found = decide(
        POSTS, {"a": "de"}, grant, rules=rules, at=parse_instant(at), collected="2024-02-01"
    )
    assert found.reason is reason


@pytest.mark.parametrize(
    ("collected", "reason"),
    [
        ("2024-05-06T23:59:59.999999Z", Reason.KEPT),
        ("2024-05-07", Reason.COLLECTED_WHILE_SUSPENDED),
        ("2024-07-31T23:59:59.999999Z", Reason.COLLECTED_WHILE_SUSPENDED),
        ("2024-08-01", Reason.KEPT),
        (None, Reason.COLLECTED_AT_UNKNOWN),
    ],
)
def test_rule_24_dpc_v_x_collected_meanwhile(collected: str | None, reason: Reason) -> None:
    """DPC v X (Grok), 4 Sep 2024: what was collected in the interval stays out after it, for good,
    and what has no date; a use that was not suspended goes on.
    """
    rules = own_rules(
        ['scope: "*/*/*", basis: opt-in, cite: x'],
        more='    purged:\n      - {scope: train/*/*, start: "2024-05-07", end: "2024-08-01", cite: x}',
    )
    people = {"a": "de", "b": "de"}
    yes = [
        said(m, scope=scope, notice="everything", at=parse_instant("2024-01-01"))
        for m in people
        for scope in (TRAINING, DELIVERY)
    ]
    found = decide(TRAINING, people, *yes, rules=rules, collected=collected)
    assert found.reason is reason
    delivered = decide(DELIVERY, people, *yes, rules=rules, collected=collected)
    assert delivered.reason is Reason.KEPT


def test_rule_24_dpc_v_x_purge_leaves_no_row(tmp_path: Path) -> None:
    """DPC v X (Grok), 4 Sep 2024: purging an interval names the models and packages that hold a
    row of it, and afterwards a recount finds none in anything current; other rows stay.
    """
    table = small_table(members=12, threads=20, messages=120)
    first = parse_instant("2024-05-01")
    sent = [first + timedelta(hours=12 * n) for n in range(table.num_rows)]
    instants = pa.array(sent, pa.timestamp("us", "UTC"))
    table = table.set_column(table.column_names.index("sent_at"), "sent_at", instants)
    start, end = sent[40], sent[70]
    interval = f'scope: train/*/*, start: "{start.isoformat()}", end: "{end.isoformat()}", cite: x'
    who = everyone(table)
    with empty(tmp_path / "ws") as ws:
        asked(ws)
        ws.source.add("messages", table, CONTRACT, regions=dict.fromkeys(who, "eu"))
        ws.consent.record([grant(m, scope, ws) for m in who for scope in (PLATFORM, PROVIDER)])
        gate, gated = ws.gate.run("messages", PLATFORM)
        run = ws.model.train("replies", ws.snapshot.seal(gate, gated=gated), columns=COLUMNS)
        release = ws.release.publish(run).release
        package = ws.disclosure.offer("messages", PROVIDER).disclosure
        assert ws.withdrawal.plan() == [] == [h for h in ws.ruleset.purged() if h.rows]

        ws.ruleset.publish(OWN_FILE + f"    purged: [{{{interval}}}]\n")
        named = {a.name: a.rows for a in [*ws.withdrawal.plan(), *ws.withdrawal.packages()]}
        held = {h.name: h.rows for h in ws.ruleset.purged() if h.kind != "snapshot"}
        assert named == held == {release: 30, package: 30}
        ws.withdrawal.run(with_refit=False)

        left = ws.ruleset.purged()
        assert {h.kind for h in left} == {"snapshot", "release", "package"}
        assert [h for h in left if h.rows or h.undated] == []
        for document in ws.release.list():
            if document["superseded_by"] is None:
                batches = ws.snapshot.open(document["snapshot"]).batches({"when": "sent_at"})
                dates = {when for batch in batches for when in batch["when"].to_pylist()}
                assert dates == {when for when in sent if not start <= when < end}


def test_rule_25_ico_a_suspended_region_yields_nothing() -> None:
    """ICO, PCPD 2024: from the minute a region is suspended no message of any of its members is
    used, whoever else is in it, and other uses go on.
    """
    rules = own_rules(
        ['scope: "*/*/*", basis: opt-in, cite: x'],
        regions="uk",
        more='    suspensions:\n      - {scope: train/*/*, start: "2026-11-20", cite: ICO}',
    )
    people, grants = {"a": "uk", "b": "uk"}, [said("a", notice="everything"), said("b")]
    found = decide(TRAINING, people, *grants, rules=rules)
    assert (found.reason, found.party) == (Reason.REGION_SUSPENDED, 0)
    just_before = decide(TRAINING, people, *grants, rules=rules, at=AT - timedelta(seconds=60))
    assert just_before.reason is Reason.KEPT
    service = [said(m, scope="service/messages/platform", notice="everything") for m in people]
    assert decide(DELIVERY, people, *service, rules=rules).reason is Reason.KEPT


def test_rule_26_lgpd_a_grant_to_any_purpose_is_void() -> None:
    """LGPD art. 8 par. 4: a grant whose purpose is "any" counts for nothing in Brazil."""
    general = said("a", scope="*/*/*", notice="everything")
    assert decide(POSTS, {"a": "br"}, general).reason is Reason.GRANT_TOO_GENERAL
    assert decide(POSTS, {"a": "us-ny"}, general).reason is Reason.KEPT
    assert decide(POSTS, {"a": "br"}, said("a", scope=POSTS)).reason is Reason.KEPT


def test_rule_26_lgpd_cessation_can_be_stated(copied: Grown) -> None:
    """ANPD on Meta, 2 July 2024: that a use has stopped can be stated, and the statement verifies
    without access to the system; for a use that went on it is refused.
    """
    with copied.open() as ws:
        since = ws.now() - timedelta(hours=1)
        index = ws.proof.cease("train.ranking/*/*", since)
        data, trust = ws.proof.bytes(f"cessation-{index}"), ws.places.trust.read_bytes()
        assert verify(data, trust).ok
        ws.gate.run("messages", PLATFORM)
        with pytest.raises(RefusedError) as caught:
            ws.proof.cease("train.generative/*/*", since)
        assert caught.value.code == "cessation.contradicted"
    changed = data.replace(b"train.ranking", b"train.rankinG")
    assert changed != data
    assert not verify(changed, trust).ok


def test_rule_27_ccpa_a_new_purpose_needs_a_yes() -> None:
    """Cal. Civ. Code 1798.100(c), 11 CCR 7002(e): under an operator's opt-out for the United
    States a Californian's silence is still no, and another's is not.
    """
    own = (
        "rulesets: v1\nversion: own\nsets:\n  - ruleset: us\n    title: x\n"
        '    effective: "2026-01-01"\n    regions: [us]\n    rules:\n'
        f"      - {{{NOT_OBJECTED}}}\n"
        "    messages: {party_rule: any, cite: x}\n    past: {may_be_covered: true, cite: x}\n"
        "    general_grants: {count: true, cite: x}\n"
    )
    rules = default_rules().extend(read_mapping(own, name="own"))
    assert decide(POSTS, {"a": "us-ca"}, rules=rules).reason is Reason.NO_GRANT
    assert decide(POSTS, {"a": "us-ny"}, rules=rules).reason is Reason.KEPT


def test_rule_30_campbell_a_feature_is_not_training() -> None:
    """Campbell v. Facebook 2014, Matera v. Google 2016: a thread that a feature may read for its
    user is not thereby one that training may read.
    """
    people = {"a": "us-ny", "b": "us-ny"}
    grants = [said(m, scope="service/messages/platform", notice="everything") for m in people]
    assert decide(DELIVERY, people, *grants).reason is Reason.KEPT
    for purpose in TAXONOMY.leaves("purposes"):
        if purpose.startswith("train."):
            use = f"{purpose}/messages.inmail/platform"
            assert decide(use, people, *grants).reason is Reason.NO_GRANT


def test_rule_30_archived_notices_are_evidence() -> None:
    """Matera v. Google 2016: the bytes of what was shown are what a consent names; another byte is
    another notice.
    """

    def made(text: bytes) -> bytes:
        return make_notice(
            text, id="n", language="en", control=Control.NONE,
            asks=[Scope.parse(TRAINING)], taxonomy=TAXONOMY,
        ).sha256  # fmt: skip

    assert made(b"May we?") == made(b"May we?") != made(b"May we? ")


def test_no_region_is_looser_than_what_is_known() -> None:
    """Where nobody knows the region, silence of any party is no for every training."""
    for use in (TRAINING, POSTS):
        assert decide(use, {"a": None, "b": "us"}, said("b")).reason is Reason.NO_GRANT
    assert BEFORE < AT
