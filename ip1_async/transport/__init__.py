"""Request -> aiohttp -> Response; the only aiohttp client import.

A failure says whether a connection had been handed to the request: without one nothing was sent, with one anything may
have happened. A connection that is given up is reset, because closing it would go on sending what is still in its buffer.
"""

from __future__ import annotations

import asyncio
import io
import re
import ssl as tls
from collections.abc import AsyncGenerator

import aiohttp
from attrs import define, field, frozen
from yarl import URL

from ip1_async.flow import Deadlines
from ip1_async.masking import Secret
from ip1_async.transport.attempt import Attempt, Connector, Failure, Limits, TooLate, current
from ip1_async.transport.exchange import MOST_BYTES, NO_TIMEOUT, Headers, Origin, TooLong, exchange, joined, whole
from ip1_async.wire import Response

__all__ = ["MOST_BYTES", "Failure", "Headers", "Limits", "Transport", "Way"]

_LARGE = 1 << 20
"""Bytes that are written at once; more are sent in pieces, for copying them would keep the loop from everything else."""
_MOST_ORIGINS = 64
_usual = re.compile(r"(https?://[^/?#@]+)(/[^#]*)").fullmatch
"""An address without a password, an empty path or a fragment."""


@frozen(kw_only=True)
class Way:
    """How connections are made."""

    ssl: tls.SSLContext | None = field(default=None, repr=False)
    proxy: URL | None = field(default=None, repr=False)


@define
class Life:
    """What belongs to one event loop."""

    session: aiohttp.ClientSession
    connector: Connector
    end: AsyncGenerator[None]
    origins: dict[str, Origin] = field(factory=dict[str, Origin])

    def origin(self, start: str) -> Origin:
        """That of an address, given up to its path."""
        found = self.origins.get(start)
        if found is None:
            if len(self.origins) >= _MOST_ORIGINS:
                self.origins.clear()
            found = self.origins[start] = Origin.of(start, self.session)
        return found


class Transport:
    """Sends a request once. One session for each running loop, made when first needed and closed with its loop."""

    def __init__(self, way: Way, deadlines: Deadlines, injected: aiohttp.ClientSession | None = None) -> None:
        self._way, self._deadlines, self._injected = way, deadlines, injected
        self._lives: dict[asyncio.AbstractEventLoop, Life] = {}

    async def send(
        self,
        method: str,
        url: Secret,
        headers: Headers,
        body: bytes | None,
        limits: Limits,
        *,
        reads: bool = False,
    ) -> Response:
        """The whole answer to one request, whatever its status; raises `Failure` where none came."""
        injected = self._injected if reads else None
        remaining = limits.deadline - self._deadlines.clock.monotonic()
        if remaining <= 0:
            # The loop was kept busy. The request would go out, and nobody would wait for its answer.
            raise Failure("no time was left for it", handed_over=False)
        # Somebody else's session does not tell when a connection stands, so that there is one limit for all of it.
        first = remaining if injected is not None else min(remaining, limits.connect_timeout)
        attempt = Attempt(self._deadlines.clock, limits, self._deadlines.span(first))
        token = current.set(attempt)
        try:
            with attempt.span:
                if injected is not None:
                    return await self._by(injected, method, url, headers, body, attempt)
                life = self._life() or await self._begun()
                slash = url.find("/", 8)
                start = url[:slash]
                if (
                    slash < 0
                    or "@" in start
                    or self._way.proxy is not None
                    or (body is not None and len(body) > _LARGE)
                ):
                    return await self._by(life.session, method, url, headers, body, attempt)
                target = Secret(url[slash:])
                return await exchange(
                    life.connector, life.origin(start), method, target, headers, body, attempt.answered
                )
        except (aiohttp.ClientError, OSError, ValueError, EOFError, TooLate, TooLong) as error:
            attempt.cut()
            # From None, and with words of ours: theirs hold headers and addresses.
            raise Failure(
                _reason(error), handed_over=attempt.wire is not None or injected is not None, status=attempt.status
            ) from None
        except BaseException as error:
            attempt.cut()
            error.handed_over = attempt.wire is not None  # type: ignore[attr-defined]
            raise
        finally:
            current.reset(token)

    async def _by(
        self,
        session: aiohttp.ClientSession,
        method: str,
        url: Secret,
        headers: Headers,
        body: bytes | None,
        attempt: Attempt,
    ) -> Response:
        """The same by aiohttp's own way of making requests, which knows proxies, and how to send large bodies in pieces."""
        async with session.request(
            method,
            URL(url, encoded=True),
            headers=headers.by_name,
            data=io.BytesIO(body) if body is not None and len(body) > _LARGE else body,
            allow_redirects=False,
            proxy=self._way.proxy,
            timeout=NO_TIMEOUT,
        ) as response:
            attempt.answered(response.status)
            return Response(response.status, joined(response.headers), await whole(response.content))

    def _life(self) -> Life | None:
        life = self._lives.get(asyncio.get_running_loop())
        return life if life is not None and not life.session.closed else None

    async def _begun(self) -> Life:
        loop = asyncio.get_running_loop()
        for dead in [old for old in self._lives if old.is_closed()]:
            del self._lives[dead]
        connector = Connector(limit=0, keepalive_timeout=10.0, ssl=self._way.ssl or True)
        session = aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar(), timeout=NO_TIMEOUT)
        # aiohttp repeats a GET, PUT or DELETE by itself when a kept connection turns out dead. Attempts are counted here.
        session._retry_connection = False  # pyright: ignore[reportPrivateUsage]
        life = self._lives[loop] = Life(session, connector, self._ending(loop, session))
        await anext(life.end)
        return life

    async def _ending(self, loop: asyncio.AbstractEventLoop, session: aiohttp.ClientSession) -> AsyncGenerator[None]:
        # A loop that ends closes the generators still open in it; asyncio has no other hook for that.
        try:
            yield
        finally:
            if (life := self._lives.get(loop)) is not None and life.session is session:
                del self._lives[loop]
            await session.close()

    async def close(self) -> None:
        """Close the session of the running loop, if there is one."""
        life = self._lives.get(asyncio.get_running_loop())
        if life is not None:
            await life.end.aclose()


def _reason(error: BaseException) -> str:
    """What happened, in words that hold nothing of the request."""
    match error:
        case TooLate():
            return "the connection came up too late to be used"
        case TooLong():
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
