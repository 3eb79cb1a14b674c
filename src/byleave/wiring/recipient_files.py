"""What both halves of a recipient's folder share: names of its files, and how they are read."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from byleave import canonical
from byleave.disclosure.letters import OrderFile, parse_letter
from byleave.disclosure.parcel import Chain
from byleave.disclosure.row_map import ROW_LABEL, RowMap, row_entries
from byleave.errors import EvidenceError, InputError
from byleave.evidence.bucket import LABEL_BYTES
from byleave.stores.artefacts import replacing
from byleave.stores.outbox import is_outbox_name

__all__ = [
    "ANSWER", "DELIVERY", "ORDER", "PACKAGE", "SEALED", "STATE", "chain_at", "copy_changed",
    "document_at", "file_sha256", "in_order", "labels_named", "map_of", "read_listing",
    "read_order", "rewrite_without", "rewritten", "rows_without", "safe_name", "state_at",
]  # fmt: skip

PACKAGE: Final = "package.json"
STATE: Final = "state.json"
ORDER: Final = ".order"
ANSWER: Final = ".answer"
DELIVERY: Final = ".delivery"
SEALED: Final = ".age"
_ROWS: Final = 1 << 17
"""Rows held at a time."""
_STRANGE: Final = re.compile(r"[^a-z0-9._-]+")


def rows_without(table: pa.Table, labels: tuple[bytes, ...]) -> pa.Table:
    """Return the rows but those with these public labels."""
    public = pc.binary_slice(table[ROW_LABEL].cast(pa.binary()), 0, LABEL_BYTES)
    gone = pc.is_in(public, value_set=pa.array(labels, pa.binary()))
    return table.filter(pc.invert(gone))


def map_of(path: Path, k: int | None) -> RowMap:
    """Return the map of the rows of a data file, read a row group at a time.

    Args:
        path: The data file.
        k: That of the package; None: as many buckets as these rows want.

    Raises:
        EvidenceError: `disclosure.copy-changed`.
    """
    with _reading(path) as file:
        return RowMap.of_parts((row_entries(table) for table in _tables(file)), k=k)


def rewrite_without(path: Path, labels: tuple[bytes, ...]) -> None:
    """Write a data file again less some rows, a row group at a time, over itself at once.

    Raises:
        EvidenceError: `disclosure.copy-changed`.
        WorldError: `world.disk-full`, `world.storage`.
    """
    rewritten(path, path, lambda table: rows_without(table, labels))


def rewritten(path: Path, target: Path, change: Callable[[pa.Table], pa.Table]) -> None:
    """Write what `change` makes of a data file's rows, a row group at a time, whole or not at all.

    Args:
        path: The data file.
        target: Where to, 0600; it may be the same.
        change: Makes of some rows others of the same columns; they may be fewer.

    Raises:
        EvidenceError: `disclosure.copy-changed`.
        WorldError: `world.disk-full`, `world.storage`.
    """
    with _reading(path) as file, replacing(target, private=True) as stream:
        plain = file.schema_arrow.remove_metadata()
        with pq.ParquetWriter(stream, plain, compression="zstd", store_schema=True) as writer:
            for table in _tables(file):
                left = change(table.replace_schema_metadata(None))
                if left.num_rows:
                    writer.write_table(left)


def labels_named(path: Path, labels: tuple[bytes, ...]) -> list[bytes]:
    """Return the whole labels of those rows of a data file whose public half is among these.

    Reads the column of labels alone, a row group at a time.

    Raises:
        EvidenceError: `disclosure.copy-changed`.
    """
    found: list[bytes] = []
    wanted = pa.array(labels, pa.binary())
    with _reading(path) as file:
        for table in _tables(file, [ROW_LABEL]):
            whole = table[ROW_LABEL].cast(pa.binary())
            named = pc.is_in(pc.binary_slice(whole, 0, LABEL_BYTES), value_set=wanted)
            found += whole.filter(named).to_pylist()
    return found


@contextmanager
def _reading(path: Path) -> Iterator[pq.ParquetFile]:
    try:
        with pq.ParquetFile(path) as file:
            yield file
    except (OSError, pa.ArrowException) as error:
        raise EvidenceError("the rows cannot be read", code="disclosure.copy-changed") from error


def _tables(file: pq.ParquetFile, columns: list[str] | None = None) -> Iterator[pa.Table]:
    """Yield the rows of a file, at most so many at a time."""
    for batch in file.iter_batches(batch_size=_ROWS, columns=columns):
        yield pa.Table.from_batches([batch])


def read_listing(listing: object) -> tuple[list[tuple[str, int, str]], list[str]]:
    """Return (name, bytes, digest) of each package listed, and the names of the orders."""
    try:
        if not isinstance(listing, dict) or listing["format"] != "byleave-outbox/v1":
            raise ValueError
        packages = [(p["name"], int(p["bytes"]), str(p["sha256"])) for p in listing["packages"]]
        orders = [o["name"] for o in listing["orders"]]
    except (KeyError, TypeError, ValueError):
        raise EvidenceError("the list of packages is none", code="disclosure.package") from None
    for name in (*orders, *(name for name, _, _ in packages)):
        if not is_outbox_name(name):
            raise EvidenceError(
                "the list names a file that may not be", code="disclosure.package-path"
            )
    return packages, sorted(orders, key=lambda name: (len(name), name))


def safe_name(name: str) -> str:
    """Return a name as a file may be called: one word, below the folder that it is meant for."""
    cleaned = _STRANGE.sub("-", name.lower()).strip(".-")
    return cleaned[:120] or "package"


def file_sha256(path: Path) -> str:
    """Return the digest of a file, hex, read as a stream."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def in_order(path: Path) -> tuple[int, str]:
    """Order numbered names by their number: recall-10 after recall-9."""
    return len(path.name), path.name


def read_order(path: Path) -> OrderFile:
    """Return an order that was kept.

    Raises:
        EvidenceError: `disclosure.package`.
    """
    file = parse_letter(path.read_bytes())
    if not isinstance(file, OrderFile):
        raise EvidenceError("not an order", code="disclosure.package", where=str(path))
    return file


def chain_at(place: Path) -> Chain:
    """Return the chain of a package held."""
    return Chain.read(document_at(place / PACKAGE)["chain"])


def state_at(place: Path) -> dict[str, Any]:
    """Return the state of a package held."""
    return document_at(place / STATE)


def document_at(path: Path) -> dict[str, Any]:
    """Return a JSON document of the folder.

    Raises:
        EvidenceError: `disclosure.copy-changed`, it cannot be read.
    """
    try:
        document = canonical.decode(path.read_bytes())
    except (OSError, InputError):
        document = None
    if not isinstance(document, dict):
        raise EvidenceError(
            "a file of the recipient's folder cannot be read",
            code="disclosure.copy-changed",
            where=str(path),
        )
    return document


def copy_changed() -> EvidenceError:
    """Return the error of rows that are not those delivered."""
    return EvidenceError(
        "the rows held are not those delivered, less those deleted for earlier orders",
        code="disclosure.copy-changed",
        hint="put the delivered file back, or pull the package again",
    )
