"""`byleave release lineage|rollback|refit`: where a release came from, another in its place, again."""

from __future__ import annotations

from typing import Any

import click

from byleave.cli.opened import opened
from byleave.cli.output import emit, json_option, short, table, workspace_option

__all__ = ["lineage", "refit", "rollback"]


@click.command()
@click.argument("release", required=False)
@click.option("--snapshot", metavar="ID", help="Which releases were trained on this snapshot.")
@click.option(
    "--member", metavar="ID", help="Which releases were trained on this member's records."
)
@click.option("--record", metavar="SOURCE:ROW", help="Which were trained on this row of a source.")
@workspace_option
@json_option
def lineage(
    *,
    release: str | None,
    snapshot: str | None,
    member: str | None,
    record: str | None,
    workspace: str,
    as_json: bool,
) -> None:
    """Show what a release came from, or where a snapshot, a member or a record went.

    \b
    byleave release lineage replies-2 --workspace byleave-demo
    byleave release lineage --snapshot set-1
    byleave release lineage --member m-1
    byleave release lineage --record messages:417
    """  # noqa: D301
    from byleave.errors import InputError

    asked = (release, snapshot, member, record)
    if sum(a is not None for a in asked) != 1:
        raise InputError(
            "name a release, or one of --snapshot, --member, --record", code="cli.usage"
        )
    with opened(workspace, read_only=True) as ws:
        if release is not None:
            found = ws.release.lineage(release)
            emit(
                found,
                schema="byleave/lineage/v1",
                as_json=as_json,
                lines=lambda: _upstream(found),
            )
            return
        where = None if record is None else _place(record)
        releases = ws.release.trained_on(snapshot=snapshot, member=member, record=where)
    emit(
        {"releases": releases},
        schema="byleave/trained-on/v1",
        as_json=as_json,
        lines=lambda: _downstream(releases),
    )


@click.command()
@click.argument("release")
@click.option(
    "--to", metavar="RELEASE", help="The older one; default the newest that may be served."
)
@workspace_option
@json_option
def rollback(*, release: str, to: str | None, workspace: str, as_json: bool) -> None:
    """Put a release out of service and an older one of its trainer back. Logged.

    Refused where the older one holds rows that may no longer be used: a withdrawal is not undone.

    \b
    byleave release rollback replies-2 --to replies-1
    """  # noqa: D301
    with opened(workspace) as ws:
        back, index = ws.release.rollback(release, to=to)
    emit(
        {"from": release, "to": back, "index": index},
        schema="byleave/rollback/v1",
        as_json=as_json,
        lines=lambda: [f"{back} is in service again, {release} is not: log entry {index:,}"],
    )


@click.command()
@click.argument("release")
@click.option(
    "--same-environment",
    is_flag=True,
    help="Refuse to fit in another environment than the recorded one, and say what differs.",
)
@workspace_option
@json_option
@click.pass_context
def refit(
    ctx: click.Context, *, release: str, same_environment: bool, workspace: str, as_json: bool
) -> None:
    """Fit again from the sealed snapshot; say which equality that showed. Exit 3 where bytes differ.

    \b
    byleave release refit replies-2 --workspace byleave-demo
    """  # noqa: D301
    with opened(workspace, read_only=True) as ws:
        found = ws.release.refit_report(release, same_environment=same_environment)
    emit(
        found.document(),
        schema="byleave/refit/v1",
        as_json=as_json,
        lines=lambda: [
            f"{release}: {'the same bytes' if found.bytes_equal else 'DIFFERENT BYTES'}",
            f"  released     {found.released}",
            f"  refit        {found.refit}   ({found.rows:,} rows of {found.snapshot})",
            f"  bytes        {_yes(found.bytes_equal)}"
            + (f": {', '.join(found.differing)} differ" if found.differing else ""),
            f"  state        {_yes(found.state_equal, none='not held, so not compared')}",
            f"  served grid  {_yes(found.grid_equal, none='released files are gone')}",
            *_under("here", _machine(found.environment)),
            *_recorded(found.recorded, found.changed, found.differences),
        ],
    )
    if not found.bytes_equal:
        ctx.exit(3)


def _yes(value: bool | None, *, none: str = "") -> str:
    return none if value is None else "equal" if value else "different"


def _machine(environment: Any) -> list[str]:  # noqa: ANN401 (a mapping of JSON)
    packages = environment.get("packages", {})
    return [
        (
            f"{environment.get('machine')}, Python {environment.get('python')},"
            f" NumPy {packages.get('numpy')}"
        ),
        f"{environment.get('blas')}, {environment.get('threads')} threads",
    ]


def _recorded(recorded: Any, changed: Any, differences: Any) -> list[str]:  # noqa: ANN401
    if recorded is None:
        return ["  then         not recorded"]
    if not changed:
        return ["  then         the same environment"]
    return [*_under("then", _machine(recorded)), *_under("not same", list(differences))]


def _under(name: str, lines: list[str]) -> list[str]:
    return [f"  {name if n == 0 else '':<13}{line}" for n, line in enumerate(lines)]


def _place(text: str) -> tuple[str, int]:
    from byleave.errors import InputError

    source, _, row = text.rpartition(":")
    if not source or not row.isdigit():
        raise InputError(f"{text!r} is not SOURCE:ROW", code="cli.usage", hint="messages:417")
    return source, int(row)


def _upstream(found: dict[str, Any]) -> list[str]:
    gates = {gate["index"]: gate for gate in found["gates"]}
    lines = [
        f"{found['release']}: model {short(found['model'])}, log entry {found['index']:,}",
        *([f"  unlearned from {found['parent']}"] if found["parent"] else []),
        (
            f"  run {found['run']['run']} ({found['run']['trainer']}), recipe at log entry"
            f" {found['run']['index']:,}"
        ),
    ]
    for item in found["snapshots"]:
        gate = gates[item["gate"]]
        lines += [
            (
                f"  snapshot {item['snapshot']}, log entry {item['index']:,}: {item['records']:,}"
                f" records, {item['members']:,} members"
            ),
            (
                f"    gate {gate['gate']}, log entry {gate['index']:,}: {gate['kept']:,} of"
                f" {gate['rows']:,} rows for {gate['use']}"
            ),
        ]
    source = found["source"]
    lines.append(f"  source {source['source']}, log entry {source['index']:,}")
    lines += [
        f"  policy {item['document']} {item['version']}, log entry {item['index']:,}"
        for item in found["policies"]
    ]
    lines += [
        f"  notice {item['notice']}, log entry {item['index']:,}: {item['party_records']:,} party records"
        for item in found["notices"]
        if item["index"] is not None
    ]
    return lines


def _downstream(releases: list[dict[str, Any]]) -> list[str]:
    if not releases:
        return ["No release was trained on it."]
    return list(
        table(
            ["release", "entry", "snapshot", "records", "replaced by"],
            [
                [
                    *(r["release"], r["index"], r["snapshot"], r.get("records")),
                    f"{r['superseded_by']}{', files removed' if r['purged'] else ''}"
                    if r["superseded_by"]
                    else None,
                ]
                for r in releases
            ],
        )
    )
