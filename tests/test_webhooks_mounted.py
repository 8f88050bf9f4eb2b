"""Webhooks under the servers that people use, each on a real socket."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from ip1_async import Client, DeliveryReport
from ip1_async.clock import ManualClock
from ip1_async.sandbox import Sandbox
from ip1_async.webhooks import Webhooks

SECRET = "0123456789abcdef"
REPORT = {"messageId": "m", "batchId": "b", "recipient": "46700000001", "code": 201, "duration": 1}


@asynccontextmanager
async def under_aiohttp(hooks: Webhooks) -> AsyncGenerator[str]:
    application = web.Application()
    application.add_subapp("/ip1", hooks.aiohttp_app())
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}/ip1"
    await runner.cleanup()


@asynccontextmanager
async def under_uvicorn(application: Any) -> AsyncGenerator[str]:
    uvicorn = pytest.importorskip("uvicorn")
    server = uvicorn.Server(
        uvicorn.Config(application, port=0, log_config=None, lifespan="on", ws="none", timeout_graceful_shutdown=1)
    )
    task = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
        assert not task.done(), "the server did not start"
    port = server.servers[0].sockets[0].getsockname()[1]
    yield f"http://127.0.0.1:{port}/ip1"
    server.should_exit = True
    await task


@asynccontextmanager
async def alone(hooks: Webhooks) -> AsyncGenerator[str]:
    async with under_uvicorn(hooks.asgi()) as url:
        yield url


def living(hooks: Webhooks) -> Any:
    @asynccontextmanager
    async def lifespan(app: Any) -> AsyncIterator[None]:
        async with hooks:
            yield

    return lifespan


@asynccontextmanager
async def in_fastapi(hooks: Webhooks) -> AsyncGenerator[str]:
    fastapi = pytest.importorskip("fastapi")
    application = fastapi.FastAPI(lifespan=living(hooks))
    application.mount("/ip1", hooks.asgi())
    async with under_uvicorn(application) as url:
        yield url


@asynccontextmanager
async def in_starlette(hooks: Webhooks) -> AsyncGenerator[str]:
    applications, routing = pytest.importorskip("starlette.applications"), pytest.importorskip("starlette.routing")
    application = applications.Starlette(routes=[routing.Mount("/ip1", hooks.asgi())], lifespan=living(hooks))
    async with under_uvicorn(application) as url:
        yield url


@asynccontextmanager
async def in_litestar(hooks: Webhooks) -> AsyncGenerator[str]:
    litestar = pytest.importorskip("litestar")
    mounted = litestar.asgi("/ip1", is_mount=True, copy_scope=True)(hooks.asgi())
    application = litestar.Litestar([mounted], lifespan=[living(hooks)], openapi_config=None)
    async with under_uvicorn(application) as url:
        yield url


Mounting = Callable[[Webhooks], AbstractAsyncContextManager[str]]
everywhere = pytest.mark.parametrize("mounted", [under_aiohttp, alone, in_fastapi, in_starlette, in_litestar])


@everywhere
async def test_the_sandbox_reports_to_it(mounted: Mounting) -> None:
    hooks, delivered = Webhooks(SECRET), asyncio.Event()

    @hooks.delivered
    async def note(report: DeliveryReport) -> None:
        delivered.set()

    async with (
        mounted(hooks) as url,
        Sandbox(speed=60) as sandbox,
        Client(sandbox.token, base_url=sandbox.url, rate=None) as ip1,
        asyncio.timeout(30),
    ):
        await ip1.batches.send(
            sender="iP1", recipients=["46700000001"], body="Hello", delivery_report_url=f"{url}/{SECRET}"
        )
        await delivered.wait()
        while sandbox.posts[-1:] == () or json.loads(sandbox.posts[-1].body)["code"] != 201:
            await asyncio.sleep(0.01)
        assert {each.status for each in sandbox.posts} == {200}


@everywhere
async def test_what_should_not_come_in_does_not(mounted: Mounting, clock: ManualClock) -> None:
    async with mounted(Webhooks(SECRET, clock=clock)) as url, aiohttp.ClientSession() as session:

        async def status(path: str, data: Any, **headers: str) -> int:
            async with session.post(f"{url}/{path}", data=data, headers=headers) as response:
                assert await response.read() == b""
                return response.status

        async def endless() -> AsyncIterator[bytes]:
            while True:
                yield b"x" * 4096
                await asyncio.sleep(0)

        async def slow() -> AsyncIterator[bytes]:
            yield b"{"
            await asyncio.Event().wait()

        good = json.dumps(REPORT).encode()
        assert await status(SECRET, good) == 200
        assert await status("wrong-secret-wrong", good) == 404
        assert await status(SECRET, b"x" * 100_000) == 413
        assert await status(SECRET, gzip.compress(b"0" * 10_000_000), **{"Content-Encoding": "gzip"}) == 400
        assert await status(SECRET, b"no event") == 400
        answer = asyncio.create_task(status(SECRET, slow()))
        async with asyncio.timeout(30):
            while not answer.done():
                await clock.advance(1)
                await asyncio.sleep(0)
        assert answer.result() == 408
        with contextlib.suppress(aiohttp.ClientError):  # the connection may be closed before the answer is read
            assert await status(SECRET, endless()) == 413
        async with session.get(f"{url}/{SECRET}") as response:
            assert response.status == 405
        assert await status(SECRET, good) == 200
