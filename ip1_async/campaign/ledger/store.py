"""Opens the file of a ledger, and says what is wrong with one that cannot be used, and the way out."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

from ip1_async.campaign.ledger import place
from ip1_async.campaign.ledger.statements import APPLICATION, SETTINGS, VERSION
from ip1_async.errors import LedgerError


def opened(path: Path) -> sqlite3.Connection:
    """A connection to the ledger of a plan that was made; raises as `SQLiteLedger` does."""
    if not path.is_file():
        raise FileNotFoundError(f"there is no ledger {path}; `ip1 campaign plan` makes one")
    refuse_network(path)
    try:
        db = connected(path)
    except sqlite3.Error as error:
        raise unusable(path, error) from None
    try:
        _check(db, path)
        for each in SETTINGS:
            db.execute(each).fetchone()
        if db.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
            # Without the log a commit returns before its journal is surely gone, which would take it back.
            raise LedgerError(f"{path} is on a file system on which SQLite can keep no log: put it on another disk")
    except sqlite3.Error as error:
        db.close()
        raise unusable(path, error) from None
    except LedgerError:
        db.close()
        raise
    return db


def _check(db: sqlite3.Connection, path: Path) -> None:
    """Raises `LedgerError` or `sqlite3.Error` for anything but a whole ledger that this version reads."""
    if db.execute("PRAGMA quick_check(1)").fetchone()[0] != "ok":
        raise sqlite3.DatabaseError("database disk image is malformed")
    application, version = (db.execute(f"PRAGMA {name}").fetchone()[0] for name in ("application_id", "user_version"))
    if not application and not db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
        raise LedgerError(f"{path} holds no plan: delete it, and plan again")
    if application != APPLICATION:
        raise LedgerError(f"{path} is a database of something else; a ledger is a file of its own")
    if version != VERSION:
        raise LedgerError(
            f"{path} was written by another version of ip1_async (its layout is {version}, this one reads {VERSION}): "
            "finish the campaign with the version that planned it"
        )


def made(path: Path) -> bool:
    """Makes an empty file that only its owner can read; False, and nothing is done, where there is something already."""
    # Not to be opened and closed where it exists: that would take away the locks of this process's other connections.
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    except FileExistsError:
        return False
    return True


def connected(path: Path) -> sqlite3.Connection:
    """A connection to a file that exists."""
    return sqlite3.connect(
        f"{path.absolute().as_uri()}?mode=rw", uri=True, isolation_level=None, check_same_thread=False, timeout=30
    )


def refuse_network(path: Path) -> None:
    """Raises `LedgerError` for a file that is to lie on a network file system."""
    if kind := place.network_of(path):
        raise LedgerError(
            f"{path} lies on a network file system ({kind}), where neither locks nor flushes are certain: put the ledger on a "
            "disk of this machine"
        )


def unusable(path: Path, error: sqlite3.Error) -> LedgerError:
    """What is wrong with a ledger, and the way out."""
    code = getattr(error, "sqlite_errorcode", None)
    primary = None if code is None else code & 0xFF
    if primary in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB) or "malformed" in str(error):
        return LedgerError(
            f"{path} is damaged, or no ledger. Do not put an older copy in its place, which has forgotten what was sent since: "
            "copy the file with its -wal, make a new one with `sqlite3 COPY .recover | sqlite3 NEW` (the sqlite3 of sqlite.org; some systems' own cannot), wait ten minutes and run "
            "the campaign with it, which first adopts what the provider lists"
        )
    # The latter where the memory that processes share beside the file has no room.
    if primary == sqlite3.SQLITE_FULL or code == sqlite3.SQLITE_IOERR_SHMSIZE:
        return LedgerError(
            f"the disk that {path} is on is full: nothing is sent that is not written down first. Make room, and do the same again"
        )
    if primary in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return LedgerError(
            f"{path} is locked by another process, such as one that plans into it: wait until it has ended"
        )
    if primary in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM):
        return LedgerError(f"{path} cannot be written: {error}. Its folder must be writable, too")
    return LedgerError(f"{path} cannot be used: {error}. Nothing is sent that is not written down first")
