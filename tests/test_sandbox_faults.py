"""Faults, the limit of requests and the sandbox's time, by what a client makes of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ip1_async import Client, NotSeen, OutcomeUnknown, RateLimited, ReadFailed, Rejected, Sent
from ip1_async.clock import ManualClock
from ip1_async.sandbox import Fault, Sandbox, faults

ANN = "46700000001"


@asynccontextmanager
async def hit_by(*rules: str | Fault, **options: Any) -> AsyncIterator[tuple[Sandbox, Client]]:
    """A sandbox with these faults, and a client that tries once."""
    async with (
        Sandbox(faults=rules, **options) as sandbox,
        Client(sandbox.token, base_url=sandbox.url, attempts=1, timeout=1.0, rate=None) as ip1,
    ):
        yield sandbox, ip1


async def send(ip1: Client) -> Any:
    return await ip1.batches.send(sender="iP1", recipients=[ANN], body="Hello")


# What a send makes of each


@pytest.mark.parametrize(
    "rule",
    ["POST 503 after", "POST 500 after", "POST reset after", "POST silence", "POST cut", "POST garbage"],
)
async def test_a_send_that_was_carried_out_is_in_doubt_and_found(rule: str) -> None:
    async with hit_by(f"{rule} times=1") as (sandbox, ip1):
        with pytest.raises(OutcomeUnknown) as caught:
            await send(ip1)
        assert len(sandbox.messages(to=ANN)) == 1
        assert isinstance(await caught.value.resolve(), Sent)
        assert caught.value.accepted is (rule == "POST cut")
        assert sandbox.faults == ()
        assert (await send(ip1)).id


@pytest.mark.parametrize("rule", ["POST 503", "POST 500 before", "POST reset", "POST reset before"])
async def test_a_send_that_was_not_carried_out_is_in_doubt_and_not_found(rule: str) -> None:
    async with hit_by(f"{rule} times=1") as (sandbox, ip1):
        with pytest.raises(OutcomeUnknown) as caught:
            await send(ip1)
        assert sandbox.messages() == ()
        assert isinstance(await caught.value.resolve(), NotSeen)


async def test_a_send_may_be_carried_out_after_its_connection_is_gone() -> None:
    async with hit_by("POST late seconds=0.05 times=1") as (sandbox, ip1):
        with pytest.raises(OutcomeUnknown) as caught:
            await send(ip1)
        assert isinstance(await caught.value.resolve(), NotSeen)
        async with asyncio.timeout(5):
            while not sandbox.messages(to=ANN):
                await asyncio.sleep(0.01)
        assert isinstance(await caught.value.resolve(), Sent)


async def test_what_was_to_be_carried_out_late_ends_with_the_sandbox() -> None:
    async with hit_by("POST late seconds=1000") as (_, ip1):
        with pytest.raises(OutcomeUnknown):
            await send(ip1)
    assert not [each for each in asyncio.all_tasks() if "late" in each.get_name()]


async def test_a_batch_may_be_listed_later_than_it_was_accepted(clock: ManualClock) -> None:
    async with hit_by("POST hidden seconds=30 times=1", clock=clock) as (_, ip1):
        first, second, third = await send(ip1), await send(ip1), await send(ip1)
        assert [each.id for each in await ip1.batches.list()] == [second.id, third.id]
        assert [each.id for each in await ip1.batches.list(order="DESC", limit=1)] == [third.id]
        assert (await ip1.batches.get(first.id)).id == first.id
        await clock.advance(31)
        assert [each.id for each in await ip1.batches.list()] == [first.id, second.id, third.id]


async def test_a_wait_that_is_asked_for_is_obeyed(clock: ManualClock) -> None:
    async with hit_by("POST 429 retry_after=90 times=1") as (sandbox, ip1):
        with pytest.raises(RateLimited) as caught:
            await send(ip1)
        assert caught.value.retry_after == 90
        assert sandbox.messages() == ()


async def test_an_answer_may_take_its_time(clock: ManualClock) -> None:
    async with hit_by("GET delay seconds=5", clock=clock) as (_, ip1):
        answer = asyncio.ensure_future(ip1.account.overview())
        while not clock._due:
            await asyncio.sleep(0.001)
        await clock.advance(4.9)
        assert not answer.done()
        await clock.advance(0.2)
        assert (await answer).account


@pytest.mark.parametrize(
    ("rule", "kind"),
    [("502", ReadFailed), ("reset", ReadFailed), ("cut", ReadFailed), ("garbage", ReadFailed), ("404", Rejected)],
)
async def test_reads_fail_without_doubt(rule: str, kind: type[Exception]) -> None:
    async with hit_by(f"GET {rule} after") as (_, ip1):
        with pytest.raises(kind):
            await ip1.account.overview()


# Which requests are hit


async def test_a_rule_hits_its_method_and_path_so_many_times() -> None:
    async with hit_by("GET /v2/black* 503 times=2") as (sandbox, ip1):
        await ip1.batches.list()
        await ip1.blacklist.add(ANN)
        for _ in range(2):
            with pytest.raises(ReadFailed):
                await ip1.blacklist.list()
        assert len(await ip1.blacklist.list()) == 1
        assert [each.fault for each in sandbox.requests] == [None, None, "status", "status", None]


async def test_a_rule_hits_by_chance() -> None:
    drawn = iter([0.1, 0.9, 0.6, 0.4])
    async with hit_by("GET 503 chance=0.5", chance=lambda: next(drawn)) as (_, ip1):
        failed: list[bool] = []
        for _ in range(4):
            try:
                await ip1.account.overview()
                failed.append(False)
            except ReadFailed:
                failed.append(True)
        assert failed == [True, False, False, True]


async def test_faults_are_switched_on_and_off_while_it_runs() -> None:
    async with hit_by() as (sandbox, ip1):
        sandbox.fault(Fault("status", "GET", status=500), "POST silence")
        assert [each.do for each in sandbox.faults] == ["status", "silence"]
        with pytest.raises(ReadFailed):
            await ip1.account.overview()
        sandbox.clear_faults()
        assert (await ip1.account.overview()).account


async def test_requests_beyond_the_limit_get_429(clock: ManualClock) -> None:
    async with hit_by(requests_per_second=2, clock=clock) as (sandbox, ip1):
        for _ in range(2):
            await ip1.account.overview()
        with pytest.raises(RateLimited) as caught:
            await ip1.account.overview()
        assert caught.value.retry_after == 1
        await clock.advance(1.0)
        await ip1.account.overview()
        sandbox.requests_per_second = None
        for _ in range(5):
            await ip1.account.overview()


async def test_the_log_has_what_was_asked_and_answered() -> None:
    async with hit_by("POST reset after times=1") as (sandbox, ip1):
        with pytest.raises(OutcomeUnknown):
            await send(ip1)
        await ip1.batches.list(limit=1)
        lost, listed = sandbox.requests
        assert (lost.method, lost.path, lost.status, lost.fault) == ("POST", "/v2/batches", None, "reset")
        assert '"body": "Hello"' in lost.body or '"body":"Hello"' in lost.body
        assert (listed.status, listed.fault, listed.query) == (200, None, "start=0&limit=1&order=ASC")
        assert "Hello" in listed.answer
        assert "Hello" not in repr(lost) + repr(listed)


async def test_a_sandbox_with_a_silent_request_ends_at_once() -> None:
    sandbox = Sandbox(faults=["silence"])
    async with sandbox, aiohttp.ClientSession() as session:
        waiting = asyncio.ensure_future(session.get(f"{sandbox.url}/v2/batches"))
        while not session.connector._acquired:  # type: ignore[union-attr]
            await asyncio.sleep(0.001)
        await asyncio.sleep(0.01)
    with pytest.raises(aiohttp.ClientError):
        await waiting


# How they are written


@pytest.mark.parametrize(
    ("line", "rule"),
    [
        ("503", Fault("status")),
        ("POST /v2/batches 500 after", Fault("status", "POST", "/v2/batches", status=500, when="after")),
        ("post", None),
        ("GET reset times=3 chance=0.25", Fault("reset", "GET", times=3, chance=0.25)),
        ("* 429 retry_after=7", Fault("status", status=429, retry_after=7)),
        ("PUT *batch* late seconds=2.5", Fault("late", "PUT", "*batch*", seconds=2.5)),
    ],
)
def test_a_line_is_read(line: str, rule: Fault | None) -> None:
    if rule is None:
        with pytest.raises(ValueError, match="has no word post"):
            faults.parse(line)
    else:
        assert faults.parse(line) == rule


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("", "a fault needs a do, one of delay, status"),
        ("POST", "a fault needs a do"),
        ("explode", "a fault has no word explode"),
        ("503 times=0", "times of a fault is a whole number from 1 to 1000000000"),
        ("503 times=1.5", "times of a fault is a whole number"),
        ("503 chance=2", "chance of a fault is a number from 0 to 1"),
        ("503 chance=x", "chance of a fault is a number"),
        ("delay seconds=-1", "seconds of a fault is a number from 0 to 1000000000"),
        ("503 colour=5", "a fault has no colour; it has do, method"),
        ("status status=200", "status of a fault is a whole number from 400 to 599"),
    ],
)
def test_a_line_that_makes_no_sense_is_refused_in_one_sentence(line: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Sandbox(faults=[line])


rules = st.builds(
    Fault,
    st.sampled_from(faults.ACTS),
    st.sampled_from(["*", "GET", "POST"]),
    st.sampled_from(["*", "/v2/batches", "/v2/*"]),
    when=st.sampled_from(["before", "after"]),
    status=st.integers(400, 599),
    seconds=st.floats(0, 1e6),
    retry_after=st.none() | st.integers(0, 100),
    times=st.none() | st.integers(1, 9),
    chance=st.floats(0, 1),
)


@given(rules)
def test_a_rule_survives_json(rule: Fault) -> None:
    assert faults.from_json(rule.as_json()) == rule


@given(
    st.lists(rules),
    st.sampled_from(["GET", "POST", "PUT"]),
    st.sampled_from(["/v2/batches", "/api/me"]),
    st.floats(0, 0.999),
)
def test_the_first_rule_that_matches_and_whose_chance_comes_is_picked(
    some: list[Fault], method: str, path: str, chance: float
) -> None:
    position = faults.picked(some, method, path, lambda: chance)
    would = [each.hits(method, path) and (each.chance == 1 or chance < each.chance) for each in some]
    assert position == (would.index(True) if True in would else None)


# Time


async def test_time_can_be_stopped_moved_and_sped_up(clock: ManualClock) -> None:
    async with hit_by(speed=0, clock=clock) as (sandbox, ip1):
        batch, began = await send(ip1), sandbox.now
        await clock.advance(100)
        assert (sandbox.now, sandbox.speed) == (began, 0)
        assert (await ip1.batches.messages(batch.id))[0].status == 101
        await sandbox.advance(seconds=0.5)
        assert (await ip1.batches.messages(batch.id))[0].status == 110
        sandbox.run(60)
        await clock.advance(1)
        assert (sandbox.now - began).total_seconds() == 60.5
        assert (await ip1.batches.messages(batch.id))[0].status == 201
        for wrong in (-1, float("nan"), 1e9):
            with pytest.raises(ValueError, match="speed is a number from 0 to 1000000"):
                sandbox.run(wrong)


async def test_what_is_forgotten_is_gone_and_ids_go_on() -> None:
    async with hit_by("POST /nowhere 503", requests_per_second=500) as (sandbox, ip1):
        batch = await send(ip1)
        await ip1.blacklist.add(ANN)
        await sandbox.reset()
        assert await ip1.batches.list() == []
        assert await ip1.blacklist.list() == []
        assert [each.sender for each in await ip1.senders.list()] == ["iP1", "iP1sms"]
        assert (sandbox.faults, sandbox.requests_per_second, len(sandbox.requests)) == ((), None, 3)
        assert (await send(ip1)).id > batch.id


async def test_a_sandbox_tells_tests_what_was_sent(ip1_sandbox: Sandbox, ip1: Client) -> None:
    await ip1.batches.send(
        sender="iP1", recipients={ANN: {"name": "Ann"}, "46700000002": {"name": "Bo"}}, body="Hi {name}"
    )
    assert [each.body for each in ip1_sandbox.messages()] == ["Hi Ann", "Hi Bo"]
    (found,) = ip1_sandbox.assert_sent(to=ANN, containing="Ann")
    assert (found.sender, found.segments, found.datacoding, found.direction) == ("iP1", 1, "gsm", "mt")
    assert ANN not in repr(found)
    ip1_sandbox.assert_sent(to=ANN, times=1)
    ip1_sandbox.assert_sent(to="46700000009", times=0)
    with pytest.raises(AssertionError, match="a message containing 'Eve' to 46700000001 was expected; 0 of 1 are"):
        ip1_sandbox.assert_sent(to=ANN, containing="Eve")
    with pytest.raises(AssertionError, match="2 messages to 46700000001 was expected"):
        ip1_sandbox.assert_sent(to=ANN, times=2)
    with pytest.raises(AssertionError, match="nothing was sent there"):
        ip1_sandbox.assert_sent(to="46700000009")
