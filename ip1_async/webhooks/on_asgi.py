"""Webhooks as an ASGI application."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ip1_async.webhooks.router import Webhooks

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]


def application(hooks: Webhooks) -> Application:
    """Takes posts to any path below it.

    Where it is the whole application it starts and ends the webhooks; mounted below another one it is told of neither,
    so that one does `async with hooks:` in its own lifespan, or has them start with the first post.
    """

    async def asgi(scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _live(hooks, receive, send)
        elif scope["type"] == "http":
            await _answer(hooks, scope, receive, send)

    return asgi


async def _answer(hooks: Webhooks, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
    headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
    length = headers.get("content-length", "")
    status = await hooks.receive(
        method=scope["method"], path=scope["path"], headers=headers, peer=(scope.get("client") or (None,))[0],
        length=int(length) if length.isascii() and length.isdigit() and len(length) < 19 else None, body=_parts(receive),
    )  # fmt: skip
    # What was not read is not waited for.
    closing = [] if status in (200, 500) else [(b"connection", b"close")]
    await send({"type": "http.response.start", "status": status, "headers": [(b"content-length", b"0"), *closing]})
    await send({"type": "http.response.body", "body": b""})


async def _parts(receive: Receive) -> AsyncIterator[bytes]:
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise EOFError
        yield message.get("body", b"")
        if not message.get("more_body", False):
            return


async def _live(hooks: Webhooks, receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        if message["type"] == "lifespan.startup":
            hooks.start()
            await send({"type": "lifespan.startup.complete"})
        elif message["type"] == "lifespan.shutdown":
            await hooks.close()
            await send({"type": "lifespan.shutdown.complete"})
            return
