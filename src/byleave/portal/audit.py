"""The auditor's routes: what to repeat, the log, a proof by upload, recomputing the log."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Final

from fastapi import Path, Query, Request
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from byleave.evidence.entry import ENTRY_KINDS
from byleave.pages import audit as pages
from byleave.pages.view import read
from byleave.portal.access import Access, Role, Routes, caller_of
from byleave.portal.desk import Desk
from byleave.portal.facing import Facing
from byleave.portal.form import form_of
from byleave.portal.page import from_, instant_of, to_
from byleave.portal.problem import ProblemError
from byleave.portal.upload import upload_of
from byleave.verify import verify
from byleave.wiring import Workspace

__all__ = ["add_audit"]

_MOST: Final = 20_000
"""Log entries up to which a page recomputes the log; a longer one wants the command."""

Index = Annotated[int, Path(ge=0, lt=2**53)]
Kind = Annotated[str, Query(max_length=40)]
Find = Annotated[str, Query(max_length=255)]
Before = Annotated[str, Query(max_length=16, pattern="^[0-9]*$")]


class _Auditor(Facing):
    """What the auditor's pages share."""

    def home(self, ws: Workspace) -> pages.Audit:
        return read(pages.Audit, ws.faces.audit(), where="audit")

    def part(
        self, kind: str, find: str, before: str, since: str, until: str
    ) -> Callable[[Workspace], pages.LogPart]:
        if kind.strip() not in {"", *ENTRY_KINDS}:
            raise ProblemError(400, "api.malformed", "No entry is of this kind.")
        wanted: dict[str, Any] = {
            "before": int(before) if before else None,
            "kind": kind.strip() or None,
            "find": find.strip() or None,
            "since": instant_of(since),
            "until": instant_of(until),
        }
        return lambda ws: read(pages.LogPart, ws.faces.log(**wanted), where="log")

    def entry(self, index: int) -> Callable[[Workspace], pages.EntryView]:
        def found(ws: Workspace) -> pages.EntryView:
            if index >= ws.log.checkpoint()["size"]:
                raise ProblemError(404, "api.not-found", "The checkpoint covers no such entry.")
            return read(pages.EntryView, ws.faces.entry(index), where="entry")

        return found

    def check_form(self, request: Request, sent: str) -> None:
        self.desk.callers.check_form(caller_of(request), sent)


def add_audit(routes: Routes, desk: Desk, *, demo: bool, base: str) -> None:
    """Add the routes."""
    auditor = _Auditor(desk, demo=demo, base=base)
    _reading(routes, auditor)
    _checking(routes, auditor)


def _reading(routes: Routes, auditor: _Auditor) -> None:
    own, base, desk = Access.of(Role.AUDITOR), auditor.base, auditor.desk

    async def home(request: Request) -> HTMLResponse:
        faced = await auditor.read(auditor.home)
        return HTMLResponse(pages.home_page(*faced, base=base, form=_form(request)))

    async def home_json() -> JSONResponse:
        return await auditor.twin("audit", auditor.home)

    async def log(
        request: Request,
        kind: Kind = "",
        find: Find = "",
        before: Before = "",
        since: from_ = "",
        until: to_ = "",
    ) -> Response:
        frame, view = await auditor.read(auditor.part(kind, find, before, since, until))
        number = find.strip().replace(",", "")
        if number.isascii() and number.isdigit() and int(number) < view.size:
            return RedirectResponse(f"{base}/audit/log/{int(number)}", status_code=303)
        return HTMLResponse(pages.log_page(frame, view, base=base, form=_form(request)))

    async def log_json(
        kind: Kind = "",
        find: Find = "",
        before: Before = "",
        since: from_ = "",
        until: to_ = "",
    ) -> JSONResponse:
        return await auditor.twin("audit-log", auditor.part(kind, find, before, since, until))

    async def entry(request: Request, index: Index) -> HTMLResponse:
        faced = await auditor.read(auditor.entry(index))
        return HTMLResponse(pages.entry_page(*faced, base=base, form=_form(request)))

    async def entry_json(index: Index) -> JSONResponse:
        return await auditor.twin("audit-entry", auditor.entry(index))

    async def entry_proof(index: Index) -> Response:
        view = await desk.aside.read(auditor.entry(index))
        return Response(
            view.proof,
            media_type="text/plain; charset=utf-8",
            headers={"content-disposition": f'attachment; filename="{index}.tlog-proof"'},
        )

    routes.add("GET", "/audit.json", own, home_json, summary="What an auditor repeats, as JSON")
    routes.add("GET", "/audit", own, home, summary="What an auditor repeats")
    routes.add("GET", "/audit/log.json", own, log_json, summary="The log, newest first, as JSON")
    routes.add("GET", "/audit/log", own, log, summary="The log, newest first")
    routes.add("GET", "/audit/log/{index}.json", own, entry_json, summary="One entry, as JSON")
    routes.add("GET", "/audit/log/{index}.tlog-proof", own, entry_proof, summary="An entry's proof")
    routes.add("GET", "/audit/log/{index}", own, entry, summary="One entry, with its proof")


def _checking(routes: Routes, auditor: _Auditor) -> None:
    own, base, desk = Access.of(Role.AUDITOR), auditor.base, auditor.desk

    async def check(request: Request) -> HTMLResponse:
        """Check an uploaded proof with this workspace's own trust file; nothing is kept."""
        parts = await upload_of(request)
        auditor.check_form(request, parts.get("form", b"").decode("ascii", errors="replace"))
        trust = desk.reader.places.trust.read_bytes()
        found = verify(parts.get("proof", b""), trust, parts.get("receipt") or None)
        frame, _ = await auditor.read(auditor.home)
        return HTMLResponse(pages.verdict_page(frame, found, base=base, form=_form(request)))

    async def recompute(request: Request) -> HTMLResponse:
        """Recompute the log, where it is short enough to wait for."""
        fields = await form_of(request)
        auditor.check_form(request, fields.get("form", ""))

        def found(ws: Workspace) -> tuple[pages.Problem, ...]:
            if ws.log.checkpoint()["size"] > _MOST:
                raise ProblemError(413, "api.too-large", "Run byleave fsck on the machine itself.")
            return tuple(
                pages.Problem(where=item.where, problem=item.message, code=item.code)
                for item in ws.log.fsck().problems
            )

        problems = await desk.aside.read(found)
        frame, _ = await auditor.read(auditor.home)
        return HTMLResponse(pages.problems_page(frame, problems, base=base, form=_form(request)))

    routes.add("POST", "/audit/verify", own, check, summary="Check an uploaded proof")
    routes.add("POST", "/audit/fsck", own, recompute, summary="Recompute the log")


def _form(request: Request) -> str:
    return caller_of(request).form or ""
