"""The sandbox's own time: as fast as it is told, standing still, or moved by hand; never backwards."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from attrs import frozen

from ip1_async.clock import Clock


@frozen
class _Mark:
    """A moment of the clock, which sandbox time it was then, and how fast that has gone since."""

    clock: float
    time: datetime
    speed: float


class Pace:
    """Sandbox time, derived from a clock. One loop changes it; any thread may read it."""

    def __init__(self, clock: Clock, *, speed: float = 1.0, not_before: datetime | None = None) -> None:
        start = clock.now() if not_before is None else max(clock.now(), not_before)
        self._clock, self._mark = clock, _Mark(clock.monotonic(), start, speed)
        self.changed: Callable[[], object] = lambda: None
        """Called when time has been moved, or goes at another speed."""

    @property
    def speed(self) -> float:
        """Sandbox seconds for each second of the clock; 0 while it stands still."""
        return self._mark.speed

    def now(self) -> datetime:
        """The sandbox's time."""
        mark = self._mark
        return mark.time + timedelta(seconds=(self._clock.monotonic() - mark.clock) * mark.speed)

    def run(self, speed: float) -> None:
        """From now on this fast; 0 stops it."""
        self._set(self.now(), speed)

    def advance(self, seconds: float) -> None:
        """Jump ahead."""
        self._set(self.now() + timedelta(seconds=seconds), self.speed)

    def away(self, at: float) -> float | None:
        """Seconds of the clock until a sandbox time, at most 0.0 for what is past; None while time stands still."""
        left = at - self.now().timestamp()
        return left / self.speed if self.speed else None if left > 0 else 0.0

    def _set(self, time: datetime, speed: float) -> None:
        self._mark = _Mark(self._clock.monotonic(), time, speed)
        self.changed()
