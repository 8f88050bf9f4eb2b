"""Wakes whoever waits for something to change."""

from __future__ import annotations

import asyncio

from ip1_async.clock import Clock


class Bell:
    """Rings; who looks at `rings` before deciding to wait misses none that comes in between."""

    def __init__(self, clock: Clock) -> None:
        self.rings = 0
        self._clock = clock
        self._waiting: set[asyncio.Future[None]] = set()

    def ring(self) -> None:
        """Wake all that wait."""
        self.rings += 1
        for each in self._waiting:
            _wake(each)

    async def heard(self, since: int, seconds: float | None) -> None:
        """Comes back at the first ring after those that were counted, or after so many seconds; None waits for a ring."""
        if self.rings != since:
            return
        woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.add(woken)
        timer = None if seconds is None else self._clock.call_later(seconds, lambda: _wake(woken))
        try:
            await woken
        finally:
            self._waiting.discard(woken)
            if timer is not None:
                timer.cancel()


def _wake(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
