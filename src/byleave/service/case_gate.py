"""The same weeks through the gate: what it would have kept of each delivery, and why not the rest.

The gate is the one that makes training data (`gate.plan`, an engine), run over the messages of the
case as rows, once for each delivery, at its instant. Its ledger is the import: every choice and
switch recorded by then, in the order of time, its index the place in that order. Rulesets are the
shipped ones and the case's own; regions are those of the instant.

Three things the import cannot say, and the words beside the numbers do: a table has no notices, so
its grants are taken at their word (decision 15); a choice without a scope is taken to be about
the use of the delivery; a switch turned on again is silence, and lifts what stood before it.

Messages are taken a batch at a time, once for as many deliveries as have their plans (some six
bytes a member each) in memory together; besides them the members' ids, and their choices, switches
and regions, are held.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from byleave.consent.event import EventKind, EvidenceGrade
from byleave.consent.reason import Reason
from byleave.consent.state import EventColumns, build
from byleave.errors import InputError
from byleave.exposure.choices import Switches
from byleave.exposure.conditions import regions_at
from byleave.exposure.parties import Parties, held_rows
from byleave.exposure.practice import Delivery, Practice, Setting, as_text, as_us
from byleave.exposure.used import used_in
from byleave.gate.contract import Contract, parse_contract
from byleave.gate.members import MemberIndex
from byleave.gate.plan import GatePlan, MemberFacts, compile_plan, uses_of
from byleave.gate.rows import GateEngine
from byleave.ids import FAR_FUTURE_US, to_us
from byleave.policy.ruleset import PartyRule, RuleBook
from byleave.policy.scope import Scope
from byleave.policy.taxonomy import Taxonomy

__all__ = ["GateRules", "GateRun", "GatedDelivery", "gate_in_batches", "run_the_gate"]

Array = Any  # a NumPy array; its element type is named where it is made

_KINDS: Final[Mapping[str, EventKind]] = {
    "grant": EventKind.GRANT,
    "refusal": EventKind.REFUSAL,
    "withdrawal": EventKind.WITHDRAWAL,
    "objection": EventKind.OBJECTION,
}
_ON: Final = 0
"""A switch turned on again: no event, and whatever the member said before it counts no more."""
_ROWS: Final = 1 << 20
_PLAN_BYTES: Final = 8
"""What a plan, and who had turned the switch off, takes for a member."""
_PLANS_BYTES: Final = 1 << 29
"""What the plans in memory may take together; one is always there."""

NOTES: Final = (
    "the import has no notices: a grant is taken at its word, as in `gate preview`",
    "a choice without a scope is taken to be about the use of the delivery",
    "messages of unknown date are asked for like the rest, and dropped where a rule needs the date",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class GateRules:
    """Under what the gate is run.

    Attributes:
        rules: Rulesets.
        taxonomy: The trees; every purpose and recipient of the case is a leaf of them.
        party_rule: One party rule for everybody, or None: by region, as the rulesets say.
    """

    rules: RuleBook
    taxonomy: Taxonomy
    party_rule: PartyRule | None


@dataclass(frozen=True, slots=True, kw_only=True)
class GatedDelivery:
    """One delivery, as it was and as the gate would have made it.

    Attributes:
        delivery: Its id.
        plan: Digest of the gate's plan, hex.
        asked: Messages of its kinds sent by then, and those of unknown date.
        used: Those that really went in; of unknown date among them.
        kept: Those that the gate keeps.
        used_and_kept: Those that went in and that the gate keeps.
        dropped: Gate's reason → messages that really went in and that it drops.
    """

    delivery: str
    plan: str
    asked: int
    used: int
    kept: int
    used_and_kept: int
    dropped: Mapping[str, int]

    def to_dict(self) -> dict[str, Any]:
        """Return the object that `--json` prints."""
        return {
            "delivery": self.delivery,
            "plan": self.plan,
            "asked": self.asked,
            "used": self.used,
            "kept": self.kept,
            "used_and_kept": self.used_and_kept,
            "dropped": dict(self.dropped),
        }


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GateRun:
    """What the gate keeps of every delivery.

    Attributes:
        kept: `record`, `delivery`: what it keeps; None where it was written elsewhere.
        deliveries: Each, counted.
        rulesets: Version of the rulesets.
        digest: Their digest, hex.
        party_rule: `by region`, or the rule asked for.
    """

    kept: pa.Table | None
    deliveries: tuple[GatedDelivery, ...]
    rulesets: str
    digest: str
    party_rule: str

    def to_dict(self) -> dict[str, Any]:
        """Return counts alone: no id of a member or message."""
        return {
            "rulesets": self.rulesets,
            "rulesets_sha256": self.digest,
            "party_rule": self.party_rule,
            "deliveries": [delivery.to_dict() for delivery in self.deliveries],
            "notes": list(NOTES),
        }


def run_the_gate(
    practice: Practice, choices: pa.Table | None, asked: GateRules, engine: GateEngine
) -> GateRun:
    """Run the gate over the messages of a case, once for each delivery.

    Args:
        practice: What the platform did.
        choices: What members had chosen, checked (`Choices`).
        asked: Rulesets, trees, party rule.
        engine: How rows are decided.

    Raises:
        InputError: as `gate_in_batches`.
    """
    kinds = None
    if "kind" in practice.messages.column_names:
        kinds = pc.unique(as_text(practice.messages["kind"]).drop_null()).to_pylist()
    kept: list[pa.Table] = []
    run = gate_in_batches(
        practice,
        choices,
        asked,
        engine,
        members=Parties.of(practice).members,
        kinds=kinds,
        messages=lambda: [practice.messages],
        keep=kept.append,
    )
    nothing = pa.table({n: pa.array([], pa.large_string()) for n in ("record", "delivery")})
    return replace(run, kept=pa.concat_tables([nothing, *kept]))


def gate_in_batches(
    practice: Practice,
    choices: pa.Table | None,
    asked: GateRules,
    engine: GateEngine,
    *,
    members: pa.Array,
    kinds: Sequence[str] | None,
    messages: Callable[[], Iterable[pa.Table]],
    keep: Callable[[pa.Table], None],
) -> GateRun:
    """Run the gate over messages that come in batches, once for each delivery.

    Args:
        practice: What the platform did; its messages may be none, their columns count.
        choices: What members had chosen, checked (`Choices`).
        asked: Rulesets, trees, party rule.
        engine: How rows are decided.
        members: Ids of all parties, as text, ascending (large_string).
        kinds: The kinds that occur, in the order in which they do; None: messages have no kind.
        messages: Yields them, under our names; called once for as many deliveries as have their
            plans in memory together.
        keep: Takes `record`, `delivery` of what the gate keeps.

    Raises:
        InputError: `case.gate`, the messages have neither a kind nor a leaf of the taxonomy as
            their category; `use.*`, a purpose or a recipient that the trees do not have.
    """
    contract, columns = _contract(practice, asked.taxonomy, kinds)
    bare = replace(practice, subscriptions=None, regions=None, opt_outs=None)
    nobody = replace(
        Parties.of(replace(bare, messages=practice.messages.slice(0, 0))),
        members=members,
        held=held_rows(practice, members),
    )
    world = _World(
        practice=practice,
        asked=asked,
        parties=nobody,
        switches=Switches(practice.opt_outs, members=members),
        members=MemberIndex.of(members),
        contract=contract,
        columns=columns,
        events=_Events.of(choices, practice.opt_outs, members),
    )
    counted = []
    at_once = max(_PLANS_BYTES // (_PLAN_BYTES * max(len(members), 1)), 1)
    for start in range(0, len(practice.deliveries), at_once):
        asking = [_Asking.of(world, d) for d in practice.deliveries[start : start + at_once]]
        for batch in messages():
            rows = _Rows.of(world, bare, batch)
            for one in asking:
                keep(_gated(one, rows, engine))
        counted += [one.counted for one in asking]
    return GateRun(
        kept=None,
        deliveries=tuple(counted),
        rulesets=asked.rules.version,
        digest=asked.rules.digest.hex(),
        party_rule="by region" if asked.party_rule is None else asked.party_rule.word,
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _World:
    """The import, resolved once for all deliveries; `parties` has members and no messages."""

    practice: Practice
    asked: GateRules
    parties: Parties
    switches: Switches
    members: MemberIndex
    contract: Contract
    columns: list[str]
    events: _Events


class _Off:
    """Who of a batch's members had turned the switch off by the delivery."""

    def __init__(self, off: Array) -> None:
        self._off = off

    def off(self, at: datetime, setting: Setting | None) -> Array:
        return self._off


@dataclass(slots=True, kw_only=True, eq=False)
class _Asking:
    """One delivery: its plan, who had turned the switch off, and what was counted so far."""

    delivery: Delivery
    plan: GatePlan
    off: Array  # bool[members]
    asked: int = 0
    used: int = 0
    kept: int = 0
    both: int = 0
    dropped: Array  # int64[256]

    @classmethod
    def of(cls, world: _World, delivery: Delivery) -> _Asking:
        return cls(
            delivery=delivery,
            plan=_plan(world, delivery),
            off=world.switches.off(delivery.at, world.practice.setting),
            dropped=np.zeros(256, dtype=np.int64),
        )

    @property
    def counted(self) -> GatedDelivery:
        return GatedDelivery(
            delivery=self.delivery.id,
            plan=self.plan.digest.hex(),
            asked=self.asked,
            used=self.used,
            kept=self.kept,
            used_and_kept=self.both,
            dropped={r.word: int(self.dropped[r]) for r in Reason if r and self.dropped[r]},
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Rows:
    """A batch of messages, resolved once for all deliveries."""

    practice: Practice  # of these messages
    parties: Parties
    members: Array  # int64, the ordinal among all members of each of the batch's
    gated: tuple[pa.RecordBatch, ...]

    @classmethod
    def of(cls, world: _World, bare: Practice, batch: pa.Table) -> _Rows:
        practice = replace(bare, messages=batch)
        parties = Parties.of(practice)
        rows = batch.select(world.columns).combine_chunks()
        return cls(
            practice=practice,
            parties=parties,
            members=world.members.resolve(parties.members),
            gated=tuple(rows.to_batches(max_chunksize=_ROWS)),
        )


def _gated(asking: _Asking, rows: _Rows, engine: GateEngine) -> pa.Table:
    """Decide one batch of messages, count it, and return what is kept of it."""
    delivery, parties = asking.delivery, rows.parties
    decided = [engine.reasons(asking.plan, part).reason for part in rows.gated]
    reason = np.concatenate(decided) if decided else np.zeros(0, np.uint8)
    used, _ = used_in(rows.practice, parties, _Off(asking.off[rows.members]), delivery)
    # Of the delivery's kinds, and sent by then or at an unknown instant; where it lists its
    # records, exactly these.
    nobody = _Off(np.zeros(len(parties.members), dtype=bool))
    by_then, _ = used_in(replace(rows.practice, setting=None), parties, nobody, delivery)
    let = by_then & (reason == Reason.KEPT)
    asking.asked += int(by_then.sum())
    asking.used += int(used.sum())
    asking.kept += int(let.sum())
    asking.both += int((used & let).sum())
    asking.dropped += np.bincount(reason[used & ~let], minlength=256)
    record = parties.records.filter(pa.array(let))
    name = pa.array([delivery.id], pa.large_string())
    here = name.take(pa.array(np.zeros(len(record), dtype=np.int32)))
    return pa.table({"record": record.cast(pa.large_string()), "delivery": here})


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Events:
    """Choices, then switches, in the order of time; of one instant in this order."""

    member: Array  # int64, an ordinal
    at: Array  # int64, microseconds
    kind: Array  # uint8, an `EventKind`, or `_ON`
    expires: Array  # int64, microseconds
    past: Array  # bool
    scope: Array  # int32, index into `scopes`
    scopes: tuple[Scope | None, ...]  # None: the use of the delivery

    @classmethod
    def of(cls, choices: pa.Table | None, opt_outs: pa.Table | None, members: pa.Array) -> _Events:
        scopes: tuple[Scope | None, ...] = (None,)
        parts = [[np.zeros(0, np.int64)] * 6]
        if choices is not None:
            names = pa.array(list(_KINDS))
            kinds = np.array([int(kind) for kind in _KINDS.values()])
            size, scope = choices.num_rows, np.zeros(choices.num_rows, np.int64)
            if "scope" in choices.column_names:
                texts = as_text(choices["scope"])
                known = pc.unique(texts.drop_null())
                scopes = (None, *(Scope.parse(text) for text in known.to_pylist()))
                scope = _places(texts, known) + 1
            expires = np.full(size, FAR_FUTURE_US, np.int64)
            if "expires" in choices.column_names:
                expires = as_us(choices["expires"], FAR_FUTURE_US)
            past = np.zeros(size, np.int64)
            if "includes_past" in choices.column_names:
                flags = pc.fill_null(choices["includes_past"], False).combine_chunks()
                past = flags.to_numpy(zero_copy_only=False).astype(np.int64)
            kind = kinds[_places(as_text(choices["decision"]).cast(pa.string()), names)]
            at = as_us(choices["at"], FAR_FUTURE_US)
            parts.append(
                [_places(as_text(choices["member"]), members), at, kind, expires, past, scope]
            )
        if opt_outs is not None:
            size = opt_outs.num_rows
            kind = np.full(size, int(EventKind.REFUSAL))
            if "on" in opt_outs.column_names:
                on = pc.fill_null(opt_outs["on"], False).combine_chunks()
                kind[on.to_numpy(zero_copy_only=False)] = _ON
            far, none = np.full(size, FAR_FUTURE_US, np.int64), np.zeros(size, np.int64)
            at = as_us(opt_outs["at"], FAR_FUTURE_US)
            # its scope is every use: it is about the switch, and nothing else is imported of it
            parts.append([_places(as_text(opt_outs["member"]), members), at, kind, far, none, none])
        columns = [np.concatenate(column) for column in zip(*parts, strict=True)]
        order = np.argsort(columns[1], kind="stable")
        order = order[columns[0][order] >= 0]
        member, at, kind, expires, past, scope = (column[order] for column in columns)
        return cls(
            member=member,
            at=at,
            kind=kind.astype(np.uint8),
            expires=expires,
            past=past.astype(bool),
            scope=scope.astype(np.int32),
            scopes=scopes,
        )

    def by(self, at_us: int, about: Scope, members: int) -> EventColumns:
        """Return what was on record by an instant, as a ledger's columns."""
        known = self.at <= at_us
        lifted = np.full(members, -1, np.int64)
        on = np.flatnonzero(known & (self.kind == _ON))
        lifted[self.member[on]] = on  # ascending: the last one stays
        rows = np.flatnonzero(known & (np.arange(len(self.at)) > lifted[self.member]))
        grants = self.kind[rows] == EventKind.GRANT
        return EventColumns(
            ordinal=self.member[rows],
            index=rows.astype(np.int64),
            kind=self.kind[rows],
            effective_us=self.at[rows],
            expires_us=np.where(grants, self.expires[rows], FAR_FUTURE_US),
            includes_past=self.past[rows],
            grade=np.full(len(rows), EvidenceGrade.NONE, np.uint8),
            scope_id=self.scope[rows],
            notice_id=np.full(len(rows), -1, np.int32),
            scopes=tuple(about if scope is None else scope for scope in self.scopes),
            notices=(),
        )


def _plan(world: _World, delivery: Delivery) -> GatePlan:
    practice, asked = world.practice, world.asked
    scope = asked.taxonomy.scope(str(delivery.use(practice.category)))
    columns = world.events.by(to_us(delivery.at), scope, len(world.members))
    states = [
        build(
            columns,
            use,
            at=delivery.at,
            members=len(world.members),
            notices={},
            accepted=EvidenceGrade.NONE,
        )
        for use in uses_of(scope, asked.taxonomy)
    ]
    return compile_plan(
        scope,
        at=delivery.at,
        contract=world.contract,
        taxonomy=asked.taxonomy,
        rules=asked.rules,
        states=states,
        members=world.members,
        facts=_facts(world, delivery),
        ledger=int(columns.index[-1]) if len(columns) else -1,
        party_rule=asked.party_rule,
    )


def _facts(world: _World, delivery: Delivery) -> MemberFacts:
    """Return the region of each member at the instant of the delivery."""
    unknown = MemberFacts.unknown(len(world.members))
    found = regions_at(world.practice, world.parties, delivery).dictionary_encode()
    codes = pc.fill_null(found.indices.cast(pa.int32()), -1).to_numpy(zero_copy_only=False) + 1
    names = [name.lower() for name in found.dictionary.to_pylist()]
    return replace(unknown, regions=(None, *names), region_id=codes.astype(np.int32))


def _contract(
    practice: Practice, taxonomy: Taxonomy, kinds: Sequence[str] | None
) -> tuple[Contract, list[str]]:
    """Return how the gate reads the messages, and which of their columns it reads."""
    held, category = practice.messages.column_names, practice.category
    lines = ["contract: v1", "record_id: record", "parties:", "  author: author"]
    columns = ["record", "author"]
    leaves = {u.category for d in practice.deliveries for u in taxonomy.expand(d.use(category))}
    if any(taxonomy.has_several_parties(leaf) for leaf in leaves):
        lines.append("  recipients: recipients")
        columns.append("recipients")
    if kinds is not None:
        known = {kind: f"{category}.{kind}" for kind in kinds if f"{category}.{kind}" in leaves}
        lines += ["kind: kind", f"kinds: {json.dumps(known, ensure_ascii=False)}"]
        columns.append("kind")
    elif leaves == {category}:
        lines.append(f"category_constant: {category}")
    else:
        raise InputError(
            f"the gate must know what each message is: they have no kind, and {category} is no leaf",
            code="case.gate",
            where="messages",
            hint="messages: {constants: {kind: inmail}}, or a finer `category`",
        )
    if "sent_at" in held:
        lines.append("collected_at: sent_at")
        columns.append("sent_at")
    return parse_contract("\n".join(lines) + "\n", name="case"), columns


def _places(values: pa.Array, among: pa.Array) -> Array:
    found = pc.fill_null(pc.index_in(values.cast(among.type), among, skip_nulls=True), -1)
    return found.to_numpy(zero_copy_only=False).astype(np.int64)
