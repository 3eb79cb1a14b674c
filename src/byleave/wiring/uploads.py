"""Data files that were sent to a server and wait to become a source.

A file is called by the SHA-256 of its bytes, so sending it again changes nothing. What nobody has
used within a day goes when the next file comes. Nothing here is part of the ledgers.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow.csv import ConvertOptions, read_csv

from byleave.errors import ConflictError, InputError
from byleave.gate.contract import parse_contract
from byleave.stores.artefacts import translate
from byleave.wiring.row_files import CSV_ENDINGS, open_rows

if TYPE_CHECKING:
    from byleave.wiring.workspace import Workspace

__all__ = ["MOST_KEPT", "Received", "Uploads", "add_uploaded"]

MOST_KEPT: Final = 8 << 30
"""Bytes of files that may wait at once."""
_DAY: Final = 86_400.0
_HALF: Final = ".part"
_DIGEST: Final = re.compile(r"[0-9a-f]{64}")
_ENDINGS: Final = (".parquet", ".csv")


@dataclass(frozen=True, slots=True)
class Received:
    """A file that was received whole: the digest of its bytes, and how many they are."""

    sha256: str
    size: int


class Uploads:
    """Files that wait, in a folder of a workspace.

    Args:
        folder: Made when the first one comes; its owner's alone.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @contextmanager
    def receiving(self, ending: str) -> Iterator[Receiving]:
        """Take a file in, part by part; what is not finished leaves nothing.

        Args:
            ending: `.parquet` or `.csv`.

        Raises:
            ConflictError: `upload.full`.
            WorldError: `world.disk-full`, `world.storage`.
        """
        if ending not in _ENDINGS:
            raise ValueError(ending)
        try:
            self._folder.mkdir(mode=0o700, exist_ok=True)
            kept = self._sweep()
            path = self._folder / f"{secrets.token_hex(16)}{_HALF}"
            taking = Receiving(path, ending, room=MOST_KEPT - kept)
        except OSError as error:
            raise translate(error, self._folder) from error
        try:
            yield taking
        except OSError as error:
            raise translate(error, self._folder) from error
        finally:
            taking.close()
            path.unlink(missing_ok=True)

    def path(self, sha256: str) -> Path:
        """Return where a file stands.

        Raises:
            InputError: `upload.unknown`.
        """
        if _DIGEST.fullmatch(sha256):
            for ending in _ENDINGS:
                path = self._folder / f"{sha256}{ending}"
                if path.is_file():
                    return path
        raise InputError(
            "no file of this digest waits here",
            code="upload.unknown",
            where=sha256[:64],
            hint="send it to /api/v1/uploads; it waits for a day",
        )

    def drop(self, names: Sequence[str]) -> None:
        """Remove files that have become a source."""
        for name in names:
            for ending in _ENDINGS:
                (self._folder / f"{name}{ending}").unlink(missing_ok=True)

    def _sweep(self) -> int:
        """Remove what has waited for a day; return the bytes of the rest."""
        kept = 0
        for path in self._folder.iterdir():
            try:
                found = path.stat()
            except FileNotFoundError:
                continue
            if found.st_mtime < time.time() - _DAY:
                path.unlink(missing_ok=True)
            else:
                kept += found.st_size
        return kept


class Receiving:
    """One file that comes in.

    Args:
        path: Where it grows.
        ending: What its name ends with, once it is whole.
        room: Bytes that there is room for.
    """

    def __init__(self, path: Path, ending: str, *, room: int) -> None:
        self._path = path
        self._ending = ending
        self._room = room
        self._hash = hashlib.sha256()
        self._size = 0
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        self._file = os.fdopen(descriptor, "wb", buffering=1 << 20)

    def write(self, data: bytes) -> None:
        """Take the next bytes.

        Raises:
            ConflictError: `upload.full`, there is no room for them.
        """
        self._size += len(data)
        if self._size > self._room:
            raise ConflictError(
                f"at most {MOST_KEPT >> 30} GiB of files wait here at once",
                code="upload.full",
                hint="add the sources that wait, or come back when a day has passed",
            )
        self._hash.update(data)
        self._file.write(data)

    def finish(self) -> Received:
        """Put the file in its place; return what it is called."""
        self._file.flush()
        os.fsync(self._file.fileno())
        name = self._hash.hexdigest()
        self._path.replace(self._path.with_name(f"{name}{self._ending}"))
        return Received(name, self._size)

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()


def add_uploaded(
    workspace: Workspace,
    source: str,
    contract: str,
    names: Sequence[str],
    *,
    origin: str,
    regions: str | None = None,
) -> dict[str, int]:
    """Add a source from files that wait, and remove them; return its records and new members.

    A CSV file is written as Parquet first; its ids stay the text that was written.

    Args:
        workspace: Open for writing.
        source: Its id.
        contract: Whose data a row is (YAML text).
        names: Digests of the files, in order.
        origin: What the ledger keeps of where they are from.
        regions: Digest of a CSV file that says where members live; None: nothing is known of it.

    Raises:
        InputError: `upload.unknown`; `data.unreadable`, of the file of regions; what `ws.source.add` raises.
        ConflictError: `workspace.exists`.
    """
    uploads = Uploads(workspace.path / "uploads")
    written: list[Path] = []
    try:
        places = {} if regions is None else _regions(uploads.path(regions))
        with workspace.house.aside(rules=False, erased=False):  # choices need not wait for it
            files = [_as_parquet(uploads.path(name), contract, written) for name in names]
        records, enrolled = workspace.source.add(
            source, files, contract, about={"origin": origin, "uploads": list(names)}
        )
        if places:
            workspace.member.enrol((), regions=places)
    finally:
        for path in written:
            path.unlink(missing_ok=True)
    uploads.drop([*names, *filter(None, [regions])])
    return {"records": records, "enrolled": enrolled}


def _regions(path: Path) -> dict[str, str]:
    """Return where members live, as a CSV file with `member` and `region` says it."""
    try:
        rows = read_csv(
            path,
            convert_options=ConvertOptions(
                column_types={"member": pa.string(), "region": pa.string()}
            ),
        )
        members, regions = rows["member"].to_pylist(), rows["region"].to_pylist()
    except (pa.ArrowException, KeyError) as error:
        raise InputError(
            "the file of regions has not the columns member and region", code="data.unreadable"
        ) from error
    return {m: r for m, r in zip(members, regions, strict=True) if m and r}


def _as_parquet(path: Path, contract: str, written: list[Path]) -> Path:
    if path.suffix not in CSV_ENDINGS:
        return path
    rows = open_rows(path, parse_contract(contract, name="contract"))
    target = path.with_name(f"{path.stem}-{secrets.token_hex(4)}{_HALF}.parquet")
    written.append(target)
    try:
        with pq.ParquetWriter(target, rows.schema) as writer:
            for batch in rows.batches(rows.schema.names):
                writer.write_batch(batch)
    except pa.ArrowException as error:
        raise InputError(
            "the rows of this CSV file are not of one kind throughout", code="data.unreadable"
        ) from error
    return target
