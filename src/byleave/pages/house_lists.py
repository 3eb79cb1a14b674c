"""The operator's lists: requests of members, what was done, withdrawals, rules; facts and pages."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from byleave.pages.html import address, render
from byleave.pages.view import Checkpoint, Frame

__all__ = [
    "BatchRow",
    "CostRow",
    "PackageDue",
    "RequestRow",
    "Requests",
    "RuleRow",
    "Rules",
    "ScopeRule",
    "Trail",
    "TrailRow",
    "Withdrawals",
    "requests_page",
    "rules_page",
    "trail_page",
    "withdrawals_page",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestRow:
    """A request of a member; `member` is an ordinal.

    Attributes:
        rule: By which rule it is due.
        state: `open`, `overdue`, `done`, `refused` or `taken-back`.
        days_left: Whole days until it is due, negative where that is past; None where closed.
        extended: When it got more time; None: it got none.
        first_due: When it was due before that.
        latest: To when its time may still be made longer; None: it may not.
    """

    request: str
    index: int
    member: int
    kind: str
    channel: str
    opened: datetime
    due: datetime
    rule: str
    state: str
    days_left: int | None
    closed: datetime | None
    closed_index: int | None
    who: str | None
    why: str | None
    extended: datetime | None
    extended_index: int | None
    extended_why: str | None
    first_due: datetime | None
    latest: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Requests:
    """Requests, the one due first at the top.

    Attributes:
        show: `open` or `all`.
        kind: Of one kind alone; None: of all.
    """

    at: datetime
    checkpoint: Checkpoint
    show: str
    kind: str | None
    kinds: tuple[str, ...]
    requests: tuple[RequestRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrailRow:
    """Something that was done; `means` says what its entry stands for."""

    index: int
    at: datetime
    kind: str
    means: str
    name: str
    who: str | None
    what: str | None
    why: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Trail:
    """What was done, newest first.

    Attributes:
        kind: Of one kind alone; None: of all.
        kinds: Which there are.
        since: Only what was done then or later; None: from the first.
        until: Only what was done before; None: to the newest.
        older: The index before which the next page begins; None: this is the last.
    """

    at: datetime
    checkpoint: Checkpoint
    kind: str | None
    kinds: tuple[str, ...]
    since: datetime | None
    until: datetime | None
    older: int | None
    rows: tuple[TrailRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CostRow:
    """A release to unlearn, and what that would cost; None: never measured.

    Attributes:
        leaving: Rows to be forgotten, of `rows`.
        read: Rows that forgetting reads.
        due: From when it may not be served; None: not yet known.
    """

    release: str
    trainer: str
    exact: bool
    rows: int
    leaving: int
    members: int
    read: int | None
    seconds: float | None
    refit_seconds: float | None
    due: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageDue:
    """A package from which rows are to be recalled, or whose recall waits for an answer."""

    package: str
    recipient: str
    rows: int
    state: str
    due: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchRow:
    """A batch of withdrawals; `ended`: its last entry, None while it is not finished."""

    withdrawal: str
    index: int
    at: datetime
    releases: int
    packages: int
    ended: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Withdrawals:
    """What withdrawals would reach now, what waits for recipients, and the batches done."""

    at: datetime
    checkpoint: Checkpoint
    unfinished: str | None
    purge: str
    releases: tuple[CostRow, ...]
    packages: tuple[PackageDue, ...]
    batches: tuple[BatchRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ScopeRule:
    """On what the uses in a scope may rest, and the source of that."""

    scope: str
    basis: str
    cite: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleRow:
    """A ruleset in force.

    Attributes:
        min_age: Years; None: no limit.
        standing_still: Scopes suspended now.
    """

    name: str
    title: str
    since: datetime
    regions: tuple[str, ...]
    party_rule: str
    party_cite: str
    min_age: int | None
    standing_still: tuple[str, ...]
    rules: tuple[ScopeRule, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """The rulesets in force, and the lowest grade of evidence at which a yes counts."""

    at: datetime
    checkpoint: Checkpoint
    version: str
    sha256: str
    accepts: str
    rules: tuple[RuleRow, ...]


def requests_page(frame: Frame, view: Requests, *, base: str, form: str) -> str:
    """Write the list of requests, with a form to close each that is open.

    Args:
        frame: What frames every page.
        view: Its facts.
        base: Prefix of every address.
        form: The session's form secret.
    """
    asked = f"?show={view.show}" + (f"&kind={view.kind}" if view.kind else "")
    return render(
        "house_requests.html",
        frame,
        base=base,
        twin=f"{base}/house/requests.json{asked}",
        view=view,
        form=form,
    )


def trail_page(frame: Frame, view: Trail, *, base: str, before: int | None) -> str:
    """Write the trail; `before` is the index it was asked with, for its twin."""
    own = f"{base}/house/trail"
    return render(
        "house_trail.html",
        frame,
        base=base,
        twin=address(f"{own}.json", {**_asked(view), "before": before}),
        view=view,
        older=None if view.older is None else address(own, {**_asked(view), "before": view.older}),
    )


def _asked(view: Trail) -> dict[str, object]:
    return {"kind": view.kind, "from": view.since, "to": view.until}


def withdrawals_page(frame: Frame, view: Withdrawals, *, base: str) -> str:
    """Write what withdrawals reach; see `requests_page`."""
    twin = f"{base}/house/withdrawals.json"
    return render("house_withdrawals.html", frame, base=base, twin=twin, view=view)


def rules_page(frame: Frame, view: Rules, *, base: str) -> str:
    """Write the rulesets in force; see `requests_page`."""
    return render("house_rules.html", frame, base=base, twin=f"{base}/house/rules.json", view=view)
