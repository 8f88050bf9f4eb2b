"""A plan on its way into its ledger: one transaction, which is there whole at its end or not at all."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ip1_async import codec
from ip1_async.campaign.ledger import statements, store
from ip1_async.campaign.ledger.people import packed
from ip1_async.errors import Invalid, LedgerError
from ip1_async.models.batches import Recipients

_EMPTY = "SELECT count(*) = 0 FROM sqlite_master"
_SETTINGS = (
    # New pages need no journal, so that everything is written once. The log comes with the first run.
    "PRAGMA journal_mode = DELETE",
    # Less would return from the commit before the journal is surely gone; a power cut would bring it back.
    "PRAGMA synchronous = EXTRA",
    "PRAGMA fullfsync = ON",
    "PRAGMA cache_size = -2000",
    # What has been seen is looked up in the order of the numbers and not of the rows: with large pages a block changes few of
    # them more than once. Nothing of it is ever taken back.
    "PRAGMA temp.page_size = 32768",
    "PRAGMA temp.cache_size = -2000",
    "PRAGMA temp.journal_mode = OFF",
)
_SEEN = "CREATE TEMP TABLE seen (msisdn INTEGER PRIMARY KEY, row INTEGER NOT NULL)"
_ROOM = 2048
"""Rows that are looked at together lie less than this apart; a number times this must fit into 64 bits."""
# One JSON text binds all of them at once, and what is there already is left as it is and told of.
_NEW = f"""
    INSERT INTO seen SELECT value / {_ROOM}, value % {_ROOM} + ? FROM json_each(?) WHERE true
    ON CONFLICT DO UPDATE SET row = row WHERE known(seen.msisdn, seen.row)
"""
_TAKEN = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT)


class Draft:
    """An open transaction in a new ledger, to be used from one thread at a time.

    Raises `Invalid` where there is a ledger already, and `LedgerError` where one cannot be made there.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._known: dict[int, int] = {}
        store.refuse_network(path)
        try:
            self._made = store.made(path)
            self._file = path.stat().st_ino
            self._db = store.connected(path)
        except (OSError, sqlite3.Error) as error:
            raise LedgerError(f"no ledger can be made at {path}: {getattr(error, 'strerror', error)}") from None
        try:
            mine = self._begun()
        except sqlite3.Error as error:
            if error.sqlite_errorcode & 0xFF not in _TAKEN and self._there():
                self._withdraw()
                raise store.unusable(path, error) from None
            mine = False
        if not mine:
            self._db.close()
            raise Invalid(
                "ledger",
                f"ledger is {path}, which is there already, or in use: a plan is made into a new file, and "
                "`ip1 campaign run` goes on with one that was made",
            )

    def _begun(self) -> bool:
        """Begins, where the file is empty, and still the one of this name; else it is left as it is."""
        db = self._db
        # Whoever plans into it as well is not waited for.
        db.execute("PRAGMA busy_timeout = 0").fetchone()
        if not db.execute(_EMPTY).fetchone()[0]:
            return False
        for each in _SETTINGS:
            db.execute(each).fetchone()
        db.execute("BEGIN EXCLUSIVE")
        if not db.execute(_EMPTY).fetchone()[0] or not self._there():
            return False
        for each in (*statements.SCHEMA.split(";"), _SEEN):
            db.execute(each)
        # It gives None, which is not true, so that nothing is changed.
        db.create_function("known", 2, self._known.__setitem__)
        return True

    def _there(self) -> bool:
        """Whether the file still has its name: who made it may have given up, and another may be there by now."""
        try:
            return self.path.stat().st_ino == self._file
        except OSError:
            return False

    def _withdraw(self) -> None:
        """Nothing stays behind of what was hardly begun, unless somebody else has begun, too."""
        with contextlib.suppress(sqlite3.Error):
            if not self._db.in_transaction:
                # A lock that keeps others out, and that needs no room.
                self._db.execute("BEGIN")
                self._db.execute(_EMPTY).fetchone()
            self.abandon()
        self._db.close()

    def first(self, msisdns: Sequence[str], rows: Sequence[int]) -> dict[int, int]:
        """The first row of each number that stands in several, these among them; they are of one block, in their order."""
        self._known.clear()
        base = rows[0] if rows else 0
        # In the order of the numbers: those that lie together are written together.
        packed = sorted([int(number) * _ROOM + row - base for number, row in zip(msisdns, rows, strict=True)])
        self._db.execute(_NEW, (base, str(packed)))
        return self._known.copy()

    def drop(self, rows: Sequence[tuple[int, str]]) -> None:
        """These rows are not sent, each for its reason."""
        self._db.executemany("INSERT INTO drops VALUES (?, ?)", rows)

    def chunk(self, recipients: bytes | Recipients, rows: Sequence[int], *, text: str, zone: str) -> None:
        """One more chunk, of recipients as the wire has them or as its JSON, with the row of each."""
        given = (recipients if isinstance(recipients, bytes) else codec.encode(recipients), packed(rows))
        id = self._db.execute("INSERT INTO people (recipients, rows) VALUES (?, ?)", given).lastrowid
        self._db.execute(
            "INSERT INTO chunks (id, people, first, size, recipients, text, zone) VALUES (?, ?, 0, ?, ?, ?, ?)",
            (id, id, len(rows), len(rows), text, zone),
        )

    def commit(
        self, id: str, *, source: str, planned: float, orders: Mapping[str, Any], plan: Mapping[str, Any]
    ) -> None:
        """The plan is made; it is on the disk when this returns."""
        given = (id, source, planned, json.dumps(orders), json.dumps(plan))
        self._db.execute(
            "INSERT INTO campaign (one, id, source, planned, orders, plan) VALUES (1, ?, ?, ?, ?, ?)", given
        )
        self._db.execute("COMMIT")
        self._db.close()

    def abandon(self) -> None:
        """Nothing stays behind."""
        # Gone before it is unlocked, so that nobody has begun to plan into it.
        if self._made and self._there():
            self.path.unlink()
        with contextlib.suppress(sqlite3.Error):
            self._db.execute("ROLLBACK")
        self._db.close()
