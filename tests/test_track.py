"""Waiting for messages by asking."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from itertools import islice

import pytest

from ip1_async import Client, NotFinal
from ip1_async.client.track import waits
from ip1_async.clock import ManualClock
from ip1_async.sandbox import Sandbox

ANN, BO, STUCK = "46700000001", "46700000503", "46700000112"


@pytest.fixture
async def sandbox(clock: ManualClock) -> AsyncIterator[Sandbox]:
    async with Sandbox(clock=clock) as running:
        yield running


@pytest.fixture
async def ip1(sandbox: Sandbox, clock: ManualClock) -> AsyncIterator[Client]:
    async with Client(sandbox.token, base_url=sandbox.url, rate=None, clock=clock) as client:
        yield client


async def passing(task: asyncio.Task[object], clock: ManualClock) -> None:
    """Time goes on until a task is done."""
    async with asyncio.timeout(20):
        while not task.done():
            await clock.advance(0.1)
            await asyncio.sleep(0.001)


def test_one_asks_less_and_less_often_but_every_minute() -> None:
    found = list(islice(waits(), 20))
    assert found[0] == 1.0
    assert found == sorted(found)
    assert found[-1] == 60.0


async def test_a_message_is_waited_for_until_it_is_final(ip1: Client, clock: ManualClock) -> None:
    batch = await ip1.batches.send(sender="iP1", recipients=[ANN], body="Hello")
    (message,) = await ip1.batches.messages(batch.id)
    task = asyncio.ensure_future(ip1.delivered(message, timeout=60))
    await passing(task, clock)
    assert task.result().status == 201
    assert (await ip1.delivered(task.result())).status == 201


async def test_one_that_never_ends_is_given_up_with_what_is_known(ip1: Client, clock: ManualClock) -> None:
    batch = await ip1.batches.send(sender="iP1", recipients=[STUCK], body="Hello")
    (message,) = await ip1.batches.messages(batch.id)
    task = asyncio.ensure_future(ip1.delivered(message, timeout=20))
    await passing(task, clock)
    with pytest.raises(NotFinal, match="still under way") as late:
        task.result()
    assert isinstance(late.value, TimeoutError)
    assert late.value.last.status == 112


async def test_every_change_of_a_batch_is_given_until_all_have_ended(
    ip1: Client, sandbox: Sandbox, clock: ManualClock
) -> None:
    batch = await ip1.batches.send(sender="iP1", recipients=[ANN, BO], body="Hello")
    seen: dict[str, list[int]] = {ANN: [], BO: []}

    async def follow() -> None:
        async for message in ip1.track(batch):
            seen[message.recipient].append(int(message.status))

    task = asyncio.create_task(follow())
    await passing(task, clock)
    task.result()
    assert (seen[ANN][-1], seen[BO][-1]) == (201, 503)
    assert all(len(codes) == len(set(codes)) >= 2 for codes in seen.values())


async def test_the_messages_are_read_only_when_the_summary_is_another(
    ip1: Client, sandbox: Sandbox, clock: ManualClock
) -> None:
    sandbox.run(0)
    batch = await ip1.batches.send(sender="iP1", recipients=[ANN], body="Hello")

    async def follow() -> None:
        async for _ in ip1.track(batch.id, timeout=100):
            pass

    task = asyncio.create_task(follow())
    await passing(task, clock)
    with pytest.raises(NotFinal):
        task.result()
    asked = [request.path.endswith("/messages") for request in sandbox.requests]
    assert (asked.count(True), asked.count(False) > 3) == (1, True)
