"""Every message of a large batch over HTTP, one by one, beside what others do to get there; and how little memory it takes.

`python -m benchmarks.walk`. A server in another process has the pages ready. Each slice reads the same messages in every
way: `async for` over `ip1.batches.messages`, aiohttp and orjson over plain dicts, httpx with pydantic models, and Twilio's own
client over as many messages in Twilio's form.
"""

from __future__ import annotations

import argparse
import asyncio
import resource
import sys
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from importlib import import_module
from typing import Any

import aiohttp

from benchmarks.answering import answering
from benchmarks.figures import Bar, Figure, tell
from benchmarks.messages import ACCOUNT, BATCH
from benchmarks.peers import missing, pydantic_decoder
from benchmarks.slices import SLICES, Way, beside, each, in_turn
from ip1_async import Client

PAGE = 200
MOST_GROWTH = Bar("<=", 20.0)


async def whole(ip1: Client, rows: int) -> float:
    """By how many MiB the process grows when it walks all of them."""
    await ip1.batches.messages(BATCH)
    before, seen = _peak(), 0
    async for message in ip1.batches.messages(BATCH):
        seen += bool(message.id)
    assert seen == rows, (seen, rows)
    return _peak() - before


def _peak() -> float:
    """The most memory that this process ever held, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 << 20 if sys.platform == "darwin" else 1 << 10)


def ours(ip1: Client, rows: int) -> Way:
    async def slice_() -> None:
        came = segments = 0
        async with ip1.batches.messages(BATCH) as messages:
            async for message in messages:
                segments += message.segments
                came += 1
                if came == rows:
                    break
        assert came == rows <= segments

    return slice_


def bare(session: aiohttp.ClientSession, url: str, rows: int) -> Way:
    """Plain dicts, nothing checked and nothing repeated."""
    orjson: Any = import_module("orjson")

    async def slice_() -> None:
        came = segments = 0
        for start in range(0, rows, PAGE):
            asked = {"start": start, "limit": PAGE}
            async with session.get(f"{url}/v2/batches/{BATCH}/messages", params=asked) as response:
                for message in orjson.loads(await response.read()):
                    segments += message["segments"]
                    came += 1
        assert came == rows <= segments

    return slice_


def httpx_pydantic(client: Any, url: str, rows: int) -> Way:
    decode = pydantic_decoder()

    async def slice_() -> None:
        came = segments = 0
        for start in range(0, rows, PAGE):
            response = await client.get(f"{url}/v2/batches/{BATCH}/messages", params={"start": start, "limit": PAGE})
            for message in decode(response.content):
                segments += message.segments
                came += 1
        assert came == rows <= segments

    return slice_


def twilio(client: Any, rows: int) -> Way:
    async def slice_() -> None:
        came = segments = 0
        async for message in await client.messages.stream_async(limit=rows, page_size=PAGE):
            segments += int(message.num_segments)
            came += 1
        assert came == rows <= segments

    return slice_


@asynccontextmanager
async def ways(ip1: Client, url: str, rows: int) -> AsyncGenerator[dict[str, Way]]:
    """Ours and those of the peers that are installed, each with its connections open."""
    gone = missing("orjson", "httpx", "pydantic", "twilio")
    async with AsyncExitStack() as stack:
        found = {"ours": ours(ip1, rows)}
        if "orjson" not in gone:
            session = await stack.enter_async_context(aiohttp.ClientSession(headers={"Authorization": "Bearer token"}))
            found["bare"] = bare(session, url, rows)
        if not {"httpx", "pydantic"} & set(gone):
            httpx: Any = import_module("httpx")
            asking = httpx.AsyncClient(headers={"Authorization": "Bearer token"})
            found["httpx_pydantic"] = httpx_pydantic(await stack.enter_async_context(asking), url, rows)
        if "twilio" not in gone:
            http: Any = import_module("twilio.http.async_http_client")
            rest: Any = import_module("twilio.rest")
            pooled = await stack.enter_async_context(http.AsyncTwilioHttpClient())
            client = rest.Client(ACCOUNT, "token", http_client=pooled)
            client.api.base_url = url
            found["twilio"] = twilio(client, rows)
        yield found


BARS: dict[str, Bar] = {"bare": Bar(">=", 0.88), "httpx_pydantic": Bar(">=", 3.5), "twilio": Bar(">=", 5.0)}


async def measured(rows: int, part: int, slices: int) -> list[Figure]:
    """The memory of a walk over all rows, and the speed over a part of them."""
    with answering(rows) as url:
        async with Client("token", base_url=url, rate=None) as ip1:
            figures = [Figure(f"walk.{rows}.memory_growth", await whole(ip1, rows), "MiB", MOST_GROWTH)]
            async with ways(ip1, url, part) as found:
                took = await in_turn(found, slices)
    for name, some in took.items():
        print(each(f"{name}, a message", some, part))
    for name, bar in BARS.items():
        if name in took:
            figures += beside(f"walk.beside_{name}", took["ours"], took[name], bar)
    return figures


def main() -> int:
    asked = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    asked.add_argument("--rows", type=int, default=200_000, help="messages in the batch (200000)")
    asked.add_argument("--part", type=int, default=10_000, help="of them in a slice (10000)")
    asked.add_argument("--slices", type=int, default=SLICES, help=f"slices of each way ({SLICES})")
    given = asked.parse_args()
    return tell(asyncio.run(measured(given.rows, min(given.part, given.rows), given.slices)))


if __name__ == "__main__":
    sys.exit(main())
