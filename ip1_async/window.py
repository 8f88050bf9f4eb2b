"""Several pages of a walk asked for at once, and given in their order."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Generic, TypeVar

from attrs import define

from ip1_async.source import Fetched, Page, Source

T = TypeVar("T")


@define(eq=False)
class _Flight(Generic[T]):
    """A page that was asked for before its turn has come."""

    start: int
    task: asyncio.Task[Fetched[T]]
    in_vain: bool = False
    """Whether it was looked at once and no use could be made of it."""

    def ends(self, rows: int) -> bool:
        """Whether it is known to be the last page, or to lie behind it."""
        if not self.task.done() or self.task.cancelled() or self.task.exception() is not None:
            return False
        fetched = self.task.result()
        return fetched.next is None if fetched.linked else len(fetched.items) < rows


class Window(Generic[T]):
    """The pages of a source, up to *parallel* of them under way or waiting for their turn.

    They are guesses: each is asked for where it should begin if nothing moves. When its turn comes, it is taken if it holds
    a row that the plan knows, which makes it as good as any other page. Else the plan asks for what it wants by itself,
    and the guess has one more chance behind that.
    """

    def __init__(self, source: Source[T], parallel: int) -> None:
        self._source, self._plan, self._parallel = source, source.plan, parallel
        self._wide = parallel
        """Guesses at once: fewer where they are of no use, as where a caller deletes what he is given."""
        self._flights: deque[_Flight[T]] = deque()
        self._dropped: set[asyncio.Task[Fetched[T]]] = set()
        self._rows = 0
        """How many rows really come at once."""
        self._end: int | None = None
        """An offset at which there is surely nothing, as far as the server has told."""
        self._shifts: deque[int] = deque([0], maxlen=2 * parallel)
        """By how many rows the latest pages were displaced."""

    async def next(self) -> Page[T] | None:
        plan, source = self._plan, self._source
        while not plan.done:
            start, fetched, keys = await self._page()
            before = plan.moved
            page = source.taken(start, fetched, keys)
            if page is None:
                continue
            self._shifts.append(plan.moved - before)
            # Without links a short page is the last one, unless the server never gives more.
            sure = fetched.linked or len(keys) in (source.limit, self._rows)
            self._rows = len(keys)
            self._end = None if fetched.last is None else fetched.last + source.limit
            if not plan.done:
                self._launch(self._wide if sure else 1)
                # Lets the requests go out before the caller's own work begins.
                await asyncio.sleep(0)
            return page
        return None

    async def _page(self) -> tuple[int, Fetched[T], list[str]]:
        """The next page for the plan and where it was asked for: a guess that is of use, else one that is asked for now."""
        plan, source = self._plan, self._source
        if plan.blind:
            # What they hold was given, or stood before it.
            self._drop()
        while self._flights and not plan.searching:
            head = self._flights[0]
            fetched = await head.task
            keys = source.keys(fetched)
            if plan.follows(keys, head.start):
                self._flights.popleft()
                self._wide = min(self._parallel, 2 * self._wide)
                return head.start, fetched, keys
            if head.start < plan.start:
                self._flights.popleft()
            elif head.in_vain:
                self._wide = max(1, self._wide // 2)
                self._drop()
            else:
                head.in_vain = True
                if head.start == plan.start:
                    return head.start, fetched, keys
                break
        start = plan.start
        fetched = await source.fetch(start)
        return start, fetched, source.keys(fetched)

    def _launch(self, most: int) -> None:
        """Ask for as many more pages as there is room for, and as are thought to be there."""
        # Rows that went between two requests leave a gap between their pages unless these overlap by as many.
        spare = min(self._rows // 2, -min(self._shifts))
        stride = self._rows - 1 - spare
        while stride > 0 and len(self._flights) < most:
            start = max(self._plan.start, self._flights[-1].start + stride if self._flights else 0)
            if (self._end is not None and start >= self._end) or any(each.ends(self._rows) for each in self._flights):
                return
            task = asyncio.create_task(self._source.fetch(start), name="ip1 page")
            self._flights.append(_Flight(start, task))

    def _drop(self) -> None:
        """Give up all guesses; what is still under way is cancelled."""
        for flight in self._flights:
            self._dropped.add(flight.task)
            flight.task.add_done_callback(self._ended)
            flight.task.cancel()
        self._flights.clear()

    def _ended(self, task: asyncio.Task[Fetched[T]]) -> None:
        self._dropped.discard(task)
        # Giving up a page may end in an error, which is nobody's; asking for it keeps the loop from telling of it.
        if not task.cancelled():
            task.exception()

    async def close(self) -> None:
        self._drop()
        if self._dropped:
            await asyncio.wait(set(self._dropped))
