"""What a client does for the operator: texts, rules, recipients, webhooks, the trail."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

from byleave.client.calls import Calls, part

__all__ = ["House"]


class House(Calls):
    """Calls of the privacy team's programs."""

    def publish_notice(
        self,
        notice: str,
        text: str,
        asks: Sequence[str],
        *,
        control: str = "none",
        language: str = "en",
        policy_index: int | None = None,
        key: str | None = None,
    ) -> int:
        """Publish the exact text that members are asked with; return its log index.

        Args:
            notice: Its id.
            text: What is shown, byte for byte.
            asks: The uses it asks for.
            control: State of its control before the member acts: `none`, `off` or `on`.
            language: Of the text.
            policy_index: Log entry of the policy text that it belongs to.
            key: Idempotency key; default a new one.
        """
        body = {
            "notice": notice,
            "text": text,
            "asks": list(asks),
            "control": control,
            "language": language,
            "policy_index": policy_index,
        }
        return int(self._write("/api/v1/notices", body, key)["index"])

    def add_webhook(self, name: str, url: str, *, after: int | None = None) -> str:
        """Have an address told of every no; return the secret that its messages are signed with.

        Args:
            name: The webhook's, never used twice.
            url: https, or http on this machine.
            after: Only what has a higher ledger index; default: from now on.
        """
        body = {"webhook": name, "url": url, "after": after}
        return str(self._write("/api/v1/webhooks", body, None)["secret"])

    def webhooks(self) -> list[dict[str, Any]]:
        """Return who is told of every no, how far, and what was given up."""
        found: list[dict[str, Any]] = self._read("/api/v1/webhooks", {})
        return found

    def drop_webhook(self, name: str) -> None:
        """Have an address told no more."""
        self._send("DELETE", f"/api/v1/webhooks/{part(name)}")

    # texts

    def preview_policy(self, text: str) -> dict[str, Any]:
        """Return what publishing a text would change; `preview` goes back with `publish_policy`."""
        found: dict[str, Any] = self._send("POST", "/api/v1/policies/preview", json={"text": text})
        return found

    def publish_policy(
        self, text: str, *, preview: str | None = None, key: str | None = None
    ) -> dict[str, Any]:
        """Publish a policy text; return its entry and its four instants.

        Args:
            text: Markdown with a front matter.
            preview: Of what was looked at: refused where it no longer holds.
            key: Idempotency key; default a new one.
        """
        return self._job("policies", {"text": text, "preview": preview}, key)

    def lint(self, text: str, *, rules_only: bool = False) -> list[dict[str, Any]]:
        """Return where a text's prose and its declarations disagree.

        Args:
            text: The whole document.
            rules_only: Whether the fitted reader stays unheard: faster, and it finds less.
        """
        asked = {"text": text, "rules_only": rules_only}
        answer = self._send("POST", "/api/v1/policies/lint", json=asked)
        found: list[dict[str, Any]] = answer["findings"]
        return found

    def policy(
        self,
        document: str,
        *,
        version: str | None = None,
        at: str | None = None,
        region: str | None = None,
        language: str | None = None,
    ) -> dict[str, Any]:
        """Return one version of a text; without `version`, the one that somebody there saw then."""
        if version is not None:
            return self._found(f"policies/{part(document)}/versions/{part(version)}", {})
        asked = {"at": at, "region": region, "language": language}
        return self._found(f"policies/{part(document)}", asked)

    def policy_difference(self, document: str, old: str, new: str) -> dict[str, Any]:
        """Return what changed between two versions, in prose and in declarations."""
        return self._found(f"policies/{part(document)}/diff", {"old": old, "new": new})

    def policies(self) -> Iterator[dict[str, Any]]:
        """Yield every version of every text, oldest first."""
        return self._all("policies")

    # rules and words

    def preview_rules(self, text: str) -> dict[str, Any]:
        """Return whose yes would begin or stop counting under a file of rulesets."""
        found: dict[str, Any] = self._send("POST", "/api/v1/rulesets/preview", json={"text": text})
        return found

    def publish_rules(
        self, text: str, *, preview: str | None = None, key: str | None = None
    ) -> dict[str, Any]:
        """Put an operator's rulesets in force; return their entry and what they changed."""
        return self._job("rulesets", {"text": text, "preview": preview}, key)

    def rules(self) -> dict[str, Any]:
        """Return the rulesets in force, each rule with its source."""
        return self._found("rulesets", {})

    def rule(self, use: str, *, region: str | None = None, at: str | None = None) -> dict[str, Any]:
        """Return what a region requires for one use; without one, what holds where nobody knows."""
        return self._found("rulesets/rule", {"use": use, "region": region, "at": at})

    def taxonomy(self) -> dict[str, Any]:
        """Return the words for uses: purposes, categories, recipients."""
        return self._found("taxonomy", {})

    # recipients

    def recipients(self) -> dict[str, Any]:
        """Return who recipients are, what their contracts permit, and their keys."""
        return self._found("recipients", {})

    def put_recipients(self, text: str, *, key: str | None = None) -> int:
        """Put a recipients file on record (YAML); return its log index."""
        return int(self._write("/api/v1/recipients", {"text": text}, key)["index"])

    def register_card(self, card: Mapping[str, Any], *, key: str | None = None) -> dict[str, Any]:
        """Have a recipient's signed card registered (what is in its file); return the job."""
        return self._job("recipients/cards", dict(card), key)

    def registration(self, recipient: str) -> bytes:
        """Return what shows others that a recipient is registered, as a file."""
        return self._file(f"recipients/{part(recipient)}/registration", {})

    # who did what, and what is due

    def acts(self, *, after: int = -1, kind: str | None = None) -> Iterator[dict[str, Any]]:
        """Yield what was done after a log index, by whom and why, oldest first."""
        return self._all("acts", after=after, **({} if kind is None else {"kind": kind}))

    def looks(self, *, after: int = -1) -> Iterator[dict[str, Any]]:
        """Yield who looked at members' data, and why, oldest first."""
        return self._all("looks", after=after)

    def requests(self, *, only_open: bool = False) -> Iterator[dict[str, Any]]:
        """Yield what members asked for by right, oldest first."""
        return self._all("requests", state="open" if only_open else "all")

    def end_request(
        self,
        request: str,
        outcome: Literal["done", "refused", "taken-back"],
        *,
        why: str,
        key: str | None = None,
    ) -> int:
        """Say how a request ended, and why; return the log index."""
        body = {"outcome": outcome, "why": why}
        return int(self._write(f"/api/v1/requests/{part(request)}/end", body, key)["index"])

    # statements

    def proof(self, kind: str, name: str) -> bytes:
        """Return a proof file about the platform, for `byleave verify`.

        Args:
            kind: `acknowledgement`, `certificate`, `cessation`, `disclosure`, `lineage` or
                `unlearning`.
            name: A recall, an unlearning or its release, a log index, a package, a release.
        """
        return self._file(f"proofs/{part(kind)}/{part(name)}", {})

    def cease(self, use: str, since: str, *, key: str | None = None) -> int:
        """State, signed and logged, that a use has ended since an instant; return the index."""
        return int(self._write("/api/v1/cessations", {"use": use, "since": since}, key)["index"])

    def summaries(self) -> list[dict[str, Any]]:
        """Return the kinds of public statement about training data there are."""
        found: list[dict[str, Any]] = self._read("/api/v1/summaries", {})
        return found

    def summary(
        self,
        kind: str,
        *,
        release: str | None = None,
        snapshot: str | None = None,
        form: Literal["json", "md"] = "json",
    ) -> str:
        """Return a public statement as text, counted from the ledgers."""
        asked = {"release": release, "snapshot": snapshot, "form": form}
        told = {name: value for name, value in asked.items() if value is not None}
        return self._file(f"summaries/{part(kind)}", told).decode()

    def directories(self) -> Iterator[dict[str, Any]]:
        """Yield the directories of who is enrolled, oldest first."""
        return self._all("directories")
