"""Which fields of log entries lead to other entries."""

from __future__ import annotations

from typing import Final

__all__ = ["POINTERS"]

POINTERS: Final = frozenset(
    "disclosure from gate key package parent policy previous recall recipe release snapshot to"
    " unlearning withdrawal".split()
)
"""Fields that hold the log index of another entry, where they hold a number."""
