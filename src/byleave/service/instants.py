"""Many instants as text, without a step of Python's calendar for each."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from byleave.ids import FAR_FUTURE_US

__all__ = ["instant_texts"]

_SECOND_US: Final = 1_000_000


def instant_texts(values: npt.NDArray[np.int64], absent: str, form: str) -> list[str]:
    """Return instants as `format_instant` writes them, in `form`; `absent` for the far future."""
    texts = np.full(len(values), absent, object)
    told = values != FAR_FUTURE_US
    whole = values % _SECOND_US == 0
    seconds = (values[told & whole] // _SECOND_US).astype("datetime64[s]")
    exact = values[told & ~whole].astype("datetime64[us]")
    texts[told & whole] = [form % text for text in np.datetime_as_string(seconds).tolist()]
    texts[told & ~whole] = [form % text for text in np.datetime_as_string(exact).tolist()]
    found: list[str] = texts.tolist()
    return found
