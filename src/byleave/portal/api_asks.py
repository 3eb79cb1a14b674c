"""The API's routes for asking in context: may the question be shown to this member now?

A platform asks at the moment of use. `POST /api/v1/asks` answers once with the text and its token,
and not again for the operator's 180 days, whatever the member did with it; `not-now` says that they
put it off. Neither is an answer: nothing of it is in the ledger or the log. It is no look either:
nothing of the member's is shown, but whether they may be asked.
"""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import quote

from fastapi import Query, Request, Response
from pydantic import BaseModel, Field

from byleave.portal.access import Access, Caller, Role, Routes, caller_of
from byleave.portal.api_consent import Body, UseText
from byleave.portal.desk import Desk
from byleave.portal.language import notice_language_of
from byleave.portal.looking import who_is_asked
from byleave.portal.problem import ProblemError
from byleave.service.asking import asking_facts
from byleave.wiring.admission import Admission
from byleave.wiring.asking import ContextAsks

__all__ = ["add_asks"]

_Member = Annotated[
    str | None, Field(max_length=256, description="Who; a signed-in member leaves it out.")
]
_Notice = Annotated[
    str | None, Field(max_length=200, description="Id of a notice, or of its family.")
]
_Use = Annotated[
    str | None,
    Field(max_length=200, description="Instead: a leaf use, PURPOSE/CATEGORY/RECIPIENT."),
]
_Language = Annotated[str | None, Field(max_length=35, description="BCP 47; default English.")]
_Screen = Annotated[str | None, Field(max_length=64, description="Where it would be shown.")]


class Ask(Body):
    """A question, and to whom it would be shown."""

    member: _Member = None
    notice: _Notice = None
    use: _Use = None
    language: _Language = None
    screen: _Screen = None


class AskNow(Ask):
    """The same, and what is wanted to show it with."""

    link: Annotated[
        bool,
        Field(description="A sign-in link to the page of the question, instead of text and token."),
    ] = False


class Stands(BaseModel):
    """How a question stands with a member."""

    ask: Annotated[bool, Field(description="Whether it may be shown now.")]
    because: Annotated[
        str,
        Field(
            description="`undecided` or `uses-changed`; else `answered`, `refused`, `put-off`, or "
            "`stopped`: a rule stops it whatever they say."
        ),
    ]
    question: str
    notice: str
    language: str
    uses: Annotated[
        list[str],
        Field(description="Leaf uses that have neither a yes nor a no, and that no rule stops."),
    ]
    again: Annotated[
        str | None, Field(description="When it may be asked again; null: now, or never.")
    ]


class Asked(Stands):
    """The same, and where it may be shown what to show it with."""

    text: Annotated[str | None, Field(description="The notice, byte for byte.")]
    token: Annotated[str | None, Field(description="Comes back with the answer.")]
    url: Annotated[str | None, Field(description="Signs the member in, once, and shows the page.")]


def page_of(admission: Admission, caller: Caller, member: str, question: str) -> str:
    """Return the path of the page of a question: a member's own, or behind a one-time link."""
    name = quote(question, safe="")
    if caller.role is Role.MEMBER:
        return f"/me/ask/{name}"
    return f"/in/{admission.make_link('member', member)}?to=ask&notice={name}"


def add_asks(routes: Routes, desk: Desk) -> None:
    """Add the routes."""
    own = Access.of(Role.MEMBER, scope="notice.write")

    def asks() -> ContextAsks:
        return ContextAsks(desk.read, desk.file)

    def spoken(request: Request, language: str | None) -> str:
        member = caller_of(request).role is Role.MEMBER
        return language or (notice_language_of(request) if member else "en")

    async def may(
        request: Request,
        member: Annotated[str | None, Query(max_length=256)] = None,
        notice: Annotated[str | None, Query(max_length=200)] = None,
        use: Annotated[UseText | None, Query()] = None,
        language: Annotated[str | None, Query(max_length=35)] = None,
        screen: Annotated[str | None, Query(max_length=64)] = None,
    ) -> Stands:
        who, found = who_is_asked(desk, caller_of(request), member), asks()
        question = found.question(notice=notice, use=use)
        stands = found.may(who, question, language=spoken(request, language), screen=screen)
        return Stands(**asking_facts(stands))

    async def ask(request: Request, body: AskNow) -> Response:
        caller = caller_of(request)
        who, language = who_is_asked(desk, caller, body.member), spoken(request, body.language)
        if body.link and caller.role is Role.PLATFORM and "link.write" not in caller.scopes:
            raise ProblemError(403, "api.scope", "A sign-in link needs link.write as well.")

        async def do() -> dict[str, Any]:
            found = asks()
            question = found.question(notice=body.notice, use=body.use)
            stands = found.ask(who, question, language=language, screen=body.screen)
            shown: dict[str, str | None] = {"text": None, "token": None, "url": None}
            if stands.ask and body.link:
                page = page_of(desk.admission, caller, who, question)
                shown["url"] = desk.site + page
            elif stands.ask:
                token, notice = desk.reader.notice.token(stands.notice.id, who, screen=body.screen)
                texts = {n["notice"]: n["text"] for n in desk.reader.notice.list()}
                shown |= {"token": token, "text": texts[notice.id]}
            return {**asking_facts(stands), **shown}

        return await desk.once.answer(request, do)

    async def not_now(request: Request, body: Ask) -> Response:
        who = who_is_asked(desk, caller_of(request), body.member)

        async def do() -> dict[str, Any]:
            found = asks()
            question = found.question(notice=body.notice, use=body.use)
            language = spoken(request, body.language)
            return asking_facts(found.not_now(who, question, language=language, screen=body.screen))

        return await desk.once.answer(request, do)

    routes.add(
        "GET", "/api/v1/asks", own, may,
        summary="May this question be shown to this member now?", response_model=Stands,
    )  # fmt: skip
    routes.add(
        "POST", "/api/v1/asks", own, ask,
        summary="Show it now: its text and token, once", status_code=201, response_model=Asked,
    )  # fmt: skip
    routes.add(
        "POST", "/api/v1/asks/not-now", own, not_now,
        summary="They said not now: no answer", status_code=201, response_model=Stands,
    )  # fmt: skip
