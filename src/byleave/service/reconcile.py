"""Hold what was published against what the ledgers recorded; write nothing."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from byleave.errors import ErasedError
from byleave.ids import from_us, parse_instant, to_us
from byleave.policy.scope import Use
from byleave.service.answer import uses_of_gate
from byleave.service.house import House
from byleave.service.notice import published_notices
from byleave.service.policy_text import areas, versions_of
from byleave.service.release_files import standing_on
from byleave.service.snapshot import open_snapshot, openings_of
from byleave.service.source import open_source
from byleave.service.summary import Facts, categories_of
from byleave.summary.reconcile import Disagreement, Happened, disagreements

__all__ = ["reconcile"]

_NO_NOTICE = "no notice"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Held:
    """What a snapshot says of the use it was sealed for."""

    leaves: tuple[Use, ...]
    regions: frozenset[str | None] = frozenset()
    consents: dict[str, int] = field(default_factory=dict)


def reconcile(house: House) -> tuple[Disagreement, ...]:
    """Return every recorded use that no text declared in time, or that no notice asked for.

    Every gate that kept a row, every release and every package. A gate that nothing was sealed
    from is judged by the categories its source can hold, for members of any region.

    Cost: for each snapshot, its openings and its category column.

    Raises:
        EvidenceError: `snapshot.digest`.
    """
    entries = {name: index for index, name, _, _ in house.ledger.objects("notice")}
    notices = {
        name: (entries[name], notice.uses)
        for name, notice in published_notices(house.ledger).items()
    }
    return disagreements(
        _happened(house), texts=versions_of(house), notices=notices, areas=areas(house)
    )


def _happened(house: House) -> list[Happened]:
    ledger = house.ledger
    gates = {index: (name, document) for index, name, _, document in ledger.objects("gate")}
    sealed = {name: document for _, name, _, document in ledger.objects("snapshot")}
    held = {name: _held(house, name, document, gates) for name, document in sealed.items()}
    of_gate = {document["gate"]: held[name] for name, document in sealed.items()}
    found = [
        _one(
            ("gate", name, index),
            to_us(parse_instant(document["at"])),
            document["use"],
            of_gate.get(index) or _Held(leaves=tuple(uses_of_gate(house, document))),
        )
        for index, (name, document) in gates.items()
        if document["kept"]
    ]
    for kind in ("release", "disclosure"):
        found += [
            _one(
                (kind, name, index),
                at,
                sealed[document["snapshot"]]["use"],
                held[document["snapshot"]],
            )
            for index, name, at, document in ledger.objects(kind)
        ]
    return found


def _one(what: tuple[str, str, int], at_us: int, use: str, held: _Held) -> Happened:
    kind, name, index = what
    return Happened(
        kind=kind,
        name=name,
        index=index,
        at=from_us(at_us),
        use=use,
        leaves=held.leaves,
        regions=held.regions,
        consents=held.consents if kind == "gate" else {},  # told once, where it happened
    )


def _held(house: House, name: str, document: Facts, gates: dict[int, tuple[str, Facts]]) -> _Held:
    gate = gates[document["gate"]][1]
    uses = uses_of_gate(house, gate)
    try:
        opened = open_snapshot(house, name)
        ordinals = np.unique(openings_of(house, name)["ordinal"].to_numpy())
    except ErasedError:  # the rows are gone: what its source could hold, for anybody
        return _Held(leaves=tuple(uses))
    kinds = categories_of(opened, open_source(house, document["source"]))
    at_us = to_us(parse_instant(gate["at"]))
    found = house.ledger.regions_columns(at_us, ordinals=ordinals)
    known = sum(len(who) for who in found.values())
    regions: set[str | None] = {region for region, who in found.items() if len(who)}
    if known < len(ordinals):
        regions.add(None)
    return _Held(
        leaves=tuple(use for use in uses if use.category in kinds),
        regions=frozenset(regions),
        consents={
            "" if notice == _NO_NOTICE else notice: count
            for notice, count in standing_on(house, name).items()
        },
    )
