"""A ledger moves its chunks as the model says, for whoever has the lease and the epoch, and for nobody else."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from ip1_async.campaign.ledger import SQLiteLedger
from ip1_async.campaign.ledger.owner import this_process
from ip1_async.campaign.states import State
from ip1_async.campaign.transitions import Chunk, Tally
from ip1_async.errors import Invalid, LedgerHeld
from tests.campaign_ledgers import (
    CAMPAIGN,
    STATES,
    content,
    folder_in_memory,
    leased,
    number,
    numbers,
    one,
    planned,
    somebody,
)
from tests.campaign_model import TRANSITIONS

Try = Callable[[SQLiteLedger, int, Chunk], Awaitable[Any]]

GUARDED: dict[str, Try] = {
    "give_back": lambda ledger, lease, chunk: ledger.give_back(lease, chunk, "no connection", not_before=5),
    "accept": lambda ledger, lease, chunk: ledger.accept(lease, chunk, "b-1", messages=2, at=5),
    "reject": lambda ledger, lease, chunk: ledger.reject(lease, chunk, "too long", at=5),
    "split": lambda ledger, lease, chunk: ledger.split(lease, chunk, "a bad number", at=5),
    "doubt": lambda ledger, lease, chunk: ledger.doubt(lease, chunk, "silence", acknowledged=False, at=5),
    "absent_review": lambda ledger, lease, chunk: ledger.absent(lease, chunk, again=False, at=5),
    "absent_retry": lambda ledger, lease, chunk: ledger.absent(lease, chunk, again=True, at=5),
}
"""What only the holder of the lease and of the chunk's epoch may do."""

TRIES: dict[str, Try] = {
    **GUARDED,
    "claim": lambda ledger, lease, chunk: ledger.claim(lease, at=5, zones=[""]),
    "take_over": lambda ledger, lease, chunk: ledger.take_over(lease, at=5),
    "adopt": lambda ledger, lease, chunk: ledger.adopt(chunk.id, "b-2", at=5),
    "decide_accept": lambda ledger, lease, chunk: ledger.decide(chunk.id, again=False, at=5),
    "decide_resend": lambda ledger, lease, chunk: ledger.decide(chunk.id, again=True, at=5),
}

GIVES = {"take_over": 1, "adopt": True, "absent_review": True, "absent_retry": True}
"""What is given by transitions that give anything; a claim gives its chunk."""
GIVES_NOTHING = {"claim": None, "take_over": 0, "adopt": False, "absent_review": False, "absent_retry": False}
"""What is given by those that may find nothing to do; all others raise."""


@pytest.fixture
def folder() -> Iterator[Path]:
    with folder_in_memory() as path:
        yield path


async def brought(path: Path, state: State) -> tuple[SQLiteLedger, int, Chunk]:
    """A ledger with one chunk of four people in this state; a split one has two halves beside it, which are not due."""
    ledger, lease = await leased(planned(path, numbers(4), zones=["SE"]))
    if state != "PENDING":
        chunk = await ledger.claim(lease, at=1, zones=["SE"])
        assert chunk is not None
        if state in ("UNKNOWN", "REVIEW"):
            await ledger.doubt(lease, chunk, "silence", acknowledged=False, at=2)
        if state == "REVIEW":
            await ledger.absent(lease, chunk, again=False, at=3)
        if state in ("ACCEPTED", "REJECTED", "SPLIT"):
            await GUARDED[{"ACCEPTED": "accept", "REJECTED": "reject", "SPLIT": "split"}[state]](ledger, lease, chunk)
    chunk = await one(ledger, 1)
    assert chunk.state == state
    return ledger, lease, chunk


async def tried(name: str, ledger: SQLiteLedger, lease: int, chunk: Chunk) -> Any:
    """What a transition gives, or the error that it raises."""
    try:
        return await TRIES[name](ledger, lease, chunk)
    except (LedgerHeld, Invalid) as error:
        return error


# Which changes there are


@pytest.mark.parametrize("state", STATES)
async def test_the_changes_that_succeed_are_those_of_the_model(folder: Path, state: State) -> None:
    path, moves = folder / "x", set[tuple[str, str, str]]()
    for name in TRIES:
        path = folder / name
        ledger, lease, chunk = await brought(path, state)
        zone = {"zones": ["SE"]} if state == "PENDING" else {"zones": [""]}
        before = content(path)
        given = await (ledger.claim(lease, at=5, **zone) if name == "claim" else tried(name, ledger, lease, chunk))
        after = content(path)
        if after == before:
            if name in GIVES_NOTHING:
                assert given == GIVES_NOTHING[name], name
            else:
                assert isinstance(given, Invalid if name.startswith("decide") else LedgerHeld), name
        else:
            now = await one(ledger, 1)
            moves.add((name, state, now.state))
            assert given == (now if name == "claim" else GIVES.get(name)), name
        await ledger.close()
    assert moves == {each for each in TRANSITIONS if each[1] == state}


def test_every_change_of_the_model_is_tried() -> None:
    assert {name for name, _, _ in TRANSITIONS} == set(TRIES)


@pytest.mark.parametrize("name", [*GUARDED, "leave_out"])
async def test_an_old_epoch_and_any_other_lease_change_nothing(folder: Path, name: str) -> None:
    path = folder / "ledger"
    ledger, old, chunk = await brought(path, "UNKNOWN" if name.startswith("absent") else "SENDING")
    lease = await ledger.take(this_process(), at=2000, until=3000)
    before = content(path)

    def leave_out(ledger: SQLiteLedger, lease: int, chunk: Chunk) -> Awaitable[Any]:
        return ledger.leave_out(lease, chunk, {number(1): "opted out"}, at=5)

    attempt = GUARDED.get(name, leave_out)
    for whose in (old, lease + 1, 0):
        with pytest.raises(LedgerHeld, match="taken the campaign over"):
            await attempt(ledger, whose, chunk)
    for epoch in (chunk.epoch - 1, chunk.epoch + 1):
        outdated = evolve(chunk, epoch=epoch)
        if name.startswith("absent"):
            assert await attempt(ledger, lease, outdated) is False
        else:
            with pytest.raises(LedgerHeld, match="taken the campaign over"):
                await attempt(ledger, lease, outdated)
    assert content(path) == before
    await attempt(ledger, lease, chunk)
    assert content(path) != before
    await ledger.close()


async def test_what_concerns_the_whole_campaign_asks_for_the_lease_too(folder: Path) -> None:
    ledger, old = await leased(planned(folder / "ledger", numbers(2)))
    lease = await ledger.take(this_process(), at=2000, until=3000)
    before = content(ledger.path)
    for whose in (old, lease + 1):
        for attempt in (
            lambda whose=whose: ledger.claim(whose, at=5, zones=[""]),
            lambda whose=whose: ledger.take_over(whose, at=5),
            lambda whose=whose: ledger.renew(whose, until=9000),
            lambda whose=whose: ledger.pause(whose, "a reason"),
            lambda whose=whose: ledger.anchored(whose, "b-0", at=5),
        ):
            with pytest.raises(LedgerHeld, match="taken the campaign over"):
                await attempt()
        await ledger.release(whose)
    assert content(ledger.path) == before
    await ledger.close()


async def test_a_claim_that_finds_nothing_asks_for_the_lease_too(folder: Path) -> None:
    ledger, lease, _ = await brought(folder / "ledger", "ACCEPTED")
    assert await ledger.claim(lease, at=5, zones=["SE"]) is None
    with pytest.raises(LedgerHeld):
        await ledger.claim(lease + 1, at=5, zones=["SE"])
    await ledger.close()


# What they do


async def test_a_claim_takes_the_first_chunk_that_is_due_in_an_open_zone(folder: Path) -> None:
    ledger, lease = await leased(
        planned(folder / "ledger", *[numbers(2, each) for each in (0, 2, 4)], zones=["NO", "SE", "SE"])
    )
    first = await ledger.claim(lease, at=10, zones=["SE", "DK"])
    assert first is not None
    assert first == Chunk(id=2, state="SENDING", attempt=1, epoch=1, recipients=2, zone="SE", intent_at=10)
    await ledger.give_back(lease, first, "429", not_before=20)
    assert await ledger.next_due(["SE"]) == 0
    third = await ledger.claim(lease, at=19, zones=["SE"])
    assert third is not None
    assert third.id == 3
    assert await ledger.next_due(["SE"]) == 20
    assert await ledger.claim(lease, at=19.9, zones=["SE"]) is None
    again = await ledger.claim(lease, at=20, zones=["SE"])
    assert again == evolve(first, attempt=2, epoch=2, intent_at=20)
    assert await ledger.next_due(["SE"]) is None
    assert await ledger.next_due(["NO", "SE"]) == 0
    assert sorted(await ledger.zones()) == ["NO", "SE"]
    await ledger.close()


async def test_a_settled_chunk_says_how(folder: Path) -> None:
    ledger, lease = await leased(planned(folder / "ledger", *[numbers(2, each) for each in (0, 2, 4, 6)]))
    a, b, c, d = [each for _ in range(4) if (each := await ledger.claim(lease, at=1, zones=[""])) is not None]
    await ledger.accept(lease, a, "b-1", messages=2, at=2)
    await ledger.reject(lease, b, "too long", at=3)
    await ledger.doubt(lease, c, "silence", acknowledged=True, at=4)
    await ledger.give_back(lease, d, "429", not_before=9)
    assert await ledger.chunks("ACCEPTED", "REJECTED") == [
        evolve(a, state="ACCEPTED", batch="b-1", messages=2, settled_at=2),
        evolve(b, state="REJECTED", reason="too long", settled_at=3),
    ]
    assert await ledger.chunks("UNKNOWN", "PENDING", after=2) == [
        evolve(c, state="UNKNOWN", reason="silence", acknowledged=True, settled_at=4),
        evolve(d, state="PENDING", reason="429"),
    ]
    assert await ledger.tallies() == [
        Tally(state=state, chunks=1, recipients=2) for state in ("ACCEPTED", "PENDING", "REJECTED", "UNKNOWN")
    ]
    await ledger.close()


async def test_what_was_said_of_one_attempt_is_not_said_of_the_next(folder: Path) -> None:
    ledger, lease = await leased(planned(folder / "ledger", numbers(2)))
    chunk = await ledger.claim(lease, at=1, zones=[""])
    assert chunk is not None
    await ledger.doubt(lease, chunk, "silence", acknowledged=True, at=2)
    assert await ledger.absent(lease, chunk, again=True, at=3)
    assert await ledger.claim(lease, at=4, zones=[""]) == evolve(chunk, attempt=2, epoch=2, intent_at=4, settled_at=3)
    await ledger.close()


async def test_halves_are_new_chunks_with_the_text_and_zone_of_the_whole(folder: Path) -> None:
    ledger, lease = await leased(planned(folder / "ledger", numbers(5), zones=["SE"]))
    chunk = await ledger.claim(lease, at=1, zones=["SE"])
    assert chunk is not None
    await ledger.split(lease, chunk, "a bad number", at=2)
    assert await ledger.chunks("SPLIT") == [evolve(chunk, state="SPLIT", reason="a bad number", settled_at=2)]
    assert await ledger.chunks("PENDING") == [
        Chunk(id=id, state="PENDING", attempt=0, epoch=0, recipients=count, zone="SE") for id, count in ((2, 2), (3, 3))
    ]
    await ledger.close()


async def test_whoever_held_a_chunk_before_a_takeover_can_settle_it_no_more(folder: Path) -> None:
    ledger, lease, sending = await brought(folder / "ledger", "SENDING")
    # The lease is still the same, as where one process takes over from itself.
    assert await ledger.take_over(lease, at=4) == 1
    now = await one(ledger, 1)
    assert now == evolve(
        sending,
        state="UNKNOWN",
        epoch=sending.epoch + 1,
        settled_at=4,
        reason="its process ended before the answer came",
    )
    with pytest.raises(LedgerHeld):
        await ledger.accept(lease, sending, "b-1", messages=4, at=5)
    assert await ledger.take_over(lease, at=6) == 1
    assert await one(ledger, 1) == evolve(now, epoch=now.epoch + 1, settled_at=6)
    await ledger.close()


@pytest.mark.parametrize("again", [False, True])
async def test_a_chunk_that_was_found_while_its_absence_was_to_be_settled_stays_accepted(
    folder: Path, again: bool
) -> None:
    ledger, lease, unknown = await brought(folder / "ledger", "UNKNOWN")
    assert await ledger.adopt(1, "b-1", at=5)
    assert await ledger.absent(lease, unknown, again=again, at=6) is False
    assert await one(ledger, 1) == evolve(
        unknown, state="ACCEPTED", batch="b-1", epoch=unknown.epoch + 1, settled_at=5, reason=""
    )
    assert not await ledger.adopt(1, "b-2", at=7), "it has a batch, and this is no news"
    assert not await ledger.adopt(2, "b-3", at=7), "there is no such chunk"
    await ledger.close()


@pytest.mark.parametrize(("again", "state"), [(False, "ACCEPTED"), (True, "PENDING")])
async def test_a_person_decides_what_is_in_review_once(folder: Path, again: bool, state: State) -> None:
    ledger, _, _ = await brought(folder / "ledger", "REVIEW")
    await ledger.decide(1, again=again, at=5)
    assert (await one(ledger, 1)).state == state
    for chunk in (1, 2):
        with pytest.raises(Invalid, match=f"chunk {chunk} is not in review") as caught:
            await ledger.decide(chunk, again=again, at=6)
        assert caught.value.field == "chunk"
    await ledger.close()


async def test_the_first_anchor_stays(folder: Path) -> None:
    ledger, lease = await leased(planned(folder / "ledger", numbers(2)))
    before = await ledger.facts()
    assert (before.id, before.source, before.planned, before.plan) == (CAMPAIGN, "people.csv", 1.0, {"kept": 2})
    assert (before.anchor, before.began, before.paused, before.purged) == (None, None, "", False)
    await ledger.anchored(lease, "", at=5)
    await ledger.anchored(lease, "b-9", at=6)
    await ledger.pause(lease, "no credit")
    assert await ledger.facts() == evolve(before, anchor="", began=5, paused="no credit")
    await ledger.close()


async def test_an_incident_is_told_once_and_a_size_is_that_of_an_accepted_chunk(folder: Path) -> None:
    ledger, _, chunk = await brought(folder / "ledger", "ACCEPTED")
    await ledger.incident(1, "has two batches", at=5)
    await ledger.incident(1, "has two batches", at=6)
    await ledger.incident(1, "has three batches", at=7)
    assert [row[0] for row in content(ledger.path)["incidents"]] == [5, 7]
    await ledger.sized(1, 3)
    assert await one(ledger, 1) == evolve(chunk, messages=3)
    await ledger.close()
    ledger, _, chunk = await brought(folder / "other", "PENDING")
    await ledger.sized(1, 3)
    assert await one(ledger, 1) == chunk
    await ledger.close()


# Whose lease it is


async def test_a_claim_renews_the_lease_so_that_its_request_is_over_before_somebody_takes_over(folder: Path) -> None:
    """A request is written up to D after its claim, and the quarantine of who takes over is exact only after that."""
    ledger = SQLiteLedger(planned(folder / "ledger", numbers(2)))
    lease = await ledger.take(this_process(), at=0, until=30)
    assert await ledger.claim(lease, at=29, zones=[""])
    with pytest.raises(LedgerHeld, match="ends in 30 s"):
        await ledger.take(somebody(), at=29, until=60)
    assert await ledger.claim(lease, at=40, zones=[""]) is None, "nothing is left"
    assert (held := await ledger.held()) is not None
    assert held.until == 59
    await ledger.close()


async def test_a_live_lease_refuses_by_name_and_an_expired_one_is_taken(folder: Path) -> None:
    ledger = SQLiteLedger(planned(folder / "ledger", numbers(2)))
    assert await ledger.held() is None
    first = await ledger.take(somebody(), at=0, until=30)
    with pytest.raises(LedgerHeld, match=r"is run by process 7 on web-2, whose lease ends in 20 s .*: wait, or stop"):
        await ledger.take(this_process(), at=10, until=40)
    await ledger.renew(first, until=50)
    with pytest.raises(LedgerHeld, match="ends in 1 s"):
        await ledger.take(this_process(), at=49, until=80)
    assert await ledger.take(this_process(), at=50, until=80) != first
    assert (held := await ledger.held()) is not None
    assert (held.owner, held.since, held.until) == (this_process(), 50, 80)
    await ledger.close()


async def test_a_lease_that_was_given_back_is_taken_at_once(folder: Path) -> None:
    ledger = SQLiteLedger(planned(folder / "ledger", numbers(2)))
    first = await ledger.take(somebody(), at=0, until=30)
    await ledger.release(first)
    second = await ledger.take(somebody(), at=1, until=31)
    await ledger.release(first)
    with pytest.raises(LedgerHeld):
        await ledger.take(this_process(), at=2, until=32)
    await ledger.release(second)
    assert await ledger.take(this_process(), at=2, until=32) > second > first
    await ledger.close()
