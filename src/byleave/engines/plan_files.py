"""Plans on disk: written whole, mapped by whoever decides.

Every process of a machine that maps one file shares one copy of it in the page cache, and pages
nobody asks for (the grants' indexes, in a count) are never read.
"""

from __future__ import annotations

import errno
import mmap
import os
from pathlib import Path

from byleave.errors import InputError, WorldError
from byleave.gate.plan import GatePlan
from byleave.gate.plan_file import check_plan, decode_plan, encode_plan

__all__ = ["open_plan", "write_plan"]

_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL


def write_plan(plan: GatePlan, path: Path) -> int:
    """Write a plan's file, readable by its owner alone: whole, or not at all; return its bytes.

    Raises:
        WorldError: `world.disk-full`, `world.storage`; what stood there stands there still.
    """
    part = path.with_name(f".{path.name}.part")
    try:
        part.unlink(missing_ok=True)
        with os.fdopen(os.open(part, _NEW, 0o600), "wb") as file:
            for piece in encode_plan(plan):
                file.write(piece)
            file.flush()
            os.fsync(file.fileno())
            size = file.tell()
        part.replace(path)
    except BaseException as error:
        part.unlink(missing_ok=True)
        if not isinstance(error, OSError):
            raise
        full = error.errno in {errno.ENOSPC, errno.EDQUOT}
        raise WorldError(
            f"a plan file was not written: {error.strerror}",
            code="world.disk-full" if full else "world.storage",
            where=str(path),
        ) from error
    return size


def open_plan(path: Path, *, verify: bool = True) -> GatePlan:
    """Map a plan's file.

    Args:
        path: The file; it must not be changed while the plan is in use.
        verify: Whether to hash it (about 1.5 GB/s, without keeping it in memory). Once a machine
            is enough: the file may then be opened without.

    Raises:
        InputError: `input.not-found`; `plan.version`.
        EvidenceError: `plan.malformed`; `plan.truncated`; `plan.digest`.
    """
    try:
        file = path.open("rb")
    except OSError as error:
        raise InputError("no plan file there", code="input.not-found", where=str(path)) from error
    with file:
        if verify:
            check_plan(lambda at, size: os.pread(file.fileno(), size, at))
        if not os.fstat(file.fileno()).st_size:
            return decode_plan(memoryview(b""))
        mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    return decode_plan(memoryview(mapped), verify=False)
