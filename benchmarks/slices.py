"""Ways to do the same, in turn: a slice of each, over and over, so that the machine's moods come over all of them alike."""

from __future__ import annotations

import gc
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from statistics import median

from attrs import frozen

from benchmarks.figures import Bar, Figure

Way = Callable[[], Awaitable[object]]

SLICES = 9
"""Enough for a median; more where a slice is short."""


@frozen
class Took:
    """Seconds of one slice."""

    cpu: float
    wall: float


async def timed(way: Way) -> Took:
    # What one way leaves behind is not to be collected at the cost of the next.
    gc.collect()
    cpu, wall = time.process_time(), time.perf_counter()
    await way()
    return Took(time.process_time() - cpu, time.perf_counter() - wall)


async def in_turn(ways: Mapping[str, Way], slices: int) -> Mapping[str, Sequence[Took]]:
    """What every slice of each way took; the first of each is not counted, since it fills caches and opens connections."""
    took: dict[str, list[Took]] = {name: [] for name in ways}
    for way in ways.values():
        await way()
    for turn in range(slices):
        # There and back, so that nobody always comes after the same one.
        for name in list(ways)[:: 1 if turn % 2 else -1]:
            took[name].append(await timed(ways[name]))
    return took


def beside(name: str, ours: Sequence[Took], theirs: Sequence[Took], bar: Bar | None) -> list[Figure]:
    """How many times as fast as the peer ours is: by CPU time, which has the bar, and by wall time."""
    pairs = list(zip(ours, theirs, strict=True))
    return [
        Figure(f"{name}.cpu", median(their.cpu / our.cpu for our, their in pairs), bar=bar),
        Figure(f"{name}.wall", median(their.wall / our.wall for our, their in pairs)),
    ]


def each(name: str, took: Sequence[Took], count: int) -> str:
    """A line that says what one of so many operations took."""
    cpu, wall = median(one.cpu for one in took), median(one.wall for one in took)
    return f"{name}: {cpu / count * 1e6:.2f} µs of CPU each, {wall / count * 1e6:.2f} µs of wall time"
