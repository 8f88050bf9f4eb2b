"""`ip1 campaign`: from a file of people to a report, through anything that goes wrong on the way."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Literal

import cyclopts
from cyclopts import Parameter

from ip1_async.campaign import Campaign, Plan
from ip1_async.campaign.reporting.export import whole
from ip1_async.campaign.reporting.page import page
from ip1_async.cli import campaign_report, campaign_run, campaign_show, show
from ip1_async.client import Client
from ip1_async.errors import ConnectFailed, Invalid
from ip1_async.text import placeholders

Flag = Annotated[bool, Parameter(negative=(), show_default=False)]
Several = Annotated[Sequence[str], Parameter(consume_multiple=False, negative=(), show_default=False)]

DONE, FAILED, REVIEW = 0, 1, 3

app = cyclopts.App(
    name="campaign",
    help="One text to any number of people: planned, sent, never twice, and resumed after any crash.",
    group="Start here",
)


@app.command
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
    except Invalid as refused:
        if refused.field != "confirm":
            raise
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


@app.command(alias="resume")
async def run(
    ledger: Path,
    *,
    landing: float | None = None,
    visibility: float | None = None,
    deadline: float = 30.0,
    on_absent: Literal["review", "retry"] = "review",
    concurrency: int | None = None,
    rate: float | None = None,
    json: Flag = False,
) -> int:
    """Send what is planned, or go on with it after Ctrl-C, a crash or a pause; `resume` is the same.

    Parameters
    ----------
    ledger
        The file of the campaign.
    landing
        Seconds within which a request that was given up is accepted, or never; 300 when left out.
    visibility
        Seconds within which an accepted batch is in the provider's list; 120 when left out.
    deadline
        Seconds after which a request that was written down is not begun any more.
    on_absent
        What becomes of a batch in doubt that the provider does not list: left to `ip1 campaign review`, or sent again.
    concurrency
        Batches under way at once.
    rate
        Requests a second.
    json
        Events as JSON lines on standard output, and nothing else there.
    """
    async with Campaign(ledger) as campaign:
        return await campaign_run.run(
            campaign, ledger, rate=rate, json=json, landing=landing, visibility=visibility, deadline=deadline,
            on_absent=on_absent, concurrency=concurrency,
        )  # fmt: skip


@app.command
async def status(ledger: Path, *, json: Flag = False) -> int:
    """Show where a campaign stands.

    Parameters
    ----------
    ledger
        The file of the campaign.
    json
        One JSON object on standard output, and nothing else there.
    """
    async with Campaign(ledger) as campaign:
        stands = await campaign.status()
    if json:
        show.document(stands.to_dict())
    else:
        campaign_show.standing(stands, ledger)
    return DONE


@app.command
async def review(ledger: Path, *, accept: int | None = None, resend: int | None = None, json: Flag = False) -> int:
    """Show the batches that may have been sent and are not listed by the provider, or decide about one.

    Exits with 3 while something is left to decide.

    Parameters
    ----------
    ledger
        The file of the campaign.
    accept
        The chunk with this number counts as sent.
    resend
        The chunk with this number is sent again by the next run.
    json
        JSON lines on standard output, and nothing else there.
    """
    if accept is not None and resend is not None:
        raise Invalid("review", "decide about one chunk at a time: --accept or --resend")
    async with Campaign(ledger) as campaign:
        if accept is not None:
            await campaign.accept(accept)
            campaign_show.say(f"Chunk {accept} counts as sent.")
        if resend is not None:
            await campaign.resend(resend)
            campaign_show.advise(f"Chunk {resend} is sent again by the next run", "campaign", "run", ledger)
        left = await campaign.review()
        campaign_show.review(left, ledger, (await campaign.status()).campaign, machine=json)
    return REVIEW if left else DONE


@app.command
async def report(
    ledger: Path,
    *,
    html: Path | None = None,
    webhooks: Path | None = None,
    read: bool = True,
    json: Flag = False,
) -> int:
    """Show what became of a campaign: delivery, failures, cost, progress.

    With IP1_TOKEN set, the messages that are not final yet are read back first. Exits with 4 where that found no connection.

    Parameters
    ----------
    ledger
        The file of the campaign.
    html
        Write the report as a page to this file, too.
    webhooks
        Join what webhooks have told, from their store.
    read
        Read the messages back from the provider.
    json
        One JSON object on standard output, and nothing else there.
    """
    async with Campaign(ledger) as campaign:
        if webhooks is not None:
            await campaign_run.join(campaign, webhooks)
        code = await campaign_run.read_back(campaign) if read and os.environ.get("IP1_TOKEN") else DONE
        made = await campaign.report()
    if html is not None:
        await asyncio.to_thread(_write, html, page(made))
        campaign_show.say(f"The report is in {html}.")
    if json:
        show.document(made.to_dict())
    elif html is None:
        campaign_report.tables(made)
    return code


@app.command
async def export(ledger: Path, out: Path, *, force: Flag = False) -> int:
    """Write what became of every row, dropped ones with their reason, to a .csv, .jsonl or .parquet file.

    Parameters
    ----------
    ledger
        The file of the campaign.
    out
        The file to write.
    force
        Replace the file, if there is one.
    """
    if not force and await asyncio.to_thread(out.exists):
        raise Invalid("out", f"{out} is there already; --force replaces it")
    async with Campaign(ledger) as campaign:
        count = await campaign.export(out, again=force)
    campaign_show.say(f"{count:,} rows are in {out}.")
    return DONE


@app.command
async def purge(ledger: Path, *, yes: Flag = False) -> int:
    """Forget every number and every value of a campaign that is done; its figures stay.

    Parameters
    ----------
    ledger
        The file of the campaign.
    yes
        Do not ask.
    """
    async with Campaign(ledger) as campaign:
        stands = await campaign.status()
        if stands.review:
            words = (
                f"what became of {stands.review:,} people has to be decided first: see `ip1 campaign review {ledger}`"
            )
            raise Invalid("campaign", words)
        if not yes and not sys.stdin.isatty():
            raise Invalid("yes", "purging wants to be confirmed; say so with --yes")
        if not yes and not campaign_show.agreed(f"Forget every number in {ledger}? It cannot be undone."):
            campaign_show.say("Nothing was forgotten.")
            return FAILED
        await campaign.purge()
    campaign_show.say(f"{ledger} holds figures only.")
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


def _write(html: Path, text: str) -> None:
    """Whole or not at all, readable by its owner only, and over an earlier page but over nothing else."""
    if html.exists():
        with html.open("rb") as file:
            if not file.read(15).lower().startswith(b"<!doctype html"):
                raise Invalid("html", f"{html} is there already, and is no page")
    with whole(html) as part:
        part.write_text(text, encoding="utf-8")
