"""How well held-out members are served, in the same few numbers for every trainer on holdings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

__all__ = ["HeldOutQuality", "mean"]


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldOutQuality:
    """What is hidden of held-out members, and how much of it the first n suggestions hold.

    Attributes:
        members: Members asked about: those of whom the model knows something seen and hidden.
        left_out: The others.
        recall: Mean share of what is hidden among the first n, at most n things counting.
        popularity: The same for what most members have.
        n: How many are suggested.
        coverage: Share of what is hidden that the model knows at all.
    """

    members: int
    left_out: int
    recall: float | None
    popularity: float | None
    n: int
    coverage: float | None

    def to_dict(self) -> dict[str, float | int | None]:
        """Return it as plain values."""
        return {name: getattr(self, name) for name in self.__slots__}


def mean(values: Sequence[float]) -> float | None:
    """Return the mean, None of nothing."""
    return float(np.mean(values)) if values else None
