"""Servers that go wrong in every way that a client can see, on real sockets of this machine."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Literal

from attrs import field, frozen

TEXT = "canary in a text"
NUMBER = "46709999111"

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
Seen = Literal["doubt", "accepted", "refused", "early", "limited", "nonsense"]
"""What a client can conclude: nothing, that it was accepted, that it was refused, that it was refused for now in a way
that a send must not believe, that it must wait, or a whole 2xx that makes no sense."""


async def heard(reader: asyncio.StreamReader) -> bytes:
    """One whole request."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = [int(line.split(b":")[1]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length")]
    return head + (await reader.readexactly(length[0]) if length else b"")


def reset(writer: asyncio.StreamWriter) -> None:
    """Cut the connection with a RST."""
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


def says(words: bytes, *, then: Literal["close", "reset", "silence"] = "close") -> Talk:
    """Hears the request, says this, and is gone."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await heard(reader)
        writer.write(words)
        await writer.drain()
        if then == "silence":
            await reader.read()
        if then == "reset":
            # What was said has to be read before the reset destroys it.
            for _ in range(20):
                await asyncio.sleep(0)
            reset(writer)
        writer.close()

    return talk


async def resets_on_accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    reset(writer)


async def resets_after_the_head(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    reset(writer)


async def resets_after_the_body(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await heard(reader)
    reset(writer)


async def closes_at_once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.close()


def answers(status: int, body: str = "", *headers: str) -> Talk:
    """A whole answer."""
    head = [f"HTTP/1.1 {status} Whatever", f"Content-Length: {len(body)}", "Connection: close", *headers, "", body]
    return says("\r\n".join(head).encode())


@frozen
class Misbehaviour:
    name: str
    talk: Talk = field(repr=False)
    seen: Seen = "doubt"
    hangs: bool = False
    """Whether it is the client that has to end it."""


PAGE = f"<html><body>{TEXT} {NUMBER}</body></html>"
PROBLEM = json.dumps({"title": TEXT, "detail": NUMBER, "errors": {NUMBER: [TEXT]}})
HTML, JSON = "Content-Type: text/html", "Content-Type: application/json"
ELSEWHERE = f"Location: /v2/{NUMBER}"

ALL = [
    Misbehaviour("resets on accept", resets_on_accept),
    Misbehaviour("closes on accept", closes_at_once),
    Misbehaviour("resets after the head", resets_after_the_head),
    Misbehaviour("resets after the body", resets_after_the_body),
    Misbehaviour("closes after the body", says(b"")),
    Misbehaviour("is silent", says(b"", then="silence"), hangs=True),
    Misbehaviour("says half a status line", says(b"HTTP/1.1 2")),
    Misbehaviour("says half a status line and is silent", says(b"HTTP/1.1 2", then="silence"), hangs=True),
    Misbehaviour("says garbage", says(f"{TEXT} {NUMBER}\r\n\r\n".encode())),
    Misbehaviour("says a wrong header", says(f"HTTP/1.1 200 OK\r\n{TEXT}\r\n\r\n".encode())),
    Misbehaviour("continues and is silent", says(b"HTTP/1.1 100 Continue\r\n\r\n", then="silence"), hangs=True),
    Misbehaviour("continues and closes", says(b"HTTP/1.1 100 Continue\r\n\r\n")),
    Misbehaviour("cuts the body", says(b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{"), "accepted"),
    Misbehaviour(
        "resets in the body", says(b"HTTP/1.1 201 OK\r\nContent-Length: 50\r\n\r\n{", then="reset"), "accepted"
    ),
    Misbehaviour(
        "stalls in the body",
        says(b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{", then="silence"),
        "accepted",
        hangs=True,
    ),
    Misbehaviour(
        "cuts a chunk",
        says(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n50\r\n{"),
        "accepted",
    ),
    Misbehaviour(
        "lies about compression",
        says(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\n{} }"),
        "accepted",
    ),
    Misbehaviour("cuts the body of a refusal", says(b"HTTP/1.1 400 No\r\nContent-Length: 50\r\n\r\n{")),
    *(Misbehaviour(f"redirects with {each}", answers(each, "", ELSEWHERE)) for each in (301, 302, 303, 304, 307, 308)),
    *(Misbehaviour(f"answers {each}", answers(each, PROBLEM, JSON), "refused") for each in (400, 401, 402, 403, 404)),
    *(Misbehaviour(f"answers {each}", answers(each, PAGE, HTML), "refused") for each in (405, 413, 418, 422, 451)),
    *(Misbehaviour(f"answers {each}", answers(each, PROBLEM, JSON), "early") for each in (408, 409, 425)),
    Misbehaviour("answers 429", answers(429, PROBLEM, JSON, "Retry-After: 90"), "limited"),
    *(Misbehaviour(f"answers {each}", answers(each, PAGE, HTML)) for each in (500, 501, 502, 503, 504, 520, 599)),
    Misbehaviour("answers 200 with a page of a gateway", answers(200, PAGE, HTML), "nonsense"),
]


@asynccontextmanager
async def serving(talk: Talk, **options: object) -> AsyncIterator[tuple[str, list[str]]]:
    """A server on this machine that does this: its address, and the connections it was given so far."""
    met: list[str] = []

    async def counted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        met.append("met")
        try:
            await talk(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(counted, "127.0.0.1", 0, **options)  # type: ignore[arg-type]
    async with server:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}", met
