"""What steers the sandbox from outside, and feeds its inbox page: everything under `/_sandbox/`."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from aiohttp import web
from attrs import asdict, define, field, fields

from ip1_async import openapi
from ip1_async.sandbox import batches, faults, inbox
from ip1_async.sandbox.answers import Refused
from ip1_async.sandbox.bodies import invalid, is_participant
from ip1_async.sandbox.journal import Journal, Logged, Posted
from ip1_async.sandbox.postman import Transact
from ip1_async.sandbox.reports import Habits
from ip1_async.sandbox.server import OWN, answered, as_problem, parsed
from ip1_async.sandbox.state import State, number_of, stamp_at
from ip1_async.wire import is_array, is_object

if TYPE_CHECKING:
    from ip1_async.sandbox.service import Sandbox

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
_MOST_AT_ONCE = 200
_KEEP_ALIVE = 15.0
PAGE = Path(__file__).with_name("page")
"""The files of the inbox page."""
_PAGE_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}


def mount(
    application: web.Application, sandbox: Sandbox, transact: Transact, journal: Journal, closing: asyncio.Event
) -> None:
    """Adds the routes."""
    control = Control(sandbox, transact, journal, closing)
    journal.changed = control.tell
    for line, handler in {
        "GET clock": control.clock, "POST clock": control.set_clock,
        "GET faults": control.faults, "POST faults": control.add_faults, "PUT faults": control.set_faults,
        "DELETE faults": control.clear_faults,
        "GET webhooks": control.webhooks, "PUT webhooks": control.set_webhooks,
        "POST incoming": control.incoming, "POST reset": control.reset,
        "GET log": control.log, "GET posts": control.posts, "GET events": control.events,
        "GET phones": control.phones, "GET conversation": control.conversation, "GET messages": control.messages,
        "GET batches": control.batches, "POST cancel": control.cancel, "GET openapi.json": _openapi,
    }.items():  # fmt: skip
        method, _, name = line.partition(" ")
        application.router.add_route(method, f"{OWN}/{name}", handler)
    application.router.add_get("/", _page)
    application.router.add_static(f"{OWN}/page", PAGE)
    application.on_response_prepare.append(_keep_to_itself)
    application.middlewares.append(_home_only(sandbox))


async def _openapi(request: web.Request) -> web.StreamResponse:
    """What the API is asked and answers."""
    return answered(openapi.description())


async def _page(request: web.Request) -> web.StreamResponse:
    return web.FileResponse(PAGE / "index.html")


async def _keep_to_itself(request: web.Request, response: web.StreamResponse) -> None:
    """Whatever a text may hold, the page runs and loads nothing that is not its own."""
    if request.path == "/" or request.path.startswith(f"{OWN}/page/"):
        response.headers.update(_PAGE_HEADERS)


def _home_only(sandbox: Sandbox) -> Any:
    @web.middleware
    async def home_only(request: web.Request, handler: Any) -> web.StreamResponse:
        """No page of another site steers the sandbox: neither by its own name for this machine nor across origins."""
        if request.path == "/" or request.path.startswith(OWN):
            host = urlsplit(f"//{request.host}").hostname or ""
            origin = request.headers.get("Origin")
            if not _is_home(host, sandbox.host) or (origin is not None and urlsplit(origin).netloc != request.host):
                return await as_problem(request, _foreign)
        return await handler(request)  # type: ignore[no-any-return]

    return home_only


async def _foreign(request: web.Request) -> web.StreamResponse:
    raise Refused(403, "Forbidden", detail="Only pages of the sandbox itself may ask for this.")


def _is_home(host: str, own: str) -> bool:
    try:
        return ip_address(host).is_loopback or host == own
    except ValueError:
        return host in ("localhost", own)


@define
class Control:
    """The handlers."""

    sandbox: Sandbox
    transact: Transact
    journal: Journal
    closing: asyncio.Event
    _listeners: set[asyncio.Event] = field(factory=set[asyncio.Event], init=False)

    def tell(self) -> None:
        """Something happened that a page may want to show."""
        for each in self._listeners:
            each.set()

    # Time

    async def clock(self, request: web.Request) -> web.Response:
        pace = {"now": self.sandbox.now.isoformat(), "speed": self.sandbox.speed}
        return answered(pace)

    async def set_clock(self, request: web.Request) -> web.Response:
        said = await _object(request, "speed", "advance")
        speed, seconds = said.get("speed"), said.get("advance", 0)
        if speed is not None and not _number(speed, 0, 1_000_000):
            raise invalid("speed", "speed is a number from 0 to 1000000.")
        if not _number(seconds, 0, 1e9):
            raise invalid("advance", "advance is a number of seconds, at least 0.")
        if speed is not None:
            self.sandbox.run(speed)
        if seconds:
            await self.sandbox.advance(seconds=seconds)
        return await self.clock(request)

    # Faults and webhooks

    async def faults(self, request: web.Request) -> web.Response:
        rules = [each.as_json() for each in self.sandbox.faults]
        return answered({"faults": rules, "requestsPerSecond": self.sandbox.requests_per_second})

    async def add_faults(self, request: web.Request) -> web.Response:
        """One fault as an object or a line, or several in an array."""
        said = await _json(request)
        self.sandbox.fault(*_rules(said if is_array(said) else [said]))
        return await self.faults(request)

    async def set_faults(self, request: web.Request) -> web.Response:
        """All faults and the limit."""
        said = await _object(request, "faults", "requestsPerSecond")
        rules = _rules(said.get("faults", []))
        try:
            self.sandbox.requests_per_second = said.get("requestsPerSecond")
        except faults.Wrong as wrong:
            raise invalid("requestsPerSecond", f"{wrong}.") from None
        self.sandbox.clear_faults()
        self.sandbox.fault(*rules)
        return await self.faults(request)

    async def clear_faults(self, request: web.Request) -> web.Response:
        self.sandbox.clear_faults()
        return await self.faults(request)

    async def webhooks(self, request: web.Request) -> web.Response:
        return answered(asdict(self.sandbox.webhooks))

    async def set_webhooks(self, request: web.Request) -> web.Response:
        names = [each.name for each in fields(Habits)]
        said = asdict(self.sandbox.webhooks) | await _object(request, *names)
        for name in ("doubled", "disordered", "early", "anywhere"):
            if not isinstance(said[name], bool):
                raise invalid(name, f"{name} is true or false.")
        if not _number(said["late"], 0, 1e9):
            raise invalid("late", "late is a number of seconds, at least 0.")
        if said["id_name"] not in ("messageId", "id"):
            raise invalid("id_name", "id_name is messageId or id.")
        self.sandbox.webhooks = Habits(**said)
        return await self.webhooks(request)

    # Messages

    async def incoming(self, request: web.Request) -> web.Response:
        said = await _object(request, "sender", "recipient", "body")
        for name in ("sender", "recipient", "body"):
            if not isinstance(said.get(name), str) or not said[name].strip():
                raise invalid(name, f"{name} is a text that is not blank.")
        for name in ("sender", "recipient"):
            if not is_participant(said[name]):
                raise invalid(name, f"{name} is a number of at most 15 digits, or a sender.")
        id = await self.sandbox.receive(sender=said["sender"], recipient=said["recipient"], body=said["body"])
        return answered({"id": id})

    async def phones(self, request: web.Request) -> web.Response:
        search, before, limit = request.query.get("search", ""), _number_of(request, "before"), _limit(request)
        found, more = await self.transact(lambda state: inbox.phones(state, search=search, before=before, limit=limit))
        return answered({"phones": found, "next": more})

    async def conversation(self, request: web.Request) -> web.Response:
        phone, before, limit = request.query.get("phone", ""), _id_of(request, "before"), _limit(request)

        def work(state: State) -> dict[str, Any]:
            found = inbox.conversation(state, phone, before=before, limit=limit)
            return {
                "phone": phone,
                "blacklisted": inbox.is_blocked(state, phone),
                "messages": [each.as_json() for each in found],
            }

        return answered(await self.transact(work))

    async def messages(self, request: web.Request) -> web.Response:
        """Those of a batch."""
        batch, after, limit = request.query.get("batch", ""), _id_of(request, "after"), _limit(request)
        found = await self.transact(lambda state: inbox.of_batch(state, batch, after=after, limit=limit))
        return answered({"batch": batch, "messages": [each.as_json() for each in found]})

    async def batches(self, request: web.Request) -> web.Response:
        """The latest batches of all accounts with their funnels, or one of them."""
        before, limit, only = _id_of(request, "before"), _limit(request), _id_of(request, "batch")

        def work(state: State) -> list[dict[str, Any]]:
            rows = state.db.execute(
                "SELECT * FROM batches WHERE direction = 'mt' AND number BETWEEN ? AND ? ORDER BY number DESC LIMIT ?",
                (only or 0, only or (before or 1 << 62) - 1, limit),
            ).fetchall()
            return [
                batches.document(state, row, whole=True)
                | {
                    "created": stamp_at(row["created"]),
                    "recipients": row["messages"],
                    "open": batches.can_cancel(state, row),
                }
                for row in rows
            ]

        return answered({"batches": await self.transact(work)})

    async def cancel(self, request: web.Request) -> web.Response:
        """Cancels a batch, as its owner would."""
        said = await _object(request, "batch")
        await self.sandbox.cancel(str(said.get("batch")))
        return answered({})

    # Logs

    async def log(self, request: web.Request) -> web.Response:
        return self._entries(request, "requests", self.journal.requests)

    async def posts(self, request: web.Request) -> web.Response:
        return self._entries(request, "posts", self.journal.posts)

    def _entries(self, request: web.Request, name: str, entries: Iterable[Logged | Posted]) -> web.Response:
        """The latest entries, or the first ones after a number; with the number of the first that is kept."""
        after, limit, kept = _number_of(request, "after"), _limit(request), list(entries)
        found = kept[-limit:] if after is None else [each for each in kept if each.number > after][:limit]
        return answered(
            {
                name: [each.as_json() for each in found],
                "first": kept[0].number if kept else None,
                "run": self.journal.run,
            }
        )

    async def reset(self, request: web.Request) -> web.Response:
        await _object(request)
        await self.sandbox.reset()
        return answered({})

    async def events(self, request: web.Request) -> web.StreamResponse:
        """Server-sent events: one whenever there may be something new to show."""
        stream = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"})
        await stream.prepare(request)
        told = asyncio.Event()
        told.set()
        self._listeners.add(told)
        ends = asyncio.ensure_future(self.closing.wait())
        try:
            while not self.closing.is_set():
                waits = asyncio.ensure_future(told.wait())
                await asyncio.wait({waits, ends}, timeout=_KEEP_ALIVE, return_when=asyncio.FIRST_COMPLETED)
                waits.cancel()
                if self.closing.is_set():
                    break
                await stream.write(b"event: changed\ndata: {}\n\n" if told.is_set() else b": still here\n\n")
                told.clear()
        except ConnectionError:
            pass
        finally:
            self._listeners.discard(told)
            ends.cancel()
        return stream


async def _json(request: web.Request) -> Any:
    return parsed(request, await request.read())


async def _object(request: web.Request, *names: str) -> dict[str, Any]:
    said = await _json(request)
    if not is_object(said):
        raise invalid("body", "This must be a JSON object.")
    unknown = [name for name in said if name not in names]
    if unknown:
        raise invalid(unknown[0], f"There is no such property here; there are {', '.join(names) or 'none'}.")
    return said


def _rules(said: Any) -> list[faults.Fault]:
    if not is_array(said):
        raise invalid("faults", "This must be an array.")
    try:
        return [faults.parse(each) if isinstance(each, str) else faults.from_json(each) for each in said]
    except faults.Wrong as wrong:
        raise invalid("faults", f"{wrong}.") from None


def _number(value: Any, least: float, most: float) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and least <= value <= most


def _number_of(request: web.Request, name: str) -> int | None:
    value = request.query.get(name)
    if value is None:
        return None
    if not (value.isascii() and value.isdigit() and len(value) < 19):
        raise invalid(name, f"{name} is a whole number.")
    return int(value)


def _id_of(request: web.Request, name: str) -> int | None:
    value = request.query.get(name)
    return number_of(value) if value else None


def _limit(request: web.Request) -> int:
    return max(1, min(_number_of(request, "limit") or 50, _MOST_AT_ONCE))
