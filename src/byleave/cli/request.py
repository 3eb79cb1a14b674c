"""`byleave request`: what members ask by right, and by when it has to be answered."""

from __future__ import annotations

from datetime import date

import click

from byleave.cli.opened import opened
from byleave.cli.output import emit, json_option, table, workspace_option
from byleave.errors import InputError
from byleave.service.requests import EXTENSIONS, KINDS, OUTCOMES, RULES

__all__ = ["group"]


@click.group("request")
def group() -> None:
    """What members ask by right, and when it is due: open, extend, list, close."""


@group.command("open")
@click.argument("member")
@click.argument("kind", type=click.Choice(list(KINDS)))
@click.option("--channel", default="email", show_default=True, help="Where they asked.")
@workspace_option
@json_option
def open_(*, member: str, kind: str, channel: str, workspace: str, as_json: bool) -> None:
    """Log that a member asked for something; say by when it has to be answered.

    Asked again while it is open, it is still one request.

    \b
    byleave request open m-1 access
    byleave request open m-2 objection --channel letter
    """  # noqa: D301
    with opened(workspace) as ws:
        name = ws.requests.open(member, kind, channel=channel)
        facts = next(f for f in ws.requests.list(member=member) if f["request"] == name)
    emit(
        facts,
        schema="byleave/request/v1",
        as_json=as_json,
        lines=lambda: [
            f"{name}  {kind}; log entry {facts['index']:,}",
            f"  due {facts['due']}: {RULES[facts['rule']]}",
        ],
    )


@group.command()
@click.argument("request")
@click.option("--who", required=True, help="Who decided it.")
@click.option("--why", required=True, help="Why, as the member is told; nothing personal.")
@click.option("--until", metavar="DAY", help="The new day; default the last the law allows.")
@workspace_option
@json_option
def extend(
    *, request: str, who: str, why: str, until: str | None, workspace: str, as_json: bool
) -> None:
    """Give a request more time, once, and tell the member why on their page.

    The law allows it before the first day has passed: two months more under the GDPR, 45 days more
    in California for access and erasure.

    \b
    byleave request extend request-123 --who alex --why "200 requests came"
    byleave request extend request-123 --who alex --why "…" --until 2027-01-15
    """  # noqa: D301
    day = None if until is None else _day(until)
    with opened(workspace) as ws:
        index = ws.requests.extend(request, who=who, why=why, until=day)
        facts = next(f for f in ws.requests.list() if f["request"] == request)
    shown = {name: facts[name] for name in ("request", "due", "first_due", "rule", "channel")}
    emit(
        {**shown, "index": index},
        schema="byleave/request-extended/v1",
        as_json=as_json,
        lines=lambda: [
            f"{request}  more time; log entry {index:,}",
            f"  due {facts['due']}: at most {EXTENSIONS[facts['rule']]}",
            "  the member's page says so now; who asked elsewhere has to be told",
            f"  there too, by {facts['first_due']}",
        ],
    )


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise InputError(
            "a day is written as 2027-01-15", code="input.malformed", where="--until"
        ) from None


@group.command("list")
@click.option("--member", help="Only theirs.")
@click.option("--open", "only_open", is_flag=True, help="Leave out those that are closed.")
@workspace_option
@json_option
def list_(*, member: str | None, only_open: bool, workspace: str, as_json: bool) -> None:
    """List requests, the one due first at the top; members stand in it by number.

    \b
    byleave request list --open
    """  # noqa: D301
    with opened(workspace, read_only=True) as ws:
        found = ws.requests.list(member=member, only_open=only_open)
    emit(
        {"requests": found},
        schema="byleave/request-list/v1",
        as_json=as_json,
        lines=lambda: (
            table(
                ["request", "member", "kind", "opened", "due", "state"],
                [
                    [
                        f["request"],
                        f["member"],
                        f["kind"],
                        f["opened"][:10],
                        f["due"][:10],
                        f["state"] + (f" ({f['days_left']} days)" if f["closed"] is None else ""),
                    ]
                    for f in found
                ],
            )
            if found
            else ["no request; byleave request open MEMBER KIND notes one"]
        ),
    )


@group.command()
@click.argument("request")
@click.option("--outcome", type=click.Choice(list(OUTCOMES)), default="done", show_default=True)
@click.option("--who", required=True, help="Who closed it.")
@click.option("--why", required=True, help="What was done, or why not; nothing personal.")
@workspace_option
@json_option
def close(*, request: str, outcome: str, who: str, why: str, workspace: str, as_json: bool) -> None:
    """Log how a request ended.

    \b
    byleave request close request-123 --who alex --why "sent the export"
    """  # noqa: D301
    with opened(workspace) as ws:
        index = ws.requests.close(request, outcome=outcome, who=who, why=why)
    emit(
        {"request": request, "outcome": outcome, "index": index},
        schema="byleave/request-closed/v1",
        as_json=as_json,
        lines=lambda: [f"{request} closed: {outcome}; log entry {index:,}"],
    )
