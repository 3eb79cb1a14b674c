"""The replay: one year of the case on real messages, through the real services."""

from __future__ import annotations

from byleave.demo.replay import run

__all__ = ["run"]
