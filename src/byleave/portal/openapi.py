"""What `/openapi.json` says besides the routes: who may call each, keys, reasons, errors, rates.

Made from the same table of routes that lets callers in, so that the document cannot say otherwise.
"""

from __future__ import annotations

from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from byleave.portal.access import Access, Role, Routes
from byleave.portal.problem import PROBLEM

__all__ = ["describe"]

_API: Final = "/api/v1/"
_SAYS: Final = (
    "What holds for all routes: docs/spec/api.md. Errors are `application/problem+json` with a "
    "stable `code`; `GET /errors/{code}` says what each means. A word or field that is not known "
    "refuses the request."
)
_KEY: Final = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": True,
    "description": "New for each thing to be done, the same when sent again; kept for 7 days.",
    "schema": {"type": "string", "pattern": "^[!-~]{1,128}$"},
    "example": "9a1f0d7e-5f0c-4f5e-8a51-6a2d3f1c0b7e",
}
_PROBLEM: Final = {
    "type": "object",
    "required": ["type", "title", "status", "detail", "code"],
    "properties": {
        "type": {"type": "string", "description": "`/errors/CODE`, which says what it means."},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "What is wrong, for people."},
        "code": {"type": "string", "description": "Stable; programs go by it."},
        "hint": {"type": "string", "description": "What to do next."},
        "where": {"type": "string", "description": "Field or line it is about."},
    },
    "example": {
        "type": "/errors/api.key-reused",
        "title": "This request cannot be acted on.",
        "status": 422,
        "detail": "This key was used for another request before.",
        "code": "api.key-reused",
    },
}
_REFUSED: Final = {
    "description": "Refused: nothing was done.",
    "content": {PROBLEM: {"schema": {"$ref": "#/components/schemas/Problem"}}},
}
_LATER: Final = {
    "description": "Too many requests in a row.",
    "headers": {
        "Retry-After": {"description": "Seconds.", "schema": {"type": "integer"}},
        "RateLimit": {"description": "What is left, and when.", "schema": {"type": "string"}},
    },
    "content": {PROBLEM: {"schema": {"$ref": "#/components/schemas/Problem"}}},
}
_SCHEMES: Final = {
    "token": {
        "type": "http",
        "scheme": "bearer",
        "description": "`byleave access token NAME --scope …`; a scope is named with each route.",
    },
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": "byleave",
        "description": "Of a person who signed in; `__Host-byleave` over https.",
    },
}
_NO_KEY: Final = frozenset({"/api/v1/uploads"})
_OWN_KEYS: Final = frozenset({"HTTPValidationError", "ValidationError"})


def describe(app: FastAPI, routes: Routes) -> None:
    """Have the application's OpenAPI document say all this."""

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _document(app, routes)
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign]  # FastAPI's own way to extend it


def _document(app: FastAPI, routes: Routes) -> dict[str, Any]:
    found = get_openapi(title=app.title, version=app.version, description=_SAYS, routes=app.routes)
    components = found.setdefault("components", {})
    components["securitySchemes"] = _SCHEMES
    schemas = components.setdefault("schemas", {})
    for name in _OWN_KEYS & schemas.keys():
        del schemas[name]
    schemas["Problem"] = _PROBLEM
    for path, methods in found["paths"].items():
        for method, operation in methods.items():
            _operation(operation, method.upper(), path, routes)
    return found


def _operation(operation: dict[str, Any], method: str, path: str, routes: Routes) -> None:
    access = _access(routes, method, path)
    operation["security"] = _security(access)
    answers = operation.setdefault("responses", {})
    answers.pop("422", None)  # FastAPI's own form, which no route answers with
    if not path.startswith(_API):
        return
    operation["description"] = f"For {_whom(access)}."
    answers["4XX"], answers["429"] = _REFUSED, _LATER
    if method == "POST" and {"201", "202"} & answers.keys() and path not in _NO_KEY:
        operation.setdefault("parameters", []).append(_KEY)


def _access(routes: Routes, method: str, path: str) -> Access:
    known = {
        (m, shape.replace(":path}", "}")): access for (m, shape), access in routes.table.items()
    }
    return known[method, path]


def _security(access: Access) -> list[dict[str, list[str]]]:
    if Role.PUBLIC in access.roles:
        return [{}]
    ways: list[dict[str, list[str]]] = []
    if access.scope is not None:
        ways.append({"token": [access.scope]})
    if access.roles - {Role.PLATFORM}:
        ways.append({"session": []})
    return ways


def _whom(access: Access) -> str:
    if Role.PUBLIC in access.roles:
        return "whoever has the address" if access.link else "anybody"
    people = [str(role) for role in sorted(access.roles) if role is not Role.PLATFORM]
    token = [] if access.scope is None else [f"a token with `{access.scope}`"]
    return ", ".join([*people, *token])
