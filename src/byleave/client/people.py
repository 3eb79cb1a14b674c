"""What a client asks of members: choices, decisions, questions, links, what is held, requests."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any, Literal

from byleave.client.calls import PAGE, Calls, read_answer
from byleave.client.values import Ask, Choice, Decision, Event

__all__ = ["People"]


class People(Calls):
    """Calls about members."""

    def record(self, choices: Sequence[Choice], *, key: str | None = None) -> list[int]:
        """Record choices, all or none; return their ledger indexes.

        Args:
            choices: 1 to 1,000.
            key: An idempotency key of yours; default a new one.

        Raises:
            ApiError: Refused; nothing was recorded.
            httpx.TransportError: The server did not answer in any of four tries.
        """
        body = {"choices": [asdict(choice) for choice in choices]}
        answer = self._write("/api/v1/choices", body, key)
        return [int(index) for index in answer["indexes"]]

    def decide(self, member: str, use: str, *, at: str | None = None) -> Decision:
        """Return what a gate would do with new data of a member's for one leaf use.

        `allowed` is choices and the rules of their region, age and groups together.

        Args:
            member: Whose.
            use: A leaf use.
            at: ISO 8601 with its offset; None: now.
        """
        asked = {"member": member, "use": use} | ({} if at is None else {"at": at})
        return Decision(**self._read("/api/v1/decision", asked))

    def decide_many(self, members: Sequence[str], use: str) -> list[Decision]:
        """Return the same for up to 1,000 members, in their order."""
        answer = self._send(
            "POST", "/api/v1/decisions", json={"use": use, "members": list(members)}
        )
        return [Decision(**found) for found in answer]

    def history(self, member: str, *, after: int = -1) -> Iterator[Event]:
        """Yield a member's choices, oldest first, page by page."""
        asked: dict[str, Any] = {"member": member, "limit": PAGE}
        start: int | None = after
        while start is not None:
            page = self._read("/api/v1/choices", {**asked, "after": start})
            yield from (Event(**item) for item in page["items"])
            start = page["next"]

    def enrol(
        self,
        members: Sequence[str],
        *,
        regions: Mapping[str, str] | None = None,
        key: str | None = None,
    ) -> int:
        """Enrol members; return how many were new."""
        known = regions or {}
        body = {"members": [{"member": m, "region": known.get(m)} for m in members]}
        return int(self._write("/api/v1/members", body, key)["new"])

    def notice(
        self, member: str, notice: str, *, language: str | None = None, screen: str | None = None
    ) -> Mapping[str, str]:
        """Return the notice to show a member: `text` byte for byte, and the `token` of the answer."""
        body = {"member": member, "notice": notice, "language": language, "screen": screen}
        found: dict[str, str] = self._write("/api/v1/notice-tokens", body, None)
        return found

    def may_ask(
        self,
        member: str,
        *,
        notice: str | None = None,
        use: str | None = None,
        language: str | None = None,
        screen: str | None = None,
    ) -> Ask:
        """Say whether a question may be shown to a member now; nothing is remembered of it.

        Args:
            member: To whom.
            notice: Id of the notice, or of its family; or `use`.
            use: A leaf use that the question asks for.
            language: BCP 47 tag of the text that would be shown; default English.
            screen: Where it would be shown.
        """
        asked = {"member": member, "notice": notice, "use": use}
        asked |= {"language": language, "screen": screen}
        told = {name: value for name, value in asked.items() if value is not None}
        return Ask(**self._read("/api/v1/asks", told))

    def ask(
        self,
        member: str,
        *,
        notice: str | None = None,
        use: str | None = None,
        language: str | None = None,
        screen: str | None = None,
        link: bool = False,
        key: str | None = None,
    ) -> Ask:
        """Ask at the moment of use: return the text and its token once, and then not for 180 days.

        Whatever the member does with it counts as asked. Only where `ask` is true is anything to be
        shown: `text` and `token`, or with `link` the address of a page (needs `link.write` too).

        Args:
            member: Whom.
            notice: Id of the notice, or of its family; or `use`.
            use: A leaf use that the question asks for.
            language: BCP 47 tag; default English.
            screen: Where it is shown.
            link: Whether a one-time link to the question's page is wanted instead.
            key: Idempotency key; default a new one.
        """
        body: dict[str, Any] = {"member": member, "notice": notice, "use": use}
        body |= {"language": language, "screen": screen, "link": link}
        return Ask(**self._write("/api/v1/asks", body, key))

    def not_now(
        self,
        member: str,
        *,
        notice: str | None = None,
        use: str | None = None,
        key: str | None = None,
    ) -> Ask:
        """Say that a member put a question off: no answer, and no question for 180 days."""
        body = {"member": member, "notice": notice, "use": use}
        return Ask(**self._write("/api/v1/asks/not-now", body, key))

    def link(
        self, member: str, *, minutes: int = 30, to: Literal["answer", "settings"] = "answer"
    ) -> str:
        """Return an address that signs the member in, once, and leads to one of their pages."""
        body = {"member": member, "minutes": minutes, "to": to}
        return str(self._write("/api/v1/links", body, None)["url"])

    def suggest(
        self,
        member: str,
        release: str,
        *,
        message: str | None = None,
        history: Sequence[str] = (),
        count: int = 3,
    ) -> dict[str, Any]:
        """Return a release's suggestions for a member, with the reason of each."""
        body = {
            "member": member,
            "release": release,
            "message": message,
            "history": list(history),
            "count": count,
        }
        found: dict[str, Any] = self._send("POST", "/api/v1/suggestions", json=body)
        return found

    def answer(self, member: str) -> dict[str, Any]:
        """Return all that is known of a member: where their data went."""
        found: dict[str, Any] = self._read("/api/v1/answer", {"member": member})
        return found

    def export(self, member: str) -> Iterator[bytes]:
        """Yield the parts of a zip file of everything held about a member (GDPR art. 15, 20)."""
        with self._http.stream(
            "GET", "/api/v1/members/export", params={"member": member}
        ) as answer:
            if not answer.is_success:
                answer.read()
                read_answer(answer)
            yield from answer.iter_bytes()

    def request(
        self, member: str, kind: str, *, channel: str = "api", key: str | None = None
    ) -> dict[str, Any]:
        """Note what a member asked for by right; return the request and the day it is due.

        Args:
            member: Who asked.
            kind: `access`, `erasure` or `objection`.
            channel: Where they asked; nothing personal.
            key: Idempotency key; None: a new one.
        """
        body = {"member": member, "kind": kind, "channel": channel}
        found: dict[str, Any] = self._write("/api/v1/requests", body, key)
        return found

    def extend(
        self, request: str, *, why: str, until: str | None = None, key: str | None = None
    ) -> dict[str, Any]:
        """Take more time for a request, once; return the day it is due then.

        Args:
            request: Its id.
            why: Why, as the member is told; nothing personal.
            until: The new day, YYYY-MM-DD; None: the last that the law allows.
            key: Idempotency key; None: a new one.
        """
        body = {"why": why, "until": until}
        found: dict[str, Any] = self._write(f"/api/v1/requests/{request}/extension", body, key)
        return found

    def born(self, births: Mapping[str, str], *, key: str | None = None) -> int:
        """Record when members were born (`2008`, `2008-05`, `2008-05-01`); return how many."""
        body = {"births": dict(births)}
        return int(self._write("/api/v1/members/births", body, key)["members"])

    def group(self, groups: Mapping[str, Sequence[str]], *, key: str | None = None) -> int:
        """Record which groups members are in from now on (none: an empty list)."""
        body = {"groups": {member: list(names) for member, names in groups.items()}}
        return int(self._write("/api/v1/members/groups", body, key)["members"])

    def signal(
        self,
        member: str,
        kind: str,
        payload: bytes,
        *,
        form: str | None = None,
        category: str = "*",
        key: str | None = None,
    ) -> list[dict[str, Any]]:
        """Record what a signal refuses in a member's place; return the refusals, if any.

        Args:
            member: Whose.
            kind: `gpc`, `aipref`, `cawg`, `c2pa` or `tdmrep`.
            payload: The bytes it stands in, as they came.
            form: `headers`, `well-known`, `robots`, `html`, `assertion`; None: the kind's first.
            category: Data category it was attached to.
            key: Idempotency key; default a new one.
        """
        body = {"member": member, "kind": kind, "form": form, "category": category}
        body["payload"] = b64encode(payload).decode("ascii")
        found: list[dict[str, Any]] = self._write("/api/v1/signals", body, key)["refusals"]
        return found

    def proof_of(self, member: str, release: str) -> bytes:
        """Return the proof file that a member is in a release, with which records; or is not."""
        return self._file("members/proof", {"member": member, "release": release})

    def receipt(
        self,
        member: str,
        *,
        form: Literal["json-ld", "private"] = "json-ld",
        at: str | None = None,
        known_at: str | None = None,
    ) -> bytes:
        """Return a member's receipt, as a file: what they said, and what a gate makes of it.

        Args:
            member: Whose.
            form: `json-ld` (ISO/IEC TS 27560), or `private`, with the secret that their proofs
                are checked with.
            at: Of `json-ld`: the instant it is about, ISO 8601; None: `known_at`, else now.
            known_at: Of `json-ld`: only what was recorded by then; None: all.
        """
        asked = {"member": member, "form": form, "at": at, "known_at": known_at}
        return self._file("members/receipt", {k: v for k, v in asked.items() if v is not None})

    def standing(self, member: str) -> dict[str, Any]:
        """Return what still holds rows of a member, and has to be dealt with before erasing."""
        return self._found("erasures/standing", {"member": member})

    def state(
        self, use: str, *, at: str | None = None, known_at: str | None = None
    ) -> dict[str, Any]:
        """Return what members' choices alone come to for one leaf use, as counts by reason.

        No rule of a region, an age or a group is asked: what may be used is less.

        Args:
            use: A leaf use.
            at: ISO 8601; None: now.
            known_at: Only what was recorded by then; None: all.
        """
        return self._found("choices/state", {"use": use, "at": at, "known_at": known_at})

    def offer_secret(self, *, key: str | None = None) -> dict[str, Any]:
        """Return the platform's part of a secret, for a member who takes part in making it."""
        return self._job("members/offers", {}, key)

    def enrol_jointly(
        self,
        member: str,
        offer: str,
        nonce: str,
        *,
        region: str | None = None,
        key: str | None = None,
    ) -> int:
        """Enrol a member under a secret that their own part went into; return the log index.

        Args:
            member: Whom.
            offer: Name of the platform's part.
            nonce: Their own 32 bytes, hex.
            region: Where they live, where known.
            key: Idempotency key; default a new one.
        """
        body = {"member": member, "offer": offer, "nonce": nonce, "region": region}
        return int(self._write("/api/v1/members/joint", body, key)["index"])
