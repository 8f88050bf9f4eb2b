"""How many calls a second."""

from __future__ import annotations

import asyncio

from ip1_async.clock import Clock, Timer
from ip1_async.flow.line import Line

LEAST_SHARE = 1 / 64
"""Of the configured rate: how far pushing back can go."""
PACE_WHEN_UNLIMITED = 50.0
"""What an unlimited client slows down to when it is first pushed back."""
REGAIN = 0.05
"""Of the configured rate: how much a second of successes brings back."""
LAG = 0.02
"""Seconds of turns that may be made up for when the loop wakes late; more would be a burst."""
EARLY = 1e-6
"""Seconds that a turn may be too early: timers and sums of floats are no more exact, and must not be waited for again."""


class Limiter:
    """Turns at a steady rate, in the order in which they are asked for, learning from a server that pushes back.

    It is a generic cell rate algorithm: one number, the time at which the next turn is due, says everything, so that a
    turn costs no bookkeeping and idle time saves up no more than *burst* turns. All waiters share one timer.
    Rates are turns a second; None is no limit.
    """

    def __init__(self, rate: float | None, *, clock: Clock, burst: int = 1) -> None:
        self.configured = rate
        self._clock = clock
        self._burst = burst
        self._pace(rate)
        self._due = float("-inf")
        self._held_until = float("-inf")
        self._pushed_at = float("-inf")
        self._line: Line[float] = Line()
        self._timer: Timer | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        """Where the timer runs; a timer of a loop that has ended never fires."""

    @property
    def rate(self) -> float | None:
        """The present rate, between a 64th of the configured one and all of it."""
        return self._rate

    @property
    def waiting(self) -> int:
        """How many wait for a turn."""
        return len(self._line)

    def try_acquire(self) -> bool:
        """Take a turn if one is due and nobody waits for it."""
        if self._line.places and self._line.anybody():
            return False
        return self._take(self._clock.monotonic(), self._saved)

    async def acquire(self) -> None:
        """Take a turn, waiting for it if need be."""
        # As `try_acquire`, but without one more call: most turns are taken here.
        if not (self._line.places and self._line.anybody()) and self._take(self._clock.monotonic(), self._saved):
            return
        # What moves the next turn (a hold) only ever puts it off: a timer that is there comes early enough.
        if self._timer is None or self._loop is not asyncio.get_running_loop():
            self._set_timer()
        await self._line.wait(self._give_back)

    def hold(self, seconds: float) -> None:
        """Let nobody go for so many seconds; a longer hold that is already there stays."""
        self._held_until = max(self._held_until, self._clock.monotonic() + seconds)
        # The next turn is due when the hold ends: what would have been due in the meantime is not made up for.
        self._due = max(self._due, self._held_until)

    def pushed_back(self) -> None:
        """The server is overloaded: halve the rate, once a second at most, however many calls were told so at once.

        An unlimited client gets a rate by it, and loses it again when successes have brought it to 20 times that.
        """
        now = self._clock.monotonic()
        if now - self._pushed_at < 1.0:
            return
        self._pushed_at = now
        if self._rate is None:
            self._pace(PACE_WHEN_UNLIMITED)
        else:
            self._pace(max(self._rate / 2, (self.configured or PACE_WHEN_UNLIMITED) * LEAST_SHARE))

    def succeeded(self) -> None:
        """A call succeeded: step back up towards the configured rate."""
        rate = self._rate
        if rate is None or rate == self.configured:
            return
        # Divided by the rate, since so many successes come in a second: the way back takes the same time at any rate,
        # and is long beside the second between two decreases. Otherwise a fast client would be back before it learns.
        step = REGAIN * (self.configured or max(rate, PACE_WHEN_UNLIMITED)) / rate
        rate += min(step, rate)
        if self.configured is not None:
            self._pace(min(rate, self.configured))
        else:
            self._pace(rate if rate < 20 * PACE_WHEN_UNLIMITED else None)

    def _pace(self, rate: float | None) -> None:
        self._rate: float | None = rate
        # Kept ready, since every call asks; without a limit a turn takes no time, and nothing else is special about it.
        self._interval = 1.0 / rate if rate is not None else 0.0
        self._saved = (self._burst - 1) * self._interval

    def _take(self, now: float, late: float) -> bool:
        """Take a turn if one is due, even if it was due up to *late* seconds ago."""
        due = self._due
        if due > now + EARLY:
            return False
        if due < now - late:
            due = now - late
        self._due = due + self._interval
        return True

    def _give_back(self, interval: float) -> None:
        self._due = max(self._due - interval, self._held_until)
        self._set_timer()

    def _grant(self) -> None:
        """Let go whoever is due, and set the timer for the next."""
        self._timer = None
        now = self._clock.monotonic()
        while self._line.anybody():
            if not self._take(now, LAG):
                self._set_timer()
                break
            self._line.let_go(self._interval)

    def _set_timer(self) -> None:
        """Have one timer, at the time that is now right for the first waiter."""
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            # A waiter is taken apart behind its loop's end; whoever asks next sets a timer in a loop that runs.
            return
        if self._timer is not None:
            self._timer.cancel()
        wait = max(0.0, self._due - self._clock.monotonic())
        self._loop, self._timer = loop, self._clock.call_later(wait, self._grant)
