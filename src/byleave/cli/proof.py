"""`byleave proof` and `byleave verify`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from byleave.cli.opened import opened
from byleave.cli.output import emit, json_option, workspace_option
from byleave.errors import InputError

if TYPE_CHECKING:
    from byleave.wiring import Workspace

__all__ = ["group", "verify"]


@click.group("proof")
def group() -> None:
    """Proofs that an outsider can check: make, cease."""


@group.command()
@click.argument("member", required=False)
@click.option("--release", help="The release that the proof starts at.")
@click.option("--record", type=click.IntRange(min=0), help="Only this record of the member.")
@click.option("--for-others", is_flag=True, help="With --record: checkable without the receipt.")
@click.option("--event", type=click.IntRange(min=0), help="A consent event, by its log index.")
@click.option("--lineage", is_flag=True, help="Which snapshots the release came from.")
@click.option("--unlearning", help="An unlearning, by its name or the release it made.")
@click.option("--certificate", help="An exact unlearning's certificate, by either name.")
@click.option("--disclosure", help="A disclosure, its terms and recalls.")
@click.option("--acknowledgement", help="A recipient's answer, by the name of its recall.")
@click.option("--cessation", type=click.IntRange(min=0), help="A statement, by its log index.")
@click.option("--self-contained", is_flag=True, help="Put the member's receipt in: private.")
@workspace_option
@json_option
def make(*, workspace: str, as_json: bool, **asked: Any) -> None:  # noqa: ANN401 (options)
    """Prove something of a member, or of the platform, to somebody who takes nobody's word.

    \b
    byleave proof make m-1 --release replies-2 --workspace byleave-demo
    byleave proof make m-1 --release replies-2 --self-contained …
    byleave proof make m-1 --release replies-2 --record 0 …
    byleave proof make --event 417 …
    byleave proof make --release replies-2 --lineage -w byleave-demo
    byleave proof make --unlearning replies-2 …
    byleave proof make --certificate replies-2 …
    byleave proof make --disclosure package-1 …
    byleave proof make --acknowledgement package-1-recall-1 …
    byleave proof make --cessation 912 …
    """  # noqa: D301
    with opened(workspace) as ws:
        kind, path, with_receipt = _made(ws, asked)
        receipt = ws.proof.receipt(asked["member"]) if with_receipt else None
        trust = ws.places.trust
    size = path.stat().st_size
    data = {
        "kind": kind,
        "path": str(path),
        "receipt": None if receipt is None else str(receipt),
        "trust": str(trust),
        "bytes": size,
    }
    check = f"  check   byleave verify {path} --trust {trust}"
    emit(
        data,
        schema="byleave/proof/v1",
        as_json=as_json,
        lines=lambda: [
            f"{kind}  {path}  ({size:,} bytes)",
            check if receipt is None else f"{check} --receipt {receipt}",
        ],
    )


def _made(ws: Workspace, asked: dict[str, Any]) -> tuple[str, Path, bool]:
    """Write the one proof that is asked for; return its kind, path, and if the receipt goes with it."""
    member, release, inside = asked["member"], asked["release"], asked["self_contained"]
    wanted = {
        "--event": asked["event"] is not None,
        "--lineage": asked["lineage"],
        "--unlearning": asked["unlearning"] is not None,
        "--certificate": asked["certificate"] is not None,
        "--disclosure": asked["disclosure"] is not None,
        "--acknowledgement": asked["acknowledgement"] is not None,
        "--cessation": asked["cessation"] is not None,
        "MEMBER --release": member is not None,
    }
    if sum(wanted.values()) != 1:
        raise InputError(f"ask for one of {', '.join(wanted)}", code="cli.usage")
    if release is None and (member is not None or asked["lineage"]):
        raise InputError("which release? --release NAME", code="cli.usage")
    if asked["event"] is not None:
        path = ws.proof.make_event(asked["event"], self_contained=inside)
        return "consent-event", path, False
    if member is None:
        named = {
            "lineage": release if asked["lineage"] else None,
            "unlearning": asked["unlearning"],
            "certificate": asked["certificate"],
            "disclosure": asked["disclosure"],
            "acknowledgement": asked["acknowledgement"],
            "cessation": asked["cessation"],
        }
        ((kind, name),) = ((k, v) for k, v in named.items() if v is not None)
        return kind, ws.proof.make_named(kind, str(name)), False
    if asked["record"] is not None:
        others = asked["for_others"]
        path = ws.proof.make_record(
            member, release, asked["record"], for_others=others, self_contained=inside
        )
        return "record", path, not others and not inside
    kind, path = ws.proof.make(member, release, self_contained=inside)
    return kind, path, not inside


@group.command()
@click.argument("use")
@click.option("--since", required=True, help="From when on, as 2026-11-01 or 2026-11-01T00:00:00Z.")
@workspace_option
@json_option
def cease(*, use: str, since: str, workspace: str, as_json: bool) -> None:
    """State, signed and logged, that nothing was processed under a use since an instant.

    Refused (exit 4) where the log holds a gate, a snapshot or a disclosure of that use since then.

    \b
    byleave proof cease 'train.safety/*/*' --since 2024-01-01 -w byleave-demo
    """  # noqa: D301
    from byleave.ids import parse_instant

    with opened(workspace) as ws:
        index = ws.proof.cease(use, parse_instant(since))
        path = ws.proof.make_named("cessation", str(index))
        trust = ws.places.trust
    emit(
        {"index": index, "path": str(path), "trust": str(trust)},
        schema="byleave/cessation/v1",
        as_json=as_json,
        lines=lambda: [
            f"cessation  log entry {index:,}  {path}",
            f"  check   byleave verify {path} --trust {trust}",
        ],
    )


@click.command()
@click.argument("proof", type=click.Path(path_type=Path))
@click.option(
    "--trust",
    required=True,
    type=click.Path(path_type=Path),
    help="The trust file: which log, which witnesses.",
)
@click.option(
    "--receipt",
    type=click.Path(path_type=Path),
    help="The holder's receipt; without it the proof speaks of a label, not a person.",
)
@json_option
@click.pass_context
def verify(
    ctx: click.Context, *, proof: Path, trust: Path, receipt: Path | None, as_json: bool
) -> None:
    """Check a proof file offline. Exit 0: it holds; 3: it does not; 2: a file cannot be read.

    A proof called - is read from the standard input.

    \b
    byleave verify absence.proof --trust trust.policy --receipt my.receipt
    byleave verify absence.proof --trust trust.policy --json
    python -m byleave.verify …        the same, needing only `cryptography`
    python byleave-verify.pyz …       the same, one file (scripts/zipapp makes it)
    """  # noqa: D301
    from byleave.verify import render
    from byleave.verify import verify as check
    from byleave.verify.__main__ import read_bounded

    verdict = check(
        read_bounded(proof),
        read_bounded(trust),
        None if receipt is None else read_bounded(receipt),
    )
    emit(
        {**verdict.to_dict(), "exit": verdict.exit_code},
        schema="byleave/verdict/v1",
        as_json=as_json,
        lines=lambda: [render(verdict, colour=False)],
    )
    ctx.exit(verdict.exit_code)
