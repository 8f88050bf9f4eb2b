"""A server on this machine that gives the answers it was told to, one after another, and remembers what it was asked."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Self

from aiohttp import web
from attrs import field, frozen
from multidict import MultiMapping


@frozen
class Asked:
    """One request as the server saw it."""

    method: str
    path: str
    query: MultiMapping[str]
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = b""

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@frozen
class Answer:
    """What the server says."""

    body: Any = None
    status: int = 200
    headers: Mapping[str, str] = {}


Script = Callable[[Asked], Answer] | list[Answer]


class Scripted:
    """Serves a script: a list of answers, of which the last one stays, or a function."""

    def __init__(self, *script: Answer | Callable[[Asked], Answer]) -> None:
        self.script = list(script)
        self.asked: list[Asked] = []
        self.url = ""
        self._port = 0

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        asked = Asked(
            request.method,
            request.raw_path.partition("?")[0],
            request.query.copy(),
            request.headers,
            await request.read(),
        )
        self.asked.append(asked)
        step = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        answer = step(asked) if callable(step) else step
        body = (
            answer.body
            if isinstance(answer.body, bytes)
            else b""
            if answer.body is None
            else json.dumps(answer.body).encode()
        )
        return web.Response(
            status=answer.status, body=body, headers={"Content-Type": "application/json", **answer.headers}
        )

    def again(self) -> Self:
        """The same server, to be entered once more at the same address."""
        self._port = int(self.url.rpartition(":")[2])
        return self

    async def __aenter__(self) -> Self:
        self._runner = web.ServerRunner(web.Server(self._handle, access_log=None))
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self._port, reuse_address=True)
        await site.start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._runner.cleanup()
