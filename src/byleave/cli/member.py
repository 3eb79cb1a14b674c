"""`byleave member`: who is enrolled, what is known of one, their receipt, a link to their page."""

from __future__ import annotations

from typing import Any

import click

from byleave.cli.opened import opened
from byleave.cli.output import emit, json_option, table, workspace_option

__all__ = ["group"]

_SHOWN = 12


@click.group("member")
def group() -> None:
    """Members: enrol, show, receipt, link."""


@group.command()
@click.argument("members", nargs=-1, required=True)
@click.option("--region", help="Region of all of them, for example us-ca; default: unknown.")
@workspace_option
@json_option
def enrol(*, members: tuple[str, ...], region: str | None, workspace: str, as_json: bool) -> None:
    """Enrol members: each gets a secret, and the log a commitment to it.

    \b
    byleave member enrol m-1 m-2 --region eu
    """  # noqa: D301
    with opened(workspace) as ws:
        regions = None if region is None else dict.fromkeys(members, region)
        new = ws.member.enrol(members, regions=regions)
        total = ws.member.count()
    emit(
        {"new": new, "members": total},
        schema="byleave/member-enrol/v1",
        as_json=as_json,
        lines=lambda: [f"{new:,} new; {total:,} members enrolled"],
    )


@group.command()
@click.argument("member")
@workspace_option
@json_option
def show(*, member: str, workspace: str, as_json: bool) -> None:
    """Show where one member's data went: choices, uses, releases, withdrawals.

    \b
    byleave member show m-1 --workspace byleave-demo --json
    """  # noqa: D301
    with opened(workspace, read_only=True) as ws:
        answer = ws.member.answer(member)
    emit(answer, schema="byleave/member/v1", as_json=as_json, lines=lambda: _lines(answer))


@group.command()
@click.argument("member")
@workspace_option
@json_option
def receipt(*, member: str, workspace: str, as_json: bool) -> None:
    """Write a member's receipt: their secret and the proofs of their choices. Private.

    \b
    byleave member receipt m-1 --workspace byleave-demo
    """  # noqa: D301
    with opened(workspace) as ws:
        path = ws.proof.receipt(member)
    emit(
        {"receipt": str(path)},
        schema="byleave/receipt-file/v1",
        as_json=as_json,
        lines=lambda: [f"{path}  (0600: whoever holds it can follow its holder)"],
    )


@group.command()
@click.argument("member")
@click.option("--hours", default=24, show_default=True, type=click.IntRange(1, 720))
@workspace_option
@json_option
def link(*, member: str, hours: int, workspace: str, as_json: bool) -> None:
    """Print a signed, expiring address of one member's page (for `byleave serve`).

    \b
    byleave member link m-1 --hours 1
    """  # noqa: D301
    from datetime import timedelta

    from byleave.pages.link import link_token

    with opened(workspace, read_only=True) as ws:
        expires = ws.now() + timedelta(hours=hours)
        token = link_token(ws.portal_key(), ws.member.ordinal(member), expires)
    emit(
        {"path": f"/m/{token}", "expires": expires.isoformat()},
        schema="byleave/member-link/v1",
        as_json=as_json,
        lines=lambda: [f"/m/{token}", f"  good for {hours} h; append it to the address of serve"],
    )


def _lines(answer: dict[str, Any]) -> list[str]:
    head = answer["checkpoint"]
    lines = [
        (
            f"member   {answer['member_label']}, enrolled {answer['enrolled_at'][:10]}"
            f" (entry {answer['enrolment_index']:,})"
        ),
        f"log      {head['origin']}, {head['size']:,} entries",
        "",
        *table(
            ["where they stand", "", "because"],
            [
                [s["use"], "yes" if s["allowed"] else "no", s["because"]]
                for s in answer["standings"]
            ],
        ),
        "",
        *table(
            ["release", "in it", "records", "replaced by"],
            [
                [r["release"], r["presence"], r["records"], r["superseded_by"]]
                for r in answer["releases"]
            ],
        ),
        "",
    ]
    for withdrawal in answer["withdrawals"]:
        depths = " · ".join(f"{d['depth']} {d['state']}" for d in withdrawal["depths"])
        lines.append(f"  {withdrawal['at'][:10]}  {withdrawal['scope']}: {depths}")
    shown = answer["timeline"][:_SHOWN]
    rows = [
        [
            item["at"][:10],
            item["kind"],
            item["object"],
            item.get("records"),
            item.get("because") or item.get("ground") or "",
        ]
        for item in shown
    ]
    lines += ["", *table(["when", "what", "object", "records", "why"], rows)]
    if len(answer["timeline"]) > _SHOWN:
        lines.append(f"  … {len(answer['timeline']) - _SHOWN} more with --json")
    return lines
