"""`byleave witness`: lend a log your key, so that it cannot show two histories."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import click

from byleave.cli.output import emit, json_option

__all__ = ["group"]

_folder = click.argument("folder", type=click.Path(file_okay=False, path_type=Path))


@click.group("witness")
def group() -> None:
    """A witness of other people's logs: init, add, show, serve."""


@group.command()
@_folder
@click.option("--name", required=True, help="Its key name, such as witness.example.org/w1.")
@click.option(
    "--ml-dsa", is_flag=True, help="Sign with ML-DSA-44 (type 06) in the place of Ed25519 (04)."
)
@json_option
def init(*, folder: Path, name: str, ml_dsa: bool, as_json: bool) -> None:
    """Make a witness: its folder, its private key, its public key.

    \b
    byleave witness init my-witness --name witness.example.org/w1
    """  # noqa: D301
    from byleave.note.keys import KeyType
    from byleave.wiring.witness import make_witness

    key = make_witness(folder, name, kind=KeyType.ML_DSA_44 if ml_dsa else KeyType.COSIGNATURE)
    emit(
        {"folder": str(folder), "vkey": str(key)},
        schema="byleave/witness/v1",
        as_json=as_json,
        lines=lambda: [
            f"{folder}: a witness; it follows no log yet",
            f"  vkey  {key}",
            f"  next  byleave witness add {folder} TRUST-FILE",
        ],
    )


@group.command()
@_folder
@click.argument("trust", type=click.Path(dir_okay=False, path_type=Path))
@json_option
def add(*, folder: Path, trust: Path, as_json: bool) -> None:
    """Follow the logs of a trust file from now on. Check its keys before you do.

    \b
    byleave witness add my-witness byleave-demo/trust.policy
    """  # noqa: D301
    from byleave.cli.opened import read_trust
    from byleave.wiring.witness import WitnessHouse

    house = WitnessHouse(folder)
    new = house.follow(read_trust(str(trust)).logs)
    emit(
        {"added": [str(key) for key in new], "logs": [str(key) for key in house.logs()]},
        schema="byleave/witness-logs/v1",
        as_json=as_json,
        lines=lambda: (
            [f"follows {key.name}" for key in new] or ["nothing new: these logs are followed"]
        ),
    )


@group.command()
@_folder
@json_option
def show(*, folder: Path, as_json: bool) -> None:
    """Show a witness's public key, and what it cosigned last of each log.

    \b
    byleave witness show my-witness
    """  # noqa: D301
    from byleave.note.checkpoint import parse_checkpoint
    from byleave.note.signed import parse_note
    from byleave.wiring.witness import WitnessHouse

    house = WitnessHouse(folder)
    logs: list[dict[str, Any]] = []
    for origin, note in house.kept():
        size = None if note is None else parse_checkpoint(parse_note(note).text).size
        refused = [str(path) for path in house.refused(origin)]
        logs.append({"origin": origin, "size": size, "refused": refused})
    emit(
        {"vkey": str(house.key), "logs": logs},
        schema="byleave/witness-logs/v1",
        as_json=as_json,
        lines=lambda: [
            f"vkey  {house.key}",
            *(
                f"  {log['origin']}: "
                + ("nothing cosigned yet" if log["size"] is None else f"size {log['size']:,}")
                for log in logs
            ),
            *(f"  REFUSED, evidence: {path}" for log in logs for path in log["refused"]),
        ],
    )


@group.command()
@_folder
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8010, show_default=True, type=click.IntRange(0, 65535))
@click.option("--per-minute", default=600, show_default=True, type=click.IntRange(1))
@click.option("--tls-cert", type=click.Path(dir_okay=False), help="PEM certificate: speak TLS.")
@click.option("--tls-key", type=click.Path(dir_okay=False), help="PEM key of the certificate.")
def serve(
    *,
    folder: Path,
    host: str,
    port: int,
    per_minute: int,
    tls_cert: str | None,
    tls_key: str | None,
) -> None:
    """Answer logs over HTTP (C2SP tlog-witness) until Ctrl-C.

    \b
    byleave witness serve my-witness --port 8010
    """  # noqa: D301
    from byleave.cli.witness_http import WitnessServer
    from byleave.wiring.tls import tls_context
    from byleave.wiring.witness import WitnessHouse

    house, tls = WitnessHouse(folder), tls_context(tls_cert, tls_key)
    with WitnessServer(house, host=host, port=port, per_minute=per_minute, tls=tls) as server:
        followed = len({key.name for key in house.logs()})
        logs = "1 log" if followed == 1 else f"{followed} logs"
        with contextlib.suppress(KeyboardInterrupt):  # how a person stops it
            click.echo(f"{house.key.name} follows {logs} at {server.url} · Ctrl-C stops")
            server.serve_forever()
