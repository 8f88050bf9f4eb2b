"""Checks a campaign that has come to its end: exactly one batch for every accepted chunk, with a message for each recipient."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from ip1_async.campaign.running.run import Run
from ip1_async.campaign.transitions import Chunk

AT_ONCE = 100
"""Batches whose messages are counted together, as far as the client lets them; what they come to is written together."""


async def audit(run: Run, listed: Mapping[int, Sequence[str]]) -> None:
    """Writes down an incident for whatever is not as it should be, and takes back what can be taken back."""
    chunks = await run.all("ACCEPTED", "REJECTED", "SPLIT")
    for chunk in chunks:
        await _marks(run, chunk, listed.get(chunk.id, ()))
    accepted = [(chunk, chunk.batch) for chunk in chunks if chunk.state == "ACCEPTED" and chunk.batch is not None]
    for begin in range(0, len(accepted), AT_ONCE):
        sizes = [_size(run, chunk, batch) for chunk, batch in accepted[begin : begin + AT_ONCE]]
        # All are waited for, also where one has failed: none goes on behind the back of whoever is told.
        for each in await asyncio.gather(*sizes, return_exceptions=True):
            if each is not None:
                raise each


async def _marks(run: Run, chunk: Chunk, batches: Sequence[str]) -> None:
    others = [each for each in batches if each != chunk.batch]
    if chunk.state == "ACCEPTED" and chunk.batch is None:
        # A person has said so, and at most one batch can be meant.
        others = others[1:]
    for each in others:
        words = "was accepted more than once" if chunk.state == "ACCEPTED" else "was refused, and is at the provider"
        await run.ledger.incident(chunk.id, f"{words}: batch {each}", at=run.now())
        await run.door.cancel(each)


async def _size(run: Run, chunk: Chunk, batch: str) -> None:
    messages = chunk.messages
    if messages is None:
        counted = await run.counted(batch)
        if counted is None:
            await run.ledger.incident(chunk.id, f"has batch {batch}, which the provider does not know", at=run.now())
            return
        messages = counted.messages
        await run.ledger.sized(chunk.id, messages)
    if messages != chunk.recipients:
        words = f"has {chunk.recipients} recipients, and its batch {batch} has {messages} messages"
        await run.ledger.incident(chunk.id, words, at=run.now())
