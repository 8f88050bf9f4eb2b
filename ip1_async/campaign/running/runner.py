"""Carries a plan out, from taking the lease to giving it back."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncGenerator, Callable
from contextlib import suppress

from ip1_async.campaign.ledger.owner import is_dead, this_process
from ip1_async.campaign.orders import Orders
from ip1_async.campaign.planning.hours import Hours
from ip1_async.campaign.running.audit import audit
from ip1_async.campaign.running.door import Door
from ip1_async.campaign.running.doubts import Doubts
from ip1_async.campaign.running.opt_outs import OptOuts
from ip1_async.campaign.running.run import Run, Settled
from ip1_async.campaign.running.schedule import Schedule
from ip1_async.campaign.running.sender import Sender
from ip1_async.campaign.running.terms import Terms
from ip1_async.campaign.transitions import Facts, Ledger
from ip1_async.clock import Clock
from ip1_async.errors import LedgerError


class Runner:
    """One run of a campaign."""

    def __init__(
        self,
        ledger: Ledger,
        facts: Facts,
        door: Door,
        *,
        opt_outs: OptOuts,
        terms: Terms,
        concurrency: int,
        clock: Clock,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._facts, self._opt_outs, self._concurrency, self._chance = facts, opt_outs, concurrency, chance
        self._run = Run(ledger, door, terms, clock, facts.id)
        self._doubts = Doubts(self._run)
        self._lives = False

    @property
    def waits(self) -> str:
        """Why it waits for the provider; empty where it does not."""
        return self._run.waits

    def stop(self) -> None:
        """Claim nothing more; what is under way is brought to its end."""
        self._run.stop()

    def heard(self, chunk: int) -> None:
        """Somebody has proof that this chunk was accepted, and has written it down."""
        self._doubts.proved(chunk)

    async def outcomes(self) -> AsyncGenerator[Settled]:
        """What becomes of each chunk, as soon as it is known.

        Raises `LedgerHeld` while another process runs the campaign, `LedgerError` where the ledger fails, and
        `CampaignPaused` where the provider would refuse everything; all of them when nothing is under way any more.
        """
        work = asyncio.create_task(self._work(), name="ip1 campaign")
        try:
            while (settled := await self._run.told.get()) is not None:
                yield settled
            await work
        finally:
            self.stop()
            await _ended(work)

    async def _work(self) -> None:
        run = self._run
        before = await run.ledger.held()
        # One that lives may be on the point of sending: its lease may have ended early, where the clock was set.
        self._lives = before is not None and before.until > 0 and not is_dead(before.owner)
        taking = asyncio.ensure_future(run.ledger.take(this_process(), at=run.now(), until=run.now() + run.terms.holds))
        try:
            run.lease = await asyncio.shield(taking)
            # Once more: until the lease was ours, somebody else may have run it.
            self._facts = await run.ledger.facts()
            await self._parts()
        finally:
            # Also where it was cut off while it took the lease: nobody is to wait for one that nobody has.
            await asyncio.wait({taking})
            if not taking.cancelled() and taking.exception() is None:
                with suppress(LedgerError):
                    await run.ledger.release(taking.result())
            run.told.put_nowait(None)
        if run.failed is not None:
            raise run.failed

    async def _parts(self) -> None:
        run = self._run
        heart = asyncio.create_task(run.minded(self._beat()), name="ip1 campaign, lease")
        others = [heart]
        try:
            await run.minded(self._begin())
            if run.stopping:
                return
            sender = await self._sender()
            others += [asyncio.create_task(run.minded(each)) for each in (self._doubts.work(), sender.watch_credit())]
            await asyncio.gather(*(run.minded(sender.work()) for _ in range(self._concurrency)))
            if not run.stopping:
                await run.minded(self._end(sender))
        finally:
            for each in others:
                each.cancel()
            await asyncio.wait(others)

    async def _begin(self) -> None:
        """What was on its way when somebody died is in doubt; what the provider lists is adopted before anything is sent."""
        run = self._run
        await run.ledger.pause(run.lease, "")
        await run.ledger.take_over(run.lease, at=run.now())
        for chunk in await run.all("UNKNOWN"):
            longer = run.terms.deadline if self._lives else 0.0
            self._doubts.add(chunk, acknowledged=chunk.acknowledged, longer=longer)
        if self._facts.anchor is None:
            newest = await run.asked(lambda: run.door.find(0, 1), patient=False)
            run.anchor = newest[0].id if newest else ""
            await run.ledger.anchored(run.lease, run.anchor, at=run.now())
        else:
            run.anchor = self._facts.anchor
            await self._doubts.adopt(await self._doubts.look(patient=False))

    async def _sender(self) -> Sender:
        run, orders = self._run, Orders.of(self._facts.orders)
        hours = Hours.parse(orders.hours) if orders.hours else None
        any_accepted = any(each.state == "ACCEPTED" for each in await run.ledger.tallies())
        schedule = Schedule(hours, await run.ledger.zones())
        return Sender(
            run, orders, self._doubts, schedule, self._opt_outs, any_accepted=any_accepted, chance=self._chance
        )

    async def _end(self, sender: Sender) -> None:
        await sender.look_at_credit()
        listed = await self._doubts.look(patient=True)
        await self._doubts.adopt(listed)
        await audit(self._run, listed)

    async def _beat(self) -> None:
        """Keeps the lease."""
        run = self._run
        while True:
            await run.clock.sleep(run.terms.holds / 3)
            await run.ledger.renew(run.lease, until=run.now() + run.terms.holds)


async def _ended(work: asyncio.Task[None]) -> None:
    """Waits for what is under way; cancelled once more, it is cut off, and what was on its way is in doubt."""
    try:
        await asyncio.wait({work})
    except asyncio.CancelledError:
        work.cancel()
        await asyncio.wait({work})
        raise
    if not work.cancelled():
        work.exception()
