"""`byleave member`: who is enrolled, what is known of one, their receipt, a link to their page."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from byleave.cli.opened import opened
from byleave.cli.output import emit, json_option, table, workspace_option
from byleave.service.noting import AT_THE_MACHINE

if TYPE_CHECKING:
    from datetime import datetime

    from byleave.wiring import Workspace

__all__ = ["at_a_terminal", "group"]

_SHOWN = 12
_WHY = "Why, at most 200 characters, nothing personal; needed, and logged as an act."


@click.group("member")
def group() -> None:
    """Members: enrol, offer, show, receipt, export, link, erase."""


@group.command()
@click.argument("members", nargs=-1, required=True)
@click.option("--region", help="Region of all of them, for example us-ca; default: unknown.")
@click.option("--offer", help="Name of an offer: the one member takes part in their secret.")
@click.option("--nonce", help="With --offer: the member's own 32 bytes, as 64 hex digits.")
@workspace_option
@json_option
def enrol(
    *,
    members: tuple[str, ...],
    region: str | None,
    offer: str | None,
    nonce: str | None,
    workspace: str,
    as_json: bool,
) -> None:
    """Enrol members: each gets a secret, and the log a commitment to it.

    \b
    byleave member enrol m-1 m-2 --region eu
    byleave member enrol m-3 --offer offer-12 --nonce 5f2c… …
    """  # noqa: D301
    with opened(workspace) as ws:
        if offer is None and nonce is None:
            regions = None if region is None else dict.fromkeys(members, region)
            new = ws.member.enrol(members, regions=regions)
        else:
            part = _nonce(members, offer, nonce)
            ws.member.enrol_jointly(members[0], offer=str(offer), nonce=part, region=region)
            new = 1
        total = ws.member.count()
    emit(
        {"new": new, "members": total},
        schema="byleave/member-enrol/v1",
        as_json=as_json,
        lines=lambda: [f"{new:,} new; {total:,} members enrolled"],
    )


def _nonce(members: tuple[str, ...], offer: str | None, nonce: str | None) -> bytes:
    from byleave.errors import InputError

    if offer is None or nonce is None or len(members) != 1:
        raise InputError("one member, with --offer and --nonce together", code="cli.usage")
    try:
        part = bytes.fromhex(nonce)
    except ValueError:
        part = b""
    if len(part) != 32:
        raise InputError("a nonce has 64 hex digits", code="cli.usage")
    return part


@group.command()
@workspace_option
@json_option
def offer(*, workspace: str, as_json: bool) -> None:
    """Make and log the platform's part of a secret, for a member who takes part in making it.

    The member notes the commitment, and sends 32 bytes of their own for `member enrol --offer`.

    \b
    byleave member offer --workspace byleave-demo
    """  # noqa: D301
    with opened(workspace) as ws:
        name, index, commitment = ws.member.offer()
    emit(
        {"offer": name, "index": index, "commitment": commitment.hex()},
        schema="byleave/enrolment-offer/v1",
        as_json=as_json,
        lines=lambda: [
            f"{name}  log entry {index:,}",
            f"  commitment  {commitment.hex()}",
            f"  then        byleave member enrol MEMBER --offer {name} --nonce HEX",
        ],
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
@click.option(
    "--format",
    "form",
    type=click.Choice(["private", "json-ld", "html"]),
    default="private",
    show_default=True,
    help="private: secret and proofs; json-ld: ISO/IEC TS 27560; html: in plain words.",
)
@click.option(
    "--language",
    type=click.Choice(["en", "de"]),
    default="en",
    show_default=True,
    help="Of the words of html.",
)
@click.option("--at", help="Instant that json-ld and html are about; default --known-at, else now.")
@click.option("--known-at", "known_at", help="Only what was recorded by this instant.")
@workspace_option
@json_option
def receipt(
    *,
    member: str,
    form: str,
    language: str,
    at: str | None,
    known_at: str | None,
    workspace: str,
    as_json: bool,
) -> None:
    """Write a member's receipt: what they said, what a gate makes of it, where the log holds it.

    \b
    byleave member receipt m-1 --workspace byleave-demo
    byleave member receipt m-1 --format html --language de -w byleave-demo
    byleave member receipt m-1 --format json-ld --at 2024-10-01 -w byleave-demo
    """  # noqa: D301
    if form == "private" and (at or known_at):
        raise click.UsageError("--at and --known-at are for json-ld and html: proofs are of today")
    when = {"at": _instant(at), "known_at": _instant(known_at)}
    with opened(workspace) as ws:
        written = []
        if form == "json-ld":
            document = ws.member.standard_receipt(member, **when)
            written.append(ws.proof.keep(member, "jsonld", document))
        elif form == "html":
            page = _receipt_html(ws, ws.member.receipt_page(member, **when), language)
            written.append(ws.proof.keep(member, "html", page))
        private = ws.proof.receipt(member)  # the others name it by digest
    emit(
        {"receipt": str(written[0] if written else private), "private": str(private)},
        schema="byleave/receipt-file/v1",
        as_json=as_json,
        lines=lambda: [
            *(f"{path}  ({_KEEP[form]})" for path in written),
            f"{private}  ({_KEEP['private']})",
        ],
    )


@group.command()
@click.argument("members", nargs=-1, required=True)
@click.option("--check", is_flag=True, help="Only say what still holds rows of theirs.")
@click.option("--because", metavar="TEXT", default="", help=_WHY)
@click.option("--yes", is_flag=True, help="Do not ask for the name; needed off a terminal.")
@workspace_option
@json_option
def erase(
    *,
    members: tuple[str, ...],
    check: bool,
    because: str,
    yes: bool,
    workspace: str,
    as_json: bool,
) -> None:
    """Erase members whose withdrawal has reached everything: secret, id, salts and bytes.

    The order is withdraw, unlearn, delta, erase: refused while their rows stand in anything
    current. Roots and other members' proofs stay; what needed them can no longer be decided.
    It cannot be undone: on a terminal the member's id is to be typed once more (of several, how
    many they are). The reason is logged before it is done.

    \b
    byleave member erase m-1 --check
    byleave member erase m-1 m-2 --because "they asked" --yes
    """  # noqa: D301
    if check:
        with opened(workspace, read_only=True) as ws:
            left = sorted({item for member in members for item in ws.member.standing(member)})
        emit(
            {"standing": [{"kind": kind, "id": name} for kind, name in left]},
            schema="byleave/member-standing/v1",
            as_json=as_json,
            lines=lambda: (
                [f"{kind} {name} still holds rows of theirs" for kind, name in left]
                or ["nothing current holds a row of theirs: they can be erased"]
            ),
        )
        return
    if not because.strip():
        raise click.UsageError("erasing needs --because TEXT: it goes into the log")
    if not yes:
        _typed_again(members)
    with opened(workspace) as ws:
        if not any(ws.member.standing(member) for member in members):
            what = " ".join(str(number) for number in sorted(map(ws.member.ordinal, members)))
            ws.acts.log("member.erase", who=AT_THE_MACHINE, what=what[:200], why=because)
        done = ws.member.erase(members)
    emit(
        {
            "erasure": done.erasure,
            "index": done.index,
            "members": done.members,
            "records": done.records,
            "openings": done.openings,
        },
        schema="byleave/member-erase/v1",
        as_json=as_json,
        lines=lambda: [
            f"{done.erasure}: {done.members:,} erased; log entry {done.index:,}",
            f"  {done.records:,} rows blank, {done.openings:,} openings gone",
            "  not reached: copies with recipients, backups, older blocks of the disk,",
            "  receipts in their hands",
        ],
    )


def at_a_terminal() -> bool:
    """Say whether somebody can type."""
    return sys.stdin.isatty()


def _typed_again(members: tuple[str, ...]) -> None:
    """Have the name typed of what cannot be undone: the member's id, or how many members.

    Raises:
        click.UsageError: There is nobody to type it.
        click.Abort: It was not typed.
    """
    if not at_a_terminal():
        raise click.UsageError("erasing cannot be undone: say --yes, or --check to look first")
    name = members[0] if len(members) == 1 else f"{len(set(members))} members"
    typed = click.prompt(f"Erasing cannot be undone. To go on, type: {name}\n", err=True)
    if typed.strip() != name:
        click.echo("that is another name; nothing was erased", err=True)
        raise click.Abort


@group.command()
@click.argument("member")
@click.option("--out", type=click.Path(dir_okay=False), help="Default: everything-NUMBER.zip.")
@workspace_option
@json_option
def export(*, member: str, out: str | None, workspace: str, as_json: bool) -> None:
    """Write everything held about a member into one zip file, readable by you alone.

    Choices, records, timeline, requests, receipts and proofs (GDPR art. 15, 20).

    \b
    byleave member export m-1 --out everything.zip
    """  # noqa: D301
    with opened(workspace, read_only=True) as ws:
        path = Path(out or f"everything-{ws.member.ordinal(member)}.zip")
        parts = ws.member.export(member)
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:  # noqa: PTH123
            size = sum(file.write(part) for part in parts)
    emit(
        {"file": str(path), "bytes": size},
        schema="byleave/member-export/v1",
        as_json=as_json,
        lines=lambda: [
            f"{path}  {size:,} bytes (0600: it holds their secret)",
            "  README.txt in it says what each file is",
        ],
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


_KEEP = {
    "private": "0600: whoever holds it can follow its holder",
    "json-ld": "0600: it names the member by a pseudonym, and holds no secret",
    "html": "0600: it names the member",
}


def _instant(text: str | None) -> datetime | None:
    from byleave.ids import parse_instant

    return None if text is None else parse_instant(text)


def _receipt_html(ws: Workspace, facts: dict[str, Any], language: str) -> bytes:
    from byleave.pages.receipt import ReceiptView, receipt_file
    from byleave.pages.view import Frame, PublicOverview, read

    view = read(ReceiptView, facts, where="receipt")
    overview = read(PublicOverview, ws.public.overview(), where="overview")
    frame = Frame(
        operator=overview.operator,
        demo=ws.is_demo,
        at=view.at,
        checkpoint=view.checkpoint,
        data_origin=overview.data_origin,
        contact=overview.contact,
        authority=overview.authority,
    )
    return receipt_file(frame, view, language=language).encode("utf-8")


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
            ["where they stand", "", "because", "ground", "choices", "rule"],
            [
                [
                    s["use"],
                    "yes" if s["allowed"] else "no",
                    s["because"],
                    s["ground"] or "",
                    "granted" if s["choices"] == "kept" else s["choices"],
                    f"{s['basis']}, {s['region'] or 'region not known'}",
                ]
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
            item["object"] or item.get("scope"),
            item.get("records"),
            item.get("because") or item.get("ground") or "",
        ]
        for item in shown
    ]
    lines += [""] if answer["withdrawals"] else []
    lines += table(["when", "what", "object", "records", "why"], rows)
    if len(answer["timeline"]) > _SHOWN:
        lines.append(f"  … {len(answer['timeline']) - _SHOWN} more with --json")
    return lines
