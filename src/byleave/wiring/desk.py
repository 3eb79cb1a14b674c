"""The desk's file of a workspace."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable
from typing import TYPE_CHECKING

from byleave.stores.desk import (
    AnsweredKey,
    AskedBefore,
    DeskFile,
    Grantee,
    KeptToken,
    OnceOnly,
    Webhook,
)
from byleave.stores.rates import RateFile
from byleave.wiring.oidc import client_secret

if TYPE_CHECKING:
    from byleave.wiring.workspace import Workspace

__all__ = [
    "AnsweredKey",
    "AskedBefore",
    "DeskFile",
    "Grantee",
    "KeptToken",
    "OnceOnly",
    "RateFile",
    "Webhook",
    "forget_members",
    "open_desk",
    "open_rates",
    "provider_secret",
]


def open_desk(workspace: Workspace) -> DeskFile:
    """Open the file of sessions, links and tokens that stands beside a workspace's ledgers.

    Raises:
        EvidenceError: `desk.damaged`.
        WorldError: `desk.unreadable`.
    """
    return DeskFile(workspace.path / "desk.sqlite")


def forget_members(workspace: Workspace, ordinals: Iterable[int]) -> None:
    """Forget erased members in the file of sessions, where a server has made one.

    Raises:
        EvidenceError: `desk.damaged`.
        WorldError: `desk.unreadable`.
    """
    if not (workspace.path / "desk.sqlite").exists():
        return
    with contextlib.closing(open_desk(workspace)) as desk:
        for ordinal in ordinals:
            desk.forget("member", str(ordinal))


def open_rates(workspace: Workspace) -> RateFile:
    """Open the file in which all servers of a workspace count requests.

    Raises:
        WorldError: `desk.unreadable`.
    """
    return RateFile(workspace.path / "rates.sqlite")


def provider_secret(workspace: Workspace) -> str | None:
    """Return our secret at the sign-in provider; None without one.

    Raises:
        WorldError: `oidc.secret`.
    """
    settings = workspace.config.oidc
    if settings is None:
        return None
    return client_secret(settings, workspace.path, os.environ)
