"""Walks: every row that stays is given exactly once, from any cursor, whatever the server does to its offsets and links."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ip1_async import Invalid, Page, Pages, ReadFailed, merge
from ip1_async.clock import ManualClock, settle
from ip1_async.pages import Fetched
from tests.shelf import Shelf, names

shelves = st.builds(
    Shelf,
    st.integers(0, 60).map(names),
    cap=st.sampled_from([1000, 7, 3, 1]),
    link=st.booleans(),
    off_by=st.integers(0, 3),
)


@given(shelves, st.integers(1, 20), st.integers(0, 3))
def test_every_row_is_given_once_and_in_order(shelf: Shelf, limit: int, ahead: int) -> None:
    assert asyncio.run(shelf.walk(limit=limit, ahead=ahead).collect()) == shelf.rows
    assert len(shelf.asked) <= 2 * len(shelf.rows) + 3


@given(shelves, st.integers(1, 20), st.data())
def test_a_cursor_taken_at_any_item_gives_exactly_the_rest(shelf: Shelf, limit: int, data: st.DataObject) -> None:
    stop = data.draw(st.integers(0, len(shelf.rows)))

    async def main() -> tuple[list[str], list[str]]:
        first = shelf.walk(limit=limit)
        seen: list[str] = []
        if stop:
            async for row in first:
                seen.append(row)
                if len(seen) == stop:
                    break
        second = shelf.walk(limit=data.draw(st.integers(1, 20)), cursor=first.cursor)
        return seen, await second.collect()

    seen, rest = asyncio.run(main())
    assert seen + rest == shelf.rows


@given(
    st.integers(20, 80).map(names), st.integers(6, 15), st.booleans(), st.booleans(), st.randoms(use_true_random=False)
)
def test_rows_that_come_and_go_meanwhile_neither_hide_nor_double_those_that_stay(
    rows: list[str], limit: int, link: bool, newest_first: bool, chance: Random
) -> None:
    gone: set[str] = set()
    added = iter(f"new{number}" for number in range(10_000))

    def change(request: int) -> None:
        for _ in range(chance.randint(0, 4)):
            if chance.random() < 0.5 and shelf.rows:
                gone.add(shelf.rows.pop(chance.randrange(len(shelf.rows))))
            elif request < 60:
                shelf.rows.insert(0 if newest_first else len(shelf.rows), next(added))

    shelf = Shelf(list(rows), link=link, between=change)
    given_rows = asyncio.run(shelf.walk(limit=limit, ahead=0).collect())
    assert len(given_rows) == len(set(given_rows))
    stayed = [row for row in rows if row not in gone]
    assert [row for row in given_rows if row in set(stayed)] == stayed


@pytest.mark.parametrize("link", [True, False])
def test_rows_deleted_in_front_of_the_walk_hide_none_behind_it(link: bool) -> None:
    shelf = Shelf(names(100), link=link)

    def delete(request: int) -> None:
        if request == 3:
            del shelf.rows[:25]

    shelf.between = delete
    assert asyncio.run(shelf.walk(limit=10, ahead=0).collect()) == names(100)


@pytest.mark.parametrize("link", [True, False])
@pytest.mark.parametrize("cap", [1000, 7])
def test_a_walk_ends_where_the_last_rows_it_gave_and_the_rest_of_the_list_are_deleted(link: bool, cap: int) -> None:
    for kept in range(30):
        shelf = Shelf(names(60), link=link, cap=cap)

        def cut(request: int, shelf: Shelf = shelf, kept: int = kept) -> None:
            if request == 5:
                del shelf.rows[kept:]

        shelf.between = cut
        found = asyncio.run(shelf.walk(limit=10, ahead=0).collect())
        assert found == names(len(found))
        assert len(shelf.asked) < 30


def test_where_all_that_was_given_is_deleted_the_rest_is_given_nonetheless() -> None:
    shelf = Shelf(names(200))

    def cut(request: int) -> None:
        if request == 8:
            del shelf.rows[:90]

    shelf.between = cut
    assert asyncio.run(shelf.walk(limit=10, ahead=0).collect()) == names(200)[:73] + names(200)[90:]


async def test_drift_tells_by_how_many_rows_pages_were_displaced() -> None:
    shelf = Shelf(names(100))
    still = shelf.walk(limit=20, ahead=0)
    assert await still.collect() == names(100)
    assert still.drift == 0

    def move(request: int) -> None:
        if request == 2:
            del shelf.rows[:5]
        if request == 6:
            shelf.rows[:0] = ["new1", "new2", "new3"]

    shelf.asked, shelf.between = [], move
    moving = shelf.walk(limit=20, ahead=0)
    assert await moving.collect() == names(100)
    assert moving.drift == 8


def test_a_whole_window_added_in_front_doubles_nothing() -> None:
    shelf = Shelf(names(100))

    def add(request: int) -> None:
        if request == 3:
            shelf.rows[:0] = [f"new{number}" for number in range(15)]

    shelf.between = add
    assert asyncio.run(shelf.walk(limit=10, ahead=0).collect()) == names(100)


@given(st.integers(3, 12), st.integers(1, 18), st.integers(0, 60), st.booleans())
def test_a_flood_of_new_rows_in_front_hides_and_doubles_nothing(
    size: int, flood: int, requests: int, cap: bool
) -> None:
    """Up to one and a half pages of new rows for each that is read, as where a large batch is being sent."""
    fresh = (f"new{number}" for number in range(100_000))

    def add(request: int) -> None:
        if request < requests:
            shelf.rows[:0] = [next(fresh) for _ in range(min(flood, size * 3 // 2))]

    shelf = Shelf(names(60), cap=size if cap else 1000, between=add)
    found = asyncio.run(shelf.walk(limit=200 if cap else size, ahead=0).collect())
    assert len(found) == len(set(found))
    assert [row for row in found if row.startswith("row")] == names(60)


@pytest.mark.parametrize("ahead", [0, 1, 3])
async def test_whoever_deletes_what_he_is_given_is_given_all_without_a_long_search(ahead: int) -> None:
    shelf = Shelf(names(500))
    found: list[str] = []
    async for row in shelf.walk(limit=10, ahead=ahead):
        found.append(row)
        shelf.rows.remove(row)
        await settle(1)
    assert found == names(500)
    assert len(shelf.asked) < 500


def test_a_server_that_ignores_offsets_does_not_hold_the_walk_for_ever() -> None:
    shelf = Shelf(names(30), deaf=True)
    assert asyncio.run(shelf.walk(limit=10).collect()) == names(30)
    assert len(shelf.asked) <= 8


async def test_a_collection_that_comes_whole_is_asked_for_once() -> None:
    shelf = Shelf(names(3), link=False)
    assert await shelf.walk(paged=False).collect() == names(3)
    assert len(shelf.asked) == 1


async def test_awaiting_gives_the_first_page_and_iterating_goes_on_behind_it() -> None:
    shelf = Shelf(names(25))
    pages = shelf.walk(limit=10)
    assert await pages == names(25)[:10]
    assert len(shelf.asked) == 1
    assert [row async for row in pages] == names(25)[10:]
    assert await Shelf([]).walk() == []


async def test_pages_come_with_their_offset() -> None:
    pages = Shelf(names(25)).walk(limit=10)
    assert [page async for page in pages.pages()] == [
        Page(names(25)[:10], 0), Page(names(25)[10:19], 10), Page(names(25)[19:], 19),
    ]  # fmt: skip


async def test_a_walk_is_walked_once() -> None:
    pages = Shelf(names(3)).walk()
    await pages.collect()
    for again in (pages.collect(), pages):
        with pytest.raises(RuntimeError, match="call the row again"):
            await again
    with pytest.raises(RuntimeError):
        pages.pages()


async def test_collect_takes_no_more_than_it_was_told() -> None:
    shelf = Shelf(names(1000))
    pages = shelf.walk(limit=10, ahead=0)
    assert await pages.collect(limit=25) == names(25)
    assert len(shelf.asked) == 3
    assert await shelf.walk(cursor=pages.cursor).collect(limit=1) == ["row25"]
    assert await shelf.walk().collect(limit=0) == []


async def test_a_cursor_after_the_end_gives_what_was_added_since() -> None:
    shelf = Shelf(names(5))
    pages = shelf.walk(limit=2)
    await pages.collect()
    assert await shelf.walk(cursor=pages.cursor).collect() == []
    shelf.rows += ["later1", "later2"]
    assert await shelf.walk(cursor=pages.cursor).collect() == ["later1", "later2"]


async def test_a_cursor_holds_when_its_last_rows_and_others_before_are_deleted() -> None:
    for number in range(3, 39):
        shelf = Shelf(names(40))
        pages = shelf.walk(limit=10)
        await pages.collect(limit=number)
        del shelf.rows[number - 2 : number]
        del shelf.rows[: min(7, number - 3)]
        assert await shelf.walk(limit=10, cursor=pages.cursor).collect() == names(40)[number:]


@pytest.mark.parametrize("added", range(0, 60, 3))
async def test_a_cursor_holds_when_rows_were_added_in_front_of_it(added: int) -> None:
    shelf = Shelf(names(100))
    pages = shelf.walk(limit=10)
    await pages.collect(limit=20)
    shelf.rows[:0] = [f"new{number}" for number in range(added)]
    rest = shelf.walk(limit=10, cursor=pages.cursor, ahead=0)
    assert await rest.collect() == names(100)[20:]
    assert rest.drift == added


async def test_a_cursor_shows_no_key_and_a_foreign_one_is_refused() -> None:
    pages = Shelf(["46709999111"]).walk()
    await pages.collect()
    import base64

    assert b"46709999111" not in base64.urlsafe_b64decode(pages.cursor + "==")
    assert all(each.isalnum() or each in "-_" for each in pages.cursor)
    for foreign in ("", "x", "46709999111", "WzIsMF0", "WzEsLTFd", "ä", "W10"):
        with pytest.raises(Invalid) as caught:
            Shelf([]).walk(cursor=foreign)
        assert caught.value.field == "cursor"
        assert not foreign or foreign not in str(caught.value).split()


async def test_leaving_a_loop_leaves_no_task_behind() -> None:
    stuck: list[asyncio.Future[None]] = []
    shelf = Shelf(names(100))

    async def fetch(start: int, limit: int) -> Fetched[str]:
        if start:
            stuck.append(asyncio.get_running_loop().create_future())
            await stuck[-1]
        return await shelf.fetch(start, limit)

    before = asyncio.all_tasks()
    pages = Pages(fetch, key=str, limit=10)
    async for _ in pages:
        await settle()
        break
    await settle()
    assert asyncio.all_tasks() == before
    assert stuck[0].cancelled()
    async with Pages(fetch, key=str, limit=10) as entered:
        held = aiter(entered)
        await anext(held)
        await settle()
        assert len(asyncio.all_tasks()) == len(before) + 1
    assert asyncio.all_tasks() == before


async def test_cancelling_the_reader_cancels_the_read_ahead() -> None:
    async def fetch(start: int, limit: int) -> Fetched[str]:
        await asyncio.get_running_loop().create_future()
        raise AssertionError

    before = asyncio.all_tasks()
    reader = asyncio.create_task(Pages(fetch, key=str).collect())
    await settle()
    reader.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reader
    assert asyncio.all_tasks() == before


@pytest.mark.parametrize("ahead", [0, 1, 5])
async def test_an_error_comes_after_the_rows_before_it_and_knows_where_to_go_on(ahead: int) -> None:
    shelf = Shelf(names(40))
    failing = True

    async def fetch(start: int, limit: int) -> Fetched[str]:
        if failing and start > 15:
            raise ReadFailed("down")
        return await shelf.fetch(start, limit)

    seen: list[str] = []
    with pytest.raises(ReadFailed) as caught:
        async for row in Pages(fetch, key=str, limit=10, ahead=ahead):
            seen.append(row)
    failing = False
    rest = await Pages(fetch, key=str, limit=10, cursor=caught.value.cursor).collect()
    assert seen + rest == shelf.rows
    assert len(seen) == 19


async def timed(ahead: int) -> float:
    clock = ManualClock()
    shelf = Shelf(names(200))

    async def fetch(start: int, limit: int) -> Fetched[str]:
        await clock.sleep(0.030)
        return await shelf.fetch(start, limit)

    async def consume() -> None:
        async for _ in Pages(fetch, key=str, limit=20, ahead=ahead).pages():
            await clock.sleep(0.025)

    task = asyncio.create_task(consume())
    while not task.done():
        await clock.advance_to_next()
    await task
    return clock.monotonic()


async def test_reading_ahead_hides_the_consumer_behind_the_server() -> None:
    requests = 11
    assert await timed(0) == pytest.approx(requests * 0.055, rel=0.05)
    assert await timed(1) == pytest.approx(requests * 0.030 + 0.025, rel=0.05)


async def test_no_more_pages_are_read_than_were_asked_for_ahead() -> None:
    shelf = Shelf(names(500))
    async for _ in shelf.walk(limit=10, ahead=3).pages():
        await settle(200)
        assert len(shelf.asked) == 4
        break


# Merging


async def test_merge_gives_the_rows_of_all_walks_as_they_come() -> None:
    walks = [Shelf([f"{letter}{row}" for row in range(25)]).walk(limit=4) for letter in "abc"]
    found = [row async for row in merge(*walks)]
    assert sorted(found) == sorted(f"{letter}{row}" for letter in "abc" for row in range(25))
    for letter in "abc":
        own = [row for row in found if row.startswith(letter)]
        assert own == [f"{letter}{row}" for row in range(25)]
    assert [row async for row in merge()] == []


async def test_merge_ends_all_walks_when_left_or_when_one_fails() -> None:
    before = asyncio.all_tasks()

    async def failing() -> AsyncIterator[str]:
        yield "one"
        raise ReadFailed("down")

    with pytest.raises(ReadFailed):
        async for _ in merge(failing(), Shelf(names(1000)).walk(limit=3)):
            pass
    await settle()
    assert asyncio.all_tasks() == before
    async for _ in merge(*(Shelf(names(1000)).walk(limit=3) for _ in range(5))):
        break
    gc.collect()
    await settle(50)
    assert asyncio.all_tasks() == before


async def test_merge_reads_no_further_than_it_is_read() -> None:
    shelf = Shelf(names(1000))
    merged = merge(shelf.walk(limit=10, ahead=1))
    await anext(merged)
    await settle(300)
    assert len(shelf.asked) <= 3
    await merged.aclose()  # type: ignore[attr-defined]


@given(st.integers(40, 120), st.integers(3, 12), st.integers(3, 30), st.data())
def test_a_row_that_is_made_again_hides_none_of_those_before_it(
    count: int, limit: int, when: int, data: st.DataObject
) -> None:
    """As where somebody leaves the blacklist and enters it again, while it is read."""
    shelf, again = Shelf(names(count)), set[str]()
    place = data.draw(st.integers(0, limit - 1))

    def change(request: int) -> None:
        if request == when:
            shelf.rows.append(shelf.rows.pop(place))
            again.add(shelf.rows[-1])

    shelf.between = change
    found = asyncio.run(shelf.walk(limit=limit).collect())
    assert set(names(count)) - again <= set(found)
    assert len([each for each in found if each not in again]) == count - len(again)
