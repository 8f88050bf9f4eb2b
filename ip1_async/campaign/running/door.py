"""What a campaign needs of the provider, and the client adapted to it."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from collections.abc import Set as AbstractSet
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from typing import Protocol

from attrs import frozen

from ip1_async.api import Batches
from ip1_async.client import Client
from ip1_async.errors import IP1Error
from ip1_async.models import Batch, NewBatch
from ip1_async.models.status import total

PAGE = 1000
"""Rows asked for at a time; the provider names no maximum and may give fewer."""


@frozen
class Counted:
    """The messages of a batch."""

    messages: int
    unfunded: int
    """Those that the account could not pay for (status 402)."""


class Sending(Protocol):
    """Sends one batch in a single attempt, at once; raises as `batches.send` does.

    *recipients* is the JSON that goes out in the place of the batch's own recipients. A connection that comes up later
    than *not_after*, in seconds of `Clock.boottime`, is not used.
    """

    async def __call__(self, batch: NewBatch, *, recipients: bytes, not_after: float) -> Batch: ...


class Door(Protocol):
    """The provider, as the runner sees it."""

    def turn(self) -> AbstractAsyncContextManager[Sending]:
        """A send whose place and turn are taken: what is written down in the block is sent without waiting."""
        ...

    async def find(self, start: int, limit: int) -> Sequence[Batch]:
        """A page of the account's batches, the newest first."""
        ...

    async def count(self, batch: str) -> Counted:
        """How many messages a batch has."""
        ...

    async def cancel(self, batch: str) -> None:
        """Take back what can be taken back."""
        ...

    async def blacklist(self) -> AbstractSet[str]:
        """The numbers that get no messages."""
        ...


class ClientDoor:
    """A client as a `Door`."""

    def __init__(self, client: Client) -> None:
        self._client = client
        # What has to be read before a chunk may go must wait neither for its place nor for its turn.
        self._aside = client.with_options(rate=None, max_in_flight=2)

    @asynccontextmanager
    async def turn(self) -> AsyncGenerator[Sending]:
        async with self._client.turn() as turn:

            async def send(batch: NewBatch, *, recipients: bytes, not_after: float) -> Batch:
                return await turn.send(batch, recipients=recipients, not_after=not_after)

            yield send

    async def find(self, start: int, limit: int) -> Sequence[Batch]:
        # Not a walk: whoever looks for what may be missing decides himself where to read on.
        row, table = Batches.list, self._client.batches
        request, ids, _ = row.prepare(table, (), {"order": "DESC"})
        found: Sequence[Batch] = await table.door.answer(
            row.page(request, start, limit), lambda answer: row.read(answer, ids)
        )
        return found

    async def count(self, batch: str) -> Counted:
        summary = (await self._client.batches.get(batch)).message_summary
        return Counted(total(summary).messages, sum(each.messages for code, each in summary.items() if code == 402))

    async def cancel(self, batch: str) -> None:
        with suppress(IP1Error):
            await self._client.batches.cancel(batch)

    async def blacklist(self) -> AbstractSet[str]:
        return {each.msisdn async for each in self._aside.blacklist.list(limit=PAGE)}
