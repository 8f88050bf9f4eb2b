"""Stopping a campaign reaches every run that was asked for, begun or not, and none that is asked for later."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path

import pytest

from ip1_async import Client
from ip1_async.campaign import Campaign, Settled
from ip1_async.sandbox import Sandbox

PEOPLE = ["0701740600", "0701740601", "0701740602"]


@pytest.fixture
async def ip1() -> AsyncIterator[Client]:
    async with Sandbox() as sandbox, Client(sandbox.token, base_url=sandbox.url) as ip1:
        yield ip1


@pytest.fixture
async def campaign(tmp_path: Path) -> AsyncIterator[Campaign]:
    async with await Campaign.plan(PEOPLE, ledger=tmp_path / "l", sender="iP1", body="Hi", chunk=1) as campaign:
        yield campaign


async def accepted(campaign: Campaign) -> int:
    return (await campaign.status()).accepted


async def settled(run: AsyncIterator[Settled]) -> list[str]:
    return [each.state async for each in run]


async def test_a_stop_before_a_run_has_begun_is_not_lost(campaign: Campaign, ip1: Client) -> None:
    run = campaign.run(ip1)
    campaign.stop()
    assert await settled(run) == []
    assert await accepted(campaign) == 0


async def test_nor_is_one_while_a_run_begins(campaign: Campaign, ip1: Client) -> None:
    run = asyncio.create_task(settled(campaign.run(ip1)))
    await asyncio.sleep(0)  # it has begun, and waits for the ledger
    campaign.stop()
    assert await run == []
    assert await accepted(campaign) == 0


async def test_a_stop_reaches_every_run_that_was_asked_for(campaign: Campaign, ip1: Client) -> None:
    first, second = campaign.run(ip1), campaign.run(ip1)
    campaign.stop()
    assert [await settled(first), await settled(second)] == [[], []]


async def test_a_run_that_is_asked_for_after_a_stop_sends(campaign: Campaign, ip1: Client) -> None:
    campaign.stop()
    assert await settled(campaign.run(ip1)) == ["ACCEPTED"] * 3


async def test_so_does_one_after_a_stopped_run(campaign: Campaign, ip1: Client) -> None:
    async with aclosing(campaign.run(ip1, concurrency=1)) as run:
        async for _ in run:
            campaign.stop()
    before = await accepted(campaign)
    assert 1 <= before < 3
    assert await settled(campaign.run(ip1)) == ["ACCEPTED"] * (3 - before)


async def test_a_run_that_nobody_iterated_over_keeps_no_stop_for_the_next(campaign: Campaign, ip1: Client) -> None:
    campaign.run(ip1)
    campaign.stop()
    assert await settled(campaign.run(ip1)) == ["ACCEPTED"] * 3
