"""Who waits, first come first served."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Line(Generic[T]):
    """Those who wait, in the order in which they came, each to be let go with what it is given.

    Who was cancelled, or whose event loop has ended, is passed over when its time comes. So leaving costs nothing, and a
    client that is used in one loop after another is never blocked by whom the earlier loop left behind.
    """

    __slots__ = ("places",)

    def __init__(self) -> None:
        self.places: deque[asyncio.Future[T]] = deque()

    def __len__(self) -> int:
        return sum(map(_waits, self.places))

    def anybody(self) -> bool:
        """Whether there is somebody to let go."""
        while self.places:
            if _waits(self.places[0]):
                return True
            self.places.popleft()
        return False

    def let_go(self, given: T) -> None:
        """Let the first one go; `anybody` must have said that there is one."""
        self.places.popleft().set_result(given)

    async def wait(self, give_back: Callable[[T], object]) -> None:
        """Wait to be let go; *give_back* gets what was given to somebody who was cancelled before using it."""
        place: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self.places.append(place)
        try:
            await place
        except BaseException:
            # Not cancelled but done: let go and cancelled in the same turn of the loop. Not done at all: the coroutine is
            # taken apart without its loop, which may be closed, so that the future must not be touched, only forgotten.
            if not place.done():
                self.places = deque(other for other in self.places if other is not place)
            elif not place.cancelled():
                give_back(place.result())
            raise


def _waits(place: asyncio.Future[T]) -> bool:
    return not place.done() and not place.get_loop().is_closed()
