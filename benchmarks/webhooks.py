"""Many delivery reports at once: whether all are answered with 200, and how long the receiver's event loop was held up.

`python -m benchmarks.webhooks --reports 2000`. The receiver runs in another process, with a SQLite file and a handler, and
measures how much later than asked for its loop comes round; everything is posted to it at the same time.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import aiohttp
from aiohttp import web
from attrs import frozen

from benchmarks.figures import Bar, Figure, tell
from ip1_async import DeliveryReport
from ip1_async.webhooks import Webhooks
from ip1_async.webhooks.on_aiohttp import served

SECRET = "benchmark-secret"
EVERY = 0.002
CONNECTIONS = 100
MOST_LAG = Bar("<=", 50.0)
ALL = Bar(">=", 1.0)


async def receive(reports: int, folder: Path) -> None:
    """The receiver: prints its port, and in the end what it has seen."""
    hooks = Webhooks(SECRET, store=folder / "webhooks.db")
    handled = set[str]()

    @hooks.delivery_report
    async def handle(report: DeliveryReport) -> None:
        handled.add(report.message_id)

    async with served(hooks, "127.0.0.1", 0) as port:
        await watched(port, lambda: len(handled), reports)


async def receive_barely(reports: int) -> None:
    """A receiver that reads each body and does nothing."""
    read = 0

    async def take(request: web.Request) -> web.Response:
        nonlocal read
        await request.read()
        read += 1
        return web.Response()

    application = web.Application()
    application.router.add_post(f"/{SECRET}", take)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    await watched(runner.addresses[0][1], lambda: read, reports)
    await runner.cleanup()


async def watched(port: int, done: Callable[[], int], reports: int) -> None:
    """Until all are done: how late the loop came round at most."""
    lags = [0.0]

    async def probe() -> None:
        while True:
            asked = time.perf_counter()
            await asyncio.sleep(EVERY)
            lags.append(time.perf_counter() - asked - EVERY)

    print(port, flush=True)
    probing = asyncio.create_task(probe())
    while done() < reports:
        await asyncio.sleep(0.05)
    probing.cancel()
    print(json.dumps({"handled": done(), "lag": max(lags) * 1000}), flush=True)


@frozen
class Seen:
    """What came of posting all of them."""

    answered: float
    handled: float
    lag: float
    pace: float


async def post(reports: int, connections: int, folder: Path | None) -> Seen:
    """Posts them all at the same time, over so many connections; to a bare receiver without a folder."""
    receiver = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "benchmarks.webhooks", "--reports", str(reports), "--receive", str(folder or ""),
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert receiver.stdout is not None
    url = f"http://127.0.0.1:{int(await receiver.stdout.readline())}/{SECRET}"
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=connections)) as session:

        async def one(number: int) -> int:
            said = {"messageId": str(number), "batchId": "b", "recipient": "46700000001", "code": 201, "duration": 1}
            async with session.post(url, json=said) as response:
                return response.status

        begun = time.perf_counter()
        statuses = await asyncio.gather(*(one(number) for number in range(reports)))
        taken = time.perf_counter() - begun
    seen = json.loads(await receiver.stdout.readline())
    await receiver.wait()
    return Seen(statuses.count(200) / reports, seen["handled"] / reports, seen["lag"], reports / taken)


async def measured(reports: int) -> list[Figure]:
    """Over as many connections as aiohttp makes to one host by itself, and over one for each report."""
    found: list[Figure] = []
    for connections, bar in ((CONNECTIONS, MOST_LAG), (reports, None)):
        name = f"webhooks.{connections}_connections"
        with tempfile.TemporaryDirectory() as folder:
            ours = await post(reports, connections, Path(folder))
        bare = await post(reports, connections, None)
        found += [
            Figure(f"{name}.answered_200", ours.answered, bar=ALL),
            Figure(f"{name}.handled", ours.handled, bar=ALL),
            Figure(f"{name}.loop_lag", ours.lag, "ms", bar),
            Figure(f"{name}.loop_lag_of_bare_aiohttp", bare.lag, "ms"),
            Figure(f"{name}.reports_beside_bare_aiohttp", ours.pace / bare.pace),
        ]
    return found


def main() -> int:
    asked = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    asked.add_argument("--reports", type=int, default=2000, help="reports that are posted at once (2000)")
    asked.add_argument("--receive", help=argparse.SUPPRESS)
    given = asked.parse_args()
    if given.receive is None:
        return tell(asyncio.run(measured(given.reports)))
    if given.receive:
        asyncio.run(receive(given.reports, Path(given.receive)))
    else:
        asyncio.run(receive_barely(given.reports))
    return 0


if __name__ == "__main__":
    sys.exit(main())
