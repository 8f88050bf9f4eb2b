"""The file of a ledger: who can read it, what is refused with which way out, and what others in its way cannot do to it."""

from __future__ import annotations

import os
import random
import re
import sqlite3
import stat
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from ip1_async.campaign.ledger import Draft, SQLiteLedger, place, records, store
from ip1_async.errors import Invalid, LedgerError
from tests.campaign_ledgers import (
    CAMPAIGN,
    content,
    elsewhere,
    folder_in_memory,
    leased,
    number,
    numbers,
    one,
    planned,
    said,
)

DRAFTS = """
import os, signal, sys
from pathlib import Path
from ip1_async.campaign.ledger import Draft
from ip1_async.errors import Invalid

try:
    draft = Draft(Path(sys.argv[1]))
except Invalid as error:
    sys.exit(str(error))
for chunk in range(int(sys.argv[2])):
    numbers = range(chunk * 1000, chunk * 1000 + 1000)
    draft.chunk([f"46{number:09}" for number in numbers], numbers, text="", zone="")
os.kill(os.getpid(), signal.SIGKILL)
"""

LOOKS = """
import asyncio, sys
from ip1_async.campaign.ledger import SQLiteLedger

async def main():
    ledger = SQLiteLedger(sys.argv[1])
    print([each.state for each in await ledger.chunks("PENDING", "SENDING")])
    await ledger.close()

asyncio.run(main())
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    with folder_in_memory() as path:
        yield path


@contextmanager
def impatient(monkeypatch: pytest.MonkeyPatch) -> Generator[None]:
    """Nobody waits for a lock."""

    def connected(path: Path) -> sqlite3.Connection:
        db = really(path)
        db.execute("PRAGMA busy_timeout = 0")
        return db

    really = store.connected
    with monkeypatch.context() as patch:
        patch.setattr(store, "connected", connected)
        yield


def refusal(path: Path) -> str:
    """Why there is no opening this ledger."""
    with pytest.raises(LedgerError) as caught:
        SQLiteLedger(path)
    assert str(path) in str(caught.value)
    return str(caught.value)


# Who can read it


async def test_only_the_owner_can_read_a_ledger_and_what_lies_beside_it(folder: Path) -> None:
    path, mask = folder / "ledger", os.umask(0)
    try:
        draft = Draft(path)
        for _ in range(300):
            draft.chunk(numbers(1000), range(1000), text="", zone="")
        seen = modes(folder)
        draft.commit(CAMPAIGN, source="x", planned=1.0, orders={}, plan={})
        ledger, lease = await leased(path)
        await ledger.claim(lease, at=1, zones=[""])
        seen |= modes(folder)
        await ledger.close()
    finally:
        os.umask(mask)
    assert seen == {"ledger": 0o600, "ledger-journal": 0o600, "ledger-wal": 0o600, "ledger-shm": 0o600}


def modes(folder: Path) -> dict[str, int]:
    return {each.name: stat.S_IMODE(each.stat().st_mode) for each in folder.iterdir()}


async def test_a_purged_ledger_holds_no_number_and_no_value_in_any_of_its_files(folder: Path) -> None:
    people = {each: {"name": "Gunvor"} for each in numbers(50)} | {"default": {"name": "Dearest"}}
    ledger, lease = await leased(planned(folder / "ledger", people))
    chunk = await ledger.claim(lease, at=1, zones=[""])
    assert chunk is not None
    await ledger.accept(lease, chunk, "b-1", messages=50, at=2)
    told = [records.Delivery(each, 201, 3.0, True) for each in numbers(50)]
    await ledger.do(lambda db: records.keep(db, 1, told, at=4))
    assert [each.recipient for each in await ledger.ask(lambda db: records.deliveries(db, 1))] == numbers(50)
    assert b"Gunvor" in everything(folder)

    await ledger.do(records.purge)
    await ledger.vacuum()
    left = everything(folder)
    assert not [word for word in ("Gunvor", "Dearest", number(0), number(49)) if word.encode() in left]
    kept = await ledger.ask(lambda db: records.deliveries(db, 1))
    assert {(each.recipient, each.code) for each in kept} == {("", 201)}
    assert (await ledger.facts()).purged
    assert await one(ledger, 1) == (await ledger.chunks("ACCEPTED"))[0]
    await ledger.close()


def everything(folder: Path) -> bytes:
    return b"".join(each.read_bytes() for each in folder.iterdir() if not each.name.endswith("-shm"))


# What is refused, and the way out


def test_where_there_is_no_ledger_that_is_said_and_none_is_made(folder: Path) -> None:
    for path in (folder / "none", folder / "none" / "none", folder):
        with pytest.raises(FileNotFoundError, match=r"there is no ledger .*; `ip1 campaign plan` makes one"):
            SQLiteLedger(path)
    assert not list(folder.iterdir())


async def test_a_ledger_that_is_taken_away_while_it_is_closed_is_missed_by_whoever_uses_it_again(folder: Path) -> None:
    ledger = SQLiteLedger(planned(folder / "ledger", numbers(2)))
    await ledger.close()
    ledger.path.unlink()
    with pytest.raises(FileNotFoundError):
        await ledger.facts()
    with pytest.raises(FileNotFoundError):
        await ledger.adopt(1, "b-1", at=1)
    assert not ledger.path.exists()


@pytest.mark.timeout(20)
async def test_a_ledger_that_is_damaged_while_it_is_closed_is_refused_to_whoever_uses_it_again(folder: Path) -> None:
    ledger = SQLiteLedger(planned(folder / "ledger", numbers(2)))
    await ledger.close()
    ledger.path.write_bytes(b"Not a ledger. " * 1000)
    with pytest.raises(LedgerError, match="is damaged, or no ledger"):
        await ledger.facts()
    with pytest.raises(LedgerError, match="is damaged, or no ledger"):
        await ledger.adopt(1, "b-1", at=1)


PAGE = 4096


@pytest.mark.parametrize("byte", [b"\0", b"\xff", None], ids=["zeros", "ones", "noise"])
def test_a_ledger_with_an_overwritten_page_is_refused_wherever_it_is(folder: Path, byte: bytes | None) -> None:
    path = planned(folder / "ledger", *[numbers(300, 300 * each) for each in range(20)])
    whole = path.read_bytes()
    pages = [whole[start : start + PAGE] for start in range(0, len(whole), PAGE)]
    assert len(pages) > 30
    for at, page in enumerate(pages):
        if byte == b"\0" and page.startswith(b"\0\0\0\0"):
            # The last page of a chunk's recipients begins with zeros, too, and then has nothing but text.
            continue
        new = random.Random(at).randbytes(PAGE) if byte is None else byte * PAGE
        path.write_bytes(b"".join([*pages[:at], new, *pages[at + 1 :]]))
        words = refusal(path)
        assert "is damaged, or no ledger" in words, at
        assert re.search(r"Do not put an older copy in its place.* `sqlite3 COPY \.recover \| sqlite3 NEW`", words)
    path.write_bytes(whole)
    assert SQLiteLedger(path).path == path


@pytest.mark.parametrize("kept", [0.9, 0.5, 0.1])
def test_a_truncated_ledger_is_refused(folder: Path, kept: float) -> None:
    path = planned(folder / "ledger", *[numbers(300, 300 * each) for each in range(20)])
    os.truncate(path, int(path.stat().st_size * kept))
    assert "is damaged, or no ledger" in refusal(path)


def test_a_file_that_is_no_database_is_refused_and_left_as_it_is(folder: Path) -> None:
    path = folder / "people.csv"
    path.write_text("number,name\n" * 1000)
    assert "is damaged, or no ledger" in refusal(path)
    with pytest.raises(Invalid, match="is there already, or in use"):
        Draft(path)
    assert path.read_text() == "number,name\n" * 1000


def test_a_database_of_something_else_is_refused_and_left_as_it_is(folder: Path) -> None:
    path = folder / "app.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("CREATE TABLE notes (words TEXT)")
        db.execute("PRAGMA journal_mode = WAL")
    before = path.read_bytes()
    assert "is a database of something else; a ledger is a file of its own" in refusal(path)
    with pytest.raises(Invalid, match="is there already, or in use") as caught:
        Draft(path)
    assert caught.value.field == "ledger"
    assert path.read_bytes() == before


@pytest.mark.parametrize("version", [0, 2, 99])
def test_a_ledger_of_another_version_is_left_to_that_version(folder: Path, version: int) -> None:
    path = planned(folder / "ledger", numbers(2))
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute(f"PRAGMA user_version = {version}")
    before = path.read_bytes()
    words = refusal(path)
    assert f"its layout is {version}, this one reads 1" in words
    assert "finish the campaign with the version that planned it" in words
    assert path.read_bytes() == before


def test_an_empty_file_holds_no_plan_and_can_be_planned_into(folder: Path) -> None:
    path = folder / "ledger"
    path.touch()
    assert "holds no plan" in refusal(path)
    assert SQLiteLedger(planned(path, numbers(2))).path == path


@pytest.mark.parametrize("chunks", [0, 400])
async def test_planning_that_was_killed_leaves_no_plan_and_is_simply_done_again(folder: Path, chunks: int) -> None:
    path = folder / "ledger"
    process = elsewhere(DRAFTS, path, chunks)
    assert process.returncode == -9, said(process)
    said(process)
    assert (path.stat().st_size > 0) == (chunks > 0), "a plan of some size is not kept in memory"
    assert "holds no plan" in refusal(path)
    process = elsewhere(DRAFTS, path, chunks)
    assert said(process) == ""
    ledger = SQLiteLedger(planned(path, numbers(3)))
    assert [each.recipients for each in await ledger.chunks("PENDING")] == [3]
    await ledger.close()


def test_planning_that_is_given_up_leaves_nothing_behind(folder: Path) -> None:
    draft = Draft(folder / "ledger")
    draft.chunk(numbers(1000), range(1000), text="", zone="")
    draft.abandon()
    assert not list(folder.iterdir())


# Others in its way


async def test_a_plan_is_not_made_into_a_ledger_that_is_there_which_stays_as_it_is(folder: Path) -> None:
    path = planned(folder / "ledger", numbers(2))
    ledger, lease = await leased(path)
    before = content(path)
    with pytest.raises(
        Invalid, match="a plan is made into a new file, and `ip1 campaign run` goes on with one"
    ) as caught:
        Draft(path)
    assert caught.value.field == "ledger"
    assert content(path) == before
    await ledger.close()
    closed = path.read_bytes()
    with pytest.raises(Invalid, match="is there already, or in use"):
        Draft(path)
    assert path.read_bytes() == closed
    assert await ledger.claim(lease, at=1, zones=[""])
    await ledger.close()


@pytest.mark.timeout(20)
async def test_of_two_that_plan_into_one_name_the_second_is_refused_at_once_wherever_it_is(folder: Path) -> None:
    path = folder / "ledger"
    draft = Draft(path)
    with pytest.raises(Invalid, match="is there already, or in use"):
        Draft(path)
    process = elsewhere(DRAFTS, path, 1)
    assert "is there already, or in use" in said(process)
    assert process.returncode == 1
    draft.chunk(numbers(2), [1, 2], text="", zone="")
    draft.commit(CAMPAIGN, source="x", planned=1.0, orders={}, plan={})
    ledger = SQLiteLedger(path)
    assert [each.recipients for each in await ledger.chunks("PENDING")] == [2]
    await ledger.close()


@pytest.mark.parametrize("again", [False, True])
def test_nothing_is_planned_into_a_file_that_its_first_planner_took_away_meanwhile(
    folder: Path, monkeypatch: pytest.MonkeyPatch, again: bool
) -> None:
    path, really = folder / "ledger", store.connected
    path.touch()

    def connected(path: Path) -> sqlite3.Connection:
        db = really(path)
        path.unlink()
        if again:
            path.touch()
        return db

    monkeypatch.setattr(store, "connected", connected)
    with pytest.raises(Invalid, match="is there already, or in use"):
        Draft(path)


def test_a_ledger_that_is_being_planned_is_not_run(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    draft = Draft(folder / "ledger")
    with impatient(monkeypatch):
        assert "is locked by another process, such as one that plans into it: wait" in refusal(folder / "ledger")
    draft.abandon()


async def test_whoever_looks_at_a_ledger_takes_nothing_from_the_process_that_runs_it(folder: Path) -> None:
    """A system forgets all the locks that a process has on a file as soon as that closes it anywhere."""
    path = planned(folder / "ledger", numbers(2), numbers(2, 2))
    ledger, lease = await leased(path)
    looking = SQLiteLedger(path)
    await looking.tallies()
    await looking.close()
    # The last one that closes a database tidies up its log, if nobody else has it open.
    assert said(elsewhere(LOOKS, path)) == "['PENDING', 'PENDING']"
    assert await ledger.claim(lease, at=1, zones=[""])
    assert said(elsewhere(LOOKS, path)) == "['SENDING', 'PENDING']"
    await ledger.close()


# Where nothing can be written


@contextmanager
def nobody(folder: Path) -> Generator[None]:
    """As a user to whom nothing belongs but this folder."""
    if os.geteuid() != 0:
        yield
        return
    for each in (folder, *folder.iterdir()):
        os.chown(each, 65534, 65534)
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


def test_where_no_file_can_be_made_there_is_no_ledger(folder: Path) -> None:
    (folder / "taken").mkdir()
    with pytest.raises(LedgerError, match=r"no ledger can be made at .*/taken: unable to open"):
        Draft(folder / "taken")
    with pytest.raises(LedgerError, match=r"no ledger can be made at .*/none/ledger: No such file"):
        Draft(folder / "none" / "ledger")
    with nobody(folder):
        folder.chmod(0o500)
        with pytest.raises(LedgerError, match=r"no ledger can be made at .*/ledger: Permission denied"):
            Draft(folder / "ledger")
        folder.chmod(0o700)


@pytest.mark.parametrize(("file", "directory"), [(0o400, 0o700), (0o600, 0o500), (0o000, 0o700)])
def test_a_ledger_that_cannot_be_written_is_refused(folder: Path, file: int, directory: int) -> None:
    path = planned(folder / "ledger", numbers(2))
    with nobody(folder):
        path.chmod(file)
        folder.chmod(directory)
        words = refusal(path)
        folder.chmod(0o700)
        path.chmod(0o600)
    assert "cannot be written" in words
    assert "Its folder must be writable, too" in words


def test_a_network_file_system_is_refused_for_plans_and_for_ledgers(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = planned(folder / "ledger", numbers(2))
    table: list[tuple[str, str]] = [("/", "ext4"), (str(folder.resolve()), "nfs4")]
    monkeypatch.setattr(place, "mounts", lambda: iter(table))
    words = refusal(path)
    assert "lies on a network file system (nfs4)" in words
    assert "put the ledger on a disk of this machine" in words
    with pytest.raises(LedgerError, match="network file system"):
        Draft(folder / "new")
    assert not (folder / "new").exists()
    (folder / "link").symlink_to(path)
    table[1] = (str(path.resolve()), "cifs")
    assert "(cifs)" in refusal(folder / "link")
    table[1] = (str(folder / "elsewhere"), "nfs4")
    assert SQLiteLedger(path).path == path


async def test_a_file_system_that_has_no_log_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without one a commit would return before the deletion of its journal is on the disk, and might be taken back."""
    path = planned(folder / "ledger", numbers(2))

    class WithoutLog(sqlite3.Connection):
        def execute(self, sql: str, parameters: Any = (), /) -> sqlite3.Cursor:
            # As SQLite answers where it can share no memory.
            return super().execute("PRAGMA journal_mode" if sql == "PRAGMA journal_mode = WAL" else sql, parameters)

    def connected(path: Path) -> sqlite3.Connection:
        return sqlite3.connect(path, isolation_level=None, factory=WithoutLog)

    monkeypatch.setattr(store, "connected", connected)
    assert "on which SQLite can keep no log: put it on another disk" in refusal(path)
