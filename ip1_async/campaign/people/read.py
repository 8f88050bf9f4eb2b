"""People for a campaign, opened: a file, a stream or an iterable becomes rows, a block at a time."""

from __future__ import annotations

import os
import re
import weakref
from codecs import BOM_UTF8
from collections.abc import AsyncIterable, Generator, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from io import BufferedIOBase, TextIOWrapper
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any, Final, TextIO, TypeAlias, cast

from attrs import frozen

from ip1_async.campaign.people.delimited import table
from ip1_async.campaign.people.encoding import BROKEN, encoding
from ip1_async.campaign.people.json_lines import json_lines
from ip1_async.campaign.people.numbers import Numbers, WrongNumber
from ip1_async.campaign.people.objects import from_async_iterable, from_iterable
from ip1_async.campaign.people.parquet import File, parquet
from ip1_async.campaign.people.rows import AsyncSource, Block, Row, Source

__all__ = ["AsyncSource", "Block", "Row", "Source", "numbers_in", "open_async_source", "open_source"]

People: TypeAlias = str | os.PathLike[str] | IO[str] | IO[bytes] | Iterable[object]

_PIECE: Final = 1 << 16
_a_number = re.compile(rb"[+(]?[0-9][0-9 ()./-]{5,30}").fullmatch


def open_source(people: People, *, to: str | None = None) -> Source:
    """Gives the people of a file, a stream or an iterable, ready to be read block by block.

    A path ending in .jsonl or .ndjson is a file with a JSON object in each line, one ending in .parquet is Parquet; any
    other file, and a stream, is a table as spreadsheets export it: in UTF-8, in UTF-16 with a byte order mark, or in
    Latin-1 as Windows writes it, with the names of the columns in its first row, and with commas, semicolons, tabs or
    bars between them. An iterable gives numbers, mappings, or pairs of a number and a mapping; a name that none of the
    first 1,000 has is no column. *to* names the column of the numbers, by default the first there is of phone,
    phonenumber, mobile, msisdn, number, telefon and mobil.

    Raises ValueError when these are no people, OSError when there is no such file, ImportError when Parquet cannot be
    read; each message is a sentence for the user. What is wrong with a single row is told by that row.
    """
    if isinstance(people, (str, os.PathLike)):
        return _of_path(Path(people), to)
    if hasattr(people, "read"):
        return _of_stream(cast("IO[Any]", people), to)
    if isinstance(people, AsyncIterable):
        raise TypeError("People that come asynchronously are opened by open_async_source.")
    if isinstance(people, (bytes, bytearray)):
        raise TypeError("People come from a path, a stream or an iterable; bytes are put into an io.BytesIO first.")
    return from_iterable(people, to)


async def open_async_source(people: AsyncIterable[object], *, to: str | None = None) -> AsyncSource:
    """Gives the people of an async iterable, ready to be read block by block; see `open_source`."""
    return await from_async_iterable(people, to)


def numbers_in(people: People, *, region: str = "SE") -> frozenset[str]:
    """Gives the MSISDNs in whatever `open_source` reads, or in the lines of a file that holds nothing else; numbers without a
    country code are numbers of *region*.

    Raises ValueError, naming the first such row, if there is one that cannot be read and is not blank: of these numbers,
    none may be missed.
    """
    bare = isinstance(people, (str, os.PathLike)) and _begins_with_a_number(Path(people))
    source = _lines(Path(cast("str", people))) if bare else open_source(people)
    numbers = Numbers(region)
    found: set[str] = set()
    for block in source.blocks(()):
        for row, number, _, wrong in block:
            try:
                if not wrong:
                    found.add(numbers.msisdn(number))
            except WrongNumber as error:
                wrong = str(error)
            if wrong and wrong != "blank row":
                raise ValueError(f"Row {row} of {source.name} cannot be read: {wrong}.")
    return frozenset(found)


def _begins_with_a_number(path: Path) -> bool:
    """Whether a file has a number where a table has the names of its columns."""
    with _at(path) as file:
        return file.seekable() and _a_number(file.readline(_PIECE).removeprefix(BOM_UTF8).strip()) is not None


def _lines(path: Path) -> Source:
    """The lines of a file, each of them a number."""

    def each() -> Iterator[dict[str, str]]:
        with _at(path) as file:
            for line in file:
                yield {"number": line.removeprefix(BOM_UTF8).decode("latin-1").strip()}

    return from_iterable(each(), "number")


def _of_path(path: Path, to: str | None) -> Source:
    opener = _Opener(path.name, to, path.suffix.lower())
    with _at(path) as file:
        # What comes through a pipe is gone once it is read.
        if not file.seekable():
            return opener.copied(file)
    return opener.opened(partial(_at, path))


def _of_stream(stream: IO[Any], to: str | None) -> Source:
    name: object = getattr(stream, "name", None)
    opener = _Opener(Path(name).name if isinstance(name, str) else "a stream", to)
    if isinstance(stream, BufferedIOBase) and stream.seekable():
        return opener.opened(partial(_from, stream, stream.tell()))
    return opener.copied(stream)


@frozen
class _Opener:
    name: str
    to: str | None
    suffix: str = ""

    def copied(self, stream: IO[Any]) -> Source:
        """The people of a stream that can be read once, by way of a file that goes with the source."""
        copy = TemporaryFile()  # noqa: SIM115
        try:
            text = False
            while piece := stream.read(_PIECE):
                text = isinstance(piece, str)
                copy.write(piece.encode("utf-8", "surrogatepass") if text else piece)
            source = self.opened(partial(_from, copy, 0), "utf-8-sig" if text else None)
        except BaseException:
            copy.close()
            raise
        weakref.finalize(source, copy.close)
        return source

    def opened(self, file: File, known: str | None = None) -> Source:
        """The people of a file, whose encoding may be *known*."""
        with file() as beginning:
            if self.suffix == ".parquet" or beginning.read(4) == b"PAR1":
                return parquet(self.name, file, self.to)
        found = encoding(_pieces(file))
        text = partial(_text, file, known or found)
        if self.suffix in (".jsonl", ".ndjson"):
            return json_lines(self.name, text, self.to)
        return table(self.name, text, self.to)


def _pieces(file: File) -> Iterator[bytes]:
    with file() as opened:
        while piece := opened.read(_PIECE):
            yield piece


@contextmanager
def _at(path: Path) -> Generator[IO[bytes], None, None]:
    try:
        file = path.open("rb")
    except IsADirectoryError:
        raise IsADirectoryError(f"{path} is a directory: give a CSV file.") from None
    except FileNotFoundError:
        raise FileNotFoundError(f"There is no file {path}.") from None
    except OSError as error:
        raise OSError(f"The file {path} cannot be read: {error.strerror}.") from None
    with file:
        yield file


@contextmanager
def _from(file: IO[bytes], start: int) -> Generator[IO[bytes], None, None]:
    file.seek(start)
    yield file


@contextmanager
def _text(file: File, name: str) -> Generator[TextIO, None, None]:
    with file() as opened:
        text = TextIOWrapper(opened, name, BROKEN, newline="")
        try:
            yield text
        finally:
            # Otherwise it would close somebody else's stream with itself.
            text.detach()
