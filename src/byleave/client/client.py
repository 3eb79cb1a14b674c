"""The client: one method a route, values in, values out, refusals as errors with their codes."""

from __future__ import annotations

from byleave.client.house import House
from byleave.client.people import People
from byleave.client.values import ApiError, Ask, Choice, Decision, Event
from byleave.client.work import Work

__all__ = ["ApiError", "Ask", "Choice", "Client", "Decision", "Event"]


class Client(People, Work, House):
    """Calls the API; use it in a `with` block.

    A request that failed on the way, or was told to come back, is sent again with the same
    idempotency key: what was done is not done twice. Arguments: those of `calls.Calls`.
    """
