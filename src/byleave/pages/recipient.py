"""A recipient's page: its packages and their terms, what is recalled, what to fetch and send."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from byleave.pages.html import render
from byleave.pages.view import Checkpoint, Frame

__all__ = ["FILES", "FileRow", "PackageView", "RecallRow", "Received", "Refused", "page"]

FILES: Final = "/api/v1/packages"
"""Where the API hands out packages and orders, and takes answers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecallRow:
    """One recall of a package.

    Attributes:
        order: Name of the order.
        rows: How many rows it names.
        answered: When the platform took the answer; None: not yet.
        late: Whether it is past its date.
    """

    order: str
    at: datetime
    due: datetime
    rows: int
    answered: datetime | None
    late: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageView:
    """One package, its terms and how far it came.

    Attributes:
        due: When the next answer is due; None: nothing is open.
        expires: From when it may no longer be used; None: until it is recalled.
        onward: Recipients it may be handed on to.
    """

    package: str
    index: int
    at: datetime
    use: str
    rows: int
    recalled_rows: int
    state: str
    due: datetime | None
    may_train: bool
    may_pass_on: bool
    recall_days: int
    expires: datetime | None
    onward: tuple[str, ...]
    recalls: tuple[RecallRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FileRow:
    """A sealed package that lies there."""

    name: str
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """What a recipient sees.

    Attributes:
        recipient: Its term.
        key: Its signing key in force, hexadecimal; None: it has registered none.
        key_index: Log index of that key.
        files: Packages to fetch.
        orders: Orders to obey.
    """

    at: datetime
    checkpoint: Checkpoint
    recipient: str
    key: str | None
    key_index: int | None
    packages: tuple[PackageView, ...]
    files: tuple[FileRow, ...]
    orders: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Refused:
    """Why something was not taken, and the error's code."""

    why: str
    code: str


def page(
    frame: Frame,
    view: Received,
    *,
    base: str,
    site: str,
    form: str,
    taken: str | None = None,
    refused: Refused | None = None,
    language: str = "en",
) -> str:
    """Write the page.

    Args:
        frame: What stands around it.
        view: Its facts.
        base: Prefix of every address.
        site: Scheme and host under which the portal is reached.
        form: The session's form secret.
        taken: What was just taken, `delivery` or `answer`; None: nothing.
        refused: Why what was sent was not taken; None: it was, or nothing was sent.
        language: Of its sentences.
    """
    twin = f"{base}/recipient.json"
    return render(
        "recipient.html",
        frame,
        base=base,
        twin=twin,
        language=language,
        view=view,
        form=form,
        taken=taken,
        refused=refused,
        files=f"{base}{FILES}",
        address=f"{site}{base}{FILES}",
    )
