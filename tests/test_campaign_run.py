"""A run of a campaign against a provider that accepts late, lists late and fails, with a clock that the test moves."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ip1_async import (
    Batch,
    CampaignPaused,
    Client,
    LedgerError,
    LedgerHeld,
    NewBatch,
    NotSent,
    ReadFailed,
    Rejected,
)
from ip1_async.campaign.ledger import Draft, SQLiteLedger, records
from ip1_async.campaign.orders import Orders
from ip1_async.campaign.running.opt_outs import OptOuts, nobody
from ip1_async.campaign.running.run import Settled
from ip1_async.campaign.running.runner import Runner
from ip1_async.campaign.running.scan import look
from ip1_async.campaign.running.terms import Terms
from ip1_async.campaign.states import reference
from ip1_async.clock import ManualClock
from ip1_async.sandbox import Sandbox
from tests.provider import FATES, Fate, Provider

L, V = 30.0, 12.0
CAMPAIGN = "abcdefghijklmnop"


def number(place: int) -> str:
    return f"467{place:08}"


def planned(path: Path, chunks: Iterable[int], **orders: Any) -> set[str]:
    """A ledger whose chunks have so many recipients; gives their numbers."""
    draft, place = Draft(path), 0
    for size in chunks:
        some = [number(place + each) for each in range(size)]
        draft.chunk(some, range(place, place + size), text="", zone=orders.pop("zone", ""))
        place += size
    told = Orders(sender="iP1", texts={"": "Hello"}, **orders)
    draft.commit(CAMPAIGN, source="people", planned=0.0, orders=told.to_dict(), plan={"dropped": 0})
    return {number(each) for each in range(place)}


def runner(ledger: SQLiteLedger, facts: Any, provider: Provider, clock: ManualClock, **terms: Any) -> Runner:
    return Runner(
        ledger, facts, provider, clock=clock, concurrency=3, chance=lambda: 0.5,
        opt_outs=OptOuts(provider.blacklist, nobody, clock), terms=Terms(**{"landing": L, "visibility": V} | terms),
    )  # fmt: skip


async def carried_out(
    path: Path, provider: Provider, clock: ManualClock, *, die_after: int = -1, **terms: Any
) -> list[Settled]:
    """What a run tells, with time moving on by itself; cut off after so many steps of time, as by a crash that is noticed."""
    ledger = SQLiteLedger(path)
    told: list[Settled] = []

    async def run() -> None:
        async with contextlib.aclosing(
            runner(ledger, await ledger.facts(), provider, clock, **terms).outcomes()
        ) as outcomes:
            async for each in outcomes:
                told.append(each)

    task, steps = asyncio.create_task(run()), 0
    try:
        while not task.done():
            if steps == die_after:
                task.cancel()
                await asyncio.sleep(0)
                task.cancel()
            # The ledger's thread gets its time, which is not the clock's.
            for _ in range(5):
                await asyncio.sleep(0.0005)
            await clock.advance(1)
            steps += 1
        with contextlib.suppress(asyncio.CancelledError):
            await task
    finally:
        await ledger.close()
    return told


async def states(path: Path) -> dict[str, int]:
    ledger = SQLiteLedger(path)
    found = {each.state: each.recipients for each in await ledger.tallies() if each.state != "SPLIT"}
    await ledger.close()
    return found


async def incidents(path: Path) -> list[Any]:
    ledger = SQLiteLedger(path)
    found = await ledger.ask(records.incidents)
    await ledger.close()
    return found


@settings(max_examples=25)
@given(
    st.lists(st.sampled_from(FATES), max_size=12),
    st.lists(st.integers(0, 60), max_size=3),
    st.integers(0, 3),
    st.sampled_from(["review", "retry"]),
)
async def test_whatever_becomes_of_requests_nobody_is_texted_twice_and_everybody_is_accounted_for(
    fates: list[Fate], deaths: list[int], read_failures: int, policy: str
) -> None:
    clock = ManualClock()
    provider = Provider(clock, iter(fates), L, V, read_failures)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "ledger"
        everybody = planned(path, [1, 2, 4, 3])
        for death in deaths:
            with contextlib.suppress(CampaignPaused):
                await carried_out(path, provider, clock, die_after=death, on_absent=policy)
        await carried_out(path, provider, clock, on_absent=policy)
        await clock.advance(L + V)
        found = await states(path)
        assert set(found) <= {"ACCEPTED", "REJECTED", "REVIEW"}
        assert sum(found.values()) == len(everybody)
        assert all(count == 1 for count in provider.texts.values())
        assert len(provider.texts) == found.get("ACCEPTED", 0)
        assert await incidents(path) == []
        if policy == "retry":
            assert "REVIEW" not in found


async def test_a_provider_that_breaks_its_word_is_found_out_by_the_audit(tmp_path: Path, clock: ManualClock) -> None:
    planned(tmp_path / "ledger", [2, 2])
    provider = Provider(clock, iter(["late"]), L + V + 5, 0)
    await carried_out(tmp_path / "ledger", provider, clock, on_absent="retry", landing=1, visibility=1)
    assert await incidents(tmp_path / "ledger") == []
    await clock.advance(L + V + 5)
    assert max(provider.texts.values()) == 2
    await carried_out(tmp_path / "ledger", provider, clock, on_absent="retry")
    (found,) = await incidents(tmp_path / "ledger")
    assert found[1:] == (1, "was accepted more than once: batch b2")
    assert provider.cancelled == ["b2"]


@pytest.mark.parametrize(
    ("status", "errors", "words"),
    [
        (401, {}, "token"),
        (402, {}, "credit"),
        (403, {}, "may not"),
        (400, {"sender": ["no"]}, "sender"),
        (404, {}, "refuses"),
    ],
)
async def test_it_pauses_with_the_reason_and_goes_on_when_that_is_seen_to(
    tmp_path: Path, clock: ManualClock, status: int, errors: dict[str, list[str]], words: str
) -> None:
    everybody = planned(tmp_path / "ledger", [2, 2])
    provider = Provider(clock, iter([]), L, V)
    accept = provider._accept

    def refuse(*given: Any) -> Any:
        raise Rejected.answered(status, None, None, errors)

    provider._accept = refuse  # type: ignore[method-assign]
    with pytest.raises(CampaignPaused, match=words):
        await carried_out(tmp_path / "ledger", provider, clock)
    assert await states(tmp_path / "ledger") == {"PENDING": 4}
    provider._accept = accept  # type: ignore[method-assign]
    await carried_out(tmp_path / "ledger", provider, clock)
    assert provider.texts == dict.fromkeys(everybody, 1)


async def test_who_opts_out_after_the_plan_is_left_out_and_said_so(tmp_path: Path, clock: ManualClock) -> None:
    everybody = planned(tmp_path / "ledger", [2, 1])
    provider = Provider(clock, iter([]), L, V)
    provider.blocked = {number(1), number(2)}
    told = await carried_out(tmp_path / "ledger", provider, clock)
    assert provider.texts == {number(0): 1}
    assert {(each.chunk, each.state, each.recipients) for each in told} == {(1, "ACCEPTED", 1), (2, "REJECTED", 0)}
    ledger = SQLiteLedger(tmp_path / "ledger")
    assert await ledger.ask(records.dropped) == [("blacklisted", 2)]
    assert sum(each.recipients for each in await ledger.tallies()) == len(everybody) - 2
    await ledger.close()
    assert await incidents(tmp_path / "ledger") == []


async def test_a_blacklist_that_cannot_be_read_holds_everything_up(tmp_path: Path, clock: ManualClock) -> None:
    planned(tmp_path / "ledger", [1])
    provider = Provider(clock, iter([]), L, V)

    async def revoked() -> Any:
        raise Rejected.answered(401, None, None, {})

    provider.blacklist = revoked  # type: ignore[method-assign]
    with pytest.raises(CampaignPaused):
        await carried_out(tmp_path / "ledger", provider, clock)
    assert provider.posts == 0


async def test_messages_go_out_in_the_recipients_own_hours(tmp_path: Path) -> None:
    night = ManualClock(datetime(2026, 6, 1, 22, 0, tzinfo=UTC))
    planned(tmp_path / "ledger", [1], hours="09:00-20:00", zone="SE")
    provider = Provider(night, iter([]), L, V)
    sent: list[Any] = []
    send = provider._send

    async def note(batch: Any, **given: Any) -> Any:
        sent.append((night.now(), batch.delivery_windows))
        return await send(batch, **given)

    provider._send = note  # type: ignore[method-assign]
    ledger = SQLiteLedger(tmp_path / "ledger")
    task = asyncio.ensure_future(_last(runner(ledger, await ledger.facts(), provider, night)))
    while not task.done():
        for _ in range(5):
            await asyncio.sleep(0.0005)
        await night.advance(60)
    await task
    await ledger.close()
    ((at, windows),) = sent
    # Not before; and soon after, though the clock goes on while the ledger's thread writes.
    assert datetime(2026, 6, 2, 7, 0, tzinfo=UTC) <= at <= datetime(2026, 6, 2, 7, 30, tzinfo=UTC)
    assert next(each.closes for each in windows) == datetime(2026, 6, 2, 18, 0, tzinfo=UTC)
    assert len(windows) >= 2


async def _last(run: Runner) -> list[Settled]:
    return [each async for each in run.outcomes()]


async def test_what_is_in_doubt_is_adopted_long_before_its_quarantine_is_over(
    tmp_path: Path, clock: ManualClock
) -> None:
    planned(tmp_path / "ledger", [1])
    provider = Provider(clock, iter(["lost answer"]), L, 0)
    began = clock.monotonic()
    told = await carried_out(tmp_path / "ledger", provider, clock)
    assert [each.state for each in told] == ["UNKNOWN", "ACCEPTED"]
    assert clock.monotonic() - began < 15


async def test_a_ledger_that_fails_stops_the_run_before_the_request(tmp_path: Path, clock: ManualClock) -> None:
    planned(tmp_path / "ledger", [1])
    provider = Provider(clock, iter([]), L, V)
    ledger = SQLiteLedger(tmp_path / "ledger")

    async def full(*given: Any, **named: Any) -> Any:
        raise LedgerError("the disk is full")

    ledger.claim = full  # type: ignore[method-assign]
    task = asyncio.ensure_future(_last(runner(ledger, await ledger.facts(), provider, clock)))
    while not task.done():
        await asyncio.sleep(0.001)
        await clock.advance(1)
    with pytest.raises(LedgerError):
        await task
    assert provider.posts == 0
    await ledger.close()


async def test_what_the_provider_lists_is_not_sent_again_even_if_the_ledger_has_forgotten_it(
    tmp_path: Path, clock: ManualClock
) -> None:
    everybody = planned(tmp_path / "ledger", [2, 2])
    provider = Provider(clock, iter([]), L, 0)
    await carried_out(tmp_path / "ledger", provider, clock)
    ledger = SQLiteLedger(tmp_path / "ledger")
    await ledger.do(lambda db: db.execute("UPDATE chunks SET state = 'PENDING', batch = NULL WHERE id = 2").fetchall())
    await ledger.close()
    told = await carried_out(tmp_path / "ledger", provider, clock)
    assert [(each.chunk, each.state, each.batch) for each in told] == [(2, "ACCEPTED", "b1")]
    assert provider.texts == dict.fromkeys(everybody, 1)


class SetClock(ManualClock):
    """A clock whose time of day can be set, as machines' clocks are."""

    ahead = 0.0

    def now(self) -> datetime:
        return super().now() + timedelta(seconds=self.ahead)


async def test_a_clock_that_is_set_ahead_while_somebody_sends_doubles_nobody(tmp_path: Path) -> None:
    clock = SetClock()
    everybody = planned(tmp_path / "ledger", [1])
    provider = Provider(clock, iter(["late"]), L, V)
    send, slow = provider._send, [25.0]

    async def connecting(batch: Any, **given: Any) -> Any:
        if slow:
            await clock.sleep(slow.pop())
        return await send(batch, **given)

    provider._send = connecting  # type: ignore[method-assign]

    async def run(ledger: SQLiteLedger) -> None:
        with contextlib.suppress(LedgerHeld):
            await _last(runner(ledger, await ledger.facts(), provider, clock, on_absent="retry"))

    ledgers = [SQLiteLedger(tmp_path / "ledger") for _ in range(2)]
    tasks = [asyncio.ensure_future(run(ledgers[0]))]
    while not all(each.done() for each in tasks) or len(tasks) < 2:
        for _ in range(5):
            await asyncio.sleep(0.0005)
        await clock.advance(1)
        if not slow and len(tasks) < 2:
            clock.ahead = 60.0
            tasks.append(asyncio.ensure_future(run(ledgers[1])))
    await clock.advance(L + V)
    for each in ledgers:
        await each.close()
    assert provider.texts == dict.fromkeys(everybody, 1)


async def test_a_chunk_that_falls_due_while_the_ledger_is_asked_is_not_waited_for_for_ever(
    tmp_path: Path, clock: ManualClock
) -> None:
    everybody = planned(tmp_path / "ledger", [1])
    provider = Provider(clock, iter(["not sent"]), L, V)
    ledger = SQLiteLedger(tmp_path / "ledger")
    next_due = ledger.next_due

    async def slowly(zones: Any) -> Any:
        await clock.sleep(2)
        return await next_due(zones)

    ledger.next_due = slowly  # type: ignore[method-assign]
    task = asyncio.ensure_future(_last(runner(ledger, await ledger.facts(), provider, clock)))
    while not task.done() and clock.monotonic() < 500:
        for _ in range(3):
            await asyncio.sleep(0.0005)
        await clock.advance(1)
    assert [each.state for each in await task] == ["PENDING", "ACCEPTED"]
    assert provider.texts == dict.fromkeys(everybody, 1)
    await ledger.close()


async def test_a_run_that_waits_for_the_provider_says_why_until_it_goes_on(tmp_path: Path, clock: ManualClock) -> None:
    everybody = planned(tmp_path / "ledger", [1])
    provider = Provider(clock, iter(()), L, V)
    answers = [ReadFailed("no answer in time"), ReadFailed("the server answered 500")]

    async def blacklist() -> frozenset[str]:
        if answers:
            raise answers.pop(0)
        return frozenset()

    provider.blacklist = blacklist  # type: ignore[method-assign]
    ledger = SQLiteLedger(tmp_path / "ledger")
    run = runner(ledger, await ledger.facts(), provider, clock)
    task = asyncio.ensure_future(_last(run))
    said = [run.waits]
    while not task.done() and clock.monotonic() < 500:
        for _ in range(3):
            await asyncio.sleep(0.0005)
        said += [run.waits] * (run.waits != said[-1])
        await clock.advance(0.5)
    assert said == ["", "no answer in time", "the server answered 500", ""]
    assert [each.state for each in await task] == ["ACCEPTED"]
    assert provider.texts == dict.fromkeys(everybody, 1)
    await ledger.close()


@given(st.integers(0, 60), st.integers(1, 7), st.lists(st.tuples(st.integers(0, 60), st.integers(0, 40)), max_size=4))
async def test_a_look_through_a_list_that_shrinks_finds_what_is_there_or_says_that_it_could_not(
    others: int, most: int, deletions: list[tuple[int, int]]
) -> None:
    """Rows of others are deleted between the requests, in front of ours, which stand at the end of the list."""
    rows = [Batch(id=f"x{each}") for each in range(others)]
    rows += [Batch(id=f"b{each}", reference=reference(CAMPAIGN, each, 1)) for each in (1, 2)]
    left = iter(deletions)

    class Listed:
        async def find(self, start: int, limit: int) -> list[Batch]:
            page = rows[start : start + most]
            at, count = next(left, (0, 0))
            del rows[min(at, len(rows) - 2) : min(at + count, len(rows) - 2)]
            return page

    with contextlib.suppress(ReadFailed):
        assert await look(Listed(), CAMPAIGN, "gone") == {1: ["b1"], 2: ["b2"]}


async def test_a_list_of_any_length_is_read_to_its_end() -> None:
    for count in range(12):
        rows = [Batch(id=f"b{each}", reference=reference(CAMPAIGN, each + 1, 1)) for each in range(count)]

        class Listed:
            async def find(self, start: int, limit: int) -> list[Batch]:
                return rows[start : start + 4]

        assert len(await look(Listed(), CAMPAIGN, "")) == count


async def test_a_server_that_gives_the_same_page_for_every_offset_proves_nothing() -> None:
    class Stuck:
        async def find(self, start: int, limit: int) -> list[Batch]:
            return [Batch(id="b1"), Batch(id="b2")]

    with pytest.raises(ReadFailed, match="again and again"):
        await look(Stuck(), CAMPAIGN, "")


async def test_a_token_that_cannot_be_had_leaves_nothing_in_doubt(tmp_path: Path) -> None:
    planned(tmp_path / "ledger", [1])
    failing = [False]

    def token() -> str:
        if failing[0]:
            failing[0] = False
            raise OSError("the vault is down")
        return "sandbox"

    async with Sandbox() as sandbox, Client(token, base_url=sandbox.url) as ip1:
        async with ip1.turn() as turn:
            failing[0] = True
            with pytest.raises(NotSent, match="no token could be had: OSError"):
                await turn.send(NewBatch(sender="iP1", recipients=["46700000001"], body="Hello"))
        assert sandbox.requests == ()
