"""The API on a socket: routes from the table, problem details for every refusal, faults where they were asked for."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Coroutine
from typing import Any

from aiohttp import web
from attrs import define, field

from ip1_async.api import TABLES, Batches
from ip1_async.clock import Clock
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
    mishap,
    reports,
    settings,
)
from ip1_async.sandbox.answers import ANSWERS, MISSING, Call, Refused, Reply
from ip1_async.sandbox.faults import Fault
from ip1_async.sandbox.journal import Journal
from ip1_async.sandbox.pace import Pace
from ip1_async.sandbox.postman import Postman, Transact
from ip1_async.sandbox.state import State, stamp
from ip1_async.sandbox.trouble import Trouble
from ip1_async.table import Row

log = logging.getLogger("ip1_async.sandbox")

AREAS = (account, batches, contacts, labels, landing, landing_elements, lists, lookup, messages, settings)
"""The modules that answer; importing them registers what they answer."""
MOST_BYTES = 8 << 20
"""Of a request's body."""
OWN = "/_sandbox"
"""What is no part of the API begins with this, beside the page at the root."""


@define
class Front:
    """Answers the requests of the API."""

    transact: Transact
    clock: Clock
    pace: Pace
    journal: Journal
    trouble: Trouble
    postman: Postman
    closing: asyncio.Event
    _later: set[asyncio.Task[None]] = field(factory=set[asyncio.Task[None]], init=False)

    def mount(self, application: web.Application) -> None:
        """Add a route for every row of the table; raises `RuntimeError` where the sandbox has no behaviour for one."""
        rows = [row for table in TABLES for row in table.rows.values() if not isinstance(row, Under)]
        missing = [f"{row.table.__name__}.{row.__name__}" for row in rows if row not in ANSWERS]
        if missing:
            raise RuntimeError(f"the sandbox has no behaviour for {', '.join(missing)}")
        # A path without ids wins over one in which an id could stand for its last word.
        for row in sorted(rows, key=lambda each: len(each.names)):
            application.router.add_route(row.method, row.path, self._handler(row))
        application.middlewares.append(self._watch())

    async def close(self) -> None:
        """Forget what was to be carried out late."""
        for each in self._later:
            each.cancel()
        if self._later:
            await asyncio.wait(self._later)

    def _watch(self) -> Any:
        @web.middleware
        async def watch(request: web.Request, handler: Any) -> web.StreamResponse:
            if request.path == "/" or request.path.startswith(OWN):
                return await as_problem(request, handler)
            fault = self.trouble.strike(request.method, request.path)
            response = await self._under(fault, request, lambda: as_problem(request, handler))
            self.journal.request(
                at=stamp(self.pace.now()), method=request.method, path=request.path, query=request.query_string, body=await _seen(request),
                status=None if response is None else response.status,
                answer=_text(response), fault=None if fault is None else fault.do,
            )  # fmt: skip
            return response if response is not None else web.Response()

        return watch

    async def _under(
        self, fault: Fault | None, request: web.Request, answer: Callable[[], Coroutine[Any, Any, web.Response]]
    ) -> web.StreamResponse | None:
        """What is answered under a fault; None where the connection was spoilt."""
        if self.trouble.too_many():
            return problem(Refused(429, "Too Many Requests", headers={"Retry-After": "1"}))
        if fault is None:
            return await answer()
        if fault.do == "delay":
            await self.clock.sleep(fault.seconds)
            return await answer()
        if fault.do == "late":
            # What is not read before the connection is gone cannot be read any more.
            await _seen(request)
            self._carry_out_late(fault.seconds, answer)
            mishap.reset(request)
            return None
        if fault.refuses:
            if fault.do == "reset":
                await _seen(request)
                mishap.reset(request)
                return None
            return problem(_refusal(fault))
        response = await answer()
        if fault.do == "status":
            return problem(_refusal(fault))
        if fault.do == "hidden" and response.status == 200 and isinstance(response.body, bytes):
            id = json.loads(response.body).get("id", "")
            await self.transact(lambda state: batches.hide(state, id, fault.seconds))
        return await mishap.spoil(fault, request, response, self.closing)

    def _carry_out_late(self, seconds: float, answer: Callable[[], Coroutine[Any, Any, web.Response]]) -> None:
        async def later() -> None:
            await self.clock.sleep(seconds)
            await answer()

        task = asyncio.create_task(later(), name="ip1 sandbox, late")
        self._later.add(task)
        task.add_done_callback(self._later.discard)

    def _handler(self, row: Row[Any]) -> Any:
        async def handle(request: web.Request) -> web.StreamResponse:
            return await self._answer(row, request)

        return handle

    async def _answer(self, row: Row[Any], request: web.Request) -> web.Response:
        """The answer to one request of the API."""
        token = _token(request)
        body = await _body(request)
        ids = tuple(request.match_info[name] for name in row.names)
        habits, chance = self.postman.habits, self.trouble.chance

        def work(state: State) -> tuple[Reply, list[reports.Post]]:
            account = state.account_of(token)
            if account is None:
                raise Refused(401, "Unauthorized", detail="The token is unknown.")
            call = Call(account, ids, tuple(request.query.items()), body, str(request.url.with_query(None)))
            reply = ANSWERS[row](state, call)
            if row is not Batches.send and row is not Batches.cancel:
                return reply, []
            batch = batches.batch_row(state, account, reply.body["id"])
            reports.announce(state, batch, habits, chance)
            return reply, reports.first_of(state, batch, habits) if habits.early and row is Batches.send else []

        reply, early = await self.transact(work)
        await self.postman.post(early)
        self.postman.wake()
        return _response(reply)


async def as_problem(request: web.Request, handler: Any) -> web.Response:
    """Every refusal as problem details, also those of the server itself."""
    try:
        response: web.Response = await handler(request)
        return response
    except Refused as refused:
        return problem(refused)
    except web.HTTPRequestEntityTooLarge:
        return problem(Refused(413, "Payload Too Large", detail=f"A body has at most {MOST_BYTES} bytes."))
    except web.HTTPMethodNotAllowed as refused:
        allowed = ", ".join(sorted(refused.allowed_methods))
        words = f"Allowed here: {allowed}."
        return problem(Refused(405, "Method Not Allowed", detail=words, headers={"Allow": allowed}))
    except web.HTTPException as refused:
        detail = "There is nothing at this address." if refused.status == 404 else None
        return problem(Refused(refused.status, refused.reason, detail=detail))
    except Exception as error:
        log.error("the sandbox failed: %s", type(error).__name__)
        return problem(Refused(500, "Internal Server Error"))


def problem(refused: Refused) -> web.Response:
    """A refusal as it is answered."""
    return web.Response(
        status=refused.status,
        body=encoded(refused.body()),
        headers=refused.headers,
        content_type="application/problem+json",
        charset="utf-8",
    )


def _refusal(fault: Fault) -> Refused:
    headers = {} if fault.retry_after is None else {"Retry-After": str(fault.retry_after)}
    return Refused(fault.status, "A fault that was asked for", headers=headers)


def _token(request: web.Request) -> str:
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    if kind.lower() != "bearer" or not token.strip():
        raise Refused(401, "Unauthorized", detail="An Authorization header with a Bearer token is required.")
    return token.strip()


async def _body(request: web.Request) -> Any:
    raw = await request.read()
    if not raw.strip():
        return MISSING
    return parsed(request, raw)


def parsed(request: web.Request, raw: bytes) -> Any:
    """The JSON of a request; refuses what is none, or is not sent as such."""
    if "json" not in request.content_type:
        raise Refused(415, "Unsupported Media Type", detail="The body must be sent as application/json.")
    try:
        data = json.loads(raw)
        # Half a surrogate pair can be written in JSON, but not stored.
        json.dumps(data, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        raise Refused(400, "Bad Request", detail="The body is not valid JSON.") from None
    return data


async def _seen(request: web.Request) -> str:
    """The body for the log; nothing where it could not be read."""
    try:
        return (await request.read()).decode(errors="replace")
    except (web.HTTPException, ConnectionError, asyncio.IncompleteReadError):
        return ""


def _text(response: web.StreamResponse | None) -> str:
    body = response.body if isinstance(response, web.Response) else None
    return body.decode(errors="replace") if isinstance(body, bytes) else ""


def _response(reply: Reply) -> web.Response:
    if reply.body is MISSING:
        return web.Response(status=reply.status, headers=reply.headers)
    return answered(reply.body, reply.status, reply.headers)


def answered(data: Any, status: int = 200, headers: Any = None) -> web.Response:
    """JSON as it is answered."""
    return web.Response(
        status=status, body=encoded(data), headers=headers, content_type="application/json", charset="utf-8"
    )


def encoded(data: Any) -> bytes:
    """JSON as it goes over the wire."""
    return json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode()
