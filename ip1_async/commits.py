"""One SQLite connection on a thread of its own, where pieces of work that come at the same time are committed together.

The event loop never waits for a disk, no cancellation can end inside a transaction, and many pieces share one flush.
"""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

T = TypeVar("T")

AT_ONCE = 256
"""Pieces of work that are committed together at most."""

Work = Callable[[sqlite3.Connection], Any]


class Commits:
    """Does work on the connection that *opened* gives, which is opened when it is first needed and again after `close`."""

    def __init__(self, opened: Callable[[], sqlite3.Connection], name: str) -> None:
        self._opened, self._name = opened, name
        self._db: sqlite3.Connection | None = None
        self._thread = ThreadPoolExecutor(1, name)
        self._work: list[tuple[Work, asyncio.Future[Any]]] = []
        self._draining: asyncio.Task[None] | None = None

    def open(self) -> None:
        """Opens the connection now, where what is wrong with it can still be raised to whoever names the file."""
        self._connection()

    async def do(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """What *work* gives, once it is committed; raises what it raises, and then only it was taken back."""
        made: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._work.append((work, made))
        if self._draining is None or self._draining.done():
            self._draining = asyncio.create_task(self._drain(), name=self._name)
        return await made

    async def run(self, query: str, *given: Any) -> None:
        """One statement."""

        def work(db: sqlite3.Connection) -> None:
            db.execute(query, given)

        await self.do(work)

    async def alone(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """What *work* gives, on the same thread but outside of any transaction of ours."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, lambda: work(self._connection()))

    async def close(self) -> None:
        """Commits what is under way, and closes the connection."""
        if self._draining is not None:
            await asyncio.wait({self._draining})
        self._draining = None
        db, self._db = self._db, None
        if db is not None:
            await asyncio.get_running_loop().run_in_executor(self._thread, db.close)

    def _connection(self) -> sqlite3.Connection:
        self._db = self._db or self._opened()
        return self._db

    async def _drain(self) -> None:
        loop = asyncio.get_running_loop()
        while self._work:
            some, self._work = self._work[:AT_ONCE], self._work[AT_ONCE:]
            results: list[Any]
            try:
                results = await loop.run_in_executor(self._thread, self._all, [work for work, _ in some])
            except Exception as error:
                # Also what opening it again raises: whoever waits must hear of it.
                results = [error] * len(some)
            for (_, made), result in zip(some, results, strict=True):
                if made.done():
                    continue
                if isinstance(result, BaseException):
                    made.set_exception(result)
                else:
                    made.set_result(result)

    def _all(self, works: Sequence[Work]) -> list[Any]:
        """All of these in one commit; one that fails takes only itself back."""
        results: list[Any] = []
        db = self._connection()
        db.execute("BEGIN IMMEDIATE")
        try:
            for work in works:
                db.execute("SAVEPOINT one")
                try:
                    results.append(work(db))
                except Exception as error:
                    if not db.in_transaction:
                        # A full or failing disk has taken everything back.
                        raise
                    db.execute("ROLLBACK TO one")
                    results.append(error)
                db.execute("RELEASE one")
            db.execute("COMMIT")
        except BaseException:
            with contextlib.suppress(sqlite3.Error):
                db.execute("ROLLBACK")
            raise
        return results
