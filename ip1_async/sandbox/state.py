"""What the sandbox remembers: one SQLite database, in a file or in memory, used by one thread."""

from __future__ import annotations

import os
import re
import sqlite3
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from ip1_async.clock import Clock
from ip1_async.sandbox.pace import Pace

MAIN_ACCOUNT = "ip1-10000"
_VERSION = 2
_APPLICATION = 0x69503173
"""Tells our files from other people's databases."""

_schemas: list[str] = [
    """
CREATE TABLE IF NOT EXISTS counter (last INTEGER NOT NULL, time TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS accounts (
    id TEXT UNIQUE, parent TEXT, name TEXT NOT NULL, key TEXT UNIQUE, type TEXT, currency TEXT, balance REAL,
    organization TEXT, created TEXT
);
CREATE TABLE IF NOT EXISTS senders (account TEXT, sender TEXT, created TEXT, PRIMARY KEY (account, sender)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS blacklist (
    account TEXT, msisdn TEXT, created TEXT, PRIMARY KEY (account, msisdn)
) WITHOUT ROWID;
"""
]


def schema(sql: str) -> None:
    """Adds tables of an area; they are made when a database is opened."""
    _schemas.append(sql)


def stamp(at: datetime) -> str:
    """A time as the API writes it."""
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def stamp_at(seconds: float) -> str:
    """The same, of a time in seconds."""
    return stamp(datetime.fromtimestamp(seconds, UTC))


class Unusable(OSError):
    """The database cannot be used."""


class State:
    """The database and the sandbox's own time, which never goes backwards, also not over a restart."""

    def __init__(self, path: str | Path | None, clock: Clock, *, token: str = "sandbox", speed: float = 1.0) -> None:
        self.db = _opened(path)
        self._prepare(token, clock.now())
        self._last, time = self.db.execute("SELECT last, time FROM counter").fetchone()
        self.pace = Pace(clock, speed=speed, not_before=datetime.fromisoformat(time))

    def now(self) -> datetime:
        """The sandbox's time."""
        return self.pace.now()

    def numbers(self, count: int = 1) -> int:
        """The first of so many fresh numbers that follow each other."""
        first: int = self._last + 1
        self._last += count
        return first

    def new_id(self) -> str:
        """A fresh id: 24 hexadecimal characters, greater than all before."""
        return id_of(self.numbers())

    @contextmanager
    def transaction(self) -> Generator[None]:
        """All of what is written inside, or nothing."""
        self.db.execute("BEGIN IMMEDIATE")
        changes = self.db.total_changes
        try:
            yield
            if self.db.total_changes != changes:
                self._remember()
        except BaseException:
            self.db.execute("ROLLBACK")
            raise
        self.db.execute("COMMIT")

    def _remember(self) -> None:
        """Where ids and time have come to."""
        self.db.execute("UPDATE counter SET last = ?, time = ?", (self._last, self.now().isoformat()))

    def account_of(self, token: str) -> str | None:
        """The account that a token belongs to."""
        row = self.db.execute("SELECT id FROM accounts WHERE key = ?", (token,)).fetchone()
        return None if row is None else row[0]

    def forget(self, token: str) -> None:
        """Everything but time and what an empty database has; fresh ids still go on."""
        for (table,) in self.db.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            if table != "counter":
                self.db.execute(f"DELETE FROM {table}")
        self._begin(token, stamp(self.now()))

    def close(self) -> None:
        """What was looked at last stays as late as it was."""
        self._remember()
        self.db.close()

    def _prepare(self, token: str, time: datetime) -> None:
        for sql in _schemas:
            self.db.executescript(sql)
        now = stamp(time)
        if self.db.execute("SELECT 1 FROM counter").fetchone() is None:
            self.db.execute("INSERT INTO counter VALUES (?, ?)", (1, time.isoformat()))
            self._begin(token, now)
        self.db.execute("UPDATE accounts SET key = ? WHERE id = ?", (token, MAIN_ACCOUNT))
        self.db.execute(f"PRAGMA application_id = {_APPLICATION}")
        self.db.execute(f"PRAGMA user_version = {_VERSION}")

    def _begin(self, token: str, now: str) -> None:
        self.db.execute(
            "INSERT INTO accounts VALUES (?, NULL, 'Sandbox', ?, 'Swedish', 'SEK', 1000000.0, 'Sandbox AB', ?)",
            (MAIN_ACCOUNT, token, now),
        )
        self.db.executemany(
            "INSERT INTO senders VALUES (?, ?, ?)", [(MAIN_ACCOUNT, "iP1", now), (MAIN_ACCOUNT, "iP1sms", now)]
        )


def id_of(number: int) -> str:
    """A number as an id of the API."""
    return f"6a{number:022x}"


_ours = re.compile(r"6a[0-9a-f]{22}").fullmatch


def number_of(id: str) -> int:
    """The number behind an id; -1 for what is none of ours."""
    number = int(id[2:], 16) if _ours(id) else -1
    # What SQLite has room for.
    return number if number < 1 << 62 else -1


def _opened(path: str | Path | None) -> sqlite3.Connection:
    name = ":memory:" if path is None else str(path)
    try:
        if path is not None and not os.path.exists(name):
            os.close(os.open(name, os.O_CREAT | os.O_RDWR, 0o600))
        db = sqlite3.connect(name, isolation_level=None, check_same_thread=False)
        application = db.execute("PRAGMA application_id").fetchone()[0]
        tables = db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        version = db.execute("PRAGMA user_version").fetchone()[0]
    except (OSError, sqlite3.Error) as error:
        raise Unusable(f"the sandbox cannot use {name}: {error}") from None
    if tables and application != _APPLICATION:
        db.close()
        raise Unusable(f"{name} is a database of something else; give the sandbox a file of its own")
    if tables and version != _VERSION:
        db.close()
        raise Unusable(f"{name} was written by another version of the sandbox; give it a new file")
    db.row_factory = sqlite3.Row
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = NORMAL")
    return db
