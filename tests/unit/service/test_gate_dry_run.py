"""A dry run on a workspace and a preview of the same files say the same."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
import pytest

import byleave
from byleave.consent.event import EventKind
from byleave.ids import format_instant
from byleave.service.consent import NewEvent
from byleave.wiring.world import ReplayClock
from tests.unit.service.small import (
    ASK,
    CONTRACT,
    PLATFORM,
    START,
    asked,
    empty,
    grant,
    people,
    small_table,
)

AT = START + timedelta(days=2)
SAID = START + timedelta(days=1)


@pytest.mark.parametrize("party_rule", [None, "author", "any", "all"])
def test_preview_and_dry_run_agree(tmp_path: Path, party_rule: str | None) -> None:
    """Same rows, choices, regions and instant: same rows kept, reasons and grounds."""
    table = small_table()
    who = people(table)
    draw = np.random.default_rng(5)
    said = draw.choice(["grant", "old", "refuse", "silent"], len(who), p=[0.6, 0.1, 0.1, 0.2])
    regions = draw.choice(["eu", "us", "us-ca", ""], len(who))
    pq.write_table(table, tmp_path / "messages.parquet")
    (tmp_path / "contract.yaml").write_text(CONTRACT)
    lines = [
        {
            "member": member,
            "use": PLATFORM,
            "decision": "grant" if word == "old" else word,
            "effective": format_instant(SAID),
            "includes_past": word == "grant",
            "region": region,
        }
        for member, word, region in zip(who, said, regions, strict=True)
        if word != "silent"
    ]
    pacsv.write_csv(pa.Table.from_pylist(lines), tmp_path / "consent.csv")
    preview = byleave.preview(
        tmp_path / "messages.parquet",
        contract=tmp_path / "contract.yaml",
        consent=tmp_path / "consent.csv",
        use=PLATFORM,
        region_column="region",
        at=AT,
        party_rule=party_rule,
    )
    clock = ReplayClock(START)
    with empty(tmp_path / "ws", clock) as ws:
        asked(ws)
        spoke = {line["member"] for line in lines}
        known = {m: r for m, r in zip(who, regions.tolist(), strict=True) if r and m in spoke}
        ws.source.add("messages", tmp_path / "messages.parquet", CONTRACT, regions=known)
        clock.set(SAID)
        ws.consent.record(
            [
                grant(member, PLATFORM, ws, past=word == "grant")
                if word in {"grant", "old"}
                else NewEvent(
                    member=member, kind=EventKind.REFUSAL, scope=ws.scope(PLATFORM), notice=ASK
                )
                for member, word in zip(who, said, strict=True)
                if word != "silent"
            ]
        )
        clock.set(AT)
        record = ws.gate.dry_run("messages", PLATFORM, party_rule=party_rule)
        logged = ws.gate.run("messages", PLATFORM, party_rule=party_rule)[1].record
    assert record == logged
    assert 0 < record.kept < record.rows
    assert len(record.reasons) > 1
    told = {reason.reason: reason.rows for reason in preview.reasons}
    assert (preview.rows, preview.kept, told) == (record.rows, record.kept, dict(record.reasons))
    assert dict(preview.grounds) == dict(record.grounds)
