"""Global Privacy Control of a member who is signed in: a no, once, and a later yes stands.

A browser sends its signal with every request, so the ledger is asked first and written to rarely:

* The first signal is recorded as a refusal, later than every yes there is, and decides: "shall
  process the opt-out preference signal" also where a setting of the member's says otherwise.
* A yes that the member gives after it stands, though the browser goes on sending: the settings page
  shows what the signal did, and where "the consumer consents … the business may ignore the
  opt-out preference signal for as long as the consumer is known to the business".
* A yes that was given before the signal and came into the ledger later, by an import, is none.

Source: California Code of Regulations, title 11, § 7025(c)(1) and (c)(3). A signal that a file or a
program hands over (`service/signal.py`) is another case: it is recorded after each yes anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from byleave.consent.event import ConsentEvent, EventKind
from byleave.consent.signal.adapters import SignalRefusal, parse
from byleave.ids import format_instant
from byleave.service.consent import NewEvent, member_history, record
from byleave.service.house import House
from byleave.service.signal import meet

__all__ = ["CHANNEL", "is_due", "record_browser_signal", "signal_facts"]

CHANNEL: Final = "signal:gpc"
_PAYLOAD: Final = b"Sec-GPC: 1\r\n"
"""All that is handed over of the request: its digest is the same for everybody."""


def is_due(house: House, member: str) -> bool:
    """Say whether a signal of this member's browser has still to be recorded; reads alone.

    Raises:
        InputError: `member.unknown`.
    """
    return bool(_due(house, member))


def record_browser_signal(house: House, member: str) -> list[int]:
    """Record what the signal refuses and no event says yet; return the ledger indexes.

    Args:
        house: The workspace's ports.
        member: Who is signed in with a browser that sends `Sec-GPC: 1`.

    Raises:
        InputError: `member.unknown`.
    """
    due = _due(house, member)
    if not due:
        return []
    return record(
        house,
        [
            NewEvent(
                member=member,
                kind=EventKind.REFUSAL,
                scope=refusal.scope,
                channel=refusal.channel,
                evidence=refusal.evidence(),
            )
            for refusal in due
        ],
    )


def signal_facts(history: Sequence[ConsentEvent]) -> dict[str, Any] | None:
    """Return when a browser's signal was recorded last, and whether a yes was given since; or None.

    Args:
        history: One member's events, oldest first.
    """
    last = next((event for event in reversed(history) if event.channel == CHANNEL), None)
    if last is None:
        return None
    return {
        "index": last.index,
        "since": format_instant(last.recorded),
        "yes_since": any(_is_later_yes(event, last) for event in history),
    }


def _due(house: House, member: str) -> list[SignalRefusal]:
    history = member_history(house, member)
    found = parse("gpc", _PAYLOAD, None, taxonomy=house.taxonomy, category="*")
    return [refusal for refusal in found if not _stands(history, refusal)]


def _stands(history: Sequence[ConsentEvent], refusal: SignalRefusal) -> bool:
    """Say whether the refusal is recorded, and no yes from before it came into the ledger since."""
    last = next(
        (e for e in reversed(history) if e.channel == CHANNEL and e.scope == refusal.scope), None
    )
    if last is None:
        return False
    return not any(
        event.kind is EventKind.GRANT
        and event.index > last.index
        and meet(event.scope, last.scope)
        and not _is_later_yes(event, last)
        for event in history
    )


def _is_later_yes(event: ConsentEvent, signal: ConsentEvent) -> bool:
    return (
        event.kind is EventKind.GRANT
        and event.index > signal.index
        and meet(event.scope, signal.scope)
        and (event.original or event.effective) > signal.effective
    )
