"""A workspace's gate runs on the compiled kernel where there is one: the same records, byte for byte."""

from __future__ import annotations

import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from byleave.engines.arrow import ArrowEngine
from byleave.service.gate import run_gate
from byleave.service.gate_update import update_gate
from byleave.service.house import House
from byleave.wiring import Workspace
from byleave.wiring.kernel import GateKernel
from byleave.wiring.world import ReplayClock
from tests.unit.service.small import CONTRACT, PLATFORM, START, asked, empty, grant
from tests.unit.service.test_gate_update import people, wide_table


@pytest.fixture
def ready(tmp_path: Path) -> tuple[Workspace, list[str]]:
    """A workspace of many members, a third of whom said yes."""
    clock = ReplayClock(START)
    ws = empty(tmp_path / "ws", clock)
    table = wide_table()
    who = people(table)
    asked(ws)
    ws.source.add("messages", table, CONTRACT, regions=dict.fromkeys(who[::2], "eu"))
    clock.set(START + timedelta(days=1))
    ws.consent.record([grant(m, PLATFORM, ws, past=n % 2 == 0) for n, m in enumerate(who[::3])])
    clock.set(START + timedelta(days=2))
    return ws, who


def files(house: House, gate: str) -> dict[str, bytes]:
    found = house.ledger.object("gate", gate)
    assert found is not None
    names = [name for name in found[2]["files"] if name != "record.json"]
    return {name: house.artefacts.read("gates", gate, name) for name in names}


def test_runs_and_updates_are_the_same_with_the_kernel(ready: tuple[Workspace, list[str]]) -> None:
    """A run and an update by the kernel have the record and the files of NumPy's."""
    pytest.importorskip("numba", reason="the extra `kernel` is not installed")
    ws, who = ready
    plain = replace(ws.house, engine=ArrowEngine())
    kernel = replace(ws.house, engine=GateKernel(worth=0))
    one, _, numpy = run_gate(plain, "messages", PLATFORM)
    two, _, compiled = run_gate(kernel, "messages", PLATFORM)
    assert {**numpy.record.to_dict(), "ledger": 0, "plan": ""} == {
        **compiled.record.to_dict(),
        "ledger": 0,
        "plan": "",
    }
    assert files(plain, one) == files(kernel, two)
    assert kernel.engine.name == "kernel"
    found = ws.house.ledger.object("gate", two)
    assert found is not None
    assert found[2]["engine"]["name"] == "kernel"
    ws.consent.record([grant(m, PLATFORM, ws, past=True) for m in who[1:5]])
    patched = [update_gate(house, gate) for house, gate in ((plain, one), (kernel, two))]
    assert [made.why_full for made in patched] == [None, None]
    assert files(plain, patched[0].gate) == files(kernel, patched[1].gate)


def test_ids_are_resolved_alike_by_the_kernel(ready: tuple[Workspace, list[str]]) -> None:
    """What is kept of a source's rows is the same bytes, whoever looked the ids up."""
    pytest.importorskip("numba", reason="the extra `kernel` is not installed")
    ws, _ = ready
    kept = ws.path / "cache" / "messages"

    def planes(house: House) -> dict[str, bytes]:
        run_gate(house, "messages", PLATFORM)
        found = {path.name: path.read_bytes() for path in kept.glob("rows-*")}
        for name in found:
            (kept / name).unlink()
        return found

    engine = GateKernel(worth=0)
    plain = replace(ws.house, engine=ArrowEngine(), ids=lambda _: None)
    compiled = replace(ws.house, engine=engine, ids=engine.ids)
    assert engine.ids(1) is not None
    assert planes(plain) == planes(compiled)


def test_few_rows_load_no_compiler() -> None:
    """A gate over few rows answers by NumPy and calls itself so."""
    engine = GateKernel()
    assert engine.name == ArrowEngine().name


def test_without_numba_a_run_goes_on(
    ready: tuple[Workspace, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where numba is not installed a large run is answered by NumPy, and says so."""
    ws, _ = ready
    monkeypatch.setitem(sys.modules, "numba", None)
    house = replace(ws.house, engine=GateKernel(worth=0))
    gate, _, gated = run_gate(house, "messages", PLATFORM)
    assert gated.record.kept
    found = house.ledger.object("gate", gate)
    assert found is not None
    assert found[2]["engine"]["name"] == ArrowEngine().name


def test_a_new_workspace_has_it(ready: tuple[Workspace, list[str]]) -> None:
    """What `byleave.open` and the command line run gates on is the engine that loads the kernel."""
    ws, _ = ready
    assert isinstance(ws.house.engine, GateKernel)
