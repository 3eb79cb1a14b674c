"""`byleave consent`: record choices, and read them back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from byleave.cli.opened import opened
from byleave.cli.output import emit, json_option, table, workspace_option

if TYPE_CHECKING:
    from byleave.consent.event import ConsentEvent

__all__ = ["group"]


@click.group("consent")
def group() -> None:
    """Choices of members: record, withdraw, refuse, object, show, state."""


@group.command()
@click.argument("member")
@click.argument("scope", metavar="PURPOSE/CATEGORY/RECIPIENT")
@click.option("--notice", required=True, help="Id of the notice that the member answered.")
@click.option("--includes-past", is_flag=True, help="Also data collected before now.")
@click.option("--expires", help="End of the grant, exclusive: 2025-01-01T00:00:00Z.")
@workspace_option
@json_option
def record(
    *,
    member: str,
    scope: str,
    notice: str,
    includes_past: bool,
    expires: str | None,
    workspace: str,
    as_json: bool,
) -> None:
    """Record a grant: a yes to something said.

    \b
    byleave consent record m-1 train.generative.replies/messages/platform --notice replies-7
    """  # noqa: D301
    from byleave.ids import parse_instant

    end = None if expires is None else parse_instant(expires)
    with opened(workspace) as ws:
        index = ws.consent.grant(
            member, scope, notice=notice, includes_past=includes_past, expires=end, channel="cli"
        )
    _said("grant", scope, index, as_json=as_json)


@group.command()
@click.argument("member")
@click.argument("scope", metavar="PURPOSE/CATEGORY/RECIPIENT")
@workspace_option
@json_option
def withdraw(*, member: str, scope: str, workspace: str, as_json: bool) -> None:
    """Record a withdrawal. It holds from now; `withdrawal run` lets it reach the models.

    \b
    byleave consent withdraw m-1 train.generative.replies/messages/platform
    """  # noqa: D301
    with opened(workspace) as ws:
        index = ws.consent.withdraw(member, scope, channel="cli")
    _said("withdrawal", scope, index, as_json=as_json)


@group.command()
@click.argument("member")
@click.argument("scope", metavar="PURPOSE/CATEGORY/RECIPIENT")
@workspace_option
@json_option
def refuse(*, member: str, scope: str, workspace: str, as_json: bool) -> None:
    """Record a refusal.

    \b
    byleave consent refuse m-1 train/messages/*
    """  # noqa: D301
    with opened(workspace) as ws:
        index = ws.consent.refuse(member, scope, channel="cli")
    _said("refusal", scope, index, as_json=as_json)


@group.command("object")
@click.argument("member")
@click.argument("scope", metavar="PURPOSE/CATEGORY/RECIPIENT")
@workspace_option
@json_option
def object_(*, member: str, scope: str, workspace: str, as_json: bool) -> None:
    """Record an objection.

    \b
    byleave consent object m-1 train/profile/platform
    """  # noqa: D301
    with opened(workspace) as ws:
        index = ws.consent.object(member, scope, channel="cli")
    _said("objection", scope, index, as_json=as_json)


@group.command()
@click.argument("member")
@workspace_option
@json_option
def show(*, member: str, workspace: str, as_json: bool) -> None:
    """Show one member's choices, oldest first.

    \b
    byleave consent show m-1 --workspace byleave-demo
    """  # noqa: D301
    with opened(workspace, read_only=True) as ws:
        events = ws.consent.history(member)
    emit(
        {"events": [_event(e) for e in events]},
        schema="byleave/consent-history/v1",
        as_json=as_json,
        lines=lambda: (
            table(
                ["entry", "from", "kind", "scope", "past", "notice"],
                [
                    [
                        e.index,
                        e.effective.isoformat()[:16],
                        e.kind.name.lower(),
                        str(e.scope),
                        "yes" if e.includes_past else "no",
                        e.notice,
                    ]
                    for e in events
                ],
            )
            if events
            else ["No choice on record: everything that needs consent is off."]
        ),
    )


@group.command()
@click.argument("use", metavar="PURPOSE/CATEGORY/RECIPIENT")
@click.option("--at", help="Instant; default now.")
@workspace_option
@json_option
def state(*, use: str, at: str | None, workspace: str, as_json: bool) -> None:
    """Count members by where they stand on one leaf use.

    \b
    byleave consent state train.generative.replies/messages.inmail/platform
    """  # noqa: D301
    from byleave.consent.reason import Reason
    from byleave.ids import parse_instant

    with opened(workspace, read_only=True) as ws:
        found = ws.consent.state(use, at=None if at is None else parse_instant(at))
    import numpy as np

    codes, counts = np.unique(found.code, return_counts=True)
    by_reason = {
        ("granted" if Reason(c) is Reason.KEPT else Reason(c).word): n
        for c, n in zip(codes.tolist(), counts.tolist(), strict=True)
    }
    emit(
        {"use": use, "members": found.members, "by_reason": by_reason},
        schema="byleave/consent-state/v1",
        as_json=as_json,
        lines=lambda: table(["standing", "members"], sorted(by_reason.items())),
    )


def _said(kind: str, scope: str, index: int, *, as_json: bool) -> None:
    emit(
        {"kind": kind, "scope": scope, "index": index},
        schema="byleave/consent/v1",
        as_json=as_json,
        lines=lambda: [f"{kind} of {scope}: log entry {index:,}"],
    )


def _event(event: ConsentEvent) -> dict[str, object]:
    return {
        "index": event.index,
        "kind": event.kind.name.lower(),
        "scope": str(event.scope),
        "effective": event.effective.isoformat(),
        "expires": None if event.expires is None else event.expires.isoformat(),
        "includes_past": event.includes_past,
        "notice": event.notice,
        "grade": event.grade.name.lower(),
        "channel": event.channel,
    }
