"""Who is let in: API tokens for programs, one-time links for people.

A secret is 256 random bits in base64url, shown once; its SHA-256 is what is kept.
"""

from __future__ import annotations

import base64
import hashlib
import re
import sqlite3
from collections.abc import Callable, Mapping
from datetime import timedelta
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self

from byleave.errors import ConflictError, InputError
from byleave.ids import to_us
from byleave.stores.desk import DeskFile, Grantee, KeptToken
from byleave.wiring.desk import open_desk

if TYPE_CHECKING:
    from byleave.wiring.workspace import Workspace

__all__ = [
    "LINK_LIFETIME",
    "SCOPES",
    "TOKEN_LIFETIME",
    "Admission",
    "is_secret",
    "make_secret",
    "secret_digest",
]

LINK_LIFETIME: Final = timedelta(minutes=30)
TOKEN_LIFETIME: Final = timedelta(days=90)

SCOPES: Final[Mapping[str, str]] = {
    "check.write": "Have gates, snapshots, releases or everything checked again.",
    "consent.read": "Read members' choices.",
    "consent.write": "Record members' choices.",
    "decision.read": "Ask what may be done with a member's data.",
    "disclosure.write": "Offer packages, preview an offer, call packages back.",
    "erasure.write": "Erase members, and see what still holds rows of theirs.",
    "gate.write": "Run the gate, and seal what it keeps.",
    "job.write": "Look after jobs, and cancel them.",
    "link.write": "Make sign-in links for members.",
    "member.read": "Read what is held of a member.",
    "member.write": "Enrol members, note their facts, build directories.",
    "model.read": "Ask releases for suggestions.",
    "model.write": "Train and evaluate models.",
    "notice.write": "Make notice tokens for members.",
    "object.read": "Read gates, snapshots, releases, packages, requests, proofs.",
    "policy.write": "Publish policy texts, notices, rulesets and cessations.",
    "recipient.write": "Put recipients, their contracts and their keys on record.",
    "release.write": "Publish releases, and put an older one back.",
    "source.write": "Send rows, and add data sets.",
    "trail.read": "Read who did what, and who looked at members' data.",
    "webhook.write": "Register addresses that are told of every no.",
    "withdrawal.write": "Carry out withdrawals, and see what they would reach.",
}
"""What an API token can be allowed."""

_SECRET_BYTES: Final = 32
_LONGEST_REASON: Final = 200
_SECRET: Final = re.compile(r"(?:byl_)?[A-Za-z0-9_-]{43}")
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def make_secret(random: Callable[[int], bytes], *, prefix: str = "") -> str:
    """Return a new secret."""
    raw = random(_SECRET_BYTES)
    return prefix + base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")


def is_secret(text: str) -> bool:
    """Say whether a text has the form of a secret."""
    return bool(_SECRET.fullmatch(text))


def secret_digest(secret: str) -> bytes:
    """Return what is kept of a secret."""
    return hashlib.sha256(secret.encode()).digest()


class Admission:
    """Makes and ends what lets callers in; use it in a `with` block.

    Args:
        workspace: Its folder holds the desk file; it may be open read-only.
        desk: The file, where it is open already.
    """

    def __init__(self, workspace: Workspace, desk: DeskFile | None = None) -> None:
        self._workspace = workspace
        self._desk = desk or open_desk(workspace)
        self._random = workspace.house.random

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._desk.close()

    def make_token(
        self,
        name: str,
        scopes: frozenset[str],
        *,
        lifetime: timedelta = TOKEN_LIFETIME,
        reason: str = "",
    ) -> str:
        """Make an API token of a program and return its secret, which is not kept.

        Args:
            name: Its name; never used twice.
            scopes: What it may do.
            lifetime: How long it is good.
            reason: Why it reads members' data, as each look is logged; empty: each request says so.

        Raises:
            InputError: `access.scope`; `input.malformed`, the name or the reason.
            ConflictError: `access.name`.
        """
        if not _NAME.fullmatch(name):
            raise InputError(
                "a token's name is 1 to 64 letters, digits, dots, dashes", code="input.malformed"
            )
        unknown = scopes - SCOPES.keys()
        if unknown or not scopes:
            raise InputError(
                f"no scope {', '.join(sorted(unknown)) or 'was named'}",
                code="access.scope",
                hint=f"there are: {', '.join(SCOPES)}",
            )
        if len(reason) > _LONGEST_REASON:
            raise InputError(
                f"a reason has at most {_LONGEST_REASON} characters",
                code="input.malformed",
                where="reason",
            )
        secret, now = make_secret(self._random, prefix="byl_"), self._workspace.now()
        try:
            self._desk.add_token(
                name,
                secret_digest(secret),
                Grantee("platform", name, scopes, reason.strip()),
                now_us=to_us(now),
                expires_us=to_us(now + lifetime),
            )
        except sqlite3.IntegrityError as error:
            raise ConflictError(f"there was a token {name!r} before", code="access.name") from error
        return secret

    def tokens(self) -> list[KeptToken]:
        """Return every token ever made, oldest first, without secrets."""
        return self._desk.tokens()

    def revoke(self, name: str) -> None:
        """End a token at once.

        Raises:
            InputError: `access.unknown`, no token of that name is good.
        """
        if not self._desk.revoke(name, now_us=to_us(self._workspace.now())):
            raise InputError(f"no token {name!r} is good now", code="access.unknown")

    def make_link(self, role: str, who: str, *, lifetime: timedelta = LINK_LIFETIME) -> str:
        """Make a one-time link and return its secret part.

        Args:
            role: `member`, `operator`, `auditor` or `recipient`.
            who: A member's id, a recipient's term, or a name for the log of acts.
            lifetime: How long it can be used.

        Raises:
            InputError: `member.unknown`; `input.malformed`, the name.
        """
        if role == "member":
            subject = str(self._workspace.member.ordinal(who))
        elif _NAME.fullmatch(who):
            subject = who
        else:
            raise InputError(
                "a name is 1 to 64 letters, digits, dots, dashes", code="input.malformed"
            )
        secret = make_secret(self._random)
        self._desk.add_link(
            secret_digest(secret),
            Grantee(role, subject),
            expires_us=to_us(self._workspace.now() + lifetime),
        )
        return secret
