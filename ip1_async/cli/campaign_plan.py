"""`ip1 campaign plan`: from a file of people to a ledger that says who gets what."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from ip1_async.campaign import Campaign, Plan
from ip1_async.campaign.people.columns import NoNumberColumn
from ip1_async.cli import campaign_show, show
from ip1_async.client import Client
from ip1_async.errors import ConnectFailed, Invalid
from ip1_async.text import placeholders

Flag = Annotated[bool, Parameter(negative=(), show_default=False)]
Several = Annotated[Sequence[str], Parameter(consume_multiple=False, negative=(), show_default=False)]

DONE, FAILED = 0, 1
_OPTIONS = ("max_recipients", "max_price", "price")


async def plan(
    people: Annotated[str, Parameter(allow_leading_hyphen=True)],
    *,
    ledger: Path,
    sender: str,
    body: str | None = None,
    text: Several = (),
    text_by: str | None = None,
    default: Several = (),
    to: str | None = None,
    region: str = "SE",
    chunk: int = 1000,
    window: str | None = None,
    zone_by: str | None = None,
    opt_outs: Path | None = None,
    allow: Path | None = None,
    delivery_report_url: str | None = None,
    price: Decimal | None = None,
    currency: str = "SEK",
    max_recipients: int | None = None,
    max_price: Decimal | None = None,
    confirm_over: int = 10_000,
    offline: Flag = False,
    yes: Flag = False,
    json: Flag = False,
) -> int:
    """Plan who gets what, and freeze it in a ledger; nothing is sent.

    With IP1_TOKEN set, the provider's blacklist is read, and what a segment costs is learnt from earlier messages.

    Parameters
    ----------
    people
        A CSV, JSON lines or Parquet file, or - for CSV on standard input.
    ledger
        The new file that holds the campaign from now on.
    sender
        A registered sender: 3 to 11 letters and digits, or a number.
    body
        The text; {column} becomes the value of that column.
    text
        One of several texts, as NAME=TEXT; repeat it. --body is then for everybody who has no text by name.
    text_by
        The column that names each person's text.
    default
        What stands for an empty value, as COLUMN=WORDS; repeat it.
    to
        The column of the numbers; found by its name when it is left out.
    region
        The country (two letters) of numbers without a country code.
    chunk
        Recipients in one batch.
    window
        When messages may go out in the recipient's local time, such as "mon-fri 09:00-20:00".
    zone_by
        A column with each recipient's time zone, such as Europe/Stockholm; that of the number's country when left out.
    opt_outs
        A file of numbers that are left out; it is read again while the campaign runs.
    allow
        A file of the only numbers that are not left out, for trying things.
    delivery_report_url
        Where the provider posts delivery reports.
    price
        What a segment costs.
    currency
        Of the price.
    max_recipients
        Refuse a plan of more people.
    max_price
        Refuse a plan that costs more.
    confirm_over
        Ask before a plan of more people than this.
    offline
        Ask the provider nothing, even with a token.
    yes
        Do not ask.
    json
        The plan as one JSON object on standard output, and nothing else there.
    """

    texts, defaults = _pairs("text", text), _pairs("default", default)
    _fitting(body, texts, text_by, defaults)
    unread = "--offline was given" if offline else "" if os.environ.get("IP1_TOKEN") else "there is no IP1_TOKEN"
    client = None if unread else Client()

    def confirm(made: Plan) -> bool:
        if yes:
            return True
        if not sys.stdin.isatty():
            raise Invalid("yes", f"a plan of {made.kept:,} people wants to be confirmed; say so with --yes")
        make_room()
        campaign_show.plan(made, aside=json)
        return campaign_show.agreed(f"Plan {made.kept:,} messages into {ledger}?")

    try:
        with campaign_show.reading(json) as (progress, make_room):
            campaign = await Campaign.plan(
                sys.stdin.buffer if people == "-" else people, ledger=ledger, sender=sender, body=body, texts=texts,
                text_by=text_by, defaults=defaults, to=to, region=region, chunk=chunk, window=window,
                zone_by=zone_by, opt_outs=opt_outs, allow=allow, delivery_report_url=delivery_report_url, client=client,
                price=price, currency=currency, max_recipients=max_recipients, max_price=max_price, confirm=confirm,
                confirm_over=confirm_over, progress=progress,
            )  # fmt: skip
    except NoNumberColumn as unsaid:
        raise ValueError(f"{unsaid} Name it with --to.") from None
    except Invalid as refused:
        if refused.field != "confirm":
            raise Invalid(refused.field, _as_typed(refused)) from None
        campaign_show.say("Nothing was planned.")
        return FAILED
    except ConnectFailed:
        campaign_show.say("Nothing was planned. With --offline, it is planned without asking the provider.")
        raise
    finally:
        if client is not None:
            await client.close()
    async with campaign:
        made = campaign.planned
        assert made is not None
        if json:
            show.document(made.to_dict() | {"ledger": str(ledger)})
        elif yes or made.kept <= confirm_over:
            # Else it was shown to be confirmed.
            campaign_show.plan(made)
        if not json:
            campaign_show.planned(made, ledger, unread=unread)
    return DONE


def _pairs(name: str, given: Sequence[str]) -> Mapping[str, str]:
    pairs: dict[str, str] = {}
    for each in given:
        key, equals, value = each.partition("=")
        if not equals or not key:
            raise Invalid(name, f"--{name} is not of the form NAME=WORDS")
        if key in pairs:
            raise Invalid(name, f"--{name} gives {key} twice")
        pairs[key] = value
    return pairs


def _fitting(body: str | None, texts: Mapping[str, str], text_by: str | None, defaults: Mapping[str, str]) -> None:
    """Refuses options that need others, and defaults that would stand for nothing."""
    if body is None and not texts:
        raise Invalid("body", "there is no text; give one with --body, or several with --text and --text-by")
    if texts and text_by is None:
        raise Invalid("text_by", "--text gives texts by name; --text-by names the column that says whose is which")
    if text_by is not None and not texts:
        raise Invalid("text", "--text-by chooses between texts; give them with --text NAME=TEXT")
    known = {key for each in (body or "", *texts.values()) for key in placeholders(each)}
    for key in defaults:
        if key not in known:
            there = ", ".join(f"{{{each}}}" for each in sorted(known)) or "no placeholder"
            raise Invalid("default", f"--default {key} stands for nothing in the text, which has {there}")


def _as_typed(refused: Invalid) -> str:
    """What is wrong, with an option by the name that it has in a command."""
    name = refused.field
    return refused.reason.replace(name, f"--{name.replace('_', '-')}", 1) if name in _OPTIONS else refused.reason
