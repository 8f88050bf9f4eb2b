"""The ledger of a campaign in one SQLite file.

Every transition is one guarded statement, or one function inside the database's thread; those that come at the same time
are committed together, each durable before it returns. The file is readable by its owner only: it holds numbers.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from attrs import asdict, evolve

from ip1_async.campaign.ledger import statements
from ip1_async.campaign.ledger.owner import Owner, is_dead
from ip1_async.campaign.ledger.people import people_of, places
from ip1_async.campaign.ledger.store import opened, unusable
from ip1_async.campaign.states import State
from ip1_async.campaign.transitions import Chunk, Facts, Held, People, Tally
from ip1_async.commits import Commits
from ip1_async.errors import Invalid, LedgerError, LedgerHeld

T = TypeVar("T")


class SQLiteLedger:
    """A campaign in one SQLite file.

    Raises `FileNotFoundError` where there is none, and `LedgerError` for a file that holds no plan, is something else, is
    damaged, was written by another version, or lies on a network file system; each says the way out.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self._commits = Commits(lambda: opened(self.path), "ip1 campaign, ledger")
        self._commits.open()
        self._given_back = 0
        """The lease that was, also where that could not be written down: the next run of this process need not wait."""

    async def facts(self) -> Facts:
        row = await self._read("SELECT id, source, planned, orders, plan, anchor, paused, began, purged FROM campaign")
        id, source, planned, orders, plan, anchor, paused, began, purged = row[0]
        return Facts(
            id=id, source=source, planned=planned, orders=json.loads(orders), plan=json.loads(plan), anchor=anchor,
            paused=paused, began=began, purged=bool(purged),
        )  # fmt: skip

    async def take(self, owner: Owner, *, at: float, until: float) -> int:
        def work(db: sqlite3.Connection) -> int:
            row = db.execute("SELECT lease, owner, since, until FROM owner").fetchone()
            if row is not None and row[3] > at and row[0] != self._given_back and not is_dead(held := _owner(row[1])):
                raise LedgerHeld(
                    f"{self.path} is run by {held.name}, whose lease ends in {row[3] - at:.0f} s unless it goes on: "
                    "wait, or stop that process"
                )
            given = {"owner": json.dumps(asdict(owner)), "at": at, "until": until, "seen": row[0] if row else 0}
            return int(db.execute(statements.TAKE, given).fetchone()[0])

        return await self.do(work)

    async def renew(self, lease: int, *, until: float) -> None:
        await self._moved(
            "UPDATE owner SET until = :until WHERE lease = :lease RETURNING lease", lease=lease, until=until
        )

    async def release(self, lease: int) -> None:
        self._given_back = lease
        await self.do(lambda db: db.execute("UPDATE owner SET until = 0 WHERE lease = ?", (lease,)).fetchall())

    async def held(self) -> Held | None:
        rows = await self._read("SELECT owner, since, until FROM owner")
        return Held(owner=_owner(rows[0][0]), since=rows[0][1], until=rows[0][2]) if rows else None

    async def take_over(self, lease: int, *, at: float) -> int:
        def work(db: sqlite3.Connection) -> int:
            _owned(db, lease)
            # What waited to be tried again waits no more: the time of day may have been set since.
            db.execute("UPDATE chunks SET not_before = 0 WHERE state = 'PENDING' AND not_before > 0")
            return len(db.execute(statements.TAKE_OVER, {"lease": lease, "at": at}).fetchall())

        return await self.do(work)

    async def anchored(self, lease: int, anchor: str, *, at: float) -> None:
        await self._moved(
            f"UPDATE campaign SET anchor = coalesce(anchor, :anchor), began = coalesce(began, :at) WHERE {statements.OWNED} RETURNING id",
            lease=lease, anchor=anchor, at=at,
        )  # fmt: skip

    async def pause(self, lease: int, reason: str) -> None:
        await self._moved(
            f"UPDATE campaign SET paused = :reason WHERE {statements.OWNED} RETURNING id", lease=lease, reason=reason
        )

    async def claim(self, lease: int, *, at: float, zones: Collection[str]) -> Chunk | None:
        def work(db: sqlite3.Connection) -> Chunk | None:
            row = db.execute(statements.CLAIM, {"lease": lease, "at": at, "zones": json.dumps(list(zones))}).fetchone()
            if row is None:
                _owned(db, lease)
                return None
            db.execute(statements.HOLD, {"lease": lease, "at": at})
            # Here, because another way to the database's thread and back takes longer than reading them.
            return evolve(_chunk(row), people=people_of(db, row[0]))

        return await self.do(work)

    async def people(self, chunk: int) -> People:
        return await self.ask(lambda db: people_of(db, chunk))

    async def leave_out(self, lease: int, chunk: Chunk, numbers: Mapping[str, str], *, at: float) -> Chunk:
        def work(db: sqlite3.Connection) -> Chunk:
            gone = [
                (people, position, row, numbers[number], at)
                for people, position, row, number in places(db, chunk.id)
                if number in numbers
            ]
            db.executemany("INSERT INTO left_out VALUES (?, ?, ?, ?, ?)", gone)
            row = db.execute(statements.LEAVE_OUT, {**_from(lease, chunk, "SENDING"), "count": len(gone)}).fetchone()
            if row is None:
                raise _fenced()
            return _chunk(row)

        return await self.do(work)

    async def accept(self, lease: int, chunk: Chunk, batch: str, *, messages: int | None, at: float) -> None:
        await self._moved(statements.ACCEPT, **_from(lease, chunk, "SENDING"), batch=batch, messages=messages, at=at)

    async def give_back(self, lease: int, chunk: Chunk, reason: str, *, not_before: float) -> None:
        await self._moved(statements.GIVE_BACK, **_from(lease, chunk, "SENDING"), reason=reason, not_before=not_before)

    async def reject(self, lease: int, chunk: Chunk, reason: str, *, at: float) -> None:
        await self._moved(statements.REJECT, **_from(lease, chunk, "SENDING"), reason=reason, at=at)

    async def split(self, lease: int, chunk: Chunk, reason: str, *, at: float) -> None:
        def work(db: sqlite3.Connection) -> None:
            row = db.execute(
                statements.SPLIT, {**_from(lease, chunk, "SENDING"), "reason": reason, "at": at}
            ).fetchone()
            if row is None:
                raise _fenced()
            people, first, size, text, zone = row
            half = size // 2
            for begin, count in ((first, half), (first + half, size - half)):
                db.execute(
                    statements.HALF,
                    {"people": people, "first": begin, "size": count, "text": text, "zone": zone, "id": chunk.id},
                )

        await self.do(work)

    async def doubt(self, lease: int, chunk: Chunk, reason: str, *, acknowledged: bool, at: float) -> None:
        await self._moved(
            statements.DOUBT, **_from(lease, chunk, "SENDING"), reason=reason, acknowledged=acknowledged, at=at
        )

    async def absent(self, lease: int, chunk: Chunk, *, again: bool, at: float) -> bool:
        given = {**_from(lease, chunk, "UNKNOWN"), "to": "PENDING" if again else "REVIEW", "at": at}

        def work(db: sqlite3.Connection) -> bool:
            moved = db.execute(statements.ABSENT, given).fetchone() is not None
            if not moved:
                _owned(db, lease)
            return moved

        return await self.do(work)

    async def adopt(self, chunk: int, batch: str, *, at: float) -> bool:
        given = {"id": chunk, "batch": batch, "at": at}
        return await self.do(lambda db: db.execute(statements.ADOPT, given).fetchone() is not None)

    async def decide(self, chunk: int, *, again: bool, at: float) -> None:
        given = {"id": chunk, "to": "PENDING" if again else "ACCEPTED", "at": at}

        def work(db: sqlite3.Connection) -> None:
            if db.execute(statements.DECIDE, given).fetchone() is None:
                raise Invalid("chunk", f"chunk {chunk} is not in review, so there is nothing to decide")

        await self.do(work)

    async def sized(self, chunk: int, messages: int) -> None:
        query = "UPDATE chunks SET messages = ? WHERE id = ? AND state = 'ACCEPTED'"
        await self.do(lambda db: db.execute(query, (messages, chunk)).fetchall())

    async def incident(self, chunk: int, words: str, *, at: float) -> None:
        query = "INSERT OR IGNORE INTO incidents VALUES (?, ?, ?)"
        await self.do(lambda db: db.execute(query, (at, chunk, words)).fetchall())

    async def tallies(self) -> Sequence[Tally]:
        rows = await self._read("SELECT state, count(*), sum(recipients) FROM chunks GROUP BY state")
        return [Tally(state=state, chunks=chunks, recipients=count) for state, chunks, count in rows]

    async def counted(self) -> tuple[Sequence[Tally], int]:
        """The tallies, and how many were left out since the plan, at one moment."""
        query = "SELECT state, count(*), sum(recipients), (SELECT count(*) FROM left_out) FROM chunks GROUP BY state"
        rows = await self._read(query)
        tallies = [Tally(state=state, chunks=chunks, recipients=count) for state, chunks, count, _ in rows]
        return tallies, rows[0][3] if rows else 0

    async def chunks(self, *states: State, after: int = 0, most: int = 1000) -> Sequence[Chunk]:
        query = f"SELECT {statements.COLUMNS} FROM chunks WHERE state IN (SELECT value FROM json_each(?)) AND id > ? ORDER BY id LIMIT ?"
        return [_chunk(row) for row in await self._read(query, json.dumps(states), after, most)]

    async def zones(self) -> Sequence[str]:
        return [zone for (zone,) in await self._read("SELECT DISTINCT zone FROM chunks")]

    async def claimable(self, *, at: float, zones: Collection[str], most: int) -> int:
        query = (
            "SELECT count(*) FROM (SELECT 1 FROM chunks WHERE state = 'PENDING' AND not_before <= ? "
            "AND zone IN (SELECT value FROM json_each(?)) LIMIT ?)"
        )
        found: int = (await self._read(query, at, json.dumps(list(zones)), most))[0][0]
        return found

    async def next_due(self, zones: Collection[str]) -> float | None:
        query = (
            "SELECT min(not_before) FROM chunks WHERE state = 'PENDING' AND zone IN (SELECT value FROM json_each(?))"
        )
        found: float | None = (await self._read(query, json.dumps(list(zones))))[0][0]
        return found

    async def vacuum(self) -> None:
        """Rewrites the file, so that nothing of what was deleted can be read from it."""

        def work(db: sqlite3.Connection) -> None:
            db.execute("VACUUM")
            if db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]:
                raise LedgerError(
                    f"{self.path} is being read, so that not all could be forgotten: end the other, and purge again"
                )

        await self.ask(work)

    async def close(self) -> None:
        """Commits what is under way. A ledger that is used again opens itself."""
        await self._commits.close()

    async def _moved(self, query: str, **given: Any) -> None:
        def work(db: sqlite3.Connection) -> None:
            if db.execute(query, given).fetchone() is None:
                raise _fenced()

        await self.do(work)

    async def _read(self, query: str, *given: Any) -> list[Any]:
        return await self.ask(lambda db: db.execute(query, given).fetchall())

    async def ask(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Reads, without taking the place of somebody who writes."""
        try:
            return await self._commits.alone(work)
        except sqlite3.Error as error:
            raise unusable(self.path, error) from None

    async def do(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Writes; what this returns is durable."""
        try:
            return await self._commits.do(work)
        except sqlite3.Error as error:
            raise unusable(self.path, error) from None


def _owner(said: str) -> Owner:
    return Owner(**json.loads(said))


def _from(lease: int, chunk: Chunk, state: State) -> dict[str, Any]:
    return {"lease": lease, "id": chunk.id, "epoch": chunk.epoch, "from": state}


def _chunk(row: Sequence[Any]) -> Chunk:
    id, state, attempt, epoch, recipients, text, zone, batch, reason, intent_at, acknowledged, messages, settled_at = (
        row
    )
    return Chunk(
        id=id, state=state, attempt=attempt, epoch=epoch, recipients=recipients, text=text, zone=zone, batch=batch,
        reason=reason, intent_at=intent_at, acknowledged=bool(acknowledged), messages=messages, settled_at=settled_at,
    )  # fmt: skip


def _owned(db: sqlite3.Connection, lease: int) -> None:
    if db.execute("SELECT 1 FROM owner WHERE lease = ?", (lease,)).fetchone() is None:
        raise _fenced()


def _fenced() -> LedgerHeld:
    return LedgerHeld("another process has taken the campaign over; this one does nothing more")
