"""Byleave: train AI on people's data only as they agreed, let withdrawal reach the models, prove both.

`byleave.open(path)` gives a workspace with the nouns of the command line as attributes;
`byleave.preview(...)` says what the gate would keep of one file, `byleave.check_contract(...)`
whether a contract fits its data; both store nothing.
Importing `byleave` loads nothing else, so that `byleave.verify` works where only the
standard library and `cryptography` are installed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from byleave.wiring import Workspace, check_contract, create, open, preview  # noqa: A004

__all__ = ["Workspace", "__version__", "check_contract", "create", "open", "preview"]
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:  # noqa: ANN401 (PEP 562: any public name)
    if name in {"Workspace", "check_contract", "create", "open", "preview"}:
        from byleave import wiring  # noqa: PLC0415 (lazy: see the module docstring)

        return getattr(wiring, name)
    message = f"module 'byleave' has no attribute {name!r}"
    raise AttributeError(message)
