"""An application on a free port of loopback, served by a thread of this process."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Literal

import uvicorn

__all__ = ["answering"]

PATIENCE = 120.0
"""Seconds that it may take to open a workspace and begin to answer, or to end."""


@contextmanager
def answering(
    made: Callable[[str], AbstractContextManager[Any]], *, lifespan: Literal["auto", "off"] = "auto"
) -> Iterator[str]:
    """Serve an application; yield its address.

    Args:
        made: Makes the application for the address that it is given. It is entered in the thread
            that serves, since the thread that opens a workspace is the one that reads it.
        lifespan: `off` where somebody else has started the application.
    """
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    base = f"http://127.0.0.1:{listener.getsockname()[1]}"
    servers: list[uvicorn.Server] = []

    def run() -> None:
        with made(base) as app:
            config = uvicorn.Config(app, log_level="error", access_log=False, lifespan=lifespan)
            servers.append(uvicorn.Server(config))
            servers[0].run(sockets=[listener])

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        give_up = time.monotonic() + PATIENCE
        while not (servers and servers[0].started):
            assert thread.is_alive(), "the server ended before it answered"
            assert time.monotonic() < give_up, "the server does not begin to answer"
            thread.join(0.01)
        yield base
    finally:
        for server in servers:
            server.should_exit = True
        thread.join(PATIENCE)
        listener.close()
