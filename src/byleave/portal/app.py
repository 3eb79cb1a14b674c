"""The portal as an ASGI application: addresses, and which view each shows.

Every page has a `.json` twin made from the same view. A proof is handed out only on the page
that names it: a member's proofs under their own link, public ones under `/proofs/`.
Handlers are `async` and run on the thread that opened the workspace, one after another; what reads
a page's facts (`aside`), writes (`writer`) or computes (`wiring/jobs.py`) has threads of its own.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import replace
from datetime import datetime, timedelta
from importlib import resources
from typing import Annotated, Final, TypeVar
from urllib.parse import quote

from fastapi import FastAPI, HTTPException, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.exceptions import HTTPException as StarletteHTTPException

from byleave.errors import ByleaveError
from byleave.pages import check, html
from byleave.pages import receipt as receipts
from byleave.pages.link import LinkExpiredError, LinkUnknownError, link_token, read_token
from byleave.pages.receipt import ReceiptView
from byleave.pages.view import (
    Frame,
    MemberAnswer,
    PolicyEntry,
    PublicOverview,
    ReleaseEntry,
)
from byleave.pages.words import say, speech
from byleave.portal.access import ANYONE, BY_LINK, Routes, anyone_only
from byleave.portal.answers import Answers, WorkspaceAnswers
from byleave.portal.api import add_api
from byleave.portal.aside import Aside
from byleave.portal.audit import add_audit
from byleave.portal.check import add_check
from byleave.portal.desk import LIMIT, Desk
from byleave.portal.error_pages import add_error_pages
from byleave.portal.gpc import BrowserSignals, add_gpc
from byleave.portal.guard import Guard
from byleave.portal.house import add_house
from byleave.portal.house_jobs import add_house_jobs
from byleave.portal.house_lists import add_house_lists
from byleave.portal.house_publish import add_house_publish
from byleave.portal.language import Tongues, language_of
from byleave.portal.me import add_me
from byleave.portal.me_ask import add_me_ask
from byleave.portal.me_more import add_me_more
from byleave.portal.oidc_routes import add_oidc, own_path
from byleave.portal.openapi import describe
from byleave.portal.problem import ProblemError, is_api, malformed, plain_problem, problem_of
from byleave.portal.recipient import add_recipient
from byleave.portal.sign_in import add_sign_in
from byleave.portal.suggest import add_suggestions
from byleave.portal.transparency import add_transparency
from byleave.portal.twin import twin
from byleave.portal.webhooks import Webhooks
from byleave.portal.whom import keep_whom, whom_of

__all__ = ["create_app"]

T = TypeVar("T")
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,159}")
_DEMO_LINK: Final = timedelta(days=7)
_KEPT: Final = "public, max-age=31536000, immutable"
_KINDS: Final = {401: "out", 404: "lost", 405: "refused", 410: "gone", 422: "refused", 429: "busy"}


class _Gone(HTTPException):
    def __init__(self, when: datetime) -> None:
        super().__init__(410)
        self.when = when


class _Left(HTTPException):
    """Who the address is of was erased."""

    def __init__(self, when: datetime, index: int) -> None:
        super().__init__(410)
        self.when = when
        self.index = index


class _Desk:
    """Finds what a page shows; a miss is a 404, told like every other miss."""

    def __init__(
        self, answers: Answers, *, demo: bool, base: str, aside: Aside | None = None
    ) -> None:
        self.answers = answers
        self.demo = demo
        self.base = base
        self._aside = aside

    async def ask(self, do: Callable[[Answers], T]) -> T:
        """Ask for what takes longer: beside the loop, where there are threads for it."""
        if self._aside is None:
            return do(self.answers)
        return await self._aside.read(lambda ws: do(WorkspaceAnswers(ws)))

    async def overview(self) -> PublicOverview:
        """Return what anyone may read."""
        return await self.ask(lambda answers: answers.overview())

    async def standing(self) -> Frame:
        """Return what stands around a page that has no facts of its own."""
        return self.frame(await self.overview())

    def frame(
        self, overview: PublicOverview, answer: MemberAnswer | ReceiptView | None = None
    ) -> Frame:
        stands = answer or overview
        return Frame(
            operator=overview.operator,
            demo=self.demo,
            at=stands.at,
            checkpoint=stands.checkpoint,
            data_origin=overview.data_origin,
            contact=overview.contact,
            authority=overview.authority,
            behind=overview.behind,
        )

    def ordinal(self, token: str) -> int:
        try:
            return read_token(self.answers.key(), token, self.answers.now())
        except LinkExpiredError as error:
            raise _Gone(error.at) from None
        except LinkUnknownError:
            raise HTTPException(404) from None

    def known(self, token: str) -> int | None:
        """Return whose link this is, or None where it is not good now."""
        try:
            return read_token(self.answers.key(), token, self.answers.now())
        except (LinkExpiredError, LinkUnknownError):
            return None

    async def member(self, token: str) -> MemberAnswer:
        ordinal = self.ordinal(token)
        answer = await self.ask(lambda answers: answers.member(ordinal))
        if answer is None:
            raise self._nobody(ordinal)
        return answer

    def _nobody(self, ordinal: int) -> HTTPException:
        """Return why a good link shows nobody: 410 with the entry, where they were erased."""
        erased = self.answers.erased(ordinal)
        return HTTPException(404) if erased is None else _Left(*erased)

    async def receipt(self, token: str) -> tuple[Frame, ReceiptView]:
        ordinal = self.ordinal(token)
        view = await self.ask(lambda answers: answers.receipt(ordinal))
        if view is None:
            raise self._nobody(ordinal)
        return self.frame(await self.overview(), view), view

    async def policy(self, document: str, version: str) -> tuple[Frame, PolicyEntry]:
        overview = await self.overview()
        for entry in overview.policies:
            if (entry.document, entry.version) == (document, version):
                return self.frame(overview), entry
        raise HTTPException(404)

    async def release(self, name: str) -> tuple[Frame, ReleaseEntry]:
        overview = await self.overview()
        for entry in overview.releases:
            if entry.release == name:
                return self.frame(overview), entry
        raise HTTPException(404)

    async def proof(self, name: str, named: set[str | None]) -> Response:
        if not _NAME.fullmatch(name) or name not in named:
            raise HTTPException(404)
        data = await self.ask(lambda answers: answers.proof(name))
        if data is None:
            raise HTTPException(404)
        return Response(
            data,
            media_type="application/octet-stream",
            headers={"content-disposition": f'attachment; filename="{name}.proof"'},
        )

    def demo_links(self, overview: PublicOverview) -> list[tuple[str, str]]:
        if not self.demo:
            return []
        key, end = self.answers.key(), self.answers.now() + _DEMO_LINK
        return [
            (m.label, f"{self.base}/m/{link_token(key, m.ordinal, end)}")
            for m in overview.demo_members
        ]


def create_app(
    answers: Answers,
    *,
    demo: bool,
    base: str = "",
    hosts: frozenset[str] | None = None,
    desk: Desk | None = None,
    embed_in: tuple[str, ...] = (),
) -> FastAPI:
    """Build the application.

    Args:
        answers: Where facts come from.
        demo: Show the demo banner and links to member pages; serve such an app on loopback only.
        base: Prefix of every address, without a slash at its end, where the portal is mounted
            below another site.
        hosts: Host names answered to; None: any.
        desk: What the API and signed-in pages need; None: read-only pages by link alone.
        embed_in: Origins whose pages may show the signed-in member's pages in a frame.
    """
    app = FastAPI(
        title="Byleave",
        version="1",
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json",
        lifespan=None if desk is None else _lifespan(desk),
    )
    aside = None if desk is None else desk.aside
    pages = _Desk(answers, demo=demo, base=base, aside=aside)
    if desk is None:
        routes = Routes(app, anyone_only)
    else:
        routes = Routes(app, desk.admit, BrowserSignals(desk, pages.known).note)
    describe(app, routes)
    app.state.routes = routes
    app.state.desk = desk
    keep_whom(app, desk)
    _public(routes, pages, report=None if desk is None else f"{base}/transparency")
    _member(routes, pages)
    add_suggestions(routes, pages.ask, pages.ordinal)
    add_check(routes, pages.standing, base=base)
    _static(routes)
    add_error_pages(routes)
    if desk is not None:
        add_api(routes, desk)
        add_gpc(routes, desk)
        add_sign_in(routes, desk, base=base)
        if desk.provider is not None:
            add_oidc(routes, desk, desk.provider, base=base)
        add_me(routes, desk, demo=demo, base=base)
        add_me_more(routes, desk, demo=demo, base=base)
        add_me_ask(routes, desk, demo=demo, base=base)
        add_house(routes, desk, demo=demo, base=base)
        add_audit(routes, desk, demo=demo, base=base)
        add_recipient(routes, desk, demo=demo, base=base)
        add_transparency(routes, desk, demo=demo, base=base)
        add_house_lists(routes, desk, demo=demo, base=base)
        add_house_publish(routes, desk, demo=demo, base=base)
        add_house_jobs(routes, desk, demo=demo, base=base)
    _errors(app, base)
    app.add_middleware(Tongues, secure=desk is not None and desk.callers.secure)
    app.add_middleware(
        Guard,
        private=routes.private(),
        fault=lambda scope: _told(Request(scope), 500, base=base),
        hosts=hosts,
        framed=("/in/", "/me/"),
        embed_in=embed_in,
        own_policy={"/check": check.POLICY},
        secure=desk is not None and desk.callers.secure,
        rates=f'"caller";q={LIMIT.burst:.0f};w={LIMIT.burst / LIMIT.rate:.0f}',
    )
    return app


def _lifespan(desk: Desk) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def living(_app: FastAPI) -> AsyncIterator[None]:
        telling = asyncio.create_task(Webhooks(desk).run())
        desk.aside.warm()
        try:
            yield
        finally:
            telling.cancel()
            with suppress(asyncio.CancelledError):
                await telling
            await desk.close()

    return living


def _public(routes: Routes, desk: _Desk, *, report: str | None) -> None:
    base = desk.base

    async def index(request: Request) -> str:
        view = _without_texts(await desk.overview())
        links, language = desk.demo_links(view), language_of(request)
        return html.public_page(
            desk.frame(view), view, base=base, members=links, report=report, language=language
        )

    async def index_json() -> JSONResponse:
        view = _without_texts(await desk.overview())
        return twin("overview", desk.frame(view), view)

    async def policy_json(document: str, version: str) -> JSONResponse:
        return twin("policy", *await desk.policy(document, version))

    async def policy(request: Request, document: str, version: str) -> str:
        facts, language = await desk.policy(document, version), language_of(request)
        return html.policy_page(*facts, base=base, language=language)

    async def newest(document: str) -> RedirectResponse:
        """Lead from a text's name to its newest version."""
        found = [e for e in (await desk.overview()).policies if e.document == document]
        if not found:
            raise HTTPException(404)
        last = max(found, key=lambda entry: entry.index)
        return RedirectResponse(f"{base}/policies/{quote(document)}/{quote(last.version)}", 307)

    async def release_json(release: str) -> JSONResponse:
        return twin("release", *await desk.release(release))

    async def release(request: Request, release: str) -> Response:
        named = [e.release for e in (await desk.overview()).releases if e.model == release]
        if named:  # the digest of a model is an address that stays, whatever its name
            return RedirectResponse(f"{base}/releases/{quote(named[-1])}", 308)
        facts, language = await desk.release(release), language_of(request)
        return HTMLResponse(html.release_page(*facts, base=base, language=language))

    async def proof(name: str) -> Response:
        view = await desk.overview()
        named = {e.proof for e in view.policies} | {e.proof for e in view.releases}
        return await desk.proof(name, named)

    async def trust() -> Response:
        text = (await desk.overview()).trust
        if text is None:
            raise HTTPException(404)
        return Response(text, media_type="text/plain; charset=utf-8")

    routes.add("GET", "/", ANYONE, index, response_class=HTMLResponse, summary="What this is")
    routes.add("GET", "/index.json", ANYONE, index_json, summary="The first page as JSON")
    routes.add(
        "GET", "/policies/{document}", ANYONE, newest, summary="The newest version of a text"
    )
    routes.add(
        "GET",
        "/policies/{document}/{version}.json",
        ANYONE,
        policy_json,
        summary="One version of a text, as JSON",
    )
    routes.add(
        "GET",
        "/policies/{document}/{version}",
        ANYONE,
        policy,
        response_class=HTMLResponse,
        summary="One version of a text",
    )
    routes.add(
        "GET",
        "/releases/{release}.json",
        ANYONE,
        release_json,
        summary="One released model, as JSON",
    )
    routes.add(
        "GET",
        "/releases/{release}",
        ANYONE,
        release,
        response_class=HTMLResponse,
        summary="One released model",
    )
    routes.add("GET", "/proofs/{name}.proof", ANYONE, proof, summary="A public proof")
    routes.add("GET", "/trust.policy", ANYONE, trust, summary="The trust file")


def _member(routes: Routes, desk: _Desk) -> None:
    async def member_json(token: str) -> JSONResponse:
        answer = await desk.member(token)
        return twin("member", desk.frame(await desk.overview(), answer), answer)

    async def receipt_json(token: str) -> JSONResponse:
        return twin("receipt", *await desk.receipt(token))

    async def receipt_jsonld(token: str) -> Response:
        ordinal = desk.ordinal(token)
        data = await desk.ask(lambda answers: answers.standard_receipt(ordinal))
        if data is None:
            raise HTTPException(404)
        return Response(
            data,
            media_type="application/ld+json",
            headers={"content-disposition": 'attachment; filename="receipt.jsonld"'},
        )

    async def receipt(request: Request, token: str) -> str:
        frame, view = await desk.receipt(token)
        own, language = f"{desk.base}/m/{token}", language_of(request)
        return receipts.receipt_page(frame, view, base=desk.base, own=own, language=language)

    async def member_proof(token: str, name: str) -> Response:
        return await desk.proof(name, html.proofs_of(await desk.member(token)))

    async def member(
        request: Request, token: str, until: Annotated[int | None, Query(ge=1)] = None
    ) -> str:
        answer = await desk.member(token)
        return html.member_page(
            desk.frame(await desk.overview(), answer),
            answer,
            base=desk.base,
            own=f"{desk.base}/m/{token}",
            until=until,
            language=language_of(request),
        )

    routes.add(
        "GET", "/m/{token}.json", BY_LINK, member_json, summary="A member's own page, as JSON"
    )
    routes.add(
        "GET",
        "/m/{token}/receipt.json",
        BY_LINK,
        receipt_json,
        summary="A member's receipt, as JSON",
    )
    routes.add(
        "GET",
        "/m/{token}/receipt.jsonld",
        BY_LINK,
        receipt_jsonld,
        summary="A member's receipt, as ISO/IEC TS 27560 JSON-LD",
    )
    routes.add(
        "GET",
        "/m/{token}/receipt",
        BY_LINK,
        receipt,
        response_class=HTMLResponse,
        summary="A member's receipt",
    )
    routes.add(
        "GET",
        "/m/{token}/proofs/{name}.proof",
        BY_LINK,
        member_proof,
        summary="A proof named on a member's page",
    )
    routes.add(
        "GET",
        "/m/{token}",
        BY_LINK,
        member,
        response_class=HTMLResponse,
        summary="A member's own page",
    )


def _static(routes: Routes) -> None:
    async def static(name: str) -> Response:
        if name == html.style_name():
            return Response(html.style(), media_type="text/css", headers={"cache-control": _KEPT})
        if name == "mark.svg":
            mark = (resources.files("byleave.pages") / "static" / "mark.svg").read_bytes()
            return Response(mark, media_type="image/svg+xml")
        raise HTTPException(404)

    routes.add("GET", "/static/{name}", ANYONE, static, include_in_schema=False)


def _errors(app: FastAPI, base: str) -> None:
    """Tell every miss in plain words, in the media type that was asked for."""

    @app.exception_handler(StarletteHTTPException)
    async def on_http(request: Request, error: StarletteHTTPException) -> Response:
        if error.status_code == 405:
            return _other_method(request, base)
        if is_api(request):
            return plain_problem(error.status_code)
        when, entry = getattr(error, "when", None), getattr(error, "index", None)
        return _told(request, error.status_code, base=base, when=when, entry=entry)

    @app.exception_handler(ByleaveError)
    async def on_refused(_request: Request, error: ByleaveError) -> Response:
        return problem_of(error)

    @app.exception_handler(ProblemError)
    async def on_problem(request: Request, error: ProblemError) -> Response:
        if is_api(request) or request.url.path.endswith((".json", ".jsonld")):
            return problem_of(error)
        kind = "others" if error.code == "api.role" else None
        answer = _told(request, error.status, base=base, kind=kind)
        if error.retry is not None:
            answer.headers["retry-after"] = str(error.retry)
        return answer

    @app.exception_handler(RequestValidationError)
    async def on_malformed(request: Request, error: RequestValidationError) -> Response:
        if is_api(request):
            return malformed(request, error)
        return _told(request, 422, base=base)


def _other_method(request: Request, base: str) -> Response:
    """Answer a method that an address does not take, and `OPTIONS`, with those that it takes."""
    routes: Routes = request.app.state.routes
    taken = {"allow": ", ".join(routes.methods(request.url.path))}
    if request.method == "OPTIONS":
        return Response(status_code=204, headers=taken)
    answer = plain_problem(405) if is_api(request) else _told(request, 405, base=base)
    answer.headers.update(taken)
    return answer


def _told(
    request: Request,
    status: int,
    *,
    base: str,
    when: datetime | None = None,
    entry: int | None = None,
    kind: str | None = None,
) -> Response:
    kind = kind or _KINDS.get(status, "fault" if status >= 500 else "refused")
    if kind == "gone" and when is None:
        kind = "lost"
    if entry is not None:
        kind = "left"
    path, accept = request.url.path, request.headers.get("accept", "")
    if path.endswith((".json", ".jsonld", "/suggest")) or "json" in accept:
        return JSONResponse(
            {
                "type": "about:blank",
                "title": say(f"{kind}.title"),
                "status": status,
                "detail": say(f"{kind}.text", **_when(when, entry, "en")),
            },
            status_code=status,
            media_type="application/problem+json",
        )
    language = language_of(request)
    door = _door(request, base) if kind == "out" else None
    page = html.message_page(
        kind,
        base=base,
        language=language,
        door=door,
        whom=whom_of(request),
        **_when(when, entry, language),
    )
    return HTMLResponse(page, status_code=status)


def _door(request: Request, base: str) -> str | None:
    """Return where to sign in, and come back from to the page that was asked for."""
    desk: Desk | None = request.app.state.desk
    if desk is None or desk.provider is None:
        return None
    after = own_path(request.url.path) if request.method == "GET" else ""
    return f"{base}/sign-in" + (f"?next={quote(after, safe='/')}" if after else "")


def _when(at: datetime | None, entry: int | None, language: str) -> dict[str, str]:
    told = speech(language)
    index = {} if entry is None else {"index": told.number(entry)}
    return index if at is None else {"date": told.date(at), **index}


def _without_texts(overview: PublicOverview) -> PublicOverview:
    """Return what the first page shows: each text has a page of its own."""
    return replace(overview, policies=tuple(replace(p, text=None) for p in overview.policies))
