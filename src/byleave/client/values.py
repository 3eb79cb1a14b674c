"""What the client takes and returns, and its error."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

__all__ = ["ApiError", "Ask", "Choice", "Decision", "Event"]


class ApiError(Exception):
    """A refusal of the API.

    Args:
        status: HTTP status.
        code: Stable code, as docs/errors.md lists them.
        detail: What is wrong.
        hint: What to do next.
    """

    def __init__(self, status: int, code: str, detail: str, hint: str | None = None) -> None:
        super().__init__(f"{code}: {detail}")
        self.status = status
        self.code = code
        self.detail = detail
        self.hint = hint


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One choice to record.

    Attributes:
        member: Who chose.
        kind: What they chose.
        scope: PURPOSE/CATEGORY/RECIPIENT.
        notice: Id of the notice answered; a grant needs one, or a token.
        token: The notice token that came back with the answer.
        final: State the control was left in, with a token.
        includes_past: A grant that also covers what was collected before.
        expires: End of a grant, RFC 3339; None: open.
        channel: Where it was said.
    """

    member: str
    kind: Literal["grant", "refuse", "withdraw", "object"]
    scope: str
    notice: str | None = None
    token: str | None = None
    final: Literal["on", "off", "none"] | None = None
    includes_past: bool = False
    expires: str | None = None
    channel: str = "api"


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What a member's choices and their region's rules come to for one use.

    Attributes:
        allowed: What a gate would do with new data of theirs.
        because: The reason, as `byleave help reasons` lists them.
        decided_by: Index of the choice, or of the rules, that decided; None: silence.
        ground: What a yes rests on; None for a no.
        choices: The reason that their choices alone would give.
        stops: The rules that stop it whatever they said, each with `ruleset`, `cite`, `since` and
            `until`; none for a yes.
    """

    allowed: bool
    because: str
    decided_by: int | None
    ground: str | None
    choices: str
    stops: Sequence[Mapping[str, str | None]] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """How a question stands with a member.

    Attributes:
        ask: Whether it may be shown now.
        because: `undecided`, `uses-changed`; else `answered`, `refused`, `put-off`, or `stopped`:
            a rule stops it whatever they say.
        question: The family of the notice.
        notice: The very text.
        language: Of it.
        uses: Leaf uses that have neither a yes nor a no.
        again: When it may be asked again, RFC 3339; None: now, or never.
        text: The notice, byte for byte, where it is to be shown.
        token: What comes back with the answer.
        url: A link that signs the member in, once, and shows the page of the question.
    """

    ask: bool
    because: str
    question: str
    notice: str
    language: str
    uses: Sequence[str]
    again: str | None
    text: str | None = None
    token: str | None = None
    url: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
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
