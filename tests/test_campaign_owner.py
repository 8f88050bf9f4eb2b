"""Who runs a campaign: a process that has ended is known to have, and of all others it is waited for the lease."""

from __future__ import annotations

import os
import platform
import shutil
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from subprocess import Popen
from types import SimpleNamespace

import pytest
from attrs import evolve

from ip1_async.campaign.ledger import SQLiteLedger, owner
from ip1_async.campaign.ledger.owner import is_dead, this_process
from ip1_async.errors import LedgerHeld
from tests.campaign_ledgers import elsewhere, folder_in_memory, numbers, planned, said, somebody

HOLDS = """
import asyncio, sys
from ip1_async.campaign.ledger import SQLiteLedger
from ip1_async.campaign.ledger.owner import this_process

async def main():
    ledger = SQLiteLedger(sys.argv[1])
    await ledger.take(this_process(), at=0, until=1000)
    await ledger.close()

asyncio.run(main())
print(this_process().name, flush=True)
sys.stdin.read()
"""


@pytest.fixture
def ledger() -> Iterator[Path]:
    with folder_in_memory() as folder:
        yield planned(folder / "ledger", numbers(2))


@contextmanager
def held(path: Path) -> Generator[tuple[Popen[str], str]]:
    """Another process of this machine that has taken the lease until 1000 and goes on, and what it calls itself."""
    process = elsewhere(HOLDS, path, wait=False)
    assert process.stdout is not None
    try:
        yield process, process.stdout.readline().strip()
    finally:
        process.kill()
        process.communicate()


async def refused(path: Path) -> str:
    """What is said to this process when it wants the lease at 10."""
    ledger = SQLiteLedger(path)
    with pytest.raises(LedgerHeld) as caught:
        await ledger.take(this_process(), at=10, until=40)
    await ledger.close()
    return str(caught.value)


async def taken(path: Path) -> bool:
    ledger = SQLiteLedger(path)
    await ledger.take(this_process(), at=10, until=40)
    found = await ledger.held()
    await ledger.close()
    return found is not None and found.owner == this_process()


async def test_a_second_process_is_told_who_holds_the_ledger_and_takes_it_when_that_one_has_ended(ledger: Path) -> None:
    with held(ledger) as (process, name):
        assert str(process.pid) in name
        assert f"{ledger} is run by {name}, whose lease ends in 990 s" in await refused(ledger)
        said(process)
        assert await taken(ledger)


async def test_a_process_that_was_killed_and_that_nobody_has_buried_is_dead(ledger: Path) -> None:
    with held(ledger) as (process, name):
        process.kill()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert name
        assert await taken(ledger)


async def test_a_number_that_another_process_has_by_now_is_not_the_owner(ledger: Path) -> None:
    reused = evolve(this_process(), started="1")
    one = SQLiteLedger(ledger)
    await one.take(reused, at=0, until=1000)
    await one.close()
    assert await taken(ledger)


@pytest.mark.parametrize(
    "other",
    [
        somebody(pid=2**22 + 1),
        evolve(somebody(pid=2**22 + 1), machine=""),
        evolve(this_process(), machine=f"{this_process().machine} started again", started="1"),
    ],
    ids=["another machine", "unknown", "the same before it was started again"],
)
async def test_of_another_machine_nothing_is_known_and_its_lease_is_waited_for(
    ledger: Path, other: owner.Owner
) -> None:
    one = SQLiteLedger(ledger)
    await one.take(other, at=0, until=1000)
    await one.close()
    assert f"is run by {other.name}" in await refused(ledger)


async def test_a_run_that_could_not_write_down_its_end_does_not_shut_itself_out(ledger: Path) -> None:
    one, other = SQLiteLedger(ledger), SQLiteLedger(ledger)
    lease = await one.take(this_process(), at=0, until=1000)
    await one.ask(lambda db: db.execute("PRAGMA query_only = 1"))
    with pytest.raises(Exception, match="readonly"):
        await one.release(lease)
    await one.ask(lambda db: db.execute("PRAGMA query_only = 0"))
    with pytest.raises(LedgerHeld):
        await other.take(this_process(), at=1, until=1001)
    assert await one.take(this_process(), at=1, until=1001) > lease
    with pytest.raises(LedgerHeld):
        await one.take(this_process(), at=2, until=1002)
    await one.close()
    await other.close()


def test_a_process_is_the_same_whenever_it_asks_and_alive() -> None:
    assert this_process() == this_process()
    assert not is_dead(this_process())
    assert str(os.getpid()) in this_process().name
    assert platform.node() in this_process().name
    assert "boot" not in repr(this_process())


def test_where_ps_is_asked_the_local_time_of_who_asks_does_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else a live process would be thought dead when the clocks are put forward, or by one with another time zone."""
    if shutil.which("ps") is None:
        pytest.skip("there is no ps here")
    monkeypatch.setattr(owner, "sys", SimpleNamespace(platform="darwin"))
    monkeypatch.setattr(owner, "_machine", lambda: "this machine")
    found: set[owner.Owner] = set()
    for zone in ("UTC", "Asia/Tokyo", "America/New_York"):
        monkeypatch.setenv("TZ", zone)
        found.add(this_process())
    assert len(found) == 1
    assert not is_dead(found.pop())
    assert is_dead(evolve(this_process(), started="Mon Jan  1 00:00:00 2024"))
    process = elsewhere("pass")
    said(process)
    assert is_dead(evolve(this_process(), pid=process.pid))
