"""`byleave signal`: what a browser, a page or a file says in a member's place, taken as a no."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import click

from byleave.cli.opened import opened
from byleave.cli.output import emit, json_option, table, workspace_option

if TYPE_CHECKING:
    from byleave.consent.signal.finding import Finding
    from byleave.service.signal import Recorded

__all__ = ["group"]

_FORMS = {"gpc.json": "well-known", "tdmrep.json": "well-known", "robots.txt": "robots"}
_kind = click.option("--kind", help="gpc, aipref, cawg, c2pa or tdmrep.")
_form = click.option(
    "--form", help="headers, well-known, robots, html or assertion; default: by the file's name."
)


@click.group("signal")
def group() -> None:
    """Signals such as Global Privacy Control, taken as a no: record, explain."""


@group.command()
@click.argument("member")
@_kind
@click.option("--file", "path", required=True, help="The bytes it stands in; - for stdin.")
@_form
@click.option("--category", default="*", help="The data category it was attached to; default: all.")
@workspace_option
@json_option
def record(
    *,
    member: str,
    kind: str | None,
    path: str,
    form: str | None,
    category: str,
    workspace: str,
    as_json: bool,
) -> None:
    """Record what a signal refuses. A signal never becomes a yes.

    \b
    byleave signal record m-1 --kind gpc --file headers.txt
    byleave signal record m-1 --kind tdmrep --file tdmrep.json \\
        --category content.posts
    """  # noqa: D301
    payload = _read(path)
    with opened(workspace) as ws:
        recorded = ws.consent.signal(
            member, _named(kind), payload, form=form or _form_of(path), category=category
        )
    emit(
        {"kind": kind, "refusals": [_refusal(item) for item in recorded]},
        schema="byleave/signal/v1",
        as_json=as_json,
        lines=lambda: (
            [
                f"refusal of {item.refusal.scope} ({item.refusal.said}): log entry {item.index:,}"
                + ("" if item.is_new else ", recorded before")
                for item in recorded
            ]
            or ["nothing in it refuses a use of ours; nothing was recorded"]
        ),
    )


@group.command()
@_kind
@click.option("--file", "path", help="Say what stands in it; record nothing.")
@_form
@json_option
def explain(*, kind: str | None, path: str | None, form: str | None, as_json: bool) -> None:
    """Say which signals are read and what each refuses, or what one payload says.

    \b
    byleave signal explain
    byleave signal explain --kind aipref --file robots.txt
    """  # noqa: D301
    from byleave.consent.signal.adapters import ADAPTERS, adapter_of, find

    if path is not None:
        name = _named(kind)
        findings = find(name, _read(path), form or _form_of(path))
        emit(
            {"kind": name, "findings": [_finding(finding) for finding in findings]},
            schema="byleave/signal-findings/v1",
            as_json=as_json,
            lines=lambda: (
                [
                    line
                    for f in findings
                    for line in (f"{f.said}", f"  {f.note}", f"  refuses: {_subjects(f)}")
                ]
                or ["no such signal in it"]
            ),
        )
        return
    adapters = [adapter_of(kind)] if kind else list(ADAPTERS.values())
    emit(
        {
            "signals": [
                {
                    "kind": adapter.kind,
                    "title": adapter.title,
                    "version": adapter.version,
                    "source": adapter.source,
                    "speaks_for": "person" if adapter.of_person else "file",
                    "forms": list(map(str, adapter.forms)),
                }
                for adapter in adapters
            ]
        },
        schema="byleave/signals/v1",
        as_json=as_json,
        lines=lambda: [
            *table(
                ["kind", "signal", "version", "forms"],
                [[a.kind, a.title, a.version, " ".join(a.forms)] for a in adapters],
            ),
            "",
            "  A signal refuses; it never grants. What each refuses: docs/spec/signals.md",
        ],
    )


def _named(kind: str | None) -> str:
    if kind is None:
        raise click.UsageError("Name the signal: --kind gpc, aipref, cawg, c2pa or tdmrep.")
    return kind


def _form_of(path: str) -> str | None:
    """Return the form that a file's name gives away; None: the kind's first."""
    name = os.path.basename(path).lower()  # noqa: PTH119 (a name, not a file)
    return "html" if name.endswith((".html", ".htm")) else _FORMS.get(name)


def _read(path: str) -> bytes:
    from pathlib import Path

    from byleave.errors import InputError

    try:
        if path == "-":
            return sys.stdin.buffer.read()
        return Path(path).read_bytes()
    except OSError as error:
        raise InputError("the file cannot be read", code="input.not-found", where=path) from error


def _refusal(item: Recorded) -> dict[str, object]:
    refusal = item.refusal
    return {
        "index": item.index,
        "new": item.is_new,
        "scope": str(refusal.scope),
        "said": refusal.said,
        "version": refusal.version,
        "form": refusal.form.value,
        "evidence_sha256": refusal.evidence_digest.hex(),
    }


def _finding(finding: Finding) -> dict[str, object]:
    return {
        "said": finding.said,
        "refuses": [subject.value for subject in finding.refuses],
        "note": finding.note,
    }


def _subjects(finding: Finding) -> str:
    return ", ".join(subject.value for subject in finding.refuses) or "nothing of ours"
