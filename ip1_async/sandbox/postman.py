"""Posts webhooks when they are due, and again until somebody answers 200."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol, TypeVar

from attrs import define, field

from ip1_async.clock import Clock
from ip1_async.flow import Deadlines
from ip1_async.masking import Secret
from ip1_async.sandbox import reports
from ip1_async.sandbox.journal import Journal
from ip1_async.sandbox.reports import Habits, Post
from ip1_async.sandbox.state import State, stamp, stamp_at
from ip1_async.transport import Failure, Headers, Limits, Transport, Way

T = TypeVar("T")

PATIENCE = 10.0
"""Seconds of the clock that a receiver has to answer."""
AT_ONCE = 16
_HEADERS = Headers({"Content-Type": "application/json", "User-Agent": "iP.1 sandbox"})


class Transact(Protocol):
    """Has work done in one transaction of the database."""

    def __call__(self, work: Callable[[State], T], /) -> Awaitable[T]: ...


@define
class Postman:
    """One task that waits for the next webhook and posts all that are due."""

    transact: Transact
    clock: Clock
    journal: Journal
    habits: Habits = field(factory=Habits)
    _woken: asyncio.Event = field(factory=asyncio.Event, init=False)
    _rested: asyncio.Event = field(factory=asyncio.Event, init=False)
    """Set while nothing that is due is left."""
    _transport: Transport = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._transport = Transport(Way(), Deadlines(self.clock))

    def wake(self) -> None:
        """Something may be due earlier than it was thought."""
        self._rested.clear()
        self._woken.set()

    async def rested(self) -> None:
        """Comes back when all that is due has been posted once more."""
        await self._rested.wait()

    async def run(self) -> None:
        """Never comes back."""
        try:
            while True:
                self._woken.clear()
                wait = await self._round()
                if wait is None or wait > 0:
                    await self._wait(wait)
        finally:
            await self._transport.close()

    async def post(self, posts: Sequence[Post]) -> None:
        """Post these now, those of a message one after another."""
        places = asyncio.Semaphore(AT_ONCE)
        by_message: dict[int, list[Post]] = {}
        for post in posts:
            by_message.setdefault(post.message, []).append(post)

        async def in_turn(some: Sequence[Post]) -> None:
            async with places:
                for post in some:
                    for _ in range(1 + self.habits.doubled):
                        await self._deliver(post)

        async with asyncio.TaskGroup() as group:
            for some in by_message.values():
                group.create_task(in_turn(some))

    async def _round(self) -> float | None:
        """Posts what is due; gives the clock's seconds until there is more, None for never."""

        def look(state: State) -> tuple[list[Post], float | None]:
            found = reports.due(state, self.habits)
            at = None if found else reports.next_due(state)
            return found, 0.0 if found else None if at is None else state.pace.away(at)

        posts, wait = await self.transact(look)
        await self.post(posts)
        if (wait is None or wait > 0) and not self._woken.is_set():
            self._rested.set()
        return wait

    async def _wait(self, seconds: float | None) -> None:
        timer = None if seconds is None else self.clock.call_later(seconds, self._woken.set)
        try:
            await self._woken.wait()
        finally:
            if timer is not None:
                timer.cancel()

    async def _deliver(self, post: Post) -> None:
        status, problem = await self._answer(post)
        gone = problem is _ELSEWHERE or status == 200

        def settle(state: State) -> tuple[str, float | None]:
            return stamp(state.now()), reports.settle(state, post, done=gone)

        at, again = await self.transact(settle)
        self.journal.post(
            at=at, kind=post.kind, url=post.url, body=post.body, attempt=post.attempt, status=status, problem=problem,
            next=None if again is None else stamp_at(again),
        )  # fmt: skip

    async def _answer(self, post: Post) -> tuple[int | None, str | None]:
        if not (self.habits.anywhere or reports.stays_here(post.url)):
            return None, _ELSEWHERE
        now = self.clock.monotonic()
        limits = Limits(deadline=now + PATIENCE, connect_timeout=PATIENCE)
        try:
            answer = await self._transport.send("POST", Secret(post.url), _HEADERS, post.body.encode(), limits)
        except Failure as failure:
            return None, failure.reason
        return answer.status, None


_ELSEWHERE = "only addresses of this machine are posted to"
