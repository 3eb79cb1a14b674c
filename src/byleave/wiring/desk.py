"""The desk's file of a workspace."""

from __future__ import annotations

from typing import TYPE_CHECKING

from byleave.stores.desk import AnsweredKey, DeskFile, Grantee, KeptToken, Webhook

if TYPE_CHECKING:
    from byleave.wiring.workspace import Workspace

__all__ = ["AnsweredKey", "DeskFile", "Grantee", "KeptToken", "Webhook", "open_desk"]


def open_desk(workspace: Workspace) -> DeskFile:
    """Open the file of sessions, links and tokens that stands beside a workspace's ledgers.

    Raises:
        EvidenceError: `desk.damaged`.
        WorldError: `desk.unreadable`.
    """
    return DeskFile(workspace.path / "desk.sqlite")
