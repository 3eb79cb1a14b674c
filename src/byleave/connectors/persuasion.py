"""Persuasion for Good: 20,932 messages between 1,285 people (Wang et al., ACL 2019; Apache-2.0).

From a folder that holds `persuasion-for-good/messages.parquet`; else from the two raw CSV files
at their origin, pinned by commit, size and SHA-256; else generated, and said to be.

The raw files (described in the origin's `data/FullData/readme.md`):

* `full_dialog.csv`, one line per message: an unnamed row number, `Unit` (the text), `Turn`,
  `B4` (role: 0 persuader, 1 persuadee), `B2` (dialogue id);
* `full_info.csv`, one line per participant of a dialogue: `B2`, `B3` (member id), `B4`, and then
  answers to a questionnaire (age, sex, race, religion, income, personality), which are skipped
  while reading and never stored.

A dialogue id begins with the date and time it started (`20180904-045349_715_live`). 27 begin
with `BAD_`; when those were held is left unknown.
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from byleave.connectors.generated import generate
from byleave.connectors.loaded import LoadedSet, read_parquet
from byleave.connectors.origin import Fetch, Origin, pinned
from byleave.errors import InputError, WorldError

__all__ = ["COLUMNS", "MEMBERS", "MESSAGES", "SCHEMA", "THREADS", "from_csv", "load", "shift"]

MESSAGES: Final = 20_932
MEMBERS: Final = 1_285
THREADS: Final = 1_017

COLUMNS: Final = {
    "thread_id": "text",
    "seq": "integer",
    "turn": "integer",
    "sender_role": "text",
    "sender_id": "text",
    "recipient_id": "text",
    "thread_started_at": "instant",
    "text": "text",
}
SCHEMA: Final = pa.schema(
    [
        ("thread_id", pa.large_string()),
        ("seq", pa.int64()),
        ("turn", pa.int64()),
        ("sender_role", pa.large_string()),
        ("sender_id", pa.large_string()),
        ("recipient_id", pa.large_string()),
        ("thread_started_at", pa.timestamp("us", tz="UTC")),
        ("text", pa.large_string()),
    ]
)

_BASE: Final = (
    "https://raw.githubusercontent.com/Sea-Snell/persuasionforgood/"
    "2c304e7036bdea0a12128e25ecf909eabca3f62a/data/FullData/"
)
DIALOGUES: Final = Origin(
    url=_BASE + "full_dialog.csv",
    size=2_589_704,
    sha256="3ecaa3e9f0577170b91c3306d2439c910150cf010b76e7637ef3bab724075a9f",
)
PARTICIPANTS: Final = Origin(
    url=_BASE + "full_info.csv",
    size=476_881,
    sha256="93be6f62d41f4925e8be21534c23cd75444e1a5d5384abe13b15eda2b37838b4",
)
_ROLES: Final = {0: "persuader", 1: "persuadee"}
_STARTED: Final = re.compile(r"(\d{8}-\d{6})_\d+_live")
_MASKS: Final = (
    (re.compile(r"[\w.%+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,}"), "<email>"),
    (re.compile(r"(?<![\d.])(?:\d{1,3}\.){3}\d{1,3}(?![\d.])"), "<ip>"),
    (re.compile(r"(?<!\d)\(?\d{3}\)?[-. ]\d{3}[-. ]\d{4}(?!\d)"), "<phone>"),
)
_FOLDER: Final = "persuasion-for-good"


def load(directory: Path | None, *, fetch: Fetch | None, seed: int) -> LoadedSet:
    """Return the messages: from a folder, else from their origin, else generated.

    Args:
        directory: The folder that holds the data sets' folders; None: there is none.
        fetch: How to reach the origin; None: not at all.
        seed: Of the generated set.

    Raises:
        InputError: `data.not-found`, a folder was named that does not hold the set;
            `data.damaged`, `data.columns`, `data.row-count`, `data.digest`: what was found is
            not the published set.
    """
    if directory is not None:
        table = read_parquet(directory / _FOLDER / "messages.parquet", COLUMNS).cast(SCHEMA)
        _check_counts(table, f"{_FOLDER}/messages.parquet")
        return LoadedSet(table=table, origin="real", how="folder")
    reason = "no folder was named, and the network may not be used"
    if fetch is not None:
        try:
            dialogues, people = pinned(DIALOGUES, fetch), pinned(PARTICIPANTS, fetch)
        except WorldError:
            reason = "no folder was named, and the set's origin could not be reached"
        else:
            table = from_csv(dialogues, people)
            _check_counts(table, "full_dialog.csv")
            return LoadedSet(table=table, origin="real", how="download")
    table = generate(seed, members=MEMBERS, threads=THREADS, messages=MESSAGES).cast(SCHEMA)
    return LoadedSet(
        table=table,
        origin="generated",
        how="generated",
        notes=(f"GENERATED DATA: {reason}. Nobody wrote these messages.",),
    )


def from_csv(dialogues: bytes, participants: bytes) -> pa.Table:
    """Rebuild the messages from the two raw files: file order within a dialogue is `seq`.

    Args:
        dialogues: `full_dialog.csv`.
        participants: `full_info.csv`; only `B2`, `B3` and `B4` are read.

    Raises:
        InputError: `data.columns`, a column is missing; `data.damaged`, a line does not fit,
            or a dialogue has not exactly one persuader and one persuadee.
    """
    parties: dict[str, dict[int, str]] = {}
    for thread, member, role_text in _lines(participants, "full_info.csv", ("B2", "B3", "B4")):
        role = _role(role_text, "full_info.csv")
        if role in parties.setdefault(thread, {}):
            raise _damaged("full_info.csv", "a dialogue has two members in one role")
        parties[thread][role] = member
    rows: dict[str, list[object]] = {name: [] for name in COLUMNS}
    seen: Counter[str] = Counter()
    for thread, role_text, turn, text in _lines(
        dialogues, "full_dialog.csv", ("B2", "B4", "Turn", "Unit")
    ):
        role = _role(role_text, "full_dialog.csv")
        two = parties.get(thread, {})
        if set(two) != {0, 1} or not turn.isdecimal():
            raise _damaged("full_dialog.csv", "a message without its two parties or its turn")
        values = (
            thread,
            seen[thread],
            int(turn),
            _ROLES[role],
            two[role],
            two[1 - role],
            _started(thread),
            _masked(text),
        )
        for name, value in zip(COLUMNS, values, strict=True):
            rows[name].append(value)
        seen[thread] += 1
    return pa.table(rows, schema=SCHEMA)


def shift(table: pa.Table, *, years: int = 6, days: int = 35) -> pa.Table:
    """Move every known start of a thread later; an unknown one stays unknown.

    A 29 February that the new year lacks becomes 28 February. By default threads of summer 2018
    come to lie on both sides of 18 September 2024.

    Args:
        table: Messages.
        years: Calendar years to add, first.
        days: Days to add, then.
    """
    at = table.schema.get_field_index("thread_started_at")
    column = table.column(at).combine_chunks()
    distinct = pc.unique(column).drop_null()
    moved = [_later(instant, years) + timedelta(days=days) for instant in distinct.to_pylist()]
    places = pc.index_in(column, value_set=distinct)
    shifted = pa.array(moved, type=column.type).take(places)
    return table.set_column(at, table.schema.field(at), shifted)


def _later(instant: datetime, years: int) -> datetime:
    try:
        return instant.replace(year=instant.year + years)
    except ValueError:
        return instant.replace(year=instant.year + years, day=28)


def _check_counts(table: pa.Table, where: str) -> None:
    members = pa.chunked_array([*table["sender_id"].chunks, *table["recipient_id"].chunks])
    found = (table.num_rows, pc.count_distinct(members).as_py(), _distinct(table["thread_id"]))
    if found != (MESSAGES, MEMBERS, THREADS):
        raise InputError(
            f"{where} has {found[0]} messages, {found[1]} members, {found[2]} threads; "
            f"published: {MESSAGES}, {MEMBERS}, {THREADS}",
            code="data.row-count",
            where=where,
        )


def _distinct(column: pa.ChunkedArray) -> int:
    return int(pc.count_distinct(column).as_py())


def _lines(data: bytes, where: str, wanted: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """Yield the wanted fields of each line; the others are dropped as they are read."""
    try:
        reader = csv.reader(io.StringIO(data.decode("utf-8-sig"), newline=""), strict=True)
        header = next(reader, [])
        if missing := [name for name in wanted if name not in header]:
            raise InputError(
                f"{where} lacks the columns {', '.join(missing)}", code="data.columns", where=where
            )
        places = [header.index(name) for name in wanted]
        for line in reader:
            if len(line) != len(header):
                raise _damaged(where, f"line {reader.line_num} has {len(line)} fields")
            yield tuple(line[place] for place in places)
    except (csv.Error, UnicodeDecodeError) as error:
        raise _damaged(where, "not a CSV file in UTF-8") from error


def _role(text: str, where: str) -> int:
    if text not in {"0", "1", "0.0", "1.0"}:
        raise _damaged(where, "a role that is neither 0 nor 1")
    return int(text[0])


def _damaged(where: str, what: str) -> InputError:
    return InputError(f"{where}: {what}", code="data.damaged", where=where)


def _started(thread: str) -> datetime | None:
    found = _STARTED.fullmatch(thread)
    if not found:
        return None
    try:
        return datetime.strptime(found[1], "%Y%m%d-%H%M%S").replace(tzinfo=UTC)
    except ValueError:
        return None


def _masked(text: str) -> str:
    for pattern, placeholder in _MASKS:
        text = pattern.sub(placeholder, text)
    return text
