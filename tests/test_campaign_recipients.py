"""However chunks are claimed, split, left out of, doubted and taken over, everybody who was planned is in exactly one place."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Coroutine, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, TypeVar

import pytest
from attrs import define, evolve
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from ip1_async.campaign import Campaign
from ip1_async.campaign.ledger import SQLiteLedger, records
from ip1_async.campaign.states import State
from ip1_async.campaign.transitions import Chunk
from ip1_async.errors import Invalid, LedgerHeld
from tests.campaign_ledgers import STATES, Recipients, folder_in_memory, leased, numbers, planned, somebody
from tests.campaign_model import TRANSITIONS

T = TypeVar("T")

AFTER = {(name, before): after for name, before, after in TRANSITIONS}
EXAMPLES: int = settings().max_examples
OPT_OUT = "opted out"

who = st.sampled_from(["owner", "owner", "owner", "other"])
claims = st.just(0) | st.integers(0, 10)
"""Chunks as they were claimed, the latest first."""
ends = st.sampled_from(["split", "doubt", "give_back", "accept", "reject"])
places = st.sets(st.integers(0, 20), max_size=6)


@define
class Expected:
    """A chunk as it must be."""

    state: State
    epoch: int
    rows: list[int]


def template(count: int, first: int) -> Mapping[str, Mapping[str, str]]:
    return {each: {"code": each[-3:]} for each in numbers(count, first)} | {"default": {"code": "-"}}


class Recipience(RuleBasedStateMachine):
    """Two processes that take the lease from each other, and a person who decides."""

    def __init__(self) -> None:
        super().__init__()
        self.places, self.now = ExitStack(), 0.0
        self.runner = self.places.enter_context(asyncio.Runner())
        self.folder = self.places.enter_context(folder_in_memory())
        self.expected: dict[int, Expected] = {}
        self.left: set[int] = set()
        self.claimed: list[Chunk] = []

    def close(self) -> None:
        for each in self.ledgers.values():
            self.do(each.close())

    def named_so(self, who: str) -> str:
        return self.owner if who == "owner" else "ab".replace(self.owner, "")

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(work)

    @initialize(sizes=st.lists(st.integers(1, 7), min_size=2, max_size=5), named=st.booleans())
    def plan(self, sizes: list[int], named: bool) -> None:
        chunks: list[Recipients] = []
        for id, size in enumerate(sizes, 1):
            first = sum(sizes[: id - 1])
            chunks.append(template(size, first) if named else numbers(size, first))
            self.expected[id] = Expected("PENDING", 0, [*range(first + 1, first + size + 1)])
        self.named, self.people = named, [number for chunk in chunks for number in chunk if number != "default"]
        path = planned(self.folder / "ledger", *chunks)
        self.ledgers = {who: SQLiteLedger(path) for who in "ab"}
        self.places.callback(self.close)
        self.leases = dict.fromkeys("ab", 0)
        self.owner = ""
        self.take("a")

    @rule(who=st.sampled_from("ab"), over=st.booleans())
    def take(self, who: str, over: bool = False) -> None:
        self.now += 100
        taken = self.ledgers[who].take(somebody(name=who), at=self.now, until=self.now + 1)
        self.leases[who], self.owner = self.do(taken), who
        for each in ("ab", "ba") if over else ():
            self.take_over(each[0])

    def take_over(self, who: str) -> None:
        open = [each for each in self.expected.values() if each.state in ("SENDING", "UNKNOWN")]
        if who == self.owner:
            assert self.do(self.ledgers[who].take_over(self.leases[who], at=self.now)) == len(open)
            for each in open:
                each.state, each.epoch = "UNKNOWN", each.epoch + 1
        else:
            with pytest.raises(LedgerHeld):
                self.do(self.ledgers[who].take_over(self.leases[who], at=self.now))

    @rule(who=who)
    def claim(self, who: str) -> None:
        who = self.named_so(who)
        claimed = self.ledgers[who].claim(self.leases[who], at=self.now, zones=[""])
        if who != self.owner:
            with pytest.raises(LedgerHeld):
                self.do(claimed)
            return
        due = [id for id, each in self.expected.items() if each.state == "PENDING"]
        chunk = self.do(claimed)
        if chunk is None:
            assert not due
            return
        assert chunk.id == min(due), "it was due, so nobody else had it"
        each = self.expected[chunk.id]
        each.state, each.epoch = "SENDING", each.epoch + 1
        self.claimed.insert(0, chunk)

    @rule(name=ends, places=places)
    def carry_out(self, name: str, places: Collection[int]) -> None:
        """A whole turn of the owner, as nobody comes in between."""
        before = len(self.claimed)
        self.claim("owner")
        if len(self.claimed) > before:
            self.leave_out("owner", 0, places)
            self.settle("owner", 0, name)

    @precondition(lambda self: self.claimed)
    @rule(who=who, which=claims, name=ends)
    def settle(self, who: str, which: int, name: str) -> None:
        who, chunk = self.named_so(who), self.claimed[which % len(self.claimed)]
        ledger, lease, at = self.ledgers[who], self.leases[who], self.now
        settled: Coroutine[Any, Any, None] = {
            "give_back": lambda: ledger.give_back(lease, chunk, "429", not_before=0),
            "accept": lambda: ledger.accept(lease, chunk, "b", messages=None, at=at),
            "reject": lambda: ledger.reject(lease, chunk, "no", at=at),
            "split": lambda: ledger.split(lease, chunk, "a bad number", at=at),
            "doubt": lambda: ledger.doubt(lease, chunk, "silence", acknowledged=False, at=at),
        }[name]()
        if not self.may(who, chunk, name):
            with pytest.raises(LedgerHeld):
                self.do(settled)
            return
        self.do(settled)
        self.moved(chunk.id, name)
        if name == "split":
            self.halved(chunk.id)

    def halved(self, chunk: int) -> None:
        """There are two more chunks, with what is left of the whole in its order."""
        whole, self.expected[chunk].rows = self.expected[chunk].rows, []
        halves = self.do(self.ledgers["a"].chunks("PENDING", after=max(self.expected)))
        assert [each.attempt for each in halves] == [0, 0]
        for half in halves:
            rows = [*self.do(self.ledgers["a"].people(half.id)).rows]
            self.expected[half.id] = Expected("PENDING", 0, rows)
        one, other = (self.expected[half.id].rows for half in halves)
        assert one + other == whole
        assert len(one) < len(whole) or len(whole) < 2 or self.left

    @precondition(lambda self: self.claimed)
    @rule(who=who, which=claims, again=st.booleans())
    def absent(self, who: str, which: int, again: bool) -> None:
        who, chunk = self.named_so(who), self.claimed[which % len(self.claimed)]
        name = "absent_retry" if again else "absent_review"
        settled = self.ledgers[who].absent(self.leases[who], chunk, again=again, at=self.now)
        if who != self.owner:
            with pytest.raises(LedgerHeld):
                self.do(settled)
            return
        assert self.do(settled) is self.may(who, chunk, name)
        if self.may(who, chunk, name):
            self.moved(chunk.id, name)

    @precondition(lambda self: self.claimed)
    @rule(who=who, which=claims, places=places)
    def leave_out(self, who: str, which: int, places: Collection[int]) -> None:
        who, chunk = self.named_so(who), self.claimed[which % len(self.claimed)]
        gone = [self.people[place] for place in places if place < len(self.people)]
        left = self.ledgers[who].leave_out(self.leases[who], chunk, dict.fromkeys(gone, OPT_OUT), at=self.now)
        each = self.expected[chunk.id]
        if who != self.owner or (each.state, each.epoch) != ("SENDING", chunk.epoch):
            with pytest.raises(LedgerHeld):
                self.do(left)
            return
        here = {row for row in each.rows if self.people[row - 1] in gone}
        each.rows = [row for row in each.rows if row not in here]
        self.left |= here
        assert self.do(left).recipients == len(each.rows)

    @rule(chunk=st.integers(1, 9), what=st.sampled_from(["adopt", "decide_accept", "decide_resend"]))
    def decide(self, chunk: int, what: str) -> None:
        """What needs no lease."""
        ledger, each = self.ledgers["b"], self.expected.get(chunk)
        may = each is not None and (what, each.state) in AFTER
        if what == "adopt":
            assert self.do(ledger.adopt(chunk, "b", at=self.now)) is may
        elif may:
            self.do(ledger.decide(chunk, again=what == "decide_resend", at=self.now))
        else:
            with pytest.raises(Invalid):
                self.do(ledger.decide(chunk, again=what == "decide_resend", at=self.now))
        if may:
            self.moved(chunk, what, 1)

    def may(self, who: str, chunk: Chunk, name: str) -> bool:
        each = self.expected[chunk.id]
        return who == self.owner and each.epoch == chunk.epoch and (name, each.state) in AFTER

    def moved(self, chunk: int, name: str, epochs: int = 0) -> None:
        each = self.expected[chunk]
        state = AFTER[name, each.state]
        each.state = next(known for known in STATES if known == state)
        each.epoch += epochs

    @invariant()
    def everybody_is_in_exactly_one_place(self) -> None:
        if not self.expected:
            return
        ledger = self.ledgers["a"]
        chunks = self.do(ledger.chunks(*STATES))
        found = {each.id: Expected(each.state, each.epoch, self.rows(each)) for each in chunks}
        assert found == self.expected
        assert sorted([*(row for each in found.values() for row in each.rows), *self.left]) == [
            *range(1, len(self.people) + 1)
        ]
        tallies, left = self.do(ledger.counted())
        assert sum(each.recipients for each in tallies if each.state != "SPLIT") + left == len(self.people)
        dropped = [(row, OPT_OUT) for row in sorted(self.left)]
        assert self.do(ledger.ask(lambda db: records.drops(db, 0, 1000))) == dropped

    def rows(self, chunk: Chunk) -> list[int]:
        """Where the recipients of a chunk stood, each with its own number and value."""
        if chunk.state == "SPLIT":
            return []
        people = self.do(self.ledgers["a"].people(chunk.id))
        assert len(people.rows) == chunk.recipients
        assert [*people.numbers] == [self.people[row - 1] for row in people.rows]
        if self.named:
            values = {each: {"code": each[-3:]} for each in people.numbers}
            assert people.recipients == values | {"default": {"code": "-"}}
        return [*people.rows]

    def teardown(self) -> None:
        with self.places:
            if not self.expected:
                return
            ledger = self.ledgers["a"]
            self.do(ledger.do(records.purge))
            for id, each in self.expected.items():
                if each.state == "SPLIT":
                    continue
                purged = self.do(ledger.people(id))
                assert ([*purged.rows], purged.recipients) == (each.rows, [])


def test_everybody_is_in_exactly_one_place_whatever_comes_in_between() -> None:
    # A step is a dozen reads; what goes wrong shows in a few of them.
    run_state_machine_as_test(Recipience, settings=settings(max_examples=EXAMPLES // 2, stateful_step_count=30))


@pytest.fixture
def folder() -> Iterator[Path]:
    with folder_in_memory() as path:
        yield path


async def test_what_became_of_everybody_is_of_one_moment_whatever_is_split_or_left_out_meanwhile(folder: Path) -> None:
    path = planned(folder / "ledger", numbers(4), numbers(2, 4))
    ledger, lease = await leased(path)
    campaign = Campaign(path)
    outcomes = campaign.rows()
    found = [await anext(outcomes)]
    for _ in range(2):
        chunk = await ledger.claim(lease, at=1, zones=[""])
        assert chunk is not None
        assert chunk.people == await ledger.people(chunk.id), "a claim brings them"
        smaller = await ledger.leave_out(lease, chunk, {(await ledger.people(chunk.id)).numbers[1]: OPT_OUT}, at=2)
        assert smaller.people is None, "they are others now"
        await ledger.split(lease, smaller, "a bad number", at=3) if chunk.id == 1 else None
    found += [each async for each in outcomes]
    assert [(each.row, each.outcome) for each in found] == [(row, "pending") for row in range(1, 7)]
    assert sorted((each.row, each.outcome) for each in [each async for each in campaign.rows()]) == [
        (row, "dropped" if row in (2, 6) else "pending") for row in range(1, 7)
    ]
    await campaign.close()
    await ledger.close()


@pytest.mark.parametrize("named", [False, True], ids=["a list", "a template"])
async def test_who_is_left_out_stays_out_of_both_halves_and_of_what_was_purged(folder: Path, named: bool) -> None:
    people: Recipients = template(6, 0) if named else numbers(6)
    ledger, lease = await leased(planned(folder / "ledger", people))
    chunk = await ledger.claim(lease, at=1, zones=[""])
    assert chunk is not None
    gone = {numbers(6)[1]: "blacklisted", numbers(6)[4]: OPT_OUT, "46701234567": OPT_OUT}
    smaller = await ledger.leave_out(lease, chunk, gone, at=2)
    assert smaller == evolve(chunk, recipients=4)
    assert await ledger.leave_out(lease, smaller, gone, at=3) == smaller, "who is out cannot leave again"

    def only(*places: int) -> Any:
        kept = [numbers(6)[place] for place in places]
        return kept if not isinstance(people, Mapping) else {each: people[each] for each in (*kept, "default")}

    async def seen(chunk: int) -> tuple[Sequence[int], Any]:
        found = await ledger.people(chunk)
        return [*found.rows], found.recipients

    assert await seen(1) == ([1, 3, 4, 6], only(0, 2, 3, 5))
    await ledger.split(lease, smaller, "a bad number", at=4)
    assert await seen(2) == ([1, 3], only(0, 2))
    assert await seen(3) == ([4, 6], only(3, 5))
    assert [each.recipients for each in await ledger.chunks("PENDING")] == [2, 2]
    assert await ledger.ask(records.dropped) == [("blacklisted", 1), (OPT_OUT, 1)]
    await ledger.do(records.purge)
    assert await seen(1) == ([1, 3, 4, 6], [])
    assert (await seen(2), await seen(3)) == (([1, 3], []), ([4, 6], []))
    await ledger.close()
