"""Runs handlers for what was stored: each once for each event, again after a failure, those of a message in turn."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence

from attrs import define, field

from ip1_async.clock import Clock
from ip1_async.webhooks.events import Event
from ip1_async.webhooks.handlers import Handler, again_after
from ip1_async.webhooks.store import Store, Waiting
from ip1_async.webhooks.truth import MessageState

log = logging.getLogger("ip1_async.webhooks")

AT_ONCE = 200
FOLLOW = 5.0
"""Seconds after which a process that does not lead looks whether it does now."""


@define
class Counts:
    """What has happened since the start of this process."""

    received: int = 0
    """Posts that were stored or known."""
    repeated: int = 0
    """Of those, told before."""
    turned_away: int = 0
    """Posts with a wrong secret, too large, too slow, or of something else."""
    handled: int = 0
    """Events whose handlers have all run."""
    failed: int = 0
    """Times that a handler failed."""
    given_up: int = 0
    """Events with a handler that never succeeded."""
    lost: int = 0
    """Statuses that webhooks had not told when they were read back."""
    forged: int = 0
    """Events that the provider does not know of, with *verify*."""


Check = Callable[[Event], Awaitable[bool]]


@define
class Dispatch:
    """One task that waits for events and has them handled."""

    store: Store
    clock: Clock
    handlers: Sequence[Handler]
    check: Check | None
    """Whether the provider knows of an event, where it is to be asked."""
    moved: Callable[[MessageState], object]
    counts: Counts
    attempts: int
    _woken: asyncio.Event = field(factory=asyncio.Event, init=False)
    _under_way: dict[str, asyncio.Task[None]] = field(factory=dict[str, "asyncio.Task[None]"], init=False)
    """By message."""
    _ran: dict[str, set[str]] = field(factory=dict[str, set[str]], init=False)
    """By event, the handlers that have run."""

    def wake(self) -> None:
        """Something may be due."""
        self._woken.set()

    async def run(self, places: int) -> None:
        """Never comes back; when it is ended, what is under way is ended too, and handled again later."""
        free = asyncio.Semaphore(places)
        try:
            while True:
                self._woken.clear()
                try:
                    wait = await self._round(free)
                except Exception as error:
                    # What is stored stays there: handlers run when the store can be used again.
                    log.error("the store failed: %s", type(error).__name__)
                    wait = FOLLOW
                if wait is not None:
                    await self._wait(wait)
        finally:
            for task in self._under_way.values():
                task.cancel()
            if self._under_way:
                await asyncio.wait(self._under_way.values())

    async def _round(self, free: asyncio.Semaphore) -> float | None:
        """Begins what is due; gives the seconds until there may be more, None for now."""
        room = AT_ONCE - len(self._under_way)
        if not self.store.lead() or room <= 0:
            return FOLLOW
        # What is under way is still due in the store.
        found = await self.store.waiting(self.clock.now().timestamp(), room, self._under_way)
        for message, events in _by_message(found).items():
            self._begin(message, events, free)
        return None if found else await self._until_due()

    def _begin(self, message: str, events: Sequence[Waiting], free: asyncio.Semaphore) -> None:
        async def in_turn() -> None:
            try:
                async with free:
                    for each in events:
                        await self._handle(each)
            except Exception as error:
                log.error("the store failed: %s", type(error).__name__)
                await self.clock.sleep(FOLLOW)

        def over(task: asyncio.Task[None]) -> None:
            del self._under_way[message]
            self.wake()

        task = asyncio.create_task(in_turn(), name="ip1 webhooks, handlers")
        self._under_way[message] = task
        task.add_done_callback(over)

    async def _handle(self, waiting: Waiting) -> None:
        event = waiting.event
        # What has run is remembered here until it could be noted: a full disk must not have it run again.
        done = self._ran.setdefault(event.key, set(waiting.done))
        if self.check is not None and "checked" not in done:
            if not await self._checked(waiting, self.check):
                return
            done.add("checked")
            await self.store.done(event, frozenset(done))
        state = await self.store.state(event.message) if event.kind == "report" else None
        wanted = [each for each in self.handlers if each.name not in done and each.wanted.fits(event)]
        for position, each in enumerate(wanted):
            try:
                await each(event, state)
            except (Exception, asyncio.CancelledError) as error:
                if isinstance(error, asyncio.CancelledError) and _is_ended():
                    raise
                self.counts.failed += 1
                log.warning("handler %s failed with %s", each.name, type(error).__name__)
                await self._put_off(waiting)
                return
            done.add(each.name)
            if position < len(wanted) - 1:
                await self.store.done(event, frozenset(done))
        await self._finish(event)
        self.counts.handled += 1

    async def _finish(self, event: Event) -> None:
        await self.store.finish(event)
        self._ran.pop(event.key, None)

    async def _checked(self, waiting: Waiting, check: Check) -> bool:
        """Whether the event is true; it is put off where that cannot be found out."""
        try:
            true = await check(waiting.event)
        except Exception as error:
            log.warning("an event could not be verified: %s", type(error).__name__)
            await self._put_off(waiting)
            return False
        if not true:
            self.counts.forged += 1
            log.warning("an event that the provider does not know of was dropped")
            await self.store.drop(waiting.event)
            self._ran.pop(waiting.event.key, None)
            return False
        state = (await self.store.move(waiting.event)).state
        if state is not None:
            self.moved(state)
        return True

    async def _put_off(self, waiting: Waiting) -> None:
        if waiting.tries + 1 >= self.attempts:
            self.counts.given_up += 1
            log.error("an event was given up after %d attempts", self.attempts)
            await self._finish(waiting.event)
        else:
            await self.store.again(waiting.event, self.clock.now().timestamp() + again_after(waiting.tries))

    async def _until_due(self) -> float:
        due = await self.store.next_due(self._under_way)
        return FOLLOW if due is None else min(FOLLOW, max(0.0, due - self.clock.now().timestamp()))

    async def _wait(self, seconds: float) -> None:
        timer = self.clock.call_later(seconds, self._woken.set)
        try:
            await self._woken.wait()
        finally:
            timer.cancel()


def _is_ended() -> bool:
    """Whether it is the task itself that is cancelled, and not something that a handler waited for."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _by_message(found: Sequence[Waiting]) -> dict[str, list[Waiting]]:
    groups: dict[str, list[Waiting]] = {}
    for each in found:
        groups.setdefault(each.event.message, []).append(each)
    return groups
