"""Rows of people as they were written, whatever they were written in, and what keeps a row from being used."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from itertools import count, repeat
from typing import Final, NamedTuple, Protocol

from attrs import field, frozen

__all__ = ["BLOCK", "NO_TEXT", "AsyncSource", "Block", "Row", "Source", "fault", "rows"]

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


@frozen
class Block:
    """Some rows that follow each other, column by column: so many small objects at once keep the garbage collector busy."""

    first: int
    """The place of the first of them."""
    numbers: list[str] = field(repr=False)
    """As written, without white space around them."""
    columns: Sequence[list[str]] = field(repr=False)
    """The cells of the columns that were asked for, in that order."""
    wrong: dict[int, str]
    """Why some of the rows cannot be used, by position in this block, from 0."""

    def __len__(self) -> int:
        return len(self.numbers)

    def __iter__(self) -> Iterator[Row]:
        wrong = map(self.wrong.get, range(len(self.numbers)), repeat("")) if self.wrong else repeat("")
        return map(Row._make, zip(count(self.first), self.numbers, self.values(), wrong, strict=False))

    def values(self) -> Iterator[tuple[str, ...]]:
        """The cells of each row, for ever where no columns were asked for."""
        return zip(*self.columns, strict=True) if self.columns else repeat(())


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

    def blocks(self, wanted: Sequence[str]) -> Iterator[Block]:
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

    def blocks(self, wanted: Sequence[str]) -> AsyncIterator[Block]:
        """Gives every row in order, up to 2,000 at a time, with the values of the wanted columns."""
        ...


def rows(first: int, numbers: Sequence[str], columns: Sequence[Sequence[str]], wrong: dict[int, str]) -> Block:
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
    return Block(first, stripped[0], stripped[1:], wrong)


def fault(text: str) -> str:
    """Gives what makes this no text, or nothing; tabs, line breaks and form feeds are well."""
    try:
        encoded = text.encode()
    except UnicodeEncodeError:
        return "a broken character"
    return "a control character" if len(encoded.translate(None, _CONTROLS)) < len(encoded) else ""
