"""`Webhooks`: one object that a web backend mounts, and from then on is told the truth."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterable, Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar, overload

from ip1_async.client import Client
from ip1_async.clock import Clock, SystemClock
from ip1_async.errors import Invalid, IP1Error, NotFinal, NotFound
from ip1_async.flow import Deadlines
from ip1_async.models import Batch, Message
from ip1_async.models.status import Group, total
from ip1_async.webhooks import handlers, record
from ip1_async.webhooks.dispatch import Counts, Dispatch, log
from ip1_async.webhooks.door import Rules
from ip1_async.webhooks.events import Event, NotAnEvent, parse
from ip1_async.webhooks.handlers import Handler, Wanted
from ip1_async.webhooks.readback import Readback, next_look
from ip1_async.webhooks.store import SQLiteStore, Store
from ip1_async.webhooks.truth import MessageState, later

if TYPE_CHECKING:
    from aiohttp import web

    from ip1_async.webhooks.on_asgi import Application

F = TypeVar("F", bound=Callable[..., Any])
_BATCHES_AT_ONCE = 20


class Webhooks:
    """Receives delivery reports and incoming messages: stores each, answers 200, then runs your handlers.

    Mount `aiohttp_app()` or `asgi()` under a path and give the provider that path with *secret* behind it. The provider
    signs nothing, so the secret is all that keeps others out: at least 16 characters that a URL needs no escapes for. Of
    several all are valid, so that it can be changed.

    *store* is a file, in which what was received survives a crash, a `Store` of your own, or nothing for memory.
    *client* reads back what webhooks have lost: messages that are not final *reconcile_after* seconds after their batch
    was first heard of. With *verify* every event is read back before anything is done about it. *allow* are the only
    addresses and networks that may post, as seen behind *trusted_proxies* proxies of yours. Handlers of a report wait
    *park* seconds for `join(batch)`, for backends that must have stored their batch first. A handler that fails is run
    again after 1, 2, 4, … seconds, at most 10 minutes, *attempts* times. Every event is also appended to the file
    *record_to*, for `ip1 webhooks replay`. What is handled is forgotten after *keep* seconds.

    Raises `Invalid` for options that make no sense and `OSError` for a file that cannot be used. See
    https://ip1sms.com/en/developer/statuscodes for delivery reports.
    """

    def __init__(
        self,
        secret: str | Sequence[str],
        *,
        store: Store | str | Path | None = None,
        client: Client | None = None,
        verify: bool = False,
        reconcile_after: float = 900.0,
        park: float = 0.0,
        allow: Sequence[str] = (),
        trusted_proxies: int = 0,
        most_bytes: int = 64 << 10,
        read_timeout: float = 10.0,
        attempts: int = 16,
        concurrency: int = 16,
        keep: float = 30 * 86_400.0,
        record_to: str | Path | None = None,
        clock: Clock | None = None,
    ) -> None:
        self.rules = Rules(secret, allow, trusted_proxies, most_bytes)
        if verify and client is None:
            raise Invalid("verify", "verify needs a client to read events back with")
        self.counts = Counts()
        self.store: Store = SQLiteStore(store) if store is None or isinstance(store, str | Path) else store
        self._clock = clock or SystemClock()
        self._deadlines, self._read_timeout = Deadlines(self._clock), read_timeout
        self._readback = None if client is None else Readback(client)
        self._verify, self._park, self._after, self._keep = verify, park, reconcile_after, keep
        self._places = concurrency
        self._record = None if record_to is None else Path(record_to)
        self._handlers: list[Handler] = []
        self._changes: dict[str, set[asyncio.Queue[MessageState]]] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._attempts = attempts
        self._dispatch: Dispatch | None = None
        """While the webhooks run."""

    # Handlers

    @overload
    def delivery_report(self, function: F, /) -> F: ...
    @overload
    def delivery_report(
        self, /, *, code: int | Sequence[int] = (), group: Group | Sequence[Group] = (), reference: str | None = None
    ) -> Callable[[F], F]: ...
    def delivery_report(
        self,
        function: Any = None,
        /,
        *,
        code: int | Sequence[int] = (),
        group: Group | Sequence[Group] = (),
        reference: str | None = None,
    ) -> Any:
        """Has a function called once with each report, of these codes or groups, whose reference begins so.

        A second parameter is given the `MessageState`: where the message has got to by all that is known, which a report
        that comes late does not change.
        """
        codes = frozenset((code,) if isinstance(code, int) else code)
        groups: frozenset[Group] = frozenset((group,) if isinstance(group, str) else group)
        return self._add(Wanted("report", codes, groups, reference), function)

    @overload
    def delivered(self, it: Message | str, /, *, timeout: float | None = None) -> Awaitable[MessageState]: ...
    @overload
    def delivered(self, it: F, /) -> F: ...
    @overload
    def delivered(self, /, *, reference: str | None = None) -> Callable[[F], F]: ...
    def delivered(self, it: Any = None, /, *, timeout: float | None = None, reference: str | None = None) -> Any:
        """Decorates what is called when a phone has its message (201); or, of a message, waits for its final status.

        `await hooks.delivered(message, timeout=60)` gives the final `MessageState`, and raises `NotFinal` after *timeout*
        seconds, with the last one known.
        """
        if isinstance(it, Message | str):
            return self._final(it if isinstance(it, str) else it.id, it, timeout)
        return self._add(Wanted("report", frozenset({201}), reference=reference), it)

    @overload
    def failed(self, function: F, /) -> F: ...
    @overload
    def failed(self, /, *, reference: str | None = None) -> Callable[[F], F]: ...
    def failed(self, function: Any = None, /, *, reference: str | None = None) -> Any:
        """Has a function called when a message was rejected, could not be delivered, or expired (groups 4 and 5, and 202)."""
        wanted = Wanted("report", frozenset({202}), frozenset({"rejection", "error"}), reference)
        return self._add(wanted, function)

    @overload
    def incoming(self, function: F, /) -> F: ...
    @overload
    def incoming(self, /, *, stop: bool | None = None) -> Callable[[F], F]: ...
    def incoming(self, function: Any = None, /, *, stop: bool | None = None) -> Any:
        """Has a function called once with each text from a phone; with *stop* only, or never, those that say STOP."""
        return self._add(Wanted("incoming", stop=stop), function)

    def stop(self, function: F, /) -> F:
        """Has a function called when a phone sends STOP."""
        made: F = self._add(Wanted("incoming", stop=True), function)
        return made

    def _add(self, wanted: Wanted, function: Any) -> Any:
        def add(function: F) -> F:
            self._handlers.append(handlers.handler(function, wanted, [each.name for each in self._handlers]))
            return function

        return add if function is None else add(function)

    # Receiving

    async def receive(
        self,
        *,
        method: str,
        path: str,
        headers: Mapping[str, str],
        peer: str | None,
        length: int | None,
        body: AsyncIterable[bytes],
    ) -> int:
        """The status to answer a post with; what the adapters call. *headers* have lower-case names.

        200 only when the event is stored, 400 for what is no event, 404 for a wrong secret or address, 408 and 413 for
        what is too slow or too large, 500 where it could not be stored, so that the provider repeats it.
        """
        self.start()
        refusal = self.rules.refusal(method, path, headers, peer, length)
        if refusal is None:
            read = await self._read(body)
            event = _event(read) if isinstance(read, bytes) else read
            if isinstance(event, Event):
                return 200 if await self.take(event) is not None else 500
            refusal = event
        self.counts.turned_away += 1
        return refusal

    async def _read(self, body: AsyncIterable[bytes]) -> bytes | int:
        parts: list[bytes] = []
        left = self.rules.most_bytes
        try:
            with self._deadlines.span(self._read_timeout):
                async for part in body:
                    left -= len(part)
                    if left < 0:
                        return 413
                    parts.append(part)
        except TimeoutError:
            return 408
        except (OSError, EOFError):
            return 400
        return b"".join(parts)

    async def take(self, event: Event) -> bool | None:
        """Stores an event, and has it handled: whether it was new; None where it could not be stored."""
        now = self._clock.now().timestamp()
        parked = self._park if event.kind == "report" else 0.0
        try:
            added = await self.store.add(event, at=now, due=now + parked, held=self._verify)
        except Exception as error:
            log.error("an event could not be stored: %s", type(error).__name__)
            return None
        self.counts.received += 1
        self.counts.repeated += not added.new
        if added.state is not None:
            self._tell(added.state)
        self._wake()
        if added.new and self._record is not None:
            try:
                await asyncio.to_thread(record.append, self._record, now, event.body)
            except OSError as error:
                log.error("an event could not be recorded: %s", type(error).__name__)
        return added.new

    async def join(self, batch: Batch | str) -> None:
        """A batch of yours: handlers that waited for it may run, and its messages are read back if nothing is heard."""
        await self.store.join(batch if isinstance(batch, str) else batch.id, self._clock.now().timestamp())
        self._wake()

    def _wake(self) -> None:
        if self._dispatch is not None:
            self._dispatch.wake()

    # Tracking

    async def track(
        self, batch: Batch | str, *, timeout: float | None = None, poll: float = 5.0
    ) -> AsyncGenerator[MessageState]:
        """The states of a batch's messages, those known first and then each that changes, until all are final.

        They come by webhook; after *poll* seconds without one, and then less and less often, the store and (with a
        client) the provider are asked. Without a client and with a bare id nobody knows how many messages there are, so
        that it ends only by *timeout* seconds, with `NotFinal`.
        """
        id = batch if isinstance(batch, str) else batch.id
        await self.join(id)
        wanted = await self._total(batch)
        known: dict[str, MessageState] = {}
        until = None if timeout is None else self._clock.monotonic() + timeout
        with self._listening(id) as queue:
            wait = poll
            while True:
                for state in await self.store.states(id):
                    if _moves(known, state):
                        known[state.message], wait = state, poll
                        yield state
                while wanted is None or _finals(known) < max(wanted, len(known)):
                    told = await self._next(queue, wait, until)
                    if told is None:
                        break
                    if _moves(known, told):
                        known[told.message], wait = told, poll
                        yield told
                else:
                    return
                if until is not None and self._clock.monotonic() >= until:
                    raise NotFinal(f"{max(wanted or 0, len(known)) - _finals(known)} messages are still under way")
                wait = min(60.0, wait * 1.5)
                await self.read_back(id)

    async def _final(self, message: str, it: Message | str, timeout: float | None) -> MessageState:
        until = None if timeout is None else self._clock.monotonic() + timeout
        batch = it.batch_id if isinstance(it, Message) else ""
        wait = 5.0
        with self._listening(message) as queue:
            while True:
                state = await self.store.state(message)
                if state is not None and state.is_final:
                    return state
                told = await self._next(queue, wait, until)
                if told is not None and told.is_final:
                    return told
                if until is not None and self._clock.monotonic() >= until:
                    late = NotFinal("the message is still under way")
                    late.last = told or state
                    raise late
                if told is None:
                    wait = min(60.0, wait * 1.5)
                    if batch or state is not None:
                        await self.read_back(batch or (state.batch if state else ""))

    async def _total(self, batch: Batch | str) -> int | None:
        if isinstance(batch, str) or not batch.message_summary:
            if self._readback is None:
                return None
            return await self._readback.messages(batch if isinstance(batch, str) else batch.id)
        return total(batch.message_summary).messages

    async def _next(self, queue: asyncio.Queue[MessageState], wait: float, until: float | None) -> MessageState | None:
        now = self._clock.monotonic()
        try:
            with self._deadlines.span(wait if until is None else max(0.0, min(wait, until - now))):
                return await queue.get()
        except TimeoutError:
            return None

    @contextlib.contextmanager
    def _listening(self, to: str) -> Any:
        queue: asyncio.Queue[MessageState] = asyncio.Queue()
        self._changes.setdefault(to, set()).add(queue)
        try:
            yield queue
        finally:
            self._changes[to].discard(queue)
            if not self._changes[to]:
                del self._changes[to]

    def _tell(self, state: MessageState) -> None:
        for to in (state.message, state.batch):
            for queue in self._changes.get(to, ()):
                queue.put_nowait(state)

    # Reading back

    async def read_back(self, batch: str) -> bool:
        """Reads a batch's messages and takes their statuses like reports; whether there is no more to hear of it.

        The messages are not read where webhooks have told the end of all of them, and nothing is without a client.
        """
        if self._readback is None:
            return False
        under_way: list[bool] = []
        try:
            known = sum(state.is_final for state in await self.store.states(batch))
            if known and known >= await self._readback.messages(batch):
                return True
            async for event in self._readback.reports(batch, lambda message: under_way.append(not message.is_final)):
                state = await self.store.state(event.message)
                if state is None or not state.is_final:
                    new = await self.take(event)
                    if new is None:
                        return False
                    self.counts.lost += new
        except NotFound:
            return True
        except IP1Error as error:
            log.warning("a batch could not be read back: %s", type(error).__name__)
            return False
        return bool(under_way) and not any(under_way)

    async def reconcile(self) -> None:
        """Reads back the batches that are due for it. A task does this by itself while the webhooks run."""
        now = self._clock.now().timestamp()
        for batch, known in await self.store.unsettled(now, self._after, _BATCHES_AT_ONCE):
            settled = await self.read_back(batch)
            await self.store.looked(batch, None if settled else now + next_look(now - known, self._after))

    async def _keeping_house(self) -> None:
        while True:
            await self._clock.sleep(max(1.0, self._after / 10))
            try:
                if self.store.lead():
                    await self.store.forget(self._clock.now().timestamp() - self._keep)
                    if self._readback is not None:
                        await self.reconcile()
            except Exception as error:
                log.error("the store failed: %s", type(error).__name__)

    # Its life

    def start(self) -> None:
        """Begin to run handlers on the running loop, unless they are run already; the first post does this too."""
        loop = asyncio.get_running_loop()
        self._tasks = [each for each in self._tasks if not each.done() and each.get_loop() is loop]
        if self._tasks:
            return
        check = self._readback.is_true if self._verify and self._readback is not None else None
        self._dispatch = Dispatch(
            self.store, self._clock, self._handlers, check, self._tell, self.counts, self._attempts
        )  # fmt: skip
        self._tasks.append(asyncio.create_task(self._dispatch.run(self._places), name="ip1 webhooks"))
        self._tasks.append(asyncio.create_task(self._keeping_house(), name="ip1 webhooks, reconciler"))

    async def close(self) -> None:
        """End; what is not handled is handled after the next start."""
        loop = asyncio.get_running_loop()
        tasks, self._tasks = [each for each in self._tasks if each.get_loop() is loop], []
        for each in tasks:
            each.cancel()
        if tasks:
            await asyncio.wait(tasks)
        self._dispatch = None
        await self.store.close()

    async def __aenter__(self) -> Self:
        self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def aiohttp_app(self) -> web.Application:
        """An application for aiohttp, to be added with `app.add_subapp("/ip1", hooks.aiohttp_app())`."""
        from ip1_async.webhooks.on_aiohttp import application

        return application(self)

    def asgi(self) -> Application:
        """An ASGI application, to be mounted with `app.mount("/ip1", hooks.asgi())` in FastAPI or Starlette."""
        from ip1_async.webhooks.on_asgi import application

        return application(self)


def _moves(known: Mapping[str, MessageState], told: MessageState) -> bool:
    before = known.get(told.message)
    return before is None or later(before, told) != before


def _finals(known: Mapping[str, MessageState]) -> int:
    return sum(each.is_final for each in known.values())


def _event(body: bytes) -> Event | int:
    try:
        return parse(body)
    except NotAnEvent as wrong:
        log.debug("a post was refused: %s", wrong)
        return 400
