"""Who is calling: an API token, a session's cookie, or anyone.

Secrets are 256 random bits in base64url; what is kept is their SHA-256. A session ends with the
browser, after twelve hours, or by signing out. A request that comes with a cookie and changes
something must come from our own pages: its `Origin` or `Sec-Fetch-Site` says so, and its form sends
the session's form secret back (OWASP CSRF Prevention, "signed double-submit" and origin checks).
A cookie is `Secure` and `__Host-` where the portal is reached over https.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import urlsplit

from fastapi import Request, Response

from byleave.ids import to_us
from byleave.portal.access import Access, Caller, Role
from byleave.portal.problem import ProblemError
from byleave.wiring.admission import is_secret, make_secret, secret_digest
from byleave.wiring.desk import DeskFile, Grantee

__all__ = ["SESSION_LIFETIME", "Callers"]

SESSION_LIFETIME: Final = timedelta(hours=12)
_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_REMEMBERED: Final = 10_000


class Callers:
    """Tells callers apart.

    Args:
        desk: The file of tokens, links and sessions.
        now: The clock.
        random: Source of secret bytes.
        key: The workspace's portal key; a session's form secret is derived with it.
        secure: Whether the portal is reached over https.
    """

    def __init__(
        self,
        desk: DeskFile,
        *,
        now: Callable[[], datetime],
        random: Callable[[int], bytes],
        key: bytes,
        secure: bool,
    ) -> None:
        self._desk = desk
        self._now = now
        self._random = random
        self._key = key
        self.signed: Callable[[Request], Caller | None] | None = None
        """Returns whose registered key signed a request; None: no such requests are taken."""
        self.secure: Final = secure
        self.cookie: Final = "__Host-byleave" if secure else "byleave"
        self._tokens: dict[bytes, tuple[Caller, int]] = {}
        self._version = desk.version()

    # who is this

    def of(self, request: Request) -> Caller:
        """Return who sends a request.

        Raises:
            ProblemError: 401 `api.token`, it carries a token that is not good.
        """
        given = request.headers.get("authorization")
        if given is not None:
            scheme, _, secret = given.partition(" ")
            if scheme.lower() == "byleave" and self.signed is not None:
                caller = self.signed(request)
            else:
                caller = self._bearer(secret.strip()) if scheme.lower() == "bearer" else None
            if caller is None:
                raise ProblemError(401, "api.token", "This token is not known, or is over.")
            return caller
        secret = request.cookies.get(self.cookie, "")
        return (self._session(secret) if secret else None) or Caller(Role.PUBLIC)

    def admit(self, request: Request, access: Access) -> Caller:
        """Return who sends a request, where they may.

        Raises:
            ProblemError: 401 `api.token`, `api.sign-in`; 403 `api.role`, `api.scope`, `api.form`.
        """
        caller = self.of(request)
        if not access.admits(caller):
            if caller.role is Role.PUBLIC:
                raise ProblemError(401, "api.sign-in", "This needs a sign-in or an API token.")
            if caller.role in access.roles:
                raise ProblemError(
                    403, "api.scope", f"This token may not do this; it needs {access.scope}."
                )
            raise ProblemError(403, "api.role", "This is for others than you.")
        if caller.form is not None and request.method not in _SAFE and not self._ours(request):
            raise ProblemError(403, "api.form", "This did not come from a page of this site.")
        return caller

    def check_form(self, caller: Caller, sent: str) -> None:
        """Check what a form of a session sent back; callers without a session pass.

        Raises:
            ProblemError: 403 `api.form`.
        """
        if caller.form is not None and not hmac.compare_digest(caller.form.encode(), sent.encode()):
            raise ProblemError(403, "api.form", "This form is not of this session; load it again.")

    def forget_tokens(self) -> None:
        """Look tokens up anew: this process ended one, which no version of the file tells it."""
        self._tokens.clear()

    def _bearer(self, secret: str) -> Caller | None:
        if not is_secret(secret):
            return None
        digest = secret_digest(secret)
        now = to_us(self._now())
        version = self._desk.version()
        if version != self._version:  # another process revoked or made one
            self._tokens.clear()
            self._version = version
        known = self._tokens.get(digest)
        if known is None:
            found = self._desk.token(digest, now_us=now)
            if found is None:
                return None
            token, grantee, until = found
            caller = Caller(
                Role(grantee.role),
                grantee.subject,
                grantee.scopes,
                token=token,
                reason=grantee.reason,
            )
            if len(self._tokens) >= _REMEMBERED:
                self._tokens.clear()
            known = self._tokens[digest] = (caller, until)
        caller, until = known
        return caller if now < until else None

    def _session(self, secret: str) -> Caller | None:
        if not is_secret(secret):
            return None
        grantee = self._desk.session(secret_digest(secret), now_us=to_us(self._now()))
        if grantee is None:
            return None
        return Caller(Role(grantee.role), grantee.subject, form=self._form(secret))

    def _form(self, secret: str) -> str:
        return hmac.new(self._key, b"byleave form v1\x00" + secret.encode(), "sha256").hexdigest()

    def _ours(self, request: Request) -> bool:
        """Say whether a browser sent this from a page of the same origin."""
        site = request.headers.get("sec-fetch-site")
        if site is not None:
            return site == "same-origin"
        origin = request.headers.get("origin")
        return origin is not None and urlsplit(origin).netloc == request.headers.get("host", "")

    # letting in

    def link_is_good(self, secret: str) -> bool:
        """Say whether a link can still be used."""
        return is_secret(secret) and self._desk.link(
            secret_digest(secret), now_us=to_us(self._now())
        )

    def sign_in(self, secret: str, response: Response, *, before: Request) -> Caller | None:
        """Use a one-time link up and start a session; None where it is unknown, used or over."""
        if not is_secret(secret):
            return None
        grantee = self._desk.use_link(secret_digest(secret), now_us=to_us(self._now()))
        return None if grantee is None else self.start(grantee, response, before=before)

    def start(
        self,
        grantee: Grantee,
        response: Response,
        *,
        before: Request,
        outside: tuple[bytes, bytes | None] | None = None,
    ) -> Caller:
        """Start a session for someone whose identity is shown, and set its cookie.

        The session that the browser had before ends, so that a cookie planted in it is worth
        nothing afterwards (session fixation).

        Args:
            grantee: Whom the session speaks for.
            response: Carries the cookie.
            before: The request that showed who they are.
            outside: Digests of the person and of their session at a provider; None: by link.
        """
        self._end(before)
        secret = make_secret(self._random)
        now = self._now()
        self._desk.add_session(
            secret_digest(secret),
            grantee,
            now_us=to_us(now),
            expires_us=to_us(now + SESSION_LIFETIME),
        )
        if outside is not None:
            self._desk.add_outside(secret_digest(secret), who=outside[0], sid=outside[1])
        response.set_cookie(
            self.cookie, secret, httponly=True, secure=self.secure, samesite="lax", path="/"
        )
        return Caller(Role(grantee.role), grantee.subject, form=self._form(secret))

    def sign_out(self, request: Request, response: Response) -> None:
        """End the session a request came with."""
        self._end(request)
        response.delete_cookie(
            self.cookie, httponly=True, secure=self.secure, samesite="lax", path="/"
        )

    def _end(self, request: Request) -> None:
        secret = request.cookies.get(self.cookie, "")
        if is_secret(secret):
            self._desk.end_session(secret_digest(secret))
