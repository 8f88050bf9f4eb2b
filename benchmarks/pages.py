"""Pages that take 30 ms each: how near a walk comes to the time that waiting alone takes.

`python -m benchmarks.pages`. One page after another; with the next one fetched while a consumer works 25 ms on each; and eight
at a time. The bar is the arithmetic bound over what it took, by wall time, since that is what all this is for.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Mapping
from functools import partial
from math import ceil
from statistics import median
from typing import Any

import aiohttp
from attrs import frozen

from benchmarks.answering import DELAY, answering
from benchmarks.figures import Bar, Figure, tell
from benchmarks.messages import BATCH
from benchmarks.slices import SLICES, in_turn
from ip1_async import Client

PAGE = 200
WORK = 0.025
"""Seconds of the consumer for each page."""
PARALLEL = 8


@frozen
class Reading:
    """A way to read so many pages."""

    options: Mapping[str, Any]
    work: float
    pages: int
    bound: float
    """Seconds that it takes at least."""
    bar: Bar

    @property
    def rows(self) -> int:
        # Each page but the first has the last row of the one before it, so that nothing is lost between them.
        return self.pages * (PAGE - 1) + 1

    async def read(self, ip1: Client) -> None:
        came = 0
        async with ip1.batches.messages(BATCH, limit=PAGE, **self.options) as messages:
            async for page in messages.pages():
                came += len(page.items)
                if self.work:
                    await asyncio.sleep(self.work)
        assert came == self.rows, (came, self.rows)


def readings(pages: int) -> dict[str, Reading]:
    """All of them; eight at a time read eight times as many, so that the first page weighs no more."""
    many = 8 * pages
    return {
        "one_by_one": Reading({"ahead": 0}, 0.0, pages, pages * DELAY, Bar(">=", 0.92)),
        "read_ahead": Reading({"ahead": 1}, WORK, pages, pages * max(DELAY, WORK) + WORK, Bar(">=", 0.92)),
        "eight_at_a_time": Reading({"parallel": PARALLEL}, 0.0, many, ceil(many / PARALLEL) * DELAY, Bar(">=", 0.87)),
    }


async def measured(pages: int, slices: int) -> list[Figure]:
    figures: list[Figure] = []
    for name, reading in readings(pages).items():
        with answering(reading.rows) as url:
            async with (
                Client("token", base_url=f"{url}/slow", rate=None, max_in_flight=PARALLEL) as ip1,
                aiohttp.ClientSession() as session,
            ):
                ways = {"ours": partial(reading.read, ip1)}
                if name == "one_by_one":
                    ways["bare"] = partial(bare, session, f"{url}/slow", pages)
                took = await in_turn(ways, slices)
        reached = {way: reading.bound / median(each.wall for each in some) for way, some in took.items()}
        figures.append(Figure(f"pages.{name}.wall", reached["ours"], bar=reading.bar))
        if "bare" in took:
            figures.append(Figure(f"pages.{name}_by_bare_aiohttp.wall", reached["bare"]))
    return figures


async def bare(session: aiohttp.ClientSession, url: str, pages: int) -> None:
    """The pages one by one, not even decoded: what this machine, at this time, makes of the bound."""
    for number in range(pages):
        asked = {"start": number * (PAGE - 1), "limit": PAGE}
        async with session.get(f"{url}/v2/batches/{BATCH}/messages", params=asked) as response:
            await response.read()


def main() -> int:
    asked = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    asked.add_argument("--pages", type=int, default=40, help="pages in a slice (40)")
    asked.add_argument("--slices", type=int, default=SLICES, help=f"slices ({SLICES})")
    given = asked.parse_args()
    return tell(asyncio.run(measured(given.pages, given.slices)))


if __name__ == "__main__":
    sys.exit(main())
