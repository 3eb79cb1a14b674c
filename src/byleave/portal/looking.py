"""Programs that read a member's data leave a look in the log, like people of the operator's.

A look (`look/v1`) says who, whom and why, and is durable before anything is shown. A program says
why with `Byleave-Reason`, or its token was made with a reason. One look a day stands for all that
one token read of one member for one reason: a feed that asks for suggestions at each page would
else write more about a member than it reads.

What may be done with a member's data (`/api/v1/decision`) is no look: it is their own word and the
law's, applied.
"""

from __future__ import annotations

import hashlib
from typing import Annotated, Final

from fastapi import Header, Request

from byleave.ids import to_us
from byleave.portal.access import Caller, Role, caller_of
from byleave.portal.desk import Desk
from byleave.portal.problem import ProblemError

__all__ = ["looked_at", "reason_", "who_is_asked"]

_LONGEST: Final = 200
_DAY_US: Final = 24 * 3600 * 1_000_000

reason_ = Annotated[
    str | None,
    Header(
        alias="Byleave-Reason",
        max_length=_LONGEST,
        description="Why a token reads this member's data; logged.",
    ),
]
"""The header of a route that reads one member's data."""


def who_is_asked(desk: Desk, caller: Caller, member: str | None) -> str:
    """Return whom a request is about: members speak for themselves, tokens name whom.

    Raises:
        ProblemError: 403 `api.role`; 400 `api.member`.
    """
    if caller.role is Role.MEMBER:
        if member is not None:
            raise ProblemError(403, "api.role", "A signed-in member speaks for themselves alone.")
        return desk.reader.member.by_ordinal(caller.ordinal)
    if member is None:
        raise ProblemError(400, "api.member", "Name the member.")
    return member


async def looked_at(desk: Desk, request: Request, member: str | None, reason: str | None) -> str:
    """Return whose data a request reads, once the look is logged; a member's own needs none.

    Args:
        desk: Where looks are logged.
        request: Its caller.
        member: Whom it names.
        reason: Why, as its header says; None: as its token does.

    Raises:
        ProblemError: As `who_is_asked`; 400 `api.reason`.
        InputError: `member.unknown`.
    """
    caller = caller_of(request)
    who = who_is_asked(desk, caller, member)
    if caller.role is Role.MEMBER:
        return who
    why = (reason or caller.reason).strip()
    if not 1 <= len(why) <= _LONGEST:
        raise ProblemError(
            400,
            "api.reason",
            "Say why this member's data is read: it is logged.",
            hint=f"send Byleave-Reason, 1 to {_LONGEST} characters, or make the token with --reason",
        )
    ordinal = desk.read.member.ordinal(who)
    digest = hashlib.sha256(why.encode()).digest()
    day = to_us(desk.now()) // _DAY_US
    if not desk.file.looked(caller.name, ordinal, digest, day=day):
        name = f"token:{caller.token}" if caller.token else caller.subject
        await desk.write.act(lambda ws: ws.member.look(who, who=name, why=why))
        desk.file.add_look(caller.name, ordinal, digest, day=day)
    return who
