"""Ledgers to test with, made and looked into as they are from outside."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Generator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, get_args

from attrs import asdict, evolve

from ip1_async.campaign.ledger import Draft, SQLiteLedger
from ip1_async.campaign.ledger.owner import Owner, this_process
from ip1_async.campaign.orders import Orders
from ip1_async.campaign.states import State
from ip1_async.campaign.transitions import Chunk

ROOT = Path(__file__).resolve().parents[1]
CAMPAIGN = "abcdefghijklmnop"
STATES: tuple[State, ...] = get_args(State)

Recipients = Sequence[str] | Mapping[str, Mapping[str, str]]


@contextmanager
def folder_in_memory() -> Generator[Path]:
    """For ledgers of tests that are not about the disk, whose flushes take longer than everything else."""
    memory = "/dev/shm"
    with TemporaryDirectory(dir=memory if os.access(memory, os.W_OK) else None) as folder:
        yield Path(folder)


def number(place: int) -> str:
    return f"4670{place:07}"


def numbers(count: int, first: int = 0) -> list[str]:
    return [number(place) for place in range(first, first + count)]


def planned(path: Path, *chunks: Recipients, zones: Sequence[str] = (), body: str = "Hello") -> Path:
    """A ledger with these chunks, whose rows are counted from 1."""
    draft, row = Draft(path), 1
    for place, recipients in enumerate(chunks):
        count = sum(each != "default" for each in recipients)
        draft.chunk(recipients, range(row, row + count), text="", zone=zones[place] if zones else "")
        row += count
    orders = Orders(sender="iP1", texts={"": body})
    draft.commit(CAMPAIGN, source="people.csv", planned=1.0, orders=orders.to_dict(), plan={"kept": row - 1})
    return path


def somebody(**facts: Any) -> Owner:
    """A process of another machine, of which nothing can be known."""
    return evolve(
        this_process(), **{"name": "process 7 on web-2", "machine": "web-2", "pid": 7, "started": "1", **facts}
    )


async def leased(path: Path) -> tuple[SQLiteLedger, int]:
    """A ledger whose lease is this process's, for the first thousand seconds."""
    ledger = SQLiteLedger(path)
    return ledger, await ledger.take(this_process(), at=0, until=1000)


async def one(ledger: SQLiteLedger, chunk: int) -> Chunk:
    """A chunk as it is now."""
    return (await ledger.chunks(*STATES, after=chunk - 1, most=1))[0]


def content(path: Path) -> dict[str, list[Any]]:
    """All that a ledger holds, read from its file by somebody else."""
    with closing(sqlite3.connect(path)) as db:
        tables = [name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")]
        return {name: db.execute(f"SELECT * FROM {name} ORDER BY 1, 2").fetchall() for name in tables}


def elsewhere(code: str, *given: object, wait: bool = True) -> subprocess.Popen[str]:
    """A process that does this, with the arguments in `sys.argv[1:]`; unless it is to be waited for it runs on."""
    process = subprocess.Popen(
        [sys.executable, "-c", code, *map(str, given)], cwd=ROOT, text=True, stdin=subprocess.PIPE,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    if wait:
        process.wait()
    return process


def said(process: subprocess.Popen[str]) -> str:
    """All that a process says until it ends."""
    return process.communicate()[0].strip()


def as_json(owner: Owner) -> str:
    return json.dumps(asdict(owner))
