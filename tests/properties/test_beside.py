"""Whatever others do while long work computes, no withdrawal is lost and no package holds its rows."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import byleave
from byleave.consent.event import EventKind
from byleave.errors import RefusedError
from byleave.service.compile import compile_for
from byleave.service.gate import dry_run
from byleave.service.snapshot import source_rows_of
from byleave.service.source import open_source
from byleave.wiring import Workspace
from byleave.wiring.world import ReplayClock
from tests.unit.service.small import PLATFORM, PROVIDER, Grown, grant, grow

WORK = ("gate", "offer", "renew", "withdrawal")
DEEDS = ("no", "yes", "gate", "batch", "enrol")


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Grown:
    return grow(tmp_path_factory.mktemp("beside") / "ws")


@contextmanager
def copy_of(first: Grown) -> Iterator[Grown]:
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(first.path, Path(folder) / "ws")
        yield replace(first, path=Path(folder) / "ws")


class Others:
    """Other writers, of whom each does one thing at its step of the work."""

    def __init__(self, grown: Grown, deeds: dict[int, tuple[str, int]]) -> None:
        self.grown = grown
        self.steps = 0
        self.busy = False
        self._deeds = deeds

    def __call__(self, what: str, done: int, total: int) -> None:
        del what, done, total
        if self.busy:
            return
        self.steps += 1
        deed = self._deeds.get(self.steps)
        if deed is None:
            return
        self.busy = True
        try:
            with opened(self.grown) as other:
                self._do(other, *deed)
        finally:
            self.busy = False

    def _do(self, other: Workspace, deed: str, who: int) -> None:
        member = self.grown.agreed[who]
        if deed == "no":
            other.consent.withdraw(member, "train/messages/*")
        elif deed == "yes":
            other.consent.record([grant(member, PLATFORM, other)])
        elif deed == "gate":
            other.gate.run("messages", PLATFORM)
        elif deed == "batch":
            other.withdrawal.run(with_refit=False)
        else:
            other.member.enrol([f"joined-{self.steps}"])


def opened(grown: Grown, others: Others | None = None) -> Workspace:
    return byleave.open(
        grown.path, now=ReplayClock(grown.now + timedelta(hours=1)), progress=others
    )


def work(ws: Workspace, what: str) -> None:
    try:
        if what == "gate":
            gate, gated = ws.gate.run("messages", PLATFORM)
            ws.snapshot.seal(gate, gated=gated)
        elif what == "offer":
            ws.disclosure.offer("messages", PROVIDER)
        elif what == "renew":
            ws.snapshot.renew("set-1")
        else:
            ws.withdrawal.run(with_refit=False)
    except RefusedError:
        pass  # nothing left to offer, or nothing to renew


def check(ws: Workspace) -> None:
    """Hold every snapshot and package to the ledger, decided anew row by row."""
    document = ws.withdrawal.forecast().document()
    named = {item["name"] for item in (*document["affected"], *document["snapshots"])}
    source = open_source(ws.house, "messages")
    sealed = {d["snapshot"]: d for d in ws.snapshot.list()}
    followed = {d["parent"] for d in sealed.values()}
    packages = {d["snapshot"]: n for _, n, _, d in ws.ledger.objects("disclosure")}
    recalled = {d["snapshot"]: d["recalled_rows"] for _, _, _, d in ws.ledger.objects("disclosure")}
    for name, found in sealed.items():
        package = packages.get(name)
        if package is None and (found["kind"] == "packages" or found["index"] in followed):
            continue
        held = ws.snapshot.open(name)
        alive = np.setdiff1d(held.alive, np.array(recalled.get(name, []), np.int64))
        plan = compile_for(ws.house, source, held.manifest.use)
        admitted = dry_run(ws.house, source, plan, fresh=True).rows
        gone = ~np.isin(source_rows_of(ws.house, held)[alive], admitted)
        assert gone.any() == ((package or name) in named), name
    for gate in ws.gate.list():
        ws.gate.replay(gate["gate"])
    assert not list((ws.path / "work").glob("*"))
    assert ws.fsck() == []


@settings(
    max_examples=6,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(
    what=st.sampled_from(WORK),
    deeds=st.dictionaries(
        st.integers(1, 8),
        st.tuples(st.sampled_from(DEEDS), st.integers(3, 15)),
        min_size=1,
        max_size=3,
    ),
)
def test_no_withdrawal_is_lost_whatever_computes(
    first: Grown, what: str, deeds: dict[int, tuple[str, int]]
) -> None:
    """What the plan names are exactly the things that hold a row the gate no longer admits.

    In a package offered meanwhile nobody has a row who withdrew before it stood in the log.
    """
    with copy_of(first) as grown:
        others = Others(grown, deeds)
        with opened(grown, others) as ws:
            work(ws, what)
        with opened(grown) as ws:
            check(ws)
            for index, name, _, document in ws.ledger.objects("disclosure"):
                if name != grown.package:
                    said = ws.ledger.events_columns(before=index)
                    out = said.ordinal[said.kind == EventKind.WITHDRAWAL]
                    held = ws.openings(document["snapshot"])["ordinal"].to_numpy()
                    assert not np.isin(held, out).any()
