"""Who may call what: roles, scopes, and the one way a route is added.

A route cannot be added without saying who may call it: `Routes.add` asks for an `Access`, and the
role matrix in the tests is made from what it was given. Doubt means no: a caller without one of the
roles, or a token without the scope, is refused.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from fastapi import Depends, FastAPI, Request
from fastapi.routing import APIRoute

from byleave.portal.problem import ProblemError
from byleave.wiring.admission import SCOPES

__all__ = [
    "ANYONE",
    "BY_LINK",
    "PEOPLE",
    "Access",
    "Caller",
    "Role",
    "Routes",
    "anyone_only",
    "caller_of",
]


class Role(StrEnum):
    """What a caller is to the platform."""

    PUBLIC = "public"
    MEMBER = "member"
    OPERATOR = "operator"
    RECIPIENT = "recipient"
    AUDITOR = "auditor"
    PLATFORM = "platform"
    """A program of the platform's own, by API token."""


PEOPLE: Final = frozenset({Role.MEMBER, Role.OPERATOR, Role.RECIPIENT, Role.AUDITOR})
"""Roles that sign in with a browser."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks.

    Attributes:
        role: Their role.
        subject: A member's ordinal in decimal digits, a recipient's term, or a name; empty for the
            public.
        scopes: What a token may do; empty for sessions.
        token: Id of the API token they came with; None for sessions and the public.
        form: What a form of their session must send back; None for tokens and the public.
        reason: Why a token reads members' data; empty where each request says so.
    """

    role: Role
    subject: str = ""
    scopes: frozenset[str] = frozenset()
    token: str | None = None
    form: str | None = None
    reason: str = ""

    @property
    def name(self) -> str:
        """Return a name for logs of acts and for idempotency keys; no member id is in it."""
        return f"{self.role}:{self.token or self.subject}"

    @property
    def ordinal(self) -> int:
        """Return the member's ordinal.

        Raises:
            ProblemError: 403, the caller is no member.
        """
        if self.role is not Role.MEMBER:
            raise ProblemError(403, "api.role", "This is for members.")
        return int(self.subject)


@dataclass(frozen=True, slots=True)
class Access:
    """Who may call a route.

    Attributes:
        roles: Roles that may; the public among them means anyone.
        scope: What an API token must be allowed besides its role.
        link: The address itself is the sign-in (a member's read-only link).
    """

    roles: frozenset[Role]
    scope: str | None = None
    link: bool = False

    def __post_init__(self) -> None:
        if self.scope is not None and self.scope not in SCOPES:
            raise ValueError(self.scope)
        if (Role.PLATFORM in self.roles) != (self.scope is not None):
            raise ValueError("a route for tokens names its scope, and no other does")

    @classmethod
    def of(cls, *roles: Role, scope: str | None = None) -> Access:
        """Return the access of these roles; with a scope, of API tokens that have it as well."""
        more = {Role.PLATFORM} if scope else set()
        return cls(frozenset({*roles, *more}), scope)

    def admits(self, caller: Caller) -> bool:
        """Say whether a caller may."""
        if Role.PUBLIC in self.roles:
            return True
        if caller.role not in self.roles:
            return False
        return caller.role is not Role.PLATFORM or self.scope in caller.scopes


_NOT_KEPT: Final = ("/api/", "/in/", "/sign")
"""Beginnings of paths that are private whoever asks: the API, and the ways in and out."""

ANYONE: Final = Access(frozenset({Role.PUBLIC}))
"""Anybody may."""

BY_LINK: Final = Access(frozenset({Role.PUBLIC}), link=True)
"""The address itself is the sign-in: whoever has a member's read-only link."""


def anyone_only(request: Request, access: Access) -> Caller:
    """Admit to what anyone may see: for a portal without sign-in.

    Raises:
        ProblemError: 403 `api.role`.
    """
    del request
    caller = Caller(Role.PUBLIC)
    if not access.admits(caller):
        raise ProblemError(403, "api.role", "This is for others than you.")
    return caller


@dataclass(frozen=True, slots=True)
class Routes:
    """The routes of an application, each with who may call it.

    Attributes:
        app: The application.
        admit: Called with (request, access) before each; returns the caller or raises.
        note: Called with (request, caller, access) once they are admitted, before the answer, and
            again where the answer signs somebody in.
        table: (method, path) of each route, and its access.
    """

    app: FastAPI
    admit: Callable[[Request, Access], Caller]
    note: Callable[[Request, Caller, Access], Awaitable[None]] | None = None
    table: dict[tuple[str, str], Access] = field(default_factory=dict)

    def add(
        self,
        method: str,
        path: str,
        access: Access,
        endpoint: Callable[..., Any],
        *,
        summary: str = "",
        **more: Any,  # noqa: ANN401 (what FastAPI takes)
    ) -> None:
        """Add a route; `more` is what `FastAPI.add_api_route` takes besides."""
        self.table[method, path] = access
        admit, note = self.admit, self.note

        async def admitted(request: Request) -> None:
            if request.headers.get("authorization", "")[:8].lower() == "byleave ":
                request.state.body = await request.body()  # what the signature is over
            request.state.caller = caller = admit(request, access)
            if path.startswith("/api/"):
                _only_known(request)
            if note is not None:
                await note(request, caller, access)

        self.app.add_api_route(
            path,
            endpoint,
            methods=[method],
            summary=summary or None,
            dependencies=[Depends(admitted)],
            **more,
        )

    def methods(self, path: str) -> list[str]:
        """Return which methods an address takes."""
        found = {m for (m, shape), _ in self.table.items() if re.fullmatch(_shape(shape), path)}
        more = {"HEAD"} if "GET" in found else set()
        return sorted(found | more | {"OPTIONS"})

    async def signed_in(self, request: Request, caller: Caller) -> None:
        """Take note of a request that signed somebody in, as of one of theirs."""
        if self.note is not None:
            await self.note(request, caller, ANYONE)

    def private(self) -> Callable[[str], bool]:
        """Return what says of a path that nothing may store what stands there: not for everybody."""
        shapes = {
            _shape(path)
            for (_, path), access in self.table.items()
            if access.link or Role.PUBLIC not in access.roles
        }
        known = re.compile("|".join(sorted(shapes)))
        return lambda path: path.startswith(_NOT_KEPT) or known.fullmatch(path) is not None

    def unlisted(self) -> list[str]:
        """Return paths of the application that were added past this table: none, a test says."""
        listed = {path for _, path in self.table}
        return [
            route.path
            for route in self.app.routes
            if isinstance(route, APIRoute) and route.path not in listed
        ]


def _only_known(request: Request) -> None:
    """Refuse a word after the `?` that a route of the API does not know.

    Raises:
        ProblemError: 422 `api.malformed`.
    """
    asked = request.query_params
    if not asked:
        return
    known = _known(request.scope["route"])
    for name in asked:
        if name not in known:
            raise ProblemError(
                422,
                "api.malformed",
                f"This address does not know this word; it knows {', '.join(known) or 'none'}.",
                where=f"query.{name[:40]}",
            )


def _known(route: APIRoute) -> list[str]:
    return sorted(str(field.alias) for field in route.dependant.query_params)


def _shape(path: str) -> str:
    """Return the pattern of a route's addresses."""
    return "".join(
        (".+" if part.endswith(":path}") else "[^/]+") if part.startswith("{") else re.escape(part)
        for part in re.split(r"(\{[^}]*\})", path)
    )


def caller_of(request: Request) -> Caller:
    """Return who was admitted to this route."""
    caller: Caller = request.state.caller
    return caller
