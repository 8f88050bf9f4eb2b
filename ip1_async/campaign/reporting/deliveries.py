"""Joins a campaign with what became of its messages: as the provider says, or as webhooks have told."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from functools import partial
from typing import Protocol

from attrs import evolve, frozen

from ip1_async.campaign.ledger import SQLiteLedger, records
from ip1_async.campaign.ledger.records import Delivery
from ip1_async.campaign.people.numbers import country
from ip1_async.client import Client
from ip1_async.models import Message
from ip1_async.webhooks.truth import MessageState

LIMIT = 1000
"""Messages asked for at a time."""


class States(Protocol):
    """What webhooks have told; `ip1_async.webhooks.SQLiteStore` has it."""

    async def states(self, batch: str) -> Sequence[MessageState]: ...


@frozen
class ReadSoFar:
    """How far reading has come, in chunks."""

    chunks: int
    of: int


async def read_back(ledger: SQLiteLedger, client: Client, now: float) -> AsyncGenerator[ReadSoFar]:
    """Reads the messages of every accepted chunk that is not known to be final, and keeps where they have got to."""
    chunks = [] if (await ledger.facts()).purged else await ledger.ask(records.unread)
    for at, (chunk, batch) in enumerate(chunks, 1):
        found = [of_message(each) async for each in client.batches.messages(batch, limit=LIMIT)]
        await ledger.do(partial(records.keep, chunk=chunk, deliveries=found, at=now))
        yield ReadSoFar(at, len(chunks))


async def join(ledger: SQLiteLedger, told: States, now: float) -> int:
    """Keeps what webhooks have told of the messages that are not known to be final; gives how many are known by it.

    Of what they cost webhooks say nothing that is kept: reading back tells it.
    """
    count = 0
    for chunk, batch in [] if (await ledger.facts()).purged else await ledger.ask(records.unread):
        states = {each.recipient: each for each in await told.states(batch)}
        known = {each.recipient: each for each in await ledger.ask(partial(records.deliveries, chunk=chunk))}
        for recipient, state in states.items():
            if (before := known.get(recipient)) is None or not before.final:
                known[recipient] = of_state(state, before)
        if states:
            # Not for good, so that it is read back once, with what it cost.
            await ledger.do(partial(records.keep, chunk=chunk, deliveries=[*known.values()], at=now, whole=False))
        count += len(states)
    return count


def of_message(message: Message) -> Delivery:
    """What the provider says of a message."""
    at = next((each.created for each in reversed(message.statuses) if each.code == message.status), None)
    operator = f"{message.mcc}-{message.mnc}" if message.mcc and message.mnc else ""
    return Delivery(
        recipient=message.recipient, code=int(message.status), at=None if at is None else at.timestamp(),
        final=message.is_final, segments=message.segments, price="" if message.price is None else str(message.price),
        currency=message.currency or "", country=country(message.recipient), operator=operator,
    )  # fmt: skip


def of_state(state: MessageState, before: Delivery | None) -> Delivery:
    """What webhooks have told of a message, beside what was known of it."""
    known = before or Delivery(
        recipient=state.recipient, code=0, at=None, final=False, country=country(state.recipient)
    )
    at = None if state.created is None else state.created.timestamp()
    return evolve(known, code=int(state.code), at=at, final=state.is_final)
