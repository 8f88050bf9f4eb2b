"""Rows of people as they were written, whatever they were written in, and what keeps a row from being used."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from itertools import count, repeat
from typing import Final, NamedTuple, Protocol

__all__ = ["BLOCK", "NO_TEXT", "AsyncSource", "Row", "Source", "fault", "rows"]

BLOCK: Final = 2_000
"""The most rows that are held at once."""
NO_TEXT: Final = "a value that is no text"
"""What is wrong with a row that has a list, say, where a text must be."""

_CONTROLS: Final = bytes([*range(0x09), *range(0x0E, 0x20), 0x7F])


class Row(NamedTuple):
    """Someone, as written."""

    row: int
    """The row's place, counted from 1; in a table with a header that is row 1, as a spreadsheet shows it."""
    number: str
    """As written, without white space around it."""
    values: tuple[str, ...]
    """The cells of the columns that were asked for, in that order; empty ones are ""."""
    wrong: str = ""
    """Why the row cannot be used whatever its number is, in a few plain words, or nothing."""

    def __repr__(self) -> str:
        return f"Row(row={self.row}, wrong={self.wrong!r})"


class Source(Protocol):
    """Where people are read from."""

    @property
    def name(self) -> str:
        """A file's name, or what else it is."""
        ...

    @property
    def columns(self) -> tuple[str, ...]:
        """The names that a text may use."""
        ...

    def blocks(self, wanted: Sequence[str]) -> Iterator[list[Row]]:
        """Gives every row in order, up to 2,000 at a time, with the values of the wanted columns.

        Raises ValueError for a column that there is not, and where the rest cannot be read.
        """
        ...


class AsyncSource(Protocol):
    """The same, where people come asynchronously."""

    @property
    def name(self) -> str:
        """What it is."""
        ...

    @property
    def columns(self) -> tuple[str, ...]:
        """The names that a text may use."""
        ...

    def blocks(self, wanted: Sequence[str]) -> AsyncIterator[list[Row]]:
        """Gives every row in order, up to 2,000 at a time, with the values of the wanted columns."""
        ...


def rows(first: int, numbers: Sequence[str], columns: Sequence[Sequence[str]], wrong: dict[int, str]) -> list[Row]:
    """Gives the rows with these numbers and these columns of values, as many in each; the first of them is row *first*.

    *wrong* has reasons by position, from 0. Cells are stripped, and one with a character that no text holds makes its row
    wrong.
    """
    stripped = [list(map(str.strip, cells)) for cells in (numbers, *columns)]
    for cells in stripped:
        # One look at all cells together takes a twentieth of the time of a look at each.
        if fault("".join(cells)):
            for at, cell in enumerate(cells):
                if found := fault(cell):
                    wrong.setdefault(at, found)
    numbers, *columns = stripped
    values = zip(*columns, strict=True) if columns else repeat(())
    reasons = [wrong.get(at, "") for at in range(len(numbers))] if wrong else repeat("")
    return list(map(Row._make, zip(count(first), numbers, values, reasons, strict=False)))


def fault(text: str) -> str:
    """Gives what makes this no text, or nothing; tabs, line breaks and form feeds are well."""
    try:
        encoded = text.encode()
    except UnicodeEncodeError:
        return "a broken character"
    return "a control character" if len(encoded.translate(None, _CONTROLS)) < len(encoded) else ""
