"""Publishing: what comes out is the ledger's tree, and a crash at any step heals."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from byleave import merkle
from byleave.errors import ByleaveError, ConflictError, EvidenceError, InputError, WorldError
from byleave.evidence.entry import RulesetEntry
from byleave.note import Checkpoint, SignerKey, parse_checkpoint, parse_note, sign_note
from byleave.note.signed import add_signatures
from byleave.testing.log_faults import FaultMode, Faults, MemoryHead, MemorySource, MemoryTiles
from byleave.tlog.fsck import fsck
from byleave.tlog.publish import publish
from byleave.tlog.reader import LogReader

ORIGIN = "log.test.invalid"
KEY = SignerKey(name=ORIGIN, seed=bytes(range(32)))
ENTRIES = [
    RulesetEntry(ruleset=f"r{number}", sha256=number.to_bytes(32, "big")).encode()
    for number in range(66_000)
]


class Log:
    """A ledger, its tiles and head, and one key."""

    def __init__(self, entries: int = 0) -> None:
        self.source = MemorySource(ENTRIES[:entries])
        self.tiles = MemoryTiles()
        self.head = MemoryHead()

    def grow(self, entries: int) -> None:
        """Let the ledger hold the first `entries` entries."""
        self.source.entries = list(ENTRIES[:entries])

    def publish(self) -> Checkpoint:
        """Publish."""
        return publish(self.source, self.tiles, self.head, KEY, origin=ORIGIN)

    def break_step(self, at: int | None, mode: FaultMode = FaultMode.FAILED) -> Faults:
        """Make one step of the next call fail; tiles and head count steps together."""
        self.tiles.faults = self.head.faults = Faults(at, mode)
        return self.tiles.faults

    def signed(self) -> list[Checkpoint]:
        """Return every checkpoint that was ever signed and kept."""
        notes = self.head.every_checkpoint + self.tiles.every_checkpoint
        return [parse_checkpoint(parse_note(note).text) for note in notes]


def assert_whole(log: Log, size: int) -> None:
    """Check that the published log is the ledger's first `size` entries, and never forked."""
    report = fsck(log.tiles, KEY.verifier, origin=ORIGIN, source=log.source, head=log.head)
    assert report.problems == ()
    assert report.size == size
    for checkpoint in log.signed():
        assert checkpoint.root == merkle.root(merkle.leaf_hashes(ENTRIES[: checkpoint.size]))


SIZES = [0, 1, 2, 255, 256, 257, 511, 512, 700, 65_535, 65_536, 65_537, 66_000]


def test_the_root_is_the_ledgers_at_every_size() -> None:
    """Growing step by step through tile borders, each checkpoint is the ledger's tree."""
    log = Log()
    for size in SIZES:
        log.grow(size)
        checkpoint = log.publish()
        assert checkpoint == Checkpoint(
            origin=ORIGIN, size=size, root=merkle.root(merkle.leaf_hashes(ENTRIES[:size]))
        )
    assert_whole(log, SIZES[-1])


def test_steps_do_not_matter() -> None:
    """A log published in many steps has the same full tiles as one published at once."""
    slow, fast = Log(), Log(600)
    for size in range(0, 601, 25):
        slow.grow(size)
        slow.publish()
    fast.publish()
    assert fast.tiles.files.items() <= slow.tiles.files.items()


def test_publishing_nothing_new_writes_nothing() -> None:
    """A second call on the same ledger takes no step and gives the same checkpoint."""
    log = Log(300)
    first = log.publish()
    faults = log.break_step(None)
    assert log.publish() == first
    assert faults.steps == []


def test_only_what_is_new_is_written() -> None:
    """One entry more than 66,000 rewrites one bundle and one tile, and reads one tile's entries."""
    log = Log(65_999)
    log.publish()
    log.grow(66_000)
    faults = log.break_step(None)
    log.publish()
    assert [step.split()[0] for step in faults.steps] == [
        *["stage"] * 2,
        "swap",
        *["promote"] * 2,
        "publish",
    ]


def steps_of(before: int, after: int) -> int:
    """Return how many steps publishing from one size to another takes."""
    log = Log(before)
    log.publish()
    log.grow(after)
    faults = log.break_step(None)
    log.publish()
    return len(faults.steps)


MATRIX = [
    (before, after, at, mode)
    for before, after in [(0, 1), (0, 300), (250, 256), (255, 520), (512, 513)]
    for at in range(steps_of(before, after))
    for mode in (FaultMode.FAILED, FaultMode.PERSISTED, FaultMode.TORN)
]


@pytest.mark.parametrize(("before", "after", "at", "mode"), MATRIX)
def test_a_crash_at_any_step_heals(before: int, after: int, at: int, mode: FaultMode) -> None:
    """Whichever step fails, kept or not, the log stays readable, and the next call finishes it."""
    log = Log(before)
    log.publish()
    log.grow(after)
    log.break_step(at, mode)
    with pytest.raises(WorldError):
        log.publish()
    # Until somebody calls again, readers see one of the two trees, whole.
    reader = LogReader(log.tiles, verifier=KEY.verifier)
    assert reader.size in {before, after}
    assert list(reader.entries(0, reader.size)) == ENTRIES[: reader.size]
    log.break_step(None)
    assert log.publish().size == after
    assert_whole(log, after)


@pytest.mark.parametrize(("before", "after", "at", "mode"), MATRIX)
def test_a_crash_does_not_hold_growth_back(
    before: int, after: int, at: int, mode: FaultMode
) -> None:
    """After a crash the ledger may grow before the next call, and both trees stay in the log."""
    log = Log(before)
    log.publish()
    log.grow(after)
    log.break_step(at, mode)
    with pytest.raises(WorldError):
        log.publish()
    log.grow(after + 300)
    log.break_step(None)
    assert log.publish().size == after + 300
    assert_whole(log, after + 300)


def test_a_second_crash_while_healing_heals() -> None:
    """A crash in the call that finishes an earlier crash is finished by the one after."""
    for first in range(steps_of(255, 257)):
        for second in range(steps_of(255, 257)):
            log = Log(255)
            log.publish()
            log.grow(257)
            for at in (first, second):
                log.break_step(at, FaultMode.PERSISTED)
                try:
                    log.publish()
                except WorldError:
                    continue
            log.break_step(None)
            assert log.publish().size == 257
            assert_whole(log, 257)


@pytest.mark.parametrize("at", range(steps_of(255, 520)))
def test_silent_damage_is_never_signed(at: int) -> None:
    """Storage that keeps other bytes and reports success is found on reading back; nothing is signed."""
    log = Log(255)
    log.publish()
    log.grow(520)
    faults = log.break_step(at, FaultMode.SILENT)
    try:
        log.publish()
    except EvidenceError as error:
        assert faults.steps[at].startswith("stage"), error.code  # noqa: PT017 (or no error at all)
        assert error.code == "log.staging-differs"  # noqa: PT017
        assert max(checkpoint.size for checkpoint in log.signed()) == 255
    else:
        assert not faults.steps[at].startswith("stage")
    log.break_step(None)
    log.publish()
    assert_whole(log, 520)


def test_two_publishers_do_not_fork() -> None:
    """When the head moves between building and signing, the later publisher is told, and signs nothing."""
    log = Log(10)

    class Raced(MemoryHead):
        def compare_and_swap(self, old: bytes | None, new: bytes) -> bool:
            return False

    with pytest.raises(ConflictError) as caught:
        publish(log.source, log.tiles, Raced(), KEY, origin=ORIGIN)
    assert caught.value.code == "log.head-moved"
    assert log.tiles.published is None
    log.publish()
    assert_whole(log, 10)


def rewritten(log: Log) -> None:
    log.source.entries[3] = ENTRIES[60_000]
    log.source.entries.append(ENTRIES[12])


def shortened(log: Log) -> None:
    del log.source.entries[-1]


def head_lost(log: Log) -> None:
    log.head.value = None


def head_restored_from_a_backup(log: Log) -> None:
    log.head.value = log.head.every_checkpoint[0]


def head_forged(log: Log) -> None:
    other = SignerKey(name=ORIGIN, seed=bytes(32))
    log.head.value = sign_note(
        Checkpoint(origin=ORIGIN, size=12, root=merkle.EMPTY_ROOT).format(), [other]
    )


def head_of_another_log(log: Log) -> None:
    text = Checkpoint(origin="elsewhere", size=12, root=merkle.EMPTY_ROOT).format()
    log.head.value = sign_note(text, [KEY])


def head_with_another_root(log: Log) -> None:
    text = Checkpoint(origin=ORIGIN, size=12, root=merkle.EMPTY_ROOT).format()
    log.head.value = sign_note(text, [KEY])


def tile_damaged(log: Log) -> None:
    log.tiles.files["tile/0/000.p/12"] = bytes(12 * 32)
    log.source.entries.append(ENTRIES[12])


def tile_lost(log: Log) -> None:
    del log.tiles.files["tile/0/000.p/12"]
    log.source.entries.append(ENTRIES[12])


def unpublished_and_rewritten(log: Log) -> None:
    log.grow(14)
    log.break_step(5, FaultMode.FAILED)
    with pytest.raises(WorldError):
        log.publish()
    assert parse_checkpoint(parse_note(log.head.value or b"").text).size == 14
    log.break_step(None)
    log.source.entries[13] = ENTRIES[60_000]


@pytest.mark.parametrize(
    ("damage", "code"),
    [
        (rewritten, "log.source-diverged"),
        (shortened, "log.source-shorter"),
        (head_lost, "log.head-behind"),
        (head_restored_from_a_backup, "log.head-behind"),
        (head_forged, "log.head-damaged"),
        (head_of_another_log, "log.head-damaged"),
        (head_with_another_root, "log.head-damaged"),
        (tile_damaged, "log.tile-damaged"),
        (tile_lost, "log.tile-missing"),
        (unpublished_and_rewritten, "log.source-diverged"),
    ],
)
def test_state_that_could_fork_the_log_is_refused(damage: Callable[[Log], None], code: str) -> None:
    """A ledger, head or tile that contradicts what was signed stops the publisher before it signs."""
    log = Log(5)
    log.publish()
    log.grow(12)
    log.publish()
    damage(log)
    before = len(log.signed())
    with pytest.raises(EvidenceError) as caught:
        log.publish()
    assert caught.value.code == code
    assert len(log.signed()) == before


def test_a_signature_that_fails_never_becomes_the_head(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where signing goes wrong, the head and the checkpoint stay, and the next call finishes."""
    log = Log(3)
    log.publish()
    log.grow(5)
    before = log.head.value, log.tiles.published

    def wrong(text: bytes, signers: Sequence[SignerKey]) -> bytes:
        other = SignerKey(name=ORIGIN, seed=bytes(32))
        (line,) = parse_note(sign_note(text, [other])).signatures
        return add_signatures(text, [replace(line, key_id=signers[0].verifier.key_id)])

    with monkeypatch.context() as patch:
        patch.setattr("byleave.tlog.publish.sign_note", wrong)
        with pytest.raises(EvidenceError) as caught:
            log.publish()
    assert caught.value.code == "log.head-damaged"
    assert (log.head.value, log.tiles.published) == before
    log.publish()
    assert_whole(log, 5)


def test_each_file_is_read_once() -> None:
    """Growing within a tile reads back bundle and tile, and one tile a level of the old tree."""
    log = Log(65_999)
    log.publish()
    log.grow(66_000)
    read: list[str] = []

    class Counted(MemoryTiles):
        def read(self, path: str) -> bytes:
            read.append(path)
            return super().read(path)

        def read_staged(self, paths: Sequence[str]) -> list[bytes]:
            read.extend(f"staged {path}" for path in paths)
            return super().read_staged(paths)

    tiles = Counted()
    tiles.files, tiles.published = log.tiles.files, log.tiles.published
    publish(log.source, tiles, log.head, KEY, origin=ORIGIN)
    assert sorted(read) == [
        "staged tile/0/257.p/208",
        "staged tile/entries/257.p/208",
        "tile/0/257.p/207",
        "tile/1/001.p/1",
        "tile/2/000.p/1",
    ]


def test_the_key_is_the_logs() -> None:
    """A key of another name signs nothing for this log."""
    log = Log(3)
    with pytest.raises(InputError) as caught:
        publish(log.source, log.tiles, log.head, KEY, origin="elsewhere")
    assert caught.value.code == "note.key"


def test_an_entry_beyond_the_limit_is_refused() -> None:
    """An entry of 65,536 bytes stops the publisher; one of 65,535 is published and read back."""
    log = Log()
    log.source.entries = [b"x" * 65_535]
    log.publish()
    assert LogReader(log.tiles).entry(0) == b"x" * 65_535
    log.source.entries.append(b"x" * 65_536)
    with pytest.raises(ByleaveError) as caught:
        log.publish()
    assert caught.value.code == "entry.too-long"
