"""A process that appends and publishes under load until it is killed.

    python -m byleave.testing.log_process MODULE:OPENER ARGUMENT NAME

`OPENER(ARGUMENT)` returns a ledger and the tiles of its log, opened for writing. Four threads
append batches of random-like sizes, encoded before their turn, while the others' are flushed; two
more publish without pause through one `Sequencer`. On stdout, one line for each promise, flushed
as soon as it is made:

    ack FIRST COUNT NAME NUMBER      entries NAME NUMBER 0 … are durable from FIRST on
    served SIZE ROOT                 this checkpoint is served
"""

from __future__ import annotations

import importlib
import sys
import threading
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar

from byleave.errors import ConflictError
from byleave.evidence.entry import RulesetEntry
from byleave.note.keys import SignerKey
from byleave.tlog.publish import publish
from byleave.tlog.sequencer import Sequencer

__all__ = ["KEY", "entries_of", "main"]

KEY: Final = SignerKey(name="log.test.invalid", seed=bytes(range(32)))
_THREADS: Final = 4
_Told = TypeVar("_Told")


def entries_of(name: str, number: int, count: int) -> list[bytes]:
    """Return the entries that the process appends as its batch of this number."""
    return [
        RulesetEntry(ruleset=f"{name} {number} {part}", sha256=bytes(32)).encode()
        for part in range(count)
    ]


def main(arguments: Sequence[str]) -> None:
    """Append and publish until killed."""
    opener, argument, name = arguments
    module, _, function = opener.partition(":")
    ledger, tiles = getattr(importlib.import_module(module), function)(argument)
    telling = threading.Lock()

    def append(entries: Sequence[bytes]) -> int:
        prepared = ledger.prepared(entries)

        def once() -> int:
            with ledger.writing() as writer:
                first: int = writer.log_many(prepared)
            return first

        return _in_turn(once)

    sequencer = Sequencer(
        ledger.size, lambda: publish(ledger, tiles, _Head(ledger), KEY, origin=KEY.name)
    )

    def tell(line: str) -> None:
        with telling:
            print(line, flush=True)  # noqa: T201 (its promise)

    def appends(thread: int) -> None:
        mine = f"{name}-{thread}"
        number = 0
        while True:
            count = 1 + (number * 7 + thread) % 90
            first = append(entries_of(mine, number, count))
            tell(f"ack {first} {count} {mine} {number}")
            number += 1

    def publishes() -> None:
        while True:
            at = sequencer.publish()
            tell(f"served {at.size} {at.root.hex()}")

    for thread in range(_THREADS):
        threading.Thread(target=appends, args=(thread,), daemon=True).start()
    threading.Thread(target=publishes, daemon=True).start()
    publishes()


def _in_turn(act: Callable[[], _Told]) -> _Told:
    """Do it; where the turn did not come for seconds, on a machine that is slow, wait again."""
    while True:
        try:
            return act()
        except ConflictError as error:
            if error.code != "workspace.busy":
                raise


class _Head:
    """The ledger's head, whose turn may be long in coming."""

    def __init__(self, ledger: Any) -> None:  # noqa: ANN401
        self._ledger = ledger

    def get(self) -> bytes | None:
        found: bytes | None = self._ledger.get()
        return found

    def compare_and_swap(self, old: bytes | None, new: bytes) -> bool:
        swapped: bool = _in_turn(lambda: self._ledger.compare_and_swap(old, new))
        return swapped


if __name__ == "__main__":
    main(sys.argv[1:])
