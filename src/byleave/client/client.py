"""The client: one method a route, values in, values out, refusals as errors with their codes."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Final, Literal, Self
from urllib.parse import quote

import httpx

from byleave.client.values import ApiError, Ask, Choice, Decision, Event

__all__ = ["ApiError", "Ask", "Choice", "Client", "Decision", "Event"]

_AGAIN: Final = frozenset({429, 502, 503, 504})
_TRIES: Final = 4
_SECONDS: Final = 30.0
_PAGE: Final = 1_000
_PIECE: Final = 1 << 20
_LOOK: Final = 0.1
_LOOK_AT_MOST: Final = 1.6


class Client:
    """Calls the API; use it in a `with` block.

    A request that failed on the way, or was told to come back, is sent again with the same
    idempotency key: what was done is not done twice.

    Args:
        site: Scheme and host of the server.
        token: An API token.
        reason: Why members' data is read, as each look is logged; None: as the token says.
        transport: For tests; default the network.
        sleep: Waits; for tests.
        new_key: Makes an idempotency key.
    """

    def __init__(
        self,
        site: str,
        *,
        token: str,
        reason: str | None = None,
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], None] = time.sleep,
        new_key: Callable[[], str] = lambda: secrets.token_urlsafe(18),
    ) -> None:
        self._http = httpx.Client(
            base_url=site.rstrip("/"),
            headers={"authorization": f"Bearer {token}"}
            | ({} if reason is None else {"byleave-reason": reason}),
            timeout=_SECONDS,
            transport=transport,
        )
        self._sleep = sleep
        self._new_key = new_key

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the connections."""
        self._http.close()

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
        """Return what a member's choices come to for one leaf use, now or at an instant."""
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
        asked: dict[str, Any] = {"member": member, "limit": _PAGE}
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

    def train(
        self,
        trainer: str,
        snapshot: str,
        *,
        columns: Mapping[str, str] | None = None,
        recipe: Mapping[str, Any] | None = None,
        key: str | None = None,
    ) -> dict[str, Any]:
        """Have a trainer trained on a sealed snapshot; return the job, which `job` looks after.

        Args:
            trainer: Its name.
            snapshot: The sealed snapshot.
            columns: Trainer's column → column of the data; default: the same name.
            recipe: Changes to the default recipe.
            key: Idempotency key; default a new one.
        """
        body = {
            "trainer": trainer,
            "snapshot": snapshot,
            "columns": dict(columns or {}),
            "recipe": dict(recipe or {}),
        }
        found: dict[str, Any] = self._write("/api/v1/trainings", body, key)
        return found

    def upload(self, rows: Path | IO[bytes], *, csv: bool = False) -> str:
        """Send one file of rows; return its name, the SHA-256 of its bytes.

        Sent again it changes nothing. It waits for a day to become part of a source.

        Args:
            rows: A file's path, or a file open for reading from its beginning; at most 1 GiB.
            csv: It is CSV, not Parquet.
        """
        kind = "text/csv" if csv else "application/vnd.apache.parquet"
        with rows.open("rb") if isinstance(rows, Path) else nullcontext(rows) as file:
            answer = self._http.post(
                "/api/v1/uploads", content=_pieces(file), headers={"content-type": kind}
            )
        return str(_read_answer(answer)["upload"])

    def add_source(
        self,
        source: str,
        contract: str,
        uploads: Sequence[str],
        *,
        origin: str = "api",
        key: str | None = None,
    ) -> dict[str, Any]:
        """Have a data set added; return the job.

        Args:
            source: Its id.
            contract: Whose data a row is (YAML text).
            uploads: Names of files that `upload` returned, in order.
            origin: Where it is from; nothing personal.
            key: Idempotency key; default a new one.
        """
        body = {
            "source": source,
            "contract": contract,
            "uploads": list(uploads),
            "origin": origin,
        }
        found: dict[str, Any] = self._write("/api/v1/sources", body, key)
        return found

    def publish_notice(
        self,
        notice: str,
        text: str,
        asks: Sequence[str],
        *,
        control: str = "none",
        language: str = "en",
        key: str | None = None,
    ) -> int:
        """Publish the exact text that members are asked with; return its log index.

        Args:
            notice: Its id.
            text: What is shown, byte for byte.
            asks: The uses it asks for.
            control: State of its control before the member acts: `none`, `off` or `on`.
            language: Of the text.
            key: Idempotency key; default a new one.
        """
        body = {
            "notice": notice,
            "text": text,
            "asks": list(asks),
            "control": control,
            "language": language,
        }
        return int(self._write("/api/v1/notices", body, key)["index"])

    def run_gate(
        self, source: str, use: str, *, party_rule: str | None = None, key: str | None = None
    ) -> dict[str, Any]:
        """Have the gate run over a data set; return the job, whose result names the gate run."""
        body = {"source": source, "use": use, "party_rule": party_rule}
        found: dict[str, Any] = self._write("/api/v1/gates", body, key)
        return found

    def seal(self, gate: str, *, key: str | None = None) -> dict[str, Any]:
        """Have what a gate run kept sealed; return the job, whose result names the snapshot."""
        found: dict[str, Any] = self._write("/api/v1/snapshots", {"gate": gate}, key)
        return found

    def cancel(self, job: int, *, key: str | None = None) -> dict[str, Any]:
        """Cancel a job; return it. One that runs may take a moment to stop, or end all the same."""
        found: dict[str, Any] = self._write(f"/api/v1/jobs/{job}/cancellation", {}, key)
        return found

    def evaluate(self, run: str, *, key: str | None = None) -> dict[str, Any]:
        """Have a run measured on a fifth of its own snapshot; return the job."""
        found: dict[str, Any] = self._write("/api/v1/evaluations", {"run": run}, key)
        return found

    def job(self, number: int) -> dict[str, Any]:
        """Return a job: `waiting`, `running`, `done`, `failed`, `cancelled` or `lost`."""
        found: dict[str, Any] = self._read(f"/api/v1/jobs/{number}", {})
        return found

    def wait(self, job: Mapping[str, Any], *, seconds: float = 3_600.0) -> dict[str, Any]:
        """Return a job once it has ended, however it did, or as it is after so many seconds.

        It is looked at after 0.1 seconds, and then twice as long after each look, up to 1.6.
        """
        found, give_up, pause = dict(job), time.monotonic() + seconds, _LOOK
        while found["ended"] is None and time.monotonic() < give_up:
            self._sleep(pause)
            pause = min(2 * pause, _LOOK_AT_MOST)
            found = self.job(found["job"])
        return found

    def withdrawal_plan(self) -> dict[str, Any]:
        """Return what withdrawals would reach now, and what that would cost."""
        found: dict[str, Any] = self._read("/api/v1/withdrawals/plan", {})
        return found

    def run_withdrawals(self, *, refit: bool = True, key: str | None = None) -> dict[str, Any]:
        """Have every affected release unlearned and every affected package recalled; return the job.

        Args:
            refit: Also fit from scratch without the rows, and compare the bytes.
            key: Idempotency key; default a new one.
        """
        found: dict[str, Any] = self._write("/api/v1/withdrawals", {"refit": refit}, key)
        return found

    def publish_release(
        self, run: str, *, evaluate: bool = False, key: str | None = None
    ) -> dict[str, Any]:
        """Have a run's model published, measured first or not; return the job."""
        body = {"run": run, "evaluate": evaluate}
        found: dict[str, Any] = self._write("/api/v1/releases", body, key)
        return found

    def roll_back(
        self, release: str, *, to: str | None = None, key: str | None = None
    ) -> dict[str, Any]:
        """Have a release put out of service and an older one back; return the job."""
        path = f"/api/v1/releases/{quote(release, safe='')}/rollback"
        found: dict[str, Any] = self._write(path, {"to": to}, key)
        return found

    def preview_offer(self, source: str, use: str) -> dict[str, Any]:
        """Return what a package would hold, and how much its recipient holds already."""
        asked = {"source": source, "use": use}
        found: dict[str, Any] = self._read("/api/v1/disclosures/preview", asked)
        return found

    def offer(
        self,
        source: str,
        use: str,
        *,
        recall_days: int = 13,
        expires: str | None = None,
        only_new: bool = False,
        key: str | None = None,
    ) -> dict[str, Any]:
        """Have a data set gated for a recipient, and what passes offered; return the job.

        Args:
            source: Id of the data set.
            use: PURPOSE/CATEGORY/RECIPIENT.
            recall_days: Days to answer a recall.
            expires: RFC 3339, or a day: from when on the package may not be used.
            only_new: Leave out what the recipient holds already.
            key: Idempotency key; default a new one.
        """
        body = {
            "source": source,
            "use": use,
            "recall_days": recall_days,
            "expires": expires,
            "only_new": only_new,
        }
        found: dict[str, Any] = self._write("/api/v1/disclosures", body, key)
        return found

    def releases(self) -> Iterator[dict[str, Any]]:
        """Yield the documents of every release, oldest first, page by page."""
        return self._all("releases")

    def snapshots(self) -> Iterator[dict[str, Any]]:
        """Yield the documents of every sealed snapshot, oldest first."""
        return self._all("snapshots")

    def packages(self) -> Iterator[dict[str, Any]]:
        """Yield the documents of every package for a recipient, oldest first."""
        return self._all("packages")

    def add_webhook(self, name: str, url: str, *, after: int | None = None) -> str:
        """Have an address told of every no; return the secret that its messages are signed with.

        Args:
            name: The webhook's, never used twice.
            url: https, or http on this machine.
            after: Only what has a higher ledger index; default: from now on.
        """
        body = {"webhook": name, "url": url, "after": after}
        return str(self._write("/api/v1/webhooks", body, None)["secret"])

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
                _read_answer(answer)
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

    def _all(self, what: str) -> Iterator[dict[str, Any]]:
        start: int | None = -1
        while start is not None:
            page = self._read(f"/api/v1/{what}", {"after": start, "limit": _PAGE})
            yield from page["items"]
            start = page["next"]

    def _read(self, path: str, asked: Mapping[str, Any]) -> Any:  # noqa: ANN401 (JSON)
        return self._send("GET", path, params=asked)

    def _write(self, path: str, body: Any, key: str | None) -> Any:  # noqa: ANN401 (JSON)
        headers = {"idempotency-key": key or self._new_key()}
        return self._send("POST", path, json=body, headers=headers)

    def _send(self, method: str, path: str, **more: Any) -> Any:  # noqa: ANN401 (JSON)
        for left in range(_TRIES - 1, -1, -1):
            try:
                answer = self._http.request(method, path, **more)
            except httpx.TransportError:
                if not left:
                    raise
                self._sleep(2.0 ** (_TRIES - 1 - left))
                continue
            if answer.status_code not in _AGAIN or not left:
                return _read_answer(answer)
            self._sleep(float(answer.headers.get("retry-after", 1)))
        raise AssertionError("unreachable")


def _pieces(file: IO[bytes]) -> Iterator[bytes]:
    while piece := file.read(_PIECE):
        yield piece


def _read_answer(answer: httpx.Response) -> Any:  # noqa: ANN401 (JSON)
    if answer.is_success:
        return answer.json()
    try:
        said = answer.json()
        error = ApiError(answer.status_code, said["code"], said["detail"], said.get("hint"))
    except (ValueError, KeyError, TypeError):
        error = ApiError(answer.status_code, "api.malformed", "the answer is not of this API")
    raise error
