"""Taking everything along, asking by right, and being erased: the facts, and the pages."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from byleave.pages.html import render
from byleave.pages.view import Checkpoint, Frame, Help

__all__ = ["Asked", "Holder", "Leaving", "erase_page", "erased_page", "rights_page"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """Something current that holds rows of the member, and has to be dealt with before erasing."""

    kind: Literal["snapshot", "release", "run", "package"]
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request of the member's; `extended`: when they were told that it takes longer."""

    request: str
    index: int
    kind: Literal["access", "erasure", "objection"]
    opened: datetime
    due: datetime
    state: Literal["open", "overdue", "done", "refused", "taken-back"]
    closed: datetime | None
    closed_index: int | None
    why: str | None
    extended: datetime | None
    extended_index: int | None
    extended_why: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaving:
    """Everything the pages say.

    Attributes:
        member_label: The member's own name for themselves.
        at: The instant it is about.
        checkpoint: The log's head it stands on.
        records: Records in sources that name them.
        choices: What they said.
        entries: Log entries about them, which stay.
        holders: Recipients who got records of theirs.
        blocking: What has to be unlearned or recalled before they can be erased.
        due: By when a request made now has to be answered.
        rule: The rule that says so.
        requests: What they asked for.
    """

    member_label: str
    at: datetime
    checkpoint: Checkpoint
    records: int
    choices: int
    entries: int
    holders: tuple[str, ...]
    blocking: tuple[Holder, ...]
    due: datetime
    rule: str
    requests: tuple[Asked, ...]


def rights_page(
    frame: Frame, view: Leaving, *, base: str, own: str, form: str, language: str = "en"
) -> str:
    """Write the page of requests and of the export.

    Args:
        frame: What frames every page.
        view: Its facts.
        base: Prefix of every address.
        own: Address of the member's pages.
        form: The session's form secret.
        language: Of its sentences.
    """
    twin = f"{own}/requests.json"
    return render(
        "rights.html", frame, base=base, twin=twin, language=language, view=view, own=own, form=form
    )


def erase_page(
    frame: Frame,
    view: Leaving,
    *,
    base: str,
    own: str,
    form: str,
    missed: bool = False,
    language: str = "en",
) -> str:
    """Write the page before erasing.

    Args:
        frame: What frames every page.
        view: Its facts.
        base: Prefix of every address.
        own: Address of the member's pages.
        form: The session's form secret.
        missed: They pressed the button without the tick that confirms.
        language: Of its sentences.
    """
    return render(
        "erase.html",
        frame,
        base=base,
        twin=f"{own}/erase.json",
        language=language,
        view=view,
        own=own,
        form=form,
        missed=missed,
    )


def erased_page(
    *,
    base: str,
    erasure: str,
    index: int,
    records: int,
    openings: int,
    whom: Help | None = None,
    language: str = "en",
) -> str:
    """Write what is told to somebody who has just been erased; nothing of it is theirs any more.

    Args:
        base: Prefix of every address.
        erasure: Its id.
        index: Its log index.
        records: Rows blanked in sources.
        openings: Openings removed.
        whom: Whom to turn to; None: not known here.
        language: Of its sentences.
    """
    return render(
        "erased.html",
        None,
        base=base,
        twin=None,
        language=language,
        erasure=erasure,
        index=index,
        records=records,
        openings=openings,
        help=whom,
    )
