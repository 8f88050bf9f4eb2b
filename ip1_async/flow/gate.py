"""How many calls are under way at once."""

from __future__ import annotations

from ip1_async.flow.line import Line


class Gate:
    """A number of places, given in the order in which they are asked for; cancelling loses none.

    A freed place is handed to the first waiter itself, so that nobody who comes later takes it in between.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self.in_flight = 0
        self._line: Line[None] = Line()

    def try_acquire(self) -> bool:
        """Take a place if one is free; while somebody waits, none is."""
        if self.in_flight >= self.size:
            return False
        self.in_flight += 1
        return True

    async def acquire(self) -> None:
        """Take a place, waiting for one if need be."""
        if not self.try_acquire():
            await self._line.wait(lambda _: self.release())

    def release(self) -> None:
        """Give a place back."""
        self.in_flight -= 1
        if self.in_flight < self.size and self._line.anybody():
            self.in_flight += 1
            self._line.let_go(None)
