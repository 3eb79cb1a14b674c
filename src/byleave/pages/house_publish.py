"""Publishing by the console: a text, what it would change, and what was logged."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from byleave.canonical import digest_of
from byleave.pages.html import render
from byleave.pages.view import Checkpoint, Frame, plain

__all__ = [
    "Done",
    "Draft",
    "PolicyImpact",
    "RulesImpact",
    "SentenceChange",
    "UseCount",
    "done_page",
    "draft_page",
    "seen",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class UseCount:
    """What members said of a use that a text adds or removes (`service.policy.Choices`)."""

    use: str
    change: str
    agree: int
    refuse: int
    lapsed: int
    silent: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SentenceChange:
    """One change of the prose: `added`, `removed`, `changed` or `moved`, and its words in order.

    Attributes:
        pieces: (`same`, `added` or `removed`, words).
    """

    kind: str
    section: str
    pieces: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyImpact:
    """What publishing a policy text would change.

    Attributes:
        against: The version it is compared with; None: it is the first.
        findings: Where prose and declarations disagree.
    """

    document: str
    version: str
    members: int
    window_days: int
    asked_again: int
    uses: tuple[UseCount, ...]
    against: str | None
    changes: tuple[SentenceChange, ...]
    findings: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RulesImpact:
    """What putting a file of rulesets in force would change; uses with members touched."""

    version: str
    sha256: str
    members: int
    added: tuple[str, ...]
    removed: tuple[str, ...]
    accepts: tuple[str, str]
    turned_on: tuple[tuple[str, int], ...]
    turned_off: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A text that is not published.

    Attributes:
        kind: `policy` or `rules`.
        text: As it was sent; empty at first.
        problem: Why it cannot be published.
        policy: Its impact, of a policy text that can be.
        rules: Its impact, of rulesets that can be.
    """

    at: datetime
    checkpoint: Checkpoint
    kind: str
    text: str
    problem: str | None
    policy: PolicyImpact | None
    rules: RulesImpact | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What was published: its log entry, behind the one that says who and why.

    Attributes:
        index: Entry of the text.
        act: Entry of the act.
        name: What it is called.
        link: Where it can be read, below the base.
    """

    at: datetime
    checkpoint: Checkpoint
    kind: str
    name: str
    index: int
    act: int
    link: str


def seen(view: Draft) -> str:
    """Return a digest of what a preview says: the form that publishes sends it back."""
    return digest_of({"policy": plain(view.policy), "rules": plain(view.rules)}).hex()


def draft_page(frame: Frame, view: Draft, *, base: str, form: str) -> str:
    """Write the form for a text; with an impact, what it would change and how to go on.

    Args:
        frame: What frames every page.
        view: Its facts.
        base: Prefix of every address.
        form: The session's form secret.
    """
    return render(
        "house_publish.html", frame, base=base, twin=None, view=view, form=form, seen=seen(view)
    )


def done_page(frame: Frame, view: Done, *, base: str) -> str:
    """Write what was published; see `draft_page`."""
    return render("house_published.html", frame, base=base, twin=None, view=view)
