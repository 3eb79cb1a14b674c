"""`byleave log explorer`: one file in which anybody reads and checks a log, without a server."""

from __future__ import annotations

import hashlib
from pathlib import Path

import click

from byleave.cli.output import emit, json_option

__all__ = ["explorer"]


@click.command()
@click.option(
    "--out",
    type=click.Path(dir_okay=False),
    required=True,
    help="The file to write; what stood there is replaced.",
)
@click.option(
    "--log",
    metavar="ADDRESS",
    help="Address of a published log that the file may fetch when it is asked to (https). "
    "Without it the file can connect nowhere and reads a folder that is chosen.",
)
@json_option
def explorer(*, out: str, log: str | None, as_json: bool) -> None:
    """Write the log explorer and the checking page as one HTML file that needs no server.

    Open it in a browser: choose a log's folder and a trust file, and every hash is taken again.
    It needs no workspace, and the same version of Byleave writes the same bytes.

    \b
    byleave log explorer --out explorer.html
    byleave log explorer --out explorer.html --log https://log.example.com/log
    """  # noqa: D301
    from byleave.cli.gate_page import write_drawn

    def draw() -> str:
        from byleave.pages.explorer import explorer as page

        return page(log)

    write_drawn(out, draw)
    data = Path(out).read_bytes()
    digest = hashlib.sha256(data).hexdigest()
    emit(
        {"file": out, "bytes": len(data), "sha256": digest, "log": log},
        schema="byleave/log-explorer/v1",
        as_json=as_json,
        lines=lambda: [
            f"wrote {out}, {len(data):,} bytes",
            f"  sha256  {digest}",
            "  reads    a folder that is chosen in it",
            f"  fetches  {'nothing: it can connect nowhere' if log is None else log}",
        ],
    )
