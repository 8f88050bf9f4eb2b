"""Walks that ask for several pages at once: in order, each row once, whatever moves while the requests are under way."""

from __future__ import annotations

import asyncio
import gc
import sqlite3
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from random import Random
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ip1_async import Client, Invalid, Pages, ReadFailed
from ip1_async.clock import ManualClock, settle
from ip1_async.pages import Fetched
from ip1_async.sandbox import Sandbox
from tests.shelf import Shelf, names

chances = st.randoms(use_true_random=False)
parallels = st.sampled_from([2, 3, 5, 8])


def moving(shelf: Shelf, chance: Random, *, rate: int, newest_first: bool, found: Sequence[str] = ()) -> set[str]:
    """Has rows come and go with each request, up to *rate* of them, but the last three *found* stay.

    Gives those that went, as they do.
    """
    gone: set[str] = set()
    added = (f"new{number}" for number in range(100_000))

    def change(request: int) -> None:
        for _ in range(chance.randint(0, rate)):
            if chance.random() < 0.5 and shelf.rows:
                row = chance.choice(shelf.rows)
                if row not in found[-3:]:
                    shelf.rows.remove(row)
                    gone.add(row)
            elif request < 60:
                shelf.rows.insert(0 if newest_first else len(shelf.rows), next(added))

    shelf.between = change
    return gone


def check(found: list[str], rows: list[str], gone: set[str]) -> None:
    """Nothing twice, and of what was there throughout all, in its order."""
    assert len(found) == len(set(found))
    stayed = [row for row in rows if row not in gone]
    assert [row for row in found if row in set(stayed)] == stayed


@given(
    st.integers(0, 90).map(names), st.integers(1, 20), parallels, chances,
    st.sampled_from([1000, 7, 3, 1]), st.booleans(), st.booleans(), st.integers(0, 3),
)  # fmt: skip
def test_every_row_is_given_once_and_in_order_whichever_answer_comes_first(
    rows: list[str], limit: int, parallel: int, chance: Random, cap: int, link: bool, last: bool, off_by: int
) -> None:
    shelf = Shelf(rows, cap, link, last, off_by, turns=lambda: chance.randint(0, 9))
    pages = shelf.walk(limit=limit, parallel=parallel)
    assert asyncio.run(pages.collect()) == rows
    assert pages.drift == 0
    size = min(limit, cap)
    needed = -(-len(rows) // (size - 1)) if size > 1 else len(rows)
    beyond = 2 if link and last and off_by == 0 and limit <= cap else parallel + 2
    assert len(shelf.asked) <= needed + beyond


@given(
    st.integers(20, 120).map(names), st.integers(6, 15), parallels, chances, chances,
    st.booleans(), st.booleans(), st.integers(0, 4), st.sampled_from([1000, 7]),
)  # fmt: skip
def test_rows_that_come_and_go_neither_hide_nor_double_those_that_stay(
    rows: list[str], limit: int, parallel: int, chance: Random, times: Random,
    link: bool, newest_first: bool, rate: int, cap: int,
) -> None:  # fmt: skip
    shelf = Shelf(list(rows), cap, link, turns=lambda: times.randint(0, 9))
    gone = moving(shelf, chance, rate=rate, newest_first=newest_first)
    check(asyncio.run(shelf.walk(limit=limit, parallel=parallel).collect()), rows, gone)


@given(st.integers(100, 400).map(names), st.integers(6, 15), parallels, chances, chances)
def test_whole_blocks_of_rows_come_and_go_and_hide_and_double_nothing(
    rows: list[str], limit: int, parallel: int, chance: Random, times: Random
) -> None:
    shelf, gone = Shelf(list(rows), turns=lambda: times.randint(0, 9)), set[str]()
    added = (f"new{number}" for number in range(100_000))

    def change(request: int) -> None:
        if request < 100 and chance.random() < 0.2:
            first = chance.randrange(len(shelf.rows) + 1)
            block = slice(first, first + chance.randint(0, 3 * limit))
            gone.update(shelf.rows[block])
            del shelf.rows[block]
        if request < 100 and chance.random() < 0.2:
            shelf.rows[:0] = [next(added) for _ in range(chance.randint(0, limit))]

    shelf.between = change
    check(asyncio.run(shelf.walk(limit=limit, parallel=parallel).collect()), rows, gone)


@given(st.integers(1, 120).map(names), st.integers(6, 15), parallels, chances, chances, st.integers(0, 3), st.data())
def test_a_cursor_taken_at_any_item_gives_exactly_the_rest(
    rows: list[str], limit: int, parallel: int, chance: Random, times: Random, rate: int, data: st.DataObject
) -> None:
    stop = data.draw(st.integers(1, len(rows)))
    shelf, found = Shelf(list(rows), turns=lambda: times.randint(0, 5)), list[str]()
    gone = moving(shelf, chance, rate=rate, newest_first=False, found=found)

    async def main() -> list[str]:
        cursor: str | None = None
        for _ in range(2):
            async with shelf.walk(limit=limit, parallel=parallel, cursor=cursor) as pages:
                async for row in pages:
                    found.append(row)
                    if len(found) == stop:
                        break
            cursor = pages.cursor
        return found

    check(asyncio.run(main()), rows, gone)


@pytest.mark.parametrize("parallel", [2, 8])
async def test_no_more_pages_are_under_way_or_waiting_than_were_allowed(parallel: int) -> None:
    shelf, given_pages = Shelf(names(900)), 0
    async for _ in shelf.walk(limit=10, parallel=parallel).pages():
        given_pages += 1
        await settle(30)
        assert len(shelf.asked) - given_pages <= parallel
        if given_pages < 50:
            assert len(shelf.asked) - given_pages == parallel
    assert given_pages == 100


@given(st.integers(0, 3), parallels, chances, chances)
def test_memory_is_bounded_whatever_moves(rate: int, parallel: int, chance: Random, times: Random) -> None:
    shelf, held = Shelf(names(200), turns=lambda: times.randint(0, 9)), set[str]()
    moving(shelf, chance, rate=rate, newest_first=True)

    async def main() -> None:
        async for page in shelf.walk(limit=8, parallel=parallel).pages():
            held.update(page.items)
            # One more than were allowed is the page that is asked for where a guess was of no use.
            assert len(shelf.asked) - shelf.answered <= parallel + 1

    asyncio.run(main())
    assert held


async def test_a_list_of_one_page_is_asked_for_once() -> None:
    for link in (True, False):
        shelf = Shelf(names(7), link=link)
        assert await shelf.walk(limit=10, parallel=8).collect() == names(7)
        # Without a link the server may never give more than 7 at once.
        assert len(shelf.asked) == (1 if link else 3)
    shelf = Shelf(names(70))
    assert await shelf.walk(limit=10, parallel=8) == names(70)[:10]
    assert len(shelf.asked) == 1


async def test_awaiting_the_first_page_and_iterating_goes_on_behind_it() -> None:
    pages = Shelf(names(70)).walk(limit=10, parallel=3)
    assert await pages + [row async for row in pages] == names(70)


async def test_nothing_is_asked_for_behind_what_the_server_calls_the_last_page() -> None:
    shelf = Shelf(names(50), last=True)
    assert await shelf.walk(limit=10, parallel=8).collect() == names(50)
    assert [start for start, _ in shelf.asked] == [0, 9, 18, 27, 36, 45]


async def test_no_page_is_asked_for_behind_one_that_is_known_to_be_the_last() -> None:
    shelf = Shelf(names(60))
    assert await shelf.walk(limit=10, parallel=8).collect() == names(60)
    # The first one alone, then eight at once, two of which are behind the end; and none for those that were given.
    assert [start for start, _ in shelf.asked] == list(range(0, 80, 9))


def test_where_rows_go_all_the_time_pages_overlap_so_that_few_leave_a_gap() -> None:
    shelf = Shelf(names(2000))

    def cut(request: int) -> None:
        if request % 3 == 0:
            del shelf.rows[:2]

    shelf.between = cut
    asyncio.run(shelf.walk(limit=50, parallel=8).collect())
    assert len(shelf.asked) < 52


def test_a_server_that_ignores_offsets_does_not_hold_the_walk_for_ever() -> None:
    shelf = Shelf(names(30), deaf=True)
    assert asyncio.run(shelf.walk(limit=10, parallel=8).collect()) == names(30)
    assert len(shelf.asked) <= 20


@pytest.mark.parametrize("slow", [False, True])
async def test_whoever_deletes_what_he_is_given_is_given_all(slow: bool) -> None:
    shelf, found = Shelf(names(500)), list[str]()
    async for row in shelf.walk(limit=10, parallel=4):
        found.append(row)
        shelf.rows.remove(row)
        if slow:
            await settle(1)
    assert found == names(500)
    assert len(shelf.asked) < 700


async def test_leaving_a_loop_leaves_no_task_behind() -> None:
    shelf, before = Shelf(names(300)), asyncio.all_tasks()
    cancelled = 0

    async def fetch(start: int, limit: int) -> Fetched[str]:
        nonlocal cancelled
        if start > 10:
            try:
                await asyncio.get_running_loop().create_future()
            except asyncio.CancelledError:
                cancelled += 1
                raise
        return await shelf.fetch(start, limit)

    async for row in Pages(fetch, key=str, limit=10, parallel=5):
        await settle(2)
        if row == "row15":
            assert len(asyncio.all_tasks()) > len(before)
            break
    await settle()
    assert asyncio.all_tasks() == before
    assert cancelled == 5
    async with Pages(fetch, key=str, limit=10, parallel=5) as pages:
        held = aiter(pages)
        await anext(held)
        assert len(asyncio.all_tasks()) == len(before) + 4
    assert asyncio.all_tasks() == before


async def test_cancelling_the_reader_cancels_every_page_that_is_under_way() -> None:
    shelf, before = Shelf(names(300)), asyncio.all_tasks()

    async def fetch(start: int, limit: int) -> Fetched[str]:
        if start:
            await asyncio.get_running_loop().create_future()
        return await shelf.fetch(start, limit)

    reader = asyncio.create_task(Pages(fetch, key=str, limit=10, parallel=5).collect())
    await settle()
    assert len(asyncio.all_tasks()) == len(before) + 6
    reader.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reader
    assert asyncio.all_tasks() == before


@pytest.mark.parametrize("parallel", [2, 5])
async def test_an_error_comes_when_its_turn_has_come_and_knows_where_to_go_on(parallel: int) -> None:
    shelf, before = Shelf(names(80)), asyncio.all_tasks()

    async def fetch(start: int, limit: int) -> Fetched[str]:
        if start == 36 or start > 50:
            raise ReadFailed("down")
        await settle(5)
        return await shelf.fetch(start, limit)

    seen: list[str] = []
    with pytest.raises(ReadFailed) as caught:
        async for row in Pages(fetch, key=str, limit=10, parallel=parallel):
            seen.append(row)
    assert asyncio.all_tasks() == before
    assert seen == names(37)
    assert await shelf.walk(limit=10, parallel=parallel, cursor=caught.value.cursor).collect() == names(80)[37:]


@pytest.mark.parametrize("turns", [0, 12, 100])
async def test_an_error_of_a_page_that_nobody_needs_is_nobodys(turns: int) -> None:
    """Whether it comes before its turn would have come, or when the page is given up."""
    shelf, told = Shelf(names(25), link=False), list[object]()
    asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context))

    async def fetch(start: int, limit: int) -> Fetched[str]:
        try:
            await settle(turns if start >= 30 else start)
        finally:
            if start >= 30:
                raise ReadFailed("there is nothing")
        return await shelf.fetch(start, limit)

    assert await Pages(fetch, key=str, limit=10, parallel=8).collect() == names(25)
    await settle()
    gc.collect()
    assert not told


async def timed(parallel: int, pages: int) -> float:
    """The seconds of a walk whose pages take 30 ms each."""
    clock, shelf = ManualClock(), Shelf(names(pages * 19 + 1), last=True)

    async def fetch(start: int, limit: int) -> Fetched[str]:
        await clock.sleep(0.030)
        return await shelf.fetch(start, limit)

    task = asyncio.create_task(Pages(fetch, key=str, limit=20, parallel=parallel).collect())
    while not task.done():
        await clock.advance_to_next()
    assert await task == shelf.rows
    return clock.monotonic()


async def test_pages_in_parallel_take_the_time_of_as_many_fewer() -> None:
    assert await timed(1, 65) == pytest.approx(65 * 0.030)
    assert await timed(8, 65) == pytest.approx((1 + 64 / 8) * 0.030)
    assert await timed(4, 65) == pytest.approx((1 + 64 / 4) * 0.030)


# Through a client


async def test_fewer_places_in_flight_than_pages_at_once_hold_nothing_up(ip1_sandbox: Sandbox) -> None:
    async with Client(ip1_sandbox.token, base_url=ip1_sandbox.url, max_in_flight=2) as ip1:
        for number in range(60):
            await ip1.blacklist.add(f"467000000{number:02}")
        found = [each.msisdn async for each in ip1.blacklist.list(limit=5, parallel=8)]
    assert found == [f"467000000{number:02}" for number in range(60)]
    assert {name for each in ip1_sandbox.requests for name, _ in parse_qsl(each.query)} == {"start", "limit", "order"}


@pytest.mark.parametrize("parallel", [0, -1, 1.5, True, "8"])
async def test_pages_at_once_are_a_whole_number_of_at_least_one(ip1: Client, parallel: int) -> None:
    with pytest.raises(Invalid) as caught:
        ip1.batches.list(parallel=parallel)
    assert caught.value.field == "parallel"


async def test_two_hundred_thousand_messages_while_some_arrive_and_whole_batches_go(tmp_path: Path) -> None:
    """All that iP1 sent, newest first: each new message moves every other one on, each batch that goes moves many back."""
    chance, file = Random(7), tmp_path / "sandbox.db"
    async with (
        Sandbox(db=file, speed=0) as sandbox,
        Client(sandbox.token, base_url=sandbox.url, rate=None) as ip1,
    ):

        async def send(count: int) -> str:
            recipients = [f"4670{number:07}" for number in range(count)]
            return (await ip1.batches.send(sender="iP1", recipients=recipients, body="Hello")).id

        batches = [await send(1000) for _ in range(200)]
        there = list(batches)

        async def disturb() -> None:
            await send(chance.randint(1, 400))
            going = [there.pop(chance.randrange(len(there))) for _ in range(chance.randint(1, 2))]
            await asyncio.to_thread(_delete, file, going)

        seen, ids = Counter[str | None](), set[str]()
        pages = ip1.conversations.messages("iP1", order="DESC", limit=2000, parallel=8)
        disturbed = asyncio.create_task(disturb())
        async for page in pages.pages():
            fresh = {message.id for message in page.items}
            assert len(fresh) == len(page.items)
            assert ids.isdisjoint(fresh)
            ids |= fresh
            seen.update(message.batch_id for message in page.items)
            if len(ids) // 12_000 > (len(ids) - len(fresh)) // 12_000:
                await disturbed
                disturbed = asyncio.create_task(disturb())
        await disturbed
        assert pages.drift > 5_000
        assert len(there) <= 185
        assert {batch: seen[batch] for batch in there} == dict.fromkeys(there, 1000)


def _delete(file: Path, ids: list[str]) -> None:
    """Has batches and their messages be no more, as a provider does that keeps them for a limited time only."""
    with closing(sqlite3.connect(file, timeout=30)) as db, db:
        for number in (int(each[2:], 16) for each in ids):
            query = "DELETE FROM batches WHERE number = ? RETURNING first, first + messages - 1"
            ((first, last),) = db.execute(query, (number,)).fetchall()
            db.execute("DELETE FROM messages WHERE number BETWEEN ? AND ?", (first, last))
