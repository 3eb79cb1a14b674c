"""Compile: fold all that depends on the member into planes over ordinals, for one use.

A plan is for one purpose, one recipient and a scope of categories; it holds one `CategoryPlan`
for each leaf category below the scope. Rulesets are folded in by the member's region: what is
left for a row is whose it is, of what category, and when it was collected.

A plan is a plain record of NumPy arrays: it pickles, so that `decide_batch` runs in any worker,
and `gate.plan_file` writes it as one file that is mapped, not read. A member costs 1 byte
(profile) + 1/4 or 1/2 (glance) + 1/8 (decision bitmap), and whose yes is a consent 4 bytes more
(the grant's ledger index, read for rows kept alone).
Its digest is SHA-256 over the canonical parameters and the digests of the planes; member ids do
not enter (the log would hold a trace of them).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from byleave.canonical import Json, encode, sha256
from byleave.consent.state import State
from byleave.errors import InputError
from byleave.gate.category import CategoryBuilder, CategoryPlan
from byleave.gate.contract import Contract
from byleave.gate.fold import AGE_UNKNOWN, MemberFacts, earliest_of, next_rule_change, voices_of
from byleave.gate.members import MemberIndex
from byleave.gate.planes import chunk_digests, digest_of_planes, listing
from byleave.gate.profile import ALWAYS
from byleave.ids import Digest, LedgerIndex, format_instant, to_us
from byleave.policy.ruleset import PartyRule, RuleBook
from byleave.policy.scope import Scope, Use
from byleave.policy.taxonomy import Taxonomy

__all__ = [
    "AGE_UNKNOWN",
    "FORMAT",
    "UNKNOWN_INSTANT",
    "CategoryPlan",
    "GatePlan",
    "MemberFacts",
    "assemble",
    "compile_parts",
    "compile_plan",
    "plan_planes",
    "uses_of",
]

FORMAT: Final = "v2"

UNKNOWN_INSTANT: Final = ALWAYS
"""µs that stand for "nobody knows"; as the start of a yes: reaches back to all data."""

Part = tuple[Sequence[State], MemberFacts]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GatePlan:
    """The rules compiled for one data set.

    Attributes:
        scope: Purpose and recipient (leaves), and the categories asked for.
        at: The instant of the decision.
        ledger: Highest ledger index read; -1: none.
        contract: Whose data a row is.
        members: Ids in the order of ordinals.
        regions: Codes of the regions that members have, None for "unknown": what the rules of the
            categories are the rules of.
        categories: One plan per leaf category below the scope, ascending by name.
        other_categories: Leaf categories of the taxonomy that the scope does not ask for.
        drafts_asked: Whether the scope names a category of drafts by itself.
        party_rule: Overrides the rulesets' party rule (a what-if); None: as the rulesets say.
        next_us: The next instant at which an answer may be another although nobody says anything
            (a choice or a rule takes effect or ends, a birthday, a move), µs. Not in the digest.
        parameters: What else decides, as the digest sees it.
        chunks: SHA-256 of each mebibyte of each plane, by the plane's name (`gate.planes`).
        planes_digest: SHA-256 over the listing of all planes.
        digest: SHA-256 over the canonical parameters and `planes_digest`.
    """

    scope: Scope
    at: datetime
    ledger: int
    contract: Contract
    members: MemberIndex
    regions: tuple[str | None, ...]
    categories: tuple[CategoryPlan, ...]
    other_categories: tuple[str, ...]
    drafts_asked: bool
    party_rule: PartyRule | None
    next_us: int
    parameters: Mapping[str, Json]
    chunks: Mapping[str, bytes]
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

    @property
    def is_timeless(self) -> bool:
        """Whether no answer depends on when a row was collected: that column need not be read."""
        return all(bool(c.profiles.timeless.all()) for c in self.categories)


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
    return compile_parts(
        scope,
        [(states, facts)],
        at=at,
        contract=contract,
        taxonomy=taxonomy,
        rules=rules,
        members=members,
        regions=facts.regions,
        ledger=ledger,
        rules_index=rules_index,
        party_rule=party_rule,
    )


def compile_parts(
    scope: Scope,
    parts: Iterable[Part],
    *,
    at: datetime,
    contract: Contract,
    taxonomy: Taxonomy,
    rules: RuleBook,
    members: MemberIndex,
    regions: tuple[str | None, ...],
    ledger: int = -1,
    rules_index: LedgerIndex | None = None,
    party_rule: PartyRule | None = None,
) -> GatePlan:
    """Fold states and rulesets into a plan, some members at a time: one part is in memory.

    Args:
        scope: As in `compile_plan`, as are the others not named here.
        parts: States (one per use, in the order of `uses_of`) and facts of the first members, of
            the next, and so on; every part but the last of a multiple of eight.
        at: The instant of the decision.
        contract: Whose data a row is.
        taxonomy: The trees in force.
        rules: The rulesets in force.
        members: Ids of all.
        regions: The regions of every part's facts.
        ledger: Highest ledger index read; -1: none.
        rules_index: Ledger index of the rulesets.
        party_rule: Overrides the rulesets' party rule.

    Raises:
        InputError: `input.malformed`, states of other uses, instants or numbers of members.
    """
    uses = uses_of(scope, taxonomy)
    index = -1 if rules_index is None else rules_index
    builders = []
    for use in uses:
        held = [rules.rule_for(region, use, at=at) for region in regions]
        builders.append(
            CategoryBuilder(
                use, members=len(members), rules=held, earliest=earliest_of(held), rules_index=index
            )
        )
    upcoming = [next_rule_change(rules, at)]
    for states, facts in parts:
        first = builders[0].filled if builders else 0
        _check_part(states, facts, uses, at, regions, first, len(members))
        upcoming += [to_us(at) if facts.next_us is None else facts.next_us]
        for state, builder in zip(states, builders, strict=True):
            upcoming.append(state.next_us)
            for voices in voices_of(state, facts, builder.rules, index):
                builder.add(voices)
    if any(builder.filled != len(members) for builder in builders):
        raise _malformed()
    categories = [
        builder.finish(
            several=taxonomy.has_several_parties(use.category),
            draft=taxonomy.is_draft(use.category),
        )
        for use, builder in zip(uses, builders, strict=True)
    ]
    return assemble(
        scope,
        at=at,
        contract=contract,
        taxonomy=taxonomy,
        rules=rules,
        categories=categories,
        members=members,
        regions=regions,
        ledger=ledger,
        party_rule=party_rule,
        next_us=min(upcoming),
    )


def _check_part(
    states: Sequence[State],
    facts: MemberFacts,
    uses: Sequence[Use],
    at: datetime,
    regions: tuple[str | None, ...],
    first: int,
    members: int,
) -> None:
    sizes = {len(facts.region_id), len(facts.age), *(s.members for s in states)}
    instants = {s.at_us for s in states}
    whole = first % 8 == 0 and len(sizes) == 1 and first + len(facts.age) <= members
    named = tuple(s.use for s in states) == tuple(uses) and facts.regions == regions
    if not whole or not named or instants != {to_us(at)}:
        raise _malformed()


def _malformed() -> InputError:
    return InputError("states do not belong to this plan", code="input.malformed")


def assemble(
    scope: Scope,
    *,
    at: datetime,
    contract: Contract,
    taxonomy: Taxonomy,
    rules: RuleBook,
    categories: Sequence[CategoryPlan],
    members: MemberIndex,
    regions: tuple[str | None, ...],
    ledger: int,
    party_rule: PartyRule | None,
    next_us: int,
    chunks: Mapping[str, bytes] | None = None,
) -> GatePlan:
    """Put categories together as a plan, with its digest.

    Args:
        scope: As in `compile_plan`, as are the others not named here.
        at: The instant of the decision.
        contract: Whose data a row is.
        taxonomy: The trees in force.
        rules: The rulesets in force.
        categories: One per use, in the order of `uses_of`.
        members: Ids in the order of ordinals.
        regions: What the rules of the categories are the rules of.
        ledger: Highest ledger index read.
        party_rule: Overrides the rulesets' party rule.
        next_us: See `GatePlan`.
        chunks: Digests of planes that are known already.
    """
    asked = {c.use.category for c in categories}
    parameters: dict[str, Json] = {
        "at": format_instant(at),
        "categories": [str(c.use) for c in categories],
        "contract": contract.digest.hex(),
        "ledger": ledger,
        "members": len(members),
        "party_rule": None if party_rule is None else party_rule.word,
        "plan": FORMAT,
        "rulesets": rules.digest.hex(),
        "scope": str(scope),
        "taxonomy": taxonomy.digest.hex(),
    }
    shared = _share(categories)
    planes = list(plan_planes(shared))
    digests = _chunks_of(planes, chunks or {})
    planes_digest = digest_of_planes(listing(planes, digests))
    return GatePlan(
        scope=scope,
        at=at,
        ledger=ledger,
        contract=contract,
        members=members,
        regions=regions,
        categories=tuple(shared),
        other_categories=tuple(c for c in taxonomy.leaves("categories") if c not in asked),
        drafts_asked=taxonomy.is_draft(scope.category),
        party_rule=party_rule,
        next_us=next_us,
        parameters=parameters,
        chunks=digests,
        planes_digest=planes_digest,
        digest=_digest(parameters, planes_digest),
    )


def plan_planes(
    categories: Sequence[CategoryPlan],
) -> Iterator[tuple[str, npt.NDArray[Any]]]:
    """Yield all planes of some categories, named `POSITION/PLANE`."""
    for position, category in enumerate(categories):
        for name, plane in category.planes():
            yield f"{position}/{name}", plane


def _chunks_of(
    planes: Sequence[tuple[str, npt.NDArray[Any]]], known: Mapping[str, bytes]
) -> dict[str, bytes]:
    """Hash each plane once; categories alike share theirs."""
    done: dict[int, bytes] = {}
    digests: dict[str, bytes] = {}
    for name, plane in planes:
        if id(plane) not in done:
            done[id(plane)] = known[name] if name in known else chunk_digests(plane)
        digests[name] = done[id(plane)]
    return digests


def _share(categories: Sequence[CategoryPlan]) -> list[CategoryPlan]:
    """Let categories in which everyone says the same share their planes."""
    shared: list[CategoryPlan] = []
    for category in categories:
        twin = next((c for c in shared if _alike(c, category)), None)
        shared.append(
            category
            if twin is None
            else replace(
                twin,
                use=category.use,
                several=category.several,
                draft=category.draft,
                rules=category.rules,
            )
        )
    return shared


def _alike(one: CategoryPlan, other: CategoryPlan) -> bool:
    """Say whether all planes are equal; the small ones are compared first."""
    pairs = zip(one.planes(), other.planes(), strict=True)
    return all(a is b or (a.dtype == b.dtype and np.array_equal(a, b)) for (_, a), (_, b) in pairs)


def _digest(parameters: Mapping[str, Json], planes: Digest) -> Digest:
    return sha256(encode(parameters) + planes)
