"""`byleave policy` and `byleave notice`: what is published, and what members are shown."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from byleave.cli.opened import opened, read_text
from byleave.cli.output import emit, json_option, table, workspace_option

if TYPE_CHECKING:
    from byleave.service.policy import Impact

__all__ = ["group", "notice_group"]


@click.group("policy")
def group() -> None:
    """Policy documents: publish, impact, list, show."""


@click.group("notice")
def notice_group() -> None:
    """Notices: publish."""


@group.command()
@click.argument("file", type=click.Path())
@workspace_option
@json_option
def publish(*, file: str, workspace: str, as_json: bool) -> None:
    """Publish a policy document (Markdown with a front matter). Decisions do not change.

    \b
    byleave policy impact privacy-policy.md     first
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
        [d["document"], d["version"], d["effective"], d["notice_window_days"], d["index"]]
        for d in found
    ]
    emit(
        {"documents": [{k: v for k, v in d.items() if k != "text"} for d in found]},
        schema="byleave/policies/v1",
        as_json=as_json,
        lines=lambda: table(["document", "version", "effective", "notice days", "entry"], rows),
    )


@group.command()
@click.argument("document")
@click.argument("version")
@workspace_option
@json_option
def show(*, document: str, version: str, workspace: str, as_json: bool) -> None:
    """Show one version: its instants, its declared uses, its text.

    \b
    byleave policy show privacy-policy 2 --workspace byleave-demo
    """  # noqa: D301
    from byleave.errors import InputError

    with opened(workspace, read_only=True) as ws:
        found = [
            d for d in ws.policy.list() if (d["document"], d["version"]) == (document, version)
        ]
    if not found:
        raise InputError(
            f"no version {version} of {document}",
            code="workspace.unknown-object",
            hint="byleave policy list",
        )
    emit(
        found[0],
        schema="byleave/policy/v1",
        as_json=as_json,
        lines=lambda: [*_facts(found[0]), "", found[0]["text"]],
    )


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
@workspace_option
@json_option
def publish_notice(
    *,
    file: str,
    notice: str,
    asks: tuple[str, ...],
    control: str,
    language: str,
    workspace: str,
    as_json: bool,
) -> None:
    """Publish the exact text that members are shown when they are asked.

    A control that is on before the member acts is recorded as such, and never gives consent.

    \b
    byleave notice publish ask.md --id replies-7 \\
        --ask train.generative.replies/messages/platform
    """  # noqa: D301
    text = read_text(file)
    with opened(workspace) as ws:
        index = ws.policy.publish_notice(
            text, notice=notice, asks=asks, control=control, language=language
        )
    emit(
        {"notice": notice, "index": index},
        schema="byleave/notice/v1",
        as_json=as_json,
        lines=lambda: [f"{notice}: published as log entry {index:,}"],
    )


def _impact(found: Impact) -> list[str]:
    words = found.words
    lines = [
        f"{found.document} {found.version}",
        f"  notice window   {words.notice_window_days} days"
        + ("   people are told nothing before it holds" if not words.notice_window_days else ""),
        f"  uses added      {len(words.added):,}",
        f"  uses removed    {len(words.removed):,}",
    ]
    if found.allowed:
        lines += table(
            ["use", f"members who allow it, of {found.members:,}"],
            [[use, count] for use, count in found.allowed.items()],
        )
    lines += [f"  mismatch        {text}" for text in words.mismatches]
    lines.append("  decisions       none move: a new use needs a new choice (G3)")
    return lines


def _facts(document: dict[str, Any]) -> list[str]:
    keys = ("document", "version", "effective", "announced", "recorded", "sha256", "index")
    return [f"  {key:<12}{document[key]}" for key in keys]
