"""A thousand that wait for their turn, at four rates: how exact the rate is, who comes first, and what a turn costs.

`python -m benchmarks.limiter`. The thousand ask again and again for some seconds; then half of them, drawn by lot, are
cancelled while they wait, and the others go on. A turn that nobody has to wait for is measured beside aiolimiter's.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import time
from collections.abc import Sequence
from importlib import import_module
from itertools import count, pairwise
from typing import Any

from attrs import define, field

from benchmarks.figures import Bar, Figure, tell
from benchmarks.peers import missing
from benchmarks.slices import SLICES, Way, beside, each, in_turn
from ip1_async.clock import SystemClock
from ip1_async.flow import Limiter

WAITERS = 1000
RATES = (10, 100, 1000, 5000)
SECONDS = 5.0
ACQUIRES = 100_000


@define
class Crowd:
    """Those who ask, each with a number for every time it asks; and what they were given, when."""

    limiter: Limiter
    tickets: count[int] = field(factory=count)
    grants: list[tuple[float, int]] = field(factory=list)
    """When, and which ticket."""

    async def ask(self) -> None:
        while True:
            ticket = next(self.tickets)
            await self.limiter.acquire()
            self.grants.append((time.perf_counter(), ticket))


def reached(times: Sequence[float]) -> float:
    """Turns a second, from the first to the last."""
    return (len(times) - 1) / (times[-1] - times[0])


def fullest(times: Sequence[float]) -> int:
    """The most turns in any one second."""
    most = first = 0
    for last, when in enumerate(times):
        while when - times[first] >= 1.0:
            first += 1
        most = max(most, last - first + 1)
    return most


def overtaken(tickets: Sequence[int]) -> int:
    """How often somebody was served before one who had asked earlier."""
    return sum(later < earlier for earlier, later in pairwise(tickets))


async def crowded(rate: int, seconds: float) -> list[Figure]:
    """One rate, before and after half of those who wait are gone."""
    crowd = Crowd(Limiter(rate, clock=SystemClock()))
    tasks = [asyncio.create_task(crowd.ask()) for _ in range(WAITERS)]
    # At least twenty turns: what is not exact to one turn in a hundred cannot be seen in fewer.
    await asyncio.sleep(max(seconds, 20 / rate))
    before, cancelled = len(crowd.grants), random.Random(7).sample(tasks, WAITERS // 2)
    for task in cancelled:
        task.cancel()
    await asyncio.sleep(max(seconds, 20 / rate))
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    times, tickets = [when for when, _ in crowd.grants], [ticket for _, ticket in crowd.grants]
    off = abs(reached(times[:before]) / rate - 1) * 100
    kept = reached(times[before:]) / rate
    return [
        Figure(f"limiter.{rate}_a_second.off_target", off, "%", Bar("<=", 0.5)),
        Figure(f"limiter.{rate}_a_second.fullest_second", (fullest(times) - 1) / rate, "x", Bar("<=", 1.02)),
        Figure(f"limiter.{rate}_a_second.inversions", overtaken(tickets), "turns", Bar("<=", 0)),
        Figure(f"limiter.{rate}_a_second.lost_after_cancelling", max(0.0, 1 - kept) * 100, "%", Bar("<=", 1.0)),
    ]


def asking(limiter: Any, acquires: int) -> Way:
    async def slice_() -> None:
        for _ in range(acquires):
            await limiter.acquire()

    return slice_


async def alone(acquires: int, slices: int) -> list[Figure]:
    """A turn that is due at once: at a rate that nobody reaches."""
    ways = {"ours": asking(Limiter(1e9, clock=SystemClock()), acquires)}
    if not missing("aiolimiter"):
        ways["aiolimiter"] = asking(import_module("aiolimiter").AsyncLimiter(1e9, 1), acquires)
    took = await in_turn(ways, slices)
    for name, some in took.items():
        print(each(f"{name}, a turn", some, acquires))
    if "aiolimiter" not in took:
        return []
    # How many times as fast the other is, which is the part of its time that ours takes.
    return beside("limiter.uncontended_beside_aiolimiter", took["aiolimiter"], took["ours"], Bar("<=", 0.3))


async def measured(seconds: float, acquires: int, slices: int) -> list[Figure]:
    figures = await alone(acquires, slices)
    for rate in RATES:
        figures += await crowded(rate, seconds)
    return figures


def main() -> int:
    asked = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    asked.add_argument("--seconds", type=float, default=SECONDS, help=f"seconds before and after ({SECONDS:.0f})")
    asked.add_argument("--acquires", type=int, default=ACQUIRES, help=f"uncontended turns in a slice ({ACQUIRES})")
    asked.add_argument("--slices", type=int, default=SLICES, help=f"slices of those ({SLICES})")
    given = asked.parse_args()
    return tell(asyncio.run(measured(given.seconds, given.acquires, given.slices)))


if __name__ == "__main__":
    sys.exit(main())
