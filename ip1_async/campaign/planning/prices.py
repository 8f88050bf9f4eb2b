"""What a segment costs, by country: given, or learnt from what the account's latest messages cost."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Literal

from attrs import field, frozen

from ip1_async.campaign.people.numbers import country
from ip1_async.client import Client
from ip1_async.errors import Invalid, IP1Error

BATCHES = 20
MESSAGES = 200
"""How many of the newest batches are looked at, and how many messages of each."""


@frozen(kw_only=True)
class Prices:
    """Of one segment."""

    of: Literal["given", "learnt", ""] = ""
    currency: str = ""
    everywhere: Decimal | None = None
    """The same for all countries, where it was given."""
    by_country: Mapping[str, Decimal] = field(factory=dict[str, Decimal])

    def segment(self, where: str) -> Decimal | None:
        """To a country; None where it is not known."""
        return self.everywhere if self.everywhere is not None else self.by_country.get(where)


def given(price: Decimal | None, currency: str) -> Prices:
    """One price for all countries, or none; raises `Invalid` for what is no price."""
    if price is not None and not (price.is_finite() and price >= 0):
        raise Invalid("price", "price is below 0, or no number; it is what a segment costs")
    return Prices() if price is None else Prices(of="given", currency=currency.lower(), everywhere=price)


async def learn(client: Client) -> Prices:
    """What the account's latest messages cost a segment; the newest price of each country counts.

    Where the provider does not answer, no price is known: a plan does not fail for it.
    """
    found: dict[str, Decimal] = {}
    currency = ""
    try:
        for batch in (await client.batches.list(order="DESC", limit=BATCHES))[:BATCHES]:
            for message in await client.batches.messages(batch.id, limit=MESSAGES, order="DESC", ahead=0):
                each, where = message.price_per_segment, country(message.recipient)
                if each and where and where not in found and currency in ("", message.currency):
                    found[where], currency = each, message.currency or ""
    except IP1Error:
        pass
    return Prices(of="learnt", currency=currency, by_country=found) if found else Prices()
