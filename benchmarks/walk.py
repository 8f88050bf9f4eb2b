"""Walks all messages of a large batch: memory growth of one whole walk, and the speed beside a bare aiohttp loop.

`python -m benchmarks.walk --rows 200000`. The sandbox runs in another process. Each slice walks the same part of the
batch twice: with `async for` over `ip1.batches.messages`, taken up by its cursor, and with aiohttp and `json` alone.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import statistics
import sys
import time
from collections.abc import Awaitable
from typing import TypeVar

import aiohttp

from benchmarks.figures import Bar, Figure, tell
from benchmarks.served import Served, served
from ip1_async import Client

T = TypeVar("T")

SLICES = 9
PAGE = 200
MOST_GROWTH = Bar("<=", 20.0)


async def whole(ip1: Client, batch: str) -> tuple[int, float]:
    """How many messages one walk from start to end gives, and by how many MiB it makes the process grow."""
    await ip1.batches.messages(batch)
    before, rows = _peak(), 0
    async for message in ip1.batches.messages(batch):
        rows += message.segments
    return rows, _peak() - before


async def ours(ip1: Client, batch: str, cursor: str | None, rows: int) -> tuple[int, str]:
    """Walk on for so many messages; gives how many came, and the cursor behind them."""
    came = 0
    async with ip1.batches.messages(batch, cursor=cursor) as messages:
        async for message in messages:
            came += message.segments
            if came == rows:
                break
    return came, messages.cursor


async def bare(session: aiohttp.ClientSession, url: str, start: int, rows: int) -> int:
    """The same part of the batch as plain dicts, nothing checked and nothing repeated."""
    came = 0
    for offset in range(start, start + rows, PAGE):
        async with session.get(url, params={"start": offset, "limit": min(PAGE, start + rows - offset)}) as response:
            for message in json.loads(await response.read()):
                came += message["segments"]
    return came


async def beside(served: Served, ip1: Client, session: aiohttp.ClientSession, rows: int) -> tuple[float, float, float]:
    """Our items per second of CPU and of wall time over those of the bare loop, and the bare loop's of CPU time."""
    url = f"{served.url}/v2/batches/{served.batch}/messages"
    part, cursor = rows // SLICES, None
    cpu: list[float] = []
    wall: list[float] = []
    pace: list[float] = []
    for turn in range(SLICES):
        with_ours, (came, cursor) = await _timed(ours(ip1, served.batch, cursor, part))
        with_bare, plain = await _timed(bare(session, url, turn * part, part))
        assert came == plain == part, (came, plain, part)
        cpu.append(with_bare[0] / with_ours[0])
        wall.append(with_bare[1] / with_ours[1])
        pace.append(part / with_ours[0])
    return statistics.median(cpu), statistics.median(wall), statistics.median(pace)


async def _timed(work: Awaitable[T]) -> tuple[tuple[float, float], T]:
    cpu, wall = time.process_time(), time.perf_counter()
    done = await work
    return (time.process_time() - cpu, time.perf_counter() - wall), done


def _peak() -> float:
    """The most memory that this process ever held, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 << 20 if sys.platform == "darwin" else 1 << 10)


async def main(rows: int) -> int:
    with served(rows) as sandbox:
        headers = {"Authorization": f"Bearer {sandbox.token}"}
        async with (
            Client(sandbox.token, base_url=sandbox.url, rate=100_000) as ip1,
            aiohttp.ClientSession(headers=headers) as session,
        ):
            walked, growth = await whole(ip1, sandbox.batch)
            assert walked == rows, (walked, rows)
            cpu, wall, pace = await beside(sandbox, ip1, session, rows)
    return tell(
        [
            Figure(f"walk.{rows}.memory_growth", growth, "MiB", MOST_GROWTH),
            Figure("walk.items_per_cpu_second", pace, "/s"),
            Figure("walk.cpu_beside_bare_aiohttp", cpu),
            Figure("walk.wall_beside_bare_aiohttp", wall),
        ]
    )


if __name__ == "__main__":
    asked = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    asked.add_argument("--rows", type=int, default=200_000, help="messages in the batch (200000); at least 1000")
    sys.exit(asyncio.run(main(max(1000, asked.parse_args().rows))))
