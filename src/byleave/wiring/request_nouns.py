"""The noun of what members ask by right: `ws.requests`."""

from __future__ import annotations

import builtins
from datetime import date
from typing import Any

from byleave.service import requests
from byleave.wiring.consent_nouns import Noun

__all__ = ["Requests"]


class Requests(Noun):
    """Requests of members: access, erasure, objection, each with the day it is due."""

    def open(self, member: str, kind: str, *, channel: str = "api") -> str:
        """Log that a member asked for something; return the request's id.

        Asking for the same again while it is open returns the id of the one that is open.

        Args:
            member: Who asked.
            kind: `access`, `erasure` or `objection`.
            channel: Where they asked; nothing personal.

        Raises:
            InputError: `member.unknown`, `input.malformed`.
        """
        self._writable()
        name, new = requests.open_request(self._house, member, kind, channel=channel)
        if new:
            self._house.log.publish()
        return name

    def close(self, request: str, *, outcome: str = "done", who: str, why: str) -> int:
        """Log how a request ended; return the log index.

        Args:
            request: Its id.
            outcome: `done`, `refused` or `taken-back`.
            who: Who closed it.
            why: What was done, or why not; nothing personal.

        Raises:
            InputError: `workspace.unknown-object`, `input.malformed`.
            ConflictError: `request.closed`.
        """
        self._writable()
        index = requests.close_request(self._house, request, outcome=outcome, who=who, why=why)
        self._house.log.publish()
        return index

    def extend(self, request: str, *, who: str, why: str, until: date | None = None) -> int:
        """Give a request more time, as far as the law allows it, once; return the log index.

        Args:
            request: Its id.
            who: Who decided it.
            why: Why, as the member is told; nothing personal.
            until: The new day (UTC); None: the last that the law allows.

        Raises:
            InputError: `workspace.unknown-object`, `input.malformed`.
            ConflictError: `request.closed`, `request.extended`.
            RefusedError: `request.no-extension`.
        """
        self._writable()
        index = requests.extend_request(self._house, request, who=who, why=why, until=until)
        self._house.log.publish()
        return index

    def list(
        self, *, member: str | None = None, only_open: bool = False
    ) -> builtins.list[dict[str, Any]]:
        """Return requests, the one due first at the top (`service.requests.list_requests`)."""
        return requests.list_requests(self._house, member=member, only_open=only_open)
