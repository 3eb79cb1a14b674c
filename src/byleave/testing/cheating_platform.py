"""The platform that cheats: one way per method, with the operator's full access to its own files.

Each cheat edits a workspace as somebody with the database, the disk and the keys could. Tests
then ask who notices: `fsck`, the replay of a gate, the opening of a snapshot, a refit, a member
with a receipt, or an outsider with an older checkpoint.
"""

from __future__ import annotations

import io
import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

__all__ = ["CheatingPlatform"]

_DAY_US = 86_400_000_000


class CheatingPlatform:
    """A workspace in the hands of an operator who covers tracks.

    Args:
        workspace: Folder of a closed workspace.
    """

    def __init__(self, workspace: Path) -> None:
        self.path = workspace

    def drops_a_withdrawal(self) -> int:
        """Delete the last withdrawal from the ledger; return its index."""
        with self._ledger() as db:
            index = db.execute("SELECT max(idx) FROM events WHERE kind = 3").fetchone()[0]
            db.execute("DELETE FROM events WHERE idx = ?", (index,))
        return int(index)

    def back_dates_a_grant(self) -> int:
        """Let the first grant take effect a year earlier; return its index."""
        with self._ledger() as db:
            index = db.execute("SELECT min(idx) FROM events WHERE kind = 1").fetchone()[0]
            db.execute(
                "UPDATE events SET effective_us = effective_us - ? WHERE idx = ?",
                (365 * _DAY_US, index),
            )
        return int(index)

    def widens_a_grant(self) -> int:
        """Let the first grant cover the past too; return its index."""
        with self._ledger() as db:
            index = db.execute(
                "SELECT min(idx) FROM events WHERE kind = 1 AND includes_past = 0"
            ).fetchone()[0]
            db.execute("UPDATE events SET includes_past = 1 WHERE idx = ?", (index,))
        return int(index)

    def invents_a_grant(self, ordinal: int, scope: str, notice: str) -> None:
        """Insert a grant that nobody gave, without a log entry."""
        with self._ledger() as db:
            index = db.execute("SELECT max(idx) FROM events").fetchone()[0] + 1_000_000
            terms = []
            for text in (scope, notice):
                db.execute("INSERT OR IGNORE INTO terms(text) VALUES (?)", (text,))
                row = db.execute("SELECT id FROM terms WHERE text = ?", (text,)).fetchone()
                terms.append(row[0])
            db.execute(
                "INSERT INTO events SELECT ?, ?, 1, ?, effective_us, recorded_us, NULL, 1, ?, 2,"
                " channel, salt, original_us, evidence FROM events LIMIT 1",
                (index, ordinal, *terms),
            )

    def swaps_the_notice(self, notice: str, text: str) -> None:
        """Change the text that members are said to have seen."""
        self._edit("notice", notice, text=text)

    def rewrites_the_policy(self, name: str, text: str) -> None:
        """Change a published document after the fact."""
        self._edit("policy", name, text=text)

    def hides_a_recipient(self, disclosure: str) -> None:
        """Forget that a package was ever offered."""
        with self._ledger() as db:
            db.execute("DELETE FROM objects WHERE kind = 'disclosure' AND id = ?", (disclosure,))

    def improves_the_gate(self, gate: str) -> None:
        """Report one row fewer as kept than the gate let through; the counts still sum."""
        with self._ledger() as db:
            row = db.execute(
                "SELECT document FROM objects WHERE kind = 'gate' AND id = ?", (gate,)
            ).fetchone()
        record = json.loads(row[0])
        reasons = {**record["reasons"], "refused": record["reasons"].get("refused", 0) + 1}
        self._edit("gate", gate, kept=record["kept"] - 1, reasons=reasons)

    def trains_on_an_ungated_row(self, snapshot: str) -> None:
        """Slip a row into the data file of a sealed snapshot."""
        place = self.path / "snapshots" / snapshot / "data.parquet"
        table = pq.read_table(place)
        sink = io.BytesIO()
        pq.write_table(pa.concat_tables([table, table.slice(0, 1)]), sink)
        place.write_bytes(sink.getvalue())

    def forges_an_unlearning(self, old: str, new: str) -> None:
        """Put the old model's files where the unlearned one's are."""
        for name in ("model.json", "weights.safetensors"):
            data = (self.path / "releases" / old / name).read_bytes()
            (self.path / "releases" / new / name).write_bytes(data)

    def rewrites_the_log(self, index: int) -> None:
        """Change an entry that was published, in the ledger's copy."""
        with self._ledger() as db:
            table, column, key = "log_entries", "entry", "idx"
            found = db.execute("SELECT idx, entry FROM log_entries WHERE idx = ?", (index,))
            row = found.fetchone()
            skip = 0
            if row is None:  # in a bundle with its neighbours, all alike
                table, column, key = "log_bundles", "data", "first"
                row = db.execute(
                    "SELECT first, data FROM log_bundles WHERE first <= ? ORDER BY first DESC",
                    (index,),
                ).fetchone()
                skip = (index - row[0]) * (2 + int.from_bytes(row[1][:2], "big"))
            data = bytearray(row[1])
            at = data.index(b'":"', skip) + 3
            data[at] = ord("0") if data[at] != ord("0") else ord("1")
            sql = f"UPDATE {table} SET {column} = ? WHERE {key} = ?"  # noqa: S608 (names above)
            db.execute(sql, (bytes(data), row[0]))

    def starts_the_log_again(self) -> None:
        """Throw the published log and its head away, so that history can be written anew."""
        for path in sorted((self.path / "log").rglob("*"), reverse=True):
            path.unlink() if path.is_file() else path.rmdir()
        with self._ledger() as db:
            db.execute("DELETE FROM log_head")

    def _edit(self, kind: str, name: str, **changes: object) -> None:
        with self._ledger() as db:
            row = db.execute(
                "SELECT document FROM objects WHERE kind = ? AND id = ?", (kind, name)
            ).fetchone()
            document = {**json.loads(row[0]), **changes}
            text = json.dumps(document, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
            db.execute(
                "UPDATE objects SET document = ? WHERE kind = ? AND id = ?",
                (text.encode(), kind, name),
            )

    @contextmanager
    def _ledger(self) -> Iterator[sqlite3.Connection]:
        with closing(sqlite3.connect(self.path / "ledger.sqlite")) as db:
            yield db
            db.commit()
