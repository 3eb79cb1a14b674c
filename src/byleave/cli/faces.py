"""`demo` and `serve`: the sibling faces, started through their entry points.

The command line does not import `demo` or `portal` (they are neighbours, DESIGN §4); each
registers itself in the group `byleave.faces`, and is loaded when its command runs.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import click

from byleave.cli.output import Progress, emit, json_option, workspace_option
from byleave.errors import WorldError

__all__ = ["demo", "serve"]


@click.command()
@click.option("--data", type=click.Path(), help="Folder that holds the data sets' folders.")
@click.option(
    "--workspace",
    "-w",
    default="byleave-demo",
    show_default=True,
    type=click.Path(),
    help="Where to leave the workspace; must not exist, or be an earlier demo.",
)
@click.option("--seed", default=2024, show_default=True, type=click.IntRange(0, 2**32 - 1))
@json_option
def demo(*, data: str | None, workspace: str, seed: int, as_json: bool) -> None:
    """Replay the year of the case on real messages, with every result computed.

    \b
    byleave demo
    byleave demo --workspace /path/of/yours --seed 7
    byleave demo --json | python -m json.tool
    """  # noqa: D301
    progress = Progress()

    def tell(line: str) -> None:
        progress.close()
        click.echo(line, err=as_json)

    result = _face("demo")(
        workspace=Path(workspace),
        data=None if data is None else Path(data),
        seed=seed,
        tell=tell,
        progress=progress,
    )
    progress.close()
    emit(result, schema="byleave/demo/v1", as_json=as_json, lines=list)


@click.command()
@workspace_option
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8000, show_default=True, type=click.IntRange(0, 65535))
@click.option("--read-only", is_flag=True, help="Pages by link alone: no sign-in, no API.")
@click.option("--site", help="Address under which others reach it, https://…; for its links.")
@click.option("--tls-cert", type=click.Path(dir_okay=False), help="PEM certificate: speak TLS.")
@click.option("--tls-key", type=click.Path(dir_okay=False), help="PEM key of the certificate.")
def serve(
    *,
    workspace: str,
    host: str,
    port: int,
    read_only: bool,
    site: str | None,
    tls_cert: str | None,
    tls_key: str | None,
) -> None:
    """Serve a workspace: public pages, members' own pages, and the API.

    \b
    byleave serve --workspace byleave-demo
    byleave member link --workspace byleave-demo m-1   # their page
    """  # noqa: D301
    _face("serve")(
        workspace=Path(workspace),
        host=host,
        port=port,
        echo=click.echo,
        read_only=read_only,
        site=site,
        tls=None if tls_cert is None and tls_key is None else (tls_cert, tls_key),
    )


def _face(name: str) -> Callable[..., Any]:
    for point in entry_points(group="byleave.faces", name=name):
        try:
            loaded: Callable[..., Any] = point.load()
        except ModuleNotFoundError as error:
            raise WorldError(
                f"{name} needs a package that is not installed: {error.name}",
                code="cli.extra-missing",
                hint="pip install 'byleave[portal]'",
            ) from error
        return loaded
    raise WorldError(
        f"the entry point of {name} is not installed",
        code="cli.extra-missing",
        hint="install Byleave with pip, or run scripts/setup",
    )
