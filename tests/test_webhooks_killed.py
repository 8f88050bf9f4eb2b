"""A receiver that is killed at any moment ends up with the truth, and does nothing twice that it knows it has done."""

from __future__ import annotations

import asyncio
import random
import signal
import socket
import sqlite3
import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from ip1_async import Client
from ip1_async.sandbox import Habits, Sandbox
from ip1_async.webhooks.events import parse
from tests.receiver import SECRET

MESSAGES, KILLS = 40, 5


async def receiver(port: int, database: Path, log: Path) -> asyncio.subprocess.Process:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.receiver", str(port), str(database), str(log), stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    assert await process.stdout.readline() == b"ready\n"
    return process


async def kill(process: asyncio.subprocess.Process) -> None:
    process.send_signal(signal.SIGKILL)
    await process.wait()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def rows(database: Path, query: str) -> list[bytes]:
    with sqlite3.connect(database) as db:
        return [row[0] for row in db.execute(query)]


def named(bodies: Iterable[bytes]) -> list[str]:
    return [f"{each.message} {int(each.value.code)}" for each in map(parse, bodies)]  # type: ignore[union-attr]


def handled(log: Path) -> Counter[str]:
    return Counter(log.read_text().splitlines())


async def test_after_being_killed_at_random_every_message_has_the_state_that_the_provider_holds(tmp_path: Path) -> None:
    database, log, port = tmp_path / "webhooks.db", tmp_path / "handled", free_port()
    log.touch()
    habits = Habits(doubled=True, disordered=True, early=True, late=1)
    done = Counter[str]()
    async with (
        Sandbox(speed=20, webhooks=habits) as sandbox,
        Client(sandbox.token, base_url=sandbox.url, rate=None) as ip1,
        asyncio.timeout(100),
    ):
        process = await receiver(port, database, log)
        batch = await ip1.batches.send(
            sender="iP1", recipients=[f"46700000{200 + number:03}" for number in range(MESSAGES)], body="Hello",
            delivery_report_url=f"http://127.0.0.1:{port}/{SECRET}",
        )  # fmt: skip
        for _ in range(KILLS):
            await asyncio.sleep(random.uniform(0.02, 0.4))
            await kill(process)
            for each in named(rows(database, "SELECT body FROM events WHERE due IS NULL")):
                done.setdefault(each, handled(log)[each])
            process = await receiver(port, database, log)
        truth = {message.id: message.status async for message in ip1.batches.messages(batch.id)}
        states: dict[str, int] = {}
        while states != truth or rows(database, "SELECT body FROM events WHERE due IS NOT NULL"):
            await asyncio.sleep(0.05)
            # What was not answered with 200 is posted again.
            await sandbox.advance(minutes=1)
            truth = {message.id: message.status async for message in ip1.batches.messages(batch.id)}
            told = [parse(body).value for body in rows(database, "SELECT body FROM states")]
            states = {each.message_id: each.code for each in told}  # type: ignore[union-attr]
        await kill(process)
    assert len(states) == MESSAGES
    assert all(count == 1 for count in Counter(named(rows(database, "SELECT body FROM events"))).values())
    assert handled(log).keys() == set(named(rows(database, "SELECT body FROM events")))
    again = {each: handled(log)[each] for each in done}
    assert again == dict(done), "nothing is handled again that was known to be handled"
