"""Check a whole log: recompute everything from its files, and compare with ledger and head.

(1) the checkpoint is signed by the log's key, and meets the trust file's quorum
(2) every tile leads to its root
(3) every bundle holds the entries that its tile commits to, each a known kind of entry
(4) the ledger holds the same entries, and no fewer
(5) the head is this checkpoint, or extends it

Problems are collected, not raised, so that a damaged log can be told in full.
"""

from __future__ import annotations

from dataclasses import dataclass

from byleave import merkle
from byleave.errors import ByleaveError, EvidenceError
from byleave.evidence.entry import Entry, parse_entry
from byleave.merkle.tile import TILE_WIDTH, TileReader, tile_width
from byleave.note.checkpoint import Checkpoint
from byleave.note.keys import VerifierKey
from byleave.note.trust import Trust
from byleave.tlog.bundle import bundle_path, decode_bundle
from byleave.tlog.ports import EntrySource, HeadStore, TileSource
from byleave.tlog.publish import open_checkpoint

__all__ = ["LogReport", "Problem", "fsck"]


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that does not hold: its error code, and the file or entry concerned."""

    code: str
    where: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LogReport:
    """What `fsck` found.

    Attributes:
        size: Published entries; 0 without a readable checkpoint.
        bundles: Entry bundles checked.
        waiting: Entries of the ledger that are not published yet.
        problems: Empty if all is well.
    """

    size: int
    bundles: int
    waiting: int
    problems: tuple[Problem, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing was found."""
        return not self.problems


def fsck(
    tiles: TileSource,
    verifier: VerifierKey,
    *,
    origin: str,
    source: EntrySource | None = None,
    head: HeadStore | None = None,
    trust: Trust | None = None,
) -> LogReport:
    """Check a whole log.

    Args:
        tiles: Its files.
        verifier: Its key.
        origin: Its name.
        source: The ledger; None: (4) is left out, as for an outsider.
        head: The last signed checkpoint; None: (5) is left out.
        trust: What is asked of a checkpoint that is served; None: the log's signature alone.
    """
    problems: list[Problem] = []
    at = _checkpoint(tiles, verifier, problems, origin=origin, trust=trust)
    size = 0 if at is None else at.size
    waiting = 0 if source is None else max(0, source.size() - size)
    if source is not None and source.size() < size:
        problems.append(
            Problem("log.source-shorter", "ledger", "the ledger has fewer entries than the log")
        )
    bundles = 0 if at is None else _check_tiles(tiles, at, source, problems)
    if head is not None:
        _check_head(head, verifier, at, problems, origin=origin)
    return LogReport(size=size, bundles=bundles, waiting=waiting, problems=tuple(problems))


def _checkpoint(
    tiles: TileSource,
    verifier: VerifierKey,
    problems: list[Problem],
    *,
    origin: str,
    trust: Trust | None,
) -> Checkpoint | None:
    # (1)
    data = tiles.read_checkpoint()
    try:
        at = None if data is None else open_checkpoint(data, verifier, origin)
        if data is not None and trust is not None:
            trust.check(data)
    except EvidenceError as error:
        problems.append(_problem(error, "checkpoint"))
        # what too few witnesses cosigned is the log's word all the same
        return at if error.code == "trust.quorum" else None
    return at


def _check_tiles(
    tiles: TileSource, at: Checkpoint, source: EntrySource | None, problems: list[Problem]
) -> int:
    # (2)
    try:
        reader = TileReader(size=at.size, root=at.root, read=lambda tile: tiles.read(tile.path))
    except EvidenceError as error:
        problems.append(_problem(error, "tile"))
        return 0
    bundles = -(-at.size // TILE_WIDTH)
    for index in range(bundles):
        width = tile_width(at.size, 0, index)
        path = bundle_path(index, width)
        try:
            # (3)
            leaves = reader.leaf_tile(index)
            entries = decode_bundle(tiles.read(path), width)
            if merkle.leaf_hashes(entries) != leaves:
                raise EvidenceError("an entry is not the one logged", code="log.entry-damaged")
            for entry in entries:
                parse_entry(entry, Entry)
            # (4)
            start = index * TILE_WIDTH
            end = start + width
            if (
                source is not None
                and end <= source.size()
                and list(source.read(start, end)) != entries
            ):
                raise EvidenceError("the ledger holds other entries", code="log.source-diverged")
        except EvidenceError as error:
            problems.append(_problem(error, path))
    return bundles


def _check_head(
    head: HeadStore,
    verifier: VerifierKey,
    at: Checkpoint | None,
    problems: list[Problem],
    *,
    origin: str,
) -> None:
    # (5)
    data = head.get()
    try:
        last = None if data is None else open_checkpoint(data, verifier, origin)
    except EvidenceError as error:
        problems.append(_problem(error, "head"))
        return
    if at is None:
        return
    if last is None or last.size < at.size:
        problems.append(
            Problem("log.head-behind", "head", "the head is older than what is published")
        )
    elif last.size == at.size and last != at:
        problems.append(Problem("log.head-damaged", "head", "head and published checkpoint differ"))


def _problem(error: ByleaveError, where: str) -> Problem:
    return Problem(error.code, error.where or where, error.message)
