"""Acts over the API: who acts and why goes into the log before the act, as from the console.

A person of the operator's, and a program, say why with `Byleave-Reason`; a token that was made
with a reason needs none. Members' own choices are no acts, nor is what stores nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Final, TypeVar

from fastapi import Header, Request

from byleave.portal.access import caller_of
from byleave.portal.desk import Desk
from byleave.portal.problem import ProblemError
from byleave.wiring import Workspace

__all__ = ["Actor", "act", "actor_of", "why_"]

T = TypeVar("T")
_LONGEST: Final = 200

why_ = Annotated[
    str | None,
    Header(
        alias="Byleave-Reason",
        max_length=_LONGEST,
        description="Why this is done; logged with the act. A token may have a reason of its own.",
    ),
]
"""The header of a route that acts."""


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts, as the trail names them, and why."""

    who: str
    why: str


def actor_of(request: Request, *, wanted: bool = True) -> Actor:
    """Return who sends a request, and why, as the trail keeps it.

    Args:
        request: Its caller and reason.
        wanted: Whether a reason is; without, it is empty where none is given.

    Raises:
        ProblemError: 400 `api.reason`.
    """
    caller = caller_of(request)
    why = (request.headers.get("byleave-reason") or caller.reason).strip()
    if not int(wanted) <= len(why) <= _LONGEST:
        raise ProblemError(
            400,
            "api.reason",
            "Say why this is done: it is logged with the act.",
            hint=f"send Byleave-Reason, 1 to {_LONGEST} characters, or make the token with --reason",
        )
    return Actor(f"token:{caller.token}" if caller.token else caller.subject, why)


async def act(
    desk: Desk,
    request: Request,
    name: str,
    what: str,
    do: Callable[[Workspace], T],
    *,
    check: Callable[[Workspace], object] = lambda _: None,
) -> T:
    """Do something that writes, in the name of who asked for it, and return what came of it.

    Args:
        desk: Where.
        request: Its caller and reason.
        name: Of the act, as the trail shows it: the command's noun and verb.
        what: With what: an id, a digest; nothing personal.
        do: Does it.
        check: Raises what would refuse it, before anything is logged.

    Raises:
        ProblemError: 400 `api.reason`.
        ByleaveError: What `check` and `do` raise.
    """
    actor = actor_of(request)

    def acted(ws: Workspace) -> T:
        check(ws)
        ws.acts.log(name, who=actor.who, what=what, why=actor.why)
        return do(ws)

    return await desk.write.act(acted)
