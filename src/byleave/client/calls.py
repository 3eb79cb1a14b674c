"""How the client calls: connections, tries, keys, pages, and refusals as errors."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import quote

import httpx

from byleave.client.values import ApiError

__all__ = ["PAGE", "Calls", "part", "read_answer"]

PAGE: Final = 1_000
_AGAIN: Final = frozenset({429, 502, 503, 504})
_TRIES: Final = 4
_SECONDS: Final = 30.0


class Calls:
    """Calls the API; use it in a `with` block.

    A request that failed on the way, or was told to come back, is sent again with the same
    idempotency key: what was done is not done twice.

    Args:
        site: Scheme and host of the server.
        token: An API token.
        reason: Why members' data is read and why things are done, as the log keeps it; None: as
            the token says.
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

    def _all(self, what: str, *, after: int = -1, **asked: Any) -> Iterator[dict[str, Any]]:  # noqa: ANN401
        start: int | None = after
        while start is not None:
            page = self._read(f"/api/v1/{what}", {**asked, "after": start, "limit": PAGE})
            yield from page["items"]
            start = page["next"]

    def _read(self, path: str, asked: Mapping[str, Any]) -> Any:  # noqa: ANN401 (JSON)
        return self._send("GET", path, params=asked)

    def _job(self, path: str, body: Any, key: str | None) -> dict[str, Any]:  # noqa: ANN401 (JSON)
        found: dict[str, Any] = self._write(f"/api/v1/{path}", body, key)
        return found

    def _found(self, path: str, asked: Mapping[str, Any]) -> dict[str, Any]:
        told = {name: value for name, value in asked.items() if value is not None}
        found: dict[str, Any] = self._read(f"/api/v1/{path}", told)
        return found

    def _file(self, path: str, asked: Mapping[str, Any]) -> bytes:
        answer = self._http.get(f"/api/v1/{path}", params=dict(asked))
        if not answer.is_success:
            read_answer(answer)
        return answer.content

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
                return read_answer(answer)
            self._sleep(float(answer.headers.get("retry-after", 1)))
        raise AssertionError("unreachable")


def part(name: str) -> str:
    """Return a name as a part of an address."""
    return quote(name, safe="")


def read_answer(answer: httpx.Response) -> Any:  # noqa: ANN401 (JSON)
    """Return what an answer holds, or raise its refusal."""
    if answer.is_success:
        return answer.json() if answer.content else None
    try:
        said = answer.json()
        error = ApiError(answer.status_code, said["code"], said["detail"], said.get("hint"))
    except (ValueError, KeyError, TypeError):
        error = ApiError(answer.status_code, "api.malformed", "the answer is not of this API")
    raise error
