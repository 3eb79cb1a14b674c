"""The behaviour of a log's storage: what every `TileStore` with its `HeadStore` must do.

Each claim is a function that takes a maker of fresh `LogSite`s and raises AssertionError where
the claim does not hold. A store is done when all of `CLAIMS` hold:

    @pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.__name__)
    def test_my_store(claim, tmp_path):
        claim(lambda: MySite(tmp_path))

A site counts the steps that its storage takes and breaks one of them, before it is done or after:
`FaultMode.FAILED` and `FaultMode.PERSISTED`. Whatever step breaks, and however: nothing that does
not extend what was signed is ever signed, readers see one of two trees, whole, and the next call
on a store that was opened again finishes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final, Protocol

from byleave import merkle
from byleave.errors import ByleaveError, EvidenceError, InputError, WorldError
from byleave.evidence.entry import RulesetEntry
from byleave.note import Checkpoint, SignerKey, parse_checkpoint, parse_note
from byleave.testing.log_faults import FaultMode, Faults, MemorySource
from byleave.tlog.fsck import fsck
from byleave.tlog.ports import HeadStore, TileStore
from byleave.tlog.publish import publish
from byleave.tlog.reader import LogReader

__all__ = ["CLAIMS", "Claim", "LogSite", "no_path_leads_out"]

KEY: Final = SignerKey(name="log.test.invalid", seed=bytes(range(32)))
ENTRIES: Final = [RulesetEntry(ruleset=f"r{n}", sha256=bytes(32)).encode() for n in range(700)]
PATH: Final = "tile/0/x001/234.p/5"
OTHER: Final = "tile/0/000"
STRAY: Final = ("../x", "/etc/passwd", "tile/0/../../x", "checkpoint", ".staged/tile/0/000", "")


class LogSite(Protocol):
    """One place where a log's files and head are kept, empty at first.

    Attributes:
        growth: Sizes between which the steps of one call are broken; (255, 256) crosses the border
            of a tile, and where a step is dear less does.
    """

    growth: tuple[int, int]

    def open(self, faults: Faults | None = None) -> tuple[TileStore, HeadStore]:
        """Open the place as after a restart; its steps go through `faults`."""
        ...

    def heads(self) -> Sequence[bytes]:
        """Return the heads that are known to have been kept."""
        ...


Make = Callable[[], LogSite]
Claim = Callable[[Make], None]


def a_log_grows_through_tile_borders(make: Make) -> None:
    """Step by step, each checkpoint is the tree of the entries, and the whole log is sound."""
    site = make()
    for size in (0, 1, 255, 256, 257, 700):
        at = _grown(site, size)
        assert (at.size, at.root) == (size, merkle.root(merkle.leaf_hashes(ENTRIES[:size])))
    tiles, head = site.open()
    source = MemorySource(ENTRIES)
    assert fsck(tiles, KEY.verifier, origin=KEY.name, source=source, head=head).problems == ()


def every_step_may_fail(make: Make) -> None:
    """Whichever step is not done, no fork is signed and the next call finishes."""
    _break_each(make, FaultMode.FAILED)


def every_step_may_fail_and_be_done(make: Make) -> None:
    """Whichever step is done and reported as failed, no fork is signed and the next call finishes."""
    _break_each(make, FaultMode.PERSISTED)


def of_two_publishers_one_is_told(make: Make) -> None:
    """Of two publishers that start from one head, one swaps it, and the other is told."""
    site = make()
    (_, first), (_, second) = site.open(), site.open()
    assert first.get() is None
    assert not first.compare_and_swap(b"guess", b"new")
    assert first.compare_and_swap(None, b"one")
    assert not second.compare_and_swap(None, b"two")
    assert second.get() == b"one"
    assert second.compare_and_swap(b"one", b"three")
    assert not first.compare_and_swap(b"one", b"four")
    assert first.get() == b"three"


def staged_files_are_not_published(make: Make) -> None:
    """A staged file is read back as staged, replaced by a later one, and not yet published."""
    tiles, _ = make().open()
    tiles.stage([(PATH, b"one"), (OTHER, b"x")])
    tiles.stage([(PATH, b"two")])
    assert tiles.read_staged([OTHER, PATH]) == [b"x", b"two"]
    assert _refused(lambda: tiles.read(PATH)) == "log.tile-missing"
    tiles.promote([PATH])
    tiles.promote([PATH])
    assert tiles.read(PATH) == b"two"
    assert _refused(lambda: tiles.read_staged([PATH])) == "log.tile-missing"
    assert _refused(lambda: tiles.promote(["tile/0/001"])) == "log.tile-missing"


def no_path_leads_out(make: Make) -> None:
    """A path that is not exactly a tile's or a bundle's is refused by every method."""
    tiles, _ = make().open()
    for path in STRAY:
        assert _refused(lambda path=path: tiles.stage([(path, b"x")])) == "log.tile-path"  # type: ignore[misc]
        assert _refused(lambda path=path: tiles.read_staged([path])) == "log.tile-path"  # type: ignore[misc]
        assert _refused(lambda path=path: tiles.promote([path])) == "log.tile-path"  # type: ignore[misc]
        assert _refused(lambda path=path: tiles.read(path)) == "log.tile-path"  # type: ignore[misc]


def the_checkpoint_is_the_last_one(make: Make) -> None:
    """Before the first checkpoint there is none; afterwards it is the one published last."""
    site = make()
    tiles, _ = site.open()
    assert tiles.read_checkpoint() is None
    tiles.publish_checkpoint(b"one")
    tiles.publish_checkpoint(b"two")
    assert site.open()[0].read_checkpoint() == b"two"


def an_error_stops_signing(make: Make) -> None:
    """When nothing can be staged, head and checkpoint stay as they were, and the caller is told."""
    site = make()
    _grown(site, 3)
    tiles, head = site.open()
    before = tiles.read_checkpoint(), head.get()
    faults = Faults()
    _grown(site, 300, faults)
    staging = next(n for n, name in enumerate(faults.steps) if not name.startswith("get"))
    site = make()
    _grown(site, 3)
    with suppress(WorldError):
        _grown(site, 300, Faults(staging))
    tiles, head = site.open()
    assert (tiles.read_checkpoint(), head.get()) == before


CLAIMS: Final[tuple[Claim, ...]] = (
    a_log_grows_through_tile_borders,
    every_step_may_fail,
    every_step_may_fail_and_be_done,
    of_two_publishers_one_is_told,
    staged_files_are_not_published,
    no_path_leads_out,
    the_checkpoint_is_the_last_one,
    an_error_stops_signing,
)


def _break_each(make: Make, mode: FaultMode) -> None:
    counted = Faults()
    site = make()
    before, after = site.growth
    _grown(site, before)
    _grown(site, after, counted)
    assert len(counted.steps) > 5, "the site counts no steps"
    for step, name in enumerate(counted.steps):
        if mode is FaultMode.PERSISTED and name.startswith("get "):
            continue  # a read has nothing to keep: it failed, as in the other mode
        site = make()
        _grown(site, before)
        told = None
        try:
            _grown(site, after, Faults(step, mode))
        except ByleaveError as error:
            told = error.code
        assert told in {"world.storage", "log.head-moved"}, (name, told)
        tiles, _ = site.open()
        reader = LogReader(tiles, verifier=KEY.verifier)
        assert reader.size in {before, after}
        assert list(reader.entries(0, reader.size)) == ENTRIES[: reader.size]
        assert _grown(site, after + 1).size == after + 1
        tiles, head = site.open()
        source = MemorySource(ENTRIES[: after + 1])
        report = fsck(tiles, KEY.verifier, origin=KEY.name, source=source, head=head)
        assert report.problems == (), name
        for note in site.heads():
            at = parse_checkpoint(parse_note(note).text)
            assert at.root == merkle.root(merkle.leaf_hashes(ENTRIES[: at.size])), "a fork"


def _grown(site: LogSite, size: int, faults: Faults | None = None) -> Checkpoint:
    """Publish the first `size` entries on a store opened for it."""
    tiles, head = site.open(faults)
    return publish(MemorySource(ENTRIES[:size]), tiles, head, KEY, origin=KEY.name)


def _refused(call: Callable[[], object]) -> str:
    try:
        call()
    except (EvidenceError, InputError) as error:
        return error.code
    return "accepted"
