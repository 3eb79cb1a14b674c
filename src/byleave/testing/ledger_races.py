"""Several writers at once, and writers that die: the claims of `ledger_suite` about them."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

from byleave.testing.ledger_process import race
from byleave.testing.ledger_site import KeptLedger, Site, Skipped, contents, enrol, opened

__all__ = [
    "a_killed_writer_leaves_nothing",
    "of_several_swaps_one_succeeds",
    "processes_lose_nothing",
    "the_head_is_swapped_only_where_it_is_the_expected_one",
    "threads_lose_nothing",
]

_TIMES: Final = 12
_WRITERS: Final = 3


# -- the head --------------------------------------------------------------------------------


def the_head_is_swapped_only_where_it_is_the_expected_one(site: Site) -> None:
    """compare_and_swap succeeds where the head is the one named, and else changes nothing."""
    with opened(site) as ledger:
        assert not ledger.compare_and_swap(b"a", b"b")
        assert ledger.get() is None
        assert ledger.compare_and_swap(None, b"a")
        assert not ledger.compare_and_swap(None, b"x")
        assert not ledger.compare_and_swap(b"x", b"y")
        assert ledger.get() == b"a"
        assert ledger.compare_and_swap(b"a", b"b\x00")
        assert ledger.get() == b"b\x00"


def of_several_swaps_one_succeeds(site: Site) -> None:
    """Of several publishers that swap the same head at once, exactly one succeeds."""
    with opened(site) as one, opened(site) as two:
        for turn in range(_TIMES):
            old = one.get()
            barrier = threading.Barrier(4)
            won: list[bytes] = []

            def swap(
                ledger: KeptLedger,
                name: bytes,
                old: bytes | None = old,
                barrier: threading.Barrier = barrier,
                won: list[bytes] = won,
            ) -> None:
                barrier.wait()
                if ledger.compare_and_swap(old, name):
                    won.append(name)

            _together([partial(swap, (one, two)[n % 2], b"%d %d" % (turn, n)) for n in range(4)])
            assert won == [two.get()]


# -- several writers -------------------------------------------------------------------------


def _together(acts: Sequence[Callable[[], object]]) -> None:
    """Run acts in threads; raise what the first of them raised."""
    failed: list[BaseException] = []

    def run(act: Callable[[], object]) -> None:
        try:
            act()
        except BaseException as error:  # noqa: BLE001 (it is raised below)
            failed.append(error)

    threads = [threading.Thread(target=run, args=(act,)) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed:
        raise failed[0]


def _check_race(ledger: KeptLedger, names: Sequence[str]) -> None:
    """Check that every transaction of a race is there, whole, in the order of its writer."""
    entries = [entry.decode() for entry in ledger.read(0, ledger.size())][1:]
    assert len(entries) == ledger.size() - 1 == len(names) * _TIMES * 3
    begun = dict.fromkeys(names, 0)
    for place in range(0, len(entries), 3):
        name, number, _ = entries[place].split(" ")
        assert entries[place : place + 3] == [f"{name} {number} {part}" for part in range(3)]
        assert int(number) == begun[name], "a writer's transactions are out of order"
        begun[name] += 1
    events = {row[0]: row for row in ledger.events()}
    assert sorted(events) == list(range(3, ledger.size(), 3))
    for index, row in events.items():
        assert f"{row[3]} 2" == entries[index - 1]
    assert ledger.gaps() == []


def threads_lose_nothing(site: Site) -> None:
    """Threads that write at once, through one ledger or each its own, lose and mix nothing."""
    with opened(site) as shared, opened(site) as other:
        enrol(shared, "m")
        names = [f"t{n}" for n in range(2 * _WRITERS)]
        ledgers = [shared, other] * _WRITERS
        _together([partial(race, ledgers[n], name, _TIMES) for n, name in enumerate(names)])
        _check_race(shared, names)


def _process(site: Site, program: str, *more: str) -> subprocess.Popen[str]:
    if site.opener is None:
        raise Skipped("no other process can open this ledger")
    command = [sys.executable, "-m", "byleave.testing.ledger_process", program]
    return subprocess.Popen(  # noqa: S603 (this Python, our module)
        [*command, *site.opener, *more],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def processes_lose_nothing(site: Site) -> None:
    """Processes that write at once lose and mix nothing."""
    with opened(site) as ledger:
        enrol(ledger, "m")
        names = [f"p{n}" for n in range(_WRITERS)]
        running = [_process(site, "race", name, str(_TIMES)) for name in names]
        for process in running:
            _, complaint = process.communicate(timeout=120)
            assert process.returncode == 0, complaint
        _check_race(ledger, names)


def a_killed_writer_leaves_nothing(site: Site) -> None:
    """Killed before any of its statements, the last included, a writer leaves nothing behind.

    The program dies at the first step, then at the second, and so on; when it has run out of
    steps it ends, and its transaction is the only one that is there.
    """
    with opened(site) as ledger:
        enrol(ledger, "m")
        before = contents(ledger)
    process = _process(site, "die")
    answer, complaint = process.communicate(timeout=240)
    assert process.returncode == 0, complaint
    assert int(answer) >= 10, answer
    with opened(site) as ledger:
        last = ledger.read(1, ledger.size())
        assert last == [b"last 0", b"last 1", b"last 2"], last
        assert [row[1] for row in ledger.members()] == ["m", "m-last"]
        assert [row[0] for row in ledger.events()] == [2]
        assert ledger.objects("thing") == [(3, "last", 1, {"again": True, "name": "last"})]
        assert contents(ledger) != before
        assert ledger.gaps() == []
