"""Derive what stands from the ledger again, and hold it to what was logged (G5, G9).

(1) Every event, written out and committed to again, gives the log entry of its index.
(2) Indexes ascend, and `recorded` never decreases.
(3) For each leaf use that a notice covers or an event reaches, the state built at once and the
    state advanced along the ledger in steps are equal; its digest is what two replays compare.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import numpy as np

from byleave.canonical import Json, digest_of
from byleave.consent.state import State, advance, build
from byleave.errors import EvidenceError
from byleave.evidence.enrolment import event_commitment
from byleave.evidence.entry import ConsentEventEntry, parse_entry
from byleave.ids import Digest, format_instant, from_us
from byleave.service.clock import ledger_now
from byleave.service.columns import event_columns
from byleave.service.consent import event_document, position_of
from byleave.service.house import House
from byleave.service.notice import coverages
from byleave.service.rules import accepted_grade, rules_as_of

__all__ = ["Replay", "replay", "state_digest"]

_STEPS: Final = 4
_READ: Final = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """What a replay found.

    Attributes:
        at: The instant decided at.
        position: The ledger position read up to.
        members: How many members there were.
        events: Events whose commitment is the logged one.
        states: Digest of the state of each leaf use.
        digest: Digest over all of them: two replays at one instant and position are equal, or
            something was changed.
    """

    at: datetime
    position: int
    members: int
    events: int
    states: dict[str, str]
    digest: Digest

    def to_dict(self) -> dict[str, Json]:
        """Return it for `--json`."""
        return {
            "at": format_instant(self.at),
            "position": self.position,
            "members": self.members,
            "events": self.events,
            "states": self.states,
            "digest": self.digest.hex(),
        }


def replay(house: House, *, at: datetime | None = None, known_at: datetime | None = None) -> Replay:
    """Derive everything again, at an instant, as known at another.

    Raises:
        EvidenceError: `consent.replay-differs`, with what differs.
    """
    position = position_of(house, known_at=known_at)
    instant = at or known_at or ledger_now(house)
    names = {row[0]: row[1] for row in house.ledger.members() if row[3] < position}
    events = _check_events(house, names, position)
    columns = event_columns(house, before=position)
    notices = coverages(house, before=position)
    accepted = accepted_grade(rules_as_of(house, position), instant)
    uses = {use for coverage in notices.values() for use in coverage.uses}
    uses |= {use for scope in columns.scopes for use in house.taxonomy.expand(scope)}
    states: dict[str, str] = {}
    for done, use in enumerate(sorted(uses)):
        whole = build(
            columns, use, at=instant, members=len(names), notices=notices, accepted=accepted
        )
        grown: State | None = None
        for step in range(1, _STEPS + 1):
            upto = columns.take(columns.index < position * step // _STEPS)
            if grown is None:
                grown = build(
                    upto, use, at=instant, members=len(names), notices=notices, accepted=accepted
                )
            else:
                grown = advance(grown, upto, at=instant, members=len(names), notices=notices)
        digest = state_digest(whole)
        if grown is None or state_digest(grown) != digest:
            raise EvidenceError(
                "built at once and advanced in steps, the state differs",
                code="consent.replay-differs",
                where=str(use),
            )
        states[str(use)] = digest.hex()
        house.progress("states derived again", done + 1, len(uses))
    document: dict[str, Json] = {
        "at": format_instant(instant),
        "members": len(names),
        "position": position,
        "states": states,
    }
    return Replay(
        at=instant,
        position=position,
        members=len(names),
        events=events,
        states=states,
        digest=digest_of(document),
    )


def state_digest(state: State) -> Digest:
    """Return SHA-256 over a state's planes, each behind its length, in little-endian bytes."""
    hasher = hashlib.sha256(str(state.use).encode())
    for plane in (
        state.allow, state.since, state.veto, state.general, state.code, state.because,
        state.effective_us,
    ):  # fmt: skip
        data = np.ascontiguousarray(plane.astype(plane.dtype.newbyteorder("<"), copy=False))
        hasher.update(data.nbytes.to_bytes(8, "big"))
        hasher.update(data.tobytes())
    return Digest(hasher.digest())


def _check_events(house: House, names: dict[int, str], position: int) -> int:
    """Return how many events give their log entries; the one Python step each is the hash's."""
    last_index, last_recorded, count = -1, None, 0
    for start in range(0, position, _READ):
        end = min(start + _READ, position)
        rows = house.ledger.events(after=start - 1, before=end)
        entries = house.ledger.read(start, end) if rows else []
        for row in rows:
            index, recorded = row[0], row[5]
            entry = parse_entry(entries[index - start], ConsentEventEntry)
            made = event_commitment(row[11], event_document(names[row[1]], row))
            in_order = index > last_index and (last_recorded is None or recorded >= last_recorded)
            if not in_order or not hmac.compare_digest(made, entry.commitment):
                raise EvidenceError(
                    "an event is not what was logged, or stands out of order",
                    code="consent.replay-differs",
                    where=f"log entry {index}, recorded {format_instant(from_us(recorded))}",
                )
            last_index, last_recorded, count = index, recorded, count + 1
    return count
