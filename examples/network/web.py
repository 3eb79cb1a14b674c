"""The network's web server. It knows Byleave by its HTTP API alone (`byleave.client`).

python -m examples.network.web FOLDER PORT PORTAL PROVIDER
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from byleave.client import ApiError, Choice, Client, webhook_is_good

from .cast import GUESTS, choices
from .network import Network
from .store import Store
from .texts import PLANS

__all__ = ["create_app", "greet", "main"]

_HERE: Final = Path(__file__).parent
_COOKIE: Final = "network"
Page = Callable[[Network, Request, str], Response]


# --- pages ----------------------------------------------------------------------------------------


def _door(net: Network, _request: Request, _me: str) -> Response:
    guests = net.store.ask("SELECT * FROM account ORDER BY rowid LIMIT ?", GUESTS)
    return net.page("door.html", guests=guests)


def _feed(net: Network, _request: Request, me: str) -> Response:
    suggested = net.suggest(me, "content")
    question = net.question(me, "content", suggested)
    return net.page(
        "feed.html", me=me, suggested=suggested, question=question, posts=net.store.feed(me)
    )


def _jobs(net: Network, _request: Request, me: str) -> Response:
    titles = {row["role"]: row for row in net.store.ask("SELECT * FROM occupation")}
    suggested = net.suggest(me, "jobs")
    question = net.question(me, "jobs", suggested)
    return net.page("jobs.html", me=me, suggested=suggested, question=question, occupations=titles)


def _messages(net: Network, _request: Request, me: str) -> Response:
    return net.page("messages.html", me=me, threads=net.store.threads(me))


def _thread(net: Network, request: Request, me: str) -> Response:
    thread = request.path_params["thread"]
    messages = net.store.thread(me, thread)
    if not messages:
        return _lost(net)
    heard = [row for row in messages if row["sender"] != me]
    last = heard[-1]["text"] if heard else None
    suggested = net.suggest(me, "replies", message=last, count=3) if last else None
    other = messages[0]["sender"] if messages[0]["sender"] != me else messages[0]["recipient"]
    question = net.question(me, "replies", suggested) if suggested else None
    return net.page(
        "thread.html",
        me=me,
        thread=thread,
        messages=messages,
        other=other,
        suggested=suggested,
        question=question,
    )


def _people(net: Network, _request: Request, me: str) -> Response:
    return net.page("people.html", me=me, connections=net.store.connections(me))


def _person(net: Network, request: Request, me: str) -> Response:
    who = net.store.account(request.path_params["account"])
    if who is None:
        return _lost(net)
    return net.page(
        "person.html",
        me=me,
        who=who,
        roles=net.store.has(who["id"], "role"),
        skills=net.store.has(who["id"], "skill"),
        items=net.store.has(who["id"], "item"),
        connected=who["id"] in net.store.connections(me),
        premium=bool(net.store.account(me)["premium"]),  # type: ignore[index]
    )


def _settings(net: Network, _request: Request, me: str) -> Response:
    return net.page("settings.html", me=me, address=net.api.link(me, to="settings"))


def _backstage(net: Network, _request: Request, me: str) -> Response:
    releases = list(net.api.releases())[::-1]
    served = {r["trainer"]: r["release"] for r in releases[::-1] if r["superseded_by"] is None}
    return net.page(
        "backstage.html",
        me=me,
        nights=net.store.ask("SELECT * FROM night ORDER BY number DESC LIMIT 12"),
        told=net.store.ask("SELECT * FROM told WHERE account = ? ORDER BY at DESC, id DESC", me),
        releases=releases,
        served=set(served.values()),
        can_work=net.folder is not None,
    )


def _lost(net: Network) -> Response:
    answer = net.page("lost.html")
    answer.status_code = 404
    return answer


# --- acts -----------------------------------------------------------------------------------------


def _sign_in(net: Network, fields: dict[str, str]) -> Response:
    guests = net.store.ask("SELECT id FROM account ORDER BY rowid LIMIT ?", GUESTS)
    if fields.get("account") not in {row["id"] for row in guests}:
        return _lost(net)
    answer = RedirectResponse("/feed", status_code=303)
    secret = net.store.sign_in(fields["account"])
    answer.set_cookie(_COOKIE, secret, httponly=True, samesite="lax")
    return answer


def _send(net: Network, request: Request, me: str, fields: dict[str, str]) -> Response:
    thread, text = request.path_params["thread"], fields.get("text", "").strip()[:4_000]
    messages = net.store.thread(me, thread)
    if not messages:
        return _lost(net)
    first = messages[0]
    other = first["recipient"] if first["sender"] == me else first["sender"]
    if text:
        net.store.send(thread, me, other, first["kind"], text)
    return RedirectResponse(f"/messages/{thread}", status_code=303)


def _inmail(net: Network, request: Request, me: str, fields: dict[str, str]) -> Response:
    """Write to somebody one is not connected to: for Premium members alone."""
    who, mine = net.store.account(request.path_params["account"]), net.store.account(me)
    text = fields.get("text", "").strip()[:4_000]
    if who is None or mine is None or not mine["premium"] or not text or who["id"] == me:
        return _lost(net)
    thread = f"inmail-{me}-{who['id']}"
    net.store.send(thread, me, who["id"], "inmail", text)
    return RedirectResponse(f"/messages/{thread}", status_code=303)


def _premium(net: Network, _request: Request, me: str, fields: dict[str, str]) -> Response:
    net.store.do("UPDATE account SET premium = ? WHERE id = ?", int("join" in fields), me)
    return RedirectResponse(f"/people/{me}", status_code=303)


def _night(net: Network, _request: Request, _me: str, _fields: dict[str, str]) -> Response:
    """Start the operator's job now instead of tonight, in its own process, and wait for it."""
    if net.folder is None:
        return _lost(net)
    done = subprocess.run(  # noqa: S603 (our own program)
        [sys.executable, "-m", "examples.network.night", str(net.folder)],
        cwd=_HERE.parents[1],
        capture_output=True,
        check=False,
        timeout=300,
    )
    if done.returncode:
        raise RuntimeError(done.stderr.decode(errors="replace")[-2_000:])
    return RedirectResponse("/backstage", status_code=303)


def _hear(net: Network, request: Request, body: bytes) -> Response:
    """Take what Byleave tells: every no, once, and only with a good signature."""
    secret = net.store.fact("webhook")
    if secret is None or not webhook_is_good(secret, request.headers, body):
        return Response(status_code=401)
    net.store.hear(request.headers["webhook-id"], json.loads(body)["data"])
    return Response(status_code=204)


# --- the application ------------------------------------------------------------------------------


def create_app(net: Network) -> Starlette:
    """Return the application."""

    def shown(page: Page) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        async def answer(request: Request) -> Response:
            me = net.store.who(request.cookies.get(_COOKIE, "")) or ""
            if not me and page is not _door:
                return RedirectResponse("/", status_code=303)
            return await run_in_threadpool(page, net, request, me)

        return answer

    def done(act: Callable[..., Response]) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        async def answer(request: Request) -> Response:
            me = net.store.who(request.cookies.get(_COOKIE, ""))
            if me is None or not _ours(request):
                return Response("This did not come from a page of this site.\n", 403)
            fields = dict(parse_qsl((await request.body()).decode("utf-8", "replace")))
            return await run_in_threadpool(act, net, request, me, fields)

        return answer

    async def sign_in(request: Request) -> Response:
        if not _ours(request):
            return Response("This did not come from a page of this site.\n", 403)
        return _sign_in(net, dict(parse_qsl((await request.body()).decode("utf-8", "replace"))))

    async def sign_out(request: Request) -> Response:
        if not _ours(request):
            return Response("This did not come from a page of this site.\n", 403)
        net.store.sign_out(request.cookies.get(_COOKIE, ""))
        answer = RedirectResponse("/", status_code=303)
        answer.delete_cookie(_COOKIE, httponly=True, samesite="lax")
        return answer

    async def hear(request: Request) -> Response:
        return await run_in_threadpool(_hear, net, request, await request.body())

    async def unavailable(_request: Request, _error: Exception) -> Response:
        answer = await run_in_threadpool(net.page, "away.html")
        answer.status_code = 503
        return answer

    async def nowhere(request: Request, _error: Exception) -> Response:
        me = net.store.who(request.cookies.get(_COOKIE, "")) or ""
        answer = await run_in_threadpool(net.page, "lost.html", me=me)
        answer.status_code = 404
        return answer

    app = Starlette(
        routes=[
            Route("/", shown(_door)),
            Route("/feed", shown(_feed)),
            Route("/jobs", shown(_jobs)),
            Route("/messages", shown(_messages)),
            Route("/messages/{thread}", shown(_thread)),
            Route("/messages/{thread}", done(_send), methods=["POST"]),
            Route("/people", shown(_people)),
            Route("/people/{account}", shown(_person)),
            Route("/people/{account}/inmail", done(_inmail), methods=["POST"]),
            Route("/premium", done(_premium), methods=["POST"]),
            Route("/settings", shown(_settings)),
            Route("/backstage", shown(_backstage)),
            Route("/night", done(_night), methods=["POST"]),
            Route("/sign-in", sign_in, methods=["POST"]),
            Route("/sign-out", sign_out, methods=["POST"]),
            Route("/hooks/byleave", hear, methods=["POST"]),
            Mount("/static", StaticFiles(directory=_HERE / "static")),
        ],
        exception_handlers={ApiError: unavailable, 404: nowhere},
    )
    app.add_middleware(_Headers, portal=net.portal)
    return app


def _ours(request: Request) -> bool:
    """Say whether a browser sent this from a page of this very origin."""
    origin = request.headers.get("origin")
    return origin is not None and urlsplit(origin).netloc == request.headers.get("host", "")


class _Headers:
    """Security headers: no script anywhere; one frame is allowed, Byleave's."""

    def __init__(self, app: Any, *, portal: str) -> None:  # noqa: ANN401 (ASGI)
        self._app = app
        self._headers = [
            (
                b"content-security-policy",
                f"default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self';"
                f" frame-src {portal}; base-uri 'none'; frame-ancestors 'none'".encode(),
            ),
            (b"referrer-policy", b"same-origin"),
            (b"x-content-type-options", b"nosniff"),
            (b"cache-control", b"no-store"),
        ]

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401 (ASGI)
        async def with_headers(message: Any) -> None:  # noqa: ANN401 (ASGI)
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message["headers"], *self._headers]}
            await send(message)

        await self._app(scope, receive, with_headers if scope["type"] == "http" else send)


def greet(net: Network, site: str) -> None:
    """Tell Byleave who is here, what they said before, and where every no is to be told; once."""
    if net.store.fact("webhook") is not None:
        return
    net.api.enrol([row["id"] for row in net.store.ask("SELECT id FROM account ORDER BY rowid")])
    said = [
        Choice(
            member=member,
            kind="grant" if answer == "all" or (answer == "first" and line == 0) else "refuse",
            scope=use,
            notice=f"{PLANS[number].source}-1",
            includes_past=answer != "no" and (answer == "all" or line == 0),
            channel="settings",
        )
        for member, number, answer in choices(net.store)
        for line, use in enumerate(PLANS[number].asks)
    ]
    for start in range(0, len(said), 1_000):
        net.api.record(said[start : start + 1_000])
    net.store.keep("webhook", net.api.add_webhook("network", f"{site}/hooks/byleave"))


def main(folder: str, port: str, portal: str, provider: str) -> None:
    """Serve until stopped. The API token is in the environment, `BYLEAVE_TOKEN`."""
    root, site = Path(folder), f"http://127.0.0.1:{port}"
    with Client(portal, token=os.environ["BYLEAVE_TOKEN"]) as api:
        store = Store(root / "network.sqlite")
        net = Network(store, api, portal=portal, provider=provider, folder=root)
        greet(net, site)
        config = uvicorn.Config(
            create_app(net), host="127.0.0.1", port=int(port), log_level="warning"
        )
        uvicorn.Server(config).run()


if __name__ == "__main__":
    main(*sys.argv[1:5])
