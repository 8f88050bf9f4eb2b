"""The sandbox as it is used from Python."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from aiohttp import web

from ip1_async.clock import Clock, SystemClock
from ip1_async.sandbox import batches, control, inbox, messages, reports
from ip1_async.sandbox.answers import Call
from ip1_async.sandbox.bodies import is_participant
from ip1_async.sandbox.faults import Fault
from ip1_async.sandbox.inbox import Text
from ip1_async.sandbox.journal import Journal, Logged, Posted
from ip1_async.sandbox.postman import Postman
from ip1_async.sandbox.reports import Habits
from ip1_async.sandbox.server import MOST_BYTES, Front
from ip1_async.sandbox.state import State, number_of
from ip1_async.sandbox.trouble import Trouble

T = TypeVar("T")


class Sandbox:
    """A complete local iP.1 to develop and test against: `async with Sandbox() as sandbox: sandbox.url, sandbox.token`.

    It listens on *host* and *port* (0 takes a free one), knows the account that *token* opens and its sub-accounts,
    and keeps everything in the SQLite file *db*, or in memory. Its time runs *speed* times as fast as *clock*; 0 stops
    it. At speed 1 every message is final within 2 seconds; a recipient whose last three digits are a known status code
    of group 2, 4 or 5 ends with it, and 101 to 114 stall there. Delivery reports and incoming messages are posted to
    the addresses that were set for them. *faults* are lines such as `"POST /v2/batches reset after times=1"`, and
    *requests_per_second* is how many requests are let through. *webhooks* makes reports behave badly. Raises `OSError`
    where the port is taken or the file unusable.
    """

    def __init__(
        self,
        *,
        port: int = 0,
        token: str = "sandbox",
        db: str | Path | None = None,
        speed: float = 1.0,
        host: str = "127.0.0.1",
        faults: Iterable[str | Fault] = (),
        requests_per_second: int | None = None,
        webhooks: Habits | None = None,
        clock: Clock | None = None,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self.port, self.token, self.host = port, token, host
        self._db, self._speed, self._clock = db, checked_speed(speed), clock or SystemClock()
        self._trouble = Trouble(self._clock, chance)
        self._trouble.add(*faults)
        self._trouble.limit = requests_per_second
        self._journal = Journal()
        self._postman = Postman(self._transaction, self._clock, self._journal, webhooks or Habits())
        self._state: State | None = None
        self._runner: web.AppRunner | None = None
        self._posting: asyncio.Task[None] | None = None
        self._front: Front | None = None

    @property
    def url(self) -> str:
        """The address to give a client as `base_url`; the inbox page is there, too."""
        return f"http://{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"

    # Time

    @property
    def now(self) -> datetime:
        """Its time."""
        return self._open().pace.now()

    async def advance(self, span: timedelta | None = None, **parts: float) -> None:
        """Move its time on, as by `advance(minutes=10)`, and have every webhook posted that is due by then."""
        self._open().pace.advance((span or timedelta(**parts)).total_seconds())
        await self._postman.rested()
        self._journal.changed()

    def run(self, speed: float) -> None:
        """Let its time go this many times as fast as the clock; 0 stops it."""
        self._open().pace.run(checked_speed(speed))
        self._journal.changed()

    @property
    def speed(self) -> float:
        """How many times as fast as the clock its time goes; 0 while it stands still."""
        return self._open().pace.speed

    # What goes wrong

    def fault(self, *rules: str | Fault) -> None:
        """Switch faults on: lines such as `"POST /v2/batches 503 after times=3"`; raises `ValueError` for others."""
        self._trouble.add(*rules)
        self._journal.changed()

    @property
    def faults(self) -> Sequence[Fault]:
        """The faults that are left."""
        return tuple(self._trouble.rules)

    def clear_faults(self) -> None:
        """Switch all faults off."""
        self._trouble.replace(())
        self._journal.changed()

    @property
    def requests_per_second(self) -> int | None:
        """How many requests are let through within a second; the others get 429. None lets all through."""
        return self._trouble.limit

    @requests_per_second.setter
    def requests_per_second(self, most: int | None) -> None:
        self._trouble.limit = most
        self._journal.changed()

    @property
    def webhooks(self) -> Habits:
        """How webhooks behave."""
        return self._postman.habits

    @webhooks.setter
    def webhooks(self, habits: Habits) -> None:
        self._postman.habits = habits
        self._journal.changed()

    # What happened

    @property
    def requests(self) -> Sequence[Logged]:
        """The latest 1,000 requests of the API and what was answered, the oldest first."""
        return tuple(self._journal.requests)

    @property
    def posts(self) -> Sequence[Posted]:
        """The latest 1,000 posts to webhooks and how they went, the oldest first."""
        return tuple(self._journal.posts)

    def messages(self, to: str | None = None, *, containing: str = "") -> Sequence[Text]:
        """All messages that were sent, or those to one phone, with this text in them; the oldest first."""
        number = None if to is None else to.lstrip("+")
        return self._at_once(lambda state: inbox.texts(state, to=number, containing=containing))

    def assert_sent(self, to: str, *, containing: str = "", times: int | None = None) -> Sequence[Text]:
        """The messages to a phone with this text in them; raises `AssertionError` where there is none, or are not *times*.

        What the phone was sent instead is in the words of the error: it is for tests, and shows texts.
        """
        found = self.messages(to, containing=containing)
        if len(found) == times or (times is None and found):
            return found
        wanted = "a message" if times is None else f"{times} message{'s' * (times != 1)}"
        those = f" containing {containing!r}" if containing else ""
        all_of_them = [each.body for each in self.messages(to)]
        told = "nothing was sent there" if not all_of_them else f"{len(found)} of {len(all_of_them)} are: {all_of_them}"
        raise AssertionError(f"{wanted}{those} to {to} was expected; {told}")

    async def receive(self, *, sender: str, recipient: str, body: str) -> str:
        """Have the phone *sender* send a text to *recipient*, a number of yours; gives the message's id.

        It goes to the account that last texted the phone as *recipient*, else to one that has registered it, else to the
        main one: STOP puts the phone on its blacklist, and it is posted to its setting `IncomingCallbackUrl`, where there
        is one. Raises `ValueError` where one of them is neither a number nor a sender.
        """
        if not (is_participant(sender) and is_participant(recipient)):
            raise ValueError("sender and recipient are numbers of at most 15 digits, or senders")

        def work(state: State) -> str:
            account = messages.account_of(state, sender, recipient)
            id = messages.receive(state, account, sender=sender, recipient=recipient, body=body)
            reports.arrived(state, account, number_of(id))
            return id

        id = await self._transaction(work)
        self._journal.changed()
        self._postman.wake()
        return id

    async def cancel(self, batch: str) -> None:
        """Cancel a batch as its owner would, unless it is on its way already."""

        def work(state: State) -> None:
            account = batches.owner(state, batch)
            batches.cancel(state, Call(account, (batch,), (), None, ""))
            reports.announce(state, batches.batch_row(state, account, batch), self.webhooks, self._trouble.chance)

        await self._transaction(work)
        self._journal.changed()
        self._postman.wake()

    async def reset(self) -> None:
        """Forget every message, contact, setting, fault and log entry; time and the token stay."""
        await self._transaction(lambda state: state.forget(self.token))
        self.clear_faults()
        self.requests_per_second = None
        self._journal.clear()

    # Its life

    async def __aenter__(self) -> Self:
        self._thread = ThreadPoolExecutor(1, "ip1-sandbox")
        self._closing = asyncio.Event()
        try:
            self._state = await self._in_thread(
                lambda: State(self._db, self._clock, token=self.token, speed=self._speed)
            )
            self._state.pace.changed = self._postman.wake
            self._front = Front(
                self._transaction,
                self._clock,
                self._state.pace,
                self._journal,
                self._trouble,
                self._postman,
                self._closing,
            )
            application = web.Application(client_max_size=MOST_BYTES)
            self._front.mount(application)
            control.mount(application, self, self._transaction, self._journal, self._closing)
            self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=1.0)
            await self._runner.setup()
            site = web.TCPSite(self._runner, self.host, self.port)
            try:
                await site.start()
            except OSError as error:
                raise OSError(f"port {self.port} of {self.host} cannot be used: {error.strerror}") from None
            self.port = self._runner.addresses[0][1]
            self._posting = asyncio.create_task(self._postman.run(), name="ip1 sandbox, webhooks")
        except BaseException:
            await self._close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._close()

    async def _close(self) -> None:
        self._closing.set()
        if self._posting is not None:
            self._posting.cancel()
            await asyncio.wait({self._posting})
        if self._front is not None:
            await self._front.close()
        if self._runner is not None:
            await self._runner.cleanup()
        if self._state is not None:
            await self._in_thread(self._state.close)
        self._thread.shutdown()
        self._runner = self._state = self._posting = self._front = None

    def _open(self) -> State:
        if self._state is None:
            raise RuntimeError("the sandbox is not running")
        return self._state

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    def _whole(self, work: Callable[[State], T]) -> Callable[[], T]:
        state = self._open()

        def whole() -> T:
            with state.transaction():
                return work(state)

        return whole

    async def _transaction(self, work: Callable[[State], T]) -> T:
        return await self._in_thread(self._whole(work))

    def _at_once(self, work: Callable[[State], T]) -> T:
        return self._thread.submit(self._whole(work)).result()


def checked_speed(speed: float) -> float:
    """A speed that time can have."""
    if not 0 <= speed <= 1_000_000:
        raise ValueError("speed is a number from 0 to 1000000")
    return speed
