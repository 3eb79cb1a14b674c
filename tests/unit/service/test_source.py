"""Sources: taken in whole with their people, and refused once a byte has changed."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from byleave.errors import ByleaveError, EvidenceError
from byleave.service.source import members_of, rows_of
from tests.unit.service.small import CONTRACT, Grown, empty, people, small_table


def test_everyone_who_appears_is_enrolled_once(tmp_path: Path) -> None:
    """Adding a source enrols its authors and recipients; adding their other one enrols nobody."""
    table = small_table()
    with empty(tmp_path / "ws") as ws:
        assert ws.source.add("messages", table, CONTRACT) == (600, 40)
        assert ws.source.add("again", table, CONTRACT) == (600, 0)
        assert [row[1] for row in ws.ledger.members()] == people(table)
        assert ws.fsck() == []


def test_lists_of_recipients_and_numbers_are_members(tmp_path: Path) -> None:
    """Each id of a list column is a member, numbers as decimal text, nulls nobody."""
    contract = CONTRACT.replace("kind: kind\n", "").replace(
        "kinds:\n  inmail: messages.inmail\n  direct: messages.direct\n",
        "category_constant: messages.group\n",
    )
    table = small_table(members=4, threads=2, messages=4).drop(["kind"])
    table = table.set_column(2, "sender_id", pa.array([1, 2, None, 4]))
    table = table.set_column(3, "recipient_id", pa.array([[2, 3], [], None, [9, 9, None]]))
    with empty(tmp_path / "ws") as ws:
        ws.source.add("group", table, contract)
        source = ws.source.open("group")
        assert members_of(source.table, source.contract) == ["1", "2", "4", "3", "9"]
        found = rows_of(source, "2").to_pylist()
        assert found == [{"row": 1, "role": 1}, {"row": 0, "role": 2}]
        assert rows_of(source, "9").to_pylist() == [{"row": 3, "role": 2}]
        assert rows_of(source, "nobody").num_rows == 0


@pytest.mark.parametrize("wrong", ["name", "twice", "contract", "type", "instant"])
def test_a_source_that_is_refused_leaves_no_trace(grown: Grown, tmp_path: Path, wrong: str) -> None:
    """A name, contract or column that is refused enrols nobody, logs nothing and leaves no file."""
    table = small_table(members=6, threads=3, messages=9)
    with empty(tmp_path / "ws") as ws:
        ws.source.add("messages", table, CONTRACT)
        size, members = ws.ledger.size(), ws.member.count()
        other = table.set_column(2, "sender_id", pa.array([f"new-{n}" for n in range(9)]))
        name = {"name": "../up", "twice": "messages"}.get(wrong, "other")
        contract = CONTRACT.replace("sender_id", "writer") if wrong == "contract" else CONTRACT
        if wrong == "type":
            other = other.append_column(
                "extra", pa.array([[("a", 1)]] * 9, pa.map_(pa.string(), pa.int64()))
            )
        if wrong == "instant":
            other = other.append_column("extra", pa.array([1] * 9, pa.timestamp("ns")))
        with pytest.raises(ByleaveError) as error:
            ws.source.add(name, other, contract)
        assert (ws.ledger.size(), ws.member.count()) == (size, members)
        assert [path.name for path in (ws.path / "sources").iterdir()] == ["messages"]
    assert (
        error.value.code
        == {
            "name": "input.name",
            "twice": "workspace.exists",
            "contract": "contract.column-missing",
            "type": "contract.column-type",
            "instant": "contract.column-value",
        }[wrong]
    )


@pytest.mark.parametrize("name", ["data.parquet", "digests.parquet", "contract.yaml"])
def test_a_changed_source_is_refused(copied: Grown, name: str) -> None:
    """A file of a source that changed on disk is `workspace.damaged` for every verb that reads it."""
    path = copied.path / "sources" / "messages" / name
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with copied.open() as ws:
        size = ws.ledger.size()
        for verb in (
            lambda: ws.source.open("messages"),
            lambda: ws.gate.run("messages", ws.gate.list()[0]["use"]),
            lambda: ws.gate.replay(copied.gate),
            ws.withdrawal.run,
        ):
            with pytest.raises(EvidenceError) as error:
                verb()
            assert error.value.code == "workspace.damaged"
            assert str(error.value.where).endswith(name)
        assert ws.ledger.size() == size
