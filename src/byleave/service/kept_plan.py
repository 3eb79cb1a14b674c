"""A gate's plan, kept beside its source: so that a process that knows nothing need not fold everybody.

`cache/SOURCE/GATE.plan` is the plan as a file that is mapped (`gate.plan_file`). The gate's document
in the ledger holds its SHA-256, and how far the plan had read; a file of another digest, or a ledger
that did not hold then what it holds now, and the plan is compiled in full. It holds members' ids: the
file is private (0600), and an erasure removes it. The two newest gates of a question keep theirs.
"""

from __future__ import annotations

import hashlib
import mmap
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from byleave.canonical import Json, sha256
from byleave.errors import ByleaveError, WorldError
from byleave.gate.contract import Contract
from byleave.gate.plan import GatePlan
from byleave.gate.plan_file import decode_plan, encode_plan
from byleave.policy.ruleset import PartyRule
from byleave.service.compile import Compiled, Upcoming, bring, compile_in_full
from byleave.service.house import House, StagedFiles
from byleave.service.source import Source

__all__ = ["compile_now", "forget_plans", "keep_plan", "plan_of_gate", "write_plan"]

_END: Final = ".plan"
_PLAN: Final = "kept-plan"
_MOST_HELD: Final = 2


def compile_now(
    house: House,
    source: Source | Contract,
    use: str,
    *,
    at: datetime | None = None,
    party_rule: PartyRule | None = None,
) -> Compiled:
    """Compile the ledger as it stands: from the newest plan of the same question, or in full.

    Args:
        house: The workspace's ports.
        source: Whose rows; or their contract alone.
        use: `PURPOSE/CATEGORY-OR-GROUP/RECIPIENT`.
        at: Instant of the decision; default now.
        party_rule: What-if override of the rulesets' party rule.
    """
    contract = source if isinstance(source, Contract) else source.contract
    scope = str(house.taxonomy.scope(use))
    word = None if party_rule is None else party_rule.word
    key = ("current", contract.digest.hex(), scope, word or "")
    held = house.opened.get(key) or _newest(house, contract, scope, word)
    made = None if held is None else bring(house, held, at)
    if made is None:
        made = compile_in_full(house, contract, use, at=at, party_rule=party_rule)
    if at is None:
        house.opened.pop(key, None)
        house.opened[key] = made
        for old in [name for name in house.opened if name[0] == "current"][:-_MOST_HELD]:
            del house.opened[old]
    return made


def plan_of_gate(house: House, gate: str, document: Mapping[str, Any]) -> Compiled | None:
    """Return the plan by which a gate ran, at hand or kept; None: it has to be compiled again."""
    held = house.opened.get(("plan", gate))
    if isinstance(held, Compiled) and held.plan.digest.hex() == document["plan"]:
        return held
    return _load(house, gate, document)


def write_plan(house: House, folder: StagedFiles, made: Compiled) -> str | None:
    """Write a plan into unfinished work; return its digest, which `keep_plan` asks for.

    None: there was no room, or the plan was made of nothing that can be found again. Cost: that of
    writing it, 1.5 to 14 bytes a member; a run does it before it asks for the lock.
    """
    if made.plan.ledger < 0 or not house.caching:
        return None
    try:
        with folder.create(_PLAN) as stream:
            for piece in encode_plan(made.plan):
                stream.write(piece)
    except WorldError:  # a cache is worth no failed run
        return None
    return folder.digests[_PLAN]


def keep_plan(
    house: House, source: str, gate: str, made: Compiled, written: tuple[StagedFiles, str | None]
) -> dict[str, Json] | None:
    """Put a gate's plan, which is written, beside its source; return what its document says of it.

    Args:
        house: The workspace's ports.
        source: Id of the source.
        gate: Id of the gate.
        made: The plan.
        written: In which folder, and its digest, as `write_plan` returned it.
    """
    folder, digest = written
    if digest is None:
        return None
    plan, cache = made.plan, house.artefacts.cache(source)
    try:
        house.artefacts.replace("cache", source, gate + _END, folder.path / _PLAN)
    except WorldError:
        folder.remove(_PLAN)
        return None
    for old in _older(house, source, plan):
        cache.remove(old + _END)
    return {
        "contract": plan.contract.digest.hex(),
        "facts": made.facts,
        "last": _last(house, plan),
        "sha256": digest,
        "upcoming": {
            "birthday": str(made.upcoming.birthday),
            "choice": str(made.upcoming.choice),
            "fact": str(made.upcoming.fact),
        },
    }


def forget_plans(house: House) -> None:
    """Remove every plan kept, in files and at hand."""
    for _, source, _, _ in house.ledger.objects("source"):
        if house.artefacts.has_cache(source):
            folder = house.artefacts.cache(source)
            for name in folder.names():
                if name.endswith(_END):
                    folder.remove(name)
    for key in [key for key in house.opened if key[0] in {"current", "plan"}]:
        del house.opened[key]


def _newest(house: House, contract: Contract, scope: str, rule: str | None) -> Compiled | None:
    for _, gate, _, document in reversed(house.ledger.objects("gate")):
        kept = document.get("kept_plan")
        asked = (document["scope"], document["party_rule"]) == (scope, rule)
        if asked and kept is not None and kept["contract"] == contract.digest.hex():
            found = plan_of_gate(house, gate, document)
            if found is not None:
                return found
    return None


def _older(house: House, source: str, plan: GatePlan) -> list[str]:
    """Return the gates of the same question but for the newest."""
    rule = None if plan.party_rule is None else plan.party_rule.word
    asked = (source, str(plan.scope), rule)
    return [
        gate
        for _, gate, _, d in house.ledger.objects("gate")
        if (d["source"], d["scope"], d["party_rule"]) == asked
    ][:-1]


def _load(house: House, gate: str, document: Mapping[str, Any]) -> Compiled | None:
    kept, source = document.get("kept_plan"), document["source"]
    if kept is None or not house.artefacts.has_cache(source):
        return None
    try:
        with house.artefacts.path("cache", source, gate + _END).open("rb") as stream:
            if hashlib.file_digest(stream, "sha256").hexdigest() != kept["sha256"]:
                return None
            mapped = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
        plan = decode_plan(memoryview(mapped), verify=False)
    except (OSError, ValueError, ByleaveError):
        return None
    same = plan.digest.hex() == document["plan"] and plan.ledger < house.ledger.size()
    if not same or _last(house, plan) != kept["last"]:
        return None
    upcoming = Upcoming(**{cause: int(us) for cause, us in kept["upcoming"].items()})
    return Compiled(plan=plan, facts=kept["facts"], upcoming=upcoming)


def _last(house: House, plan: GatePlan) -> str:
    """Return the digest of the last log entry that a plan has read: this ledger was meant."""
    entry = house.ledger.read(plan.ledger, plan.ledger + 1)[0]
    return sha256(house.log.origin.encode() + b"\n" + entry).hex()
