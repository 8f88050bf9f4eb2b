"""A disk that forgets: SQLite on a file system that remembers what was flushed, and what may be left of the rest at a power cut.

What was flushed stays. Of what was written since, every 512 bytes may be there or not, in whatever order.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import apsw
from attrs import define, field, frozen

SECTOR = 512


@frozen
class Step:
    """One thing that SQLite did to a file."""

    what: Literal["write", "truncate", "flush", "delete"]
    file: str
    at: int = 0
    data: bytes = field(default=b"", repr=len)


class Disk(apsw.VFS):
    """A file system of SQLite that writes down all that is done to it."""

    def __init__(self, name: str) -> None:
        self.steps: list[Step] = []
        super().__init__(name, "")

    def xOpen(self, name: Any, flags: Any) -> File:
        return File(self, name, flags)

    def xDelete(self, name: str, sync: bool) -> None:
        self.steps.append(Step("delete", name))
        super().xDelete(name, sync)


class File(apsw.VFSFile):
    """One file on such a disk."""

    def __init__(self, disk: Disk, name: Any, flags: Any) -> None:
        self._disk = disk
        self._name = name.filename() if isinstance(name, apsw.URIFilename) else name or ""
        super().__init__("", name, flags)

    def xWrite(self, data: bytes, offset: int) -> None:
        self._disk.steps.append(Step("write", self._name, offset, bytes(data)))
        super().xWrite(data, offset)

    def xTruncate(self, size: int) -> None:
        self._disk.steps.append(Step("truncate", self._name, size))
        super().xTruncate(size)

    def xSync(self, flags: int) -> None:
        self._disk.steps.append(Step("flush", self._name))
        super().xSync(flags)


def left(before: Mapping[str, bytes], steps: Sequence[Step], chance: random.Random) -> dict[str, bytes]:
    """What the files may hold when the power goes after these steps."""
    files = {name: bytearray(content) for name, content in before.items()}
    open_steps: dict[str, list[Step]] = {}
    for step in steps:
        if step.what == "flush":
            for each in open_steps.pop(step.file, []):
                _do(files, each)
        elif step.what == "delete":
            open_steps.pop(step.file, None)
            files.pop(step.file, None)
        else:
            open_steps.setdefault(step.file, []).append(step)
    kept = chance.choice([0.0, 0.5, 0.5, 1.0])
    for each in (step for some in open_steps.values() for step in some):
        if each.what == "truncate":
            if chance.random() < kept:
                _do(files, each)
            continue
        for start in range(0, len(each.data), SECTOR):
            if chance.random() < kept:
                _do(files, Step("write", each.file, each.at + start, each.data[start : start + SECTOR]))
    return {name: bytes(content) for name, content in files.items()}


def _do(files: dict[str, bytearray], step: Step) -> None:
    content = files.setdefault(step.file, bytearray())
    if step.what == "truncate":
        del content[step.at :]
        return
    if len(content) < step.at:
        content.extend(bytes(step.at - len(content)))
    content[step.at : step.at + len(step.data)] = step.data


@define
class Cursor:
    """What the standard library's has."""

    rows: Any
    lastrowid: int

    def fetchone(self) -> Any:
        return self.rows.fetchone()

    def fetchall(self) -> list[Any]:
        return list(self.rows.fetchall())


class Connection:
    """As much of a `sqlite3.Connection` as a ledger needs, on a disk that forgets."""

    def __init__(self, path: Path, disk: str) -> None:
        self._db = apsw.Connection(str(path), vfs=disk)
        # A log without shared memory, which such a disk does not have; and what is in it is moved soon, to be tested too.
        self._db.execute("PRAGMA locking_mode = EXCLUSIVE").fetchall()
        self._db.execute("PRAGMA wal_autocheckpoint = 8").fetchall()

    @property
    def in_transaction(self) -> bool:
        return bool(self._db.in_transaction)

    @property
    def total_changes(self) -> int:
        return int(self._db.total_changes())

    def execute(self, query: str, given: Any = ()) -> Cursor:
        rows = self._db.execute(query, given)
        return Cursor(rows, self._db.last_insert_rowid())

    def executemany(self, query: str, given: Any) -> None:
        self._db.executemany(query, list(given))

    def close(self) -> None:
        self._db.close()


def put(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write what is left into a folder."""
    for name, content in files.items():
        (folder / Path(name).name).write_bytes(content)
