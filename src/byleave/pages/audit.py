"""The auditor's pages: what to repeat, the log entry by entry, a proof checked by upload."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from byleave.pages.html import address, render
from byleave.pages.view import Checkpoint, Frame
from byleave.verify.verdict import Verdict

__all__ = [
    "Audit",
    "EntryView",
    "Field",
    "GateAgain",
    "LogLine",
    "LogPart",
    "Package",
    "Problem",
    "ReleaseAgain",
    "entry_page",
    "home_page",
    "log_page",
    "problems_page",
    "verdict_page",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """A package of the environment that a model was fitted in."""

    name: str
    version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseAgain:
    """A release with the digests and commands that repeat it.

    Attributes:
        recipe: SHA-256 of the recipe; its log entry was made before the fit.
        lock: SHA-256 of the list of packages, versions and digests it was fitted with.
        runs_on: System, Python and machine.
    """

    release: str
    index: int
    at: datetime
    model: str
    trainer: str
    exact: bool
    superseded_by: str | None
    snapshot: str
    snapshot_index: int
    root: str
    records: int
    recipe_index: int
    recipe: str
    lock: str | None
    runs_on: tuple[str, ...]
    packages: tuple[Package, ...]
    gate: str
    gate_index: int
    commands: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class GateAgain:
    """A run of the gate with the command that repeats it."""

    gate: str
    index: int
    at: datetime
    source: str
    use: str
    ledger: int
    rows: int
    kept: int
    plan: str
    commands: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """What an auditor sees first.

    Attributes:
        witnesses: Who of the trust file cosigned the checkpoint.
        trust: The workspace's own trust file.
        gates_in_all: How many gates there are; `gates` are the newest.
    """

    at: datetime
    checkpoint: Checkpoint
    witnesses: tuple[str, ...]
    trust: str
    releases: tuple[ReleaseAgain, ...]
    gates: tuple[GateAgain, ...]
    gates_in_all: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LogLine:
    """One entry in a list.

    Attributes:
        recorded: When, where the ledger keeps it.
        name: Of the object that the entry is of.
        leaf: Leaf hash, hexadecimal.
    """

    index: int
    kind: str
    recorded: datetime | None
    name: str | None
    leaf: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LogPart:
    """Part of the log, newest first.

    Attributes:
        kind: Only entries of it; None: of any.
        find: Only entries that hold it; None: any.
        before: Only entries below; None: from the newest.
        since: Only entries recorded then or later; None: from the first.
        until: Only entries recorded before; None: to the newest.
        older: `before` of what follows; None at the first entry.
        kinds: Every kind there is.
    """

    at: datetime
    checkpoint: Checkpoint
    kind: str | None
    find: str | None
    before: int | None
    since: datetime | None
    until: datetime | None
    lines: tuple[LogLine, ...]
    older: int | None
    size: int
    kinds: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One field of an entry; `entry`: the index of the entry that it names."""

    name: str
    value: str
    entry: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryView:
    """One entry with its proof of inclusion."""

    at: datetime
    checkpoint: Checkpoint
    index: int
    kind: str
    recorded: datetime | None
    name: str | None
    leaf: str
    fields: tuple[Field, ...]
    bytes: int
    entry: str
    hashes: int
    proof: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Something that does not hold."""

    where: str
    problem: str
    code: str


def home_page(frame: Frame, view: Audit, *, base: str, form: str) -> str:
    """Write the auditor's first page."""
    return render("audit.html", frame, base=base, twin=f"{base}/audit.json", view=view, form=form)


def log_page(frame: Frame, view: LogPart, *, base: str, form: str) -> str:
    """Write a list of log entries."""
    own = f"{base}/audit/log"
    asked = {"kind": view.kind, "find": view.find, "from": view.since, "to": view.until}
    older = None if view.older is None else address(own, {**asked, "before": view.older})
    newest = None if view.before is None else address(own, asked)
    twin = address(f"{own}.json", {**asked, "before": view.before})
    return render(
        "audit_log.html",
        frame,
        base=base,
        twin=twin,
        view=view,
        older=older,
        newest=newest,
        form=form,
    )


def entry_page(frame: Frame, view: EntryView, *, base: str, form: str) -> str:
    """Write one log entry."""
    twin = f"{base}/audit/log/{view.index}.json"
    return render("audit_entry.html", frame, base=base, twin=twin, view=view, form=form)


def verdict_page(frame: Frame, verdict: Verdict, *, base: str, form: str) -> str:
    """Write what checking an uploaded proof found."""
    return render("audit_verdict.html", frame, base=base, twin=None, view=verdict, form=form)


def problems_page(frame: Frame, problems: tuple[Problem, ...], *, base: str, form: str) -> str:
    """Write what recomputing the log found."""
    return render("audit_fsck.html", frame, base=base, twin=None, view=problems, form=form)
