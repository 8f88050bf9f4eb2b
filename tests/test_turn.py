"""A send whose turn was taken first waits for nothing any more, and is not made when it comes too late."""

from __future__ import annotations

import asyncio

import pytest

from ip1_async import Client, ConnectFailed, NewBatch, OutcomeUnknown, RateLimited
from ip1_async.clock import ManualClock, settle
from ip1_async.sandbox import Sandbox

BATCH = NewBatch(sender="iP1", recipients=["46700000001"], body="Hello")


async def test_it_waits_for_place_and_turn_before_it_is_given() -> None:
    clock = ManualClock()
    async with Sandbox() as sandbox, Client(sandbox.token, base_url=sandbox.url, clock=clock, rate=1) as ip1:
        order: list[str] = []

        async def one(name: str) -> None:
            async with ip1.turn() as turn:
                order.append(f"{name} began")
                await turn.send(BATCH)
                order.append(f"{name} sent")

        await one("first")
        second = asyncio.create_task(one("second"))
        await settle()
        assert order == ["first began", "first sent"]
        await clock.advance(1)
        await second
        assert order[2:] == ["second began", "second sent"]
    assert ip1.calls.gate.in_flight == 0


async def test_what_comes_too_late_is_not_sent() -> None:
    clock = ManualClock()
    async with Sandbox() as sandbox, Client(sandbox.token, base_url=sandbox.url, clock=clock) as ip1:
        async with ip1.turn() as turn:
            not_after = clock.boottime() + 30
            await clock.advance(31)
            with pytest.raises(ConnectFailed, match="too late"):
                await turn.send(BATCH, not_after=not_after)
            await turn.send(BATCH, not_after=clock.boottime())
        assert len(sandbox.requests) == 1


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("POST /v2/batches 429 retry_after=1 times=1", RateLimited),
        ("POST /v2/batches reset after times=1", OutcomeUnknown),
    ],
)
async def test_it_is_one_attempt_whatever_the_options_allow(fault: str, error: type[Exception]) -> None:
    async with (
        Sandbox(faults=[fault]) as sandbox,
        Client(sandbox.token, base_url=sandbox.url, attempts=5, on_unknown="resolve") as ip1,
    ):
        async with ip1.turn() as turn:
            with pytest.raises(error):
                await turn.send(BATCH)
        assert len(sandbox.requests) == 1


async def test_a_closed_client_gives_no_turn() -> None:
    ip1 = Client("token", base_url="http://127.0.0.1:1")
    await ip1.close()
    with pytest.raises(RuntimeError, match="closed"):
        async with ip1.turn():
            pytest.fail("a turn was given")
    assert ip1.calls.gate.in_flight == 0


async def test_recipients_that_were_checked_before_go_out_as_they_are() -> None:
    async with Sandbox() as sandbox, Client(sandbox.token, base_url=sandbox.url) as ip1:
        batch = NewBatch(sender="iP1", recipients=["0"], body="Hi {name}", reference="order-1", tags=["a"])
        async with ip1.turn() as turn:
            sent = await turn.send(
                batch, recipients='{"46700000001":{"name":"Åsa \\"}"},"default":{"name":""}}'.encode()
            )
        assert (sent.reference, sent.tags, sent.templated) == ("order-1", ("a",), True)
        assert [(each.recipient, each.body) for each in sandbox.messages()] == [("46700000001", 'Hi Åsa "}')]
