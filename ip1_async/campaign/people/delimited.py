"""People in a table of delimited text, as spreadsheets export it."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from io import StringIO
from itertools import islice
from operator import itemgetter
from typing import TYPE_CHECKING, Final, TextIO

from attrs import field, frozen

from ip1_async.campaign.people.columns import check_header, no_number_column, number_column, places
from ip1_async.campaign.people.encoding import NOT_TEXT, Text
from ip1_async.campaign.people.rows import BLOCK, Block, fault, rows

if TYPE_CHECKING:
    from _csv import Reader as Records

Place = Callable[[list[str]], str]
"""Gives one certain cell of a record."""

__all__ = ["Table", "table"]

_DELIMITERS: Final = ",;\t|"
_LONGEST: Final = 65_536
"""Characters within which the header must end."""
_SLICE: Final = 250
"""Records that are held as lists of cells; more of them keep the garbage collector busy, a third of all the time."""
_word = re.compile(r"\w").search


@frozen(kw_only=True)
class Table:
    """A file of delimited text; it can be read more than once."""

    name: str
    columns: tuple[str, ...]
    _text: Text = field(alias="text", repr=False)
    _delimiter: str = field(alias="delimiter", repr=False)
    _header: Sequence[str] = field(alias="header", repr=False)
    _above: int = field(alias="above", repr=False)
    """Blank rows above the header."""
    _at: int = field(alias="at", repr=False)
    """Which column holds the numbers."""

    def blocks(self, wanted: Sequence[str]) -> Iterator[Block]:
        """Gives every row below the header, up to 2,000 at a time, with the values of the wanted columns.

        Raises ValueError for a column that there is not, and, naming the line, where a quotation mark is not closed.
        """
        return self._blocks([self._at, *places(self._header, wanted)])

    def _blocks(self, columns: Sequence[int]) -> Iterator[Block]:
        places = [itemgetter(at) for at in columns]
        with self._text() as text:
            records = _records(text, self._delimiter)
            row = self._above + 2
            try:
                next(islice(records, self._above, None))
                while True:
                    (numbers, *values), wrong = self._block(records, places)
                    if not numbers:
                        return
                    yield rows(row, numbers, values, wrong)
                    row += len(numbers)
            except csv.Error:
                raise self._unclosed() from None

    def _block(self, records: Records, places: Sequence[Place]) -> tuple[list[list[str]], dict[int, str]]:
        """The next rows, as one list of cells for each place, and what is wrong with some of them."""
        columns: list[list[str]] = [[] for _ in places]
        wrong: dict[int, str] = {}
        while len(columns[0]) < BLOCK and (some := list(islice(records, _SLICE))):
            if set(map(len, some)) != {len(self._header)} or not all(map(str.strip, map(places[0], some))):
                wrong.update(self._squared(some, len(columns[0])))
            for column, place in zip(columns, places, strict=True):
                column += map(place, some)
        return columns, wrong

    def _squared(self, records: Sequence[list[str]], first: int) -> Iterator[tuple[int, str]]:
        """Gives each as many cells as there are columns; yields what is wrong, by position counted from *first*."""
        width = len(self._header)
        for at, cells in enumerate(records, first):
            if not any(map(str.strip, cells)):
                yield at, "blank row"
            # A delimiter too many moves what is behind it into the wrong columns.
            elif any(map(str.strip, cells[width:])):
                yield at, "more cells than columns"
            elif len(cells) <= self._at:
                yield at, "no cell for the number"
            cells[width:] = [""] * (width - len(cells))

    def _unclosed(self) -> ValueError:
        line = 1
        with self._text() as text, suppress(csv.Error):
            records = _records(text, self._delimiter)
            for _ in records:
                line = records.line_num + 1
        return _unreadable(line)


def table(name: str, text: Text, to: str | None) -> Table:
    """Gives the table in a file, of the delimiter that suits its first row best; *to* names the column of the numbers.

    Raises ValueError when the first row does not name the columns, or none of them is that of the numbers.
    """
    with text() as file:
        beginning = file.read(_LONGEST)
    if not _word(beginning):
        raise ValueError("The file is empty: its first row must name the columns, and people must follow.")
    if len(beginning) == _LONGEST and len(beginning.splitlines()) == 1:
        raise ValueError(f"The first row must name the columns, but it has more than {_LONGEST} characters.")

    def fitness(delimiter: str) -> tuple[bool, int]:
        try:
            _, header = _first(beginning, delimiter)
        except ValueError:
            return False, 0
        return number_column(header, to) is not None, len(header)

    delimiter = max(_DELIMITERS, key=fitness)
    above, header = _first(beginning, delimiter)
    if fault("".join(header)):
        raise ValueError(NOT_TEXT)
    check_header(header)
    at = number_column(header, to)
    if at is None:
        raise no_number_column(header, to)
    columns = tuple(filter(None, header))
    return Table(name=name, columns=columns, text=text, delimiter=delimiter, header=header, above=above, at=at)


def _first(beginning: str, delimiter: str) -> tuple[int, list[str]]:
    """How many rows there are above the first that is not blank, and its cells."""
    records = _records(StringIO(beginning, newline=""), delimiter)
    line = 1
    try:
        for above, cells in enumerate(records):
            line = records.line_num + 1
            if any(map(_word, cells)):
                return above, [cell.strip() for cell in cells]
    except csv.Error:
        pass
    raise _unreadable(line)


def _records(text: TextIO, delimiter: str) -> Records:
    # Strict, because otherwise a quotation mark that is not closed swallows the rest of the file unnoticed.
    return csv.reader(text, delimiter=delimiter, strict=True)


def _unreadable(line: int) -> ValueError:
    return ValueError(f"The file cannot be read from line {line} on: is a quotation mark not closed?")
