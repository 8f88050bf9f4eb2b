"""A sandbox in a process of its own, with one batch of any size in it."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager

from attrs import frozen

from ip1_async import Client
from ip1_async.sandbox import Sandbox


@frozen
class Served:
    """Where the sandbox is, and the id of its batch."""

    url: str
    token: str
    batch: str


@contextmanager
def served(rows: int) -> Generator[Served]:
    """A running sandbox whose batch has so many messages; it ends with the block."""
    server = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.served", str(rows)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with server:
        assert server.stdin is not None
        assert server.stdout is not None
        try:
            yield Served(**json.loads(server.stdout.readline()))
        finally:
            server.stdin.close()


async def main(rows: int) -> None:
    """Serve until standard input ends, as it does when the parent goes away."""
    async with Sandbox() as sandbox:
        # Filled from here, so that the process that measures has never held all the recipients.
        async with Client(sandbox.token, base_url=sandbox.url, timeout=600) as ip1:
            recipients = [f"467{number:08d}" for number in range(rows)]
            batch = await ip1.batches.send(sender="iP1", recipients=recipients, body="Hello from the benchmark")
        print(json.dumps({"url": sandbox.url, "token": sandbox.token, "batch": batch.id}), flush=True)
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
