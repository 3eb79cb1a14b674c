"""`byleave serve`: open a workspace, bind, print one link, answer until stopped."""

from __future__ import annotations

import contextlib
import ipaddress
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Final

from byleave.errors import RefusedError, WorldError
from byleave.portal.guard import LOOPBACK
from byleave.wiring.tls import tls_context

__all__ = ["bind", "is_loopback", "serve"]

_LAST_PORT: Final = 65_535


def serve(
    *,
    workspace: Path,
    host: str,
    port: int,
    echo: Callable[[str], None],
    read_only: bool = False,
    site: str | None = None,
    tls: tuple[str | None, str | None] | None = None,
) -> None:
    """Serve a workspace's pages and its API until interrupted.

    Args:
        workspace: Folder of the workspace.
        host: Name or address to listen on.
        port: Port; 0: any free one.
        echo: Takes the one line that says where to look.
        read_only: Show pages by link alone: no sign-in, no API, nothing written.
        site: Address under which others reach it (`https://privacy.example.com`), for links and
            cookies; default the one it listens on.
        tls: PEM files of a certificate and its key; None: plain HTTP.

    Raises:
        InputError: `server.tls`.
        RefusedError: `portal.demo-loopback-only`, a demo and another machine could reach it.
        WorldError: `portal.cannot-bind`, the address is taken or not this machine's.
        ByleaveError: What opening a workspace raises.
    """
    import uvicorn

    from byleave.portal.answers import WorkspaceAnswers
    from byleave.portal.app import create_app
    from byleave.portal.desk import make_desk
    from byleave.wiring import open as open_workspace

    if tls is not None:
        tls_context(*tls)  # refused here, before anything is opened
    with contextlib.ExitStack() as held:
        opened = held.enter_context(open_workspace(workspace, read_only=True))
        loopback = is_loopback(host)
        if opened.is_demo and not loopback:
            raise RefusedError(
                "a demo workspace is only served to the machine it is on",
                code="portal.demo-loopback-only",
                hint="use --host 127.0.0.1",
            )
        hosts = LOOPBACK | {host.strip("[]")} if loopback else None
        listener = held.enter_context(bind(host, port))
        here = _address(host, listener.getsockname()[1])
        if tls is not None:
            here = here.replace("http:", "https:", 1)
        desk = None if read_only else make_desk(opened, site=(site or here).rstrip("/"))
        app = create_app(
            WorkspaceAnswers(opened),
            demo=opened.is_demo,
            hosts=hosts,
            desk=desk,
            embed_in=opened.config.embed_in,
        )
        echo(f"Open {here} · Ctrl-C stops")
        # No access log: a member's link is their sign-in and must not be written down.
        certificate, key = tls or (None, None)
        config = uvicorn.Config(
            app,
            log_level="warning",
            access_log=False,
            server_header=False,
            ssl_certfile=certificate,
            ssl_keyfile=key,
        )
        with contextlib.suppress(KeyboardInterrupt):  # how a person stops it
            uvicorn.Server(config).run(sockets=[listener])


def is_loopback(host: str) -> bool:
    """Say whether only this machine can reach `host`; a name other than `localhost`: no."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def bind(host: str, port: int) -> socket.socket:
    """Listen on an address.

    Raises:
        WorldError: `portal.cannot-bind`, taken, not allowed, or not an address of this machine.
    """
    try:
        if not 0 <= port <= _LAST_PORT:
            raise OverflowError  # getaddrinfo would take it modulo 65,536
        family, kind, protocol, _, address = socket.getaddrinfo(
            host.strip("[]"), port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
            listener.listen(128)
        except BaseException:
            listener.close()
            raise
    except (OSError, OverflowError) as error:
        raise WorldError(
            "cannot listen there",
            code="portal.cannot-bind",
            where=f"{host}:{port}",
            hint="choose another --port, or 0 for any free one",
        ) from error
    return listener


def _address(host: str, port: int) -> str:
    name = host.strip("[]")
    return f"http://[{name}]:{port}/" if ":" in name else f"http://{name}:{port}/"
