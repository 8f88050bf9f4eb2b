"""Where the time of a send and of a stream goes: a flame graph of each, and a table of what takes most.

`python -m benchmarks.flames [FOLDER]` writes `profile-send.svg` and `profile-stream.svg` (to `docs/images` if nothing is said).
The process interrupts itself after every few milliseconds of CPU time and notes which functions it is in; nothing is traced, so
nothing is slowed down by being looked at. The lowest bar of a stack is the line of source that was at work, C code that it
calls included.
"""

from __future__ import annotations

import argparse
import asyncio
import linecache
import signal
import sys
from collections import Counter
from collections.abc import Callable, Coroutine, Generator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from benchmarks.answering import answering
from benchmarks.flame_picture import Stack, drawn, owner
from benchmarks.sends import IN_FLIGHT, flight
from benchmarks.sends import ours as sending
from benchmarks.walk import ours as walking
from ip1_async import Client

EVERY = 0.001
"""Seconds of CPU time between two looks; the system may make it more."""
STEP = "_run_once"
"""What lies above it is only how the loop was started."""


@contextmanager
def sampled(stacks: Counter[Stack]) -> Generator[None]:
    """Count in which functions the process is, while the block runs."""

    def look(_: int, frame: FrameType | None) -> None:
        stacks[stack(frame)] += 1

    signal.signal(signal.SIGPROF, look)
    signal.setitimer(signal.ITIMER_PROF, EVERY, EVERY)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def stack(frame: FrameType | None) -> Stack:
    """From the event loop down to the line at work."""
    found: list[str] = []
    if frame is not None:
        # Between two lines there is none.
        number: int | None = frame.f_lineno
        line = linecache.getline(frame.f_code.co_filename, number).strip() if number is not None else ""
        found.append(f"= {line or frame.f_code.co_name}")
    while frame is not None:
        if frame.f_code.co_name == STEP:
            break
        found.append(f"{_module(frame)}.{frame.f_code.co_qualname}")
        frame = frame.f_back
    return tuple(reversed(found))


def _module(frame: FrameType) -> str:
    name = frame.f_globals.get("__name__", "")
    # The codec's made code has no module of its own, nor a file.
    return name if isinstance(name, str) and name not in ("", "builtins") else "ip1_async.codec.made"


async def sends(url: str, seconds: float) -> None:
    people = [[f"4670{start:03}{number:04}" for number in range(10)] for start in range(20)]
    async with Client("token", base_url=url, rate=None, max_in_flight=IN_FLIGHT, timeout=30, on_attempt=id) as ip1:
        await flight(sending(ip1), people, int(seconds * 5000))()


async def stream(url: str, seconds: float) -> None:
    async with Client("token", base_url=url, rate=None) as ip1:
        for _ in range(max(1, int(seconds * 10))):
            await walking(ip1, ROWS)()


ROWS = 20_000
WORKS: dict[str, tuple[str, Callable[[str, float], Coroutine[Any, Any, None]]]] = {
    "send": ("A send of 10 recipients, 64 in flight", sends),
    "stream": (f"A stream of messages, async for over {ROWS:,} of them", stream),
}


def profiled(work: Callable[[str, float], Coroutine[Any, Any, None]], seconds: float) -> Counter[Stack]:
    stacks = Counter[Stack]()
    with answering(ROWS) as url:
        # What is done once, such as imports and making code for a model, is not what lasts.
        asyncio.run(work(url, 0.01))
        with sampled(stacks):
            asyncio.run(work(url, seconds))
    return stacks


def tell(title: str, stacks: Counter[Stack]) -> None:
    """Print who takes how much, and the functions that take most: themselves, and with all that they call."""
    whole = stacks.total()
    owners, own, together = Counter[str](), Counter[str](), Counter[str]()
    for frames, many in stacks.items():
        named = [each for each in frames if not each.startswith("= ")] or ["asyncio"]
        owners[owner(named[-1])] += many
        own[named[-1]] += many
        for name in {each for each in named if owner(each) == "ip1_async"}:
            together[name] += many
    print(f"\n{title}: {whole} looks")
    print("  " + ", ".join(f"{name} {many / whole:.0%}" for name, many in owners.most_common()))
    for heading, counts in (("by itself", own), ("ours with what it calls", together)):
        print(f"  {heading}:")
        for name, many in counts.most_common(20):
            print(f"  {many / whole:6.1%}  {name}")


def main() -> int:
    asked = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    asked.add_argument("folder", nargs="?", type=Path, default=Path(__file__).resolve().parents[1] / "docs" / "images")
    asked.add_argument("--seconds", type=float, default=10.0, help="about as long each (10)")
    given = asked.parse_args()
    for name, (title, work) in WORKS.items():
        stacks = profiled(work, given.seconds)
        tell(title, stacks)
        (given.folder / f"profile-{name}.svg").write_text(drawn(title, stacks))
    return 0


if __name__ == "__main__":
    sys.exit(main())
