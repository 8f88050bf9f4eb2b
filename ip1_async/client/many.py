"""Many sends at once: as many as may be under way, and an outcome for each."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable, Awaitable, Callable, Iterable
from contextlib import aclosing
from typing import Any

from ip1_async.client.outcomes import Outcome, Refused, Sent, Unknown
from ip1_async.errors import Invalid, NotSent, OutcomeUnknown, Undecodable
from ip1_async.models import Batch, NewBatch

Inputs = Iterable[NewBatch] | AsyncIterable[NewBatch]
Send = Callable[[NewBatch], Awaitable[Batch]]


async def outcomes(inputs: Inputs, send: Send, concurrency: int) -> AsyncGenerator[Outcome]:
    """One outcome for each input, as soon as it is known.

    An input is taken only when a place is free, so at most *concurrency* of them wait for their outcome. Leaving early
    waits for the sends under way: one that is cut off half-way would have an unknown outcome. Where taking an input
    fails, its error comes after the outcomes of the inputs before it.
    """
    sends: set[asyncio.Task[Outcome]] = set()
    taking: asyncio.Task[NewBatch] | None = None
    index, more = 0, True
    failed: BaseException | None = None
    async with aclosing(_taken(inputs)) as source:
        try:
            while more or sends:
                if more and taking is None and len(sends) < concurrency:
                    taking = asyncio.create_task(_next(source))
                await asyncio.wait({*sends, taking} if taking else sends, return_when=asyncio.FIRST_COMPLETED)
                if taking is not None and taking.done():
                    failed = taking.exception()
                    if failed is None:
                        sends.add(asyncio.create_task(_outcome(index, taking.result(), send)))
                        index += 1
                    more, taking = failed is None, None
                finished = {each for each in sends if each.done()}
                sends -= finished
                for outcome in sorted((each.result() for each in finished), key=lambda each: each.index):
                    yield outcome
            if failed is not None and not isinstance(failed, _End):
                raise failed
        finally:
            await _left(sends, taking)


class _End(Exception):
    """There are no more inputs; a task cannot end with StopAsyncIteration."""


async def _next(source: AsyncGenerator[NewBatch]) -> NewBatch:
    try:
        return await anext(source)
    except StopAsyncIteration:
        raise _End from None


async def _taken(inputs: Inputs) -> AsyncGenerator[NewBatch]:
    if isinstance(inputs, AsyncIterable):
        async for each in inputs:
            yield each
    else:
        for each in inputs:
            yield each


async def _outcome(index: int, batch: Any, send: Send) -> Outcome:
    if not isinstance(batch, NewBatch):
        error = Invalid("batches", f"batches[{index}] is of type {type(batch).__name__}; it is a NewBatch")
        return Refused(error, index=index)
    try:
        return Sent(await send(batch), index=index, input=batch)
    except NotSent as refused:
        return Refused(refused, index=index, input=batch)
    except (OutcomeUnknown, Undecodable) as unknown:
        return Unknown(unknown, index=index, input=batch)


async def _left(sends: set[asyncio.Task[Outcome]], taking: asyncio.Task[NewBatch] | None) -> None:
    """Nothing stays behind: no more is taken, and what is under way is waited for."""
    if taking is not None:
        taking.cancel()
        await asyncio.wait({taking})
    try:
        if sends:
            await asyncio.wait(sends)
    except asyncio.CancelledError:
        # Cancelled again while waiting: then it is cut off, and `on_attempt` is told what is unknown.
        for task in sends:
            task.cancel()
        await asyncio.wait(sends)
        raise
