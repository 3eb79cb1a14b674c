"""What the routes share: a workspace to read, the writer, the callers."""

from __future__ import annotations

import hmac
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from fastapi import Request

from byleave.errors import InputError
from byleave.portal.access import Access, Caller, Role
from byleave.portal.aside import Aside
from byleave.portal.callers import Callers
from byleave.portal.limits import Limit, Limits
from byleave.portal.oidc import Provider
from byleave.portal.once import Once
from byleave.portal.problem import ProblemError
from byleave.portal.writer import Writer
from byleave.wiring import Workspace
from byleave.wiring import open as open_workspace
from byleave.wiring.admission import Admission
from byleave.wiring.desk import DeskFile, open_desk, open_rates, provider_secret
from byleave.wiring.jobs import Jobs

__all__ = ["Desk", "make_desk", "member_of"]

LIMIT: Final = Limit(rate=500.0, burst=2_000.0)
"""One caller's requests: an API token may be a whole platform."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """A workspace as a server has it.

    Attributes:
        reader: Opened read-only by the thread that answers.
        aside: Reads what takes longer, in threads of its own.
        writer: Everything that changes the workspace; None where the server only reads.
        file: Tokens, links, sessions, keys.
        admission: Makes links and tokens.
        callers: Tells callers apart.
        once: Remembers what was done.
        limits: How often one caller may ask.
        site: Scheme and host under which the portal is reached, for links it makes.
        provider: Where people sign in; None: by links alone.
        jobs: What is computed beside; None where the server only reads.
    """

    reader: Workspace
    aside: Aside
    writer: Writer | None
    file: DeskFile
    admission: Admission
    callers: Callers
    once: Once
    limits: Limits
    site: str
    provider: Provider | None = None
    jobs: Jobs | None = None

    @property
    def read(self) -> Workspace:
        """Return the workspace as it is now."""
        self.reader.catch_up()
        return self.reader

    @property
    def write(self) -> Writer:
        """Return the writer.

        Raises:
            ProblemError: 503 `api.read-only`.
        """
        if self.writer is None:
            raise ProblemError(503, "api.read-only", "This server only reads.")
        return self.writer

    @property
    def work(self) -> Jobs:
        """Return the jobs.

        Raises:
            ProblemError: 503 `api.read-only`.
        """
        if self.jobs is None:
            raise ProblemError(503, "api.read-only", "This server only reads.")
        return self.jobs

    def admit(self, request: Request, access: Access) -> Caller:
        """Return who sends a request, where they may, and count it.

        Raises:
            ProblemError: As `Callers.admit`; 429 `api.rate`.
        """
        caller = self.callers.admit(request, access)
        if caller.role is Role.PUBLIC:
            self.limits.count(request.client.host if request.client else "")
        else:
            self.limits.count(caller.name)
        return caller

    async def close(self) -> None:
        """Finish what is being written, and let go of the files."""
        if self.jobs is not None:
            self.jobs.close()
        if self.writer is not None:
            await self.writer.close()
        await self.aside.close()
        self.limits.close()
        self.file.close()

    def now(self) -> datetime:
        """Return the workspace's clock."""
        return self.reader.now()


def member_of(desk: Desk, caller: Caller) -> str:
    """Return the id of the member who is signed in.

    Raises:
        ProblemError: 401 `api.sign-in`, they have been erased since; 403 `api.role`.
    """
    try:
        member: str = desk.read.member.by_ordinal(caller.ordinal)
    except InputError:
        raise ProblemError(401, "api.sign-in", "This needs a sign-in.") from None
    return member


def make_desk(reader: Workspace, *, site: str, clock: Callable[[], float] = time.monotonic) -> Desk:
    """Return the desk of a workspace that is open for reading; it opens a second one to write.

    Args:
        reader: The workspace.
        site: Scheme and host under which the portal is reached.
        clock: Seconds that never go back.

    Raises:
        EvidenceError: `desk.damaged`.
        WorldError: `desk.unreadable`; `oidc.secret`.
    """
    provider = _provider(reader, clock)
    file = open_desk(reader)
    key = reader.portal_key()
    callers = Callers(
        file,
        now=reader.now,
        random=reader.house.random,
        key=key,
        secure=site.startswith("https://"),
    )
    return Desk(
        reader=reader,
        aside=Aside(
            lambda: open_workspace(reader.path, read_only=True, caching=True, now=reader.now)
        ),
        writer=Writer(lambda: open_workspace(reader.path, turns=True, now=reader.now)),
        file=file,
        admission=Admission(reader, file),
        callers=callers,
        once=Once(file, reader.now),
        limits=Limits(
            clock, LIMIT, open_rates(reader), known_as=lambda caller: _known_as(key, caller)
        ),
        site=site,
        provider=provider,
        jobs=Jobs(
            reader,
            lambda *, read_only, progress=None: open_workspace(
                reader.path,
                read_only=read_only,
                turns=not read_only,
                now=reader.now,
                progress=progress,
            ),
        ),
    )


def _known_as(key: bytes, caller: str) -> bytes:
    """Return what a caller is called in the file of rates, which outlives nobody's address."""
    return hmac.new(key, b"byleave rate v1\x00" + caller.encode(), "sha256").digest()[:16]


def _provider(reader: Workspace, clock: Callable[[], float]) -> Provider | None:
    settings = reader.config.oidc
    if settings is None:
        return None
    return Provider(settings, provider_secret(reader), clock=clock)
