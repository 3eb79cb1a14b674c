"""One member withdraws: the plan of everybody, patched, against compiling it again.

Measured is `patch_plan` alone: the plan is at hand, as in a process that serves; the state of the
one member is built from their events. Equal to a full compile bit for bit (`tests/unit/gate`).
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from typing import Any

import numpy as np

from benchmarks.gate_measures.scale import AT, TWO, in_process, line, make_plan, parts, report
from byleave.consent.reason import Reason
from byleave.consent.state import pack
from byleave.gate.members import MemberIndex
from byleave.gate.patch import patch_plan
from byleave.gate.plan import MemberFacts
from byleave.ids import FAR_FUTURE_US
from byleave.policy.ruleset import default_rules
from byleave.policy.taxonomy import default_taxonomy


def measure(quick: bool) -> Iterator[dict[str, Any]]:  # noqa: FBT001 (gate.py asks so)
    members = 8_000_000 if quick else 100_000_000
    for dated in (0, 1):
        found = in_process("one_withdrawal", members, dated)
        word = "dated choices" if dated else "choices that reach back to all data"
        name = f"compile after one withdrawal, {word}"
        yield line(name, members, found["cpu"], "CPU s", 1.0)
        yield line(f"{name}: peak memory", members, found["mb"], "MB")


def main() -> None:
    from dataclasses import replace

    members, dated = int(sys.argv[1]), sys.argv[2] == "1"
    plan = make_plan(members, TWO, dated=dated)
    category = plan.categories[0]
    yes = np.flatnonzero(category.profiles.code[category.profile[:4096]] == Reason.KEPT)
    who = yes[:1]
    ((state,), _) = next(parts(8, dated=dated))
    one = np.zeros(1, np.bool_)
    said = replace(
        state,
        members=1,
        allow=pack(one),
        since=pack(one),
        veto=pack(~one),
        general=pack(one),
        code=np.array([Reason.WITHDRAWN], np.uint8),
        because=np.array([members + 1]),
        effective_us=np.zeros(1, np.int64),
    )
    start = time.process_time()
    patched = patch_plan(
        plan,
        at=AT,
        ledger=members + 1,
        taxonomy=default_taxonomy(),
        rules=default_rules(),
        rules_index=None,
        members=MemberIndex.counting(members),
        ordinals=who,
        states=[said],
        facts=MemberFacts.unknown(1),
        next_us=FAR_FUTURE_US,
    )
    cpu = time.process_time() - start
    assert patched is not None
    assert patched.digest != plan.digest
    assert (
        patched.categories[0].profiles.code[patched.categories[0].profile[who[0]]]
        == Reason.WITHDRAWN
    )
    report(cpu=cpu)


if __name__ == "__main__":
    main()
