"""Asks the provider what became of messages: for what webhooks have lost, and for what may be forged."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

from attrs import frozen

from ip1_async.client import Client
from ip1_async.errors import NotFound
from ip1_async.models import DeliveryReport, Message, StatusChange
from ip1_async.models.status import total
from ip1_async.webhooks.events import Event, of_report

LONGEST = 3600.0


@frozen
class Readback:
    """Reads batches and messages with a client."""

    client: Client

    async def is_true(self, event: Event) -> bool:
        """Whether the provider has this message, and it ever had this status."""
        value = event.value
        if not value.batch_id:
            # There is no way to ask.
            return False
        try:
            message = await self.client.batches.message(value.batch_id, event.message)
        except NotFound:
            return False
        return not isinstance(value, DeliveryReport) or any(
            _same(value, of_message(message, each)) for each in message.statuses
        )

    async def messages(self, batch: str) -> int:
        """How many messages a batch has."""
        return total((await self.client.batches.get(batch)).message_summary).messages

    async def reports(self, batch: str, found: Callable[[Message], object]) -> AsyncIterator[Event]:
        """The latest status of every message of a batch, as if it had been reported."""
        async for message in self.client.batches.messages(batch):
            found(message)
            for change in message.statuses:
                yield of_report(of_message(message, change))


def _same(told: DeliveryReport, true: DeliveryReport) -> bool:
    """Whether a report says of its message what the provider does."""
    facts = [(each.code, each.created, each.is_final, each.recipient, each.reference) for each in (told, true)]
    return facts[0] == facts[1]


def of_message(message: Message, change: StatusChange) -> DeliveryReport:
    """The report that would have been posted of this change."""
    return DeliveryReport(
        message_id=message.id, batch_id=message.batch_id, recipient=message.recipient, code=change.code,
        duration=change.duration, created=change.created, segments=message.segments, price=message.price,
        currency=message.currency, reference=message.reference,
    )  # fmt: skip


def next_look(age: float, after: float) -> float:
    """Seconds until a batch of this age is read again: the older it is, the rarer."""
    return min(LONGEST, max(after, age / 4))
