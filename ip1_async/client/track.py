"""Waits for messages by asking, politely: less and less often, and the whole batch only when its summary has changed."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator

from ip1_async.api import Batches
from ip1_async.clock import Clock
from ip1_async.errors import NotFinal
from ip1_async.models import Batch, Message, Status

FIRST, FACTOR, LONGEST = 1.0, 1.5, 60.0


def waits() -> Iterator[float]:
    """Seconds between one look and the next."""
    wait = FIRST
    while True:
        yield wait
        wait = min(LONGEST, wait * FACTOR)


async def final(batches: Batches, message: Message, timeout: float | None, clock: Clock) -> Message:
    """The message once it is final."""
    until = _until(timeout, clock)
    for wait in waits():
        if message.is_final:
            return message
        left = until - clock.monotonic()
        if left <= 0:
            late = NotFinal("the message is still under way")
            late.last = message
            raise late
        await clock.sleep(min(wait, left))
        message = await batches.message(message.batch_id, message.id)
    raise AssertionError


async def changes(batches: Batches, batch: Batch | str, timeout: float | None, clock: Clock) -> AsyncGenerator[Message]:
    """Each message of a batch when it has another status than before, until all are final."""
    id = batch if isinstance(batch, str) else batch.id
    until = _until(timeout, clock)
    seen: dict[str, Status] = {}
    summary = None
    pauses, pause = waits(), 0.0
    while True:
        now = await batches.get(id)
        changed = now.message_summary != summary
        # A status may become final without being another, which no summary shows.
        if changed or pause >= LONGEST:
            summary, pauses = now.message_summary, waits() if changed else pauses
            under_way = 0
            async for message in batches.messages(id):
                under_way += not message.is_final
                if seen.get(message.id) != message.status:
                    seen[message.id] = message.status
                    yield message
            if not under_way and len(seen) >= sum(each.messages for each in summary.values()):
                return
        left = until - clock.monotonic()
        if left <= 0:
            raise NotFinal("messages of the batch are still under way")
        pause = next(pauses)
        await clock.sleep(min(pause, left))


def _until(timeout: float | None, clock: Clock) -> float:
    return float("inf") if timeout is None else clock.monotonic() + timeout
