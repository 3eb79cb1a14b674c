"""`byleave proof` and `byleave verify`."""

from __future__ import annotations

from pathlib import Path

import click

from byleave.cli.opened import opened
from byleave.cli.output import emit, json_option, workspace_option

__all__ = ["group", "verify"]


@click.group("proof")
def group() -> None:
    """Proofs that an outsider can check: make."""


@group.command()
@click.argument("member")
@click.option("--release", required=True, help="The release that the proof starts at.")
@workspace_option
@json_option
def make(*, member: str, release: str, workspace: str, as_json: bool) -> None:
    """Prove that a member's records are in a release (exactly these), or that none is.

    \b
    byleave proof make m-1 --release replies-2 --workspace byleave-demo
    """  # noqa: D301
    with opened(workspace) as ws:
        kind, path = ws.proof.make(member, release)
        receipt = ws.proof.receipt(member)
        trust = ws.places.trust
    data = {
        "kind": kind,
        "path": str(path),
        "receipt": str(receipt),
        "trust": str(trust),
        "bytes": path.stat().st_size,
    }
    emit(
        data,
        schema="byleave/proof/v1",
        as_json=as_json,
        lines=lambda: [
            f"{kind}  {path}  ({data['bytes']:,} bytes)",
            f"  check   byleave verify {path} --trust {trust} --receipt {receipt}",
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

    \b
    byleave verify absence.proof --trust trust.policy --receipt my.receipt
    byleave verify absence.proof --trust trust.policy --json
    python -m byleave.verify …        the same, needing only `cryptography`
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
