"""Webhooks as an application of aiohttp."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from aiohttp import web

if TYPE_CHECKING:
    from ip1_async.webhooks.router import Webhooks


def application(hooks: Webhooks) -> web.Application:
    """Takes posts to any path below it."""

    async def post(request: web.Request) -> web.Response:
        headers = {name.lower(): value for name, value in request.headers.items()}
        status = await hooks.receive(
            method=request.method, path=request.path, headers=headers, peer=request.remote,
            length=request.content_length, body=_parts(request),
        )  # fmt: skip
        response = web.Response(status=status)
        if status not in (200, 500):
            # What was not read is not waited for.
            response.force_close()
        return response

    async def running(_: web.Application) -> AsyncIterator[None]:
        async with hooks:
            yield

    made = web.Application()
    made.router.add_route("*", "/{rest:.*}", post)
    made.cleanup_ctx.append(running)
    return made


async def _parts(request: web.Request) -> AsyncIterator[bytes]:
    async for part in request.content.iter_any():
        yield part


@asynccontextmanager
async def served(hooks: Webhooks, host: str, port: int) -> AsyncGenerator[int]:
    """Serves the webhooks alone; gives the port. Raises `OSError` for one that is taken."""
    runner = web.AppRunner(application(hooks), access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, host, port).start()
        except OSError as error:
            raise OSError(f"port {port} of {host} cannot be used: {error.strerror}") from None
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()
