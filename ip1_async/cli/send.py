"""`ip1 send`: one text to a few numbers."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from ip1_async.cli import show
from ip1_async.client import Client
from ip1_async.errors import Invalid
from ip1_async.text import measure


async def send(
    *to: str,
    sender: str,
    body: str,
    region: str = "SE",
    reference: str | None = None,
    json: Annotated[bool, Parameter(negative=())] = False,
) -> None:
    """Send one text to the numbers given.

    Numbers may be written as people write them; if one of them is wrong, nothing is sent.

    Parameters
    ----------
    to
        The numbers.
    sender
        A registered sender: 3 to 11 letters and digits, or a number.
    body
        The text.
    region
        The country (two letters) of numbers without a country code.
    reference
        Your own mark, 1 to 40 characters; a unique one is made when it is left out.
    json
        JSON on standard output, and nothing else there.
    """
    recipients = _recipients(to, region)
    async with Client() as client:
        batch = await client.batches.send(sender=sender, recipients=recipients, body=body, reference=reference)
    if json:
        show.document(batch)
        return
    cost = measure(body)
    price = f", {batch.price_summary.total} {batch.price_summary.currency.upper()}" if batch.price_summary else ""
    twice = len(to) - len(recipients)
    if twice:
        show.err().print(
            f"{twice} number{'s' * (twice > 1)} given more than once {'were' if twice > 1 else 'was'} left out."
        )
    show.out().print(
        f"Sent to {len(recipients)} recipient{'s' * (len(recipients) > 1)} as batch {batch.id}: "
        f"{cost.segments} segment{'s' * (cost.segments > 1)} each{price}.\n"
        f"See how it goes: ip1 batches messages {batch.id}",
        highlight=False,
        markup=False,
    )


def _recipients(to: tuple[str, ...], region: str) -> list[str]:
    from ip1_async.campaign.people.numbers import WrongNumber, to_msisdn

    if not to:
        raise Invalid("to", "no number was given; name at least one")
    found: list[str] = []
    for position, number in enumerate(to, 1):
        try:
            found.append(to_msisdn(number, region=region))
        except WrongNumber as wrong:
            raise Invalid("to", f"number {position} of {len(to)} is wrong: {wrong}; nothing was sent") from None
    return list(dict.fromkeys(found))
