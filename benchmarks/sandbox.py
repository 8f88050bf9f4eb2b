"""What every list page and the inbox take with many messages, beside what they take with few.

`python -m benchmarks.sandbox --messages 100000`. Two sandboxes run side by side in this process, one with 1,000 messages
and one with many; both are asked the same in turn, once with batches of up to 100,000 and once with batches of 20.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import time
from collections.abc import Sequence

import aiohttp
from attrs import frozen

from benchmarks.figures import Bar, Figure, tell
from ip1_async import Client
from ip1_async.sandbox import Sandbox

FEW = 1000
SMALL_BATCH, LARGE_BATCH = 20, 100_000
ROUNDS = 15
MOST = Bar("<=", 3.0)
ANN = "46700000019"


@frozen
class Side:
    """One sandbox, and the batch that is looked at."""

    sandbox: Sandbox
    batch: str
    session: aiohttp.ClientSession

    async def ask(self, path: str) -> float:
        """Seconds until a page is there."""
        begun = time.perf_counter()
        async with self.session.get(self.sandbox.url + path.format(batch=self.batch, phone=ANN)) as response:
            body = await response.read()
            assert response.status == 200, (path, response.status, body)
        return time.perf_counter() - begun


PAGES = (
    "/v2/batches", "/v2/batches?order=DESC&start=10", "/v2/batches/{batch}", "/v2/batches/{batch}/messages?limit=20",
    "/v2/batches/{batch}/messages?limit=20&order=DESC", "/v2/conversations/{phone}", "/v2/conversations/{phone}/summary", "/v2/conversations/iP1", "/v2/conversations/iP1/mt?start=900",
    "/v2/blacklist", "/v2/contacts", "/v2/me/senders", "/_sandbox/phones", "/_sandbox/phones?search=0000019",
    "/_sandbox/phones?search=nobody", "/_sandbox/conversation?phone={phone}", "/_sandbox/batches",
    "/_sandbox/messages?batch={batch}", "/_sandbox/log", "/",
)  # fmt: skip


async def filled(sandbox: Sandbox, messages: int, size: int) -> str:
    """Sends so many messages in batches of this size; gives the first batch."""
    numbers = [f"4670{number:07}" for number in range(messages)]
    async with Client(sandbox.token, base_url=sandbox.url, rate=100_000) as ip1:
        made = [
            await ip1.batches.send(sender="iP1", recipients=numbers[start : start + size], body="Hello")
            for start in range(0, messages, size)
        ]
    # Nothing moves any more: what is measured is looking, not the second in which a batch ends.
    await sandbox.advance(seconds=10)
    return made[0].id


async def compared(messages: int, size: int) -> list[Figure]:
    """The ratio of every page's times."""
    async with Sandbox(speed=0) as few, Sandbox(speed=0) as many:
        headers = {"Authorization": f"Bearer {few.token}"}
        async with aiohttp.ClientSession(headers=headers) as session:
            sides = [
                Side(sandbox, await filled(sandbox, count, size), session)
                for sandbox, count in ((few, FEW), (many, messages))
            ]
            shape = "small_batches" if size == SMALL_BATCH else "large_batches"
            return [Figure(f"{shape}.{page}", await ratio(sides, page), "x", MOST) for page in PAGES]


async def ratio(sides: Sequence[Side], page: str) -> float:
    """How much longer the second takes, of the medians of alternating rounds."""
    times: list[list[float]] = [[], []]
    for _ in range(ROUNDS):
        for side, taken in zip(sides, times, strict=True):
            taken.append(await side.ask(page))
    return statistics.median(times[1]) / statistics.median(times[0])


async def main(messages: int) -> int:
    return tell([*await compared(messages, LARGE_BATCH), *await compared(messages, SMALL_BATCH)])


if __name__ == "__main__":
    asked = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    asked.add_argument("--messages", type=int, default=100_000, help="messages on the fuller side (100000)")
    sys.exit(asyncio.run(main(max(FEW, asked.parse_args().messages))))
