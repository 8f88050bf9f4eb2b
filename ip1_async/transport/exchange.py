"""One request over one connection, written at once and read to the end of its answer.

aiohttp makes the connections and parses the answers. Its `session.request` takes more time for redirects, cookies, traces
and timeouts, none of which are used here, than all the rest together; and what is written in one call, with nothing awaited
between the connection and the call, leaves no doubt of what was handed over.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping
from functools import cached_property

import aiohttp
from aiohttp.client_reqrep import ConnectionKey
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.streams import StreamReader
from attrs import frozen
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from ip1_async.masking import Secret
from ip1_async.wire import Response

MOST_BYTES = 32 << 20
"""Of an answer, decompressed."""
NO_TIMEOUT = aiohttp.ClientTimeout(total=None, connect=None, sock_connect=None, sock_read=None)
_MUCH = 1 << 16
"""Bytes of a request that may still be on their way in the system when it is refused."""
_with_body = frozenset({"POST", "PUT", "PATCH"})
_visible = re.compile(r"[\x21-\x7e]+").fullmatch


class TooLong(Exception):
    """The answer is larger than any real one."""


class Headers:
    """Headers that many requests have, and how they are written."""

    def __init__(self, headers: Mapping[str, str]) -> None:
        lines = [f"{name}: {value}\r\n" for name, value in headers.items()]
        if any(line.count("\r") + line.count("\n") > 2 for line in lines):
            raise ValueError("a header holds a line break")
        self.by_name, self.lines = headers, Secret("".join(lines))


class Door(aiohttp.ClientRequest):
    """What aiohttp wants to know of a request to connect: the same for all of one origin, so it is worked out once."""

    @cached_property
    def connection_key(self) -> ConnectionKey:  # pyright: ignore[reportIncompatibleMethodOverride]
        return super().connection_key


@frozen
class Origin:
    """Where requests go: what aiohttp wants to know of them to connect, and their Host."""

    door: Door
    host: str

    @classmethod
    def of(cls, start: str, session: aiohttp.ClientSession) -> Origin:
        """That of an address, given up to its path."""
        url = URL(start, encoded=True)
        door = Door("GET", url, loop=asyncio.get_running_loop(), session=session)
        return cls(door, door.headers["Host"])


async def exchange(
    connector: aiohttp.BaseConnector,
    origin: Origin,
    method: str,
    target: Secret,
    headers: Headers,
    body: bytes | None,
    answered: Callable[[int], None],
) -> Response:
    """The whole answer; *answered* is told its status as soon as there is one.

    Raises what aiohttp raises, or `ValueError` for what is no HTTP.
    """
    if not _visible(target):
        raise ValueError("an address holds what an address cannot hold")
    connection = await connector.connect(origin.door, [], NO_TIMEOUT)
    try:
        protocol, wire = connection.protocol, connection.transport
        if protocol is None or wire is None:
            raise aiohttp.ServerDisconnectedError
        protocol.set_response_params(read_until_eof=True)
        wire.write(_written(method, target, origin.host, headers, body))
        message, content = await protocol.read()
        while 100 <= message.code < 200 and message.code != 101:
            message, content = await protocol.read()
        answered(message.code)
        found = Response(message.code, joined(message.headers), await whole(content))
    except BaseException as error:
        connection.close()
        if isinstance(error, HttpProcessingError | aiohttp.EofStream):
            # Its words hold what came.
            raise ValueError("no HTTP") from None
        raise
    refused_early = message.code >= 400 and body is not None and len(body) > _MUCH
    if refused_early or wire.get_write_buffer_size():
        # Answered before all of it was read, or perhaps so: the rest would stand in front of the next request, and closing
        # would wait for a server that may never read it.
        wire.abort()
        connection.close()
    else:
        connection.release()
    return found


def _written(method: str, target: Secret, host: str, headers: Headers, body: bytes | None) -> bytes:
    length = "" if body is None and method not in _with_body else f"Content-Length: {len(body or b'')}\r\n"
    head = (
        f"{method} {target} HTTP/1.1\r\nHost: {host}\r\nAccept-Encoding: gzip, deflate\r\n{headers.lines}{length}\r\n"
    )
    return head.encode() + (body or b"")


async def whole(content: StreamReader) -> bytes:
    """A body, up to a size; a small compressed answer may stand for a very large one."""
    if content.is_eof():
        # It came together with its headers, as short ones do.
        return content.read_nowait()
    pieces: list[bytes] = []
    size = 0
    async for piece in content.iter_any():
        size += len(piece)
        if size > MOST_BYTES:
            raise TooLong
        pieces.append(piece)
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def joined(headers: CIMultiDictProxy[str]) -> Mapping[str, str]:
    """Headers with all links in one."""
    links = headers.getall("Link", ())
    if len(links) < 2:
        return headers
    copied = CIMultiDict(headers)
    copied["Link"] = ", ".join(links)
    return copied
