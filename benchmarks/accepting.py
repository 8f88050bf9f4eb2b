"""A server that accepts every batch and lists them, as fast as one in Python can: it reads nothing but what it needs.

`python -m benchmarks.accepting` prints its address, and serves until standard input ends.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
from typing import cast

import uvloop

_length = re.compile(rb"content-length: ([0-9]+)", re.IGNORECASE).search
_reference = re.compile(rb'"reference":"([^"]*)"').search
_window = re.compile(rb"start=([0-9]+)&limit=([0-9]+)").search

accepted: list[tuple[str, int]] = []
"""Reference and number of messages; a batch's id is its place."""


class Talk(asyncio.Protocol):
    """One connection."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are no subclass of asyncio's.
        self.transport, self.read = cast("asyncio.Transport", transport), bytearray()

    def data_received(self, data: bytes) -> None:
        self.read += data
        while (end := self.read.find(b"\r\n\r\n")) >= 0:
            head = bytes(self.read[:end])
            found = _length(head)
            size = end + 4 + (int(found[1]) if found else 0)
            if len(self.read) < size:
                return
            self.answer(head, bytes(self.read[end + 4 : size]))
            del self.read[:size]

    def answer(self, head: bytes, body: bytes) -> None:
        if head.startswith(b"POST"):
            mark = _reference(body)
            accepted.append((mark[1].decode() if mark else "", body.count(b'":{') - 1))
            said: object = batch(len(accepted) - 1)
        elif head.startswith(b"GET /v2/batches?"):
            window = _window(head)
            start, limit = (int(window[1]), int(window[2])) if window else (0, 50)
            newest = range(len(accepted) - 1 - start, max(-1, len(accepted) - 1 - start - limit), -1)
            said = [batch(place) for place in newest]
        elif head.startswith(b"GET /v2/batches/") and b"/messages" not in head.partition(b" HTTP")[0]:
            place = int(head.split(b"/")[3].split(b" ")[0])
            said = batch(place) | {
                "messageSummary": {"101": {"messages": accepted[place][1], "sms": accepted[place][1]}}
            }
        else:
            said = []
        text = json.dumps(said).encode()
        self.transport.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (len(text), text)
        )


def batch(place: int) -> dict[str, object]:
    """A batch as lists have it."""
    return {"id": str(place), "sender": "iP1", "body": "Hi", "reference": accepted[place][0]}


async def main() -> None:
    server = await asyncio.get_running_loop().create_server(Talk, "127.0.0.1", 0)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    uvloop.run(main())
