"""The pages of a walk: asked for one after another, or by a task that is ahead of the caller."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from itertools import islice
from typing import Generic, Protocol, TypeVar

from attrs import frozen

from ip1_async.walk import Plan

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


@frozen
class Fetched(Generic[T]):
    """What one request brought."""

    items: Sequence[T]
    next: int | None = None
    """The offset that the answer's Link header names for the next page."""
    linked: bool = False
    """Whether there was a Link header at all."""
    last: int | None = None
    """The offset that it names for the last page."""


@frozen
class Page(Generic[T_co]):
    """Some items that follow each other."""

    items: Sequence[T_co]
    start: int
    """The row offset of the first one."""


Fetch = Callable[[int, int], Awaitable[Fetched[T]]]


class Reader(Protocol[T_co]):
    """What gives the pages of a walk in their order."""

    async def next(self) -> Page[T_co] | None:
        """The next page that holds something new; None at the end."""
        ...

    async def close(self) -> None:
        """Gives up what is under way, and comes back when it has ended."""
        ...


class Source(Generic[T]):
    """The pages of a walk, one request after another."""

    def __init__(self, fetch: Fetch[T], key: Callable[[T], str], limit: int, plan: Plan, *, paged: bool = True) -> None:
        self._fetch, self._key, self._paged = fetch, key, paged
        self.limit, self.plan = limit, plan

    async def next(self) -> Page[T] | None:
        plan = self.plan
        while not plan.done:
            fetched = await self._fetch(plan.start, self.limit)
            if (page := self.taken(plan.start, fetched, self.keys(fetched))) is not None:
                return page
        return None

    async def close(self) -> None:
        """Nothing is open between two requests."""

    async def fetch(self, start: int) -> Fetched[T]:
        return await self._fetch(start, self.limit)

    def keys(self, fetched: Fetched[T]) -> list[str]:
        return list(map(self._key, fetched.items))

    def taken(self, start: int, fetched: Fetched[T], keys: Sequence[str]) -> Page[T] | None:
        """What of a page is new to the plan; None where nothing is."""
        linked = fetched.linked or not self._paged
        fresh = self.plan.take(keys, next=fetched.next, linked=linked, start=start)
        if not fresh:
            return None
        items, first = fetched.items, fresh[0]
        whole = len(fresh) == len(items) - first
        return Page(list(islice(items, first, None)) if whole else [items[index] for index in fresh], start + first)


class Ahead(Generic[T]):
    """The pages of a source, fetched by one task while the caller works on those before."""

    def __init__(self, source: Source[T], pages: int) -> None:
        self._source = source
        self._room = asyncio.Semaphore(pages)
        self._ready: asyncio.Queue[Page[T] | Exception | None] = asyncio.Queue()
        self._task = asyncio.create_task(self._read(), name="ip1 read-ahead")

    async def next(self) -> Page[T] | None:
        page = await self._ready.get()
        self._room.release()
        if isinstance(page, Exception):
            raise page
        return page

    async def _read(self) -> None:
        page: Page[T] | Exception | None = None
        while True:
            await self._room.acquire()
            try:
                page = await self._source.next()
            except Exception as error:
                page = error
            self._ready.put_nowait(page)
            if page is None or isinstance(page, Exception):
                return

    async def close(self) -> None:
        self._task.cancel()
        await asyncio.wait({self._task})
