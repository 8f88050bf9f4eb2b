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
    Progress,
    ProgressColumn,
    Task,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from ip1_async.campaign import Campaign, Settled, Standing
from ip1_async.campaign.running.terms import Terms
from ip1_async.cli import campaign_show, show
from ip1_async.client import Client
from ip1_async.errors import CampaignPaused, ConnectFailed, LedgerError, NotSent, ReadFailed
from ip1_async.webhooks import SQLiteStore

DONE, FAILED, REVIEW, NO_CONNECTION, INTERRUPTED = 0, 1, 3, 4, 130
EVERY = 1.0
"""Seconds between two looks at the ledger for the progress bar."""
EVERY_LINE = 10.0
"""Seconds between two lines where there is no terminal."""
_become = {"UNKNOWN": "in doubt", "REJECTED": "rejected", "REVIEW": "left to review", "PENDING": "not sent yet"}


class _Counts(ProgressColumn):
    """How many of how many."""

    def render(self, task: Task) -> Text:
        words = "" if task.total is None else f"{int(task.completed):,}/{int(task.total):,}"
        return Text(words, style="progress.download")


class _Rate(ProgressColumn):
    """Recipients a second: of late, and of the whole run once it is over."""

    def render(self, task: Task) -> Text:
        speed = task.speed
        if task.finished_time:
            speed = (task.completed - task.fields["before"]) / task.finished_time
        return Text(f"{speed:,.0f}/s" if speed else "", style="dim")


async def run(campaign: Campaign, ledger: Path, *, rate: float | None, json: bool, **terms: Any) -> int:
    """Run it to its end, to its pause, or to Ctrl-C; gives the exit code."""
    # What is wrong with them is said before anything is shown.
    understood = Terms(**terms)
    options: Any = {} if rate is None else {"rate": rate}
    async with Client(**options) as client:
        with shown(json) as progress:
            stands, hours = await campaign.status(), (await campaign.orders()).hours
            draw(progress, stands)
            told = _Told(progress, understood, json)
            if hours and stands.pending and not json:
                _say(f"It is sent {hours} in the recipient's local time, and waits in between.", progress)
            if stands.unknown:
                told.doubts()
            sending = asyncio.create_task(_send(campaign, client, terms, told))
            watch = asyncio.create_task(_watch(campaign, progress, json))
            try:
                with _stopping(campaign, sending, progress) as asked:
                    await asyncio.wait({sending})
            finally:
                sending.cancel()
                watch.cancel()
                await asyncio.wait({sending, watch})
            paused = None if sending.cancelled() else sending.exception()
            if paused is not None and not isinstance(paused, CampaignPaused):
                if progress is not None:
                    progress.update(progress.task_ids[0], visible=False)
                raise paused
            stands = await campaign.status()
            draw(progress, stands)
    code = _ended(stands, paused, stopped=bool(asked), cut=sending.cancelled())
    if json:
        print(jsons.dumps({"event": "ended"} | stands.to_dict()), flush=True)
    else:
        campaign_show.standing(stands, ledger)
    return code


async def _send(campaign: Campaign, client: Client, terms: Any, told: _Told) -> None:
    async with aclosing(campaign.run(client, **terms)) as outcomes:
        async for settled in outcomes:
            told(settled)


def _ended(stands: Standing, paused: CampaignPaused | None, *, stopped: bool, cut: bool) -> int:
    """The exit code, after a word on why it ended before its time."""
    if cut:
        campaign_show.say("Cut off: what was under way is in doubt, and the next run looks for it first.")
        return INTERRUPTED
    if paused is not None:
        if not stands.paused:
            # Otherwise it is said of where it stands.
            campaign_show.say(f"{paused.reason[0].upper()}{paused.reason[1:]}.", style="bold")
        if "(401)" in paused.reason:
            campaign_show.say("Is IP1_TOKEN right, and is IP1_BASE_URL where it is from?")
        return FAILED
    if stopped and stands.state != "done":
        campaign_show.say("Stopped: nothing is under way.")
        return INTERRUPTED
    return REVIEW if stands.review or stands.unknown else DONE


@contextmanager
def _stopping(campaign: Campaign, sending: asyncio.Task[None], progress: Progress | None) -> Generator[list[int]]:
    """The first Ctrl-C stops the campaign cleanly, the second cuts it off; gives those that came."""
    asked: list[int] = []
    loop = asyncio.get_running_loop()

    def stop(number: int) -> None:
        asked.append(number)
        if len(asked) == 1:
            campaign.stop()
            if progress is not None:
                progress.update(progress.task_ids[0], description="Stopping")
            _say("Stopping: what is under way is brought to its end. Ctrl-C once more cuts it off.", progress)
            return
        # Cancelled once, it waits for what is under way; cancelled again, it does not.
        sending.cancel()
        loop.call_soon(sending.cancel)

    numbers = (signal.SIGINT, signal.SIGTERM)
    for each in numbers:
        loop.add_signal_handler(each, stop, each)
    try:
        yield asked
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
        TextColumn("{task.description}"), BarColumn(), _Counts(), _Rate(),
        TimeRemainingColumn(compact=True, elapsed_when_finished=True), TextColumn("{task.fields[words]}", style="dim"),
    )  # fmt: skip
    with Progress(*columns, console=console) as progress:
        progress.add_task("Sending", total=None, words="", before=0)
        yield progress


async def _watch(campaign: Campaign, progress: Progress | None, json: bool) -> None:
    """Draws the bar from what the ledger says, or writes a line now and then."""
    while True:
        await asyncio.sleep(EVERY if progress is not None else EVERY_LINE)
        try:
            stands = await campaign.status()
        except LedgerError:
            # The run itself says what is wrong with it.
            return
        draw(progress, stands, campaign.waits)
        if progress is None and not json:
            words = f"{stands.accepted:,} of {stands.total - stands.dropped:,} accepted"
            _say("; ".join(filter(None, (words, _words(stands, campaign.waits)))), None)


def draw(progress: Progress | None, stands: Standing, waits: str = "") -> None:
    """Move the bar to where the campaign stands."""
    if progress is None:
        return
    task = progress.tasks[0]
    done, total = stands.accepted + stands.rejected + stands.review, stands.total - stands.dropped
    if task.total is None:
        # What earlier runs have done says nothing about how fast this one is.
        progress.reset(task.id, completed=done, total=total, words="", before=done)
    progress.update(task.id, completed=done, total=total, words=_words(stands, waits))


def _words(stands: Standing, waits: str) -> str:
    told = [
        f"{count:,} {word}"
        for count, word in (
            (stands.rejected, "rejected"), (stands.unknown, "in doubt"), (stands.review, "in review"), (stands.pending, "waiting"),
        )
        if count
    ]  # fmt: skip
    return ", ".join([*told, *([f"waits for the provider: {waits}"] if waits else [])])


class _Told:
    """Tells what becomes of the chunks: all of it to a machine, and to a person what does not go without saying."""

    def __init__(self, progress: Progress | None, terms: Terms, json: bool) -> None:
        self._progress, self._terms, self._json = progress, terms, json
        self._doubted: set[int] = set()
        self._explained = json
        self._excuse = ""

    def __call__(self, settled: Settled) -> None:
        if self._json:
            print(jsons.dumps({"event": "chunk"} | asdict(settled)), flush=True)
            return
        words = _become.get(settled.state)
        if settled.state == "UNKNOWN":
            self._doubted.add(settled.chunk)
        elif settled.state == "ACCEPTED" and settled.chunk in self._doubted:
            words = "no longer in doubt: it was accepted"
        elif settled.state == "PENDING":
            # What keeps one from being sent keeps all of them: it is said once.
            words, self._excuse = (None if settled.reason == self._excuse else words), settled.reason
        if words is not None:
            people = f"{settled.recipients:,} recipient{'s' * (settled.recipients != 1)}"
            reason = f", {settled.reason}" if settled.reason else ""
            _say(f"Chunk {settled.chunk}, {people}: {words}{reason}.", self._progress)
        if settled.state == "UNKNOWN":
            self.doubts()

    def doubts(self) -> None:
        """Says what happens to what is in doubt, once."""
        if self._explained:
            return
        self._explained = True
        then = "left for you to review" if self._terms.on_absent == "review" else "sent again"
        waits = campaign_show.duration(self._terms.quarantine)
        _say(
            f"What is in doubt is looked for in the provider's list for {waits}; what is not there by then is {then}.",
            self._progress,
        )


def _say(words: str, progress: Progress | None) -> None:
    """Says it above the bar, if there is one."""
    campaign_show.say(words, console=None if progress is None else progress.console)


@contextmanager
def reading_back() -> Generator[tuple[Progress, TaskID]]:
    """The bar of reading back."""
    console = show.err()
    columns = (TextColumn("{task.description}"), BarColumn(), _Counts(), TimeRemainingColumn(compact=True))
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        yield progress, progress.add_task("Reading back", total=None)


async def read_back(campaign: Campaign) -> int:
    """Read the messages back that are not final; gives the exit code, for what was read before can be reported anyway."""
    try:
        async with Client() as client:
            with reading_back() as (progress, task):
                async for each in campaign.read_back(client):
                    progress.update(task, completed=each.chunks, total=each.of)
    except (NotSent, ReadFailed) as error:
        campaign_show.say(f"The messages could not be read back, and the report is of what was known before. {error}.")
        return NO_CONNECTION if isinstance(error, ConnectFailed) else FAILED
    return DONE


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
