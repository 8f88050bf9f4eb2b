"""The sandbox on a socket: routes from the table, one thread for the database, problem details for every refusal."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from aiohttp import web

from ip1_async.api import TABLES
from ip1_async.clock import Clock, SystemClock
from ip1_async.rows import Under
from ip1_async.sandbox import (
    account,
    batches,
    contacts,
    labels,
    landing,
    landing_elements,
    lists,
    lookup,
    messages,
    settings,
)
from ip1_async.sandbox.answers import ANSWERS, MISSING, Call, Refused, Reply
from ip1_async.sandbox.state import MAIN_ACCOUNT, State
from ip1_async.table import Row

T = TypeVar("T")
log = logging.getLogger("ip1_async.sandbox")

AREAS = (account, batches, contacts, labels, landing, landing_elements, lists, lookup, messages, settings)
"""The modules that answer; importing them registers what they answer."""
MOST_BYTES = 8 << 20
"""Of a request's body."""


class Sandbox:
    """A complete local iP.1 to develop and test against: `async with Sandbox() as sandbox: sandbox.url, sandbox.token`.

    It listens on *host* and *port* (0 takes a free one), knows the account that *token* opens and its sub-accounts,
    and keeps everything in the SQLite file *db*, or in memory. Time runs *speed* times as fast as on *clock*. At speed
    1 every message is final within 2 seconds; a recipient whose last three digits are a known status code of group 2,
    4 or 5 ends with it, and 101 to 114 stall there. Raises `OSError` where the port is taken or the file unusable.
    """

    def __init__(
        self,
        *,
        port: int = 0,
        token: str = "sandbox",
        db: str | Path | None = None,
        speed: float = 1.0,
        host: str = "127.0.0.1",
        clock: Clock | None = None,
    ) -> None:
        self.port, self.token, self.host = port, token, host
        self._db, self._speed, self._clock = db, speed, clock or SystemClock()
        self._state: State | None = None
        self._runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        """The address to give a client as `base_url`."""
        return f"http://{self.host}:{self.port}"

    async def __aenter__(self) -> Self:
        self._thread = ThreadPoolExecutor(1, "ip1-sandbox")
        try:
            self._state = await self._in_thread(
                lambda: State(self._db, self._clock, token=self.token, speed=self._speed)
            )
            self._runner = web.AppRunner(_application(self._answer), access_log=None, shutdown_timeout=1.0)
            await self._runner.setup()
            site = web.TCPSite(self._runner, self.host, self.port)
            try:
                await site.start()
            except OSError as error:
                raise OSError(f"port {self.port} of {self.host} cannot be used: {error.strerror}") from None
            self.port = self._runner.addresses[0][1]
        except BaseException:
            await self._close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._close()

    async def receive(self, *, sender: str, recipient: str, body: str) -> str:
        """Have the phone *sender* send a text to *recipient*, a number of yours; gives the message's id."""
        return await self._transaction(
            lambda state: messages.receive(state, MAIN_ACCOUNT, sender=sender, recipient=recipient, body=body)
        )

    async def _close(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
        if self._state is not None:
            await self._in_thread(self._state.close)
        self._thread.shutdown()
        self._runner = self._state = None

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    async def _transaction(self, work: Callable[[State], T]) -> T:
        state = self._state
        if state is None:
            raise RuntimeError("the sandbox is not running")

        def whole() -> T:
            with state.transaction():
                return work(state)

        return await self._in_thread(whole)

    async def _answer(self, row: Row[Any], request: web.Request) -> web.Response:
        """The answer to one request of the API."""
        token = _token(request)
        body = await _body(request)
        ids = tuple(request.match_info[name] for name in row.names)

        def work(state: State) -> bytes | Reply:
            account = state.account_of(token)
            if account is None:
                raise Refused(401, "Unauthorized", detail="The token is unknown.")
            call = Call(account, ids, tuple(request.query.items()), body, str(request.url.with_query(None)))
            return ANSWERS[row](state, call)

        reply = await self._transaction(work)
        assert isinstance(reply, Reply)
        return _response(reply)


def _application(answer: Callable[[Row[Any], web.Request], Any]) -> web.Application:
    rows = [row for table in TABLES for row in table.rows.values() if not isinstance(row, Under)]
    missing = [f"{row.table.__name__}.{row.__name__}" for row in rows if row not in ANSWERS]
    if missing:
        raise RuntimeError(f"the sandbox has no behaviour for {', '.join(missing)}")
    application = web.Application(middlewares=[_problems], client_max_size=MOST_BYTES)
    # A path without ids wins over one in which an id could stand for its last word.
    for row in sorted(rows, key=lambda each: len(each.names)):
        application.router.add_route(row.method, row.path, _handler(row, answer))
    return application


def _handler(row: Row[Any], answer: Callable[[Row[Any], web.Request], Any]) -> Any:
    async def handle(request: web.Request) -> web.StreamResponse:
        return await answer(row, request)  # type: ignore[no-any-return]

    return handle


@web.middleware
async def _problems(request: web.Request, handler: Any) -> web.StreamResponse:
    """Every refusal as problem details, also those of the server itself."""
    try:
        response: web.StreamResponse = await handler(request)
        return response
    except Refused as refused:
        problem = refused
    except web.HTTPRequestEntityTooLarge:
        problem = Refused(413, "Payload Too Large", detail=f"A body has at most {MOST_BYTES} bytes.")
    except web.HTTPMethodNotAllowed as refused:
        problem = Refused(
            405, "Method Not Allowed", detail=f"Allowed here: {', '.join(sorted(refused.allowed_methods))}."
        )
    except web.HTTPException as refused:
        problem = Refused(
            refused.status,
            refused.reason,
            detail="There is nothing at this address." if refused.status == 404 else None,
        )
    except Exception as error:
        log.error("the sandbox failed: %s", type(error).__name__)
        problem = Refused(500, "Internal Server Error")
    return web.Response(
        status=problem.status, body=_encoded(problem.body()), content_type="application/problem+json", charset="utf-8"
    )


def _token(request: web.Request) -> str:
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    if kind.lower() != "bearer" or not token.strip():
        raise Refused(401, "Unauthorized", detail="An Authorization header with a Bearer token is required.")
    return token.strip()


async def _body(request: web.Request) -> Any:
    raw = await request.read()
    if not raw.strip():
        return MISSING
    if "json" not in request.content_type:
        raise Refused(415, "Unsupported Media Type", detail="The body must be sent as application/json.")
    try:
        data = json.loads(raw)
        # Half a surrogate pair can be written in JSON, but not stored.
        json.dumps(data, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        raise Refused(400, "Bad Request", detail="The body is not valid JSON.") from None
    return data


def _response(reply: Reply) -> web.Response:
    if reply.body is MISSING:
        return web.Response(status=reply.status, headers=reply.headers)
    return web.Response(
        status=reply.status,
        body=_encoded(reply.body),
        headers=reply.headers,
        content_type="application/json",
        charset="utf-8",
    )


def _encoded(data: Any) -> bytes:
    return json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode()
