"""A case log: the small log of whoever asks about the past and runs no platform.

    FOLDER/case.key          its private key, 0600
    FOLDER/trust             the trust file to hand out: this log, no witness
    FOLDER/entries/N         entry N, as it was logged
    FOLDER/head              the last signed checkpoint
    FOLDER/log/              checkpoint and tiles (C2SP tlog-tiles), for any web server

One log with one history, however many cases it holds: a key that signed each answer by itself
could not show that it gave no other. What it proves is who stated what, in which order; when, only
as its operator says, unless its checkpoints are cosigned elsewhere.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from byleave.errors import EvidenceError, InputError
from byleave.evidence.log_proof import LoggedEntry
from byleave.note.keys import SignerKey
from byleave.stores.artefacts import write_file
from byleave.stores.tile_files import TileFiles
from byleave.tlog.publish import publish
from byleave.tlog.reader import LogReader
from byleave.wiring.world import system_bytes

__all__ = ["CaseLog", "make_case_log"]

_KEY: Final = "case.key"
_TRUST: Final = "trust"
_HEAD: Final = "head"


def make_case_log(
    folder: Path, origin: str, *, random: Callable[[int], bytes] = system_bytes
) -> Path:
    """Make a case log; return its trust file.

    Args:
        folder: A folder without one.
        origin: Its name: a host name and path that its operator controls.
        random: Where the key's seed is drawn.

    Raises:
        InputError: `note.key`, the name is no log's; `case.log-folder`, one stands there.
        WorldError: `world.disk-full`, `world.storage`.
    """
    if (folder / _KEY).exists():
        raise InputError(
            "a case log stands there already; its key must not be replaced",
            code="case.log-folder",
            where=str(folder),
        )
    key = SignerKey(name=origin, seed=random(32))
    trust = f"# a case log: one signer, no witness\nlog {key.verifier}\nquorum none\n"
    write_file(folder / _TRUST, trust.encode())
    write_file(folder / _KEY, (key.format() + "\n").encode(), private=True)
    return folder / _TRUST


class CaseLog:
    """A case log in a folder.

    Args:
        folder: What `make_case_log` made.

    Raises:
        InputError: `case.log-folder`.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        try:
            self._signer = SignerKey.parse((folder / _KEY).read_text("ascii").strip())
        except (OSError, UnicodeDecodeError, InputError):
            raise InputError(
                "no case log stands here, or its key cannot be read",
                code="case.log-folder",
                where=str(folder),
                hint="byleave case log FOLDER --origin NAME makes one; a workspace will do as well",
            ) from None

    @property
    def origin(self) -> str:
        """Its name."""
        return self._signer.name

    @property
    def trust(self) -> Path:
        """The trust file to hand out."""
        return self._folder / _TRUST

    def add(self, entry: bytes) -> LoggedEntry:
        """Log an entry, publish, and return it with its proof.

        Raises:
            EvidenceError: `log.*`, the folder was changed by another hand.
            WorldError: `world.disk-full`, `world.storage`.
        """
        tiles = TileFiles(self._folder / "log")
        with self._alone():
            entries = _Entries(self._folder / "entries")
            index = entries.add(entry)
            head = _Head(self._folder / _HEAD)
            publish(entries, tiles, head, self._signer, origin=self.origin)
        return LogReader(tiles, verifier=self._signer.verifier).logged(index)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        descriptor = os.open(self._folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)


class _Entries:
    """A `tlog.ports.EntrySource`: one file an entry."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def size(self) -> int:
        return len(list(self._folder.glob("[0-9]*"))) if self._folder.is_dir() else 0

    def read(self, start: int, end: int) -> Sequence[bytes]:
        try:
            return [(self._folder / str(number)).read_bytes() for number in range(start, end)]
        except OSError:
            raise EvidenceError(
                "an entry of the case log is gone",
                code="log.source-diverged",
                where=str(self._folder),
            ) from None

    def add(self, entry: bytes) -> int:
        number = self.size()
        write_file(self._folder / str(number), entry)
        return number


class _Head:
    """A `tlog.ports.HeadStore`: one file; the folder's lock is held."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def get(self) -> bytes | None:
        return self._path.read_bytes() if self._path.exists() else None

    def compare_and_swap(self, old: bytes | None, new: bytes) -> bool:
        if self.get() != old:
            return False
        write_file(self._path, new)
        return True
