"""What a fit ran in: versions, matrix library, instruction sets, threads. Read here and nowhere else."""

from __future__ import annotations

import hashlib
import os
import platform
import re
import time
from functools import cache
from importlib import import_module, metadata
from pathlib import Path
from typing import Any, Final

from byleave.canonical import Json

__all__ = ["environment", "microseconds"]

_PACKAGES: Final = ("byleave", "numpy", "pyarrow", "scipy", "scikit-learn", "torch", "numba")
_NOTES: Final = frozenset({"INSTALLER", "REQUESTED", "RECORD", "direct_url.json", "uv_cache.json"})
_THREADS: Final = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def microseconds() -> int:
    """Return a clock for measuring how long something takes."""
    return time.perf_counter_ns() // 1000


def environment() -> dict[str, Json]:
    """Return what may make another machine's floating point end in other bits.

    `lock` is the SHA-256 of every installed distribution, one `name==version` a line, ascending;
    `distributions` holds them one by one: version, and digest of the files that the wheel brought;
    `code` is a digest of Byleave's own modules, since a checkout has no wheel.
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
    held, lock = _distributions()
    return {
        "python": platform.python_version(),
        "implementation": platform.python_implementation(),
        "system": platform.system(),
        "machine": platform.machine(),
        "packages": packages,
        "lock": lock,
        "code": _code(),
        "distributions": held,
        "blas": _blas(),
        "cpu": _cpu_features(),
    }


def _distributions() -> tuple[dict[str, Json], str]:
    """Return name → version and digest of what its wheel brought, hex; and the digest of versions.

    No digest without a RECORD. Left out of it is what an installer writes: scripts with a path of
    this machine, compiled modules, its own notes. A loop over the lines of every RECORD, once a
    process.
    """
    found: dict[str, Json] = {}
    versions: set[str] = set()
    for each in metadata.distributions():
        name, version = each.metadata["Name"], each.version
        versions.add(f"{name.lower()}=={version}")
        lines = [
            line
            for line in (each.read_text("RECORD") or "").splitlines()
            if ",sha256=" in line
            and not line.startswith(("..", "/"))
            and line.partition(",")[0].rpartition("/")[2] not in _NOTES
        ]
        digest = hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest() if lines else ""
        found.setdefault(re.sub(r"[-_.]+", "-", name).lower(), [version, digest])
    lock = hashlib.sha256("\n".join(sorted(versions)).encode()).hexdigest()
    return dict(sorted(found.items())), lock


def _code() -> str:
    """Return a digest of Byleave's modules, hex."""
    root = Path(__file__).resolve().parent.parent
    state = hashlib.sha256()
    for path in sorted(root.rglob("*.py")):
        data = path.read_bytes()
        state.update(f"{path.relative_to(root).as_posix()},{len(data)}\n".encode() + data)
    return state.hexdigest()


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
