"""What the portal asks, and the workspace that answers.

The port speaks in views, the workspace in plain dictionaries; `WorkspaceAnswers` reads one into
the other and refuses a dictionary that has not its shape.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from byleave.errors import InputError
from byleave.pages.receipt import ReceiptView
from byleave.pages.suggestion import SuggestionsView
from byleave.pages.view import MemberAnswer, PublicOverview, read

__all__ = ["Answers", "PortalWorkspace", "WorkspaceAnswers"]


class Answers(Protocol):
    """Everything a page can ask. Called from one thread, one call at a time."""

    def now(self) -> datetime:
        """Return the instant links are judged at."""
        ...

    def key(self) -> bytes:
        """Return the secret that signs member links, at least 32 bytes."""
        ...

    def overview(self) -> PublicOverview:
        """Return what anyone may read."""
        ...

    def member(self, ordinal: int) -> MemberAnswer | None:
        """Return one member's answer; None where there is no such member."""
        ...

    def erased(self, ordinal: int) -> tuple[datetime, int] | None:
        """Return when a member was erased, and the log entry of it; None: they were not."""
        ...

    def receipt(self, ordinal: int) -> ReceiptView | None:
        """Return one member's receipt; None where there is none to give."""
        ...

    def standard_receipt(self, ordinal: int) -> bytes | None:
        """Return the same as JSON-LD (ISO/IEC TS 27560); None where no choice was made."""
        ...

    def proof(self, name: str) -> bytes | None:
        """Return a proof file; None where there is none of that name."""
        ...

    def suggest(
        self,
        ordinal: int | None,
        release: str,
        *,
        message: str | None,
        history: Sequence[str],
        count: int,
    ) -> SuggestionsView | None:
        """Return what a release suggests to a member, or to anyone; None: no such release."""
        ...


class _MemberNoun(Protocol):
    def by_ordinal(self, ordinal: int, /) -> Any: ...  # noqa: ANN401

    def erased(self, ordinal: int, /) -> tuple[datetime, int] | None: ...

    def answer(self, member: Any, /) -> Mapping[str, Any]: ...  # noqa: ANN401

    def receipt_page(self, member: Any, /) -> Mapping[str, Any]: ...  # noqa: ANN401

    def standard_receipt(self, member: Any, /) -> bytes: ...  # noqa: ANN401


class _PublicNoun(Protocol):
    def overview(self) -> Mapping[str, Any]: ...


class _ProofNoun(Protocol):
    def bytes(self, name: str, /) -> bytes: ...


class _ReleaseNoun(Protocol):
    def suggest_for(
        self,
        member: Any,  # noqa: ANN401
        name: str,
        message: str | None = None,
        *,
        history: Sequence[str] = (),
        count: int = 3,
    ) -> Mapping[str, Any]: ...


class PortalWorkspace(Protocol):
    """The part of a workspace that the portal uses; dictionaries as `byleave.pages.view` says."""

    @property
    def is_demo(self) -> bool: ...

    @property
    def member(self) -> _MemberNoun: ...

    @property
    def public(self) -> _PublicNoun: ...

    @property
    def proof(self) -> _ProofNoun: ...

    @property
    def release(self) -> _ReleaseNoun: ...

    def portal_key(self) -> bytes: ...

    def now(self) -> datetime: ...


class WorkspaceAnswers:
    """Answers from an open workspace.

    Args:
        workspace: Opened for reading.
    """

    def __init__(self, workspace: PortalWorkspace) -> None:
        self._workspace = workspace

    def now(self) -> datetime:
        """Return the workspace's clock."""
        return self._workspace.now()

    def key(self) -> bytes:
        """Return the workspace's portal key."""
        return self._workspace.portal_key()

    def overview(self) -> PublicOverview:
        """Read what anyone may read.

        Raises:
            InputError: `pages.malformed`, the workspace gave something of another shape.
        """
        return read(PublicOverview, self._workspace.public.overview(), where="overview")

    def member(self, ordinal: int) -> MemberAnswer | None:
        """Read one member's answer.

        Raises:
            InputError: `pages.malformed`, the workspace gave something of another shape.
        """
        try:
            member = self._workspace.member.by_ordinal(ordinal)
        except (InputError, KeyError):
            return None
        return read(MemberAnswer, self._workspace.member.answer(member), where="member")

    def erased(self, ordinal: int) -> tuple[datetime, int] | None:
        """Return when a member was erased, and the log entry of it."""
        return self._workspace.member.erased(ordinal)

    def receipt(self, ordinal: int) -> ReceiptView | None:
        """Read one member's receipt.

        Raises:
            InputError: `pages.malformed`, the workspace gave something of another shape.
        """
        try:
            facts = self._workspace.member.receipt_page(self._workspace.member.by_ordinal(ordinal))
        except (InputError, KeyError):
            return None
        return read(ReceiptView, facts, where="receipt")

    def standard_receipt(self, ordinal: int) -> bytes | None:
        """Return one member's receipt as JSON-LD."""
        members = self._workspace.member
        try:
            return members.standard_receipt(members.by_ordinal(ordinal))
        except (InputError, KeyError):
            return None

    def proof(self, name: str) -> bytes | None:
        """Return a proof file of the workspace."""
        try:
            return self._workspace.proof.bytes(name)
        except (InputError, KeyError):
            return None

    def suggest(
        self,
        ordinal: int | None,
        release: str,
        *,
        message: str | None,
        history: Sequence[str],
        count: int,
    ) -> SuggestionsView | None:
        """Ask a release of the workspace.

        Raises:
            InputError: `training.suggest`, another kind of question.
            RefusedError: `release.tainted`.
        """
        try:
            member = None if ordinal is None else self._workspace.member.by_ordinal(ordinal)
            found = self._workspace.release.suggest_for(
                member, release, message, history=history, count=count
            )
        except (InputError, KeyError) as error:
            if getattr(error, "code", "") == "training.suggest":
                raise
            return None
        return read(SuggestionsView, found, where="suggestions")
