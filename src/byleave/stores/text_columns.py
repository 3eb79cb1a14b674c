"""Texts that a database put together, as one column of Arrow: no step per text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

__all__ = ["joined", "texts_of"]


def texts_of(order: npt.NDArray[Any], lengths: npt.NDArray[Any], data: bytes) -> pa.Array:
    """Return texts that stand one behind the other, in ascending order.

    Args:
        order: What each text is to be ordered by.
        lengths: Bytes of each.
        data: All of them, UTF-8.
    """
    offsets = np.zeros(len(lengths) + 1, np.int64)
    np.cumsum(lengths, out=offsets[1:])
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(data)]
    texts = pa.Array.from_buffers(pa.large_string(), len(lengths), buffers)
    if len(order) > 1 and not bool((np.diff(order) > 0).all()):
        texts = texts.take(pa.array(np.argsort(order, kind="stable")))
    return texts


def joined(parts: Sequence[pa.Array]) -> pa.Array:
    """Return columns of texts as one."""
    return pa.concat_arrays(parts) if parts else pa.array([], pa.large_string())
