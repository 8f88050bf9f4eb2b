"""Sends as fast as they go, beside aiohttp alone: as bare as it can be, and as people write it.

`python -m benchmarks.sends`. A server in another process accepts everything; 64 sends are always under way, each with
every feature on: the value checked, limiter, gate, deadline, verdict, hook, and the answer read as a `Batch`.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Awaitable, Callable, Sequence
from importlib import import_module
from typing import Any

import aiohttp
from yarl import URL

from benchmarks.answering import answering
from benchmarks.figures import Bar, Figure, tell
from benchmarks.messages import BATCH
from benchmarks.peers import missing
from benchmarks.slices import Way, each, in_turn
from benchmarks.slices import beside as compared
from ip1_async import AttemptMade, Client

IN_FLIGHT = 64
BODY = "Hi! Our spring sale starts today. Reply STOP to opt out."
SLICES = 15

Send = Callable[[Sequence[str]], Awaitable[object]]


def flight(send: Send, recipients: Sequence[Sequence[str]], sends: int) -> Way:
    """A slice: so many sends, 64 at a time."""

    async def slice_() -> None:
        left = iter(range(sends))

        async def lane() -> None:
            for number in left:
                await send(recipients[number % len(recipients)])

        await asyncio.gather(*(lane() for _ in range(IN_FLIGHT)))

    return slice_


def ours(ip1: Client) -> Send:
    async def send(recipients: Sequence[str]) -> None:
        batch = await ip1.batches.send(sender="Example", recipients=recipients, body=BODY)
        assert batch.id == BATCH

    return send


def bare(session: aiohttp.ClientSession, url: str) -> Send:
    """aiohttp and orjson with everything made ready that can be."""
    orjson: Any = import_module("orjson")
    address, limit = URL(f"{url}/v2/batches", encoded=True), aiohttp.ClientTimeout(total=30)
    headers = {"Authorization": "Bearer token", "Content-Type": "application/json"}

    async def send(recipients: Sequence[str]) -> None:
        body = orjson.dumps({"sender": "Example", "recipients": recipients, "body": BODY})
        async with session.post(address, data=body, headers=headers, timeout=limit) as response:
            assert orjson.loads(await response.read())["id"] == BATCH

    return send


def usual(session: aiohttp.ClientSession, url: str) -> Send:
    """aiohttp as its own documentation has it."""
    headers = {"Authorization": "Bearer token"}

    async def send(recipients: Sequence[str]) -> None:
        said = {"sender": "Example", "recipients": recipients, "body": BODY}
        async with session.post(f"{url}/v2/batches", json=said, headers=headers) as response:
            response.raise_for_status()
            assert (await response.json())["id"] == BATCH

    return send


async def measured(sends: int, slices: int) -> list[Figure]:
    """Batches of 10 beside both, batches of 1,000 beside the usual way."""
    made = 0

    def count(attempt: AttemptMade) -> None:
        nonlocal made
        made += attempt.outcome == "done"

    with answering() as url:
        async with (
            Client("token", base_url=url, rate=None, max_in_flight=IN_FLIGHT, timeout=30, on_attempt=count) as ip1,
            aiohttp.ClientSession() as session,
        ):
            figures: list[Figure] = []
            for size, many, bar in ((10, sends, Bar(">=", 1.1)), (1000, max(1, sends // 4), Bar(">=", 1.5))):
                people = [[f"4670{start:03}{number:04}" for number in range(size)] for start in range(20)]
                ways = {"ours": ours(ip1), "usual": usual(session, url)}
                if size == 10 and not missing("orjson"):
                    ways["bare"] = bare(session, url)
                took = await in_turn({name: flight(send, people, many) for name, send in ways.items()}, slices)
                for name, some in took.items():
                    print(each(f"{name}, {size} recipients", some, many))
                if "bare" in took:
                    figures += compared("sends.10_beside_bare", took["ours"], took["bare"], Bar(">=", 0.95))
                figures += compared(f"sends.{size}_beside_usual", took["ours"], took["usual"], bar)
    assert made == (sends + max(1, sends // 4)) * (slices + 1), made
    return figures


if __name__ == "__main__":
    asked = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    asked.add_argument("--sends", type=int, default=2000, help="sends in a slice (2000)")
    asked.add_argument("--slices", type=int, default=SLICES, help=f"slices of each way ({SLICES})")
    given = asked.parse_args()
    sys.exit(tell(asyncio.run(measured(given.sends, given.slices))))
