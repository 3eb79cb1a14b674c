"""The schema of the ledgers, as numbered steps; a ledger's version is how many it has taken.

A new ledger takes all of them, an older one those it lacks, in one transaction. A step that was
published is never changed: what has to change comes as a new step. docs/spec/ledger.md describes
what they lead to.
"""

from __future__ import annotations

from typing import Final

__all__ = ["POSTGRES", "SQLITE"]

SQLITE: Final = (
    """
    CREATE TABLE members (
        ordinal INTEGER PRIMARY KEY, member TEXT NOT NULL UNIQUE, secret BLOB,
        enrolment INTEGER NOT NULL UNIQUE, enrolled_us INTEGER NOT NULL) STRICT;
    CREATE TABLE regions (
        ordinal INTEGER NOT NULL REFERENCES members(ordinal), from_us INTEGER NOT NULL,
        region TEXT NOT NULL, PRIMARY KEY (ordinal, from_us)) STRICT, WITHOUT ROWID;
    CREATE TABLE events (
        idx INTEGER PRIMARY KEY, ordinal INTEGER NOT NULL REFERENCES members(ordinal),
        kind INTEGER NOT NULL, scope TEXT NOT NULL, effective_us INTEGER NOT NULL,
        recorded_us INTEGER NOT NULL, expires_us INTEGER, includes_past INTEGER NOT NULL,
        notice TEXT, grade INTEGER NOT NULL, channel TEXT NOT NULL, salt BLOB NOT NULL) STRICT;
    CREATE INDEX events_by_member ON events(ordinal, idx);
    CREATE TABLE objects (
        idx INTEGER PRIMARY KEY, kind TEXT NOT NULL, id TEXT NOT NULL, at_us INTEGER NOT NULL,
        document BLOB NOT NULL, UNIQUE (kind, id)) STRICT;
    CREATE TABLE log_entries (idx INTEGER PRIMARY KEY, entry BLOB NOT NULL) STRICT;
    CREATE TABLE log_head (
        id INTEGER PRIMARY KEY CHECK (id = 1), checkpoint BLOB NOT NULL) STRICT;
    """,
    # What imports claim of an event, and days of birth.
    """
    ALTER TABLE events ADD COLUMN original_us INTEGER;
    ALTER TABLE events ADD COLUMN evidence TEXT;
    CREATE TABLE births (
        ordinal INTEGER NOT NULL REFERENCES members(ordinal), from_us INTEGER NOT NULL,
        day INTEGER NOT NULL, PRIMARY KEY (ordinal, from_us)) STRICT, WITHOUT ROWID;
    """,
    # Scopes, notices and channels once each; that an ordinal exists is checked per transaction.
    """
    CREATE TABLE terms (id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE) STRICT;
    INSERT INTO terms(text)
        SELECT scope FROM events UNION SELECT channel FROM events
        UNION SELECT notice FROM events WHERE notice IS NOT NULL;
    DROP INDEX events_by_member;
    ALTER TABLE events RENAME TO events_2;
    CREATE TABLE events (
        idx INTEGER PRIMARY KEY, ordinal INTEGER NOT NULL, kind INTEGER NOT NULL,
        scope INTEGER NOT NULL, effective_us INTEGER NOT NULL, recorded_us INTEGER NOT NULL,
        expires_us INTEGER, includes_past INTEGER NOT NULL, notice INTEGER,
        grade INTEGER NOT NULL, channel INTEGER NOT NULL, salt BLOB NOT NULL,
        original_us INTEGER, evidence TEXT) STRICT;
    INSERT INTO events
        SELECT idx, ordinal, kind, (SELECT id FROM terms WHERE text = scope), effective_us,
               recorded_us, expires_us, includes_past, (SELECT id FROM terms WHERE text = notice),
               grade, (SELECT id FROM terms WHERE text = channel), salt,
               original_us, evidence
        FROM events_2 ORDER BY idx;
    DROP TABLE events_2;
    CREATE INDEX events_by_member ON events(ordinal, idx);
    """,
    # Whose region or birth was written, transaction by transaction: ordinals, int64 little-endian.
    """
    CREATE TABLE fact_tail (seq INTEGER PRIMARY KEY, ordinals BLOB NOT NULL) STRICT;
    """,
    # The groups that members are in: names, ascending, a space between.
    """
    CREATE TABLE member_groups (
        ordinal INTEGER NOT NULL REFERENCES members(ordinal), from_us INTEGER NOT NULL,
        names TEXT NOT NULL, PRIMARY KEY (ordinal, from_us)) STRICT, WITHOUT ROWID;
    """,
    # Entries of a transaction that has many of them (stores/sqlite_entries.py).
    """
    CREATE TABLE log_bundles (
        first INTEGER PRIMARY KEY, entries INTEGER NOT NULL, data BLOB NOT NULL) STRICT;
    """,
    # What follows the commitment in all entries of a bundle, where they differ by it alone.
    """
    ALTER TABLE log_bundles ADD COLUMN tail BLOB;
    """,
)

# Texts that come from outside are kept as their UTF-8 bytes: PostgreSQL's text holds no U+0000,
# and bytes compare alike under every collation.
POSTGRES: Final = (
    """
    CREATE TABLE members (
        ordinal BIGINT PRIMARY KEY, enrolment BIGINT NOT NULL UNIQUE, enrolled_us BIGINT NOT NULL,
        member BYTEA NOT NULL UNIQUE, secret BYTEA);
    CREATE TABLE regions (
        ordinal BIGINT NOT NULL, from_us BIGINT NOT NULL, region BYTEA NOT NULL,
        PRIMARY KEY (ordinal, from_us));
    CREATE TABLE births (
        ordinal BIGINT NOT NULL, from_us BIGINT NOT NULL, day BIGINT NOT NULL,
        PRIMARY KEY (ordinal, from_us));
    CREATE TABLE terms (id INTEGER PRIMARY KEY, text BYTEA NOT NULL UNIQUE);
    CREATE TABLE events (
        idx BIGINT PRIMARY KEY, ordinal BIGINT NOT NULL, effective_us BIGINT NOT NULL,
        recorded_us BIGINT NOT NULL, expires_us BIGINT, scope INTEGER NOT NULL, notice INTEGER,
        channel INTEGER NOT NULL, kind SMALLINT NOT NULL, grade SMALLINT NOT NULL,
        includes_past SMALLINT NOT NULL, salt BYTEA NOT NULL, original_us BIGINT, evidence BYTEA);
    CREATE INDEX events_by_member ON events(ordinal, idx);
    CREATE TABLE objects (
        idx BIGINT PRIMARY KEY, at_us BIGINT NOT NULL, kind BYTEA NOT NULL, id BYTEA NOT NULL,
        document BYTEA NOT NULL, UNIQUE (kind, id));
    CREATE TABLE log_entries (idx BIGINT PRIMARY KEY, entry BYTEA NOT NULL);
    CREATE TABLE log_head (
        id INTEGER PRIMARY KEY CHECK (id = 1), checkpoint BYTEA NOT NULL);
    """,
    # How many log entries and members there are and when the last event was recorded, in one row:
    # looked for at the ends of the tables, they stand behind every row of an open transaction.
    """
    CREATE TABLE ledger_ends (
        id INTEGER PRIMARY KEY CHECK (id = 1), entries BIGINT NOT NULL, members BIGINT NOT NULL,
        last_recorded BIGINT) WITH (fillfactor = 10);
    INSERT INTO ledger_ends SELECT
        1, (SELECT coalesce(max(idx) + 1, 0) FROM log_entries),
        (SELECT coalesce(max(ordinal) + 1, 0) FROM members),
        (SELECT recorded_us FROM events ORDER BY idx DESC LIMIT 1);
    """,
    # Whose region or birth was written, transaction by transaction: ordinals, int64 little-endian.
    """
    CREATE TABLE fact_tail (seq BIGINT PRIMARY KEY, ordinals BYTEA NOT NULL);
    """,
    # The groups that members are in: names, ascending, a space between.
    """
    CREATE TABLE member_groups (
        ordinal BIGINT NOT NULL, from_us BIGINT NOT NULL, names BYTEA NOT NULL,
        PRIMARY KEY (ordinal, from_us));
    """,
)
