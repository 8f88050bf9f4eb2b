"""A receiver of webhooks to be killed: `python -m tests.receiver PORT DATABASE LOG`. Each event that is handled is a line."""

from __future__ import annotations

import asyncio
import os
import sys

from ip1_async import DeliveryReport
from ip1_async.webhooks import Webhooks
from ip1_async.webhooks.on_aiohttp import served

SECRET = "0123456789abcdef"


async def main(port: int, database: str, log: str) -> None:
    hooks = Webhooks(SECRET, store=database)
    lines = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    @hooks.delivery_report
    async def handle(report: DeliveryReport) -> None:
        await asyncio.sleep(0.002)
        os.write(lines, f"{report.message_id} {int(report.code)}\n".encode())

    async with served(hooks, "127.0.0.1", port):
        print("ready", flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), sys.argv[2], sys.argv[3]))
