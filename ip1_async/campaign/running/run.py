"""What the parts of one run have in common: its lease, its end, and what it tells."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

from attrs import frozen

from ip1_async.campaign.running.bell import Bell
from ip1_async.campaign.running.door import Counted, Door, Sending
from ip1_async.campaign.running.terms import Terms
from ip1_async.campaign.states import State
from ip1_async.campaign.transitions import Chunk, Ledger
from ip1_async.clock import Clock
from ip1_async.errors import CampaignPaused, ConnectFailed, NotFound, RateLimited, ReadFailed, Rejected, Unauthorized

T = TypeVar("T")

log = logging.getLogger("ip1_async.campaign")

SLOWEST = 30.0
"""Seconds between two tries to read something, at most."""


@frozen(kw_only=True)
class Settled:
    """What became of a chunk for now; its state says whether that is for good."""

    chunk: int
    state: State
    recipients: int
    attempt: int
    """From 1; 0 for a chunk that was found at the provider before this ledger had claimed it."""
    batch: str | None = None
    reason: str = ""


class Over(Exception):
    """The run ends: it was stopped or paused, or has failed elsewhere."""


class Run:
    """One run of a campaign."""

    def __init__(self, ledger: Ledger, door: Door, terms: Terms, clock: Clock, campaign: str) -> None:
        self.ledger, self.door, self.terms, self.clock, self.campaign = ledger, door, terms, clock, campaign
        self.lease = 0
        self.anchor = ""
        self.changed = Bell(clock)
        self.stopped = Bell(clock)
        self.stopping = False
        self.failed: Exception | None = None
        self._in_line: set[asyncio.Task[object]] = set()
        """Who waits for a turn."""
        self.told: asyncio.Queue[Settled | None] = asyncio.Queue()
        self.waits = ""
        """Why it waits for the provider, which could not say what was asked; empty where it does not."""

    def now(self) -> float:
        """Seconds since 1970, as the ledger has them."""
        return self.clock.now().timestamp()

    def stop(self) -> None:
        """Claim nothing more; what is under way is brought to its end."""
        self.stopping = True
        self.stopped.ring()
        self.changed.ring()
        for each in self._in_line:
            each.cancel()

    @asynccontextmanager
    async def turn(self) -> AsyncGenerator[Sending]:
        """A place and a turn; raises `Over` where the run is stopped before they come."""
        task = asyncio.current_task()
        assert task is not None, "only a task can wait"
        self._in_line.add(task)
        try:
            async with self.door.turn() as send:
                self._in_line.discard(task)
                yield send
        except asyncio.CancelledError:
            # Ours is one cancellation; if there is another, somebody else's is the one to be heard.
            if task not in self._in_line or not self.stopping or task.uncancel():
                raise
            raise Over from None
        finally:
            self._in_line.discard(task)

    async def minded(self, work: Awaitable[None]) -> None:
        """Does a part's work; whatever goes wrong in it stops all others, once they have done what they were at."""
        try:
            await work
        except Over:
            pass
        except Exception as error:
            self.failed = self.failed or error
            self.stop()

    def tell(self, chunk: Chunk, state: State, reason: str = "", *, batch: str | None = None) -> None:
        """Say what became of a chunk."""
        settled = Settled(
            chunk=chunk.id, state=state, recipients=chunk.recipients, attempt=chunk.attempt, batch=batch, reason=reason
        )
        self.told.put_nowait(settled)
        self.changed.ring()

    async def pause(self, reason: str) -> None:
        """Stop for a reason that a person has to see to."""
        self.failed = self.failed or CampaignPaused(f"the campaign is paused: {reason}")
        self.stop()
        await self.ledger.pause(self.lease, reason)

    async def all(self, *states: State) -> list[Chunk]:
        """Every chunk in one of these states."""
        found: list[Chunk] = []
        while some := await self.ledger.chunks(*states, after=found[-1].id if found else 0):
            found += some
        return found

    async def counted(self, batch: str) -> Counted | None:
        """The messages of a batch; None for one that the provider does not know, or not yet."""

        async def count() -> Counted | None:
            try:
                return await self.door.count(batch)
            except NotFound:
                return None

        return await self.asked(count)

    async def asked(self, ask: Callable[[], Awaitable[T]], *, patient: bool = True) -> T:
        """What the provider answers, asked again and again while it cannot; pauses where it does not want to.

        Raises `Over` where the run ends first, and `ConnectFailed` at once where it is not to be *patient*.
        """
        wait = 1.0
        while not self.stopping:
            try:
                answer = await ask()
                self.waits = ""
                return answer
            except (ReadFailed, RateLimited, ConnectFailed) as error:
                if not patient and isinstance(error, ConnectFailed):
                    raise
                self.waits = error.reason
                wait = max(wait, error.retry_after or 0.0)
                log.warning("campaign %s waits for the provider: %s", self.campaign, error.reason)
            except Unauthorized:
                await self.pause("the token is not accepted (401)")
                break
            except Rejected as error:
                await self.pause(f"the provider refuses to be asked: {error.reason}")
                break
            await self.stopped.heard(self.stopped.rings, min(wait, SLOWEST))
            wait *= 2
        raise Over
