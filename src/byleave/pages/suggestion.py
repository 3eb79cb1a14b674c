"""What is suggested to a member, as the portal hands it out."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["SuggestionEntry", "SuggestionsView"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SuggestionEntry:
    """One suggestion and its reason.

    Attributes:
        text: A reply, the name of an item or of a job.
        why: `message`, `history`, `profile`, `skills`, `similar`, `trend` or `popular`.
        because: What of the asker's own weighs most; () where nothing of theirs was looked at.
        score: Of a reply, in units of 2^-20.
    """

    text: str
    why: str
    because: tuple[str, ...]
    score: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SuggestionsView:
    """The answer of a release.

    Attributes:
        release: Its name.
        personal: Whether what the asker gave was looked at.
        reason: `kept`, or why not.
        suggestions: Best first.
    """

    release: str
    personal: bool
    reason: str
    suggestions: tuple[SuggestionEntry, ...]
