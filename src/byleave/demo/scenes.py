"""The eight scenes. Each does its work through the workspace, and tells what came of it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from byleave.consent.event import EventKind
from byleave.consent.reason import Reason
from byleave.demo import texts
from byleave.demo.input import known_dates, record_ids, with_kinds
from byleave.demo.outcome import Outcome
from byleave.demo.population import Choice, uniform
from byleave.demo.practice import (
    DELIVERIES,
    judge,
    messages_by_reason,
    practice_of,
    scopes_of,
    used_rows,
)
from byleave.demo.recipient import RecipientProcess
from byleave.demo.story import Story
from byleave.demo.witness import check_proofs
from byleave.errors import RefusedError, WorldError
from byleave.exposure.readings import ReadingResult
from byleave.policy.scope import Scope
from byleave.service.consent import NewEvent

__all__ = ["ALL"]

SETTING_DAY: Final = datetime(2024, 8, 15, 9, tzinfo=UTC)
POLICY_DAY: Final = datetime(2024, 9, 18, 16, tzinfo=UTC)
GATE_DAY: Final = datetime(2024, 10, 14, 12, tzinfo=UTC)
WITHDRAWAL_DAY: Final = datetime(2024, 10, 28, 9, tzinfo=UTC)
NIGHT_BATCH: Final = datetime(2024, 10, 29, 3, tzinfo=UTC)
PROVIDER_DAY: Final = datetime(2024, 10, 29, 12, tzinfo=UTC)
ANSWER_DAY: Final = datetime(2024, 10, 30, 9, tzinfo=UTC)
WITHDRAWALS: Final = 24
SOURCE: Final = "messages"
ASK: Final = "replies-question-1"
SWITCH: Final = "settings-switch-1"
COLUMNS: Final = {"thread": "thread_id", "seq": "seq", "author": "sender_id", "text": "text"}


def policy_1_in_force(o: Outcome, story: Story) -> None:
    """Step 1."""
    story.step("Policy v1 is in force: improve the service, no training")
    published = o.ws.policy.publish(texts.POLICY_1, name="privacy-policy-1.md")
    o.ws.member.enrol(o.population.members, regions=o.population.regions)
    o.table = with_kinds(o.input.table, o.population)
    inmail = int(pc.sum(pc.equal(o.table["kind"], "inmail")).as_py())
    story.say(
        f"The policy was announced {published.impact.words.notice_window_days} days before it"
        " took effect and declares no training. Every member gets a secret; the log gets a"
        " commitment to it, so that no snapshot can file them under two names."
    )
    story.figure("members enrolled", f"{o.ws.member.count():,}")
    story.figure("messages", f"{o.table.num_rows:,}")
    story.figure("of them InMail", f"{inmail:,}")
    story.figure("with a known date", f"{known_dates(o.table):,}")


def setting_and_choices(o: Outcome, story: Story) -> None:
    """Step 2."""
    story.step("August 2024: a setting appears, default on; some members choose")
    o.clock.set(SETTING_DAY - timedelta(minutes=1))
    o.ws.policy.publish(texts.SETTING, name="settings-screen.md")
    o.clock.set(SETTING_DAY)
    scope = texts.USE_PLATFORM
    o.ws.policy.publish_notice(texts.SETTING_NOTICE, notice=SWITCH, asks=[scope], control="on")
    asks = sorted(
        {s for answer in ("all-and-provider", "direct", "inmail") for s in scopes_of(answer)}
    )
    o.ws.policy.publish_notice(texts.NOTICE, notice=ASK, asks=asks, control="none")
    before = o.ws.log.checkpoint()["size"]
    try:
        o.ws.consent.grant(o.population.members[0], scope, notice=SWITCH, channel="settings")
    except RefusedError as error:
        story.say(
            f"Recording the default-on setting as consent is refused ({error.code}): a switch"
            " that was on before anyone touched it is never a yes (G1)."
        )
    o.default_on_events = o.ws.log.checkpoint()["size"] - before
    _record_choices(o, SETTING_DAY, POLICY_DAY)
    said = Counter(choice.answer for choice in o.population.choices)
    story.say(
        "A question with nothing pre-selected is put beside it. Members answer in their own time"
        " over the next weeks; whoever says nothing has said nothing."
    )
    story.figure("consents recorded from the default", str(o.default_on_events))
    story.figure("yes, only from now on", f"{said['grant']:,}")
    story.figure("yes, also what you already hold", f"{said['grant-past']:,}")
    story.figure("no, or switched it off", f"{said['refuse'] + said['switch-off']:,}")
    story.figure("never answered", f"{len(o.population.members) - said.total():,}")


def practice_then(o: Outcome, story: Story) -> None:
    """Step 3."""
    story.step("What the platform did then: everyone who had not opted out")
    records = record_ids(o.table)
    o.practice = practice_of(o.table.append_column("record", records), o.population)
    story.say(
        "This is the practice to be judged, not Byleave at work: trainers here take nothing but"
        " sealed snapshots (G6), so it enters as the platform's own records. Twice, whatever the"
        " senders had not opted out of goes to a provider and into a suggested-replies model."
    )
    for name, at, recipient in DELIVERIES:
        rows = used_rows(o.table, o.practice, at)
        story.figure(f"messages on {at:%d %b} to {recipient} ({name})", f"{rows:,}")


def policy_2_published(o: Outcome, story: Story) -> None:
    """Step 4."""
    story.step("18 September 2024: policy v2 and the FAQ", charts=["consent"])
    o.clock.set(POLICY_DAY)
    impact = o.ws.policy.impact(texts.POLICY_2, name="privacy-policy-2.md")
    published = o.ws.policy.publish(texts.POLICY_2, name="privacy-policy-2.md")
    faq = o.ws.policy.publish(texts.FAQ, name="ai-training-faq.md")
    o.impact = published.impact
    o.decisions_changed = published.decisions_changed + faq.decisions_changed
    story.say(
        f"Before it is published, the impact: {len(impact.words.added)} uses added, a notice window"
        f" of {impact.words.notice_window_days} days. After it, every member is decided again for"
        " every use it touches. Nothing moves: a new use needs a new choice (G3)."
    )
    story.figure("uses added", str(len(impact.words.added)))
    story.figure("days of notice", str(impact.words.notice_window_days))
    story.figure("decisions changed", str(o.decisions_changed))


def gate_and_release(o: Outcome, story: Story) -> None:
    """Step 5."""
    story.step("The same weeks with the gate", charts=["gate", "parties"])
    _record_choices(o, POLICY_DAY, GATE_DAY)
    o.clock.set(GATE_DAY)
    o.ws.source.add(
        SOURCE,
        o.table,
        texts.CONTRACT,
        about={"data": "persuasion-for-good", "origin": o.input.origin, "how": o.input.how},
    )
    gate, gated = o.ws.gate.run(SOURCE, texts.USE_PLATFORM)
    o.gate, o.kept_rows = gated.record, gated.rows
    snapshot = o.ws.snapshot.seal(gate, gated=gated)
    run = o.ws.model.train("replies", snapshot, columns=COLUMNS)
    o.quality = o.ws.model.evaluate(run)
    o.release_1 = o.ws.release.publish(run, quality=o.quality)
    o.inventory = len(json.loads(o.release_1.files["model.json"])["inventory"])
    o.party_rules = o.ws.gate.party_rules(SOURCE, texts.USE_PLATFORM)
    _tell_gate(o, story)
    _tell_model(o, story)
    _offer_package(o, story)


def _offer_package(o: Outcome, story: Story) -> None:
    o.provider = _registered_provider(o, story)
    try:
        o.package = o.ws.disclosure.offer(SOURCE, texts.USE_PROVIDER)
    except RefusedError as error:
        story.say(f"The provider gets nothing: {error.message} ({error.code}).")
        story.figure("records the provider may have", "0")
        return
    shares = o.ws.gate.party_rules(SOURCE, texts.USE_PROVIDER)
    record = o.package.record
    story.say(
        f"The provider's package is decided record by record, for that recipient: {record.kept:,}"
        f" may go, {record.rows - record.kept:,} are refused. Under one rule for everybody it"
        f" would be author {shares['author']:.1%}, any {shares['any']:.1%}, all"
        f" {shares['all']:.1%}."
    )
    story.figure("records the provider may have", f"{record.kept:,}")
    if o.provider is not None:
        o.ws.disclosure.lay_out(texts.PROVIDER, o.provider.outbox)
        o.provider.run(o.clock())
        o.ws.disclosure.receive([o.provider.outbox])
        story.say(
            "The package is encrypted to the key that the provider registered. A process of its"
            " own, with its own folder, pulls it, checks it against the log, and signs for it:"
            f" {o.package.disclosure} is {_standing_of(o)}."
        )


def _registered_provider(o: Outcome, story: Story) -> RecipientProcess | None:
    """Return the provider with its keys registered, or None where it cannot have any."""
    provider = RecipientProcess(o.ws.path, texts.PROVIDER)
    try:
        card = provider.make(o.ws.places.trust.read_bytes(), o.seed)
    except WorldError as error:
        story.say(f"The provider cannot be given anything here: {error.message} ({error.hint}).")
        return None
    o.ws.disclosure.register(card)
    return provider


def _standing_of(o: Outcome) -> str:
    name = "" if o.package is None else o.package.disclosure
    return next(str(d["state"]) for d in o.ws.disclosure.status() if d["disclosure"] == name)


def _tell_gate(o: Outcome, story: Story) -> None:
    record = o.gate
    story.say(
        f"Of {record.rows:,} messages the gate keeps {record.kept:,}. Every other one has its"
        " reason, and the counts sum. What passed is sealed; the model is trained on the seal."
    )
    meanings = {reason.word: reason.meaning for reason in Reason}
    story.table(
        [
            f"  {'kept':<24}{record.kept:>8,}",
            *(
                f"  {code:<24}{rows:>8,}   {meanings[code]}"
                for code, rows in sorted(record.reasons.items(), key=lambda i: (-i[1], i[0]))
            ),
            f"  {'sum':<24}{record.kept + sum(record.reasons.values()):>8,}",
        ]
    )
    shares = o.party_rules
    story.say(
        "The three party rules side by side, share kept if each held everywhere: author"
        f" {shares['author']:.1%}, any {shares['any']:.1%}, all {shares['all']:.1%}. As the"
        f" members' regions ask: {record.kept / record.rows:.1%}."
    )
    story.figure("messages kept", f"{record.kept:,}")


def _tell_model(o: Outcome, story: Story) -> None:
    quality, k = o.quality, o.quality["k"]
    story.say(
        f"The replies model offers {o.inventory} replies, each sent by at least {k} members who"
        " agreed. How good that is, from a fit on four fifths of the snapshot's threads asked about"
        f" the fifth: {_percent(quality['coverage'])} of replies begin with one in the inventory; of"
        f" those, the right one is among the first three {_percent(quality['top3'])} of the time"
        f" (always offering the most popular: {_percent(quality['baseline_top3'])})."
    )
    story.figure("release 1, model digest", o.release_1.model[:8])


def withdraw_and_unlearn(o: Outcome, story: Story) -> None:
    """Step 6."""
    story.step("Members withdraw, some of them recipients only", charts=["reach"])
    o.clock.set(WITHDRAWAL_DAY)
    authors, readers = _who_withdraws(o)
    package = o.package
    in_package = (
        set() if package is None else set(o.ws.openings(package.snapshot)["ordinal"].to_pylist())
    )
    authors.sort(key=lambda member: o.ws.member.ordinal(member) not in in_package)
    o.withdrawn = (*authors, *readers)
    o.ws.consent.record(
        [
            NewEvent(
                member=member,
                kind=EventKind.WITHDRAWAL,
                scope=o.ws.scope("train/messages/*"),
                channel="portal",
            )
            for member in o.withdrawn
        ]
    )
    plan = o.ws.withdrawal.plan()
    o.clock.set(NIGHT_BATCH)
    story.say(
        f"{len(o.withdrawn)} members withdraw; {len(readers)} of them wrote nothing that was used,"
        " and were only the recipients of what was. Any party's no takes the message out (G4)."
    )
    done, recalled = o.ws.withdrawal.run(with_refit=True)
    unlearned = done[0]
    o.release_2, o.refit = unlearned.new, str(unlearned.refit)
    story.say(
        f"Affected: {', '.join(a.name for a in plan)}. {unlearned.removed:,} messages are forgotten"
        " by subtraction, and, to show what that is worth, the model is also fitted from scratch"
        f" without them: {'the same bytes' if o.refit == o.release_2.model else 'OTHER BYTES'}."
        f" Recalled from the provider: {', '.join(recalled) or 'nothing was there'}."
    )
    _provider_obeys(o, story)
    story.figure("messages forgotten", f"{unlearned.removed:,}")
    story.figure("release 2, model digest", o.release_2.model[:8])
    story.figure("a fit without them", o.refit[:8])


def _provider_obeys(o: Outcome, story: Story) -> None:
    if o.provider is None or o.package is None:
        return
    o.ws.disclosure.lay_out(texts.PROVIDER, o.provider.outbox)
    o.clock.set(PROVIDER_DAY)
    said = o.provider.run(PROVIDER_DAY)
    for _, _, refusal in o.ws.disclosure.receive([o.provider.outbox]):
        if refusal is not None:
            raise refusal
    if not said["obeyed"]:
        return
    deleted = sum(done["deleted"] for done in said["obeyed"])
    story.say(
        f"The provider's process finds the {deleted:,} rows by labels that mean nothing elsewhere,"
        " deletes them from its copy, and signs the roots before and after; the platform compares"
        f" them with its own, and logs the answer: {o.package.disclosure} is {_standing_of(o)}."
    )
    story.figure("messages the provider deleted", f"{deleted:,}")


def answers_and_proofs(o: Outcome, story: Story) -> None:
    """Step 7."""
    story.step("Where did my data go? Two answers, with proofs")
    o.clock.set(ANSWER_DAY)
    o.never = _who_never_agreed(o)
    check_proofs(o, story)


def the_case(o: Outcome, story: Story) -> None:
    """Step 8."""
    story.step(
        "The case: who was affected by step 3, and what it may cost",
        charts=["practice", "exposure"],
    )
    o.judged = judge(o.practice, o.population, _gate_at_each_delivery(o))
    everyone, exposure = o.judged.everyone, o.judged.exposure
    story.say(
        f"Judged against what members had said: {everyone.members_count:,} members and"
        f" {everyone.messages:,} messages were used without their own yes (counting messages of"
        f" unknown date: {everyone.members_count_high:,} and {everyone.messages_high:,})."
    )
    story.table(
        [f"  {reason:<32}{count:>8,}" for reason, count in messages_by_reason(everyone).items()]
    )
    pleaded = o.judged.pleaded
    story.say(
        "The class as the complaint alleged it (Premium, sent or received InMail, disclosed to a"
        f" third party before 18 September 2024): {pleaded.members_count:,} members,"
        f" {pleaded.messages:,} messages. Exposure under each reading, in dollars:"
    )
    story.table([_reading(r) for r in exposure.readings])
    gate = o.judged.with_gate
    story.say(
        f"The same weeks with the gate on, asked at each delivery for its recipient: of"
        f" {gate.affected:,} affected messages it would have let through {gate.let_through:,},"
        f" where the region's rule asks one party and {gate.members_still:,} members were silent."
    )
    story.say(
        "De La Torre v. LinkedIn was dismissed without prejudice on 30 January 2025, nine days"
        " after filing; a plaintiff's lawyer said LinkedIn had shown evidence that it did not use"
        " the messages. Figures are about this replay, not about that company. Not legal advice."
    )
    story.figure("members affected", f"{everyone.members_count:,}")
    story.figure("messages affected", f"{everyone.messages:,}")


ALL: Final[tuple[Callable[[Outcome, Story], None], ...]] = (
    policy_1_in_force,
    setting_and_choices,
    practice_then,
    policy_2_published,
    gate_and_release,
    withdraw_and_unlearn,
    answers_and_proofs,
    the_case,
)


def _gate_at_each_delivery(o: Outcome) -> pa.Table:
    """Return what the gate lets through at the instant of each delivery, for its recipient."""
    ids = record_ids(o.table)
    uses = {"platform": texts.USE_PLATFORM, texts.PROVIDER: texts.USE_PROVIDER}
    parts = []
    for name, at, recipient in DELIVERIES:
        rows = o.ws.gate.kept_rows(SOURCE, uses[recipient], at=at)
        kept = ids.take(pa.array(rows))
        parts.append(pa.table({"record": kept, "delivery": pa.array([name] * len(kept))}))
    return pa.concat_tables(parts)


def _record_choices(o: Outcome, start: datetime, end: datetime) -> None:
    """Record, day by day, what members chose from `start` until before `end`."""
    chosen = [choice for choice in o.population.choices if start <= choice.at < end]
    for day, group in groupby(chosen, key=lambda c: c.at.date()):
        o.clock.set(max(o.clock(), datetime(day.year, day.month, day.day, tzinfo=UTC)))
        o.ws.consent.record([event for choice in group for event in _events(choice)])


def _events(choice: Choice) -> list[NewEvent]:
    if choice.answer.startswith("grant"):
        return [
            NewEvent(
                member=choice.member,
                kind=EventKind.GRANT,
                scope=Scope.parse(scope),
                notice=ASK,
                effective=choice.at,
                includes_past=choice.answer == "grant-past",
            )
            for scope in scopes_of(choice.scope)
        ]
    off = choice.answer == "switch-off"
    return [
        NewEvent(
            member=choice.member,
            kind=EventKind.REFUSAL,
            scope=Scope.parse("train/messages/*"),
            notice=SWITCH if off else ASK,
            effective=choice.at,
            channel="settings" if off else "portal",
        )
    ]


def _who_withdraws(o: Outcome) -> tuple[list[str], list[str]]:
    """Return members drawn from the snapshot: some who wrote in it, some who only received."""
    snapshot = o.release_1.document["snapshot"]
    openings = o.ws.openings(snapshot)
    role = openings["role"].to_numpy()
    ordinal = openings["ordinal"].to_numpy()
    writers = np.unique(ordinal[role == 1])
    readers = np.setdiff1d(np.unique(ordinal), writers)
    few = _draw(o.seed, "withdraw-readers", readers, WITHDRAWALS // 4)
    many = _draw(o.seed, "withdraw-writers", writers, WITHDRAWALS - len(few))
    name = o.ws.member.by_ordinal
    return [name(i) for i in many], [name(i) for i in few]


def _who_never_agreed(o: Outcome) -> str:
    """Return the first member who never said anything and is in no snapshot."""
    answered = {choice.member for choice in o.population.choices} | set(o.withdrawn)
    held = set(o.ws.openings(o.release_1.document["snapshot"])["ordinal"].to_pylist())
    return next(
        m for i, m in enumerate(o.population.members) if m not in answered and i not in held
    )


def _draw(seed: int, label: str, among: npt.NDArray[np.int64], count: int) -> list[int]:
    order = np.argsort(uniform(seed, label, len(among)), kind="stable")
    return [int(i) for i in among[order[:count]]]


def _reading(reading: ReadingResult) -> str:
    high = "not computable" if reading.high_cents is None else f"{reading.high_cents / 100:>14,.0f}"
    low = f"{reading.low_cents / 100:>12,.0f}"
    title = reading.title.removesuffix(", our addition")
    ours = "   (our addition, not in the complaint)" if reading.ours else ""
    return f"  {title:<54}{low} – {high}{ours}"


def _percent(value: object) -> str:
    return f"{value:.1%}" if isinstance(value, float) else "–"
