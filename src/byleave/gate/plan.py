"""Compile: fold all that depends on the member into planes over ordinals, for one use.

A plan is for one purpose, one recipient and a scope of categories; it holds one `CategoryPlan`
for each leaf category below the scope. Rulesets are folded in by the member's region: what is
left for a row is whose it is, of what category, and when it was collected.

A plan is a plain record of NumPy arrays: it pickles, so that `decide_batch` runs in any worker.
Its digest is SHA-256 over the canonical parameters and the bytes of the planes; member ids do
not enter (the log would hold a trace of them).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

import numpy as np
import numpy.typing as npt

from byleave.canonical import Json, encode, sha256
from byleave.consent.reason import Ground, Reason
from byleave.consent.state import Bits, State, get_bits, pack
from byleave.errors import InputError
from byleave.gate.contract import Contract
from byleave.gate.members import MemberIndex
from byleave.ids import Digest, LedgerIndex, format_instant, to_us
from byleave.policy.ruleset import Basis, PartyRule, RegionRule, RuleBook
from byleave.policy.scope import Scope, Use
from byleave.policy.taxonomy import Taxonomy

__all__ = [
    "AGE_UNKNOWN",
    "UNKNOWN_INSTANT",
    "CategoryPlan",
    "GatePlan",
    "MemberFacts",
    "compile_plan",
    "uses_of",
]

UNKNOWN_INSTANT: Final = -(2**63)
"""µs that stand for "nobody knows"; as the start of a yes: reaches back to all data."""

AGE_UNKNOWN: Final = -1
Longs = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MemberFacts:
    """Dated facts about members, read at the instant of the decision.

    Attributes:
        regions: Region codes; None stands for "unknown".
        region_id: Row in `regions` of each ordinal; int32[members].
        age: Years of each ordinal, `AGE_UNKNOWN` where nobody knows; int16[members].
    """

    regions: tuple[str | None, ...]
    region_id: npt.NDArray[np.int32]
    age: npt.NDArray[np.int16]

    @classmethod
    def unknown(cls, members: int) -> MemberFacts:
        """Return the facts about members of whom nothing is known."""
        return cls(
            regions=(None,),
            region_id=np.zeros(members, np.int32),
            age=np.full(members, AGE_UNKNOWN, np.int16),
        )

    @classmethod
    def of(cls, regions: Sequence[str | None], ages: Sequence[int] | None = None) -> MemberFacts:
        """Return the facts of a region (and an age) for each ordinal."""
        table = {r: i for i, r in enumerate(dict.fromkeys([None, *regions]))}
        return cls(
            regions=tuple(table),
            region_id=np.fromiter((table[r] for r in regions), np.int32, len(regions)),
            age=np.full(len(regions), AGE_UNKNOWN, np.int16)
            if ages is None
            else np.array(ages, np.int16),
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CategoryPlan:
    """One leaf category, compiled. Planes have one value per ordinal.

    Attributes:
        use: The leaf use.
        several: Whether recipients are parties.
        draft: Whether records of it were never sent.
        yes: Bitmap: a yes for every row, whenever it was collected, that no rule stops.
        code: `Reason`: `KEPT`, a veto or a silence; uint8.
        from_us: Where `code` is `KEPT`: collected from when, `UNKNOWN_INSTANT` for always; int64.
        stop: `Reason` of a rule that stops the member's rows, or `KEPT`; uint8.
        ground: `Ground` of a yes; uint8.
        because: Ledger index that decided; -1: silence; int64.
        party_rule: `PartyRule` of each region; uint8[regions].
        earliest_us: Earliest date of each region, or `UNKNOWN_INSTANT`; int64[regions].
        rules: What holds in each region.
    """

    use: Use
    several: bool
    draft: bool
    yes: Bits
    code: npt.NDArray[np.uint8]
    from_us: Longs
    stop: npt.NDArray[np.uint8]
    ground: npt.NDArray[np.uint8]
    because: Longs
    party_rule: npt.NDArray[np.uint8]
    earliest_us: Longs
    rules: tuple[RegionRule, ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GatePlan:
    """The rules compiled for one data set.

    Attributes:
        scope: Purpose and recipient (leaves), and the categories asked for.
        at: The instant of the decision.
        ledger: Highest ledger index read; -1: none.
        contract: Whose data a row is.
        members: Ids in the order of ordinals.
        region_id: Row in the regions of each ordinal; int32.
        regions: Region codes; None stands for "unknown".
        categories: One plan per leaf category below the scope, ascending by name.
        other_categories: Leaf categories of the taxonomy that the scope does not ask for.
        drafts_asked: Whether the scope names a category of drafts by itself.
        party_rule: Overrides the rulesets' party rule (a what-if); None: as the rulesets say.
        parameters: What else decides, as the digest sees it.
        planes_digest: SHA-256 over the bytes of all planes.
        digest: SHA-256 over the canonical parameters and `planes_digest`.
    """

    scope: Scope
    at: datetime
    ledger: int
    contract: Contract
    members: MemberIndex
    region_id: npt.NDArray[np.int32]
    regions: tuple[str | None, ...]
    categories: tuple[CategoryPlan, ...]
    other_categories: tuple[str, ...]
    drafts_asked: bool
    party_rule: PartyRule | None
    parameters: Mapping[str, Json]
    planes_digest: Digest
    digest: Digest

    def with_party_rule(self, rule: PartyRule | None) -> GatePlan:
        """Return the same plan under another party rule."""
        parameters = {**self.parameters, "party_rule": None if rule is None else rule.word}
        return replace(
            self,
            party_rule=rule,
            parameters=parameters,
            digest=_digest(parameters, self.planes_digest),
        )


def uses_of(scope: Scope, taxonomy: Taxonomy) -> tuple[Use, ...]:
    """Return the leaf uses a gate for `scope` decides: one purpose, one recipient, its categories.

    Raises:
        InputError: `use.unknown-term`; `use.not-leaf`, purpose or recipient is a group.
    """
    uses = taxonomy.expand(scope)
    category = uses[0].category if uses else scope.category
    taxonomy.use(f"{scope.purpose}/{category}/{scope.recipient}")
    return uses


def compile_plan(
    scope: Scope,
    *,
    at: datetime,
    contract: Contract,
    taxonomy: Taxonomy,
    rules: RuleBook,
    states: Sequence[State],
    members: MemberIndex,
    facts: MemberFacts,
    ledger: int = -1,
    rules_index: LedgerIndex | None = None,
    party_rule: PartyRule | None = None,
) -> GatePlan:
    """Fold states and rulesets into a plan.

    Args:
        scope: What `uses_of` expanded.
        at: The instant of the decision.
        contract: Whose data a row is.
        taxonomy: The trees in force.
        rules: The rulesets in force.
        states: One state per use of `uses_of`, at `at`, in its order.
        members: Ids in the order of ordinals.
        facts: Regions and ages at `at`.
        ledger: Highest ledger index read; -1: none.
        rules_index: Ledger index of the rulesets, the ground index of rows kept without consent.
        party_rule: Overrides the rulesets' party rule; None: as they say.

    Raises:
        InputError: `input.malformed`, states of other uses, instants or numbers of members.
    """
    uses = uses_of(scope, taxonomy)
    sizes = {len(members), len(facts.region_id), len(facts.age), *(s.members for s in states)}
    instants = {s.at_us for s in states}
    if tuple(s.use for s in states) != uses or len(sizes) != 1 or instants != {to_us(at)}:
        raise InputError("states do not belong to this plan", code="input.malformed")
    categories = tuple(
        _fold(state, facts, rules, taxonomy, at, -1 if rules_index is None else rules_index)
        for state in states
    )
    asked = {use.category for use in uses}
    parameters: dict[str, Json] = {
        "at": format_instant(at),
        "categories": [str(use) for use in uses],
        "contract": contract.digest.hex(),
        "ledger": ledger,
        "members": len(members),
        "party_rule": None if party_rule is None else party_rule.word,
        "plan": "v1",
        "regions": [r or "" for r in facts.regions],
        "rules": [[rule.to_dict() for rule in plan.rules] for plan in categories],
        "rulesets": rules.digest.hex(),
        "scope": str(scope),
        "taxonomy": taxonomy.digest.hex(),
    }
    planes = _planes_digest(categories, facts.region_id)
    return GatePlan(
        scope=scope,
        at=at,
        ledger=ledger,
        contract=contract,
        members=members,
        region_id=facts.region_id,
        regions=facts.regions,
        categories=categories,
        other_categories=tuple(c for c in taxonomy.leaves("categories") if c not in asked),
        drafts_asked=taxonomy.is_draft(scope.category),
        party_rule=party_rule,
        parameters=parameters,
        planes_digest=planes,
        digest=_digest(parameters, planes),
    )


def _fold(
    state: State,
    facts: MemberFacts,
    book: RuleBook,
    taxonomy: Taxonomy,
    at: datetime,
    rules_index: int,
) -> CategoryPlan:
    rules = tuple(book.rule_for(region, state.use, at=at) for region in facts.regions)
    region = facts.region_id
    code, because = state.code.copy(), state.because.copy()
    # a yes to every purpose, where that does not count
    void = ~np.array([r.general_grants_count for r in rules], np.bool_)[region]
    code[(code == Reason.KEPT) & get_bits(state.general, state.members) & void] = (
        Reason.GRANT_TOO_GENERAL
    )
    yes = code == Reason.KEPT
    # how far back a yes reaches
    back = np.array([r.past_may_be_covered for r in rules], np.bool_)[region]
    reaches_all = yes & get_bits(state.allow, state.members) & back
    from_us = np.where(reaches_all, UNKNOWN_INSTANT, np.where(yes, state.effective_us, 0))
    ground = np.where(yes, Ground.CONSENT, Ground.NONE).astype(np.uint8)
    _other_grounds(code, from_us, ground, because, rules, region, rules_index)
    stop = _stops(rules, facts)
    earliest = np.array(
        [UNKNOWN_INSTANT if r.earliest is None else to_us(r.earliest) for r in rules], np.int64
    )
    always = (code == Reason.KEPT) & (from_us == UNKNOWN_INSTANT) & (stop == Reason.KEPT)
    return CategoryPlan(
        use=state.use,
        several=taxonomy.has_several_parties(state.use.category),
        draft=taxonomy.is_draft(state.use.category),
        yes=pack(always & (earliest[region] == UNKNOWN_INSTANT)),
        code=code,
        from_us=from_us,
        stop=stop,
        ground=ground,
        because=because,
        party_rule=np.array([r.party_rule for r in rules], np.uint8),
        earliest_us=earliest,
        rules=rules,
    )


def _other_grounds(
    code: npt.NDArray[np.uint8],
    from_us: Longs,
    ground: npt.NDArray[np.uint8],
    because: Longs,
    rules: Sequence[RegionRule],
    region: npt.NDArray[np.int32],
    rules_index: int,
) -> None:
    """Let `contract` and `not-objected` hold for whoever said no no, and reach as far as they do.

    A notice covers data collected from the notice on; a yes that reaches further back stays.
    """
    vetoes = [Reason.REFUSED, Reason.WITHDRAWN, Reason.OBJECTED]
    for row, rule in enumerate(rules):
        if rule.basis is Basis.CONTRACT:
            start, kind = UNKNOWN_INSTANT, Ground.CONTRACT
        elif rule.basis is Basis.NOT_OBJECTED and rule.ready and rule.noticed is not None:
            start, kind = to_us(rule.noticed), Ground.NOT_OBJECTED
        else:
            continue
        better = (region == row) & ~np.isin(code, vetoes)
        better &= (code != Reason.KEPT) | (from_us > start)
        code[better] = Reason.KEPT
        from_us[better] = start
        ground[better] = kind
        because[better] = rules_index


def _stops(rules: Sequence[RegionRule], facts: MemberFacts) -> npt.NDArray[np.uint8]:
    by_region = np.array(
        [
            Reason.REGION_SUSPENDED
            if r.suspended
            else Reason.REGION_FORBIDS
            if r.basis is Basis.FORBIDDEN
            else Reason.KEPT
            for r in rules
        ],
        np.uint8,
    )
    ages = np.array([0 if r.min_age is None else r.min_age for r in rules], np.int16)
    stop = by_region[facts.region_id]
    unknown = facts.age == AGE_UNKNOWN
    young = ~unknown & (facts.age < ages[facts.region_id])
    stop[young & (stop == Reason.KEPT)] = Reason.MINOR
    asked = np.array([r.unknown_age_refused for r in rules], np.bool_)[facts.region_id]
    stop[unknown & asked & (stop == Reason.KEPT)] = Reason.AGE_UNKNOWN
    return stop


def _planes_digest(categories: Sequence[CategoryPlan], region_id: npt.NDArray[np.int32]) -> Digest:
    """Hash each plane in little-endian bytes, behind its length."""
    hasher = hashlib.sha256()

    def add(plane: npt.NDArray[np.generic]) -> None:
        data = plane.astype(plane.dtype.newbyteorder("<"), copy=False)
        hasher.update(data.nbytes.to_bytes(8, "big"))
        hasher.update(np.ascontiguousarray(data).data)

    add(region_id)
    for plan in categories:
        for plane in (plan.yes, plan.code, plan.stop, plan.ground, plan.from_us, plan.because):
            add(plane)
    return Digest(hasher.digest())


def _digest(parameters: Mapping[str, Json], planes: Digest) -> Digest:
    return sha256(encode(parameters) + planes)
