"""Finds out what became of the chunks that may have been sent.

That one was sent is proved by the provider's list at any time; that it was not, only by a complete look that begins when
the quarantine is over. One look decides about all of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from attrs import define

from ip1_async.campaign.running import scan
from ip1_async.campaign.running.run import Run
from ip1_async.campaign.transitions import Chunk

FIRST_LOOKS = (5.0, 60.0)
"""Seconds after which a chunk in doubt is looked for, long before its absence would prove anything: most are there."""


@define
class _InDoubt:
    chunk: Chunk
    acknowledged: bool
    looks: list[float]
    """When to look for it, in seconds of `Clock.boottime`; the last one is at the end of its quarantine."""


class Doubts:
    """The chunks of a run that may have been sent."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._doubts: dict[int, _InDoubt] = {}

    def add(self, chunk: Chunk, *, acknowledged: bool, longer: float = 0.0) -> None:
        """Its quarantine begins now, also where an earlier run had begun one: that run's request may have outlived it.

        It is *longer* by the time in which somebody else may still begin the request.
        """
        now, quarantine = self._run.clock.boottime(), self._run.terms.quarantine + longer
        looks = [*(each for each in FIRST_LOOKS if each < quarantine), quarantine]
        self._doubts[chunk.id] = _InDoubt(chunk, acknowledged, [now + each for each in looks])
        self._run.changed.ring()

    async def work(self) -> None:
        """Look for them, until this is cancelled."""
        run = self._run
        while True:
            rings, now = run.changed.rings, run.clock.boottime()
            due = min((each.looks[0] for each in self._doubts.values()), default=None)
            if due is not None and due <= now:
                await self._decide()
            else:
                await run.changed.heard(rings, None if due is None else due - now)

    def proved(self, chunk: int) -> None:
        """Somebody has proof that this chunk was accepted."""
        self._doubts.pop(chunk, None)
        self._run.changed.ring()

    async def adopt(self, listed: Mapping[int, Sequence[str]]) -> None:
        """Every chunk whose batch is there was sent, whatever the ledger thought of it."""
        run = self._run
        for chunk in await run.all("PENDING", "UNKNOWN", "REVIEW"):
            batches = listed.get(chunk.id)
            if batches and await run.ledger.adopt(chunk.id, batches[0], at=run.now()):
                self._doubts.pop(chunk.id, None)
                run.tell(chunk, "ACCEPTED", batch=batches[0])

    async def look(self, *, patient: bool) -> Mapping[int, Sequence[str]]:
        """The batches of this campaign that the provider lists, by chunk; see `Run.asked`."""
        run = self._run
        return await run.asked(lambda: scan.look(run.door, run.campaign, run.anchor), patient=patient)

    async def _decide(self) -> None:
        began = self._run.clock.boottime()
        proved = [each for each in self._doubts.values() if each.looks[-1] <= began]
        for each in self._doubts.values():
            each.looks = [at for at in each.looks if at > began] or each.looks[-1:]
        await self.adopt(await self.look(patient=True))
        for each in proved:
            if each.chunk.id in self._doubts:
                await self._absent(each)

    async def _absent(self, doubt: _InDoubt) -> None:
        run, chunk = self._run, doubt.chunk
        # What the provider said it had is never sent again by itself.
        again = run.terms.on_absent == "retry" and not doubt.acknowledged
        moved = await run.ledger.absent(run.lease, chunk, again=again, at=run.now())
        del self._doubts[chunk.id]
        if moved:
            run.tell(chunk, "PENDING" if again else "REVIEW", "the provider does not list it")
        run.changed.ring()
