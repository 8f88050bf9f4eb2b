"""A campaign that runs in a terminal: how far it is, how long it takes, and Ctrl-C that stops it cleanly."""

from __future__ import annotations

import asyncio
import json as jsons
import signal
from collections.abc import Generator
from contextlib import aclosing, contextmanager
from pathlib import Path
from typing import Any

from attrs import asdict
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from ip1_async.campaign import Campaign, Settled, Standing
from ip1_async.cli import campaign_show, show
from ip1_async.client import Client
from ip1_async.errors import CampaignPaused
from ip1_async.webhooks import SQLiteStore

DONE, FAILED, REVIEW, INTERRUPTED = 0, 1, 3, 130
EVERY = 1.0
"""Seconds between two looks at the ledger for the progress bar."""
EVERY_LINE = 10.0
"""Seconds between two lines where there is no terminal."""


class _Rate(ProgressColumn):
    """Recipients a second."""

    def render(self, task: Task) -> Text:
        return Text(f"{task.speed:,.0f}/s" if task.speed else "", style="dim")


async def run(campaign: Campaign, ledger: Path, *, rate: float | None, json: bool, **terms: Any) -> int:
    """Run it to its end, to its pause, or to Ctrl-C; gives the exit code."""
    options: Any = {} if rate is None else {"rate": rate}
    paused: CampaignPaused | None = None
    async with Client(**options) as client:
        with _stopping(campaign) as asked, shown(json) as progress:
            watch = asyncio.create_task(_watch(campaign, progress, json))
            try:
                async with aclosing(campaign.run(client, **terms)) as outcomes:
                    async for settled in outcomes:
                        _event(settled, json)
            except CampaignPaused as error:
                paused = error
            finally:
                watch.cancel()
                await asyncio.wait({watch})
                draw(progress, await campaign.status())
    stands = await campaign.status()
    if json:
        print(jsons.dumps({"event": "ended"} | stands.to_dict()), flush=True)
    else:
        campaign_show.standing(stands, ledger)
    if paused is not None:
        show.err().print(f"{paused.reason[0].upper()}{paused.reason[1:]}.", style="bold", markup=False)
        show.err().print(f"When that is seen to, go on with: ip1 campaign run {ledger}", markup=False)
        return FAILED
    if asked and stands.state != "done":
        show.err().print(f"Stopped; nothing is under way. Go on with: ip1 campaign run {ledger}", markup=False)
        return INTERRUPTED
    return REVIEW if stands.review or stands.unknown else DONE


@contextmanager
def _stopping(campaign: Campaign) -> Generator[list[int]]:
    """The first Ctrl-C stops the campaign cleanly, the second cuts it off; gives those that came."""
    asked: list[int] = []
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task is not None

    def stop(number: int) -> None:
        asked.append(number)
        if len(asked) > 1:
            task.cancel()
            return
        campaign.stop()
        show.err().print("Stopping: what is under way is brought to its end. Ctrl-C once more cuts it off.")

    numbers = (signal.SIGINT, signal.SIGTERM)
    for each in numbers:
        loop.add_signal_handler(each, stop, each)
    try:
        yield asked
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None
    finally:
        for each in numbers:
            loop.remove_signal_handler(each)


@contextmanager
def shown(machine: bool) -> Generator[Progress | None]:
    """The bar of a run; None where nobody would see it."""
    console = show.err()
    if machine or not console.is_terminal:
        yield None
        return
    columns = (
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), _Rate(), TimeRemainingColumn(compact=True),
        TextColumn("{task.fields[words]}", style="dim"),
    )  # fmt: skip
    with Progress(*columns, console=console) as progress:
        progress.add_task("Sending", total=None, words="")
        yield progress


async def _watch(campaign: Campaign, progress: Progress | None, json: bool) -> None:
    """Draws the bar from what the ledger says, or writes a line now and then."""
    while True:
        if progress is not None:
            draw(progress, await campaign.status())
        await asyncio.sleep(EVERY if progress is not None else EVERY_LINE)
        if progress is None and not json:
            stands = await campaign.status()
            show.err().print(f"{stands.accepted:,} of {stands.total - stands.dropped:,} accepted; {_words(stands)}")


def draw(progress: Progress | None, stands: Standing) -> None:
    """Move the bar to where the campaign stands."""
    if progress is not None:
        task = progress.task_ids[0]
        done = stands.accepted + stands.rejected + stands.review
        progress.update(task, completed=done, total=stands.total - stands.dropped, words=_words(stands))


def _words(stands: Standing) -> str:
    told = [
        f"{count:,} {word}"
        for count, word in (
            (stands.rejected, "rejected"), (stands.unknown, "in doubt"), (stands.review, "in review"), (stands.pending, "waiting"),
        )
        if count
    ]  # fmt: skip
    return ", ".join(told)


def _event(settled: Settled, json: bool) -> None:
    if json:
        print(jsons.dumps({"event": "chunk"} | asdict(settled)), flush=True)
    elif settled.state in ("UNKNOWN", "REJECTED", "REVIEW"):
        show.err().print(
            f"Chunk {settled.chunk} ({settled.recipients:,}): {settled.state.lower()}, {settled.reason}", markup=False
        )


@contextmanager
def reading_back() -> Generator[tuple[Progress, TaskID]]:
    """The bar of reading back."""
    console = show.err()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(compact=True))
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        yield progress, progress.add_task("Reading back", total=None)


async def read_back(campaign: Campaign) -> None:
    """Read the messages back that are not final."""
    async with Client() as client:
        with reading_back() as (progress, task):
            async for each in campaign.read_back(client):
                progress.update(task, completed=each.chunks, total=each.of)


async def join(campaign: Campaign, store: Path) -> None:
    """Join what webhooks have told."""
    told = _opened(store)
    try:
        await campaign.join(told)
    finally:
        await told.close()


def _opened(store: Path) -> SQLiteStore:
    if not store.is_file():
        raise FileNotFoundError(f"there is no store of webhooks {store}")
    return SQLiteStore(store)
