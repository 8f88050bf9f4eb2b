"""What becomes of campaigns on a disk that is really full: `python -m tests.campaign_full FOLDER`, in mounts of its own.

It mounts a small file system in memory on the folder, which nobody else sees, fills it up at some moment of each campaign,
makes room again, and prints in JSON what became of each. A sandbox in the same process is the provider.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from attrs import asdict, define, frozen

from ip1_async import Batch, Client, NewBatch
from ip1_async.campaign import Campaign
from ip1_async.campaign.ledger import SQLiteLedger, records
from ip1_async.campaign.running.door import ClientDoor, Sending
from ip1_async.campaign.running.opt_outs import OptOuts, nobody
from ip1_async.campaign.running.runner import Runner
from ip1_async.campaign.running.terms import Terms
from ip1_async.clock import SystemClock
from ip1_async.errors import LedgerError
from ip1_async.sandbox import Sandbox
from tests.campaign_ledgers import numbers, planned

CHUNKS, EACH = 6, 20


@define
class Disk:
    """A small file system that can be filled up to the last byte."""

    folder: Path

    def fill(self) -> None:
        file = os.open(self.folder / "filler", os.O_CREAT | os.O_WRONLY | os.O_APPEND)
        for size in (1 << 16, 1 << 12, 1):
            try:
                while True:
                    os.write(file, bytes(size))
            except OSError:
                continue
        os.close(file)

    def free(self) -> None:
        (self.folder / "filler").unlink(missing_ok=True)


@define
class Filling(ClientDoor):
    """The provider, and a disk that fills up when a turn has come, or when a batch has been sent."""

    client: Client
    when: str
    fill: Callable[[], None]

    def __attrs_post_init__(self) -> None:
        ClientDoor.__init__(self, self.client)

    @asynccontextmanager
    async def turn(self) -> AsyncGenerator[Sending]:
        async with ClientDoor.turn(self) as really:

            async def send(batch: NewBatch, *, recipients: bytes, not_after: float) -> Batch:
                sent = await really(batch, recipients=recipients, not_after=not_after)
                if self.when == "at the settle":
                    self.fill()
                return sent

            if self.when == "at the claim":
                self.fill()
            yield send


@frozen
class Became:
    """Of one campaign."""

    error: str
    """What the run on the full disk ended with."""
    posts: int
    """Batches that the provider was sent by that run."""
    states: dict[str, int]
    """Recipients by state after that."""
    after: dict[str, int]
    """The same once there was room, and it was run again."""
    texts: dict[str, int]
    """How often somebody got so many messages."""
    incidents: int


async def ran(ledger: SQLiteLedger, door: ClientDoor, *, before: Callable[[], None] = lambda: None) -> str:
    """The error that a run ends with, or nothing; this is done before it takes the lease."""
    clock, facts = SystemClock(), await ledger.facts()
    before()
    runner = Runner(
        ledger, facts, door, opt_outs=OptOuts(door.blacklist, nobody, clock),
        terms=Terms(landing=0.2, visibility=0.2), concurrency=3, clock=clock,
    )  # fmt: skip
    try:
        async for _ in runner.outcomes():
            pass
    except LedgerError as error:
        return str(error)
    return ""


async def states(ledger: SQLiteLedger) -> dict[str, int]:
    return {each.state: each.recipients for each in await ledger.tallies()}


def posts(sandbox: Sandbox) -> int:
    return sum((each.method, each.path) == ("POST", "/v2/batches") for each in sandbox.requests)


async def campaign(disk: Disk, when: str) -> Became:
    path = planned(disk.folder / when, *[numbers(EACH, EACH * chunk) for chunk in range(CHUNKS)])
    async with Sandbox() as sandbox, Client(sandbox.token, base_url=sandbox.url, rate=None) as ip1:
        if when == "at the second opening":
            # From the first on a ledger has a log, for which memory is shared in a file.
            await SQLiteLedger(path).close()
        if when.endswith("opening"):
            disk.fill()
        try:
            ledger = SQLiteLedger(path)
        except LedgerError as error:
            said = str(error)
            disk.free()
            ledger = SQLiteLedger(path)
        else:
            before = disk.fill if when == "at the lease" else disk.free
            said = await ran(ledger, Filling(ip1, when, disk.fill), before=before)
        sent, then = posts(sandbox), await states(ledger)
        disk.free()
        again = await ran(ledger, ClientDoor(ip1))
        assert not again, again
        texts = Counter(Counter(each.recipient for each in sandbox.messages()).values())
        became = Became(
            said, sent, then, await states(ledger), {str(times): count for times, count in texts.items()},
            len(await ledger.ask(records.incidents)),
        )  # fmt: skip
        await ledger.close()
    return became


async def plan(disk: Disk) -> dict[str, Any]:
    """What becomes of a plan."""
    path = disk.folder / "a plan"
    people = numbers(5000)
    disk.fill()
    try:
        await Campaign.plan(people, ledger=path, sender="iP1", body="Hello")
        said = ""
    except LedgerError as error:
        said = str(error)
    left = sorted(each.name for each in disk.folder.glob("a plan*"))
    disk.free()
    async with await Campaign.plan(people, ledger=path, sender="iP1", body="Hello") as made:
        return {"error": said, "left": left, "total": (await made.status()).total}


async def main(folder: Path) -> None:
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)], check=True)
    disk = Disk(folder)
    whens = ("at the first opening", "at the second opening", "at the lease", "at the claim", "at the settle")
    became = {when: asdict(await campaign(disk, when)) for when in whens}
    print(json.dumps({**became, "plan": await plan(disk)}))


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
