"""What a fit ran in: versions, matrix library, instruction sets, threads. Read here and nowhere else."""

from __future__ import annotations

import hashlib
import os
import platform
import time
from functools import cache
from importlib import import_module, metadata
from typing import Any, Final

from byleave.canonical import Json

__all__ = ["environment", "microseconds"]

_PACKAGES: Final = ("byleave", "numpy", "pyarrow", "scipy", "scikit-learn", "torch", "numba")
_THREADS: Final = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def microseconds() -> int:
    """Return a clock for measuring how long something takes."""
    return time.perf_counter_ns() // 1000


def environment() -> dict[str, Json]:
    """Return what may make another machine's floating point end in other bits.

    `lock` is the SHA-256 of every installed distribution, one `name==version` a line, ascending.
    """
    return {**_fixed(), "threads": _threads()}


@cache
def _fixed() -> dict[str, Json]:
    packages: dict[str, Json] = {}
    for name in _PACKAGES:
        try:
            packages[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    found = {f"{d.metadata['Name'].lower()}=={d.version}" for d in metadata.distributions()}
    lock = hashlib.sha256("\n".join(sorted(found)).encode()).hexdigest()
    return {
        "python": platform.python_version(),
        "implementation": platform.python_implementation(),
        "system": platform.system(),
        "machine": platform.machine(),
        "packages": packages,
        "lock": lock,
        "blas": _blas(),
        "cpu": _cpu_features(),
    }


def _blas() -> str:
    """Return the name and version of the matrix library NumPy was built with."""
    import numpy as np

    built: Any = np.show_config(mode="dicts")
    blas = built.get("Build Dependencies", {}).get("blas", {})
    return f"{blas.get('name', 'unknown')} {blas.get('version', '')}".strip()


def _cpu_features() -> list[Json]:
    """Return the instruction sets that NumPy found, ascending."""
    import numpy as np

    core: Any = getattr(np, "_core", None) or np.core
    features: dict[str, bool] = core._multiarray_umath.__cpu_features__  # noqa: SLF001
    return [name for name, there in sorted(features.items()) if there]


def _threads() -> int:
    """Return how many threads the matrix library may use, as far as that can be known."""
    try:
        pools: Any = import_module("threadpoolctl")
    except ImportError:
        found = next((os.environ[name] for name in _THREADS if name in os.environ), "")
        return int(found) if found.isdigit() else os.cpu_count() or 1
    counts = [int(pool["num_threads"]) for pool in pools.threadpool_info()]
    return max(counts, default=os.cpu_count() or 1)
