"""The same answer as a page's, without a server: from its address to its facts (rule O3)."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

from byleave.errors import InputError
from byleave.ids import parse_instant

__all__ = ["page_facts"]

Facts = dict[str, Any]
Query = dict[str, str]


def page_facts(workspace: Any, address: str) -> Facts:  # noqa: ANN401 (a Workspace, above this)
    """Return the facts of the page at an address; see `Faces.page`.

    Raises:
        InputError: `workspace.unknown-object`.
    """
    parts = urlsplit(address)
    query = {name: value for name, value in parse_qsl(parts.query) if value.strip()}
    path = parts.path.rstrip("/").removesuffix(".json")
    for pattern, schema, name, read in _PAGES:
        match = re.fullmatch(pattern, path)
        if match:
            facts = read(workspace, query, *match.groups())
            return {"schema": f"byleave/page-{schema}/v1", name: facts}
    raise InputError(
        "no page of operators, auditors or the public is there",
        code="workspace.unknown-object",
        hint=" ".join(pattern.replace("([0-9]+)", "N") for pattern, *_ in _PAGES),
    )


def _kind(query: Query) -> str | None:
    return query.get("kind", "").strip() or None


def _stretch(query: Query) -> Facts:
    """Return the stretch of time that an address names, and nothing where it names none."""
    names = {"from": "since", "to": "until"}
    return {
        names[name]: parse_instant(value.strip()) for name, value in query.items() if name in names
    }


def _index(query: Query) -> int | None:
    text = query.get("before", "").strip()
    if text and not (text.isascii() and text.isdigit() and len(text) < 17):
        raise InputError("not an index", code="input.malformed", where="before")
    return int(text) if text else None


def _requests(ws: Any, query: Query) -> Facts:  # noqa: ANN401
    found: Facts = ws.acts.requests(show=query.get("show", "open"), kind=_kind(query))
    return found


def _trail(ws: Any, query: Query) -> Facts:  # noqa: ANN401
    found: Facts = ws.acts.trail_facts(kind=_kind(query), before=_index(query), **_stretch(query))
    return found


def _log(ws: Any, query: Query) -> Facts:  # noqa: ANN401
    found: Facts = ws.faces.log(
        kind=_kind(query),
        find=query.get("find", "").strip() or None,
        before=_index(query),
        **_stretch(query),
    )
    return found


_PAGES: Final[tuple[tuple[str, str, str, Callable[..., Facts]], ...]] = (
    ("/house", "house", "house", lambda ws, _: ws.public.console()),
    ("/house/requests", "house-requests", "requests", _requests),
    ("/house/withdrawals", "house-withdrawals", "withdrawals", lambda ws, _: ws.acts.withdrawals()),
    ("/house/rules", "house-rules", "rules", lambda ws, _: ws.acts.rules()),
    ("/house/trail", "house-trail", "trail", _trail),
    ("/house/jobs", "house-jobs", "jobs", lambda ws, query: ws.faces.jobs(before=_index(query))),
    ("/audit", "audit", "audit", lambda ws, _: ws.faces.audit()),
    ("/audit/log", "audit-log", "audit-log", _log),
    (
        "/audit/log/([0-9]+)",
        "audit-entry",
        "audit-entry",
        lambda ws, _, index: ws.faces.entry(int(index)),
    ),
    ("/transparency", "transparency", "transparency", lambda ws, _: ws.faces.transparency()),
)
"""Pattern of the path, schema, name of the twin's part, and what reads it."""
