"""A send whose turn is taken first, so that nothing waits between a durable word that it begins and the request itself."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

from attrs import evolve

from ip1_async import codec
from ip1_async.api import Batches
from ip1_async.client.calls import Calls
from ip1_async.client.door import Door
from ip1_async.masking import SecretBytes
from ip1_async.models import Batch, NewBatch
from ip1_async.wire import Request, Response

T = TypeVar("T")


class Turn:
    """One of the places in flight, and a turn of the limiter: good for one send."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    async def send(self, batch: NewBatch, *, not_after: float | None = None, recipients: bytes | None = None) -> Batch:
        """Sends the batch in a single attempt, at once; raises as `batches.send` does.

        *recipients*, the JSON of recipients that were checked before, goes out in the place of the batch's own. A
        connection that comes up later than *not_after* (seconds of `Clock.boottime`) is not used, which is
        `ConnectFailed`: nothing was sent.
        """
        return await Batches(_Once(self._calls, not_after, recipients)).send(batch)


class _Once(Door):
    """Makes one request in one attempt."""

    def __init__(self, calls: Calls, not_after: float | None, recipients: bytes | None) -> None:
        super().__init__(calls)
        self._not_after, self._recipients = not_after, None if recipients is None else SecretBytes(recipients)

    async def answer(self, request: Request, read: Callable[[Response], T]) -> T:
        if self._recipients is not None and request.body is not None:
            request = evolve(request, body=with_recipients(request.body, self._recipients))
        response, course = await self.calls.perform_once(request, self._not_after)
        return self._read(course, response, read)

    async def call(self, request: Request, read: Callable[[Response], T]) -> T:
        return await self.answer(request, read)


def with_recipients(body: bytes, recipients: bytes) -> SecretBytes:
    """The JSON of a batch with these recipients, whose JSON is not read again: there may be many, and they were checked."""
    facts = codec.decode(body)
    del facts["recipients"]
    return SecretBytes(codec.encode(facts)[:-1] + b',"recipients":' + recipients + b"}")


@asynccontextmanager
async def taken(calls: Calls) -> AsyncGenerator[Turn]:
    """Waits for a place and a turn, and gives the place back at the end."""
    await calls.enter()
    try:
        yield Turn(calls)
    finally:
        calls.gate.release()
