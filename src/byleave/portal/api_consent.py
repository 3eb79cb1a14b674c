"""The API's routes about choices: record them, read them back, ask what they come to."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from fastapi import Query, Request, Response
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from byleave.consent.event import EventKind
from byleave.portal.access import Access, Caller, Role, Routes, caller_of
from byleave.portal.desk import Desk
from byleave.portal.looking import looked_at, reason_, who_is_asked
from byleave.portal.page import Page, after_, json_page, limit_
from byleave.service.consent import NewEvent
from byleave.service.explain import Explained
from byleave.wiring import Workspace

__all__ = ["Body", "MemberId", "add_consent"]

_KINDS: Final = {
    "grant": EventKind.GRANT,
    "refuse": EventKind.REFUSAL,
    "withdraw": EventKind.WITHDRAWAL,
    "object": EventKind.OBJECTION,
}
_MOST: Final = 1_000

MemberId = Annotated[str, Field(min_length=1, max_length=256, description="The member's id.")]
UseText = Annotated[
    str, Field(max_length=200, description="A leaf use, PURPOSE/CATEGORY/RECIPIENT.")
]


class Body(BaseModel):
    """A request's body; a field that is not known refuses it."""

    model_config = ConfigDict(extra="forbid")


class Choice(Body):
    """One choice of one member."""

    member: Annotated[
        str | None,
        Field(max_length=256, description="Who chose; a signed-in member leaves it out."),
    ] = None
    kind: Literal["grant", "refuse", "withdraw", "object"]
    scope: Annotated[str, Field(max_length=200, description="PURPOSE/CATEGORY/RECIPIENT.")]
    notice: Annotated[str | None, Field(description="Id of the notice answered.")] = None
    token: Annotated[str | None, Field(description="The notice token that came back.")] = None
    final: Annotated[
        Literal["on", "off", "none"] | None, Field(description="State the control was left in.")
    ] = None
    includes_past: Annotated[bool, Field(description="Also what was collected before.")] = False
    expires: Annotated[AwareDatetime | None, Field(description="End of a grant, exclusive.")] = None
    channel: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9:._-]{0,63}$")] = "api"


class Choices(Body):
    """Choices that are recorded together, all or none."""

    choices: Annotated[list[Choice], Field(min_length=1, max_length=_MOST)]


class Recorded(BaseModel):
    """Ledger indexes of what was recorded, in the order of the request."""

    indexes: list[int]


class Question(Body):
    """One use, asked for many members."""

    use: UseText
    members: Annotated[list[MemberId], Field(min_length=1, max_length=_MOST)]


class Stop(BaseModel):
    """One rule that stops a use whatever the member said."""

    ruleset: str
    cite: Annotated[str | None, Field(description="Null: no rule of it names the use.")]
    since: str
    until: Annotated[str | None, Field(description="Its end, exclusive; null: open.")]


class Decision(BaseModel):
    """What a member's choices and their region's rules come to for one use."""

    allowed: Annotated[bool, Field(description="What a gate would do with new data of theirs.")]
    because: Annotated[str, Field(description="Reason, as `byleave help reasons` lists them.")]
    decided_by: Annotated[
        int | None, Field(description="Index of the choice, or of the rules, that decided.")
    ]
    ground: Annotated[str | None, Field(description="What a yes rests on; null for a no.")]
    choices: Annotated[str, Field(description="The reason that their choices alone would give.")]
    stops: Annotated[list[Stop], Field(description="The rules that stop it; none for a yes.")]


class Event(BaseModel):
    """One recorded choice."""

    index: int
    kind: str
    scope: str
    effective: str
    recorded: str
    expires: str | None
    includes_past: bool
    notice: str | None
    grade: str
    channel: str


def add_consent(routes: Routes, desk: Desk) -> None:
    """Add the routes."""
    writing = Access.of(Role.MEMBER, scope="consent.write")
    reading = Access.of(Role.MEMBER, scope="consent.read")
    deciding = Access.of(scope="decision.read")

    async def record(request: Request, body: Choices) -> Response:
        caller = caller_of(request)
        events = [_event(desk, caller, choice) for choice in body.choices]

        async def do() -> dict[str, Any]:
            return {"indexes": await desk.write.choose(events)}

        return await desk.once.answer(request, do)

    async def history(
        request: Request,
        member: Annotated[str | None, Query(max_length=256)] = None,
        after: after_ = -1,
        limit: limit_ = 100,
        reason: reason_ = None,
    ) -> Response:
        who = await looked_at(desk, request, member, reason)
        found = desk.read.consent.history_facts(who, after=after, limit=limit + 1)
        return json_page(found, limit)

    async def decide(member: MemberId, use: UseText, at: AwareDatetime | None = None) -> Decision:
        return _decision(desk.read.consent.explain(member, use, at=at))

    async def decide_many(body: Question) -> list[Decision]:
        def read(ws: Workspace) -> list[Decision]:
            return [_decision(ws.consent.explain(member, body.use)) for member in body.members]

        return await desk.aside.read(read)

    routes.add(
        "POST", "/api/v1/choices", writing, record,
        summary="Record choices of members", status_code=201, response_model=Recorded,
    )  # fmt: skip
    routes.add(
        "GET", "/api/v1/choices", reading, history,
        summary="A member's choices, oldest first", response_model=Page[Event],
    )  # fmt: skip
    routes.add(
        "GET", "/api/v1/decision", deciding, decide,
        summary="May this member's data be used so?", response_model=Decision,
    )  # fmt: skip
    routes.add(
        "POST", "/api/v1/decisions", deciding, decide_many,
        summary="The same for many members", response_model=list[Decision],
    )  # fmt: skip


def _event(desk: Desk, caller: Caller, choice: Choice) -> NewEvent:
    return NewEvent(
        member=who_is_asked(desk, caller, choice.member),
        kind=_KINDS[choice.kind],
        scope=desk.reader.scope(choice.scope),
        notice=choice.notice,
        token=choice.token,
        final=choice.final,
        includes_past=choice.includes_past,
        expires=choice.expires,
        channel="portal" if caller.role is Role.MEMBER else choice.channel,
    )


def _decision(found: Explained) -> Decision:
    return Decision(
        allowed=found.allowed,
        because=found.reason.word,
        decided_by=found.index,
        ground=found.ground.word if found.allowed else None,
        choices=found.choices.reason.word,
        stops=[Stop.model_validate(rule.to_dict()) for rule in found.stops],
    )
