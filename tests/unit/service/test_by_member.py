"""What members' pages read by index is what reading everything through gives."""

from __future__ import annotations

import dataclasses
import shutil
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import byleave
from byleave.errors import EvidenceError
from byleave.service import by_member, gate_update
from byleave.service.by_member import OwnRows, known_source, own_rows, reasons_at, region_of
from byleave.service.gate import reasons_of
from byleave.service.held import Held
from byleave.service.snapshot import openings_of
from byleave.snapshot.openings import member_openings
from byleave.wiring import Workspace
from byleave.wiring.world import ReplayClock
from tests.unit.service.small import CONTRACT, START, Grown, empty, grow, people, small_table

LISTS = """\
contract: v1
dataset: with lists
record_id: [n]
parties:
  author: by
  recipients: [to, cc]
category_constant: messages.group
"""


@pytest.fixture(scope="module")
def grown(tmp_path_factory: pytest.TempPathFactory) -> Grown:
    return grow(tmp_path_factory.mktemp("by-member") / "ws")


@pytest.fixture
def indexed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything gets an index, however small."""
    monkeypatch.setattr(by_member, "INDEXED", 1)


@pytest.fixture
def copied(grown: Grown, tmp_path: Path) -> Grown:
    path = tmp_path / "ws"
    shutil.copytree(grown.path, path)
    return dataclasses.replace(grown, path=path)


def read_through(ws: Workspace, source: str, member: str) -> OwnRows:
    return by_member._read_through(known_source(ws.house, source), member)


def same(one: OwnRows, other: OwnRows) -> bool:
    return (
        one.rows.tolist() == other.rows.tolist()
        and one.roles.tolist() == other.roles.tolist()
        and one.categories == other.categories
    )


def everybody(ws: Workspace) -> list[str]:
    return [row[1] for row in ws.ledger.members()]


@pytest.mark.usefixtures("indexed")
def test_the_index_is_the_source_read_through(copied: Grown) -> None:
    """For every member the index gives the rows, roles and kinds that the columns give."""
    with copied.open() as ws:
        for member in everybody(ws):
            own = own_rows(ws.house, "messages", member)
            assert len(own.rows)
            assert same(own, read_through(ws, "messages", member))
        assert len(own_rows(ws.house, "messages", "nobody").rows) == 0


@settings(deadline=None, max_examples=6)
@given(
    st.lists(
        st.tuples(
            st.integers(0, 5),
            st.none() | st.integers(0, 5),
            st.none() | st.lists(st.none() | st.integers(0, 5), max_size=4),
        ),
        min_size=1,
        max_size=30,
    )
)
def test_it_is_with_lists_and_gaps(rows: list[tuple[int, Any, Any]]) -> None:
    """Also with several columns of recipients, lists, nulls, and one who writes to themselves."""
    import tempfile

    def named(value: int | None) -> str | None:
        return None if value is None else f"p{value}"

    table = pa.table(
        {
            "n": list(range(len(rows))),
            "by": [named(by) for by, _, _ in rows],
            "to": pa.array([named(to) for _, to, _ in rows], pa.string()),
            "cc": pa.array(
                [None if cc is None else [named(c) for c in cc] for _, _, cc in rows],
                pa.list_(pa.string()),
            ),
        }
    )
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as folder:
        patch.setattr(by_member, "INDEXED", 1)
        with empty(Path(folder) / "ws") as ws:
            ws.source.add("lists", table, LISTS)
            for member in everybody(ws):
                found = own_rows(ws.house, "lists", member)
                assert same(found, read_through(ws, "lists", member))


@pytest.mark.usefixtures("indexed")
def test_reasons_are_the_gates(copied: Grown, monkeypatch: pytest.MonkeyPatch) -> None:
    """The reason of each row is the one that the gate keeps, for a gate in full and for a patch."""
    monkeypatch.setattr(gate_update, "MOST_CHANGED", 1)
    with copied.open() as ws:
        ws.gate.update(copied.gate)
        for _, gate, _, document in ws.ledger.objects("gate"):
            rows = np.arange(document["rows"], dtype=np.int64)
            told = np.zeros(len(rows), np.uint8)
            dropped = reasons_of(ws.house, gate)
            told[dropped["row"].to_numpy()] = dropped["reason"].to_numpy()
            assert reasons_at(ws.house, gate, rows).tolist() == told.tolist()
        parents = [d.get("parent") for _, _, _, d in ws.ledger.objects("gate")]
        assert any(parent is not None for parent in parents)


def test_small_gates_are_held(copied: Grown) -> None:
    """Reasons of small gates come out the same, and are held in bounded memory."""
    with copied.open(read_only=True) as ws:
        for _, gate, _, document in ws.ledger.objects("gate"):
            dropped = reasons_of(ws.house, gate)["row"].to_numpy()
            codes = reasons_at(ws.house, gate, np.arange(document["rows"], dtype=np.int64))
            assert np.flatnonzero(codes).tolist() == sorted(dropped.tolist())


def test_openings_are_found_by_member(copied: Grown) -> None:
    """For every member and snapshot the openings found are those of the whole file, deltas too."""
    with copied.open() as ws:
        ws.withdrawal.run()
        for ordinal, *_ in ws.ledger.members():
            held = Held(ws.house, ordinal)
            for _, name, _, _ in ws.ledger.objects("snapshot"):
                whole = member_openings(openings_of(ws.house, name), ordinal)
                for column in ("row", "role", "ground"):
                    assert held[name][column].to_pylist() == whole[column].to_pylist()
                assert held.rows(name).tolist() == sorted(set(whole["row"].to_pylist()))


def test_openings_that_were_changed_are_refused(copied: Grown) -> None:
    """Openings of another digest than the ledger's are not read, also after they were read once."""
    with copied.open(read_only=True) as ws:
        held = Held(ws.house, 0)[copied.snapshot]
        assert held.num_columns == 4
        path = copied.path / "snapshots" / copied.snapshot / "openings.parquet"
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 1
        path.write_bytes(data)
        with pytest.raises(EvidenceError) as error:
            Held(ws.house, 0)[copied.snapshot]
        assert error.value.code == "snapshot.digest"


def test_a_source_that_was_changed_is_refused(copied: Grown) -> None:
    """A source whose file was changed is damaged, also after its digest was compared once."""
    with copied.open(read_only=True) as ws:
        assert known_source(ws.house, "messages") is known_source(ws.house, "messages")
        path = copied.path / "sources" / "messages" / "data.parquet"
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 1
        path.write_bytes(data)
        with pytest.raises(EvidenceError) as error:
            known_source(ws.house, "messages")
        assert error.value.code == "workspace.damaged"


@pytest.mark.usefixtures("indexed")
def test_an_index_is_kept_and_made_once(copied: Grown, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server's reader keeps the index in files; another process uses it and reads no data."""
    now = copied.now + timedelta(hours=1)

    def reading() -> Workspace:
        return byleave.open(copied.path, read_only=True, caching=True, now=ReplayClock(now))

    member = copied.agreed[3]
    shutil.rmtree(copied.path / "cache", ignore_errors=True)
    with reading() as ws:
        before = own_rows(ws.house, "messages", member)
        ws.member.prepare()
    assert (copied.path / "cache" / "messages" / "inverted.rows").exists()
    assert (copied.path / "cache" / "messages" / f"{copied.gate}.reasons").exists()

    def no(*_: object) -> Iterator[None]:
        raise AssertionError("the data was read")

    monkeypatch.setattr(by_member, "rows_of", no)
    monkeypatch.setattr("byleave.service.gate_rows.block_of", no)
    with reading() as ws:
        assert same(own_rows(ws.house, "messages", member), before)


@pytest.mark.usefixtures("indexed")
def test_a_read_only_workspace_stays_as_it_is(copied: Grown) -> None:
    """Opened read-only and no more, nothing is written, and the answers are the same."""
    shutil.rmtree(copied.path / "cache", ignore_errors=True)
    with copied.open(read_only=True) as ws:
        own = own_rows(ws.house, "messages", copied.agreed[3])
        assert same(own, read_through(ws, "messages", copied.agreed[3]))
        assert len(reasons_at(ws.house, copied.gate, own.rows)) == len(own.rows)
    assert not (copied.path / "cache").exists()


@pytest.mark.usefixtures("indexed")
@pytest.mark.parametrize("spoil", ["flip", "cut", "empty"])
def test_a_spoilt_index_is_made_anew(copied: Grown, spoil: str) -> None:
    """Whatever became of the cache's files, the answers are the source's."""
    changes: dict[str, Callable[[bytes], bytes]] = {
        "flip": lambda data: bytes([data[0] ^ 255]) + data[1:] if data else b"",
        "cut": lambda data: data[: len(data) // 2],
        "empty": lambda _: b"",
    }
    member = copied.agreed[3]
    with copied.open() as ws:
        ws.member.prepare()
        before = own_rows(ws.house, "messages", member)
        reasons = reasons_at(ws.house, copied.gate, before.rows).tolist()
    for path in (copied.path / "cache" / "messages").iterdir():
        if not path.name.endswith(".plan"):
            path.write_bytes(changes[spoil](path.read_bytes()))
    with copied.open() as ws:
        assert same(own_rows(ws.house, "messages", member), before)
        assert reasons_at(ws.house, copied.gate, before.rows).tolist() == reasons


@pytest.mark.usefixtures("indexed")
def test_it_is_right_at_once_after_a_new_source_and_an_erasure(tmp_path: Path) -> None:
    """A source added a moment ago is read; who was erased has no rows; the others have theirs."""
    table = small_table(members=8, threads=8, messages=80)
    who = people(table)
    with empty(tmp_path / "ws", ReplayClock(START)) as ws:
        ws.source.add("one", table, CONTRACT)
        before = {m: own_rows(ws.house, "one", m).rows.tolist() for m in who}
        ws.source.add("two", table.slice(0, 40), CONTRACT)
        ws.member.enrol(["a new member"])
        for member in who:
            assert own_rows(ws.house, "one", member).rows.tolist() == before[member]
            assert same(own_rows(ws.house, "two", member), read_through(ws, "two", member))
        assert len(own_rows(ws.house, "two", "a new member").rows) == 0
        ws.member.erase([who[0]])
        assert len(own_rows(ws.house, "one", who[0]).rows) == 0
        for member in who[1:]:
            assert same(own_rows(ws.house, "one", member), read_through(ws, "one", member))


@pytest.mark.usefixtures("indexed")
def test_two_that_make_it_at_once_do_not_harm_each_other(copied: Grown) -> None:
    """Readers that make the same index at the same time all answer as the source does."""
    shutil.rmtree(copied.path / "cache", ignore_errors=True)
    now, found, member = copied.now + timedelta(hours=1), [], copied.agreed[3]
    start = threading.Barrier(4)

    def one() -> None:
        with byleave.open(copied.path, read_only=True, caching=True, now=ReplayClock(now)) as ws:
            start.wait()
            own = own_rows(ws.house, "messages", member)
            found.append((own, reasons_at(ws.house, copied.gate, own.rows).tolist()))

    threads = [threading.Thread(target=one) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with copied.open() as ws:
        right = read_through(ws, "messages", member)
        reasons = reasons_at(ws.house, copied.gate, right.rows).tolist()
    assert len(found) == 4
    assert all(same(own, right) and told == reasons for own, told in found)


def test_the_answer_says_the_same_by_either_way(
    copied: Grown, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every page of every member is word for word the same with an index and without."""
    with copied.open() as ws:
        ws.withdrawal.run()
        pages = (ws.member.answer, ws.member.messages, ws.member.leaving, ws.member.questions)
        some = [*copied.agreed[:4], *copied.silent[:2]]
        plain = [page(member) for member in some for page in pages]
        monkeypatch.setattr(by_member, "INDEXED", 1)
        assert [page(member) for member in some for page in pages] == plain
        assert region_of(ws.house, 0, ws.now()) == "eu"
        assert region_of(ws.house, 10_000, ws.now()) is None


def test_what_is_held_stands_beside_the_choice(copied: Grown) -> None:
    """For each line of a question the settings count the member's rows of its kinds, by source."""
    table = small_table()
    with copied.open() as ws:
        ws.source.add("fewer", table.slice(0, 50), CONTRACT)
        member = copied.agreed[3]
        counts = {
            name: sum(
                member in (row["sender_id"], row["recipient_id"])
                for row in rows.select(["sender_id", "recipient_id"]).to_pylist()
            )
            for name, rows in (("messages", table), ("fewer", table.slice(0, 50)))
        }
        [question] = ws.consent.settings(member, tokens=False)["questions"]
        for row in question["rows"]:
            told = {held["source"]: (held["rows"], held["messages"]) for held in row["held"]}
            assert told == {name: (count, count) for name, count in counts.items() if count}
        ws.member.enrol(["somebody new"])
        [other] = ws.consent.settings("somebody new", tokens=False)["questions"]
        assert [row["held"] for row in other["rows"]] == [[], []]
