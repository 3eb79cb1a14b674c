"""The API's routes to rulesets and the words for uses.

    GET  /api/v1/rulesets/rule       what a region requires for one use, at an instant
    POST /api/v1/rulesets/preview    whose yes would begin or stop counting; stores nothing
    POST /api/v1/rulesets            puts a file of an operator's in force, beside the shipped ones
    GET  /api/v1/taxonomy            the trees of purposes, categories and recipients

Suspensions, purged intervals, ages and groups are rules of such a file, dated.
"""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import Query, Request, Response
from pydantic import AwareDatetime, BaseModel, Field

from byleave.canonical import digest_of
from byleave.portal.access import ANYONE, Access, Role, Routes
from byleave.portal.acting import actor_of, why_
from byleave.portal.api_consent import Body, UseText
from byleave.portal.api_jobs import Work, add_work, ask_for
from byleave.portal.api_policies import POLICY_WRITE, Preview, unchanged
from byleave.portal.desk import Desk
from byleave.wiring import Workspace

__all__ = ["add_rulesets"]

_NAME: Final = "rulesets.yaml"
_EXAMPLE: Final = """rulesets: v1
version: "1"
sets:
  - ruleset: ours
    title: Our own rule
    effective: 2020-01-01
    regions: ["*"]
    rules:
      - scope: train/messages/*
        basis: forbidden
        cite: A decision of our own
"""


class RulesText(Body):
    """A file of rulesets that is not in force."""

    text: Annotated[
        str,
        Field(min_length=1, max_length=1_000_000, description="YAML.", examples=[_EXAMPLE]),
    ]


class NewRules(RulesText):
    """A file of rulesets to put in force."""

    preview: Preview = None


class RulesPreview(BaseModel):
    """What other rules would change, now."""

    preview: Annotated[str, Field(description="Digest of file and impact; `POST` sends it back.")]
    impact: Annotated[
        dict[str, Any], Field(description="As `byleave ruleset impact --json` prints it.")
    ]


class RulesInForce(BaseModel):
    """What was put in force, with its log entries."""

    index: Annotated[int, Field(description="Log entry of the rulesets.")]
    act: Annotated[int, Field(description="Log entry of who put them in force, and why.")]
    impact: dict[str, Any]


class Rule(BaseModel):
    """What a region requires for one use."""

    region: Annotated[str | None, Field(description="Null: nobody knows; the strictest holds.")]
    use: str
    accepts: Annotated[str, Field(description="Evidence grade from which on a yes counts.")]
    rule: Annotated[
        dict[str, Any], Field(description="Basis, party rule, ages, dates, and what is cited.")
    ]


def add_rulesets(routes: Routes, desk: Desk) -> None:
    """Add the routes."""
    _publishing(routes, desk)
    house = Access.of(Role.OPERATOR, Role.AUDITOR, scope="object.read")

    async def rule(
        use: Annotated[UseText, Query()],
        region: Annotated[str | None, Query(max_length=16, examples=["us-ca"])] = None,
        at: Annotated[AwareDatetime | None, Query(description="Default: now.")] = None,
    ) -> Rule:
        ws = desk.read
        instant, book = at or ws.now(), ws.ruleset.book()
        found = book.rule_for(region, ws.house.taxonomy.use(use), at=instant)
        return Rule(region=region, use=use, accepts=book.accepts(instant), rule=found.to_dict())

    async def in_force() -> dict[str, Any]:
        return await desk.aside.read(lambda ws: ws.acts.rules())

    async def taxonomy() -> dict[str, Any]:
        words = desk.reader.house.taxonomy
        trees = {"purposes": words.purposes, "categories": words.categories}
        trees["recipients"] = words.recipients
        return {
            "version": words.version,
            "sha256": words.digest.hex(),
            **{
                tree: [{"name": name, **term.to_dict()} for name, term in terms.items()]
                for tree, terms in trees.items()
            },
        }

    async def purged(request: Request) -> Response:
        return await ask_for(desk, request, "purged", {})

    routes.add(
        "GET", "/api/v1/rulesets", house, in_force,
        summary="The rulesets in force, each rule with its source", response_model=dict[str, Any],
    )  # fmt: skip
    routes.add(
        "GET", "/api/v1/rulesets/rule", ANYONE, rule,
        summary="What a region requires for one use", response_model=Rule,
    )  # fmt: skip
    routes.add(
        "GET", "/api/v1/taxonomy", ANYONE, taxonomy,
        summary="The words for uses: purposes, categories, recipients",
        response_model=dict[str, Any],
    )  # fmt: skip
    add_work(
        routes,
        Work(
            "rulesets/purged",
            Access.of(Role.OPERATOR, Role.AUDITOR, scope="check.write"),
            purged,
            "Count what is left of data collected while a use stood suspended",
        ),
    )


def _publishing(routes: Routes, desk: Desk) -> None:
    async def preview(body: RulesText) -> dict[str, Any]:
        return await desk.aside.read(lambda ws: _preview(ws, body.text))

    async def publish(request: Request, body: NewRules, reason: why_ = None) -> Response:
        del reason  # `actor_of` reads it
        actor = actor_of(request)

        def act(ws: Workspace) -> dict[str, Any]:
            unchanged(body.preview, lambda: _preview(ws, body.text)["preview"])
            done = ws.acts.publish_rules(body.text, name=_NAME, who=actor.who, why=actor.why)
            index = ws.ledger.objects("ruleset")[-1][0]
            made = ws.ledger.last_objects(["act"], before=index, limit=1)[0][0]
            return {"index": index, "act": made, "impact": done.to_dict()}

        async def do() -> dict[str, Any]:
            return await desk.write.act(act)

        return await desk.once.answer(request, do)

    routes.add(
        "POST", "/api/v1/rulesets/preview", POLICY_WRITE, preview,
        summary="Whose yes would begin or stop counting; stores nothing",
        response_model=RulesPreview,
    )  # fmt: skip
    routes.add(
        "POST", "/api/v1/rulesets", POLICY_WRITE, publish,
        summary="Put an operator's rulesets in force", status_code=201,
        response_model=RulesInForce,
    )  # fmt: skip


def _preview(ws: Workspace, text: str) -> dict[str, Any]:
    impact = ws.acts.rules_impact(text, name=_NAME).to_dict()
    counted = {key: value for key, value in impact.items() if key != "at"}
    return {"preview": digest_of(counted).hex(), "impact": impact}
