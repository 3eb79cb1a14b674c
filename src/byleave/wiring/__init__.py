"""The only place that reads configuration, clock, randomness and keys, and picks adapters.

`open(path)` gives a workspace whose attributes are the nouns of the command line.
"""

from __future__ import annotations

from byleave.wiring.contract_check import check_contract
from byleave.wiring.creation import create
from byleave.wiring.file_preview import preview
from byleave.wiring.workspace import Workspace, open  # noqa: A004 (`byleave.open`)

__all__ = ["Workspace", "check_contract", "create", "open", "preview"]
