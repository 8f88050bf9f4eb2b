"""Sends the chunks of a run: each is claimed when its turn has come, written down, sent once, and settled.

The order is what matters. The turn comes before the claim, so that nothing waits between the two words of the ledger; the
claim is on the disk before the request begins; and a request that would begin too late is not made.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

from ip1_async.campaign.orders import Orders
from ip1_async.campaign.running.door import Sending
from ip1_async.campaign.running.doubts import Doubts
from ip1_async.campaign.running.opt_outs import OptOuts
from ip1_async.campaign.running.run import Run
from ip1_async.campaign.running.schedule import Schedule
from ip1_async.campaign.states import (
    OPEN,
    Accept,
    Decision,
    Doubt,
    GiveBack,
    Pause,
    Reject,
    Split,
    reference,
    settle,
)
from ip1_async.campaign.transitions import Chunk, People
from ip1_async.errors import ConnectFailed, LedgerError
from ip1_async.models import Batch

LOOK_AT_CREDIT = 2.0
"""Seconds between two looks at the latest batch, for messages that the account could not pay for."""
MOST = 1000
"""Chunks that are counted to find out whether there is one for everybody who would claim one."""
FEW = 0.01
"""Of the messages looked at: so many without funds are somebody's own matter, more of them the account's."""
LONGEST_REST = 60.0
"""Seconds after which the time of day is looked at again."""


class Sender:
    """Any number of `work`s at once share one of these."""

    def __init__(
        self,
        run: Run,
        orders: Orders,
        doubts: Doubts,
        schedule: Schedule,
        opt_outs: OptOuts,
        *,
        any_accepted: bool,
        chance: Callable[[], float],
    ) -> None:
        self._run, self._orders, self._doubts, self._schedule, self._opt_outs = run, orders, doubts, schedule, opt_outs
        self._any_accepted, self._chance = any_accepted, chance
        self._reading = asyncio.Lock()
        self._claiming = 0
        """How many are about to claim a chunk."""
        self._left = 0
        """Chunks that could be claimed when they were last counted, without those that were claimed since."""
        self._unfunded = self._looked_at = 0
        """Messages that could not be paid for, of those looked at."""
        self._latest: str | None = None
        """The batch that was accepted last; None where it was looked at."""

    async def work(self) -> None:
        """Send one chunk after another, until nothing is open any more or the run is stopped."""
        run = self._run
        while await self._due():
            async with run.turn() as send:
                if (claimed := await self._claimed()) is not None:
                    await self._send(send, *claimed)

    async def _claimed(self) -> tuple[Chunk, float] | None:
        """The next chunk, and when its request is not to be begun any more."""
        run = self._run
        try:
            # Now and not before the turn, which may be long in coming.
            async with self._reading:
                if self._opt_outs.stale():
                    await run.asked(self._opt_outs.read)
            if run.stopping:
                return None
            not_after = run.clock.boottime() + run.terms.deadline
            zones, _ = self._schedule.now(run.clock.now())
            chunk = await run.ledger.claim(run.lease, at=run.now(), zones=zones)
            # Where there is less than was thought, somebody had proof of one, or a zone has closed: they are counted again.
            self._left = 0 if chunk is None else self._left - 1
            return None if chunk is None else (chunk, not_after)
        finally:
            self._claiming -= 1
            # Whoever left this chunk to us may look for another one.
            run.changed.ring()

    async def watch_credit(self) -> None:
        """The provider takes batches that the account cannot pay for, and says so of their messages later on."""
        while True:
            await self._run.clock.sleep(LOOK_AT_CREDIT)
            await self.look_at_credit()

    async def look_at_credit(self) -> None:
        """Pause where the batch that was accepted last could not be paid for."""
        latest, self._latest = self._latest, None
        if latest is not None and (counted := await self._run.counted(latest)) is not None:
            await self._paid(counted.unfunded, counted.messages)

    async def _due(self) -> bool:
        """Waits until there is a chunk to claim that nobody else here is about to; False when the run is over."""
        run = self._run
        while not run.stopping:
            rings, now = run.changed.rings, run.now()
            zones, opens = self._schedule.now(run.clock.now())
            # Not more than there is to claim: a turn that finds nothing is one that somebody else would have needed.
            if self._left <= self._claiming:
                self._left = await run.ledger.claimable(at=now, zones=zones, most=MOST)
            if self._left > self._claiming:
                self._claiming += 1
                return True
            if not any(each.state in OPEN for each in await run.ledger.tallies()):
                return False
            times = [
                each - now for each in (await run.ledger.next_due(zones), opens) if each is not None and each > now
            ]
            # Timers stand still while the machine sleeps, and the time of day may be set.
            await run.changed.heard(rings, min([*times, LONGEST_REST]))
        return False

    async def _send(self, send: Sending, chunk: Chunk, not_after: float) -> None:
        run = self._run
        people = chunk.people or await run.ledger.people(chunk.id)
        if gone := {each: self._opt_outs.reason(each) for each in people.among(self._opt_outs.numbers)}:
            chunk = await run.ledger.leave_out(run.lease, chunk, gone, at=run.now())
            people = await run.ledger.people(chunk.id)
        if not chunk.recipients:
            await self._settle(chunk, Reject("everybody in it has opted out"))
            return
        try:
            result: Batch | Exception = await self._posted(send, chunk, people, not_after)
        except Exception as error:
            result = error
        except BaseException:
            # Cut off in the middle: it may have been sent, and the ledger says so at once where it still can.
            doubt = run.ledger.doubt(run.lease, chunk, "it was interrupted", acknowledged=False, at=run.now())
            with suppress(LedgerError):
                await asyncio.shield(doubt)
            raise
        decision = settle(
            result,
            recipients=chunk.recipients,
            any_accepted=self._any_accepted,
            attempt=chunk.attempt,
            chance=self._chance(),
        )
        await self._settle(chunk, decision)

    async def _posted(self, send: Sending, chunk: Chunk, people: People, not_after: float) -> Batch:
        run = self._run
        batch = self._orders.batch(
            chunk.text,
            ["0"],
            campaign=run.campaign,
            reference=reference(run.campaign, chunk.id, chunk.attempt),
            windows=self._schedule.delivery_windows(chunk.zone, run.clock.now()),
        )
        if run.clock.boottime() > not_after:
            raise ConnectFailed("it was too late to begin")
        return await send(batch, recipients=people.whole, not_after=not_after)

    async def _settle(self, chunk: Chunk, decision: Decision) -> None:
        run, at = self._run, self._run.now()
        ledger, lease = run.ledger, run.lease
        match decision:
            case Accept(batch, messages, unfunded):
                await ledger.accept(lease, chunk, batch, messages=messages, at=at)
                self._any_accepted, self._latest = True, batch
                run.tell(chunk, "ACCEPTED", batch=batch)
                if unfunded:
                    await self._paid(unfunded, chunk.recipients)
            case GiveBack(after, reason):
                await ledger.give_back(lease, chunk, reason, not_before=at + after)
                run.tell(chunk, "PENDING", reason)
            case Pause(reason):
                await ledger.give_back(lease, chunk, reason, not_before=at)
                run.tell(chunk, "PENDING", reason)
                await run.pause(reason)
            case Split(reason):
                await ledger.split(lease, chunk, reason, at=at)
                run.tell(chunk, "SPLIT", reason)
            case Reject(reason):
                await ledger.reject(lease, chunk, reason, at=at)
                run.tell(chunk, "REJECTED", reason)
            case Doubt(reason, acknowledged=acknowledged):
                await ledger.doubt(lease, chunk, reason, acknowledged=acknowledged, at=at)
                self._doubts.add(chunk, acknowledged=acknowledged)
                run.tell(chunk, "UNKNOWN", reason)

    async def _paid(self, unfunded: int, of: int) -> None:
        self._unfunded += unfunded
        self._looked_at += of
        if self._unfunded > max(1, FEW * self._looked_at):
            await self._run.pause(
                f"the account has no credit: {self._unfunded} of {self._looked_at} messages that were looked at could not be "
                "paid for (402)"
            )
