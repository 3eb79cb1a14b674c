"""Releases that a withdrawal has not reached in time: tainted, and not to be loaded.

A no (a refusal, withdrawal or objection) is unserved while a current release still holds a row of
that member which the gate no longer admits, and the gate of its snapshot had not heard it: it may
have come while that gate ran, or while the release was computed. It is due a month after it was recorded (GDPR 12(3):
without undue delay and within one month). From then on the release is tainted: loading it is
refused unless forced, and forcing it is logged (EDPB Opinion 28/2024, par. 133: what was trained
unlawfully may taint what is deployed).

Cost: nothing more than reading the ledger's events while no no is past its date; else what
`affected_releases` costs, one gate for each use.
"""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from byleave.consent.batch import EventBatch
from byleave.consent.event import EventKind
from byleave.errors import InputError, RefusedError
from byleave.evidence.entry import ForcedLoadEntry
from byleave.ids import format_instant, from_us, to_us
from byleave.service.clock import ledger_now
from byleave.service.house import House
from byleave.service.model import Release, load_release
from byleave.service.snapshot import heard_by, openings_of
from byleave.service.withdrawal import Affected, affected_release, affected_releases

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
    current = {
        name: heard_by(house, document["snapshot"])
        for _, name, _, document in house.ledger.objects("release")
        if document["superseded_by"] is None
    }
    noes = _late_noes(house, min(current.values(), default=house.ledger.size()))
    if noes is None:
        return ()
    taints = (_taint(house, a, current[a.name], noes) for a in affected_releases(house))
    return tuple(taint for taint in taints if taint is not None)


def load_untainted(
    house: House, name: str, *, force: bool = False, kept: Container[str] = ()
) -> Release:
    """Return a release after recomputing its digest; a tainted one only if forced, and logged.

    A release that was replaced is held to the same: what replaced it is what a no was served by.

    Args:
        house: The workspace's ports.
        name: The release.
        force: Load it all the same, and say so in the log.
        kept: As for `load_release`.

    Raises:
        InputError: `workspace.unknown-object`.
        EvidenceError: As `load_release`.
        RefusedError: `release.tainted`.
    """
    release = load_release(house, name, kept=kept)
    heard = heard_by(house, release.document["snapshot"])
    noes = _late_noes(house, heard)
    affected = None if noes is None else affected_release(house, name)
    if noes is None or affected is None:
        return release
    taint = _taint(house, affected, heard, noes)
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


def _late_noes(house: House, after: int) -> EventBatch | None:
    """Return the ledger's events after an index where one is a no past its date; else None."""
    events = house.ledger.events_columns(after=after)
    return events if _is_late(house, events).any() else None


def _is_late(house: House, events: EventBatch) -> npt.NDArray[np.bool_]:
    due = events.recorded_us + UNLEARN_DAYS * _DAY_US
    late: npt.NDArray[np.bool_] = np.isin(events.kind, _NOES) & (due < to_us(ledger_now(house)))
    return late


def _taint(house: House, affected: Affected, heard: int, events: EventBatch) -> Taint | None:
    """Return the taint of a release that holds rows no longer admitted, where a no is past its date."""
    theirs = _is_late(house, events) & (events.index > heard)
    theirs &= np.isin(events.ordinal, _parties(house, affected))
    if not theirs.any():
        return None
    since = int(events.recorded_us[theirs].min())
    return Taint(
        release=affected.name,
        since=from_us(since),
        due=from_us(since + UNLEARN_DAYS * _DAY_US),
        rows=affected.rows,
        members=affected.members,
    )


def _parties(house: House, affected: Affected) -> Any:  # noqa: ANN401 (int64 array)
    """Return the ordinals of the parties of the rows no longer admitted."""
    openings = openings_of(house, affected.snapshot)
    rows = openings.filter(pc.is_in(openings["row"], value_set=pa.array(affected.positions)))
    return np.unique(rows["ordinal"].to_numpy())
