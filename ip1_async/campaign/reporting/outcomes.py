"""What became of every row that was planned, as a stream; the export writes it down."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from typing import Any

from attrs import asdict, field, frozen

from ip1_async import masking
from ip1_async.campaign.ledger import SQLiteLedger, records
from ip1_async.campaign.ledger.records import Delivery
from ip1_async.campaign.transitions import Chunk
from ip1_async.models import Status

AT_ONCE = 5000


@frozen(kw_only=True)
class RowOutcome:
    """What became of one row."""

    row: int
    """Its place in the input, as a spreadsheet shows it."""
    msisdn: str = field(default="", repr=masking.number)
    """Empty for rows that were dropped, whose numbers are not kept."""
    outcome: str
    """`accepted`, `rejected`, `unknown`, `review`, `pending` or `dropped`."""
    reason: str = ""
    chunk: int | None = None
    batch: str | None = None
    status: Status | None = None
    """Of its message, where it was read back."""
    at: datetime | None = None
    """When the message got there."""
    segments: int | None = None
    price: Decimal | None = None
    currency: str = ""
    country: str = ""
    operator: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        made = asdict(self, recurse=False)
        made["status"] = None if self.status is None else int(self.status)
        made["status_name"] = "" if self.status is None else self.status.name or ""
        return made


async def rows(ledger: SQLiteLedger) -> AsyncGenerator[RowOutcome]:
    """Every row of the plan at one moment: those in chunks first, chunk by chunk, then those that were dropped, in their
    order."""
    # On a connection of its own, whose transaction sees nothing of what a run splits or leaves out meanwhile.
    moment = await asyncio.to_thread(SQLiteLedger, ledger.path)
    try:
        await moment.ask(lambda db: db.execute("BEGIN"))
        async for each in _rows(moment):
            yield each
    finally:
        await moment.close()


async def _rows(ledger: SQLiteLedger) -> AsyncGenerator[RowOutcome]:
    after = 0
    while chunks := await ledger.chunks("PENDING", "SENDING", "ACCEPTED", "REJECTED", "UNKNOWN", "REVIEW", after=after):
        for chunk in chunks:
            for each in await _of_chunk(ledger, chunk):
                yield each
        after = chunks[-1].id
    row = -1
    while some := await ledger.ask(partial(records.drops, after=row, most=AT_ONCE)):
        for row, reason in some:
            yield RowOutcome(row=row, outcome="dropped", reason=reason)


async def _of_chunk(ledger: SQLiteLedger, chunk: Chunk) -> list[RowOutcome]:
    people = await ledger.people(chunk.id)
    known = {each.recipient: each for each in await ledger.ask(partial(records.deliveries, chunk=chunk.id))}
    outcome = "pending" if chunk.state == "SENDING" else chunk.state.lower()
    numbers = people.numbers
    return [
        RowOutcome(
            row=row, msisdn=msisdn, outcome=outcome, reason=chunk.reason, chunk=chunk.id, batch=chunk.batch,
            **_told(known.get(msisdn) if msisdn else None),
        )
        for row, msisdn in zip(people.rows, numbers or [""] * len(people.rows), strict=True)
    ]  # fmt: skip


def _told(delivery: Delivery | None) -> dict[str, Any]:
    if delivery is None:
        return {}
    return {
        "status": Status(delivery.code),
        "at": None if delivery.at is None else datetime.fromtimestamp(delivery.at, UTC),
        "segments": delivery.segments, "price": delivery.cost, "currency": delivery.currency,
        "country": delivery.country, "operator": delivery.operator,
    }  # fmt: skip
