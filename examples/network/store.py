"""The network's own database: accounts, what they have, what they wrote, who is signed in.

SQLite in one file, which belongs to the network alone. Byleave's ledgers are elsewhere; nothing
here says what anybody agreed to.
"""

from __future__ import annotations

import hashlib
import secrets  # noqa: TID251 (a program of its own)
import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

__all__ = ["Store"]

Row = sqlite3.Row

_SCHEMA: Final = """
CREATE TABLE account (id TEXT PRIMARY KEY, learner TEXT, developer TEXT, premium INTEGER NOT NULL);
CREATE TABLE has (account TEXT, kind TEXT, item TEXT, PRIMARY KEY (account, kind, item)) STRICT;
CREATE TABLE message (
  thread TEXT, seq INTEGER, sender TEXT, recipient TEXT, kind TEXT, at TEXT, text TEXT,
  PRIMARY KEY (thread, seq)) STRICT;
CREATE INDEX message_of ON message (sender, recipient);
CREATE TABLE occupation (role TEXT PRIMARY KEY, title TEXT, needs TEXT) STRICT;
CREATE TABLE session (digest TEXT PRIMARY KEY, account TEXT) STRICT;
CREATE TABLE shown (account TEXT, purpose TEXT, item TEXT, at TEXT) STRICT;
CREATE TABLE told (id TEXT PRIMARY KEY, account TEXT, kind TEXT, scope TEXT, at TEXT, gone INTEGER)
  STRICT;
CREATE TABLE night (number INTEGER PRIMARY KEY, at TEXT, line TEXT) STRICT;
CREATE TABLE fact (name TEXT PRIMARY KEY, value TEXT) STRICT;
"""


def now() -> str:
    """Return this machine's time, to the second."""
    return datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S")  # noqa: TID251 (a program of its own)


class Store:
    """The database; every call is one transaction.

    Args:
        path: Its file; made where there is none.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        if not path.exists():
            with closing(self._open()) as database:
                database.executescript(_SCHEMA)

    def _open(self) -> sqlite3.Connection:
        database = sqlite3.connect(self._path, timeout=30)
        database.row_factory = Row
        return database

    def ask(self, sql: str, *values: object) -> list[Row]:
        """Return the rows of a question."""
        with closing(self._open()) as database:
            return database.execute(sql, values).fetchall()

    def one(self, sql: str, *values: object) -> Row | None:
        """Return the first row of a question, or None."""
        return next(iter(self.ask(sql, *values)), None)

    def do(self, sql: str, *values: object) -> int:
        """Change something; return how many rows were."""
        with closing(self._open()) as database, database:
            return database.execute(sql, values).rowcount

    def fill(self, table: str, rows: Iterable[Sequence[object]]) -> None:
        """Add rows to a table."""
        with closing(self._open()) as database, database:
            for row in rows:
                marks = ", ".join("?" * len(row))
                database.execute(f"INSERT INTO {table} VALUES ({marks})", row)  # noqa: S608

    # facts of the installation

    def fact(self, name: str) -> str | None:
        """Return a fact, or None."""
        row = self.one("SELECT value FROM fact WHERE name = ?", name)
        return None if row is None else str(row["value"])

    def keep(self, name: str, value: str) -> None:
        """Write a fact down, over an older one."""
        self.do("INSERT OR REPLACE INTO fact VALUES (?, ?)", name, value)

    # sessions

    def sign_in(self, account: str) -> str:
        """Start a session; return its secret, which is not kept."""
        secret = secrets.token_urlsafe(32)
        self.do("INSERT INTO session VALUES (?, ?)", _digest(secret), account)
        return secret

    def who(self, secret: str) -> str | None:
        """Return whose session this is, or None."""
        row = self.one("SELECT account FROM session WHERE digest = ?", _digest(secret))
        return None if row is None else str(row["account"])

    def sign_out(self, secret: str) -> None:
        """End a session."""
        self.do("DELETE FROM session WHERE digest = ?", _digest(secret))

    # people

    def account(self, name: str) -> Row | None:
        """Return an account, or None."""
        return self.one("SELECT * FROM account WHERE id = ?", name)

    def has(self, account: str, *kinds: str) -> list[Row]:
        """Return what an account has of these kinds: `skill`, `role`, `item`."""
        marks = ", ".join("?" * len(kinds))
        return self.ask(
            f"SELECT kind, item FROM has WHERE account = ? AND kind IN ({marks}) ORDER BY kind, item",  # noqa: S608
            account,
            *kinds,
        )

    def connections(self, account: str) -> list[str]:
        """Return with whom an account exchanged direct messages; InMail makes no connection."""
        rows = self.ask(
            "SELECT sender AS other FROM message WHERE recipient = ?1 AND kind = 'direct'"
            " UNION SELECT recipient FROM message WHERE sender = ?1 AND kind = 'direct' ORDER BY 1",
            account,
        )
        return [str(row["other"]) for row in rows]

    def feed(self, account: str) -> list[tuple[str, list[str]]]:
        """Return (thing, connections who learn with it), what most of them share first."""
        names = self.connections(account)
        marks = ", ".join("?" * len(names))
        shared: dict[str, list[str]] = {}
        for row in self.ask(
            f"SELECT item, account FROM has WHERE kind = 'item' AND account IN ({marks})"  # noqa: S608
            " ORDER BY item, account",
            *names,
        ):
            shared.setdefault(row["item"], []).append(row["account"])
        most = sorted(shared.items(), key=lambda found: (-len(found[1]), found[0]))[:6]
        return [
            (item, who[n % len(who) :] + who[: n % len(who)]) for n, (item, who) in enumerate(most)
        ]

    # messages

    def threads(self, account: str) -> list[Row]:
        """Return an account's conversations with their last message, newest first."""
        return self.ask(
            "SELECT thread, kind, text, CASE sender WHEN ?1 THEN recipient ELSE sender END AS other"
            " FROM message AS one WHERE ?1 IN (sender, recipient)"
            " AND seq = (SELECT max(seq) FROM message WHERE thread = one.thread)"
            " ORDER BY coalesce(at, '') DESC, thread",
            account,
        )

    def thread(self, account: str, thread: str) -> list[Row]:
        """Return a conversation in order; () unless the account is in it."""
        return self.ask(
            "SELECT * FROM message WHERE thread = ?2 AND ?1 IN (sender, recipient) ORDER BY seq",
            account,
            thread,
        )

    def send(self, thread: str, sender: str, recipient: str, kind: str, text: str) -> None:
        """Add a message to the end of a conversation."""
        self.do(
            "INSERT INTO message SELECT ?1, coalesce(max(seq), -1) + 1, ?2, ?3, ?4, ?5, ?6"
            " FROM message WHERE thread = ?1",
            *(thread, sender, recipient, kind, f"{now().replace(' ', 'T')}+00:00", text),
        )

    # what was shown, and what was heard

    def remember(self, account: str, purpose: str, items: Iterable[str]) -> None:
        """Keep what was suggested to somebody from their own data, for the network's figures."""
        self.fill("shown", [(account, purpose, item, now()) for item in items])

    def hear(self, message: str, event: dict[str, Any]) -> bool:
        """Take a verified no: forget what was shown for it; say whether it was news."""
        account, scope = str(event["member"]), str(event["scope"])
        if self.one("SELECT id FROM told WHERE id = ?", message) is not None:
            return False
        top = scope.partition("/")[0]
        gone = self.do(
            "DELETE FROM shown WHERE account = ?1"
            " AND (?2 = '*' OR purpose = ?2 OR substr(purpose, 1, length(?2) + 1) = ?2 || '.')",
            account,
            top,
        )
        self.fill("told", [(message, account, str(event["kind"]), scope, now(), gone)])
        return True


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
