"""`byleave log`: the transparency log, one's own and anybody's."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from byleave.cli.hooks import openlineage
from byleave.cli.log_explorer import explorer
from byleave.cli.opened import opened, read_trust
from byleave.cli.output import emit, json_option, workspace_option

if TYPE_CHECKING:
    from byleave.note.trust import Trust
    from byleave.tlog.fsck import LogReport

__all__ = ["group"]

_from = click.option(
    "--from",
    "address",
    metavar="ADDRESS",
    help="Somebody's log in the place of the workspace's: a folder, http(s)://… or s3://….",
)
_trust = click.option(
    "--trust", type=click.Path(dir_okay=False), help="Trust file of that log; goes with --from."
)


@click.group("log")
def group() -> None:
    """The log: checkpoint, show, prove, publish, fsck, monitor, explorer, witness, openlineage."""


group.add_command(explorer)
group.add_command(openlineage)


@group.command()
@workspace_option
@json_option
def checkpoint(*, workspace: str, as_json: bool) -> None:
    """Show the published checkpoint: origin, size, root, witnesses.

    \b
    byleave log checkpoint --workspace byleave-demo
    """  # noqa: D301
    with opened(workspace, read_only=True) as ws:
        head = ws.log.head()
    emit(head, schema="byleave/checkpoint/v1", as_json=as_json, lines=lambda: _head_lines(head))


@group.command()
@click.argument("index", type=click.IntRange(0))
@workspace_option
@_from
@_trust
@json_option
def show(
    *, index: int, workspace: str, address: str | None, trust: str | None, as_json: bool
) -> None:
    """Show one entry, authenticated against the checkpoint. It holds no personal data.

    \b
    byleave log show 0 --workspace byleave-demo
    byleave log show 0 --from byleave-demo/log --trust byleave-demo/trust.policy
    """  # noqa: D301
    if address is None:
        with opened(workspace, read_only=True) as ws:
            entry = ws.log.entry(index)
    else:
        entry = _reader(address, trust).logged(index).entry
    document = json.loads(entry)
    emit(
        {"index": index, "entry": document, "bytes": base64.b64encode(entry).decode()},
        schema="byleave/log-entry/v1",
        as_json=as_json,
        lines=lambda: [f"entry {index:,}", *(f"  {k:<14}{document[k]}" for k in sorted(document))],
    )


@group.command()
@click.argument("index", type=click.IntRange(0))
@workspace_option
@_from
@_trust
@json_option
def prove(
    *, index: int, workspace: str, address: str | None, trust: str | None, as_json: bool
) -> None:
    """Print the tlog-proof of one entry (C2SP), which other tools can check.

    \b
    byleave log prove 0 --workspace byleave-demo > entry-0.tlog-proof
    """  # noqa: D301
    if address is None:
        with opened(workspace, read_only=True) as ws:
            text = ws.log.proof(index)
    else:
        text = _reader(address, trust).logged(index).proof.format()
    emit(
        {"index": index, "proof": text},
        schema="byleave/log-proof/v1",
        as_json=as_json,
        lines=lambda: [text.removesuffix("\n")],
    )


@group.command()
@workspace_option
@json_option
def publish(*, workspace: str, as_json: bool) -> None:
    """Serve a checkpoint of everything recorded, cosigned as the trust file asks.

    Commands publish by themselves; this is for after a witness was down.

    \b
    byleave log publish --workspace byleave-demo
    """  # noqa: D301
    with opened(workspace) as ws:
        head = ws.log.publish()
    emit(head, schema="byleave/checkpoint/v1", as_json=as_json, lines=lambda: _head_lines(head))


@group.command()
@workspace_option
@_from
@_trust
@json_option
@click.pass_context
def fsck(
    ctx: click.Context, *, workspace: str, address: str | None, trust: str | None, as_json: bool
) -> None:
    """Recompute a whole log: every tile and entry; one's own also against ledger and head.

    \b
    byleave log fsck --workspace byleave-demo
    byleave log fsck --from byleave-demo/log --trust byleave-demo/trust.policy
    """  # noqa: D301
    if address is None:
        with opened(workspace, read_only=True) as ws:
            report = ws.log.fsck()
    else:
        from byleave.tlog.fsck import fsck as check
        from byleave.wiring.tiles import read_tiles

        parsed = _trusted(trust)
        key = parsed.logs[0]
        report = check(read_tiles(address), key, origin=key.name, trust=parsed)
    _tell_report(report, address or workspace, as_json=as_json)
    if not report.ok:
        ctx.exit(3)


@group.command()
@click.argument("name")
@click.argument("vkey")
@click.argument("url", required=False)
@click.option("--quorum", type=click.IntRange(1), help="How many must cosign; default all of them.")
@workspace_option
@json_option
def witness(
    *, name: str, vkey: str, url: str | None, quorum: int | None, workspace: str, as_json: bool
) -> None:
    """Ask one more witness from now on, and say so in the trust file.

    Nothing changes unless a checkpoint that meets the new quorum could be served.

    \b
    byleave log witness W1 VKEY http://127.0.0.1:8010 --workspace platform
    """  # noqa: D301
    with opened(workspace) as ws:
        trust = ws.log.add_witness(name, vkey, url, quorum=quorum)
        head = ws.log.head()
        path = ws.places.trust
    emit(
        {**head, "trust": str(path), "asked": list(trust.witnesses)},
        schema="byleave/log-witness/v1",
        as_json=as_json,
        lines=lambda: [
            f"{name} is asked from now on; hand out the new trust file {path}",
            *_head_lines(head),
        ],
    )


@group.command()
@click.argument("address", required=False)
@click.option("--trust", type=click.Path(dir_okay=False), required=True, help="Trust file.")
@click.option("--state", type=click.Path(dir_okay=False), help="What was seen; made on first use.")
@click.option(
    "--receipt", type=click.Path(dir_okay=False), help="A member's receipt to watch for (private)."
)
@click.option(
    "--fork",
    "fork_path",
    type=click.Path(dir_okay=False),
    default="log.fork",
    show_default=True,
    help="Where to leave a fork proof, if there is one.",
)
@click.option("--check", type=click.Path(dir_okay=False), help="Check a fork proof, and end.")
@json_option
@click.pass_context
def monitor(
    ctx: click.Context,
    *,
    address: str | None,
    trust: str,
    state: str | None,
    receipt: str | None,
    fork_path: str,
    check: str | None,
    as_json: bool,
) -> None:
    """Follow a log: it only grows, and says nothing twice. Run it again and again.

    Exit code 3: something does not hold, now or in an earlier run with this state.

    \b
    byleave log monitor byleave-demo/log --state demo.state \\
        --trust byleave-demo/trust.policy
    byleave log monitor --check log.fork --trust byleave-demo/trust.policy
    """  # noqa: D301
    from byleave.cli import log_monitor

    if check is not None:
        log_monitor.check_fork(_trusted(trust), Path(check), as_json=as_json)
        return
    if address is None or state is None:
        raise click.UsageError("an address and --state are wanted (or --check)", ctx=ctx)
    found = log_monitor.visit(
        address,
        _trusted(trust),
        Path(state),
        receipt=None if receipt is None else Path(receipt),
        fork=Path(fork_path),
        as_json=as_json,
    )
    if found:
        ctx.exit(3)


def _reader(address: str, trust: str | None) -> Any:  # noqa: ANN401 (a LogReader, loaded late)
    from byleave.tlog.reader import LogReader
    from byleave.wiring.tiles import read_tiles

    tiles = read_tiles(address)
    parsed = _trusted(trust)
    reader = LogReader(tiles)
    parsed.check(reader.checkpoint_bytes())
    return reader


def _trusted(path: str | None) -> Trust:
    if path is None:
        raise click.UsageError("--from wants --trust: whose word is to be taken?")
    return read_trust(path)


def _tell_report(report: LogReport, where: str, *, as_json: bool) -> None:
    problems = [{"code": p.code, "where": p.where, "what": p.message} for p in report.problems]

    def lines() -> list[str]:
        if report.ok:
            waiting = f"; {report.waiting:,} recorded and not yet published" * bool(report.waiting)
            return [f"{where}: sound; {report.size:,} entries recomputed{waiting}"]
        found = [f"  FAIL  {p['where']}: {p['what']} ({p['code']})" for p in problems]
        return [f"{where}: NOT SOUND", *found]

    emit(
        {"ok": report.ok, "size": report.size, "waiting": report.waiting, "problems": problems},
        schema="byleave/log-fsck/v1",
        as_json=as_json,
        lines=lines,
    )


def _head_lines(head: dict[str, Any]) -> list[str]:
    by = ", ".join(head["witnesses"]) or "nobody"
    return [
        head["origin"],
        f"  size  {head['size']:,}",
        f"  root  {head['root']}",
        f"  cosigned by {by}",
    ]
