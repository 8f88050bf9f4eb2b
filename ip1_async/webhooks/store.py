"""What was told and what has been done about it, in one SQLite file or in memory."""

from __future__ import annotations

import contextlib
import fcntl
import json
import logging
import os
import sqlite3
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import IO, Protocol

from attrs import frozen

from ip1_async.commits import Commits
from ip1_async.models import DeliveryReport
from ip1_async.webhooks.events import Event, NotAnEvent, parse
from ip1_async.webhooks.truth import MessageState, later, state_of

log = logging.getLogger("ip1_async.webhooks")

_APPLICATION = 0x69503177


@frozen
class Added:
    """What became of an event that was told."""

    new: bool
    """False for one that was told before."""
    state: MessageState | None
    """The message's, where the report moved it."""


@frozen
class Waiting:
    """An event whose handlers have not all run."""

    event: Event
    tries: int
    done: frozenset[str]
    """The names of the handlers that have run."""


class Store(Protocol):
    """What `Webhooks` needs of a database; `SQLiteStore` has it. Times are seconds since 1970."""

    async def add(self, event: Event, *, at: float, due: float, held: bool) -> Added:
        """Keep an event, so that it is never lost, unless it is kept already; handlers are due then, at the latest.

        A report of a batch that was joined is due at once. Unless it is *held*, it moves the message's state.
        """
        ...

    async def move(self, event: Event) -> Added:
        """Let a held report move its message's state."""
        ...

    async def waiting(self, at: float, most: int, busy: Collection[str]) -> Sequence[Waiting]:
        """Events whose handlers are due, the oldest first, but for those of *busy* messages."""
        ...

    async def next_due(self, busy: Collection[str]) -> float | None:
        """When the next handlers are due, but for those of *busy* messages."""
        ...

    async def done(self, event: Event, handlers: frozenset[str]) -> None:
        """These handlers have run."""
        ...

    async def finish(self, event: Event) -> None:
        """All handlers have run, or never will."""
        ...

    async def drop(self, event: Event) -> None:
        """It was not true: the true one may still come under the same key."""
        ...

    async def again(self, event: Event, due: float) -> None:
        """A handler failed."""
        ...

    async def state(self, message: str) -> MessageState | None:
        """Where a message has got to."""
        ...

    async def states(self, batch: str) -> Sequence[MessageState]:
        """Where the messages of a batch have got to."""
        ...

    async def join(self, batch: str, at: float) -> None:
        """A batch is known here: handlers of its reports need not wait any more."""
        ...

    async def unsettled(self, at: float, after: float, most: int) -> Sequence[tuple[str, float]]:
        """Batches that were first heard of so long ago, may have messages under way, and are due for a look; with when
        they were first heard of."""
        ...

    async def looked(self, batch: str, again: float | None) -> None:
        """A batch was read; when to look again, None for never."""
        ...

    async def forget(self, before: float) -> None:
        """What was told before and needs nothing more; the states of its batches, too."""
        ...

    def lead(self) -> bool:
        """Whether this process is the one that runs handlers; of several with the same database one is, while it lives."""
        ...

    async def close(self) -> None: ...


_SCHEMA = f"""
CREATE TABLE IF NOT EXISTS events (
    key TEXT PRIMARY KEY, message TEXT NOT NULL, batch TEXT NOT NULL, body BLOB NOT NULL, told REAL NOT NULL, due REAL,
    tries INTEGER NOT NULL DEFAULT 0, done TEXT NOT NULL DEFAULT '[]'
);
CREATE INDEX IF NOT EXISTS events_by_due ON events (due) WHERE due IS NOT NULL;
CREATE INDEX IF NOT EXISTS events_by_batch ON events (batch) WHERE due IS NOT NULL;
CREATE TABLE IF NOT EXISTS states (message TEXT PRIMARY KEY, batch TEXT NOT NULL, body BLOB NOT NULL);
CREATE INDEX IF NOT EXISTS states_by_batch ON states (batch);
CREATE TABLE IF NOT EXISTS batches (
    batch TEXT PRIMARY KEY, known REAL NOT NULL, joined INTEGER NOT NULL, look REAL
);
CREATE INDEX IF NOT EXISTS batches_by_look ON batches (look) WHERE look IS NOT NULL;
PRAGMA application_id = {_APPLICATION};
"""


_IDLE = "message NOT IN (SELECT value FROM json_each(?))"


class SQLiteStore:
    """Keeps everything in one SQLite file that survives restarts, or in memory without one; raises `OSError` for a file
    that is something else.

    Events that come at the same time are committed together, on a thread of the store's own: the event loop never waits
    for a disk. The file is readable by its owner only, for it holds numbers and texts.
    """

    def __init__(self, path: str | Path | None = None) -> None:
        self._path = None if path is None else Path(path)
        self._commits = Commits(lambda: _opened(self._path), "ip1 webhooks, store")
        self._commits.open()
        self._lock: IO[bytes] | None = None

    async def add(self, event: Event, *, at: float, due: float, held: bool) -> Added:
        def work(db: sqlite3.Connection) -> Added:
            batch = event.value.batch_id
            joined = db.execute("SELECT joined FROM batches WHERE batch = ?", (batch,)).fetchone()
            given = (event.key, event.message, batch, event.body, at, at if joined and joined[0] else due)
            made = db.execute(
                "INSERT OR IGNORE INTO events (key, message, batch, body, told, due) VALUES (?, ?, ?, ?, ?, ?)", given
            )
            if not made.rowcount:
                return Added(new=False, state=None)
            if event.kind == "report" and joined is None:
                db.execute("INSERT INTO batches VALUES (?, ?, 0, ?)", (batch, at, at))
            return Added(new=True, state=None if held else _moved(db, event))

        return await self._commits.do(work)

    async def move(self, event: Event) -> Added:
        return await self._commits.do(lambda db: Added(new=False, state=_moved(db, event)))

    async def waiting(self, at: float, most: int, busy: Collection[str]) -> Sequence[Waiting]:
        query = f"SELECT key, body, tries, done FROM events WHERE due <= ? AND {_IDLE} ORDER BY due, rowid LIMIT ?"

        def work(db: sqlite3.Connection) -> Sequence[Waiting]:
            found: list[Waiting] = []
            for key, body, tries, done in db.execute(query, (at, json.dumps(list(busy)), most)).fetchall():
                try:
                    found.append(Waiting(parse(body), tries, frozenset(json.loads(done))))
                except NotAnEvent:
                    # Of another version, or damaged: it must not hold up the others.
                    log.error("an event in the store cannot be read, and is passed over")
                    db.execute("UPDATE events SET due = NULL WHERE key = ?", (key,))
            return found

        return await self._commits.do(work)

    async def next_due(self, busy: Collection[str]) -> float | None:
        query = f"SELECT min(due) FROM events WHERE due IS NOT NULL AND {_IDLE}"
        found: float | None = (
            await self._commits.do(lambda db: db.execute(query, (json.dumps(list(busy)),)).fetchone())
        )[0]
        return found

    async def done(self, event: Event, handlers: frozenset[str]) -> None:
        await self._commits.run("UPDATE events SET done = ? WHERE key = ?", json.dumps(sorted(handlers)), event.key)

    async def finish(self, event: Event) -> None:
        await self._commits.run("UPDATE events SET due = NULL WHERE key = ?", event.key)

    async def drop(self, event: Event) -> None:
        await self._commits.run("DELETE FROM events WHERE key = ?", event.key)

    async def again(self, event: Event, due: float) -> None:
        await self._commits.run("UPDATE events SET due = ?, tries = tries + 1 WHERE key = ?", due, event.key)

    async def state(self, message: str) -> MessageState | None:
        query = "SELECT body FROM states WHERE message = ?"
        row = await self._commits.do(lambda db: db.execute(query, (message,)).fetchone())
        return None if row is None else _state(row[0])

    async def states(self, batch: str) -> Sequence[MessageState]:
        query = "SELECT body FROM states WHERE batch = ? ORDER BY message"
        return [_state(body) for (body,) in await self._commits.do(lambda db: db.execute(query, (batch,)).fetchall())]

    async def join(self, batch: str, at: float) -> None:
        def work(db: sqlite3.Connection) -> None:
            told = "INSERT INTO batches VALUES (?, ?, 1, ?) ON CONFLICT (batch) DO UPDATE SET joined = 1"
            db.execute(told, (batch, at, at))
            db.execute("UPDATE events SET due = ? WHERE batch = ? AND due > ? AND tries = 0", (at, batch, at))

        await self._commits.do(work)

    async def unsettled(self, at: float, after: float, most: int) -> Sequence[tuple[str, float]]:
        query = "SELECT batch, known FROM batches WHERE look <= ? AND known <= ? ORDER BY look LIMIT ?"
        return await self._commits.do(lambda db: db.execute(query, (at, at - after, most)).fetchall())

    async def looked(self, batch: str, again: float | None) -> None:
        await self._commits.run("UPDATE batches SET look = ? WHERE batch = ?", again, batch)

    async def forget(self, before: float) -> None:
        def work(db: sqlite3.Connection) -> None:
            db.execute("DELETE FROM events WHERE told < ? AND due IS NULL", (before,))
            old = "SELECT batch FROM batches WHERE known < ? AND batch NOT IN (SELECT batch FROM events)"
            db.execute(f"DELETE FROM states WHERE batch IN ({old})", (before,))
            db.execute(f"DELETE FROM batches WHERE batch IN ({old})", (before,))

        await self._commits.do(work)

    def lead(self) -> bool:
        if self._path is None or self._lock is not None:
            return True
        lock = open(f"{self._path}.lock", "ab", opener=_privately)  # noqa: SIM115
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.close()
            return False
        self._lock = lock
        return True

    async def close(self) -> None:
        """Commits what is under way. A closed store opens itself again when it is used again, on whatever loop."""
        await self._commits.close()
        if self._lock is not None:
            self._lock.close()
            self._lock = None


def _moved(db: sqlite3.Connection, event: Event) -> MessageState | None:
    """The message's state where this report has moved it."""
    if not isinstance(event.value, DeliveryReport):
        return None
    told = state_of(event.value)
    row = db.execute("SELECT body FROM states WHERE message = ?", (told.message,)).fetchone()
    if row is not None and later(_state(row[0]), told) != told:
        return None
    db.execute("INSERT OR REPLACE INTO states VALUES (?, ?, ?)", (told.message, told.batch, event.body))
    return told


def _state(body: bytes) -> MessageState:
    report = parse(body).value
    assert isinstance(report, DeliveryReport)
    return state_of(report)


def _opened(path: Path | None) -> sqlite3.Connection:
    name = ":memory:" if path is None else str(path)
    try:
        if path is not None:
            if path.is_dir():
                raise IsADirectoryError(f"{name} is a directory; give the webhooks a file")
            # Only where it is not there: closing an open file takes away the locks of this process's other connections.
            with contextlib.suppress(FileExistsError):
                os.close(os.open(name, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        db = sqlite3.connect(name, isolation_level=None, check_same_thread=False, timeout=30)
        application = db.execute("PRAGMA application_id").fetchone()[0]
        if application != _APPLICATION and db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
            db.close()
            raise OSError(f"{name} is a database of something else; give the webhooks a file of their own")
        db.execute("PRAGMA journal_mode = WAL")
        # A power cut must not take back what was answered with 200; many events share one flush.
        db.execute("PRAGMA synchronous = FULL")
        db.executescript(_SCHEMA)
    except sqlite3.Error as error:
        raise OSError(f"webhooks cannot use {name}: {error}") from None
    return db


def _privately(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
