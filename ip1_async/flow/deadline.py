"""Ends what takes too long."""

from __future__ import annotations

import asyncio
from heapq import heapify, heappop, heappush
from itertools import count
from types import TracebackType
from typing import Self

from ip1_async.clock import Clock, Timer

_FEW = 64
"""Finished spans that may lie about before they are swept out."""


class Deadlines:
    """Spans of time for blocks of code, all of one event loop watched by one timer.

    `with deadlines.span(seconds) as span:` ends its block with `TimeoutError` when the time is up; `span.until` may be put
    off while the block runs. It is a cancellation from inside, counted as such: where the caller cancels too, be it in
    the very same turn of the loop, the caller's cancellation wins.
    """

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self._watches: dict[asyncio.AbstractEventLoop, _Watch] = {}

    def span(self, seconds: float) -> Span:
        """So many seconds from now."""
        loop = asyncio.get_running_loop()
        watch = self._watches.get(loop)
        if watch is None:
            self._watches = {old: kept for old, kept in self._watches.items() if not old.is_closed()}
            watch = self._watches[loop] = _Watch(self.clock)
        return Span(watch, self.clock.monotonic() + seconds)


class Span:
    """One block of code and the time until which it may run."""

    __slots__ = ("_cancelling", "_task", "_watch", "expired", "until")

    def __init__(self, watch: _Watch, until: float) -> None:
        self._watch, self.until = watch, until
        self.expired = False
        self._task: asyncio.Task[object] | None = None
        """While the block runs."""

    def __enter__(self) -> Self:
        task = asyncio.current_task()
        assert task is not None, "only a task can be ended"
        self._task, self._cancelling = task, task.cancelling()
        self._watch.add(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        task, self._task = self._task, None
        if not self.expired or task is None:
            self._watch.left()
            return
        # Ours is one cancellation; if there are others, somebody else's is the one to be heard.
        alone = task.uncancel() <= self._cancelling
        if alone and isinstance(error, asyncio.CancelledError):
            raise TimeoutError from None

    @property
    def runs(self) -> bool:
        """Whether the block has not been left."""
        return self._task is not None

    def expire(self) -> None:
        """End the block at its present await."""
        if self._task is not None:
            self.expired = True
            self._task.cancel()


class _Watch:
    """The spans of one loop, the first to end first, and one timer for it."""

    __slots__ = ("_clock", "_heap", "_order", "_over", "_timer", "_timer_at")

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._heap: list[tuple[float, int, Span]] = []
        self._order = count()
        self._over = 0
        self._timer: Timer | None = None
        self._timer_at = float("inf")

    def add(self, span: Span) -> None:
        heappush(self._heap, (span.until, next(self._order), span))
        if span.until < self._timer_at:
            self._set_timer()

    def left(self) -> None:
        """A span is over. It stays in its place until its time comes, or until most of the others are over too."""
        self._over += 1
        if self._over > _FEW and self._over * 2 > len(self._heap):
            self._heap = [each for each in self._heap if each[2].runs]
            heapify(self._heap)
            self._over = 0

    def _look(self) -> None:
        now, heap = self._clock.monotonic(), self._heap
        self._timer, self._timer_at = None, float("inf")
        while heap and heap[0][0] <= now:
            span = heappop(heap)[2]
            if not span.runs:
                self._over -= 1
            elif span.until > now:
                heappush(heap, (span.until, next(self._order), span))
            else:
                span.expire()
        self._set_timer()

    def _set_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._heap:
            self._timer_at = self._heap[0][0]
            self._timer = self._clock.call_later(self._timer_at - self._clock.monotonic(), self._look)
