"""A disk that loses what was not flushed when the power fails, beneath SQLite.

`Disk` is a VFS of apsw's that passes everything on to real files and keeps a log of it: every write, cut, flush, new name
and deletion. `Disk.cuts` plays that log again, and gives for any moment of it what a power cut might have left: all that was
flushed, and of what was not an arbitrary part, in which single writes are torn; or nothing of it. A new name, or that one
is gone, is flushed with its folder, which SQLite does when it flushes a new journal or log for the first time, or where it
is asked to when it deletes one.

`Connection` makes apsw look like the `sqlite3` that a ledger uses. What a ledger has acknowledged is put into the same log.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Any

import apsw
from attrs import define, field, frozen

SECTOR = 512
NEW = apsw.SQLITE_OPEN_MAIN_JOURNAL | apsw.SQLITE_OPEN_WAL
"""Files whose folder is flushed with them, as the system's own VFS does."""


@frozen
class Write:
    file: int
    offset: int
    data: bytes


@frozen
class Cut:
    file: int
    size: int


@frozen
class Flush:
    file: int


@frozen
class Named:
    name: str
    file: int | None
    """None once it is deleted."""


@frozen
class FolderFlush:
    pass


@frozen
class Acknowledged:
    """Somebody was told that this is so."""

    what: str
    value: Any


Event = Write | Cut | Flush | Named | FolderFlush | Acknowledged
Files = Mapping[str, bytes]


class Disk(apsw.VFS):
    """A file system that remembers what has been flushed. It begins empty."""

    def __init__(self, name: str) -> None:
        super().__init__(name, "")
        self.name = name
        self.log: list[Event] = []
        self._files: dict[str, int] = {}
        self._count = 0

    def xOpen(self, name: Any, flags: Any) -> Any:
        if name is None:
            # Of nobody else's concern, and gone with its process.
            return super().xOpen(name, flags)
        path = Path(name.filename() if isinstance(name, apsw.URIFilename) else name).name
        if path not in self._files:
            self._count += 1
            self._files[path] = self._count
            self.log.append(Named(path, self._count))
        return _File(self.log, self._files[path], name, flags)

    def xDelete(self, filename: str, syncdir: bool) -> None:
        super().xDelete(filename, False)
        path = Path(filename).name
        self._files.pop(path, None)
        self.log.append(Named(path, None))
        if syncdir:
            self.log.append(FolderFlush())

    def cuts(self, random: Random, images: int) -> Iterator[tuple[str, Mapping[str, Any], Files]]:
        """For every moment some of the images that a power cut might leave, with what was acknowledged up to then.

        The first word says which moment it is, and how much of what was not flushed has survived.
        """
        held, told = _Held(), dict[str, Any]()
        for moment, event in enumerate(self.log):
            if isinstance(event, Acknowledged):
                told = {**told, event.what: event.value}
            else:
                held.add(event)
            for share in (0.0, 1.0, *(random.choice((0.1, 0.5, 0.9)) for _ in range(images))):
                yield f"event {moment}, share {share}", told, held.left(random, share)


class _File(apsw.VFSFile):
    def __init__(self, log: list[Event], file: int, name: Any, flags: list[int]) -> None:
        super().__init__("", name, flags)
        self._log, self._file = log, file
        self._folder = bool(flags[0] & NEW and flags[0] & apsw.SQLITE_OPEN_CREATE)

    def xWrite(self, data: Any, offset: int) -> None:
        super().xWrite(data, offset)  # pyright: ignore[reportUnknownMemberType]
        self._log.append(Write(self._file, offset, bytes(data)))

    def xTruncate(self, newsize: int) -> None:
        super().xTruncate(newsize)
        self._log.append(Cut(self._file, newsize))

    def xSync(self, flags: int) -> None:
        # Not passed on: there is no other power cut to be safe from.
        self._log.append(Flush(self._file))
        if self._folder:
            self._folder = False
            self._log.append(FolderFlush())


@define
class _Held:
    """What is on the disk for good, and what is on its way there."""

    flushed: dict[int, bytes] = field(factory=dict[int, bytes])
    waiting: dict[int, list[Write | Cut]] = field(factory=dict[int, list[Write | Cut]])
    names: dict[str, int] = field(factory=dict[str, int])
    renames: list[Named] = field(factory=list[Named])

    def add(self, event: Write | Cut | Flush | Named | FolderFlush) -> None:
        match event:
            case Write(file) | Cut(file):
                self.waiting.setdefault(file, []).append(event)
            case Flush(file):
                self.flushed[file] = _applied(self.flushed.get(file, b""), self.waiting.pop(file, ()))
            case Named():
                self.renames.append(event)
            case FolderFlush():
                self.names, self.renames = _renamed(self.names, self.renames), []

    def left(self, random: Random, share: float) -> Files:
        """What is there after a power cut that so much of what was on its way survives."""
        names = _renamed(self.names, [each for each in self.renames if random.random() < share])
        left: dict[str, bytes] = {}
        for name, file in names.items():
            some = [each for each in self.waiting.get(file, ()) if random.random() < share]
            torn = some if share == 1.0 else [part for each in some for part in _torn(each, random)]
            left[name] = _applied(self.flushed.get(file, b""), torn)
        return left


def _renamed(names: Mapping[str, int], changes: Iterable[Named]) -> dict[str, int]:
    new = dict(names)
    for each in changes:
        if each.file is None:
            new.pop(each.name, None)
        else:
            new[each.name] = each.file
    return new


def _torn(event: Write | Cut, random: Random) -> Sequence[Write | Cut]:
    """The same, or one time in three only some sectors of it, of which the last may end anywhere."""
    if isinstance(event, Cut) or random.random() < 2 / 3:
        return (event,)
    end = random.randint(0, len(event.data))
    sectors = range(0, end, SECTOR)
    kept = [start for start in sectors if random.random() < 0.7]
    return [Write(event.file, event.offset + start, event.data[start : min(start + SECTOR, end)]) for start in kept]


def _applied(content: bytes, events: Iterable[Write | Cut]) -> bytes:
    new = bytearray(content)
    for each in events:
        size = each.size if isinstance(each, Cut) else max(len(new), each.offset + len(each.data))
        if size > len(new):
            new.extend(bytes(size - len(new)))
        if isinstance(each, Cut):
            del new[size:]
        else:
            new[each.offset : each.offset + len(each.data)] = each.data
    return bytes(new)


class Connection:
    """A connection of apsw's that does what a ledger asks of one of `sqlite3`'s."""

    def __init__(self, path: Path, disk: str, instead: Mapping[str, str]) -> None:
        self._db: Any = apsw.Connection(str(path), apsw.SQLITE_OPEN_READWRITE, disk)
        self._instead = instead
        """Statements to carry out in the place of others."""

    def execute(self, query: str, given: Any = ()) -> Cursor:
        return Cursor(self._db.execute(self._instead.get(query, query), given))

    def executemany(self, query: str, given: Any) -> Cursor:
        return Cursor(self._db.executemany(query, given))

    def create_function(self, name: str, arguments: int, function: Callable[..., Any]) -> None:
        self._db.create_scalar_function(name, function, arguments)

    @property
    def in_transaction(self) -> bool:
        return bool(self._db.in_transaction)

    @property
    def total_changes(self) -> int:
        return int(self._db.total_changes())

    def close(self) -> None:
        self._db.close()


class Cursor:
    def __init__(self, cursor: Any) -> None:
        self._cursor = cursor

    def __iter__(self) -> Iterator[Any]:
        return iter(self._cursor)

    def fetchone(self) -> Any:
        return self._cursor.fetchone()

    def fetchall(self) -> Any:
        return self._cursor.fetchall()

    @property
    def lastrowid(self) -> int:
        return int(self._cursor.connection.last_insert_rowid())
