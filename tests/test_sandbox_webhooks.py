"""Webhooks of the sandbox: posted when they are due, repeated until somebody answers 200, badly behaved when asked to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from attrs import define, field

from ip1_async import Client, DeliveryReport, DeliveryWindow
from ip1_async.clock import ManualClock
from ip1_async.sandbox import Habits, Sandbox
from tests.scripted import Answer, Asked, Scripted

ANN, BO, OURS = "46700000001", "46700000511", "46700000099"


@define
class Receiver:
    """Answers webhooks, and remembers them."""

    status: int = 200
    got: list[Any] = field(factory=list)
    also: Callable[[Any], None] = lambda said: None
    on: Scripted = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.on = Scripted(self.answer)

    def answer(self, asked: Asked) -> Answer:
        assert (asked.method, asked.headers["Content-Type"]) == ("POST", "application/json")
        self.got.append(asked.json)
        self.also(asked.json)
        return Answer(status=self.status)

    @property
    def url(self) -> str:
        return f"{self.on.url}/hook"

    def codes(self, recipient: str = ANN) -> list[int]:
        return [each["code"] for each in self.got if each["recipient"] == recipient]


@asynccontextmanager
async def posting(clock: ManualClock, **options: Any) -> AsyncIterator[tuple[Sandbox, Client, Receiver]]:
    """A sandbox whose time stands still, and somebody who receives its webhooks."""
    receiver = Receiver()
    async with (
        receiver.on,
        Sandbox(clock=clock, speed=0, **options) as sandbox,
        Client(sandbox.token, base_url=sandbox.url, rate=None) as ip1,
    ):
        yield sandbox, ip1, receiver


async def send(ip1: Client, receiver: Receiver, *recipients: str, **changes: Any) -> Any:
    whole = {"sender": "iP1", "body": "Hello", "delivery_report_url": receiver.url, "reference": "order-17"}
    return await ip1.batches.send(**whole, recipients=recipients or (ANN,), **changes)


async def test_every_status_is_reported_when_it_arises(clock: ManualClock) -> None:
    async with posting(clock) as (sandbox, ip1, receiver):
        batch = await send(ip1, receiver, ANN, BO)
        for _ in range(20):
            await sandbox.advance(seconds=0.1)
            shown = {each.recipient: each.status for each in await ip1.batches.messages(batch.id)}
            assert {number: receiver.codes(number)[-1] for number in (ANN, BO)} == shown
        assert receiver.codes() == [101, 102, 103, 110, 111, 112, 201]
        assert receiver.codes(BO) == [101, 102, 103, 110, 111, 112, 511]
        (message,) = [each for each in await ip1.batches.messages(batch.id) if each.recipient == ANN]
        last = [each for each in receiver.got if each["recipient"] == ANN][-1]
        assert last == {
            "messageId": message.id, "batchId": batch.id, "recipient": ANN, "code": 201, "duration": 1,
            "created": message.statuses[-1].created.isoformat().replace("+00:00", "Z"), "segments": 1, "price": 0.35,
            "currency": "sek", "reference": "order-17",
        }  # fmt: skip
        assert DeliveryReport.from_dict(last).code == 201
        assert all(each.status == 200 and each.attempt == 1 and each.next is None for each in sandbox.posts)
        await sandbox.advance(days=1)
        assert len(receiver.got) == 14


async def test_without_an_address_nothing_is_posted(clock: ManualClock) -> None:
    async with posting(clock) as (sandbox, ip1, receiver):
        await ip1.batches.send(sender="iP1", recipients=[ANN], body="Hello")
        await sandbox.advance(minutes=1)
        assert (receiver.got, sandbox.posts) == ([], ())


@pytest.mark.parametrize("status", [201, 204, 302, 404, 500])
async def test_anything_but_200_is_repeated_every_ten_minutes_ten_times_in_all(clock: ManualClock, status: int) -> None:
    async with posting(clock) as (sandbox, ip1, receiver):
        receiver.status = status
        await send(ip1, receiver, "46700000101")
        await sandbox.advance(seconds=5)
        assert len(receiver.got) == 1
        await sandbox.advance(minutes=9)
        assert len(receiver.got) == 1
        await sandbox.advance(minutes=2)
        assert len(receiver.got) == 2
        await sandbox.advance(hours=5)
        assert receiver.got == receiver.got[:1] * 10
        assert [each.attempt for each in sandbox.posts] == [*range(1, 11)]
        assert [each.next is None for each in sandbox.posts] == [False] * 9 + [True]


async def test_a_receiver_that_is_down_gets_it_when_it_is_back(clock: ManualClock) -> None:
    async with posting(clock) as (sandbox, ip1, receiver):
        await receiver.on.__aexit__(None, None, None)
        batch = await ip1.batches.send(
            sender="iP1", recipients=["46700000101"], body="Hello", delivery_report_url=receiver.url
        )
        await sandbox.advance(minutes=1)
        assert [(each.status, each.problem) for each in sandbox.posts] == [(None, "no connection could be made")]
        async with receiver.on.again():
            await sandbox.advance(minutes=10)
        assert [each["batchId"] for each in receiver.got] == [batch.id]


async def test_a_cancelled_batch_reports_that_and_nothing_of_what_was_planned(clock: ManualClock) -> None:
    async with posting(clock) as (sandbox, ip1, receiver):
        later = [DeliveryWindow(opens=sandbox.now + timedelta(hours=1))]
        batch = await send(ip1, receiver, delivery_windows=later)
        await sandbox.advance(seconds=1)
        await ip1.batches.cancel(batch.id)
        await sandbox.advance(days=1)
        assert receiver.codes() == [101, 102, 203]


async def test_webhooks_to_other_machines_are_refused_unless_allowed(clock: ManualClock) -> None:
    async with posting(clock) as (sandbox, ip1, _):
        await ip1.batches.send(
            sender="iP1", recipients=["46700000101"], body="Hello", delivery_report_url="https://example.com/hook"
        )
        await sandbox.advance(hours=1)
        (post,) = sandbox.posts
        assert (post.status, post.problem, post.next) == (None, "only addresses of this machine are posted to", None)
        assert "example.com" not in repr(post)


# Bad behaviour


async def test_reports_may_come_twice(clock: ManualClock) -> None:
    async with posting(clock, webhooks=Habits(doubled=True)) as (sandbox, ip1, receiver):
        await send(ip1, receiver)
        await sandbox.advance(seconds=3)
        assert receiver.codes() == [code for code in (101, 102, 103, 110, 111, 112, 201) for _ in range(2)]


async def test_reports_may_come_late(clock: ManualClock) -> None:
    async with posting(clock, webhooks=Habits(late=60)) as (sandbox, ip1, receiver):
        await send(ip1, receiver)
        await sandbox.advance(seconds=59)
        assert receiver.got == []
        await sandbox.advance(seconds=4)
        assert len(receiver.got) == 7


async def test_reports_may_come_in_any_order(clock: ManualClock) -> None:
    chances = iter([0.9, 0.1, 0.8, 0.2, 0.7, 0.3, 0.0])
    async with posting(clock, webhooks=Habits(disordered=True), chance=lambda: next(chances)) as (sandbox, ip1, got):
        await send(ip1, got)
        await sandbox.advance(seconds=10)
        assert sorted(got.codes()) == [101, 102, 103, 110, 111, 112, 201]
        assert got.codes() != sorted(got.codes())


async def test_the_first_report_may_come_before_the_send_is_answered(clock: ManualClock) -> None:
    answered: list[bool] = []
    async with posting(clock, webhooks=Habits(early=True, id_name="id")) as (_, ip1, receiver):
        receiver.also = lambda said: answered.append(sending.done())
        sending = asyncio.ensure_future(send(ip1, receiver))
        batch = await sending
        assert answered[:1] == [False]
        assert receiver.got[0]["batchId"] == batch.id
        assert (receiver.got[0]["code"], "messageId" in receiver.got[0]) == (101, False)
        assert receiver.got[0]["id"] == (await ip1.batches.messages(batch.id))[0].id


# Incoming


async def test_an_incoming_message_is_posted_to_the_setting(clock: ManualClock) -> None:
    async with posting(clock) as (sandbox, ip1, receiver):
        await sandbox.receive(sender=ANN, recipient=OURS, body="Nobody listens")
        await ip1.settings.set("IncomingCallbackUrl", receiver.url)
        id = await sandbox.receive(sender=ANN, recipient=OURS, body="STOP")
        await sandbox.advance(seconds=1)
        (said,) = receiver.got
        assert (said["id"], said["sender"], said["recipient"], said["body"]) == (id, ANN, OURS, "STOP")
        assert (said["direction"], said["statuses"][0]["code"]) == ("mo", 201)
        assert not {"price", "currency", "reference"} & said.keys()
        assert [each.msisdn for each in await ip1.blacklist.list()] == [ANN]
        shown = [each.id for each in await ip1.conversations.incoming(ANN)]
        assert shown[-1] == id


# Restart


async def test_what_was_not_answered_is_posted_after_a_restart(clock: ManualClock, tmp_path: Path) -> None:
    db = tmp_path / "state.db"
    async with posting(clock, db=db) as (sandbox, ip1, receiver):
        receiver.status = 500
        await send(ip1, receiver, "46700000101")
        await sandbox.advance(seconds=1)
    assert len(receiver.got) == 1
    receiver.status = 200
    async with receiver.on.again(), Sandbox(db=db, clock=clock, speed=0) as sandbox:
        await sandbox.advance(minutes=10)
        assert [(each.attempt, each.status) for each in sandbox.posts] == [(2, 200)]
    assert len(receiver.got) == 2


async def test_a_thousand_recipients_are_reported_to_the_end(clock: ManualClock) -> None:
    async with posting(clock) as (sandbox, ip1, receiver):
        numbers = [str(46700010000 + each) for each in range(100)]
        await send(ip1, receiver, *numbers)
        await sandbox.advance(seconds=3)
        final = {each["recipient"] for each in receiver.got if each["duration"]}
        stalled = {number for number in numbers if 101 <= int(number[-3:]) <= 114}
        assert final == set(numbers) - stalled
