"""Writes a walk's rows into a Parquet file, a row group at a time."""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import aclosing, asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final, TypeVar

from ip1_async.frames import AT_ONCE, batches
from ip1_async.frames.arrays import library, schema

if TYPE_CHECKING:
    from ip1_async.pages import Pages

T = TypeVar("T")

GROUP: Final = 100 * AT_ONCE
"""Rows of a row group, which is the most that is held."""

Target = str | os.PathLike[str] | IO[bytes]


async def parquet(kind: type, pages: Pages[Any], target: Target, limit: int | None = None) -> int:
    """Writes all rows, or the first *limit* of them, and gives their number.

    What is held is one row group, whatever the number of rows. A path becomes a file that only its owner can read, and
    that is there whole or not at all. An open binary file is written to and left open, and is no Parquet file unless all
    went well.
    """
    files = library("pyarrow.parquet")
    count = 0
    async with _opened(target) as sink:
        with _writer(files, sink, schema(kind)) as write:
            some: list[Any] = []
            async with aclosing(batches(kind, pages, limit)) as found:
                async for each in found:
                    some.append(each)
                    count += each.num_rows
                    if len(some) * AT_ONCE == GROUP:
                        await _to_its_end(write, some)
                        some = []
            if some:
                await _to_its_end(write, some)
    return count


@contextmanager
def _writer(files: Any, sink: _Sink, schema: Any) -> Generator[Callable[[list[Any]], None]]:
    """What writes record batches as one row group."""
    writer = files.ParquetWriter(sink, schema, compression="zstd")

    def write(some: list[Any]) -> None:
        writer.write_table(library("pyarrow").Table.from_batches(some, schema), row_group_size=GROUP)

    try:
        yield write
    except BaseException:
        # Closing it writes the footer, with which the rows so far would look like all of them.
        sink.cut_off()
        with suppress(Exception):
            writer.close()
        raise
    writer.close()


class _Sink:
    """A binary file for as long as it is to be written to."""

    closed = False

    def __init__(self, file: IO[bytes]) -> None:
        self._file: IO[bytes] | None = file

    def cut_off(self) -> None:
        """From here on nothing reaches the file."""
        self._file = None

    def write(self, data: bytes) -> int:
        if self._file is not None:
            self._file.write(data)
        return len(data)

    def flush(self) -> None:
        if self._file is not None:
            self._file.flush()

    def close(self) -> None:
        """The file is closed by whoever opened it."""


@asynccontextmanager
async def _opened(target: Target) -> AsyncGenerator[_Sink]:
    if isinstance(target, str | os.PathLike):
        async with _whole(Path(target)) as file:
            yield _Sink(file)
    else:
        yield _Sink(target)


@asynccontextmanager
async def _whole(path: Path) -> AsyncGenerator[IO[bytes]]:
    """A file beside the one that is meant, which takes its place at the end."""
    number, name, path = _beside(path)
    try:
        with os.fdopen(number, "wb") as file:
            yield file
            file.flush()
            await _to_its_end(os.fsync, number)
        os.replace(name, path)
    except BaseException:
        with suppress(FileNotFoundError):
            os.unlink(name)
        raise


def _beside(path: Path) -> tuple[int, str, Path]:
    """A new file, open, where it is, and where the other one is to be, also if the working directory changes meanwhile."""
    path = path.absolute()
    if path.is_dir():
        raise IsADirectoryError(f"{path.name} is a directory")
    # Of a name of its own, so that two at once do not take each other's; and for its owner only, since it holds numbers.
    return *tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent), path


async def _to_its_end(call: Callable[[T], None], on: T) -> None:
    """Runs the call in a thread, and when cancelled waits for it: the file that it works on is about to be closed."""
    task = asyncio.ensure_future(asyncio.to_thread(call, on))
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError as error:
            cancelled = error
    failed = task.exception()
    if cancelled is not None:
        raise cancelled
    if failed is not None:
        raise failed
