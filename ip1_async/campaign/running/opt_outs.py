"""The numbers that must not be texted: the provider's blacklist, and those of one's own."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from collections.abc import Set as AbstractSet

from ip1_async.clock import Clock

OLDEST = 60.0
"""Seconds after which they are read again before a chunk goes."""

Own = Callable[[], Awaitable[AbstractSet[str]]]
"""Gives the MSISDNs of one's own opt-outs, as they are now."""


async def nobody() -> AbstractSet[str]:
    """No opt-outs of one's own."""
    return frozenset()


class OptOuts:
    """Who must not be texted, as it was read last."""

    def __init__(self, blacklist: Own, own: Own, clock: Clock) -> None:
        self._blacklist, self._own, self._clock = blacklist, own, clock
        self._blocked: AbstractSet[str] = frozenset()
        self._left: AbstractSet[str] = frozenset()
        self._read: float | None = None
        self.numbers: AbstractSet[str] = frozenset()
        """All of them."""

    def stale(self) -> bool:
        """Whether they must be read again."""
        return self._read is None or self._clock.boottime() - self._read > OLDEST

    async def read(self) -> None:
        """Read them; raises what reading raises, and then the earlier ones stay, as old as they are."""
        self._left, self._blocked = await self._own(), await self._blacklist()
        self.numbers = self._left | self._blocked
        # From when they are whole: a long list that takes a minute to read would otherwise be out of date at once.
        self._read = self._clock.boottime()

    def reason(self, number: str) -> str:
        """Why one of them is not texted."""
        return "opted out" if number in self._left else "blacklisted"
