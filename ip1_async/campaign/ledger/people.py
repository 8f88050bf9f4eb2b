"""The recipients of a chunk: a range of what was planned together, without those left out since."""

from __future__ import annotations

import json
import sqlite3
import struct
from collections.abc import Sequence
from typing import Any, cast

from ip1_async import codec
from ip1_async.campaign.transitions import People


def people_of(db: sqlite3.Connection, chunk: int) -> People:
    """The recipients of a chunk, without those left out."""
    _, recipients, numbers, kept = _kept(db, chunk)
    if len(kept) == len(numbers):
        return People(bytes(recipients), numbers)
    known = json.loads(recipients)
    left = [numbers[position] for position in kept]
    if not known:
        # They have been purged.
        return People(b"[]", left)
    if isinstance(known, list):
        return People(codec.encode([known[position] for position in kept]), left)
    named = [each for each in cast("dict[str, Any]", known) if each != "default"]
    some = {named[position]: known[named[position]] for position in kept}
    return People(codec.encode({**some, "default": known["default"]}), left)


def places(db: sqlite3.Connection, chunk: int) -> list[tuple[int, int, int, str]]:
    """Where each recipient of a chunk, without those left out, stands: people, position, row, MSISDN."""
    id, recipients, numbers, kept = _kept(db, chunk)
    named = [each for each in json.loads(recipients) if each != "default"]
    return [(id, at, numbers[at], named[at]) for at in kept]


def _kept(db: sqlite3.Connection, chunk: int) -> tuple[int, bytes, tuple[int, ...], Sequence[int]]:
    """What was planned together, with the rows of all, and the positions in it of a chunk's recipients."""
    id, first, size = db.execute("SELECT people, first, size FROM chunks WHERE id = ?", (chunk,)).fetchone()
    recipients, rows = db.execute("SELECT recipients, rows FROM people WHERE id = ?", (id,)).fetchone()
    gone = {
        position
        for (position,) in db.execute(
            "SELECT position FROM left_out WHERE people = ? AND position >= ? AND position < ?",
            (id, first, first + size),
        )
    }
    return id, recipients, rows_in(rows), [at for at in range(first, first + size) if at not in gone]


def rows_in(packed: bytes) -> tuple[int, ...]:
    """Row numbers, four bytes each."""
    return struct.unpack(f"<{len(packed) // 4}I", packed)


def packed(rows: Sequence[int]) -> bytes:
    """The same the other way."""
    return struct.pack(f"<{len(rows)}I", *rows)
