"""`ip1 campaign`: from a file of people to a report, through anything that goes wrong on the way."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import Annotated, Literal

import cyclopts
from cyclopts import Parameter

from ip1_async.campaign import Campaign
from ip1_async.campaign.reporting.export import whole
from ip1_async.campaign.reporting.page import page
from ip1_async.cli import campaign_plan, campaign_report, campaign_run, campaign_show, show
from ip1_async.errors import Invalid

Flag = Annotated[bool, Parameter(negative=(), show_default=False)]

DONE, FAILED, REVIEW = 0, 1, 3

app = cyclopts.App(
    name="campaign",
    help="One text to any number of people: planned, sent, never twice, and resumed after any crash.",
    group="Start here",
)
app.command(campaign_plan.plan)


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


def _write(html: Path, text: str) -> None:
    """Whole or not at all, readable by its owner only, and over an earlier page but over nothing else."""
    if html.exists():
        with html.open("rb") as file:
            if not file.read(15).lower().startswith(b"<!doctype html"):
                raise Invalid("html", f"{html} is there already, and is no page")
    with whole(html) as part:
        part.write_text(text, encoding="utf-8")
