"""What takes too long ends, and whoever cancels is heard, at whichever await it happens."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ip1_async import Client, IP1Error, NotSent, OutcomeUnknown
from ip1_async.clock import ManualClock, Timer, settle
from ip1_async.flow import Deadlines, Span
from tests.scripted import Answer, Scripted


class SharpClock(ManualClock):
    """A time that can also jump, so that what falls due falls due in this very turn of the loop."""

    def __init__(self) -> None:
        super().__init__()
        self.jumped = 0.0
        self.timers: list[list[Any]] = []

    def monotonic(self) -> float:
        return self.jumped

    def call_later(self, seconds: float, call: Callable[[], object]) -> Timer:
        timer = [self.jumped + seconds, call]
        self.timers.append(timer)

        class Taken:
            def cancel(self) -> None:
                timer[1] = None

        return Taken()

    def jump(self, seconds: float) -> None:
        self.jumped += seconds
        for timer in [each for each in self.timers if each[0] <= self.jumped]:
            self.timers.remove(timer)
            if timer[1] is not None:
                timer[1]()


async def test_a_block_ends_when_its_time_is_up_and_its_task_lives_on(clock: ManualClock) -> None:
    deadlines = Deadlines(clock)

    async def waits() -> str:
        with pytest.raises(TimeoutError), deadlines.span(5):
            await asyncio.Event().wait()
        await asyncio.sleep(0)
        return "went on"

    task = asyncio.ensure_future(waits())
    await clock.advance(4.9)
    assert not task.done()
    await clock.advance(0.2)
    assert await task == "went on"
    assert task.cancelling() == 0


async def test_an_end_that_was_put_off_comes_later(clock: ManualClock) -> None:
    deadlines = Deadlines(clock)

    async def waits() -> None:
        with deadlines.span(5) as span:
            span.until += 10
            await asyncio.Event().wait()

    task = asyncio.ensure_future(waits())
    await clock.advance(14)
    assert not task.done()
    await clock.advance(2)
    with pytest.raises(TimeoutError):
        await task


async def test_an_inner_end_leaves_the_outer_block_running(clock: ManualClock) -> None:
    deadlines = Deadlines(clock)
    ended: list[str] = []

    async def waits() -> None:
        with pytest.raises(TimeoutError), deadlines.span(9):
            with pytest.raises(TimeoutError), deadlines.span(5):
                await asyncio.Event().wait()
            ended.append("inner")
            await asyncio.Event().wait()
        ended.append("outer")

    task = asyncio.ensure_future(waits())
    await clock.advance(6)
    assert ended == ["inner"]
    await clock.advance(4)
    await task
    assert ended == ["inner", "outer"]


@pytest.mark.parametrize("first", ["caller", "deadline"])
async def test_in_the_same_turn_the_caller_s_cancellation_wins(first: str) -> None:
    clock = SharpClock()
    deadlines = Deadlines(clock)

    async def waits() -> None:
        with deadlines.span(5):
            await asyncio.Event().wait()

    task = asyncio.ensure_future(waits())
    await settle()
    acts: list[Callable[[], object]] = [task.cancel, lambda: clock.jump(6)]
    for act in acts if first == "caller" else reversed(acts):
        act()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_block_that_is_left_in_the_turn_of_its_end_is_not_ended_afterwards() -> None:
    clock = SharpClock()
    deadlines = Deadlines(clock)
    with deadlines.span(5):
        await asyncio.sleep(0)
    clock.jump(6)
    await settle()


async def test_thousands_of_spans_share_one_timer_and_none_outlives_its_block_for_long() -> None:
    def spans() -> int:
        gc.collect()
        return sum(isinstance(each, Span) for each in gc.get_objects())

    clock = SharpClock()
    deadlines = Deadlines(clock)
    already = spans()  # those of other tests, whose watches may still be alive
    for _ in range(5_000):
        with deadlines.span(60):
            pass
    assert len(clock.timers) == 1
    assert spans() - already < 200


async def test_a_second_loop_has_a_watch_of_its_own(clock: ManualClock) -> None:
    deadlines = Deadlines(clock)

    async def waits() -> str:
        with deadlines.span(0):
            await clock.sleep(1)
        return "never"

    def elsewhere() -> None:
        async def main() -> None:
            task = asyncio.ensure_future(waits())
            await clock.advance(1)
            with pytest.raises(TimeoutError):
                await task

        asyncio.run(main())

    await asyncio.to_thread(elsewhere)
    await asyncio.to_thread(elsewhere)


@given(
    st.lists(st.tuples(st.integers(1, 20), st.integers(1, 20), st.none() | st.integers(0, 20)), min_size=1, max_size=30)
)
def test_whatever_ends_first_ends_the_block(plans: list[tuple[int, int, int | None]]) -> None:
    """Each plan: when its work is done, when its time is up, and when it is cancelled, if at all."""

    async def main() -> None:
        clock = ManualClock()
        deadlines = Deadlines(clock)

        async def one(work: int, limit: int) -> str:
            try:
                # Half a second apart from the whole ones, so that nothing falls together by chance.
                with deadlines.span(limit + 0.5):
                    await clock.sleep(work)
            except TimeoutError:
                return "time out"
            return "done"

        tasks = [asyncio.ensure_future(one(work, limit)) for work, limit, _ in plans]
        await settle()
        for second in range(22):
            for task, (_, _, cancelled) in zip(tasks, plans, strict=True):
                if cancelled == second:
                    task.cancel()
            await clock.advance(0.75)
            await clock.advance(0.25)
        results = await asyncio.gather(*tasks, return_exceptions=True)
        for result, (work, limit, cancelled) in zip(results, plans, strict=True):
            ends = min(work, limit + 0.5)
            if cancelled is not None and cancelled < ends:
                assert isinstance(result, asyncio.CancelledError)
            else:
                assert result == ("done" if work < limit + 0.5 else "time out")

    asyncio.run(main())


@pytest.mark.parametrize("act", ["cancel", "time out", "both", "both the other way round"])
@pytest.mark.parametrize("method", ["send", "read"])
async def test_a_call_that_is_ended_at_any_await_says_the_truth_and_keeps_nothing(act: str, method: str) -> None:
    """The call is ended after every possible number of the loop's turns, until it comes to its end before."""
    clock, turns = SharpClock(), 0
    ended = 0
    async with Scripted(Answer({"id": "b1"})) as server:
        async with Client("token", base_url=server.url, rate=None, clock=clock, attempts=1) as ip1:
            while True:
                call: asyncio.Future[Any] = asyncio.ensure_future(_call(ip1, method, f"b{turns}"))
                for _ in range(turns):
                    await asyncio.sleep(0)
                if call.done():
                    break
                acts: list[Callable[[], object]] = []
                if act != "time out":
                    acts.append(call.cancel)
                if act != "cancel":
                    acts.append(lambda: clock.jump(61))
                for each in reversed(acts) if "other" in act else acts:
                    each()
                (result,) = await asyncio.gather(call, return_exceptions=True)
                if act != "time out":
                    assert isinstance(result, asyncio.CancelledError), turns
                elif isinstance(result, BaseException):
                    ended += 1
                    assert isinstance(result, IP1Error), turns
                    if isinstance(result, NotSent):
                        await settle(50)
                        assert not [
                            asked
                            for asked in server.asked
                            if asked.path.endswith(f"/b{turns}") or f'"b{turns}"'.encode() in asked.body
                        ], turns
                    else:
                        assert isinstance(result, OutcomeUnknown) is (method == "send")
                assert ip1.calls.gate.in_flight == 0
                turns += 1
            assert (await call).id == "b1"
            assert turns > 10
            assert ended or act != "time out"
            await _call(ip1, method, "last")


async def _call(ip1: Client, method: str, name: str) -> Any:
    if method == "send":
        return await ip1.batches.send(sender="iP1", recipients=["46700000001"], body="Hello", reference=name)
    return await ip1.batches.get(name)
