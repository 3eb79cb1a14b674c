"""The API's routes to policy texts: look at what one would change, publish it, read and compare.

    POST /api/v1/policies/preview    what publishing a text would change; stores nothing
    POST /api/v1/policies            the log entry; with `preview`, only where that still holds

A text is Markdown with a front matter, byte for byte (docs/spec/policy-document.md). Publishing changes no
decision (G3).
"""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import Path, Query, Request, Response
from pydantic import AwareDatetime, BaseModel, Field

from byleave.canonical import digest_of, sha256
from byleave.errors import InputError
from byleave.ids import format_instant
from byleave.portal.access import ANYONE, Access, Role, Routes
from byleave.portal.acting import actor_of, why_
from byleave.portal.api_consent import Body
from byleave.portal.api_jobs import Work, add_work, ask_for
from byleave.portal.desk import Desk
from byleave.portal.problem import ProblemError
from byleave.service.policy_text import published_dict, seen_dict
from byleave.wiring import Workspace

__all__ = ["POLICY_WRITE", "add_policies", "unchanged"]

POLICY_WRITE: Final = Access.of(Role.OPERATOR, scope="policy.write")
_NAME: Final = "policy.md"
_EXAMPLE: Final = """---
document: terms
version: "2"
kind: privacy-policy
language: en
jurisdiction: "*"
effective: 2030-01-01
uses:
  - train.generative.replies/messages.direct/platform
---
# Terms

We train models that suggest replies on your messages, if you agree.
"""

Text = Annotated[
    str,
    Field(
        min_length=1,
        max_length=1_000_000,
        description="Markdown with a front matter.",
        examples=[_EXAMPLE],
    ),
]
PathName = Annotated[str, Path(max_length=160)]
Preview = Annotated[
    str | None,
    Field(
        pattern="^[0-9a-f]{64}$",
        description="`preview` of what was looked at: refused where it no longer holds.",
    ),
]


class PolicyText(Body):
    """A text that is not published."""

    text: Text


class LintedText(PolicyText):
    """A text to hold against its own declarations."""

    rules_only: bool = Field(
        default=False, description="Leave out the fitted reader: faster, and it finds less."
    )


class NewPolicy(PolicyText):
    """A text to publish."""

    preview: Preview = None


class PolicyPreview(BaseModel):
    """What publishing would change, now."""

    preview: Annotated[str, Field(description="Digest of text and impact; `POST` sends it back.")]
    publishable: Annotated[
        str | None, Field(description="Code for which publishing it now is refused; null: none.")
    ]
    impact: Annotated[
        dict[str, Any], Field(description="As `byleave policy impact --json` prints it.")
    ]
    against: Annotated[str | None, Field(description="The version before; null: none.")]
    difference: Annotated[
        dict[str, Any] | None, Field(description="As `byleave policy diff --json` prints it.")
    ]


class PublishedPolicy(BaseModel):
    """The text's log entry and its four instants."""

    document: str
    version: Annotated[str, Field(description="Its label: the version, and its variant if any.")]
    index: Annotated[int, Field(description="Log entry of the text.")]
    act: Annotated[int, Field(description="Log entry of who published it, and why.")]
    sha256: str
    language: str
    jurisdiction: str
    announced: str | None
    effective: str
    observed: Annotated[str | None, Field(description="When an outsider first recorded it.")]
    recorded: str
    decisions_changed: Annotated[int, Field(description="Recounted, and 0.")]
    href: str


class PolicyVersion(BaseModel):
    """One text; `seen` says how somebody came to see it, where that was asked."""

    document: str
    text: Annotated[str | None, Field(description="Null: no text held for them then.")]
    facts: Annotated[dict[str, Any] | None, Field(description="Instants, uses, variant, entry.")]
    seen: dict[str, Any] | None


def add_policies(routes: Routes, desk: Desk) -> None:
    """Add the routes."""
    _publishing(routes, desk)
    _reading(routes, desk)


def _publishing(routes: Routes, desk: Desk) -> None:
    async def preview(body: PolicyText) -> dict[str, Any]:
        return await desk.aside.read(lambda ws: _preview(ws, body.text))

    async def publish(request: Request, body: NewPolicy, reason: why_ = None) -> Response:
        del reason  # `actor_of` reads it
        actor = actor_of(request)

        def act(ws: Workspace) -> dict[str, Any]:
            unchanged(body.preview, lambda: _preview(ws, body.text)["preview"])
            done = ws.acts.publish_policy(body.text, name=_NAME, who=actor.who, why=actor.why)
            return _published(ws, done.index, done.decisions_changed)

        async def do() -> dict[str, Any]:
            return await desk.write.act(act)

        return await desk.once.answer(request, do)

    async def reconcile(request: Request) -> Response:
        return await ask_for(desk, request, "reconciliation", {})

    async def lint(body: LintedText) -> dict[str, Any]:
        found = await desk.aside.read(
            lambda ws: ws.policy.lint(body.text, name=_NAME, rules_only=body.rules_only)
        )
        return {"findings": [finding.to_dict() for finding in found]}

    checking = Access.of(Role.OPERATOR, Role.AUDITOR, scope="policy.write")
    routes.add(
        "POST", "/api/v1/policies/preview", POLICY_WRITE, preview,
        summary="What publishing a text would change; stores nothing",
        response_model=PolicyPreview,
    )  # fmt: skip
    routes.add(
        "POST", "/api/v1/policies/lint", checking, lint,
        summary="Where a text's prose and its declarations disagree",
        response_model=dict[str, Any],
    )  # fmt: skip
    routes.add(
        "POST", "/api/v1/policies", POLICY_WRITE, publish,
        summary="Publish a policy text", status_code=201, response_model=PublishedPolicy,
    )  # fmt: skip
    add_work(
        routes,
        Work(
            "policies/reconciliation",
            Access.of(Role.OPERATOR, Role.AUDITOR, scope="check.write"),
            reconcile,
            "Hold published texts and notices against recorded use",
        ),
    )


def _reading(routes: Routes, desk: Desk) -> None:
    async def difference(
        document: PathName,
        old: Annotated[str, Query(max_length=160)],
        new: Annotated[str, Query(max_length=160)],
    ) -> dict[str, Any]:
        return await desk.aside.read(lambda ws: ws.policy.diff(document, old, new).to_dict())

    async def version(document: PathName, version: PathName) -> PolicyVersion:
        return await desk.aside.read(lambda ws: _version(ws, document, version))

    async def seen(
        document: PathName,
        at: Annotated[AwareDatetime | None, Query(description="Default: now.")] = None,
        region: Annotated[str | None, Query(max_length=16, examples=["us-ca"])] = None,
        language: Annotated[str | None, Query(max_length=35, examples=["pt-BR"])] = None,
    ) -> PolicyVersion:
        def read(ws: Workspace) -> PolicyVersion:
            found = ws.policy.seen(document, at=at, region=region, language=language)
            told = dict(seen_dict(found))
            if found.in_force is None:
                return PolicyVersion(document=document, text=None, facts=None, seen=told)
            return _version(ws, document, found.in_force.label, seen=told)

        return await desk.aside.read(read)

    routes.add(
        "GET", "/api/v1/policies/{document}", ANYONE, seen,
        summary="The text that somebody there, reading that language, saw then",
        response_model=PolicyVersion,
    )  # fmt: skip
    routes.add(
        "GET", "/api/v1/policies/{document}/diff", ANYONE, difference,
        summary="What changed between two versions, in prose and in declarations",
        response_model=dict[str, Any],
    )  # fmt: skip
    routes.add(
        "GET", "/api/v1/policies/{document}/versions/{version}", ANYONE, version,
        summary="One version, byte for byte", response_model=PolicyVersion,
    )  # fmt: skip


def unchanged(shown: str | None, now: Any) -> None:  # noqa: ANN401 (a function of nothing)
    """Refuse to publish what is not what was looked at.

    Args:
        shown: Digest that was looked at; None: nothing was.
        now: Returns the digest of what would be shown now.

    Raises:
        ProblemError: 409 `api.changed-since`.
    """
    if shown is not None and now() != shown:
        raise ProblemError(
            409,
            "api.changed-since",
            "What this would change is not what the preview said.",
            hint="preview it again, then publish",
        )


def _preview(ws: Workspace, text: str) -> dict[str, Any]:
    impact = ws.policy.impact(text, name=_NAME)
    earlier = [d for d in ws.policy.list() if d["document"] == impact.document]
    last = earlier[-1] if earlier else None
    facts = impact.to_dict()
    facts.pop("notice_window_days", None)  # it runs down by itself
    shown = digest_of({"text": sha256(text.encode()).hex(), "impact": facts}).hex()
    label = None if last is None else last.get("label", last["version"])
    return {
        "preview": shown,
        "publishable": ws.policy.refusal(text, name=_NAME),
        "impact": impact.to_dict(),
        "against": label,
        "difference": None
        if last is None
        else ws.policy.diff_texts(
            last["text"], text, names=(f"{impact.document} {label}", "new")
        ).to_dict(),
    }


def _published(ws: Workspace, index: int, changed: int) -> dict[str, Any]:
    found = ws.ledger.object_at(index)
    if found is None:
        raise InputError("no text has that entry", code="workspace.unknown-object")
    record = found[3]
    document, label = record["document"], record["label"]
    observed = ws.policy.first_observed(document, label)
    kept = ("sha256", "language", "jurisdiction", "announced", "effective", "recorded")
    return {
        "document": document,
        "version": label,
        "index": index,
        "act": ws.ledger.last_objects(["act"], before=index, limit=1)[0][0],
        **{key: record[key] for key in kept},
        "observed": None if observed is None else format_instant(observed),
        "decisions_changed": changed,
        "href": f"/api/v1/policies/{document}/versions/{label}",
    }


def _version(
    ws: Workspace, document: str, version: str, *, seen: dict[str, Any] | None = None
) -> PolicyVersion:
    found = ws.policy.version(document, version)
    observed = ws.policy.first_observed(document, found.label)
    told = {
        **published_dict(found),
        "observed": None if observed is None else format_instant(observed),
    }
    return PolicyVersion(
        document=document, text=ws.policy.text(document, found.label), facts=told, seen=seen
    )
