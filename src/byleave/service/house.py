"""The ports that services need of the world, and the `House` that holds them.

`stores`, `engines` and `trainers` satisfy these protocols by shape; only `wiring` knows them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from byleave.canonical import Json
from byleave.consent.batch import EventBatch, MemberHistory
from byleave.evidence.log_proof import LoggedEntry
from byleave.gate.members import IdKernel
from byleave.gate.rows import GateEngine
from byleave.note.checkpoint import Checkpoint
from byleave.note.keys import SignerKey
from byleave.policy.ruleset import RuleBook
from byleave.policy.taxonomy import Taxonomy
from byleave.snapshot.partition import Ports
from byleave.training.trainer import Trainer

__all__ = [
    "Artefacts",
    "Aside",
    "House",
    "Ledger",
    "LedgerWriter",
    "Log",
    "MapFiles",
    "RowFile",
    "Signer",
    "StagedFiles",
    "Stamp",
    "without_turns",
]

Stamp = tuple[int, int, int, int, int]

MemberRow = tuple[int, str, bytes | None, int, int]
EventRow = tuple[Any, ...]
Longs = npt.NDArray[np.int64]


class LedgerWriter(Protocol):
    """One write transaction: rows and log entries land together or not at all."""

    def log(self, entry: bytes) -> int: ...
    def log_many(self, entries: Sequence[bytes]) -> int: ...
    def add_members(self, rows: Iterable[tuple[int, str, bytes, int, int]]) -> None: ...
    def add_regions(self, rows: Iterable[tuple[int, int, str]]) -> None: ...
    def add_births(self, rows: Iterable[tuple[int, int, int]]) -> None: ...
    def add_groups(self, rows: Iterable[tuple[int, int, str]]) -> None: ...
    def add_events(self, rows: Iterable[EventRow]) -> None: ...
    def add_event_batch(self, first: int, batch: EventBatch) -> None: ...
    def add_object(
        self, kind: str, object_id: str, *, index: int, at_us: int, document: Json
    ) -> None: ...
    def replace_object(self, kind: str, object_id: str, document: Json) -> None: ...
    def erase_members(self, rows: Iterable[tuple[int, str]]) -> None: ...


class Ledger(Protocol):
    """The ledgers of one workspace (docs of each method: `stores/sqlite.py`, `sqlite_columns.py`)."""

    def writing(self) -> AbstractContextManager[LedgerWriter]: ...
    def prepared(self, entries: Sequence[bytes]) -> Sequence[bytes]: ...
    def member_count(self) -> int: ...
    def members(self) -> list[MemberRow]: ...
    def member(self, member: str) -> MemberRow | None: ...
    def member_at(self, ordinal: int) -> MemberRow | None: ...
    def ordinals(self, members: Sequence[str]) -> dict[str, int]: ...
    def regions(self, at_us: int) -> list[tuple[int, str]]: ...
    def births(self, at_us: int) -> list[tuple[int, int]]: ...
    def last_recorded(self) -> int | None: ...
    def position_at(self, at_us: int) -> int: ...
    def events(self, *, before: int | None = None, after: int = -1) -> list[EventRow]: ...
    def member_events(self, ordinal: int) -> list[EventRow]: ...
    def history(self, member: str) -> MemberHistory | None: ...
    def events_columns(
        self,
        *,
        before: int | None = None,
        after: int = -1,
        ordinals: Sequence[int] | None = None,
        evidence: bool = False,
    ) -> EventBatch: ...
    def member_ids(self, *, first: int = 0, before: int | None = None) -> pa.Array: ...
    def regions_columns(
        self, at_us: int, *, ordinals: Sequence[int] | Longs | None = None
    ) -> dict[str, Longs]: ...
    def groups_columns(
        self, at_us: int, *, ordinals: Sequence[int] | Longs | None = None
    ) -> dict[str, Longs]: ...
    def births_columns(
        self, at_us: int, *, ordinals: Sequence[int] | Longs | None = None
    ) -> tuple[Longs, Longs]: ...
    def born_between(self, first: int, last: int) -> Longs: ...
    def event_instants(self, after_us: int, until_us: int) -> tuple[Longs, int]: ...
    def fact_instants(self, after_us: int, until_us: int) -> tuple[Longs, int]: ...
    def facts_since(self, position: int) -> tuple[int, Longs]: ...
    def objects(self, kind: str) -> list[tuple[int, str, int, Any]]: ...
    def object(self, kind: str, object_id: str) -> tuple[int, int, Any] | None: ...
    def object_at(self, index: int) -> tuple[str, str, int, Any] | None: ...
    def last_objects(
        self, kinds: Sequence[str], *, before: int, limit: int, after: int = -1
    ) -> list[tuple[int, str, str, int, Any]]: ...
    def index_from(self, at_us: int) -> int: ...
    def size(self) -> int: ...
    def read(self, start: int, end: int) -> list[bytes]: ...
    def scrub(self) -> None: ...


class StagedFiles(Protocol):
    """A folder being filled, file by file (`stores/artefacts.py`)."""

    path: Path
    digests: dict[str, str]

    def create(self, name: str) -> AbstractContextManager[BinaryIO]: ...
    def stamp(self, name: str) -> Stamp | None: ...
    def names(self) -> list[str]: ...
    def remove(self, name: str) -> None: ...
    def discard(self) -> None: ...
    def settle(self, place: Path) -> None: ...
    def let_go(self) -> None: ...


class RowFile(Protocol):
    """A Parquet file open for reading, row group by row group (`engines/parquet.py`)."""

    @property
    def schema(self) -> pa.Schema:
        """Its columns."""
        ...

    @property
    def group_rows(self) -> tuple[int, ...]:
        """Rows of each row group."""
        ...

    def batches(
        self, group: int, columns: Sequence[str] | None, *, rows: int = ...
    ) -> Iterator[pa.RecordBatch]:
        """Yield one row group in order.

        Raises:
            InputError: `data.unreadable`, with the file and the row group.
        """
        ...

    def require_unchanged(self) -> None:
        """Compare the file at its path with the one that was opened.

        Raises:
            ConflictError: `data.changed`.
        """
        ...


class MapFiles(Protocol):
    """The files of one map, in a folder (`stores/map_folder.py`)."""

    def write(self, path: str, data: bytes) -> None: ...
    def read(self, path: str) -> bytes: ...
    def flush(self) -> None: ...


class Artefacts(Protocol):
    """Folders of files that appear whole or not at all (`stores/artefacts.py`)."""

    def put(self, kind: str, artefact: str, files: Mapping[str, bytes]) -> None: ...
    def staged(self, kind: str, artefact: str) -> AbstractContextManager[StagedFiles]: ...
    def work(self, name: str) -> StagedFiles: ...
    def claim(self, name: str) -> StagedFiles: ...
    def draft(
        self, kind: str, names: Iterable[str]
    ) -> AbstractContextManager[tuple[str, StagedFiles]]: ...
    def drafts(self, kind: str) -> list[str]: ...
    def clear(self, prefix: str = ..., *, but: str = ...) -> None: ...
    def cache(self, name: str) -> StagedFiles: ...
    def has_cache(self, name: str) -> bool: ...
    def unfinished(self, prefix: str) -> list[str]: ...
    def check(self, kind: str, artefact: str, name: str, sha256: str) -> Stamp: ...
    def require_same(self, path: Path, stamp: Stamp) -> None: ...
    def read(self, kind: str, artefact: str, name: str) -> bytes: ...
    def path(self, kind: str, artefact: str, name: str | None = None) -> Path: ...
    def remove(self, kind: str, artefact: str, name: str | None = None) -> None: ...
    def replace(self, kind: str, artefact: str, name: str, staged: Path) -> None: ...


class Aside(Protocol):
    """Lets others write for the length of a block that computes (`Workspace._aside`)."""

    def __call__(self, *, rules: bool = True, erased: bool = True) -> AbstractContextManager[None]:
        """Let go of the workspace's lock; at the end wait for it, and see what others did.

        Args:
            rules: What is computed stands only while the rulesets do.
            erased: It stands only while nothing more is erased.

        Raises:
            ConflictError: `workspace.moved`; `workspace.busy`, after a day.
        """
        ...


class Log(Protocol):
    """The workspace's transparency log: publish what is durable, then read and prove."""

    @property
    def origin(self) -> str:
        """The log's name."""
        ...

    def publish(self) -> None:
        """Bring the published log up to the ledger."""
        ...

    def checkpoint(self) -> Checkpoint:
        """Return the published checkpoint."""
        ...

    def logged(self, index: int) -> LoggedEntry:
        """Return an entry with its log proof, authenticated against the checkpoint."""
        ...


class Signer(Protocol):
    """Keys of the operator: Ed25519 for statements, P-256 for OpenSSF model signing."""

    name: str

    def sign(self, message: bytes) -> bytes: ...
    def public_key(self) -> bytes: ...
    def sign_model(self, message: bytes) -> bytes: ...
    def model_key(self) -> bytes: ...


def _unknown() -> Mapping[str, Json]:
    return {}


def _alone(*, rules: bool = True, erased: bool = True) -> AbstractContextManager[None]:
    del rules, erased
    return nullcontext()


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """Everything a service may use.

    Attributes:
        now: Returns the instant of the act, UTC.
        random: Returns n fresh random bytes.
        notice_key: Returns the key that signs notice tokens.
        open_rows: Opens a Parquet file for reading.
        map_files: Opens the folder of a map's files.
        building: What a map is built with: kernel, spill, and what runs its parts.
        ids: Returns compiled loops for so many more rows whose ids are looked up, or None: NumPy.
        progress: Called with (what, done, total) between the steps of long work. It may raise to
            stop it, so it is called only where nothing half done would stay (`service.steps`).
        environment: Returns what a fit runs in: versions, matrix library, instruction sets.
        timer: Returns microseconds since some instant, to measure how long something takes.
        purge: What goes once a release is unlearned: `states`, its training state; `releases`, its
            model files too.
        read_only: No ledger, log or artefact may be written.
        caching: What can be made again may be kept in files (`Artefacts.cache`).
        opened: What this process has opened and checked already, by what it is called; anything in
            it can be made again.
        aside: Lets others write for the length of a block that computes, and writes nothing but its
            own unfinished work; what the ledger says afterwards may be more than before.
    """

    ledger: Ledger
    artefacts: Artefacts
    log: Log
    signer: Signer
    engine: GateEngine
    trainers: Mapping[str, Trainer[Any]]
    taxonomy: Taxonomy
    rulebook: RuleBook
    now: Callable[[], datetime]
    random: Callable[[int], bytes]
    notice_key: Callable[[], SignerKey]
    open_rows: Callable[[Path], AbstractContextManager[RowFile]]
    map_files: Callable[[Path], MapFiles]
    building: Ports
    progress: Callable[[str, int, int], None]
    environment: Callable[[], Mapping[str, Json]] = _unknown
    timer: Callable[[], int] = int
    purge: str = "states"
    ids: Callable[[int], IdKernel | None] = field(default=lambda _: None, repr=False)
    read_only: bool = False
    caching: bool = True
    opened: MutableMapping[tuple[str, ...], Any] = field(default_factory=dict, repr=False)
    aside: Aside = field(default=_alone, repr=False)


def without_turns(house: House) -> House:
    """Return the ports with which a service keeps the workspace's lock, however long it takes."""
    return replace(house, aside=_alone)
