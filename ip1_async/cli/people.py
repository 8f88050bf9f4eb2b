"""People from a CSV file: who can be texted, and why the others cannot."""

from __future__ import annotations

import csv
import os
import re
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import suppress
from io import StringIO
from pathlib import Path
from textwrap import shorten
from typing import IO, Final

from attrs import field, frozen

from ip1_async.cli.numbers import WrongNumber, to_msisdn

__all__ = ["Dropped", "People", "Person", "read_people"]

NUMBER_COLUMNS: Final = ("phone", "phonenumber", "mobile", "msisdn", "number", "telefon", "mobil")
"""The columns that are taken for the number, in any case, when none is named."""

_DELIMITERS: Final = ",;\t|"


@frozen
class Person:
    """Someone who can be texted."""

    msisdn: str = field(repr=False)
    """Digits only, country code first."""
    values: Mapping[str, str] = field(repr=False)
    """The row's cells by column; an empty cell is left out, so that the default of a template applies."""
    row: int
    """The row's place in the file; the header is row 1, and blank rows count, as a spreadsheet shows it."""


@frozen
class Dropped:
    """A row that is not texted."""

    row: int
    reason: str
    """A few plain words without the number."""


@frozen
class People:
    """Every row of the file that is not blank, either kept or dropped, in the file's order."""

    kept: tuple[Person, ...] = field(repr=lambda kept: str(len(kept)))
    dropped: tuple[Dropped, ...] = field(repr=lambda dropped: str(len(dropped)))
    columns: tuple[str, ...] = ()
    """The names that a template may use; a column whose cells are all empty is among them."""

    @property
    def reasons(self) -> dict[str, int]:
        """How many rows were dropped for which reason, most frequent first; all duplicates count as one reason."""
        counts = Counter(dropped.reason.partition(" of row ")[0] for dropped in self.dropped)
        return dict(counts.most_common())


def read_people(
    source: str | os.PathLike[str] | IO[str] | IO[bytes], *, to: str | None = None, region: str = "SE"
) -> People:
    """Gives everyone of a CSV file: numbers as MSISDNs, and of several rows with one number the first.

    *source* is a path or an open stream, in UTF-8, in UTF-16 with a byte order mark, or in Latin-1 as Windows writes
    it; the first row names the columns, separated by commas, semicolons, tabs or bars. *to* names the column of the
    numbers, by default the first there is of phone, phonenumber, mobile, msisdn, number, telefon and mobil. Numbers
    without a country code are numbers of *region*. A number must exist in its country's numbering plan.

    Raises ValueError when this is not such a table, OSError when there is no such file, ImportError when
    phonenumberslite is not installed; each message is a sentence for the user.
    """
    header, rows = _table(_read(source), to)
    _check_names(header)
    at = _number_column(header, to)
    if at is None:
        raise ValueError(_no_column(header, to))
    kept: dict[str, Person] = {}
    dropped: list[Dropped] = []
    for row, cells in rows:
        fate = _decide(row, cells, header, at, region)
        if isinstance(fate, Person) and fate.msisdn in kept:
            fate = Dropped(row, f"duplicate of row {kept[fate.msisdn].row}")
        if isinstance(fate, Person):
            kept[fate.msisdn] = fate
        else:
            dropped.append(fate)
    return People(tuple(kept.values()), tuple(dropped), tuple(filter(None, header)))


def _decide(row: int, cells: list[str], header: list[str], at: int, region: str) -> Person | Dropped:
    # A delimiter too many moves what is behind it into the wrong columns.
    if any(cells[len(header) :]):
        return Dropped(row, "more cells than columns")
    try:
        msisdn = to_msisdn(cells[at] if at < len(cells) else "", region=region)
    except WrongNumber as wrong:
        return Dropped(row, str(wrong))
    values = {name: cell for name, cell in zip(header, cells, strict=False) if name and cell}
    return Person(msisdn, values, row)


def _table(text: str, to: str | None) -> tuple[list[str], Iterator[tuple[int, list[str]]]]:
    """The header, and the rows below it, of the delimiter that suits the header best."""

    def fitness(delimiter: str) -> tuple[bool, int]:
        try:
            _, header = next(_rows(text, delimiter))
        except ValueError:
            return False, 0
        return _number_column(header, to) is not None, len(header)

    if not re.search(r"\w", text):
        raise ValueError("The file is empty: its first row must name the columns, and people must follow.")
    rows = _rows(text, max(_DELIMITERS, key=fitness))
    _, header = next(rows)
    return header, rows


def _rows(text: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """The rows that are not blank, each with its place in the file."""
    # Strict, because otherwise a quotation mark that is not closed swallows the rest of the file unnoticed.
    rows = csv.reader(StringIO(text, newline=""), delimiter=delimiter, strict=True)
    line = 1
    try:
        for row, cells in enumerate(rows, start=1):
            line = rows.line_num + 1
            stripped = [cell.strip() for cell in cells]
            if any(stripped):
                yield row, stripped
    except csv.Error:
        raise ValueError(f"The file cannot be read from line {line} on: is a quotation mark not closed?") from None


def _number_column(header: list[str], to: str | None) -> int | None:
    if to in header:
        return header.index(to)
    names = [_folded(name) for name in header]
    wanted = NUMBER_COLUMNS if to is None else (_folded(to),)
    return next((names.index(name) for name in wanted if name in names), None)


def _folded(name: str) -> str:
    return re.sub(r"[\W_]", "", name).casefold()


def _check_names(header: list[str]) -> None:
    # Such a cell must not be quoted in a message, and every row would lack its column.
    if any(re.search(r"\d\W?\d\W?\d\W?\d\W?\d", name) for name in header):
        raise ValueError(
            "The first row must name the columns, but it holds a number like those of the people below it."
        )
    for name, times in Counter(filter(None, header)).items():
        if times > 1:
            raise ValueError(f"{times} columns are called {name!r}: rename them, so that each has a name of its own.")


def _no_column(header: list[str], to: str | None) -> str:
    columns = shorten(", ".join(filter(None, header)), 300, placeholder=" ...")
    if to is None:
        return f"No column is called {NUMBER_COLUMNS[0]}: say which of these holds the phone numbers: {columns}."
    return f"There is no column {to!r}: the columns are {columns}."


def _read(source: str | os.PathLike[str] | IO[str] | IO[bytes]) -> str:
    content = _content(Path(source)) if isinstance(source, (str, os.PathLike)) else source.read()
    text = content if isinstance(content, str) else _decoded(content)
    if text is None or re.search(r"[\x00-\x08\x0e-\x1f\x7f]", text):
        raise ValueError("The file is not text: if it is a spreadsheet, export it as CSV first.")
    return text.removeprefix("\ufeff")


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except IsADirectoryError:
        raise IsADirectoryError(f"{path} is a directory: give a CSV file.") from None
    except FileNotFoundError:
        raise FileNotFoundError(f"There is no file {path}.") from None
    except OSError as error:
        raise OSError(f"The file {path} cannot be read: {error.strerror}.") from None


def _decoded(content: bytes) -> str | None:
    encodings = ("utf-16",) if content.startswith((BOM_UTF16_LE, BOM_UTF16_BE)) else ("utf-8", "cp1252")
    for encoding in encodings:
        with suppress(UnicodeDecodeError):
            return content.decode(encoding)
    return None
