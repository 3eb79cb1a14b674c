"""Many callers share one checkpoint, and each is told of one that covers what it had written."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from byleave.errors import WorldError
from byleave.ids import Digest
from byleave.note import Checkpoint
from byleave.tlog.sequencer import Sequencer


class Log:
    """Counts entries; a publication can wait for a gate, or fail."""

    def __init__(self) -> None:
        self.size = 0
        self.began = threading.Semaphore(0)
        self.gate = threading.Semaphore(0)
        self.error: Exception | None = None
        self.sequencer = Sequencer(lambda: self.size, self.publish)

    def publish(self) -> Checkpoint:
        size = self.size
        self.began.release()
        assert self.gate.acquire(timeout=120)
        if self.error is not None:
            raise self.error
        return Checkpoint(origin="log", size=size, root=Digest(bytes(32)))

    def together(self, callers: int) -> list[Checkpoint | Exception]:
        """Let callers come, each with an entry more, while one publishes; return what they are told."""
        told: list[Checkpoint | Exception] = []
        arrived = threading.Semaphore(0)

        def call(asks: Callable[[], Checkpoint]) -> None:
            try:
                told.append(asks())
            except WorldError as error:
                told.append(error)

        def asks() -> Checkpoint:
            arrived.release()
            return self.sequencer.publish()

        first = threading.Thread(target=call, args=(self.sequencer.publish,))
        first.start()
        assert self.began.acquire(timeout=120)
        self.size += callers
        threads = [threading.Thread(target=call, args=(asks,)) for _ in range(callers)]
        for thread in threads:
            thread.start()
        for _ in threads:
            assert arrived.acquire(timeout=120)
        self.gate.release(callers + 1)
        for thread in (first, *threads):
            thread.join(120)
        return told


def test_whoever_waits_shares_the_next_checkpoint() -> None:
    """Twenty callers who come while a checkpoint is made are all told of one that covers them."""
    log = Log()
    told = log.together(20)
    sizes = sorted(found.size for found in told if isinstance(found, Checkpoint))
    assert sizes == [0, *[20] * 20]
    # a thread may be on its way to the door when the others are served: it publishes again
    assert 2 <= log.sequencer.publications <= 21


def test_one_who_is_late_does_not_get_an_older_checkpoint() -> None:
    """Who wrote after a publication began is not answered with that one."""
    log = Log()
    told = log.together(1)
    assert [found.size for found in told if isinstance(found, Checkpoint)] == [0, 1]
    assert log.sequencer.publications == 2


def test_an_error_is_told_to_all_who_waited_for_it() -> None:
    """A quorum that is not met is told to each caller; the next publication is tried afresh."""
    log = Log()
    log.error = WorldError("witnesses are down", code="log.quorum-unmet")
    told = log.together(5)
    assert [getattr(found, "code", None) for found in told] == ["log.quorum-unmet"] * 6
    log.error = None
    log.gate.release()
    assert log.sequencer.publish().size == 5


def test_alone_every_call_publishes() -> None:
    """A caller that waits for nobody publishes again, as the trust file may ask for more than before."""
    log = Log()
    log.gate.release(2)
    assert log.sequencer.publish().size == log.sequencer.publish().size == 0
    assert log.sequencer.publications == 2


def test_a_bug_is_not_swallowed() -> None:
    """An error that is none of ours reaches the caller, and the next one is served."""
    log = Log()
    log.error = RuntimeError("a bug")
    log.gate.release()
    with pytest.raises(RuntimeError):
        log.sequencer.publish()
    log.error = None
    log.gate.release()
    assert log.sequencer.publish().size == 0
