"""Releases that a withdrawal has not reached in time: tainted, and not to be loaded.

A no (a refusal, withdrawal or objection) is unserved while a current release still holds a row of
that member which the gate no longer admits. It is due a month after it was recorded (GDPR 12(3):
without undue delay and within one month). From then on the release is tainted: loading it is
refused unless forced, and forcing it is logged (EDPB Opinion 28/2024, par. 133: what was trained
unlawfully may taint what is deployed).

Cost: nothing more than reading the ledger's events while no no is past its date; else what
`affected_releases` costs, one gate for each use.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from byleave.consent.event import EventKind
from byleave.errors import InputError, RefusedError
from byleave.evidence.entry import ForcedLoadEntry
from byleave.ids import format_instant, from_us, to_us
from byleave.service.clock import ledger_now
from byleave.service.house import House
from byleave.service.model import Release, load_release
from byleave.service.snapshot import openings_of
from byleave.service.withdrawal import Affected, affected_releases

__all__ = ["UNLEARN_DAYS", "Taint", "load_untainted", "tainted"]

UNLEARN_DAYS: Final = 30
_DAY_US: Final = 86_400_000_000
_NOES: Final = [EventKind.REFUSAL, EventKind.WITHDRAWAL, EventKind.OBJECTION]


@dataclass(frozen=True, slots=True, kw_only=True)
class Taint:
    """A current release with a no past its date.

    Attributes:
        release: Its id.
        since: When the oldest unserved no was recorded.
        due: By when it had to be unlearned.
        rows: Rows it holds that the gate no longer admits.
        members: Members who are a party of one.
    """

    release: str
    since: datetime
    due: datetime
    rows: int
    members: int


def tainted(house: House) -> tuple[Taint, ...]:
    """Return the current releases whose unserved no is past its date, in the order of the log."""
    now_us = to_us(ledger_now(house))
    events = house.ledger.events_columns()
    noes = np.isin(events.kind, _NOES)
    late = noes & (events.recorded_us + UNLEARN_DAYS * _DAY_US < now_us)
    current = {
        name: index
        for index, name, _, document in house.ledger.objects("release")
        if document["superseded_by"] is None
    }
    oldest = min(current.values(), default=None)
    if oldest is None or not (late & (events.index > oldest)).any():
        return ()
    found = []
    for affected in affected_releases(house):
        theirs = late & (events.index > current[affected.name])
        theirs &= np.isin(events.ordinal, _parties(house, affected))
        if theirs.any():
            since = int(events.recorded_us[theirs].min())
            found.append(
                Taint(
                    release=affected.name,
                    since=from_us(since),
                    due=from_us(since + UNLEARN_DAYS * _DAY_US),
                    rows=affected.rows,
                    members=affected.members,
                )
            )
    return tuple(found)


def load_untainted(house: House, name: str, *, force: bool = False) -> Release:
    """Return a release after recomputing its digest; a tainted one only if forced, and logged.

    Args:
        house: The workspace's ports.
        name: The release.
        force: Load it all the same, and say so in the log.

    Raises:
        InputError: `workspace.unknown-object`.
        EvidenceError: As `load_release`.
        RefusedError: `release.tainted`.
    """
    release = load_release(house, name)
    taint = next((t for t in tainted(house) if t.release == name), None)
    if taint is None:
        return release
    if not force:
        raise RefusedError(
            f"{taint.rows:,} rows in {name} had to be unlearned by {format_instant(taint.due)}",
            code="release.tainted",
            hint="byleave withdrawal run",
        )
    if house.read_only:
        raise InputError(
            "loading a tainted release is logged, and the workspace was opened read-only",
            code="release.tainted-read-only",
            hint="open it for writing",
        )
    document: dict[str, Any] = {"release": name, "due": format_instant(taint.due)}
    with house.ledger.writing() as writer:
        index = writer.log(ForcedLoadEntry(release=release.index).encode())
        writer.add_object(
            "forced-load",
            f"forced-load-{index}",
            index=index,
            at_us=to_us(house.now()),
            document=document,
        )
    return release


def _parties(house: House, affected: Affected) -> Any:  # noqa: ANN401 (int64 array)
    """Return the ordinals of the parties of the rows no longer admitted."""
    openings = openings_of(house, affected.snapshot)
    rows = openings.filter(pc.is_in(openings["row"], value_set=pa.array(affected.positions)))
    return np.unique(rows["ordinal"].to_numpy())
