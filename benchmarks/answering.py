"""A server that has every answer ready: sends, pages of messages, and Twilio's pages; below `/slow` each takes 30 ms.

`python -m benchmarks.answering ROWS` prints its address, and serves a list of so many messages until standard input ends.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
import time
from contextlib import AbstractContextManager
from functools import cache, partial
from typing import cast

from benchmarks.messages import ACCEPTED, ACCOUNT, page, twilio_message
from benchmarks.served import served

DELAY = 0.03
"""Seconds that a page takes below `/slow`."""
COARSE = 0.0015
"""Seconds that a timer may be late."""

_length = re.compile(rb"\r\ncontent-length: ([0-9]+)", re.IGNORECASE).search
_start = re.compile(rb"[?&]start=([0-9]+)").search
_limit = re.compile(rb"[?&]limit=([0-9]+)").search
_page = re.compile(rb"[?&]Page=([0-9]+)").search
_page_size = re.compile(rb"[?&]PageSize=([0-9]+)").search


def _number(found: re.Match[bytes] | None, otherwise: int) -> int:
    return int(found[1]) if found else otherwise


def _whole(body: bytes, *headers: str) -> bytes:
    head = ["HTTP/1.1 200 OK", "Content-Type: application/json", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(head).encode() + body


_accepted = _whole(ACCEPTED)


@cache
def listed(rows: int, start: int, limit: int) -> bytes:
    """A page of the provider's list; its Link header names the next one, where there is one."""
    stop = min(rows, start + limit)
    following = f'Link: <http://127.0.0.1/v2?start={stop}&limit={limit}>; rel="next"' if stop < rows else "Link: "
    return _whole(page(start, max(0, stop - start)), following)


@cache
def twilio_listed(rows: int, number: int, size: int) -> bytes:
    """The same of Twilio's list."""
    stop = min(rows, (number + 1) * size)
    here = f"/2010-04-01/Accounts/{ACCOUNT}/Messages.json?PageSize={size}&Page="
    said = {
        "first_page_uri": f"{here}0", "end": stop - 1, "page": number, "page_size": size, "start": number * size,
        "next_page_uri": f"{here}{number + 1}" if stop < rows else None, "previous_page_uri": None,
        "uri": f"{here}{number}", "messages": [twilio_message(each) for each in range(number * size, stop)],
    }  # fmt: skip
    return _whole(json.dumps(said, ensure_ascii=False).encode())


class Talk(asyncio.Protocol):
    """One connection."""

    def __init__(self, rows: int) -> None:
        self.rows = rows

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are no subclass of asyncio's.
        self.transport, self.read = cast("asyncio.Transport", transport), bytearray()

    def data_received(self, data: bytes) -> None:
        self.read += data
        while (end := self.read.find(b"\r\n\r\n")) >= 0:
            head = bytes(self.read[:end])
            size = end + 4 + _number(_length(head), 0)
            if len(self.read) < size:
                return
            del self.read[:size]
            answer = self.answer(head)
            if head.startswith(b"GET /slow/"):
                due = time.perf_counter() + DELAY
                asyncio.get_running_loop().call_later(DELAY - COARSE, self.answer_at, due, answer)
            else:
                self.transport.write(answer)

    def answer_at(self, due: float, answer: bytes) -> None:
        # A timer is a millisecond late, which would be laid to the client's charge.
        while time.perf_counter() < due:
            pass
        # Whoever reads ahead may have gone.
        if not self.transport.is_closing():
            self.transport.write(answer)

    def answer(self, head: bytes) -> bytes:
        if head.startswith(b"POST"):
            return _accepted
        head = head.partition(b"\r\n")[0]
        if b"Messages.json" in head:
            return twilio_listed(self.rows, _number(_page(head), 0), _number(_page_size(head), 50))
        return listed(self.rows, _number(_start(head), 0), _number(_limit(head), 50))


def answering(rows: int = 0) -> AbstractContextManager[str]:
    """The server with a list of so many messages; gives its address."""
    return served("benchmarks.answering", str(rows))


async def main(rows: int) -> None:
    server = await asyncio.get_running_loop().create_server(partial(Talk, rows), "127.0.0.1", 0)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    import uvloop

    uvloop.run(main(int(sys.argv[1])))
