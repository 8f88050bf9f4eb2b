"""A campaign over a million rows, beside the same job without a ledger and beside reading the file alone.

`python -m benchmarks.campaign [ROWS] [SLICES]`. Every slice does the whole job in each way, one after another, against a server in
another process: 1,000 recipients a batch, 16 batches in flight, every commit flushed. Without a ledger means: read, normalise,
validate, drop duplicates, send. The ratio of CPU time is the figure; that of wall time stands beside it, and so does what
grows in memory from a thousand rows to all of them.
"""

from __future__ import annotations

import asyncio
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from statistics import median

from attrs import frozen

from benchmarks.figures import Bar, Figure, tell
from benchmarks.served import served
from ip1_async import Client, NewBatch, Sent
from ip1_async.campaign import Campaign
from ip1_async.campaign.people.numbers import Numbers
from ip1_async.campaign.people.read import open_source

BODY = "Hi {name}! Our spring sale starts today. Reply STOP to opt out."
BATCH, IN_FLIGHT = 1000, 16


@frozen
class Took:
    cpu: float
    wall: float


def people(path: Path, rows: int) -> None:
    """A file of so many people, every 50th of them twice."""
    with path.open("w", encoding="utf-8") as file:
        file.write("phone,name,city\n")
        for number in range(rows):
            # 70, 72, 73, 76 and 79 are what Sweden gives to mobile phones.
            prefix = (70, 72, 73, 76, 79)[number % 5]
            file.write(f"46{prefix}{(number - (number % 50 == 49)) // 5:07},Ann,Lund\n")


def client(url: str) -> Client:
    return Client("token", base_url=url, rate=None, max_in_flight=IN_FLIGHT)


async def with_ledger(url: str, path: Path) -> int:
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        async with client(url) as ip1:
            campaign = await Campaign.plan(
                path, ledger=Path(folder) / "ledger", sender="iP1", body=BODY, chunk=BATCH, client=ip1
            )
            async with campaign:
                async for settled in campaign.run(ip1):
                    assert settled.state == "ACCEPTED", settled
                stands = await campaign.status()
                assert stands.state == "done"
                return stands.accepted


async def without_ledger(url: str, path: Path) -> int:
    async def batches() -> AsyncIterator[NewBatch]:
        source, numbers, seen = open_source(path), Numbers("SE"), set[str]()
        recipients: dict[str, dict[str, str]] = {}
        for block in source.blocks(["name"]):
            for row in block:
                msisdn = numbers.msisdn(row.number)
                if msisdn in seen:
                    continue
                seen.add(msisdn)
                recipients[msisdn] = {"name": row.values[0]}
                if len(recipients) == BATCH:
                    yield NewBatch(sender="iP1", recipients=recipients, body=BODY)
                    recipients = {}
        if recipients:
            yield NewBatch(sender="iP1", recipients=recipients, body=BODY)

    count = 0
    async with client(url) as ip1:
        async for outcome in ip1.send_many(batches()):
            assert isinstance(outcome, Sent), outcome
            assert outcome.input is not None
            count += len(outcome.input.recipients)
    return count


async def reading(url: str, path: Path) -> int:
    source, numbers = open_source(path), Numbers("SE")
    return len({numbers.msisdn(row.number) for block in source.blocks(["name"]) for row in block})


WAYS: dict[str, Callable[[str, Path], Awaitable[int]]] = {
    "campaign": with_ledger, "without a ledger": without_ledger, "reading alone": reading,
}  # fmt: skip


def timed(way: Callable[[str, Path], Awaitable[int]], url: str, path: Path) -> tuple[Took, int]:
    async def work() -> int:
        return await way(url, path)

    cpu, wall = time.process_time(), time.perf_counter()
    count = asyncio.run(work())
    return Took(time.process_time() - cpu, time.perf_counter() - wall), count


def grown(url: str, path: Path) -> float:
    """The most memory that a campaign over a file takes, in MiB, in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.campaign", "--memory", url, str(path)],
        capture_output=True,
        text=True,
        check=True,
    )
    return float(json.loads(done.stdout)) / 1024


def peak() -> int:
    """The most memory that this process has taken, in KiB."""
    try:
        # What `getrusage` says may still be the parent's.
        status = Path("/proc/self/status").read_text()
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return int(status.partition("VmHWM:")[2].split()[0])


def main(rows: int, slices: int) -> int:
    took: dict[str, list[Took]] = {name: [] for name in WAYS}
    with tempfile.TemporaryDirectory() as folder, served("benchmarks.accepting") as url:
        all_of_them, few = Path(folder) / "people.csv", Path(folder) / "few.csv"
        people(all_of_them, rows)
        people(few, 1000)
        counts: set[int] = set()
        for _ in range(slices):
            for name, way in WAYS.items():
                each, count = timed(way, url, all_of_them)
                took[name].append(each)
                counts.add(count)
        assert len(counts) == 1, counts
        memory = grown(url, all_of_them) - grown(url, few)
    for name, some in took.items():
        print(
            f"{name}: {median(each.cpu for each in some) / rows * 1e6:.2f} µs of CPU a row, {median(each.wall for each in some):.1f} s"
        )

    def ratio(other: str, figure: Callable[[Took], float]) -> float:
        pairs = zip(took[other], took["campaign"], strict=True)
        return median(figure(theirs) / figure(ours) for theirs, ours in pairs)

    return tell(
        [
            Figure("campaign.cpu_to_no_ledger", ratio("without a ledger", lambda each: each.cpu), "x", Bar(">=", 0.80)),
            Figure("campaign.wall_to_no_ledger", ratio("without a ledger", lambda each: each.wall), "x"),
            Figure("campaign.cpu_to_reading_alone", ratio("reading alone", lambda each: each.cpu), "x", Bar(">=", 0.5)),
            Figure("campaign.wall_to_reading_alone", ratio("reading alone", lambda each: each.wall), "x"),
            Figure("campaign.memory_growth", memory, "MiB", Bar("<=", 16)),
        ]
    )


if __name__ == "__main__":
    if sys.argv[1:2] == ["--memory"]:
        asyncio.run(with_ledger(sys.argv[2], Path(sys.argv[3])))
        print(peak())
    else:
        given = [int(each) for each in sys.argv[1:]]
        sys.exit(main(*(given + [1_000_000, 7][len(given) :])))
