"""A power cut at any moment takes back nothing that the ledger has said is written."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from attrs import define, field

pytest.importorskip("apsw", reason="needs apsw, whose SQLite can be put on a disk that forgets")

from ip1_async.campaign.ledger import Draft, SQLiteLedger, store
from ip1_async.campaign.ledger.owner import this_process
from ip1_async.campaign.orders import Orders
from tests.power import Connection, Disk, left, put

CHUNKS = 6
_names = count()


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Iterator[Disk]:
    """Ledgers are opened on it."""
    name = f"power{next(_names)}"
    made = Disk(name)

    def connected(path: Path) -> Connection:
        path.touch(0o600)
        return Connection(path, name)

    monkeypatch.setattr(store, "connected", connected)
    yield made
    made.unregister()


def planned(path: Path) -> None:
    draft = Draft(path)
    for chunk in range(CHUNKS):
        draft.chunk([f"467000000{chunk}{each}" for each in range(4)], range(chunk * 4, chunk * 4 + 4), text="", zone="")
    orders = Orders(sender="iP1", texts={"": "Hello"}).to_dict()
    draft.commit("a" * 16, source="people", planned=0.0, orders=orders, plan={})


@define
class Told:
    """What the ledger has said is written, and after how many steps of the disk it said so."""

    disk: Disk
    ways: dict[int, list[tuple[str, int]]] = field(factory=dict[int, list[tuple[str, int]]])
    """By chunk, the states and epochs that it went through."""
    words: list[tuple[int, int, int]] = field(factory=list[tuple[int, int, int]])
    """After so many steps, the chunk had come so far."""

    def say(self, chunk: int, state: str, epoch: int) -> None:
        way = self.ways.setdefault(chunk, [("PENDING", 0)])
        way.append((state, epoch))
        self.words.append((len(self.disk.steps), chunk, len(way) - 1))


async def worked(path: Path, told: Told) -> None:
    """A little of everything."""
    ledger = SQLiteLedger(path)
    lease = await ledger.take(this_process(), at=1.0, until=1000.0)
    await ledger.anchored(lease, "b0", at=1.0)
    for place in range(CHUNKS):
        chunk = await ledger.claim(lease, at=2.0, zones=[""])
        assert chunk is not None
        told.say(chunk.id, "SENDING", chunk.epoch)
        match place % 4:
            case 0:
                await ledger.accept(lease, chunk, f"b{place}", messages=4, at=3.0)
                told.say(chunk.id, "ACCEPTED", chunk.epoch)
            case 1:
                await ledger.doubt(lease, chunk, "silence", acknowledged=False, at=3.0)
                told.say(chunk.id, "UNKNOWN", chunk.epoch)
            case 2:
                await ledger.split(lease, chunk, "too large", at=3.0)
                told.say(chunk.id, "SPLIT", chunk.epoch)
            case _:
                await ledger.reject(lease, chunk, "no", at=3.0)
                told.say(chunk.id, "REJECTED", chunk.epoch)
    await ledger.close()


def lost(told: Told, before: dict[str, bytes], path: Path, folder: Path, chance: random.Random) -> list[str]:
    """What was said to be written and is not there after a power cut at some moment."""
    found: list[str] = []
    steps = told.disk.steps
    for cut in range(len(steps) + 1):
        place = folder / str(cut)
        place.mkdir(parents=True)
        put(place, left(before, steps[:cut], chance))
        with sqlite3.connect(place / path.name) as db:
            if db.execute("PRAGMA quick_check").fetchone()[0] != "ok":
                found.append(f"damaged after {cut} steps")
                continue
            rows = {id: (state, epoch) for id, state, epoch in db.execute("SELECT id, state, epoch FROM chunks")}
            halves = db.execute("SELECT count(*) FROM chunks WHERE parent IS NOT NULL").fetchone()[0]
        db.close()
        if halves != 2 * sum(state == "SPLIT" for state, _ in rows.values()):
            found.append(f"half a split after {cut} steps")
        for after, chunk, come in told.words:
            if after <= cut and rows[chunk] not in told.ways[chunk][come:]:
                found.append(f"chunk {chunk} is {rows[chunk]} after {cut} steps, and was {told.ways[chunk][come]}")
    return found


@pytest.mark.parametrize("seed", range(6))
async def test_nothing_that_was_acknowledged_is_lost(disk: Disk, tmp_path: Path, seed: int) -> None:
    path, told = tmp_path / "ledger", Told(disk)
    planned(path)
    before = {str(path): path.read_bytes()}
    disk.steps.clear()
    await worked(path, told)
    assert len(told.words) == 2 * CHUNKS
    assert lost(told, before, path, tmp_path / "cuts", random.Random(seed)) == []


async def test_a_ledger_that_does_not_flush_its_log_loses_some(
    disk: Disk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "SETTINGS", ("PRAGMA journal_mode = WAL", "PRAGMA synchronous = NORMAL"))
    path, told = tmp_path / "ledger", Told(disk)
    planned(path)
    before = {str(path): path.read_bytes()}
    disk.steps.clear()
    await worked(path, told)
    found = [each for seed in range(6) for each in lost(told, before, path, tmp_path / str(seed), random.Random(seed))]
    assert any("is ('PENDING', 0)" in each for each in found), "a claim that was acknowledged is forgotten"


@pytest.mark.parametrize("seed", range(4))
def test_a_plan_is_there_whole_or_not_at_all(disk: Disk, tmp_path: Path, seed: int) -> None:
    path, chance = tmp_path / "ledger", random.Random(seed)
    planned(path)
    steps = len(disk.steps)
    for cut in range(steps + 1):
        place = tmp_path / str(cut)
        place.mkdir()
        put(place, {str(path): b""} | left({}, disk.steps[:cut], chance))
        with sqlite3.connect(place / path.name) as db:
            assert db.execute("PRAGMA quick_check").fetchone()[0] == "ok"
            tables: Any = db.execute("SELECT count(*) FROM sqlite_master WHERE name = 'chunks'").fetchone()[0]
            chunks = db.execute("SELECT count(*) FROM chunks").fetchone()[0] if tables else 0
        db.close()
        assert chunks in (0, CHUNKS)
        assert chunks == CHUNKS or cut < steps, "what was committed is there"
