"""A recipient's client in Python: a folder with its keys, what it pulled, what it has to delete.

It needs no workspace: the base package and the extra `recipient`. `byleave disclosure keygen`,
`pull`, `held`, `obey`, `acknowledge`, `pass` and `collect` are the same client, typed.

from pathlib import Path
from byleave.recipient import RecipientFolder

mine = RecipientFolder(Path("acme"))
there = mine.outbox("https://packages.example.com")
mine.pull(there)
rows = mine.use("package-1")
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from byleave.wiring.recipient import Held, Pulled, RecipientFolder, make_recipient

__all__ = ["Held", "Pulled", "RecipientFolder", "make_recipient"]


def __getattr__(name: str) -> Any:  # noqa: ANN401  # PEP 562: importing this loads nothing else
    if name in __all__:
        from byleave.wiring import recipient

        return getattr(recipient, name)
    raise AttributeError(f"module 'byleave.recipient' has no attribute {name!r}")
