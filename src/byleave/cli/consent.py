"""`byleave consent`: record choices, and read them back; `byleave decision`: one answer."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING

import click

from byleave.cli.opened import opened
from byleave.cli.output import emit, json_option, table, workspace_option

if TYPE_CHECKING:
    from byleave.consent.event import ConsentEvent
    from byleave.policy.ruleset_stop import StopRule
    from byleave.service.explain import Explained

__all__ = ["decision_group", "group"]


@click.group("consent")
def group() -> None:
    """Choices of members: record, withdraw, refuse, object; show, state, replay; import, export."""


at_option = click.option("--at", help="Instant asked about; default --known-at, else now.")
known_option = click.option(
    "--known-at", "known_at", help="Only what was recorded by this instant; default now."
)
token_option = click.option(
    "--token", help="The notice token that came back with the answer (byleave notice token)."
)


@group.command()
@click.argument("member")
@click.argument("scope", metavar="PURPOSE/CATEGORY/RECIPIENT")
@click.option("--notice", help="Id of the notice that the member answered, without a token.")
@token_option
@click.option(
    "--final",
    type=click.Choice(["on", "off", "none"]),
    help="With a token: how the member left the control.",
)
@click.option("--includes-past", is_flag=True, help="Also data collected before now.")
@click.option("--expires", help="End of the grant, exclusive: 2025-01-01T00:00:00Z.")
@workspace_option
@json_option
def record(
    *,
    member: str,
    scope: str,
    notice: str | None,
    token: str | None,
    final: str | None,
    includes_past: bool,
    expires: str | None,
    workspace: str,
    as_json: bool,
) -> None:
    """Record a grant: a yes to something said, shown by a token or named by its notice.

    A switch that was on before the member acted is kept as evidence, and gives no consent.

    \b
    byleave consent record m-1 train.generative.replies/messages/platform \\
        --notice replies-7
    """  # noqa: D301
    with opened(workspace) as ws, _noted():
        index = ws.consent.grant(
            member,
            scope,
            notice=notice,
            includes_past=includes_past,
            expires=_instant(expires),
            channel="cli",
            token=token,
            final=final,
        )
        kind = ws.consent.history(member)[-1].kind.name.lower() if token else "grant"
    _said(kind, scope, index, as_json=as_json)


@group.command()
@click.argument("member")
@click.argument("scope", metavar="PURPOSE/CATEGORY/RECIPIENT")
@token_option
@workspace_option
@json_option
def withdraw(*, member: str, scope: str, token: str | None, workspace: str, as_json: bool) -> None:
    """Record a withdrawal. It holds from now; `withdrawal run` lets it reach the models.

    \b
    byleave consent withdraw m-1 train.generative.replies/messages/platform
    """  # noqa: D301
    with opened(workspace) as ws, _noted():
        index = ws.consent.withdraw(member, scope, channel="cli", token=token)
    _said("withdrawal", scope, index, as_json=as_json)


@group.command()
@click.argument("member")
@click.argument("scope", metavar="PURPOSE/CATEGORY/RECIPIENT")
@token_option
@workspace_option
@json_option
def refuse(*, member: str, scope: str, token: str | None, workspace: str, as_json: bool) -> None:
    """Record a refusal.

    \b
    byleave consent refuse m-1 train/messages/*
    """  # noqa: D301
    with opened(workspace) as ws, _noted():
        index = ws.consent.refuse(member, scope, channel="cli", token=token)
    _said("refusal", scope, index, as_json=as_json)


@group.command("object")
@click.argument("member")
@click.argument("scope", metavar="PURPOSE/CATEGORY/RECIPIENT")
@token_option
@workspace_option
@json_option
def object_(*, member: str, scope: str, token: str | None, workspace: str, as_json: bool) -> None:
    """Record an objection.

    \b
    byleave consent object m-1 train/profile/platform
    """  # noqa: D301
    with opened(workspace) as ws, _noted():
        index = ws.consent.object(member, scope, channel="cli", token=token)
    _said("objection", scope, index, as_json=as_json)


@group.command()
@click.argument("member")
@at_option
@known_option
@workspace_option
@json_option
def show(
    *, member: str, at: str | None, known_at: str | None, workspace: str, as_json: bool
) -> None:
    """Show one member's choices, oldest first: in effect at an instant, as known at another.

    \b
    byleave consent show m-1 --workspace byleave-demo
    byleave consent show m-1 --known-at 2024-09-18 --workspace byleave-demo
    """  # noqa: D301
    _show(member, at, known_at, workspace, as_json=as_json)


@group.command()
@click.argument("member")
@known_option
@workspace_option
@json_option
def history(*, member: str, known_at: str | None, workspace: str, as_json: bool) -> None:
    """Show everything a member ever said, also what is not in effect yet.

    \b
    byleave consent history m-1 --workspace byleave-demo
    """  # noqa: D301
    _show(member, None, known_at, workspace, as_json=as_json)


@group.command()
@click.argument("use", metavar="PURPOSE/CATEGORY/RECIPIENT")
@at_option
@known_option
@workspace_option
@json_option
def state(*, use: str, at: str | None, known_at: str | None, workspace: str, as_json: bool) -> None:
    """Count members by what their choices alone come to for one leaf use, as known at an instant.

    What may be used is less: a gate asks the rules of regions, ages and groups too.

    \b
    byleave consent state train.generative.replies/messages.inmail/platform
    byleave consent state train.generative.replies/messages.inmail/platform \\
        --at 2024-09-18 --known-at 2024-12-01
    """  # noqa: D301
    from byleave.ids import format_instant, from_us

    with opened(workspace, read_only=True) as ws, _noted():
        found = ws.consent.state(use, at=_instant(at), known_at=_instant(known_at))
    by_reason = found.by_reason()
    data = {
        "use": use,
        "at": format_instant(from_us(found.at_us)),
        "last_index": found.last_index,
        "accepted": found.accepted.name.lower(),
        "members": found.members,
        "by_reason": by_reason,
    }
    emit(
        data,
        schema="byleave/consent-state/v1",
        as_json=as_json,
        lines=lambda: [
            *table(["choices alone", "members"], sorted(by_reason.items())),
            "no rule of a region, an age or a group was asked: a gate does that",
        ],
    )


@group.command()
@at_option
@known_option
@click.option("--expect", metavar="HEX64", help="Digest of an earlier replay; another is exit 3.")
@workspace_option
@json_option
def replay(
    *, at: str | None, known_at: str | None, expect: str | None, workspace: str, as_json: bool
) -> None:
    """Derive the whole state from the ledger again, in two ways, and hold it to the log.

    \b
    byleave consent replay --workspace byleave-demo
    byleave consent replay --known-at 2024-12-01 --json
    """  # noqa: D301
    from byleave.errors import EvidenceError
    from byleave.ids import parse_digest

    wanted = None if expect is None else parse_digest(expect)
    with opened(workspace, read_only=True) as ws, _noted():
        found = ws.consent.replay(at=_instant(at), known_at=_instant(known_at))
    if wanted is not None and wanted != found.digest:
        raise EvidenceError(
            f"the replay gives {found.digest.hex()}, not the digest expected",
            code="consent.replay-differs",
        )
    emit(
        found.to_dict(),
        schema="byleave/consent-replay/v1",
        as_json=as_json,
        lines=lambda: [
            f"{found.events:,} events are what was logged, in order",
            (
                f"{len(found.states):,} leaf uses over {found.members:,} members:"
                " built at once and advanced in steps, equal"
            ),
            f"digest  {found.digest.hex()}",
        ],
    )


@group.command("import")
@click.argument("file", type=click.Path())
@click.option(
    "--form",
    type=click.Choice(["table", "ketch/v1", "didomi/v2"]),
    default="table",
    show_default=True,
    help="Our own columns, or a platform's payloads.",
)
@click.option("--mapping", type=click.Path(), help="What a platform's purposes stand for (YAML).")
@click.option("--as", "name", help="Id of the import; default import-N.")
@click.option("--no-enrol", is_flag=True, help="Leave out members the ledger does not know.")
@click.option("--rejects", type=click.Path(), help="Write rows left out here, one JSON a line.")
@workspace_option
@json_option
def import_(
    *,
    file: str,
    form: str,
    mapping: str | None,
    name: str | None,
    no_enrol: bool,
    rejects: str | None,
    workspace: str,
    as_json: bool,
) -> None:
    """Import choices from a consent platform: CSV, Parquet, JSON lines, Ketch, Didomi.

    What was said takes effect when it is recorded; its own instant is kept as evidence. Stopped
    half-way, the same command goes on; the same file twice adds nothing.

    \b
    byleave consent import consent.csv --rejects left-out.jsonl
    """  # noqa: D301
    from byleave.errors import ConflictError

    try:
        with opened(workspace) as ws, _noted():
            done = ws.consent.import_file(
                file, form=form, mapping=mapping, name=name, enrol=not no_enrol, rejects=rejects
            )
    except KeyboardInterrupt:
        raise ConflictError(
            "stopped; the parts that landed stay",
            code="cli.interrupted",
            hint="run the same command again: it goes on where it stopped",
        ) from None
    data = done.to_dict()
    grades = ", ".join(f"{n:,} {word}" for word, n in done.grades.items())
    lines = [
        f"{done.name}: {done.events:,} events of {done.rows:,} rows that could be read"
        + ("" if done.resumed_at == 0 else ", finished before: nothing was added")
        if done.resumed_at is None or done.resumed_at == 0
        else f"{done.name}: {done.events:,} events; went on from row {done.resumed_at:,}",
        f"  evidence    {grades or 'none'}",
        f"  enrolled    {done.enrolled:,} members",
        f"  duplicates  {done.duplicates:,}",
        f"  left out    {len(done.rejected):,}",
    ]
    reasons: dict[str, int] = {}
    for _, reason in done.rejected:
        reasons[reason] = reasons.get(reason, 0) + 1
    lines += [f"    {count:>8,}  {reason}" for reason, count in sorted(reasons.items())]
    if done.rejected:
        lines.append(
            f"  written to  {rejects}"
            if rejects
            else "  which ones  --rejects FILE writes each with its line and reason"
        )
    weak = sum(n for word, n in done.grades.items() if word != "bytes")
    if weak and done.kinds.get("grant"):
        lines.append("  A yes below grade bytes does not count (byleave ruleset impact FILE).")
    emit(data, schema="byleave/consent-import/v1", as_json=as_json, lines=lambda: lines)


@group.command()
@click.argument("file", type=click.Path())
@known_option
@workspace_option
@json_option
def export(*, file: str, known_at: str | None, workspace: str, as_json: bool) -> None:
    """Write every event to a file: .csv (safe for spreadsheets), .parquet or .jsonl.

    It holds member ids and choices: keep it as private as the workspace.

    \b
    byleave consent export choices.csv --workspace byleave-demo
    """  # noqa: D301
    with opened(workspace, read_only=True) as ws:
        count = ws.consent.export_file(file, known_at=_instant(known_at))
    emit(
        {"file": file, "events": count},
        schema="byleave/consent-export/v1",
        as_json=as_json,
        lines=lambda: [f"{file}: {count:,} events"],
    )


@click.group("decision")
def decision_group() -> None:
    """Decisions: explain one, replay a logged one."""


@decision_group.command("explain")
@click.argument("member")
@click.argument("use", metavar="PURPOSE/CATEGORY/RECIPIENT")
@at_option
@known_option
@workspace_option
@json_option
def explain(
    *, member: str, use: str, at: str | None, known_at: str | None, workspace: str, as_json: bool
) -> None:
    """Say whether one member's data may be put to one leaf use, on what ground, and what decides.

    \b
    byleave decision explain m-1 train.generative.replies/messages.inmail/platform
    """  # noqa: D301
    with opened(workspace, read_only=True) as ws, _noted():
        found = ws.consent.explain(member, use, at=_instant(at), known_at=_instant(known_at))
    event = found.choices.event
    data = {
        "use": use,
        "reason": found.reason.word,
        "allowed": found.reason.word == "kept",
        "ground": found.ground.word,
        "because": found.index,
        "choices": found.choices.reason.word,
        "event": None if event is None else _event(event),
        "region": found.region,
        "rule": found.rule.to_dict(),
        "stops": [rule.to_dict() for rule in found.stops],
    }
    emit(
        data,
        schema="byleave/decision/v1",
        as_json=as_json,
        lines=lambda: _explained(found),
    )


_CITES = 4  # of a rule; all of them with --json


def _explained(found: Explained) -> list[str]:
    from byleave.consent.reason import Reason

    rule, choices = found.rule, found.choices.reason
    if found.index is not None:
        decided = f"log entry {found.index:,}"
    else:
        silent = found.reason is found.choices.reason
        decided = "nothing on record" if silent else "a rule of the region, below"
    sets = ", ".join(name.partition("@")[0] for name in rule.names)
    left = len(rule.cites) - _CITES
    more = [f"              and {left} more: byleave ruleset show"] if left > 0 else []
    return [
        f"{found.reason.word}: {found.reason.meaning}",
        f"  decided by  {decided}",
        f"  ground      {found.ground.word}",
        f"  choices     {'granted' if choices is Reason.KEPT else choices.word}",
        f"  region      {found.region or 'not known: the strictest of all'}",
        f"  rule        {rule.basis.word}{', suspended' if rule.suspended else ''}; {sets}",
        *(f"              {cite}" for cite in rule.cites[:_CITES]),
        *more,
        *(f"  stopped by  {_told(stop)}" for stop in found.stops),
        "  for new data of theirs alone; a gate asks everybody in a row",
    ]


def _told(rule: StopRule) -> str:
    from byleave.policy.ruleset_stop import ALWAYS

    since = "" if rule.since <= ALWAYS else f"; since {rule.since:%Y-%m-%d}"
    until = "" if rule.until is None else f"{'' if since else ';'} until {rule.until:%Y-%m-%d}"
    source = rule.cite or "no rule for the use"
    return f"{rule.ruleset}: {source}{since}{until}"


@decision_group.command("replay")
@click.argument("gate")
@workspace_option
@json_option
def replay_decision(*, gate: str, workspace: str, as_json: bool) -> None:
    """Decide a logged gate again, at its own ledger position and instant, under its own rules.

    \b
    byleave decision replay gate-1 --workspace byleave-demo
    """  # noqa: D301
    with opened(workspace, read_only=True) as ws:
        found = ws.gate.replay(gate)
    emit(
        {"gate": gate, "equal": True, **found.to_dict()},
        schema="byleave/decision-replay/v1",
        as_json=as_json,
        lines=lambda: [
            f"{gate}: the same answer for each of {found.rows:,} rows; kept {found.kept:,}",
            f"  plan    {found.plan.hex()}",
        ],
    )


def _show(
    member: str, at: str | None, known_at: str | None, workspace: str, *, as_json: bool
) -> None:
    with opened(workspace, read_only=True) as ws:
        events = ws.consent.history(member, at=_instant(at), known_at=_instant(known_at))
    emit(
        {"events": [_event(e) for e in events]},
        schema="byleave/consent-history/v1",
        as_json=as_json,
        lines=lambda: (
            table(
                ["entry", "from", "kind", "past", "notice", "scope"],
                [
                    [
                        e.index,
                        e.effective.isoformat()[:16],
                        e.kind.name.lower(),
                        "yes" if e.includes_past else "no",
                        e.notice,
                        str(e.scope),
                    ]
                    for e in events
                ],
            )
            if events
            else ["No choice on record: everything that needs consent is off."]
        ),
    )


@contextmanager
def _noted() -> Iterator[None]:
    """Show a warning of the ledger's clock as a note, on stderr."""
    from byleave.service.clock import ClockWarning

    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always", ClockWarning)
        yield
    for text in dict.fromkeys(str(w.message) for w in seen):
        click.echo(f"note[workspace.clock]: {text}", err=True)


def _instant(text: str | None) -> datetime | None:
    from byleave.ids import parse_instant

    return None if text is None else parse_instant(text)


def _said(kind: str, scope: str, index: int, *, as_json: bool) -> None:
    note = "; the control was on already: evidence, and no consent" if kind == "preset" else ""
    emit(
        {"kind": kind, "scope": scope, "index": index},
        schema="byleave/consent/v1",
        as_json=as_json,
        lines=lambda: [f"{kind} of {scope}: log entry {index:,}{note}"],
    )


def _event(event: ConsentEvent) -> dict[str, object]:
    return {
        "index": event.index,
        "kind": event.kind.name.lower(),
        "scope": str(event.scope),
        "effective": event.effective.isoformat(),
        "recorded": event.recorded.isoformat(),
        "original": None if event.original is None else event.original.isoformat(),
        "expires": None if event.expires is None else event.expires.isoformat(),
        "includes_past": event.includes_past,
        "notice": event.notice,
        "grade": event.grade.name.lower(),
        "channel": event.channel,
        "evidence": event.evidence,
    }
