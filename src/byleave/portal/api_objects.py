"""The API's routes about what the platform made: documents, gates, snapshots, releases, packages."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from byleave.portal.access import ANYONE, Access, Role, Routes
from byleave.portal.desk import Desk
from byleave.portal.page import Page, after_, limit_, paged
from byleave.wiring import Workspace

__all__ = ["add_objects"]

_PRIVATE: Final = frozenset({"salt", "nonce", "secret"})

Lister = Callable[[Workspace], list[dict[str, Any]]]

_PUBLIC: Final[dict[str, tuple[str, Lister]]] = {
    "policies": ("Policy documents", lambda ws: ws.policy.list()),
    "notices": ("Notices", lambda ws: ws.notice.list()),
    "releases": ("Released models", lambda ws: ws.release.list()),
}
_HOUSE: Final[dict[str, tuple[str, Lister]]] = {
    "sources": ("Data sets", lambda ws: ws.source.list()),
    "gates": ("Runs of the gate", lambda ws: ws.gate.list()),
    "snapshots": ("Sealed snapshots", lambda ws: ws.snapshot.list()),
    "runs": ("Training runs", lambda ws: ws.model.list()),
    "packages": ("Packages for recipients", lambda ws: ws.disclosure.list()),
    "withdrawals": ("Batches of withdrawals", lambda ws: ws.withdrawal.list()),
}


def add_objects(routes: Routes, desk: Desk) -> None:
    """Add the routes."""
    house = Access.of(Role.OPERATOR, Role.AUDITOR, scope="object.read")
    for name, (title, lister) in _PUBLIC.items():
        _list(routes, desk, name, title, lister, ANYONE)
    for name, (title, lister) in _HOUSE.items():
        _list(routes, desk, name, title, lister, house)


def _list(
    routes: Routes, desk: Desk, name: str, title: str, lister: Lister, access: Access
) -> None:
    async def listed(after: after_ = -1, limit: limit_ = 100) -> Page[dict[str, Any]]:
        found = [document for document in lister(desk.read) if document["index"] > after]
        return paged(found, limit, key=lambda d: int(d["index"]), show=_shown)

    listed.__name__ = f"list_{name}"
    routes.add(
        "GET", f"/api/v1/{name}", access, listed,
        summary=f"{title}, oldest first", response_model=Page[dict[str, Any]],
    )  # fmt: skip


def _shown(document: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in document.items() if name not in _PRIVATE}
