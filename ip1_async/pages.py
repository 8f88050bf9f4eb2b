"""The async iterator that walks a collection."""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Awaitable, Callable, Generator, Sequence
from contextlib import aclosing
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

from attrs import frozen

from ip1_async.walk import ANCHORS, Cursor, Plan, digest

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


@frozen
class Page(Generic[T_co]):
    """Some items that follow each other."""

    items: Sequence[T_co]
    start: int
    """The row offset of the first one."""


Fetch = Callable[[int, int], Awaitable[Fetched[T]]]


class Pages(Generic[T_co]):
    """One walk through a collection: `await` it for the first page, `async for` it for every item.

    Every row that stays in the collection during the walk is given exactly once, whatever is added or deleted
    meanwhile. Memory holds a few pages only, however long the collection is. A second walk needs a new object.
    """

    def __init__(
        self,
        fetch: Fetch[T_co],
        *,
        key: Callable[[T_co], str],
        limit: int = 200,
        cursor: str | None = None,
        ahead: int = 1,
        paged: bool = True,
    ) -> None:
        self._begin = Cursor() if cursor is None else Cursor.parse(cursor)
        self._source = _Source(fetch, key, limit, Plan(limit, self._begin), paged)
        self._key, self._ahead = key, ahead
        self._page: Page[T_co] | None = None
        self._given = 0
        self._awaited = self._iterated = False
        # Weak, because a walk that held its own generator would keep it open after a break.
        self._running: Callable[[], AsyncGenerator[Any] | None] = _nothing

    @property
    def cursor(self) -> str:
        """Where the walk stands: `cursor=` of another walk of the same collection goes on behind the last item given."""
        if self._page is None:
            return str(self._begin)
        last = self._page.items[max(0, self._given - ANCHORS) : self._given]
        if not last:
            return str(self._begin)
        return str(Cursor(self._page.start + self._given, tuple(digest(self._key(each)) for each in reversed(last))))

    def __await__(self) -> Generator[Any, None, list[T_co]]:
        """The first page; iterating afterwards goes on behind it."""
        return self._first().__await__()

    async def _first(self) -> list[T_co]:
        if self._awaited or self._iterated:
            raise RuntimeError("this walk has begun; call the row again for another one")
        self._awaited = True
        page = await self._source.next()
        if page is None:
            return []
        self._page, self._given = page, len(page.items)
        return list(page.items)

    def __aiter__(self) -> AsyncIterator[T_co]:
        return self._started(self._items())

    def pages(self) -> AsyncIterator[Page[T_co]]:
        """The same walk page by page: `page.items` and the row offset `page.start`."""
        return self._started(self._by_page())

    async def collect(self, limit: int | None = None) -> list[T_co]:
        """All items, or the first *limit* of them, as a list."""
        found: list[T_co] = []
        if limit is not None and limit <= 0:
            return found
        async with aclosing(self._started(self._items())) as items:
            async for item in items:
                found.append(item)
                if len(found) == limit:
                    break
        return found

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if (running := self._running()) is not None:
            await running.aclose()

    def _started(self, walk: AsyncGenerator[T, None]) -> AsyncGenerator[T, None]:
        if self._iterated:
            raise RuntimeError("this walk has begun; call the row again for another one")
        self._iterated = True
        self._running = weakref.ref(walk)
        return walk

    async def _items(self) -> AsyncGenerator[T_co, None]:
        source = _Ahead(self._source, self._ahead) if self._ahead else self._source
        try:
            while (page := await source.next()) is not None:
                self._page, self._given = page, 0
                for item in page.items:
                    self._given += 1
                    yield item
        except Exception as error:
            self._mark(error)
            raise
        finally:
            await source.close()

    async def _by_page(self) -> AsyncGenerator[Page[T_co], None]:
        source = _Ahead(self._source, self._ahead) if self._ahead else self._source
        try:
            while (page := await source.next()) is not None:
                self._page, self._given = page, len(page.items)
                yield page
        except Exception as error:
            self._mark(error)
            raise
        finally:
            await source.close()

    def _mark(self, error: Exception) -> None:
        """An error of a walk says where it can be taken up again."""
        if hasattr(error, "cursor"):
            error.cursor = self.cursor  # pyright: ignore[reportAttributeAccessIssue]


def _nothing() -> None:
    return None


class _Source(Generic[T]):
    """The pages of a walk, one request after another."""

    def __init__(self, fetch: Fetch[T], key: Callable[[T], str], limit: int, plan: Plan, paged: bool) -> None:
        self._fetch, self._key, self._limit, self._plan, self._paged = fetch, key, limit, plan, paged

    async def next(self) -> Page[T] | None:
        """The next page that holds something new; None at the end."""
        plan = self._plan
        while not plan.done:
            start = plan.start
            fetched = await self._fetch(start, self._limit)
            items, key = fetched.items, self._key
            fresh = plan.take(
                [key(each) for each in items], next=fetched.next, linked=fetched.linked or not self._paged
            )
            if fresh:
                first = min(fresh)
                whole = len(fresh) == len(items) - first
                return Page(items[first:] if whole else [items[index] for index in fresh], start + first)
        return None

    async def close(self) -> None:
        """Nothing is open between two requests."""


class _Ahead(Generic[T]):
    """The pages of a source, fetched by one task while the caller works on those before."""

    def __init__(self, source: _Source[T], pages: int) -> None:
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


async def merge(*streams: AsyncIterable[T]) -> AsyncGenerator[T]:
    """The items of several walks at once, each as soon as it is there.

    Each walk has one task, which goes on when its item was taken. Leaving early, or an error of one walk, ends them all.
    """
    ready: asyncio.Queue[tuple[T] | Exception | None] = asyncio.Queue(maxsize=max(1, len(streams)))

    async def drain(stream: AsyncIterable[T]) -> None:
        try:
            async for item in stream:
                await ready.put((item,))
        except Exception as error:
            await ready.put(error)
        else:
            await ready.put(None)

    tasks = [asyncio.create_task(drain(stream), name="ip1 merge") for stream in streams]
    open_streams = len(tasks)
    try:
        while open_streams:
            item = await ready.get()
            if item is None:
                open_streams -= 1
            elif isinstance(item, Exception):
                raise item
            else:
                yield item[0]
    finally:
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
