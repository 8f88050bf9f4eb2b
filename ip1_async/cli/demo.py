"""`ip1 demo`: everybody in a CSV file is texted through a local iP.1, and every message is read back."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Sequence
from contextlib import aclosing
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from ip1_async.cli import local, report, show
from ip1_async.cli.report import Job
from ip1_async.client import Client, Sent
from ip1_async.errors import Invalid, IP1Error, Rejected
from ip1_async.models import NewBatch
from ip1_async.pages import merge
from ip1_async.text import placeholders

if TYPE_CHECKING:
    from ip1_async.cli.people import People, Person

BODY = "Hi {name}! You have {points} points to spend in our {city} shop until Sunday. Reply STOP to opt out."
PATIENCE = 3.0
"""Seconds without any change after which messages count as still under way."""
POLL = 0.25


async def demo(
    csv: Path | None = None,
    *,
    body: str | None = None,
    sender: str = "iP1",
    to: str | None = None,
    region: str = "SE",
    batch_size: int = 100,
    serve: Annotated[bool, Parameter(negative=())] = False,
    json: Annotated[bool, Parameter(negative=())] = False,
) -> int:
    """Text everybody in a CSV file through a local iP.1, and follow every message to its end. Nothing leaves this machine.

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
    serve
        Keep the local iP.1 up afterwards, to look around in.
    json
        One JSON object on standard output, and nothing else there.
    """
    from ip1_async.cli.people import read_people
    from ip1_async.sandbox import Sandbox

    job = Job(await asyncio.to_thread(read_people, csv or customers(), to=to, region=region))
    body = _greeting(job.people) if body is None else body
    _check(job.people, body, batch_size)
    if not json:
        report.drops(job.people, csv.name if csv else "customers.csv")
    began = time.monotonic()
    async with Sandbox() as sandbox, Client(sandbox.token, base_url=sandbox.url) as client:
        try:
            with _progress() as progress:
                await _send(job, client, progress, body=body, sender=sender, size=batch_size)
                if not progress.console.is_terminal:
                    show.err().print(f"Messages accepted: {job.accepted}; reading them back.")
                await _follow(job, client, progress)
        except asyncio.CancelledError:
            show.err().print(
                f"Stopped. Of {job.accepted} messages that were accepted {job.final} had a final status; the local iP.1 is gone "
                "with them. Run it again to begin anew."
            )
            raise
        job.seconds = time.monotonic() - began
        if json:
            show.document(report.as_json(job))
        else:
            report.results(job, list(job.messages.values()))
        if serve:
            await _serve(sandbox.url, sandbox.token, job, machine=json)
        elif not json:
            report.next_steps()
    return 0 if not job.refused else 1


def customers() -> Path:
    """The shipped table: inside the installed package, or in the examples of a checkout."""
    packaged = Path(__file__).with_name("customers.csv")
    return packaged if packaged.exists() else Path(__file__).parents[2] / "docs" / "examples" / "customers.csv"


def _check(people: People, body: str, size: int) -> None:
    if not people.kept:
        why = ", ".join(f"{count} {reason}" for reason, count in people.reasons.items())
        raise Invalid("csv", f"there is nobody to text: {why or 'the table has no rows'}")
    if size < 1:
        raise Invalid("batch_size", "--batch-size is at least 1")
    if not body.strip():
        raise Invalid("body", "--body is a text that is not blank")
    unknown = [name for name in placeholders(body) if name not in people.columns]
    if unknown:
        raise Invalid(
            "body", f"there is no column for {_braced(unknown)} in --body; the columns are {_braced(people.columns)}"
        )


def _greeting(people: People) -> str:
    """The text that is sent when none is given."""
    if set(placeholders(BODY)) <= set(people.columns):
        return BODY
    return "Hi{name}! There is news from our shop. Reply STOP to opt out.".replace(
        "{name}", " {name}" if "name" in people.columns else ""
    )


def _braced(names: Sequence[str]) -> str:
    return ", ".join("{" + name + "}" for name in names)


def _words(error: IP1Error) -> list[str]:
    """What the local iP.1 said, which is nobody's secret."""
    return [word for words in error.errors.values() for word in words] if isinstance(error, Rejected) else []


def _progress() -> Progress:
    columns = (TextColumn("{task.description:<9}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, console=show.err(), transient=False)


async def _send(job: Job, client: Client, progress: Progress, *, body: str, sender: str, size: int) -> None:
    bar = progress.add_task("Sending", total=len(job.people.kept))
    batches = _batches(job.people, body, sender, size)
    async with aclosing(client.send_many(batches)) as outcomes:
        async for outcome in outcomes:
            count = len(outcome.input.recipients) - 1 if outcome.input else 0
            if isinstance(outcome, Sent):
                job.batches.append(outcome.batch.id)
                job.accepted += count
            else:
                job.refused.append(" ".join([str(outcome.error), *_words(outcome.error)]))
            progress.advance(bar, count)


def _batches(people: People, body: str, sender: str, size: int) -> Iterator[NewBatch]:
    names = placeholders(body)
    # A cell that is empty becomes nothing, and an unknown name something friendly.
    default = {name: "there" if name == "name" else "" for name in names}
    left: Iterator[Person] = iter(people.kept)
    while some := list(islice(left, size)):
        recipients = {each.msisdn: {name: each.values[name] for name in names if name in each.values} for each in some}
        yield NewBatch(sender=sender, recipients={**recipients, "default": default}, body=body, tags=["demo"])


async def _follow(job: Job, client: Client, progress: Progress) -> None:
    """Read all messages again and again until each is final, or nothing changes any more."""
    bar = progress.add_task("Reading", total=job.accepted)
    open_batches: Sequence[str] = job.batches
    changed = time.monotonic()
    while open_batches and time.monotonic() - changed < PATIENCE:
        unfinished: set[str] = set()
        async with aclosing(merge(*(client.batches.messages(id, limit=500) for id in open_batches))) as messages:
            async for message in messages:
                before = job.messages.get(message.id)
                if before is None or before.status != message.status:
                    changed = time.monotonic()
                job.messages[message.id] = message
                if not message.is_final:
                    unfinished.add(message.batch_id)
        progress.update(bar, completed=job.final)
        open_batches = [id for id in open_batches if id in unfinished]
        if open_batches:
            await asyncio.sleep(POLL)


async def _serve(url: str, token: str, job: Job, *, machine: bool) -> None:
    if not machine:
        local.announce(url, token)
        report.served(job.batches[0] if job.batches else "BATCH")
    await local.stopped()
