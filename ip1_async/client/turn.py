"""A send whose turn is taken first, so that nothing waits between a durable word that it begins and the request itself."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

from ip1_async.api import Batches
from ip1_async.client.calls import Calls
from ip1_async.client.door import Door
from ip1_async.models import Batch, NewBatch
from ip1_async.wire import Request, Response

T = TypeVar("T")


class Turn:
    """One of the places in flight, and a turn of the limiter: good for one send."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    async def send(self, batch: NewBatch, *, not_after: float | None = None) -> Batch:
        """Sends the batch in a single attempt, at once; raises as `batches.send` does.

        A connection that comes up later than *not_after* (seconds of `Clock.boottime`) is not used, which is
        `ConnectFailed`: nothing was sent.
        """
        return await Batches(_Once(self._calls, not_after)).send(batch)


class _Once(Door):
    """Makes one request in one attempt."""

    def __init__(self, calls: Calls, not_after: float | None) -> None:
        super().__init__(calls)
        self._not_after = not_after

    async def answer(self, request: Request, read: Callable[[Response], T]) -> T:
        response, course = await self.calls.perform_once(request, self._not_after)
        return self._read(course, response, read)

    async def call(self, request: Request, read: Callable[[Response], T]) -> T:
        return await self.answer(request, read)


@asynccontextmanager
async def taken(calls: Calls) -> AsyncGenerator[Turn]:
    """Waits for a place and a turn, and gives the place back at the end."""
    await calls.enter()
    try:
        yield Turn(calls)
    finally:
        calls.gate.release()
