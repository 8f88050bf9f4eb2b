"""The async iterator that walks a collection."""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Callable, Generator, Iterator, Sequence
from contextlib import aclosing
from operator import length_hint
from types import TracebackType
from typing import IO, TYPE_CHECKING, Any, Generic, Self, TypeVar

from ip1_async.cursor import ANCHORS, Cursor, digest
from ip1_async.source import Ahead, Fetch, Fetched, Page, Reader, Source
from ip1_async.walk import KEPT, Plan
from ip1_async.window import Window

__all__ = ["Fetched", "Page", "Pages", "merge"]

if TYPE_CHECKING:
    import os

    import pandas as pd  # pyright: ignore[reportMissingTypeStubs]
    import polars as pl

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


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
        parallel: int = 1,
        paged: bool = True,
        kind: type[T_co] | None = None,
    ) -> None:
        self._kind = kind
        self._begin = Cursor() if cursor is None else Cursor.parse(cursor)
        # A page may have been asked for before as many others were given; all of those have to be known still.
        plan = Plan(limit, self._begin, KEPT if parallel == 1 else KEPT + 3 * parallel)
        self._source = Source(fetch, key, limit, plan, paged=paged)
        self._key, self._ahead, self._parallel = key, ahead, parallel
        self._page: Page[T_co] | None = None
        self._tail: Sequence[T_co] = ()
        """The last items before the page."""
        self._rest: Iterator[T_co] = iter(())
        """What of the page was not given yet: an iterator over a list knows how much that is, so that nobody counts."""
        self._awaited = self._iterated = False
        # Weak, because a walk that held its own generator would keep it open after a break.
        self._running: Callable[[], AsyncGenerator[Any] | None] = _nothing

    @property
    def cursor(self) -> str:
        """Where the walk stands: `cursor=` of another walk of the same collection goes on behind the last item given."""
        if self._page is None:
            return str(self._begin)
        given = len(self._page.items) - length_hint(self._rest)
        last = [*self._tail, *self._page.items[max(0, given - ANCHORS) : given]]
        anchors = (*(digest(self._key(each)) for each in reversed(last)), *self._begin.anchors)
        return str(Cursor(self._page.start + given, anchors[:ANCHORS]))

    @property
    def drift(self) -> int:
        """Rows by which pages were found displaced from where they were expected, summed; 0 when nothing moved."""
        return self._source.plan.drift

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
        self._turn(page, iter(()))
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
        async with aclosing(self._started(self._by_page())) as pages:
            async for page in pages:
                taken = page.items if limit is None else page.items[: limit - len(found)]
                found += taken
                if len(found) == limit:
                    self._rest = iter(page.items[len(taken) :])
                    break
        return found

    async def to_arrow(self, limit: int | None = None) -> Any:
        """All items, or the first *limit* of them, as a `pyarrow.Table` with a column for each field of their model.

        The columns and their types are the same for every list of that model, an empty one too; `ip1_async.frames` says
        which they are. Items are made into columns page by page and not kept.

        Raises `ImportError`, before any request, where pyarrow is not installed: `pip install 'ip1-async[notebook]'`.
        Raises `ValueError` naming the column where a number has more digits than its type; nothing is rounded.
        """
        from ip1_async import frames

        return await frames.arrow(self._model(), self, limit)

    async def to_polars(self, limit: int | None = None) -> pl.DataFrame:
        """The same as a polars data frame; needs polars as well."""
        from ip1_async import frames

        frame: pl.DataFrame = await frames.polars(self._model(), self, limit)
        return frame

    async def to_pandas(self, limit: int | None = None) -> pd.DataFrame:
        """The same as a pandas data frame, of types that hold missing values; needs pandas as well."""
        from ip1_async import frames

        frame: pd.DataFrame = await frames.pandas(self._model(), self, limit)
        return frame

    async def to_parquet(self, target: str | os.PathLike[str] | IO[bytes], limit: int | None = None) -> int:
        """Writes the same into a Parquet file, and gives the number of rows.

        Memory holds one row group of 20,000 rows, however long the collection is. A path becomes a file that only its
        owner can read, in the place of one that may be there; after an error or a cancellation nothing is left of it, so
        another try begins anew and not at the error's cursor. An open binary file is left open, and after an error holds
        no table.
        """
        from ip1_async.frames import export

        return await export.parquet(self._model(), self, target, limit)

    def _model(self) -> type[T_co]:
        if self._kind is None:
            raise TypeError("this walk does not know its items' model, and so not their columns; give it a `kind`")
        return self._kind

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
        source = self._reader()
        try:
            while (page := await source.next()) is not None:
                self._turn(page, rest := iter(page.items))
                for item in rest:
                    yield item
        except Exception as error:
            self._mark(error)
            raise
        finally:
            await source.close()

    async def _by_page(self) -> AsyncGenerator[Page[T_co], None]:
        source = self._reader()
        try:
            while (page := await source.next()) is not None:
                self._turn(page, iter(()))
                yield page
        except Exception as error:
            self._mark(error)
            raise
        finally:
            await source.close()

    def _turn(self, page: Page[T_co], rest: Iterator[T_co]) -> None:
        """Another page is given from now on."""
        if self._page is not None:
            self._tail = [*self._tail, *self._page.items[-ANCHORS:]][-ANCHORS:]
        self._page, self._rest = page, rest

    def _reader(self) -> Reader[T_co]:
        if self._parallel > 1:
            return Window(self._source, self._parallel)
        return Ahead(self._source, self._ahead) if self._ahead else self._source

    def _mark(self, error: Exception) -> None:
        """An error of a walk says where it can be taken up again."""
        if hasattr(error, "cursor"):
            error.cursor = self.cursor  # pyright: ignore[reportAttributeAccessIssue]


def _nothing() -> None:
    return None


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
