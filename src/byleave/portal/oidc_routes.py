"""Signing in at the operator's provider: there, back, and out of it again.

A sign-in belongs to the browser that began it: its cookie holds a secret from which state, nonce
and PKCE verifier are derived, and which is good once, for ten minutes. Whoever comes back without
it is refused, so that nobody is signed in as somebody else by a link they were sent.
"""

from __future__ import annotations

import hmac
import re
from datetime import timedelta
from typing import Annotated, Final

from fastapi import Query, Request
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from byleave.ids import to_us
from byleave.pages import sign_in as pages
from byleave.portal.access import ANYONE, Role, Routes
from byleave.portal.desk import Desk
from byleave.portal.form import form_of
from byleave.portal.language import language_of
from byleave.portal.oidc import Begun, Ended, Provider
from byleave.portal.oidc_roles import grantee_for, roles_offered
from byleave.portal.problem import ProblemError
from byleave.portal.sign_in import home
from byleave.portal.whom import whom_of
from byleave.wiring.admission import is_secret, make_secret, secret_digest
from byleave.wiring.desk import OnceOnly

__all__ = ["add_oidc", "own_path"]

_LIFETIME: Final = timedelta(minutes=10)
_PATH: Final = re.compile(r"/(?!/)[A-Za-z0-9._~/-]*(?:\?[A-Za-z0-9._~=&%-]*)?")
_LONGEST: Final = 500
_FIELDS: Final = ("code", "state", "iss", "error")


def own_path(path: str) -> str:
    """Return a path of this site that may be led to, or nothing: no host, no scheme, no backslash."""
    good = len(path) <= _LONGEST and _PATH.fullmatch(path) is not None and "//" not in path
    return path if good else ""


def add_oidc(routes: Routes, desk: Desk, provider: Provider, *, base: str) -> None:
    """Add the routes."""
    _Door(routes, desk, provider, base).add()


class _Door:
    def __init__(self, routes: Routes, desk: Desk, provider: Provider, base: str) -> None:
        self._routes = routes
        self._desk = desk
        self._provider = provider
        self._base = base
        self._back = f"{desk.site}{base}/sign-in/back"
        self._cookie = "__Host-byleave-in" if desk.callers.secure else "byleave-in"
        self._offered = roles_offered(provider.settings)

    def add(self) -> None:
        add = self._routes.add
        add("GET", "/sign-in", ANYONE, self.offer, summary="Where to sign in")
        add("GET", "/sign-in/start", ANYONE, self.start, summary="Go to the sign-in provider")
        add("GET", "/sign-in/back", ANYONE, self.back, summary="Come back from it")
        add("POST", "/sign-in/over", ANYONE, self.over, summary="The provider ends sessions")
        add("GET", "/signed-out", ANYONE, self.signed_out, summary="You are signed out")

    async def offer(
        self, request: Request, after: Annotated[str, Query(alias="next", max_length=_LONGEST)] = ""
    ) -> HTMLResponse:
        roles = [role.value for role in self._offered]
        return HTMLResponse(
            pages.offer_page(
                base=self._base,
                roles=roles,
                after=own_path(after),
                whom=whom_of(request),
                language=language_of(request),
            )
        )

    async def start(
        self,
        request: Request,
        role: Annotated[str, Query(alias="as", max_length=20)] = Role.MEMBER.value,
        after: Annotated[str, Query(alias="next", max_length=_LONGEST)] = "",
    ) -> Response:
        """Begin: remember this browser, and send it to the provider."""
        if role not in {offered.value for offered in self._offered}:
            return self._failed(request, ProblemError(403, "oidc.role", "Nobody signs in so."))
        desk = self._desk
        secret, now = make_secret(desk.reader.house.random), desk.now()
        try:
            address = await self._provider.address(self._begun(secret), back=self._back)
        except ProblemError as error:
            return self._failed(request, error)
        desk.file.add_flow(
            secret_digest(secret),
            role=role,
            after=own_path(after),
            now_us=to_us(now),
            expires_us=to_us(now + _LIFETIME),
        )
        answer = RedirectResponse(address, status_code=303)
        answer.set_cookie(
            self._cookie,
            secret,
            max_age=int(_LIFETIME.total_seconds()),
            httponly=True,
            secure=desk.callers.secure,
            samesite="lax",
            path="/",
        )
        return answer

    async def back(self, request: Request) -> Response:
        """End: check what the provider says, and start a session for whom that is."""
        try:
            answer = await self._entered(request)
        except ProblemError as error:
            answer = self._failed(request, error)
        answer.delete_cookie(
            self._cookie,
            httponly=True,
            secure=self._desk.callers.secure,
            samesite="lax",
            path="/",
        )
        return answer

    async def _entered(self, request: Request) -> Response:
        desk = self._desk
        secret = request.cookies.get(self._cookie, "")
        flow = None
        if is_secret(secret):
            flow = desk.file.take_flow(secret_digest(secret), now_us=to_us(desk.now()))
        if flow is None:
            raise ProblemError(400, "oidc.state", "This browser began no sign-in that is open.")
        role, after = Role(flow[0]), flow[1]
        claims = await self._provider.claims(
            self._begun(secret), _single(request), back=self._back, now=desk.now()
        )
        grantee = grantee_for(
            self._provider.settings, claims, role, ordinal=desk.read.member.ordinal
        )
        place = after or home(self._routes, role)
        answer = RedirectResponse(self._base + place, status_code=303)
        sid = claims.get("sid")
        outside = self._digest(claims["sub"]), self._digest(sid) if isinstance(sid, str) else None
        caller = desk.callers.start(grantee, answer, before=request, outside=outside)
        await self._routes.signed_in(request, caller)
        return answer

    async def over(self, request: Request) -> Response:
        """End the sessions that the provider names (back-channel logout); a token counts once."""
        kept = {"cache-control": "no-store"}
        try:
            fields = await form_of(request)
            ended = await self._provider.over(fields.get("logout_token", ""), now=self._desk.now())
            self._end(ended)
        except ProblemError as error:
            return JSONResponse(
                {"error": "invalid_request", "error_description": error.code},
                status_code=error.status if error.status >= 500 else 400,
                headers=kept,
            )
        return Response(status_code=200, headers=kept)

    def _end(self, ended: Ended) -> None:
        """End sessions, and remember the token in the same transaction of the desk.

        Raises:
            ProblemError: 403 `oidc.token`, it came before, to this server or another.
        """
        done = self._desk.file.end_outside(
            who=None if ended.sub is None else self._digest(ended.sub),
            sid=None if ended.sid is None else self._digest(ended.sid),
            once=OnceOnly(
                token=self._digest(ended.jti, b"jti"),
                now_us=to_us(self._desk.now()),
                until_us=int((ended.until + 1) * 1_000_000),
            ),
        )
        if done is None:
            raise ProblemError(403, "oidc.token", "This logout token came before.")

    def _digest(self, name: str, what: bytes = b"outside") -> bytes:
        """Return what is kept of a name that the provider gave: of somebody, or of a token."""
        key = self._desk.reader.portal_key()
        return hmac.new(key, b"byleave " + what + b" v1\x00" + name.encode(), "sha256").digest()

    async def signed_out(self, request: Request) -> HTMLResponse:
        end = await self._provider.end_address(back=f"{self._desk.site}{self._base}/")
        return HTMLResponse(
            pages.signed_out_page(
                base=self._base, end=end, whom=whom_of(request), language=language_of(request)
            )
        )

    def _begun(self, secret: str) -> Begun:
        return Begun.of(self._desk.reader.portal_key(), secret)

    def _failed(self, request: Request, error: ProblemError) -> Response:
        page = pages.failed_page(
            base=self._base,
            code=error.code,
            whom=whom_of(request),
            language=language_of(request),
        )
        return HTMLResponse(page, status_code=error.status)


def _single(request: Request) -> dict[str, str]:
    """Return the fields of the provider's answer; one that comes twice refuses.

    Raises:
        ProblemError: 400 `oidc.state`.
    """
    found = {}
    for name in _FIELDS:
        values = request.query_params.getlist(name)
        if len(values) > 1:
            raise ProblemError(400, "oidc.state", "A field of the provider's answer came twice.")
        if values:
            found[name] = values[0]
    return found
