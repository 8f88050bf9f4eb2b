"""Acts a fault out on the connection of a request."""

from __future__ import annotations

import asyncio
import socket
import struct

from aiohttp import web

from ip1_async.sandbox.faults import Fault

_NOW_AND_THEN = 0.1
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


def reset(request: web.Request) -> web.Response:
    """The connection is gone with a RST."""
    transport = request.transport
    if transport is not None:
        taken = transport.get_extra_info("socket")
        if taken is not None:
            taken.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        transport.abort()
    return web.Response()


async def spoil(
    fault: Fault, request: web.Request, response: web.Response, closing: asyncio.Event
) -> web.StreamResponse | None:
    """What is answered to a request that was carried out; None where the connection was dealt with."""
    match fault.do:
        case "reset":
            reset(request)
            return None
        case "silence":
            await _silent(request, closing)
            return None
        case "garbage":
            if request.transport is not None:
                request.transport.write(b"It was carried out, but this is not HTTP.\r\n\r\n")
                request.transport.close()
            return None
        case "cut":
            await _cut(request, response)
            return None
        case _:
            return response


async def _silent(request: web.Request, closing: asyncio.Event) -> None:
    """Until the client goes, or the sandbox ends."""
    ends = asyncio.ensure_future(closing.wait())
    try:
        # aiohttp has no word for a client that has gone, so it is asked now and then.
        while not ends.done() and request.transport is not None and not request.transport.is_closing():
            await asyncio.wait({ends}, timeout=_NOW_AND_THEN)
    finally:
        ends.cancel()
    reset(request)


async def _cut(request: web.Request, response: web.Response) -> None:
    whole = response.body if isinstance(response.body, bytes) else b""
    headers = {"Content-Type": response.headers.get("Content-Type", "application/json")}
    half = web.StreamResponse(status=response.status, headers=headers | {"Content-Length": str(len(whole) + 1)})
    await half.prepare(request)
    await half.write(whole[: len(whole) // 2])
    if request.transport is not None:
        request.transport.close()
