"""The operator's overview: its facts, and its page."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from byleave.pages.html import render
from byleave.pages.view import Checkpoint, Frame, ReasonCount

__all__ = [
    "Asked",
    "Console",
    "Due",
    "GateRow",
    "Look",
    "PackageRow",
    "ReleaseRow",
    "TaintRow",
    "page",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class TaintRow:
    """A release that holds rows which had to be unlearned by `due`."""

    release: str
    since: datetime
    due: datetime
    rows: int
    members: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """A release or a package that holds rows no longer admitted."""

    name: str
    rows: int
    members: int


@dataclass(frozen=True, slots=True, kw_only=True)
class GateRow:
    """One run of the gate, with its rows by reason."""

    gate: str
    index: int
    source: str
    use: str
    at: datetime
    rows: int
    kept: int
    reasons: tuple[ReasonCount, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseRow:
    """One release."""

    release: str
    index: int
    trainer: str
    snapshot: str
    exact: bool
    superseded_by: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageRow:
    """One package, and how far it came."""

    package: str
    index: int
    recipient: str
    rows: int
    state: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request that is open; `member` is an ordinal."""

    request: str
    due: datetime
    kind: str
    member: int
    state: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """Somebody of the operator's looked at a member's data; `member` is an ordinal."""

    index: int
    at: datetime
    who: str
    member: int
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Console:
    """The operator's overview."""

    at: datetime
    checkpoint: Checkpoint
    members: int
    requests: tuple[Asked, ...]
    tainted: tuple[TaintRow, ...]
    to_unlearn: tuple[Due, ...]
    to_recall: tuple[Due, ...]
    gates: tuple[GateRow, ...]
    releases: tuple[ReleaseRow, ...]
    packages: tuple[PackageRow, ...]
    looks: tuple[Look, ...]


def page(frame: Frame, view: Console, *, base: str, form: str) -> str:
    """Write the operator's overview.

    Args:
        frame: What frames every page.
        view: Its facts.
        base: Prefix of every address.
        form: The session's form secret.
    """
    return render("house.html", frame, base=base, twin=f"{base}/house.json", view=view, form=form)
