"""`ip1 demo`: a whole campaign through a local iP.1, from a CSV file to the report."""

from __future__ import annotations

import asyncio
import shlex
import sys
import tempfile
import time
import webbrowser
from collections import Counter
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

from attrs import define, field
from cyclopts import Parameter

from ip1_async.campaign import Campaign, Report, RowOutcome
from ip1_async.campaign.people.read import open_source
from ip1_async.campaign.reporting.page import page
from ip1_async.cli import campaign_report, campaign_run, campaign_show, local, show
from ip1_async.client import Client
from ip1_async.errors import CampaignPaused
from ip1_async.sandbox import Sandbox
from ip1_async.text import placeholders

BODY = "Hi {name}! You have {points} points to spend in our {city} shop until Sunday. Reply STOP to opt out."
PATIENCE = 3.0
"""Seconds without any change after which messages count as still under way."""
POLL = 0.25
Flag = Annotated[bool, Parameter(negative=(), show_default=False)]


async def demo(
    csv: Path | None = None,
    *,
    body: str | None = None,
    sender: str = "iP1",
    to: str | None = None,
    region: str = "SE",
    batch_size: int = 100,
    ledger: Path | None = None,
    serve: Flag = False,
    json: Flag = False,
) -> int:
    """Text everybody in a CSV file through a local iP.1, and follow every message to its end. Nothing leaves this machine.

    It is a campaign as any other, with a plan, a ledger and a report.

    Parameters
    ----------
    csv
        A table of people with a header; 1,000 invented customers when it is left out.
    body
        The text; {column} becomes the cell of that column. A greeting that suits the columns when it is left out.
    sender
        Who it comes from: `iP1` or `iP1sms` in a fresh local iP.1.
    to
        The column of the numbers; found by its name when it is left out.
    region
        The country (two letters) of numbers without a country code.
    batch_size
        Recipients in one batch.
    ledger
        The new file that holds the campaign; one in a temporary folder when it is left out.
    serve
        Keep the local iP.1 up afterwards, to look around in.
    json
        One JSON object on standard output, and nothing else there.
    """
    people = csv or customers()
    ledger = ledger or Path(tempfile.mkdtemp(prefix="ip1-demo-")) / "demo.ledger"
    columns = (await asyncio.to_thread(open_source, people, to=to)).columns
    body = _greeting(columns) if body is None else body
    began = time.monotonic()
    # A cell that is empty becomes nothing, and an unknown name something friendly.
    default = {name: "there" if name == "name" else "" for name in placeholders(body) if name in columns}
    async with Sandbox() as sandbox, Client(sandbox.token, base_url=sandbox.url) as client:
        with campaign_show.reading(json) as (progress, _):
            campaign = await Campaign.plan(
                people, ledger=ledger, sender=sender, body=body, to=to, region=region, chunk=batch_size, client=client,
                defaults=default, progress=progress,
            )  # fmt: skip
        async with campaign:
            if not json and campaign.planned is not None:
                campaign_show.plan(campaign.planned)
            job = Job(campaign)
            await _carry_out(job, client)
            job.seconds = time.monotonic() - began
            made = await campaign.report()
            written = ledger.with_suffix(".html")
            await asyncio.to_thread(written.write_text, page(made), encoding="utf-8")
            for each in job.refused:
                campaign_show.say(f"{each[0].upper()}{each[1:]}.", style="red")
            if json:
                show.document(await _facts(job, made, ledger))
            elif made.accepted:
                campaign_report.brief(made)
                show.out().print(
                    f"\n{made.final:,} of {made.accepted:,} messages have a final status, after {job.seconds:.1f} s.",
                    highlight=False,
                )
                _offer(ledger, written, serve)
        if serve:
            await _serve(sandbox, job, machine=json)
    return 1 if job.refused or made.rejected else 0


def customers() -> Path:
    """The shipped table: inside the installed package, or in the examples of a checkout."""
    packaged = Path(__file__).with_name("customers.csv")
    return packaged if packaged.exists() else Path(__file__).parents[2] / "docs" / "examples" / "customers.csv"


@define
class Job:
    """How far the demo has come."""

    campaign: Campaign
    refused: list[str] = field(factory=list[str])
    batches: list[str] = field(factory=list[str])
    seconds: float = 0.0


def _greeting(columns: Sequence[str]) -> str:
    """The text that is sent when none is given."""
    if set(placeholders(BODY)) <= set(columns):
        return BODY
    return "Hi{name}! There is news from our shop. Reply STOP to opt out.".replace(
        "{name}", " {name}" if "name" in columns else ""
    )


async def _carry_out(job: Job, client: Client) -> None:
    """Send it, and read all messages again and again until each is final, or nothing changes any more."""
    campaign = job.campaign
    try:
        with campaign_run.shown(machine=False) as progress:
            try:
                async for settled in campaign.run(client):
                    if settled.batch is not None:
                        job.batches.append(settled.batch)
                    campaign_run.draw(progress, await campaign.status())
            except CampaignPaused as paused:
                job.refused.append(paused.reason)
        if progress is None:
            stands = await campaign.status()
            campaign_show.say(f"Messages accepted: {stands.accepted}; reading them back.")
        await _follow(campaign, client)
    except asyncio.CancelledError:
        made = await campaign.report()
        campaign_show.say(
            f"Stopped. Of {made.accepted} messages that were accepted {made.final} had a final status; the local iP.1 is gone "
            "with them. Run it again to begin anew."
        )
        raise


async def _follow(campaign: Campaign, client: Client) -> None:
    changed, known = time.monotonic(), -1
    with campaign_run.reading_back() as (progress, task):
        while time.monotonic() - changed < PATIENCE:
            async for _ in campaign.read_back(client):
                pass
            made = await campaign.report()
            progress.update(task, completed=made.final, total=made.accepted)
            if made.final == made.accepted:
                return
            if made.final != known:
                changed, known = time.monotonic(), made.final
            await asyncio.sleep(POLL)


async def _facts(job: Job, made: Report, ledger: Path) -> Mapping[str, Any]:
    """The same facts for machines."""
    rows = [each async for each in job.campaign.rows() if each.outcome == "dropped"]
    costs: dict[str, Decimal] = {}
    for each in made.costs:
        if each.currency:
            costs[each.currency] = costs.get(each.currency, Decimal(0)) + each.price
    codes = Counter({int(each.status): each.messages for each in made.statuses})
    return {
        "rows": made.total, "dropped": [_dropped(each) for each in rows], "accepted": made.accepted, "refused": job.refused,
        "final": made.final, "statuses": {str(code): codes[code] for code in sorted(codes)},
        "segments": sum(each.segments for each in made.statuses),
        "cost": {currency: float(cost) for currency, cost in costs.items()}, "batches": job.batches,
        "seconds": round(job.seconds, 3), "ledger": str(ledger),
    }  # fmt: skip


def _dropped(row: RowOutcome) -> Mapping[str, Any]:
    return {"row": row.row, "reason": row.reason}


def _offer(ledger: Path, written: Path, serve: bool) -> None:
    """The report as a page, and what to try next."""
    shown = shlex.quote(str(ledger))
    show.out().print(
        f"\nThe report as a page: {written}\n\n"
        "Next:\n"
        f"  ip1 campaign status {shown}\n"
        f"  ip1 campaign export {shown} people-texted.csv\n"
        "  ip1 demo --serve       keeps the local iP.1 up\n"
        "  ip1 demo people.csv    with people of your own; see --body\n"
        "  ip1 campaign --help    the same for real, with your token",
        highlight=False, markup=False, soft_wrap=True,
    )  # fmt: skip
    asks = not serve and sys.stdin.isatty() and sys.stdout.isatty()
    if asks and campaign_show.agreed("\nOpen the report in a browser?"):
        webbrowser.open(written.resolve().as_uri())


async def _serve(sandbox: Sandbox, job: Job, *, machine: bool) -> None:
    if not machine:
        local.announce(sandbox.url, sandbox.token)
        batch = job.batches[0] if job.batches else "BATCH"
        show.err().print(
            "The local iP.1 stays up. In another terminal, export the two lines above and try:\n"
            "  ip1 batches list --order DESC --limit 5\n"
            f"  ip1 batches messages {batch} --limit 10\n"
            "  ip1 send 0701234567 --sender iP1 --body Hello\n"
            "Stop it with Ctrl-C."
        )
    await local.stopped()
