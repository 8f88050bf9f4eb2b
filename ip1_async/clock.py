"""Time, as an argument: everything that waits or asks for the time is given one of these."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from heapq import heappop, heappush
from itertools import count
from typing import Protocol


class Timer(Protocol):
    """What `Clock.call_later` gives: a call that can still be taken back."""

    def cancel(self) -> None: ...


class Clock(Protocol):
    """Tells the time and waits."""

    def now(self) -> datetime:
        """The time of day, aware, in UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds that never go backwards; for durations and deadlines."""
        ...

    def boottime(self) -> float:
        """Seconds that go on while the machine sleeps; for what must not happen later than it was meant to."""
        ...

    def call_later(self, seconds: float, call: Callable[[], object]) -> Timer:
        """Has *call* made once, so many seconds from now, on the running loop."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Comes back after so many seconds."""
        ...


# Elsewhere than on Linux the monotonic clock of the system itself goes on while the machine sleeps.
_BOOTTIME = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


class SystemClock:
    """The machine's own time."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    monotonic = staticmethod(time.monotonic)

    def boottime(self) -> float:
        return time.clock_gettime(_BOOTTIME)

    def call_later(self, seconds: float, call: Callable[[], object]) -> Timer:
        return asyncio.get_running_loop().call_later(max(0.0, seconds), call)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(max(0.0, seconds))


class _Due:
    """A call that waits on a `ManualClock`."""

    __slots__ = ("call",)

    def __init__(self, call: Callable[[], object]) -> None:
        self.call: Callable[[], object] | None = call

    def cancel(self) -> None:
        self.call = None


class ManualClock:
    """A time that stands still until `advance` moves it; for tests, demonstrations and the sandbox."""

    def __init__(self, start: datetime = datetime(2026, 1, 1, tzinfo=UTC)) -> None:
        self._start = start
        self._elapsed = 0.0
        self._order = count()
        self._due: list[tuple[float, int, _Due]] = []

    def now(self) -> datetime:
        return self._start + timedelta(seconds=self._elapsed)

    def monotonic(self) -> float:
        return self._elapsed

    def boottime(self) -> float:
        return self.monotonic()

    def call_later(self, seconds: float, call: Callable[[], object]) -> Timer:
        due = _Due(call)
        heappush(self._due, (self._elapsed + max(0.0, seconds), next(self._order), due))
        return due

    async def sleep(self, seconds: float) -> None:
        woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def wake() -> None:
            if not woken.done():
                woken.set_result(None)

        timer = self.call_later(seconds, wake)
        try:
            await woken
        finally:
            timer.cancel()

    async def advance(self, seconds: float) -> None:
        """Move time on, waking what falls due on the way, in its order; waiting tasks get their turns in between."""
        until = self._elapsed + seconds
        await settle()
        while self._due and self._due[0][0] <= until:
            at, _, due = heappop(self._due)
            self._elapsed = max(self._elapsed, at)
            if due.call is not None:
                due.call()
                await settle()
        self._elapsed = until
        await settle()

    async def advance_to_next(self) -> float:
        """Move to the next thing that waits; gives the seconds moved, 0.0 if nothing waits."""
        await settle()
        while self._due and self._due[0][2].call is None:
            heappop(self._due)
        if not self._due:
            return 0.0
        moved = max(0.0, self._due[0][0] - self._elapsed)
        await self.advance(moved)
        return moved


async def settle(turns: int = 20) -> None:
    """Give every ready task its turns."""
    for _ in range(turns):
        await asyncio.sleep(0)
