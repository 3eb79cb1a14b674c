"""What the server remembers of its callers: API tokens, sign-in links, sessions, answered keys.

One SQLite file (`desk.sqlite`) beside the ledgers. Nothing here decides about data: losing the file
signs everybody out and asks them to come in again. Secrets are kept as SHA-256 digests; each has at
least 256 bits from the operating system, so that no slower hash is needed (NIST SP 800-63B-4
§ 3.1.2, look-up secrets). A member is kept by ordinal, never by id.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from byleave.errors import EvidenceError, WorldError

__all__ = ["AnsweredKey", "AskedBefore", "DeskFile", "Grantee", "KeptToken", "OnceOnly", "Webhook"]

_FORMAT: Final = 1
_SCHEMA: Final = """
CREATE TABLE token (
    id TEXT PRIMARY KEY, digest BLOB NOT NULL UNIQUE, role TEXT NOT NULL, subject TEXT NOT NULL,
    scopes TEXT NOT NULL, created_us INTEGER NOT NULL, expires_us INTEGER NOT NULL,
    revoked_us INTEGER
) STRICT;
CREATE TABLE link (
    digest BLOB PRIMARY KEY, role TEXT NOT NULL, subject TEXT NOT NULL,
    expires_us INTEGER NOT NULL, used_us INTEGER
) STRICT;
CREATE TABLE session (
    digest BLOB PRIMARY KEY, role TEXT NOT NULL, subject TEXT NOT NULL,
    created_us INTEGER NOT NULL, expires_us INTEGER NOT NULL
) STRICT;
CREATE TABLE answered (
    caller TEXT NOT NULL, key TEXT NOT NULL, route TEXT NOT NULL, body BLOB NOT NULL,
    at_us INTEGER NOT NULL, status INTEGER, answer BLOB,
    PRIMARY KEY (caller, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX answered_at ON answered (at_us);
CREATE TABLE webhook (
    id TEXT PRIMARY KEY, url TEXT NOT NULL, after_index INTEGER NOT NULL, tries INTEGER NOT NULL,
    next_us INTEGER NOT NULL
) STRICT;
CREATE TABLE dead_letter (
    webhook TEXT NOT NULL, number INTEGER NOT NULL, at_us INTEGER NOT NULL, why TEXT NOT NULL,
    PRIMARY KEY (webhook, number)
) STRICT, WITHOUT ROWID;
"""
_LATER: Final = """
CREATE TABLE IF NOT EXISTS flow (
    digest BLOB PRIMARY KEY, role TEXT NOT NULL, next TEXT NOT NULL, expires_us INTEGER NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS flow_expires ON flow (expires_us);
CREATE TABLE IF NOT EXISTS outside (
    digest BLOB PRIMARY KEY, who BLOB NOT NULL, sid BLOB
) STRICT;
CREATE INDEX IF NOT EXISTS outside_who ON outside (who);
CREATE INDEX IF NOT EXISTS outside_sid ON outside (sid);
CREATE TABLE IF NOT EXISTS token_reason (id TEXT PRIMARY KEY, reason TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS looked (
    caller TEXT NOT NULL, member INTEGER NOT NULL, why BLOB NOT NULL, day INTEGER NOT NULL,
    PRIMARY KEY (caller, member, why)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS logout (
    token BLOB PRIMARY KEY, until_us INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS logout_until ON logout (until_us);
CREATE TABLE IF NOT EXISTS asked (
    member INTEGER NOT NULL, question TEXT NOT NULL, uses TEXT NOT NULL, at_us INTEGER NOT NULL,
    said INTEGER NOT NULL, PRIMARY KEY (member, question)
) STRICT, WITHOUT ROWID;
"""
_FLOWS: Final = 10_000
"""Sign-ins that can be under way at once; the oldest are given up beyond them."""


@dataclass(frozen=True, slots=True)
class Grantee:
    """Whom a secret speaks for.

    Attributes:
        role: Their role, as `portal/access.py` names it.
        subject: Who: a member's ordinal in decimal digits, a recipient's term, or a name.
        scopes: What a token may do; empty for sessions and links.
        reason: Why a token reads members' data; empty where each request says so.
    """

    role: str
    subject: str
    scopes: frozenset[str] = frozenset()
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptToken:
    """An API token as it is listed: never its secret."""

    id: str
    role: str
    subject: str
    scopes: frozenset[str]
    created_us: int
    expires_us: int
    revoked_us: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedBefore:
    """When a member was shown a question in context, without an answer.

    Attributes:
        uses: What it asked for.
        at_us: When.
        said: Whether they said "not now" (1), or nothing came back (0).
    """

    uses: frozenset[str]
    at_us: int
    said: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OnceOnly:
    """A logout token that counts once.

    Attributes:
        token: Digest of its name (`jti`).
        now_us: Now; tokens whose time is over are forgotten.
        until_us: From when its own dates refuse it, so that it need not be remembered.
    """

    token: bytes
    now_us: int
    until_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AnsweredKey:
    """What an idempotency key was used for; `status` is None while nothing was answered."""

    route: str
    body: bytes
    status: int | None
    answer: bytes | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """An address that is told of every no.

    Attributes:
        id: Its name.
        url: Where it is told.
        after: Ledger index of the last event that was delivered, or given up.
        tries: How often the next one failed so far.
        next_us: Not before this instant again.
    """

    id: str
    url: str
    after: int
    tries: int
    next_us: int


class DeskFile:
    """The desk's file, opened by one thread at a time.

    Args:
        path: Of the file; made, readable by its owner alone, where there is none.

    Raises:
        EvidenceError: `desk.damaged`, the file is not one of ours.
        WorldError: `desk.unreadable`, it can be neither read nor made.
    """

    def __init__(self, path: Path) -> None:
        try:
            path.touch(mode=0o600)
            self._db = sqlite3.connect(
                path, isolation_level=None, timeout=10, check_same_thread=False
            )
            # What is lost with the last second of a power cut is a session, or the memory of a
            # key; members' choices are in the ledger, which flushes each of its commits.
            self._db.executescript("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;")
            with self._writing():
                found = self._db.execute("PRAGMA user_version").fetchone()[0]
                if found == 0:
                    for statement in _SCHEMA.split(";\n"):
                        self._db.execute(statement)
                    self._db.execute(f"PRAGMA user_version = {_FORMAT}")
                if found in {0, _FORMAT}:
                    for statement in _LATER.split(";\n"):
                        self._db.execute(statement)
        except sqlite3.DatabaseError as error:
            raise EvidenceError(
                "this is no desk file", code="desk.damaged", where=str(path)
            ) from error
        except OSError as error:
            raise WorldError(
                "the desk file can be neither read nor made",
                code="desk.unreadable",
                where=str(path),
            ) from error
        if found not in {0, _FORMAT}:
            raise EvidenceError(
                f"desk file of version {found}; this is version {_FORMAT}",
                code="desk.damaged",
                where=str(path),
            )

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()

    def version(self) -> int:
        """Return a number that changes when another connection wrote."""
        number: int = self._db.execute("PRAGMA data_version").fetchone()[0]
        return number

    # tokens

    def add_token(
        self, token_id: str, digest: bytes, grantee: Grantee, *, now_us: int, expires_us: int
    ) -> None:
        """Keep a token's digest."""
        with self._writing():
            self._db.execute(
                "INSERT INTO token VALUES (?, ?, ?, ?, ?, ?, ?, NULL)",
                (
                    token_id,
                    digest,
                    grantee.role,
                    grantee.subject,
                    " ".join(sorted(grantee.scopes)),
                    now_us,
                    expires_us,
                ),
            )
            if grantee.reason:
                self._db.execute(
                    "INSERT OR REPLACE INTO token_reason VALUES (?, ?)", (token_id, grantee.reason)
                )

    def token(self, digest: bytes, *, now_us: int) -> tuple[str, Grantee, int] | None:
        """Return (id, whom it speaks for, until when) of a token that is good now."""
        row = self._db.execute(
            "SELECT id, role, subject, scopes, expires_us, coalesce(reason, '') FROM token"
            " LEFT JOIN token_reason USING (id)"
            " WHERE digest = ? AND revoked_us IS NULL AND expires_us > ?",
            (digest, now_us),
        ).fetchone()
        if row is None:
            return None
        return row[0], Grantee(row[1], row[2], frozenset(row[3].split()), row[5]), row[4]

    def tokens(self) -> list[KeptToken]:
        """Return every token ever made, oldest first."""
        rows = self._db.execute(
            "SELECT id, role, subject, scopes, created_us, expires_us, revoked_us FROM token"
            " ORDER BY created_us, id"
        )
        return [
            KeptToken(
                id=r[0],
                role=r[1],
                subject=r[2],
                scopes=frozenset(r[3].split()),
                created_us=r[4],
                expires_us=r[5],
                revoked_us=r[6],
            )
            for r in rows
        ]

    def revoke(self, token_id: str, *, now_us: int) -> bool:
        """End a token; say whether one of that id was good."""
        done = self._db.execute(
            "UPDATE token SET revoked_us = ? WHERE id = ? AND revoked_us IS NULL",
            (now_us, token_id),
        )
        return done.rowcount == 1

    # links and sessions

    def add_link(self, digest: bytes, grantee: Grantee, *, expires_us: int) -> None:
        """Keep a one-time link's digest."""
        self._db.execute(
            "INSERT INTO link VALUES (?, ?, ?, ?, NULL)",
            (digest, grantee.role, grantee.subject, expires_us),
        )

    def link(self, digest: bytes, *, now_us: int) -> bool:
        """Say whether a link can still be used."""
        return (
            self._db.execute(
                "SELECT 1 FROM link WHERE digest = ? AND used_us IS NULL AND expires_us > ?",
                (digest, now_us),
            ).fetchone()
            is not None
        )

    def use_link(self, digest: bytes, *, now_us: int) -> Grantee | None:
        """Use a link up; return whom it lets in, or None where it is unknown, used or over."""
        row = self._db.execute(
            "UPDATE link SET used_us = ? WHERE digest = ? AND used_us IS NULL AND expires_us > ?"
            " RETURNING role, subject",
            (now_us, digest, now_us),
        ).fetchone()
        return None if row is None else Grantee(row[0], row[1])

    def add_session(self, digest: bytes, grantee: Grantee, *, now_us: int, expires_us: int) -> None:
        """Keep a session's digest, and forget sessions and links that are over."""
        with self._writing():
            self._db.execute("DELETE FROM session WHERE expires_us <= ?", (now_us,))
            self._db.execute("DELETE FROM link WHERE expires_us <= ?", (now_us,))
            self._db.execute(
                "INSERT INTO session VALUES (?, ?, ?, ?, ?)",
                (digest, grantee.role, grantee.subject, now_us, expires_us),
            )

    def add_outside(self, digest: bytes, *, who: bytes, sid: bytes | None) -> None:
        """Keep from where a session came, so that its provider can end it.

        Args:
            digest: The session's.
            who: Digest of the person at the provider.
            sid: Digest of their session there; None: it said none.
        """
        with self._writing():
            self._db.execute("DELETE FROM outside WHERE digest NOT IN (SELECT digest FROM session)")
            self._db.execute("INSERT OR REPLACE INTO outside VALUES (?, ?, ?)", (digest, who, sid))

    def end_outside(
        self, *, who: bytes | None, sid: bytes | None, once: OnceOnly | None = None
    ) -> int | None:
        """End the sessions that a provider names; return how many there were.

        None: the token that names them came before, whichever process it came to; nothing is ended.

        Args:
            who: Digest of the person; None: whoever.
            sid: Digest of their session there; None: all of them.
            once: The token; None: whoever asks is no provider.
        """
        with self._writing():
            if once is not None:
                self._db.execute("DELETE FROM logout WHERE until_us <= ?", (once.now_us,))
                new = self._db.execute(
                    "INSERT INTO logout VALUES (?, ?) ON CONFLICT DO NOTHING",
                    (once.token, once.until_us),
                )
                if new.rowcount == 0:
                    return None
            done = self._db.execute(
                "DELETE FROM session WHERE digest IN (SELECT digest FROM outside"
                " WHERE (?1 IS NOT NULL OR ?2 IS NOT NULL)"
                " AND (?1 IS NULL OR who = ?1) AND (?2 IS NULL OR sid = ?2))",
                (who, sid),
            )
        return done.rowcount

    def session(self, digest: bytes, *, now_us: int) -> Grantee | None:
        """Return whom a session speaks for, while it is good."""
        row = self._db.execute(
            "SELECT role, subject FROM session WHERE digest = ? AND expires_us > ?",
            (digest, now_us),
        ).fetchone()
        return None if row is None else Grantee(row[0], row[1])

    def add_flow(
        self, digest: bytes, *, role: str, after: str, now_us: int, expires_us: int
    ) -> None:
        """Keep that a browser began to sign in at a provider.

        Args:
            digest: Of the secret in its cookie.
            role: What it wants to be.
            after: Path of the page it wants to see then.
            now_us: Now; what is over is forgotten.
            expires_us: When it is given up.
        """
        with self._writing():
            self._db.execute("DELETE FROM flow WHERE expires_us <= ?", (now_us,))
            self._db.execute(
                "DELETE FROM flow WHERE digest IN"
                " (SELECT digest FROM flow ORDER BY expires_us DESC LIMIT -1 OFFSET ?)",
                (_FLOWS - 1,),
            )
            self._db.execute(
                "INSERT INTO flow VALUES (?, ?, ?, ?)", (digest, role, after, expires_us)
            )

    def take_flow(self, digest: bytes, *, now_us: int) -> tuple[str, str] | None:
        """Return (role, path of the page) of a sign-in that was begun, once; None: there is none."""
        row = self._db.execute(
            "DELETE FROM flow WHERE digest = ? RETURNING role, next, expires_us", (digest,)
        ).fetchone()
        return None if row is None or row[2] <= now_us else (row[0], row[1])

    def end_session(self, digest: bytes) -> None:
        """Sign out."""
        self._db.execute("DELETE FROM session WHERE digest = ?", (digest,))
        self._db.execute("DELETE FROM outside WHERE digest = ?", (digest,))

    def forget(self, role: str, subject: str) -> None:
        """Forget everything of one caller: links, sessions, tokens, keys, and looks at a member."""
        with self._writing():
            for table in ("link", "session", "token"):
                self._db.execute(
                    f"DELETE FROM {table} WHERE role = ? AND subject = ?",  # noqa: S608 (fixed names)
                    (role, subject),
                )
            self._db.execute("DELETE FROM answered WHERE caller = ?", (f"{role}:{subject}",))
            self._db.execute("DELETE FROM outside WHERE digest NOT IN (SELECT digest FROM session)")
            if role == "member":
                self._db.execute("DELETE FROM looked WHERE member = ?", (int(subject),))
                self._db.execute("DELETE FROM asked WHERE member = ?", (int(subject),))

    # looks

    def looked(self, caller: str, member: int, why: bytes, *, day: int) -> bool:
        """Say whether a look of this caller at this member, for this reason, was logged that day.

        Args:
            caller: Who looks.
            member: At whom, by ordinal.
            why: SHA-256 of the reason.
            day: Days since 1970.
        """
        row = self._db.execute(
            "SELECT 1 FROM looked WHERE caller = ? AND member = ? AND why = ? AND day = ?",
            (caller, member, why, day),
        ).fetchone()
        return row is not None

    def add_look(self, caller: str, member: int, why: bytes, *, day: int) -> None:
        """Remember that such a look was logged; days before are forgotten."""
        with self._writing():
            self._db.execute("DELETE FROM looked WHERE day < ?", (day,))
            self._db.execute(
                "INSERT OR REPLACE INTO looked VALUES (?, ?, ?, ?)", (caller, member, why, day)
            )

    # questions that were put off

    def asked(self, member: int) -> dict[str, AskedBefore]:
        """Return when a member was asked each question that they were asked in context."""
        rows = self._db.execute(
            "SELECT question, uses, at_us, said FROM asked WHERE member = ? ORDER BY question",
            (member,),
        )
        return {
            r[0]: AskedBefore(uses=frozenset(r[1].split()), at_us=r[2], said=r[3]) for r in rows
        }

    def ask(
        self, member: int, question: str, uses: frozenset[str], *, now_us: int, since_us: int
    ) -> bool:
        """Note that a question is shown now; say whether it may be: others may have been faster.

        Args:
            member: To whom, by ordinal.
            question: Its name.
            uses: What it asks for; none has a space in it.
            now_us: Now.
            since_us: If it was shown after this instant, with these uses among its own, it may not.
        """
        with self._writing():
            before = self._db.execute(
                "SELECT uses FROM asked WHERE member = ? AND question = ? AND at_us > ?",
                (member, question, since_us),
            ).fetchone()
            if before is not None and uses <= set(before[0].split()):
                return False
            self._note_asked(member, question, uses, now_us, said=False)
        return True

    def put_off(self, member: int, question: str, uses: frozenset[str], *, now_us: int) -> None:
        """Note that a member said "not now" to a question."""
        with self._writing():
            self._note_asked(member, question, uses, now_us, said=True)

    def _note_asked(
        self, member: int, question: str, uses: frozenset[str], now_us: int, *, said: bool
    ) -> None:
        self._db.execute(
            "INSERT OR REPLACE INTO asked VALUES (?, ?, ?, ?, ?)",
            (member, question, " ".join(sorted(uses)), now_us, int(said)),
        )

    # idempotency keys

    def take_keys(
        self, keys: Sequence[tuple[str, str, str, bytes]], *, now_us: int, until_us: int
    ) -> list[AnsweredKey | None]:
        """Mark keys as in use; return for each what it was used for before, else None.

        Args:
            keys: (caller, key, route, SHA-256 of the body) each; no pair twice.
            now_us: Now.
            until_us: Keys used before this instant are forgotten first.
        """
        found: list[AnsweredKey | None] = []
        with self._writing():
            self._db.execute("DELETE FROM answered WHERE at_us < ?", (until_us,))
            for caller, key, route, body in keys:
                row = self._db.execute(
                    "SELECT route, body, status, answer FROM answered WHERE caller = ? AND key = ?",
                    (caller, key),
                ).fetchone()
                if row is None:
                    self._db.execute(
                        "INSERT INTO answered VALUES (?, ?, ?, ?, ?, NULL, NULL)",
                        (caller, key, route, body, now_us),
                    )
                    found.append(None)
                else:
                    found.append(
                        AnsweredKey(route=row[0], body=row[1], status=row[2], answer=row[3])
                    )
        return found

    def answer_keys(self, answers: Sequence[tuple[str, str, int, bytes]]) -> None:
        """Keep what was answered: (caller, key, status, body) each."""
        with self._writing():
            self._db.executemany(
                "UPDATE answered SET status = ?3, answer = ?4 WHERE caller = ?1 AND key = ?2",
                answers,
            )

    def drop_keys(self, keys: Sequence[tuple[str, str]]) -> None:
        """Forget keys whose request changed nothing, so that they can be used again."""
        with self._writing():
            self._db.executemany("DELETE FROM answered WHERE caller = ? AND key = ?", keys)

    # webhooks

    def add_webhook(self, webhook: Webhook) -> bool:
        """Keep an address; say whether its name is new."""
        done = self._db.execute(
            "INSERT INTO webhook VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
            (webhook.id, webhook.url, webhook.after, webhook.tries, webhook.next_us),
        )
        return done.rowcount == 1

    def webhooks(self) -> list[Webhook]:
        """Return every address."""
        rows = self._db.execute(
            "SELECT id, url, after_index, tries, next_us FROM webhook ORDER BY id"
        )
        return [Webhook(id=r[0], url=r[1], after=r[2], tries=r[3], next_us=r[4]) for r in rows]

    def drop_webhook(self, webhook: str) -> bool:
        """Forget an address; say whether there was one."""
        return self._db.execute("DELETE FROM webhook WHERE id = ?", (webhook,)).rowcount == 1

    def told(self, webhook: str, index: int, *, dead: tuple[int, str] | None = None) -> None:
        """Note that an event was delivered, or with `dead` (now, why) given up."""
        with self._writing():
            self._db.execute(
                "UPDATE webhook SET after_index = ?, tries = 0, next_us = 0 WHERE id = ?",
                (index, webhook),
            )
            if dead is not None:
                self._db.execute(
                    "INSERT OR REPLACE INTO dead_letter VALUES (?, ?, ?, ?)",
                    (webhook, index, *dead),
                )

    def failed(self, webhook: str, *, next_us: int) -> None:
        """Note that a delivery failed, and when to try again."""
        self._db.execute(
            "UPDATE webhook SET tries = tries + 1, next_us = ? WHERE id = ?", (next_us, webhook)
        )

    def dead_letters(self, webhook: str) -> list[tuple[int, int, str]]:
        """Return (ledger index, when, why) of what was given up."""
        return self._db.execute(
            "SELECT number, at_us, why FROM dead_letter WHERE webhook = ? ORDER BY number",
            (webhook,),
        ).fetchall()

    @contextmanager
    def _writing(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")
