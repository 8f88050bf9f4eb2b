"""Request -> aiohttp -> Response; the only aiohttp client import.

A failure says whether a connection had been handed to the request: without one nothing was sent, with one anything may
have happened. A connection that is given up is reset, because closing it would go on sending what is still in its buffer.
"""

from __future__ import annotations

import asyncio
import io
import socket
import ssl as tls
import struct
from collections.abc import AsyncGenerator, Mapping
from contextlib import suppress
from contextvars import ContextVar

import aiohttp
from aiohttp.connector import Connection
from aiohttp.tracing import Trace
from attrs import field, frozen
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from ip1_async.clock import Clock
from ip1_async.flow import Deadlines, Span
from ip1_async.masking import Secret
from ip1_async.wire import Response

_RESET_ON_CLOSE = struct.pack("ii", 1, 0)
_LARGE = 1 << 20
MOST_BYTES = 32 << 20
"""Of an answer, decompressed."""


class Failure(Exception):
    """An attempt that brought no whole answer."""

    def __init__(self, reason: str, *, handed_over: bool, status: int | None = None) -> None:
        super().__init__(reason)
        self.reason, self.handed_over, self.status = reason, handed_over, status


@frozen(kw_only=True)
class Limits:
    """How long one attempt may take."""

    deadline: float
    """On the clock's monotonic seconds."""
    connect_timeout: float
    not_after: float | None = None
    """A connection that comes up later than this is not used; on the clock's seconds since the machine was started."""


class Attempt:
    """What was observed of one attempt."""

    __slots__ = ("clock", "limits", "span", "status", "wire")

    def __init__(self, clock: Clock, limits: Limits, span: Span) -> None:
        self.clock, self.limits, self.span = clock, limits, span
        self.status: int | None = None
        self.wire: asyncio.Transport | None = None
        """The connection that the attempt was given; None proves that nothing was sent."""

    def cut(self) -> None:
        """Take back what the kernel still holds. A connection that went back to the pool is not closing: it is no longer ours."""
        wire = self.wire
        if wire is None or not wire.is_closing():
            return
        # Asked for now and not kept: a loop may hand the descriptor's number to somebody else later. Transports that
        # are already dead answer in three different ways.
        with suppress(AttributeError, ValueError, OSError):
            wire.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        wire.abort()


_attempt: ContextVar[Attempt | None] = ContextVar("attempt", default=None)


class _TooLate(Exception):
    """The connection came up after the time until which it was wanted."""


class Connector(aiohttp.TCPConnector):
    """Remembers which connection an attempt was given; nothing is awaited between that and the first byte."""

    async def connect(
        self, req: aiohttp.ClientRequest, traces: list[Trace], timeout: aiohttp.ClientTimeout
    ) -> Connection:
        attempt = _attempt.get()
        if attempt is None:
            return await super().connect(req, traces, timeout)
        connection = await super().connect(req, traces, timeout)
        if attempt.limits.not_after is not None and attempt.clock.boottime() > attempt.limits.not_after:
            connection.close()
            raise _TooLate
        attempt.wire = connection.transport
        attempt.span.until = attempt.limits.deadline
        return connection


@frozen(kw_only=True)
class Way:
    """How connections are made."""

    ssl: tls.SSLContext | None = field(default=None, repr=False)
    proxy: URL | None = field(default=None, repr=False)


class Transport:
    """Sends a request once. One session for each running loop, made when first needed and closed with its loop."""

    def __init__(self, way: Way, deadlines: Deadlines, injected: aiohttp.ClientSession | None = None) -> None:
        self._way, self._deadlines, self._injected = way, deadlines, injected
        self._lives: dict[
            asyncio.AbstractEventLoop, tuple[aiohttp.ClientSession, AsyncGenerator[aiohttp.ClientSession]]
        ] = {}

    async def send(
        self,
        method: str,
        url: Secret,
        headers: Mapping[str, str],
        body: bytes | None,
        limits: Limits,
        *,
        reads: bool = False,
    ) -> Response:
        """The whole answer to one request, whatever its status; raises `Failure` where none came."""
        session = self._injected if reads and self._injected is not None else await self._session()
        remaining = limits.deadline - self._deadlines.clock.monotonic()
        # Somebody else's session does not tell when a connection stands, so that there is one limit for all of it.
        first = remaining if session is self._injected else min(remaining, limits.connect_timeout)
        attempt = Attempt(self._deadlines.clock, limits, self._deadlines.span(first))
        token = _attempt.set(attempt)
        try:
            with attempt.span:
                return await self._exchange(session, attempt, method, url, headers, body)
        except (aiohttp.ClientError, OSError, ValueError, EOFError, _TooLate, _TooLong) as error:
            attempt.cut()
            # From None, and with words of ours: theirs hold headers and addresses.
            raise Failure(
                _reason(error), handed_over=attempt.wire is not None or session is self._injected, status=attempt.status
            ) from None
        except BaseException as error:
            attempt.cut()
            error.handed_over = attempt.wire is not None  # type: ignore[attr-defined]
            raise
        finally:
            _attempt.reset(token)

    async def _exchange(
        self,
        session: aiohttp.ClientSession,
        attempt: Attempt,
        method: str,
        url: Secret,
        headers: Mapping[str, str],
        body: bytes | None,
    ) -> Response:
        # aiohttp warns of large bytes, which block the loop while they are copied; a file-like body is sent in pieces.
        data = io.BytesIO(body) if body is not None and len(body) > _LARGE else body
        async with session.request(
            method,
            URL(url, encoded=True),
            headers=headers,
            data=data,
            allow_redirects=False,
            proxy=self._way.proxy,
            timeout=_no_timeout,
        ) as response:
            attempt.status = response.status
            return Response(response.status, _joined(response.headers), await _body(response))

    async def _session(self) -> aiohttp.ClientSession:
        loop = asyncio.get_running_loop()
        kept = self._lives.get(loop)
        if kept is not None and not kept[0].closed:
            return kept[0]
        for dead in [old for old in self._lives if old.is_closed()]:
            del self._lives[dead]
        life = self._life(loop)
        session = await anext(life)
        self._lives[loop] = session, life
        return session

    async def _life(self, loop: asyncio.AbstractEventLoop) -> AsyncGenerator[aiohttp.ClientSession]:
        # A loop that ends closes the generators still open in it; asyncio has no other hook for that.
        connector = Connector(limit=0, keepalive_timeout=10.0, ssl=self._way.ssl or True)
        session = aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar(), timeout=_no_timeout)
        # aiohttp repeats a GET, PUT or DELETE by itself when a kept connection turns out dead. Attempts are counted here.
        session._retry_connection = False  # pyright: ignore[reportPrivateUsage]
        try:
            yield session
        finally:
            if self._lives.get(loop, (None,))[0] is session:
                del self._lives[loop]
            await session.close()

    async def close(self) -> None:
        """Close the session of the running loop, if there is one."""
        kept = self._lives.get(asyncio.get_running_loop())
        if kept is not None:
            await kept[1].aclose()


_no_timeout = aiohttp.ClientTimeout(total=None, connect=None, sock_connect=None, sock_read=None)


class _TooLong(Exception):
    """The answer is larger than any real one."""


async def _body(response: aiohttp.ClientResponse) -> bytes:
    """The body, up to a size; a small compressed answer may stand for a very large one."""
    pieces: list[bytes] = []
    size = 0
    async for piece in response.content.iter_any():
        size += len(piece)
        if size > MOST_BYTES:
            raise _TooLong
        pieces.append(piece)
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def _joined(headers: CIMultiDictProxy[str]) -> Mapping[str, str]:
    links = headers.getall("Link", [])
    if len(links) < 2:
        return headers
    joined = CIMultiDict(headers)
    joined["Link"] = ", ".join(links)
    return joined


def _reason(error: BaseException) -> str:
    """What happened, in words that hold nothing of the request."""
    match error:
        case _TooLate():
            return "the connection came up too late to be used"
        case _TooLong():
            return f"the answer was longer than {MOST_BYTES >> 20} MiB"
        case aiohttp.ClientConnectorCertificateError() | aiohttp.ClientConnectorSSLError():
            return "the server's certificate or TLS was refused"
        case aiohttp.ClientConnectorDNSError():
            return "the host's name was not found"
        case aiohttp.ClientProxyConnectionError() | aiohttp.ClientHttpProxyError():
            return "the proxy refused or was not reached"
        case aiohttp.ClientConnectorError() | ConnectionRefusedError():
            return "no connection could be made"
        case TimeoutError():
            return "no answer in time"
        case aiohttp.ServerDisconnectedError():
            return "the server closed the connection without an answer"
        case aiohttp.ClientPayloadError():
            return "the answer was cut off"
        case aiohttp.ClientResponseError() | ValueError():
            return "the answer was not HTTP"
        case _:
            return "the connection broke"
