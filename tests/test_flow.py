"""Turns, places, the budget, and the decision to try again."""

from __future__ import annotations

import asyncio
import gc
import itertools
import random
from collections.abc import Callable
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ip1_async.clock import ManualClock, Timer, settle
from ip1_async.flow import Failure, Gate, Limiter, Repeat, Retry, RetryBudget, Stop, decide

seconds = st.floats(0, 200, allow_nan=False)
situations = st.fixed_dictionaries(
    {
        "repeat": st.sampled_from(get_args(Repeat)),
        "failure": st.sampled_from(get_args(Failure)),
        "attempt": st.integers(1, 12),
        "attempts": st.integers(1, 12),
        "remaining": st.floats(-5, 200, allow_nan=False),
        "retry_after": st.none() | seconds,
        "max_retry_after": seconds,
        "affordable": st.booleans(),
        "chance": st.floats(0, 1, exclude_max=True),
    }
)


@given(situations)
def test_what_must_happen_once_is_repeated_only_where_surely_nothing_was_sent(situation: dict[str, Any]) -> None:
    situation = {**situation, "repeat": "once"}
    if isinstance(decide(**situation), Retry):
        assert situation["failure"] in ("unconnected", "rate_limited")


@given(situations)
def test_no_wait_reaches_the_deadline_or_undercuts_the_servers_word(situation: dict[str, Any]) -> None:
    decision = decide(**situation)
    if isinstance(decision, Retry):
        assert 0 <= decision.after < situation["remaining"]
        assert situation["attempt"] < situation["attempts"]
        asked = situation["retry_after"]
        assert asked is None or asked <= decision.after
        assert asked is None or asked <= situation["max_retry_after"]
        assert situation["failure"] != "refused"


@given(situations)
def test_more_attempts_and_more_time_never_turn_a_retry_into_a_stop(situation: dict[str, Any]) -> None:
    if isinstance(decide(**situation), Retry):
        more = {
            **situation,
            "attempts": situation["attempts"] + 1,
            "remaining": situation["remaining"] + 10,
            "affordable": True,
        }
        assert isinstance(decide(**more), Retry)


def trying(**changes: Any) -> Retry | Stop:
    usual: dict[str, Any] = {
        "repeat": "read", "failure": "failed", "attempt": 1, "attempts": 3, "remaining": 60.0, "retry_after": None,
        "max_retry_after": 30.0, "affordable": True, "chance": 0.5,
    }  # fmt: skip
    return decide(**{**usual, **changes})


@pytest.mark.parametrize(
    ("repeat", "after"),
    [
        ("read", {"unconnected", "rate_limited", "early", "failed"}),
        ("idempotent", {"unconnected", "rate_limited", "early", "failed"}),
        ("once", {"unconnected", "rate_limited"}),
    ],
)
def test_each_kind_of_call_is_repeated_after_these_failures_and_no_others(repeat: str, after: set[str]) -> None:
    repeated = {failure for failure in get_args(Failure) if isinstance(trying(repeat=repeat, failure=failure), Retry)}
    assert repeated == after


def test_waits_grow_up_to_a_cap_and_are_spread_over_their_whole_span() -> None:
    waits = [trying(attempt=attempt, attempts=20, chance=0.999999) for attempt in range(1, 12)]
    assert [round(wait.after, 2) for wait in waits if isinstance(wait, Retry)] == [0.25, 0.5, 1, 2, 4, 8, 8, 8, 8, 8, 8]
    assert trying(chance=0) == Retry(0)
    assert trying(attempt=5000, attempts=9999, chance=0.5) == Retry(4)


def test_a_servers_word_beyond_the_limit_ends_it_at_once() -> None:
    assert isinstance(trying(failure="rate_limited", retry_after=31.0), Stop)
    assert isinstance(trying(failure="rate_limited", retry_after=30.0), Retry)


@given(st.floats(0, 30), st.integers(1, 9), st.floats(0, 1, exclude_max=True))
def test_little_is_added_to_the_servers_word(asked: float, attempt: int, chance: float) -> None:
    decision = trying(attempt=attempt, attempts=10, retry_after=asked, chance=chance)
    assert isinstance(decision, Retry)
    assert asked <= decision.after <= asked + max(0.25, asked / 10) + 1e-9


def test_those_who_were_told_to_come_back_at_once_do_not_come_in_the_same_moment() -> None:
    waits = {trying(failure="rate_limited", retry_after=0.0, chance=chance / 10) for chance in range(10)}
    assert len(waits) == 10


def test_the_servers_word_is_obeyed_where_only_the_addition_would_reach_the_deadline() -> None:
    decision = trying(retry_after=10.0, remaining=10.01, chance=0.9)
    assert isinstance(decision, Retry)
    assert decision.after == 10.0
    assert isinstance(trying(retry_after=10.0, remaining=10.0, chance=0), Stop)


def test_an_empty_budget_stops_retries_but_not_a_wait_that_the_server_asked_for() -> None:
    assert isinstance(trying(affordable=False), Stop)
    assert isinstance(trying(affordable=False, retry_after=1.0), Stop)
    assert isinstance(trying(affordable=False, failure="rate_limited"), Stop)
    assert trying(affordable=False, failure="rate_limited", retry_after=1.0, chance=0) == Retry(1.0, charged=False)


@given(situations)
def test_what_needs_no_budget_is_not_charged_to_it(situation: dict[str, Any]) -> None:
    decision = decide(**{**situation, "affordable": True})
    if isinstance(decision, Retry):
        poor = decide(**{**situation, "affordable": False})
        assert isinstance(poor, Stop) if decision.charged else poor == decision


@given(st.lists(st.sampled_from(["unconnected", "failed", "rate_limited", "ok"])))
def test_the_budget_stays_within_its_bounds(events: list[Any]) -> None:
    budget = RetryBudget(50)
    for event in events:
        if event == "ok":
            budget.succeeded()
        elif budget.affordable(event):
            budget.spend(event)
        assert 0 <= budget.left <= 50


def test_an_outage_uses_the_budget_up_and_successes_fill_it() -> None:
    budget = RetryBudget(50)
    retries = 0
    while budget.affordable("failed"):
        budget.spend("failed")
        retries += 1
    assert retries == 10
    for _ in range(5):
        assert not budget.affordable("failed") or budget.left == 5
        budget.succeeded()
    assert budget.affordable("failed")


# Turns

RATE = 7.31
"""No multiple of its interval falls on a whole millisecond, where everything else in these tests happens."""


class AndThen(ManualClock):
    """Does something right behind each timer, before anybody whom it woke has had a turn; timers die with their loop."""

    def __init__(self, then: Callable[[], object] = lambda: None, *, late: float = 0.0) -> None:
        super().__init__()
        self.then = then
        self.late = late

    def call_later(self, seconds: float, call: Callable[[], object]) -> Timer:
        loop = asyncio.get_running_loop()
        return super().call_later(seconds + self.late, lambda: loop.is_closed() or (call(), self.then()))


class Queue:
    """Callers of one limiter, numbered as they come, and when each of them was let go."""

    def __init__(self, limiter: Limiter, clock: ManualClock) -> None:
        self.limiter, self.clock = limiter, clock
        self.tasks: list[asyncio.Task[None]] = []
        self.came: list[float] = []
        self.went: list[tuple[int, float]] = []

    def come(self, many: int = 1) -> None:
        for _ in range(many):
            self.came.append(self.clock.monotonic())
            self.tasks.append(asyncio.create_task(self._one(len(self.tasks))))

    async def _one(self, number: int) -> None:
        await self.limiter.acquire()
        self.went.append((number, self.clock.monotonic()))

    @property
    def times(self) -> list[float]:
        return [at for _, at in self.went]

    async def finish(self) -> None:
        """Until all have gone; whoever did not get a turn was cancelled, and saw nothing else."""
        while not all(task.done() for task in self.tasks):
            await self.clock.advance_to_next()
        ends = await asyncio.gather(*self.tasks, return_exceptions=True)
        assert all(end is None or isinstance(end, asyncio.CancelledError) for end in ends)
        assert self.limiter.waiting == 0


@pytest.mark.parametrize("rate", [0.5, 10, 1000])
async def test_turns_come_at_the_rate_and_in_order(rate: float) -> None:
    clock = ManualClock()
    queue = Queue(Limiter(rate, clock=clock), clock)
    queue.come(50)
    await queue.finish()
    assert [number for number, _ in queue.went] == list(range(50))
    assert queue.times == pytest.approx([number / rate for number in range(50)])


steps = st.lists(
    st.tuples(
        st.integers(1, 900),
        st.one_of(
            st.tuples(st.just("come"), st.integers(1, 5)),
            st.tuples(st.just("cancel"), st.integers(0, 99)),
            st.tuples(st.just("hold"), st.integers(1, 2000)),
        ),
    ),
    max_size=25,
)


@given(steps, st.none() | st.integers(0, 99))
def test_turns_are_exactly_those_of_a_queue_in_which_only_the_served_ever_stood(
    steps: list[tuple[int, tuple[str, int]]], seed: int | None
) -> None:
    """Whoever is cancelled, be it in the very moment of the turn, costs nobody anything; holds put off, and no more."""
    holds: list[tuple[float, float]] = []
    chance = random.Random(seed)

    def cancel_one() -> None:
        if seed is not None and queue.tasks and chance.random() < 0.5:
            chance.choice([task for task in queue.tasks if not task.done()] or queue.tasks).cancel()

    async def main() -> None:
        nonlocal queue
        clock = AndThen(cancel_one)
        limiter = Limiter(RATE, clock=clock)
        queue = Queue(limiter, clock)
        for pause, (what, number) in steps:
            await clock.advance(pause / 1000)
            if what == "come":
                queue.come(number)
            elif what == "cancel" and queue.tasks:
                queue.tasks[number % len(queue.tasks)].cancel()
            elif what == "hold":
                # No hold ends on a whole millisecond either.
                seconds = (number + 0.37) / 1000
                limiter.hold(seconds)
                holds.append((clock.monotonic(), clock.monotonic() + seconds))
            await settle()
        await queue.finish()

    queue: Queue = None  # type: ignore[assignment]
    asyncio.run(main())
    served = [number for number, _ in queue.went]
    assert served == sorted(served)
    due, expected = 0.0, []
    for number in served:
        at = max(queue.came[number], due)
        for begin, end in holds:
            at = end if begin <= at + 1e-6 and at < end else at
        expected.append(at)
        due = at + 1 / RATE
    assert queue.times == pytest.approx(expected, abs=2e-6)


@given(
    st.integers(1, 6),
    st.lists(
        st.tuples(st.sampled_from([0.0, 0.001, 0.04, 0.3, 5.0]), st.sampled_from(["come", "hold", "push", "well"])),
        max_size=40,
    ),
)
def test_no_stretch_of_time_ever_holds_more_turns_than_the_rate_and_one_burst(
    burst: int, steps: list[tuple[float, str]]
) -> None:
    async def main() -> None:
        clock = ManualClock()
        limiter = Limiter(RATE, clock=clock, burst=burst)
        queue = Queue(limiter, clock)
        for pause, what in steps:
            await clock.advance(pause)
            if what == "come":
                queue.come(4)
            elif what == "hold":
                limiter.hold(0.5)
            elif what == "push":
                limiter.pushed_back()
            else:
                limiter.succeeded()
            await settle()
        await queue.finish()
        for (i, first), (j, last) in itertools.combinations(enumerate(queue.times), 2):
            assert j - i + 1 <= RATE * (last - first) + burst + 1e-4

    asyncio.run(main())


async def test_idle_time_saves_up_no_more_than_the_burst() -> None:
    clock = ManualClock()
    limiter = Limiter(10, clock=clock, burst=3)
    await clock.advance(100)
    assert [limiter.try_acquire() for _ in range(5)] == [True, True, True, False, False]
    await clock.advance(0.1)
    assert [limiter.try_acquire() for _ in range(2)] == [True, False]


async def test_timers_that_come_late_cost_no_rate_and_make_no_more_than_a_small_burst() -> None:
    clock = AndThen(late=0.01)
    queue = Queue(Limiter(1000, clock=clock), clock)
    queue.come(500)
    await queue.finish()
    assert queue.times[-1] == pytest.approx(0.5, abs=0.02)
    clock.late = 3.0
    queue.come(500)
    await clock.advance(4)
    assert 1 < len(queue.times) - 500 <= 2 + 20 + 1
    clock.late = 0.0
    await queue.finish()


async def test_nobody_overtakes_those_who_wait() -> None:
    clock = AndThen(late=1.0)
    limiter = Limiter(10, clock=clock)
    assert limiter.try_acquire()
    waiting = asyncio.create_task(limiter.acquire())
    await clock.advance(0.5)
    assert limiter.waiting == 1
    assert not limiter.try_acquire()
    newcomer = asyncio.create_task(limiter.acquire())
    await settle()
    assert not newcomer.done()
    await clock.advance(0.7)
    assert waiting.done()
    await clock.advance(1.2)
    assert newcomer.done()


async def test_a_turn_given_to_someone_cancelled_in_the_same_moment_is_not_lost() -> None:
    clock = AndThen(lambda: first.cancel())
    limiter = Limiter(1, clock=clock)
    assert limiter.try_acquire()
    first = asyncio.create_task(limiter.acquire())
    second = asyncio.create_task(limiter.acquire())
    await clock.advance(1.0)
    assert first.cancelled()
    assert second.done()


async def test_a_turn_given_back_during_a_hold_does_not_shorten_it() -> None:
    clock = AndThen(lambda: (limiter.hold(5), limiter.hold(1), first.cancel()))
    limiter = Limiter(1, clock=clock)
    assert limiter.try_acquire()
    first = asyncio.create_task(limiter.acquire())
    second = asyncio.create_task(limiter.acquire())
    await clock.advance(1.0)
    assert first.cancelled()
    clock.then = lambda: None
    await clock.advance(4.9)
    assert not second.done()
    await clock.advance(0.2)
    assert second.done()


async def test_a_hold_stops_everybody_and_a_shorter_one_does_not_shorten_it() -> None:
    clock = ManualClock()
    limiter = Limiter(None, clock=clock)
    limiter.hold(10)
    limiter.hold(1)
    waiting = asyncio.create_task(limiter.acquire())
    await clock.advance(9.9)
    assert not waiting.done()
    assert not limiter.try_acquire()
    await clock.advance(0.2)
    assert waiting.done()
    assert limiter.try_acquire()


@pytest.mark.parametrize("rate", [50, 1000])
async def test_a_hold_does_not_end_in_a_burst(rate: float) -> None:
    clock = ManualClock()
    limiter = Limiter(rate, clock=clock)
    queue = Queue(limiter, clock)
    limiter.hold(5)
    queue.come(30)
    await queue.finish()
    assert queue.times == pytest.approx([5 + number / rate for number in range(30)])


async def test_without_a_limit_nobody_waits() -> None:
    limiter = Limiter(None, clock=ManualClock())
    assert all(limiter.try_acquire() for _ in range(1000))


async def test_the_rate_halves_once_a_second_at_most_and_stays_above_its_floor() -> None:
    clock = ManualClock()
    limiter = Limiter(64, clock=clock)
    for _ in range(16):
        limiter.pushed_back()
    assert limiter.rate == 32
    for _ in range(20):
        await clock.advance(1)
        limiter.pushed_back()
    assert limiter.rate == 1


async def test_turns_come_at_half_the_rate_after_a_push() -> None:
    clock = ManualClock()
    limiter = Limiter(10, clock=clock)
    queue = Queue(limiter, clock)
    limiter.pushed_back()
    queue.come(5)
    await queue.finish()
    assert queue.times == pytest.approx([0, 0.2, 0.4, 0.6, 0.8])


@pytest.mark.parametrize("rate", [1, 50, 5000])
def test_the_way_back_takes_ten_seconds_of_successes_at_any_rate(rate: float) -> None:
    limiter = Limiter(rate, clock=ManualClock())
    limiter.pushed_back()
    took = 0.0
    while (now := limiter.rate or 0) < rate:
        took += 1 / now
        limiter.succeeded()
    assert took == pytest.approx(10, rel=0.25)
    limiter.succeeded()
    assert limiter.rate == limiter.configured == rate


@given(st.sampled_from([0.5, 64, 5000, None]), st.lists(st.booleans(), max_size=40))
def test_the_rate_stays_between_its_floor_and_what_was_configured(rate: float | None, pushes: list[bool]) -> None:
    async def main() -> None:
        clock = ManualClock()
        limiter = Limiter(rate, clock=clock)
        for push in pushes:
            before = limiter.rate or float("inf")
            if push:
                await clock.advance(1)
                limiter.pushed_back()
            else:
                limiter.succeeded()
            after = limiter.rate or float("inf")
            assert after <= before if push else before <= after <= 2 * before
            assert (rate or 50) / 64 <= after <= (rate or float("inf"))

    asyncio.run(main())


def test_an_unlimited_client_gets_a_rate_when_it_is_pushed_back_and_loses_it_again() -> None:
    limiter = Limiter(None, clock=ManualClock())
    limiter.pushed_back()
    assert limiter.rate == 50
    took = 0.0
    while limiter.rate is not None:
        took += 1 / limiter.rate
        limiter.succeeded()
    assert took == pytest.approx(60, rel=0.1)
    assert limiter.configured is None


# Places


@given(st.integers(1, 4), st.lists(st.sampled_from(["come", "leave", "cancel", "settle"]), max_size=60), st.randoms())
def test_no_place_is_ever_lost_or_given_twice(size: int, events: list[str], chance: random.Random) -> None:
    async def main() -> None:
        gate = Gate(size)
        inside: list[int] = []
        entered: list[int] = []
        tasks: list[asyncio.Task[None]] = []

        async def enter(number: int) -> None:
            await gate.acquire()
            inside.append(number)
            entered.append(number)

        for event in [*events, "settle"]:
            if event == "come":
                tasks.append(asyncio.create_task(enter(len(tasks))))
                await asyncio.sleep(0)
            elif event == "leave" and inside:
                inside.remove(chance.choice(inside))
                gate.release()
            elif event == "cancel" and tasks:
                chance.choice(tasks).cancel()
            elif event == "settle":
                await settle()
                wanting = sum(not task.done() for task in tasks)
                assert gate.in_flight == len(inside) == min(size, len(inside) + wanting)
            assert len(inside) <= gate.in_flight <= size
        while inside:
            inside.pop()
            gate.release()
            await settle()
        ends = await asyncio.gather(*tasks, return_exceptions=True)
        assert all(end is None or isinstance(end, asyncio.CancelledError) for end in ends)
        assert entered == sorted(entered)
        assert gate.in_flight == 0

    asyncio.run(main())


async def test_a_freed_place_goes_to_whoever_waits_and_not_to_whoever_comes() -> None:
    gate = Gate(1)
    assert gate.try_acquire()
    waiting = asyncio.create_task(gate.acquire())
    await settle()
    gate.release()
    assert not gate.try_acquire()
    await waiting
    assert gate.in_flight == 1


async def test_a_place_freed_in_the_moment_in_which_its_waiter_is_cancelled_is_free() -> None:
    gate = Gate(1)
    for order in ("cancel first", "release first"):
        assert gate.try_acquire()
        waiting = asyncio.create_task(gate.acquire())
        await settle()
        if order == "cancel first":
            waiting.cancel()
        gate.release()
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert gate.in_flight == 0


# Loops


def stopped(loop: asyncio.AbstractEventLoop, *, abrupt: bool) -> None:
    """Ends the loop as `asyncio.run` does, or by closing it over the heads of its tasks."""
    if not abrupt:
        tasks = asyncio.all_tasks(loop)
        for task in tasks:
            task.cancel()
        loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
    loop.close()
    gc.collect()


@pytest.mark.parametrize("abrupt", [False, True])
@pytest.mark.parametrize("granted", [False, True])
def test_those_whom_an_ended_loop_left_behind_are_in_nobodys_way(abrupt: bool, granted: bool) -> None:
    loop = asyncio.new_event_loop()
    clock = AndThen(lambda: (gate.release(), loop.stop()))
    limiter, gate = Limiter(1, clock=clock), Gate(2)

    async def leave() -> None:
        await limiter.acquire()
        await gate.acquire()
        await gate.acquire()
        waits = [asyncio.ensure_future(wait) for wait in (limiter.acquire(), limiter.acquire(), gate.acquire())]
        await settle()
        if granted:
            # One of each is let go, but the loop stops before they notice.
            await clock.advance(1)
        loop.stop()
        await asyncio.gather(*waits)

    async def come() -> None:
        assert gate.in_flight == (1 if granted else 2)
        gate.release()
        assert gate.try_acquire()
        assert limiter.waiting == 0
        queue = Queue(limiter, clock)
        queue.come(3)
        await clock.advance(4)
        assert queue.times == pytest.approx([1, 2, 3])

    leaving = loop.create_task(leave())
    loop.run_forever()
    del leaving
    stopped(loop, abrupt=abrupt)
    clock.then = lambda: None
    asyncio.run(come())
    gc.collect()
