"""`ws.faces`: what the pages of auditors, recipients and the public show."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from byleave.ids import format_instant
from byleave.service.explore import explore_entry, explore_log
from byleave.service.recipient_facts import recipient_facts
from byleave.service.rerun import rerun_facts
from byleave.service.transparency import transparency_facts
from byleave.summary.kinds import KINDS
from byleave.wiring.consent_nouns import Noun
from byleave.wiring.face_pages import page_facts
from byleave.wiring.job_facts import jobs_facts

__all__ = ["Faces"]

Facts = dict[str, Any]


class Faces(Noun):
    """Facts of pages; reads alone. Each has `at` and `checkpoint` besides its own."""

    def log(
        self,
        *,
        before: int | None = None,
        count: int = 50,
        kind: str | None = None,
        find: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> Facts:
        """Return part of the log, newest first (`service.explore.explore_log`).

        Raises:
            InputError: `input.malformed`, no such kind.
        """
        found = explore_log(
            self._house,
            before=before,
            count=count,
            kind=kind,
            find=find,
            since=since,
            until=until,
        )
        return {
            **self._stand(),
            "kind": kind,
            "find": find,
            "before": before,
            "since": None if since is None else format_instant(since),
            "until": None if until is None else format_instant(until),
            **found,
        }

    def entry(self, index: int) -> Facts:
        """Return one entry with its proof (`service.explore.explore_entry`)."""
        return {**self._stand(), **explore_entry(self._house, index)}

    def audit(self) -> Facts:
        """Return what an auditor sees first: the log's head, who cosigned it, what to repeat."""
        head = self._workspace.log.head()
        return {
            **self._stand(),
            "witnesses": head["witnesses"],
            "trust": self._workspace.places.trust.read_text("utf-8"),
            **rerun_facts(self._house),
        }

    def recipient(self, recipient: str) -> Facts:
        """Return one recipient's packages and what lies there for it."""
        return {**self._stand(), **recipient_facts(self._house, recipient)}

    def transparency(self) -> Facts:
        """Return the public report's numbers, and the summaries that can be made."""
        return {
            **self._stand(),
            **transparency_facts(self._house),
            "members": self._house.ledger.member_count(),
            "summaries": [
                {"kind": kind.name, "says": kind.says, "law": kind.law, "forms": list(kind.forms)}
                for kind in KINDS.values()
                if kind.of != "snapshot"
            ],
        }

    def jobs(self, *, before: int | None = None) -> Facts:
        """Return a page of the long work that was asked for, newest first; no job is begun.

        Args:
            before: Only jobs of a lower number.
        """
        return {**self._stand(), **jobs_facts(self._workspace.path, before=before)}

    def page(self, address: str) -> Facts:
        """Return what a page of operators, auditors or the public shows, by its address.

        Args:
            address: As in the browser, without the host: `/audit/log?kind=gate/v1`.

        Returns:
            `schema` and the page's own part of its `.json` twin, under the same name.

        Raises:
            InputError: `workspace.unknown-object`, no such page; what the page itself refuses.
        """
        return page_facts(self._workspace, address)

    def _stand(self) -> Facts:
        head = self._house.log.checkpoint()
        return {
            "at": format_instant(self._house.now()),
            "checkpoint": {"origin": head.origin, "size": head.size, "root": head.root.hex()},
        }
