"""`byleave policy` and `byleave notice`: what is published, and what members are shown."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from byleave.cli.opened import opened, read_text
from byleave.cli.output import emit, json_option, table, workspace_option
from byleave.cli.policy_reconcile import reconcile
from byleave.cli.policy_text import diff, import_ota, lint, observed, recipients

if TYPE_CHECKING:
    from byleave.service.policy import Impact
    from byleave.wiring import Workspace

__all__ = ["group", "notice_group"]


@click.group("policy")
def group() -> None:
    """Policy documents: publish, list, show, diff, impact, lint, reconcile, recipients."""


for command in (diff, lint, reconcile, import_ota, observed, recipients):
    group.add_command(command)


@click.group("notice")
def notice_group() -> None:
    """Notices: publish, list, token."""


@group.command()
@click.argument("file", type=click.Path())
@workspace_option
@json_option
def publish(*, file: str, workspace: str, as_json: bool) -> None:
    """Publish a policy document (Markdown with a front matter). Decisions do not change.

    \b
    byleave policy impact privacy-policy.md   # first
    byleave policy publish privacy-policy.md
    """  # noqa: D301
    text = read_text(file)
    with opened(workspace) as ws:
        published = ws.policy.publish(text, name=Path(file).name)
    data = {
        "index": published.index,
        "decisions_changed": published.decisions_changed,
        **published.impact.to_dict(),
    }
    emit(
        data,
        schema="byleave/policy-publish/v1",
        as_json=as_json,
        lines=lambda: [
            *_impact(published.impact),
            (
                f"published as log entry {published.index:,};"
                f" decisions changed: {published.decisions_changed}"
            ),
        ],
    )


@group.command()
@click.argument("file", type=click.Path())
@workspace_option
@json_option
def impact(*, file: str, workspace: str, as_json: bool) -> None:
    """Say what publishing a document would change, and publish nothing.

    \b
    byleave policy impact privacy-policy.md
    """  # noqa: D301
    text = read_text(file)
    with opened(workspace, read_only=True) as ws:
        found = ws.policy.impact(text, name=Path(file).name)
    emit(
        found.to_dict(),
        schema="byleave/policy-impact/v1",
        as_json=as_json,
        lines=lambda: _impact(found),
    )


@group.command("list")
@workspace_option
@json_option
def list_documents(*, workspace: str, as_json: bool) -> None:
    """List every version of every document.

    \b
    byleave policy list --workspace byleave-demo
    """  # noqa: D301
    with opened(workspace, read_only=True) as ws:
        found = ws.policy.list()
    rows = [
        [
            d["document"],
            d.get("label", d["version"]),
            d.get("jurisdiction", "*"),
            d["language"],
            d["effective"][:10],
            d["notice_window_days"],
            d["index"],
        ]
        for d in found
    ]
    emit(
        {"documents": [{k: v for k, v in d.items() if k != "text"} for d in found]},
        schema="byleave/policies/v1",
        as_json=as_json,
        lines=lambda: table(
            ["document", "version", "for", "language", "effective", "notice days", "entry"], rows
        ),
    )


@group.command()
@click.argument("document")
@click.argument("version", required=False)
@click.option("--at", help="Instant or date: the text that held then; default now.")
@click.option("--region", help="Region of a member, such as us-ca or de; default unknown.")
@click.option("--language", help="Language a member reads, such as en or pt-BR.")
@workspace_option
@json_option
def show(
    *,
    document: str,
    version: str | None,
    at: str | None,
    region: str | None,
    language: str | None,
    workspace: str,
    as_json: bool,
) -> None:
    """Show one version; or, without VERSION, the text that a member saw.

    The instants stand apart: announced, effective, observed by an outsider, recorded here.

    \b
    byleave policy show privacy-policy 2 --workspace byleave-demo
    byleave policy show privacy-policy --at 2024-07-15 --region de \\
        --workspace byleave-demo
    """  # noqa: D301
    from byleave.errors import InputError

    if version is not None and (at or region or language):
        raise InputError(
            "a version is one text: it takes no --at, --region or --language", code="cli.usage"
        )
    with opened(workspace, read_only=True) as ws:
        data = _shown(ws, document, version, at, region, language)
    emit(data, schema="byleave/policy/v1", as_json=as_json, lines=lambda: _show_lines(data))


@notice_group.command("publish")
@click.argument("file", type=click.Path())
@click.option("--id", "notice", required=True, help="Id of the notice, version included.")
@click.option(
    "--ask",
    "asks",
    required=True,
    multiple=True,
    metavar="PURPOSE/CATEGORY/RECIPIENT",
    help="A scope it asks for; once for each line of the text.",
)
@click.option(
    "--control",
    type=click.Choice(["none", "off", "on"]),
    default="none",
    show_default=True,
    help="State of the control before the member acts.",
)
@click.option("--language", default="en", show_default=True)
@click.option("--family", help="What it is a variant of: one question in several languages.")
@click.option("--screen", help="Where it is shown; default anywhere.")
@workspace_option
@json_option
def publish_notice(
    *,
    file: str,
    notice: str,
    asks: tuple[str, ...],
    control: str,
    language: str,
    family: str | None,
    screen: str | None,
    workspace: str,
    as_json: bool,
) -> None:
    """Publish the exact text that members are shown when they are asked.

    A control that is on before the member acts is recorded as such, and never gives consent.

    \b
    byleave notice publish ask.md --id replies-8 \\
        --ask train.generative.replies/messages/platform
    """  # noqa: D301
    text = read_text(file)
    with opened(workspace) as ws:
        index = ws.policy.publish_notice(
            text,
            notice=notice,
            asks=asks,
            control=control,
            language=language,
            family=family,
            screen=screen,
        )
    emit(
        {"notice": notice, "index": index},
        schema="byleave/notice/v1",
        as_json=as_json,
        lines=lambda: [f"{notice}: published as log entry {index:,}"],
    )


def _shown(
    ws: Workspace,
    document: str,
    version: str | None,
    at: str | None,
    region: str | None,
    language: str | None,
) -> dict[str, Any]:
    """Return the facts of one version, with how a member came to see it where that was asked."""
    from byleave.ids import format_instant, parse_instant
    from byleave.service.policy_text import published_dict, seen_dict

    seen: dict[str, Any] | None = None
    if version is None:
        found = ws.policy.seen(
            document,
            at=None if at is None else parse_instant(at),
            region=region,
            language=language,
        )
        seen = dict(seen_dict(found))
        if found.in_force is None:
            return {"document": document, "seen": seen, "text": None}
        version = found.in_force.label
    shown = ws.policy.version(document, version)
    observed_at = ws.policy.first_observed(document, version)
    held: dict[str, Any] = dict(published_dict(shown))
    return held | {
        "observed": None if observed_at is None else format_instant(observed_at),
        "seen": seen,
        "text": ws.policy.text(document, version),
    }


def _show_lines(data: dict[str, Any]) -> list[str]:
    seen = data["seen"]
    lines = []
    if seen is not None and data["text"] is None:
        lines.append(f"{data['document']}: no text held for them then")
    if data["text"] is not None:
        lines += [f"  {key:<14}{data[key] or '–'}" for key in _SHOWN]
        lines += [f"  {'declares':<14}{use}" for use in data["uses"]]
    if seen is not None:
        if seen["region_matched"]:
            lines.append(f"  {'region':<14}{seen['region_matched']}")
        if not seen["language_matched"]:
            lines.append(f"  {'language':<14}none in theirs; another stood in")
        lines += [
            f"  {'announced then':<14} version {ahead['label']}, effective {ahead['effective']}"
            for ahead in seen["announced"]
        ]
    return lines if data["text"] is None else [*lines, "", data["text"]]


@notice_group.command("token")
@click.argument("notice")
@click.argument("member")
@click.option("--language", help="Choose the variant of NOTICE in this language.")
@click.option("--screen", help="Where it will be shown.")
@click.option(
    "--minutes",
    default=60,
    show_default=True,
    type=click.IntRange(min=1),
    help="For how long an answer is taken.",
)
@workspace_option
@json_option
def token(
    *,
    notice: str,
    member: str,
    language: str | None,
    screen: str | None,
    minutes: int,
    workspace: str,
    as_json: bool,
) -> None:
    """Hand out a token for showing a notice to a member; it comes back with the answer, once
    (`consent record --token`).

    \b
    byleave notice token replies-7 m-1
    """  # noqa: D301
    from datetime import timedelta

    with opened(workspace) as ws:
        text, shown = ws.notice.token(
            notice, member, language=language, screen=screen, lifetime=timedelta(minutes=minutes)
        )
    data = {
        "token": text,
        "notice": shown.id,
        "sha256": shown.sha256.hex(),
        "language": shown.language,
        "control": shown.control.value,
    }
    emit(data, schema="byleave/notice-token/v1", as_json=as_json, lines=lambda: [text])


@notice_group.command("list")
@workspace_option
@json_option
def list_notices(*, workspace: str, as_json: bool) -> None:
    """List every published notice: what it asks, in which language, on which screen.

    \b
    byleave notice list --workspace byleave-demo
    """  # noqa: D301
    with opened(workspace, read_only=True) as ws:
        found = ws.notice.list()
    rows = [
        [n["notice"], n["language"], n.get("screen") or "any", n["control"], len(n["uses"]),
         n["index"]]
        for n in found
    ]  # fmt: skip
    emit(
        {"notices": [{k: v for k, v in n.items() if k != "text"} for n in found]},
        schema="byleave/notices/v1",
        as_json=as_json,
        lines=lambda: table(["notice", "language", "screen", "control", "uses", "entry"], rows),
    )


def _impact(found: Impact) -> list[str]:
    words = found.words
    lines = [
        f"{found.document} {found.version}",
        f"  notice window   {words.notice_window_days:,} days"
        + ("   people are told nothing before it holds" if not words.notice_window_days else ""),
        f"  uses added      {len(words.added):,}",
        f"  uses removed    {len(words.removed):,}",
    ]
    for title, uses in (("use added", words.added), ("use removed", words.removed)):
        counts = [(use, found.choices[str(use)]) for use in uses]
        rows = [[str(use), c.agree, c.refuse, c.lapsed, c.silent] for use, c in counts]
        if rows:
            head = [
                f"{title}, of {found.members:,} members",
                "said yes",
                "said no",
                "lapsed",
                "silent",
            ]
            lines += table(head, rows)
    if words.added:
        lines.append(f"  ask again       {found.asked_again:,} members, before an added use begins")
    lines += [f"  mismatch        {text}" for text in words.mismatches]
    lines.append("  decisions       none move: a new use needs a new choice (G3)")
    return lines


_SHOWN = (
    "document",
    "label",
    "kind",
    "jurisdiction",
    "language",
    "announced",
    "effective",
    "observed",
    "recorded",
    "sha256",
    "index",
)
