"""The key that signs notice tokens: made with the workspace, or when it is first needed."""

from __future__ import annotations

from byleave.errors import ConflictError
from byleave.note.keys import SignerKey
from byleave.stores.artefacts import write_file
from byleave.wiring.config import Places, read_key
from byleave.wiring.world import system_bytes

__all__ = ["make_notice_key", "read_notice_key"]

_NAME = "notice"
_SEED_BYTES = 32


def make_notice_key(places: Places, origin: str, seed: bytes) -> None:
    """Write the key, readable by its owner only."""
    key = SignerKey(name=f"{origin}/{_NAME}", seed=seed)
    write_file(places.key(_NAME), (key.format() + "\n").encode(), private=True)


def read_notice_key(places: Places, origin: str, *, make: bool) -> SignerKey:
    """Return the key; a workspace made before there were tokens gets it now.

    Args:
        places: The workspace's folder.
        origin: Its log's origin.
        make: Whether the workspace is open for writing.

    Raises:
        ConflictError: `workspace.read-only`, there is no key yet and none may be written.
        EvidenceError: `workspace.damaged`.
    """
    if not places.key(_NAME).exists():
        if not make:
            raise ConflictError(
                "the workspace has no notice key yet",
                code="workspace.read-only",
                hint="open it for writing once",
            )
        make_notice_key(places, origin, system_bytes(_SEED_BYTES))
    return read_key(places, _NAME)
