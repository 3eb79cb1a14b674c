"""Publishing through the console: what it would change first, then the log entry.

Nothing is kept between the two steps: the second sends the text again and what the operator saw of
it, and is refused where the impact has changed meanwhile.
"""

from __future__ import annotations

import dataclasses
from typing import Annotated, Any, Final

from fastapi import Path, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from byleave.errors import ByleaveError
from byleave.ids import format_instant
from byleave.pages import house_publish as pages
from byleave.pages.view import read
from byleave.portal.access import Access, Role, Routes, caller_of
from byleave.portal.desk import Desk
from byleave.portal.facing import Facing
from byleave.portal.form import form_of
from byleave.portal.problem import ProblemError
from byleave.wiring import Workspace

__all__ = ["add_house_publish"]

_NAMES: Final = {"policy": "policy.md", "rules": "rulesets.yaml"}


def add_house_publish(routes: Routes, desk: Desk, *, demo: bool, base: str) -> None:
    """Add the pages that publish policy texts and rulesets."""
    own = Access.of(Role.OPERATOR)

    facing = Facing(desk, demo=demo, base=base)

    async def draft(request: Request, kind: str, text: str) -> HTMLResponse:
        form, kind = caller_of(request).form or "", _kind(kind)
        faced = await facing.read(lambda ws: _draft(ws, kind, text))
        return HTMLResponse(pages.draft_page(*faced, base=base, form=form))

    async def empty(request: Request, kind: str) -> HTMLResponse:
        return await draft(request, kind, "")

    async def look(request: Request, kind: str) -> HTMLResponse:
        fields = await form_of(request)
        desk.callers.check_form(caller_of(request), fields.get("form", ""))
        return await draft(request, kind, _text(fields))

    async def publish(request: Request, kind: str) -> Response:
        caller = caller_of(request)
        fields = await form_of(request)
        desk.callers.check_form(caller, fields.get("form", ""))
        kind, text, why = _kind(kind), _text(fields), fields.get("why", "")
        seen = fields.get("seen", "")

        def act(ws: Workspace) -> int:
            if pages.seen(_draft(ws, kind, text)) != seen:
                raise ProblemError(
                    409,
                    "api.changed-since",
                    "What this would change is not what you were shown.",
                    hint="look at it again, then publish",
                )
            if kind == "policy":
                return ws.acts.publish_policy(
                    text, name=_NAMES[kind], who=caller.subject, why=why
                ).index
            ws.acts.publish_rules(text, name=_NAMES[kind], who=caller.subject, why=why)
            return ws.ledger.objects("ruleset")[-1][0]

        index = await desk.write.act(act)
        return RedirectResponse(f"{base}/house/published/{index}", status_code=303)

    async def done(index: Annotated[int, Path(ge=0, lt=2**53)]) -> HTMLResponse:
        faced = await facing.read(lambda ws: _done(ws, index))
        return HTMLResponse(pages.done_page(*faced, base=base))

    routes.add("GET", "/house/publish/{kind}", own, empty, summary="Publish a text")
    routes.add("POST", "/house/publish/{kind}", own, look, summary="What a text would change")
    routes.add("POST", "/house/publish/{kind}/now", own, publish, summary="Publish it")
    routes.add("GET", "/house/published/{index}", own, done, summary="What was published")


def _kind(kind: str) -> str:
    if kind not in _NAMES:
        raise ProblemError(404, "api.not-found", "There is nothing at this address.")
    return kind


def _text(fields: dict[str, str]) -> str:
    return fields.get("text", "").replace("\r\n", "\n")  # a form sends its lines so


def _stand(ws: Workspace) -> dict[str, Any]:
    head = ws.house.log.checkpoint()
    return {
        "at": format_instant(ws.now()),
        "checkpoint": {"origin": head.origin, "size": head.size, "root": head.root.hex()},
    }


def _draft(ws: Workspace, kind: str, text: str) -> pages.Draft:
    facts: dict[str, Any] = {
        **_stand(ws),
        "kind": kind,
        "text": text,
        "problem": None,
        "policy": None,
        "rules": None,
    }
    if text:
        try:
            facts[kind] = _policy(ws, text) if kind == "policy" else _rules(ws, text)
        except ByleaveError as error:
            hint = f" ({error.hint})" if error.hint else ""
            where = f" {error.where}:" if error.where else ""
            facts["problem"] = f"{error.code}:{where} {error.message}{hint}"
    return read(pages.Draft, facts, where="draft")


def _policy(ws: Workspace, text: str) -> dict[str, Any]:
    found = ws.policy.impact(text, name=_NAMES["policy"])
    earlier = [d for d in ws.policy.list() if d["document"] == found.document]
    against = earlier[-1] if earlier else None
    changes = () if against is None else ws.policy.diff_texts(against["text"], text).prose.changes
    changed = [(str(use), "added") for use in found.words.added]
    changed += [(str(use), "removed") for use in found.words.removed]
    return {
        "document": found.document,
        "version": found.version,
        "members": found.members,
        "window_days": found.words.notice_window_days,
        "asked_again": found.asked_again,
        "uses": [
            {"use": use, "change": change, **dataclasses.asdict(found.choices[use])}
            for use, change in changed
        ],
        "against": None if against is None else against.get("label", against["version"]),
        "changes": [
            {
                "kind": change.kind,
                "section": change.section,
                "pieces": [[piece.kind, piece.text] for piece in change.pieces],
            }
            for change in changes
        ],
        "findings": list(found.words.mismatches),
    }


def _rules(ws: Workspace, text: str) -> dict[str, Any]:
    found = ws.acts.rules_impact(text, name=_NAMES["rules"])
    return {
        "version": found.version,
        "sha256": found.digest.hex(),
        "members": found.members,
        "added": list(found.added),
        "removed": list(found.removed),
        "accepts": list(found.accepts),
        "turned_on": [[use, count] for use, count in found.turned_on.items() if count],
        "turned_off": [[use, count] for use, count in found.turned_off.items() if count],
    }


def _done(ws: Workspace, index: int) -> pages.Done:
    found = ws.ledger.object_at(index)
    acts = ws.ledger.last_objects(["act"], before=index, limit=1)
    if found is None or not acts or found[0] not in ("policy", "ruleset"):
        raise ProblemError(404, "api.not-found", "There is nothing at this address.")
    kind, name, _, document = found
    link = "/house/rules"
    if kind == "policy":
        link = f"/policies/{document['document']}/{document.get('label', document['version'])}"
    facts = {
        **_stand(ws),
        "kind": kind,
        "name": name,
        "index": index,
        "act": acts[0][0],
        "link": link,
    }
    return read(pages.Done, facts, where="published")
