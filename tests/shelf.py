"""A collection on a server with habits of its own, for walks to be tried on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from attrs import define, field

from ip1_async import Pages
from ip1_async.clock import settle
from ip1_async.pages import Fetched


@define
class Shelf:
    """Rows, and how they are given out."""

    rows: list[str]
    cap: int = 1000
    link: bool = True
    last: bool = False
    """Whether the Link header names the last page, too."""
    off_by: int = 0
    """What the Link header's offsets are too high by."""
    deaf: bool = False
    """Whether it ignores offset and limit."""
    between: Callable[[int], None] = field(default=lambda request: None)
    """Called before each request but the first, with its number."""
    turns: Callable[[], int] = field(default=lambda: 0)
    """How many turns of the loop a request takes to get there, and its answer to get back."""
    most: int = 2000
    asked: list[tuple[int, int]] = field(factory=list)
    answered: int = 0
    """Requests that were answered or given up."""

    async def fetch(self, start: int, limit: int) -> Fetched[str]:
        self.asked.append((start, limit))
        request = len(self.asked)
        assert request < self.most, "the walk does not end"
        try:
            await settle(self.turns())
            if request > 1:
                self.between(request - 1)
            found = self._answer(start, limit)
            await settle(self.turns())
        finally:
            self.answered += 1
        return found

    def _answer(self, start: int, limit: int) -> Fetched[str]:
        if self.deaf:
            return Fetched(list(self.rows), None, False)
        end = start + min(limit, self.cap)
        following = end + self.off_by if self.link and end < len(self.rows) else None
        last = max(0, len(self.rows) - 1) // limit * limit + self.off_by if self.link and self.last else None
        return Fetched(self.rows[start:end], following, self.link, last)

    def walk(self, **options: Any) -> Pages[str]:
        return Pages(self.fetch, key=str, **options)


def names(count: int) -> list[str]:
    return [f"row{number}" for number in range(count)]
