"""Strangers' messages: real people who were never asked, and a gate that lets nothing through."""

from __future__ import annotations

from pathlib import Path

import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

import byleave
from byleave.service.gate import reasons_of
from tests.cli.conftest import Say

pytestmark = pytest.mark.real_data
USE = "train.generative.replies/messages/platform"


def test_nobody_asked_nothing_used(
    data_dir: Path, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, say: Say
) -> None:
    """The IRC set in a workspace where nobody chose releases no row, each with its reason."""
    monkeypatch.chdir(tmp_path)
    file = data_dir / "irc-disentanglement" / "messages.parquet"
    contract = root / "examples" / "contracts" / "irc-disentanglement.yaml"
    assert say("init", "ws").code == 0
    here = ("--workspace", "ws", "--json")
    added = say("source", "add", str(file), "--contract", str(contract), "--name", "irc", *here)
    rows = pq.read_metadata(file).num_rows
    assert added.json["records"] == rows
    assert added.json["enrolled"] > 1_000
    gate = say("gate", "run", "irc", "--use", USE, "--seal", *here)
    assert gate.code == 0
    assert (gate.json["rows"], gate.json["kept"], gate.json["snapshot"]) == (rows, 0, None)
    assert sum(gate.json["reasons"].values()) == rows
    for rule in ("author", "any", "all"):
        dry = say("gate", "run", "irc", "--use", USE, "--dry-run", "--party-rule", rule, *here)
        assert dry.json["kept"] == 0
    refused = say(
        "gate", "run", "irc", "--use", USE, "--require-rows", "--workspace", "ws", "--json"
    )
    assert refused.code == 4
    with byleave.open(tmp_path / "ws", read_only=True) as ws:
        reasons = reasons_of(ws.house, gate.json["gate"])
        assert pc.count_distinct(reasons["row"]).as_py() == reasons.num_rows == rows
        assert ws.snapshot.list() == ws.release.list() == []
