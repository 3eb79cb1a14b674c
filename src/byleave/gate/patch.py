"""Compile again after a few members spoke: only their ordinals are touched.

The plan that comes out is the one that `compile_plan` makes of everybody, bit for bit and digest
for digest (property tests). 100 million members and one withdrawal: copying the planes and
hashing the mebibytes that changed, no more.

No answer is ever given from a window: `is_current` says whether a plan still holds at an instant
and a ledger position; where it does not, the caller names whom the ledger's tail or the passing of
time has touched, or compiles anew where a rule changed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import numpy as np
import numpy.typing as npt

from byleave.consent.reason import Ground
from byleave.consent.state import State
from byleave.errors import InputError
from byleave.gate.category import CategoryPlan, number_type, pack_yes, renumber, settle
from byleave.gate.fold import MemberFacts, earliest_of, next_rule_change, voices_of
from byleave.gate.glance import Glance, choose, pack_codes
from byleave.gate.members import MemberIndex
from byleave.gate.plan import GatePlan, assemble, uses_of
from byleave.gate.planes import CHUNK, chunk_digests
from byleave.gate.profile import ALWAYS, Numbering, Profile, gap_sets
from byleave.gate.sparse import Sparse
from byleave.ids import LedgerIndex, to_us
from byleave.policy.ruleset import RegionRule, RuleBook
from byleave.policy.taxonomy import Taxonomy

__all__ = ["is_current", "patch_plan"]

Longs = npt.NDArray[np.int64]


def is_current(plan: GatePlan, *, at: datetime, ledger: int, rules: RuleBook) -> bool:
    """Say whether `plan` answers at `at` and a ledger position as it did at its own.

    Args:
        plan: A plan of the same scope, contract and party rule.
        at: The instant of the decision.
        ledger: Highest ledger index.
        rules: The rulesets in force.
    """
    same = plan.ledger == ledger and plan.parameters["rulesets"] == rules.digest.hex()
    return same and to_us(plan.at) <= to_us(at) < plan.next_us


def patch_plan(
    plan: GatePlan,
    *,
    at: datetime,
    ledger: int,
    taxonomy: Taxonomy,
    rules: RuleBook,
    rules_index: LedgerIndex | None,
    members: MemberIndex,
    ordinals: Longs,
    states: Sequence[State],
    facts: MemberFacts,
    next_us: int,
) -> GatePlan | None:
    """Return the plan that compiling for everybody would give, having read a few members alone.

    Args:
        plan: The plan to go on from.
        at: The instant of the decision, not before the plan's.
        ledger: Highest ledger index, not below the plan's.
        taxonomy: The trees in force, those of the plan.
        rules: The rulesets in force.
        rules_index: Ledger index of the rulesets.
        members: Ids of all; those of the plan, and new ones behind them.
        ordinals: Members with an event above the plan's ledger index, or of whom a choice, a
            region or an age took effect or ended since the plan's instant, and all new ones;
            strictly ascending. Members beyond those do no harm.
        states: One per use, over these members alone in this order (`build` on their events).
        facts: Theirs; `facts.regions` names the regions of all members.
        next_us: See `GatePlan`; of all members. The rules' own instants are added here.

    Returns:
        The plan; None where a rule says something else than it did in the plan, so that members
        who did not speak are touched as well: compile anew.

    Raises:
        InputError: `input.malformed`, states that do not belong to the plan or to one another, or
            a new member who is not among `ordinals`.
    """
    uses = uses_of(plan.scope, taxonomy)
    _check(plan, at, ledger, members, ordinals, states, facts)
    if tuple(s.use for s in states) != uses or taxonomy.digest.hex() != plan.parameters["taxonomy"]:
        raise _malformed()
    held = [[rules.rule_for(r, use, at=at) for r in facts.regions] for use in uses]
    if not all(_rules_stand(plan, c, facts, h) for c, h in zip(plan.categories, held, strict=True)):
        return None
    index = -1 if rules_index is None else int(rules_index)
    categories: list[CategoryPlan] = []
    chunks: dict[str, bytes] = {}
    for position, (old, state, rule) in enumerate(zip(plan.categories, states, held, strict=True)):
        if _moved(old, index):
            return None
        twin = _twin(plan, position, states, held, categories)
        if twin is not None:
            made, source = categories[twin], f"{twin}/"
            new = replace(made, use=old.use, several=old.several, draft=old.draft)
            digests = {n.removeprefix(source): d for n, d in chunks.items() if n.startswith(source)}
        else:
            new, touched = _patch(old, state, facts, rule, index, ordinals, len(members))
            digests = _digests(plan.chunks, f"{position}/", old, new, touched)
        categories.append(new)
        chunks.update({f"{position}/{name}": found for name, found in digests.items()})
    return assemble(
        plan.scope,
        at=at,
        contract=plan.contract,
        taxonomy=taxonomy,
        rules=rules,
        categories=categories,
        members=members,
        regions=facts.regions,
        ledger=ledger,
        party_rule=plan.party_rule,
        next_us=min(next_us, next_rule_change(rules, at)),
        chunks=chunks,
    )


def _check(
    plan: GatePlan,
    at: datetime,
    ledger: int,
    members: MemberIndex,
    ordinals: Longs,
    states: Sequence[State],
    facts: MemberFacts,
) -> None:
    new = np.arange(len(plan.members), len(members))
    sizes = {len(ordinals), len(facts.region_id), len(facts.age), *(s.members for s in states)}
    ordered = bool((np.diff(ordinals) > 0).all())
    inside = not len(ordinals) or (ordinals[0] >= 0 and ordinals[-1] < len(members))
    grown = len(members) >= len(plan.members) and bool(np.isin(new, ordinals).all())
    later = at >= plan.at and ledger >= plan.ledger
    told = {s.at_us for s in states} <= {to_us(at)}
    if len(sizes) != 1 or not (ordered and inside and grown and later and told):
        raise _malformed()


def _malformed() -> InputError:
    return InputError("states do not belong to this plan", code="input.malformed")


def _rules_stand(
    plan: GatePlan, category: CategoryPlan, facts: MemberFacts, held: Sequence[RegionRule]
) -> bool:
    """Say whether every region of the plan has the rule it had, and profiles the same numbers."""
    if gap_sets(held) != category.gaps:
        return False
    now = dict(zip(facts.regions, held, strict=True))
    return all(
        region not in now or now[region] == rule
        for region, rule in zip(plan.regions, category.rules, strict=True)
    )


def _moved(category: CategoryPlan, rules_index: int) -> bool:
    """Say whether grounds that rest on the rulesets rest on another entry than they did."""
    table = category.profiles
    given = (table.ground != Ground.NONE) & (table.ground != Ground.CONSENT)
    return bool((table.because[given] != rules_index).any())


def _twin(
    plan: GatePlan,
    position: int,
    states: Sequence[State],
    held: Sequence[Sequence[RegionRule]],
    done: Sequence[CategoryPlan],
) -> int | None:
    """Return an earlier category that shared its planes, and whose members say the same now."""
    mine, now = plan.categories[position], states[position]
    for other in range(len(done)):
        then = states[other]
        alike = (
            plan.categories[other].profile is mine.profile
            and list(held[other]) == list(held[position])
            and np.array_equal(then.code, now.code)
            and np.array_equal(then.because, now.because)
            and np.array_equal(then.effective_us, now.effective_us)
            and np.array_equal(then.allow, now.allow)
            and np.array_equal(then.general, now.general)
        )
        if alike:
            return other
    return None


def _patch(
    old: CategoryPlan,
    state: State,
    facts: MemberFacts,
    rules: Sequence[RegionRule],
    rules_index: int,
    ordinals: Longs,
    members: int,
) -> tuple[CategoryPlan, Longs | None]:
    """Return the category anew, and the ordinals whose bytes changed; None: any may have."""
    numbering = Numbering(rules, earliest_of(rules), rules_index)
    voices = list(voices_of(state, facts, rules, rules_index))
    fresh = (
        np.concatenate([numbering.number(v) for v in voices]) if voices else np.zeros(0, np.uint32)
    )
    rows = old.profiles.rows()
    met: dict[Profile, int] = dict(zip(rows, old.counts.tolist(), strict=True))
    spoke = ordinals[ordinals < len(old.profile)]
    before = np.bincount(old.profile[spoke], minlength=len(rows)).tolist()
    for row, gone in zip(rows, before, strict=True):
        met[row] -= gone
    places = {row: at for at, row in enumerate(rows)}
    number = []
    for row, count in numbering.counts.items():
        number.append(places.setdefault(row, len(places)))
        met[row] = met.get(row, 0) + count
    profiles, counts, order = settle(met)
    fresh = np.array(number, np.int64)[fresh] if len(fresh) else fresh.astype(np.int64)
    wide = number_type(len(met))
    grown = np.zeros(members, np.promote_types(wide, old.profile.dtype))
    grown[: len(old.profile)] = old.profile
    grown[ordinals] = fresh
    profile = renumber(grown, order, len(profiles))
    same = profile is grown and len(profiles) == len(rows) and profile.dtype == old.profile.dtype
    own, start = _sparse(old, voices, ordinals, members)
    glance = _glance(old, profile, counts, ordinals, same=same) if same else None
    new = replace(
        old,
        profile=profile,
        profiles=profiles,
        counts=counts,
        yes=_yes(old, profile, ordinals) if same else pack_yes(profile, profiles),
        glance=Glance.of(profile, profiles, counts) if glance is None else glance,
        own=own,
        start=start,
        rules=tuple(rules),
    )
    return new, ordinals if glance is not None else None


def _yes(old: CategoryPlan, profile: npt.NDArray[Any], ordinals: Longs) -> npt.NDArray[np.uint8]:
    """Return the decision bitmap with the bytes of some members made anew."""
    yes = np.zeros(-(-len(profile) // 8), np.uint8)
    yes[: len(old.yes)] = old.yes
    return _remade(yes, profile, ordinals, 8, lambda some: pack_yes(some, old.profiles))


def _glance(
    old: CategoryPlan,
    profile: npt.NDArray[Any],
    counts: Longs,
    ordinals: Longs,
    *,
    same: bool,
) -> Glance | None:
    """Return the glance with the bytes of some members made anew; None: it tells of others."""
    width, chosen = choose(old.profiles, counts)
    if not same or (width, chosen) != (old.glance.width, old.glance.profiles):
        return None
    each = 8 // width
    codes = np.zeros(-(-len(profile) // each), np.uint8)
    codes[: len(old.glance.codes)] = old.glance.codes
    made = _remade(codes, profile, ordinals, each, lambda p: pack_codes(p, chosen, width, counts))
    return Glance(width=width, profiles=chosen, codes=made)


def _remade(
    packed: npt.NDArray[np.uint8],
    profile: npt.NDArray[Any],
    ordinals: Longs,
    each: int,
    pack: Any,  # noqa: ANN401
) -> npt.NDArray[np.uint8]:
    """Pack again the bytes that hold some ordinals, `each` to a byte; in place."""
    places = np.unique(ordinals // each)
    around = (places[:, None] * each + np.arange(each)).reshape(-1)
    beyond = around >= len(profile)
    some = profile[np.minimum(around, len(profile) - 1)] if len(around) else profile[:0]
    bytes_ = pack(some)
    if beyond.any():  # only the last byte: what lies beyond the last member is zero
        bytes_[-1] = pack(profile[places[-1] * each :])[0]
    packed[places] = bytes_
    return packed


def _sparse(
    old: CategoryPlan, voices: Sequence[Any], ordinals: Longs, members: int
) -> tuple[Sparse, Sparse]:
    if not voices:
        return old.own, old.start
    ground = np.concatenate([v.ground for v in voices])
    because = np.concatenate([v.because for v in voices])
    from_us = np.concatenate([v.from_us for v in voices])
    consent = ground == Ground.CONSENT
    timed = consent & (from_us != ALWAYS)
    return (
        old.own.changed(ordinals, consent, because[consent], members),
        old.start.changed(ordinals, timed, from_us[timed], members),
    )


def _digests(
    known: Mapping[str, bytes],
    prefix: str,
    old: CategoryPlan,
    new: CategoryPlan,
    touched: Longs | None,
) -> dict[str, bytes]:
    """Hash the mebibytes that changed; a plane that kept its length and most of its bytes."""
    found: dict[str, bytes] = {}
    each = {"profile": 1 / new.profile.itemsize, "yes": 8, "own.bits": 8, "start.bits": 8}
    each["glance"] = 8 // new.glance.width
    before = dict(old.planes())
    for name, plane in new.planes():
        was = known[prefix + name]
        if touched is None or name not in each or len(before[name]) != len(plane):
            if plane is before[name]:
                found[name] = was
            elif name in {"own", "start"} and plane.dtype == before[name].dtype:
                found[name] = chunk_digests(plane, was=was, clean=_alike(before[name], plane))
            continue
        pieces = bytearray(was)
        for at in np.unique((touched / each[name]).astype(np.int64) // CHUNK).tolist():
            part = plane.view(np.uint8)[at * CHUNK : (at + 1) * CHUNK]
            pieces[at * 32 : (at + 1) * 32] = chunk_digests(part)
        found[name] = bytes(pieces)
    return found


def _alike(one: npt.NDArray[Any], other: npt.NDArray[Any]) -> int:
    """Return how many bytes from the start are the same, in whole mebibytes."""
    each = CHUNK // one.itemsize
    for at in range(0, min(len(one), len(other)), each):
        if not np.array_equal(one[at : at + each], other[at : at + each]):
            return at * one.itemsize
    return min(len(one), len(other)) // each * CHUNK
