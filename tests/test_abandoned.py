"""A send that is given up is taken back: what is still on this machine is not delivered a moment later."""

from __future__ import annotations

import asyncio
import gc
import os
import socket
import ssl
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Self

import aiohttp
import pytest
import trustme
import uvloop

from ip1_async import AttemptMade, Client, NewBatch, OutcomeUnknown
from ip1_async.clock import ManualClock
from tests.scripted import Answer, Scripted

LARGE = NewBatch(sender="iP1", recipients=[f"467{number:08d}" for number in range(240_000)], body="Hello")
"""Its request is larger than 3 MB, so that no kernel takes it all while nobody reads."""


LOOPS = [pytest.param(asyncio.new_event_loop, id="asyncio"), pytest.param(uvloop.new_event_loop, id="uvloop")]


def run(loop: Any, main: Callable[[], Coroutine[Any, Any, None]]) -> None:
    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(main())


class SlowReader:
    """Accepts a connection, reads nothing until it is told to, and then everything that still comes."""

    def __init__(self, context: ssl.SSLContext | None) -> None:
        self.context = context
        self.accepted, self.read = asyncio.Event(), asyncio.Event()
        self.got = 0
        self.over = asyncio.Event()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted.set()
        await self.read.wait()
        try:
            while piece := await reader.read(1 << 16):
                self.got += len(piece)
        except (ConnectionError, ssl.SSLError):
            pass
        finally:
            writer.transport.abort()
            self.over.set()

    async def __aenter__(self) -> Self:
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 << 10)
        listener.bind(("127.0.0.1", 0))
        self.server = await asyncio.start_server(self._talk, sock=listener, ssl=self.context, limit=1 << 10)
        self.url = f"{'https' if self.context else 'http'}://127.0.0.1:{listener.getsockname()[1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self.server.close()
        await self.server.wait_closed()

    async def rest(self) -> int:
        """How many bytes there are in all."""
        self.read.set()
        await self.over.wait()
        return self.got


def certificates(tls: bool) -> tuple[ssl.SSLContext | None, ssl.SSLContext | None]:
    """The server's context, and one for clients that trust it."""
    if not tls:
        return None, None
    authority = trustme.CA()
    server, trusting = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH), ssl.create_default_context()
    authority.issue_cert("127.0.0.1").configure_cert(server)
    authority.configure_trust(trusting)
    return server, trusting


async def by_our_client(url: str, trusting: ssl.SSLContext | None, accepted: Awaitable[object]) -> None:
    clock = ManualClock()
    async with Client("token", base_url=url, ssl=trusting, clock=clock, rate=None) as ip1:
        call = asyncio.ensure_future(ip1.batches.send(LARGE))
        await accepted
        await clock.advance(61)
        with pytest.raises(OutcomeUnknown, match="no answer in time"):
            await call


async def by_our_client_cancelled(url: str, trusting: ssl.SSLContext | None, accepted: Awaitable[object]) -> None:
    async with Client("token", base_url=url, ssl=trusting, rate=None) as ip1:
        call = asyncio.ensure_future(ip1.batches.send(LARGE))
        await accepted
        await asyncio.sleep(0.01)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call


async def by_aiohttp_alone(url: str, trusting: ssl.SSLContext | None, accepted: Awaitable[object]) -> None:
    # Not closed before the other side has read on: closing the session is one more thing that aiohttp flushes at.
    session = aiohttp.ClientSession()
    body = "x" * 3_400_000
    call = asyncio.ensure_future(session.post(url, data=body.encode()[:1_000_000] * 3, ssl=trusting or True))
    await accepted
    await asyncio.sleep(0.01)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    await session.close()


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("tls", [False, True], ids=["plain", "TLS"])
@pytest.mark.parametrize("by", [by_our_client, by_our_client_cancelled])
def test_a_large_send_that_is_given_up_is_never_received_whole(by: Any, tls: bool, loop: Any) -> None:
    async def main() -> None:
        server, trusting = certificates(tls)
        async with SlowReader(server) as reader:
            await by(reader.url, trusting, reader.accepted.wait())
            assert await reader.rest() < 3_000_000

    run(loop, main)


@pytest.mark.filterwarnings("ignore:Sending a large body")
@pytest.mark.parametrize("tls", [False, True], ids=["plain", "TLS"])
def test_with_aiohttp_alone_it_is_received_whole(tls: bool) -> None:
    """What the tests before would see if nothing were done about it."""

    async def main() -> None:
        server, trusting = certificates(tls)
        async with SlowReader(server) as reader:
            await by_aiohttp_alone(reader.url, trusting, reader.accepted.wait())
            assert await reader.rest() > 3_000_000

    run(asyncio.new_event_loop, main)


def open_descriptors() -> int:
    return len(os.listdir("/proc/self/fd" if os.path.isdir("/proc/self/fd") else "/dev/fd"))


@pytest.mark.parametrize("loop", LOOPS)
def test_two_hundred_cancelled_sends_leave_nothing_behind(loop: Any) -> None:
    made: list[AttemptMade] = []

    async def main() -> None:
        async with Scripted(Answer({"id": "b1"})) as server:
            async with Client("token", base_url=server.url, rate=None, max_in_flight=50, on_attempt=made.append) as ip1:
                await ip1.batches.get("b1")
                tasks, descriptors = asyncio.all_tasks(), open_descriptors()
                for turns in range(200):
                    call = asyncio.ensure_future(
                        ip1.batches.send(sender="iP1", recipients=["46700000001"], body="Hello")
                    )
                    for _ in range(turns % 20):
                        await asyncio.sleep(0)
                    call.cancel()
                    await asyncio.gather(call, return_exceptions=True)
                for _ in range(200):
                    await asyncio.sleep(0)
                gc.collect()
                assert ip1.calls.gate.in_flight == 0
                assert ip1.calls.limiter.waiting == 0
                assert {task for task in asyncio.all_tasks() if "ip1" in repr(task.get_coro())} <= tasks
                assert open_descriptors() <= descriptors + 2  # both ends of one kept connection
            references = [each.reference for each in made if each.method == "POST"]
            assert len(set(references)) == len(references)

    run(loop, main)
