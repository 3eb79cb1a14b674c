"""Group commit: many callers share one durable step, and nobody's entries are lost or mixed up."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import pytest

from byleave.errors import ConflictError, InputError, WorldError
from byleave.ids import Digest
from byleave.note import Checkpoint
from byleave.tlog.sequencer import Sequencer


class Store:
    """Keeps entries in a list; a step can wait for a gate, or fail."""

    def __init__(self) -> None:
        self.entries: list[bytes] = []
        self.sizes: list[int] = []
        self.published: list[int] = []
        self.started = threading.Event()
        self.gate = threading.Event()
        self.gate.set()
        self.error: Exception | None = None

    def append(self, entries: Sequence[bytes]) -> int:
        self.started.set()
        assert self.gate.wait(10)
        if self.error is not None:
            raise self.error
        first = len(self.entries)
        self.entries.extend(entries)
        self.sizes.append(len(entries))
        return first

    def publish(self) -> Checkpoint:
        if self.error is not None:
            raise self.error
        self.published.append(len(self.entries))
        return Checkpoint(origin="log", size=len(self.entries), root=Digest(bytes(32)))


def made(**more: int) -> tuple[Sequencer, Store]:
    store = Store()
    return Sequencer(store.append, store.publish, **more), store


def test_entries_of_a_call_stand_together() -> None:
    """Each caller gets the index of its first entry, and its entries follow it in order."""
    sequencer, store = made()
    assert sequencer.append([b"a", b"b"]) == 0
    assert sequencer.append([b"c"]) == 2
    assert store.entries == [b"a", b"b", b"c"]


def test_callers_who_wait_share_a_step() -> None:
    """Twenty callers who come while a step is under way are all served by the next one."""
    sequencer, store = made()
    store.gate.clear()
    found: dict[int, int] = {}

    def call(number: int) -> None:
        found[number] = sequencer.append([b"%d" % number, b"+"])

    threads = [threading.Thread(target=call, args=(0,))]
    threads[0].start()
    assert store.started.wait(10)
    threads += [threading.Thread(target=call, args=(n,)) for n in range(1, 21)]
    for thread in threads[1:]:
        thread.start()
    while len(sequencer._waiting) < 20:
        pass
    store.gate.set()
    for thread in threads:
        thread.join(10)
    assert sequencer.commits == 2
    assert store.sizes == [2, 40]
    for number, first in found.items():
        assert store.entries[first : first + 2] == [b"%d" % number, b"+"]


def test_a_step_has_a_bound() -> None:
    """A step holds no more entries than allowed, one caller's own aside."""
    sequencer, store = made(largest=3)
    store.gate.clear()
    threads = [threading.Thread(target=sequencer.append, args=([b"x"] * n,)) for n in (1, 2, 2, 5)]
    threads[0].start()
    assert store.started.wait(10)
    for thread in threads[1:]:
        thread.start()
    while len(sequencer._waiting) < 3:
        pass
    store.gate.set()
    for thread in threads:
        thread.join(10)
    assert len(store.entries) == 10
    assert all(size <= 3 or size == 5 for size in store.sizes)


def test_after_an_error_of_storage_nothing_more_is_done() -> None:
    """A failed step is told to its callers; later appends and checkpoints are refused."""
    sequencer, store = made()
    store.error = WorldError("the disk is full", code="world.disk-full")
    with pytest.raises(WorldError) as caught:
        sequencer.append([b"a"])
    assert caught.value.code == "world.disk-full"
    store.error = None
    for call in (lambda: sequencer.append([b"b"]), sequencer.publish):
        with pytest.raises(WorldError) as caught:
            call()
        assert caught.value.code == "world.storage"
    assert store.entries == []


def test_other_errors_stop_nothing() -> None:
    """What one caller did wrong is told to it, and the next one is served."""
    sequencer, store = made()
    store.error = InputError("too long", code="entry.too-long")
    with pytest.raises(InputError):
        sequencer.append([b"a"])
    store.error = None
    assert sequencer.append([b"b"]) == 0


def test_checkpoints_are_shared() -> None:
    """A checkpoint that covers what was durable is not made again; a quorum that fails stops nothing."""
    sequencer, store = made()
    sequencer.append([b"a"])
    assert sequencer.publish() is sequencer.publish()
    assert store.published == [1]
    sequencer.append([b"b"])
    store.error = WorldError("witnesses are down", code="log.quorum-unmet")
    with pytest.raises(WorldError):
        sequencer.publish()
    store.error = ConflictError("raced", code="log.head-moved")
    with pytest.raises(ConflictError):
        sequencer.publish()
    store.error = None
    assert sequencer.publish().size == 2
