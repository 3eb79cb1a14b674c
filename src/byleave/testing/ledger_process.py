"""The other processes of `ledger_suite`: one that dies while it writes, one that writes in a race.

    python -m byleave.testing.ledger_process die  MODULE:OPENER ARGUMENT
    python -m byleave.testing.ledger_process race MODULE:OPENER ARGUMENT NAME TIMES

`OPENER(ARGUMENT)` returns the ledger, opened for writing. Where it has an attribute
`on_statement`, `OPENER.on_statement(ledger, tick)` sees to it that `tick()` is called before each
statement that the database runs, so that a process dies between any two of them.
"""

from __future__ import annotations

import importlib
import os
import signal
import sys
from collections.abc import Callable
from itertools import count
from typing import Any

__all__ = ["main", "one_transaction", "race"]


def one_transaction(ledger: Any, tick: Callable[[], None], *, name: str = "last") -> None:  # noqa: ANN401
    """Write one row of each kind; `tick` is called before each call of the port and at the end."""
    ordinal = ledger.member_count()
    tick()
    with ledger.writing() as writer:
        tick()
        enrolment, event, made = (writer.log(f"{name} {n}".encode()) for n in range(3))
        tick()
        writer.add_members([(ordinal, f"m-{name}", b"r" * 32, enrolment, 1)])
        tick()
        writer.add_regions([(ordinal, 0, "eu")])
        tick()
        writer.add_births([(ordinal, 0, 1)])
        writer.add_groups([(ordinal, 0, "a")])
        tick()
        salt = b"s" * 32
        row = (event, ordinal, 1, "a/b/c", 1, 1, None, 0, "n", 2, "c", salt, None, None)
        writer.add_events([row])
        tick()
        writer.add_object("thing", name, index=made, at_us=1, document={"name": name})
        tick()
        writer.replace_object("thing", name, {"name": name, "again": True})
        tick()


def race(ledger: Any, name: str, times: int) -> None:  # noqa: ANN401
    """Commit `times` transactions of three entries; the third has an event of its own."""
    for number in range(times):
        with ledger.writing() as writer:
            first = writer.log_many([f"{name} {number} {part}".encode() for part in range(3)])
            now = ledger.last_recorded() or 0
            salt = b"s" * 32
            text = f"{name} {number}"
            row = (first + 2, 0, 1, text, now, now, None, 0, None, 2, name, salt, None, None)
            writer.add_events([row])


def main(arguments: list[str]) -> int:
    """Run one of the two programs; the first prints how often it died."""
    program, opener, argument, *rest = arguments
    module, _, function = opener.partition(":")
    opened = getattr(importlib.import_module(module), function)
    if program == "race":
        ledger = opened(argument)
        race(ledger, rest[0], int(rest[1]))
        ledger.close()
        return 0
    for step in count():
        child = os.fork()
        if child == 0:
            _die_at(opened, argument, step)
        _, status = os.waitpid(child, 0)
        if not os.WIFSIGNALED(status):
            print(step)  # noqa: T201 (its answer)
            return os.waitstatus_to_exitcode(status)
        if os.WTERMSIG(status) != signal.SIGKILL:
            return 1
    raise AssertionError


def _die_at(opened: Any, argument: str, step: int) -> None:  # noqa: ANN401
    """Write one transaction and be killed at the given tick; else leave with 0."""
    ticks = count()

    def tick() -> None:
        if next(ticks) == step:
            os.kill(os.getpid(), signal.SIGKILL)

    try:
        ledger = opened(argument)
        hook = getattr(opened, "on_statement", None)
        if hook is not None:
            hook(ledger, tick)
        one_transaction(ledger, tick)
        os._exit(0)
    finally:
        os._exit(2)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
