"""Opens the door, stacks the flow, mounts the tables."""

from __future__ import annotations

import os
import ssl as tls
from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from types import TracebackType
from typing import TYPE_CHECKING, Generic, Self, TypeVar, Unpack, overload

from attrs import evolve
from yarl import URL

from ip1_async import api
from ip1_async.client import many, resolve, track, turn
from ip1_async.client.calls import Calls, Shared
from ip1_async.client.door import Door
from ip1_async.client.options import AttemptMade, Choices, Options, Token, checked_ssl, checked_token, checked_url
from ip1_async.client.outcomes import NotSeen, Outcome, Refused, Resolved, Sent, Undecided, Unknown
from ip1_async.clock import Clock, SystemClock
from ip1_async.errors import Invalid, OutcomeUnknown
from ip1_async.flow import Deadlines, Gate, Limiter, RetryBudget
from ip1_async.masking import Secret
from ip1_async.models import Batch, Message
from ip1_async.table import Table
from ip1_async.transport import Transport, Way

if TYPE_CHECKING:
    from aiohttp import ClientSession

__all__ = ["AttemptMade", "Client", "NotSeen", "Options", "Outcome", "Refused", "Sent", "Undecided", "Unknown"]

T = TypeVar("T", bound=Table)

PRODUCTION = "https://api.ip1sms.com"


class Mount(Generic[T]):
    """A table of the client, made when first asked for."""

    def __init__(self, table: type[T]) -> None:
        self.table = table
        self.__doc__ = table.__doc__

    def __set_name__(self, owner: type[Client], name: str) -> None:
        self.name = name

    @overload
    def __get__(self, client: None, owner: type[Client]) -> type[T]: ...
    @overload
    def __get__(self, client: Client, owner: type[Client]) -> T: ...
    def __get__(self, client: Client | None, owner: type[Client]) -> type[T] | T:
        if client is None:
            return self.table
        made = client.__dict__[self.name] = self.table(client.door)
        return made


class Client:
    """The iP.1 API, typed: one client serves a whole process, any number of tasks, and one event loop after another.

    *token* is the API token, or a function (also async) that gives it; `IP1_TOKEN` when left out. *base_url* is
    `IP1_BASE_URL`, else the provider's production host. *session* is an `aiohttp.ClientSession` of yours that reads go
    through and that is never closed; sends always use connections of our own, made as *ssl* (an `ssl.SSLContext`) and
    *proxy* say. *clock* stands in for the machine's time in tests. All other options are those of `Options`, and
    `with_options` gives a view with other ones.

    Raises `Invalid` where no token is found, or an option is not what it should be. See
    https://ip1sms.com/en/developer/introduction for tokens.
    """

    batches = Mount(api.Batches)
    conversations = Mount(api.Conversations)
    blacklist = Mount(api.Blacklist)
    senders = Mount(api.Senders)
    settings = Mount(api.Settings)
    contacts = Mount(api.Contacts)
    labels = Mount(api.Labels)
    landing_pages = Mount(api.LandingPages)
    account = Mount(api.AccountTable)
    children = Mount(api.Children)
    phone_numbers = Mount(api.PhoneNumbersTable)

    def __init__(
        self,
        token: Token | None = None,
        *,
        base_url: str | None = None,
        session: ClientSession | None = None,
        ssl: tls.SSLContext | None = None,
        proxy: str | None = None,
        clock: Clock | None = None,
        **options: Unpack[Options],
    ) -> None:
        # Hidden first of all: whatever is refused below must not show it in a captured frame.
        token = _hidden(os.environ.get("IP1_TOKEN", "") if token is None else token)
        choices = Choices(**options)
        clock = clock or SystemClock()
        deadlines = Deadlines(clock)
        way = Way(ssl=checked_ssl(ssl), proxy=None if proxy is None else _proxy(proxy))
        shared = Shared(
            transport=Transport(way, deadlines, session),
            clock=clock,
            deadlines=deadlines,
            base=checked_url(base_url or os.environ.get("IP1_BASE_URL") or PRODUCTION),
            token=token if callable(token) else checked_token(token),
            budget=RetryBudget(),
        )
        self._open(shared, choices, Limiter(choices.rate, clock=clock), Gate(choices.max_in_flight))

    def _open(self, shared: Shared, choices: Choices, limiter: Limiter, gate: Gate) -> None:
        self.calls = Calls(shared, choices, limiter, gate)
        self.calls.look = self._look
        self.door = Door(self.calls)

    def __repr__(self) -> str:
        if "calls" not in vars(self):
            return "<Client that was refused>"
        return f"<Client of {self.calls.shared.base.host}{', closed' if self.calls.shared.closed else ''}>"

    def with_options(self, **changes: Unpack[Options]) -> Self:
        """A view with other options over the same connections; limiter and gate are shared unless they are what changes."""
        calls = self.calls
        choices = evolve(calls.choices, **changes)
        view = object.__new__(type(self))
        view._open(
            calls.shared,
            choices,
            Limiter(choices.rate, clock=calls.shared.clock) if "rate" in changes else calls.limiter,
            Gate(choices.max_in_flight) if "max_in_flight" in changes else calls.gate,
        )
        return view

    def send_many(self, batches: many.Inputs, *, concurrency: int | None = None) -> AsyncGenerator[Outcome]:
        """One outcome per batch, as they come: `Sent`, `Refused` (surely not sent) or `Unknown`, each with its `index`,
        `input`, `batch` and `error`.

        *batches* is any iterable or async iterable of `NewBatch`; the next one is taken when one of *concurrency* places
        (by default `max_in_flight`) is free. One bad batch never stops the others. Leaving early waits for the sends
        under way. A job that must survive a crash is a campaign: see `ip1_async.campaign`.
        """
        places = self.calls.choices.max_in_flight if concurrency is None else concurrency
        if isinstance(places, bool) or not isinstance(places, int) or places < 1:  # pyright: ignore[reportUnnecessaryIsInstance]
            raise Invalid("concurrency", "concurrency is not a whole number of at least 1")
        return many.outcomes(batches, self.batches.send, places)

    def turn(self) -> AbstractAsyncContextManager[turn.Turn]:
        """A place in flight and a turn of the limiter, taken before the send that they are for is known:
        `async with ip1.turn() as turn: await turn.send(batch)`.

        For whoever writes down that a send begins, as campaigns do: what waits its turn afterwards may be sent long after
        it was written.
        """
        return turn.taken(self.calls)

    async def delivered(self, message: Message, *, timeout: float | None = None) -> Message:
        """The message once it is final, delivered or not, by asking less and less often, at least once a minute.

        Raises `NotFinal` with the `last` one seen when it is not after *timeout* seconds. Where webhooks can reach you,
        `Webhooks.delivered` is told at once. See https://ip1sms.com/en/developer/readinsms.
        """
        return await track.final(self.batches, message, timeout, self.calls.shared.clock)

    def track(self, batch: Batch | str, *, timeout: float | None = None) -> AsyncGenerator[Message]:
        """Every message of a batch, and again whenever its status has changed, until all are final.

        Asks less and less often while nothing changes, at least once a minute, and reads the messages only when the
        batch's summary is another. Raises `NotFinal` after *timeout* seconds.
        """
        return track.changes(self.batches, batch, timeout, self.calls.shared.clock)

    async def _look(self, error: OutcomeUnknown, given_up: datetime) -> Resolved:
        return await resolve.look(self.batches, error, given_up)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections of the running loop; the client and its views make no more calls. Closing twice is fine."""
        self.calls.shared.closed = True
        await self.calls.shared.transport.close()


def _hidden(token: Token) -> Token:
    return Secret(token) if isinstance(token, str) else token


def _proxy(address: str) -> URL:
    try:
        url = URL(address)
    except (ValueError, TypeError):
        url = URL()
    if url.scheme not in ("http", "https") or not url.host:
        raise Invalid("proxy", "proxy is no absolute http address; it is like http://proxy.example.com:3128")
    return url
