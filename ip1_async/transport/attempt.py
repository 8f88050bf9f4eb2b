"""What is observed of one attempt: whether a connection was handed to it, and what was answered."""

from __future__ import annotations

import asyncio
import select
import socket
import struct
from collections.abc import Callable
from contextlib import suppress
from contextvars import ContextVar
from functools import cache

import aiohttp
from aiohttp.client_reqrep import ConnectionKey
from aiohttp.connector import Connection
from aiohttp.tracing import Trace
from attrs import frozen

from ip1_async.clock import Clock
from ip1_async.flow import Span

_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


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

    def answered(self, status: int) -> None:
        """The beginning of an answer has come."""
        self.status = status

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


current: ContextVar[Attempt | None] = ContextVar("attempt", default=None)


class TooLate(Exception):
    """The connection came up after the time until which it was wanted."""


class Connector(aiohttp.TCPConnector):
    """Remembers which connection an attempt was given; nothing is awaited between that and the first byte."""

    async def connect(
        self, req: aiohttp.ClientRequest, traces: list[Trace], timeout: aiohttp.ClientTimeout
    ) -> Connection:
        attempt = current.get()
        if attempt is None:
            return await super().connect(req, traces, timeout)
        connection = await super().connect(req, traces, timeout)
        if attempt.limits.not_after is not None and attempt.clock.boottime() > attempt.limits.not_after:
            connection.close()
            raise TooLate
        if connection.transport is None or connection.transport.is_closing():
            # The server has hung up already, and nothing can be written: nothing was sent.
            connection.close()
            raise aiohttp.ServerDisconnectedError
        attempt.wire = connection.transport
        attempt.span.until = attempt.limits.deadline
        return connection

    async def _get(self, key: ConnectionKey, traces: list[Trace]) -> Connection | None:
        """A connection that was kept, if nothing has come over it since: that would be taken for the next answer."""
        while (kept := await super()._get(key, traces)) is not None and _stirred(kept):
            kept.close()
        return kept


def _stirred(kept: Connection) -> bool:
    """Whether something has come, or waits to be read, that nobody has asked for: an answer too many, or the end."""
    protocol = kept.protocol
    if protocol is None or protocol.should_close or protocol.transport is None:
        return True
    descriptor: int = protocol.transport.get_extra_info("socket").fileno()
    return descriptor < 0 or bool(_waiting(descriptor)(0))


@cache
def _waiting(descriptor: int) -> Callable[[int], object]:
    """What tells whether something can be read from the socket of that number, whichever that is."""
    if not hasattr(select, "poll"):
        return lambda _: False
    waiting = select.poll()
    waiting.register(descriptor, select.POLLIN)
    return waiting.poll
