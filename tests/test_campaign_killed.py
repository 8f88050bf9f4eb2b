"""Campaigns whose processes are killed, stopped and cut off at any moment: everybody gets exactly one message.

The verdict is the sandbox's own record. `IP1_CAMPAIGN_RUNS=100` makes that many runs with random kills, instead of those that
a short time is enough for, and `pytest -s` shows the figures.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import platform
import random
import signal
import sqlite3
import time
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Coroutine, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from attrs import evolve, frozen

from ip1_async.campaign.ledger import Draft, SQLiteLedger, records
from ip1_async.campaign.orders import Orders
from ip1_async.sandbox import Sandbox
from tests.campaigner import Campaigner, Campaigners, Order

RUNS = int(os.environ.get("IP1_CAMPAIGN_RUNS", "0"))
LEAST, SECONDS = 3, 20.0
"""How many runs with random kills are made at least, and for how long, where their number is not given."""
BLIND_RUNS = max(3, RUNS // 5)
LANES = 4
"""Campaigns at once: they wait more than they work."""

LATE = 0.15
"""Half of what is allowed for landing and visibility: the sandbox may be slow itself."""
FAULTS = (
    f"POST /v2/batches late seconds={LATE} chance=0.07",
    f"POST /v2/batches hidden seconds={LATE} chance=0.1",
    "POST /v2/batches reset before chance=0.07",
    "POST /v2/batches reset after chance=0.07",
    "POST /v2/batches cut chance=0.07",
    "POST /v2/batches garbage chance=0.03",
    "POST /v2/batches 503 before chance=0.05",
    "POST /v2/batches 500 after chance=0.07",
    "POST /v2/batches silence chance=0.03",
    "POST /v2/batches 429 retry_after=0 chance=0.05",
    "POST /v2/batches delay seconds=0.1 chance=0.5",
    "GET /v2/batches 503 chance=0.1",
    "GET /v2/batches reset chance=0.1",
)
PEOPLE = 600


@pytest_asyncio.fixture
async def start() -> AsyncGenerator[Campaigners]:
    async with Campaigners() as start:
        yield start


def number(person: int) -> str:
    # The last three digits are no status code, which the sandbox would have the message end with.
    return f"467{person:05}900"


def planned(path: Path, sizes: Sequence[int]) -> str:
    """A ledger with chunks of these sizes."""
    draft = Draft(path)
    ends = [*itertools.accumulate(sizes)]
    for first, end in zip([0, *ends], ends, strict=False):
        draft.chunk([number(each) for each in range(first, end)], range(first, end), text="", zone="")
    orders = Orders(sender="iP1", texts={"": "Hello"})
    draft.commit("a" * 16, source="people", planned=time.time(), orders=orders.to_dict(), plan={})
    return str(path)


def states(ledger: str) -> Counter[str]:
    """How many chunks there are in each state."""
    with closing(sqlite3.connect(ledger)) as db:
        return Counter(dict(db.execute("SELECT state, count(*) FROM chunks GROUP BY state")))


async def until(true: Callable[[], bool]) -> None:
    """Comes back when it is true; the test's own time limit is the end of it."""
    while not true():
        await asyncio.sleep(0.01)


def received(sandbox: Sandbox) -> Counter[str]:
    """How many messages each phone got."""
    return Counter(each.recipient for each in sandbox.messages())


def posted(sandbox: Sandbox, person: int) -> list[str]:
    """The references of all requests that named somebody, whatever became of them."""
    bodies = [json.loads(each.body) for each in sandbox.requests if each.method == "POST"]
    return [each["reference"] for each in bodies if number(person) in each["recipients"]]


async def check_done(ledger: str, sandbox: Sandbox, people: int, story: str) -> None:
    """Everybody has exactly one message, and the ledger says so."""
    # What would still come late, come now.
    await asyncio.sleep(LATE)
    got = received(sandbox)
    assert {who: count for who, count in got.items() if count != 1} == {}, story
    assert got.keys() == {number(each) for each in range(people)}, story
    kept = SQLiteLedger(ledger)
    try:
        assert {each.state for each in await kept.tallies()} <= {"ACCEPTED", "SPLIT"}, story
        assert await kept.ask(records.incidents) == [], story
    finally:
        await kept.close()


async def in_lanes(work: Callable[[], Coroutine[Any, Any, None]], lanes: int = LANES) -> None:
    async with asyncio.TaskGroup() as group:
        for _ in range(lanes):
            group.create_task(work())


# A crash at every transition


@pytest.mark.parametrize("committed", [False, True], ids=["before", "after"])
@pytest.mark.timeout(100)
async def test_a_process_that_dies_at_any_transition_before_or_after_its_commit_loses_and_doubles_nobody(
    start: Campaigners, tmp_path: Path, committed: bool
) -> None:
    numbers = itertools.count(1)
    died, ended = list[int](), list[int]()

    async def lane() -> None:
        while not ended:
            n = next(numbers)
            (died if await dies_at(start, tmp_path / f"{n}.db", n, committed=committed) else ended).append(n)

    async with asyncio.timeout(90):
        await in_lanes(lane, 6)
    assert len(died) > 25, "a run has at least so many transitions"


async def dies_at(start: Campaigners, path: Path, n: int, *, committed: bool) -> bool:
    """One campaign whose process dies at the *n*-th transition, if it gets there; every third dies once more."""
    ledger = planned(path, [10] * 6)
    again = 1 + n * 7 % 12 if n % 3 == 0 else None
    story = f"dead at transition {n}, {'after' if committed else 'before'} its commit, then at {again}"
    async with Sandbox(
        faults=[
            "POST /v2/batches 413 times=1",
            "POST /v2/batches 500 before times=1",
            "POST /v2/batches reset after times=1",
            "POST /v2/batches 429 retry_after=0 times=1",
            f"POST /v2/batches late seconds={LATE} times=1",
            f"POST /v2/batches hidden seconds={LATE}",
        ]
    ) as sandbox:
        whole = Order(ledger=ledger, url=sandbox.url, concurrency=2)
        first = await start(evolve(whole, crash=n, committed=committed))
        await first.ended.wait()
        if again is not None:
            await (await start(evolve(whole, crash=again, committed=committed))).ended.wait()
        last = await start(whole)
        await last.ended.wait()
        assert last.error == "", f"{story}: {last.words}"
        await check_done(ledger, sandbox, 60, story)
    assert first.code in (0, -signal.SIGKILL), story
    return first.code != 0


# Kills at random


@frozen
class Figures:
    kills: int
    requests: int
    resolved: int
    doubled: int
    """Recipients with more than one message."""


async def killed_at_random(start: Campaigners, folder: Path, seed: int, *, blind: bool = False) -> Figures:
    """One campaign that is killed again and again, until one of its processes gets to the end."""
    chance, kills, resolved = random.Random(seed), 0, 0
    sizes = list[int]()
    while (left := PEOPLE - sum(sizes)) > 50:
        sizes.append(chance.randint(20, min(50, left - 20)))
    ledger = planned(folder / f"{seed}{blind}.db", [*sizes, left])
    async with Sandbox(faults=FAULTS, chance=random.Random(seed).random) as sandbox:
        order = Order(ledger=ledger, url=sandbox.url, blind=blind)
        while True:
            process = await start(order)
            try:
                async with asyncio.timeout(chance.uniform(0.02, 0.4) * 1.2**kills):
                    await process.ended.wait()
            except TimeoutError:
                await process.kill()
                kills += 1
            resolved += process.resolved
            if process.code == 0:
                break
        assert process.error == "", f"seed {seed}: {process.words}"
        if not blind:
            await check_done(ledger, sandbox, PEOPLE, f"seed {seed}, killed {kills} times")
        got = received(sandbox)
        doubled = sum(count > 1 for count in got.values())
        return Figures(kills, sandbox.requests[-1].number, resolved, doubled)


def told(figures: Sequence[Figures], began: float) -> str:
    kills, requests, resolved, doubled = (
        sum(getattr(each, name) for each in figures) for name in ("kills", "requests", "resolved", "doubled")
    )
    return (
        f"{len(figures)} runs of {PEOPLE} recipients, {kills} kills, {requests} requests, {resolved} sends in doubt resolved; "
        f"{doubled} recipients doubled, in {sum(each.doubled > 0 for each in figures)} runs; "
        f"{time.monotonic() - began:.0f} s"
    )


@pytest.mark.timeout(60 + RUNS * 20)
async def test_after_kills_at_random_and_every_kind_of_fault_everybody_has_exactly_one_message(
    start: Campaigners, tmp_path: Path
) -> None:
    figures, begun, began = list[Figures](), itertools.count(), time.monotonic()

    async def lane() -> None:
        for n in begun:
            if n >= RUNS if RUNS else n >= LEAST and time.monotonic() > began + SECONDS:
                return
            figures.append(await killed_at_random(start, tmp_path, random.randrange(1 << 32)))

    await in_lanes(lane)
    print(f"\n{told(figures, began)}")
    assert len(figures) >= LEAST
    assert sum(each.kills for each in figures) >= len(figures)
    assert sum(each.resolved for each in figures) >= len(figures)


@pytest.mark.timeout(60 + RUNS * 20)
async def test_sending_again_blindly_after_the_same_kills_and_faults_doubles_messages(
    start: Campaigners, tmp_path: Path
) -> None:
    figures, begun, began = list[Figures](), itertools.count(), time.monotonic()

    async def lane() -> None:
        while next(begun) < BLIND_RUNS:
            figures.append(await killed_at_random(start, tmp_path, random.randrange(1 << 32), blind=True))

    await in_lanes(lane)
    print(f"\nsending again blindly: {told(figures, began)}")
    assert sum(each.doubled for each in figures) > 0


# Stopped in the middle, and taken over


async def takes_over(start: Campaigners, order: Order) -> Campaigner:
    """A process that has the campaign now, as soon as the lease of another one has ended."""
    while True:
        other = await start(order)
        ended = asyncio.create_task(other.ended.wait())
        while not ended.done() and not states(order.ledger)["UNKNOWN"]:
            await asyncio.sleep(0.01)
        ended.cancel()
        if other.error != "LedgerHeld":
            return other


@pytest.mark.parametrize("when", ["in the quarantine", "when the other has sent it", "when the other has ended"])
@pytest.mark.timeout(60)
async def test_a_process_stopped_between_intent_and_request_sends_nothing_when_it_goes_on_after_a_take_over(
    start: Campaigners, tmp_path: Path, when: str
) -> None:
    ledger = planned(tmp_path / "campaign.db", [10] * 6)
    async with Sandbox(faults=["POST /v2/batches delay seconds=0.2"]) as sandbox, asyncio.timeout(50):
        order = Order(ledger=ledger, url=sandbox.url, landing=0.5, visibility=0.5, lease=1.0, concurrency=1)
        stopped = await start(evolve(order, stop=1))
        await stopped.stopped.wait()
        assert states(ledger) == {"SENDING": 1, "PENDING": 5}
        other = await takes_over(start, order)
        match when:
            case "in the quarantine":
                assert received(sandbox)[number(0)] == 0
            case "when the other has sent it":
                await until(lambda: received(sandbox)[number(0)] == 1)
            case _:
                await other.ended.wait()
        stopped.send(signal.SIGCONT)
        await stopped.ended.wait()
        await other.ended.wait()
        assert (stopped.error, other.error) == ("LedgerHeld", "")
        assert "another process has taken the campaign over" in stopped.words
        assert posted(sandbox, 0) == [f"ip1a:{'a' * 16}:1:2"], "only the second attempt was ever sent"
        await check_done(ledger, sandbox, 60, when)


# Two at once


@pytest.mark.timeout(60)
async def test_a_second_process_is_told_who_holds_the_ledger_and_has_it_at_once_when_that_one_is_dead(
    start: Campaigners, tmp_path: Path
) -> None:
    ledger = planned(tmp_path / "campaign.db", [10] * 6)
    async with Sandbox(faults=["POST /v2/batches silence times=4"]) as sandbox, asyncio.timeout(50):
        order = Order(ledger=ledger, url=sandbox.url, lease=600.0, timeout=300.0)
        first = await start(order)
        await until(lambda: states(ledger)["SENDING"] == 4)
        second = await start(order)
        await second.ended.wait()
        assert second.error == "LedgerHeld"
        assert f"process {first.pid} on {platform.node()}" in second.words
        await first.kill()
        third = await start(order)
        await third.ended.wait()
        assert third.error == "", third.words
        await check_done(ledger, sandbox, 60, "taken over from a dead process")


# Stopped and cut off by a person


async def held_until(ledger: str) -> float | None:
    kept = SQLiteLedger(ledger)
    try:
        held = await kept.held()
        return held.until if held is not None else None
    finally:
        await kept.close()


@pytest.mark.timeout(60)
async def test_a_stop_brings_what_is_under_way_to_its_end_claims_nothing_more_and_gives_the_lease_back(
    start: Campaigners, tmp_path: Path
) -> None:
    ledger = planned(tmp_path / "campaign.db", [10] * 12)
    async with Sandbox(faults=["POST /v2/batches delay seconds=1 times=4"]) as sandbox, asyncio.timeout(50):
        order = Order(ledger=ledger, url=sandbox.url, lease=600.0, timeout=30.0)
        first = await start(order)
        await until(lambda: states(ledger)["SENDING"] == 4)
        first.send(signal.SIGTERM)
        await first.ended.wait()
        assert first.error == "", first.words
        assert states(ledger) == {"ACCEPTED": 4, "PENDING": 8}
        assert await held_until(ledger) == 0.0
        assert len(received(sandbox)) == 40
        second = await start(order)
        await second.ended.wait()
        assert second.error == "", second.words
        await check_done(ledger, sandbox, 120, "stopped and run again")


@pytest.mark.timeout(60)
async def test_a_run_cancelled_once_waits_for_what_is_under_way_and_cancelled_twice_leaves_it_in_doubt(
    start: Campaigners, tmp_path: Path
) -> None:
    ledger = planned(tmp_path / "campaign.db", [10] * 12)
    faults = ["POST /v2/batches silence times=2", "POST /v2/batches delay seconds=1 times=2"]
    async with Sandbox(faults=faults) as sandbox, asyncio.timeout(50):
        order = Order(ledger=ledger, url=sandbox.url, lease=600.0, timeout=300.0)
        first = await start(order)
        await until(lambda: states(ledger)["SENDING"] == 4)
        first.send(signal.SIGINT)
        await first.cancelled.wait()
        await until(lambda: states(ledger)["ACCEPTED"] == 2)
        assert states(ledger) == {"ACCEPTED": 2, "SENDING": 2, "PENDING": 8}
        first.send(signal.SIGINT)
        await first.ended.wait()
        assert first.error == "CancelledError"
        assert states(ledger) == {"ACCEPTED": 2, "UNKNOWN": 2, "PENDING": 8}
        assert await held_until(ledger) == 0.0
        second = await start(order)
        await second.ended.wait()
        assert second.error == "", second.words
        await check_done(ledger, sandbox, 120, "cut off and run again")


async def test_a_lease_lasts_until_no_request_of_a_claimed_chunk_may_begin_any_more(
    start: Campaigners, tmp_path: Path
) -> None:
    ledger = planned(tmp_path / "campaign.db", [10] * 2)
    # The first claim comes late in the lease, just before it would be renewed for the first time.
    async with Sandbox(faults=["GET /v2/blacklist delay seconds=0.8 times=1"]) as sandbox, asyncio.timeout(30):
        order = Order(
            ledger=ledger, url=sandbox.url, landing=0.1, visibility=0.1, deadline=3.0, lease=3.0, concurrency=1
        )
        stopped = await start(evolve(order, stop=1))
        await stopped.stopped.wait()
        other = await takes_over(start, order)
        await until(lambda: received(sandbox)[number(0)] == 1)
        stopped.send(signal.SIGCONT)
        await stopped.ended.wait()
        await other.ended.wait()
        assert posted(sandbox, 0) == [f"ip1a:{'a' * 16}:1:2"]
        await check_done(ledger, sandbox, 20, "taken over before the deadline of a claimed chunk")


async def test_the_anchor_is_that_of_the_ledger_also_when_another_process_has_set_it_after_the_facts_were_read(
    start: Campaigners, tmp_path: Path
) -> None:
    # More batches than one page of the list holds, so that where a look ends makes a difference.
    ledger = planned(tmp_path / "campaign.db", [1] * 210)
    faults = ["POST /v2/batches reset after times=1"]
    async with Sandbox(faults=faults) as sandbox, asyncio.timeout(30):
        order = Order(ledger=ledger, url=sandbox.url, landing=0.1, visibility=0.1, concurrency=1)
        second = await start(evolve(order, stop=0))
        await second.stopped.wait()
        first = await start(evolve(order, landing=20.0))
        await until(lambda: states(ledger) == {"UNKNOWN": 1, "ACCEPTED": 209})
        await first.kill()
        second.send(signal.SIGCONT)
        await second.ended.wait()
        assert second.error == "", second.words
        await check_done(ledger, sandbox, 210, "the anchor was set after the facts were read")
