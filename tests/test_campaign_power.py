"""Whatever a ledger has acknowledged is there after a power cut at any moment, whichever unflushed writes that one spares."""

from __future__ import annotations

import asyncio
from collections.abc import Generator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from random import Random
from typing import Any

import pytest
from attrs import define, evolve
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from ip1_async.campaign.ledger import Draft, SQLiteLedger, store
from ip1_async.campaign.ledger.owner import this_process
from ip1_async.campaign.transitions import Chunk
from ip1_async.errors import LedgerError
from tests.campaign_ledgers import CAMPAIGN, STATES, folder_in_memory, numbers

power = pytest.importorskip("tests.power", reason="apsw is not installed", exc_type=ImportError)

Told = Mapping[str, Any]
SMALL = {"PRAGMA cache_size = -2000": "PRAGMA cache_size = -32"}
"""A plan of a few hundred people is then as large for its cache as one of a million really is."""


@contextmanager
def beneath(folder: Path, instead: Mapping[str, str]) -> Generator[Any]:
    """Every ledger is on a disk that loses what was not flushed, with these statements in the place of others."""
    disk = power.Disk(f"power of {folder}")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(store, "connected", lambda path: power.Connection(path, disk.name, instead))
        yield disk
    disk.unregister()


def lost(disk: Any, random: Random, images: int) -> list[str]:
    """What was acknowledged and is not there after a power cut, or is there in part, or was never so."""
    history: dict[str, list[Any]] = {}
    for event in disk.log:
        if isinstance(event, power.Acknowledged):
            history.setdefault(event.what, []).append(event.value)
    wrong: list[str] = []
    known: dict[frozenset[tuple[str, bytes]], Told | str] = {}
    with folder_in_memory() as folder:
        for moment, told, files in disk.cuts(random, images):
            key = frozenset(files.items())
            if key not in known:
                known[key] = seen(folder / str(len(known)), files)
            found = known[key]
            if isinstance(found, str):
                wrong.append(f"{moment}: {found}")
                continue
            for what, value in told.items():
                now, past = found.get(what), history[what]
                # The next that was begun may be there though nobody has been told yet.
                if now not in past[past.index(value) :]:
                    wrong.append(f"{moment}: {what} was {value}, and is {now}")
            for what, value in found.items():
                fresh = what.startswith("chunk") and value[:3] == ("PENDING", 0, 0)
                if value not in history.get(what, ()) and not fresh:
                    wrong.append(f"{moment}: {what} is {value}, which it never was")
    return wrong


def seen(folder: Path, files: Mapping[str, bytes]) -> Told | str:
    """What is in these files when a ledger is opened in them, or why it cannot be."""
    folder.mkdir()
    for name, content in files.items():
        (folder / name).write_bytes(content)
    try:
        db = store.opened(folder / "ledger")
    except FileNotFoundError:
        return {"plan": "nothing"}
    except LedgerError as error:
        return {"plan": "nothing"} if "holds no plan" in str(error) else str(error)
    with closing(db):
        return facts(db)


def facts(db: Any) -> Told:
    """All that `Work` says of a campaign."""
    people = db.execute("SELECT count(*), sum(length(recipients)), sum(length(rows)) FROM people").fetchone()
    drops = db.execute("SELECT count(*) FROM drops").fetchone()
    everybody = db.execute(
        "SELECT (SELECT sum(recipients) FROM chunks WHERE state <> 'SPLIT') + (SELECT count(*) FROM left_out)"
    ).fetchone()
    found: dict[str, Any] = {"plan": (*people, *drops), "everybody": everybody[0]}
    for id, *chunk in db.execute("SELECT id, state, attempt, epoch, recipients, batch FROM chunks").fetchall():
        found[f"chunk {id}"] = tuple(chunk)
    for lease, anchor in db.execute("SELECT lease, anchor FROM owner, campaign").fetchall():
        found |= {"lease": lease, "anchor": anchor}
    return found


@define
class Work:
    """A campaign that is planned and run at random, and says into the disk's log what it was told."""

    disk: Any
    path: Path
    random: Random

    def say(self, what: str, value: Any) -> None:
        self.disk.log.append(power.Acknowledged(what, value))

    def of(self, chunk: Chunk, **now: Any) -> Chunk:
        """This is what a chunk is now."""
        chunk = evolve(chunk, **now)
        self.say(f"chunk {chunk.id}", (chunk.state, chunk.attempt, chunk.epoch, chunk.recipients, chunk.batch))
        return chunk

    def plan(self, chunks: int, each: int) -> None:
        self.say("plan", "nothing")
        draft = Draft(self.path)
        for chunk in range(chunks):
            rows = range(chunk * each, chunk * each + each)
            draft.first([str(46700000000 + row) for row in rows], rows)
            draft.chunk(numbers(each, chunk * each), rows, text="", zone="")
            draft.drop([(1000000 + chunk, "a broken number")])
        draft.commit(CAMPAIGN, source="x", planned=1.0, orders={}, plan={})
        size = sum(len(f"{numbers(each, chunk * each)}".replace(" ", "")) for chunk in range(chunks))
        self.say("plan", (chunks, size, 4 * each * chunks, chunks))
        self.say("everybody", each * chunks)

    async def run(self, turns: int) -> None:
        """Many things at once, as they are committed together; now and then the ledger is closed in between."""
        ledger = SQLiteLedger(self.path)
        for turn in range(1, turns + 1):
            at = 1000 * turn
            lease = await ledger.take(this_process(), at=at, until=at + 10)
            self.say("lease", lease)
            if turn == 1:
                self.say("anchor", None)
                await ledger.anchored(lease, "b-0", at=at)
                self.say("anchor", "b-0")
            await ledger.take_over(lease, at=at)
            for chunk in await ledger.chunks(*STATES):
                self.of(chunk)
            await asyncio.gather(*(self.carry_out(ledger, lease, at) for _ in range(self.random.randint(1, 6))))
            if self.random.random() < 0.3:
                await ledger.close()
        await ledger.close()

    async def carry_out(self, ledger: SQLiteLedger, lease: int, at: float) -> None:
        chunk = await ledger.claim(lease, at=at, zones=[""])
        if chunk is None:
            return
        self.of(chunk)
        people = await ledger.people(chunk.id)
        if self.random.random() < 0.3:
            gone = dict.fromkeys([*people.numbers][:1], "opted out")
            chunk = self.of(await ledger.leave_out(lease, chunk, gone, at=at))
        batch = f"b-{chunk.id}"
        match self.random.choice(("accept", "reject", "give back", "doubt", "absent", "adopt", "split", "die")):
            case "accept":
                await ledger.accept(lease, chunk, batch, messages=None, at=at)
                self.of(chunk, state="ACCEPTED", batch=batch)
            case "reject":
                await ledger.reject(lease, chunk, "too long", at=at)
                self.of(chunk, state="REJECTED")
            case "give back":
                await ledger.give_back(lease, chunk, "429", not_before=at)
                self.of(chunk, state="PENDING")
            case "split" if chunk.recipients > 1:
                await ledger.split(lease, chunk, "a bad number", at=at)
                self.of(chunk, state="SPLIT")
            case "doubt" | "absent" | "adopt" as what:
                await ledger.doubt(lease, chunk, "silence", acknowledged=False, at=at)
                chunk = self.of(chunk, state="UNKNOWN")
                if what == "absent":
                    again = self.random.random() < 0.5
                    await ledger.absent(lease, chunk, again=again, at=at)
                    chunk = self.of(chunk, state="PENDING" if again else "REVIEW")
                    if not again:
                        again = self.random.random() < 0.5
                        await ledger.decide(chunk.id, again=again, at=at)
                        self.of(chunk, state="PENDING" if again else "ACCEPTED", epoch=chunk.epoch + 1)
                if what == "adopt":
                    await ledger.adopt(chunk.id, batch, at=at)
                    self.of(chunk, state="ACCEPTED", epoch=chunk.epoch + 1, batch=batch)
            case _:
                pass


EXAMPLES: int = settings().max_examples
SEEDS = (Phase.explicit, Phase.reuse, Phase.generate)
"""A smaller seed is no simpler example."""

QUICK = {"PRAGMA busy_timeout = 30000": "PRAGMA wal_autocheckpoint = 6"}
"""The log is moved into the file, and begun again, every few commits, and not only after a thousand pages."""


def work(seed: int, instead: Mapping[str, str]) -> Any:
    """The disk of a campaign that was planned, run, and closed a few times."""
    with folder_in_memory() as folder, beneath(folder, {**QUICK, **instead}) as disk:
        some = Work(disk, folder / "ledger", Random(seed))
        some.plan(4, 6)
        asyncio.run(some.run(9))
    return disk


@settings(max_examples=EXAMPLES // 10, phases=SEEDS)
@given(seed=st.integers(0, 2**32))
def test_what_was_acknowledged_is_there_after_any_power_cut(seed: int) -> None:
    assert lost(work(seed, {}), Random(seed), 4) == []


@pytest.mark.parametrize("synchronous", ["NORMAL", "OFF"])
def test_with_less_than_full_flushes_acknowledged_claims_are_lost(synchronous: str) -> None:
    found = lost(work(1, {"PRAGMA synchronous = FULL": f"PRAGMA synchronous = {synchronous}"}), Random(1), 1)
    forgotten = [each for each in found if "was ('SENDING', 1, 1," in each and "is ('PENDING', 0, 0," in each]
    assert forgotten, found[:5]


def plan(instead: Mapping[str, str]) -> Any:
    with folder_in_memory() as folder, beneath(folder, {**SMALL, **instead}) as disk:
        Work(disk, folder / "ledger", Random(1)).plan(6, 400)
    return disk


@settings(max_examples=EXAMPLES // 20, phases=SEEDS)
@given(seed=st.integers(0, 2**32))
def test_a_plan_is_there_whole_or_not_at_all_and_whole_once_it_was_acknowledged(seed: int) -> None:
    disk = plan({})
    writes = [each for each in disk.log if isinstance(each, power.Write)]
    first = next(place for place, each in enumerate(disk.log) if isinstance(each, power.Flush))
    assert len(writes) > 20
    assert first < len(disk.log) // 2, "it is written and flushed long before its end"
    assert lost(disk, Random(seed), 4) == []


@pytest.mark.parametrize("synchronous", ["FULL", "OFF"])
def test_with_less_than_extra_flushes_an_acknowledged_plan_is_lost(synchronous: str) -> None:
    """Under FULL the journal is deleted and the folder is not flushed: it may come back, and takes the plan back."""
    found = lost(plan({"PRAGMA synchronous = EXTRA": f"PRAGMA synchronous = {synchronous}"}), Random(1), 1)
    assert [each for each in found if "plan was (6," in each and "and is nothing" in each], found[:5]
