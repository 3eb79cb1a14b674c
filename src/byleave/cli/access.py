"""`byleave access`: who may use the server: API tokens, sign-in links for people."""

from __future__ import annotations

from datetime import timedelta

import click

from byleave.cli.opened import opened
from byleave.cli.output import emit, json_option, table, workspace_option
from byleave.ids import format_instant, from_us, parse_instant, to_us
from byleave.service.acts import KINDS
from byleave.wiring.admission import SCOPES, Admission

__all__ = ["group"]


@click.group("access")
def group() -> None:
    """Who may use the server: token, list, revoke, link, looks, trail, page, scopes."""


@group.command()
@click.argument("name")
@click.option("--scope", "scopes", multiple=True, required=True, help="What it may do; repeat.")
@click.option("--days", default=90, show_default=True, type=click.IntRange(1, 366))
@click.option(
    "--reason", default="", help="Why it reads members' data; each look is logged with it."
)
@workspace_option
@json_option
def token(
    *,
    name: str,
    scopes: tuple[str, ...],
    days: int,
    reason: str,
    workspace: str,
    as_json: bool,
) -> None:
    """Make an API token for a program of yours. Its secret is shown this once.

    \b
    byleave access token crm --scope consent.write --scope decision.read
    byleave access token feed --scope model.read --reason "suggests replies"
    """  # noqa: D301
    lifetime = timedelta(days=days)
    with opened(workspace, read_only=True) as ws, Admission(ws) as access:
        secret = access.make_token(name, frozenset(scopes), lifetime=lifetime, reason=reason)
    emit(
        {"token": name, "secret": secret, "scopes": sorted(scopes), "days": days},
        schema="byleave/access-token/v1",
        as_json=as_json,
        lines=lambda: [secret, "", "shown this once; send it as  Authorization: Bearer …"],
    )


@group.command("list")
@workspace_option
@json_option
def list_(*, workspace: str, as_json: bool) -> None:
    """List API tokens, never their secrets.

    \b
    byleave access list
    """  # noqa: D301
    with opened(workspace, read_only=True) as ws, Admission(ws) as access:
        found = access.tokens()
        now = to_us(ws.now())
    rows = [
        {
            "token": t.id,
            "scopes": sorted(t.scopes),
            "created": format_instant(from_us(t.created_us)),
            "expires": format_instant(from_us(t.expires_us)),
            "state": "revoked"
            if t.revoked_us is not None
            else ("good" if t.expires_us > now else "over"),
        }
        for t in found
    ]
    emit(
        {"tokens": rows},
        schema="byleave/access-list/v1",
        as_json=as_json,
        lines=lambda: (
            table(
                ["token", "state", "until", "scopes"],
                [[r["token"], r["state"], r["expires"], " ".join(r["scopes"])] for r in rows],
            )
            if rows
            else ["no tokens yet; byleave access token NAME --scope … makes one"]
        ),
    )


@group.command()
@click.argument("name")
@workspace_option
@json_option
def revoke(*, name: str, workspace: str, as_json: bool) -> None:
    """End an API token at once, also in a server that is running.

    \b
    byleave access revoke shop
    """  # noqa: D301
    with opened(workspace, read_only=True) as ws, Admission(ws) as access:
        access.revoke(name)
    emit(
        {"token": name, "revoked": True},
        schema="byleave/access-revoke/v1",
        as_json=as_json,
        lines=lambda: [f"{name} is revoked"],
    )


@group.command()
@click.argument("role", type=click.Choice(["operator", "auditor", "recipient", "member"]))
@click.argument("who")
@click.option("--site", default="http://127.0.0.1:8000", show_default=True)
@click.option("--minutes", default=30, show_default=True, type=click.IntRange(1, 24 * 60))
@workspace_option
@json_option
def link(*, role: str, who: str, site: str, minutes: int, workspace: str, as_json: bool) -> None:
    """Make a sign-in link for one person; it works once.

    \b
    byleave access link operator alex --site https://privacy.example.com
    byleave access link member m-1
    """  # noqa: D301
    with opened(workspace, read_only=True) as ws, Admission(ws) as access:
        secret = access.make_link(role, who, lifetime=timedelta(minutes=minutes))
    url = f"{site.rstrip('/')}/in/{secret}"
    emit(
        {"url": url, "role": role, "minutes": minutes},
        schema="byleave/access-link/v1",
        as_json=as_json,
        lines=lambda: [url, "", f"works once, within {minutes} minutes"],
    )


@group.command()
@workspace_option
@json_option
def looks(*, workspace: str, as_json: bool) -> None:
    """List who of the operator's people looked at members' data, and why.

    \b
    byleave access looks
    """  # noqa: D301
    with opened(workspace, read_only=True) as ws:
        found = ws.member.looks()
    emit(
        {"looks": found},
        schema="byleave/access-looks/v1",
        as_json=as_json,
        lines=lambda: (
            table(
                ["entry", "when", "who", "member no.", "why"],
                [[x["index"], x["at"], x["who"], x["member"], x["why"]] for x in found],
            )
            if found
            else ["nobody looked"]
        ),
    )


@group.command()
@click.option("--kind", type=click.Choice(sorted(KINDS)), help="Of this kind alone.")
@click.option("--before", type=click.IntRange(0), help="Only entries of a lower index.")
@click.option("--from", "since", metavar="INSTANT", help="Only what was done then or later.")
@click.option("--to", "until", metavar="INSTANT", help="Only what was done before.")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 10_000))
@workspace_option
@json_option
def trail(
    *,
    kind: str | None,
    before: int | None,
    since: str | None,
    until: str | None,
    limit: int,
    workspace: str,
    as_json: bool,
) -> None:
    """List what was done, newest first; who and why where someone acted and said so.

    \b
    byleave access trail --kind policy
    byleave access trail --from 2026-11-01 --to 2026-11-02T12:00:00Z
    """  # noqa: D301
    first = None if since is None else parse_instant(since)
    last = None if until is None else parse_instant(until)
    with opened(workspace, read_only=True) as ws:
        found = ws.acts.trail(kind=kind, before=before, since=first, until=last, limit=limit)
    emit(
        {"trail": found},
        schema="byleave/access-trail/v1",
        as_json=as_json,
        lines=lambda: (
            table(
                ["entry", "when", "kind", "name", "who", "why"],
                [
                    [x["index"], x["at"], x["kind"], x["name"], x["who"] or "", x["why"] or ""]
                    for x in found
                ],
            )
            if found
            else ["nothing was done yet"]
        ),
    )


@group.command()
@json_option
def scopes(*, as_json: bool) -> None:
    """List what a token can be allowed.

    \b
    byleave access scopes
    """  # noqa: D301
    emit(
        {"scopes": dict(SCOPES)},
        schema="byleave/access-scopes/v1",
        as_json=as_json,
        lines=lambda: table(["scope", "what it allows"], [[k, v] for k, v in SCOPES.items()]),
    )


@group.command()
@click.argument("address")
@workspace_option
@json_option
def page(*, address: str, workspace: str, as_json: bool) -> None:
    """Give the same answer as a page of operators, auditors or the public, without a server.

    ADDRESS is that of the page, without the host; it holds what is searched for.

    \b
    byleave access page /house/requests -w byleave-demo
    byleave access page '/audit/log?kind=gate/v1' -w byleave-demo
    """  # noqa: D301
    import json

    with opened(workspace, read_only=True) as ws:
        found = ws.faces.page(address)
    schema = found.pop("schema")
    emit(
        found,
        schema=schema,
        as_json=as_json,
        lines=lambda: json.dumps(found, ensure_ascii=False, indent=2).splitlines(),
    )
