"""Persuasion for Good: folder, origin, generated; and what is refused."""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from byleave.connectors import persuasion
from byleave.connectors.origin import Origin, pinned
from byleave.errors import ByleaveError, InputError, WorldError

DIALOGUES = (
    b",Unit,Turn,B4,B2\n"
    b"0,Good morning.,0,0,20180904-045349_715_live\n"
    b'1,"Hi, mail me: jo@example.org or 10.0.0.1",0,1,20180904-045349_715_live\n'
    b'2,"They say ""yes"".\nCall 555-123-4567 ",1,0,20180904-045349_715_live\n'
    b"0,Hello,0,1,BAD_20180807-204848_414_live\n"
)
PEOPLE = (
    b"B2,B3,B4,B6,B7,extrovert.x,age.x,sex.x\n"
    b"20180904-045349_715_live,user_1,0,0.0,11,3.2,34.0,Male\n"
    b"20180904-045349_715_live,user_2,1,0.0,11,3.2,50.0,Female\n"
    b"BAD_20180807-204848_414_live,user_2,0,0.0,1,3.2,50.0,Female\n"
    b"BAD_20180807-204848_414_live,user_3,1,0.0,1,3.2,51.0,Female\n"
)


def code_of(call: Callable[[], Any]) -> ByleaveError:
    with pytest.raises(ByleaveError) as caught:
        call()
    return caught.value


def test_the_raw_files_become_the_same_table() -> None:
    """Thread, order, turn, role, both parties, start and masked text; nothing else is kept."""
    table = persuasion.from_csv(DIALOGUES, PEOPLE)
    assert table.schema == persuasion.SCHEMA
    assert table.to_pylist() == [
        {
            "thread_id": thread,
            "seq": seq,
            "turn": turn,
            "sender_role": role,
            "sender_id": sender,
            "recipient_id": recipient,
            "thread_started_at": at,
            "text": text,
        }
        for thread, seq, turn, role, sender, recipient, at, text in (
            ("20180904-045349_715_live", 0, 0, "persuader", "user_1", "user_2",
             datetime(2018, 9, 4, 4, 53, 49, tzinfo=UTC), "Good morning."),
            ("20180904-045349_715_live", 1, 0, "persuadee", "user_2", "user_1",
             datetime(2018, 9, 4, 4, 53, 49, tzinfo=UTC), "Hi, mail me: <email> or <ip>"),
            ("20180904-045349_715_live", 2, 1, "persuader", "user_1", "user_2",
             datetime(2018, 9, 4, 4, 53, 49, tzinfo=UTC), 'They say "yes".\nCall <phone> '),
            ("BAD_20180807-204848_414_live", 0, 0, "persuadee", "user_3", "user_2", None, "Hello"),
        )
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("dialogues", "people", "code"),
    [
        (b"a,b\n", PEOPLE, "data.columns"),
        (b"", PEOPLE, "data.columns"),
        (DIALOGUES, b"B2,B4\n", "data.columns"),
        (DIALOGUES[:-40], PEOPLE, "data.damaged"),
        (DIALOGUES + b'5,"cut', PEOPLE, "data.damaged"),
        (DIALOGUES + b"\xff\xfe", PEOPLE, "data.damaged"),
        (DIALOGUES.replace(b",0,0,", b",x,0,"), PEOPLE, "data.damaged"),
        (DIALOGUES.replace(b",1,BAD", b",7,BAD"), PEOPLE, "data.damaged"),
        (DIALOGUES, PEOPLE.replace(b"user_2,1,0", b"user_2,0,0"), "data.damaged"),
        (DIALOGUES, PEOPLE[: PEOPLE.index(b"BAD")], "data.damaged"),
    ],
)
def test_raw_files_that_do_not_fit_are_refused(dialogues: bytes, people: bytes, code: str) -> None:
    """The code says how; no member and no text is quoted."""
    error = code_of(lambda: persuasion.from_csv(dialogues, people))
    assert error.code == code
    assert "user_" not in error.message
    assert "Hello" not in error.message


def raw_of(table: pa.Table) -> tuple[bytes, bytes]:
    """Write a table in the layout of the raw files."""
    dialogues, people = io.StringIO(), io.StringIO()
    one, two = csv.writer(dialogues), csv.writer(people)
    one.writerow(["", "Unit", "Turn", "B4", "B2"])
    two.writerow(["B2", "B3", "B4", "age.x"])
    seen = set()
    for r in table.to_pylist():
        role = int(r["sender_role"] == "persuadee")
        one.writerow([r["seq"], r["text"], r["turn"], role, r["thread_id"]])
        if r["thread_id"] not in seen:
            seen.add(r["thread_id"])
            two.writerow([r["thread_id"], r["sender_id"], role, "34.0"])
            two.writerow([r["thread_id"], r["recipient_id"], 1 - role, "35.0"])
    return dialogues.getvalue().encode(), people.getvalue().encode()


def pin(monkeypatch: pytest.MonkeyPatch, dialogues: bytes, people: bytes) -> dict[str, bytes]:
    """Let these bytes stand for the published ones; return what the origin serves."""
    served = {}
    for name, data in (("DIALOGUES", dialogues), ("PARTICIPANTS", people)):
        url = getattr(persuasion, name).url
        served[url] = data
        digest = hashlib.sha256(data).hexdigest()
        monkeypatch.setattr(persuasion, name, Origin(url=url, size=len(data), sha256=digest))
    return served


@pytest.mark.real_data
def test_real_messages_survive_the_raw_layout(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The real table, written in the raw layout and served by an origin, comes back unchanged."""
    real = persuasion.load(data_dir, fetch=None, seed=0)
    served = pin(monkeypatch, *raw_of(real.table))
    loaded = persuasion.load(None, fetch=served.__getitem__, seed=0)
    assert (loaded.origin, loaded.how, loaded.notes) == ("real", "download", ())
    assert loaded.table.equals(real.table)


def test_a_download_of_another_size_of_set_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pinned bytes that do not have the published counts: `data.row-count`."""
    served = pin(monkeypatch, DIALOGUES, PEOPLE)
    error = code_of(lambda: persuasion.load(None, fetch=served.__getitem__, seed=0))
    assert error.code == "data.row-count"


def test_other_bytes_than_published_are_refused() -> None:
    """An origin that serves something else stops the load; nothing is generated instead."""
    error = code_of(lambda: persuasion.load(None, fetch=lambda url: DIALOGUES, seed=0))
    assert error.code == "data.digest"
    same_size = Origin(url="https://example.org/a", size=3, sha256="0" * 64)
    assert code_of(lambda: pinned(same_size, lambda url: b"abc")).code == "data.digest"


def test_an_origin_out_of_reach_gives_generated_messages_and_says_so() -> None:
    """Loudly: origin `generated`, and a note that nobody wrote them."""

    def unreachable(url: str) -> bytes:
        raise WorldError("no network", code="data.unreachable")

    loaded = persuasion.load(None, fetch=unreachable, seed=3)
    assert (loaded.origin, loaded.how) == ("generated", "generated")
    assert "GENERATED" in loaded.notes[0]
    assert loaded.table.schema == persuasion.SCHEMA


def test_generated_messages_have_the_published_shape() -> None:
    """Rows, members, threads, strict turns, two different parties; the same for the same seed."""
    table = persuasion.load(None, fetch=None, seed=3).table
    members = set(table["sender_id"].to_pylist()) | set(table["recipient_id"].to_pylist())
    assert table.num_rows == persuasion.MESSAGES
    assert len(members) == persuasion.MEMBERS
    assert len(set(table["thread_id"].to_pylist())) == persuasion.THREADS
    assert all(name.startswith("generated_") for name in members)
    assert not pc.any(pc.equal(table["sender_id"], table["recipient_id"])).as_py()
    undated = pc.is_null(table["thread_started_at"])
    assert pc.all(pc.equal(undated, pc.starts_with(table["thread_id"], "BAD_"))).as_py()
    assert pc.any(undated).as_py()
    assert table.equals(persuasion.load(None, fetch=None, seed=3).table)
    assert not table.equals(persuasion.load(None, fetch=None, seed=4).table)


def test_a_date_is_shifted_and_an_unknown_one_stays_unknown() -> None:
    """Six years and 35 days; 29 February becomes 28 February first; null stays null."""
    at = [datetime(2018, 8, 14, 1, 2, 3, tzinfo=UTC), None, datetime(2016, 2, 29, tzinfo=UTC)]
    table = pa.table(
        {"thread_started_at": pa.array(at, pa.timestamp("us", tz="UTC")), "seq": [1, 2, 3]}
    )
    assert persuasion.shift(table)["thread_started_at"].to_pylist() == [
        datetime(2024, 9, 18, 1, 2, 3, tzinfo=UTC),
        None,
        datetime(2022, 4, 4, tzinfo=UTC),
    ]
    same = persuasion.shift(table, years=0, days=0)
    assert same.equals(table)


@pytest.mark.real_data
def test_shifted_real_threads_lie_on_both_sides_of_the_day(data_dir: Path) -> None:
    """Some threads start before 18 September 2024, some after; 529 messages stay undated."""
    table = persuasion.shift(persuasion.load(data_dir, fetch=None, seed=0).table)
    day = pa.scalar(datetime(2024, 9, 18, tzinfo=UTC), pa.timestamp("us", tz="UTC"))
    before = pc.sum(pc.less(table["thread_started_at"], day)).as_py()
    assert 1_000 < before < 19_000
    assert table["thread_started_at"].null_count == 529


def write(folder: Path, table: pa.Table) -> Path:
    (folder / "persuasion-for-good").mkdir()
    path = folder / "persuasion-for-good" / "messages.parquet"
    pq.write_table(table, path)
    return path


def test_a_named_folder_without_the_set_is_an_error(tmp_path: Path) -> None:
    """A folder that was named is not passed over in silence."""
    error = code_of(lambda: persuasion.load(tmp_path, fetch=None, seed=0))
    assert error.code == "data.not-found"
    assert error.where == str(tmp_path / "persuasion-for-good" / "messages.parquet")


@pytest.mark.parametrize("keep", [0, 3, 100, -5])
def test_a_truncated_file_is_refused(tmp_path: Path, keep: int) -> None:
    """Cut off anywhere: `data.damaged`, naming the file."""
    path = write(tmp_path, persuasion.from_csv(DIALOGUES, PEOPLE))
    path.write_bytes(path.read_bytes()[:keep])
    error = code_of(lambda: persuasion.load(tmp_path, fetch=None, seed=0))
    assert isinstance(error, InputError)
    assert error.code == "data.damaged"
    assert "messages.parquet" in error.message


def test_a_file_of_other_columns_or_rows_is_refused(tmp_path: Path) -> None:
    """A missing column, a column of another kind, another number of rows."""
    table = persuasion.from_csv(DIALOGUES, PEOPLE)
    text = table.schema.get_field_index("text")
    bad = {
        "data.columns": [
            table.drop_columns(["sender_id"]),
            table.set_column(text, "text", table["seq"]),
        ],
        "data.row-count": [table],
    }
    path = write(tmp_path, table)
    for code, tables in bad.items():
        for one in tables:
            pq.write_table(one, path)
            assert code_of(lambda: persuasion.load(tmp_path, fetch=None, seed=0)).code == code
