"""From which member's own no a batch of withdrawals runs: the clock of the public report.

A batch begins when the operator carries it out; what a member waits for began when they said no.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from byleave.consent.event import EventKind
from byleave.evidence.cessation import overlap
from byleave.ids import format_instant, from_us, parse_instant, to_us
from byleave.service.house import House
from byleave.service.snapshot import heard_by, openings_of, snapshot_document
from byleave.service.withdrawal import Affected

__all__ = ["first_no"]

_NO: Final = (EventKind.REFUSAL, EventKind.WITHDRAWAL, EventKind.OBJECTION)


def first_no(house: House, reached: Sequence[Affected]) -> dict[str, Any] | None:
    """Return the earliest no that a batch which is about to begin answers: `at` and `index`.

    Only a no counts of a member who is a party of a row that goes, about the use the row is there
    for, that came or took effect since the batch before, or that the gate of the row's snapshot had
    not heard: it came while the snapshot was made, and the batch before could not reach it. None:
    rows go for another reason alone (a yes that ended, a changed rule or region).

    Cost: the openings of each snapshot that is reached, and the events of its members.

    Args:
        house: The workspace's ports.
        reached: Releases, packages and runs of the batch.
    """
    ledger, at_us = _before(house)
    size, first = house.ledger.size(), None
    for snapshot in dict.fromkeys(item.snapshot for item in reached):
        gone = np.concatenate([item.positions for item in reached if item.snapshot == snapshot])
        openings = openings_of(house, snapshot)
        hit = openings.filter(pc.is_in(openings["row"], value_set=pa.array(np.unique(gone))))
        members = pc.unique(hit["ordinal"]).to_pylist()
        events = house.ledger.events_columns(before=size, ordinals=members)
        use = str(snapshot_document(house, snapshot)[1]["use"])
        about = np.array([overlap(use, scope) for scope in events.scopes], np.bool_)
        since = np.maximum(events.recorded_us, events.effective_us)
        unheard = events.index > min(ledger, heard_by(house, snapshot))
        counts = np.isin(events.kind, _NO) & (unheard | (since > at_us))
        if len(about):
            counts &= about[events.scope]
        for place in np.flatnonzero(counts):
            word = int(since[place]), int(events.index[place])
            first = word if first is None else min(first, word)
    return None if first is None else {"at": format_instant(from_us(first[0])), "index": first[1]}


def _before(house: House) -> tuple[int, int]:
    """Return the ledger's end as the batch before this one began, and when that was."""
    batches = house.ledger.objects("withdrawal")
    if not batches:
        return -1, -1
    logged = batches[-1][3]["logged"]
    return int(logged["ledger"]), to_us(parse_instant(logged["at"]))
