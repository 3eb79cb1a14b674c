"""What a trainer that does not unlearn exactly has to have measured before it may be used.

Exact and approximate are two words that are never mixed (docs/spec/unlearning.md). An approximate
trainer is registered with its measurements, each against models fitted again without the records
("retrained references"), or not at all; its releases say `approximate` and get no certificate.

Which measures, and why these: per-record tests are much stronger than averages over people (Hayes
et al., arXiv 2403.01218); methods that look right after one removal break after many small ones
(Lubitzsch et al., arXiv 2603.08341); TOFU compares loss distributions (arXiv 2401.06121).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import Any, Final

from byleave.canonical import Json
from byleave.errors import InputError
from byleave.training.trainer import Trainer

__all__ = ["MIN_REFERENCES", "MIN_SEQUENCE", "Measurements", "base_of", "check_exactness"]

MIN_REFERENCES: Final = 8
"""Models fitted again without the records, against which each measure is taken."""
MIN_SEQUENCE: Final = 50
"""Small requests one after the other, after which the comparison is made again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurements:
    """Measures of approximate unlearning.

    Attributes:
        references: Models fitted again without the records; at least `MIN_REFERENCES`.
        ks_p: p-value of a two-sample Kolmogorov-Smirnov test between the losses of the forgotten
            records under the unlearned and under the fitted-again models, 0 to 1.
        ulira_tpr: True-positive rate at a false-positive rate of 1 % of a per-record likelihood-ratio
            attack that tells unlearned from fitted-again, 0 to 1; 0.01 is chance.
        utility_gap: Primary metric of the fitted-again model less that of the unlearned one.
        time_ratio: Time of forgetting over time of fitting again; below 1 where it saves any.
        sequence: Small requests served one after the other before the next measure; at least
            `MIN_SEQUENCE`.
        sequence_ks_p: As `ks_p`, after them.
    """

    references: int
    ks_p: float
    ulira_tpr: float
    utility_gap: float
    time_ratio: float
    sequence: int
    sequence_ks_p: float

    def __post_init__(self) -> None:
        shares = (self.ks_p, self.ulira_tpr, self.sequence_ks_p)
        measured = (*shares, self.utility_gap, self.time_ratio)
        if (
            isinstance(self.references, bool)
            or isinstance(self.sequence, bool)
            or self.references < MIN_REFERENCES
            or self.sequence < MIN_SEQUENCE
            or not all(math.isfinite(value) for value in measured)
            or not all(0 <= value <= 1 for value in shares)
            or self.time_ratio <= 0
        ):
            raise InputError(
                f"wanted: at least {MIN_REFERENCES} references, {MIN_SEQUENCE} requests in sequence,"
                " p-values and rates from 0 to 1, finite numbers",
                code="training.measurements",
            )

    def to_dict(self) -> dict[str, Json]:
        """Return the measures by name, floats as text, as runs, statements and cards hold them."""
        found: dict[str, Json] = {}
        for item in fields(self):
            value = getattr(self, item.name)
            found[item.name] = repr(value) if isinstance(value, float) else value
        return found


def check_exactness(trainer: Trainer[Any]) -> Measurements | None:
    """Return an approximate trainer's measurements; None for an exact one.

    Raises:
        InputError: `training.measurements`, it says that it is not exact and has none, or that it is
            and has some.
    """
    measured = getattr(trainer, "measurements", None)
    if trainer.exact is True and measured is None:
        return None
    if trainer.exact is False and isinstance(measured, Measurements):
        return measured
    raise InputError(
        f"the trainer {trainer.name!r} is neither exact nor approximate with its measurements",
        code="training.measurements",
        hint="exact = True; or exact = False and measurements = Measurements(…)",
    )


def base_of(trainer: Trainer[Any]) -> str:
    """Return the base a trainer is built on: `statistics`, `index`, `sharded`, else `own`."""
    named = getattr(trainer, "base", None)
    if isinstance(named, str):
        return named
    return "sharded" if callable(getattr(trainer, "touched", None)) else "own"
