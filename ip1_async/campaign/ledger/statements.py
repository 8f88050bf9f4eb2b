"""The tables of a ledger and every statement that moves a chunk: each one guards itself by state, epoch and lease."""

from __future__ import annotations

from typing import Final

APPLICATION: Final = 0x69503163
VERSION: Final = 1
"""Of the tables below; a ledger of another version is refused."""

SCHEMA: Final = f"""
CREATE TABLE campaign (
    one INTEGER PRIMARY KEY CHECK (one = 1), id TEXT NOT NULL, source TEXT NOT NULL, planned REAL NOT NULL,
    orders TEXT NOT NULL, plan TEXT NOT NULL, anchor TEXT, paused TEXT NOT NULL DEFAULT '', began REAL,
    purged INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE TABLE owner (
    one INTEGER PRIMARY KEY CHECK (one = 1), lease INTEGER NOT NULL, owner TEXT NOT NULL, since REAL NOT NULL,
    until REAL NOT NULL, holds REAL NOT NULL
) STRICT;
CREATE TABLE people (id INTEGER PRIMARY KEY, recipients BLOB NOT NULL, rows BLOB NOT NULL) STRICT;
CREATE TABLE chunks (
    id INTEGER PRIMARY KEY, people INTEGER NOT NULL, first INTEGER NOT NULL, size INTEGER NOT NULL,
    recipients INTEGER NOT NULL, text TEXT NOT NULL, zone TEXT NOT NULL, parent INTEGER,
    state TEXT NOT NULL DEFAULT 'PENDING', attempt INTEGER NOT NULL DEFAULT 0, epoch INTEGER NOT NULL DEFAULT 0,
    intent_at REAL, not_before REAL NOT NULL DEFAULT 0, batch TEXT, messages INTEGER, reason TEXT NOT NULL DEFAULT '',
    acknowledged INTEGER NOT NULL DEFAULT 0, settled_at REAL
) STRICT;
CREATE INDEX chunks_pending ON chunks (id) WHERE state = 'PENDING';
CREATE INDEX chunks_by_state ON chunks (state, id);
CREATE TABLE drops (row INTEGER NOT NULL, reason TEXT NOT NULL) STRICT;
CREATE TABLE left_out (
    people INTEGER NOT NULL, position INTEGER NOT NULL, row INTEGER NOT NULL, reason TEXT NOT NULL, at REAL NOT NULL,
    PRIMARY KEY (people, position)
) STRICT, WITHOUT ROWID;
CREATE TABLE incidents (at REAL NOT NULL, chunk INTEGER NOT NULL, words TEXT NOT NULL, UNIQUE (chunk, words)) STRICT;
CREATE TABLE deliveries (chunk INTEGER PRIMARY KEY, read REAL NOT NULL, final INTEGER NOT NULL, states BLOB NOT NULL) STRICT;
PRAGMA application_id = {APPLICATION};
PRAGMA user_version = {VERSION};
"""

SETTINGS: Final = (
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",
    "PRAGMA busy_timeout = 30000",
    "PRAGMA fullfsync = ON",
    "PRAGMA checkpoint_fullfsync = ON",
)
"""What makes a commit durable: only FULL flushes the log before a commit returns."""

OWNED: Final = "EXISTS (SELECT 1 FROM owner WHERE lease = :lease)"
GUARD: Final = f"id = :id AND state = :from AND epoch = :epoch AND {OWNED}"
COLUMNS: Final = (
    "id, state, attempt, epoch, recipients, text, zone, batch, reason, intent_at, acknowledged, messages, settled_at"
)

TAKE: Final = """
    INSERT INTO owner (one, lease, owner, since, until, holds) VALUES (1, 1, :owner, :at, :until, :until - :at)
    ON CONFLICT (one) DO UPDATE SET lease = lease + 1, owner = :owner, since = :at, until = :until, holds = :until - :at
    WHERE lease = :seen RETURNING lease
"""
HOLD: Final = "UPDATE owner SET until = max(until, :at + holds) WHERE lease = :lease"
"""Goes with every claim: a request is written no later than a lease lasts, so nobody takes over before."""
TAKE_OVER: Final = f"""
    UPDATE chunks SET state = 'UNKNOWN', epoch = epoch + 1, settled_at = :at,
        reason = CASE state WHEN 'SENDING' THEN 'its process ended before the answer came' ELSE reason END
    WHERE state IN ('SENDING', 'UNKNOWN') AND {OWNED} RETURNING id
"""
CLAIM: Final = f"""
    UPDATE chunks SET state = 'SENDING', attempt = attempt + 1, epoch = epoch + 1, intent_at = :at, reason = '',
        acknowledged = 0
    WHERE id = (
        SELECT id FROM chunks WHERE state = 'PENDING' AND not_before <= :at
        AND zone IN (SELECT value FROM json_each(:zones)) ORDER BY id LIMIT 1
    ) AND state = 'PENDING' AND {OWNED} RETURNING {COLUMNS}
"""
ACCEPT: Final = f"""
    UPDATE chunks SET state = 'ACCEPTED', batch = :batch, messages = :messages, settled_at = :at, reason = ''
    WHERE {GUARD} RETURNING id
"""
GIVE_BACK: Final = f"""
    UPDATE chunks SET state = 'PENDING', not_before = :not_before, reason = :reason WHERE {GUARD} RETURNING id
"""
REJECT: Final = f"""
    UPDATE chunks SET state = 'REJECTED', reason = :reason, settled_at = :at WHERE {GUARD} RETURNING id
"""
SPLIT: Final = f"""
    UPDATE chunks SET state = 'SPLIT', reason = :reason, settled_at = :at WHERE {GUARD}
    RETURNING people, first, size, text, zone
"""
HALF: Final = """
    INSERT INTO chunks (people, first, size, text, zone, parent, recipients) SELECT :people, :first, :size, :text, :zone, :id,
        :size - (SELECT count(*) FROM left_out
                 WHERE people = :people AND position >= :first AND position < :first + :size)
"""
DOUBT: Final = f"""
    UPDATE chunks SET state = 'UNKNOWN', reason = :reason, acknowledged = :acknowledged, settled_at = :at
    WHERE {GUARD} RETURNING id
"""
ABSENT: Final = f"""
    UPDATE chunks SET state = :to, settled_at = :at, not_before = 0 WHERE {GUARD} RETURNING id
"""
ADOPT: Final = """
    UPDATE chunks SET state = 'ACCEPTED', batch = :batch, messages = NULL, epoch = epoch + 1, settled_at = :at, reason = ''
    WHERE id = :id AND state IN ('PENDING', 'UNKNOWN', 'REVIEW') RETURNING id
"""
DECIDE: Final = """
    UPDATE chunks SET state = :to, epoch = epoch + 1, settled_at = :at, not_before = 0,
        reason = CASE :to WHEN 'ACCEPTED' THEN 'a person decided that it was sent' ELSE 'a person decided to send it again' END
    WHERE id = :id AND state = 'REVIEW' RETURNING id
"""
LEAVE_OUT: Final = f"UPDATE chunks SET recipients = recipients - :count WHERE {GUARD} RETURNING {COLUMNS}"
