"""What a ledger is asked for afterwards: dropped rows, incidents, and what the provider said of each message."""

from __future__ import annotations

import json
import sqlite3
import zlib
from collections.abc import Sequence
from decimal import Decimal

from attrs import astuple, evolve, field, frozen

from ip1_async import masking

_LEFT_OUT = "SELECT row, reason FROM drops UNION ALL SELECT row, reason FROM left_out"


@frozen
class Delivery:
    """Where one message of a chunk has got to."""

    recipient: str = field(repr=masking.number)
    code: int
    at: float | None
    """When it got there, in seconds since 1970."""
    final: bool
    segments: int = 1
    price: str = ""
    currency: str = ""
    country: str = ""
    operator: str = ""
    """Mobile country and network code."""

    @property
    def cost(self) -> Decimal | None:
        """The price as a number."""
        return Decimal(self.price) if self.price else None


def dropped(db: sqlite3.Connection) -> list[tuple[str, int]]:
    """Why rows are not sent, and how many; most frequent first."""
    query = (
        "SELECT CASE WHEN reason LIKE 'duplicate of row %' THEN 'duplicate' ELSE reason END, count(*) "
        f"FROM ({_LEFT_OUT}) GROUP BY 1 ORDER BY 2 DESC, 1"
    )
    return db.execute(query).fetchall()


def drops(db: sqlite3.Connection, after: int, most: int) -> list[tuple[int, str]]:
    """Rows that are not sent, each with its reason, in their order behind a row."""
    return db.execute(
        f"SELECT row, reason FROM ({_LEFT_OUT}) WHERE row > ? ORDER BY row LIMIT ?", (after, most)
    ).fetchall()


def incidents(db: sqlite3.Connection) -> list[tuple[float, int, str]]:
    """When, which chunk, what."""
    return db.execute("SELECT at, chunk, words FROM incidents ORDER BY at, chunk").fetchall()


def refusals(db: sqlite3.Connection) -> list[tuple[str, int]]:
    """Why chunks were rejected, and how many recipients they had; most frequent first."""
    query = "SELECT reason, sum(recipients) FROM chunks WHERE state = 'REJECTED' AND recipients GROUP BY 1 ORDER BY 2 DESC, 1"
    return db.execute(query).fetchall()


def acceptances(db: sqlite3.Connection) -> list[tuple[float, int]]:
    """When chunks were accepted, and how many recipients they have."""
    query = "SELECT settled_at, recipients FROM chunks WHERE state = 'ACCEPTED' AND settled_at IS NOT NULL ORDER BY 1"
    return db.execute(query).fetchall()


def span(db: sqlite3.Connection) -> tuple[float | None, float | None]:
    """When the latest chunk was settled, and when deliveries were read last."""
    settled = db.execute("SELECT max(settled_at) FROM chunks").fetchone()[0]
    read: float | None = db.execute("SELECT max(read) FROM deliveries").fetchone()[0]
    return settled, read


def unread(db: sqlite3.Connection) -> list[tuple[int, str]]:
    """Accepted chunks with their batches, of which not every message is known to be final."""
    query = (
        "SELECT chunks.id, batch FROM chunks LEFT JOIN deliveries ON deliveries.chunk = chunks.id "
        "WHERE state = 'ACCEPTED' AND batch IS NOT NULL AND NOT coalesce(final, 0) ORDER BY chunks.id"
    )
    return db.execute(query).fetchall()


def keep(db: sqlite3.Connection, chunk: int, deliveries: Sequence[Delivery], *, at: float, whole: bool = True) -> None:
    """Where the messages of a chunk have got to; the *whole* of it needs not be read again once all are final."""
    expected = db.execute("SELECT recipients FROM chunks WHERE id = ?", (chunk,)).fetchone()[0]
    final = whole and len(deliveries) >= expected and all(each.final for each in deliveries)
    packed = zlib.compress(json.dumps([astuple(each) for each in deliveries]).encode(), 1)
    db.execute("INSERT OR REPLACE INTO deliveries VALUES (?, ?, ?, ?)", (chunk, at, final, packed))


def deliveries(db: sqlite3.Connection, chunk: int) -> list[Delivery]:
    """Where the messages of a chunk have got to, as far as it was read."""
    row = db.execute("SELECT states FROM deliveries WHERE chunk = ?", (chunk,)).fetchone()
    return [] if row is None else [Delivery(*each) for each in json.loads(zlib.decompress(row[0]))]


def purge(db: sqlite3.Connection) -> None:
    """Forget every number and every value of a recipient; the figures stay."""
    db.execute("UPDATE people SET recipients = CAST('[]' AS BLOB)")
    for (chunk,) in db.execute("SELECT chunk FROM deliveries").fetchall():
        bare = [evolve(each, recipient="") for each in deliveries(db, chunk)]
        packed = zlib.compress(json.dumps([astuple(each) for each in bare]).encode(), 1)
        db.execute("UPDATE deliveries SET states = ? WHERE chunk = ?", (packed, chunk))
    db.execute("UPDATE campaign SET purged = 1")
