"""The noun of what the operator's people do: `ws.acts`."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime
from typing import Any

from byleave.canonical import sha256
from byleave.service import acts, console_lists, requests
from byleave.service.policy import Published
from byleave.service.rules import RulesImpact, refuse_retroactive_evidence, rules_impact
from byleave.wiring.consent_nouns import Noun, operators_book

__all__ = ["Acts"]


class Acts(Noun):
    """Acts of named people: each is in the log before it happens, with who and why."""

    def trail(
        self,
        *,
        kind: str | None = None,
        before: int | None = None,
        limit: int = 50,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> list[dict[str, Any]]:
        """Return what was done, newest first (`service.acts.trail`).

        Raises:
            InputError: `input.malformed`, no such kind.
        """
        return acts.trail(
            self._house, kind=kind, before=before, limit=limit, since=since, until=until
        )

    def trail_after(
        self,
        after: int,
        *,
        kind: str | None = None,
        limit: int = 50,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> list[dict[str, Any]]:
        """Return what was done after a log index, oldest first (`service.acts.trail_after`).

        Raises:
            InputError: `input.malformed`, no such kind.
        """
        return acts.trail_after(
            self._house, after, kind=kind, limit=limit, since=since, until=until
        )

    def requests(self, *, show: str, kind: str | None = None) -> dict[str, Any]:
        """Return what the list of requests shows (`pages.house_lists.Requests`)."""
        return console_lists.requests_facts(self._house, show=show, kind=kind)

    def trail_facts(
        self,
        *,
        kind: str | None = None,
        before: int | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> dict[str, Any]:
        """Return what a page of the trail shows (`pages.house_lists.Trail`)."""
        return console_lists.trail_facts(
            self._house, kind=kind, before=before, since=since, until=until
        )

    def withdrawals(self) -> dict[str, Any]:
        """Return what the list of withdrawals shows (`pages.house_lists.Withdrawals`)."""
        return console_lists.withdrawals_facts(self._house)

    def rules(self) -> dict[str, Any]:
        """Return what the list of rulesets shows (`pages.house_lists.Rules`)."""
        return console_lists.rules_facts(self._house)

    def log(self, act: str, *, who: str, what: str, why: str) -> int:
        """Log what somebody is about to do; return the log index (`service.acts.log_act`).

        Raises:
            InputError: `input.malformed`, no reason.
        """
        self._writable()
        return acts.log_act(self._house, act, who=who, what=what, why=why)

    def publish_policy(self, text: str, *, name: str, who: str, why: str) -> Published:
        """Publish a policy text in somebody's name.

        Args:
            text: As `ws.policy.publish` takes it.
            name: Of the file, for error messages.
            who: As their sign-in says.
            why: Their reason, 1 to 200 characters.

        Raises:
            InputError: What is wrong with the text or the reason; nothing was logged.
            ConflictError: `workspace.exists`.
            RefusedError: `policy.retroactive`.
        """
        self._writable()
        policy = self._workspace.policy
        found = policy.impact(text, name=name, publishable=True)
        what = f"{found.document} {found.version}"
        acts.log_act(self._house, "policy.publish", who=who, what=what, why=why)
        return policy.publish(text, name=name)

    def rules_impact(self, text: str, *, name: str) -> RulesImpact:
        """Return what a file of rulesets would change, or refuse it as publishing would.

        Raises:
            InputError: What is wrong with the file.
            RefusedError: `ruleset.retroactive`.
        """
        book = operators_book(text, name=name, taxonomy=self._house.taxonomy)
        refuse_retroactive_evidence(replace(self._house, rulebook=book), self._house.now())
        return rules_impact(self._house, book)

    def publish_rules(self, text: str, *, name: str, who: str, why: str) -> RulesImpact:
        """Put a file of rulesets in force in somebody's name; see `publish_policy`."""
        self._writable()
        self.rules_impact(text, name=name)
        digest = sha256(text.encode()).hex()
        acts.log_act(self._house, "ruleset.publish", who=who, what=digest, why=why)
        return self._workspace.ruleset.publish(text, name=name)

    def extend_request(self, name: str, *, who: str, why: str, until: date | None) -> int:
        """Give a request of a member more time; the entry holds who and why (`ws.requests.extend`).

        Raises:
            InputError: `workspace.unknown-object`, `input.malformed`.
            ConflictError: `request.closed`, `request.extended`.
            RefusedError: `request.no-extension`.
        """
        return self._workspace.requests.extend(name, who=who, why=why, until=until)

    def close_request(self, request: str, *, outcome: str, who: str, why: str) -> int:
        """Close a member's request; its entry holds who and why (`service.requests`)."""
        self._writable()
        index = requests.close_request(self._house, request, outcome=outcome, who=who, why=why)
        self._house.log.publish()
        return index
